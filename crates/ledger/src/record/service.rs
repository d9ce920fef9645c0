//! Services: packages of API requests for a fee (V3).

use crate::key::Key;
use alloc::string::String;
use alloy_rlp::{RlpDecodable, RlpEncodable};
use rampart_protocol::{Amount, Category, ProviderId, Seconds, ServiceId};

/// A service on its current terms.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct Service {
    /// Its unique id.
    pub id: ServiceId,
    /// Who offers it.
    pub provider: ProviderId,
    /// Version of the terms, counted from 1; grows by one with each update.
    pub version: u32,
    /// Category of V1.
    pub category: Category,
    /// Text description.
    pub description: String,
    /// Requests in the package.
    pub requests: u64,
    /// Fee for the package.
    pub fee: Amount,
    /// Shortest time until expiry that a buyer may choose.
    pub min_duration: Seconds,
    /// Longest time until expiry that a buyer may choose.
    pub max_duration: Seconds,
    /// Whether it can be bought.
    pub active: bool,
}

impl Service {
    /// The key that it is kept under.
    #[must_use]
    pub const fn key(&self) -> Key {
        Key::service(self.id)
    }
}
