#![allow(clippy::unwrap_used)]
use super::*;
use futures::FutureExt as _;
use rampart_chain::{Endpoints, Finality, Sequence, Target, Watcher};
use rampart_protocol::observation::{Deposit, Forced, Governance, MAX_FORCED, Pardon};
use rampart_protocol::{Address, Amount, B256, ProviderId};
use std::time::Duration;

fn deposit(index: u64, amount: u128) -> Observation {
    Observation::Deposit(Deposit {
        index,
        account: Address::repeat_byte(1),
        amount: Amount(amount),
        block_number: 7,
        block_hash: B256::repeat_byte(7),
    })
}

fn feed(indices: impl IntoIterator<Item = u64>) -> ChainFeed {
    let feed = ChainFeed::default();
    feed.extend(indices.into_iter().map(|index| deposit(index, 1)).collect());
    feed
}

fn indices(observations: &[Observation]) -> Vec<u64> {
    observations.iter().map(Observation::index).collect()
}

#[test]
fn what_follows_has_no_gap_and_is_bounded() {
    let feed = feed([0, 1, 2, 4, u64::MAX]);
    assert_eq!(indices(&feed.following(Source::Inbox, 0, 10)), [0, 1, 2]);
    assert_eq!(indices(&feed.following(Source::Inbox, 1, 1)), [1]);
    assert_eq!(indices(&feed.following(Source::Inbox, u64::MAX, 9)), [u64::MAX]);
    assert_eq!(feed.following(Source::Inbox, 3, 10), []);
    assert!(feed.has(Source::Inbox, 4) && !feed.has(Source::Inbox, 3));
}

#[test]
fn what_is_consumed_is_forgotten_and_does_not_come_back() {
    let feed = feed(0..5);
    feed.consumed(Source::Inbox, 3);
    feed.consumed(Source::Inbox, 1);
    assert_eq!(feed.following(Source::Inbox, 0, 10), []);
    assert_eq!(indices(&feed.following(Source::Inbox, 3, 10)), [3, 4]);
    // As after a restart, when the whole inbox is read again.
    feed.extend((0..6).map(|index| deposit(index, 1)).collect());
    assert!(!feed.has(Source::Inbox, 2));
    assert_eq!(indices(&feed.following(Source::Inbox, 3, 10)), [3, 4, 5]);
}

#[test]
fn the_two_sources_are_numbered_apart() {
    let feed = feed([0, 1]);
    let governance = |index, provider| {
        Observation::Governance(Governance {
            index,
            action: Pardon {
                provider: ProviderId(provider),
            }
            .into(),
            block_number: 7,
            block_hash: B256::repeat_byte(7),
        })
    };
    feed.extend(vec![governance(0, 1)]);
    assert_eq!(feed.following(Source::Restaking, 0, 9), [governance(0, 1)]);
    feed.consumed(Source::Restaking, 1);
    assert!(!feed.has(Source::Restaking, 0));
    assert_eq!(indices(&feed.following(Source::Inbox, 0, 9)), [0, 1]);
    feed.extend(vec![governance(0, 1), governance(1, 2)]);
    assert!(!feed.has(Source::Restaking, 0) && feed.has(Source::Restaking, 1));
    assert_eq!(
        feed.check(&governance(1, 2)).now_or_never(),
        Some(Verdict::Confirmed)
    );
    assert_eq!(
        feed.check(&governance(1, 3)).now_or_never(),
        Some(Verdict::Refuted)
    );
}

#[test]
fn what_was_final_first_stays() {
    let feed = feed([0]);
    feed.extend(vec![deposit(0, 2)]);
    assert_eq!(feed.following(Source::Inbox, 0, 1), [deposit(0, 1)]);
}

#[tokio::test]
async fn a_check_confirms_what_was_seen_and_refutes_another_event_in_its_place() {
    let feed = feed([0]);
    assert_eq!(feed.check(&deposit(0, 1)).await, Verdict::Confirmed);
    assert_eq!(feed.check(&deposit(0, 2)).await, Verdict::Refuted);
}

