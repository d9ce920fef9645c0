//! What becomes of finalised blocks: the index, the mempool, the feed and the checkpoints learn of them, in that order.

use crate::api::submit::now_ms;
use crate::application::{Finalized, Lane, Senders, Sink};
use crate::checkpoint::{CheckpointError, Checkpoints};
use crate::feed::ChainFeed;
use crate::index::{Index, IndexError};
use crate::mempool::Mempool;
use rampart_ledger::{Key, Record};
use rampart_protocol::Handover;
use rampart_protocol::observation::Source;
use tokio::sync::mpsc;

/// Why the operator must stop.
#[derive(Debug, thiserror::Error)]
pub enum FatalError {
    /// The index cannot be written, so nothing after this block could be answered truthfully.
    #[error("the index cannot be written")]
    Index(#[from] IndexError),
    /// The task was stopped in the middle.
    #[error("the indexing task was stopped")]
    Stopped,
}

/// Records finalised blocks.
#[derive(Clone, Debug)]
pub struct Recorder {
    /// The index.
    pub index: Index,
    /// Waiting transactions.
    pub mempool: Mempool,
    /// What is seen of the chain.
    pub feed: ChainFeed,
    /// Signs checkpoints, or keeps what they certify; `None` where neither is of use.
    pub checkpoints: Option<Checkpoints>,
    /// Knows the accounts of a block's transactions.
    pub senders: Senders,
    /// Where a failure that must stop the operator is told.
    pub fatal: mpsc::Sender<FatalError>,
}

impl Recorder {
    /// Blocking: one durable write, and at a checkpoint's height a hash over all exits.
    fn record(&self, block: &Finalized) -> Result<(), IndexError> {
        tracing::debug_span!("index").in_scope(|| self.index.apply(block))?;
        // Also of a block that comes again after a crash, if it is the last that the index knows: its exits may not have
        // been kept before.
        let due = self.checkpoints.as_ref();
        match due.map_or(Ok(()), |due| due.block(block.block.header())) {
            Ok(()) => {}
            Err(CheckpointError::Index(error)) => return Err(error),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "no checkpoint signed");
            }
        }
        let lanes = block.block.body().transactions.iter();
        let lanes: Result<Vec<Lane>, _> = lanes.map(|transaction| self.senders.lane(transaction)).collect();
        match lanes {
            Ok(lanes) => self.mempool.finalized(block, &lanes, now_ms()),
            // A finalised block holds no such transaction; what waits then leaves by its lifetime.
            Err(error) => tracing::error!(%error, "a finalised transaction has no account"),
        }
        self.feed
            .consumed(Source::Inbox, block.block.header().inbox_count);
        if let Some(Some(Record::Globals(globals))) = block.executed.writes.get(&Key::globals()) {
            self.feed.consumed(Source::Restaking, globals.restaking_count);
        }
        Ok(())
    }
}

impl Sink for Recorder {
    async fn finalized(&self, block: Finalized) {
        let recorder = self.clone();
        let span = tracing::debug_span!("record", height = block.block.header().height);
        let recording = move || span.in_scope(|| recorder.record(&block));
        let outcome = match tokio::task::spawn_blocking(recording).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => FatalError::from(error),
            Err(_) => FatalError::Stopped,
        };
        // Acknowledging a block that is not recorded would lose it. The operator stops instead, and replays it.
        let _ = self.fatal.send(outcome).await;
        std::future::pending().await
    }

    fn handover(&self, epoch: u64) -> Option<Handover> {
        // One that cannot be read is asked of someone else.
        let mut found = self.index.handovers(epoch, 1).ok()?;
        found.pop()
    }
}
