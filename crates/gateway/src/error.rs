//! Why a gateway cannot start.

use crate::rules::RuleError;
use crate::sequence::SequenceError;
use crate::target::TargetError;
use crate::wallet::WalletError;
use rampart_protocol::{DecodeError, PurchaseId};
use std::net::SocketAddr;
use std::path::PathBuf;

/// A failure at the start.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The configuration file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The configuration is not in its form.
    #[error("the configuration is malformed")]
    Config(#[source] Box<toml::de::Error>),
    /// The configuration contradicts itself.
    #[error("the configuration makes no sense: {0}")]
    Policy(String),
    /// A rule contradicts itself or names what is not there.
    #[error("the configuration makes no sense: {0}")]
    Rule(#[from] RuleError),
    /// A changed configuration was given to a running gateway that cannot change this.
    #[error("{0} changed, which takes a restart")]
    Restart(&'static str),
    /// A transaction to check is not screened at all.
    #[error("the transaction would be refused unscreened ({})", .0.reason())]
    Transaction(#[source] crate::transaction::TransactionError),
    /// No rule takes a transaction to check in this form.
    #[error("no rule takes the form {0}, so that it would be refused")]
    NoRule(crate::form::Form),
    /// A URL cannot be used.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The listening address cannot be bound.
    #[error("cannot listen on {address}")]
    Listen {
        /// The configured address.
        address: SocketAddr,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The system gives no thread to keep decisions with.
    #[error("decisions cannot be kept")]
    Decisions(#[source] std::io::Error),
    /// The state directory cannot be used.
    #[error(transparent)]
    State(#[from] SequenceError),
    /// The wallet cannot be used.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// A confirmation file is no confirmation.
    #[error("{path} is not a confirmation")]
    Confirmation {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: DecodeError,
    },
    /// The operators' file cannot be used.
    #[error("the operator set cannot be used")]
    Operators(#[source] rampart_client::FollowError),
    /// A purchase does not fit the service that it is configured for.
    #[error("purchase {purchase} cannot be used: {reason}")]
    Purchase {
        /// The purchase.
        purchase: PurchaseId,
        /// Why not.
        reason: &'static str,
    },
}
