//! Forced messages (X2): consumed in the inbox's order whatever they hold, executed when they can be.

use crate::world::*;
use rampart_ledger::{Event, Fault, Reject};
use rampart_protocol::{Amount, Message, Nonce};

/// The code of the refusal that an inbox message got.
fn refusal(events: &[Event]) -> Option<u16> {
    match events {
        [Event::ForcedRefused { code, .. }] => Some(*code),
        _ => None,
    }
}

#[test]
fn a_forced_message_does_what_its_transaction_would() {
    let mut world = World::market();
    let withdrawal = world.withdrawal(ALICE, tokens(5));
    let events = world.force(ALICE, withdrawal);
    assert!(
        matches!(events[..], [Event::WithdrawalQueued { account: ALICE, .. }]),
        "{events:?}"
    );
    assert_eq!(world.balance(ALICE), tokens(99_995));
    assert_eq!((world.nonce(ALICE), world.globals().inbox_count), (Nonce(1), 5));
}

#[test]
fn bytes_that_are_no_message_are_consumed_without_effect() {
    let mut world = World::market();
    let good = Message::from(world.withdrawal(ALICE, tokens(5))).to_bytes();
    let mut longer = good.clone();
    longer.push(0);
    let mut too_long = Message::from(world.registration(ALICE));
    if let Message::RegisterProvider(m) = &mut too_long {
        m.name = "x".repeat(65);
    }
    for (what, bytes) in [
        ("nothing", vec![]),
        ("a type that does not exist", vec![0xff, 0xc0]),
        ("a message cut short", good[..good.len() - 1].to_vec()),
        ("a message with a byte too many", longer),
        ("a name that is too long", too_long.to_bytes()),
        ("noise", vec![0x5a; 2_048]),
    ] {
        let (balances, count) = (world.globals().balances, world.globals().inbox_count);
        let events = world.force_bytes(ALICE, &bytes);
        assert_eq!(refusal(&events), Some(0), "{what}");
        assert_eq!(world.nonce(ALICE), Nonce(0), "{what} counts as no transaction");
        let globals = world.globals();
        assert_eq!(
            (globals.balances, globals.inbox_count),
            (balances, count + 1),
            "{what}"
        );
    }
}

#[test]
fn a_message_that_the_rules_refuse_is_consumed_and_leaves_nothing_behind() {
    let mut world = World::market();
    let before = world.account(ALICE);
    for (message, code) in [
        (Message::from(world.withdrawal(ALICE, tokens(100_001))), 100),
        (world.withdrawal(ALICE, Amount::ZERO).into(), 22),
        (world.claim(ALICE).into(), 46),
    ] {
        let events = world.force(ALICE, message);
        assert_eq!(refusal(&events), Some(code));
        assert_eq!(world.account(ALICE), before, "not even the nonce was counted");
    }
    let unknown = world.withdrawal(STRANGER, tokens(1));
    assert_eq!(refusal(&world.force(STRANGER, unknown)), Some(2));
    assert_eq!(world.globals().inbox_count, 8);
}

#[test]
fn the_nonce_that_a_forced_message_names_is_ignored_but_its_turn_is_counted() {
    let mut world = World::market();
    for (named, counted) in [(0, 1), (77, 2), (0, 3)] {
        let mut transfer = world.transfer(ALICE, BOB, tokens(1));
        transfer.nonce = Nonce(named);
        world.force(ALICE, transfer);
        assert_eq!(world.nonce(ALICE), Nonce(counted));
    }
    assert_eq!(world.balance(BOB), tokens(100_003));
    // So what the account had signed for those turns is stale, and its next transaction follows on.
    let mut stale = world.transfer(ALICE, BOB, tokens(1));
    stale.nonce = Nonce(2);
    let expected = Reject::StaleNonce {
        got: Nonce(2),
        expected: Nonce(3),
    };
    assert_eq!(world.send(ALICE, stale), Err(expected));
    world.ok(ALICE, world.transfer(ALICE, BOB, tokens(1)));
}

#[test]
fn deposits_and_forced_messages_are_consumed_in_one_order() {
    let mut world = World::market();
    let message = Message::from(world.withdrawal(ALICE, tokens(1))).to_bytes();
    let (first, deposit) = (world.forced(ALICE, &message), world.observed(BOB, tokens(1)));
    world.apply(first.clone()).unwrap();
    let expected = Reject::InboxOutOfOrder { got: 4, expected: 5 };
    for late in [first, deposit] {
        assert_eq!(world.apply(late), Err(Fault::Reject(expected.clone())));
    }
    world.deposit(BOB, tokens(1));
    assert_eq!(world.globals().inbox_count, 6);
}

#[test]
fn a_forced_purchase_is_made_once_however_often_it_is_put_in() {
    let mut world = World::market();
    let order = world.order(ALICE);
    let events = world.force(ALICE, order.clone());
    assert!(matches!(events[..], [Event::Purchased(_)]), "{events:?}");
    assert_eq!(refusal(&world.force(ALICE, order)), Some(47));
    assert_eq!(world.globals().purchases, 1);
}
