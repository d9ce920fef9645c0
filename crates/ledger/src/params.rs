//! The economic parameters, one struct: unit, default, bounds and reason of each (economics model; G1, V7, S1-S3).
//!
//! They are a record of the state, so every rule reads the same ones. Decides which values are possible at all
//! ([`Params::validate`]); who may change them is governance's.

use alloc::vec::Vec;
use alloy_rlp::{RlpDecodable, RlpDecodableWrapper, RlpEncodable, RlpEncodableWrapper};
use core::fmt;
use rampart_protocol::{Amount, Ppm, Seconds};

/// A small number of things.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, RlpEncodableWrapper, RlpDecodableWrapper,
)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(transparent)
)]
pub struct Count(pub u32);

/// Evidence about a provider, in millionths of a unit (the unit in which the score's prior is told).
/// JSON shows it as a decimal string.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, RlpEncodableWrapper, RlpDecodableWrapper,
)]
pub struct Evidence(pub u128);

#[cfg(feature = "serde")]
impl serde::Serialize for Evidence {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Amount(self.0).serialize(serializer)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Evidence {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Amount::deserialize(deserializer).map(|digits| Self(digits.0))
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What there is to know about one parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParamSpec {
    /// The field's name.
    pub name: &'static str,
    /// The unit in which it is told.
    pub unit: &'static str,
    /// The value unless genesis or governance says otherwise.
    pub default: u128,
    /// The least permitted value.
    pub min: u128,
    /// The largest permitted value.
    pub max: u128,
    /// Why this default, and why these bounds.
    pub reason: &'static str,
}

/// Why parameters are impossible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParamsError {
    /// A value is out of its bounds.
    #[error("{name} is {value} {unit}, it must be between {min} and {max}")]
    OutOfBounds {
        /// The parameter.
        name: &'static str,
        /// Its value.
        value: u128,
        /// Its unit.
        unit: &'static str,
        /// The least permitted value.
        min: u128,
        /// The largest permitted value.
        max: u128,
    },
    /// Two parameters are the ends of a range, and the wrong way round.
    #[error("{low} must not exceed {high}")]
    Reversed {
        /// The parameter that must be the lower end.
        low: &'static str,
        /// The parameter that must be the upper end.
        high: &'static str,
    },
}

const DAY: u64 = 86_400;

macro_rules! params {
    ($($name:ident: $ty:ident, $unit:literal, $default:expr, $min:expr, $max:expr, $reason:literal;)+) => {
        /// The parameters in force. JSON may leave out any that keeps its default.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
        #[cfg_attr(
            feature = "serde",
            derive(serde::Serialize, serde::Deserialize),
            serde(rename_all = "camelCase", default, deny_unknown_fields)
        )]
        pub struct Params {
            $(
                #[doc = $reason]
                #[doc = concat!("\n\nUnit: ", $unit, ". Default: `", stringify!($default), "`, from `", stringify!($min), "` to `", stringify!($max), "`.")]
                pub $name: $ty,
            )+
        }

        impl Default for Params {
            fn default() -> Self {
                Self { $($name: $ty($default),)+ }
            }
        }

        impl Params {
            /// What there is to know about each parameter, in the order of the fields.
            pub const SPECS: &'static [ParamSpec] = &[$(ParamSpec {
                name: stringify!($name),
                unit: $unit,
                default: $default as u128,
                min: $min as u128,
                max: $max as u128,
                reason: $reason,
            },)+];

            /// The values, in the order of [`Self::SPECS`].
            #[must_use]
            pub fn values(&self) -> Vec<u128> {
                alloc::vec![$(u128::from(self.$name.0),)+]
            }
        }
    };
}

