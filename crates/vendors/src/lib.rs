//! rampart-vendors
