//! Why a transaction is not taken in.

use rampart_ledger::Reject;
use rampart_protocol::Nonce;
use rampart_protocol::api::Rejection;

/// Why a transaction is not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// It waits already.
    #[error("this transaction is waiting already")]
    Known,
    /// The account's state has gone past its nonce.
    #[error("nonce {got} was used already, the account's next is {expected}")]
    StaleNonce {
        /// The transaction's.
        got: Nonce,
        /// The account's next.
        expected: Nonce,
    },
    /// Its nonce is too far ahead.
    #[error("nonce {got} is {limit} or more ahead of the account's next, {expected}")]
    FarNonce {
        /// The transaction's.
        got: Nonce,
        /// The account's next.
        expected: Nonce,
        /// Nonces that may wait.
        limit: usize,
    },
    /// Another transaction holds its nonce.
    #[error("another transaction with nonce {0} is waiting")]
    NonceTaken(Nonce),
    /// The settlement is frozen for ever.
    #[error(
        "the settlement is frozen for ever: nothing that the ledger still does is ever paid out, so no transaction is \
         taken; leave with what the last checkpoint gives: rampart account exit"
    )]
    Frozen,
    /// The pool is full.
    #[error("the mempool is full: {0} transactions are waiting; try again later")]
    Full(usize),
}

impl PoolError {
    /// A stable name for clients.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Known => "known_transaction",
            Self::StaleNonce { .. } => "stale_nonce",
            Self::FarNonce { .. } => "far_nonce",
            Self::NonceTaken(_) => "nonce_taken",
            Self::Frozen => "settlement_frozen",
            Self::Full(_) => "mempool_full",
        }
    }
}

/// A ledger's answer as clients see it.
#[must_use]
pub fn rejection(reject: &Reject) -> Rejection {
    Rejection {
        code: reject.code(),
        name: reject.name().to_owned(),
        message: reject.to_string(),
    }
}
