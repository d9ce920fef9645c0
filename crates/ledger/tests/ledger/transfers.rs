//! Transfers (U1), and the storage fee of what makes a record for good.

use crate::world::*;
use rampart_ledger::{Event, Params, Reject};
use rampart_protocol::{Amount, Nonce};

#[test]
fn a_transfer_moves_balance_between_two_accounts() {
    let mut world = World::market();
    let events = world.ok(ALICE, world.transfer(ALICE, BOB, tokens(7)));
    let moved = Event::Transferred {
        sender: ALICE,
        recipient: BOB,
        amount: tokens(7),
    };
    assert_eq!(events, [moved]);
    assert_eq!(
        (world.balance(ALICE), world.balance(BOB)),
        (tokens(99_993), tokens(100_007))
    );
    assert_eq!(world.globals().balances, tokens(350_000));
}

#[test]
fn a_transfer_to_a_stranger_opens_its_account_under_the_next_number() {
    let mut world = World::market();
    world.ok(ALICE, world.transfer(ALICE, STRANGER, Amount(1)));
    let account = world.account(STRANGER);
    assert_eq!((account.index, account.balance), (4, Amount(1)));
    assert_eq!((account.nonce, account.owned_provider()), (Nonce(0), None));
    assert_eq!(world.globals().accounts, 5);
    // What was opened so can be used at once.
    world.ok(STRANGER, world.transfer(STRANGER, ALICE, Amount(1)));
    assert_eq!(world.balance(ALICE), tokens(100_000));
}

#[test]
fn everything_can_be_transferred_and_one_unit_more_cannot() {
    let mut world = World::market();
    let have = tokens(100_000);
    let need = Amount(have.0 + 1);
    assert_eq!(
        world.send(ALICE, world.transfer(ALICE, BOB, need)),
        Err(Reject::InsufficientBalance { have, need })
    );
    world.ok(ALICE, world.transfer(ALICE, BOB, have));
    assert_eq!(world.balance(ALICE), Amount::ZERO);
}

#[test]
fn the_storage_fee_is_charged_for_records_that_stay_and_goes_to_the_pool() {
    let fee = Params::default().storage_fee;
    type Act = fn(&mut World);
    let cases: [(&str, Amount, Act); 6] = [
        ("a transfer to a known account", Amount::ZERO, |world| {
            world.ok(OWNER, world.transfer(OWNER, BOB, tokens(1)));
        }),
        ("a transfer that opens an account", fee, |world| {
            world.ok(OWNER, world.transfer(OWNER, STRANGER, tokens(1)));
        }),
        ("a withdrawal", fee, |world| {
            world.ok(OWNER, world.withdrawal(OWNER, tokens(1)));
        }),
        ("new terms of a service", fee, |world| {
            world.ok(OWNER, world.service_update(OWNER));
        }),
        (
            "a service, which is paid for by the fixed deposit",
            Amount::ZERO,
            |world| {
                world.ok(OWNER, world.service_terms(OWNER));
            },
        ),
        ("a new name", Amount::ZERO, |world| {
            world.ok(OWNER, world.provider_update(OWNER));
        }),
    ];
    for (what, expected, act) in cases {
        let mut world = World::market_with(&Params::default());
        act(&mut world);
        assert_eq!(world.globals().pool, expected, "{what}");
    }
}

#[test]
fn the_storage_fee_must_be_left_after_a_withdrawal() {
    let mut world = World::market_with(&Params::default());
    let (have, fee) = (tokens(100_000), world.params().storage_fee);
    let rest = Amount(have.0 - fee.0);
    let over = world.withdrawal(ALICE, Amount(rest.0 + 1));
    let need = Amount(have.0 + 1);
    assert_eq!(
        world.send(ALICE, over),
        Err(Reject::InsufficientBalance { have, need })
    );
    world.ok(ALICE, world.withdrawal(ALICE, rest));
    assert_eq!((world.balance(ALICE), world.globals().pool), (Amount::ZERO, fee));
}
