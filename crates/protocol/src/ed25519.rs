//! Ed25519 signatures of access keys and of delegated purchasers: one rule, for one signature and for many at once.
//!
//! A signature holds when its key and its `R` are canonical encodings of points that are not of small order, its `s` is
//! below the group's order, and `[8][s]B = [8]R + [8][k]A` with `k = SHA-512(R || A || message)` (RFC 8032, section 5.1.7,
//! the equation *with* the cofactor). That equation alone gives one verifier and a batch the same answer (Chalkias, Garillot
//! and Nikolaenko, "Taming the many EdDSAs", 2020): without the cofactor, a batch would sometimes accept what a single
//! verification refuses, and a provider would have served a request that it could not prove to the ledger.

use crate::units::AccessKey;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::traits::{IsIdentity as _, VartimeMultiscalarMul as _};
use curve25519_dalek::{EdwardsPoint, Scalar};
use sha2::{Digest as _, Sha512};

/// A signature and what it is claimed to be of.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// Who is said to have signed.
    pub key: &'a AccessKey,
    /// What is said to be signed.
    pub message: &'a [u8],
    /// `R || s`.
    pub signature: &'a [u8; 64],
}

/// The parts of one signature's equation.
struct Equation {
    key: AccessKey,
    r: EdwardsPoint,
    s: Scalar,
    k: Scalar,
}

/// Whether a key may be bound to anything: a canonical point that is not of small order, under which some signatures
/// would hold for any message.
#[must_use]
pub fn is_acceptable_key(key: &AccessKey) -> bool {
    point(&key.0.0).is_some()
}

/// The point that acceptable bytes encode: canonical, so not with its y written as y + p (RFC 8032, section 5.1.3), and not
/// of small order. dalek takes either form, and some verifiers only one: nobody may differ on whether a signature
/// holds. The other non-canonical form, x = 0 with its sign set, encodes points of small order only.
fn point(bytes: &[u8; 32]) -> Option<EdwardsPoint> {
    // p = 2^255 - 19: little-endian ed ff .. ff 7f, and the top bit is the sign of x.
    let at_least_p =
        bytes[31] & 0x7f == 0x7f && bytes[1..31].iter().all(|byte| *byte == 0xff) && bytes[0] >= 0xed;
    if at_least_p {
        return None;
    }
    let point = CompressedEdwardsY(*bytes).decompress()?;
    (!point.is_small_order()).then_some(point)
}

/// The equation, once the encodings of `R` and `s` are found canonical; the key is left to be looked at.
fn equation(signed: &Signed<'_>) -> Option<Equation> {
    let (r, rest) = signed.signature.split_first_chunk::<32>()?;
    let s: [u8; 32] = rest.try_into().ok()?;
    let hash = Sha512::new()
        .chain_update(r)
        .chain_update(signed.key.0)
        .chain_update(signed.message);
    Some(Equation {
        key: *signed.key,
        r: point(r)?,
        s: Option::from(Scalar::from_canonical_bytes(s))?,
        k: Scalar::from_bytes_mod_order_wide(&hash.finalize().into()),
    })
}

/// Whether one signature holds.
#[must_use]
pub fn verify(signed: &Signed<'_>) -> bool {
    let parts = equation(signed).and_then(|e| Some((point(&e.key.0.0)?, e)));
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
pub fn verify_batch(signed: &[Signed<'_>], coefficients: &[u128]) -> bool {
    if coefficients.len() < signed.len() {
        return false;
    }
    let Some(equations) = signed.iter().map(equation).collect::<Option<Vec<_>>>() else {
        return false;
    };
    let weights: Vec<Scalar> = coefficients.iter().map(|weight| Scalar::from(*weight)).collect();
    let weighted = || equations.iter().zip(&weights);
    let mut of_keys: BTreeMap<AccessKey, Scalar> = BTreeMap::new();
    for (e, weight) in weighted() {
        *of_keys.entry(e.key).or_insert(Scalar::ZERO) += e.k * weight;
    }
    let Some(keys) = of_keys
        .keys()
        .map(|key| point(&key.0.0))
        .collect::<Option<Vec<_>>>()
    else {
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
