//! The performance score, the wait and the deposit that follow from it (S1-S3, V4, V7): exact values.

use crate::world::*;
use proptest::prelude::*;
use rampart_ledger::{DecayClock, Decaying, Globals, Params, Provider, required_stake, score, wait};
use rampart_protocol::{Amount, Ppm, Seconds, Timestamp};

const UNIT: u128 = 1_000_000;

fn now() -> Timestamp {
    Timestamp(START)
}

/// A sum that decays by this half-life.
fn sum_at(value: u128, half_life: u64) -> Decaying {
    let at = DecayClock::default().at(now(), Seconds(half_life));
    Decaying::of(value, at).unwrap()
}

fn score_of(params: &Params, provider: &Provider, at: Timestamp) -> Ppm {
    score(params, &Globals::default(), provider, at)
}

fn required(params: &Params, provider: &Provider, at: Timestamp) -> Option<Amount> {
    required_stake(params, &Globals::default(), provider, at)
}

fn sum(value: u128) -> Decaying {
    sum_at(value, HALF_LIFE)
}

/// A provider with this much evidence and revenue at [`START`].
fn provider(positive: u128, negative: u128, revenue: u128) -> Provider {
    let mut provider = World::market().provider();
    (provider.positive, provider.negative, provider.revenue) = (sum(positive), sum(negative), sum(revenue));
    provider
}

#[test]
fn the_score_is_the_mean_of_the_evidence_with_the_prior() {
    for (positive, negative, expected) in [
        (0, 0, 500_000),
        (100 * UNIT, 0, 750_000),
        (300 * UNIT, 0, 875_000),
        (0, 100 * UNIT, 250_000),
        (100 * UNIT, 100 * UNIT, 500_000),
        (UNIT, 0, 504_950),
        (1, 0, 500_000),
        (200, 0, 500_000),
        (201, 0, 500_001),
        (0, 1, 499_999),
        (50 * UNIT, 1_000 * UNIT, 86_956),
        (u128::MAX, 0, 1_000_000 - 1),
        (0, u128::MAX, 0),
        (u128::MAX, u128::MAX, 500_000 - 1),
    ] {
        let actual = score_of(&Params::default(), &provider(positive, negative, 0), now()).0;
        if positive == u128::MAX {
            assert!(actual.abs_diff(expected) <= 1, "{positive} {negative}: {actual}");
        } else {
            assert_eq!(actual, expected, "{positive} {negative}");
        }
    }
}

#[test]
fn evidence_halves_every_half_life_and_the_score_returns_to_the_prior() {
    let params = Params::default();
    let good = provider(100 * UNIT, 0, 0);
    for (half_lives, expected) in [
        (0, 750_000),
        (1, 666_666),
        (2, 600_000),
        (3, 555_555),
        (40, 500_000),
    ] {
        let at = Timestamp(START + half_lives * HALF_LIFE);
        assert_eq!(score_of(&params, &good, at).0, expected, "{half_lives}");
    }
    let bad = provider(0, 100 * UNIT, 0);
    for (half_lives, expected) in [(0, 250_000), (1, 333_333), (2, 400_000), (40, 500_000)] {
        let at = Timestamp(START + half_lives * HALF_LIFE);
        assert_eq!(score_of(&params, &bad, at).0, expected, "{half_lives}");
    }
}

#[test]
fn the_wait_falls_from_a_month_to_two_days() {
    let params = Params::default();
    for (score, expected) in [
        (0, 30 * DAY),
        (250_000, 23 * DAY),
        (500_000, 16 * DAY),
        (750_000, 9 * DAY),
        (1_000_000, 2 * DAY),
        // A millionth of 28 days is 2.4192 seconds; what falls off rounds down, so the wait rounds up.
        (1, 30 * DAY - 2),
        (999_999, 2 * DAY + 3),
    ] {
        assert_eq!(wait(&params, Ppm(score)), Seconds(expected), "{score}");
    }
}

#[test]
fn the_deposit_grows_with_revenue_and_shrinks_with_the_score() {
    let params = Params::default();
    for (positive, negative, revenue, expected) in [
        (0, 0, 0, tokens(1_000)),
        // kappa(0.5) = 0.6
        (0, 0, tokens(100).0, tokens(1_060)),
        // kappa(0.75) = 0.4
        (100 * UNIT, 0, tokens(100).0, tokens(1_040)),
        // kappa(0.25) = 0.8
        (0, 100 * UNIT, tokens(100).0, tokens(1_080)),
        (0, 0, 1, Amount(tokens(1_000).0 + 1)),
        (0, 0, 5, Amount(tokens(1_000).0 + 3)),
        (0, 0, 6, Amount(tokens(1_000).0 + 4)),
    ] {
        let actual = required(&params, &provider(positive, negative, revenue), now());
        assert_eq!(actual, Some(expected), "{positive} {negative} {revenue}");
    }
    assert_eq!(
        required(&params, &provider(0, 0, u128::MAX), now()),
        Some(Amount(tokens(1_000).0 + u128::MAX / 5 * 3))
    );
    let steep = Params {
        kappa_max: Ppm(10_000_000),
        kappa_min: Ppm(10_000_000),
        ..params
    };
    assert_eq!(required(&steep, &provider(0, 0, u128::MAX), now()), None);
}

#[test]
fn revenue_decays_by_its_own_half_life() {
    let params = Params {
        revenue_half_life: Seconds(DAY),
        ..Params::default()
    };
    let mut seller = provider(0, 0, 0);
    seller.revenue = sum_at(tokens(1_000).0, DAY);
    for (days, variable) in [(0, 600), (1, 300), (2, 150)] {
        let need = required(&params, &seller, Timestamp(START + days * DAY));
        assert_eq!(need, Some(tokens(1_000 + variable)), "{days}");
    }
}

proptest! {
    #[test]
    fn more_good_evidence_never_lowers_the_score_and_more_bad_never_raises_it(
        good in 0u128..1 << 80, bad in 0u128..1 << 80, more in 0u128..1 << 80,
    ) {
        let params = Params::default();
        let mut seller = world_free_provider();
        (seller.positive, seller.negative) = (sum(good), sum(bad));
        let base = score_of(&params, &seller, now());
        seller.positive = sum(good + more);
        prop_assert!(score_of(&params, &seller, now()) >= base);
        (seller.positive, seller.negative) = (sum(good), sum(bad + more));
        prop_assert!(score_of(&params, &seller, now()) <= base);
        prop_assert!(base <= Ppm::ONE);
    }

    #[test]
    fn a_better_score_never_waits_longer(low in 0u32..=1_000_000, high in 0u32..=1_000_000) {
        let (low, high) = (low.min(high), low.max(high));
        let params = Params::default();
        prop_assert!(wait(&params, Ppm(high)) <= wait(&params, Ppm(low)));
        prop_assert!(wait(&params, Ppm(low)) <= params.wait_max);
        prop_assert!(wait(&params, Ppm(high)) >= params.wait_min);
    }
}

/// A provider without the cost of a whole market.
fn world_free_provider() -> Provider {
    use std::sync::OnceLock;
    static PROVIDER: OnceLock<Provider> = OnceLock::new();
    PROVIDER.get_or_init(|| World::market().provider()).clone()
}
