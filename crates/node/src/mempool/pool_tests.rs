#![allow(clippy::unwrap_used)]
use super::*;
use crate::application::{Lane, Senders};
use alloy::signers::{SignerSync as _, local::PrivateKeySigner};
use rampart_protocol::message::Withdraw;
use rampart_protocol::{Address, Amount, Domain, Header, Message, SignedTransaction};

const LIMITS: Limits = Limits {
    total: 8,
    per_account: 4,
    lifetime_ms: 1_000,
    remembered: 3,
};
const ALL: usize = usize::MAX;

fn key(account: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(account)).unwrap()
}

fn address(account: u8) -> Address {
    key(account).address()
}

/// A transaction; two of one account and nonce differ by their amount.
fn wallet(account: u8) -> Lane {
    Lane::wallet(address(account))
}

fn paying(account: u8, nonce: u64, amount: u128) -> Verified {
    let domain = Domain {
        chain_id: 5,
        settlement: Address::repeat_byte(5),
    };
    let message = Message::from(Withdraw {
        recipient: Address::repeat_byte(2),
        amount: Amount(amount),
        nonce: Nonce(nonce),
    });
    let signature = key(account)
        .sign_hash_sync(&message.signing_hash(&domain))
        .unwrap();
    let transaction = SignedTransaction {
        message,
        signature: signature.as_bytes().into(),
    };
    Senders::new(domain, 1).verify(transaction).unwrap()
}

fn tx(account: u8, nonce: u64) -> Verified {
    paying(account, nonce, 1)
}

fn pool(transactions: &[(u8, u64)]) -> Pool {
    let mut pool = Pool::new(LIMITS);
    for (account, nonce) in transactions {
        pool.add(tx(*account, *nonce), Nonce(0), 0).unwrap();
    }
    pool
}

fn order(pool: &Pool, in_flight: &[&Verified]) -> Vec<(Address, u64)> {
    let in_flight = in_flight.iter().map(|tx| tx.hash()).collect();
    let candidates = pool.candidates(&in_flight, ALL);
    assert_eq!(pool.has_work(&in_flight), !candidates.is_empty());
    candidates
        .iter()
        .map(|tx| (tx.signer(), tx.transaction().message.nonce().0))
        .collect()
}

fn expected(transactions: &[(u8, u64)]) -> Vec<(Address, u64)> {
    transactions
        .iter()
        .map(|(account, nonce)| (address(*account), *nonce))
        .collect()
}

fn refuse(pool: &mut Pool, transaction: &Verified, reject: Reject, parent_final: bool) {
    pool.last = None;
    pool.refused(&Refused {
        hash: transaction.hash(),
        reject,
        parent: parent(7),
    });
    let digest = if parent_final {
        parent(7).digest()
    } else {
        B256::repeat_byte(1)
    };
    pool.finalized(7, digest, 0);
}

fn parent(height: u64) -> Header {
    Header {
        height,
        ..Header::default()
    }
}

fn poor() -> Reject {
    Reject::InsufficientBalance {
        have: Amount(0),
        need: Amount(1),
    }
}

/// The three views of what waits agree.
fn check(pool: &Pool) {
    let queued: usize = pool.queues.values().map(|queue| queue.waiting.len()).sum();
    assert_eq!((pool.len(), pool.arrivals.len()), (queued, queued));
    assert!(pool.queues.values().all(|queue| !queue.waiting.is_empty()));
    assert_eq!(pool.is_empty(), queued == 0);
}

#[test]
fn offers_in_order_of_arrival_with_each_account_in_order_of_nonce() {
    let pool = pool(&[(1, 1), (2, 0), (1, 0), (3, 0), (2, 1)]);
    let in_order = expected(&[(2, 0), (1, 0), (1, 1), (3, 0), (2, 1)]);
    assert_eq!(order(&pool, &[]), in_order);
    check(&pool);
}

#[test]
fn a_gap_holds_back_what_is_behind_it_until_it_is_filled() {
    let mut pool = pool(&[(1, 0), (1, 2), (2, 1)]);
    assert_eq!(order(&pool, &[]), expected(&[(1, 0)]));
    pool.add(tx(1, 1), Nonce(0), 0).unwrap();
    assert_eq!(order(&pool, &[]), expected(&[(1, 0), (1, 1), (1, 2)]));
}

