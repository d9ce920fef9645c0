//! Where things are in the repository, and which platform's tools it holds.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// The folder with Foundry's packages, relative to the root.
const FOUNDRY: &str = "contracts/node_modules/@foundry-rs";
/// The phishing list that the reference vendors read, relative to the root.
const PHISHING_LIST: &str = "crates/vendors/lists/node_modules/eth-phishing-detect/src/config.json";

/// The repository's folders.
pub(crate) struct Workspace {
    /// The folder of the workspace's `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Cargo's target folder.
    pub(crate) target: PathBuf,
}

impl Workspace {
    /// The workspace that this program was built from.
    pub(crate) fn locate() -> Result<Self> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = here
            .parent()
            .context("xtask lies in a folder of the workspace")?
            .to_path_buf();
        if !root.join("Cargo.lock").is_file() {
            bail!(
                "{} is not the workspace any more; if it was moved, run `touch xtask/src/main.rs` and try again",
                root.display()
            );
        }
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => root.join(folder),
            None => root.join("target"),
        };
        Ok(Self { root, target })
    }

    /// The project's one program, as `cargo build` leaves it.
    pub(crate) fn rampart(&self) -> PathBuf {
        self.target.join("debug/rampart")
    }

    /// The bytecode of EigenLayer's core, as `cargo xtask core` leaves it.
    pub(crate) fn eigenlayer_core(&self) -> PathBuf {
        self.target.join("eigenlayer-core.json")
    }

    /// Foundry's local node.
    pub(crate) fn anvil(&self) -> Result<PathBuf> {
        let package = foundry_package("anvil", std::env::consts::OS, std::env::consts::ARCH)?;
        let path = self.root.join(FOUNDRY).join(package).join("bin/anvil");
        if !path.is_file() {
            bail!(
                "{} is missing although the npm packages are installed; remove contracts/node_modules and try again",
                path.display()
            );
        }
        Ok(path)
    }

    /// The phishing list of the reference vendors.
    pub(crate) fn phishing_list(&self) -> Result<PathBuf> {
        let path = self.root.join(PHISHING_LIST);
        if !path.is_file() {
            bail!(
                "{} is missing although the npm packages are installed; remove crates/vendors/lists/node_modules \
                 and try again",
                path.display()
            );
        }
        Ok(path)
    }
}

/// The npm package that holds one of Foundry's programs for a platform.
///
/// The lock file names the package of one platform: Foundry's own choosing package starts the program through a
/// script that leaves it behind when it is ended.
pub(crate) fn foundry_package(program: &str, os: &str, architecture: &str) -> Result<String> {
    match (os, architecture) {
        ("linux", "x86_64") => Ok(format!("{program}-linux-amd64")),
        _ => bail!(
            "contracts and the devnet need Linux on x86-64; this is {os} on {architecture}. contracts/package.json \
             holds Foundry for Linux only: run this in a container or a virtual machine"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_found_and_has_the_crates() {
        let workspace = Workspace::locate().unwrap();
        assert!(workspace.root.join("crates/protocol/Cargo.toml").is_file());
    }

    #[test]
    fn names_the_foundry_package_of_the_one_platform() {
        assert_eq!(
            foundry_package("anvil", "linux", "x86_64").unwrap(),
            "anvil-linux-amd64"
        );
    }

    #[test]
    fn another_platform_is_told_what_to_do() {
        let error = foundry_package("anvil", "macos", "aarch64")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("macos on aarch64") && error.contains("container"),
            "{error}"
        );
    }
}
