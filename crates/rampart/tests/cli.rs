//! The command line as a person meets it: what a wrong flag, a missing file or a dead node answers, and with which
//! exit code. The services themselves are tested where they are; all of them together, by `cargo xtask devnet --demo`.
#![allow(clippy::unwrap_used, missing_docs)]

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

fn rampart(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rampart"))
        .args(args)
        .env_remove("RAMPART_NODE")
        .env_remove("RAMPART_OPERATORS")
        .env_remove("RAMPART_KEYSTORE")
        .env_remove("RAMPART_PASSWORD_FILE")
        .output()
        .unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn secret(path: &Path, text: &str, mode: u32) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn every_command_has_help() {
    for group in [
        "account",
        "consumer",
        "provider",
        "operator",
        "investor",
        "governance",
        "network",
        "node",
        "sidecar",
        "gateway",
        "vendor",
    ] {
        let output = rampart(&[group, "--help"]);
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        assert!(
            output.status.success() && text.contains("Usage: rampart"),
            "{group}: {text}"
        );
    }
}

#[test]
fn wrong_usage_exits_with_2_and_says_what_is_wrong() {
    for (args, says) in [
        (vec!["provider", "show", "one"], "invalid value 'one'"),
        (vec!["account", "show", "0x12"], "invalid"),
        (
            vec!["account", "withdraw", "1e3", "--keystore", "k"],
            "tokens with up to 18 decimals",
        ),
        (vec!["consumer", "buy"], "--service"),
        (vec!["no-such-command"], "unrecognized subcommand"),
    ] {
        let output = rampart(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains(says), "{args:?}: {}", stderr(&output));
    }
}

#[test]
fn a_node_that_does_not_answer_exits_with_4_and_is_named() {
    // Bound and dropped: nothing listens there.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = rampart(&["consumer", "services", "--node", &format!("http://{address}")]);
    assert_eq!(output.status.code(), Some(4));
    assert!(
        stderr(&output).contains(&address.to_string()),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_new_account_is_a_keystore_that_only_its_owner_reads_and_nothing_overwrites() {
    let folder = tempfile::tempdir().unwrap();
    let (password, keystore) = (folder.path().join("password"), folder.path().join("key.json"));
    secret(&password, "correct horse\n", 0o600);
    let (password, path) = (password.to_str().unwrap(), keystore.to_str().unwrap());
    let made = rampart(&["account", "new", path, "--password-file", password, "--json"]);
    assert!(made.status.success(), "{}", stderr(&made));
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    assert!(made["address"].as_str().unwrap().starts_with("0x"));
    assert_eq!(
        std::fs::metadata(&keystore).unwrap().permissions().mode() & 0o777,
        0o600
    );

    let before = std::fs::read(&keystore).unwrap();
    let again = rampart(&["account", "new", path, "--password-file", password]);
    assert_eq!(again.status.code(), Some(1));
    assert!(stderr(&again).contains("not overwritten"));
    assert_eq!(std::fs::read(&keystore).unwrap(), before);
}

#[test]
fn a_secret_that_others_can_read_is_refused_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let (password, key) = (folder.path().join("password"), folder.path().join("key"));
    secret(&password, "correct horse", 0o600);
    let hex = "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
    secret(&key, hex, 0o644);
    let keystore = folder.path().join("out.json");
    let args = |key: &Path| {
        [
            "account",
            "import",
            keystore.to_str().unwrap(),
            "--private-key-file",
            key.to_str().unwrap(),
            "--password-file",
        ]
        .map(str::to_owned)
        .into_iter()
        .chain([password.to_str().unwrap().to_owned()])
        .collect::<Vec<_>>()
    };
    let run = |key: &Path| rampart(&args(key).iter().map(String::as_str).collect::<Vec<_>>());
    let exposed = run(&key);
    assert_eq!(exposed.status.code(), Some(1));
    assert!(
        stderr(&exposed).contains("can be read by others"),
        "{}",
        stderr(&exposed)
    );

    secret(&key, "not a key", 0o600);
    assert!(stderr(&run(&key)).contains("no private key"));

    secret(&key, hex, 0o600);
    let imported = run(&key);
    assert!(imported.status.success(), "{}", stderr(&imported));
    let shown = String::from_utf8(imported.stdout).unwrap() + &String::from_utf8(imported.stderr).unwrap();
    assert!(
        shown.contains("0x70997970C51812dc3A010C7d01b50e0d17dc79C8") && !shown.contains(hex),
        "{shown}"
    );
}

#[test]
fn a_configuration_that_cannot_be_used_is_named_with_its_fault() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    std::fs::write(&config, "listen = 5\nunknown = true\n").unwrap();
    let path = config.to_str().unwrap();
    for service in ["node", "sidecar", "gateway"] {
        let output = rampart(&[service, "run", "--config", path]);
        assert_eq!(output.status.code(), Some(1), "{service}");
        assert!(
            !stderr(&output).contains("panicked"),
            "{service}: {}",
            stderr(&output)
        );
        let missing = rampart(&[service, "run", "--config", "/nonexistent/config.toml"]);
        assert!(
            stderr(&missing).contains("/nonexistent/config.toml"),
            "{service}: {}",
            stderr(&missing)
        );
    }
}

#[test]
fn a_devnet_names_the_port_that_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let base = port.saturating_sub(5).clamp(1024, u16::MAX - 32).to_string();
    let directory = folder.path().join("devnet");
    let output = rampart(&[
        "devnet",
        "--base-port",
        &base,
        "--dir",
        directory.to_str().unwrap(),
        "--phishing-list",
        "none",
        "--anvil",
        "none",
    ]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("is taken"), "{}", stderr(&output));
}
