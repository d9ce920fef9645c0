//! The comparison with the Timeline Aggregation Protocol: a package of its own, since its dependencies are not ours.

use crate::runner::Runner;
use crate::workspace::Workspace;
use anyhow::{Context, Result};

/// What the package prints: a JSON object.
pub(super) fn measure(workspace: &Workspace, runner: &Runner) -> Result<String> {
    let mut command = runner.cargo();
    command
        .args(["run", "--release", "--locked", "--manifest-path"])
        .arg("crates/sidecar/benches/tap/Cargo.toml")
        .arg("--target-dir")
        .arg(workspace.target.join("tap"));
    let mut figures = None;
    runner.run_reading(&mut command, |line| {
        if line.starts_with('{') {
            figures = Some(line.to_owned());
        }
    })?;
    figures.context("the package printed no figures")
}
