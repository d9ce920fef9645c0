//! Suspension, reinstatement and expulsion (S3, O6): thresholds, the case, the slash, and who is compensated.

use crate::court::*;
use crate::world::*;
use rampart_ledger::{Event, Params, Reject, ReviewState, Status, Subject};
use rampart_protocol::observation::{Expel, Pardon, Suspend};
use rampart_protocol::{Address, Amount, CaseId, Ppm, PurchaseId, Timestamp, verdict};

fn case(count: u32) -> CaseId {
    verdict::expulsion(PROVIDER, count)
}

/// A court in which Alice and Bob have bought and reviewed, so that the score is 62.5 / 362.5 on evidence of 262.5 units.
fn disgraced() -> World {
    let mut world = World::court();
    world.disgraced();
    world
}

#[test]
fn a_score_under_the_threshold_suspends_at_once_and_opens_a_case() {
    let mut world = World::court();
    let ids = [world.buy(ALICE), world.buy(BOB)];
    world.ok(ALICE, world.complaint(ALICE, ids[0]));
    assert_eq!(world.provider().status, Status::Active);
    let events = world.ok(BOB, world.complaint(BOB, ids[1]));
    assert_eq!(events[1], Event::ProviderSuspended { provider: PROVIDER });
    let opened = Event::BallotOpened {
        case: case(1),
        round: 1,
        subject: Subject::Expulsion,
        provider: PROVIDER,
        commit_until: Timestamp(START + DAY),
        reveal_until: Timestamp(START + 2 * DAY),
    };
    assert_eq!(events[2], opened);
    let provider = world.provider();
    assert_eq!((provider.status, provider.case), (Status::Suspended, case(1)));
    assert_eq!(
        world.send(ALICE, world.order(ALICE)),
        Err(Reject::ProviderSuspended { provider: PROVIDER })
    );
}

#[test]
fn neither_score_nor_evidence_alone_suspends() {
    for (expel_score, expel_evidence, suspended) in [
        (172_414, 262_500_000, true),
        (172_413, 262_500_000, false),
        (172_414, 262_500_001, false),
        (1_000_000, 262_500_001, false),
        (0, 0, false),
    ] {
        let mut world = World::court();
        world.tune(&[("expel_score", expel_score), ("expel_evidence", expel_evidence)]);
        for who in [ALICE, BOB] {
            world.buy(who);
        }
        let ids: Vec<PurchaseId> = [ALICE, BOB].map(|who| latest(&world, who)).into();
        // With one review alone the score is higher, and the evidence less.
        for (who, id) in [(ALICE, ids[0]), (BOB, ids[1])] {
            assert_eq!(world.provider().status, Status::Active);
            world.ok(who, world.complaint(who, id));
        }
        let expected = if suspended {
            Status::Suspended
        } else {
            Status::Active
        };
        assert_eq!(
            world.provider().status,
            expected,
            "{expel_score} {expel_evidence}"
        );
    }
}

/// The purchase that a consumer made last.
fn latest(world: &World, who: Address) -> PurchaseId {
    let purchases = world.state.records().filter_map(|(_, record)| match record {
        rampart_ledger::Record::Purchase(purchase) => Some(purchase.record),
        _ => None,
    });
    purchases
        .filter(|record| record.consumer == who)
        .last()
        .unwrap()
        .id
}

#[test]
fn an_upheld_case_expels_slashes_half_and_keeps_it_for_the_consumers() {
    let mut world = disgraced();
    world.ok(OWNER, world.unbond(OWNER, tokens(1_000)));
    let events = world.vote(case(1), &[(OLGA, true), (PETE, true)]);
    // Half of stake and unbonding stake; a tenth of it is the operators', and two units are left by rounding.
    let slashed = Event::Slashed {
        provider: PROVIDER,
        amount: tokens(25_000),
        bounty: tokens(2_500),
    };
    assert!(events.contains(&slashed), "{events:?}");
    let expelled = Event::ProviderExpelled {
        provider: PROVIDER,
        compensation: tokens(22_500),
        until: Timestamp(world.now() + 30 * DAY),
    };
    assert!(events.contains(&expelled), "{events:?}");
    let provider = world.provider();
    assert_eq!(provider.status, Status::Expelled);
    assert_eq!(
        (provider.stake, provider.unbonding_total()),
        (tokens(24_000), tokens(1_000))
    );
    assert_eq!(provider.compensation, tokens(22_500));
    assert_eq!(world.globals().compensation, tokens(22_500));
    let bounty = |stake| tokens(2_500).0 * stake / 75 / 10;
    assert_eq!(world.operator(OLGA).owed.0, bounty(40));
    assert_eq!(world.operator(PETE).owed.0, bounty(35));
}

