//! `cargo xtask core`: the bytecode of EigenLayer's core v1.3.0, for development networks and tests.
//!
//! It is not ours, so it is neither in this repository nor in any program: it is taken from a package of crates.io that
//! carries it, whose archive must have the checksum below, and kept in the target folder. Only the archive is downloaded, none
//! of the code in it is built or run.

use crate::runner::Runner;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// By which the tests find the file where the target folder is not the usual one.
pub(crate) const VARIABLE: &str = "RAMPART_EIGENLAYER_CORE";

/// The package that carries the bytecode, as cargo names it.
const PACKAGE: &str = "eigenlayer-contract-deployer";
/// Its version.
const PACKAGE_VERSION: &str = "0.4.0";
/// SHA-256 of its archive.
const SHA256: &str = "df259858472ebcda21942b9994352c9d09ea34c0ab4173e29b0319441082bc51";
/// The version of the core in it, which its contracts are told to be.
const CORE_VERSION: &str = "1.3.0";
/// What follows the last contract in the file.
const ENDING: &str = "\n  }\n}\n";

/// The contracts that are deployed, and the package's files that hold them.
const CONTRACTS: [(&str, &str); 8] = [
    ("AllocationManager", "allocation_manager"),
    ("DelegationManager", "delegation_manager"),
    ("StrategyManager", "strategy_manager"),
    ("PermissionController", "permission_controller"),
    ("EigenPodManager", "eigen_pod_manager"),
    ("StrategyBase", "strategy_base"),
    ("PauserRegistry", "pauser_registry"),
    ("TransparentUpgradeableProxy", "transparent_upgradeable_proxy"),
];

/// `cargo xtask core`: prepares the file and tells where it is.
pub(crate) fn run(workspace: &Workspace, runner: &Runner) -> Result<()> {
    println!("{}", prepare(workspace, runner)?.display());
    Ok(())
}

/// The file with the bytecode in the target folder; made unless it is there and whole.
pub(crate) fn prepare(workspace: &Workspace, runner: &Runner) -> Result<PathBuf> {
    let file = workspace.eigenlayer_core();
    if fs::read_to_string(&file).is_ok_and(|text| is_whole(&text)) {
        println!("  EigenLayer's core {CORE_VERSION} is up to date");
        return Ok(file);
    }
    let archive = match find_archive()? {
        Some(archive) => archive,
        None => download(runner)?,
    };
    check(&archive)?;
    let mut contracts = Vec::new();
    for (name, module) in CONTRACTS {
        let source = extract(&archive, module)?;
        let code = creation_code(&source).with_context(|| {
            format!(
                "the creation code of {name} was not found in {}, which is the right archive: mend how \
                 xtask/src/eigenlayer.rs reads it",
                archive.display()
            )
        })?;
        contracts.push((name, code.to_owned()));
    }
    write(&file, &json(&contracts))?;
    Ok(file)
}

/// `cargo info` is the one command that downloads a package on which nothing depends.
fn download(runner: &Runner) -> Result<PathBuf> {
    let package = format!("{PACKAGE}@{PACKAGE_VERSION}");
    let mut command = runner.cargo();
    command
        .args(["info", "--quiet", "--registry", "crates-io", &package])
        // In a workspace it would resolve the workspace's own dependencies too.
        .current_dir("/")
        .stdout(Stdio::null());
    runner.run(&mut command).with_context(|| {
        format!(
            "{PACKAGE} {PACKAGE_VERSION} could not be downloaded; try again when crates.io can be reached"
        )
    })?;
    find_archive()?.with_context(|| {
        format!(
            "cargo downloaded {PACKAGE} {PACKAGE_VERSION} but its archive is not in registry/cache of cargo's home; \
             set CARGO_HOME to that home and try again"
        )
    })
}

/// Where cargo keeps what it downloads: one folder for each registry.
fn find_archive() -> Result<Option<PathBuf>> {
    let home = match std::env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => std::env::home_dir()
            .context("no home folder is known: set CARGO_HOME to the folder where cargo keeps its downloads")?
            .join(".cargo"),
    };
    let name = format!("{PACKAGE}-{PACKAGE_VERSION}.crate");
    let Ok(registries) = fs::read_dir(home.join("registry/cache")) else {
        return Ok(None);
    };
    Ok(registries
        .filter_map(|entry| Some(entry.ok()?.path().join(&name)))
        .find(|path| path.is_file()))
}

/// The archive is the one that was looked at when this was written.
fn check(archive: &Path) -> Result<()> {
    let said = output(Command::new("sha256sum").arg(archive))?;
    let found = said.split_whitespace().next().unwrap_or_default();
    if found != SHA256 {
        bail!(
            "{} has the SHA-256 {found} instead of {SHA256}: remove it and try again, so that cargo downloads it anew",
            archive.display()
        );
    }
    Ok(())
}

/// One file of the archive. The folder beside it that cargo unpacked is not read: nothing checks it.
fn extract(archive: &Path, module: &str) -> Result<String> {
    let file = format!("{PACKAGE}-{PACKAGE_VERSION}/src/bindings/core/{module}.rs");
    output(Command::new("tar").arg("-xzOf").arg(archive).arg(file))
}

