//! One input of each kind that succeeds, and what holds for all of them: what they read, write and hint at.

use crate::court::*;
use crate::world::*;
use rampart_ledger::{Input, Key, apply, reads};
use rampart_protocol::observation::{Judge, Observation, Pardon, Suspend};
use rampart_protocol::{Address, Amount, B256, Message, Ppm, message};
use std::collections::BTreeSet;

/// Prepares a court, and returns an input that will be applied.
type Success = fn(&mut World) -> Input;

fn by(who: Address, message: impl Into<Message>) -> Input {
    World::transaction(who, message)
}

pub const SUCCESSES: &[Success] = &[
    |_| Input::Begin,
    |world| {
        world.advance(30 * DAY);
        Input::Begin
    },
    |world| {
        world.reviewed();
        world.advance(3 * DAY + 1);
        Input::Begin
    },
    |world| {
        world.challenged();
        world.advance(2 * DAY + 1);
        Input::Begin
    },
    |world| world.observed(ALICE, tokens(1)),
    |world| world.observed(STRANGER, tokens(1)),
    |world| {
        world.forced(
            ALICE,
            &Message::from(world.withdrawal(ALICE, tokens(1))).to_bytes(),
        )
    },
    |world| world.forced(STRANGER, b"noise"),
    |world| world.staked(OLGA, 41, Ppm(0)),
    |world| world.staked(STRANGER, 41, Ppm(0)),
    |world| world.keyed(OLGA, 1, 2, true),
    |world| world.keyed(OLGA, 1, 2, false),
    |world| world.keyed(STRANGER, 1, 2, true),
    |world| {
        world.env.epoch = 1;
        Input::Begin
    },
    |world| world.weighted(OLGA, IRIS, 7),
    |world| world.weighted(STRANGER, IRIS, 7),
    |world| world.governed(Suspend { provider: PROVIDER }),
    |world| world.governed(Pardon { provider: PROVIDER }),
    |world| {
        let (case, upheld) = (Default::default(), true);
        world.governed(Judge { case, upheld })
    },
    |world| by(RIVAL, world.registration(RIVAL)),
    |world| by(OWNER, world.provider_update(OWNER)),
    |world| by(OWNER, world.stake(OWNER, tokens(1))),
    |world| by(OWNER, world.service_terms(OWNER)),
    |world| by(OWNER, world.service_update(OWNER)),
    |world| {
        let mut retire = world.service_update(OWNER);
        retire.active = false;
        by(OWNER, retire)
    },
    |world| by(ALICE, world.order(ALICE)),
    |world| {
        world.ok(RIVAL, world.registration(RIVAL));
        by(RIVAL, world.bundle(vec![world.component(SERVICE)]))
    },
    |world| {
        world.ok(RIVAL, world.registration(RIVAL));
        world.ok(RIVAL, world.bundle(vec![world.component(SERVICE)]));
        by(ALICE, world.order_of(ALICE, rampart_protocol::ServiceId(2)))
    },
    |world| {
        let id = world.buy(ALICE);
        by(OWNER, world.report(id, 3))
    },
    |world| {
        world.buy(ALICE);
        world.advance(31 * DAY);
        by(OWNER, world.claim(OWNER))
    },
    |world| by(ALICE, world.withdrawal(ALICE, tokens(1))),
    |world| by(ALICE, world.transfer(ALICE, BOB, tokens(1))),
    |world| by(ALICE, world.transfer(ALICE, STRANGER, tokens(1))),
    |world| by(OWNER, world.unbond(OWNER, tokens(1))),
    |world| {
        world.ok(OWNER, world.unbond(OWNER, tokens(1)));
        world.advance(45 * DAY);
        by(OWNER, world.release(OWNER))
    },
    |world| by(OWNER, world.auto_stake(OWNER, 5)),
    |world| {
        let id = world.buy(ALICE);
        by(ALICE, world.rotate(ALICE, id, public(&upstream())))
    },
    |world| {
        let id = world.buy(ALICE);
        by(ALICE, world.complaint(ALICE, id))
    },
    |world| {
        let id = world.reviewed();
        by(OWNER, world.objection(id))
    },
    |world| {
        let (_, case) = world.challenged();
        by(OLGA, world.seal(OLGA, case, 1, true))
    },
    |world| {
        let (_, case) = world.challenged();
        world.ok(OLGA, world.seal(OLGA, case, 1, true));
        world.advance(DAY + 1);
        by(OLGA, world.unseal(OLGA, case, 1, true))
    },
    |world| {
        world.pass(30 * DAY);
        by(OLGA, world.availability(OLGA, &[1]))
    },
    |world| {
        world.buy(ALICE);
        world.pass(30 * DAY);
        by(OLGA, world.reap(OLGA, OLGA))
    },
    |world| {
        let id = world.buy(ALICE);
        world.govern(rampart_protocol::observation::Expel { provider: PROVIDER });
        by(ALICE, world.refund(ALICE, id))
    },
    |world| {
        world.disgraced();
        world.advance(13 * DAY);
        by(OWNER, world.reinstate(OWNER))
    },
    |world| by(ALICE, world.delegation(ALICE, &[8; 32], tokens(5))),
    |world| {
        let delegation = world.delegation(ALICE, &[8; 32], tokens(5));
        let purchaser = delegation.purchaser;
        world.ok(ALICE, delegation);
        let nonce = world.nonce(ALICE);
        by(
            ALICE,
            rampart_protocol::message::RevokePurchaser { purchaser, nonce },
        )
    },
];

