//! `cargo xtask bench NAME`: figures for people on the terminal, and as JSON in `target/bench/NAME.json`.
//!
//! Decides which programs measure and puts their JSON together. What is measured, and beside which goal, is theirs.

mod json;
mod nginx;
mod tap;

use crate::runner::Runner;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::path::Path;

/// What `cargo xtask bench` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// What to measure.
    name: Name,
    /// Of `network`: purchases in the storage of an operator that is started anew, ten million unless told otherwise.
    #[arg(long)]
    history: Option<u64>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Name {
    /// Purchases a second, bytes of a purchase, a claim, an epoch's end, the state root of a block.
    Ledger,
    /// Confirmed purchases a second of four operators beside contract calls, latency, restart with 10^7 purchases, networks
    /// of up to 31 operators. Takes most of an hour.
    Network,
    /// Processor time of a request at the sidecar beside nginx as a plain proxy, and of checking others' receipts. Takes nginx from
    /// the PATH, or else from Debian's archive.
    Sidecar,
    /// Time that the gateway adds beyond the slowest vendor, processor time of a call passed through and of a transaction
    /// screened.
    Gateway,
}

/// One program, as cargo runs it. The selection is part of it: features of dependencies follow from it, and another one
/// than the tests' builds hundreds of crates anew.
struct Part {
    name: &'static str,
    cargo: &'static [&'static str],
}

/// The ledger has few dependencies, so they are built as in production. The node has hundreds; those that matter to it are
/// optimised in the development profile too, in which they are built already.
const LEDGER: &[Part] = &[
    Part {
        name: "ledger",
        cargo: &["bench", "--package", "rampart-ledger", "--bench", "ledger"],
    },
    Part {
        name: "state_root",
        cargo: &[
            "bench",
            "--workspace",
            "--profile",
            "dev",
            "--bench",
            "state_root",
        ],
    },
];

/// The first needs the whole program as in production; the second simulates, so processors do not count.
const NETWORK: &[Part] = &[
    Part {
        name: "network",
        cargo: &["bench", "--package", "rampart", "--bench", "network"],
    },
    Part {
        name: "scale",
        cargo: &["bench", "--workspace", "--profile", "dev", "--bench", "scale"],
    },
];

/// Processes in release profile, whose processor time is measured; nothing of the node is needed.
const SIDECAR: &[Part] = &[Part {
    name: "sidecar",
    cargo: &["bench", "--package", "rampart-sidecar", "--bench", "sidecar"],
}];

/// Alone, as in production.
const GATEWAY: &[Part] = &[Part {
    name: "gateway",
    cargo: &["bench", "--package", "rampart-gateway", "--bench", "gateway"],
}];

impl Name {
    const fn file(self) -> &'static str {
        match self {
            Self::Ledger => "ledger.json",
            Self::Network => "network.json",
            Self::Sidecar => "sidecar.json",
            Self::Gateway => "gateway.json",
        }
    }

    const fn parts(self) -> &'static [Part] {
        match self {
            Self::Ledger => LEDGER,
            Self::Network => NETWORK,
            Self::Sidecar => SIDECAR,
            Self::Gateway => GATEWAY,
        }
    }
}

/// Runs the programs of a benchmark one after the other and writes what they measured.
pub(crate) fn run(workspace: &Workspace, runner: &Runner, arguments: &Arguments) -> Result<()> {
    let of_network = matches!(arguments.name, Name::Network);
    anyhow::ensure!(
        of_network || arguments.history.is_none(),
        "--history belongs to `network`"
    );
    if of_network {
        // The EVM node comes from there.
        crate::npm::install(workspace, runner)?;
    }
    let folder = workspace.target.join("bench");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut options = Vec::new();
    if let Some(purchases) = arguments.history {
        options.extend(["--history".to_owned(), purchases.to_string()]);
    }
    if matches!(arguments.name, Name::Sidecar) {
        let nginx = nginx::find(workspace, runner)?;
        options.extend(["--nginx".to_owned(), nginx.display().to_string()]);
    }
    let mut figures = Vec::new();
    for part in arguments.name.parts() {
        figures.push(measure(&folder, runner, part, &options)?);
    }
    if matches!(arguments.name, Name::Sidecar) {
        figures.push(tap::measure(workspace, runner)?);
    }
    let together = json::merged(&figures).context("a benchmark wrote something else than a JSON object")?;
    let file = folder.join(arguments.name.file());
    std::fs::write(&file, &together).with_context(|| format!("cannot write {}", file.display()))?;
    println!("{together}");
    println!("  {}", file.display());
    Ok(())
}

fn measure(folder: &Path, runner: &Runner, part: &Part, options: &[String]) -> Result<String> {
    let file = folder.join(format!("{}.part.json", part.name));
    let mut command = runner.cargo();
    command
        .args(part.cargo)
        .args(["--", "--json"])
        .arg(&file)
        .args(options);
    runner.run(&mut command)?;
    let figures = std::fs::read_to_string(&file)
        .with_context(|| format!("{} wrote no figures to {}", part.name, file.display()))?;
    std::fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
    Ok(figures)
}
