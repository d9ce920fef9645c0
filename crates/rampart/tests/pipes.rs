//! Readers that go before the command has ended, as `| head` does, and outputs that take nothing: what is left of the
//! command, and with which exit code it ends.
#![allow(clippy::unwrap_used, missing_docs)]

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

fn rampart(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rampart"));
    command.args(args).stdin(Stdio::null()).env_remove("RUST_LOG");
    command
}

/// The writing end of a pipe that nobody reads any more.
fn deserted() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Runs `rampart account new`, which prints a result, and returns it with the path of the keystore.
fn new_account(folder: &Path, more: &[&str], stdout: Stdio) -> (Output, PathBuf) {
    let (password, keystore) = (folder.join("password"), folder.join("key.json"));
    std::fs::write(&password, "correct horse").unwrap();
    std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut command = rampart(&["account", "new"]);
    command.arg(&keystore).arg("--password-file").arg(&password);
    let output = command
        .args(more)
        .stdout(stdout)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    (output, keystore)
}

/// An address where nothing listens: bound and dropped.
fn silent() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn a_command_whose_reader_has_gone_does_its_work_and_succeeds() {
    for format in [&[][..], &["--json"]] {
        let folder = tempfile::tempdir().unwrap();
        let (output, keystore) = new_account(folder.path(), format, deserted());
        assert_eq!(output.status.code(), Some(0), "{format:?}: {}", stderr(&output));
        assert_eq!(stderr(&output), "", "{format:?}");
        assert!(keystore.is_file(), "{format:?}");
    }
}

#[test]
fn help_that_nobody_reads_is_no_failure() {
    let output = rampart(&["--help"])
        .stdout(deserted())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stderr(&output), "");
}

#[test]
fn a_result_that_a_full_disk_does_not_take_is_a_failure_that_says_so() {
    for format in [&[][..], &["--json"]] {
        let folder = tempfile::tempdir().unwrap();
        let full = File::options().write(true).open("/dev/full").unwrap();
        let (output, _) = new_account(folder.path(), format, full.into());
        assert_eq!(output.status.code(), Some(1), "{format:?}");
        let told = stderr(&output);
        assert!(
            told.contains("cannot write to standard output") && told.contains("No space left"),
            "{format:?}: {told}"
        );
        assert!(!told.contains("panicked"), "{format:?}: {told}");
    }
}

#[test]
fn a_failure_that_cannot_be_told_keeps_its_exit_code() {
    for (args, code) in [
        (
            vec!["consumer", "services", "--node", &format!("http://{}", silent())],
            4,
        ),
        (
            vec!["gateway", "check", "--config", "/nonexistent/config.toml"],
            1,
        ),
        (vec!["no-such-command"], 2),
    ] {
        let status = rampart(&args).stderr(deserted()).status().unwrap();
        assert_eq!(status.code(), Some(code), "{args:?}");
    }
}

#[test]
fn a_service_outlives_the_reader_of_its_log_and_ends_on_sigterm() {
    let address = silent();
    let mut service = rampart(&["vendor", "threat", "--listen", &address.to_string()])
        .env("RUST_LOG", "trace")
        .stdout(deserted())
        .stderr(deserted())
        .spawn()
        .unwrap();
    let answers = wait_for(&mut service, || answers_http(address));
    // The child has not been waited for, so its id is still its own.
    let pid = Pid::from_raw(i32::try_from(service.id()).unwrap());
    let _ = kill(pid, Signal::SIGTERM);
    let ended = wait_for(&mut service, || false);
    let _ = service.kill();
    assert!(answers, "it ended: {:?}", service.wait().unwrap());
    assert!(!ended && service.wait().unwrap().success());
}

/// Whether a server answers there: it serves, and not only listens.
fn answers_http(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<usize> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
        stream.read(&mut [0; 8])
    };
    ask().is_ok_and(|read| read > 0)
}

/// Waits until something holds; false if the process ends before, or after half a minute.
fn wait_for(process: &mut Child, holds: impl Fn() -> bool) -> bool {
    let started = Instant::now();
    while process.try_wait().unwrap().is_none() && started.elapsed() < Duration::from_secs(30) {
        if holds() {
            return true;
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    false
}
