//! Execution of a block's items, in order, over one speculative state batch.
//!
//! The ledger's transition function is synchronous and asks for records by key; this loads what it asks for and
//! tries again, until nothing is missing. Writes stay in memory until the whole block is executed.

use super::prefetch;
use crate::engine::Runtime;
use crate::storage::{self, MAX_VALUE, SharedState, StateError, StateKey, StateValue, ValueTooLong};
use commonware_glue::stateful::db::DatabaseSet;
use rampart_ledger::{
    BlockEnv, Changeset, Corrupt, Event, Fault, Input, Key, MAX_PAGES_PER_CLAIM, Missing, Record, Reject,
    View, Writes,
};
use rampart_protocol::observation::Source;
use rampart_protocol::{B256, Domain, Header, PurchaseRecord, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// A speculative batch of the state.
pub(super) type Batch<E> = <SharedState<E> as DatabaseSet<E>>::Unmerkleized;

/// How often an item may ask for records that are not loaded. More is a fault of the ledger.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rounds {
    /// For a block's beginning.
    pub(super) begin: usize,
    /// For any other item.
    pub(super) item: usize,
}

impl Default for Rounds {
    /// A beginning works off up to eight deadlines of four queues, and a verdict may refund out of a claim's number of
    /// pages of escrow. Of the other items, a report of availability touches 256 services and their providers, and a
    /// bundle makes up to 64 purchases of some eight records. `prefetch` makes the usual number far smaller.
    fn default() -> Self {
        Self {
            begin: 4 * 8 * (MAX_PAGES_PER_CLAIM + 64),
            item: 1024,
        }
    }
}

/// What was executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The block's beginning: what fell due by time.
    Begin,
    /// The observation with this number of its source.
    Observation(Source, u64),
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
    /// One for each item: the beginning, the observations, the transactions.
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
    /// The state does not say who votes in the next epoch: genesis was not applied, or the block did not begin.
    #[error("the state has no committee of epoch {0}")]
    NoCommittee(u64),
    /// The ledger keeps asking for records.
    #[error("the ledger keeps asking for records of one item, the last was {0}")]
    Unsatisfiable(Key),
    /// The ledger refuses to begin a block, which it never does.
    #[error("the ledger refuses to begin the block")]
    Begin(#[source] Reject),
}

/// Records loaded or written so far.
#[derive(Default)]
pub(super) struct Loaded(BTreeMap<Key, Option<Record>>);

impl Loaded {
    /// What is known of a key.
    pub(super) fn known(&self, key: &Key) -> Option<&Record> {
        self.0.get(key)?.as_ref()
    }
}

impl View for Loaded {
    fn get(&self, key: &Key) -> Result<Option<Record>, Missing> {
        self.0.get(key).cloned().ok_or(Missing(*key))
    }
}

/// Executes items over a batch.
pub(super) struct Executor<'a, E: Runtime> {
    batch: &'a Batch<E>,
    env: BlockEnv,
    rounds: Rounds,
    records: Loaded,
    dirty: BTreeSet<Key>,
    receipts: Vec<Receipt>,
}

impl<'a, E: Runtime> Executor<'a, E> {
    pub(super) fn new(batch: &'a Batch<E>, env: BlockEnv, rounds: Rounds) -> Self {
        Self {
            batch,
            env,
            rounds,
            records: Loaded::default(),
            dirty: BTreeSet::new(),
            receipts: Vec::new(),
        }
    }

    /// Puts the ledger's first records in place. They are part of the first block after genesis, because a chain
    /// starts from the empty state, which every operator can derive without storage.
    pub(super) fn start_from(&mut self, genesis: Changeset) {
        self.dirty.extend(genesis.writes.keys().copied());
        self.records.0.extend(genesis.writes);
    }

    /// The block around the items.
    pub(super) const fn env(&self) -> &BlockEnv {
        &self.env
    }

    /// Leaves of the purchases so far.
    pub(super) fn confirmation_leaves(&self) -> Vec<B256> {
        purchases(&self.receipts).map(PurchaseRecord::leaf).collect()
    }

    /// Begins the block: what falls due by time is done, before anything else.
    pub(super) async fn begin(&mut self) -> Result<(), Broken> {
        match self.execute(Subject::Begin, &Input::Begin).await {
            Ok(()) => Ok(()),
            Err(ExecuteError::Broken(broken)) => Err(broken),
            Err(ExecuteError::Rejected(reject)) => Err(Broken::Begin(reject)),
        }
    }

    /// Executes one item on top of those before it.
    pub(super) async fn execute(&mut self, subject: Subject, input: &Input) -> Result<(), ExecuteError> {
        self.load(rampart_ledger::reads(input)).await?;
        let rounds = match input {
            Input::Begin => self.rounds.begin,
            _ => self.rounds.item,
        };
        let mut wanted = Key::globals();
        let mut pages = 0;
        for _ in 0..rounds {
            match rampart_ledger::apply(&self.records, &self.env, input) {
                Ok(Changeset { writes, events }) => {
                    check_sizes(&writes).map_err(Broken::from)?;
                    self.dirty.extend(writes.keys().copied());
                    self.records.0.extend(writes);
                    self.receipts.push(Receipt { subject, events });
                    return Ok(());
                }
                Err(Fault::Missing(key)) => {
                    wanted = key;
                    self.load([key]).await?;
                    self.load(prefetch::companions(&self.records, input, &key))
                        .await?;
                    self.load_pages(&key, &mut pages).await?;
                }
                Err(Fault::Reject(reject)) => return Err(ExecuteError::Rejected(reject)),
                Err(Fault::Corrupt(corrupt)) => return Err(Broken::from(corrupt).into()),
            }
        }
        Err(Broken::Unsatisfiable(wanted).into())
    }

    /// Loads what follows a page of escrow in its list: twice as much each time that an item asks for a page, since most
    /// items look at one and a claim at all.
    async fn load_pages(&mut self, asked: &Key, pages: &mut usize) -> Result<(), Broken> {
        let mut key = *asked;
        for _ in 0..*pages {
            let Some(next) = prefetch::next_page(&self.records, &key) else {
                break;
            };
            key = next;
            self.load([key]).await?;
        }
        if prefetch::next_page(&self.records, asked).is_some() {
            *pages = (*pages * 2).clamp(1, MAX_PAGES_PER_CLAIM);
        }
        Ok(())
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

/// Refuses what the state could not hold, while it can still be told whose fault that is. Only these kinds of records
/// grow with the number of operators; all others are far smaller.
fn check_sizes(writes: &Writes) -> Result<(), ValueTooLong> {
    for record in writes.values().flatten() {
        if let Record::Ballot(_)
        | Record::AvailabilityPage(_)
        | Record::OperatorSet(_)
        | Record::Committee(_) = record
        {
            let length = record.to_bytes().len();
            if length > MAX_VALUE {
                return Err(ValueTooLong(length));
            }
        }
    }
    Ok(())
}

/// The number of the next event of the L1 contracts, in a state.
pub(super) async fn restaking_count<E: Runtime>(batch: &Batch<E>) -> Result<u64, Broken> {
    let key = Key::globals();
    let raw = storage::state_key(&key);
    let value = batch.get(&raw).await.map_err(StateError::Database)?;
    Ok(match storage::decode_record(&key, value.as_ref())? {
        Some(Record::Globals(globals)) => globals.restaking_count,
        // Before the first block, when genesis is not written yet.
        _ => 0,
    })
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
