//! rampart-chain
