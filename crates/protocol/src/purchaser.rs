//! Delegated purchasers: Ed25519 keys that buy in an account's name.
//!
//! # Nonces
//! An account's purchasers are numbered from 1 in the order in which they were first delegated to; a key that is revoked
//! and comes back gets a new number. The nonces of purchaser `p` are `p << 40`, `(p << 40) + 1`, ...; those of the wallet
//! stay below `1 << 40`. So neither waits for the other, and no two purchases share an id.
//!
//! # Verification
//! A signature holds when its key and its `R` are canonical encodings of points that are not of small order, its `s` is
//! below the group's order, and `[8][s]B = [8]R + [8][k]A` with `k = SHA-512(R || A || digest)` (RFC 8032, section 5.1.7,
//! the equation *with* the cofactor). That equation alone gives one verifier and a batch the same answer (Chalkias, Garillot
//! and Nikolaenko, "Taming the many EdDSAs", 2020): without the cofactor, a batch would sometimes accept what a single
//! verification refuses. Vouchers are verified one at a time and keep the stricter rule of [`crate::http_signature`].

use crate::http_signature::canonical_point;
use crate::signature::DelegatedSignature;
use crate::units::{AccessKey, Nonce};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};
use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::traits::{IsIdentity as _, VartimeMultiscalarMul as _};
use curve25519_dalek::{EdwardsPoint, Scalar};
use sha2::{Digest as _, Sha512};

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

/// The parts of one signature's equation.
struct Equation {
    key: [u8; 32],
    r: EdwardsPoint,
    s: Scalar,
    k: Scalar,
}

/// The point that acceptable bytes encode.
fn point(bytes: &[u8; 32]) -> Option<EdwardsPoint> {
    canonical_point(&AccessKey(B256::new(*bytes)))
        .filter(|point| !point.is_weak())
        .map(|point| point.to_edwards())
}

/// The equation, once the encodings of `R` and `s` are found canonical; the key is left to be looked at.
fn equation(claimed: &Claimed) -> Option<Equation> {
    let (key, rest) = claimed.signature.split_first_chunk::<32>()?;
    let (r, rest) = rest.split_first_chunk::<32>()?;
    let s: [u8; 32] = rest.try_into().ok()?;
    let hash = Sha512::new()
        .chain_update(r)
        .chain_update(key)
        .chain_update(claimed.digest);
    Some(Equation {
        key: *key,
        r: point(r)?,
        s: Option::from(Scalar::from_canonical_bytes(s))?,
        k: Scalar::from_bytes_mod_order_wide(&hash.finalize().into()),
    })
}

/// Whether one signature holds.
#[must_use]
pub fn verify(claimed: &Claimed) -> bool {
    let parts = equation(claimed).and_then(|e| Some((point(&e.key)?, e)));
    parts.is_some_and(|(key, e)| {
        let difference = EdwardsPoint::vartime_double_scalar_mul_basepoint(&e.k, &-key, &e.s) - e.r;
        difference.mul_by_cofactor().is_identity()
    })
}

/// Whether all signatures hold, at about half the cost of one by one, and less the more of them are of one key.
///
/// `coefficients` weigh the signatures against each other, one each; they must come from a cryptographic source of
/// randomness that no signer can foresee, or forgeries can be made to cancel out. A batch with a forgery passes with
/// probability 2^-128; one without always passes. False also when there are fewer coefficients than signatures.
#[must_use]
pub fn verify_batch(claimed: &[Claimed], coefficients: &[u128]) -> bool {
    if coefficients.len() < claimed.len() {
        return false;
    }
    let Some(equations) = claimed.iter().map(equation).collect::<Option<Vec<_>>>() else {
        return false;
    };
    let weights: Vec<Scalar> = coefficients.iter().map(|weight| Scalar::from(*weight)).collect();
    let weighted = || equations.iter().zip(&weights);
    let mut of_keys: BTreeMap<[u8; 32], Scalar> = BTreeMap::new();
    for (e, weight) in weighted() {
        *of_keys.entry(e.key).or_insert(Scalar::ZERO) += e.k * weight;
    }
    let Some(keys) = of_keys.keys().map(point).collect::<Option<Vec<_>>>() else {
        return false;
    };
    let base: Scalar = weighted().map(|(e, weight)| e.s * weight).sum();
    let scalars = core::iter::once(-base)
        .chain(weighted().map(|(_, weight)| *weight))
        .chain(of_keys.into_values());
    let points = core::iter::once(ED25519_BASEPOINT_POINT)
        .chain(equations.iter().map(|e| e.r))
        .chain(keys);
    EdwardsPoint::vartime_multiscalar_mul(scalars, points)
        .mul_by_cofactor()
        .is_identity()
}
