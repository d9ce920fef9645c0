//! Rewards (I2, G4): commission, investors by weight, and their claims.

use crate::court::*;
use crate::world::*;
use rampart_ledger::{Event, Fault, Reject, accrued};
use rampart_protocol::{Address, Amount, Ppm};

/// A court with epochs of a day and one operator with this commission, paid with what fills the pool.
fn world(commission: u32) -> World {
    let mut world = World::court_of(&plain(), &[(OLGA, 1)]);
    world.restake(OLGA, 1, Ppm(commission));
    world.tune(&[
        ("reward_base", 1_000_000),
        ("reward_sellers", 0),
        ("reward_verdicts", 0),
    ]);
    world
}

/// Pays the operator this much.
fn pay(world: &mut World, amount: u128) {
    world.edit_globals(|globals| {
        globals.pool.0 += amount;
        globals.deposited.0 += amount;
    });
    let epoch = world.globals().epoch;
    if epoch.pages > 0 {
        world.ok(OLGA, world.availability(OLGA, &[]));
    }
    world.pass(DAY);
}

fn accrued_by(world: &World, who: Address) -> u128 {
    accrued(&world.operator(OLGA), &world.investor(OLGA, who))
        .unwrap()
        .0
}

#[test]
fn an_operator_keeps_its_commission_and_its_investors_share_the_rest_by_weight() {
    let mut world = world(200_000);
    world.invest(OLGA, IRIS, 3);
    world.invest(OLGA, JACK, 1);
    pay(&mut world, 1_000);
    assert_eq!(world.operator(OLGA).owed, Amount(200));
    assert_eq!((accrued_by(&world, IRIS), accrued_by(&world, JACK)), (600, 200));
    assert_eq!(world.globals().rewards, Amount(1_000));
}

#[test]
fn a_commission_above_the_cap_counts_as_the_cap() {
    for (told, kept) in [
        (0, 0),
        (1, 0),
        (199_999, 199),
        (200_000, 200),
        (200_001, 200),
        (u32::MAX, 200),
    ] {
        let mut world = world(told);
        world.invest(OLGA, IRIS, 1);
        pay(&mut world, 1_000);
        assert_eq!(world.operator(OLGA).owed, Amount(kept), "{told}");
        assert_eq!(accrued_by(&world, IRIS), 1_000 - kept, "{told}");
    }
}

#[test]
fn the_cap_holds_as_it_is_when_rewards_are_paid() {
    let mut world = world(200_000);
    world.invest(OLGA, IRIS, 1);
    world.tune(&[("commission_max", 50_000)]);
    pay(&mut world, 1_000);
    assert_eq!(world.operator(OLGA).owed, Amount(50));
}

#[test]
fn without_investors_the_rest_is_the_treasurys() {
    let mut world = world(200_000);
    pay(&mut world, 1_004);
    assert_eq!(world.operator(OLGA).owed, Amount(200));
    assert_eq!(world.globals().treasury, Amount(804));
    assert_eq!(world.globals().rewards, Amount(200));
    // Also when there were some, and all have left.
    world.invest(OLGA, IRIS, 5);
    world.invest(OLGA, IRIS, 0);
    pay(&mut world, 1_000);
    assert_eq!(world.globals().treasury, Amount(1_604));
    assert_eq!(accrued_by(&world, IRIS), 0);
}

#[test]
fn what_cannot_be_divided_stays_with_the_rewards() {
    let mut world = world(0);
    for who in [IRIS, JACK, STRANGER] {
        world.invest(OLGA, who, 1);
    }
    pay(&mut world, 100);
    for who in [IRIS, JACK, STRANGER] {
        world.ok(who, world.reap(who, OLGA));
        assert_eq!(world.balance(who), Amount(33));
    }
    assert_eq!(world.globals().rewards, Amount(1));
    // Fractions of a unit are not lost to who does not claim: after three such epochs there are 100 each.
    let mut patient = self::world(0);
    for who in [IRIS, JACK, STRANGER] {
        patient.invest(OLGA, who, 1);
    }
    for _ in 0..3 {
        pay(&mut patient, 100);
    }
    assert_eq!(accrued_by(&patient, IRIS), 99, "rounded down once, by 3 * 2^-64");
}

