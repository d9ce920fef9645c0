//! Operators, their investors, and what an epoch paid them (O1, U2, I2, G4).

use crate::key::Key;
use alloc::vec::Vec;
use alloy_primitives::U256;
use alloy_rlp::{RlpDecodable, RlpEncodable};
use rampart_protocol::{Address, Amount, B256, Ppm, Timestamp};

/// Operators that can have stake at one time: as many as the settlement contract's bitmap of signers has places.
pub const MAX_OPERATORS: usize = 256;

/// One operator's stake, in the set of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct Seat {
    /// The operator.
    pub operator: Address,
    /// Its stake, more than zero.
    #[cfg_attr(feature = "serde", serde(with = "rampart_protocol::units::decimal"))]
    pub stake: u128,
}

/// Every operator with stake.
#[derive(Clone, Debug, Default, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct OperatorSet {
    /// In the order of addresses, at most [`MAX_OPERATORS`].
    pub seats: Vec<Seat>,
}

impl OperatorSet {
    /// The key that it is kept under.
    #[must_use]
    pub const fn key(&self) -> Key {
        Key::operator_set()
    }

    /// The stake of all operators; saturates at 128 bits.
    #[must_use]
    pub fn total_stake(&self) -> u128 {
        self.seats
            .iter()
            .fold(0, |sum, seat| sum.saturating_add(seat.stake))
    }

    /// The stake of one operator; zero when it has none.
    #[must_use]
    pub fn stake_of(&self, operator: &Address) -> u128 {
        let at = self.seats.binary_search_by_key(operator, |seat| seat.operator);
        at.ok()
            .and_then(|at| self.seats.get(at))
            .map_or(0, |seat| seat.stake)
    }
}

/// The keys that an operator has proved to be its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, RlpEncodable, RlpDecodable)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct OperatorKeys {
    /// Ed25519 key that votes in consensus.
    pub consensus_key: B256,
    /// Address of the secp256k1 key that signs checkpoints.
    pub checkpoint_key: Address,
    /// The number of L1 events up to the one that told of the consensus key; zero for a key of genesis. Of two operators
    /// with one key, it is that of the lower one.
    pub since: u64,
}

/// An operator's duties and rewards. It stays when the stake has left, until all is claimed and after.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[rlp(trailing)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct Operator {
    /// The operator.
    pub address: Address,
    /// Its stake; zero when it has left.
    #[cfg_attr(feature = "serde", serde(with = "rampart_protocol::units::decimal"))]
    pub stake: u128,
    /// The share of its rewards that it keeps.
    pub commission: Ppm,
    /// When it last joined.
    pub joined_at: Timestamp,
    /// The epoch after the last in which it missed a vote; zero when it never did.
    pub missed: u64,
    /// The epoch after the last in which it reported availability; zero when it never did.
    pub reporting: u64,
    /// Pages that it reported in that epoch.
    pub reports: u64,
    /// Its own rewards, not claimed yet: commission, bounties, halves of deposits.
    pub owed: Amount,
    /// Its own rewards claimed so far.
    pub claimed: Amount,
    /// Sum of its investors' weights.
    #[cfg_attr(feature = "serde", serde(with = "rampart_protocol::units::decimal"))]
    pub weight: u128,
    /// Rewards for one unit of weight since the beginning, in units of 2^-64 base units: the accumulator of F1 fee
    /// distribution (Ojha, 2018).
    pub per_weight: U256,
    /// Its keys, once proven; without them it gets no seat in consensus.
    pub keys: Option<OperatorKeys>,
}

impl Operator {
    /// The key that it is kept under.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::operator(&self.address)
    }
}

/// An investor at an operator (I1, G4).
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct Investor {
    /// The operator.
    pub operator: Address,
    /// The investor.
    pub investor: Address,
    /// `min(restaked position, governance tokens held)`.
    #[cfg_attr(feature = "serde", serde(with = "rampart_protocol::units::decimal"))]
    pub weight: u128,
    /// [`Operator::per_weight`] up to which `owed` was counted.
    pub per_weight: U256,
    /// Rewards not claimed yet, as counted then.
    pub owed: Amount,
    /// Rewards claimed so far.
    pub claimed: Amount,
}

impl Investor {
    /// The key that it is kept under.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::investor(&self.operator, &self.investor)
    }
}

/// What an epoch took in and where it went (U2).
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct EpochReport {
    /// Its number.
    pub number: u64,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// The pool at its end.
    pub pool: Amount,
    /// Of that, what went to operators and their investors; the rest is the treasury's.
    pub paid: Amount,
    /// Providers that sold something in it.
    pub sellers: u64,
    /// Cases that operators decided in it.
    pub verdicts: u64,
    /// Operators that were paid.
    pub operators: u32,
}

impl EpochReport {
    /// The key that it is kept under.
    #[must_use]
    pub const fn key(&self) -> Key {
        Key::epoch(self.number)
    }
}
