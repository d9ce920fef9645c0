//! rampart-sidecar
