//! Transactions on their way into a block: admission, gossip's entry, and the proposer's source.
//!
//! [`Pool`] decides; this shares it between the API, the gossip and the engine, and wakes those who wait.

mod error;
mod pool;
mod recent;
mod remembered;

pub use error::{PoolError, rejection};
pub use pool::{Limits, Pool};

use crate::application::{Candidates, Finalized, Lane, Refused, Request, Source, Verified};
use crate::feed::ChainFeed;
use rampart_protocol::api::Rejection;
use rampart_protocol::observation::Source as ChainOf;
use rampart_protocol::{B256, Nonce};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// The shared mempool. Clones share one pool.
#[derive(Clone, Debug)]
pub struct Mempool {
    pool: Arc<Mutex<Pool>>,
    changes: watch::Sender<u64>,
}

impl Mempool {
    /// An empty mempool.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            pool: Arc::new(Mutex::new(Pool::new(limits))),
            changes: watch::Sender::new(0),
        }
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        // A panic while the lock is held would be ours; the pool's maps are valid between any two statements.
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Changes whenever a transaction comes in, is final, or is rejected.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Takes a verified transaction in; see [`Pool::add`].
    ///
    /// # Errors
    /// See [`PoolError`].
    pub fn add(&self, transaction: Verified, next: Nonce, now_ms: u64) -> Result<(), PoolError> {
        self.pool().add(transaction, next, now_ms)?;
        self.changed();
        Ok(())
    }

    /// Stops taking and offering transactions, because the settlement is frozen; or starts again, because it is not after
    /// all.
    pub fn freeze(&self, frozen: bool) {
        self.pool().freeze(frozen);
        self.changed();
    }

    /// Whether nothing is taken.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.pool().is_frozen()
    }

    /// Whether a transaction waits.
    #[must_use]
    pub fn contains(&self, hash: &B256) -> bool {
        self.pool().contains(hash)
    }

    /// Whether nothing of the lane waits.
    #[must_use]
    pub fn is_idle(&self, lane: &Lane) -> bool {
        self.pool().is_idle(lane)
    }

    /// Why a transaction was rejected, if remembered.
    #[must_use]
    pub fn rejection(&self, hash: &B256) -> Option<Rejection> {
        self.pool().rejection(hash)
    }

    /// Transactions that wait, and how many may.
    #[must_use]
    pub fn load(&self) -> (usize, usize) {
        let pool = self.pool();
        (pool.len(), pool.capacity())
    }

    /// Lets go of what a block made final, and of what has waited too long. `lanes` are those of the block's
    /// transactions, in order.
    pub fn finalized(&self, block: &Finalized, lanes: &[Lane], now_ms: u64) {
        {
            let mut pool = self.pool();
            for (transaction, lane) in block.block.body().transactions.iter().zip(lanes) {
                pool.applied(*lane, transaction.message.nonce());
            }
            pool.finalized(block.block.header().height, block.digest, now_ms);
        }
        self.changed();
    }
}

/// What the engine builds blocks from: the mempool and the chain feed.
#[derive(Clone, Debug)]
pub struct Work {
    /// Transactions.
    pub mempool: Mempool,
    /// Observations.
    pub feed: ChainFeed,
}

/// Most observations in a block.
const MAX_OBSERVATIONS: usize = 256;

impl Source for Work {
    async fn ready(&self, request: &Request) {
        let (mut transactions, mut observations) = (self.mempool.watch(), self.feed.watch());
        loop {
            transactions.mark_unchanged();
            observations.mark_unchanged();
            let observed = || {
                self.feed.has(ChainOf::Inbox, request.parent.inbox_count)
                    || self.feed.has(ChainOf::Restaking, request.restaking_count)
            };
            if self.mempool.pool().has_work(&request.in_flight) || (!self.mempool.is_frozen() && observed()) {
                return;
            }
            tokio::select! {
                _ = transactions.changed() => {}
                _ = observations.changed() => {}
            }
        }
    }

    async fn candidates(&self, request: &Request) -> Candidates {
        // A deposit that no checkpoint will count is paid back by the settlement; to credit it would promise it twice.
        if self.mempool.is_frozen() {
            return Candidates::default();
        }
        // What investors and governance decided comes first: it is rare, and deposits must not be able to delay it.
        let mut observations =
            (self.feed).following(ChainOf::Restaking, request.restaking_count, MAX_OBSERVATIONS);
        let left = MAX_OBSERVATIONS - observations.len();
        observations.extend((self.feed).following(ChainOf::Inbox, request.parent.inbox_count, left));
        Candidates {
            observations,
            transactions: self
                .mempool
                .pool()
                .candidates(&request.in_flight, request.max_bytes),
        }
    }

    async fn refused(&self, refused: Vec<Refused>) {
        {
            let mut pool = self.mempool.pool();
            refused.iter().for_each(|refused| pool.refused(refused));
        }
        self.mempool.changed();
    }
}

#[cfg(test)]
#[path = "work_tests.rs"]
mod tests;
