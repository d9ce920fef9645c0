//! Why a duty cannot be done.

use super::judge::JudgeError;
use super::probe::ProberError;
use super::sealed::SealedError;
use super::store::StoreError;
use super::tally::UnknownService;
use crate::index::IndexError;
use crate::mempool::PoolError;
use crate::storage::StateError;
use rampart_protocol::{Address, TransactionError};

/// Why a duty cannot be done. What can is tried again.
#[derive(Debug, thiserror::Error)]
pub enum DutyError {
    /// The ledger's state cannot be read.
    #[error("the state cannot be read")]
    State(#[from] StateError),
    /// The index cannot be read.
    #[error("the index cannot be read")]
    Index(#[from] IndexError),
    /// What must not be forgotten cannot be kept.
    #[error("the record of duties cannot be used")]
    Store(#[from] StoreError),
    /// A sealed verdict cannot be kept or opened.
    #[error("a sealed verdict cannot be used")]
    Sealed(#[from] SealedError),
    /// A judge could not look.
    #[error("a judge could not look")]
    Judge(#[from] JudgeError),
    /// A bitmap cannot be made.
    #[error("a report cannot be made")]
    Bitmap(#[from] UnknownService),
    /// Probes cannot be made.
    #[error("probes cannot be made")]
    Prober(#[from] ProberError),
    /// The account's keystore cannot be unlocked.
    #[error("the account's keystore cannot be used")]
    Key(#[from] crate::keys::KeyError),
    /// A keystore is configured and no password.
    #[error("duties.keystore needs duties.password_file")]
    NoPassword,
    /// The operator's account is not in the ledger, so it cannot send anything.
    #[error(
        "account {0} is not in the ledger: an operator's account opens when the L1 tells of it, or by a deposit"
    )]
    NoAccount(Address),
    /// The account is no operator's, or one that has left.
    #[error("account {0} has no stake as an operator: configure duties.keystore, or leave [duties] out")]
    NoStake(Address),
    /// The key does not sign.
    #[error("the operator's key does not sign")]
    Sign(#[source] alloy::signers::Error),
    /// The operator's own signature does not verify.
    #[error("the operator's own signature does not verify")]
    Signature(#[source] TransactionError),
    /// The mempool takes nothing more.
    #[error("the mempool does not take it")]
    Pool(#[from] PoolError),
    /// The process is stopping.
    #[error("a task was stopped")]
    Stopped(#[from] tokio::task::JoinError),
}
