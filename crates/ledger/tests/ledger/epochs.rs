//! The end of an epoch (U2): what the pool pays, to the unit, and where the rest goes.

use crate::court::*;
use crate::world::*;
use rampart_ledger::{EpochReport, Event, Key, MAX_OPERATORS, OperatorSet, Params};
use rampart_protocol::message::ReportAvailability;
use rampart_protocol::{Address, Amount, Ppm, Timestamp, verdict};

/// A court with epochs of a day, whose operators keep nothing for themselves and have no investors.
fn world() -> World {
    let mut world = World::court_with(&plain());
    for (who, stake) in [(OLGA, 40), (PETE, 35), (QUINN, 25)] {
        world.restake(who, stake, Ppm(200_000));
    }
    world
}

/// Puts an amount into the pool, as if it had been deposited there.
fn fill(world: &mut World, amount: Amount) {
    world.edit_globals(|globals| {
        globals.pool.0 += amount.0;
        globals.deposited.0 += amount.0;
    });
}

/// What an operator's part was: its commission is a fifth, rounded down, of each.
fn owed(world: &World, who: Address) -> u128 {
    world.operator(who).owed.0
}

#[test]
fn the_first_block_begins_the_first_epoch_and_the_next_begins_when_its_time_is_over() {
    let mut world = World::with(&plain());
    assert_eq!(world.globals().epoch.started_at, Timestamp(0));
    world.begin();
    assert_eq!(world.globals().epoch.started_at, Timestamp(START));
    assert_eq!(world.pass(DAY - 1), []);
    let events = world.pass(1);
    assert!(
        matches!(events[..], [Event::EpochClosed { number: 0, .. }]),
        "{events:?}"
    );
    let epoch = world.globals().epoch;
    assert_eq!((epoch.number, epoch.started_at), (1, Timestamp(START + DAY)));
}

#[test]
fn one_block_ends_one_epoch_however_late_it_is() {
    let mut world = world();
    world.pass(10 * DAY);
    assert_eq!(world.globals().epoch.number, 1);
    assert_eq!(world.begin(), []);
    assert_eq!(world.epoch(0).ended_at, Timestamp(START + 10 * DAY));
}

#[test]
fn the_share_paid_follows_the_formula_each_term_rounded_down() {
    // 0.6 + 0.25 * P / (P + 50) + 0.15 * E / (E + 10), in millionths.
    for (sellers, verdicts, share) in [
        (0, 0, 600_000),
        (1, 0, 604_901),
        (50, 0, 725_000),
        (0, 1, 613_636),
        (0, 10, 675_000),
        (50, 10, 800_000),
        (u64::MAX, 0, 849_999),
        (u64::MAX, u64::MAX, 999_998),
    ] {
        let mut world = world();
        fill(&mut world, Amount(1_000_000));
        world.edit_globals(|globals| {
            (globals.epoch.sellers, globals.epoch.verdicts) = (sellers, verdicts);
        });
        world.pass(DAY);
        let report = world.epoch(0);
        // Of a hundredth part of the share each operator gets a whole number of units, so at most one each is lost.
        let parts: u128 = [40, 35, 25].map(|stake| share * stake / 100).iter().sum();
        assert_eq!(report.paid, Amount(parts), "{sellers} {verdicts}");
        assert!(share - parts <= 2, "{sellers} {verdicts}");
        let expected = EpochReport {
            number: 0,
            started_at: Timestamp(START),
            ended_at: Timestamp(START + DAY),
            pool: Amount(1_000_000),
            paid: Amount(parts),
            sellers,
            verdicts,
            operators: 3,
        };
        assert_eq!(report, expected);
    }
}

#[test]
fn operators_are_paid_by_stake_and_the_remainder_is_the_treasurys() {
    for (pool, olga, pete, quinn) in [
        (0, 0, 0, 0),
        (1, 0, 0, 0),
        (10, 2, 2, 1),
        (1_003, 240, 210, 150),
        (
            tokens(1).0,
            24 * tokens(1).0 / 100,
            21 * tokens(1).0 / 100,
            15 * tokens(1).0 / 100,
        ),
    ] {
        let mut world = world();
        fill(&mut world, Amount(pool));
        world.pass(DAY);
        // A fifth of each part is the operator's, rounded down; without investors the rest is the treasury's too.
        for (who, part) in [(OLGA, olga), (PETE, pete), (QUINN, quinn)] {
            assert_eq!(owed(&world, who), part / 5, "{pool}");
        }
        let globals = world.globals();
        let kept: u128 = [olga, pete, quinn].map(|part| part / 5).iter().sum();
        assert_eq!(
            (globals.pool, globals.rewards),
            (Amount::ZERO, Amount(kept)),
            "{pool}"
        );
        assert_eq!(globals.treasury, Amount(pool - kept), "{pool}");
        assert_eq!(world.epoch(0).paid, Amount(olga + pete + quinn), "{pool}");
    }
}

