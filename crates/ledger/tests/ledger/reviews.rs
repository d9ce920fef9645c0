//! Negative reviews (C7, S2): the fee, the window, what stands and what it costs, and what a challenge takes back.

use crate::court::*;
use crate::world::*;
use rampart_ledger::{
    Decaying, Event, Evidence, Params, Provider, Reject, ReviewState, Status, review_fee, score,
};
use rampart_protocol::observation::Slash;
use rampart_protocol::{Amount, B256, Ppm, PurchaseId, Timestamp, verdict};

fn negative(world: &World) -> u128 {
    world.provider().negative.value(world.score_steps())
}

#[test]
fn a_review_takes_its_fee_and_counts_at_once() {
    let mut world = World::court();
    let id = world.buy(ALICE);
    let events = world.ok(ALICE, world.complaint(ALICE, id));
    let expected = Event::Reviewed {
        purchase: id,
        provider: PROVIDER,
        consumer: ALICE,
        fee: REVIEW_FEE,
        comment: "It missed the drainer.".into(),
        evidence: B256::repeat_byte(0xce),
    };
    assert_eq!(events, [expected]);
    let account = world.account(ALICE);
    assert_eq!((account.balance, account.deposits), (tokens(99_880), REVIEW_FEE));
    assert_eq!(world.globals().deposits, REVIEW_FEE);
    // Twenty times the evidence of the purchase, 6.25 units.
    assert_eq!(negative(&world), 125_000_000);
    let now = score(
        &world.params(),
        &world.globals(),
        &world.provider(),
        world.env.timestamp,
    );
    assert_eq!(now.0, 243_243);
    let review = world.review(id);
    assert_eq!((review.state, review.round), (ReviewState::Open, 0));
    assert_eq!(review.challenge_until, Timestamp(START + 3 * DAY));
    assert!(world.purchase(id).reviewed);
}

#[test]
fn the_fee_is_a_share_of_what_was_paid_rounded_up_and_no_less_than_the_least() {
    let params = Params::default();
    for (paid, fee) in [
        (Amount::ZERO, tokens(1)),
        (Amount(1), tokens(1)),
        (tokens(5), tokens(1)),
        (Amount(tokens(5).0 + 1), Amount(tokens(1).0 + 1)),
        (Amount(tokens(5).0 + 5), Amount(tokens(1).0 + 1)),
        (Amount(tokens(5).0 + 6), Amount(tokens(1).0 + 2)),
        (tokens(100), tokens(20)),
        (Amount(u128::MAX), Amount(u128::MAX / 5)),
    ] {
        assert_eq!(review_fee(&params, paid), Some(fee), "{paid}");
    }
}

#[test]
fn a_purchase_can_be_reviewed_from_its_first_second_to_the_windows_last() {
    for (after, good) in [
        (0, true),
        (30 * DAY, true),
        (37 * DAY, true),
        (37 * DAY + 1, false),
    ] {
        let mut world = World::court();
        let id = world.buy(ALICE);
        world.advance(after);
        let until = Timestamp(START + 37 * DAY);
        let expected = if good {
            Ok(())
        } else {
            Err(Reject::TooLate {
                what: "a review",
                until,
            })
        };
        let review = world.complaint(ALICE, id);
        assert_eq!(world.send(ALICE, review).map(drop), expected, "after {after}");
    }
}

#[test]
fn a_purchase_is_reviewed_once_whatever_became_of_the_review() {
    let mut world = World::court();
    let id = world.reviewed();
    let again = Err(Reject::AlreadyReviewed { purchase: id });
    assert_eq!(world.send(ALICE, world.complaint(ALICE, id)), again);
    world.pass(3 * DAY + 1);
    assert_eq!(world.review(id).state, ReviewState::Stood);
    assert_eq!(world.send(ALICE, world.complaint(ALICE, id)), again);
}

#[test]
fn an_unchallenged_review_stands_one_second_after_the_challenge_window() {
    let mut world = World::court();
    let id = world.reviewed();
    assert_eq!(world.pass(3 * DAY), []);
    assert_eq!(world.review(id).state, ReviewState::Open);
    let events = world.pass(1);
    let stood = Event::ReviewStood {
        purchase: id,
        provider: PROVIDER,
    };
    let refunded = Event::Refunded {
        purchase: id,
        provider: PROVIDER,
        consumer: ALICE,
        amount: tokens(100),
    };
    assert_eq!(events, [stood, refunded]);
    assert_eq!(world.review(id).state, ReviewState::Stood);
}

