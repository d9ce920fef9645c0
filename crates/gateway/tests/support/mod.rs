//! What the tests at real sockets share: a gateway, a sidecar that checks signatures by the profile, a node that
//! records what reaches it, and a wallet with purchases.
#![allow(clippy::unwrap_used, dead_code, reason = "each test file uses a part of it")]

pub mod anvil;
pub mod node;
pub mod sidecar;

use alloy::consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy::eips::eip2718::Encodable2718;
use alloy::hex;
use alloy::primitives::{Address, B256, TxKind, U256};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use rampart_gateway::wallet::Wallet;
use rampart_gateway::{Config, bind};
use rampart_protocol::{
    Amount, Confirmation, Header, ProviderId, PurchaseId, PurchaseRecord, ServiceId, Timestamp,
};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

/// anvil's chain id.
pub const CHAIN: u64 = 31337;

#[expect(clippy::disallowed_methods, reason = "a test's clock")]
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A purchase of `requests` requests of `service`, in the wallet, used through `sidecar`.
pub fn buy(wallet: &Path, service: u64, requests: u64, expires_at: u64, sidecar: &str) -> PurchaseRecord {
    let wallet = Wallet::new(wallet);
    let id = PurchaseId(B256::random_like(service, requests, expires_at));
    let access_key = wallet
        .create_key(*B256::random_like(requests, expires_at, service))
        .unwrap();
    let record = PurchaseRecord {
        id,
        consumer: Address::repeat_byte(1),
        provider: ProviderId(service),
        service: ServiceId(service),
        version: 1,
        fee: Amount::TOKEN,
        requests,
        access_key,
        purchased_at: Timestamp(1),
        expires_at: Timestamp(expires_at),
    };
    let header = Header {
        confirmations_root: record.leaf(),
        ..Default::default()
    };
    let confirmation = Confirmation {
        record,
        proof: Vec::new(),
        header,
        descendants: Vec::new(),
        finalization: vec![7; 100].into(),
    };
    wallet.save(&record, Some(&confirmation), sidecar).unwrap();
    record
}

/// A value that differs with its inputs.
trait RandomLike {
    fn random_like(a: u64, b: u64, c: u64) -> Self;
}

impl RandomLike for B256 {
    fn random_like(a: u64, b: u64, c: u64) -> Self {
        alloy::primitives::keccak256(format!("{a} {b} {c}"))
    }
}

/// A gateway that serves until it is dropped, with a directory for its state and its wallet.
pub struct TestGateway {
    pub url: String,
    pub directory: TempDir,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    served: Option<tokio::task::JoinHandle<()>>,
}

/// Keys of the configuration that a test sets, in TOML, before and after the services.
#[derive(Default)]
pub struct Settings<'a> {
    pub top: &'a str,
    pub policy: &'a str,
    pub limits: &'a str,
    /// In each service.
    pub service: &'a str,
}

impl TestGateway {
    /// A gateway in front of `node` that asks the services 1, 2, ... behind `sidecars`, each with 1000 requests.
    pub async fn start(node: &str, sidecars: &[&str], settings: Settings<'_>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for (index, sidecar) in sidecars.iter().enumerate() {
            let service = u64::try_from(index).unwrap() + 1;
            buy(
                &directory.path().join("wallet"),
                service,
                1000,
                now() + 3600,
                sidecar,
            );
        }
        Self::start_in(directory, node, sidecars.len(), settings).await
    }

    /// A gateway over an existing directory.
    pub async fn start_in(directory: TempDir, node: &str, services: usize, settings: Settings<'_>) -> Self {
        Self::start_in_front_of(directory, &format!("{node:?}"), services, settings).await
    }

    /// A gateway over an existing directory, with `upstream` in TOML.
    pub async fn start_in_front_of(
        directory: TempDir,
        upstream: &str,
        services: usize,
        settings: Settings<'_>,
    ) -> Self {
        let Settings {
            top,
            policy,
            limits,
            service: of_each,
        } = settings;
        let mut text = format!(
            "listen = \"127.0.0.1:0\"\nupstream = {upstream}\nstate = \"state\"\nwallet = \"wallet\"\n{top}\n\
             [policy]\n{policy}\n[limits]\n{limits}\n"
        );
        for service in 1..=services {
            text.push_str(&format!(
                "[[services]]\nname = \"service-{service}\"\nservice = {service}\n{of_each}\n"
            ));
        }
        let path = directory.path().join("gateway.toml");
        std::fs::write(&path, text).unwrap();
        let bound = bind(Config::read(&path).unwrap()).await.unwrap();
        let url = format!("http://{}", bound.local_addr());
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let served = tokio::spawn(bound.serve(async {
            let _ = stopped.await;
        }));
        Self {
            url,
            directory,
            stop: Some(stop),
            served: Some(served),
        }
    }

    /// Stops it cleanly and returns its directory.
    pub async fn stop(mut self) -> TempDir {
        drop(self.stop.take());
        self.served.take().unwrap().await.unwrap();
        self.directory
    }

    /// Posts a body and returns the status and the text of the answer.
    pub async fn post(&self, body: impl Into<reqwest::Body>) -> (u16, String) {
        let client = reqwest::Client::new();
        let request = client
            .post(&self.url)
            .header("content-type", "application/json")
            .body(body);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    pub async fn rpc(&self, call: Value) -> Value {
        let (status, text) = self.post(call.to_string()).await;
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    pub async fn send_raw(&self, raw: &str) -> Value {
        self.rpc(send_raw(1, raw)).await
    }
}

pub fn send_raw(id: u64, raw: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": "eth_sendRawTransaction", "params": [raw]})
}

/// anvil's first account.
pub fn holder() -> PrivateKeySigner {
    "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
        .parse()
        .unwrap()
}

/// A signed transaction in hex, and its hash.
pub fn signed(chain_id: u64, nonce: u64, to: TxKind, value: U256, data: Vec<u8>) -> (String, B256) {
    let transaction = TxEip1559 {
        chain_id,
        nonce,
        gas_limit: if data.is_empty() { 21_000 } else { 3_000_000 },
        max_fee_per_gas: 20_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        to,
        value,
        input: data.into(),
        ..Default::default()
    };
    let signature = holder().sign_hash_sync(&transaction.signature_hash()).unwrap();
    let envelope = TxEnvelope::from(transaction.into_signed(signature));
    (hex::encode_prefixed(envelope.encoded_2718()), *envelope.tx_hash())
}

/// An ordinary transfer.
pub fn transfer(nonce: u64) -> (String, B256) {
    signed(
        CHAIN,
        nonce,
        TxKind::Call(Address::repeat_byte(2)),
        U256::from(1),
        Vec::new(),
    )
}
