//! What the application asks of the rest of the operator: work, an opinion on the chains, and someone to tell.
//!
//! The operator implements these over its mempool, chain feed and index; the simulation over seeded ones.

use super::execute::Executed;
use super::verified::Verified;
use crate::block::Block;
use rampart_ledger::Reject;
use rampart_protocol::{B256, Handover, Header, Observation};
use std::{collections::BTreeSet, future::Future, sync::Arc};

/// What a block may be built from.
#[derive(Clone, Debug, Default)]
pub struct Candidates {
    /// Observations that follow those of the parent's state, those of each source in its order, each final on its chain.
    pub observations: Vec<Observation>,
    /// Transactions in the order in which they should be tried.
    pub transactions: Vec<Verified>,
}

/// What the proposer asks its source for.
#[derive(Clone, Debug)]
pub struct Request {
    /// The block to build on; its inbox count is the index of the first observation wanted.
    pub parent: Header,
    /// Events of the L1 contracts that the parent's state has consumed: the number of the first one wanted.
    pub restaking_count: u64,
    /// Transactions that blocks between the finalised one and the parent carry already.
    pub in_flight: BTreeSet<B256>,
    /// Encoded bytes wanted at most.
    pub max_bytes: usize,
}

/// A transaction that the ledger refuses on top of `parent`.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The transaction.
    pub hash: B256,
    /// The answer.
    pub reject: Reject,
    /// The block on whose state it was refused. Until it is final the answer may change, when another block takes its
    /// place.
    pub parent: Header,
}

/// Supplies proposals with work.
pub trait Source: Clone + Send + Sync + 'static {
    /// Resolves when there is work for a block on top of the request's parent; stays pending while there is none.
    fn ready(&self, request: &Request) -> impl Future<Output = ()> + Send;

    /// Work for a block. What is returned stays in the source until it is finalised or dropped for its own reasons.
    fn candidates(&self, request: &Request) -> impl Future<Output = Candidates> + Send;

    /// Candidates that the ledger refused, so that they can be dropped and their submitters told.
    fn refused(&self, refused: Vec<Refused>) -> impl Future<Output = ()> + Send;
}

/// What this operator's own view of the chains says about an observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is final there, exactly as stated.
    Confirmed,
    /// Another event is final in its place.
    Refuted,
}

/// An operator's own view of the chains.
pub trait Feed: Clone + Send + Sync + 'static {
    /// Compares an observation with what is final locally, waiting until the local view has come that far.
    ///
    /// Must stay pending rather than answer [`Verdict::Refuted`] while the local view merely lags. The caller
    /// bounds the wait, and may drop the future at any time.
    fn check(&self, observation: &Observation) -> impl Future<Output = Verdict> + Send;
}

/// A finalised block and what it did.
#[derive(Clone, Debug)]
pub struct Finalized {
    /// The block.
    pub block: Arc<Block>,
    /// Digest of its header.
    pub digest: B256,
    /// Receipts, events and writes.
    pub executed: Arc<Executed>,
}

/// Learns of finalised blocks.
pub trait Sink: Clone + Send + Sync + 'static {
    /// Takes a finalised block, after its state is readable. The engine waits for the future: keep it short.
    ///
    /// Blocks come in height order. A block may come again after a crash, so writes must be idempotent by height;
    /// heights are skipped only after a state sync.
    fn finalized(&self, block: Finalized) -> impl Future<Output = ()> + Send;

    /// The proof of the committee after an epoch's (X1), if it is kept. It is asked for when the blocks that would give it
    /// are not here any more, so that whoever joins can follow the committees from the first one on.
    fn handover(&self, _epoch: u64) -> Option<Handover> {
        None
    }
}
