//! Deposits (C3).

use crate::world::*;
use rampart_ledger::{AccountAt, Event, Fault, Input, Key, Reject};
use rampart_protocol::observation::{Deposit, Observation};
use rampart_protocol::{Address, Amount, B256, Nonce, ProviderId};

fn deposit(index: u64) -> Input {
    Input::Observation(Observation::Deposit(Deposit {
        index,
        account: ALICE,
        amount: tokens(1),
        block_number: 9,
        block_hash: B256::repeat_byte(9),
    }))
}

#[test]
fn a_first_deposit_opens_the_account_and_a_second_adds_to_it() {
    let mut world = World::empty();
    let changes = world.apply(deposit(0)).unwrap();
    assert_eq!(
        changes.events,
        [Event::Deposited {
            index: 0,
            account: ALICE,
            amount: tokens(1)
        }]
    );
    world.apply(deposit(1)).unwrap();

    let account = world.account(ALICE);
    assert_eq!(account.balance, tokens(2));
    assert_eq!(
        (account.index, account.nonce, account.provider),
        (0, Nonce(0), ProviderId(0))
    );
    assert_eq!(account.owned_provider(), None);
    let globals = world.globals();
    assert_eq!((globals.inbox_count, globals.accounts), (2, 1));
    assert_eq!((globals.deposited, globals.balances), (tokens(2), tokens(2)));
}

#[test]
fn accounts_are_numbered_densely_in_the_order_of_their_first_deposits() {
    let mut world = World::empty();
    let order = [BOB, ALICE, BOB, OWNER, ALICE, STRANGER];
    for who in order {
        world.deposit(who, Amount(5));
    }
    for (index, who) in (0..).zip([BOB, ALICE, OWNER, STRANGER]) {
        let at: AccountAt = world.get(&Key::account_at(index));
        assert_eq!((at.index, at.address), (index, who));
        assert_eq!(world.account(who).index, index);
    }
    assert_eq!(world.globals().accounts, 4);
    assert_eq!(world.state.record(&Key::account_at(4)), None);
}

#[test]
fn refuses_observations_that_are_repeated_left_out_or_reordered() {
    let mut world = World::empty();
    for (done, wrong) in [(0, 1), (0, u64::MAX), (1, 0), (1, 2), (2, 0), (2, 3)] {
        while world.globals().inbox_count < done {
            let next = deposit(world.globals().inbox_count);
            world.apply(next).unwrap();
        }
        let before = world.state.clone();
        let expected = Reject::InboxOutOfOrder {
            got: wrong,
            expected: done,
        };
        assert_eq!(world.apply(deposit(wrong)), Err(Fault::Reject(expected)));
        assert_eq!(world.state, before);
    }
}

#[test]
fn the_whole_supply_fits_and_one_unit_more_does_not() {
    let mut world = World::empty();
    world.deposit(ALICE, Amount(u128::MAX - 1));
    world.deposit(BOB, Amount(1));
    let more = world.observed(BOB, Amount(1));
    let overflow = Reject::Overflow {
        what: "the sum of balances",
    };
    assert_eq!(world.apply(more), Err(Fault::Reject(overflow)));
    let more = world.observed(ALICE, Amount(2));
    assert_eq!(
        world.apply(more),
        Err(Fault::Reject(Reject::Overflow { what: "the balance" }))
    );
}

#[test]
fn a_deposit_of_nothing_and_one_to_nobody_still_count_in_the_inbox() {
    let mut world = World::empty();
    world.deposit(Address::ZERO, tokens(3));
    world.deposit(ALICE, Amount::ZERO);
    assert_eq!(world.globals().inbox_count, 2);
    assert_eq!(world.balance(Address::ZERO), tokens(3));
    assert_eq!(world.balance(ALICE), Amount::ZERO);
}
