//! Purchases, as the ledger follows them after their confirmation (O3).

use crate::key::Key;
use crate::params::Evidence;
use alloy_rlp::{RlpDecodable, RlpEncodable};
use rampart_protocol::{Amount, B256, PurchaseRecord, Sequence, Timestamp};

/// A purchase: its confirmed terms, where its fee went, and what of it is used.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct Purchase {
    /// What was bought, on which terms: the bytes of the confirmation.
    pub record: PurchaseRecord,
    /// Hash of the transaction that bought it.
    pub transaction: B256,
    /// Height of the block that executed it: its confirmation is of that block.
    pub height: u64,
    /// The part of the fee that went to the pool; the rest went to the provider's escrow.
    pub cut: Amount,
    /// The positive evidence that it gave the provider: what a negative review of it is measured by.
    pub evidence: Evidence,
    /// Requests used, as proven so far.
    pub used: Sequence,
    /// When use was last proven; zero before.
    pub reported_at: Timestamp,
}

impl Purchase {
    /// The key that it is kept under.
    #[must_use]
    pub const fn key(&self) -> Key {
        Key::purchase(&self.record.id)
    }
}
