//! Where the ledger's state and the chain's blocks are kept.
//!
//! Decides the database types, their partitions and their sizes. State is one QMDB (`any`, unordered, variable
//! values, Keccak-256): its root is what a block header commits to. Blocks and certificates are prunable archives.
//! What a record means is the ledger's; when state is written is the engine's.

mod config;
mod reader;
mod value;

pub(crate) use config::{IO_BUFFER, ITEMS_PER_SECTION, SYNC_BATCH, archive_config};
pub use config::{StorageConfig, page_cache, state_config};
pub use reader::{StateError, StateReader};
pub use value::{MAX_OPERATION, MAX_VALUE, StateKey, StateValue, ValueTooLong};

use commonware_cryptography::{Keccak256, keccak256};
use commonware_glue::stateful::db::Shared;
use commonware_parallel::Sequential;
use commonware_storage::{
    mmr,
    qmdb::{any::unordered::variable, sync::Target},
    translator::EightCap,
};
use rampart_ledger::{Key, Record};

/// A digest of the state, of a block, or of a node of either tree: Keccak-256, the hash of both chains.
pub type Digest = keccak256::Digest;

/// The authenticated key-value database of the ledger's records.
pub type StateDb<E> = variable::Db<mmr::Family, E, StateKey, StateValue, Keccak256, EightCap, Sequential>;

/// One entry of the state's log.
pub(crate) type StateOperation = variable::Operation<mmr::Family, StateKey, StateValue>;

/// The database as the engine shares it between execution, queries and state sync.
pub type SharedState<E> = Shared<StateDb<E>>;

/// What a header commits to: the root and the range of operations that reaches it.
pub type StateTarget = Target<mmr::Family, Digest>;

/// The ledger's key as the database's. The ledger spreads keys over their first eight bytes, which is all that the
/// index compares.
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
