//! Starts programs and waits for them without dying before them.
//!
//! Ctrl-C reaches the whole process group: the child ends by itself, and this program must still be there to wait for
//! its clean-up. SIGTERM and SIGHUP reach this program alone, so they are passed on.

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often a running child is looked at.
const POLL: Duration = Duration::from_millis(50);

/// The person ended the task. Not a failure of what ran.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

/// Starts programs in the workspace's root.
pub(crate) struct Runner {
    root: PathBuf,
    interrupt: Arc<AtomicBool>,
    terminate: Arc<AtomicBool>,
}

impl Runner {
    /// From here on, signals no longer end this program at once.
    pub(crate) fn new(root: &Path) -> Result<Self> {
        let (interrupt, terminate) = (Arc::default(), Arc::default());
        for (signal, flag) in [(SIGINT, &interrupt), (SIGTERM, &terminate), (SIGHUP, &terminate)] {
            signal_hook::flag::register(signal, Arc::clone(flag)).context("cannot watch for signals")?;
        }
        Ok(Self {
            root: root.to_path_buf(),
            interrupt,
            terminate,
        })
    }

    /// A command to be run in the root, with the environment as a shell would give it.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        // `cargo run` describes this package to us. Build scripts that watch those variables (ring's does) would be run
        // again, and the crates after them built again, at each change between `cargo xtask` and plain cargo.
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_set_by_cargo_run(name)) {
            command.env_remove(name);
        }
        command
    }

    /// The cargo that runs this task.
    pub(crate) fn cargo(&self) -> Command {
        self.command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
    }

    /// Runs to the end, with the terminal's input and output.
    pub(crate) fn run(&self, command: &mut Command) -> Result<()> {
        let line = self.announce(command);
        let child = command.spawn().with_context(|| format!("cannot start {line}"))?;
        let status = self.wait(child)?;
        self.judge(status, &line)
    }

    /// Runs to the end; each line of its standard output is shown and handed over.
    pub(crate) fn run_reading(&self, command: &mut Command, mut read: impl FnMut(&str) + Send) -> Result<()> {
        let line = self.announce(command);
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {line}"))?;
        let output = child.stdout.take();
        let status = std::thread::scope(|scope| {
            if let Some(output) = output {
                scope.spawn(move || show(BufReader::new(output), &mut read));
            }
            self.wait(child)
        })?;
        self.judge(status, &line)
    }

    /// Becomes the program: it gets this process' id, signals and exit code. Returns only when it cannot be started.
    pub(crate) fn become_program(&self, mut command: Command) -> anyhow::Error {
        use std::os::unix::process::CommandExt;

        if self.is_interrupted() {
            return Interrupted.into();
        }
        let line = self.announce(&command);
        anyhow::Error::new(command.exec()).context(format!("cannot start {line}"))
    }

    /// Shows what is about to run, as one could type it.
    fn announce(&self, command: &Command) -> String {
        let line = command_line(command, &self.root);
        println!("  $ {line}");
        // Nothing can be done about a closed terminal; the task goes on.
        let _ = std::io::stdout().flush();
        line
    }

    fn is_interrupted(&self) -> bool {
        self.interrupt.load(Ordering::Relaxed) || self.terminate.load(Ordering::Relaxed)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this program has no executor whose thread could be blocked"
    )]
    fn wait(&self, mut child: Child) -> Result<ExitStatus> {
        let mut told = false;
        loop {
            if let Some(status) = child.try_wait().context("cannot wait for the program")? {
                return Ok(status);
            }
            if self.terminate.load(Ordering::Relaxed) && !told {
                told = true;
                // The child has not been waited for, so its id is still its own. That it ended meanwhile is no fault.
                let _ = kill_process(Pid::from_child(&child), Signal::TERM);
            }
            std::thread::sleep(POLL);
        }
    }

    fn judge(&self, status: ExitStatus, line: &str) -> Result<()> {
        if self.is_interrupted() {
            return Err(Interrupted.into());
        }
        match status.code() {
            Some(0) => Ok(()),
            Some(code) => bail!("`{line}` ended with exit code {code}"),
            None => bail!("`{line}` was ended: {status}"),
        }
    }
}

