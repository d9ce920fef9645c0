//! A server that is measured: a process of its own, whose processor time can be read.

use crate::nginx;
use crate::operators::Operators;
use rampart_protocol::{ProviderId, ServiceId, TrustedOperators};
use rampart_sidecar::{Config, Limits, ServiceConfig, Sidecar, system_clock};
use serde_json::json;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// How the sidecar serves.
#[derive(Clone, Copy)]
pub enum Mode {
    /// Everybody, uncounted.
    Unmetered,
    /// Whoever signs, each signature by itself.
    Singly,
    /// As it does for real.
    Whole,
}

impl Mode {
    const NAMES: [(Self, &str); 3] = [
        (Self::Unmetered, "unmetered"),
        (Self::Singly, "singly"),
        (Self::Whole, "whole"),
    ];

    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES
            .into_iter()
            .find(|(_, own)| *own == name)
            .map(|(mode, _)| mode)
    }

    fn name(self) -> &'static str {
        Self::NAMES[self as usize].1
    }
}

/// Killed when dropped.
pub struct Process(pub Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running server.
pub struct Server {
    process: Process,
    address: SocketAddr,
}

impl Server {
    pub fn nginx(program: &Path, folder: &Path, vendor: &str) -> Self {
        let (process, address) = nginx::proxy(program, folder, vendor);
        Self { process, address }
    }

    pub fn sidecar(mode: Mode, folder: &Path, vendor: &str, operators: &Operators) -> Self {
        let file = folder.join("sidecar.json");
        let text = json!({ "vendor": vendor, "operators": TrustedOperators::new(2, operators.set.clone()) });
        std::fs::write(&file, text.to_string()).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg(format!("--serve={}", mode.name()))
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let process = Process(child);
        let address = line
            .trim()
            .parse()
            .unwrap_or_else(|_| panic!("the sidecar did not start: {line:?}"));
        Self { process, address }
    }

    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Processor time so far, of all threads, seconds.
    pub fn cpu(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.0.id())).unwrap();
        // Behind the name in brackets: state is the first, utime the 12th, stime the 13th.
        let (_, rest) = stat.rsplit_once(')').unwrap();
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
        ticks / 100.0
    }
}

/// A port that nobody has at the moment.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// The sidecar's process: says its address on the standard output and serves until it is killed.
pub fn serve(mode: Mode, file: &str) {
    let file = Path::new(file);
    let config: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        admin_listen: ([127, 0, 0, 1], 0).into(),
        provider: ProviderId(1),
        authority: None,
        operators_file: None,
        operators: Some(serde_json::from_value(config["operators"].clone()).unwrap()),
        nodes: Vec::new(),
        state_dir: file.with_extension("state"),
        services: vec![ServiceConfig {
            id: ServiceId(1),
            path_prefix: "/".to_owned(),
            upstream: format!("http://{}", config["vendor"].as_str().unwrap()),
        }],
        fetch_confirmations: false,
        asset: None,
        clock_skew_seconds: 30,
        max_signature_lifetime_seconds: 300,
        offer_refresh_seconds: 3600,
        retain_seconds: 3600,
        limits: Limits::default(),
    };
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(async {
            let sidecar = Sidecar::bind(config, system_clock()).await.unwrap();
            println!("{}", sidecar.public_address());
            match mode {
                Mode::Unmetered => sidecar.serve_unmetered(std::future::pending()).await,
                Mode::Singly => sidecar.verifying_singly().serve(std::future::pending()).await,
                Mode::Whole => sidecar.serve(std::future::pending()).await,
            }
            .unwrap();
        });
}