#[test]
fn who_comes_later_earns_nothing_of_before_and_who_leaves_keeps_what_was_earned() {
    let mut world = world(0);
    world.invest(OLGA, IRIS, 1);
    pay(&mut world, 1_000);
    world.invest(OLGA, JACK, 3);
    assert_eq!(accrued_by(&world, JACK), 0);
    pay(&mut world, 1_000);
    assert_eq!((accrued_by(&world, IRIS), accrued_by(&world, JACK)), (1_250, 750));
    world.invest(OLGA, IRIS, 0);
    pay(&mut world, 1_000);
    assert_eq!(
        (accrued_by(&world, IRIS), accrued_by(&world, JACK)),
        (1_250, 1_749)
    );
    world.ok(IRIS, world.reap(IRIS, OLGA));
    assert_eq!(world.balance(IRIS), Amount(1_250));
}

#[test]
fn a_claim_pays_once_and_is_remembered() {
    let mut world = world(200_000);
    world.invest(OLGA, IRIS, 1);
    pay(&mut world, 1_000);
    let events = world.ok(OLGA, world.reap(OLGA, OLGA));
    let claimed = Event::RewardsClaimed {
        operator: OLGA,
        account: OLGA,
        amount: Amount(200),
    };
    assert_eq!(events, [claimed]);
    world.ok(IRIS, world.reap(IRIS, OLGA));
    for who in [OLGA, IRIS] {
        assert_eq!(
            world.send(who, world.reap(who, OLGA)),
            Err(Reject::NothingOwed {})
        );
    }
    assert_eq!(world.operator(OLGA).claimed, Amount(200));
    assert_eq!(world.investor(OLGA, IRIS).claimed, Amount(800));
    assert_eq!(world.globals().rewards, Amount::ZERO);
    assert_eq!(
        (world.balance(OLGA), world.balance(IRIS)),
        (Amount(200), Amount(800))
    );
}

#[test]
fn an_operator_that_invests_in_itself_claims_both_at_once() {
    let mut world = world(100_000);
    world.invest(OLGA, OLGA, 1);
    world.invest(OLGA, IRIS, 1);
    pay(&mut world, 1_000);
    world.ok(OLGA, world.reap(OLGA, OLGA));
    assert_eq!(world.balance(OLGA), Amount(100 + 450));
}

#[test]
fn an_operator_that_has_left_still_claims_and_its_investors_too() {
    let mut world = world(100_000);
    world.invest(OLGA, IRIS, 1);
    pay(&mut world, 1_000);
    world.restake(OLGA, 0, Ppm(0));
    world.ok(OLGA, world.reap(OLGA, OLGA));
    world.ok(IRIS, world.reap(IRIS, OLGA));
    assert_eq!(
        (world.balance(OLGA), world.balance(IRIS)),
        (Amount(100), Amount(900))
    );
}

#[test]
fn investors_of_one_operator_earn_nothing_of_anothers() {
    let mut world = world(0);
    world.restake(PETE, 1, Ppm(0));
    world.invest(OLGA, IRIS, 1);
    world.invest(PETE, JACK, 1);
    world.pass(DAY);
    pay(&mut world, 1_000);
    assert_eq!(accrued_by(&world, IRIS), 1_000, "Pete reported nothing");
    let jack = world.send(JACK, world.reap(JACK, OLGA));
    let expected = Reject::NoRewards {
        operator: OLGA,
        signer: JACK,
    };
    assert_eq!(jack, Err(expected));
    assert_eq!(
        world.send(JACK, world.reap(JACK, PETE)),
        Err(Reject::NothingOwed {})
    );
}

#[test]
fn an_operator_joins_changes_and_leaves_as_the_l1_tells() {
    let mut world = World::court();
    world.advance(DAY);
    let events = world.restake(STRANGER, 60, Ppm(50_000));
    let changed = Event::OperatorChanged {
        operator: STRANGER,
        stake: Amount(60),
        commission: Ppm(50_000),
    };
    assert_eq!(events, [changed]);
    let joined = world.operator(STRANGER).joined_at;
    assert_eq!(joined, world.env.timestamp);
    world.advance(DAY);
    world.restake(STRANGER, 70, Ppm(0));
    assert_eq!(
        world.operator(STRANGER).joined_at,
        joined,
        "more stake is no joining"
    );
    world.restake(STRANGER, 0, Ppm(0));
    world.restake(STRANGER, 5, Ppm(0));
    assert_eq!(world.operator(STRANGER).joined_at, world.env.timestamp);
    assert_eq!(world.globals().restaking_count, 4);
}

#[test]
fn events_of_the_l1_are_consumed_in_one_order() {
    let mut world = World::court();
    let (stake, weight) = (world.staked(OLGA, 1, Ppm(0)), world.weighted(OLGA, IRIS, 1));
    world.apply(stake.clone()).unwrap();
    let expected = Reject::RestakingOutOfOrder { got: 0, expected: 1 };
    for late in [stake, weight] {
        assert_eq!(world.apply(late), Err(Fault::Reject(expected.clone())));
    }
}
