//! The journal: one thread that makes records durable, many at a time (group commit).
//!
//! Records are appended to the log in the order in which they were handed over; an acknowledgement means that
//! `fdatasync` returned. A snapshot starts a new generation: a snapshot file with everything so far and an empty
//! log. After a failed write nothing is known of the disk, so the journal stops for good and says why; what the
//! records mean is the store's affair.

use super::files::{self, Files};
use super::frame::{self, MAX_PAYLOAD, Stream};
use super::record::Record;
use super::{MeterError, Opening};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use tokio::sync::oneshot;

/// Resolves when the record is durable; an error means that the journal stopped first.
pub type Ack = oneshot::Receiver<()>;

/// Resolves with the reason when the journal can no longer write; an error means that it ended in order.
pub type Failure = oneshot::Receiver<MeterError>;

enum Command {
    Append {
        record: Vec<u8>,
        done: oneshot::Sender<()>,
    },
    Snapshot(Vec<Record>),
}

/// The handle to the writing thread. The thread ends, with everything written, when the handle is dropped.
#[derive(Debug)]
pub struct Journal {
    commands: Option<Sender<Command>>,
    thread: Option<std::thread::JoinHandle<()>>,
    _lock: File,
}

impl Journal {
    /// Opens the files in `dir`, replays them into `apply`, and starts the thread. Blocks.
    ///
    /// # Errors
    /// When another process has the directory, a file cannot be read, or it is damaged beyond a torn end.
    pub fn open(dir: &Path, apply: &mut Opening<'_>) -> Result<(Self, Failure), MeterError> {
        let (files, lock) = files::open(dir, apply)?;
        #[expect(
            clippy::disallowed_methods,
            reason = "a request waits for its command, and connections are bounded"
        )]
        let (commands, receiver) = mpsc::channel();
        let (failed, failure) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("meter".to_owned())
            .spawn(move || {
                if let Err(error) = (Writer { files }).run(&receiver) {
                    // Nobody listens any more when the sidecar is ending anyway.
                    let _ = failed.send(error);
                }
            })
            .map_err(MeterError::Thread)?;
        let journal = Self {
            commands: Some(commands),
            thread: Some(thread),
            _lock: lock,
        };
        Ok((journal, failure))
    }

    /// Hands a record over; returns its size in bytes and its acknowledgement.
    pub fn append(&self, record: &Record) -> (usize, Ack) {
        let mut bytes = Vec::with_capacity(1024);
        record.write(&mut bytes);
        let (done, ack) = oneshot::channel();
        let length = bytes.len();
        self.send(Command::Append { record: bytes, done });
        (length, ack)
    }

    /// Starts a new generation whose snapshot holds `entries`: all that the records handed over so far amount to.
    pub fn snapshot(&self, entries: Vec<Record>) {
        self.send(Command::Snapshot(entries));
    }

    fn send(&self, command: Command) {
        if let Some(commands) = &self.commands {
            // The thread is gone after a failure; the dropped acknowledgement says so to whoever waits.
            let _ = commands.send(command);
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            // A panicked thread has dropped its acknowledgements, which is all that matters here.
            let _ = thread.join();
        }
    }
}

struct Writer {
    files: Files,
}

impl Writer {
    fn run(mut self, commands: &Receiver<Command>) -> Result<(), MeterError> {
        let mut next = commands.recv().ok();
        while let Some(command) = next.take() {
            match command {
                Command::Append { record, done } => next = self.batch(record, done, commands)?,
                Command::Snapshot(entries) => self.files.rotate(&entries)?,
            }
            if next.is_none() {
                next = commands.recv().ok();
            }
        }
        Ok(())
    }

    /// Writes what is waiting, up to a frame's capacity or a snapshot, in one go; returns the command that is left over.
    fn batch(
        &mut self,
        record: Vec<u8>,
        done: oneshot::Sender<()>,
        commands: &Receiver<Command>,
    ) -> Result<Option<Command>, MeterError> {
        let (mut payload, mut waiting, mut left) = (record, vec![done], None);
        loop {
            match commands.try_recv() {
                Ok(Command::Append { record, done }) if payload.len() + record.len() <= MAX_PAYLOAD => {
                    payload.extend_from_slice(&record);
                    waiting.push(done);
                }
                Ok(other) => {
                    left = Some(other);
                    break;
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        self.files.append(&payload)?;
        for done in waiting {
            // A caller that went away needs no answer.
            let _ = done.send(());
        }
        Ok(left)
    }
}

/// Writes a snapshot into `file` and makes it durable.
pub fn write_snapshot(file: &mut File, stream: Stream, entries: &[Record]) -> std::io::Result<()> {
    let (mut payload, mut out, mut index) = (Vec::new(), Vec::new(), 0);
    let end = Record::End(super::record::End {
        entries: entries.len() as u64,
    });
    for record in entries.iter().chain([&end]) {
        let mut bytes = Vec::new();
        record.write(&mut bytes);
        if payload.len() + bytes.len() > MAX_PAYLOAD {
            frame::write(stream, index, &payload, &mut out);
            file.write_all(&out)?;
            (payload, out, index) = (Vec::new(), Vec::new(), index + 1);
        }
        payload.extend_from_slice(&bytes);
    }
    frame::write(stream, index, &payload, &mut out);
    file.write_all(&out)?;
    file.sync_all()
}
