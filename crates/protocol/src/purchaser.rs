//! Delegated purchasers: Ed25519 keys that buy in an account's name.
//!
//! # Nonces
//! An account's purchasers are numbered from 1 in the order in which they were first delegated to; a key that is revoked
//! and comes back gets a new number. The nonces of purchaser `p` are `p << 40`, `(p << 40) + 1`, ...; those of the wallet
//! stay below `1 << 40`. So neither waits for the other, and no two purchases share an id.
//!
//! # Verification
//! By the rule of [`crate::ed25519`], over the 32 bytes of the purchase's EIP-712 digest.

use crate::ed25519::{self, Signed};
use crate::signature::DelegatedSignature;
use crate::units::{AccessKey, Nonce};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};

/// Bits of a nonce that count within a lane.
pub const LANE_BITS: u32 = 40;

/// Number of the purchaser whose lane a nonce is in; 0 is the wallet's own.
#[must_use]
pub const fn lane(nonce: Nonce) -> u64 {
    nonce.0 >> LANE_BITS
}

/// The first nonce of a purchaser's lane; nothing when its number is too large for a nonce to hold.
#[must_use]
pub const fn first_nonce(number: u64) -> Option<Nonce> {
    if number < 1 << (64 - LANE_BITS) {
        Some(Nonce(number << LANE_BITS))
    } else {
        None
    }
}

/// A purchase that a key claims to have signed for a consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The account that the purchase names.
    pub consumer: Address,
    /// The purchase's EIP-712 digest.
    pub digest: B256,
    /// The key and its signature.
    pub signature: DelegatedSignature,
}

impl Claimed {
    /// The key, and `R || s`.
    fn parts(&self) -> Option<(AccessKey, &[u8; 64])> {
        let (key, signature) = self.signature.split_first_chunk::<32>()?;
        Some((AccessKey(B256::new(*key)), signature.try_into().ok()?))
    }
}

/// Whether one signature holds.
#[must_use]
pub fn verify(claimed: &Claimed) -> bool {
    claimed.parts().is_some_and(|(key, signature)| {
        ed25519::verify(&Signed {
            key: &key,
            message: claimed.digest.as_slice(),
            signature,
        })
    })
}

/// Whether all signatures hold; see [`ed25519::verify_batch`] for the cost and the `coefficients`.
#[must_use]
pub fn verify_batch(claimed: &[Claimed], coefficients: &[u128]) -> bool {
    let Some(parts) = claimed.iter().map(Claimed::parts).collect::<Option<Vec<_>>>() else {
        return false;
    };
    let signed: Vec<Signed<'_>> = claimed
        .iter()
        .zip(&parts)
        .map(|(claimed, (key, signature))| Signed {
            key,
            message: claimed.digest.as_slice(),
            signature,
        })
        .collect();
    ed25519::verify_batch(&signed, coefficients)
}
