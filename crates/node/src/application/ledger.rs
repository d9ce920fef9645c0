//! The engine's application trait over the ledger: who is asked what, and what is remembered in between.

use super::execute::{Batch, Executed, Executor, Rounds, block_env};
use super::seams::{Feed, Finalized, Sink, Source};
use super::senders::Senders;
use super::{judge, propose};
use crate::block::{Block, BlockContext, BlockLimits};
use crate::engine::{Committees, EngineConfig, Runtime, Scheme};
use crate::storage::{Digest, SharedState, StateTarget};
use commonware_consensus::{Heightable as _, marshal::ancestry::Ancestry};
use commonware_cryptography::Digestible as _;
use commonware_glue::stateful::{Application, Finality, Input, Proposed, db::DatabaseSet};
use futures::StreamExt as _;
use rampart_ledger::Changeset;
use rampart_protocol::{B256, Header};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::watch;

/// A sealed batch of the state.
pub(super) type Sealed<E> = <SharedState<E> as DatabaseSet<E>>::Merkleized;

/// How often blocks are built and how long a candidate may wait.
#[derive(Clone, Copy, Debug)]
pub struct Pacing {
    /// Least time between a block and its parent.
    pub min_interval: Duration,
    /// A block is built after this time even when there is nothing to put into it. More than `min_interval`, and
    /// well under the engine's leader timeout.
    pub idle_interval: Duration,
    /// A proposer takes up no further transactions after this long.
    pub max_build: Duration,
}

impl Default for Pacing {
    fn default() -> Self {
        Self {
            min_interval: Duration::from_millis(100),
            idle_interval: Duration::from_secs(1),
            max_build: Duration::from_millis(500),
        }
    }
}

/// The rest of the operator, as the application sees it.
#[derive(Clone, Debug)]
pub struct Seams<I, F, K> {
    /// Supplies work.
    pub source: I,
    /// Knows the chains.
    pub feed: F,
    /// Learns of final blocks.
    pub sink: K,
    /// Recovers accounts; share it with the mempool.
    pub senders: Senders,
}

/// The ledger as the engine drives it. Clones share one memory.
pub struct LedgerApplication<I, F, K> {
    pub(super) shared: Arc<Shared<I, F, K>>,
}

impl<I, F, K> Clone for LedgerApplication<I, F, K> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}

pub(super) struct Shared<I, F, K> {
    genesis: Block,
    /// The ledger's first records, written by the first block.
    records: Changeset,
    pub(super) limits: BlockLimits,
    pub(super) pacing: Pacing,
    rounds: Rounds,
    pub(super) seams: Seams<I, F, K>,
    /// What each block did that was executed and is not final yet. As many as the engine keeps pending states.
    executed: Mutex<BTreeMap<(u64, B256), Arc<Executed>>>,
    tip: watch::Sender<Header>,
    committees: Committees,
}

impl<I: Source, F: Feed, K: Sink> LedgerApplication<I, F, K> {
    pub(crate) fn new(
        genesis: &Block,
        records: Changeset,
        config: &EngineConfig,
        seams: Seams<I, F, K>,
        tip: watch::Sender<Header>,
        committees: Committees,
    ) -> Self {
        let shared = Shared {
            genesis: genesis.clone(),
            records,
            limits: config.limits,
            pacing: config.pacing,
            rounds: Rounds::default(),
            seams,
            executed: Mutex::default(),
            tip,
            committees,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The same with other bounds on loading.
    #[cfg(test)]
    pub(super) fn with_rounds(self, rounds: Rounds) -> Self {
        let mut shared = Arc::into_inner(self.shared).expect("nobody else holds a new application");
        shared.rounds = rounds;
        Self {
            shared: Arc::new(shared),
        }
    }

    pub(crate) fn source(&self) -> I {
        self.shared.seams.source.clone()
    }

    /// Height of the last block whose state is applied.
    pub(super) fn final_height(&self) -> u64 {
        self.shared.tip.borrow().height
    }

    /// An executor for the block with this header, over its parent's state.
    pub(super) fn executor<'a, E: Runtime>(&self, header: &Header, batch: &'a Batch<E>) -> Executor<'a, E> {
        let env = block_env(header, self.shared.seams.senders.domain());
        let mut executor = Executor::new(batch, env, self.shared.rounds);
        if header.height == 1 {
            executor.start_from(self.shared.records.clone());
        }
        executor
    }

