//! Sequence numbers of purchases: each used once, across crashes too.
//!
//! Signing n says "I have authorised n in all" and a sidecar serves each n once, so a number must never be signed for
//! two requests. Numbers are therefore reserved on disk in blocks *before* the first of a block is used; a crash burns
//! at most the rest of a block. A burnt number is paid for if a later one is used, so the block is small for small
//! packages: a sixteenth of it, at most 64 numbers. A clean stop gives the rest of a block back.

use crate::durable;
use rampart_protocol::{PurchaseId, Sequence};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Largest block of numbers that is reserved at once.
pub const MAX_BLOCK: u64 = 64;

/// Why sequence numbers cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum SequenceError {
    /// The directory or a file cannot be read or written.
    #[error("cannot use {path} for sequence numbers")]
    Storage {
        /// The directory or file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// Another gateway uses the directory.
    #[error("another process uses {0} for its sequence numbers")]
    Locked(PathBuf),
    /// A file holds something else than a number.
    #[error("{0} does not hold a sequence number")]
    Corrupt(PathBuf),
}

/// Why there is no next number.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// The package is used up.
    #[error("all requests of the package are used")]
    Exhausted,
    /// The reservation could not be written.
    #[error(transparent)]
    Storage(#[from] SequenceError),
}

/// The directory of sequence numbers, locked while this value lives.
#[derive(Debug)]
pub struct Sequences {
    directory: PathBuf,
    _lock: File,
}

