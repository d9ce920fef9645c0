//! Delegated purchasers: who may buy for whom, how much, until when, and in which lane of nonces.

use crate::world::*;
use ed25519_dalek::SigningKey;
use rampart_ledger::{
    Event, Fault, Input, Key, MAX_PURCHASERS, Prepared, Purchaser, Purchasers, Reject, audit,
};
use rampart_protocol::message::{self, RevokePurchaser};
use rampart_protocol::purchaser::{LANE_BITS, lane};
use rampart_protocol::{AccessKey, Address, Amount, B256, Message, Nonce, ServiceId, Timestamp, keccak256};

const GATEWAY: [u8; 32] = [0x9a; 32];
const OTHER: [u8; 32] = [0x9b; 32];

fn key(secret: &[u8; 32]) -> AccessKey {
    public(&SigningKey::from_bytes(secret))
}

fn by(secret: &[u8; 32], consumer: Address, message: impl Into<Message>) -> Input {
    let message = message.into();
    let id = keccak256(message.to_bytes());
    Input::Transaction(Prepared::new(&DOMAIN, consumer, id, message).by(Some(key(secret))))
}

impl World {
    fn purchasers(&self, who: Address) -> Purchasers {
        self.get(&Key::purchasers(&who))
    }

    fn purchaser(&self, who: Address, secret: &[u8; 32]) -> Purchaser {
        self.purchasers(who).find(&key(secret)).unwrap().clone()
    }

    fn delegate(&mut self, secret: &[u8; 32], limit: Amount) -> Vec<Event> {
        self.ok(ALICE, self.delegation(ALICE, secret, limit))
    }

    /// The usual purchase for Alice, in the lane of the key.
    fn delegated_order(&self, secret: &[u8; 32]) -> message::Purchase {
        message::Purchase {
            nonce: self.purchaser(ALICE, secret).nonce,
            ..self.order(ALICE)
        }
    }

    fn buy_by(&mut self, secret: &[u8; 32]) -> Result<Vec<Event>, Reject> {
        match self.apply(by(secret, ALICE, self.delegated_order(secret))) {
            Ok(changes) => Ok(changes.events),
            Err(Fault::Reject(reject)) => Err(reject),
            Err(fault) => panic!("{fault}"),
        }
    }

    fn revocation(&self, secret: &[u8; 32]) -> RevokePurchaser {
        RevokePurchaser {
            purchaser: key(secret),
            nonce: self.nonce(ALICE),
        }
    }
}

#[test]
fn a_purchaser_buys_for_the_account_within_its_limit() {
    let mut world = World::market();
    let events = world.delegate(&GATEWAY, tokens(250));
    let expected = Event::PurchaserDelegated {
        consumer: ALICE,
        purchaser: key(&GATEWAY),
        limit: tokens(250),
        expires_at: Timestamp(START + 30 * DAY),
    };
    assert_eq!(events, [expected]);
    let before = world.balance(ALICE);
    let events = world.buy_by(&GATEWAY).unwrap();
    assert!(matches!(&events[..], [Event::Purchased(record)] if record.consumer == ALICE));
    world.buy_by(&GATEWAY).unwrap();
    assert_eq!(world.balance(ALICE), Amount(before.0 - tokens(200).0));
    assert_eq!(world.purchaser(ALICE, &GATEWAY).left, tokens(50));
    let over = Reject::SpendingLimit {
        have: tokens(50),
        need: tokens(100),
    };
    assert_eq!(world.buy_by(&GATEWAY), Err(over));
    assert_eq!(world.purchaser(ALICE, &GATEWAY).left, tokens(50));
}

#[test]
fn lanes_do_not_wait_for_one_another_and_no_two_purchases_share_an_id() {
    let mut world = World::market();
    world.delegate(&GATEWAY, tokens(10_000));
    world.delegate(&OTHER, tokens(10_000));
    let wallets = world.nonce(ALICE);
    for secret in [&GATEWAY, &OTHER, &OTHER, &GATEWAY] {
        world.buy_by(secret).unwrap();
    }
    assert_eq!(world.nonce(ALICE), wallets, "the wallet's lane did not move");
    world.buy(ALICE);
    assert_eq!(
        world.purchaser(ALICE, &GATEWAY).nonce,
        Nonce((1 << LANE_BITS) + 2)
    );
    assert_eq!(world.purchaser(ALICE, &OTHER).nonce, Nonce((2 << LANE_BITS) + 2));
    assert_eq!(world.globals().purchases, 5);
}

