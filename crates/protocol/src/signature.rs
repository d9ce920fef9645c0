//! A transaction's signature: by a wallet, or by a delegated purchaser. Its length tells which.

use crate::eip712::EcdsaSignature;
use crate::units::AccessKey;
use alloy_primitives::{B256, FixedBytes};
use alloy_rlp::{Decodable, Encodable};
use core::ops::{Deref, DerefMut};

/// An Ed25519 public key and its signature, `A || R || s` (RFC 8032), 96 bytes.
pub type DelegatedSignature = FixedBytes<96>;

/// Who signed, and the signature over the message's EIP-712 digest. Reads as its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(untagged))]
pub enum Signature {
    /// By the account's wallet: `r || s || v`, 65 bytes, v = 27 or 28, low s.
    Wallet(EcdsaSignature),
    /// By a key that the account delegated purchasing to ([`crate::purchaser`]).
    Delegated(DelegatedSignature),
}

impl Signature {
    /// The signature of a delegated key.
    #[must_use]
    pub fn delegated(purchaser: AccessKey, signature: &[u8; 64]) -> Self {
        let mut bytes = [0; 96];
        bytes[..32].copy_from_slice(purchaser.0.as_slice());
        bytes[32..].copy_from_slice(signature);
        Self::Delegated(FixedBytes(bytes))
    }

    /// The delegated key that signed; nothing when the wallet did.
    #[must_use]
    pub fn purchaser(&self) -> Option<AccessKey> {
        match self {
            Self::Wallet(_) => None,
            Self::Delegated(bytes) => bytes.first_chunk().map(|key| AccessKey(B256::new(*key))),
        }
    }

    /// The signature in these bytes; nothing when no kind of signature has as many.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        match bytes.len() {
            65 => EcdsaSignature::try_from(bytes).ok().map(Self::Wallet),
            96 => DelegatedSignature::try_from(bytes).ok().map(Self::Delegated),
            _ => None,
        }
    }
}

impl From<EcdsaSignature> for Signature {
    fn from(signature: EcdsaSignature) -> Self {
        Self::Wallet(signature)
    }
}

impl From<[u8; 65]> for Signature {
    fn from(signature: [u8; 65]) -> Self {
        Self::Wallet(FixedBytes(signature))
    }
}

impl Deref for Signature {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Wallet(bytes) => bytes.as_slice(),
            Self::Delegated(bytes) => bytes.as_slice(),
        }
    }
}

impl DerefMut for Signature {
    fn deref_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Wallet(bytes) => bytes.as_mut_slice(),
            Self::Delegated(bytes) => bytes.as_mut_slice(),
        }
    }
}

impl Encodable for Signature {
    fn encode(&self, out: &mut dyn alloy_rlp::BufMut) {
        (**self).encode(out);
    }
    fn length(&self) -> usize {
        (**self).length()
    }
}

impl Decodable for Signature {
    fn decode(buf: &mut &[u8]) -> alloy_rlp::Result<Self> {
        let bytes = alloy_rlp::Header::decode_bytes(buf, false)?;
        Self::from_slice(bytes).ok_or(alloy_rlp::Error::Custom("a signature has 65 or 96 bytes"))
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Signature {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = alloy_primitives::Bytes::deserialize(deserializer)?;
        Self::from_slice(&bytes).ok_or_else(|| serde::de::Error::custom("a signature has 65 or 96 bytes"))
    }
}
