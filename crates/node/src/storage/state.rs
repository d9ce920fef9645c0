//! The state as the engine manages it: the engine's own database, opened by all of the machine's cores.
//!
//! At its start the database reads its log and rebuilds the index of its keys. The index whose rebuilding is divided over
//! tasks (one for each range of 256 partitions) halves that time; files, roots and proofs are the same with either. The engine
//! manages only databases with the other index, so this says for this one what `commonware_glue::stateful::db::any`
//! says for that one, and decides nothing of its own.

use super::Digest;
use super::config::StateConfig;
use super::value::{StateKey, StateValue};
use crate::engine::Runtime;
use commonware_cryptography::Keccak256;
use commonware_glue::stateful::db::{
    BatchContext, InitError, ManagedDb, Merkleized, Shared, StateSyncDb, SyncEngineConfig, Unmerkleized,
};
use commonware_parallel::Sequential;
use commonware_runtime::Handle;
use commonware_storage::{
    mmr::{self, Location},
    qmdb::{
        any::{
            batch::{MerkleizedBatch, UnmerkleizedBatch},
            initial_root,
            unordered::variable::{self, partitioned::p256},
        },
        floor::Proportional,
        sync::{self, Request, Source, SourceFor, Target, source},
    },
    translator::EightCap,
};
use commonware_utils::{
    channel::{mpsc, ring},
    non_empty_range,
};
use std::{ops::Deref, sync::Arc};

type Database<E> = p256::Db<mmr::Family, E, StateKey, StateValue, Keccak256, EightCap, Sequential>;
type Update = variable::Update<StateKey, StateValue>;
type Error = commonware_storage::qmdb::Error<mmr::Family>;

/// One entry of the state's log.
pub(crate) type StateOperation = variable::Operation<mmr::Family, StateKey, StateValue>;

/// What a header commits to: the root and the range of operations that reaches it.
pub type StateTarget = Target<mmr::Family, Digest>;

/// The database as the engine shares it between execution, queries and state sync.
pub type SharedState<E> = Shared<StateDb<E>>;

/// The authenticated key-value database of the ledger's records.
pub struct StateDb<E: Runtime>(Database<E>);

impl<E: Runtime> Deref for StateDb<E> {
    type Target = Database<E>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// Changes on top of a state, whose root is not known yet.
pub struct StateBatch<E: Runtime> {
    batch: UnmerkleizedBatch<mmr::Family, Keccak256, Update, Sequential>,
    state: SharedState<E>,
}

impl<E: Runtime> StateBatch<E> {
    /// A record's bytes, with the changes of this batch and of those that it builds on.
    ///
    /// # Errors
    /// When the database fails, or is at another state than the batch builds on.
    pub async fn get(&self, key: &StateKey) -> Result<Option<StateValue>, Error> {
        let state = self.state.read().await;
        self.batch.get(key, &state).await
    }

    /// Several, in the order of the keys.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn get_many(&self, keys: &[&StateKey]) -> Result<Vec<Option<StateValue>>, Error> {
        let state = self.state.read().await;
        self.batch.get_many(keys, &state).await
    }

    /// Writes a record, or deletes it.
    #[must_use]
    pub fn write(mut self, key: StateKey, value: Option<StateValue>) -> Self {
        self.batch = self.batch.write(key, value);
        self
    }
}

impl<E: Runtime> Unmerkleized for StateBatch<E> {
    type Merkleized = SealedState<E>;
    type Error = Error;

    async fn merkleize(self) -> Result<SealedState<E>, Error> {
        let sealed = {
            let state = self.state.read().await;
            self.batch.merkleize(&state, None, &mut Proportional).await?
        };
        Ok(SealedState {
            sealed,
            state: self.state,
        })
    }
}

/// Changes on top of a state, with the root that they lead to.
pub struct SealedState<E: Runtime> {
    sealed: Arc<MerkleizedBatch<mmr::Family, Digest, Update, Sequential>>,
    state: SharedState<E>,
}

impl<E: Runtime> Clone for SealedState<E> {
    fn clone(&self) -> Self {
        Self {
            sealed: self.sealed.clone(),
            state: self.state.clone(),
        }
    }
}

