//! rampart-ledger
