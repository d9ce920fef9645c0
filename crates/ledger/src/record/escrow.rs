//! The records of a provider's escrow; `crate::escrow` works on them.

use crate::key::Key;
use alloc::vec::Vec;
use alloy_rlp::{RlpDecodable, RlpEncodable};
use rampart_protocol::{Amount, ProviderId, Seconds, Timestamp};

/// One provider's escrow: how much, and the ends of the list of pages that hold it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct EscrowQueue {
    /// Sum over all pages. When it is zero there are no pages, and the two ends mean nothing.
    pub total: Amount,
    /// Start of the oldest page.
    pub first: Timestamp,
    /// Start of the newest page.
    pub last: Timestamp,
}

impl EscrowQueue {
    /// No escrow.
    pub const EMPTY: Self = Self {
        total: Amount::ZERO,
        first: Timestamp(0),
        last: Timestamp(0),
    };
}

/// Consecutive buckets of escrowed fees, each dated by the time in which its purchases were made.
///
/// Pages with nothing in them do not exist, so they form a list from old to new.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct EscrowPage {
    /// Whose.
    pub provider: ProviderId,
    /// First second of the first bucket.
    pub start: Timestamp,
    /// Width of each bucket.
    pub width: Seconds,
    /// Start of the next page; meaningless in the newest one, which [`EscrowQueue::last`] tells.
    pub next: Timestamp,
    /// What each bucket holds, oldest first; [`crate::BUCKETS_PER_PAGE`] of them.
    pub buckets: Vec<Amount>,
}

impl EscrowPage {
    /// The key that it is kept under.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::escrow_page(self.provider, self.start)
    }
}
