//! The block as consensus handles it: a protocol header with its body, and the engine's traits.
//!
//! Decides that a block's digest is the digest of its header, that a decoded body is the one that its header
//! commits to, and how large a block may be. What makes a block valid beyond that is `application`'s.

use crate::storage::{Digest, StateTarget};
use alloy_primitives::{B256, keccak256};
use alloy_rlp::{Decodable as _, Encodable as _};
use bytes::{BufMut, Bytes};
use commonware_codec::{
    Buf, Copying, DecodeExt as _, EncodeSize, Error as CodecError, FixedSize as _, RangeCfg, Read, Write,
};
use commonware_consensus::{
    Block as ConsensusBlock, BoundedBlock, CertifiableBlock, Heightable,
    simplex::types::Context,
    types::{Epoch, Height, Round, View},
};
use commonware_cryptography::{Digestible, ed25519::PublicKey};
use commonware_storage::mmr::Location;
use commonware_utils::range::NonEmptyRange;
use rampart_ledger::{Changeset, Key, Record};
use rampart_protocol::{Body, Header, OperatorSet};

/// The consensus metadata that a header carries: round, leader, and the parent's view and digest.
pub type BlockContext = Context<Digest, PublicKey>;

/// Why bytes are no block.
#[derive(Debug, thiserror::Error)]
pub enum BlockError {
    /// The RLP is malformed, or is not the one canonical encoding.
    #[error("malformed block")]
    Rlp(#[source] alloy_rlp::Error),
    /// The bytes decode but are not what the block encodes to, or bytes are left over.
    #[error("the block is not in its canonical encoding")]
    NotCanonical,
    /// The header's leader is no Ed25519 key.
    #[error("the header's leader is not an Ed25519 public key")]
    Leader(#[source] CodecError),
    /// The header commits to another body.
    #[error("the header commits to transactions {expected}, the body has {actual}")]
    Body {
        /// What the header says.
        expected: B256,
        /// What the body hashes to.
        actual: B256,
    },
    /// The header's range of state operations is empty.
    #[error("the header's range of state operations is empty")]
    StateRange,
    /// The ledger's first records do not say who votes in the second epoch.
    #[error("the ledger's first records have no committee of epoch 1")]
    NoCommittee,
}

/// How large an encoded block may be; the same at every operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockLimits {
    /// Largest encoded block, bytes.
    pub max_bytes: usize,
}

impl Default for BlockLimits {
    /// One mebibyte: about 4,000 purchases.
    fn default() -> Self {
        Self {
            max_bytes: 1024 * 1024,
        }
    }
}

/// A header and the body that it commits to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    header: Header,
    body: Body,
    leader: PublicKey,
}

impl Block {
    /// Joins a header and a body.
    ///
    /// # Errors
    /// When the header does not commit to the body, names no valid leader, or has an empty state range.
    pub fn new(header: Header, body: Body) -> Result<Self, BlockError> {
        let actual = body.root();
        if header.transactions_root != actual {
            return Err(BlockError::Body {
                expected: header.transactions_root,
                actual,
            });
        }
        if header.state_start >= header.state_end {
            return Err(BlockError::StateRange);
        }
        let leader = parse_key(&header.leader).map_err(BlockError::Leader)?;
        Ok(Self { header, body, leader })
    }

    /// The block at height zero of a deployment: no body, the empty state, and for a parent the hash of the
    /// deployment's namespace and the ledger's first records, so that chains which differ in either share no block.
    ///
    /// # Errors
    /// When the operator set names no valid leader, or the records no committee of epoch 1.
    pub fn genesis(
        operators: &OperatorSet,
        records: &Changeset,
        timestamp_ms: u64,
        state: &StateTarget,
    ) -> Result<Self, BlockError> {
        let leader = operators
            .operators
            .iter()
            .map(|o| o.public_key)
            .min()
            .unwrap_or_default();
        let mut origin = operators.consensus_namespace();
        for record in records.writes.values().flatten() {
            origin.extend_from_slice(&record.to_bytes());
        }
        let next = records.writes.get(&Key::committee(1)).and_then(Option::as_ref);
        let Some(Record::Committee(next)) = next else {
            return Err(BlockError::NoCommittee);
        };
        let header = Header {
            leader,
            parent: keccak256(origin),
            next_operators: next.operator_set(operators.domain).commitment(),
            timestamp_ms,
            state_root: B256::from(state.root.0),
            state_start: *state.range.start(),
            state_end: *state.range.end(),
            ..Header::default()
        };
        Self::new(header, Body::default())
    }

