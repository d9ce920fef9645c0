//! A message with the signature of its account, or of a purchaser of it: what clients submit and blocks carry.

use crate::eip712::{Domain, recover};
use crate::error::{DecodeError, decode_exact};
use crate::message::Message;
use crate::purchaser::{self, Claimed};
use crate::signature::Signature;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, keccak256};
use alloy_rlp::{RlpDecodable, RlpEncodable};

/// Largest encoded transaction, bytes.
pub const MAX_TRANSACTION: usize = 4096;

/// A message and a signature over its EIP-712 digest.
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
    /// By the account's wallet, or by a purchaser that it delegated to.
    pub signature: Signature,
}

/// Why a signature does not speak for an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransactionError {
    /// No account can be recovered, or the signature is not in its canonical form.
    #[error("the signature is not a canonical secp256k1 signature of this message")]
    BadSignature,
    /// A delegated key signed it, and it does not hold: the key is not acceptable, or the signature not its own.
    #[error(
        "the signature is not one of the purchaser's key over this message; wrong chain id or settlement contract?"
    )]
    BadDelegatedSignature,
    /// A delegated key signed something else than a purchase.
    #[error("a delegated purchaser can sign a Purchase only, not a {0}")]
    NotDelegable(&'static str),
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

    /// The account that the transaction speaks for.
    ///
    /// Most messages do not name their account, so a signature made for another domain recovers to some stranger,
    /// whose nonce and balance will then be wrong; a purchase names it, and the mismatch is said. Whether a delegated key
    /// may speak for the consumer that it names is the ledger's to say.
    ///
    /// # Errors
    /// When the signature is not canonical or does not hold, a purchase names another consumer than the wallet that signed
    /// it, or a delegated key signed anything else than a purchase.
    pub fn signer(&self, domain: &Domain) -> Result<Address, TransactionError> {
        self.signer_of(&self.message.signing_hash(domain))
    }

    /// The same when the message's digest is at hand.
    ///
    /// # Errors
    /// As [`Self::signer`].
    pub fn signer_of(&self, digest: &B256) -> Result<Address, TransactionError> {
        let Signature::Wallet(signature) = &self.signature else {
            return match self.claimed(digest)? {
                Some(claimed) if purchaser::verify(&claimed) => Ok(claimed.consumer),
                _ => Err(TransactionError::BadDelegatedSignature),
            };
        };
        let signer = recover(signature, digest).ok_or(TransactionError::BadSignature)?;
        match &self.message {
            Message::Purchase(m) if m.consumer != signer => Err(TransactionError::WrongSigner {
                named: m.consumer,
                signer,
            }),
            _ => Ok(signer),
        }
    }

    /// What a delegated key's signature over the message's digest claims, to be verified by [`purchaser::verify`] or in a
    /// batch; nothing when a wallet signed.
    ///
    /// # Errors
    /// [`TransactionError::NotDelegable`] when a delegated key signed anything else than a purchase.
    pub fn claimed(&self, digest: &B256) -> Result<Option<Claimed>, TransactionError> {
        let Signature::Delegated(signature) = &self.signature else {
            return Ok(None);
        };
        let Message::Purchase(purchase) = &self.message else {
            return Err(TransactionError::NotDelegable(self.message.name()));
        };
        Ok(Some(Claimed {
            consumer: purchase.consumer,
            digest: *digest,
            signature: *signature,
        }))
    }
}