#[test]
fn a_case_decided_for_the_provider_lets_it_sell_and_only_new_evidence_suspends_again() {
    let mut world = disgraced();
    let events = world.vote(case(1), &[(OLGA, false), (PETE, false)]);
    assert!(
        events.contains(&Event::ProviderReinstated { provider: PROVIDER }),
        "{events:?}"
    );
    assert_eq!(world.provider().status, Status::Active);
    assert_eq!(world.globals().epoch.verdicts, 1);
    // The open reviews stand, and the score is as bad as before; the next review suspends it anew.
    let id = world.buy(RIVAL);
    world.ok(RIVAL, world.complaint(RIVAL, id));
    let provider = world.provider();
    assert_eq!((provider.status, provider.suspensions), (Status::Suspended, 2));
    assert_eq!(provider.case, case(2));
}

#[test]
fn a_case_that_nobody_decides_ends_the_suspension() {
    let mut world = disgraced();
    world.vote(case(1), &[]);
    world.vote(case(1), &[]);
    world.pass(30 * DAY);
    assert_eq!(world.provider().status, Status::Suspended);
    world.pass(1);
    assert_eq!(world.provider().status, Status::Active);
    assert_eq!(world.ballot(case(1)), None);
}

#[test]
fn the_owner_ends_a_suspension_once_the_score_has_recovered() {
    let mut world = disgraced();
    world.advance(12 * DAY);
    let early = world.send(OWNER, world.reinstate(OWNER));
    assert!(
        matches!(early, Err(Reject::ScoreTooLow { least: 200_000, .. })),
        "{early:?}"
    );
    world.advance(DAY);
    let events = world.ok(OWNER, world.reinstate(OWNER));
    assert_eq!(events, [Event::ProviderReinstated { provider: PROVIDER }]);
    assert_eq!(world.provider().case, CaseId::default());
    // The case has lost its reason, and is dropped without effect when its round is counted.
    let events = world.begin();
    let dropped = Event::CaseDropped {
        case: case(1),
        provider: PROVIDER,
    };
    assert!(events.contains(&dropped), "{events:?}");
    assert_eq!(world.provider().status, Status::Active);
}

#[test]
fn a_verdict_on_an_earlier_suspension_does_not_touch_a_later_one() {
    let mut world = disgraced();
    // A challenge lifts the first suspension, a new review makes a second one.
    let id = latest(&world, ALICE);
    world.ok(OWNER, world.objection(id));
    let again = world.buy(RIVAL);
    world.ok(RIVAL, world.complaint(RIVAL, again));
    assert_eq!(world.provider().case, case(2));
    for who in [OLGA, PETE] {
        world.ok(who, world.seal(who, case(1), 1, true));
    }
    world.advance(DAY + 1);
    for who in [OLGA, PETE] {
        world.ok(who, world.unseal(who, case(1), 1, true));
    }
    let events = world.pass(DAY);
    let dropped = Event::CaseDropped {
        case: case(1),
        provider: PROVIDER,
    };
    assert!(events.contains(&dropped), "{events:?}");
    assert_eq!(world.provider().status, Status::Suspended);
    assert!(world.ballot(case(2)).is_some());
}

#[test]
fn a_suspended_provider_claims_nothing_until_its_case_is_decided() {
    let mut world = World::court();
    world.buy(RIVAL);
    world.disgraced();
    world.advance(31 * DAY);
    let held = Reject::Held {
        provider: PROVIDER,
        until: Timestamp(START + 30 * DAY),
    };
    assert_eq!(world.send(OWNER, world.claim(OWNER)), Err(held));
    world.ok(OWNER, world.reinstate(OWNER));
    world.ok(OWNER, world.claim(OWNER));
}

/// A court in which three consumers bought, and whose provider was expelled with only ten tokens slashed.
fn expelled_poor() -> (World, [PurchaseId; 3]) {
    let params = Params {
        slash_expel: Ppm(200),
        ..calm()
    };
    let mut world = World::court_with(&params);
    let ids = [ALICE, BOB, RIVAL].map(|who| world.buy(who));
    world.govern(Expel { provider: PROVIDER });
    assert_eq!(world.provider().compensation, tokens(10));
    (world, ids)
}

