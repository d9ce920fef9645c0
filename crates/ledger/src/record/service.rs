//! Services: packages of API requests for a fee (V3), and bundles of them (C8).

use crate::key::Key;
use alloc::string::String;
use alloc::vec::Vec;
use alloy_rlp::{RlpDecodable, RlpEncodable};
use rampart_protocol::message::Component;
use rampart_protocol::{AccessKey, Amount, B256, Category, ProviderId, Seconds, ServiceId, Timestamp};

/// A service as a purchase needs it: its current terms without the texts.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct Service {
    /// Its unique id.
    pub id: ServiceId,
    /// Who offers it.
    pub provider: ProviderId,
    /// Version of the terms, counted from 1; grows by one with each update.
    pub version: u32,
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
    /// The services that it bundles.
    pub components: Vec<Component>,
    /// The key with which the provider calls them; zero when it bundles none.
    pub upstream_key: AccessKey,
    /// The epoch after the last in which it was found down; zero when it never was.
    pub down: u64,
    /// Epochs in a row, up to that one, in which it was found down.
    pub outages: u32,
}

impl Service {
    /// The key that it is kept under.
    #[must_use]
    pub const fn key(&self) -> Key {
        Key::service(self.id)
    }
}

/// One version of a service's terms, kept for good: a purchase names the version that it was made on.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct Terms {
    /// The service.
    pub service: ServiceId,
    /// The version.
    pub version: u32,
    /// Since when.
    pub since: Timestamp,
    /// Category of V1.
    pub category: Category,
    /// Text description.
    pub description: String,
    /// Base URL where it is consumed; empty when it is the provider's.
    pub endpoint: String,
    /// Keccak-256 digest of its OpenAPI document; zero for none.
    pub openapi: B256,
    /// Requests in the package.
    pub requests: u64,
    /// Fee for the package.
    pub fee: Amount,
    /// Shortest time until expiry that a buyer may choose.
    pub min_duration: Seconds,
    /// Longest time until expiry that a buyer may choose.
    pub max_duration: Seconds,
    /// The services that it bundles.
    pub components: Vec<Component>,
    /// The key with which the provider calls them; zero when it bundles none.
    pub upstream_key: AccessKey,
    /// Whether it could be bought.
    pub active: bool,
}

impl Terms {
    /// The key that they are kept under.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::terms(self.service, self.version)
    }
}
