//! Units and identifiers: one newtype each, so that a fee is never taken for a time.

use alloc::string::String;
use alloy_primitives::B256;
use alloy_rlp::{RlpDecodableWrapper, RlpEncodableWrapper};
use core::fmt;

macro_rules! unit {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, RlpEncodableWrapper, RlpDecodableWrapper)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
        pub struct $name(pub $inner);

        #[cfg(feature = "openapi")]
        impl crate::shape::Shape for $name {
            fn shape(shapes: &mut crate::shape::Shapes) -> serde_json::Value {
                <$inner as crate::shape::Shape>::shape(shapes)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

unit! {
    /// Seconds, a duration.
    Seconds(u64)
}
unit! {
    /// Seconds since the Unix epoch, as a block tells them.
    Timestamp(u64)
}
unit! {
    /// Parts per million, a fraction: `1_000_000` is one.
    Ppm(u32)
}
unit! {
    /// The number of transactions that an account has had applied; a transaction carries the current one.
    Nonce(u64)
}
unit! {
    /// A provider's unique identifier (V2), counted from 1.
    ProviderId(u64)
}
unit! {
    /// A service's unique identifier (V3), counted from 1 over all providers.
    ServiceId(u64)
}
unit! {
    /// The n-th request of a purchase, counted from 1. Signing n says "I have authorised n in all".
    Sequence(u64)
}
unit! {
    /// A purchase's identifier: the EIP-712 digest of the `Purchase` message, known to the buyer before it is sent.
    PurchaseId(B256)
}
unit! {
    /// A case that operators judge: the id of the purchase whose review is challenged, or [`crate::verdict::expulsion`].
    CaseId(B256)
}
unit! {
    /// An Ed25519 public key (RFC 8032) that signs a purchase's API requests (C6).
    AccessKey(B256)
}

impl Timestamp {
    /// The second of a block's time in milliseconds.
    #[must_use]
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms / 1000)
    }

    /// The moment `duration` later, or `None` past the end of time.
    #[must_use]
    pub const fn checked_add(self, duration: Seconds) -> Option<Self> {
        match self.0.checked_add(duration.0) {
            Some(at) => Some(Self(at)),
            None => None,
        }
    }

    /// The time since `earlier`; zero when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Seconds {
        Seconds(self.0.saturating_sub(earlier.0))
    }
}

impl Ppm {
    /// The whole.
    pub const ONE: Self = Self(1_000_000);
}

/// Utility-token base units (18 decimals, U1). JSON shows it as a decimal string, since it exceeds a double.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    RlpEncodableWrapper,
    RlpDecodableWrapper,
)]
pub struct Amount(pub u128);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// One whole token.
    pub const TOKEN: Self = Self(1_000_000_000_000_000_000);

    /// The sum, or `None` on overflow.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// The difference, or `None` when `other` is more.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(rest) => Some(Self(rest)),
            None => None,
        }
    }

    /// Parses whole tokens with up to 18 decimals, `12.5`, into base units.
    #[must_use]
    pub fn parse_tokens(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty())
            || fraction.len() > 18
            || !digits(whole)
            || !digits(fraction)
        {
            return None;
        }
        let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let mut base: u128 = if fraction.is_empty() {
            0
        } else {
            fraction.parse().ok()?
        };
        for _ in fraction.len()..18 {
            base *= 10;
        }
        whole.checked_mul(Self::TOKEN.0)?.checked_add(base).map(Self)
    }

    /// Shows whole tokens without trailing zeros: `12.5`.
    #[must_use]
    pub fn to_tokens(self) -> String {
        let (whole, fraction) = (self.0 / Self::TOKEN.0, self.0 % Self::TOKEN.0);
        if fraction == 0 {
            return alloc::format!("{whole}");
        }
        let digits = alloc::format!("{fraction:018}");
        alloc::format!("{whole}.{}", digits.trim_end_matches('0'))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Amount {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        decimal::serialize(&self.0, serializer)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Amount {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        decimal::deserialize(deserializer).map(Self)
    }
}

/// JSON of a 128-bit integer: a string of decimal digits, since it exceeds what a JSON number holds. For
/// `#[serde(with = "rampart_protocol::units::decimal")]`.
#[cfg(feature = "serde")]
pub mod decimal {
    use alloc::borrow::Cow;
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    /// Writes the digits.
    ///
    /// # Errors
    /// The serializer's own.
    pub fn serialize<S: Serializer>(value: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    /// Reads the digits.
    ///
    /// # Errors
    /// When it is no text of decimal digits, or exceeds 128 bits.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        let text = <Cow<'de, str>>::deserialize(deserializer)?;
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Error::custom(
                "an amount is a string of decimal digits (base units)",
            ));
        }
        text.parse()
            .map_err(|_| Error::custom("the amount exceeds 128 bits"))
    }
}

/// The kind of a service, after the kill chain (V1), plus a general one (P4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "kebab-case")
)]
#[repr(u8)]
pub enum Category {
    /// Anything else with an API (P4).
    #[default]
    General = 0,
    /// dApp scanning, event engines, phishing and social-engineering detection.
    ProactiveMeasures = 1,
    /// Simulation, malicious-transaction and malicious-address detection, front-running prevention.
    TransactionSecurity = 2,
    /// Asset recovery, victim support, revocation engines.
    IncidentResponse = 3,
    /// Insurance, privacy, wallet health.
    UserProtection = 4,
}

impl Category {
    /// Every category, in the order of its byte.
    pub const ALL: [Self; 5] = [
        Self::General,
        Self::ProactiveMeasures,
        Self::TransactionSecurity,
        Self::IncidentResponse,
        Self::UserProtection,
    ];

    /// The category of a byte, if there is one.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.get(usize::from(byte)).copied()
    }

    /// The name that JSON and command lines use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::General => "general",
            Self::ProactiveMeasures => "proactive-measures",
            Self::TransactionSecurity => "transaction-security",
            Self::IncidentResponse => "incident-response",
            Self::UserProtection => "user-protection",
        }
    }
}

impl alloy_rlp::Encodable for Category {
    fn encode(&self, out: &mut dyn alloy_rlp::BufMut) {
        (*self as u8).encode(out);
    }
    fn length(&self) -> usize {
        (*self as u8).length()
    }
}

impl alloy_rlp::Decodable for Category {
    fn decode(buf: &mut &[u8]) -> alloy_rlp::Result<Self> {
        Self::from_byte(u8::decode(buf)?).ok_or(alloy_rlp::Error::Custom("unknown service category"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn tokens_round_trip_through_text() {
        for (text, base) in [
            ("0", 0),
            ("1", Amount::TOKEN.0),
            ("12.5", 12_500_000_000_000_000_000),
            ("0.000000000000000001", 1),
        ] {
            let amount = Amount::parse_tokens(text).unwrap();
            assert_eq!(amount.0, base);
            assert_eq!(amount.to_tokens(), text);
        }
    }

    #[test]
    fn refuses_texts_that_are_no_amount() {
        for text in [
            "",
            ".",
            "-1",
            "1e3",
            "1.0000000000000000001",
            "340282366920938463464",
            "1.2.3",
            "+1",
        ] {
            assert_eq!(Amount::parse_tokens(text), None, "{text}");
        }
    }

    #[test]
    fn category_names_match_their_bytes() {
        for (byte, category) in (0u8..).zip(Category::ALL) {
            assert_eq!(Category::from_byte(byte), Some(category));
        }
        assert_eq!(Category::from_byte(5), None);
    }
}