impl Sequences {
    /// Opens or creates the directory.
    pub fn open(directory: &Path) -> Result<Self, SequenceError> {
        let storage = |source| SequenceError::Storage {
            path: directory.to_owned(),
            source,
        };
        fs::create_dir_all(directory).map_err(storage)?;
        let lock = File::create(directory.join("lock")).map_err(storage)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                directory: directory.to_owned(),
                _lock: lock,
            }),
            Err(fs::TryLockError::WouldBlock) => Err(SequenceError::Locked(directory.to_owned())),
            Err(fs::TryLockError::Error(source)) => Err(storage(source)),
        }
    }

    /// The counter of a purchase of which `limit` requests may be used.
    pub fn counter(self: &Arc<Self>, purchase: PurchaseId, limit: u64) -> Result<Counter, SequenceError> {
        let path = self.directory.join(format!("{:#x}", purchase.0));
        let reserved = match fs::read_to_string(&path) {
            Ok(text) => text
                .trim()
                .parse()
                .map_err(|_| SequenceError::Corrupt(path.clone()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(source) => return Err(SequenceError::Storage { path, source }),
        };
        Ok(Counter {
            path,
            limit,
            block: (limit / 16).clamp(1, MAX_BLOCK),
            state: Arc::new(Mutex::new(State {
                used: reserved,
                reserved,
            })),
            _directory: Arc::clone(self),
        })
    }
}

/// The sequence numbers of one purchase.
#[derive(Debug)]
pub struct Counter {
    path: PathBuf,
    limit: u64,
    block: u64,
    state: Arc<Mutex<State>>,
    _directory: Arc<Sequences>,
}

#[derive(Debug)]
struct State {
    /// The last number that was given out or is lost.
    used: u64,
    /// The last number that the file says is reserved.
    reserved: u64,
}

impl Counter {
    /// The next number, reserved durably.
    pub async fn take(&self) -> Result<Sequence, TakeError> {
        let mut state = Arc::clone(&self.state).lock_owned().await;
        if state.used >= self.limit {
            return Err(TakeError::Exhausted);
        }
        if state.used == state.reserved {
            let reserved = state.reserved.saturating_add(self.block).min(self.limit);
            state = self.write(state, reserved).await?;
        }
        state.used += 1;
        Ok(Sequence(state.used))
    }

    /// The last number that is reserved: those up to it are this gateway's alone.
    pub async fn reserved(&self) -> Sequence {
        Sequence(self.state.lock().await.reserved)
    }

    /// Gives up the rest of the block: a sidecar has seen numbers that this directory does not know of.
    pub async fn skip_block(&self) {
        let mut state = self.state.lock().await;
        state.used = state.reserved;
    }

    /// Gives the rest of the block back, at a clean stop.
    pub async fn release(&self) {
        let state = Arc::clone(&self.state).lock_owned().await;
        let used = state.used;
        if used < state.reserved
            && let Err(error) = self.write(state, used).await
        {
            // The rest of the block is lost, as after a crash.
            tracing::warn!(%error, "cannot give sequence numbers back");
        }
    }

    /// How many numbers are left.
    pub async fn remaining(&self) -> u64 {
        self.limit.saturating_sub(self.state.lock().await.used)
    }

    /// Writes what is reserved. The lock goes with the writing, so that it is whole even when nobody waits for it any
    /// more: a caller's time may run out meanwhile.
    async fn write(
        &self,
        mut state: OwnedMutexGuard<State>,
        reserved: u64,
    ) -> Result<OwnedMutexGuard<State>, SequenceError> {
        let path = self.path.clone();
        let written = tokio::task::spawn_blocking(move || {
            durable::replace(&path, format!("{reserved}\n").as_bytes(), false)?;
            state.reserved = reserved;
            Ok::<_, io::Error>(state)
        });
        let storage = |source| SequenceError::Storage {
            path: self.path.clone(),
            source,
        };
        written
            .await
            .map_err(|join| storage(io::Error::other(join)))?
            .map_err(storage)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rampart_protocol::B256;

    const ID: PurchaseId = PurchaseId(B256::repeat_byte(9));

    fn open(directory: &Path) -> Arc<Sequences> {
        Arc::new(Sequences::open(directory).unwrap())
    }

    #[tokio::test]
    async fn counts_from_one_to_the_limit() {
        let directory = tempfile::tempdir().unwrap();
        let counter = open(directory.path()).counter(ID, 3).unwrap();
        for n in 1..=3 {
            assert_eq!(counter.take().await.unwrap(), Sequence(n));
        }
        assert!(matches!(counter.take().await, Err(TakeError::Exhausted)));
        assert_eq!(counter.remaining().await, 0);
    }

    #[tokio::test]
    async fn a_crash_burns_the_rest_of_a_block_and_never_repeats_a_number() {
        let directory = tempfile::tempdir().unwrap();
        let counter = open(directory.path()).counter(ID, 1000).unwrap();
        assert_eq!(counter.take().await.unwrap(), Sequence(1));
        drop(counter);
        let counter = open(directory.path()).counter(ID, 1000).unwrap();
        assert_eq!(counter.take().await.unwrap(), Sequence(63));
    }

    #[tokio::test]
    async fn a_clean_stop_burns_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let counter = open(directory.path()).counter(ID, 1000).unwrap();
        counter.take().await.unwrap();
        counter.release().await;
        assert_eq!(counter.take().await.unwrap(), Sequence(2));
        counter.release().await;
        drop(counter);
        let counter = open(directory.path()).counter(ID, 1000).unwrap();
        assert_eq!(counter.take().await.unwrap(), Sequence(3));
    }

    #[tokio::test]
    async fn a_small_package_has_small_blocks() {
        let directory = tempfile::tempdir().unwrap();
        let counter = open(directory.path()).counter(ID, 10).unwrap();
        counter.take().await.unwrap();
        drop(counter);
        let counter = open(directory.path()).counter(ID, 10).unwrap();
        assert_eq!(counter.take().await.unwrap(), Sequence(2));
    }

    #[tokio::test]
    async fn numbers_taken_at_once_are_all_different() {
        let directory = tempfile::tempdir().unwrap();
        let counter = Arc::new(open(directory.path()).counter(ID, 500).unwrap());
        let tasks: Vec<_> = (0..500)
            .map(|_| {
                let counter = Arc::clone(&counter);
                tokio::spawn(async move { counter.take().await.unwrap().0 })
            })
            .collect();
        let mut numbers = Vec::new();
        for task in tasks {
            numbers.push(task.await.unwrap());
        }
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=500).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn no_number_is_given_out_that_could_not_be_reserved() {
        let directory = tempfile::tempdir().unwrap();
        let counter = open(directory.path()).counter(ID, 100).unwrap();
        fs::remove_dir_all(directory.path()).unwrap();
        assert!(matches!(counter.take().await, Err(TakeError::Storage(_))));
    }

    #[test]
    fn two_gateways_cannot_share_a_directory() {
        let directory = tempfile::tempdir().unwrap();
        let _first = Sequences::open(directory.path()).unwrap();
        assert!(matches!(
            Sequences::open(directory.path()),
            Err(SequenceError::Locked(_))
        ));
    }

    #[test]
    fn refuses_a_file_that_holds_no_number() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(format!("{:#x}", ID.0)), "x").unwrap();
        let error = open(directory.path()).counter(ID, 10).unwrap_err();
        assert!(matches!(error, SequenceError::Corrupt(_)));
    }
}
