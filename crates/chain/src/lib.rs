//! What Rampart does on Ethereum chains: contract bindings, deployment, the settlement contract's inbox as
//! observations, checkpoint submission, deposits and withdrawals.
//!
//! Only what is final is reported (`finalized` block tag), in the contract's own numbering; whether operators agree
//! that they saw it is the node's to decide.

pub mod bindings;
pub mod deploy;
pub mod error;
pub mod inbox;
pub mod settlement;

pub use error::ChainError;
pub use inbox::{InboxCursor, InboxReader};
pub use settlement::Settlement;
