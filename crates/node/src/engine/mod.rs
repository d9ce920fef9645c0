//! Agreement among operators: the wiring of the consensus engine around the ledger application.
//!
//! [`start`] assembles one operator's actors over any runtime and any network: agreement (`simplex`), dissemination
//! and ordered delivery of finalised blocks (`marshal`), speculative and finalised state (`stateful` over QMDB), and
//! the state sync by which a wiped operator rejoins. Production runs it over Tokio and authenticated connections
//! ([`network`]), the tests over a seeded simulation of both.
//!
//! Agreement runs in epochs of a fixed number of heights, one instance each (`epochs`), among the committee of that
//! epoch (`committees`); whoever joins learns the committees by proof (`handover`).
//!
//! Whoever only wants to know what is final runs [`follow`]: the same parts, without agreement and without peers.
//!
//! What a block means is [`crate::application`]'s; what to put into one is the caller's
//! [`Source`](crate::application::Source).

mod actors;
mod assemble;
mod channels;
mod committees;
mod config;
mod epochs;
mod follow;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod handle;
mod handover;
pub mod network;
mod remembered;
mod runtime;
mod scheme;
mod state_sync;

pub use assemble::{Network, start};
pub use channels::{Channels, ENGINE_CHANNELS, MAX_GOSSIP, MAX_SEATS, max_message_size};
pub use committees::Committees;
pub use config::{EngineConfig, MIN_EPOCH_BLOCKS, Timeouts};
pub use follow::{Supply, follow};
pub use handle::{Certificate, Chain, Engine, EngineError};
pub use runtime::Runtime;
pub use scheme::{Finalization, Scheme, SchemeError, participants};