/// Shows a program's lines and hands them over, until it closes its output.
fn show(output: impl BufRead, read: &mut impl FnMut(&str)) {
    for line in output.split(b'\n') {
        let Ok(line) = line else { return };
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        read(&line);
    }
}

/// Does `cargo run` set this variable for the program that it starts?
fn is_set_by_cargo_run(name: &OsStr) -> bool {
    name.to_str()
        .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
}

/// A command as one could type it in the root.
fn command_line(command: &Command, root: &Path) -> String {
    let mut words = Vec::new();
    if let Some(folder) = command.get_current_dir().filter(|folder| *folder != root) {
        words.push(format!("cd {} &&", relative(folder.as_os_str(), root)));
    }
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            words.push(format!("{}={}", name.display(), quoted(&value.to_string_lossy())));
        }
    }
    let program = Path::new(command.get_program());
    match program.file_name() {
        Some(name) if !program.starts_with(root) => words.push(name.display().to_string()),
        _ => words.push(relative(program.as_os_str(), root)),
    }
    words.extend(command.get_args().map(|word| quoted(&relative(word, root))));
    words.join(" ")
}

fn relative(path: &OsStr, root: &Path) -> String {
    let path = Path::new(path);
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

fn quoted(word: &str) -> String {
    if word.contains([' ', '"', '\'', '$', '*']) {
        format!("'{}'", word.replace('\'', r"'\''"))
    } else {
        word.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runner() -> Runner {
        Runner {
            root: PathBuf::from("/"),
            interrupt: Arc::default(),
            terminate: Arc::default(),
        }
    }

    #[test]
    fn a_command_is_shown_as_one_could_type_it() {
        let mut command = Command::new("/usr/bin/npm");
        command
            .args(["run", "two words"])
            .arg("/repository/target/x")
            .env("FLAGS", "-D warnings")
            .current_dir("/repository/contracts");
        assert_eq!(
            command_line(&command, Path::new("/repository")),
            "cd contracts && FLAGS='-D warnings' npm run 'two words' target/x"
        );
    }

    #[test]
    fn an_exit_code_is_reported_with_the_command() {
        let error = runner()
            .run(Command::new("sh").args(["-c", "exit 3"]))
            .unwrap_err()
            .to_string();
        assert!(error.ends_with("ended with exit code 3"), "{error}");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = runner()
            .run(&mut Command::new("no-such-program"))
            .unwrap_err()
            .to_string();
        assert_eq!(error, "cannot start no-such-program");
    }

    #[test]
    fn every_line_is_handed_over() {
        let mut lines = Vec::new();
        runner()
            .run_reading(Command::new("sh").args(["-c", "echo one; echo two"]), |line| {
                lines.push(line.to_owned());
            })
            .unwrap();
        assert_eq!(lines, ["one", "two"]);
    }

    #[test]
    fn a_signal_to_end_is_passed_on_to_the_child() {
        let runner = runner();
        runner.terminate.store(true, Ordering::Relaxed);
        let error = runner.run(Command::new("sleep").arg("600")).unwrap_err();
        assert!(error.is::<Interrupted>());
    }

    #[test]
    fn what_cargo_run_sets_is_known() {
        assert!(is_set_by_cargo_run(OsStr::new("CARGO_MANIFEST_DIR")));
        assert!(is_set_by_cargo_run(OsStr::new("CARGO_PKG_NAME")));
        assert!(!is_set_by_cargo_run(OsStr::new("CARGO_HOME")));
        assert!(!is_set_by_cargo_run(OsStr::new("CARGO_TARGET_DIR")));
    }
}
