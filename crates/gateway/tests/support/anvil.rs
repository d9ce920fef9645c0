//! A real node, and reference vendors behind a sidecar.

use super::sidecar::{Behaviour, Sidecar};
use rampart_vendors::Bound;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// An anvil on a free port, killed when dropped.
pub struct Anvil {
    pub url: String,
    _child: Child,
}

/// A file of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Starts one.
pub async fn anvil() -> Anvil {
    let installed = "contracts/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil";
    let path = std::env::var_os("RAMPART_ANVIL").map_or_else(|| repository(installed), PathBuf::from);
    assert!(
        path.exists(),
        "this test needs anvil: set RAMPART_ANVIL, or run `npm ci --ignore-scripts` in contracts/ ({} is missing)",
        path.display()
    );
    let mut child = Command::new(path)
        .args(["--port", "0", "--prune-history"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = loop {
        let line = lines
            .next_line()
            .await
            .unwrap()
            .expect("anvil says where it listens");
        if let Some(address) = line.trim().strip_prefix("Listening on ") {
            break address.to_owned();
        }
    };
    // Keep reading, or anvil blocks on a full pipe.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Anvil {
        url: format!("http://{address}"),
        _child: child,
    }
}

/// A sidecar in front of a reference vendor.
pub async fn sidecar_before(bound: Bound) -> Sidecar {
    let url = format!("http://{}", bound.local_addr());
    tokio::spawn(bound.serve(std::future::pending()));
    Sidecar::start(Behaviour::Forward(url)).await
}
