//! Withdrawals (U3, X2): the tree that checkpoints commit to.

use crate::world::*;
use rampart_ledger::{Event, Key, Reject, Withdrawal};
use rampart_protocol::{Address, Amount, B256, Timestamp, keccak256, merkle};

fn withdrawals(world: &World) -> Vec<Withdrawal> {
    let count = world.globals().withdrawals;
    (0..count)
        .map(|index| world.get(&Key::withdrawal(index)))
        .collect()
}

#[test]
fn a_withdrawal_leaves_the_balance_and_joins_the_tree() {
    let mut world = World::market();
    world.advance(9);
    assert_eq!(world.globals().withdrawals_root(), B256::ZERO);
    let mut withdrawal = world.withdrawal(ALICE, tokens(30));
    withdrawal.recipient = STRANGER;
    let events = world.ok(ALICE, withdrawal.clone());
    let queued = Event::WithdrawalQueued {
        index: 0,
        account: ALICE,
        recipient: STRANGER,
        amount: tokens(30),
    };
    assert_eq!(events, [queued]);
    let expected = Withdrawal {
        index: 0,
        account: ALICE,
        recipient: STRANGER,
        amount: tokens(30),
        transaction: keccak256(rampart_protocol::Message::from(withdrawal).to_bytes()),
        height: world.env.height,
        timestamp: Timestamp(START + 9),
    };
    assert_eq!(withdrawals(&world), [expected]);
    assert_eq!(world.balance(ALICE), tokens(99_970));
    let globals = world.globals();
    assert_eq!((globals.withdrawn, globals.withdrawals), (tokens(30), 1));
    assert_eq!(
        globals.withdrawals_root(),
        merkle::withdrawal_leaf(0, STRANGER, tokens(30))
    );
}

#[test]
fn every_withdrawal_has_a_proof_against_each_later_root() {
    let mut world = World::market();
    for n in 1..=19u64 {
        let who = if n % 3 == 0 { BOB } else { ALICE };
        world.ok(who, world.withdrawal(who, Amount(u128::from(n))));
        let leaves: Vec<B256> = withdrawals(&world).iter().map(Withdrawal::leaf).collect();
        let root = world.globals().withdrawals_root();
        assert_eq!(root, merkle::root(&leaves), "{n}");
        for (index, leaf) in leaves.iter().enumerate() {
            let proof = merkle::proof(&leaves, index).unwrap();
            assert!(merkle::verify(root, *leaf, &proof), "{index} of {n}");
        }
    }
    assert_eq!(world.globals().withdrawn, Amount((1..=19).sum()));
}

#[test]
fn everything_can_be_taken_and_no_more() {
    let mut world = World::market();
    let have = tokens(100_000);
    for amount in [Amount(have.0 + 1), Amount(u128::MAX)] {
        let expected = Reject::InsufficientBalance { have, need: amount };
        assert_eq!(world.send(ALICE, world.withdrawal(ALICE, amount)), Err(expected));
    }
    world.ok(ALICE, world.withdrawal(ALICE, have));
    assert_eq!(world.balance(ALICE), Amount::ZERO);
    world.deposit(ALICE, Amount(1));
    world.ok(ALICE, world.withdrawal(ALICE, Amount(1)));
    assert_eq!(
        world.account(ALICE).index,
        0,
        "the account stays, with its number and nonce"
    );
    assert_eq!(world.account(ALICE).nonce.0, 2);
}

#[test]
fn stake_and_escrow_cannot_be_withdrawn() {
    let mut world = World::market();
    world.buy(ALICE);
    let have = tokens(50_000);
    let need = Amount(have.0 + 1);
    let expected = Reject::InsufficientBalance { have, need };
    assert_eq!(world.send(OWNER, world.withdrawal(OWNER, need)), Err(expected));
}

#[test]
fn nothing_and_nobody_are_refused() {
    let mut world = World::market();
    let nothing = Reject::ZeroAmount {
        what: "the withdrawal",
    };
    assert_eq!(
        world.send(ALICE, world.withdrawal(ALICE, Amount::ZERO)),
        Err(nothing)
    );
    let mut withdrawal = world.withdrawal(ALICE, Amount(1));
    withdrawal.recipient = Address::ZERO;
    let recipient = Address::ZERO;
    assert_eq!(
        world.send(ALICE, withdrawal),
        Err(Reject::BadRecipient { recipient })
    );
}

#[test]
fn the_settlement_contract_is_no_recipient_because_it_never_pays_itself() {
    let mut world = World::market();
    let before = world.balance(ALICE);
    let mut withdrawal = world.withdrawal(ALICE, Amount(1));
    let recipient = world.env.domain.settlement;
    withdrawal.recipient = recipient;
    assert_eq!(
        world.send(ALICE, withdrawal),
        Err(Reject::BadRecipient { recipient })
    );
    assert_eq!(world.balance(ALICE), before);
}

#[test]
fn from_a_deposit_to_a_claim_and_out_again_all_sums_reconcile() {
    let mut world = World::market();
    for _ in 0..3 {
        world.buy(ALICE);
    }
    world.advance(31 * DAY);
    world.ok(OWNER, world.claim(OWNER));
    assert_eq!(world.balance(OWNER), tokens(50_000 + 3 * 95));
    for who in [ALICE, BOB, OWNER, RIVAL] {
        world.ok(who, world.withdrawal(who, world.balance(who)));
    }
    let globals = world.globals();
    assert_eq!((globals.balances, globals.escrow), (Amount::ZERO, Amount::ZERO));
    assert_eq!((globals.stakes, globals.pool), (tokens(50_000), tokens(15)));
    assert_eq!(globals.deposited.0 - globals.withdrawn.0, tokens(50_015).0);
}
