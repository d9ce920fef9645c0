//! A provider's standing: score, waiting period and required deposit (S1-S3, V4, V7), and the evidence of a purchase.
//!
//! The score is the mean of a Beta distribution over decayed evidence, with a prior (Jøsang and Ismail, "The Beta
//! Reputation System", 2002). Everything rounds against the provider: the score down, the wait and the deposit up.

use crate::escrow;
use crate::fault::Fault;
use crate::math::{interpolate_down, ppm_of_up, product, times};
use crate::params::{Evidence, Params};
use crate::record::{Globals, Provider};
use crate::view::View;
use alloy_primitives::U256;
use rampart_protocol::{Amount, Ppm, Seconds, Timestamp};

/// What the network thinks of a provider at a moment, and what follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct Standing {
    /// The score.
    pub score: Ppm,
    /// Positive evidence as decayed.
    pub positive: Evidence,
    /// Negative evidence as decayed.
    pub negative: Evidence,
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
    globals: &Globals,
    provider: &Provider,
    now: Timestamp,
) -> Result<Standing, Fault> {
    let score = score(params, globals, provider, now);
    let wait = wait(params, score);
    let unlocked = escrow::unlocked(view, provider, now, wait)?;
    let at = globals.score_steps(params, now);
    Ok(Standing {
        score,
        positive: Evidence(provider.positive.value(at)),
        negative: Evidence(provider.negative.value(at)),
        wait,
        required_stake: required_stake(params, globals, provider, now).unwrap_or(Amount(u128::MAX)),
        claimable: unlocked.amount,
        next_claim_at: unlocked.next_at,
    })
}

/// The performance score: `(r + prior_mean * prior_strength) / (r + d + prior_strength)`.
#[must_use]
pub fn score(params: &Params, globals: &Globals, provider: &Provider, now: Timestamp) -> Ppm {
    let at = globals.score_steps(params, now);
    let one = u128::from(Ppm::ONE.0);
    let (good, bad) = (provider.positive.value(at), provider.negative.value(at));
    let strength = params.prior_strength.0;
    let prior = u128::from(params.prior_mean.0);
    let in_128_bits = || {
        let favourable = (good.checked_mul(one)?).checked_add(strength.checked_mul(prior)?)?;
        favourable.checked_div(good.checked_add(bad)?.checked_add(strength)?)
    };
    let in_256_bits = || {
        // Terms are below 2^128 and factors below 2^32, so nothing here reaches 256 bits.
        let [good, bad, strength] = [good, bad, strength].map(U256::from);
        let favourable = good * U256::from(one) + strength * U256::from(prior);
        let score = favourable.checked_div(good + bad + strength);
        u128::try_from(score.unwrap_or(U256::ZERO)).unwrap_or(u128::MAX)
    };
    let score = in_128_bits().unwrap_or_else(in_256_bits).min(one);
    Ppm(u32::try_from(score).unwrap_or(Ppm::ONE.0))
}

/// Whether what is known of a provider suffices to suspend it: a score under `expel_score` on evidence of at least
/// `expel_evidence` (S3).
#[must_use]
pub fn is_untrustworthy(params: &Params, globals: &Globals, provider: &Provider, now: Timestamp) -> bool {
    let at = globals.score_steps(params, now);
    let known = provider
        .positive
        .value(at)
        .saturating_add(provider.negative.value(at));
    known >= params.expel_evidence.0 && score(params, globals, provider, now) < params.expel_score
}

/// The waiting period of a score: `wait_max - (wait_max - wait_min) * s`, rounded up.
#[must_use]
pub fn wait(params: &Params, score: Ppm) -> Seconds {
    Seconds(interpolate_down(params.wait_max.0, params.wait_min.0, score))
}

/// The security deposit required: `deposit_fixed + kappa(s) * revenue`, rounded up; `None` past 128 bits.
#[must_use]
pub fn required_stake(
    params: &Params,
    globals: &Globals,
    provider: &Provider,
    now: Timestamp,
) -> Option<Amount> {
    let score = score(params, globals, provider, now);
    let kappa = interpolate_down(
        u64::from(params.kappa_max.0),
        u64::from(params.kappa_min.0),
        score,
    );
    let kappa = Ppm(u32::try_from(kappa).ok()?);
    let revenue = Amount(provider.revenue.value(globals.revenue_steps(params, now)));
    params.deposit_fixed.checked_add(ppm_of_up(revenue, kappa)?)
}

/// The positive evidence of a purchase (S1): the protocol's cut of the fee, each token of it weighted by what the
/// consumer had already spent there, `1 + repeat_bonus * min(spent / repeat_unit, repeat_cap)`. `None` past 256 bits.
///
/// The weight of a token depends on the tokens before it and not on how they were parcelled, so the sum over the parts
/// of a fee, each rounded down, is at most that of the whole: splitting a purchase never pays. In integers, with K the
/// spending at the cap and c the fee's end `spent + fee`:
/// `(fee * 2 * unit + bonus * (min(c, K)^2 - min(spent, K)^2 + 2 * K * (c - max(spent, K)))) * cut / (2 * unit)`.
#[must_use]
pub fn purchase_evidence(params: &Params, spent: u128, fee: Amount) -> Option<Evidence> {
    let (unit, one) = (params.repeat_unit.0, u64::from(Ppm::ONE.0));
    let cap = unit.checked_mul(u128::from(params.repeat_cap.0))?;
    let end = spent.checked_add(fee.0)?;
    let (from, to) = (spent.min(cap), end.min(cap));
    // a^2 - b^2 = (a - b) * a + (a - b) * b.
    let below = product(to - from, to) + product(to - from, from);
    let above = product(end.saturating_sub(spent.max(cap)), cap);
    let bonus = below.checked_add(above.checked_add(above)?)?;
    let bonus = times(bonus, params.repeat_bonus.0.into())?;
    let plain = times(product(fee.0, unit), 2 * one)?;
    let weighted = times(plain.checked_add(bonus)?, params.protocol_cut.0.into())?;
    let scale = times(product(unit, params.evidence_unit.0), 2 * one)?;
    // Evidence counts millionths and the cut is in millionths, so these two factors cancel.
    u128::try_from(weighted.checked_div(scale)?).ok().map(Evidence)
}