#[test]
fn refunds_of_an_expelled_provider_are_first_come_first_served() {
    // Escrow holds 285 of the 300 that are due, and ten more were slashed.
    let (mut world, ids) = expelled_poor();
    for (who, id, refunded) in [(BOB, ids[1], 100), (RIVAL, ids[2], 100), (ALICE, ids[0], 95)] {
        let before = world.balance(who).0;
        world.ok(who, world.refund(who, id));
        assert_eq!(world.balance(who).0 - before, tokens(refunded).0, "{who}");
        let purchase = world.purchase(id);
        assert_eq!((purchase.closed, purchase.refunded), (true, tokens(refunded)));
    }
    let provider = world.provider();
    assert_eq!(
        (provider.escrow.total, provider.compensation),
        (Amount::ZERO, Amount::ZERO)
    );
    assert_eq!(
        provider.stake,
        tokens(49_990),
        "what was not slashed is the provider's"
    );
}

#[test]
fn a_refund_can_be_asked_until_the_windows_last_second_and_the_rest_goes_to_the_pool() {
    for (after, good) in [(30 * DAY, true), (30 * DAY + 1, false)] {
        let (mut world, ids) = expelled_poor();
        world.advance(after);
        assert_eq!(
            world.send(ALICE, world.refund(ALICE, ids[0])).is_ok(),
            good,
            "{after}"
        );
    }
    let (mut world, _) = expelled_poor();
    world.advance(30 * DAY);
    let pool = |world: &World| world.globals().pool.0 + world.globals().treasury.0;
    let before = pool(&world);
    let closed = Event::CompensationClosed {
        provider: PROVIDER,
        amount: tokens(10),
    };
    assert!(!world.begin().contains(&closed));
    assert!(world.pass(1).contains(&closed));
    // The pool of the epoch that ended at the same moment went to the treasury or to the operators.
    let rewards = world.globals().rewards.0;
    assert_eq!(pool(&world) + rewards - before, tokens(10).0);
    assert_eq!(world.provider().compensation, Amount::ZERO);
    assert_eq!(world.globals().compensation, Amount::ZERO);
}

#[test]
fn an_expelled_provider_claims_what_is_left_after_the_window() {
    let (mut world, _) = expelled_poor();
    world.advance(30 * DAY);
    assert!(matches!(
        world.send(OWNER, world.claim(OWNER)),
        Err(Reject::Held { .. })
    ));
    world.pass(DAY);
    world.ok(OWNER, world.claim(OWNER));
    assert_eq!(world.balance(OWNER), tokens(50_000 + 285));
}

#[test]
fn a_compensation_is_not_swept_while_the_window_of_a_second_expulsion_runs() {
    let (mut world, _) = expelled_poor();
    world.advance(20 * DAY);
    world.govern(Pardon { provider: PROVIDER });
    let id = world.buy(ALICE);
    world.govern(Expel { provider: PROVIDER });
    let compensation = world.provider().compensation;
    assert!(compensation > tokens(10));
    // The first expulsion's deadline passes, and consumers of the second can still ask.
    world.pass(10 * DAY + 1);
    assert_eq!(world.provider().compensation, compensation);
    world.advance(10 * DAY);
    world.ok(ALICE, world.refund(ALICE, id));
    world.pass(10 * DAY + 1);
    assert_eq!(world.provider().compensation, Amount::ZERO);
}

#[test]
fn a_compensation_is_kept_when_governance_prolongs_the_window() {
    let (mut world, ids) = expelled_poor();
    world.tune(&[("compensation_window", u128::from(60 * DAY))]);
    world.pass(30 * DAY + 1);
    assert_eq!(world.provider().compensation, tokens(10));
    world.advance(20 * DAY);
    world.ok(ALICE, world.refund(ALICE, ids[0]));
    world.pass(10 * DAY);
    assert_eq!(world.provider().compensation, Amount::ZERO);
}

#[test]
fn a_pardon_forgets_the_evidence_of_reviews_that_are_not_decided_too() {
    let mut world = disgraced();
    let id = latest(&world, BOB);
    world.ok(OWNER, world.objection(id));
    world.govern(Suspend { provider: PROVIDER });
    world.govern(Pardon { provider: PROVIDER });
    let provider = world.provider();
    assert_eq!((provider.status, provider.pardons), (Status::Active, 1));
    assert_eq!(provider.negative.value(world.score_steps()), 0);
    let alice = world.balance(ALICE);
    world.vote(verdict::review(id), &[(OLGA, true), (PETE, true)]);
    world.pass(DAY);
    // Both are settled with all their payments, and count no more.
    assert_eq!(world.review(id).state, ReviewState::Upheld);
    assert_eq!(world.review(latest(&world, ALICE)).state, ReviewState::Stood);
    assert!(world.balance(ALICE) > alice);
    assert_eq!(world.provider().negative.value(world.score_steps()), 0);
}
