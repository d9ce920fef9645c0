//! Typed client of the node's HTTP API, and the offline verification of what a node says (X1).
//!
//! A node is not trusted: whatever matters to money is checked here against the operator set alone.

pub mod chain;
pub mod events;
pub mod exits;
pub mod follow;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod node;
mod query;
pub mod verify;

pub use chain::{HandoverError, OperatorChain};
pub use events::{Events, EventsError, Start};
pub use exits::{ExitError, verify_archive, verify_proof, verify_roots, verify_signatures};
pub use follow::{FollowError, FollowedOperators};
pub use node::{ClientError, NodeClient, Submitted};
pub use query::{ServiceQuery, ServiceSort};
pub use verify::{Verifier, VerifyError, verify_confirmation};