    /// What consensus certifies.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// What the block executes.
    #[must_use]
    pub const fn body(&self) -> &Body {
        &self.body
    }

    /// The state that the block commits to.
    #[must_use]
    pub fn state_target(&self) -> StateTarget {
        let range =
            NonEmptyRange::new(Location::new(self.header.state_start)..Location::new(self.header.state_end))
                .expect("Block::new refuses an empty range");
        StateTarget::new(
            commonware_cryptography::keccak256::Digest(self.header.state_root.0),
            range,
        )
    }

    /// The block's canonical RLP: the list of header and body.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.rlp_len());
        let payload_length = self.header.length() + self.body.length();
        alloy_rlp::Header {
            list: true,
            payload_length,
        }
        .encode(&mut out);
        self.header.encode(&mut out);
        self.body.encode(&mut out);
        out
    }

    /// Decodes the canonical RLP.
    ///
    /// # Errors
    /// When the bytes are not exactly one block in its canonical encoding.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BlockError> {
        let mut rest = bytes;
        let mut payload = alloy_rlp::Header::decode_bytes(&mut rest, true).map_err(BlockError::Rlp)?;
        let header = Header::decode(&mut payload).map_err(BlockError::Rlp)?;
        let body = Body::decode(&mut payload).map_err(BlockError::Rlp)?;
        let block = Self::new(header, body)?;
        // Consensus identifies a block by its bytes, so a second encoding of one block must not exist.
        if !rest.is_empty() || !payload.is_empty() || block.to_bytes() != bytes {
            return Err(BlockError::NotCanonical);
        }
        Ok(block)
    }

    fn rlp_len(&self) -> usize {
        let payload_length = self.header.length() + self.body.length();
        payload_length + alloy_rlp::length_of_length(payload_length)
    }
}

impl Write for Block {
    fn write(&self, buf: &mut impl BufMut) {
        Bytes::from(self.to_bytes()).write(buf);
    }
}

impl EncodeSize for Block {
    fn encode_size(&self) -> usize {
        let bytes = self.rlp_len();
        bytes.encode_size() + bytes
    }
}

impl Read for Block {
    type Cfg = BlockLimits;

    fn read_cfg(buf: &mut impl Buf, limits: &Self::Cfg) -> Result<Self, CodecError> {
        let bytes = Bytes::read_cfg(buf, &RangeCfg::from(..=limits.max_bytes))?;
        Self::from_bytes(&bytes).map_err(|error| CodecError::Wrapped("Block", error.into()))
    }
}

impl BoundedBlock for Block {
    fn max_encode_size(limits: &Self::Cfg) -> usize {
        limits.max_bytes.encode_size() + limits.max_bytes
    }
}

impl Digestible for Block {
    type Digest = Digest;

    fn digest(&self) -> Digest {
        commonware_cryptography::keccak256::Digest(self.header.digest().0)
    }
}

impl Heightable for Block {
    fn height(&self) -> Height {
        Height::new(self.header.height)
    }
}

impl ConsensusBlock for Block {
    fn parent(&self) -> Digest {
        commonware_cryptography::keccak256::Digest(self.header.parent.0)
    }
}

impl CertifiableBlock for Block {
    type Context = BlockContext;

    fn context(&self) -> BlockContext {
        Context {
            round: Round::new(Epoch::new(self.header.epoch), View::new(self.header.view)),
            leader: self.leader.clone(),
            parent: (View::new(self.header.parent_view), self.parent()),
        }
    }
}

/// The consensus key that the protocol writes as 32 bytes.
pub(crate) fn parse_key(bytes: &B256) -> Result<PublicKey, CodecError> {
    PublicKey::decode(Copying(bytes.as_slice()))
}

/// The 32 bytes of a consensus key as the protocol writes them.
pub(crate) fn key_bytes(key: &PublicKey) -> B256 {
    let mut bytes = [0u8; PublicKey::SIZE];
    bytes.copy_from_slice(key.as_ref());
    B256::new(bytes)
}

#[cfg(test)]
#[path = "block_tests.rs"]
mod tests;