#[tokio::test]
async fn a_check_waits_while_the_view_lags_and_is_woken_by_what_comes() {
    let feed = feed([0]);
    assert_eq!(feed.check(&deposit(1, 1)).now_or_never(), None);
    let waiting = tokio::spawn({
        let feed = feed.clone();
        async move { feed.check(&deposit(2, 1)).await }
    });
    tokio::task::yield_now().await;
    feed.extend(vec![deposit(1, 1)]);
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    feed.extend(vec![deposit(2, 1)]);
    assert_eq!(waiting.await.unwrap(), Verdict::Confirmed);
}

#[test]
fn reading_pauses_when_the_ledger_does_not_consume() {
    let feed = feed(0..MAX_WAITING as u64);
    assert!(feed.is_full(Source::Inbox));
    assert!(!feed.is_full(Source::Restaking), "the other source is read on");
    feed.consumed(Source::Inbox, 1);
    assert!(!feed.is_full(Source::Inbox));
}

#[test]
fn large_messages_pause_reading_by_their_bytes_and_what_is_consumed_frees_them() {
    let forced = |index| {
        Observation::Forced(Forced {
            index,
            account: Address::repeat_byte(1),
            message: vec![7; MAX_FORCED].into(),
            block_number: 7,
            block_hash: B256::repeat_byte(7),
        })
    };
    let fit = (MAX_WAITING_BYTES / forced(1 << 20).to_bytes().len()) as u64;
    let feed = ChainFeed::default();
    feed.extend((0..fit).map(forced).collect());
    assert!(!feed.is_full(Source::Inbox));
    // What is read again counts once.
    feed.extend((0..fit).map(forced).collect());
    assert!(!feed.is_full(Source::Inbox));
    feed.extend((fit..fit + 20).map(forced).collect());
    assert!(feed.is_full(Source::Inbox));
    feed.consumed(Source::Inbox, 30);
    assert!(!feed.is_full(Source::Inbox));
    feed.consumed(Source::Inbox, fit + 20);
    assert_eq!(feed.seen()[&Source::Inbox].bytes, 0);
}

#[tokio::test]
async fn while_what_was_final_is_not_nothing_is_proposed_or_voted_for() {
    let feed = feed([0, 1]);
    feed.stop(Source::Inbox, true);
    assert_eq!(feed.following(Source::Inbox, 0, 9), []);
    assert!(!feed.has(Source::Inbox, 0));
    assert_eq!(
        feed.check(&deposit(0, 1)).now_or_never(),
        None,
        "not even against it"
    );
    let waiting = tokio::spawn({
        let feed = feed.clone();
        async move { feed.check(&deposit(0, 1)).await }
    });
    tokio::task::yield_now().await;
    feed.stop(Source::Inbox, false);
    assert_eq!(waiting.await.unwrap(), Verdict::Confirmed);
}

#[tokio::test]
async fn an_rpc_that_is_away_is_asked_again_and_nothing_is_taken_for_seen() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let endpoints = Endpoints::new(vec![format!("http://{closed}")], None).unwrap();
    let target = Target {
        sequence: Sequence::Inbox,
        contract: Address::ZERO,
        chain_id: 1,
        deployed_at: 0,
        finality: Finality::Finalized,
    };
    let folder = tempfile::tempdir().unwrap();
    let file = MarkFile::open(folder.path(), &target).unwrap();
    let watcher = Watcher::new(&endpoints, target, None).unwrap();
    let feed = ChainFeed::default();
    let polling = poll(feed.clone(), watcher, file, Duration::from_millis(1));
    assert!(
        tokio::time::timeout(Duration::from_millis(300), polling)
            .await
            .is_err()
    );
    assert_eq!(feed.following(Source::Inbox, 0, 1), []);
    let health = &feed.health()[0];
    let shown = serde_json::to_value(health).unwrap();
    assert_eq!(shown["endpoints"][0]["standing"], "silent");
    assert_eq!(shown["endpoints"][0]["name"], "endpoint 1 (127.0.0.1)");
}
