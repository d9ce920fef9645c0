//! Queries of the finalised state.

use super::{Digest, SharedState, StateKey};
use crate::engine::Runtime;
use commonware_storage::{mmr, qmdb};
use rampart_ledger::{Key, Record};
use std::sync::{Arc, OnceLock};

/// Why the state gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The operator is still opening or fetching its state.
    #[error("the state is not available yet: the operator is starting or fetching it from its peers")]
    Syncing,
    /// The database failed.
    #[error("the state database failed")]
    Database(#[source] qmdb::Error<mmr::Family>),
    /// A stored record does not decode: the store was written by an incompatible version or is damaged.
    #[error("the record at {key:?} does not decode")]
    Corrupt {
        /// Where it is.
        key: Key,
        /// What is wrong with it.
        #[source]
        source: rampart_protocol::DecodeError,
    },
}

/// Reads finalised records. Clones share one database; reads wait while a block is written.
pub struct StateReader<E: Runtime> {
    state: Arc<OnceLock<SharedState<E>>>,
}

impl<E: Runtime> Clone for StateReader<E> {
    fn clone(&self) -> Self {
        Self {
            state: self.state.clone(),
        }
    }
}

impl<E: Runtime> StateReader<E> {
    /// A reader whose database is put in by the returned cell once it is open.
    pub(crate) fn pending() -> (Self, Arc<OnceLock<SharedState<E>>>) {
        let state = Arc::new(OnceLock::new());
        (Self { state: state.clone() }, state)
    }

    /// One record.
    ///
    /// # Errors
    /// While the state is not open, and when the database fails.
    pub async fn get(&self, key: &Key) -> Result<Option<Record>, StateError> {
        let mut records = self.get_many(core::slice::from_ref(key)).await?;
        Ok(records.pop().flatten())
    }

    /// Several records of one state, in the order of the keys.
    ///
    /// # Errors
    /// While the state is not open, and when the database fails.
    pub async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Record>>, StateError> {
        let shared = self.state.get().ok_or(StateError::Syncing)?;
        let raw: Vec<StateKey> = keys.iter().map(super::state_key).collect();
        let raw: Vec<&StateKey> = raw.iter().collect();
        let values = {
            let database = shared.read().await;
            database.get_many(&raw).await.map_err(StateError::Database)?
        };
        keys.iter()
            .zip(values)
            .map(|(key, value)| super::decode_record(key, value.as_ref()))
            .collect()
    }

    /// The root of the state as it is now.
    ///
    /// # Errors
    /// While the state is not open.
    pub async fn root(&self) -> Result<Digest, StateError> {
        let shared = self.state.get().ok_or(StateError::Syncing)?;
        Ok(shared.read().await.root())
    }
}
