//! What the tests at real sockets share: vendors on free ports, an HTTP client, and a real anvil.
#![allow(clippy::unwrap_used, dead_code, reason = "each test file uses a part of it")]

use rampart_vendors::Bound;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A vendor that serves until it is dropped.
pub struct Vendor {
    pub url: String,
    _stop: tokio::sync::oneshot::Sender<()>,
}

pub fn serve(bound: Bound) -> Vendor {
    let url = format!("http://{}", bound.local_addr());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    tokio::spawn(bound.serve(async {
        let _ = stopped.await;
    }));
    Vendor { url, _stop: stop }
}

impl Vendor {
    pub async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> (u16, Value) {
        let request = reqwest::Client::new()
            .post(format!("{}{path}", self.url))
            .body(body);
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap())
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        let response = reqwest::get(format!("{}{path}", self.url)).await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// Screens a transaction of the members of `transaction` on anvil's chain.
    pub async fn screen(&self, transaction: Value) -> Value {
        let body = json!({"chainId": "0x7a69", "transaction": transaction}).to_string();
        let (status, verdict) = self.post("/v1/screen", body).await;
        assert_eq!(status, 200, "{verdict}");
        verdict
    }
}

pub fn codes(verdict: &Value) -> Vec<&str> {
    verdict["reasons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reason| reason["code"].as_str().unwrap())
        .collect()
}

pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// An anvil on a free port, killed when dropped.
pub struct Anvil {
    pub url: String,
    _child: Child,
}

impl Anvil {
    pub async fn start() -> Self {
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
        Self {
            url: format!("http://{address}"),
            _child: child,
        }
    }
}
