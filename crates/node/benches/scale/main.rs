//! Networks of 4, 7, 16 and 31 operators on simulated links of 50 ms: how long a purchase takes, and what it costs to send.
//!
//! Run by `cargo xtask bench network`; `-- --json FILE` writes the figures. The engine, ledger and storage are the operator's
//! own; time, links and disks are simulated, so processors cost nothing here and the figures repeat exactly. Purchases are
//! known to all operators at once, as when their mempools have converged; passing them on is not counted.
#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a program that measures"
)]

mod counted;
mod network;
#[path = "../../../ledger/benches/ledger/report.rs"]
#[allow(dead_code, reason = "the ledger's benchmark uses the rest")]
mod report;

use network::{Figures, Scaled};
use report::Goal;
use serde_json::json;

/// Operators of a network, each 3f + 1.
const SIZES: [usize; 4] = [4, 7, 16, 31];
/// Purchases a second, and in all.
const RATE: u64 = 500;
const PURCHASES: usize = 5_000;

fn main() {
    if !std::env::args().any(|word| word == "--bench") {
        return;
    }
    let mut words = std::env::args();
    let file = words.find(|word| word == "--json").and_then(|_| words.next());
    let measured: Vec<(usize, Figures)> = SIZES
        .into_iter()
        .map(|operators| (operators, Scaled::new(operators, PURCHASES, RATE).run()))
        .collect();
    report::title();
    for (operators, figures) in &measured {
        let line = |what: &str, value, unit| {
            report::line(&format!("{operators} operators: {what}"), value, unit, Goal::None);
        };
        line("submission to final, p50", figures.p50_ms, "ms");
        line("the same, p99", figures.p99_ms, "ms");
        line("sent by an operator for a purchase", figures.bytes, "B");
    }
    let Some(file) = file else {
        return;
    };
    let simulated = measured.iter().map(|(operators, figures)| {
        let figures = json!({
            "p50_ms": figures.p50_ms.round(),
            "p99_ms": figures.p99_ms.round(),
            "bytes_per_purchase_per_operator": figures.bytes.round(),
        });
        (operators.to_string(), figures)
    });
    let simulated: serde_json::Map<_, _> = simulated.collect();
    std::fs::write(file, json!({ "simulated_50ms": simulated }).to_string()).unwrap();
}