#[test]
fn delegating_again_replaces_limit_and_expiry_and_keeps_the_lane() {
    let mut world = World::market();
    world.delegate(&GATEWAY, tokens(250));
    world.buy_by(&GATEWAY).unwrap();
    let nonce = world.purchaser(ALICE, &GATEWAY).nonce;
    world.advance(DAY).delegate(&GATEWAY, tokens(100));
    let expected = Purchaser {
        key: key(&GATEWAY),
        left: tokens(100),
        expires_at: Timestamp(START + 31 * DAY),
        nonce,
    };
    assert_eq!(world.purchasers(ALICE).keys, [expected]);
    world.buy_by(&GATEWAY).unwrap();
    assert_eq!(world.purchaser(ALICE, &GATEWAY).left, Amount::ZERO);
}

#[test]
fn a_revoked_key_buys_no_more_and_comes_back_with_another_number() {
    let mut world = World::market();
    world.delegate(&GATEWAY, tokens(1_000));
    let order = world.delegated_order(&GATEWAY);
    let events = world.ok(ALICE, world.revocation(&GATEWAY));
    let (consumer, purchaser) = (ALICE, key(&GATEWAY));
    assert_eq!(events, [Event::PurchaserRevoked { consumer, purchaser }]);
    let unknown = Fault::Reject(Reject::UnknownPurchaser { consumer, purchaser });
    assert_eq!(world.apply(by(&GATEWAY, ALICE, order.clone())), Err(unknown));
    world.delegate(&GATEWAY, tokens(1_000));
    assert_eq!(lane(world.purchaser(ALICE, &GATEWAY).nonce), 2);
    let stale = Fault::Reject(Reject::StaleNonce {
        got: order.nonce,
        expected: Nonce(2 << LANE_BITS),
    });
    assert_eq!(world.apply(by(&GATEWAY, ALICE, order)), Err(stale));
    world.buy_by(&GATEWAY).unwrap();
}

#[test]
fn each_new_purchaser_pays_the_storage_fee_and_a_change_does_not() {
    let mut world = World::market_with(&rampart_ledger::Params::default());
    let fee = world.params().storage_fee;
    let (before, pool) = (world.balance(ALICE), world.globals().pool);
    world.delegate(&GATEWAY, tokens(1));
    world.delegate(&GATEWAY, tokens(2));
    assert_eq!(world.balance(ALICE).0, before.0 - fee.0);
    assert_eq!(world.globals().pool.0, pool.0 + fee.0);
}

#[test]
fn a_delegation_ends_with_the_block_time_of_its_expiry() {
    let mut world = World::market();
    world.delegate(&GATEWAY, tokens(1_000));
    world.at(START + 30 * DAY - 1);
    world.buy_by(&GATEWAY).unwrap();
    world.at(START + 30 * DAY);
    let expired_at = Timestamp(START + 30 * DAY);
    assert_eq!(
        world.buy_by(&GATEWAY),
        Err(Reject::DelegationExpired { expired_at })
    );
}

#[test]
fn only_the_account_that_delegated_is_spent_from() {
    let mut world = World::market();
    world.delegate(&GATEWAY, tokens(1_000));
    let order = message::Purchase {
        consumer: BOB,
        ..world.delegated_order(&GATEWAY)
    };
    let (consumer, purchaser) = (BOB, key(&GATEWAY));
    let unknown = Fault::Reject(Reject::UnknownPurchaser { consumer, purchaser });
    assert_eq!(world.apply(by(&GATEWAY, BOB, order)), Err(unknown));
}

/// Puts one thing of an order right.
type Mend = fn(&mut World, &mut message::Purchase);

#[test]
fn the_answers_come_in_the_order_of_their_numbers() {
    let mut world = World::market();
    world.delegate(&GATEWAY, tokens(1));
    let mut order = world.delegated_order(&GATEWAY);
    world.edit_account(ALICE, |account| account.balance = Amount::ZERO);
    world.scans = false;
    world.at(START + 30 * DAY);
    (order.nonce, order.version, order.service) = (Nonce(0), 9, ServiceId(9));
    order.expires_at = Timestamp(world.now() + DAY);
    let steps: [(u16, Mend); 8] = [
        (3, |_, order| order.nonce = Nonce(2 << LANE_BITS)),
        (4, |world, order| {
            order.nonce = world.purchaser(ALICE, &GATEWAY).nonce
        }),
        (7, |world, _| {
            world.at(START + DAY);
        }),
        (43, |_, order| order.service = SERVICE),
        (63, |_, order| order.version = 1),
        (66, |world, order| order.expires_at = Timestamp(world.now() + DAY)),
        (100, |world, _| {
            world.edit_account(ALICE, |account| account.balance = tokens(1_000))
        }),
        (105, |world, _| {
            let mut all = world.purchasers(ALICE);
            all.keys[0].left = tokens(100);
            world.plant(all);
        }),
    ];
    order.expires_at = Timestamp(START + 200 * DAY);
    for (code, repair) in steps {
        match world.apply(by(&GATEWAY, ALICE, order.clone())) {
            Err(Fault::Reject(reject)) => assert_eq!(reject.code(), code, "{reject}"),
            other => panic!("expected {code}, got {other:?}"),
        }
        repair(&mut world, &mut order);
    }
    world.apply(by(&GATEWAY, ALICE, order)).unwrap();
}

