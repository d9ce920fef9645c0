//! Providers and their reputation (V2, V4, S1).

use super::{EscrowQueue, byte_enum};
use crate::decay::Decaying;
use crate::key::Key;
use alloc::string::String;
use alloc::vec::Vec;
use alloy_rlp::{RlpDecodable, RlpEncodable};
use rampart_protocol::{Address, Amount, CaseId, Ppm, ProviderId, Timestamp};

/// Whether a provider may sell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
#[repr(u8)]
pub enum Status {
    /// It may.
    #[default]
    Active = 0,
    /// Not now: a verdict is pending.
    Suspended = 1,
    /// Never again.
    Expelled = 2,
}

byte_enum!(Status {
    Active = 0,
    Suspended = 1,
    Expelled = 2,
});

/// Parts of a stake that can be unbonding at one time.
pub const MAX_UNBONDINGS: usize = 8;

/// Stake on its way out. It is slashable until it is released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct Unbonding {
    /// How much.
    pub amount: Amount,
    /// When it can be released.
    pub release_at: Timestamp,
}

/// A provider.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct Provider {
    /// Its unique id.
    pub id: ProviderId,
    /// The account that owns it: stakes for it, reports, claims.
    pub owner: Address,
    /// Whether it may sell.
    pub status: Status,
    /// When its status last changed; zero when it never did.
    pub status_since: Timestamp,
    /// Suspensions by its score so far: the number of the case that decides on its expulsion.
    pub suspensions: u32,
    /// Pardons so far.
    pub pardons: u32,
    /// The open case that decides on its expulsion; zero for none.
    pub case: CaseId,
    /// When it registered.
    pub registered_at: Timestamp,
    /// The security deposit that it has (V4).
    pub stake: Amount,
    /// Stake on its way out, by time of release, at most [`MAX_UNBONDINGS`] parts.
    pub unbonding: Vec<Unbonding>,
    /// The share of each claim that goes to the stake.
    pub auto_stake: Ppm,
    /// Bonds of challenges that are not decided.
    pub bonds: Amount,
    /// What an expulsion left for its consumers.
    pub compensation: Amount,
    /// Fees that wait.
    pub escrow: EscrowQueue,
    /// Fees claimed so far.
    pub claimed: Amount,
    /// Services registered so far, retired ones included.
    pub services: u32,
    /// Services that can be bought.
    pub active_services: u32,
    /// Purchases so far.
    pub purchases: u64,
    /// The epoch after the last in which it sold something; zero when it never did.
    pub sold: u64,
    /// Until when one of its purchases can be used or reviewed: a last stake stays that long.
    pub obliged_until: Timestamp,
    /// Fees in base units, decayed by the revenue clock: what the variable deposit must back.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub revenue: Decaying,
    /// Positive evidence in millionths of a unit, decayed by the score clock.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub positive: Decaying,
    /// Negative evidence in millionths of a unit, decayed by the score clock.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub negative: Decaying,
}

impl Provider {
    /// The key that it is kept under.
    #[must_use]
    pub const fn key(&self) -> Key {
        Key::provider(self.id)
    }

    /// The sum of what is unbonding. Conservation keeps it below the deposits.
    #[must_use]
    pub fn unbonding_total(&self) -> Amount {
        let parts = self.unbonding.iter();
        Amount(parts.fold(0, |sum: u128, part| sum.saturating_add(part.amount.0)))
    }
}

/// A provider's public data.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct Profile {
    /// The provider.
    pub provider: ProviderId,
    /// Name shown to consumers.
    pub name: String,
    /// Base URL of its API.
    pub endpoint: String,
}

impl Profile {
    /// The key that it is kept under.
    #[must_use]
    pub const fn key(&self) -> Key {
        Key::profile(self.provider)
    }
}

/// What is remembered of one consumer at one provider: what it spent there, for the repeat multiplier (S1).
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct Pair {
    /// Who buys.
    pub consumer: Address,
    /// From whom.
    pub provider: ProviderId,
    /// Fees in base units, decayed by the score clock.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub spent: Decaying,
}

impl Pair {
    /// The key that it is kept under.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::pair(&self.consumer, self.provider)
    }
}