    /// Keeps what a block did until it is final or overtaken.
    pub(super) fn remember(&self, header: &Header, executed: Executed) {
        let mut memory = self
            .shared
            .executed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        memory.insert((header.height, header.digest()), Arc::new(executed));
    }

    /// Takes what a final block did, and forgets the blocks that it overtakes.
    pub(super) fn recall(&self, height: u64, digest: B256) -> Option<Arc<Executed>> {
        let mut memory = self
            .shared
            .executed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let executed = memory.remove(&(height, digest));
        *memory = memory.split_off(&(height.saturating_add(1), B256::ZERO));
        executed
    }
}

impl<E: Runtime, I: Source, F: Feed, K: Sink> Application<E> for LedgerApplication<I, F, K> {
    type SigningScheme = Scheme;
    type Context = BlockContext;
    type Block = Block;
    type Databases = SharedState<E>;
    type Captured = ();
    type Provider = I;
    type Input = ();

    fn sync_targets(block: &Block) -> StateTarget {
        block.state_target()
    }

    async fn genesis(&mut self) -> Block {
        self.shared.genesis.clone()
    }

    async fn propose(
        &mut self,
        (runtime, context): (E, BlockContext),
        mut ancestry: impl Ancestry<Block>,
        batch: Batch<E>,
        input: Input<(), I>,
    ) -> Option<Proposed<Self, E>> {
        let parent = ancestry.next().await?;
        let in_flight = self.in_flight(parent.inner(), ancestry).await;
        let proposal = propose::Proposal {
            parent: parent.inner(),
            context,
            in_flight,
        };
        match propose::propose(self, &runtime, proposal, batch, &input.provider).await {
            Ok((block, merkleized)) => Some(Proposed { block, merkleized }),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "no block built");
                None
            }
        }
    }

    async fn process(
        &mut self,
        (runtime, context): (E, BlockContext),
        mut ancestry: impl Ancestry<Block>,
        batch: Batch<E>,
        finality: Finality,
    ) -> Option<Sealed<E>> {
        let block = ancestry.next().await?;
        let parent = ancestry.next().await?;
        let candidate = judge::Candidate {
            block: block.inner(),
            parent: parent.inner().header(),
            context,
            finality,
        };
        match judge::judge(self, &runtime, candidate, batch).await {
            Ok(sealed) => Some(sealed),
            Err(error) => {
                let (height, digest) = (block.height(), block.digest());
                if error.is_local() && finality == Finality::Candidate {
                    // A vote is for ever, and this machine's failure proves nothing against the block.
                    tracing::error!(%height, %digest, error = &error as &dyn std::error::Error, "candidate not judged");
                    return std::future::pending().await;
                }
                tracing::warn!(%height, %digest, error = &error as &dyn std::error::Error, "candidate refused");
                None
            }
        }
    }

    async fn capture(
        &mut self,
        _context: (E, BlockContext),
        _block: &Block,
        _batches: &Sealed<E>,
        _readers: <SharedState<E> as DatabaseSet<E>>::Readers,
    ) {
    }

    async fn finalized(
        &mut self,
        _context: (E, BlockContext),
        block: &Block,
        (): (),
        _readers: <SharedState<E> as DatabaseSet<E>>::Readers,
    ) {
        let (header, digest) = (block.header().clone(), block.header().digest());
        let executed = self
            .recall(header.height, digest)
            .expect("a block's state exists only if this application executed it, and it is applied once");
        let domain = self.shared.seams.senders.domain();
        self.shared
            .committees
            .learn_from(executed.writes.values().flatten(), domain);
        let block = Arc::new(block.clone());
        self.shared
            .seams
            .sink
            .finalized(Finalized {
                block,
                digest,
                executed,
            })
            .await;
        self.shared.tip.send_replace(header);
    }
}

impl<I: Source, F: Feed, K: Sink> LedgerApplication<I, F, K> {
    /// Transactions in the blocks from `parent` down to the last final one.
    async fn in_flight(&self, parent: &Block, mut ancestry: impl Ancestry<Block>) -> BTreeSet<B256> {
        let final_height = self.final_height();
        let mut hashes = BTreeSet::new();
        let mut add = |block: &Block| hashes.extend(block.body().transactions.iter().map(|tx| tx.hash()));
        if parent.header().height > final_height {
            add(parent);
            while let Some(block) = ancestry.next().await {
                if block.inner().header().height <= final_height {
                    break;
                }
                add(block.inner());
            }
        }
        hashes
    }
}

/// The digest of a state as the header writes it.
pub(super) const fn root_bytes(digest: Digest) -> B256 {
    B256::new(digest.0)
}
