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
use std::process::Command;

/// The package that carries the bytecode, as cargo names it.
const PACKAGE: &str = "eigenlayer-contract-deployer";
/// Its version.
const PACKAGE_VERSION: &str = "0.4.0";
/// SHA-256 of its archive.
const SHA256: &str = "df259858472ebcda21942b9994352c9d09ea34c0ab4173e29b0319441082bc51";
/// The version of the core in it, which its contracts are told to be.
const CORE_VERSION: &str = "v1.3.0";

/// The contracts that are deployed, and the package's files that hold them.
const CONTRACTS: [(&str, &str); 8] = [
    ("AllocationManager", "allocation_manager"),
    ("DelegationManager", "delegation_manager"),
    ("EigenPodManager", "eigen_pod_manager"),
    ("PauserRegistry", "pauser_registry"),
    ("PermissionController", "permission_controller"),
    ("StrategyBase", "strategy_base"),
    ("StrategyManager", "strategy_manager"),
    ("TransparentUpgradeableProxy", "transparent_upgradeable_proxy"),
];

/// Writes the bytecode into the target folder, unless it is there.
pub(crate) fn ensure(workspace: &Workspace, runner: &Runner) -> Result<()> {
    let file = workspace.core();
    if is_current(&file) {
        println!("  EigenLayer's core {CORE_VERSION} is up to date");
        return Ok(());
    }
    let archive = match find_archive()? {
        Some(archive) => archive,
        None => {
            // The one command of cargo that downloads a package nothing depends on.
            let package = format!("{PACKAGE}@{PACKAGE_VERSION}");
            runner
                .run(runner.cargo().args(["info", "--quiet", &package]))
                .context("EigenLayer's bytecode could not be downloaded (crates.io must be reachable)")?;
            find_archive()?.context("cargo downloaded a package and did not keep it")?
        }
    };
    check(&archive)?;
    let mut contracts = Vec::new();
    for (name, module) in CONTRACTS {
        let source = extract(&archive, module)?;
        let code = creation_code(&source)
            .with_context(|| format!("{} has no bytecode of {name}", archive.display()))?;
        contracts.push((name, code));
    }
    write(&file, &json(&contracts))
}

/// The file begins with what it was made from.
fn is_current(file: &Path) -> bool {
    fs::read_to_string(file).is_ok_and(|text| text.starts_with(&heading()))
}

/// Where cargo keeps what it downloads: one folder for each registry.
fn find_archive() -> Result<Option<PathBuf>> {
    let home = match std::env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => std::env::home_dir()
            .context("neither CARGO_HOME nor a home folder is known")?
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
            "{} has the SHA-256 {found}, {SHA256} was expected: it is not what it should be; remove it",
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
        .with_context(|| format!("cannot start {program}"))?;
    if !output.status.success() {
        bail!(
            "{program} failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    String::from_utf8(output.stdout).with_context(|| format!("{program} printed what is no text"))
}

/// The creation code in a generated binding: a byte string that follows the name BYTECODE.
fn creation_code(source: &str) -> Option<Vec<u8>> {
    let (_, rest) = source.split_once("pub static BYTECODE:")?;
    let (_, literal) = rest.split_once("b\"")?;
    let code = byte_string(literal)?;
    (!code.is_empty()).then_some(code)
}

/// The bytes of a Rust byte string, from after its opening quote to its closing one.
fn byte_string(literal: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut rest) = (Vec::new(), literal.as_bytes());
    loop {
        let (byte, after) = match rest {
            [b'"', ..] => return Some(bytes),
            [b'\\', b'x', high, low, after @ ..] => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).ok()?;
                (u8::from_str_radix(digits, 16).ok()?, after)
            }
            [b'\\', escaped, after @ ..] => (unescape(*escaped)?, after),
            [byte, after @ ..] => (*byte, after),
            [] => return None,
        };
        bytes.push(byte);
        rest = after;
    }
}

const fn unescape(escaped: u8) -> Option<u8> {
    Some(match escaped {
        b'0' => 0,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'\\' | b'"' | b'\'' => escaped,
        _ => return None,
    })
}

/// What the file begins with. The version is the core's; the source and the number of contracts make an older file stale.
fn heading() -> String {
    format!(
        "{{\n  \"version\": \"{CORE_VERSION}\",\n  \"source\": \"{PACKAGE} {PACKAGE_VERSION}\",\n  \"contracts\": {},\n",
        CONTRACTS.len()
    )
}

fn json(contracts: &[(&str, Vec<u8>)]) -> String {
    let entries: Vec<String> = contracts
        .iter()
        .map(|(name, code)| format!("    \"{name}\": \"0x{}\"", hex(code)))
        .collect();
    format!(
        "{}  \"bytecode\": {{\n{}\n  }}\n}}\n",
        heading(),
        entries.join(",\n")
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Written beside and moved, so that an interrupted run leaves no half of a file.
fn write(file: &Path, text: &str) -> Result<()> {
    let folder = file.parent().context("the file lies in a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let unfinished = file.with_extension("part");
    fs::write(&unfinished, text).with_context(|| format!("cannot write {}", unfinished.display()))?;
    fs::rename(&unfinished, file).with_context(|| format!("cannot write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_string_is_read_with_all_its_escapes() {
        let literal = r#"`\x80a\0\n\r\t\\\"\'\xFf" and more"#;
        let expected = [0x60, 0x80, b'a', 0, b'\n', b'\r', b'\t', b'\\', b'"', b'\'', 0xff];
        assert_eq!(byte_string(literal).unwrap(), expected);
    }

    #[test]
    fn what_is_no_byte_string_is_refused() {
        for literal in ["never closed", r"\x8", r"\xzz", r"\q", "\\"] {
            assert_eq!(byte_string(literal), None, "{literal}");
        }
    }

    #[test]
    fn the_creation_code_is_taken_not_the_runtime_code() {
        let source = r#"
            pub static BYTECODE: Bytes = Bytes::from_static(b"ab");
            pub static DEPLOYED_BYTECODE: Bytes = Bytes::from_static(b"cd");"#;
        assert_eq!(creation_code(source).unwrap(), b"ab");
        assert_eq!(creation_code(r#"pub static BYTECODE: Bytes = b"";"#), None);
        assert_eq!(creation_code("nothing"), None);
    }

    #[test]
    fn a_file_of_other_contracts_is_not_current() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deep/core.json");
        assert!(!is_current(&file));
        write(&file, &json(&[("A", vec![0, 0xab])])).unwrap();
        assert!(is_current(&file));
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains("\"A\": \"0x00ab\""), "{text}");
        fs::write(&file, text.replace(PACKAGE_VERSION, "0.3.0")).unwrap();
        assert!(!is_current(&file));
    }

    #[test]
    fn another_archive_is_refused_with_both_checksums() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("a.crate");
        fs::write(&archive, "not an archive").unwrap();
        let said = check(&archive).unwrap_err().to_string();
        assert!(said.contains(SHA256) && said.contains("remove it"), "{said}");
    }
}
