//! What a request costs in processor time at the sidecar, beside nginx as a plain proxy, and what others' receipts cost to check.
//!
//! Run by `cargo xtask bench sidecar`; alone, by `cargo bench -p rampart-sidecar --bench sidecar -- --nginx PROGRAM`, with
//! `--json FILE` for the figures as JSON, `--requests N` for another number of requests a round and `--only KEY` for one server. Every server is a
//! process of its own, before the same upstream (nginx, answering a fixed verdict), with the same bodies from as many
//! connections; the processor time of a request is that of the server's process, all its threads, divided by the requests. Blocks
//! of requests by MAC are opened within what is measured. The rounds of the servers alternate, and the median round
//! counts: the machine is shared.
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

mod checks;
mod load;
mod nginx;
#[path = "../../tests/it/operators.rs"]
#[allow(dead_code, reason = "tests use the rest")]
mod operators;
#[path = "../../../ledger/benches/ledger/report.rs"]
#[allow(dead_code, reason = "the ledger's benchmark uses the rest")]
mod report;
mod server;
mod signing;

use load::Outcome;
use report::Goal;
use serde_json::{Value, json};
use server::{Mode, Server};
use signing::Purchases;
use std::path::PathBuf;

/// Requests of a round.
const REQUESTS: usize = 40_000;
/// Rounds of each server.
const ROUNDS: usize = 3;
/// Connections at once.
const CONNECTIONS: usize = 32;
/// Requests a second when latency is measured: below what the slowest server takes.
const STEADY_RATE: f64 = 1_500.0;
/// Purchases that all requests are of, when they are few and when they are many.
const FEW: usize = 4;
const MANY: usize = 4_000;

struct Arguments {
    nginx: PathBuf,
    json: Option<PathBuf>,
    requests: usize,
    /// Only the case with this key, to be looked at by other tools; no table.
    only: Option<String>,
}

fn arguments() -> Arguments {
    let mut arguments = Arguments {
        nginx: PathBuf::from("nginx"),
        json: None,
        requests: REQUESTS,
        only: None,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--nginx" => arguments.nginx = words.next().map(PathBuf::from).unwrap(),
            "--json" => arguments.json = words.next().map(PathBuf::from),
            "--requests" => arguments.requests = words.next().and_then(|n| n.parse().ok()).unwrap(),
            "--only" => arguments.only = words.next(),
            _ => {}
        }
    }
    arguments
}

/// What is measured, in the order of the table.
#[derive(Clone, Copy)]
enum Case {
    Nginx,
    Plain,
    Single,
    Few,
    Many,
    Mac,
}

const CASES: [Case; 6] = [
    Case::Nginx,
    Case::Plain,
    Case::Single,
    Case::Few,
    Case::Many,
    Case::Mac,
];

impl Case {
    const fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx, plain proxy",
            Self::Plain => "sidecar without verification and metering",
            Self::Single => "ed25519, one by one, few purchases",
            Self::Few => "ed25519, adaptive, few purchases",
            Self::Many => "ed25519, adaptive, many purchases",
            Self::Mac => "hmac-sha256 under blocks, few purchases",
        }
    }

    const fn key(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Plain => "plain",
            Self::Single => "ed25519_single",
            Self::Few => "ed25519_few",
            Self::Many => "ed25519_many",
            Self::Mac => "hmac",
        }
    }

    const fn mode(self) -> Option<Mode> {
        match self {
            Self::Nginx => None,
            Self::Plain => Some(Mode::Unmetered),
            Self::Single => Some(Mode::Singly),
            Self::Few | Self::Many | Self::Mac => Some(Mode::Whole),
        }
    }

    /// Of nginx's processor time.
    const fn goal(self) -> Goal {
        match self {
            Self::Few => Goal::AtMost(1.6),
            Self::Many => Goal::AtMost(1.9),
            Self::Mac => Goal::AtMost(1.1),
            Self::Nginx | Self::Plain | Self::Single => Goal::None,
        }
    }
}

/// What one round of a case showed.
struct Round {
    cpu_us: f64,
    per_second: f64,
    steady: Outcome,
}

fn main() {
    let mut words = std::env::args().skip(1);
    if let (Some(first), Some(config)) = (words.next(), words.next())
        && let Some(mode) = first.strip_prefix("--serve=").and_then(Mode::named)
    {
        return server::serve(mode, &config);
    }
    // `cargo test --all-targets` starts this program too, without the argument; there it has nothing to do.
    if std::env::args().any(|word| word == "--bench") {
        measure(&arguments());
    }
}