#[test]
fn every_kind_of_input_has_its_success() {
    let mut messages = BTreeSet::new();
    let mut observations = BTreeSet::new();
    for success in SUCCESSES {
        match success(&mut World::court()) {
            Input::Begin => {}
            Input::Transaction(prepared) => drop(messages.insert(prepared.message().name())),
            Input::Observation(observation) => drop(observations.insert(observation.to_bytes()[0])),
        }
    }
    // The type bytes count up, so the first that does not decode tells how many there are.
    let known = |decodes: &dyn Fn(u8) -> bool| (1..=u8::MAX).take_while(|byte| decodes(*byte)).count();
    let unknown = |error| matches!(error, Err(rampart_protocol::DecodeError::UnknownType(_)));
    let kinds = known(&|byte| !unknown(Message::from_bytes(&[byte]).map(drop)));
    assert_eq!(messages.len(), kinds, "{messages:?}");
    let kinds = known(&|byte| !unknown(Observation::from_bytes(&[byte]).map(drop)));
    assert_eq!(observations.len(), kinds);
}

#[test]
fn a_hint_names_nothing_twice_and_nothing_that_is_not_read() {
    for success in SUCCESSES {
        let mut world = World::court();
        let input = success(&mut world);
        let hints = reads(&input);
        let distinct: BTreeSet<Key> = hints.iter().copied().collect();
        assert_eq!(distinct.len(), hints.len(), "{input:?}");
        let (result, read) = Lazy::new(&world.state, &[]).apply(&world.env, &input);
        result.unwrap();
        // What was forced in need not be a message, and then nobody asks for its account.
        let noise =
            matches!(&input, Input::Observation(Observation::Forced(forced)) if forced.account == STRANGER);
        for hint in hints.into_iter().filter(|_| !noise) {
            assert!(read.contains(&hint), "{input:?} does not read {hint}");
        }
    }
}

#[test]
fn only_records_that_change_are_written() {
    for success in SUCCESSES {
        let mut world = World::court();
        let input = success(&mut world);
        let changes = apply(&world.state, &world.env, &input).unwrap();
        for (key, record) in changes.writes {
            assert_ne!(
                world.state.record(&key),
                record.as_ref(),
                "{input:?} writes {key} unchanged"
            );
        }
    }
}

#[test]
fn the_books_balance_after_each() {
    for success in SUCCESSES {
        let mut world = World::court();
        let input = success(&mut world);
        // The world audits the whole state.
        world.apply(input).unwrap();
    }
}

#[test]
fn a_transaction_prepares_once_what_its_message_says() {
    let world = World::court();
    let order: message::Purchase = world.order(ALICE);
    let Input::Transaction(prepared) = by(ALICE, order.clone()) else {
        unreachable!("it is a transaction")
    };
    assert_eq!(
        (prepared.signer(), prepared.digest()),
        (ALICE, order.id(&DOMAIN).0)
    );
    assert!(prepared.key_is_good());
    assert_eq!(prepared.message(), &Message::from(order));
    let keyless = message::Purchase {
        access_key: rampart_protocol::AccessKey(B256::ZERO),
        ..world.order(ALICE)
    };
    let Input::Transaction(prepared) = by(ALICE, keyless) else {
        unreachable!("it is a transaction")
    };
    assert!(!prepared.key_is_good());
    let Input::Transaction(prepared) = by(ALICE, world.withdrawal(ALICE, Amount(1))) else {
        unreachable!("it is a transaction")
    };
    assert!(prepared.key_is_good(), "it names none");
}
