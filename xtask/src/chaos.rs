//! `cargo xtask chaos sidecar`: a sidecar as a process, killed without warning under load as often as one likes.
//!
//! The test is `crates/rampart/tests/sidecar_kills.rs`; the ordinary test run kills twenty times.

use crate::runner::Runner;
use anyhow::Result;

/// What `cargo xtask chaos` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Who is killed.
    name: Name,
    /// How many times; a few may hit nothing in flight, and show nothing.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(20..))]
    times: u64,
    /// When it is killed, and what the clients send, follows from this.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Name {
    /// A provider's sidecar; its meter is compared with what its consumers were answered.
    Sidecar,
}

/// Runs it. A violation fails it and is told.
pub(crate) fn run(runner: &Runner, arguments: &Arguments) -> Result<()> {
    let Name::Sidecar = arguments.name;
    let mut command = runner.cargo();
    command
        .args(["test", "--workspace", "--test", "sidecar_kills", "--"])
        .args(["--ignored", "--nocapture", "--exact", "many_kills"])
        .env("RAMPART_CHAOS_TIMES", arguments.times.to_string())
        .env("RAMPART_CHAOS_SEED", arguments.seed.to_string());
    runner.run(&mut command)
}
