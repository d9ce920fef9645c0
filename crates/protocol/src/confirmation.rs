//! A purchase confirmation (C5): final, and verifiable offline by anyone who knows the operator set (X1).
//!
//! This module checks the part that is hashing: record -> Merkle path -> header -> descendants. The finalization is the
//! consensus engine's certificate over that digest; `rampart-client` verifies it.

use crate::error::{DecodeError, decode_exact};
use crate::merkle;
use crate::units::{AccessKey, Amount, ProviderId, PurchaseId, ServiceId, Timestamp};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, Bytes};
use alloy_rlp::{RlpDecodable, RlpEncodable};

/// Largest encoded confirmation, bytes: a header, 64 siblings and a certificate of 256 ed25519 signatures.
pub const MAX_CONFIRMATION: usize = 24 * 1024;

/// What was bought, on which terms (C5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct PurchaseRecord {
    /// The purchase.
    pub id: PurchaseId,
    /// Who bought.
    pub consumer: Address,
    /// From whom.
    pub provider: ProviderId,
    /// What.
    pub service: ServiceId,
    /// Version of the service's terms.
    pub version: u32,
    /// Funds taken from the consumer's balance.
    pub fee: Amount,
    /// Requests in the package.
    pub requests: u64,
    /// Ed25519 key that signs the requests.
    pub access_key: AccessKey,
    /// Block time of the purchase.
    pub purchased_at: Timestamp,
    /// When the right to consume ends.
    pub expires_at: Timestamp,
}

impl PurchaseRecord {
    /// The leaf under the header's `confirmations_root`.
    #[must_use]
    pub fn leaf(&self) -> B256 {
        merkle::leaf_hash(&alloy_rlp::encode(self))
    }
}

/// The record and everything that proves it.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct Confirmation {
    /// What was bought.
    pub record: PurchaseRecord,
    /// Siblings from the record's leaf up to the header's `confirmations_root`.
    pub proof: Vec<B256>,
    /// Header of the block that executed the purchase.
    pub header: crate::Header,
    /// Headers from its child to the block that was certified, in order; empty when the block itself was. A block is
    /// final when a descendant is, and not every block gets a certificate of its own.
    pub descendants: Vec<crate::Header>,
    /// The engine's finalization certificate over the last header's digest, in its own codec.
    pub finalization: Bytes,
}

impl Confirmation {
    /// Whether the record is under the header's root. Says nothing about who certified the header.
    #[must_use]
    pub fn is_included(&self) -> bool {
        merkle::verify(self.header.confirmations_root, self.record.leaf(), &self.proof)
    }

    /// The header that the certificate must be for, if each descendant is the child of the one before.
    #[must_use]
    pub fn certified(&self) -> Option<&crate::Header> {
        self.header.certified(&self.descendants)
    }

    /// The canonical encoding.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        alloy_rlp::encode(self)
    }

    /// Decodes the canonical encoding.
    ///
    /// # Errors
    /// When the bytes are not exactly one confirmation of at most [`MAX_CONFIRMATION`] bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_CONFIRMATION {
            return Err(DecodeError::TooLong {
                what: "confirmation",
                actual: bytes.len(),
                limit: MAX_CONFIRMATION,
            });
        }
        decode_exact(bytes)
    }
}
