//! `cargo xtask histories`: as many random histories of the ledger as one likes, each with every property checked.
//!
//! The histories are the test target `economy`'s; the ordinary test run makes one of them.

use crate::runner::Runner;
use anyhow::{Context, Result};

/// What `cargo xtask histories` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many transactions to try, in histories of ten thousand.
    #[arg(long, default_value_t = 1_000_000)]
    transactions: u64,
    /// The seed of the first history; each further one has the next.
    #[arg(long, default_value_t = 1_000)]
    seed: u64,
}

/// Runs the histories. The last seed that is printed before a failure repeats it.
pub(crate) fn run(runner: &Runner, arguments: &Arguments) -> Result<()> {
    let mut command = runner.cargo();
    command
        .args(["test", "-p", "rampart-ledger", "--test", "economy", "--"])
        .args(["--ignored", "--nocapture", "--exact"])
        .arg("histories::many_histories_hold_every_property")
        .env(
            "RAMPART_HISTORIES_TRANSACTIONS",
            arguments.transactions.to_string(),
        )
        .env("RAMPART_HISTORIES_SEED", arguments.seed.to_string());
    runner
        .run(&mut command)
        .context("the last seed above repeats it: `cargo xtask histories --transactions 10000 --seed SEED`")
}
