//! Figures of a network of four operators, as processes of the real program on one machine, beside what the same purchases cost
//! as contract calls.
//!
//! Run by `cargo xtask bench network`; alone, by `cargo bench -p rampart --bench network`, with `-- --json FILE` for the figures as
//! JSON, `-- --purchases N` for another number of purchases a phase, and `-- --history N` for another history than ten million
//! purchases of an operator that is restarted. The buyers run on the same machine and take their
//! share of its processors, as they do in the phase of the contract.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    missing_docs,
    reason = "a program that measures: clocks and ratios; nothing in it is agreed on"
)]

mod buyers;
mod contract;
mod history;
mod load;
#[path = "../../../chain/tests/support/anvil.rs"]
#[allow(dead_code, reason = "tests use the rest")]
mod node;
#[path = "../../tests/support/operators.rs"]
#[allow(dead_code, reason = "tests use the rest")]
mod operators;
#[path = "../../../ledger/benches/ledger/report.rs"]
#[allow(dead_code, reason = "the ledger's benchmark uses the rest")]
mod report;

use buyers::Buyers;
use load::Outcome;
use operators::{OPERATORS, Setup, World, tokens};
use report::Goal;
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;
use tikv_jemallocator::Jemalloc;

/// The buyers' share of the processors is to be theirs by what they do, as the operators' is.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Purchases of a phase.
const PURCHASES: usize = 100_000;
/// How long purchases come at half of the peak.
const STEADY: Duration = Duration::from_secs(15);

/// Purchases in the storage of an operator that is restarted.
const HISTORY: usize = 10_000_000;

struct Arguments {
    json: Option<PathBuf>,
    purchases: usize,
    history: usize,
}

fn arguments() -> Arguments {
    let mut arguments = Arguments {
        json: None,
        purchases: PURCHASES,
        history: HISTORY,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--json" => arguments.json = words.next().map(PathBuf::from),
            "--purchases" => arguments.purchases = words.next().and_then(|n| n.parse().ok()).unwrap(),
            "--history" => arguments.history = words.next().and_then(|n| n.parse().ok()).unwrap(),
            _ => {}
        }
    }
    arguments
}

fn main() {
    // `cargo test --all-targets` starts this program too, without the argument; there it has nothing to do.
    if !std::env::args().any(|word| word == "--bench") {
        return;
    }
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(measure(&arguments()));
}

async fn measure(arguments: &Arguments) {
    let setup = Setup {
        network: json!({ "checkpointInterval": 100, "epochBlocks": 3_600 }),
        settings: &[],
        operators: OPERATORS,
        supply: tokens(1_000_000_000_000),
    };
    println!("starting an EVM node and {OPERATORS} operators");
    let world = World::new(&setup).await;
    let mut buyers = Buyers::new(&world).await;

    println!("delegated keys, as much as the network takes");
    let orders = buyers.delegated(arguments.purchases);
    let delegated = load::peak(&world, orders).await;
    delegated.tell("delegated keys");
    println!("wallets, as much as the network takes");
    let orders = buyers.wallets(arguments.purchases / 2);
    let wallets = load::peak(&world, orders).await;
    wallets.tell("wallets");
    println!("delegated keys, at half of that");
    let rate = delegated.per_second() / 2.0;
    let orders = buyers.delegated((rate * STEADY.as_secs_f64()) as usize);
    let steady = load::at_rate(&world, orders, rate).await;
    steady.tell("half of the peak");
    drop(world);

    println!("the same as contract calls");
    let contract = contract::measure(arguments.purchases / 5).await;
    println!("an operator with {} purchases in storage", arguments.history);
    let history = history::measure(arguments.history).await;
    tell(&delegated, &wallets, &steady, contract);
    tell_history(&history);
    let figures = json!({
        "confirmed_per_second": delegated.per_second().round(),
        "p50_ms": steady.percentile(0.5).round(),
        "p99_ms": steady.percentile(0.99).round(),
        "wallet_confirmed_per_second": wallets.per_second().round(),
        "contract_per_second": contract.round(),
        "ratio": two(delegated.per_second() / contract),
        "wallet_ratio": two(wallets.per_second() / contract),
        "cpu_us_per_purchase_per_operator": two(delegated.cpu_us),
        "wallet_cpu_us_per_purchase_per_operator": two(wallets.cpu_us),
        "history": history.purchases,
        "restart_s": history.restart_s,
        "restart_to_confirmed_s": history.buying_s,
        "restart_memory_mb": history.memory_mb.round(),
        "disk_bytes_per_purchase": history.bytes_per_purchase.round(),
        "throughput_long_to_short": two(history.long_per_second / history.short_per_second),
    });
    if let Some(file) = &arguments.json {
        std::fs::write(file, figures.to_string()).unwrap();
    }
}

fn two(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}

fn tell(delegated: &Outcome, wallets: &Outcome, steady: &Outcome, contract: f64) {
    report::title();
    let line = report::line;
    line("contract calls on one EVM node", contract, "/s", Goal::None);
    line(
        "confirmed purchases with delegated keys",
        delegated.per_second(),
        "/s",
        Goal::AtLeast((contract * 10.0).round()),
    );
    line(
        "confirmed purchases with wallets",
        wallets.per_second(),
        "/s",
        Goal::AtLeast((contract * 5.0).round()),
    );
    for (what, outcome) in [("delegated keys", delegated), ("wallets", wallets)] {
        let what = format!("processor time of an operator for a purchase, {what}");
        line(&what, outcome.cpu_us, "us", Goal::None);
    }
    line(
        "from submission to a verified confirmation at half of the peak, p50",
        steady.percentile(0.5),
        "ms",
        Goal::AtMost(500.0),
    );
    line("the same, p99", steady.percentile(0.99), "ms", Goal::None);
    line(
        "the same at the peak, p50",
        delegated.percentile(0.5),
        "ms",
        Goal::None,
    );
    line(
        "resident memory of an operator",
        steady.memory_mb,
        "MB",
        Goal::None,
    );
}

fn tell_history(history: &history::Figures) {
    let line = report::line;
    let with = format!("with {} purchases in storage", history.purchases);
    line(
        &format!("start to serving, {with}"),
        history.restart_s,
        "s",
        Goal::AtMost(10.0),
    );
    line("start to a confirmed purchase", history.buying_s, "s", Goal::None);
    line("resident memory then", history.memory_mb, "MB", Goal::None);
    line(
        "on the disk for a purchase",
        history.bytes_per_purchase,
        "B",
        Goal::None,
    );
    line(
        "one operator, confirmed purchases with 10,000 in storage",
        history.short_per_second,
        "/s",
        Goal::None,
    );
    line(
        &format!("the same, {with}"),
        history.long_per_second,
        "/s",
        Goal::AtLeast((history.short_per_second * 0.7).round()),
    );
}
