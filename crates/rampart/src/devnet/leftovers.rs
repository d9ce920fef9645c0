//! What a devnet that was killed leaves behind: a file that names its processes, and those of them that still run.
//!
//! Decides which processes are a dead devnet's and ends them. That it is dead, the caller knows by its lock.

use super::progress;
use anyhow::{Context, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

/// How long the kernel may take to end a process that was killed.
const PATIENCE: Duration = Duration::from_secs(10);

/// A process that some devnet started.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Trace {
    pid: u32,
    /// Program and arguments. They name the devnet's ports and files, so that a process of another network that got
    /// the same id later is not taken for this one.
    command: Vec<String>,
}

impl Trace {
    pub(super) fn new(pid: u32, program: &Path, args: &[OsString]) -> Self {
        let words = std::iter::once(program.as_os_str()).chain(args.iter().map(OsString::as_os_str));
        let command = words.map(|word| word.to_string_lossy().into_owned()).collect();
        Self { pid, command }
    }

    /// Its id, if it still runs. One that has ended and was not waited for has an empty command line.
    fn alive(&self) -> Option<Pid> {
        let pid = i32::try_from(self.pid).ok().filter(|pid| *pid > 1)?;
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        // Each word ends with a zero byte.
        let words = line.strip_suffix(&[0])?.split(|byte| *byte == 0);
        words
            .map(|word| std::ffi::OsStr::from_bytes(word).to_string_lossy())
            .eq(self.command.iter().map(String::as_str))
            .then(|| Pid::from_raw(pid))
    }
}

/// Replaces the file, whole or not at all: a devnet may be killed at any time.
pub(super) fn note(file: &Path, traces: &[Trace]) -> anyhow::Result<()> {
    let draft = file.with_extension("new");
    std::fs::write(&draft, serde_json::to_vec(traces)?)
        .and_then(|()| std::fs::rename(&draft, file))
        .with_context(|| format!("cannot note the processes in {}", file.display()))
}

/// Ends the processes that the file names and waits until they are gone. No file, no processes.
pub(super) async fn end(file: &Path) -> anyhow::Result<()> {
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
    };
    let Ok(traces) = serde_json::from_slice::<Vec<Trace>>(&bytes) else {
        // Another version's. If its processes still run, their ports are found taken next.
        progress(&format!("{} names no processes", file.display()));
        return Ok(());
    };
    for trace in &traces {
        if let Some(pid) = trace.alive() {
            progress(&format!("ending process {pid} of an earlier devnet"));
            // It may have ended meanwhile, which is what is wanted.
            let _ = kill(pid, Signal::SIGKILL);
        }
    }
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while let Some(pid) = traces.iter().find_map(Trace::alive) {
        if tokio::time::Instant::now() > deadline {
            bail!("process {pid} of an earlier devnet does not end");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Child, Command};

    /// A process that can be seen: for a moment after it was started, its command line is still empty.
    fn sleeper(seconds: &str) -> Child {
        let child = Command::new("sleep").arg(seconds).spawn().unwrap();
        while trace(&child, seconds).alive().is_none() {
            std::thread::yield_now();
        }
        child
    }

    fn trace(child: &Child, seconds: &str) -> Trace {
        Trace::new(child.id(), Path::new("sleep"), &[seconds.into()])
    }

    #[tokio::test]
    async fn ends_what_is_named_and_leaves_a_process_that_only_has_the_id() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("processes.json");
        let (mut ours, mut other) = (sleeper("1001"), sleeper("1002"));
        note(&file, &[trace(&ours, "1001"), trace(&other, "1003")]).unwrap();
        end(&file).await.unwrap();
        assert!(!ours.wait().unwrap().success());
        let spared = other.try_wait().unwrap().is_none();
        other.kill().unwrap();
        other.wait().unwrap();
        assert!(spared);
    }

    #[tokio::test]
    async fn a_missing_or_torn_file_stops_no_start() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("processes.json");
        end(&file).await.unwrap();
        std::fs::write(&file, "[{\"pid\":").unwrap();
        end(&file).await.unwrap();
    }
}
