//! Where the ledger reads: the state as the caller has loaded it.

use crate::apply::Changeset;
use crate::fault::{Corrupt, Fault};
use crate::key::Key;
use crate::record::{Record, Stored};
use alloc::collections::BTreeMap;
use alloc::sync::Arc;

/// The record of this key is not loaded; whether it exists is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {0} is not loaded")]
pub struct Missing(pub Key);

/// A state to read from. One call of [`crate::apply()`] must see one state.
pub trait View {
    /// The record of a key, `None` when there is none.
    ///
    /// # Errors
    /// [`Missing`] when the caller must load it first and call again.
    fn get(&self, key: &Key) -> Result<Option<Record>, Missing>;
}

/// Reads a record of a known kind.
///
/// # Errors
/// [`Fault::Missing`] when it is not loaded, [`Fault::Corrupt`] when another kind of record lies there.
pub fn read<T: Stored>(view: &impl View, key: &Key) -> Result<Option<Arc<T>>, Fault> {
    let Some(record) = view.get(key)? else {
        return Ok(None);
    };
    match T::from_record(record) {
        Some(record) => Ok(Some(record)),
        None => Err(Corrupt::kind(*key).into()),
    }
}

/// A whole state in memory: for tests, simulations and genesis.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryState {
    records: BTreeMap<Key, Record>,
}

impl MemoryState {
    /// A state with these changes only, such as genesis.
    #[must_use]
    pub fn new(changes: Changeset) -> Self {
        let mut state = Self::default();
        state.commit(changes);
        state
    }

    /// Makes changes permanent.
    pub fn commit(&mut self, changes: Changeset) {
        for (key, record) in changes.writes {
            match record {
                Some(record) => self.records.insert(key, record),
                None => self.records.remove(&key),
            };
        }
    }

    /// The record of a key, if there is one.
    #[must_use]
    pub fn record(&self, key: &Key) -> Option<&Record> {
        self.records.get(key)
    }

    /// Every record, in the order of keys.
    pub fn records(&self) -> impl Iterator<Item = (&Key, &Record)> {
        self.records.iter()
    }
}

impl View for MemoryState {
    fn get(&self, key: &Key) -> Result<Option<Record>, Missing> {
        Ok(self.record(key).cloned())
    }
}
