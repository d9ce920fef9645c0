//! What operators say about services' availability (P3, V4).

use crate::key::Key;
use alloc::vec::Vec;
use alloy_rlp::{RlpDecodable, RlpEncodable};
use rampart_protocol::{Address, B256};

/// Services that one bitmap covers.
pub const SERVICES_PER_PAGE: u64 = 256;

/// The bitmaps of one page of services for one epoch.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct AvailabilityPage {
    /// The epoch that was observed.
    pub epoch: u64,
    /// The page.
    pub page: u32,
    /// The most stake that all operators had together when one of them arrived.
    #[cfg_attr(feature = "serde", serde(with = "rampart_protocol::units::decimal"))]
    pub total_stake: u128,
    /// In the order in which they arrived.
    pub reports: Vec<AvailabilityReport>,
}

/// One operator's bitmap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct AvailabilityReport {
    /// The operator.
    pub operator: Address,
    /// Its stake when it reported.
    #[cfg_attr(feature = "serde", serde(with = "rampart_protocol::units::decimal"))]
    pub stake: u128,
    /// The services that were down, as in [`rampart_protocol::message::ReportAvailability`].
    pub down: B256,
}

impl AvailabilityReport {
    /// Whether the service at a place of the page was down.
    #[must_use]
    pub fn is_down(&self, place: u64) -> bool {
        let byte = usize::try_from(place / 8).ok().and_then(|at| self.down.get(at));
        byte.is_some_and(|byte| byte >> (place % 8) & 1 == 1)
    }
}

impl AvailabilityPage {
    /// The key that it is kept under.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::availability(self.epoch, self.page)
    }
}
