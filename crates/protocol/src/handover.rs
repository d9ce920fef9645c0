//! How trust passes from one operator set to the next (X1): whoever knows the operators of an epoch learns those of the next
//! from a block that they certified, and so on, from any node and without trust in it.
//!
//! This module checks what is hashing, and keeps what is known. That the certificate is the engine's, `rampart-client` verifies.

use crate::block::Header;
use crate::eip712::Domain;
use crate::operators::{Operator, OperatorSet};
use alloc::vec::Vec;
use alloy_primitives::Bytes;

/// Proof of the operators of the epoch after the header's, for whoever knows those of the header's.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct Handover {
    /// A block of the epoch.
    pub header: Header,
    /// Headers from its child to the block that was certified, all of one epoch; empty when the block itself was.
    pub descendants: Vec<Header>,
    /// The engine's finalization certificate over the last header's digest, in its own codec.
    pub finalization: Bytes,
    /// The operators of the next epoch.
    pub next: OperatorSet,
}

impl Handover {
    /// Whether the header commits to the next operators. Says nothing about who certified the header.
    #[must_use]
    pub fn is_committed(&self) -> bool {
        self.next.commitment() == self.header.next_operators
    }

    /// The header that the certificate must be for: each is the child of the one before, and of the same epoch.
    #[must_use]
    pub fn certified(&self) -> Option<&Header> {
        let epoch = self.header.epoch;
        let within = self.descendants.iter().all(|header| header.epoch == epoch);
        self.header.certified(&self.descendants).filter(|_| within)
    }
}

/// An operator set to trust, with those before it that lead to it: the operators' file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct TrustedOperators {
    /// The last epoch that the set is known to serve.
    #[cfg_attr(feature = "serde", serde(default))]
    pub epoch: u64,
    /// The first epoch that it is known to serve; [`Self::epoch`] without it.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub since: Option<u64>,
    /// The set.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub set: OperatorSet,
    /// Those before it, by ascending epoch, each up to the next.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Vec::is_empty"))]
    pub earlier: Vec<EarlierOperators>,
}

/// Operators that served before.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
pub struct EarlierOperators {
    /// The first epoch that they are known to have served.
    pub since: u64,
    /// They.
    pub operators: Vec<Operator>,
}

impl TrustedOperators {
    /// A set that serves one epoch.
    #[must_use]
    pub const fn new(epoch: u64, set: OperatorSet) -> Self {
        Self {
            epoch,
            since: None,
            set,
            earlier: Vec::new(),
        }
    }

    /// The deployment.
    #[must_use]
    pub const fn domain(&self) -> Domain {
        self.set.domain
    }

    /// Every set with the first epoch that it serves, ascending.
    pub fn runs(&self) -> impl Iterator<Item = (u64, OperatorSet)> + '_ {
        let earlier = self.earlier.iter().map(|earlier| {
            let set = OperatorSet {
                domain: self.set.domain,
                operators: earlier.operators.clone(),
            };
            (earlier.since, set)
        });
        earlier.chain([(self.since.unwrap_or(self.epoch), self.set.clone())])
    }
}
