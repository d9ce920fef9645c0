//! What the gateway costs: time that it adds to the slowest vendor awaited, and processor time of a call that passes through and of
//! a transaction that is screened. For `cargo xtask bench gateway`.
//!
//! The gateway runs as a process of its own, whose processor time the system counts. Node, vendors' sidecars (which verify
//! every signature) and client share this one. Latencies are of one request at a time over one connection; the goal is an
//! added median below half a millisecond.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a measurement that fails has nothing to tell"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::node::Node;
use support::sidecar::{Behaviour, Sidecar};
use support::{buy, now, send_raw, transfer};

/// Transactions whose latency is taken, and calls that pass through.
const SCREENED: u64 = 2_000;
const PASSED: usize = 20_000;
/// Before anything is measured: connections, confirmations, reserved numbers.
const WARM_UP: u64 = 200;
/// Two vendors; the slower is the one awaited.
const VENDORS: [Duration; 2] = [Duration::from_millis(2), Duration::from_millis(5)];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |flag: &str| {
        let at = arguments.iter().position(|argument| argument == flag)?;
        arguments.get(at + 1).map(PathBuf::from)
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    if let Some(config) = after("--gateway") {
        runtime.block_on(serve(&config));
        return;
    }
    // `cargo test --all-targets` starts this program too, without the argument; there it has nothing to do.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    let figures = runtime.block_on(measure());
    println!("{figures:#}");
    if let Some(file) = after("--json") {
        std::fs::write(file, figures.to_string()).unwrap();
    }
}

/// The child: a gateway that tells its address and serves until its standard input ends.
async fn serve(config: &Path) {
    let bound = rampart_gateway::bind(rampart_gateway::Config::read(config).unwrap())
        .await
        .unwrap();
    println!("{}", bound.local_addr());
    std::io::stdout().flush().unwrap();
    let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()));
    bound.serve(async move { drop(ended.await) }).await;
}

struct Gateway {
    child: Child,
    address: String,
}

impl Gateway {
    fn start(config: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg("--gateway")
            .arg(config)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut address)
            .unwrap();
        Self {
            child,
            address: address.trim().to_owned(),
        }
    }

    /// Processor time of all its threads so far, nanoseconds.
    fn cpu_ns(&self) -> u64 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let times = tasks.map(|task| {
            let text = std::fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap();
            text.split(' ').next().unwrap().parse::<u64>().unwrap()
        });
        times.sum()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// One connection.
struct Client {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

impl Client {
    async fn connect(address: &str) -> Self {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self {
            sender,
            host: address.to_owned(),
        }
    }

    /// Sends a body and reads the whole answer; the time that took.
    async fn post(&mut self, body: Bytes) -> (Duration, Bytes) {
        let request = Request::post("/")
            .header("host", &self.host)
            .header("content-type", "application/json")
            .body(Full::new(body))
            .unwrap();
        // The last answer's end is read before the connection takes another request.
        self.sender.ready().await.unwrap();
        let began = Instant::now();
        let answer = self.sender.send_request(request).await.unwrap();
        let answer = answer.into_body().collect().await.unwrap().to_bytes();
        (began.elapsed(), answer)
    }
}

async fn measure() -> Value {
    let node = Node::start().await;
    let directory = tempfile::tempdir().unwrap();
    let mut text = format!(
        "listen = \"127.0.0.1:0\"\nupstream = \"{}\"\nstate = \"state\"\nwallet = \"wallet\"\nchain_id = 31337\n",
        node.url
    );
    let mut sidecars = Vec::new();
    for (service, delay) in (1..).zip(VENDORS) {
        let verdict = json!({"verdict": "allow", "score": 0, "reasons": [], "vendor": "v", "version": "1"});
        let sidecar = Sidecar::start(Behaviour::After(delay, verdict)).await;
        buy(
            &directory.path().join("wallet"),
            service,
            1 << 20,
            now() + 3600,
            &sidecar.url,
        );
        text.push_str(&format!(
            "[[services]]\nname = \"service-{service}\"\nservice = {service}\n"
        ));
        sidecars.push(sidecar);
    }
    let config = directory.path().join("gateway.toml");
    std::fs::write(&config, text).unwrap();
    let gateway = Gateway::start(&config);
    let mut through = Client::connect(&gateway.address).await;
    let mut direct = Client::connect(node.url.trim_start_matches("http://")).await;

    let transactions: Vec<Bytes> = (0..WARM_UP + SCREENED)
        .map(|nonce| send_raw(nonce, &transfer(nonce).0).to_string().into())
        .collect();
    let (warm_up, measured) = transactions.split_at(usize::try_from(WARM_UP).unwrap());
    for transaction in warm_up {
        screened(&mut through, &sidecars, transaction).await;
    }
    let before = gateway.cpu_ns();
    let mut added = Vec::with_capacity(measured.len());
    for transaction in measured {
        added.push(screened(&mut through, &sidecars, transaction).await);
    }
    let screen_cpu_ns = (gateway.cpu_ns() - before) / SCREENED;

    let read = Bytes::from_static(br#"{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[{"to":"0x0000000000000000000000000000000000000001"},"latest"]}"#);
    let mut alone = passed(&mut direct, &read, PASSED / 10).await;
    alone.clear();
    alone.extend(passed(&mut direct, &read, PASSED).await);
    passed(&mut through, &read, PASSED / 10).await;
    let before = gateway.cpu_ns();
    let mut relayed = passed(&mut through, &read, PASSED).await;
    let passthrough_cpu_ns = (gateway.cpu_ns() - before) / u64::try_from(PASSED).unwrap();
    for times in [&mut added, &mut alone, &mut relayed] {
        times.sort_unstable();
    }
    json!({
        "added_p50_us": micros(quantile(&added, 50)),
        "added_p99_us": micros(quantile(&added, 99)),
        "passthrough_cpu_us": ns_as_us(passthrough_cpu_ns),
        "screen_cpu_us": ns_as_us(screen_cpu_ns),
        "passthrough_added_p50_us": micros(quantile(&relayed, 50)) - micros(quantile(&alone, 50)),
        "passthrough_added_p99_us": micros(quantile(&relayed, 99)) - micros(quantile(&alone, 99)),
        "direct_p50_us": micros(quantile(&alone, 50)),
    })
}

/// Sends a transaction through the gateway; what it took beyond the slowest vendor.
async fn screened(client: &mut Client, sidecars: &[Sidecar], transaction: &Bytes) -> Duration {
    let (took, answer) = client.post(transaction.clone()).await;
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(answer["result"], "eth_sendRawTransaction", "{answer}");
    let slowest = sidecars.iter().map(Sidecar::last_took).max().unwrap();
    took.saturating_sub(slowest)
}

async fn passed(client: &mut Client, body: &Bytes, count: usize) -> Vec<Duration> {
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        times.push(client.post(body.clone()).await.0);
    }
    times
}

fn quantile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

/// With one decimal.
fn micros(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e7).round() / 10.0
}

fn ns_as_us(ns: u64) -> f64 {
    micros(Duration::from_nanos(ns))
}
