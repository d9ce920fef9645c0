//! A message with its account's signature: what clients submit and blocks carry.

use crate::eip712::{Domain, EcdsaSignature, recover};
use crate::error::{DecodeError, decode_exact};
use crate::message::Message;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, keccak256};
use alloy_rlp::{RlpDecodable, RlpEncodable};

/// Largest encoded transaction, bytes.
pub const MAX_TRANSACTION: usize = 4096;

/// A message and the secp256k1 signature of its account over the EIP-712 digest.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct SignedTransaction {
    /// What is asked.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub message: Message,
    /// `r || s || v`, 65 bytes, v = 27 or 28, low s.
    pub signature: EcdsaSignature,
}

/// Why a signature does not speak for an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransactionError {
    /// No account can be recovered, or the signature is not in its canonical form.
    #[error("the signature is not a canonical secp256k1 signature of this message")]
    BadSignature,
    /// A purchase names another consumer than the one who signed it.
    #[error(
        "the message names consumer {named}, but {signer} signed it; wrong chain id or settlement contract?"
    )]
    WrongSigner {
        /// The account in the message.
        named: Address,
        /// The account recovered from the signature.
        signer: Address,
    },
}

impl SignedTransaction {
    /// The transaction's hash: keccak-256 of its canonical encoding.
    #[must_use]
    pub fn hash(&self) -> B256 {
        keccak256(self.to_bytes())
    }

    /// The canonical encoding.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        alloy_rlp::encode(self)
    }

    /// Decodes the canonical encoding.
    ///
    /// # Errors
    /// When the bytes are not exactly one canonical transaction of at most [`MAX_TRANSACTION`] bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_TRANSACTION {
            return Err(DecodeError::TooLong {
                what: "transaction",
                actual: bytes.len(),
                limit: MAX_TRANSACTION,
            });
        }
        decode_exact(bytes)
    }

    /// The account that signed.
    ///
    /// Most messages do not name their account, so a signature made for another domain recovers to some stranger,
    /// whose nonce and balance will then be wrong; a purchase names it, and the mismatch is said.
    ///
    /// # Errors
    /// When the signature is not canonical or a purchase names another consumer.
    pub fn signer(&self, domain: &Domain) -> Result<Address, TransactionError> {
        let signer = recover(&self.signature, &self.message.signing_hash(domain))
            .ok_or(TransactionError::BadSignature)?;
        match &self.message {
            Message::Purchase(m) if m.consumer != signer => Err(TransactionError::WrongSigner {
                named: m.consumer,
                signer,
            }),
            _ => Ok(signer),
        }
    }
}
