//! Is what must be there before a task there? If not, what is missing and how it is got, all at once.

use anyhow::{Result, bail};
use std::path::Path;
use std::process::Command;

/// The oldest Node.js that the scripts of `contracts/` run on (its package.json says the same).
const NODE_MAJOR: u32 = 20;
/// Free disk that a first build needs, MiB: see the figures in ARCHITECTURE.md.
const FIRST_BUILD_MIB: u64 = 10 * 1024;
/// Free disk that a later build and the devnet's data need, MiB.
const LATER_BUILD_MIB: u64 = 2 * 1024;

/// What a task needs besides the cargo that runs it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Node.js and npm.
    Node,
    /// rustfmt and clippy.
    Lints,
}

/// Checks the tools and the free disk under the target folder.
pub(crate) fn check(needs: &[Need], target: &Path) -> Result<()> {
    let mut missing = Vec::new();
    for need in needs {
        match need {
            Need::Node => {
                missing.extend(judge_node(version_of("node", &["--version"]).as_deref()));
                if version_of("npm", &["--version"]).is_none() {
                    missing.push(
                        "npm is not on the PATH: it comes with Node.js from https://nodejs.org".to_owned(),
                    );
                }
            }
            Need::Lints => missing.extend(
                [("rustfmt", "fmt"), ("clippy", "clippy")]
                    .into_iter()
                    .filter(|(_, command)| version_of("cargo", &[*command, "--version"]).is_none())
                    .map(|(component, _)| {
                        format!("{component} is missing: `rustup component add {component}`")
                    }),
            ),
        }
    }
    if version_of("make", &["--version"]).is_none() {
        missing.push(
            "make is not on the PATH: your system's packages have it; the allocator is built with it"
                .to_owned(),
        );
    }
    let needed = match target.join("debug/rampart").is_file() {
        true => LATER_BUILD_MIB,
        false => FIRST_BUILD_MIB,
    };
    missing.extend(judge_disk(free_mib(target), needed, target));
    if missing.is_empty() {
        return Ok(());
    }
    bail!("this cannot start yet:\n  - {}", missing.join("\n  - "))
}

/// The first line that a program prints of its version; none when it does not run.
fn version_of(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    output
        .status
        .success()
        .then(|| text.lines().next().unwrap_or_default().trim().to_owned())
}

/// What is wrong with this Node.js, if anything.
fn judge_node(version: Option<&str>) -> Option<String> {
    let get =
        format!("Node.js {NODE_MAJOR} or later is needed: https://nodejs.org, or your system's packages");
    let Some(version) = version else {
        return Some(format!("node is not on the PATH. {get}"));
    };
    let major = version
        .trim_start_matches('v')
        .split('.')
        .next()
        .and_then(|major| major.parse::<u32>().ok());
    match major {
        Some(major) if major >= NODE_MAJOR => None,
        _ => Some(format!("node is {version}. {get}")),
    }
}

/// Free disk where the folder is or will be, MiB. None when the system does not say.
fn free_mib(folder: &Path) -> Option<u64> {
    let existing = folder.ancestors().find(|folder| folder.exists())?;
    let disk = rustix::fs::statvfs(existing).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize) / (1024 * 1024))
}

/// What is wrong with the free disk, if anything. An unknown amount is not held against anyone.
fn judge_disk(free: Option<u64>, needed: u64, target: &Path) -> Option<String> {
    let free = free.filter(|free| *free < needed)?;
    Some(format!(
        "the disk of {} has {free} MiB free and {needed} are needed: free some, or set CARGO_TARGET_DIR to a folder \
         on another disk",
        target.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_of_the_oldest_major_is_enough() {
        assert_eq!(judge_node(Some("v20.0.0")), None);
        assert_eq!(judge_node(Some("v24.1.0")), None);
    }

    #[test]
    fn an_old_or_strange_node_is_told_what_is_needed() {
        for version in ["v18.19.0", "nonsense", ""] {
            let said = judge_node(Some(version)).unwrap();
            assert!(said.contains("Node.js 20 or later"), "{said}");
        }
    }

    #[test]
    fn a_missing_node_is_told_where_it_comes_from() {
        assert!(judge_node(None).unwrap().contains("nodejs.org"));
    }

    #[test]
    fn a_full_disk_is_told_how_much_is_needed() {
        let said = judge_disk(Some(100), 2048, Path::new("/t")).unwrap();
        assert!(said.contains("100 MiB free and 2048 are needed"), "{said}");
        assert_eq!(judge_disk(Some(2048), 2048, Path::new("/t")), None);
        assert_eq!(judge_disk(None, 2048, Path::new("/t")), None);
    }

    #[test]
    fn free_disk_is_known_for_a_folder_that_does_not_exist_yet() {
        assert!(free_mib(Path::new("/no-such-folder/target")).is_some());
    }

    #[test]
    fn a_program_that_does_not_exist_has_no_version() {
        assert_eq!(version_of("no-such-program", &["--version"]), None);
    }
}
