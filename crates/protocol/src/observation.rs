//! What operators saw on a chain, and agree to have seen. Each kind is numbered by its contract, and enters the
//! ledger in that order, each once.

use crate::error::{DecodeError, decode_exact};
use crate::units::Amount;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};
use alloy_rlp::{Decodable, Encodable, RlpDecodable, RlpEncodable};

/// A deposit of utility tokens in `Settlement` (C3), final on the L2.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct Deposit {
    /// Position in the contract's inbox, from 0.
    pub index: u64,
    /// The ledger account that is credited.
    pub account: Address,
    /// How much.
    pub amount: Amount,
    /// L2 block number that carries the event.
    pub block_number: u64,
    /// Hash of that block.
    pub block_hash: B256,
}

/// Anything seen on a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(tag = "type", rename_all = "camelCase")
)]
pub enum Observation {
    /// See [`Deposit`].
    Deposit(Deposit),
}

impl Observation {
    /// Position in the inbox that the contract numbers.
    #[must_use]
    pub const fn index(&self) -> u64 {
        match self {
            Self::Deposit(deposit) => deposit.index,
        }
    }

    /// The canonical encoding: a type byte, then RLP.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Deposit(deposit) => {
                let mut out = Vec::with_capacity(1 + deposit.length());
                out.push(1);
                deposit.encode(&mut out);
                out
            }
        }
    }

    /// Decodes the canonical encoding.
    ///
    /// # Errors
    /// When the bytes are not exactly one observation.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        match bytes.split_first() {
            Some((1, rest)) => Ok(Self::Deposit(decode_exact(rest)?)),
            Some((other, _)) => Err(DecodeError::UnknownType(*other)),
            None => Err(DecodeError::Empty),
        }
    }
}

impl Encodable for Observation {
    fn encode(&self, out: &mut dyn alloy_rlp::BufMut) {
        self.to_bytes().as_slice().encode(out);
    }
    fn length(&self) -> usize {
        self.to_bytes().as_slice().length()
    }
}

impl Decodable for Observation {
    fn decode(buf: &mut &[u8]) -> alloy_rlp::Result<Self> {
        let bytes = alloy_rlp::Header::decode_bytes(buf, false)?;
        Self::from_bytes(bytes).map_err(|_| alloy_rlp::Error::Custom("malformed observation"))
    }
}
