//! Why an input was not applied: the user's fault, a record that is not loaded, or a broken state.

use crate::key::Key;
use crate::reject::Reject;
use crate::view::Missing;

/// The state contradicts itself: a fault of storage or of the ledger, never of a user. The caller must stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the state is corrupt at {key}: {what}")]
pub struct Corrupt {
    /// Where it was noticed.
    pub key: Key,
    /// What does not hold.
    pub what: &'static str,
}

impl Corrupt {
    /// A record of another kind than its key names.
    pub(crate) const fn kind(key: Key) -> Self {
        Self {
            key,
            what: "a record of another kind",
        }
    }
}

/// Why [`crate::apply()`] returned no changes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The input breaks a rule; nothing changes, not even the nonce.
    #[error("rejection {code}: {0}", code = .0.code())]
    Reject(#[from] Reject),
    /// A record is not loaded: load it and call again.
    #[error("record {0} is not loaded")]
    Missing(Key),
    /// The state contradicts itself.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
}

impl From<Missing> for Fault {
    fn from(missing: Missing) -> Self {
        Self::Missing(missing.0)
    }
}