#[test]
fn what_is_in_flight_is_left_out_but_counts_as_a_predecessor() {
    let pool = pool(&[(1, 0), (1, 1), (1, 2)]);
    assert_eq!(order(&pool, &[&tx(1, 0)]), expected(&[(1, 1), (1, 2)]));
    assert_eq!(order(&pool, &[&tx(1, 1)]), expected(&[(1, 0), (1, 2)]));
    assert_eq!(order(&pool, &[&tx(1, 0), &tx(1, 1), &tx(1, 2)]), []);
    assert!(pool.contains(&tx(1, 0).hash()), "it stays until it is final");
}

#[test]
fn stops_before_the_block_would_be_too_large() {
    let pool = pool(&[(1, 0), (2, 0), (3, 0)]);
    let size = tx(1, 0).transaction().to_bytes().len();
    let taken = |max_bytes, in_flight: &[&Verified]| {
        let in_flight = in_flight.iter().map(|tx| tx.hash()).collect();
        pool.candidates(&in_flight, max_bytes).len()
    };
    assert_eq!(taken(size - 1, &[]), 0);
    assert_eq!(taken(size, &[]), 1);
    assert_eq!(taken(3 * size - 1, &[]), 2);
    assert_eq!(taken(3 * size, &[]), 3);
    assert_eq!(
        taken(2 * size, &[&tx(1, 0)]),
        2,
        "what is in flight takes no room"
    );
}

#[test]
fn a_nonce_that_was_read_before_the_last_blocks_does_not_begin_a_queue_behind_them() {
    let mut pool = pool(&[(1, 0)]);
    pool.applied(wallet(1), Nonce(0));
    assert!(pool.is_idle(&wallet(1)));
    // Its submitter read the state before that block.
    pool.add(tx(1, 1), Nonce(0), 0).unwrap();
    assert_eq!(order(&pool, &[]), expected(&[(1, 1)]));
    let stale = PoolError::StaleNonce {
        got: Nonce(0),
        expected: Nonce(1),
    };
    assert_eq!(pool.add(tx(1, 0), Nonce(0), 0), Err(stale));
    // Of more lanes than it remembers the pool forgets the oldest.
    for account in 2..=40 {
        pool.applied(wallet(account), Nonce(3));
    }
    pool.add(tx(40, 4), Nonce(0), 0).unwrap();
    pool.add(tx(2, 0), Nonce(0), 0).unwrap();
    assert_eq!(order(&pool, &[]), expected(&[(1, 1), (40, 4), (2, 0)]));
    check(&pool);
}

#[test]
fn refuses_duplicates_used_taken_and_far_nonces_and_stays_as_it_was() {
    let mut pool = Pool::new(LIMITS);
    pool.add(tx(1, 5), Nonce(3), 0).unwrap();
    pool.applied(wallet(1), Nonce(3));
    for (transaction, next, error) in [
        (tx(1, 5), 0, PoolError::Known),
        (paying(1, 5, 9), 0, PoolError::NonceTaken(Nonce(5))),
        (
            tx(1, 3),
            2,
            PoolError::StaleNonce {
                got: Nonce(3),
                expected: Nonce(4),
            },
        ),
        (
            tx(1, 8),
            4,
            PoolError::FarNonce {
                got: Nonce(8),
                expected: Nonce(4),
                limit: 4,
            },
        ),
        (
            tx(2, u64::MAX),
            0,
            PoolError::FarNonce {
                got: Nonce(u64::MAX),
                expected: Nonce(0),
                limit: 4,
            },
        ),
    ] {
        assert_eq!(pool.add(transaction, Nonce(next), 0), Err(error));
        assert_eq!(pool.len(), 1);
    }
    pool.add(tx(1, 7), Nonce(4), 0).unwrap();
    pool.add(tx(1, 4), Nonce(4), 0).unwrap();
    assert_eq!(order(&pool, &[]), expected(&[(1, 4), (1, 5)]));
    check(&pool);
}

#[test]
fn the_last_nonce_there_is_can_wait_and_be_offered() {
    let mut pool = Pool::new(LIMITS);
    pool.add(tx(1, u64::MAX), Nonce(u64::MAX - 1), 0).unwrap();
    assert_eq!(order(&pool, &[]), []);
    pool.add(tx(1, u64::MAX - 1), Nonce(u64::MAX - 1), 0).unwrap();
    assert_eq!(order(&pool, &[]).len(), 2);
    pool.applied(wallet(1), Nonce(u64::MAX));
    check(&pool);
}

