//! The repository's tasks: `cargo xtask devnet`, `cargo xtask test` and their smaller parts.
//!
//! Decides what is installed, built and run, in which order, and says what is missing when it cannot. What the
//! programs do is theirs: the devnet itself is `rampart devnet`. This program stays small, because it is the first
//! thing that a fresh clone builds.

mod architecture;
mod artifacts;
mod bench;
mod chaos;
mod deny;
mod devnet;
mod eigenlayer;
mod fuzz;
mod histories;
mod kill;
mod npm;
mod ports;
mod prerequisites;
mod runner;
mod simulate;
mod test;
mod workspace;

use crate::runner::{Interrupted, Runner};
use crate::workspace::Workspace;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// What a shell reports of a program that Ctrl-C ended.
const EXIT_INTERRUPTED: u8 = 130;

/// Repository tasks of Rampart. Rust, Node.js and npm are all that must be installed beforehand.
#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    disable_help_subcommand = true
)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build everything and run the local network: two chains, operators, vendors, sidecars and a gateway.
    Devnet(devnet::Arguments),
    /// Run every check: format, lints, tests of Rust and contracts, documentation, structure, end to end.
    Test(test::Arguments),
    /// Compile the contracts and rewrite contracts/artifacts, which the Rust build reads.
    Artifacts,
    /// Fetch the bytecode of EigenLayer's core, which the devnet and `cargo test` need, and print where it is.
    Core,
    /// Check licences, sources, duplicate versions and known vulnerabilities of the dependencies.
    Deny(deny::Arguments),
    /// Measure, print figures beside their goals, and write them to target/bench.
    Bench(bench::Arguments),
    /// Run random histories of the ledger, a million transactions unless told otherwise, with every property checked.
    Histories(histories::Arguments),
    /// Kill operators, as processes, a hundred times while consumers buy: nothing confirmed is lost, nobody forks.
    Kill(kill::Arguments),
    /// Kill a sidecar, as a process, a thousand times under load: nothing is served twice, nothing billed without proof.
    Chaos(chaos::Arguments),
    /// Run networks of operators in seeded simulation, each under faults of its own: ten thousand, or one to read.
    Simulate(simulate::Arguments),
    /// Run the fuzz targets under libFuzzer.
    Fuzz(fuzz::Arguments),
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Interrupted>() => {
            eprintln!("interrupted");
            ExitCode::from(EXIT_INTERRUPTED)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    let workspace = Workspace::locate()?;
    let runner = Runner::new(&workspace.root)?;
    match task {
        Task::Devnet(arguments) => devnet::run(&workspace, &runner, &arguments),
        Task::Test(arguments) => test::run(&workspace, &runner, &arguments),
        Task::Artifacts => artifacts::run(&workspace, &runner),
        Task::Core => eigenlayer::run(&workspace, &runner),
        Task::Deny(arguments) => deny::run(&workspace, &runner, &arguments),
        Task::Bench(arguments) => bench::run(&workspace, &runner, &arguments),
        Task::Histories(arguments) => histories::run(&runner, &arguments),
        Task::Kill(arguments) => kill::run(&workspace, &runner, &arguments),
        Task::Chaos(arguments) => chaos::run(&runner, &arguments),
        Task::Simulate(arguments) => simulate::run(&runner, &arguments),
        Task::Fuzz(arguments) => fuzz::run(&workspace, &runner, &arguments),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
