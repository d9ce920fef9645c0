//! What was decided, kept on disk (N2): one JSON object a line, in numbered files under `decisions` in the state
//! directory, for as long and as large as [`Retention`] says.
//!
//! Screening never waits for this disk. One thread writes what has gathered and syncs it, so a crash of the process
//! loses what was decided in the last moments, and at most leaves a torn line, which readers pass over. When the disk
//! takes nothing or is too slow, decisions are counted as lost, the log says so, and transactions are screened as ever.

mod writer;

use crate::form::Form;
use alloy::primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use tokio::sync::oneshot;
use writer::Writer;

/// Decisions that wait for the disk at most; each holds the verdicts it rests on.
const WAITING: usize = 256;
/// Name of the directory within the state directory.
const DIRECTORY: &str = "decisions";

/// How long decisions are kept; what is reached first counts. Files go as a whole, an eighth of either at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Days that a decision is kept at least, room permitting. What is older goes when the next decision is written.
    pub days: u64,
    /// Most bytes that all files take.
    pub bytes: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            days: 30,
            bytes: 256 << 20,
        }
    }
}

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It went to the node.
    Relayed,
    /// It went to the node because the rule is a dry run.
    WouldBlock,
    /// It was refused.
    Blocked,
}

/// A place in a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// From 0.
    pub index: usize,
    /// How many there were.
    pub of: usize,
}

/// A decision as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Sixteen hex digits, as in the log and in the client's error.
    pub id: String,
    /// Unix seconds.
    pub at: u64,
    /// What became of the transaction.
    pub outcome: Outcome,
    /// The rule that applied.
    pub rule: String,
    /// The stable reason, when the transaction was not to be relayed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who sent it, where the administrator names clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// The JSON-RPC method.
    pub method: String,
    /// What was to be sent.
    #[serde(default)]
    pub form: Form,
    /// Which of the things that were sent together; none if it was alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
    /// The transaction's hash, or that of the parameters of a user operation or a transaction without a signature.
    pub hash: B256,
    /// Its sender, where it can be told.
    pub from: Option<Address>,
    /// Its recipient; none creates a contract, if the sender can be told.
    pub to: Option<Address>,
    /// Wei.
    pub value: Option<U256>,
    /// The application's origin, as its browser told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The votes with their reasons, as in the client's error.
    pub vendors: Vec<Value>,
}

/// Which decisions are looked for: those that meet every condition that is given.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The decision's id.
    pub id: Option<String>,
    /// Made at this time or later, unix seconds.
    pub since: Option<u64>,
    /// Of this transaction.
    pub hash: Option<B256>,
    /// Refused, or refused but for a dry run.
    pub blocked: bool,
}

/// Why decisions cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {path}")]
pub struct DecisionsError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

enum Message {
    Keep(Box<Decision>),
    Flush(oneshot::Sender<()>),
}

/// Where decisions are handed in.
#[derive(Debug)]
pub struct DecisionLog {
    sender: SyncSender<Message>,
    lost: Arc<AtomicU64>,
}

impl DecisionLog {
    /// Starts the thread that writes into the state directory.
    ///
    /// # Errors
    /// When the system gives no thread. A directory that cannot be written is no error.
    pub fn start(state: &Path, retention: Retention) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let writer = Writer::new(state.join(DIRECTORY), retention);
        let counter = Arc::clone(&lost);
        std::thread::Builder::new()
            .name("decisions".to_owned())
            .spawn(move || write_all(&receiver, writer, &counter))?;
        Ok(Self { sender, lost })
    }

    /// Hands a decision in, or counts it as lost; never waits.
    pub fn keep(&self, decision: Decision) {
        let sent = self.sender.try_send(Message::Keep(Box::new(decision)));
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = sent {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Decisions since the start that are not on disk and never will be.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Waits until what was handed in before is on disk, or lost.
    pub async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        let mut message = Message::Flush(done);
        while let Err(TrySendError::Full(again)) = self.sender.try_send(message) {
            message = again;
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let _ = flushed.await;
    }
}

/// The thread: what has gathered is written and synced together.
fn write_all(receiver: &Receiver<Message>, mut writer: Writer, lost: &AtomicU64) {
    let mut failing = false;
    while let Ok(first) = receiver.recv() {
        let mut decisions = Vec::new();
        let mut flushes = Vec::new();
        for message in std::iter::once(first).chain(receiver.try_iter().take(WAITING)) {
            match message {
                Message::Keep(decision) => decisions.push(*decision),
                Message::Flush(done) => flushes.push(done),
            }
        }
        match writer.write(&decisions) {
            Ok(()) if failing => {
                tracing::info!("decisions are kept on disk again");
                failing = false;
            }
            Ok(()) => {}
            Err(error) => {
                lost.fetch_add(decisions.len().try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
                if !failing {
                    tracing::error!(%error, "decisions cannot be kept on disk; screening goes on without");
                }
                failing = true;
            }
        }
        for done in flushes {
            let _ = done.send(());
        }
    }
}

/// Gives every decision that is wanted to `each`, the oldest first, and returns how many lines could not be read.
/// `state` is the gateway's state directory; the gateway may run meanwhile.
///
/// # Errors
/// When a file cannot be read. A directory that is not there holds nothing.
pub fn find(state: &Path, wanted: &Wanted, mut each: impl FnMut(Decision)) -> Result<u64, DecisionsError> {
    let directory = state.join(DIRECTORY);
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| DecisionsError { path, source }
    };
    let mut unreadable = 0;
    for (_, path) in writer::segments(&directory).map_err(failed(&directory))? {
        let file = match File::open(&path) {
            Ok(file) => file,
            // Its time ended since the directory was read.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(failed(&path)(error)),
        };
        for line in BufReader::new(file).split(b'\n') {
            let line = line.map_err(failed(&path))?;
            match serde_json::from_slice::<Decision>(&line) {
                Ok(decision) if wanted.is(&decision) => each(decision),
                Ok(_) => {}
                Err(_) => unreadable += 1,
            }
        }
    }
    Ok(unreadable)
}

impl Wanted {
    fn is(&self, decision: &Decision) -> bool {
        self.id.as_ref().is_none_or(|id| *id == decision.id)
            && self.since.is_none_or(|since| decision.at >= since)
            && self.hash.is_none_or(|hash| hash == decision.hash)
            && !(self.blocked && decision.outcome == Outcome::Relayed)
    }
}

#[cfg(test)]
mod tests;
