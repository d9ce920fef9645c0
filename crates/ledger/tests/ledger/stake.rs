//! The security deposit on its way in and out (V4): unbonding, release, and the automatic stake of claims.

use crate::court::*;
use crate::world::*;
use rampart_ledger::{Event, Reject, Unbonding};
use rampart_protocol::observation::{Expel, Slash, Suspend};
use rampart_protocol::{Amount, Seconds, Timestamp};

const PERIOD: u64 = 45 * DAY;

/// The usual market, whose owner has retired its service.
fn retired() -> World {
    let mut world = World::court();
    retire(&mut world);
    world
}

fn retire(world: &mut World) {
    let mut update = world.service_update(OWNER);
    update.active = false;
    world.ok(OWNER, update);
}

#[test]
fn unbonding_moves_stake_out_of_the_deposit_and_tells_when_it_is_free() {
    let mut world = World::market();
    let events = world.ok(OWNER, world.unbond(OWNER, tokens(100)));
    let release_at = Timestamp(START + PERIOD);
    let expected = Event::Unbonding {
        provider: PROVIDER,
        amount: tokens(100),
        release_at,
    };
    assert_eq!(events, [expected]);
    let provider = world.provider();
    assert_eq!(provider.stake, tokens(49_900));
    let amount = tokens(100);
    assert_eq!(provider.unbonding, [Unbonding { amount, release_at }]);
    let globals = world.globals();
    assert_eq!((globals.stakes, globals.unbonding), (tokens(49_900), tokens(100)));
}

#[test]
fn stake_is_released_at_the_second_that_was_told_and_not_before() {
    let mut world = World::market();
    world.ok(OWNER, world.unbond(OWNER, tokens(100)));
    let release_at = Timestamp(START + PERIOD);
    world.at(START + PERIOD - 1);
    assert_eq!(
        world.send(OWNER, world.release(OWNER)),
        Err(Reject::StillUnbonding { release_at })
    );
    world.at(START + PERIOD);
    let events = world.ok(OWNER, world.release(OWNER));
    let expected = Event::StakeReleased {
        provider: PROVIDER,
        owner: OWNER,
        amount: tokens(100),
    };
    assert_eq!(events, [expected]);
    assert_eq!(world.balance(OWNER), tokens(50_100));
    assert_eq!(world.globals().unbonding, Amount::ZERO);
    assert_eq!(
        world.send(OWNER, world.release(OWNER)),
        Err(Reject::NothingUnbonding {})
    );
}

#[test]
fn one_release_takes_every_part_that_is_due_and_leaves_the_others() {
    let mut world = World::market();
    for day in 0..3 {
        world.at(START + day * DAY);
        world.ok(OWNER, world.unbond(OWNER, tokens(10 + u128::from(day))));
    }
    world.at(START + PERIOD + DAY);
    world.ok(OWNER, world.release(OWNER));
    assert_eq!(world.balance(OWNER), tokens(50_021));
    assert_eq!(world.provider().unbonding_total(), tokens(12));
}

#[test]
fn parts_are_kept_by_the_time_of_their_release_when_the_period_changes() {
    let mut world = World::court();
    world.ok(OWNER, world.unbond(OWNER, tokens(1)));
    world.tune(&[
        ("wait_max", u128::from(5 * DAY)),
        ("unbond_period", u128::from(12 * DAY)),
    ]);
    world.ok(OWNER, world.unbond(OWNER, tokens(2)));
    let parts: Vec<_> = world
        .provider()
        .unbonding
        .iter()
        .map(|part| part.amount)
        .collect();
    assert_eq!(parts, [tokens(2), tokens(1)]);
    world.at(START + 12 * DAY);
    world.ok(OWNER, world.release(OWNER));
    assert_eq!(world.balance(OWNER), tokens(50_002));
}

#[test]
fn a_seller_keeps_what_is_required_to_the_unit() {
    let mut world = World::market();
    world.buy(ALICE);
    // 1,000 + kappa(0.529411) * 100.
    let need = Amount(tokens(1_000).0 + 576_472 * tokens(100).0 / 1_000_000);
    let free = Amount(tokens(50_000).0 - need.0);
    let refused = world.send(OWNER, world.unbond(OWNER, Amount(free.0 + 1)));
    let have = tokens(50_000);
    assert_eq!(refused, Err(Reject::StakeRequired { have, need }));
    world.ok(OWNER, world.unbond(OWNER, free));
    assert_eq!(world.provider().stake, need);
}

