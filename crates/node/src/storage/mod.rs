//! Where the ledger's state and the chain's blocks are kept.
//!
//! Decides the database types, their partitions and their sizes. State is one QMDB (`any`, unordered, variable
//! values, Keccak-256): its root is what a block header commits to. Blocks and certificates are prunable archives.
//! What a record means is the ledger's; when state is written is the engine's.

mod config;
mod reader;
mod state;
mod value;

pub(crate) use config::{IO_BUFFER, SYNC_BATCH, archive_config};
pub use config::{StorageConfig, page_cache, state_config};
pub use reader::{StateError, StateReader};
pub(crate) use state::StateOperation;
pub use state::{SealedState, SharedState, StateBatch, StateDb, StateTarget};
pub use value::{MAX_OPERATION, MAX_VALUE, StateKey, StateValue, ValueTooLong};

use commonware_cryptography::keccak256;
use rampart_ledger::{Key, Record};

/// A digest of the state, of a block, or of a node of either tree: Keccak-256, the hash of both chains.
pub type Digest = keccak256::Digest;

/// The ledger's key as the database's. The ledger spreads keys over their first eight bytes; the index compares nine.
pub(crate) fn state_key(key: &Key) -> StateKey {
    StateKey::new(*key.as_bytes())
}

/// The record that was stored under a key.
pub(crate) fn decode_record(key: &Key, value: Option<&StateValue>) -> Result<Option<Record>, StateError> {
    value
        .map(|value| Record::from_bytes(value.as_bytes()))
        .transpose()
        .map_err(|source| StateError::Corrupt { key: *key, source })
}
