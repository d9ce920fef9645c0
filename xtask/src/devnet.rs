//! `cargo xtask devnet`: installs, builds, and becomes `rampart devnet`.

use crate::prerequisites::{self, Need};
use crate::runner::Runner;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::process::Command;

/// What `cargo xtask devnet` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Play the scenario from a signed purchase to a blocked transaction, then end; exit 0 only if every step holds.
    #[arg(long)]
    demo: bool,
    /// First port of the network; it takes the ports from here on, on 127.0.0.1.
    #[arg(long, value_name = "PORT")]
    base_port: Option<u16>,
    /// Where keys, state, logs and devnet.json are kept; emptied at each start.
    #[arg(long, value_name = "PATH", default_value = "target/devnet")]
    dir: PathBuf,
}

/// Installs, builds, and becomes the network.
pub(crate) fn run(workspace: &Workspace, runner: &Runner, arguments: &Arguments) -> Result<()> {
    prerequisites::check(&[Need::Node], &workspace.target)?;
    println!("npm packages");
    crate::npm::install(workspace, runner)?;
    println!("contracts of EigenLayer's core");
    crate::eigenlayer::prepare(workspace, runner)?;
    println!("programs (the first build takes several minutes)");
    // The whole workspace, not `--package rampart`: cargo chooses the features of dependencies for all that it is asked to
    // build, so another selection would build hundreds of them a second time.
    let mut build = runner.cargo();
    build.args(["build", "--workspace", "--bins"]);
    runner
        .run(&mut build)
        .context("the programs could not be built")?;
    println!("devnet");
    Err(runner.become_program(program(workspace, runner, arguments)?))
}

/// `rampart devnet` for a scenario that ends by itself, on ports of its own.
pub(crate) fn demo(workspace: &Workspace, runner: &Runner) -> Result<Command> {
    let base_port = crate::ports::free_base().context("no 32 consecutive ports are free on 127.0.0.1")?;
    let arguments = Arguments {
        demo: true,
        base_port: Some(base_port),
        dir: workspace.target.join("devnet-test"),
    };
    program(workspace, runner, &arguments)
}

fn program(workspace: &Workspace, runner: &Runner, arguments: &Arguments) -> Result<Command> {
    let mut command = runner.command(workspace.rampart());
    command.arg("devnet");
    if arguments.demo {
        command.arg("--demo");
    }
    if let Some(port) = arguments.base_port {
        command.args(["--base-port", &port.to_string()]);
    }
    command.arg("--dir").arg(workspace.root.join(&arguments.dir));
    command.arg("--anvil").arg(workspace.anvil()?);
    command.arg("--phishing-list").arg(workspace.phishing_list()?);
    command.arg("--eigenlayer-core").arg(workspace.eigenlayer_core());
    Ok(command)
}