#[test]
fn the_last_stake_of_who_sells_no_more_waits_until_no_purchase_can_be_used_or_reviewed() {
    let mut world = World::court();
    let mut order = world.order(ALICE);
    order.expires_at = Timestamp(START + 80 * DAY);
    world.ok(ALICE, order);
    retire(&mut world);
    let obliged = Timestamp(START + 87 * DAY);
    assert_eq!(world.provider().obliged_until, obliged);
    // What is beyond the requirement leaves after the period, what is below it waits for the consumers.
    world.ok(OWNER, world.unbond(OWNER, tokens(48_000)));
    world.ok(OWNER, world.unbond(OWNER, tokens(2_000)));
    let release: Vec<_> = world
        .provider()
        .unbonding
        .iter()
        .map(|part| part.release_at)
        .collect();
    assert_eq!(release, [Timestamp(START + PERIOD), obliged]);
}

#[test]
fn who_never_sold_may_take_everything_after_the_period() {
    let mut world = retired();
    world.ok(OWNER, world.unbond(OWNER, tokens(50_000)));
    world.advance(PERIOD);
    world.ok(OWNER, world.release(OWNER));
    assert_eq!(
        (world.balance(OWNER), world.provider().stake),
        (tokens(100_000), Amount::ZERO)
    );
}

#[test]
fn what_is_unbonding_is_slashed_after_the_stake_soonest_first() {
    let mut world = retired();
    world.ok(OWNER, world.unbond(OWNER, tokens(10)));
    world.advance(DAY);
    world.ok(OWNER, world.unbond(OWNER, tokens(20)));
    let amount = Amount(tokens(49_970 + 10 + 5).0);
    world.govern(Slash {
        provider: PROVIDER,
        amount,
    });
    let provider = world.provider();
    assert_eq!(provider.stake, Amount::ZERO);
    let rest = Unbonding {
        amount: tokens(15),
        release_at: Timestamp(START + DAY + PERIOD),
    };
    assert_eq!(provider.unbonding, [rest]);
    assert_eq!(world.globals().pool, amount);
}

#[test]
fn nothing_is_released_while_the_provider_is_suspended_or_its_consumers_are_compensated() {
    for (expelled, held_for) in [(false, 400 * DAY), (true, 30 * DAY)] {
        let mut world = World::court();
        world.ok(OWNER, world.unbond(OWNER, tokens(100)));
        world.advance(PERIOD);
        match expelled {
            true => drop(world.govern(Expel { provider: PROVIDER })),
            false => drop(world.govern(Suspend { provider: PROVIDER })),
        }
        let until = Timestamp(world.now() + 30 * DAY);
        world.advance(held_for);
        let held = Reject::Held {
            provider: PROVIDER,
            until,
        };
        assert_eq!(world.send(OWNER, world.release(OWNER)), Err(held));
        if expelled {
            world.pass(1);
            world.ok(OWNER, world.release(OWNER));
        }
    }
}

#[test]
fn a_share_of_each_claim_goes_to_the_stake_rounded_down() {
    for (share, staked) in [
        (0, 0),
        (1, tokens(95).0 / 1_000_000),
        (333_333, tokens(95).0 / 1_000_000 * 333_333),
        (1_000_000, tokens(95).0),
    ] {
        let mut world = World::market();
        let events = world.ok(OWNER, world.auto_stake(OWNER, share));
        let set = Event::AutoStakeSet {
            provider: PROVIDER,
            share: rampart_protocol::Ppm(share),
        };
        assert_eq!(events, [set]);
        world.buy(ALICE);
        world.advance(31 * DAY);
        let events = world.ok(OWNER, world.claim(OWNER));
        assert_eq!(events.len(), if staked == 0 { 1 } else { 2 }, "{share}");
        assert_eq!(world.provider().stake.0, tokens(50_000).0 + staked, "{share}");
        assert_eq!(world.balance(OWNER).0, tokens(50_095).0 - staked, "{share}");
        assert_eq!(world.provider().claimed, tokens(95), "all of it was claimed");
    }
}

#[test]
fn a_claim_of_an_odd_unit_gives_the_balance_what_the_stake_cannot_have() {
    let mut params = calm();
    (params.fee_min, params.protocol_cut.0) = (Amount(1), 0);
    (params.wait_min, params.wait_max) = (Seconds(0), Seconds(0));
    let mut world = World::court_with(&params);
    world.ok(OWNER, world.auto_stake(OWNER, 500_000));
    world.buy_for(ALICE, Amount(7));
    world.advance(DAY);
    world.ok(OWNER, world.claim(OWNER));
    assert_eq!(world.provider().stake.0, tokens(50_000).0 + 3);
    assert_eq!(world.balance(OWNER).0, tokens(50_000).0 + 4);
}
