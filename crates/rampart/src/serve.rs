//! The long-running services of providers and consumers: sidecar, gateway, vendors; and what every service does: it logs, and
//! runs until SIGINT or SIGTERM.

use crate::output;
use crate::telemetry::{TraceArgs, Traces};
use alloy::primitives::B256;
use anyhow::Context;
use clap::Subcommand;
use rampart_gateway::decisions::{self, Decision, Wanted};
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

#[derive(Debug, Subcommand)]
pub enum ServiceCommand {
    /// Run it.
    Run {
        /// Its configuration (TOML).
        #[arg(long)]
        config: PathBuf,
        #[command(flatten)]
        traces: TraceArgs,
    },
}

#[derive(Debug, Subcommand)]
pub enum GatewayCommand {
    /// Run it.
    Run {
        /// Its configuration (TOML).
        #[arg(long)]
        config: PathBuf,
        #[command(flatten)]
        traces: TraceArgs,
    },
    /// Check a configuration without running it, and print its rules as they are understood.
    Check {
        /// The configuration (TOML).
        #[arg(long)]
        config: PathBuf,
        /// A raw transaction in 0x-hex: which rule would apply to it?
        #[arg(long)]
        transaction: Option<String>,
        /// The JSON-RPC method that would send it.
        #[arg(long, default_value = "eth_sendRawTransaction", requires = "transaction")]
        method: String,
    },
    /// Look up what a gateway decided, the oldest first; it may run meanwhile.
    Decisions {
        /// The gateway's configuration (TOML).
        #[arg(long)]
        config: PathBuf,
        /// Only the decision with this id.
        id: Option<String>,
        /// Only those made at this time or later (unix seconds).
        #[arg(long)]
        since: Option<u64>,
        /// Only those on the transaction with this hash.
        #[arg(long)]
        hash: Option<B256>,
        /// Only what was refused, or would have been but for a dry run.
        #[arg(long)]
        blocked: bool,
        /// Print one JSON object a line, with the vendors' verdicts.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum VendorCommand {
    /// Phishing domains and malicious addresses, from lists.
    Threat {
        /// Configuration (TOML); or give --listen.
        #[arg(long, conflicts_with = "listen")]
        config: Option<PathBuf>,
        /// Where to listen.
        #[arg(long, default_value = "127.0.0.1:9001")]
        listen: SocketAddr,
        /// `config.json` of the npm package eth-phishing-detect.
        #[arg(long)]
        phishing_list: Option<PathBuf>,
    },
    /// What a transaction would do, from an Ethereum node.
    Simulation {
        /// Configuration (TOML); or give --listen and --eth-node.
        #[arg(long, conflicts_with = "listen")]
        config: Option<PathBuf>,
        /// Where to listen.
        #[arg(long, default_value = "127.0.0.1:9002")]
        listen: SocketAddr,
        /// JSON-RPC of the Ethereum node that simulates.
        #[arg(long, default_value = "http://127.0.0.1:8545")]
        eth_node: String,
    },
}

/// Logs go to standard error, as text on a terminal and as JSON elsewhere; RUST_LOG selects. Traces go where they are exported
/// to, if they are; the log has none of their spans.
pub fn log(traces: Option<&Traces>) {
    let selected =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,commonware=warn"));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        // The failure would be told on standard error, with a macro that panics: a service outlives the reader of its log.
        .log_internal_errors(false);
    let lines = if std::io::stderr().is_terminal() {
        lines.boxed()
    } else {
        lines.json().boxed()
    };
    let registry = tracing_subscriber::registry()
        .with(lines.with_filter(selected))
        .with(traces.map(Traces::layer));
    // A second call, or a subscriber set by someone else, changes nothing.
    let _ = registry.try_init();
}

/// Resolves on SIGINT or SIGTERM.
pub async fn shutdown() {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        tracing::error!("signals cannot be received; end the process with SIGKILL");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    tracing::info!("stopping");
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

pub async fn sidecar(command: ServiceCommand) -> anyhow::Result<()> {
    let ServiceCommand::Run { config, traces } = command;
    let traces = traces.start("rampart-sidecar")?;
    log(traces.as_ref());
    let config = rampart_sidecar::Config::from_toml(&read(&config)?)?;
    Ok(rampart_sidecar::run(config, shutdown()).await?)
}

pub async fn gateway(command: GatewayCommand) -> anyhow::Result<()> {
    match command {
        GatewayCommand::Run { config, traces } => {
            let traces = traces.start("rampart-gateway")?;
            log(traces.as_ref());
            run_gateway(&config).await
        }
        GatewayCommand::Check {
            config: path,
            transaction,
            method,
        } => {
            let config = rampart_gateway::Config::read(&path)?;
            output::line(&format!("{} is valid", path.display()))?;
            match transaction {
                Some(raw) => output::line(&config.rule_for(&method, &raw)?.to_string())?,
                None => output::line(&config.all_rules()?.to_string())?,
            }
            Ok(())
        }
        GatewayCommand::Decisions {
            config,
            id,
            since,
            hash,
            blocked,
            json,
        } => {
            let wanted = Wanted {
                id,
                since,
                hash,
                blocked,
            };
            decisions(&rampart_gateway::Config::read(&config)?, &wanted, json)
        }
    }
}

/// Prints kept decisions, one a line.
fn decisions(config: &rampart_gateway::Config, wanted: &Wanted, json: bool) -> anyhow::Result<()> {
    let mut printed = Ok(());
    let unreadable = decisions::find(&config.state, wanted, |decision| {
        if printed.is_ok() {
            printed = describe(&decision, json).and_then(|text| Ok(output::line(&text)?));
        }
    })?;
    if unreadable > 0 {
        output::remark(&format!("{unreadable} lines could not be read"));
    }
    printed
}

fn describe(decision: &Decision, json: bool) -> anyhow::Result<String> {
    if json {
        return Ok(serde_json::to_string(decision)?);
    }
    let called = match (decision.from, decision.to) {
        (None, _) => "of an unknown type".to_owned(),
        (Some(from), None) => format!("from {from} to a new contract"),
        (Some(from), Some(to)) => format!("from {from} to {to}"),
    };
    let value = decision
        .value
        .map(|value| format!(", {value} wei"))
        .unwrap_or_default();
    let part = decision
        .part
        .map(|part| format!(" ({} of {})", part.index + 1, part.of));
    Ok(format!(
        "{} {} {:?} by {:?}{}: {} {}{} {called}{value}",
        decision.at,
        decision.id,
        decision.outcome,
        decision.rule,
        decision
            .reason
            .as_ref()
            .map(|reason| format!(" ({reason})"))
            .unwrap_or_default(),
        decision.form,
        decision.hash,
        part.unwrap_or_default(),
    ))
}

/// Serves until SIGINT or SIGTERM; SIGHUP reads the rules again.
async fn run_gateway(path: &Path) -> anyhow::Result<()> {
    let mut hangups = signal(SignalKind::hangup())?;
    let bound = rampart_gateway::bind(rampart_gateway::Config::read(path)?).await?;
    tracing::info!(address = %bound.local_addr(), "gateway listens");
    let reloader = bound.reloader();
    let reloads = async {
        while hangups.recv().await.is_some() {
            reloader.reload(path);
        }
        std::future::pending().await
    };
    tokio::select! {
        () = bound.serve(shutdown()) => Ok(()),
        never = reloads => never,
    }
}

pub async fn vendor(command: VendorCommand) -> anyhow::Result<()> {
    log(None);
    match command {
        VendorCommand::Threat {
            config,
            listen,
            phishing_list,
        } => {
            let config = match config {
                Some(path) => toml::from_str(&read(&path)?).with_context(|| path.display().to_string())?,
                None => rampart_vendors::ThreatConfig {
                    phishing_list,
                    ..rampart_vendors::ThreatConfig::new(listen)
                },
            };
            Ok(rampart_vendors::run_threat(config, shutdown()).await?)
        }
        VendorCommand::Simulation {
            config,
            listen,
            eth_node,
        } => {
            let config = match config {
                Some(path) => toml::from_str(&read(&path)?).with_context(|| path.display().to_string())?,
                None => rampart_vendors::SimulationConfig::new(listen, eth_node),
            };
            Ok(rampart_vendors::run_simulation(config, shutdown()).await?)
        }
    }
}
