//! A sidecar in this process, with a clock that the test moves.

use crate::buyer::{NOW, Signed};
use crate::operators::Operators;
use crate::vendor::Vendor;
use rampart_protocol::{ProviderId, ServiceId, Timestamp, TrustedOperators};
use rampart_sidecar::{Config, Limits, ServiceConfig, Sidecar, SidecarError};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub struct Running {
    pub authority: String,
    pub public: SocketAddr,
    pub admin: SocketAddr,
    pub clock: Arc<AtomicU64>,
    http: reqwest::Client,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), SidecarError>>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Status and refusal code.
    pub fn refusal(&self) -> (u16, String) {
        let code = self
            .headers
            .get("rampart-refusal")
            .map_or("none", |code| code.to_str().unwrap());
        (self.status, code.to_owned())
    }

    pub fn used(&self) -> &str {
        self.headers["rampart-used"].to_str().unwrap()
    }
}

/// Everything that most tests need.
pub struct Setting {
    pub operators: Operators,
    pub vendor: Vendor,
    pub dir: TempDir,
    pub sidecar: Running,
}

impl Setting {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let (operators, vendor, dir) = (Operators::new(1), Vendor::default(), tempfile::tempdir().unwrap());
        let mut config = config(&operators, &vendor.start().await, dir.path());
        change(&mut config);
        Self {
            operators,
            vendor,
            dir,
            sidecar: Running::start(config).await,
        }
    }
}

/// Service 1 at `/`, service 2 at `/two`, both before the same vendor.
pub fn config(operators: &Operators, upstream: &str, dir: &Path) -> Config {
    let service = |id, prefix: &str| ServiceConfig {
        id: ServiceId(id),
        path_prefix: prefix.to_owned(),
        upstream: upstream.to_owned(),
    };
    Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        admin_listen: "127.0.0.1:0".parse().unwrap(),
        provider: ProviderId(1),
        authority: None,
        operators_file: None,
        operators: Some(TrustedOperators::new(2, operators.set.clone())),
        nodes: Vec::new(),
        state_dir: dir.to_owned(),
        services: vec![service(1, "/"), service(2, "/two")],
        fetch_confirmations: true,
        asset: None,
        clock_skew_seconds: 30,
        max_signature_lifetime_seconds: 300,
        offer_refresh_seconds: 1,
        retain_seconds: 1000,
        limits: Limits {
            max_body_bytes: 100_000,
            max_response_bytes: 4_000_000,
            shutdown_grace_ms: 1_000,
            ..Limits::default()
        },
    }
}

impl Running {
    pub async fn start(config: Config) -> Self {
        let clock = Arc::new(AtomicU64::new(NOW));
        let now = Arc::clone(&clock);
        let sidecar = Sidecar::bind(config, Arc::new(move || Timestamp(now.load(Ordering::SeqCst))))
            .await
            .unwrap();
        let (public, admin) = (sidecar.public_address(), sidecar.admin_address());
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(sidecar.serve(async {
            let _ = stopped.await;
        }));
        Self {
            authority: public.to_string(),
            public,
            admin,
            clock,
            http: reqwest::Client::new(),
            stop,
            task,
        }
    }

    /// Ends it in order.
    pub async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
    }

    pub async fn send(&self, signed: &Signed) -> Answer {
        self.try_send(signed).await.unwrap()
    }

    pub async fn try_send(&self, signed: &Signed) -> reqwest::Result<Answer> {
        let url = format!("http://{}{}", self.public, signed.target);
        let mut request = self.http.request(signed.method.parse().unwrap(), url);
        for (name, value) in &signed.headers {
            request = request.header(name, value);
        }
        if !signed.body.is_empty() {
            request = request.body(signed.body.clone());
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer {
            status,
            headers,
            body: response.bytes().await?.to_vec(),
        })
    }

    pub async fn post(&self, path: &str, body: Vec<u8>) -> Answer {
        let unsigned = Signed {
            method: "POST".to_owned(),
            target: path.to_owned(),
            headers: Vec::new(),
            body,
        };
        self.send(&unsigned).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        let unsigned = Signed {
            method: "GET".to_owned(),
            target: path.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        self.send(&unsigned).await
    }

    pub async fn admin(&self, path: &str) -> (u16, Value) {
        let response = self
            .http
            .get(format!("http://{}{path}", self.admin))
            .send()
            .await
            .unwrap();
        let status = response.status().as_u16();
        (
            status,
            serde_json::from_slice(&response.bytes().await.unwrap()).unwrap(),
        )
    }

    /// What one series of the admin port's metrics says now; as a line of the text format has it, without the prefix.
    pub async fn metric(&self, series: &str) -> u64 {
        let url = format!("http://{}/metrics", self.admin);
        let text = self.http.get(url).send().await.unwrap().text().await.unwrap();
        assert!(text.ends_with("# EOF\n"), "{text}");
        let value = text.lines().find_map(|line| {
            let (name, value) = line.strip_prefix("rampart_sidecar_")?.split_once(' ')?;
            (name == series).then(|| value.parse().unwrap())
        });
        value.unwrap_or_else(|| panic!("no {series} in {text}"))
    }

    /// Writes bytes to the public port and reads until the sidecar closes or falls silent.
    pub async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.public).await.unwrap();
        // The sidecar may close before it has read all of it.
        let _ = stream.write_all(bytes).await;
        read_until_quiet(&mut stream).await
    }
}

/// Reads until the sidecar closes the connection, which it must.
pub async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
    assert!(closed.is_ok(), "the connection stayed open");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Reads until the sidecar closes the connection or says nothing for a while.
pub async fn read_until_quiet(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut buffer = vec![0; 65536];
    while let Ok(Ok(read @ 1..)) =
        tokio::time::timeout(Duration::from_millis(1_500), stream.read(&mut buffer)).await
    {
        answer.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}
