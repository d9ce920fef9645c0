//! A provider's standing: score, waiting period and required deposit (S1-S3, V4, V7).
//!
//! The score is the mean of a Beta distribution over decayed evidence, with a prior (Jøsang and Ismail, "The Beta
//! Reputation System", 2002). Everything rounds against the provider: the score down, the wait and the deposit up.

use crate::draft::Draft;
use crate::escrow;
use crate::fault::Fault;
use crate::math::{interpolate_down, ppm_of_up};
use crate::params::Params;
use crate::record::Provider;
use crate::view::View;
use alloy_primitives::U256;
use rampart_protocol::{Amount, Ppm, Seconds, Timestamp};

/// What the network thinks of a provider at a moment, and what follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct Standing {
    /// The score.
    pub score: Ppm,
    /// How long a fee waits in escrow.
    pub wait: Seconds,
    /// The stake that the provider must have; more with each sale. Saturated at 128 bits.
    pub required_stake: Amount,
    /// What a claim would retrieve now.
    pub claimable: Amount,
    /// When the oldest fee beyond that unlocks, if there is one and the score stays.
    pub next_claim_at: Option<Timestamp>,
}

/// Works out a provider's standing at `now`.
///
/// # Errors
/// [`Fault::Missing`] when a page of its escrow is not loaded, [`Fault::Corrupt`] when the escrow contradicts itself.
pub fn standing(
    view: &impl View,
    params: &Params,
    provider: &Provider,
    now: Timestamp,
) -> Result<Standing, Fault> {
    let score = score(params, provider, now);
    let wait = wait(params, score);
    // A claim on a draft that is thrown away, so that the answer is what a claim does.
    let claimed = escrow::retrieve(&mut Draft::new(view), &mut provider.clone(), now, wait)?;
    Ok(Standing {
        score,
        wait,
        required_stake: required_stake(params, provider, now).unwrap_or(Amount(u128::MAX)),
        claimable: claimed.amount,
        next_claim_at: claimed.next_at,
    })
}

/// The performance score: `(r + prior_mean * prior_strength) / (r + d + prior_strength)`.
#[must_use]
pub fn score(params: &Params, provider: &Provider, now: Timestamp) -> Ppm {
    let half_life = params.score_half_life;
    let one = U256::from(Ppm::ONE.0);
    let good = U256::from(provider.positive.value(now, half_life));
    let bad = U256::from(provider.negative.value(now, half_life));
    let strength = U256::from(params.prior_strength.0);
    // Terms are below 2^128 and factors below 2^32, so nothing here reaches 256 bits.
    let favourable = good * one + strength * U256::from(params.prior_mean.0);
    let score = favourable
        .checked_div(good + bad + strength)
        .unwrap_or(U256::ZERO);
    Ppm(u32::try_from(score.min(one)).unwrap_or(Ppm::ONE.0))
}

/// The waiting period of a score: `wait_max - (wait_max - wait_min) * s`, rounded up.
#[must_use]
pub fn wait(params: &Params, score: Ppm) -> Seconds {
    Seconds(interpolate_down(params.wait_max.0, params.wait_min.0, score))
}

/// The security deposit required: `deposit_fixed + kappa(s) * revenue`, rounded up; `None` past 128 bits.
#[must_use]
pub fn required_stake(params: &Params, provider: &Provider, now: Timestamp) -> Option<Amount> {
    let score = score(params, provider, now);
    let kappa = interpolate_down(
        u64::from(params.kappa_max.0),
        u64::from(params.kappa_min.0),
        score,
    );
    let kappa = Ppm(u32::try_from(kappa).ok()?);
    let revenue = Amount(provider.revenue.value(now, params.revenue_half_life));
    params.deposit_fixed.checked_add(ppm_of_up(revenue, kappa)?)
}
