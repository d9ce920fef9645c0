//! Bundles (C8): what may be composed, what one purchase buys, how the fee is divided, and that it is all or nothing.

use crate::court::*;
use crate::world::*;
use rampart_ledger::{Event, Params, Reject};
use rampart_protocol::message::{Component, RegisterService, UpdateService};
use rampart_protocol::{Amount, Ppm, ProviderId, PurchaseId, Seconds, ServiceId, verdict};

const RIVALS: ProviderId = ProviderId(2);
const BUNDLE: ServiceId = ServiceId(2);
const NESTED: ServiceId = ServiceId(3);

/// The usual market, where the rival sells the usual service for 300 tokens under another name.
fn bundled() -> World {
    bundled_with(&calm())
}

fn bundled_with(params: &Params) -> World {
    let mut world = World::court_with(params);
    world.ok(RIVAL, world.registration(RIVAL));
    world.ok(RIVAL, world.bundle(vec![world.component(SERVICE)]));
    world
}

/// And Bob, who sells the rival's bundle and the usual service for 500.
fn nested() -> World {
    let mut world = bundled();
    world.ok(BOB, world.registration(BOB));
    let bundle = RegisterService {
        provider: world.account(BOB).provider,
        fee: tokens(500),
        nonce: world.nonce(BOB),
        ..world.bundle(vec![world.component(BUNDLE), world.component(SERVICE)])
    };
    world.ok(BOB, bundle);
    world
}

fn buy_of(world: &mut World, service: ServiceId) -> PurchaseId {
    let order = world.order_of(ALICE, service);
    world.ok(ALICE, order.clone());
    order.id(&DOMAIN)
}

#[test]
fn one_purchase_of_a_bundle_buys_everything_in_it() {
    let mut world = bundled();
    let order = world.order_of(ALICE, BUNDLE);
    let events = world.ok(ALICE, order.clone());
    let (id, upstream_id) = (order.id(&DOMAIN), verdict::component(order.id(&DOMAIN), 0));
    let [Event::Purchased(inner), Event::Purchased(outer)] = events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(
        (outer.id, outer.consumer, outer.provider, outer.fee),
        (id, ALICE, RIVALS, tokens(300))
    );
    assert_eq!(
        (inner.id, inner.consumer, inner.provider, inner.service),
        (upstream_id, RIVAL, PROVIDER, SERVICE)
    );
    assert_eq!(
        (inner.fee, inner.requests, inner.version),
        (tokens(100), 1_000, 1)
    );
    assert_eq!(
        inner.access_key,
        public(&upstream()),
        "the bundle's provider calls it"
    );
    assert_eq!(
        (inner.purchased_at, inner.expires_at),
        (outer.purchased_at, outer.expires_at)
    );
    assert_eq!(world.purchase(upstream_id).record, inner);
    assert_eq!(world.globals().purchases, 2);
}

#[test]
fn the_fee_is_divided_among_the_providers_and_the_pool_to_the_unit() {
    // What the bundle costs, its component, and the cut: each sale's share rounds down, and the pool gets the rest.
    for (fee, inner, cut, own_share, inner_share) in [
        (tokens(300).0, tokens(100).0, 50_000, tokens(190).0, tokens(95).0),
        (300, 100, 50_000, 190, 95),
        (101, 100, 50_000, 0, 95),
        (100, 100, 50_000, 0, 95),
        (119, 99, 50_000, 19, 94),
        (1_007, 503, 333_333, 336, 335),
        (7, 3, 0, 4, 3),
    ] {
        let params = Params {
            fee_min: Amount(1),
            protocol_cut: Ppm(cut),
            ..calm()
        };
        let mut world = World::court_with(&params);
        let mut update = world.service_update(OWNER);
        (update.fee, update.requests, update.min_duration) = (Amount(inner), 1_000, Seconds(HOUR));
        world.ok(OWNER, update);
        world.ok(RIVAL, world.registration(RIVAL));
        let bundle = RegisterService {
            fee: Amount(fee),
            ..world.bundle(vec![world.component(SERVICE)])
        };
        world.ok(RIVAL, bundle);
        buy_of(&mut world, BUNDLE);
        assert_eq!(world.balance(ALICE).0, tokens(100_000).0 - fee, "{fee}");
        assert_eq!(world.provider_of(RIVALS).escrow.total, Amount(own_share), "{fee}");
        assert_eq!(world.provider().escrow.total, Amount(inner_share), "{fee}");
        assert_eq!(world.globals().pool.0, fee - own_share - inner_share, "{fee}");
    }
}