impl<E: Runtime> Deref for SealedState<E> {
    type Target = MerkleizedBatch<mmr::Family, Digest, Update, Sequential>;

    fn deref(&self) -> &Self::Target {
        &self.sealed
    }
}

impl<E: Runtime> Merkleized for SealedState<E> {
    type Digest = Digest;
    type Unmerkleized = StateBatch<E>;

    fn root(&self) -> Digest {
        self.sealed.root()
    }

    fn new_batch(&self) -> StateBatch<E> {
        StateBatch {
            batch: self.sealed.new_batch::<Keccak256>(),
            state: self.state.clone(),
        }
    }
}

impl<E: Runtime> ManagedDb<E> for StateDb<E> {
    type Unmerkleized = StateBatch<E>;
    type Merkleized = SealedState<E>;
    type Error = Error;
    type Config = StateConfig;
    type SyncTarget = StateTarget;

    async fn init(
        context: E,
        config: StateConfig,
        expected: Option<StateTarget>,
    ) -> Result<Self, InitError<Error, StateTarget>> {
        let end = expected.as_ref().map(|target| target.range.end());
        let state = Database::init(context, config, end)
            .await
            .map(Self)
            .map_err(InitError::Database)?;
        let recovered = state.sync_target();
        match expected {
            Some(expected) if expected != recovered => Err(InitError::TargetMismatch { expected, recovered }),
            _ => Ok(state),
        }
    }

    fn initial_sync_target() -> StateTarget {
        let first = non_empty_range!(Location::new(0), Location::new(1));
        Target::new(initial_root::<mmr::Family, Update, Keccak256>(), first)
    }

    fn new_batch(database: BatchContext<'_, Self>) -> StateBatch<E> {
        let (database, state) = database.into_parts();
        StateBatch {
            batch: database.0.new_batch(),
            state,
        }
    }

    fn matches_sync_target(batch: &SealedState<E>, target: &StateTarget) -> bool {
        let bounds = batch.bounds();
        batch.root() == target.root
            && *target.range.start() == bounds.inactivity_floor
            && *target.range.end() == bounds.tip.size
    }

    async fn apply(self, batch: SealedState<E>) -> Result<Self, Error> {
        self.0.apply_batch(batch.sealed).await.map(Self)
    }

    async fn finalize(self) -> Result<(Self, Handle<()>), Error> {
        let (database, durable) = self.0.start_sync().await?;
        Ok((Self(database), durable))
    }

    async fn prune(self, target: &StateTarget) -> Result<Self, Error> {
        self.0.prune(target.range.start()).await.map(Self)
    }

    fn sync_target(&self) -> StateTarget {
        let range = non_empty_range!(self.0.sync_boundary(), self.0.bounds().end);
        Target::new(self.0.root(), range)
    }
}

impl<E: Runtime, R: SourceFor<Database<E>>> StateSyncDb<E, R> for StateDb<E> {
    type SyncError = sync::Error<mmr::Family, R::Error, Digest>;

    async fn sync_db(
        context: E,
        config: StateConfig,
        source: R,
        target: StateTarget,
        tip_updates: ring::Receiver<StateTarget>,
        finish: Option<mpsc::Receiver<()>>,
        reached_target: Option<ring::Sender<StateTarget>>,
        limits: SyncEngineConfig,
    ) -> Result<Self, Self::SyncError> {
        let config = sync::engine::Config {
            context,
            source,
            target,
            max_outstanding_requests: limits.max_outstanding_requests,
            fetch_batch_size: limits.fetch_batch_size,
            apply_batch_size: limits.apply_batch_size,
            db_config: config,
            update_rx: Some(tip_updates),
            finish_rx: finish,
            reached_target_tx: reached_target,
        };
        sync::sync(config).await.map(Self)
    }
}

impl<E: Runtime> Source for StateDb<E> {
    type Family = mmr::Family;
    type Digest = Digest;
    type Op = StateOperation;
    type Error = Error;

    async fn serve(&self, request: Request<mmr::Family>) -> source::Result<Self> {
        self.0.serve(request).await
    }
}
