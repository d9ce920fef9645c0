//! Figures of the ledger on one core: purchases a second, bytes a purchase, a claim, an epoch's end.
//!
//! Run by `cargo xtask bench ledger`; alone, by `cargo bench -p rampart-ledger`, with `-- --json FILE` for the figures as
//! JSON and `-- --up-to N` for less than 10,000,000 purchases. Signatures are not part of it: transactions are verified
//! before the ledger sees them, and what one costs is printed beside.
//!
//! It asks the C library for memory in large pages, as operators of databases do: with small ones, a state of a gigabyte
//! is measured by how fast the processor finds its pages. Set `GLIBC_TUNABLES` to something else to see that.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a program that measures: clocks, ratios, and a state in a hash map; nothing in it is agreed on"
)]

mod claim;
mod epoch;
mod market;
mod purchases;
mod report;
mod state;

use purchases::Purchases;
use report::Goal;
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::process::Command;

/// Live purchases in the state, and their name in the JSON.
const SIZES: [(&str, u64); 4] = [
    ("1e4", 10_000),
    ("1e5", 100_000),
    ("1e6", 1_000_000),
    ("1e7", 10_000_000),
];

/// What glibc reads when a program starts, and what it says: allocate in transparent large pages.
const TUNABLES: (&str, &str) = ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1");

/// Runs this program again with [`TUNABLES`], and ends as that does.
fn start_with_large_pages() -> ! {
    let mut again = Command::new(std::env::current_exe().unwrap());
    let status = again
        .args(std::env::args_os().skip(1))
        .env(TUNABLES.0, TUNABLES.1)
        .status();
    std::process::exit(status.unwrap().code().unwrap_or(1))
}

struct Arguments {
    json: Option<PathBuf>,
    up_to: u64,
}

fn main() {
    // `cargo test --all-targets` starts this program too, without the argument; there it has nothing to do.
    if !std::env::args().any(|word| word == "--bench") {
        return;
    }
    if std::env::var_os(TUNABLES.0).is_none() {
        start_with_large_pages();
    }
    let arguments = arguments();
    let measured: Vec<(&str, Purchases)> = SIZES
        .into_iter()
        .filter(|(_, live)| *live <= arguments.up_to)
        .map(|(name, live)| (name, purchases::measure(live)))
        .collect();
    let claim = claim::measure();
    let epoch_close_ms = epoch::measure();
    report_purchases(&measured);
    report::line(
        "claim of a provider with 1,000,000 purchases",
        claim.large_us,
        "us",
        Goal::None,
    );
    report::line(
        "  the same with 10,000 purchases",
        claim.small_us,
        "us",
        Goal::None,
    );
    report::line(
        "  ratio, since both fill the same buckets",
        claim.large_us / claim.small_us,
        "",
        Goal::AtMost(1.5),
    );
    report::line(
        "end of an epoch: 10,000 providers, 100,000 investors, 100 operators",
        epoch_close_ms,
        "ms",
        Goal::AtMost(50.0),
    );
    let rates: Map<String, Value> = measured
        .iter()
        .map(|(name, figures)| ((*name).to_owned(), json!(figures.per_second.round())))
        .collect();
    let bytes = measured.last().map(|(_, figures)| figures.bytes);
    let figures = json!({
        "purchases_per_second": rates,
        "bytes_per_purchase": bytes,
        "claim_us": claim.large_us,
        "epoch_close_ms": epoch_close_ms,
    });
    if let Some(path) = arguments.json {
        std::fs::write(path, figures.to_string()).unwrap();
    }
}

fn arguments() -> Arguments {
    let words: Vec<String> = std::env::args().collect();
    let after = |name: &str| {
        let at = words.iter().position(|word| word == name)?;
        Some(
            words
                .get(at + 1)
                .unwrap_or_else(|| panic!("{name} needs a value")),
        )
    };
    Arguments {
        json: after("--json").map(PathBuf::from),
        up_to: after("--up-to").map_or(u64::MAX, |n| n.parse().unwrap()),
    }
}

fn report_purchases(measured: &[(&str, Purchases)]) {
    report::title();
    for (name, figures) in measured {
        report::line(
            &format!("purchases with {name} live"),
            figures.per_second,
            "/s",
            Goal::AtLeast(500_000.0),
        );
        report::line(
            "  bare insertions of as many bytes",
            figures.bare_per_second,
            "/s",
            Goal::None,
        );
    }
    let rate = |name| {
        measured
            .iter()
            .find(|(of, _)| *of == name)
            .map(|(_, figures)| figures.per_second)
    };
    if let (Some(few), Some(many)) = (rate("1e4"), rate("1e7")) {
        report::line(
            "time of a purchase, 1e7 live to 1e4",
            few / many,
            "",
            Goal::AtMost(1.5),
        );
    }
    if let Some((_, figures)) = measured.last() {
        report::line(
            "a live purchase: record and key",
            figures.bytes,
            "bytes",
            Goal::AtMost(200.0),
        );
        report::line(
            "  its part of pairs of consumer and provider",
            figures.pair_bytes,
            "bytes",
            Goal::None,
        );
        report::line(
            "preparing one: digest and access key",
            figures.prepare_us,
            "us",
            Goal::None,
        );
    }
    report::line(
        "recovering one signature (secp256k1)",
        purchases::recovery_us(),
        "us",
        Goal::None,
    );
}