#[test]
fn without_operators_the_treasury_gets_everything() {
    let mut world = World::court_of(&plain(), &[]);
    fill(&mut world, tokens(9));
    let events = world.pass(DAY);
    let closed = Event::EpochClosed {
        number: 0,
        pool: tokens(9),
        paid: Amount::ZERO,
        treasury: tokens(9),
    };
    assert_eq!(events, [closed]);
    assert_eq!(world.epoch(0).operators, 0);
}

#[test]
fn what_is_sold_in_an_epoch_is_counted_once_a_provider() {
    let mut world = world();
    for _ in 0..3 {
        world.buy(ALICE);
    }
    world.ok(RIVAL, world.registration(RIVAL));
    let mut terms = world.service_terms(RIVAL);
    terms.provider = world.account(RIVAL).provider;
    world.ok(RIVAL, terms);
    world.ok(BOB, world.order_of(BOB, rampart_protocol::ServiceId(2)));
    assert_eq!(world.globals().epoch.sellers, 2);
    world.pass(DAY);
    assert_eq!(world.globals().epoch.sellers, 0);
    world.buy(ALICE);
    assert_eq!(world.globals().epoch.sellers, 1);
}

#[test]
fn verdicts_count_either_way_and_undecided_rounds_do_not() {
    for (votes, verdicts) in [
        (&[(OLGA, true), (PETE, true)][..], 1),
        (&[(OLGA, false), (PETE, false)], 1),
        (&[(OLGA, true)], 0),
    ] {
        let mut world = World::court();
        let (id, _) = world.challenged();
        world.vote(verdict::review(id), votes);
        assert_eq!(world.globals().epoch.verdicts, verdicts, "{votes:?}");
    }
}

#[test]
fn an_operator_earns_by_the_pages_that_it_reported() {
    // Epoch 1 owes reports of two pages; the pool then is 1,000, of which 600 are paid.
    let run = |reports: &[(Address, u32)]| {
        let mut world = world();
        world.pass(DAY);
        world.edit_globals(|globals| globals.epoch.pages = 2);
        fill(&mut world, Amount(1_000));
        for (who, page) in reports {
            let report = ReportAvailability {
                page: *page,
                ..world.availability(*who, &[])
            };
            world.ok(*who, report);
        }
        world.pass(DAY);
        let parts = [OLGA, PETE, QUINN].map(|who| owed(&world, who));
        (parts, world.epoch(1).paid.0, world.epoch(1).operators)
    };
    let both = |who| [(who, 0), (who, 1)];
    let all = [both(OLGA), both(PETE), both(QUINN)].concat();
    assert_eq!(run(&all), ([48, 42, 30], 600, 3));
    // 40 * 2 : 35 * 1 : 0
    let some = [(OLGA, 0), (OLGA, 1), (PETE, 1)];
    assert_eq!(run(&some), ([417 / 5, 182 / 5, 0], 599, 2));
    assert_eq!(run(&[(QUINN, 1)]), ([0, 0, 120], 600, 1));
    assert_eq!(run(&[]), ([0, 0, 0], 0, 0));
}

#[test]
fn a_report_of_one_epoch_is_no_participation_in_the_next() {
    let mut world = world();
    world.pass(DAY);
    world.ok(OLGA, world.availability(OLGA, &[]));
    fill(&mut world, Amount(1_000));
    world.pass(DAY);
    assert_eq!(owed(&world, OLGA), 120);
    fill(&mut world, Amount(1_000));
    world.pass(DAY);
    assert_eq!(owed(&world, OLGA), 120);
    assert_eq!(world.epoch(2).operators, 0);
}

#[test]
fn the_number_of_pages_owed_is_told_by_the_services_at_the_epochs_beginning() {
    for (services, pages) in [(0, 0), (1, 1), (256, 1), (257, 2)] {
        let mut world = World::with(&Params {
            services_max: rampart_ledger::Count(1_000),
            ..plain()
        });
        world.begin();
        world.scans = false;
        world.deposit(OWNER, tokens(60_000));
        world.ok(OWNER, world.registration(OWNER));
        for _ in 0..services {
            world.ok(OWNER, world.service_terms(OWNER));
        }
        world.pass(DAY);
        assert_eq!(world.globals().epoch.pages, pages, "{services}");
    }
}

#[test]
fn an_operator_beyond_the_most_has_no_seat_until_another_leaves() {
    let mut world = world();
    let seats = |world: &World| world.get::<OperatorSet>(&Key::operator_set());
    let one = |n: usize| Address::left_padding_from(&(0x4000 + n).to_be_bytes());
    for n in seats(&world).seats.len()..MAX_OPERATORS {
        world.restake(one(n), 1, Ppm(0));
    }
    let (last, late) = (one(MAX_OPERATORS - 1), one(MAX_OPERATORS));
    world.restake(late, 7, Ppm(0));
    assert_eq!(seats(&world).seats.len(), MAX_OPERATORS);
    assert_eq!(seats(&world).stake_of(&late), 0);
    world.restake(last, 2, Ppm(0));
    assert_eq!(seats(&world).stake_of(&last), 2, "a seat that exists can change");
    world.restake(last, 0, Ppm(0));
    world.restake(late, 7, Ppm(0));
    assert_eq!(seats(&world).stake_of(&late), 7);
}
