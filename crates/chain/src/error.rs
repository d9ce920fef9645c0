//! Failures at a chain's RPC or in what it says.

use crate::bindings::SettlementContract::SettlementContractErrors;
use alloy::transports::{RpcError, TransportErrorKind};

/// Why something on a chain could not be read or done.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The RPC URL is not one.
    #[error("{url} is not an HTTP URL")]
    Url {
        /// What was given.
        url: String,
    },
    /// The RPC failed or refused.
    #[error("the chain's RPC failed: {0}")]
    Rpc(#[from] RpcError<TransportErrorKind>),
    /// A contract call failed for a reason that is none of our contracts'.
    #[error("a contract call failed: {0}")]
    Contract(alloy::contract::Error),
    /// One of our contracts refused, and says why.
    #[error("the settlement contract refused: {0}")]
    Refused(String),
    /// A transaction was not mined, or its receipt could not be had.
    #[error("a transaction was not confirmed: {0}")]
    Pending(#[from] alloy::providers::PendingTransactionError),
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
    /// The node contradicts itself or the contract's numbering.
    #[error("the RPC's answer is inconsistent: {0}")]
    Inconsistent(String),
}

impl From<alloy::contract::Error> for ChainError {
    fn from(error: alloy::contract::Error) -> Self {
        match error.as_decoded_interface_error::<SettlementContractErrors>() {
            Some(reason) => Self::Refused(sentence(&reason)),
            None => Self::Contract(error),
        }
    }
}

/// A contract's custom error as a sentence.
fn sentence(error: &SettlementContractErrors) -> String {
    // The derived form names the error and its arguments; that is what a person can look up in the contract.
    format!("{error:?}")
}