#[test]
fn revenue_is_the_whole_fee_since_the_whole_may_be_refunded_and_evidence_is_of_the_own_part() {
    let mut world = bundled();
    let id = buy_of(&mut world, BUNDLE);
    let steps = world.revenue_steps();
    assert_eq!(world.provider_of(RIVALS).revenue.value(steps), tokens(300).0);
    assert_eq!(world.provider().revenue.value(steps), tokens(100).0);
    let params = world.params();
    let own = rampart_ledger::purchase_evidence(&params, 0, tokens(200)).unwrap();
    assert_eq!(world.purchase(id).evidence, own);
}

#[test]
fn several_packages_are_bought_in_one_purchase() {
    let mut world = bundled();
    let bundle = UpdateService {
        service: BUNDLE,
        fee: tokens(300),
        requests: 1_500,
        components: vec![Component {
            packages: 3,
            uses: 2,
            ..world.component(SERVICE)
        }],
        upstream_key: public(&upstream()),
        ..world.service_update(RIVAL)
    };
    world.ok(RIVAL, bundle);
    let id = buy_of(&mut world, BUNDLE);
    let inner = world.purchase(verdict::component(id, 0)).record;
    assert_eq!((inner.fee, inner.requests), (tokens(300), 3_000));
}

#[test]
fn a_bundle_of_a_bundle_buys_all_levels() {
    let mut world = nested();
    let id = buy_of(&mut world, NESTED);
    let (first, second) = (verdict::component(id, 0), verdict::component(id, 1));
    let deepest = verdict::component(first, 0);
    for (id, consumer, provider, fee) in [
        (id, ALICE, ProviderId(3), 500),
        (first, BOB, RIVALS, 300),
        (second, BOB, PROVIDER, 100),
        (deepest, RIVAL, PROVIDER, 100),
    ] {
        let record = world.purchase(id).record;
        assert_eq!((record.consumer, record.provider), (consumer, provider));
        assert_eq!(record.fee, tokens(fee));
    }
    // 100, 200 and 100 twice are each provider's own.
    let escrow = |id| world.provider_of(id).escrow.total;
    assert_eq!(escrow(ProviderId(3)), tokens(95));
    assert_eq!(escrow(RIVALS), tokens(190));
    assert_eq!(escrow(PROVIDER), tokens(190));
    assert_eq!(world.globals().pool, tokens(25));
}

#[test]
fn an_upstream_without_collateral_refuses_all_of_it() {
    for (short, have) in [(PROVIDER, tokens(1_000)), (RIVALS, tokens(1_000))] {
        let mut world = nested();
        let owner = world.provider_of(short).owner;
        let mut unbond = world.unbond(owner, tokens(49_000));
        unbond.provider = short;
        world.ok(owner, unbond);
        let before = world.state.clone();
        let refused = world.send(ALICE, world.order_of(ALICE, NESTED));
        assert!(
            matches!(refused, Err(Reject::Undercollateralised { have: told, .. }) if told == have),
            "{refused:?}"
        );
        assert_eq!(world.state, before);
    }
}

#[test]
fn a_change_of_a_component_stops_sales_until_the_bundle_is_composed_anew() {
    let mut world = bundled();
    let before = buy_of(&mut world, BUNDLE);
    let mut cheaper = world.service_update(OWNER);
    (cheaper.requests, cheaper.min_duration) = (1_000, Seconds(HOUR));
    world.ok(OWNER, cheaper);
    let refused = world.send(ALICE, world.order_of(ALICE, BUNDLE));
    let reason = "its terms are of another version than the one pinned";
    let expected = Reject::ComponentUnavailable {
        service: SERVICE,
        reason,
    };
    assert_eq!(refused, Err(expected));
    let inner = verdict::component(before, 0);
    assert_eq!(world.purchase(inner).record.version, 1, "what was bought stays");
    let anew = UpdateService {
        service: BUNDLE,
        requests: 100,
        fee: tokens(300),
        components: vec![world.component(SERVICE)],
        upstream_key: public(&upstream()),
        ..world.service_update(RIVAL)
    };
    world.ok(RIVAL, anew);
    let id = buy_of(&mut world, BUNDLE);
    let inner = world.purchase(verdict::component(id, 0)).record;
    assert_eq!((inner.version, inner.fee), (2, tokens(60)));
}

