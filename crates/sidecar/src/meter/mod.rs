//! The meter: what each purchase has used, durable before it is served (V6, P3).
//!
//! The rule of counting. A request is *reserved*, and its voucher durable, before it is forwarded. It *counts* from
//! the moment that the upstream's answer begins, unless that answer is a server error (5xx). If the upstream fails
//! before it answers, the reservation is released and the number can be used again. After a crash every reservation
//! counts, for nobody knows what the upstream did: a crash burns at most what was in flight, and nothing is ever served
//! unmetered.
//!
//! A block of numbers (`rampart_protocol::request_block`) is reserved as a whole: its one voucher is durable before any
//! request of it is served, and its requests themselves are counted in memory. After a crash the whole block counts.

mod block;
#[cfg(test)]
mod block_tests;
mod files;
pub mod frame;
pub mod journal;
pub mod record;
mod state;
pub mod store;
#[cfg(test)]
mod tests;

pub use record::Voucher;
pub use store::{MeterStore, Reservation, Totals, Usage, UseError};

use std::path::PathBuf;

/// What takes the records while files are replayed.
pub type Opening<'a> = dyn FnMut(record::Record) -> Result<(), &'static str> + 'a;

/// How the meter bounds its memory and disk.
#[derive(Clone, Copy, Debug)]
pub struct MeterOptions {
    /// Log bytes after which a snapshot replaces the log (or twice the snapshot's size, if that is more).
    pub compact_bytes: usize,
    /// Seconds after its expiry that a purchase, with the voucher that proves its use, is kept for reporting.
    pub retain_seconds: u64,
}

/// The meter cannot work.
#[derive(Debug, thiserror::Error)]
pub enum MeterError {
    /// The operating system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Another process meters into this directory.
    #[error("{} is in use by another sidecar", .0.display())]
    InUse(PathBuf),
    /// A file is damaged where no crash can have damaged it.
    #[error("{} is damaged at byte {offset}; restore it from a copy (without it, every purchase can be used anew)", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        offset: usize,
    },
    /// A record passes its checksum and still cannot be read.
    #[error("{} holds a record that cannot be read: {source}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Why.
        source: alloy_rlp::Error,
    },
    /// Records contradict each other.
    #[error("{} contradicts itself: {reason}", path.display())]
    Inconsistent {
        /// The file.
        path: PathBuf,
        /// How.
        reason: &'static str,
    },
    /// A log has records, but the snapshot that it continues is gone.
    #[error("log-{0} has records but snapshot-{0} is missing")]
    MissingSnapshot(u64),
    /// The writing thread could not start.
    #[error("cannot start the meter's thread")]
    Thread(#[source] std::io::Error),
    /// The journal stopped before the record was durable.
    #[error("the meter's journal has stopped")]
    Stopped,
}
