//! Arithmetic at its ends: the largest numbers, nothing at all, and roundings, which are always against the claimant.

use crate::court::*;
use crate::world::*;
use rampart_ledger::{
    DecayClock, Decaying, Event, Globals, Params, ReviewState, Steps, purchase_evidence, required_stake,
    review_fee, score, wait,
};
use rampart_protocol::{Amount, Ppm, Timestamp, verdict};

const MAX: u128 = u128::MAX;

#[test]
fn the_evidence_of_the_largest_fees_is_exact_or_refused() {
    let plain = Params {
        repeat_bonus: Ppm(0),
        ..Params::default()
    };
    for (params, spent, fee, expected) in [
        (plain, 0, 0, Some(0)),
        (plain, MAX, 0, Some(0)),
        // A twentieth of the fee, in millionths of a token.
        (plain, 0, MAX, Some(MAX / 20 / 1_000_000_000_000)),
        (plain, 1, MAX, None),
        (plain, MAX, 1, None),
        (plain, MAX - 1, 1, Some(0)),
        // Up to the cap of 400 tokens they weigh 2 on average, and 3 from then on.
        (Params::default(), 0, tokens(400).0, Some(40_000_000)),
        (
            Params::default(),
            tokens(400).0,
            tokens(1_000_000_000_000).0,
            Some(150_000_000_000_000_000),
        ),
        (Params::default(), MAX, 1, None),
    ] {
        let actual = purchase_evidence(&params, spent, Amount(fee)).map(|evidence| evidence.0);
        assert_eq!(actual, expected, "{spent} {fee}");
    }
}

#[test]
fn splitting_a_fee_at_any_point_earns_no_more() {
    let params = Params::default();
    for whole in [
        3,
        1_000_000,
        tokens(1).0 + 7,
        tokens(399).0,
        tokens(401).0,
        tokens(10_000).0,
    ] {
        let once = purchase_evidence(&params, 0, Amount(whole)).unwrap().0;
        for first in [1, whole / 3, whole / 2, whole - 1] {
            let parts = purchase_evidence(&params, 0, Amount(first)).unwrap().0
                + purchase_evidence(&params, first, Amount(whole - first))
                    .unwrap()
                    .0;
            assert!(parts <= once && once - parts <= 1, "{whole} at {first}");
        }
    }
}

#[test]
fn the_largest_evidence_keeps_the_score_in_its_range() {
    let world = World::market();
    let (params, globals) = (Params::default(), Globals::default());
    let full = Decaying::of(MAX, world.score_steps()).unwrap();
    for (positive, negative) in [(true, true), (true, false), (false, true)] {
        let mut provider = world.provider();
        if positive {
            provider.positive = full;
        }
        if negative {
            provider.negative = full;
        }
        let at = Timestamp(START);
        let score = score(&params, &globals, &provider, at);
        assert!(score <= Ppm::ONE);
        assert!(wait(&params, score) >= params.wait_min && wait(&params, score) <= params.wait_max);
        provider.revenue = full;
        let required = required_stake(&params, &globals, &provider, at);
        assert!(required.is_none_or(|stake| stake >= params.deposit_fixed));
    }
}

#[test]
fn the_fee_of_a_review_of_the_largest_purchase_fits() {
    for (share, expected) in [
        (0, tokens(1)),
        (1, Amount(MAX / 1_000_000 + 1)),
        (1_000_000, Amount(MAX)),
    ] {
        let params = Params {
            review_fee_share: Ppm(share),
            ..Params::default()
        };
        assert_eq!(review_fee(&params, Amount(MAX)), Some(expected), "{share}");
    }
}

