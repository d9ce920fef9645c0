//! Availability (P3, V4): the median by stake, rows of outages, and what they cost.

use crate::court::*;
use crate::world::*;
use rampart_ledger::{AvailabilityPage, Event, Key, Params, Status};
use rampart_protocol::message::ReportAvailability;
use rampart_protocol::observation::Suspend;
use rampart_protocol::{Address, Amount, B256, Ppm, ServiceId};

/// Operators with 50, 30 and 20 of a hundred, epochs of a day, and the first of them over.
fn halves() -> World {
    let mut world = World::court_of(&plain(), &[(OLGA, 50), (PETE, 30), (QUINN, 20)]);
    world.pass(DAY);
    world
}

/// Each of these operators reports that the usual service was down.
fn report_down(world: &mut World, who: &[Address]) -> Vec<Event> {
    who.iter()
        .flat_map(|who| world.ok(*who, world.availability(*who, &[SERVICE.0])))
        .collect()
}

fn outages(events: &[Event]) -> Vec<u32> {
    let rows = events.iter().filter_map(|event| match event {
        Event::Outage { row, .. } => Some(*row),
        _ => None,
    });
    rows.collect()
}

fn negative(world: &World) -> u128 {
    world.provider().negative.value(world.score_steps())
}

#[test]
fn a_service_was_down_when_more_than_half_of_the_stake_says_so() {
    for (down, up, expected) in [
        (&[OLGA][..], &[][..], false),
        (&[OLGA], &[PETE, QUINN], false),
        (&[PETE, QUINN], &[OLGA], false),
        (&[PETE, QUINN], &[], false),
        (&[OLGA, QUINN], &[PETE], true),
        (&[OLGA, QUINN], &[], true),
        (&[QUINN, OLGA], &[], true),
        (&[OLGA, PETE, QUINN], &[], true),
        (&[], &[OLGA, PETE, QUINN], false),
    ] {
        let mut world = halves();
        for who in up {
            world.ok(*who, world.availability(*who, &[]));
        }
        let events = report_down(&mut world, down);
        assert_eq!(!outages(&events).is_empty(), expected, "{down:?} against {up:?}");
    }
}

#[test]
fn half_of_an_odd_stake_is_not_more_than_half() {
    for (stakes, expected) in [([2, 1], true), ([1, 2], false), ([1, 1], false), ([3, 2], true)] {
        let mut world = World::court_of(&plain(), &[(OLGA, stakes[0]), (PETE, stakes[1])]);
        world.pass(DAY);
        let events = report_down(&mut world, &[OLGA]);
        assert_eq!(!outages(&events).is_empty(), expected, "{stakes:?}");
    }
}

#[test]
fn an_outage_weighs_once_however_many_report_it() {
    let mut world = halves();
    let events = report_down(&mut world, &[OLGA, QUINN, PETE]);
    let outage = Event::Outage {
        service: SERVICE,
        provider: PROVIDER,
        epoch: 0,
        row: 1,
    };
    assert_eq!(
        events.iter().filter(|event| **event == outage).count(),
        1,
        "{events:?}"
    );
    let weight = world.params().outage_weight.0;
    assert!(negative(&world).abs_diff(weight) <= 1);
    let service = world.service(SERVICE);
    assert_eq!((service.down, service.outages), (1, 1));
}

#[test]
fn a_row_of_outages_slashes_from_its_third_epoch_on_and_a_good_epoch_ends_it() {
    let mut world = halves();
    let mut rows = Vec::new();
    let mut stakes = Vec::new();
    for down in [true, true, true, true, false, true] {
        let who: &[Address] = if down { &[OLGA, QUINN] } else { &[] };
        let events = report_down(&mut world, who);
        rows.extend(outages(&events));
        stakes.push(world.provider().stake);
        world.pass(DAY);
    }
    assert_eq!(rows, [1, 2, 3, 4, 1]);
    // A hundredth of 50,000, then of what was left.
    let expected = [50_000, 50_000, 49_500, 49_005, 49_005, 49_005].map(tokens);
    assert_eq!(stakes, expected);
}

