//! Purchases, as the ledger follows them after their confirmation (O3).

use crate::key::Key;
use crate::params::Evidence;
use alloc::vec::Vec;
use alloy_rlp::{RlpDecodable, RlpEncodable};
use rampart_protocol::{AccessKey, Amount, PurchaseRecord, Sequence, Timestamp};

/// How often the access key of a purchase can be rotated: each key's vouchers stay good, so each is kept.
pub const MAX_ROTATIONS: usize = 4;

/// A purchase: its confirmed terms, and what of it is used.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct Purchase {
    /// What was bought, on which terms: the bytes of the confirmation.
    pub record: PurchaseRecord,
    /// Height of the block that executed it: its confirmation is of that block.
    pub height: u64,
    /// The positive evidence that it gave the provider: what a negative review of it is measured by.
    pub evidence: Evidence,
    /// Requests used, as proven so far.
    pub used: Sequence,
    /// When use was last proven; zero before.
    pub reported_at: Timestamp,
    /// Keys that replaced the record's access key, oldest first.
    pub rotations: Vec<AccessKey>,
    /// Whether it was reviewed.
    pub reviewed: bool,
    /// Whether its unused part was refunded, so that no more of it can be used.
    pub closed: bool,
    /// What was refunded.
    pub refunded: Amount,
}

impl Purchase {
    /// The key that it is kept under.
    #[must_use]
    pub const fn key(&self) -> Key {
        Key::purchase(&self.record.id)
    }

    /// The key that signs its requests now.
    #[must_use]
    pub fn access_key(&self) -> AccessKey {
        self.rotations.last().copied().unwrap_or(self.record.access_key)
    }
}