#[test]
fn the_whole_supply_is_paid_out_in_an_epoch_without_overflow() {
    let mut world = World::court_of(&plain(), &[(OLGA, MAX), (PETE, MAX)]);
    world.invest(OLGA, IRIS, MAX);
    world.invest(PETE, JACK, 1);
    world.edit_globals(|globals| {
        let rest = MAX - globals.deposited.0;
        globals.pool.0 += rest;
        globals.deposited.0 += rest;
    });
    let pool = world.globals().pool.0;
    world.pass(DAY);
    let report = world.epoch(0);
    let paid = pool / 5 * 3 + pool % 5 * 3 / 5;
    assert_eq!(report.paid.0, paid / 2 * 2, "each has half of the stake");
    assert_eq!(world.globals().treasury.0, pool - paid / 2 * 2);
    // Jack's weight of one unit carries almost all of the accumulator's bits.
    world.ok(JACK, world.reap(JACK, PETE));
    assert_eq!(world.balance(JACK).0, paid / 2 - paid / 2 / 10);
    world.ok(IRIS, world.reap(IRIS, OLGA));
    let due = paid / 2 - paid / 2 / 10;
    let got = world.balance(IRIS).0;
    // A weight of 2^128 rounds the accumulator down by up to 2^64 units in all, which stay with the rewards.
    assert!(got <= due && due - got <= 1 << 64, "{got} of {due}");
}

#[test]
fn an_epoch_without_anything_pays_nothing_to_anyone() {
    for operators in [&[][..], &[(OLGA, 1)]] {
        let mut world = World::court_of(&plain(), operators);
        let events = world.pass(DAY);
        let closed = Event::EpochClosed {
            number: 0,
            pool: Amount::ZERO,
            paid: Amount::ZERO,
            treasury: Amount::ZERO,
        };
        assert_eq!(events, [closed]);
    }
}

#[test]
fn stakes_past_128_bits_still_vote_by_their_proportion() {
    // The total saturates, and what was revealed does not: so a quorum can only be easier, and the majority is exact.
    let mut world = World::court_of(&calm(), &[(OLGA, MAX), (PETE, MAX - 1)]);
    let (id, _) = world.challenged();
    world.vote(verdict::review(id), &[(OLGA, false), (PETE, true)]);
    assert_eq!(world.review(id).state, ReviewState::Overturned);
}

#[test]
fn a_provider_with_nothing_at_stake_is_slashed_of_nothing() {
    let params = Params {
        deposit_fixed: Amount::ZERO,
        fee_min: Amount(1),
        ..calm()
    };
    let mut world = World::court_of(&params, &[(OLGA, 1)]);
    world.govern(rampart_protocol::observation::Slash {
        provider: PROVIDER,
        amount: tokens(50_000),
    });
    world.govern(rampart_protocol::observation::Expel { provider: PROVIDER });
    let provider = world.provider();
    assert_eq!(
        (provider.stake, provider.compensation),
        (Amount::ZERO, Amount::ZERO)
    );
    world.pass(30 * DAY + 1);
}

#[test]
fn a_refund_of_the_largest_package_rounds_down_by_one_unit() {
    let mut world = World::court();
    let id = world.buy(ALICE);
    for (requests, used, refunded) in [
        (u64::MAX, 0, tokens(100).0),
        (u64::MAX, 1, tokens(100).0 - 6),
        (u64::MAX, u64::MAX - 1, 5),
        (u64::MAX, u64::MAX, 0),
        (1, 1, 0),
    ] {
        let mut world = World {
            state: world.state.clone(),
            log: Vec::new(),
            ..World::empty()
        };
        let mut purchase = world.purchase(id);
        (purchase.record.requests, purchase.used.0) = (requests, used);
        world.plant(purchase);
        world.ok(ALICE, world.complaint(ALICE, id));
        world.pass(3 * DAY + 1);
        assert_eq!(
            world.purchase(id).refunded,
            Amount(refunded),
            "{used} of {requests}"
        );
    }
    assert!(!world.purchase(id).closed, "each ran on its own copy");
    world.pass(1);
}

#[test]
fn time_at_its_end_neither_panics_nor_goes_back() {
    let mut world = World::court();
    let (_, case) = world.challenged();
    // The next round has no end that can be told: that is said, the block begins, and the case stays as it is.
    world.scans = false;
    let events = world.at(u64::MAX).begin();
    let of_the_case =
        |event: &Event| matches!(event, Event::DeadlineFailed { subject, .. } if *subject == case.0);
    assert!(events.iter().any(of_the_case), "{events:?}");
    assert_eq!(world.ballot(case).unwrap().round, 1);
    let at = DecayClock::default().at(Timestamp(u64::MAX), rampart_protocol::Seconds(1));
    assert_eq!(at, Steps(u64::MAX));
    assert_eq!(world.provider().positive.value(at), 0);
}
