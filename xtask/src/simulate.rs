//! `cargo xtask simulate`: as many networks of operators in seeded simulation as one likes, each under faults of its own, or one
//! of them with a log to read.
//!
//! The plans are the test target `simulation`'s; the ordinary test run makes the first two hundred.

use crate::runner::Runner;
use anyhow::{Context, Result};

/// What `cargo xtask simulate` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many plans to run, on all processors.
    #[arg(long, default_value_t = 10_000, conflicts_with = "seed")]
    seeds: u64,
    /// The seed of the first plan; each further one has the next.
    #[arg(long, default_value_t = 0, conflicts_with = "seed")]
    first: u64,
    /// Run the plan of this seed alone, and show what the operators log; RUST_LOG selects.
    #[arg(long)]
    seed: Option<u64>,
}

/// Runs the plans. A violation tells its seed.
pub(crate) fn run(runner: &Runner, arguments: &Arguments) -> Result<()> {
    let mut command = runner.cargo();
    // The whole workspace, so that dependencies are built as the ordinary tests have them.
    command
        .args(["test", "--workspace", "--test", "simulation", "--"])
        .args(["--ignored", "--nocapture", "--exact"]);
    match arguments.seed {
        Some(seed) => command
            .arg("plans::one_plan")
            .env("RAMPART_SIMULATE_SEED", seed.to_string()),
        None => command
            .arg("plans::many_plans")
            .env("RAMPART_SIMULATE_FIRST", arguments.first.to_string())
            .env("RAMPART_SIMULATE_SEEDS", arguments.seeds.to_string()),
    };
    runner
        .run(&mut command)
        .context("a plan did not hold: `cargo xtask simulate --seed SEED` tells how it went")
}
