//! What operators judge and how they seal it (V8): case ids, and the commitment of commit and reveal.
//!
//! The rounds, quorums and effects are the ledger's.

use crate::units::{CaseId, ProviderId, PurchaseId};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, keccak256};

/// The sealed form of a verdict: keccak-256 over a tag, the case, the round, the operator, the verdict and a salt.
///
/// Binding the operator keeps it from copying another's commitment, binding case and round keeps a commitment from
/// being shown twice; the salt, which must be random, keeps the one bit from being guessed.
#[must_use]
pub fn commitment(case: CaseId, round: u32, operator: Address, upheld: bool, salt: B256) -> B256 {
    let mut bytes = Vec::with_capacity(128);
    bytes.extend_from_slice(b"rampart-verdict-v1");
    bytes.extend_from_slice(case.0.as_slice());
    bytes.extend_from_slice(&round.to_be_bytes());
    bytes.extend_from_slice(operator.as_slice());
    bytes.push(u8::from(upheld));
    bytes.extend_from_slice(salt.as_slice());
    keccak256(bytes)
}

/// The case of a challenged review: the id of the purchase that was reviewed.
#[must_use]
pub const fn review(purchase: PurchaseId) -> CaseId {
    CaseId(purchase.0)
}

/// The case of a provider's `count`-th suspension by its score, counted from 1: shall it be expelled?
#[must_use]
pub fn expulsion(provider: ProviderId, count: u32) -> CaseId {
    let mut bytes = b"rampart-expulsion-v1".to_vec();
    bytes.extend_from_slice(&provider.0.to_be_bytes());
    bytes.extend_from_slice(&count.to_be_bytes());
    CaseId(keccak256(bytes))
}

/// The purchase of the component at `position` that a purchase of a bundle makes (C8).
#[must_use]
pub fn component(bundle: PurchaseId, position: u32) -> PurchaseId {
    let mut bytes = b"rampart-component-v1".to_vec();
    bytes.extend_from_slice(bundle.0.as_slice());
    bytes.extend_from_slice(&position.to_be_bytes());
    PurchaseId(keccak256(bytes))
}
