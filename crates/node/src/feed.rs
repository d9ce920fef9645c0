//! The operator's own view of the L2: what is final in the settlement contract's inbox.
//!
//! A background task polls the RPC; the engine asks here what to propose and whether to vote for what others
//! propose. A failing RPC delays, it never makes this operator vote for something it has not seen.

use crate::application::{Feed, Verdict};
use rampart_chain::{ChainError, InboxCursor, InboxReader};
use rampart_protocol::Observation;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Pause after a failure of the RPC.
const RETRY: Duration = Duration::from_secs(1);

/// What has been seen. Clones share one view.
#[derive(Clone, Debug)]
pub struct ChainFeed {
    seen: Arc<Mutex<BTreeMap<u64, Observation>>>,
    changes: watch::Sender<u64>,
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
    fn seen(&self) -> MutexGuard<'_, BTreeMap<u64, Observation>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes whenever something new is final.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Whether the inbox message `index` has been seen.
    #[must_use]
    pub fn has(&self, index: u64) -> bool {
        self.seen().contains_key(&index)
    }

    /// At most `limit` messages from `index` on, without a gap.
    #[must_use]
    pub fn following(&self, index: u64, limit: usize) -> Vec<Observation> {
        let seen = self.seen();
        (index..)
            .map_while(|index| seen.get(&index).cloned())
            .take(limit)
            .collect()
    }

    /// Adds what has become final.
    pub fn extend(&self, observations: Vec<Observation>) {
        if observations.is_empty() {
            return;
        }
        self.seen().extend(
            observations
                .into_iter()
                .map(|observation| (observation.index(), observation)),
        );
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Forgets the messages below `index`, which the ledger has consumed for good.
    pub fn consumed(&self, index: u64) {
        let mut seen = self.seen();
        *seen = seen.split_off(&index);
    }
}

impl Feed for ChainFeed {
    async fn check(&self, observation: &Observation) -> Verdict {
        let mut changes = self.watch();
        loop {
            changes.mark_unchanged();
            if let Some(seen) = self.seen().get(&observation.index()) {
                return if seen == observation {
                    Verdict::Confirmed
                } else {
                    Verdict::Refuted
                };
            }
            // The sender lives in `self`, so a change can always still come.
            let _ = changes.changed().await;
        }
    }
}

/// Polls an RPC for ever, adding what becomes final.
pub async fn poll(feed: ChainFeed, reader: InboxReader, chain_id: u64, deployed_at: u64, interval: Duration) {
    while let Err(error) = reader.check_chain(chain_id).await {
        tracing::warn!(%error, "the chain's RPC is not usable yet");
        tokio::time::sleep(RETRY).await;
    }
    let mut cursor = InboxCursor::new(deployed_at);
    loop {
        let before = cursor;
        match reader.read(&mut cursor).await {
            Ok(observations) => feed.extend(observations),
            Err(error @ ChainError::Inconsistent(_)) => {
                tracing::error!(%error, "the chain's RPC cannot be trusted")
            }
            Err(error) => tracing::warn!(%error, "the chain's RPC failed"),
        }
        // While catching up, the next range is read at once.
        let caught_up = cursor.next_block.saturating_sub(before.next_block) < 1000;
        tokio::time::sleep(if caught_up { interval } else { Duration::ZERO }).await;
    }
}
