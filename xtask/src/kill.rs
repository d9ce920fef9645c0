//! `cargo xtask kill`: operators as processes, killed without warning as often as one likes while consumers buy.
//!
//! The test is `crates/rampart/tests/kills.rs`; the ordinary test run kills a few times.

use crate::npm;
use crate::runner::Runner;
use crate::workspace::Workspace;
use anyhow::Result;

/// What `cargo xtask kill` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many times an operator is killed.
    #[arg(long, default_value_t = 100)]
    times: u64,
    /// Who is killed when, follows from this.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs it.
pub(crate) fn run(workspace: &Workspace, runner: &Runner, arguments: &Arguments) -> Result<()> {
    // The EVM node comes from there.
    npm::install(workspace, runner)?;
    let mut command = runner.cargo();
    command
        .args(["test", "--workspace", "--test", "kills", "--"])
        .args(["--ignored", "--nocapture", "--exact", "many_kills"])
        .env("RAMPART_KILL_TIMES", arguments.times.to_string())
        .env("RAMPART_KILL_SEED", arguments.seed.to_string());
    runner.run(&mut command)
}