#[test]
fn the_fee_of_a_review_that_stands_goes_to_the_pool() {
    let mut world = World::court();
    world.reviewed();
    world.pass(3 * DAY + 1);
    // The cut of the purchase, and the fee.
    assert_eq!(world.globals().pool, tokens(5 + 20));
    assert_eq!(world.account(ALICE).deposits, Amount::ZERO);
}

#[test]
fn the_unused_part_is_refunded_out_of_escrow_and_then_out_of_stake() {
    // Escrow holds 95 of the fee of 100, so what is due beyond comes out of the stake.
    for (used, refund, escrow, stake) in [
        (0, 100, 0, 49_995),
        (50, 95, 0, 50_000),
        (100, 90, 5, 50_000),
        (999, 0, 95, 50_000),
        (1_000, 0, 95, 50_000),
    ] {
        let mut world = World::court();
        let id = world.reviewed();
        if used > 0 {
            world.ok(OWNER, world.report(id, used));
        }
        world.pass(3 * DAY + 1);
        let dust = if used == 999 { tokens(1).0 / 10 } else { 0 };
        let refund = Amount(tokens(refund).0 + dust);
        assert_eq!(world.purchase(id).refunded, refund, "used {used}");
        assert_eq!(world.balance(ALICE).0, tokens(99_880).0 + refund.0, "used {used}");
        let provider = world.provider();
        assert_eq!(provider.escrow.total.0, tokens(escrow).0 - dust, "used {used}");
        assert_eq!(provider.stake, tokens(stake), "used {used}");
        assert!(world.purchase(id).closed);
    }
}

#[test]
fn a_refund_rounds_against_the_consumer() {
    let mut params = calm();
    params.fee_min = Amount(1);
    for (fee, used, refunded) in [(1_000, 1, 999), (999, 1, 998), (10, 1, 9), (1, 1, 0), (7, 500, 3)] {
        let mut world = World::court_with(&params);
        let id = world.buy_for(ALICE, Amount(fee));
        world.ok(OWNER, world.report(id, used));
        world.ok(ALICE, world.complaint(ALICE, id));
        world.pass(3 * DAY + 1);
        assert_eq!(world.purchase(id).refunded, Amount(refunded), "{fee} used {used}");
    }
}

#[test]
fn a_provider_without_stake_and_escrow_refunds_what_it_has() {
    let mut world = World::court();
    let id = world.reviewed();
    world.govern(Slash {
        provider: PROVIDER,
        amount: Amount(tokens(50_000).0 - 3),
    });
    world.pass(3 * DAY + 1);
    let refunded = Amount(tokens(95).0 + 3);
    assert_eq!(world.purchase(id).refunded, refunded);
    assert_eq!(world.provider().stake, Amount::ZERO);
}

#[test]
fn no_more_of_a_refunded_purchase_can_be_used() {
    let mut world = World::court();
    let id = world.reviewed();
    world.pass(3 * DAY + 1);
    let closed = Err(Reject::PurchaseClosed { purchase: id });
    assert_eq!(world.send(OWNER, world.report(id, 5)), closed);
}

#[test]
fn a_challenge_matches_the_fee_and_takes_the_evidence_out() {
    let mut world = World::court();
    let id = world.reviewed();
    let events = world.ok(OWNER, world.objection(id));
    assert!(
        matches!(events[0], Event::Challenged { bond: REVIEW_FEE, .. }),
        "{events:?}"
    );
    assert!(
        matches!(events[1], Event::BallotOpened { round: 1, .. }),
        "{events:?}"
    );
    assert_eq!(negative(&world), 0);
    assert_eq!(world.balance(OWNER), tokens(49_980));
    assert_eq!(
        (world.provider().bonds, world.globals().bonds),
        (REVIEW_FEE, REVIEW_FEE)
    );
    let review = world.review(id);
    assert_eq!((review.state, review.round), (ReviewState::Challenged, 1));
}

