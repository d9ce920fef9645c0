//! The operator's own view of the chains: what is final in the settlement contract's inbox on the L2, and in the outbox on
//! the L1, each by its own numbers.
//!
//! A background task polls each chain's RPC; the engine asks here what to propose and whether to vote for what others
//! propose. A failing RPC delays, it never makes this operator vote for something it has not seen.

use crate::application::{Feed, Verdict};
use rampart_chain::events::MAX_RANGE;
use rampart_chain::{ChainError, EventCursor, EventReader};
use rampart_protocol::Observation;
use rampart_protocol::observation::Source;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Pause after a failure of the RPC.
const RETRY: Duration = Duration::from_secs(1);
/// Entries of one source that are kept until the ledger has consumed them. Beyond that reading of it pauses: the next ones
/// to consume are here.
const MAX_WAITING: usize = 100_000;
/// Bytes of them, as the blocks carry them; one answer of an endpoint may come on top. What keeps an entry is a few times
/// as much for the smallest.
const MAX_WAITING_BYTES: usize = 32 * 1024 * 1024;

/// What has been seen. Clones share one view.
#[derive(Clone, Debug)]
pub struct ChainFeed {
    seen: Arc<Mutex<BTreeMap<Source, Lane>>>,
    changes: watch::Sender<u64>,
}

/// What has been seen of one source. Each has bounds of its own, so that a flood of one does not silence the other.
#[derive(Debug, Default)]
struct Lane {
    waiting: BTreeMap<u64, Observation>,
    /// Sum of the encodings' lengths.
    bytes: usize,
    /// Those below this are consumed for good.
    consumed: u64,
}

impl Lane {
    fn add(&mut self, observation: Observation) {
        let index = observation.index();
        if index >= self.consumed
            && let Entry::Vacant(place) = self.waiting.entry(index)
        {
            self.bytes += observation.to_bytes().len();
            place.insert(observation);
        }
    }

    fn consume(&mut self, index: u64) {
        if index <= self.consumed {
            return;
        }
        self.consumed = index;
        let kept = self.waiting.split_off(&index);
        let gone = std::mem::replace(&mut self.waiting, kept);
        let bytes: usize = gone.values().map(|gone| gone.to_bytes().len()).sum();
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    fn is_full(&self) -> bool {
        self.waiting.len() >= MAX_WAITING || self.bytes >= MAX_WAITING_BYTES
    }
}

impl Default for ChainFeed {
    fn default() -> Self {
        Self {
            seen: Arc::default(),
            changes: watch::Sender::new(0),
        }
    }
}

impl ChainFeed {
    fn seen(&self) -> MutexGuard<'_, BTreeMap<Source, Lane>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes whenever something new is final.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Whether the observation `index` of a source has been seen and is not consumed.
    #[must_use]
    pub fn has(&self, source: Source, index: u64) -> bool {
        let seen = self.seen();
        seen.get(&source)
            .is_some_and(|lane| lane.waiting.contains_key(&index))
    }

    /// At most `limit` observations of a source from `index` on, without a gap.
    #[must_use]
    pub fn following(&self, source: Source, index: u64, limit: usize) -> Vec<Observation> {
        let seen = self.seen();
        let waiting = seen.get(&source).map(|lane| &lane.waiting);
        (index..=u64::MAX)
            .map_while(|index| waiting?.get(&index).cloned())
            .take(limit)
            .collect()
    }

    /// Adds what has become final. What was seen first stays: what is final does not change.
    pub fn extend(&self, observations: Vec<Observation>) {
        {
            let mut seen = self.seen();
            for observation in observations {
                seen.entry(observation.source()).or_default().add(observation);
            }
        }
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Forgets the observations of a source below `index`, which the ledger has consumed for good.
    pub fn consumed(&self, source: Source, index: u64) {
        self.seen().entry(source).or_default().consume(index);
    }

    /// What is known about the place that an observation claims.
    fn judge(&self, observation: &Observation) -> Option<Verdict> {
        let seen = self.seen();
        let known = seen
            .get(&observation.source())?
            .waiting
            .get(&observation.index())?;
        Some(if known == observation {
            Verdict::Confirmed
        } else {
            Verdict::Refuted
        })
    }

    fn is_full(&self, source: Source) -> bool {
        self.seen().get(&source).is_some_and(Lane::is_full)
    }
}

impl Feed for ChainFeed {
    async fn check(&self, observation: &Observation) -> Verdict {
        let mut changes = self.watch();
        loop {
            changes.mark_unchanged();
            if let Some(verdict) = self.judge(observation) {
                return verdict;
            }
            // The sender lives in `self`, so a change can always still come.
            let _ = changes.changed().await;
        }
    }
}

/// Polls an RPC for ever, adding what becomes final of the reader's source.
pub async fn poll(feed: ChainFeed, reader: EventReader, chain_id: u64, deployed_at: u64, interval: Duration) {
    let source = reader.source();
    while let Err(error) = reader.check_chain(chain_id).await {
        tracing::warn!(?source, %error, "the chain's RPC is not usable yet");
        tokio::time::sleep(interval.max(RETRY)).await;
    }
    let mut cursor = EventCursor::new(deployed_at);
    let mut paused = false;
    loop {
        let before = cursor;
        let mut pause = interval;
        let full = feed.is_full(source);
        if full && !paused {
            tracing::warn!(
                ?source,
                "the ledger lags behind what is final on the chain: reading pauses"
            );
        }
        paused = full;
        if !full {
            match reader.read(&mut cursor).await {
                Ok(observations) if observations.is_empty() => {}
                Ok(observations) => feed.extend(observations),
                Err(error) => {
                    pause = interval.max(RETRY);
                    if matches!(error, ChainError::Inconsistent(_)) {
                        tracing::error!(?source, %error, "the chain's RPC cannot be trusted; reading all again");
                        // What was skipped may lie anywhere behind; what is known already is not taken twice.
                        cursor = EventCursor::new(deployed_at);
                    } else {
                        tracing::warn!(?source, %error, "the chain's RPC failed");
                    }
                }
            }
        }
        // While catching up, the next range is read at once.
        if cursor.next_block.saturating_sub(before.next_block) < MAX_RANGE {
            tokio::time::sleep(pause).await;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use futures::FutureExt as _;
    use rampart_protocol::observation::{Deposit, Forced, Governance, MAX_FORCED, Pardon};
    use rampart_protocol::{Address, Amount, B256, ProviderId};

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
    async fn an_rpc_that_is_away_is_asked_again_and_nothing_is_taken_for_seen() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let reader = EventReader::inbox(&format!("http://{closed}"), Address::ZERO).unwrap();
        let feed = ChainFeed::default();
        let polling = poll(feed.clone(), reader, 1, 0, Duration::from_millis(1));
        assert!(
            tokio::time::timeout(Duration::from_millis(300), polling)
                .await
                .is_err()
        );
        assert_eq!(feed.following(Source::Inbox, 0, 1), []);
    }
}
