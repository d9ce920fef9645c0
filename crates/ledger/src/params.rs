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
    /// There is no parameter of that name.
    #[error("there is no such parameter")]
    Unknown,
    /// The parts of the pool that are paid out exceed it.
    #[error("reward_base, reward_sellers and reward_verdicts together exceed the whole pool")]
    RewardsExceedPool,
    /// Stake could leave before the cases against it are decided.
    #[error(
        "unbond_period must be at least wait_max, challenge_window and two rounds of commit and reveal: {least} seconds"
    )]
    UnbondTooShort {
        /// The least unbonding period, seconds.
        least: u64,
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

            /// Sets one parameter by its name.
            ///
            /// # Errors
            /// When there is none of that name, or its type cannot hold the value. Bounds are [`Self::validate`]'s.
            pub fn set(&mut self, name: &str, value: u128) -> Result<(), ParamsError> {
                match name {
                    $(stringify!($name) => {
                        let fits = value.try_into().map_err(|_| ParamsError::OutOfBounds {
                            name: stringify!($name),
                            value,
                            unit: $unit,
                            min: $min as u128,
                            max: $max as u128,
                        })?;
                        self.$name = $ty(fits);
                    })+
                    _ => return Err(ParamsError::Unknown),
                }
                Ok(())
            }

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
        "What each `repeat_unit` that a consumer has spent at a provider, as decayed, adds to the weight of the next token that it spends there (S1).";
    repeat_unit: Amount, "base units", 100_000_000_000_000_000_000_u128, 1_000_000_000_000_u128, 1_000_000_000_000_000_000_000_000_000_u128,
        "Fees of one consumer at one provider that make one step of the bonus: 100 tokens. Loyalty is counted in what was paid, not in purchases, so that splitting one purchase into many buys nothing.";
    repeat_cap: Count, "steps", 4, 0, 16,
        "Most steps of the bonus: the last tokens of a loyal consumer weigh three times the first ones of a new one.";
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
    storage_fee: Amount, "base units", 10_000_000_000_000_000_u128, 0, 1_000_000_000_000_000_000_000_u128,
        "Charged into the pool for a message that makes a record for good and pays for it in no other way: a withdrawal, an account opened by a transfer, a new version of a service: 0.01 token, the least fee.";
    components_max: Count, "purchases", 16, 1, 64,
        "Purchases that one purchase of a bundle makes at most, all levels together (C8): what one transaction may cost operators.";
    review_window: Seconds, "seconds", 7 * DAY, 0, 365 * DAY,
        "Time after a purchase's expiry in which its consumer can still review it (C7): a week to notice.";
    review_fee_min: Amount, "base units", 1_000_000_000_000_000_000_u128, 0, 1_000_000_000_000_000_000_000_000_u128,
        "Least fee of a review: one token, so that reviews of the cheapest packages cost something too (C7).";
    review_fee_share: Ppm, "ppm of the fee", 200_000, 0, 1_000_000,
        "Fee of a review as a share of the purchase's fee (C7): a fifth makes a false review of a rival dear, and a true one affordable, since it comes back.";
    negative_weight: Count, "times", 20, 1, 1_000,
        "Negative evidence of a standing review over the positive evidence of the purchase reviewed (S2): one bad purchase undoes twenty good ones.";
    challenge_window: Seconds, "seconds", 3 * DAY, 1, 30 * DAY,
        "Time in which a provider can challenge a review (V8): three days reach over a weekend.";
    commit_window: Seconds, "seconds", DAY, 1, 30 * DAY,
        "Time in which operators commit to a verdict: a day for an operator that weighs evidence by hand.";
    reveal_window: Seconds, "seconds", DAY, 1, 30 * DAY,
        "Time in which operators reveal their verdicts, after the commitments.";
    escalation_window: Seconds, "seconds", 30 * DAY, 1, 365 * DAY,
        "Time in which governance may decide a case that operators did not; then it is dropped and all deposits return. A month fits a proposal, a vote and a timelock.";
    verdict_quorum: Ppm, "ppm of stake", 666_667, 500_001, 1_000_000,
        "Stake that must have revealed for a verdict: two thirds, as for consensus. More than half, or two rounds could both decide.";
    slash_review: Ppm, "ppm of the fee", 50_000, 0, 1_000_000,
        "Share of the purchase's fee that an upheld review slashes (V4): what the provider saved by a vain challenge it loses again.";
    slash_review_min: Amount, "base units", 1_000_000_000_000_000_000_u128, 0, 1_000_000_000_000_000_000_000_000_u128,
        "Least slash of an upheld review: one token.";
    availability_min: Ppm, "ppm of probes", 950_000, 0, 1_000_000,
        "Share of an operator's probes that must succeed, else it reports the service as down (V4). The ledger sees the bit only.";
    outage_weight: Evidence, "millionths of an evidence unit", 20_000_000, 0, 1_000_000_000_000_u128,
        "Negative evidence of one epoch in which a service was down: 20 units, a fifth of the prior.";
    outage_epochs: Count, "epochs", 3, 1, 1_000,
        "Epochs in a row in which a service is down before its provider is slashed.";
    slash_outage: Ppm, "ppm of the stake", 10_000, 0, 1_000_000,
        "Share of the stake that such a row of outages costs, and each further epoch of it: one hundredth.";
    unbond_period: Seconds, "seconds", 45 * DAY, 1, 3_650 * DAY,
        "Time for which stake stays slashable after its owner asked for it (V4): longer than the longest wait, a challenge and two rounds of judging.";
    expel_score: Ppm, "ppm", 200_000, 0, 1_000_000,
        "Score under which a provider is suspended and its expulsion judged (S3).";
    expel_evidence: Evidence, "millionths of an evidence unit", 100_000_000, 0, 1_000_000_000_000_000_u128,
        "Evidence, good and bad together, that must be known before a score can expel: as much as the prior's.";
    slash_expel: Ppm, "ppm of the stake", 500_000, 0, 1_000_000,
        "Share of stake and unbonding stake that an expulsion costs (S3).";
    compensation_window: Seconds, "seconds", 30 * DAY, 1, 365 * DAY,
        "Time in which consumers of an expelled provider retrieve the unused parts of their purchases from what was slashed; what is left goes to the pool.";
    slash_bounty: Ppm, "ppm of the slash", 100_000, 0, 500_000,
        "Share of a slash that goes to the operators that enforced it (I2): a tenth pays for the work, and is too little to live on.";
    epoch_length: Seconds, "seconds", DAY, 1, 30 * DAY,
        "Length of an epoch of rewards and availability: a day.";
    reward_base: Ppm, "ppm of the pool", 600_000, 0, 1_000_000,
        "Share of the pool that operators and their investors earn in any case (U2).";
    reward_sellers: Ppm, "ppm of the pool", 250_000, 0, 1_000_000,
        "Share of the pool that they approach as more providers sell (U2).";
    reward_verdicts: Ppm, "ppm of the pool", 150_000, 0, 1_000_000,
        "Share of the pool that they approach as they decide more cases, either way (U2).";
    sellers_half: Count, "providers", 50, 1, 1_000_000,
        "Providers selling in an epoch at which half of `reward_sellers` is earned.";
    verdicts_half: Count, "cases", 10, 1, 1_000_000,
        "Cases decided in an epoch at which half of `reward_verdicts` is earned.";
    commission_max: Ppm, "ppm of rewards", 200_000, 0, 1_000_000,
        "Largest share of its rewards that an operator keeps from its investors; a larger one that the L1 tells counts as this.";
    seats_max: Count, "operators", 100, 1, 256,
        "Most operators that vote in consensus. The settlement contract's bitmap of signers has 256 places; the cost of a checkpoint and of a block's votes grows with the seats.";
    seats_min: Count, "operators", 4, 1, 256,
        "Fewer than these are not seated, and rather the committee stays as it is: four are the least that bear the failure of one.";
    seat_stake_min: Ppm, "ppm of the mean stake of the seats", 200_000, 0, 1_000_000,
        "Least stake of a seat. A seat is one vote whatever the stake, so this bounds what splitting stake over many operators gains to five times, and what a quorum of votes holds of the stake to two fifteenths at least; a stricter one would leave few seats where stakes differ much.";
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
            ("seats_min", "seats_max", self.seats_min <= self.seats_max),
        ] {
            if !ordered {
                return Err(ParamsError::Reversed { low, high });
            }
        }
        let rewards = [self.reward_base, self.reward_sellers, self.reward_verdicts];
        if rewards.iter().map(|part| u64::from(part.0)).sum::<u64>() > u64::from(Ppm::ONE.0) {
            return Err(ParamsError::RewardsExceedPool);
        }
        let rounds = 2 * (self.commit_window.0 + self.reveal_window.0);
        let least = self.wait_max.0 + self.challenge_window.0 + rounds;
        if self.unbond_period.0 < least {
            return Err(ParamsError::UnbondTooShort { least });
        }
        Ok(())
    }
}
