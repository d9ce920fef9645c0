//! What every Cargo.toml must have: the workspace's lints, exact versions where a patch release may change bytes that
//! operators agree on, and crates.io as the only source. And what the workspace's must have of each crate: a place in the
//! development profile.

use anyhow::{Context, Result};
use cargo_metadata::{Dependency, Metadata};

/// Families whose releases are taken one by one: the engine is ALPHA, and both encode what is signed and hashed.
const PINNED: [&str; 2] = ["alloy", "commonware"];

/// The rules that the manifests break.
pub(super) fn check(metadata: &Metadata) -> Result<Vec<String>> {
    let mut broken = Vec::new();
    let workspace = metadata.workspace_root.join("Cargo.toml");
    let workspace =
        std::fs::read_to_string(&workspace).with_context(|| format!("cannot read {workspace}"))?;
    for package in metadata.workspace_packages() {
        if !is_quick_to_build(&workspace, &package.name) {
            broken.push(format!(
                "{0} has no [profile.dev.package.{0}] in Cargo.toml",
                package.name
            ));
        }
        let path = &package.manifest_path;
        let manifest = std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
        if !inherits_lints(&manifest) {
            broken.push(format!("{} does not inherit the workspace's lints", package.name));
        }
        broken.extend(
            package
                .dependencies
                .iter()
                .filter_map(|dependency| judge(&package.name, dependency)),
        );
    }
    Ok(broken)
}

fn judge(user: &str, dependency: &Dependency) -> Option<String> {
    let (name, version) = (&dependency.name, dependency.req.to_string());
    // A crate of ours, by its folder.
    if dependency.path.is_some() {
        return None;
    }
    let is_registry = dependency.source.as_ref().is_some_and(|source| {
        source
            .repr
            .starts_with("registry+https://github.com/rust-lang/crates.io-index")
    });
    if !is_registry {
        return Some(format!("{user} takes {name} from elsewhere than crates.io"));
    }
    judge_version(user, name, &version)
}

fn judge_version(user: &str, name: &str, version: &str) -> Option<String> {
    if version == "*" {
        return Some(format!("{user} takes any version of {name}"));
    }
    let family = name.split('-').next().unwrap_or(name);
    if PINNED.contains(&family) && !version.starts_with('=') {
        return Some(format!("{user} must pin {name} to one release, not {version}"));
    }
    None
}

/// Is there a `[lints]` table with `workspace = true`?
fn inherits_lints(manifest: &str) -> bool {
    manifest
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default().replace(' ', ""))
        .skip_while(|line| line != "[lints]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .any(|line| line == "workspace=true")
}

/// Does the development profile except a crate from being optimised? One that it forgets builds many times slower.
fn is_quick_to_build(workspace: &str, package: &str) -> bool {
    let header = format!("[profile.dev.package.{package}]");
    workspace.lines().any(|line| line.trim() == header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_that_the_profile_forgets_is_found() {
        let workspace = "[profile.dev.package.rampart-node]\nopt-level = 0\n";
        assert!(is_quick_to_build(workspace, "rampart-node"));
        assert!(!is_quick_to_build(workspace, "rampart"));
    }

    #[test]
    fn lints_are_inherited_by_their_table_alone() {
        assert!(inherits_lints(
            "[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n"
        ));
        assert!(inherits_lints(
            "[lints]\n# as everywhere\nworkspace=true # yes\n[dependencies]\n"
        ));
        assert!(!inherits_lints("[lints.rust]\nunsafe_code = \"deny\"\n"));
        assert!(!inherits_lints("[lints]\nworkspace = false\n"));
        assert!(!inherits_lints("[lints]\n[dependencies]\nworkspace = true\n"));
        assert!(!inherits_lints("[dependencies.a]\nworkspace = true\n"));
    }

    #[test]
    fn the_engine_and_the_encodings_are_pinned() {
        assert_eq!(judge_version("a", "alloy-rlp", "=0.3.17"), None);
        assert_eq!(judge_version("a", "serde", "^1.0"), None);
        assert_eq!(
            judge_version("a", "alloy-rlp", "^0.3").unwrap(),
            "a must pin alloy-rlp to one release, not ^0.3"
        );
        assert!(judge_version("a", "commonware-consensus", "^2026.10.0").is_some());
        assert!(judge_version("a", "serde", "*").is_some());
    }
}
