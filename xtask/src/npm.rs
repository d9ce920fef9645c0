//! Installs npm packages by their lock files, and only when a lock file changed since the last installation.

use crate::runner::Runner;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::fs;
use std::path::PathBuf;

/// The folders with a package-lock.json: Foundry and the contracts' libraries, the vendors' phishing list, the clients that the
/// gateway's tests run, and what checks Prometheus' and Grafana's files.
const FOLDERS: [&str; 4] = [
    "contracts",
    "crates/vendors/lists",
    "crates/gateway/tests/clients",
    "deploy/check",
];

/// Installs what the lock files name.
pub(crate) fn install(workspace: &Workspace, runner: &Runner) -> Result<()> {
    for folder in FOLDERS {
        let project = Project {
            folder: workspace.root.join(folder),
        };
        if project.is_installed()? {
            println!("  npm packages of {folder} are up to date");
            continue;
        }
        // The packages' own scripts are not run: nothing here needs them, and they run with the user's rights.
        let mut command = runner.command("npm");
        command
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .current_dir(&project.folder);
        runner.run(&mut command).with_context(|| {
            format!(
                "the npm packages of {folder} could not be installed (the npm registry must be reachable)"
            )
        })?;
        project.remember()?;
    }
    Ok(())
}

/// One folder with a lock file, and the copy of the lock file that was installed last.
struct Project {
    folder: PathBuf,
}

impl Project {
    /// Among what was installed, so that it goes with it: npm empties the folder before it installs.
    fn stamp(&self) -> PathBuf {
        self.folder.join("node_modules/.installed-lock.json")
    }

    fn lock(&self) -> Result<String> {
        let path = self.folder.join("package-lock.json");
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    fn is_installed(&self) -> Result<bool> {
        let lock = self.lock()?;
        Ok(fs::read_to_string(self.stamp()).is_ok_and(|installed| installed == lock))
    }

    /// Called after an installation only: an interrupted one is done again.
    fn remember(&self) -> Result<()> {
        let stamp = self.stamp();
        fs::write(&stamp, self.lock()?).with_context(|| format!("cannot write {}", stamp.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> (tempfile::TempDir, Project) {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().to_path_buf();
        fs::create_dir(folder.join("node_modules")).unwrap();
        fs::write(folder.join("package-lock.json"), "one").unwrap();
        (root, Project { folder })
    }

    #[test]
    fn packages_are_installed_once_for_a_lock_file() {
        let (_root, project) = project();
        assert!(!project.is_installed().unwrap());
        project.remember().unwrap();
        assert!(project.is_installed().unwrap());
    }

    #[test]
    fn a_changed_lock_file_is_installed_again() {
        let (_root, project) = project();
        project.remember().unwrap();
        fs::write(project.folder.join("package-lock.json"), "two").unwrap();
        assert!(!project.is_installed().unwrap());
    }

    #[test]
    fn removed_packages_are_installed_again() {
        let (_root, project) = project();
        project.remember().unwrap();
        fs::remove_dir_all(project.folder.join("node_modules")).unwrap();
        assert!(!project.is_installed().unwrap());
    }

    #[test]
    fn a_missing_lock_file_is_named() {
        let (_root, project) = project();
        fs::remove_file(project.folder.join("package-lock.json")).unwrap();
        assert!(
            project
                .is_installed()
                .unwrap_err()
                .to_string()
                .contains("package-lock.json")
        );
    }
}
