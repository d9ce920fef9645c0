//! Failures at a chain's RPC or in what it says.

use crate::refusal::Refusal;
use alloy::providers::PendingTransactionError;
use alloy::transports::http::reqwest;
use alloy::transports::{RpcError, TransportError, TransportErrorKind};
use std::error::Error;

/// Most characters of a cause that are quoted: an endpoint may answer with a whole page.
const MAX_CAUSE: usize = 300;

/// Why something on a chain could not be read or done. Endpoints' URLs are never part of it, since they carry keys.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The RPC URL is not one.
    #[error("the RPC endpoint is not an http:// or https:// URL: {0}")]
    Url(String),
    /// The endpoints of a chain cannot be used together.
    #[error("the RPC endpoints cannot be used: {0}")]
    Endpoints(String),
    /// The RPC does not have a block that it should.
    #[error("the RPC does not have block {0}")]
    NoBlock(u64),
    /// No HTTP client can be made.
    #[error("no HTTP client can be made: {0}")]
    Client(#[source] reqwest::Error),
    /// The RPC failed or refused.
    #[error("the chain's RPC failed: {}", causes(.0))]
    Rpc(#[source] TransportError),
    /// A contract call failed for a reason that is none of our contracts'.
    #[error("a contract call failed: {}", causes(.0))]
    Contract(#[source] alloy::contract::Error),
    /// A contract refused, and says why.
    #[error("the contract refused: {0}")]
    Refused(Box<Refusal>),
    /// A transaction was not mined, or its receipt could not be had.
    #[error("a transaction was not confirmed: {}", causes(.0))]
    Pending(#[source] PendingTransactionError),
    /// A transaction was mined and failed.
    #[error("transaction {0} was mined but reverted")]
    Reverted(alloy::primitives::TxHash),
    /// The RPC serves another chain.
    #[error("the RPC serves chain {actual}, {expected} is configured")]
    WrongChain {
        /// As configured.
        expected: u64,
        /// As the RPC says.
        actual: u64,
    },
    /// There is no bytecode to deploy.
    #[error(transparent)]
    Bytecode(#[from] crate::l1::bytecode::BytecodeError),
    /// A setting of a deployment is beyond what its contract can keep.
    #[error("the {0} of {1} is more than the contract can keep")]
    Setting(&'static str, u64),
    /// A transaction cannot be signed.
    #[error("a transaction cannot be signed")]
    Sign(#[from] alloy::signers::Error),
    /// A transaction cannot be kept on the disk, so it is not sent.
    #[error("a transaction cannot be kept on the disk, and is not sent")]
    Keep(#[source] std::io::Error),
    /// What was asked needs a key, and the client has none.
    #[error("this needs the key of an account, and only an address or nothing was given")]
    NoSigner,
    /// The node contradicts itself or the contract's numbering.
    #[error("the RPC's answer is inconsistent: {0}")]
    Inconsistent(String),
}

impl ChainError {
    /// The contract's reason, if it was a contract that refused.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

impl From<TransportError> for ChainError {
    fn from(error: TransportError) -> Self {
        Self::Rpc(without_url(error))
    }
}

impl From<PendingTransactionError> for ChainError {
    fn from(error: PendingTransactionError) -> Self {
        Self::Pending(match error {
            PendingTransactionError::TransportError(error) => without_url(error).into(),
            error => error,
        })
    }
}

impl From<alloy::contract::Error> for ChainError {
    fn from(error: alloy::contract::Error) -> Self {
        if let Some(refusal) = error.as_revert_data().and_then(|data| Refusal::decode(&data)) {
            return Self::Refused(Box::new(refusal));
        }
        match error {
            alloy::contract::Error::TransportError(error) => {
                // A revert for another reason is the contract's answer; anything else is the endpoint's.
                if error.is_error_resp() {
                    Self::Contract(error.into())
                } else {
                    error.into()
                }
            }
            alloy::contract::Error::PendingTransactionError(error) => error.into(),
            error => Self::Contract(error),
        }
    }
}

/// Takes the URL, which may carry a key, out of an HTTP client's error.
fn without_url(error: TransportError) -> TransportError {
    match error {
        RpcError::Transport(TransportErrorKind::Custom(cause)) => match cause.downcast::<reqwest::Error>() {
            Ok(cause) => TransportErrorKind::custom(cause.without_url()),
            Err(cause) => RpcError::Transport(TransportErrorKind::Custom(cause)),
        },
        error => error,
    }
}

/// An error and its causes in one line.
fn causes(error: &dyn Error) -> String {
    let (mut said, mut next) = (String::new(), Some(error));
    while let Some(error) = next {
        let cause: String = error.to_string().chars().take(MAX_CAUSE).collect();
        if !said.contains(&cause) {
            if !said.is_empty() {
                said.push_str(": ");
            }
            said.push_str(&cause);
        }
        next = error.source();
    }
    said
}
