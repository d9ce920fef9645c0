//! Providers and their reputation (V2, V4, S1).

use super::EscrowQueue;
use crate::decay::Decaying;
use crate::key::Key;
use alloc::string::String;
use alloc::vec::Vec;
use alloy_rlp::{RlpDecodable, RlpEncodable};
use rampart_protocol::{Address, Amount, ProviderId, Timestamp};

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

impl alloy_rlp::Encodable for Status {
    fn encode(&self, out: &mut dyn alloy_rlp::BufMut) {
        (*self as u8).encode(out);
    }
    fn length(&self) -> usize {
        (*self as u8).length()
    }
}

impl alloy_rlp::Decodable for Status {
    fn decode(buf: &mut &[u8]) -> alloy_rlp::Result<Self> {
        match u8::decode(buf)? {
            0 => Ok(Self::Active),
            1 => Ok(Self::Suspended),
            2 => Ok(Self::Expelled),
            _ => Err(alloy_rlp::Error::Custom("unknown provider status")),
        }
    }
}

/// A provider.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct Provider {
    /// Its unique id.
    pub id: ProviderId,
    /// The account that owns it: stakes for it, reports, claims.
    pub owner: Address,
    /// Name shown to consumers.
    pub name: String,
    /// Base URL of its API.
    pub endpoint: String,
    /// Whether it may sell.
    pub status: Status,
    /// When it registered.
    pub registered_at: Timestamp,
    /// The security deposit that it has (V4).
    pub stake: Amount,
    /// Fees that wait.
    pub escrow: EscrowQueue,
    /// Fees claimed so far.
    pub claimed: Amount,
    /// Services registered so far, retired ones included.
    pub services: u32,
    /// Purchases so far.
    pub purchases: u64,
    /// Fees in base units, decayed by `revenue_half_life`: what the variable deposit must back.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub revenue: Decaying,
    /// Positive evidence in millionths of a unit, decayed by `score_half_life`.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub positive: Decaying,
    /// Negative evidence in millionths of a unit, decayed by `score_half_life`.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub negative: Decaying,
}

impl Provider {
    /// The key that it is kept under.
    #[must_use]
    pub const fn key(&self) -> Key {
        Key::provider(self.id)
    }
}

/// What is remembered of one consumer at one provider: when it last bought, for the repeat multiplier (S1).
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct Pair {
    /// Who buys.
    pub consumer: Address,
    /// From whom.
    pub provider: ProviderId,
    /// Times of the latest purchases, oldest first, at most `repeat_cap` of them: more never count.
    pub recent: Vec<Timestamp>,
}

impl Pair {
    /// The key that it is kept under.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::pair(&self.consumer, self.provider)
    }
}
