//! Execution of a block's items, in order, over one speculative state batch.
//!
//! The ledger's transition function is synchronous and asks for records by key; this loads what it asks for and
//! tries again, until nothing is missing. Writes stay in memory until the whole block is executed.

use crate::engine::Runtime;
use crate::storage::{self, SharedState, StateError, StateKey, StateValue, ValueTooLong};
use commonware_glue::stateful::db::DatabaseSet;
use rampart_ledger::{
    BlockEnv, Changeset, Corrupt, Event, Fault, Input, Key, MAX_PAGES_PER_CLAIM, Missing, Record, Reject,
    View,
};
use rampart_protocol::{B256, Domain, Header, PurchaseRecord, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// A speculative batch of the state.
pub(super) type Batch<E> = <SharedState<E> as DatabaseSet<E>>::Unmerkleized;

/// Loads that one item may cause. Most transitions read a handful of records; a claim asks for its pages of escrow one
/// after the other. More is a fault of the ledger.
const MAX_LOADS: usize = MAX_PAGES_PER_CLAIM + 64;

/// What was executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The observation at this index of the inbox.
    Observation(u64),
    /// The transaction with this hash.
    Transaction(B256),
}

/// An item of a block and what it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The item.
    pub subject: Subject,
    /// What happened, in order.
    pub events: Vec<Event>,
}

/// What a block did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Executed {
    /// One for each item, observations first.
    pub receipts: Vec<Receipt>,
    /// Every record that the block changed, with its last value.
    pub writes: BTreeMap<Key, Option<Record>>,
}

impl Executed {
    /// The purchases that the block confirms, in the order of the leaves under the header's confirmations root.
    pub fn purchases(&self) -> impl Iterator<Item = &PurchaseRecord> {
        purchases(&self.receipts)
    }
}

fn purchases(receipts: &[Receipt]) -> impl Iterator<Item = &PurchaseRecord> {
    receipts
        .iter()
        .flat_map(|receipt| &receipt.events)
        .filter_map(|event| match event {
            Event::Purchased(record) => Some(record),
            _ => None,
        })
}

/// Why an item was not executed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExecuteError {
    /// The ledger refuses it.
    #[error("the ledger refuses the item")]
    Rejected(#[source] Reject),
    /// Something is broken; nobody's item is at fault.
    #[error(transparent)]
    Broken(#[from] Broken),
}

/// The machine failed, not an item.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    /// The state cannot be read.
    #[error("the state cannot be read")]
    State(#[from] StateError),
    /// A record outgrew its limit.
    #[error("a record cannot be stored")]
    Value(#[from] ValueTooLong),
    /// The ledger found its own records inconsistent.
    #[error("the ledger's records are inconsistent")]
    Corrupt(#[from] Corrupt),
    /// The state has no counters: genesis was not applied.
    #[error("the state has no counters")]
    NoGlobals,
    /// The ledger keeps asking for records.
    #[error("the ledger asked for more than {MAX_LOADS} sets of records for one item")]
    Unsatisfiable,
}

/// Records loaded or written so far.
#[derive(Default)]
struct Loaded(BTreeMap<Key, Option<Record>>);

impl View for Loaded {
    fn get(&self, key: &Key) -> Result<Option<Record>, Missing> {
        self.0.get(key).cloned().ok_or(Missing(*key))
    }
}

/// Executes items over a batch.
pub(super) struct Executor<'a, E: Runtime> {
    batch: &'a Batch<E>,
    env: BlockEnv,
    records: Loaded,
    dirty: BTreeSet<Key>,
    receipts: Vec<Receipt>,
}

impl<'a, E: Runtime> Executor<'a, E> {
    pub(super) fn new(batch: &'a Batch<E>, env: BlockEnv) -> Self {
        Self {
            batch,
            env,
            records: Loaded::default(),
            dirty: BTreeSet::new(),
            receipts: Vec::new(),
        }
    }

    /// Puts the ledger's first records in place. They are part of the first block after genesis, because a chain
    /// starts from the empty state, which every operator can derive without storage.
    pub(super) fn begin(&mut self, genesis: Changeset) {
        self.dirty.extend(genesis.writes.keys().copied());
        self.records.0.extend(genesis.writes);
    }

    /// Leaves of the purchases so far.
    pub(super) fn confirmation_leaves(&self) -> Vec<B256> {
        purchases(&self.receipts).map(PurchaseRecord::leaf).collect()
    }

    /// Executes one item on top of those before it.
    pub(super) async fn execute(&mut self, subject: Subject, input: &Input) -> Result<(), ExecuteError> {
        self.load(rampart_ledger::reads(&self.env, input)).await?;
        for _ in 0..MAX_LOADS {
            match rampart_ledger::apply(&self.records, &self.env, input) {
                Ok(Changeset { writes, events }) => {
                    self.dirty.extend(writes.keys().copied());
                    self.records.0.extend(writes);
                    self.receipts.push(Receipt { subject, events });
                    return Ok(());
                }
                Err(Fault::Missing(key)) => self.load([key]).await?,
                Err(Fault::Reject(reject)) => return Err(ExecuteError::Rejected(reject)),
                Err(Fault::Corrupt(corrupt)) => return Err(Broken::from(corrupt).into()),
            }
        }
        Err(Broken::Unsatisfiable.into())
    }

    /// A record as the items so far left it.
    pub(super) async fn get(&mut self, key: Key) -> Result<Option<Record>, Broken> {
        self.load([key]).await?;
        Ok(self.records.0.get(&key).cloned().flatten())
    }

    /// What all items did.
    pub(super) fn finish(self) -> Executed {
        let Self {
            mut records,
            dirty,
            receipts,
            ..
        } = self;
        let writes = dirty
            .into_iter()
            .map(|key| (key, records.0.remove(&key).flatten()))
            .collect();
        Executed { receipts, writes }
    }

    async fn load(&mut self, keys: impl IntoIterator<Item = Key>) -> Result<(), Broken> {
        let keys: Vec<Key> = keys
            .into_iter()
            .filter(|key| !self.records.0.contains_key(key))
            .collect();
        if keys.is_empty() {
            return Ok(());
        }
        let raw: Vec<StateKey> = keys.iter().map(storage::state_key).collect();
        let raw: Vec<&StateKey> = raw.iter().collect();
        let values = self.batch.get_many(&raw).await.map_err(StateError::Database)?;
        for (key, value) in keys.into_iter().zip(values) {
            let record = storage::decode_record(&key, value.as_ref())?;
            self.records.0.insert(key, record);
        }
        Ok(())
    }
}

/// Puts a block's writes into its batch.
pub(super) fn write<E: Runtime>(batch: Batch<E>, executed: &Executed) -> Result<Batch<E>, ValueTooLong> {
    executed.writes.iter().try_fold(batch, |batch, (key, record)| {
        let value = record
            .as_ref()
            .map(|record| StateValue::new(record.to_bytes()))
            .transpose()?;
        Ok(batch.write(storage::state_key(key), value))
    })
}

/// The moment of a block, as the ledger sees it. Ledger time is in whole seconds.
pub(super) const fn block_env(header: &Header, domain: &Domain) -> BlockEnv {
    BlockEnv {
        domain: *domain,
        height: header.height,
        timestamp: Timestamp(header.timestamp_ms / 1_000),
        epoch: header.epoch,
    }
}
