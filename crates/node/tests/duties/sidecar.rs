//! A provider's sidecar as far as a probe sees it: the offer of one service, as long as it is up.

use rampart_protocol::{Domain, ProviderId, ServiceId};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// A stub of a sidecar.
#[derive(Clone)]
pub struct Sidecar {
    pub address: SocketAddr,
    up: Arc<AtomicBool>,
    asked: Arc<AtomicU64>,
}

impl Sidecar {
    /// Starts one that sells a service.
    pub async fn start(domain: &Domain, provider: ProviderId, service: ServiceId) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sidecar = Self {
            address: listener.local_addr().unwrap(),
            up: Arc::new(AtomicBool::new(true)),
            asked: Arc::default(),
        };
        let extra = json!({ "provider": provider, "service": service, "settlement": domain.settlement });
        let network = format!("eip155:{}", domain.chain_id);
        let accepted = json!({ "scheme": "rampart-purchase", "network": network, "extra": extra });
        let offer = json!({ "x402Version": 2, "accepts": [accepted] }).to_string();
        let answer = format!(
            "HTTP/1.1 402 Payment Required\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{offer}",
            offer.len()
        );
        let shared = sidecar.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                shared.asked.fetch_add(1, Ordering::SeqCst);
                if !shared.up.load(Ordering::SeqCst) {
                    continue;
                }
                let answer = answer.clone();
                tokio::spawn(async move {
                    let _ = stream.read(&mut [0; 2048]).await;
                    let _ = stream.write_all(answer.as_bytes()).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        sidecar
    }

    /// Goes down, or comes up again.
    pub fn set_up(&self, up: bool) {
        self.up.store(up, Ordering::SeqCst);
    }

    /// How often it was asked.
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }
}
