//! A block: a header that consensus certifies, and the body that its transactions root commits to.

use crate::error::{DecodeError, decode_exact};
use crate::observation::Observation;
use crate::transaction::SignedTransaction;
use alloc::vec::Vec;
use alloy_primitives::{B256, Bytes, keccak256};
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

    /// The last of this header and its descendants, which a certificate must be for; `None` unless each is the child of the
    /// one before.
    #[must_use]
    pub fn certified<'a>(&'a self, descendants: &'a [Self]) -> Option<&'a Self> {
        descendants.iter().try_fold(self, |parent, child| {
            let follows =
                child.parent == parent.digest() && parent.height.checked_add(1) == Some(child.height);
            follows.then_some(child)
        })
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

/// Largest encoded finalized block that is read from a node, bytes.
pub const MAX_FINALIZED_BLOCK: usize = 8 * 1024 * 1024;

/// A block and everything that proves it final to whoever knows the operators: what `GET /v1/blocks/{height}` answers.
///
/// This module keeps the parts together; that the certificate is the engine's, `rampart-client` verifies.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct FinalizedBlock {
    /// What consensus certifies.
    pub header: Header,
    /// What it executes.
    pub body: Body,
    /// Headers from its child to the block that was certified, in order; empty when the block itself was. A block is
    /// final when a descendant is, and not every block gets a certificate of its own.
    pub descendants: Vec<Header>,
    /// The engine's finalization certificate over the last header's digest, in its own codec.
    pub finalization: Bytes,
}

impl FinalizedBlock {
    /// The header that the certificate must be for, if the header commits to the body and each descendant is the child of
    /// the one before.
    #[must_use]
    pub fn certified(&self) -> Option<&Header> {
        let committed = self.header.transactions_root == self.body.root();
        self.header.certified(&self.descendants).filter(|_| committed)
    }

    /// The canonical encoding.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        alloy_rlp::encode(self)
    }

    /// Decodes the canonical encoding.
    ///
    /// # Errors
    /// When the bytes are not exactly one block of at most [`MAX_FINALIZED_BLOCK`] bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_FINALIZED_BLOCK {
            return Err(DecodeError::TooLong {
                what: "finalized block",
                actual: bytes.len(),
                limit: MAX_FINALIZED_BLOCK,
            });
        }
        decode_exact(bytes)
    }
}
