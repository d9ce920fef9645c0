//! nginx for a comparison: the one on the PATH, or Debian's package, unpacked under `target` and not installed.

use crate::runner::Runner;
use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The program.
pub(super) fn find(workspace: &Workspace, runner: &Runner) -> Result<PathBuf> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let installed = std::env::split_paths(&paths)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join("nginx"))
        .find(|program| program.is_file());
    if let Some(program) = installed {
        return Ok(program);
    }
    let folder = workspace.target.join("nginx");
    let program = folder.join("usr/sbin/nginx");
    if !program.is_file() {
        unpack(runner, &folder)
            .context("there is no nginx on the PATH, and Debian's could not be fetched: install nginx")?;
    }
    Ok(program)
}

fn unpack(runner: &Runner, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    runner.run(
        Command::new("apt-get")
            .args(["download", "nginx"])
            .current_dir(folder),
    )?;
    let mut packages = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            packages.push(path);
        }
    }
    ensure!(
        packages.len() == 1,
        "{} holds {} packages",
        folder.display(),
        packages.len()
    );
    runner.run(Command::new("dpkg").arg("-x").args(&packages).arg(folder))
}