#[test]
fn a_full_pool_refuses_newcomers_and_keeps_what_waits() {
    let mut pool = pool(&[(1, 0), (1, 1), (1, 2), (1, 3), (2, 0), (2, 1), (2, 2), (2, 3)]);
    assert_eq!((pool.len(), pool.capacity()), (8, 8));
    assert_eq!(pool.add(tx(3, 0), Nonce(0), 0), Err(PoolError::Full(8)));
    assert_eq!(pool.add(tx(1, 0), Nonce(0), 0), Err(PoolError::Known));
    assert!(pool.is_idle(&wallet(3)));
    pool.applied(wallet(1), Nonce(0));
    pool.add(tx(3, 0), Nonce(0), 0).unwrap();
    assert_eq!(pool.len(), 8);
    check(&pool);
}

#[test]
fn what_is_final_leaves_with_everything_that_it_overtakes() {
    let mut pool = pool(&[(1, 0), (1, 1), (1, 2), (2, 0)]);
    pool.applied(wallet(1), Nonce(1));
    assert_eq!(order(&pool, &[]), expected(&[(1, 2), (2, 0)]));
    assert!(!pool.contains(&tx(1, 0).hash()));
    pool.applied(wallet(1), Nonce(2));
    assert!(pool.is_idle(&wallet(1)));
    // Another transaction with the nonce was final: the one that waited is overtaken, not rejected.
    pool.add(paying(2, 1, 7), Nonce(0), 0).unwrap();
    pool.applied(wallet(2), Nonce(1));
    assert!(pool.is_empty());
    assert_eq!(pool.rejection(&paying(2, 1, 7).hash()), None);
    pool.applied(wallet(9), Nonce(4));
    check(&pool);
}

#[test]
fn a_newer_state_told_by_a_newcomer_lets_go_of_what_it_overtakes() {
    let mut pool = pool(&[(1, 0), (1, 1)]);
    pool.add(tx(1, 3), Nonce(2), 0).unwrap();
    assert_eq!(pool.len(), 1);
    pool.add(tx(1, 2), Nonce(0), 0).unwrap();
    assert_eq!(order(&pool, &[]), expected(&[(1, 2), (1, 3)]));
    check(&pool);
}

#[test]
fn a_rejection_counts_on_final_states_only_and_is_remembered() {
    let mut pool = pool(&[(1, 0), (1, 1)]);
    let first = tx(1, 0);
    refuse(&mut pool, &first, poor(), false);
    assert_eq!(order(&pool, &[]).len(), 2);
    assert_eq!(pool.rejection(&first.hash()), None);

    refuse(&mut pool, &first, poor(), true);
    let rejection = pool.rejection(&first.hash()).unwrap();
    assert_eq!(
        (rejection.code, rejection.name.as_str()),
        (100, "InsufficientBalance")
    );
    assert!(!pool.contains(&first.hash()));
    assert_eq!(order(&pool, &[]), [], "its successor waits for another");
    check(&pool);

    pool.add(paying(1, 0, 7), Nonce(0), 0).unwrap();
    assert_eq!(order(&pool, &[]), expected(&[(1, 0), (1, 1)]));
}

#[test]
fn a_refusal_waits_for_its_parent_and_counts_at_once_when_that_is_final_already() {
    let mut pool = pool(&[(1, 0), (2, 0), (3, 0), (4, 0)]);
    let refused = |account, height| Refused {
        hash: tx(account, 0).hash(),
        reject: poor(),
        parent: parent(height),
    };
    pool.refused(&refused(1, 9));
    pool.finalized(8, parent(8).digest(), 0);
    assert!(pool.contains(&tx(1, 0).hash()), "its parent is not final yet");
    pool.refused(&refused(2, 8));
    assert!(
        !pool.contains(&tx(2, 0).hash()),
        "its parent is the last final block"
    );
    pool.refused(&refused(3, 7));
    assert!(
        pool.contains(&tx(3, 0).hash()),
        "a newer state may answer otherwise"
    );
    pool.finalized(9, parent(9).digest(), 0);
    assert!(pool.rejection(&tx(1, 0).hash()).is_some());
    assert_eq!(order(&pool, &[]), expected(&[(3, 0), (4, 0)]));
    // One that left for another reason leaves no note behind.
    pool.refused(&refused(4, 12));
    pool.applied(wallet(4), Nonce(0));
    pool.finalized(20, parent(20).digest(), 0);
    assert!(pool.refusals.is_empty());
    check(&pool);
}

