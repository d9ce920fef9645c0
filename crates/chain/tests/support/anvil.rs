//! A real EVM node for one test: started on a free port, killed when dropped.

use alloy::providers::{Provider, ProviderBuilder};
use alloy::signers::local::PrivateKeySigner;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// The first keys of anvil's well-known mnemonic, "test test … junk", which it funds with coins.
const KEYS: [&str; 5] = [
    "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    "7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
    "47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a",
];

/// A funded account.
pub fn funded(index: usize) -> PrivateKeySigner {
    KEYS[index].parse().unwrap()
}

/// A running node.
pub struct Anvil {
    child: Child,
    /// Its RPC endpoint.
    pub url: String,
}

fn binary() -> PathBuf {
    let path = std::env::var_os("RAMPART_ANVIL").map_or_else(
        || {
            PathBuf::from(env!("CARGO_MANIFEST_DIR"))
                .join("../../contracts/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil")
        },
        PathBuf::from,
    );
    assert!(
        path.is_file(),
        "there is no anvil at {}: run `npm ci --ignore-scripts` in contracts/, or set RAMPART_ANVIL",
        path.display()
    );
    path
}

impl Anvil {
    /// Starts a node that mines a block for each transaction, and calls a block final when two more are on top.
    pub fn start(chain_id: u64) -> Self {
        Self::start_with(chain_id, &[])
    }

    /// The same with more options.
    pub fn start_with(chain_id: u64, more: &[&str]) -> Self {
        let mut child = Command::new(binary())
            .args([
                "--host",
                "127.0.0.1",
                "--port",
                "0",
                "--chain-id",
                &chain_id.to_string(),
            ])
            .args([
                "--slots-in-an-epoch",
                "1",
                "--prune-history",
                "64",
                "--accounts",
                "5",
            ])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut address = None;
        let mut lines = lines.map_while(Result::ok);
        for line in &mut lines {
            if let Some(found) = line.strip_prefix("Listening on ") {
                address = Some(found.trim().to_owned());
                break;
            }
        }
        // The pipe must be read on, or the node blocks when it is full.
        std::thread::spawn(move || lines.for_each(drop));
        let address = address.expect("anvil ended before it listened");
        Self {
            child,
            url: format!("http://{address}"),
        }
    }

    /// Mines blocks.
    pub async fn mine(&self, blocks: u64) {
        let url = self.url.parse().unwrap();
        let provider = ProviderBuilder::new().connect_http(url);
        let _: serde_json::Value = provider
            .raw_request("anvil_mine".into(), [format!("{blocks:#x}")])
            .await
            .unwrap();
    }

    /// Lets chain time pass, and mines a block in it.
    #[allow(dead_code, reason = "not every test that uses a node moves its clock")]
    pub async fn pass(&self, seconds: u64) {
        let provider = ProviderBuilder::new().connect_http(self.url.parse().unwrap());
        let _: serde_json::Value = provider
            .raw_request("evm_increaseTime".into(), [seconds])
            .await
            .unwrap();
        self.mine(1).await;
    }

    /// Whether a block is mined for each transaction, or only when asked.
    #[allow(dead_code, reason = "as above")]
    pub async fn set_automine(&self, each: bool) {
        let provider = ProviderBuilder::new().connect_http(self.url.parse().unwrap());
        let _: serde_json::Value = provider
            .raw_request("evm_setAutomine".into(), [each])
            .await
            .unwrap();
    }

    /// Replaces the last blocks with empty ones.
    #[allow(dead_code, reason = "as above")]
    pub async fn reorganise(&self, depth: u64) {
        let provider = ProviderBuilder::new().connect_http(self.url.parse().unwrap());
        let params = serde_json::json!([depth, []]);
        let _: serde_json::Value = provider.raw_request("anvil_reorg".into(), params).await.unwrap();
    }

    /// Waits until so many transactions wait for a block.
    #[allow(dead_code, reason = "as above")]
    pub async fn waiting(&self, transactions: u64) {
        let provider = ProviderBuilder::new().connect_http(self.url.parse().unwrap());
        let waiting = format!("{transactions:#x}");
        loop {
            let status: serde_json::Value = provider.raw_request("txpool_status".into(), ()).await.unwrap();
            if status["pending"] == waiting.as_str() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// Ends the node now.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        self.kill();
    }
}
