//! Blocks of numbers in the meter, over real files.
#![allow(clippy::unwrap_used)]

use super::tests::{NOW, OPTIONS, crash, id, open, record, reported, serve, voucher};
use super::*;
use crate::window::Replay;
use futures::executor::block_on;
use proptest::prelude::*;
use rampart_protocol::Sequence;
use rampart_protocol::mac::{AgreementSecret, MacKey, Side};
use std::collections::BTreeSet;
use std::sync::Arc;

fn key() -> MacKey {
    let (ours, theirs) = (AgreementSecret::new([1; 32]), AgreementSecret::new([2; 32]));
    ours.agree(Side::Sidecar, &theirs.public(), id(1)).unwrap()
}

async fn open_block(store: &MeterStore, from: u64, to: u64) -> Result<(), UseError> {
    let opened = store.open_block(id(1), Sequence(from), voucher(to), key(), NOW);
    opened.await
}

fn take(store: &Arc<MeterStore>, sequence: u64) -> Result<Reservation, UseError> {
    store.take(id(1), Sequence(sequence), NOW)
}

fn served(store: &MeterStore) -> u64 {
    store.usage(id(1)).unwrap().served
}

#[tokio::test]
async fn a_block_counts_what_was_used_of_it_and_as_a_whole_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.add(record(1, 5_000), NOW).await.unwrap();
    open_block(&store, 1, 64).await.unwrap();
    assert_eq!((served(&store), reported(&store, 1)), (0, None));
    for n in [2, 1, 3] {
        take(&store, n).unwrap().settle();
    }
    assert_eq!((served(&store), reported(&store, 1)), (3, Some(64)));
    assert!(matches!(take(&store, 2), Err(UseError::Replay(Replay::Seen))));
    assert!(matches!(take(&store, 65), Err(UseError::NoBlock)));
    let singly = serve(&store, 1, 40).await;
    assert!(
        matches!(singly, Err(UseError::Replay(Replay::Seen))),
        "it is the block's"
    );
    serve(&store, 1, 65).await.unwrap();

    let crashed = open(crash(dir.path()).path());
    assert_eq!((served(&crashed), reported(&crashed, 1)), (65, Some(65)));
    assert!(matches!(take(&crashed, 40), Err(UseError::NoBlock)));
    assert!(serve(&crashed, 1, 40).await.is_err(), "burnt");
}

#[tokio::test]
async fn what_is_unused_of_a_block_that_was_closed_in_order_can_be_used_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.add(record(1, 5_000), NOW).await.unwrap();
    serve(&store, 1, 1).await.unwrap();
    open_block(&store, 2, 20).await.unwrap();
    open_block(&store, 21, 40).await.unwrap();
    take(&store, 2).unwrap().settle();
    store.close_blocks(NOW).await.unwrap();
    let usage = store.usage(id(1)).unwrap();
    assert_eq!((usage.served, reported(&store, 1)), (2, Some(20)));
    drop(store);
    let store = open(dir.path());
    assert_eq!(store.usage(id(1)).unwrap(), usage);
    assert!(open_block(&store, 2, 20).await.is_err(), "2 was used");
    open_block(&store, 3, 20).await.unwrap();
    take(&store, 3).unwrap().settle();
    serve(&store, 1, 21).await.unwrap();
    assert_eq!((served(&store), reported(&store, 1)), (4, Some(21)));
}

#[tokio::test]
async fn a_released_number_of_a_block_can_be_taken_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.add(record(1, 5_000), NOW).await.unwrap();
    open_block(&store, 1, 2).await.unwrap();
    take(&store, 1).unwrap().release().await.unwrap();
    drop(take(&store, 1).unwrap());
    assert_eq!((served(&store), reported(&store, 1)), (0, None));
    let mut forwarded = take(&store, 1).unwrap();
    forwarded.forwarded();
    drop(forwarded);
    assert_eq!((served(&store), reported(&store, 1)), (1, Some(2)));
    take(&store, 2).unwrap().settle();
    assert!(
        matches!(take(&store, 2), Err(UseError::NoBlock)),
        "used up and gone"
    );
}

