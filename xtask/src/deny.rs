//! `cargo xtask deny`: what the dependencies are allowed to be, by deny.toml.
//!
//! cargo-deny is installed under `target/` when the machine has none. That takes longer than all of our own checks of
//! structure together (figures in ARCHITECTURE.md), so `cargo xtask test` runs it only where it is there already.

use crate::prerequisites;
use crate::runner::Runner;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::process::Command;

/// The release that deny.toml is written for.
const VERSION: &str = "0.20.2";
/// What is judged from the lock file and the registry's copy on this machine.
const OFFLINE_CHECKS: [&str; 3] = ["bans", "licenses", "sources"];

/// What `cargo xtask deny` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Leave out known vulnerabilities, whose database is fetched from github.com.
    #[arg(long)]
    offline: bool,
}

/// Installs cargo-deny if there is none, and runs all of its checks.
pub(crate) fn run(workspace: &Workspace, runner: &Runner, arguments: &Arguments) -> Result<()> {
    let program = match installed(workspace) {
        Some(program) => program,
        None => install(workspace, runner)?,
    };
    check(runner, &program, "warn", &OFFLINE_CHECKS)?;
    if arguments.offline {
        println!("  known vulnerabilities were not looked up (--offline)");
        return Ok(());
    }
    check(runner, &program, "warn", &["advisories"]).context(
        "known vulnerabilities; if the database could not be fetched from github.com, `cargo xtask deny --offline` \
         leaves them out",
    )
}

/// The checks that need no network, by a cargo-deny that is there already, without the many warnings of duplicate
/// versions. False when there is none.
pub(crate) fn check_if_installed(workspace: &Workspace, runner: &Runner) -> Result<bool> {
    let Some(program) = installed(workspace) else {
        return Ok(false);
    };
    check(runner, &program, "error", &OFFLINE_CHECKS)?;
    Ok(true)
}

fn check(runner: &Runner, program: &PathBuf, level: &str, checks: &[&str]) -> Result<()> {
    let mut command = runner.command(program);
    command
        .args([
            "--log-level",
            level,
            "--workspace",
            "--locked",
            "check",
            "--hide-inclusion-graph",
        ])
        .args(checks);
    runner.run(&mut command)
}

/// The cargo-deny that an earlier `cargo xtask deny` installed, or the machine's own.
fn installed(workspace: &Workspace) -> Option<PathBuf> {
    [
        installation(workspace).join("bin/cargo-deny"),
        PathBuf::from("cargo-deny"),
    ]
    .into_iter()
    .find(|program| {
        Command::new(program)
            .arg("--version")
            .output()
            .is_ok_and(|output| output.status.success())
    })
}

fn installation(workspace: &Workspace) -> PathBuf {
    workspace.target.join("tools")
}

fn install(workspace: &Workspace, runner: &Runner) -> Result<PathBuf> {
    prerequisites::check(&[], &workspace.target)?;
    println!("cargo-deny is not on this machine; building it once takes some minutes");
    let root = installation(workspace);
    let mut command = runner.cargo();
    command
        .args([
            "install",
            "cargo-deny",
            "--locked",
            "--version",
            VERSION,
            "--root",
        ])
        .arg(&root);
    runner
        .run(&mut command)
        .context("cargo-deny could not be installed (crates.io must be reachable)")?;
    Ok(root.join("bin/cargo-deny"))
}
