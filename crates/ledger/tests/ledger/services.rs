//! Services and their terms (V3).

use crate::world::*;
use rampart_ledger::{Event, Params, Reject, Service, Terms};
use rampart_protocol::{AccessKey, Amount, B256, Category, Seconds, ServiceId, Timestamp};

#[test]
fn a_registered_service_is_on_sale_on_the_terms_given() {
    let mut world = World::market();
    let events = world.ok(OWNER, world.service_terms(OWNER));
    assert_eq!(
        events,
        [Event::ServiceRegistered {
            service: ServiceId(2),
            provider: PROVIDER
        }]
    );
    let expected = Service {
        id: ServiceId(2),
        provider: PROVIDER,
        version: 1,
        requests: 1_000,
        fee: tokens(100),
        min_duration: Seconds(HOUR),
        max_duration: Seconds(90 * DAY),
        active: true,
        components: Vec::new(),
        upstream_key: AccessKey(B256::ZERO),
        down: 0,
        outages: 0,
    };
    assert_eq!(world.service(ServiceId(2)), expected);
    let expected = Terms {
        service: ServiceId(2),
        version: 1,
        since: Timestamp(START),
        category: Category::ProactiveMeasures,
        description: "Screens domains\nagainst a list".into(),
        endpoint: String::new(),
        openapi: B256::ZERO,
        requests: 1_000,
        fee: tokens(100),
        min_duration: Seconds(HOUR),
        max_duration: Seconds(90 * DAY),
        components: Vec::new(),
        upstream_key: AccessKey(B256::ZERO),
        active: true,
    };
    assert_eq!(world.terms(ServiceId(2), 1), expected);
    assert_eq!(world.provider().active_services, 2);
    assert_eq!(world.provider().services, 2);
}

#[test]
fn an_update_replaces_the_terms_and_counts_the_version_up() {
    let mut world = World::market();
    let events = world.ok(OWNER, world.service_update(OWNER));
    let updated = Event::ServiceUpdated {
        service: SERVICE,
        provider: PROVIDER,
        version: 2,
        active: true,
    };
    assert_eq!(events, [updated]);
    let service = world.service(SERVICE);
    assert_eq!(
        (service.version, service.fee, service.requests),
        (2, tokens(60), 500)
    );
    let terms = world.terms(SERVICE, 2);
    assert_eq!(terms.category, Category::TransactionSecurity);
    assert_eq!(
        (terms.endpoint.as_str(), terms.openapi),
        ("https://addresses.example/v2", B256::repeat_byte(0x0a))
    );
    assert_eq!(
        (service.min_duration, service.max_duration),
        (Seconds(2 * HOUR), Seconds(30 * DAY))
    );
    assert_eq!(terms.description, "Screens addresses");
    assert_eq!(
        world.terms(SERVICE, 1).description,
        "Screens domains\nagainst a list",
        "the earlier version stays"
    );
    assert_eq!(world.provider().services, 1);
}

#[test]
fn a_retired_service_can_be_put_on_sale_again() {
    let mut world = World::market();
    let mut retire = world.service_update(OWNER);
    retire.active = false;
    let events = world.ok(OWNER, retire);
    let retired = Event::ServiceUpdated {
        service: SERVICE,
        provider: PROVIDER,
        version: 2,
        active: false,
    };
    assert_eq!(events, [retired]);
    assert_eq!(
        world.send(ALICE, world.order(ALICE)),
        Err(Reject::ServiceRetired { service: SERVICE })
    );
    world.ok(OWNER, world.service_update(OWNER));
    assert_eq!(world.service(SERVICE).version, 3);
    world.buy(ALICE);
}

#[test]
fn a_purchase_keeps_the_terms_that_it_was_made_on() {
    let mut world = World::market();
    let id = world.buy(ALICE);
    let before = world.purchase(id);
    world.ok(OWNER, world.service_update(OWNER));
    assert_eq!(world.purchase(id), before);
    assert_eq!((before.record.version, before.record.requests), (1, 1_000));
}

#[test]
fn durations_must_form_a_range_within_the_parameters() {
    let mut world = World::market();
    let (least, most) = (Seconds(HOUR), Seconds(365 * DAY));
    for (min, max, good) in [
        (HOUR, HOUR, true),
        (HOUR, 365 * DAY, true),
        (365 * DAY, 365 * DAY, true),
        (HOUR - 1, DAY, false),
        (0, 0, false),
        (HOUR, 365 * DAY + 1, false),
        (DAY, DAY - 1, false),
        (HOUR, u64::MAX, false),
    ] {
        let (min, max) = (Seconds(min), Seconds(max));
        let mut terms = world.service_terms(OWNER);
        (terms.min_duration, terms.max_duration) = (min, max);
        let mut update = world.service_update(OWNER);
        (update.min_duration, update.max_duration) = (min, max);
        let expected = if good {
            Ok(())
        } else {
            Err(Reject::BadDurations {
                min,
                max,
                least,
                most,
            })
        };
        assert_eq!(
            world.send(OWNER, update).map(drop),
            expected,
            "update {min} {max}"
        );
        terms.nonce = world.nonce(OWNER);
        assert_eq!(
            world.send(OWNER, terms).map(drop),
            expected,
            "register {min} {max}"
        );
    }
}

#[test]
fn the_least_fee_is_a_parameter() {
    let mut world = World::market();
    let least = Params::default().fee_min;
    for (fee, good) in [(Amount::ZERO, false), (Amount(least.0 - 1), false), (least, true)] {
        let mut terms = world.service_terms(OWNER);
        terms.fee = fee;
        let expected = if good {
            Ok(())
        } else {
            Err(Reject::FeeTooLow { fee, least })
        };
        assert_eq!(world.send(OWNER, terms).map(drop), expected, "{fee}");
    }
}

#[test]
fn a_provider_registers_no_more_services_than_permitted() {
    let mut world = World::market();
    world.edit_params(|params| params.services_max.0 = 3);
    for _ in 0..2 {
        world.ok(OWNER, world.service_terms(OWNER));
    }
    let expected = Reject::TooManyServices { limit: 3 };
    assert_eq!(world.send(OWNER, world.service_terms(OWNER)), Err(expected));
    // Retiring one gives no room: its record stays.
    let mut retire = world.service_update(OWNER);
    retire.active = false;
    world.ok(OWNER, retire);
    assert!(world.send(OWNER, world.service_terms(OWNER)).is_err());
    assert_eq!(world.provider().services, 3);
}

#[test]
fn descriptions_may_have_lines_but_no_other_controls() {
    let mut world = World::market();
    for (description, good) in [
        ("one\ntwo", true),
        ("", false),
        ("\n", false),
        ("a\rb", false),
        ("\u{202e}", false),
    ] {
        let mut update = world.service_update(OWNER);
        update.description = description.into();
        let expected = if good {
            Ok(())
        } else {
            Err(Reject::BadText {
                what: "the description",
            })
        };
        assert_eq!(world.send(OWNER, update).map(drop), expected, "{description:?}");
    }
}