#[tokio::test]
async fn of_those_who_open_overlapping_blocks_at_once_one_wins_and_no_number_is_used_twice() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.add(record(1, 5_000), NOW).await.unwrap();
    let tries: Vec<_> = (0..64_u64)
        .map(|i| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let opened = open_block(&store, 1 + i % 8, 16 + i % 8).await.is_ok();
                let used = (1..=24).filter(|n| take(&store, *n).map(Reservation::settle).is_ok());
                (opened, used.count())
            })
        })
        .collect();
    let (mut opened, mut used) = (0, 0);
    for attempt in tries {
        let (won, count) = attempt.await.unwrap();
        opened += usize::from(won);
        used += count;
    }
    assert_eq!((opened, used), (1, 16));
    assert_eq!(served(&store), 16);
}

#[tokio::test]
async fn more_blocks_than_are_kept_open_close_the_lowest() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.add(record(1, 5_000), NOW).await.unwrap();
    for n in 0..65_u64 {
        open_block(&store, 1 + 2 * n, 2 + 2 * n).await.unwrap();
    }
    assert!(matches!(take(&store, 1), Err(UseError::NoBlock)));
    take(&store, 3).unwrap().settle();
    assert_eq!(served(&store), 3, "the two that are burnt count");
    let crashed = open(crash(dir.path()).path());
    assert_eq!(served(&crashed), 130);
}

#[derive(Clone, Debug)]
enum Step {
    Open(u64, u64),
    Take(u64),
    Sign(u64),
    /// Ends the oldest request in flight: served, or else not.
    End(bool),
    Restart,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (1..60_u64, 1..12_u64).prop_map(|(from, size)| Step::Open(from, from + size - 1)),
        8 => (1..72_u64).prop_map(Step::Take),
        3 => (1..72_u64).prop_map(Step::Sign),
        6 => any::<bool>().prop_map(Step::End),
        1 => Just(Step::Restart),
        1 => Just(Step::Crash),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// Whatever happens: no number is served twice, all that is served is proven, and only a crash counts more than that.
    #[test]
    fn no_history_serves_a_number_twice_or_loses_one(steps in prop::collection::vec(step(), 1..80)) {
        let options = MeterOptions { compact_bytes: 6_000, ..OPTIONS };
        let mut dir = tempfile::tempdir().unwrap();
        let mut store = MeterStore::open(dir.path(), options).unwrap().0;
        block_on(store.add(record(1, 5_000), NOW)).unwrap();
        let mut flying: Vec<(u64, Reservation)> = Vec::new();
        let (mut answered, mut crashed, mut others) = (BTreeSet::new(), false, 1);
        for step in steps {
            match step {
                Step::Open(from, to) => drop(block_on(open_block(&store, from, to))),
                Step::Take(n) | Step::Sign(n) => {
                    let used = match step {
                        Step::Take(_) => take(&store, n),
                        _ => block_on(store.reserve(id(1), voucher(n), NOW)),
                    };
                    if let Ok(reservation) = used {
                        prop_assert!(!answered.contains(&n) && flying.iter().all(|(other, _)| *other != n));
                        flying.push((n, reservation));
                    }
                }
                Step::End(serves) if !flying.is_empty() => {
                    let (n, mut reservation) = flying.remove(0);
                    reservation.forwarded();
                    if serves {
                        reservation.settle();
                        answered.insert(n);
                    } else {
                        block_on(reservation.release()).unwrap();
                    }
                }
                Step::End(_) => {}
                Step::Restart => {
                    for (n, reservation) in flying.drain(..) {
                        reservation.settle();
                        answered.insert(n);
                    }
                    block_on(store.close_blocks(NOW)).unwrap();
                    let before = store.usage(id(1)).unwrap();
                    drop(store);
                    store = MeterStore::open(dir.path(), options).unwrap().0;
                    prop_assert_eq!(store.usage(id(1)).unwrap(), before);
                }
                Step::Crash => {
                    // Acknowledged behind any compaction that is still being written.
                    others += 1;
                    block_on(store.add(record(others, 5_000), NOW)).unwrap();
                    let copy = crash(dir.path());
                    // What was in flight may have been served.
                    for (n, mut reservation) in flying.drain(..) {
                        reservation.forwarded();
                        answered.insert(n);
                    }
                    store = MeterStore::open(copy.path(), options).unwrap().0;
                    dir = copy;
                    crashed = true;
                }
            }
            let usage = store.usage(id(1)).unwrap();
            let counted = (answered.len() + flying.len()) as u64;
            prop_assert!(usage.served >= counted && (crashed || usage.served == counted));
            prop_assert_eq!(usage.in_flight, flying.len());
            let proven = usage.voucher.map_or(0, |voucher| voucher.sequence.0);
            prop_assert!(proven >= answered.last().copied().unwrap_or(0));
        }
    }
}
