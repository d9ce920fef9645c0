//! Rewrites the committed contract artifacts, so that `cargo build` needs neither Node.js nor a Solidity compiler.

use crate::prerequisites::{self, Need};
use crate::runner::Runner;
use crate::workspace::Workspace;
use anyhow::Result;

/// Compiles the contracts and rewrites `contracts/artifacts`.
pub(crate) fn run(workspace: &Workspace, runner: &Runner) -> Result<()> {
    prerequisites::check(&[Need::Node], &workspace.target)?;
    crate::npm::install(workspace, runner)?;
    let mut command = runner.command("npm");
    command
        .args(["run", "artifacts"])
        .current_dir(workspace.root.join("contracts"));
    runner.run(&mut command)
}