fn measure(arguments: &Arguments) {
    let folder = tempfile::Builder::new()
        .prefix("bench-sidecar-")
        .tempdir_in(std::env::current_exe().unwrap().parent().unwrap())
        .unwrap();
    let (_vendor, vendor) = nginx::vendor(&arguments.nginx, folder.path());
    let vendor = vendor.to_string();
    let mut rounds: Vec<Vec<Round>> = CASES.iter().map(|_| Vec::new()).collect();
    for number in 0..ROUNDS {
        for (case, rounds) in CASES.iter().zip(&mut rounds) {
            if arguments.only.as_deref().is_some_and(|only| only != case.key()) {
                continue;
            }
            let place = folder.path().join(format!("{}-{number}", case.key()));
            std::fs::create_dir(&place).unwrap();
            let round = run(*case, arguments, &vendor, &place);
            println!(
                "round {}: {:<45}{:>8.1} us{:>8.0}/s   p50 {:.2} ms, p99 {:.2} ms at {STEADY_RATE}/s",
                number + 1,
                case.name(),
                round.cpu_us,
                round.per_second,
                round.steady.percentile(0.5),
                round.steady.percentile(0.99),
            );
            rounds.push(round);
        }
    }
    if arguments.only.is_none() {
        tell(&rounds, arguments.json.as_deref());
    }
}

/// One server, from its start to its end.
fn run(case: Case, arguments: &Arguments, vendor: &str, place: &std::path::Path) -> Round {
    let steady = (STEADY_RATE * 4.0) as usize;
    let total = arguments.requests + steady;
    let mut purchases = Purchases::new(if matches!(case, Case::Many) { MANY } else { FEW }, total);
    let server = match case.mode() {
        None => Server::nginx(&arguments.nginx, place, vendor),
        Some(mode) => Server::sidecar(mode, place, vendor, purchases.operators()),
    };
    let address = server.address();
    if !matches!(case, Case::Nginx | Case::Plain) {
        load::closed(address, purchases.confirmations(address), CONNECTIONS, 201);
    }
    // Connections of the pools, caches, the first page faults.
    let warm = purchases.unsigned(address, 2_000);
    if matches!(case, Case::Nginx | Case::Plain) {
        load::closed(address, warm, CONNECTIONS, 200);
    }
    let cpu = server.cpu();
    let requests = match case {
        Case::Nginx | Case::Plain => purchases.unsigned(address, total),
        Case::Single | Case::Few | Case::Many => purchases.signed(address, total),
        Case::Mac => purchases.by_mac(address, total),
    };
    let (peak, rest) = requests.split_at(arguments.requests);
    let outcome = load::closed(address, peak.to_vec(), CONNECTIONS, 200);
    let cpu_us = (server.cpu() - cpu) * 1e6 / outcome.answers() as f64;
    let steady = load::open(address, rest.to_vec(), CONNECTIONS, STEADY_RATE);
    Round {
        cpu_us,
        per_second: outcome.per_second(),
        steady,
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn tell(rounds: &[Vec<Round>], file: Option<&std::path::Path>) {
    let of =
        |case: Case, figure: fn(&Round) -> f64| median(rounds[case as usize].iter().map(figure).collect());
    let nginx = of(Case::Nginx, |round| round.cpu_us);
    let mut figures = serde_json::Map::new();
    let tenth = |value: f64| json!((value * 10.0).round() / 10.0);
    println!("processor time of a request, and its ratio to nginx's");
    report::title();
    for case in CASES {
        let cpu = of(case, |round| round.cpu_us);
        report::line(case.name(), cpu, "us", Goal::None);
        report::line("  of nginx's", cpu / nginx, "", case.goal());
        figures.insert(format!("{}_cpu_us", case.key()), tenth(cpu));
        for (name, value) in [
            ("per_second", of(case, |round| round.per_second)),
            ("p50_ms", of(case, |round| round.steady.percentile(0.5))),
            ("p99_ms", of(case, |round| round.steady.percentile(0.99))),
        ] {
            figures.insert(
                format!("{}_{name}", case.key()),
                json!((value * 100.0).round() / 100.0),
            );
        }
    }
    let checks = checks::measure();
    report::line(
        "x402's exact scheme on EVM, verified (EIP-3009 by EIP-712)",
        checks.x402_us,
        "us",
        Goal::None,
    );
    report::line(
        "our ed25519, verified one by one",
        checks.ed25519_us,
        "us",
        Goal::None,
    );
    figures.insert("x402_verify_us".to_owned(), tenth(checks.x402_us));
    figures.insert("ed25519_verify_us".to_owned(), tenth(checks.ed25519_us));
    if let Some(file) = file {
        std::fs::write(file, Value::Object(figures).to_string()).unwrap();
    }
}