#[test]
fn a_retired_component_makes_the_bundle_unavailable_at_every_level() {
    let mut world = nested();
    let mut retire = world.service_update(OWNER);
    retire.active = false;
    world.ok(OWNER, retire);
    let expected = Reject::ComponentUnavailable {
        service: SERVICE,
        reason: "it is retired",
    };
    for service in [BUNDLE, NESTED] {
        let order = world.order_of(ALICE, service);
        assert_eq!(world.send(ALICE, order), Err(expected.clone()), "{service}");
    }
}

#[test]
fn a_bundle_can_be_retired_after_its_components_were() {
    let mut world = bundled();
    let mut retire = world.service_update(OWNER);
    retire.active = false;
    world.ok(OWNER, retire);
    let retire = UpdateService {
        service: BUNDLE,
        active: false,
        components: vec![world.component(SERVICE)],
        upstream_key: public(&upstream()),
        ..world.service_update(RIVAL)
    };
    world.ok(RIVAL, retire);
    assert!(!world.service(BUNDLE).active);
}

#[test]
fn a_cycle_is_refused_however_long_it_is() {
    let mut world = nested();
    for (depth, service) in [(1, SERVICE), (2, BUNDLE), (3, NESTED)] {
        let update = UpdateService {
            components: vec![world.component(service)],
            upstream_key: public(&upstream()),
            fee: tokens(900),
            requests: 10,
            ..world.service_update(OWNER)
        };
        let expected = Reject::BadComponent {
            service: SERVICE,
            reason: "the bundle would contain itself",
        };
        assert_eq!(world.send(OWNER, update), Err(expected), "depth {depth}");
    }
}

#[test]
fn purchases_of_all_levels_together_are_bounded() {
    // The nested bundle makes three purchases besides its own.
    for (limit, good) in [(3, true), (2, false)] {
        let mut world = nested();
        world.tune(&[("components_max", limit)]);
        let order = world.order_of(ALICE, NESTED);
        assert_eq!(world.send(ALICE, order).is_ok(), good, "a purchase at {limit}");
        let again = RegisterService {
            provider: world.account(BOB).provider,
            fee: tokens(500),
            nonce: world.nonce(BOB),
            ..world.bundle(vec![world.component(BUNDLE), world.component(SERVICE)])
        };
        let expected = if good {
            Ok(())
        } else {
            Err(Reject::TooManyComponents { limit: 2 })
        };
        assert_eq!(world.send(BOB, again).map(drop), expected, "an offer at {limit}");
    }
}

#[test]
fn a_refund_of_a_bundle_comes_out_of_its_providers_escrow_and_stake_only() {
    let mut world = bundled();
    let id = buy_of(&mut world, BUNDLE);
    world.ok(ALICE, world.complaint(ALICE, id));
    world.pass(3 * DAY + 1);
    assert_eq!(world.purchase(id).refunded, tokens(300));
    let rival = world.provider_of(RIVALS);
    assert_eq!(
        (rival.escrow.total, rival.stake),
        (Amount::ZERO, tokens(50_000 - 110))
    );
    assert_eq!(world.provider().escrow.total, tokens(95));
    assert!(!world.purchase(verdict::component(id, 0)).closed);
}

#[test]
fn the_bundles_provider_reviews_what_it_bought() {
    let mut world = bundled();
    let id = buy_of(&mut world, BUNDLE);
    let inner = verdict::component(id, 0);
    world.ok(RIVAL, world.complaint(RIVAL, inner));
    world.pass(3 * DAY + 1);
    assert_eq!(world.purchase(inner).refunded, tokens(100));
}

#[test]
fn a_provider_may_bundle_its_own_services() {
    let mut world = World::court();
    let bundle = RegisterService {
        provider: PROVIDER,
        nonce: world.nonce(OWNER),
        ..world.bundle(vec![world.component(SERVICE)])
    };
    world.ok(OWNER, bundle);
    buy_of(&mut world, BUNDLE);
    let provider = world.provider();
    assert_eq!((provider.escrow.total, provider.purchases), (tokens(285), 2));
    assert_eq!(world.globals().epoch.sellers, 1);
}
