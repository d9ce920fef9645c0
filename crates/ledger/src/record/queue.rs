//! Deadlines: what the ledger must do later by itself, first in first out.
//!
//! Each queue holds one kind of deadline, all of the same delay, so the order of entry is the order of deadlines and
//! nothing is ever searched or sorted. Only a change of the delay can let a deadline wait behind an earlier entry.

use super::byte_enum;
use crate::key::Key;
use alloy_rlp::{RlpDecodable, RlpEncodable};
use rampart_protocol::{B256, Timestamp};

/// What a deadline ends. The values are part of the state's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
#[repr(u8)]
pub enum QueueKind {
    /// A review stands, unless it was challenged. The subject is the purchase.
    Challenge = 0,
    /// A round of a case is counted. The subject is the case.
    Round = 1,
    /// A case that governance was asked to decide is dropped. The subject is the case.
    Escalation = 2,
    /// What an expelled provider left for its consumers goes to the pool. The subject is the provider's id.
    Compensation = 3,
}

byte_enum!(QueueKind {
    Challenge = 0,
    Round = 1,
    Escalation = 2,
    Compensation = 3,
});

impl QueueKind {
    /// Every queue, in the order of its byte.
    pub const ALL: [Self; 4] = [Self::Challenge, Self::Round, Self::Escalation, Self::Compensation];
}

/// The two ends of a queue: items from `head` up to, not including, `tail` exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct Queue {
    /// The number of the oldest item.
    pub head: u64,
    /// The number that the next item gets.
    pub tail: u64,
}

/// One deadline.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct QueueItem {
    /// The queue that it waits in.
    pub queue: QueueKind,
    /// Its place.
    pub number: u64,
    /// When it is due.
    pub due: Timestamp,
    /// What it is about.
    pub subject: B256,
}

impl QueueItem {
    /// The key that it is kept under.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::queue_item(self.queue, self.number)
    }
}
