//! What Rampart does on Ethereum chains: contract bindings, deployment, what the contracts number for the
//! ledger as observations, checkpoint submission, deposits, withdrawals, and the ways out.
//!
//! Only what is final is reported, as a quorum of endpoints says, in the contract's own numbering; whether operators agree that
//! they saw it is the node's to decide.

pub mod bindings;
mod connection;
pub mod deploy;
pub mod endpoints;
pub mod error;
pub mod events;
pub mod examine;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod hatch;
pub mod l1;
mod logs;
pub mod outgoing;
pub mod refusal;
mod roots;
pub mod settlement;
pub mod tracker;
mod transport;
mod watch;

pub use endpoints::{Endpoints, Finality};
pub use error::ChainError;
pub use events::{EventCursor, EventReader, Sequence};
pub use outgoing::Outgoing;
pub use refusal::Refusal;
pub use settlement::Settlement;
pub use tracker::{Mark, Tracker};
pub use transport::MAX_ANSWER;
pub use watch::{Target, Watcher};