#[test]
fn a_review_can_be_challenged_until_the_windows_last_second() {
    for (after, good) in [(3 * DAY, true), (3 * DAY + 1, false)] {
        let mut world = World::court();
        let id = world.reviewed();
        world.advance(after);
        assert_eq!(world.send(OWNER, world.objection(id)).is_ok(), good);
    }
}

/// The provider after a review that was overturned, and after the same history without it. No score suspends it.
fn with_and_without(before: impl Fn(&mut World), wait: u64) -> [Provider; 2] {
    [true, false].map(|reviewed| {
        let mut world = World::court_with(&Params {
            expel_score: Ppm(0),
            ..calm()
        });
        before(&mut world);
        let id = world.buy(ALICE);
        world.advance(HOUR);
        if reviewed {
            world.ok(ALICE, world.complaint(ALICE, id));
        }
        world.advance(wait);
        if reviewed {
            world.ok(OWNER, world.objection(id));
            world.vote(verdict::review(id), &[(OLGA, false), (PETE, false)]);
            assert_eq!(world.review(id).state, ReviewState::Overturned);
        } else {
            world.pass(2 * DAY + 1);
        }
        world.provider()
    })
}

/// Bob buys and reviews.
fn other_review(world: &mut World) {
    let id = world.buy(BOB);
    world.ok(BOB, world.complaint(BOB, id));
}

#[test]
fn an_overturned_review_leaves_the_providers_record_as_if_it_had_never_been_bit_by_bit() {
    for wait in [0, HOUR, 3 * DAY] {
        let [with, without] = with_and_without(|_| {}, wait);
        assert_eq!(
            with, without,
            "nothing else is held against it, challenged after {wait}"
        );
        let [with, without] = with_and_without(other_review, wait);
        assert_ne!(without.negative, Decaying::NOTHING);
        assert_eq!(with, without, "another review counts, challenged after {wait}");
    }
}

#[test]
fn an_overturned_review_leaves_every_later_score_as_if_it_had_never_been_across_half_lives() {
    let [with, without] = with_and_without(
        |world| {
            other_review(world);
            world.advance(29 * DAY + 23 * HOUR);
        },
        2 * DAY,
    );
    assert_ne!(
        with.negative, without.negative,
        "the sums are told from other half-lives"
    );
    let world = World::court();
    for day in 35..400 {
        let at = world
            .globals()
            .score_steps(&world.params(), Timestamp(START + day * DAY));
        assert_eq!(with.negative.value(at), without.negative.value(at), "day {day}");
    }
}

#[test]
fn the_evidence_of_a_review_is_fixed_when_it_is_published() {
    let mut world = World::court();
    let id = world.buy(ALICE);
    assert_eq!(world.purchase(id).evidence, Evidence(6_250_000));
    world.tune(&[("negative_weight", 3)]);
    world.advance(HALF_LIFE / 2);
    world.ok(ALICE, world.complaint(ALICE, id));
    let expected = Decaying::of(18_750_000, world.score_steps()).unwrap();
    world.tune(&[("negative_weight", 1_000)]);
    assert_eq!(world.review(id).weight, expected);
    world.ok(OWNER, world.objection(id));
    assert_eq!(world.provider().negative, Decaying::NOTHING);
}

#[test]
fn reviews_that_suspend_let_go_when_they_are_challenged() {
    let mut world = World::court();
    let [first, _] = world.disgraced();
    world.ok(OWNER, world.objection(first));
    assert_eq!(world.provider().status, Status::Active);
    world.buy(ALICE);
}

#[test]
fn many_reviews_of_one_window_stand_eight_a_block() {
    let mut world = World::court_with(&Params {
        expel_score: Ppm(0),
        ..calm()
    });
    let ids: Vec<PurchaseId> = (0..10).map(|_| world.reviewed()).collect();
    let stood = |world: &World| {
        let of = ids
            .iter()
            .filter(|id| world.review(**id).state == ReviewState::Stood);
        of.count()
    };
    world.pass(3 * DAY + 1);
    assert_eq!(stood(&world), 8);
    // Those that wait for the next block can be challenged no more.
    let late = world.objection(ids[9]);
    assert!(matches!(world.send(OWNER, late), Err(Reject::TooLate { .. })));
    world.pass(1);
    assert_eq!(stood(&world), 10);
}
