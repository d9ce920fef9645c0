//! The ledger and the protocol do without the standard library, and so does what they are built from.
//!
//! Clippy cannot see into dependencies, and in a build of the whole workspace their `std` features are on because others
//! want them. So each of the two crates is resolved alone, and its normal dependencies are compared with a list: a
//! new name there is a decision, since its code takes part in what every operator must compute alike.

use anyhow::{Context, Result, bail};
use cargo_metadata::Metadata;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// The crates that must stay free of the standard library.
const CRATES: [&str; 2] = ["rampart-protocol", "rampart-ledger"];

/// What the two may be built from: procedural macros and build scripts apart, on every platform, with all features.
const ALLOWED: [&str; 51] = [
    // Ours.
    "rampart-ledger",
    "rampart-protocol",
    // Integers, addresses, RLP, EIP-712.
    "alloy-primitives",
    "alloy-rlp",
    "alloy-sol-types",
    "bytes",
    "cfg-if",
    "const-hex",
    "derive_more",
    "ruint",
    // Keccak and SHA-2.
    "block-buffer",
    "const-oid",
    "cpufeatures",
    "crypto-common",
    "digest",
    "generic-array",
    "hybrid-array",
    "keccak",
    "libc",
    "sha2",
    "sha3",
    "typenum",
    // secp256k1.
    "base16ct",
    "crypto-bigint",
    "der",
    "ecdsa",
    "elliptic-curve",
    "ff",
    "group",
    "hmac",
    "k256",
    "rand_core",
    "rfc6979",
    "sec1",
    "signature",
    "subtle",
    "zeroize",
    // ed25519, and keys of MACs by X25519.
    "cmov",
    "ctutils",
    "curve25519-dalek",
    "fiat-crypto",
    "hkdf",
    "x25519-dalek",
    // Text: base64, JSON, errors.
    "base64ct",
    "itoa",
    "memchr",
    "serde",
    "serde_core",
    "serde_json",
    "thiserror",
    "zmij",
];

/// The rules that the two crates break.
pub(super) fn check(metadata: &Metadata, root: &Path) -> Result<Vec<String>> {
    let mut broken = Vec::new();
    for name in CRATES {
        let package = metadata
            .workspace_packages()
            .into_iter()
            .find(|package| package.name.as_str() == name)
            .with_context(|| format!("{name} is not in the workspace"))?;
        let source = package.manifest_path.with_file_name("src").join("lib.rs");
        let source = std::fs::read_to_string(&source).with_context(|| format!("cannot read {source}"))?;
        broken.extend(judge_source(name, &source));
        broken.extend(judge_tree(name, &tree(name, root)?));
    }
    Ok(broken)
}

/// The crate's normal dependencies, each as `name version|features`, one a line.
fn tree(name: &str, root: &Path) -> Result<String> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(root)
        .args(["tree", "--package", name, "--all-features", "--target", "all"])
        .args([
            "--edges",
            "normal,no-proc-macro",
            "--prefix",
            "none",
            "--format",
            "{p}|{f}",
        ])
        .output()
        .context("cannot start cargo tree")?;
    if !output.status.success() {
        bail!("cargo tree failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn judge_source(name: &str, source: &str) -> Option<String> {
    let attribute = source.lines().any(|line| line.trim() == "#![no_std]");
    (!attribute).then(|| format!("{name} is not #![no_std]"))
}

fn judge_tree(name: &str, tree: &str) -> BTreeSet<String> {
    let mut broken = BTreeSet::new();
    for line in tree.lines().filter(|line| !line.trim().is_empty()) {
        let (package, features) = line.split_once('|').unwrap_or((line, ""));
        let used = package.split(' ').next().unwrap_or(package);
        if !ALLOWED.contains(&used) {
            broken.insert(format!(
                "{name} is built from {used}, which is not in the list of xtask/src/architecture/no_std.rs"
            ));
        }
        let features = features.trim_end_matches(" (*)");
        if features.split(',').any(|feature| feature == "std") {
            broken.insert(format!(
                "{name} turns on the standard library in {used} (feature `std`)"
            ));
        }
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_crates_without_std_are_allowed() {
        let tree =
            "rampart-ledger v0.1.0 (/x)|serde\n\nalloy-rlp v0.3.17|core-error,derive\nbytes v1.0.0| (*)\n";
        assert!(judge_tree("rampart-ledger", tree).is_empty());
    }

    #[test]
    fn a_new_dependency_is_a_decision() {
        let broken = judge_tree("rampart-ledger", "rand v0.10.0|");
        assert!(
            broken
                .first()
                .unwrap()
                .contains("built from rand, which is not in the list")
        );
    }

    #[test]
    fn a_dependency_with_std_is_named() {
        for features in ["std", "alloc,std", "alloc,std (*)"] {
            let broken = judge_tree("rampart-ledger", &format!("bytes v1.0.0|{features}"));
            assert!(
                broken.first().unwrap().contains("standard library in bytes"),
                "{features}"
            );
        }
        assert!(judge_tree("rampart-ledger", "bytes v1.0.0|core-std-like").is_empty());
    }

    #[test]
    fn the_attribute_is_looked_for() {
        assert!(judge_source("a", "//! Docs\n#![no_std]\n").is_none());
        assert!(judge_source("a", "// #![no_std]\n").is_some());
    }

    #[test]
    fn the_list_names_nothing_twice() {
        assert_eq!(ALLOWED.iter().collect::<BTreeSet<_>>().len(), ALLOWED.len());
    }
}
