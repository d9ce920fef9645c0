//! What became of a transaction, and every error's body.

use super::json;
use super::named;
use alloc::string::String;
use alloy_primitives::B256;

json! {
    /// What became of a transaction.
    TransactionView {
        /// Its hash.
        hash: B256,
        /// See [`TransactionStatus`].
        status: TransactionStatus,
        /// Height of the block that applied it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        height: Option<u64>,
        /// Why it was rejected.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rejection: Option<Rejection>,
    }
}
json! {
    /// Whether a transaction of a batch was taken.
    BatchEntry {
        /// Its hash.
        hash: B256,
        /// [`TransactionStatus::Pending`] or [`TransactionStatus::Applied`] when it was; else
        /// [`TransactionStatus::Rejected`], if the ledger refuses it, or [`TransactionStatus::Unknown`].
        status: TransactionStatus,
        /// Why it was not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<ErrorView>,
    }
}
json! {
    /// A ledger's rejection.
    Rejection {
        /// Its number.
        code: u16,
        /// Its name.
        name: String,
        /// A sentence for a person.
        message: String,
    }
}
json! {
    /// Every error's body.
    ErrorBody {
        /// The error.
        error: ErrorView,
    }
}
json! {
    /// An error that a client can act on.
    ErrorView {
        /// A stable name in snake case, or the name of a ledger rejection.
        name: String,
        /// The number of a ledger rejection.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<u16>,
        /// A sentence for a person.
        message: String,
    }
}
named! {
    /// Where a transaction stands.
    TransactionStatus {
        /// Waiting for a block.
        Pending = "pending",
        /// In a finalized block.
        Applied = "applied",
        /// The ledger rejected it; it changed nothing.
        Rejected = "rejected",
        /// Never seen, or forgotten.
        Unknown = "unknown",
    }
}
