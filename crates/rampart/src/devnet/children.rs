//! The devnet's processes: started with a log file each, watched, restarted if they die, and all ended at the end.
//!
//! Their ids are kept in a file, so that a devnet that was itself killed leaves nothing to the next one: that ends first
//! what [`super::leftovers`] finds there. Whether the network needs a process, its starter says.

use super::layout::Layout;
use super::leftovers::{self, Trace};
use super::progress;
use crate::output;
use anyhow::{Context, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::time::Instant;

/// Pause before a process that died is started again.
const RESTART_AFTER: Duration = Duration::from_secs(3);

/// How to start a process.
#[derive(Clone, Debug)]
struct Recipe {
    program: PathBuf,
    args: Vec<OsString>,
    /// Whether it is started again when it dies. An EVM node has lost its chain by then.
    restart: bool,
}

#[derive(Debug)]
struct Running {
    recipe: Recipe,
    child: Child,
    pid: u32,
    died: Option<Instant>,
}

/// All processes by name.
#[derive(Debug)]
pub struct Children {
    /// Held as long as this devnet lives, however it ends.
    _lock: File,
    running: BTreeMap<String, Running>,
    logs: PathBuf,
    traces: PathBuf,
}

impl Children {
    /// Ends what an earlier devnet in this directory left, checks the ports and empties the directory.
    ///
    /// Fails when that devnet is still alive.
    pub async fn new(layout: &Layout) -> anyhow::Result<Self> {
        let lock = File::create(layout.lock())
            .with_context(|| format!("cannot write {}", layout.lock().display()))?;
        lock.try_lock().with_context(|| {
            format!(
                "another devnet runs in {}; end it, or choose another --dir and --base-port",
                layout.path("").display()
            )
        })?;
        let traces = layout.path("processes.json");
        leftovers::end(&traces).await?;
        layout.check_ports()?;
        layout.clear()?;
        Ok(Self {
            _lock: lock,
            running: BTreeMap::new(),
            logs: layout.path("logs"),
            traces,
        })
    }

    /// Starts a process.
    pub fn start(
        &mut self,
        name: &str,
        program: &Path,
        args: impl IntoIterator<Item = impl Into<OsString>>,
        restart: bool,
    ) -> anyhow::Result<()> {
        let recipe = Recipe {
            program: program.to_owned(),
            args: args.into_iter().map(Into::into).collect(),
            restart,
        };
        let running = self.spawn(name, recipe)?;
        self.running.insert(name.to_owned(), running);
        self.trace()
    }

    /// Starts this same binary with other arguments.
    pub fn start_self(
        &mut self,
        name: &str,
        args: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> anyhow::Result<()> {
        self.start(name, &std::env::current_exe()?, args, true)
    }

    fn spawn(&self, name: &str, recipe: Recipe) -> anyhow::Result<Running> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log(name))
            .with_context(|| format!("cannot write {}", self.log(name).display()))?;
        let child = Command::new(&recipe.program)
            .args(&recipe.args)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", recipe.program.display()))?;
        let pid = child.id().with_context(|| format!("{name} ended at once"))?;
        Ok(Running {
            recipe,
            child,
            pid,
            died: None,
        })
    }

    /// Its log file.
    pub fn log(&self, name: &str) -> PathBuf {
        self.logs.join(format!("{name}.log"))
    }

    /// A process's id; 0 when there is none of that name.
    pub fn pid(&self, name: &str) -> u32 {
        self.running.get(name).map_or(0, |running| running.pid)
    }

    /// Kills a process with SIGKILL, as a power cut would.
    pub async fn kill(&mut self, name: &str) -> anyhow::Result<()> {
        let running = self
            .running
            .get_mut(name)
            .with_context(|| format!("no process {name}"))?;
        running
            .child
            .kill()
            .await
            .with_context(|| format!("cannot kill {name}"))
    }

    /// Starts a process that ended once more, as it was started first.
    pub fn restart(&mut self, name: &str) -> anyhow::Result<()> {
        let running = self
            .running
            .get(name)
            .with_context(|| format!("no process {name}"))?;
        let running = self.spawn(name, running.recipe.clone())?;
        self.running.insert(name.to_owned(), running);
        self.trace()
    }

    /// Fails when a process has ended that should run, with the end of its log.
    pub fn check(&mut self, name: &str) -> anyhow::Result<()> {
        let running = self
            .running
            .get_mut(name)
            .with_context(|| format!("no process {name}"))?;
        if let Some(status) = running.child.try_wait()? {
            bail!(
                "{name} ended with {status}; its log ends with:\n{}",
                self.tail(name)
            );
        }
        Ok(())
    }

    fn tail(&self, name: &str) -> String {
        let text = std::fs::read_to_string(self.log(name)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }

    /// Watches for ever: says what ends, and starts it again. Returns only with an error.
    pub async fn watch(&mut self, changed: impl Fn(&Self) -> anyhow::Result<()>) -> anyhow::Result<()> {
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let mut due = Vec::new();
            for (name, running) in &mut self.running {
                match (running.died, running.child.try_wait()?) {
                    (None, Some(status)) => {
                        output::remark(&format!("{name} (process {}) ended: {status}", running.pid));
                        if !running.recipe.restart {
                            bail!("{name} cannot be started again: its chain is lost");
                        }
                        running.died = Some(Instant::now());
                    }
                    (Some(died), _) if died.elapsed() >= RESTART_AFTER => due.push(name.clone()),
                    _ => {}
                }
            }
            for name in &due {
                self.restart(name)?;
                output::remark(&format!("{name} started again (process {})", self.pid(name)));
            }
            if !due.is_empty() {
                changed(self)?;
            }
        }
    }

    /// Ends all: politely, then not.
    pub async fn stop(&mut self, grace: Duration) {
        for running in self.running.values() {
            // None once it has been waited for: the id may be another's by then.
            if let Some(pid) = running.child.id().and_then(|pid| i32::try_from(pid).ok()) {
                // It may have ended meanwhile, which is what is wanted.
                let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
            }
        }
        let deadline = Instant::now() + grace;
        for (name, running) in &mut self.running {
            if tokio::time::timeout_at(deadline, running.child.wait())
                .await
                .is_err()
            {
                progress(&format!("{name} does not end by itself; killed"));
                let _ = running.child.kill().await;
            }
        }
        let _ = std::fs::remove_file(&self.traces);
    }

    fn trace(&self) -> anyhow::Result<()> {
        let trace =
            |running: &Running| Trace::new(running.pid, &running.recipe.program, &running.recipe.args);
        let traces: Vec<Trace> = self.running.values().map(trace).collect();
        leftovers::note(&self.traces, &traces)
    }
}
