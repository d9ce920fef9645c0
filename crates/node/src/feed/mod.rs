//! The operator's own view of the chains: what is final in the settlement contract's inbox on the L2, and in the outbox on
//! the L1, each by its own numbers.
//!
//! A background task ([`poll`]) asks each chain's endpoints; the engine asks here what to propose and whether to vote for
//! what others propose. Endpoints that fail or contradict each other delay, they never make this operator vote for something
//! that a quorum of them has not shown. How far was read is kept on the disk ([`MarkFile`]), so that a restart goes on from
//! there.

mod health;
mod marks;
mod poll;

pub use health::{EndpointHealth, SourceHealth};
pub use marks::{MarkFile, Marks};
pub use poll::poll;

use crate::application::{Feed, Verdict};
use rampart_protocol::Observation;
use rampart_protocol::observation::Source;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

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
    health: Arc<Mutex<BTreeMap<Source, SourceHealth>>>,
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
    /// What was final there is not: nothing of it is proposed or voted for.
    stopped: bool,
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
            health: Arc::default(),
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
            .is_some_and(|lane| !lane.stopped && lane.waiting.contains_key(&index))
    }

    /// At most `limit` observations of a source from `index` on, without a gap.
    #[must_use]
    pub fn following(&self, source: Source, index: u64, limit: usize) -> Vec<Observation> {
        let seen = self.seen();
        let lane = seen.get(&source).filter(|lane| !lane.stopped);
        let waiting = lane.map(|lane| &lane.waiting);
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

    /// How many entries of a source the ledger has consumed for good.
    #[must_use]
    pub fn consumed_of(&self, source: Source) -> u64 {
        self.seen().get(&source).map_or(0, |lane| lane.consumed)
    }

    /// Has nothing of a source proposed or voted for, or again: while what was final on its chain is not.
    pub fn stop(&self, source: Source, stopped: bool) {
        let before = {
            let mut seen = self.seen();
            let lane = seen.entry(source).or_default();
            std::mem::replace(&mut lane.stopped, stopped)
        };
        if before != stopped {
            self.changes.send_modify(|count| *count = count.wrapping_add(1));
        }
    }

    /// What is known of each source and its endpoints.
    #[must_use]
    pub fn health(&self) -> Vec<SourceHealth> {
        let health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        health.values().cloned().collect()
    }

    pub(crate) fn tell_health(&self, source: Source, health: SourceHealth) {
        let mut known = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(source, health);
    }

    /// What is known about the place that an observation claims.
    fn judge(&self, observation: &Observation) -> Option<Verdict> {
        let seen = self.seen();
        let lane = seen.get(&observation.source()).filter(|lane| !lane.stopped)?;
        let known = lane.waiting.get(&observation.index())?;
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

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