#[test]
fn a_slash_for_an_outage_rounds_up_and_pays_those_who_enforced_it() {
    let params = Params {
        outage_epochs: rampart_ledger::Count(1),
        ..plain()
    };
    let mut world = World::court_of(&params, &[(OLGA, 50), (PETE, 30), (QUINN, 20)]);
    world.pass(DAY);
    world.ok(OWNER, world.stake(OWNER, Amount(1)));
    let (pool, treasury) = (world.globals().pool.0, world.globals().treasury.0);
    let events = report_down(&mut world, &[OLGA, QUINN]);
    let (amount, bounty) = (Amount(tokens(500).0 + 1), tokens(50));
    let slashed = Event::Slashed {
        provider: PROVIDER,
        amount,
        bounty,
    };
    assert!(events.contains(&slashed), "{events:?}");
    let [olga, quinn] = [50, 20].map(|stake| bounty.0 * stake / 70);
    assert_eq!(world.operator(OLGA).owed.0, olga / 10);
    assert_eq!(world.operator(QUINN).owed.0, quinn / 10);
    assert_eq!(world.operator(PETE).owed, Amount::ZERO);
    let globals = world.globals();
    assert_eq!(globals.pool.0 - pool, amount.0 - olga - quinn);
    assert_eq!(globals.treasury.0 - treasury, olga + quinn - globals.rewards.0);
}

#[test]
fn outages_enough_suspend_like_reviews() {
    let params = Params {
        outage_weight: rampart_ledger::Evidence(200_000_000),
        ..plain()
    };
    let mut world = World::court_of(&params, &[(OLGA, 50), (PETE, 30), (QUINN, 20)]);
    world.pass(DAY);
    report_down(&mut world, &[OLGA, QUINN]);
    // 50 / 300
    assert_eq!(world.provider().status, Status::Suspended);
}

#[test]
fn what_cannot_be_bought_cannot_be_down() {
    type Prepare = fn(&mut World);
    let cases: [(&str, Prepare); 3] = [
        ("a retired service", |world| {
            let mut retire = world.service_update(OWNER);
            retire.active = false;
            world.ok(OWNER, retire);
        }),
        ("a service of a suspended provider", |world| {
            world.govern(Suspend { provider: PROVIDER });
        }),
        ("a service that never was", |_| {}),
    ];
    for (what, prepare) in cases {
        let mut world = halves();
        prepare(&mut world);
        let service = if what == "a service that never was" {
            200
        } else {
            1
        };
        for who in [OLGA, QUINN] {
            let events = world.ok(who, world.availability(who, &[service]));
            assert_eq!(outages(&events), [0; 0], "{what}");
        }
        assert_eq!(negative(&world), 0, "{what}");
    }
}

#[test]
fn each_bit_is_the_service_of_its_place() {
    let mut world = World::court_of(&plain(), &[(OLGA, 1)]);
    for _ in 1..12 {
        world.ok(OWNER, world.service_terms(OWNER));
    }
    world.pass(DAY);
    let mut down = [0; 32];
    (down[0], down[1]) = (0b1000_0001, 0b0000_0100);
    let report = ReportAvailability {
        down: B256::from(down),
        ..world.availability(OLGA, &[])
    };
    let events = world.ok(OLGA, report);
    let services: Vec<u64> = events
        .iter()
        .filter_map(|event| match event {
            Event::Outage { service, .. } => Some(service.0),
            _ => None,
        })
        .collect();
    assert_eq!(services, [1, 8, 11]);
    assert_eq!(world.service(ServiceId(11)).outages, 1);
}

#[test]
fn bitmaps_are_forgotten_when_the_epoch_that_pays_for_them_ends() {
    let mut world = halves();
    report_down(&mut world, &[OLGA]);
    let key = Key::availability(0, 0);
    let page: AvailabilityPage = world.get(&key);
    assert_eq!((page.total_stake, page.reports.len()), (100, 1));
    world.pass(DAY);
    assert_eq!(world.find::<AvailabilityPage>(&key), None);
}

#[test]
fn stake_that_moves_between_reports_cannot_make_a_majority_of_a_minority() {
    let mut world = halves();
    report_down(&mut world, &[QUINN]);
    // Quinn's stake goes to Pete, who says the same: together they have still only half.
    world.restake(QUINN, 0, Ppm(0));
    world.restake(PETE, 50, Ppm(0));
    let events = report_down(&mut world, &[PETE]);
    assert_eq!(outages(&events), [0; 0], "20 and 50 of 100");
}
