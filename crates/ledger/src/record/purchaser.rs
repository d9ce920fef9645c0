//! The keys that an account lets buy in its name, and what each may still spend.
//!
//! They are one record an account: there are few, every purchase of one reads it in one go, and it is their list.

use crate::key::Key;
use alloc::vec::Vec;
use alloy_rlp::{RlpDecodable, RlpEncodable};
use rampart_protocol::{AccessKey, Address, Amount, Nonce, Timestamp};

/// Most purchasers that one account has at a time.
pub const MAX_PURCHASERS: usize = 8;

/// One delegated key.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct Purchaser {
    /// The Ed25519 key.
    pub key: AccessKey,
    /// How much it may still spend.
    pub left: Amount,
    /// From this block time on it buys no more.
    pub expires_at: Timestamp,
    /// The nonce that its next purchase must carry. Its lane is the purchaser's number, counted from 1.
    pub nonce: Nonce,
}

/// The purchasers of an account. Kept for good once there was one, so that no number is given twice.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct Purchasers {
    /// The account.
    pub consumer: Address,
    /// How many numbers were given.
    pub issued: u64,
    /// Those that were not revoked, in the order of their numbers.
    pub keys: Vec<Purchaser>,
}

impl Purchasers {
    /// The key that they are kept under.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::purchasers(&self.consumer)
    }

    /// One of them.
    #[must_use]
    pub fn find(&self, key: &AccessKey) -> Option<&Purchaser> {
        self.keys.iter().find(|one| one.key == *key)
    }

    pub(crate) fn find_mut(&mut self, key: &AccessKey) -> Option<&mut Purchaser> {
        self.keys.iter_mut().find(|one| one.key == *key)
    }
}
