//! A real node, and reference vendors behind a sidecar.

#[path = "../../../chain/tests/support/anvil.rs"]
mod process;

use super::CHAIN;
use super::sidecar::{Behaviour, Sidecar};
pub use process::Anvil;
use rampart_vendors::Bound;
use std::path::{Path, PathBuf};

/// A file of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Starts one.
pub fn anvil() -> Anvil {
    Anvil::start(CHAIN)
}

/// A sidecar in front of a reference vendor.
pub async fn sidecar_before(bound: Bound) -> Sidecar {
    let url = format!("http://{}", bound.local_addr());
    tokio::spawn(bound.serve(std::future::pending()));
    Sidecar::start(Behaviour::Forward(url)).await
}
