//! Who votes in a consensus epoch. Drawn an epoch ahead by [`crate::rules`], so that everybody knows it in time.

use crate::key::Key;
use alloc::vec::Vec;
use alloy_rlp::{RlpDecodable, RlpEncodable};
use rampart_protocol::{Address, B256, Domain};

/// An operator that votes in consensus and signs checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct CommitteeSeat {
    /// The operator's account.
    pub operator: Address,
    /// Ed25519 key that votes in consensus: one vote, whatever the stake.
    pub consensus_key: B256,
    /// Address of the secp256k1 key that signs checkpoints.
    pub checkpoint_key: Address,
    /// Its weight on chain: its stake scaled down to 64 bits, at least 1.
    pub weight: u64,
}

/// The operators of one consensus epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct Committee {
    /// The epoch.
    pub epoch: u64,
    /// By ascending address; at most [`super::MAX_OPERATORS`], so that the record fits into 32 KiB.
    pub seats: Vec<CommitteeSeat>,
}

impl Committee {
    /// The key that it is kept under.
    #[must_use]
    pub const fn key(&self) -> Key {
        Key::committee(self.epoch)
    }

    /// What verifiers of the epoch's blocks and checkpoints must know.
    #[must_use]
    pub fn operator_set(&self, domain: Domain) -> rampart_protocol::OperatorSet {
        let seats = self.seats.iter().map(|seat| rampart_protocol::Operator {
            public_key: seat.consensus_key,
            checkpoint_key: seat.checkpoint_key,
            weight: seat.weight,
        });
        rampart_protocol::OperatorSet {
            domain,
            operators: seats.collect(),
        }
    }
}