params! {
    protocol_cut: Ppm, "ppm of the fee", 50_000, 0, 500_000,
        "Share of each fee that goes to the epoch's pool. A wash trade loses it, so it is also the price of evidence; above one half, providers earn less than the network.";
    fee_min: Amount, "base units", 10_000_000_000_000_000_u128, 1, 1_000_000_000_000_000_000_000_u128,
        "Least fee of a package: 0.01 token. A purchase stores about 300 bytes for good, and nothing else charges for them.";
    wait_min: Seconds, "seconds", 2 * DAY, 0, 365 * DAY,
        "Waiting period of a provider with a perfect score (V7): two days let a consumer notice bad service.";
    wait_max: Seconds, "seconds", 30 * DAY, 0, 365 * DAY,
        "Waiting period of a provider with score zero (V7): a month's fees stay within reach of reviews.";
    escrow_bucket: Seconds, "seconds", 3_600, 1, DAY,
        "Width of an escrow bucket; fees of one bucket unlock together, with its last second. An hour bounds a provider's pages at one a day; development networks use one second.";
    score_half_life: Seconds, "seconds", 30 * DAY, 1, 3_650 * DAY,
        "Time in which evidence loses half of its weight, and the window of the repeat multiplier (S1).";
    prior_mean: Ppm, "ppm", 500_000, 0, 1_000_000,
        "Score of a provider that nothing is known of: neither good nor bad.";
    prior_strength: Evidence, "millionths of an evidence unit", 100_000_000, 1_000_000, 1_000_000_000_000_u128,
        "Evidence that the prior is worth: 100 units, so a new provider pays 100 tokens of protocol fees to reach 0.75.";
    evidence_unit: Amount, "base units", 1_000_000_000_000_000_000_u128, 1_000_000_000_000_u128, 1_000_000_000_000_000_000_000_000_u128,
        "Protocol fee that buys one unit of evidence: one token.";
    repeat_bonus: Ppm, "ppm", 500_000, 0, 5_000_000,
        "What each earlier purchase of the same consumer within the half-life adds to the weight of the next (S1).";
    repeat_cap: Count, "purchases", 4, 0, 16,
        "Earlier purchases that count for the bonus. Also the timestamps that are kept per consumer and provider.";
    deposit_fixed: Amount, "base units", 1_000_000_000_000_000_000_000_u128, 0, 1_000_000_000_000_000_000_000_000_000_u128,
        "Fixed part of the security deposit (V4), and the least stake that registers: 1,000 tokens make a false identity cost something.";
    kappa_max: Ppm, "ppm of revenue", 1_000_000, 0, 10_000_000,
        "Variable part of the deposit at score zero: all revenue of about a month is backed by stake.";
    kappa_min: Ppm, "ppm of revenue", 200_000, 0, 10_000_000,
        "Variable part of the deposit at a perfect score.";
    revenue_half_life: Seconds, "seconds", 30 * DAY, 1, 3_650 * DAY,
        "Time in which a fee loses half of its weight in the revenue that the deposit must back (V4).";
    duration_min: Seconds, "seconds", 3_600, 1, 365 * DAY,
        "Shortest time until expiry that a service may offer (V3): an hour outlasts any delay of a confirmation.";
    duration_max: Seconds, "seconds", 365 * DAY, 1, 3_650 * DAY,
        "Longest time until expiry that a service may offer (V3): the review window stays open as long.";
    services_max: Count, "services", 100, 1, 10_000,
        "Services that one provider may register, retired ones included: what its fixed deposit may store.";
}

impl Params {
    /// Checks each value against its bounds, and the ranges that two of them form.
    ///
    /// # Errors
    /// Names the first parameter that is out of bounds or the wrong way round.
    pub fn validate(&self) -> Result<(), ParamsError> {
        for (spec, value) in Self::SPECS.iter().zip(self.values()) {
            if value < spec.min || value > spec.max {
                let ParamSpec {
                    name, unit, min, max, ..
                } = *spec;
                return Err(ParamsError::OutOfBounds {
                    name,
                    value,
                    unit,
                    min,
                    max,
                });
            }
        }
        for (low, high, ordered) in [
            ("wait_min", "wait_max", self.wait_min <= self.wait_max),
            ("kappa_min", "kappa_max", self.kappa_min <= self.kappa_max),
            (
                "duration_min",
                "duration_max",
                self.duration_min <= self.duration_max,
            ),
        ] {
            if !ordered {
                return Err(ParamsError::Reversed { low, high });
            }
        }
        Ok(())
    }
}
