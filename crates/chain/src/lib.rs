//! What Rampart does on Ethereum chains: contract bindings, deployment, what the contracts number for the
//! ledger as observations, checkpoint submission, deposits, withdrawals, and the ways out.
//!
//! Only what is final is reported (`finalized` block tag), in the contract's own numbering; whether operators agree
//! that they saw it is the node's to decide.

pub mod bindings;
mod connection;
pub mod deploy;
pub mod error;
pub mod events;
pub mod examine;
pub mod hatch;
pub mod l1;
mod logs;
pub mod refusal;
mod roots;
pub mod settlement;

pub use error::ChainError;
pub use events::{EventCursor, EventReader};
pub use refusal::Refusal;
pub use settlement::Settlement;