fn output(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("cannot start {program}: install it from your system's packages"))?;
    if !output.status.success() {
        bail!(
            "{program} failed, mend what it says and try again: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("{program} printed what is no text: is it the usual {program}?"))
}

/// The creation code in a generated binding, 0x before it: a line of the comment on `BYTECODE`. The runtime code has such a
/// comment too, further down.
fn creation_code(source: &str) -> Option<&str> {
    let (above, _) = source.split_once("pub static BYTECODE:")?;
    above
        .trim_end()
        .lines()
        .rev()
        .map(str::trim)
        .take_while(|line| line.starts_with("///") || line.starts_with("#["))
        .find_map(|line| line.strip_prefix("///").filter(|text| is_code(text)))
}

/// Is this 0x and at least one whole byte?
fn is_code(text: &str) -> bool {
    text.strip_prefix("0x").is_some_and(|digits| {
        !digits.is_empty()
            && digits.len().is_multiple_of(2)
            && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    })
}

/// Is this the file of this version from this source, with every contract in it? It is only ever written by [`json`].
fn is_whole(text: &str) -> bool {
    let entries = text
        .strip_prefix(&heading())
        .and_then(|rest| rest.strip_suffix(ENDING));
    let Some(entries) = entries else { return false };
    let codes: Option<Vec<&str>> = entries
        .split(",\n")
        .zip(CONTRACTS)
        .map(|(line, (name, _))| line.strip_prefix(&opening(name))?.strip_suffix('"'))
        .collect();
    entries.split(",\n").count() == CONTRACTS.len()
        && codes.is_some_and(|codes| codes.iter().all(|code| is_code(code)))
}

/// What the file begins with.
fn heading() -> String {
    format!(
        "{{\n  \"version\": \"{CORE_VERSION}\",\n  \"source\": \"crates.io {PACKAGE} {PACKAGE_VERSION}\",\n  \
         \"bytecode\": {{\n"
    )
}

/// What a contract's line begins with, before its code.
fn opening(name: &str) -> String {
    format!("    \"{name}\": \"")
}

fn json(contracts: &[(&str, String)]) -> String {
    let lines: Vec<String> = contracts
        .iter()
        .map(|(name, code)| format!("{}{code}\"", opening(name)))
        .collect();
    format!("{}{}{ENDING}", heading(), lines.join(",\n"))
}

/// Written beside and moved, so that neither an interrupted run nor two at once leave half of a file.
fn write(file: &Path, text: &str) -> Result<()> {
    let unfinished = file.with_extension(format!("{}.part", std::process::id()));
    let written = fs::create_dir_all(file.parent().unwrap_or(file))
        .and_then(|()| fs::write(&unfinished, text))
        .and_then(|()| fs::rename(&unfinished, file));
    written.with_context(|| {
        format!(
            "cannot write {}: make its folder writable, or set CARGO_TARGET_DIR to another",
            file.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BINDING: &str = r#"
        /// Something else.
        ///0xffff
        pub mod Contract {
            /// The creation code.
            ///
            /// ```text
            ///0x60a0AB
            /// ```
            #[rustfmt::skip]
            pub static BYTECODE: Bytes = Bytes::from_static(b"`\xA0\xAB");
            /// ```text
            ///0x6080
            /// ```
            pub static DEPLOYED_BYTECODE: Bytes = Bytes::from_static(b"`\x80");
        }"#;

    /// A file as it is written, with made-up code.
    fn made_up() -> String {
        json(&CONTRACTS.map(|(name, _)| (name, "0x60a0".to_owned())))
    }

    #[test]
    fn the_creation_code_is_taken_not_the_runtime_code() {
        assert_eq!(creation_code(BINDING), Some("0x60a0AB"));
    }

    #[test]
    fn a_binding_without_whole_bytes_of_creation_code_has_none() {
        for code in ["", "0x", "0x60a", "0x60zz", "60a0"] {
            assert_eq!(creation_code(&BINDING.replace("0x60a0AB", code)), None, "{code}");
        }
        assert_eq!(
            creation_code(&BINDING.replace("static BYTECODE", "static CODE")),
            None
        );
        assert_eq!(creation_code(""), None);
    }

    #[test]
    fn a_file_that_was_written_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("target/core.json");
        write(&file, &made_up()).unwrap();
        write(&file, &made_up()).unwrap();
        assert!(is_whole(&fs::read_to_string(&file).unwrap()));
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_of_other_versions_or_contracts_is_not_whole() {
        let text = made_up();
        for (from, to) in [
            (CORE_VERSION, "1.2.0"),
            (PACKAGE_VERSION, "0.3.0"),
            ("\"PauserRegistry\"", "\"Another\""),
            ("    \"StrategyBase\": \"0x60a0\",\n", ""),
            (ENDING, ",\n    \"More\": \"0x60a0\"\n  }\n}\n"),
            (ENDING, ""),
            ("0x60a0", "0x"),
        ] {
            let other = text.replace(from, to);
            assert_ne!(other, text, "{from} is not in the file");
            assert!(!is_whole(&other), "{from} was replaced by {to}");
        }
        assert!(!is_whole(""));
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_told_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let occupied = folder.path().join("target");
        fs::write(&occupied, "a file").unwrap();
        let said = write(&occupied.join("core.json"), "").unwrap_err().to_string();
        assert!(said.contains("CARGO_TARGET_DIR"), "{said}");
    }

    #[test]
    fn another_archive_is_refused_with_both_checksums() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("a.crate");
        fs::write(&archive, "").unwrap();
        let said = check(&archive).unwrap_err().to_string();
        let of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert!(said.contains(SHA256) && said.contains(of_nothing), "{said}");
        assert!(said.contains("remove it and try again"), "{said}");
    }

    #[test]
    fn a_program_that_is_missing_or_fails_is_named() {
        let missing = output(&mut Command::new("no-such-program"))
            .unwrap_err()
            .to_string();
        assert!(missing.contains("install it"), "{missing}");
        let failed = extract(Path::new("/no-such-archive"), "x")
            .unwrap_err()
            .to_string();
        assert!(failed.starts_with("tar failed"), "{failed}");
    }
}
