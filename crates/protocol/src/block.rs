//! A block: a header that consensus certifies, and the body that its transactions root commits to.

use crate::error::{DecodeError, decode_exact};
use crate::observation::Observation;
use crate::transaction::SignedTransaction;
use alloc::vec::Vec;
use alloy_primitives::{B256, keccak256};
use alloy_rlp::{RlpDecodable, RlpEncodable};

/// What operators certify. Its digest is keccak-256 of its RLP.
#[derive(Clone, Debug, Default, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct Header {
    /// Consensus epoch.
    pub epoch: u64,
    /// Consensus view within the epoch.
    pub view: u64,
    /// Ed25519 consensus key of the proposer.
    pub leader: B256,
    /// View of the parent.
    pub parent_view: u64,
    /// Digest of the parent's header.
    pub parent: B256,
    /// Number of blocks since genesis.
    pub height: u64,
    /// Unix time in milliseconds; strictly more than the parent's.
    pub timestamp_ms: u64,
    /// Commitment to the body.
    pub transactions_root: B256,
    /// Merkle root over the block's purchase confirmations, zero when there are none (X1).
    pub confirmations_root: B256,
    /// Root of the state after this block.
    pub state_root: B256,
    /// First operation of the state log that the root needs.
    pub state_start: u64,
    /// End of the state log.
    pub state_end: u64,
    /// Merkle root over every withdrawal so far, zero when there are none.
    pub withdrawals_root: B256,
    /// Inbox messages of the settlement contract consumed so far.
    pub inbox_count: u64,
    /// [`crate::OperatorSet::commitment`] of the operators of the epoch after this one: whoever trusts this block's
    /// signers learns from it whom to trust next (X1). Zero in no block.
    pub next_operators: B256,
}

impl Header {
    /// The digest that consensus agrees on.
    #[must_use]
    pub fn digest(&self) -> B256 {
        keccak256(alloy_rlp::encode(self))
    }
}

/// What a block executes: observations first, then transactions, each in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct Body {
    /// Seen on the chains, in inbox order.
    pub observations: Vec<Observation>,
    /// Of accounts.
    pub transactions: Vec<SignedTransaction>,
}

impl Body {
    /// The commitment that the header carries: keccak-256 of the body's RLP, zero when it is empty.
    ///
    /// Not the Merkle tree of [`crate::merkle`]: that one does not fix the order, and order decides what happens.
    #[must_use]
    pub fn root(&self) -> B256 {
        if self.observations.is_empty() && self.transactions.is_empty() {
            return B256::ZERO;
        }
        keccak256(alloy_rlp::encode(self))
    }

    /// Decodes the canonical encoding.
    ///
    /// # Errors
    /// When the bytes are not exactly one canonical body.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode_exact(bytes)
    }
}