#[test]
fn successors_of_a_rejected_transaction_are_not_rejected_with_it() {
    let mut pool = pool(&[(1, 0), (1, 1), (1, 2)]);
    refuse(&mut pool, &tx(1, 0), poor(), true);
    for nonce in [1, 2] {
        let ahead = Reject::FutureNonce {
            got: Nonce(nonce),
            expected: Nonce(0),
        };
        refuse(&mut pool, &tx(1, nonce), ahead, true);
        assert!(pool.contains(&tx(1, nonce).hash()));
        assert_eq!(pool.rejection(&tx(1, nonce).hash()), None);
    }
    pool.add(paying(1, 0, 7), Nonce(0), 0).unwrap();
    assert_eq!(order(&pool, &[]), expected(&[(1, 0), (1, 1), (1, 2)]));
}

#[test]
fn a_stale_nonce_told_by_the_ledger_moves_the_account_on() {
    // The pool missed blocks: it believes that nonce 0 is next, the state is at 2.
    let mut pool = pool(&[(1, 0), (1, 1), (1, 2)]);
    let stale = Reject::StaleNonce {
        got: Nonce(0),
        expected: Nonce(2),
    };
    refuse(&mut pool, &tx(1, 0), stale, true);
    assert_eq!(order(&pool, &[]), expected(&[(1, 2)]));
    assert_eq!(pool.rejection(&tx(1, 0).hash()).unwrap().code, 3);
    check(&pool);
}

#[test]
fn a_rejected_transaction_may_be_submitted_again() {
    let mut pool = pool(&[(1, 0)]);
    refuse(&mut pool, &tx(1, 0), poor(), true);
    pool.add(tx(1, 0), Nonce(0), 0).unwrap();
    assert_eq!(pool.rejection(&tx(1, 0).hash()), None);
    assert!(pool.contains(&tx(1, 0).hash()));
    refuse(&mut pool, &tx(1, 0), poor(), true);
    assert!(pool.rejection(&tx(1, 0).hash()).is_some());
}

#[test]
fn only_so_many_rejections_are_remembered_the_oldest_going_first() {
    let mut pool = Pool::new(LIMITS);
    for account in 1..=5 {
        pool.add(tx(account, 0), Nonce(0), 0).unwrap();
        refuse(&mut pool, &tx(account, 0), poor(), true);
    }
    let known = (1..=5).filter(|account| pool.rejection(&tx(*account, 0).hash()).is_some());
    assert_eq!(known.collect::<Vec<_>>(), [3, 4, 5]);
    // What was never in the pool is not remembered either.
    refuse(&mut pool, &tx(9, 0), poor(), true);
    assert_eq!(pool.rejection(&tx(9, 0).hash()), None);
}

#[test]
fn what_has_waited_too_long_leaves() {
    let mut pool = Pool::new(LIMITS);
    pool.add(tx(1, 1), Nonce(0), 1_000).unwrap();
    pool.add(tx(2, 0), Nonce(0), 1_500).unwrap();
    pool.expire(2_000);
    assert_eq!(pool.len(), 2, "at the limit it stays");
    pool.expire(2_001);
    assert!(pool.is_idle(&wallet(1)) && pool.contains(&tx(2, 0).hash()));
    // A newcomer makes room for itself the same way, and a clock that goes back expires nothing.
    pool.add(tx(3, 0), Nonce(0), 2_501).unwrap();
    assert!(pool.is_idle(&wallet(2)));
    pool.expire(0);
    assert_eq!(pool.len(), 1);
    check(&pool);
}

#[test]
fn a_frozen_pool_takes_and_offers_nothing_and_forgets_nothing() {
    let mut pool = pool(&[(1, 0), (1, 1)]);
    pool.freeze(true);
    assert_eq!(order(&pool, &[]), []);
    assert_eq!(pool.add(tx(2, 0), Nonce(0), 0), Err(PoolError::Frozen));
    assert_eq!(PoolError::Frozen.name(), "settlement_frozen");
    assert_eq!(pool.add(tx(1, 0), Nonce(0), 0), Err(PoolError::Known));
    assert_eq!(pool.len(), 2);
    check(&pool);
    pool.freeze(false);
    assert_eq!(order(&pool, &[]), expected(&[(1, 0), (1, 1)]));
    // What waits in vain leaves by its lifetime, as ever.
    pool.freeze(true);
    pool.expire(LIMITS.lifetime_ms + 1);
    assert!(pool.is_empty());
}