#[test]
fn a_scan_finds_purchasers_that_contradict_themselves() {
    let faults: [fn(&mut Purchasers); 4] = [
        |all| all.issued = 0,
        |all| all.keys[0].nonce = Nonce(3),
        |all| all.keys.push(all.keys[0].clone()),
        |all| all.consumer = STRANGER,
    ];
    for plant in faults {
        let mut world = World::market();
        world.delegate(&GATEWAY, tokens(1));
        let mut all = world.purchasers(ALICE);
        plant(&mut all);
        world.plant(all);
        assert!(audit(&world.state).is_err());
    }
}

#[test]
fn a_lane_that_is_used_up_is_refused_and_never_runs_into_the_next() {
    let mut world = World::market();
    world.delegate(&GATEWAY, tokens(1_000));
    let mut all = world.purchasers(ALICE);
    all.keys[0].nonce = Nonce((2 << LANE_BITS) - 1);
    world.plant(all);
    let what = "the purchaser's nonce";
    assert_eq!(world.buy_by(&GATEWAY), Err(Reject::Overflow { what }));
    world.edit_account(ALICE, |account| account.nonce = Nonce((1 << LANE_BITS) - 1));
    let what = "the account's nonce";
    assert_eq!(
        world.send(ALICE, world.order(ALICE)),
        Err(Reject::Overflow { what })
    );
}

/// Run by `rejections`.
pub const DELEGATIONS: &[crate::cases::Case] = &[
    |world| {
        world.delegate(&GATEWAY, tokens(1));
        let withdrawal = message::Withdraw {
            nonce: world.purchaser(ALICE, &GATEWAY).nonce,
            ..world.withdrawal(ALICE, tokens(1))
        };
        let message = "Withdraw";
        (by(&GATEWAY, ALICE, withdrawal), Reject::NotDelegable { message })
    },
    |world| {
        let (consumer, purchaser) = (ALICE, key(&GATEWAY));
        let input = by(&GATEWAY, ALICE, world.order(ALICE));
        (input, Reject::UnknownPurchaser { consumer, purchaser })
    },
    |world| {
        let (consumer, purchaser) = (ALICE, key(&GATEWAY));
        let input = World::transaction(ALICE, world.revocation(&GATEWAY));
        (input, Reject::UnknownPurchaser { consumer, purchaser })
    },
    |world| {
        let input = by(
            &GATEWAY,
            STRANGER,
            message::Purchase {
                consumer: STRANGER,
                ..world.order(ALICE)
            },
        );
        (input, Reject::UnknownAccount { account: STRANGER })
    },
    |world| {
        world.delegate(&GATEWAY, tokens(1_000));
        let expired_at = world.purchaser(ALICE, &GATEWAY).expires_at;
        world.at(expired_at.0);
        let order = world.delegated_order(&GATEWAY);
        (
            by(&GATEWAY, ALICE, order),
            Reject::DelegationExpired { expired_at },
        )
    },
    |world| {
        let mut delegation = world.delegation(ALICE, &GATEWAY, tokens(1));
        delegation.expires_at = world.env.timestamp;
        let (expires_at, now) = (delegation.expires_at, world.env.timestamp);
        (
            World::transaction(ALICE, delegation),
            Reject::DelegationOver { expires_at, now },
        )
    },
    |world| {
        let delegation = world.delegation(ALICE, &GATEWAY, Amount::ZERO);
        let what = "the spending limit";
        (World::transaction(ALICE, delegation), Reject::ZeroAmount { what })
    },
    |world| {
        let mut delegation = world.delegation(ALICE, &GATEWAY, tokens(1));
        delegation.purchaser = AccessKey(B256::ZERO);
        (World::transaction(ALICE, delegation), Reject::BadAccessKey {})
    },
    |world| {
        for n in (1..).take(MAX_PURCHASERS) {
            world.delegate(&[n; 32], tokens(1));
        }
        let input = World::transaction(ALICE, world.delegation(ALICE, &GATEWAY, tokens(1)));
        (input, Reject::TooManyPurchasers { limit: 8 })
    },
    |world| {
        world.delegate(&GATEWAY, tokens(99));
        let order = world.delegated_order(&GATEWAY);
        let (have, need) = (tokens(99), order.fee);
        (by(&GATEWAY, ALICE, order), Reject::SpendingLimit { have, need })
    },
];
