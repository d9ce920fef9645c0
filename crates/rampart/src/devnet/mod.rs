//! `rampart devnet`: a whole Rampart on one machine. Two EVM nodes, contracts, four operators, two vendors with their
//! sidecars, a gateway with bought packages; all separate processes on 127.0.0.1.
//!
//! This file decides the order of things. What a directory contains is in [`layout`], how processes live and die in
//! [`children`], the L1 in [`restaking`], what is bought and sold in [`market`], the scenario in [`demo`].

mod children;
mod demo;
mod layout;
mod leftovers;
mod market;
mod network;
mod restaking;
mod summary;

use crate::output;
use anyhow::{Context, anyhow};
use children::Children;
use layout::Layout;
use market::Market;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use summary::Summary;
use tokio::signal::unix::{SignalKind, signal};

/// Operators of the network; the least that survives one that fails.
const OPERATORS: usize = 4;

#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Run the demonstration against it and end: exit code 0 only if every step holds.
    #[arg(long)]
    demo: bool,
    /// First of the 32 ports used, all on 127.0.0.1.
    #[arg(long, default_value_t = 18_500)]
    base_port: u16,
    /// Directory of everything: keys, configurations, state, logs, devnet.json. Emptied at the start.
    #[arg(long, default_value = "target/devnet")]
    dir: PathBuf,
    /// The anvil binary.
    #[arg(long, env = "RAMPART_ANVIL", default_value = "anvil")]
    anvil: PathBuf,
    /// The bytecode of EigenLayer's core, as `cargo xtask core` writes it.
    #[arg(
        long,
        env = "RAMPART_EIGENLAYER_CORE",
        default_value = "target/eigenlayer-core.json"
    )]
    eigenlayer_core: PathBuf,
    /// `config.json` of the npm package eth-phishing-detect.
    #[arg(long, env = "RAMPART_PHISHING_LIST")]
    phishing_list: PathBuf,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let stop = stop_signal()?;
    tokio::pin!(stop);
    let layout = Layout::new(&args.dir, args.base_port)?;
    let mut children = Children::new(&layout).await?;
    let work = async {
        let started = Instant::now();
        let network = network::start(&args, &layout, &mut children).await?;
        let market = Market::open(&args, &layout, &network, &mut children).await?;
        let summary = Summary::new(&layout, &network, &market, &children);
        summary.write(&layout)?;
        if !args.demo {
            output::line(&summary.table(started.elapsed()))?;
            return children
                .watch(|children| Summary::new(&layout, &network, &market, children).write(&layout))
                .await;
        }
        demo::run(&layout, &network, &market, &mut children).await
    };
    let result = tokio::select! {
        result = work => result,
        () = &mut stop => {
            output::remark("\nstopping");
            if args.demo {
                Err(anyhow!("the demonstration was stopped before its end"))
            } else {
                Ok(())
            }
        }
    };
    children.stop(Duration::from_secs(10)).await;
    result
}

/// Resolves on SIGINT, SIGTERM or SIGHUP.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ];
    let mut signals = kinds
        .into_iter()
        .map(signal)
        .collect::<Result<Vec<_>, _>>()
        .context("no signals")?;
    Ok(async move {
        let waiting = signals.iter_mut().map(|signal| Box::pin(signal.recv()));
        futures::future::select_all(waiting).await;
    })
}

/// Says what is being done.
fn progress(text: &str) {
    output::remark(&format!("  {text}"));
}
