//! Rejections of bundles and of rotated keys.

use crate::cases::Case;
use crate::court::*;
use crate::world::*;
use rampart_ledger::Reject;
use rampart_protocol::message::{Component, RegisterService, UpdateService};
use rampart_protocol::observation::Expel;
use rampart_protocol::{AccessKey, B256, Seconds, ServiceId, Timestamp};

/// The rival offers a bundle of the usual service, changed so.
fn compose(world: &mut World, change: impl FnOnce(&mut RegisterService)) -> rampart_ledger::Input {
    world.ok(RIVAL, world.registration(RIVAL));
    let mut bundle = world.bundle(vec![world.component(SERVICE)]);
    change(&mut bundle);
    World::transaction(RIVAL, bundle)
}

/// The same, when one thing about the component is wrong.
fn miscompose(
    world: &mut World,
    change: impl FnOnce(&mut Component),
    reason: &'static str,
) -> (rampart_ledger::Input, Reject) {
    let mut service = SERVICE;
    let input = compose(world, |bundle| {
        change(&mut bundle.components[0]);
        service = bundle.components[0].service;
    });
    (input, Reject::BadComponent { service, reason })
}

const BUNDLE: ServiceId = ServiceId(2);

/// The rival sells a bundle of the usual service.
fn bundled(world: &mut World) {
    let input = compose(world, |_| {});
    world.apply(input).unwrap();
}

pub const BUNDLES: &[Case] = &[
    |world| {
        let input = compose(world, |bundle| {
            bundle.components = vec![bundle.components[0].clone(); 9];
        });
        let expected = Reject::FieldTooLong {
            what: "components",
            actual: 9,
            limit: 8,
        };
        (input, expected)
    },
    |world| {
        let input = compose(world, |bundle| bundle.upstream_key = AccessKey(B256::ZERO));
        (input, Reject::BadAccessKey {})
    },
    |world| {
        let input = compose(world, |bundle| {
            bundle.components = vec![bundle.components[0].clone(); 2];
        });
        let reason = "it is listed twice";
        (
            input,
            Reject::BadComponent {
                service: SERVICE,
                reason,
            },
        )
    },
    |world| {
        miscompose(
            world,
            |c| c.packages = 0,
            "packages and uses must be at least one",
        )
    },
    |world| miscompose(world, |c| c.uses = 0, "packages and uses must be at least one"),
    |world| miscompose(world, |c| c.service = ServiceId(9), "there is no such service"),
    |world| {
        miscompose(
            world,
            |c| c.version = 2,
            "its terms are of another version than the one pinned",
        )
    },
    |world| {
        miscompose(
            world,
            |c| c.uses = 11,
            "its packages do not hold the bundle's requests",
        )
    },
    |world| {
        miscompose(
            world,
            |c| c.packages = 4,
            "the bundle's fee is less than its components'",
        )
    },
    |world| {
        let input = compose(world, |bundle| bundle.max_duration = Seconds(91 * DAY));
        let reason = "it is not sold for the bundle's durations";
        (
            input,
            Reject::BadComponent {
                service: SERVICE,
                reason,
            },
        )
    },
    |world| {
        let mut retire = world.service_update(OWNER);
        retire.active = false;
        world.ok(OWNER, retire);
        miscompose(world, |_| {}, "it is retired")
    },
    |world| {
        world.govern(Expel { provider: PROVIDER });
        miscompose(world, |_| {}, "its provider was expelled")
    },
    |world| {
        bundled(world);
        // The usual service would bundle the bundle that bundles it.
        let update = UpdateService {
            components: vec![world.component(BUNDLE)],
            upstream_key: public(&upstream()),
            fee: tokens(400),
            requests: 100,
            ..world.service_update(OWNER)
        };
        let reason = "the bundle would contain itself";
        (
            World::transaction(OWNER, update),
            Reject::BadComponent {
                service: SERVICE,
                reason,
            },
        )
    },
    |world| {
        bundled(world);
        world.tune(&[("components_max", 1)]);
        let nested = RegisterService {
            components: vec![world.component(BUNDLE)],
            ..world.bundle(Vec::new())
        };
        (
            World::transaction(RIVAL, nested),
            Reject::TooManyComponents { limit: 1 },
        )
    },
    |world| {
        bundled(world);
        world.ok(OWNER, world.service_update(OWNER));
        let order = world.order_of(ALICE, BUNDLE);
        let reason = "its terms are of another version than the one pinned";
        (
            World::transaction(ALICE, order),
            Reject::ComponentUnavailable {
                service: SERVICE,
                reason,
            },
        )
    },
    |world| {
        world.ok(OWNER, world.service_terms(OWNER));
        let input = compose(world, |bundle| {
            let second = Component {
                service: BUNDLE,
                ..bundle.components[0].clone()
            };
            bundle.components.push(second);
        });
        world.apply(input).unwrap();
        world.tune(&[("components_max", 1)]);
        let reason = "the bundle makes more purchases than one may";
        (
            World::transaction(ALICE, world.order_of(ALICE, ServiceId(3))),
            Reject::ComponentUnavailable {
                service: BUNDLE,
                reason,
            },
        )
    },
];

pub const ROTATIONS: &[Case] = &[
    |world| {
        let id = world.buy(ALICE);
        let rotation = world.rotate(ALICE, id, AccessKey(B256::ZERO));
        (World::transaction(ALICE, rotation), Reject::BadAccessKey {})
    },
    |world| {
        let id = world.buy(ALICE);
        let rotation = world.rotate(BOB, id, public(&upstream()));
        let expected = Reject::NotConsumer {
            purchase: id,
            consumer: ALICE,
            signer: BOB,
        };
        (World::transaction(BOB, rotation), expected)
    },
    |world| {
        let id = world.buy(ALICE);
        world.advance(30 * DAY + 1);
        let rotation = world.rotate(ALICE, id, public(&upstream()));
        let expired_at = Timestamp(START + 30 * DAY);
        (
            World::transaction(ALICE, rotation),
            Reject::PurchaseExpired { expired_at },
        )
    },
    |world| {
        let id = world.buy(ALICE);
        world.govern(Expel { provider: PROVIDER });
        world.ok(ALICE, world.refund(ALICE, id));
        let rotation = world.rotate(ALICE, id, public(&upstream()));
        (
            World::transaction(ALICE, rotation),
            Reject::PurchaseClosed { purchase: id },
        )
    },
    |world| {
        let id = world.buy(ALICE);
        for _ in 0..4 {
            world.ok(ALICE, world.rotate(ALICE, id, public(&upstream())));
        }
        let fifth = world.rotate(ALICE, id, public(&upstream()));
        (
            World::transaction(ALICE, fifth),
            Reject::TooManyRotations { limit: 4 },
        )
    },
];
