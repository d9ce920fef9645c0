//! The Rampart operator: consensus on the ledger, its storage, and what clients and chains see of it.
//!
//! The engine ([`engine`], [`application`], [`storage`]) is generic over runtime and network; the rest is the process
//! around it. No ledger rule is in here.

pub mod api;
pub mod application;
pub mod backup;
pub mod block;
pub mod checkpoint;
pub mod config;
pub mod disk;
pub mod engine;
pub mod exits;
pub mod feed;
pub mod follower;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod gossip;
pub mod handovers;
pub mod hatch;
pub mod index;
pub mod keys;
pub mod mempool;
pub mod monitor;
mod process;
mod run;
mod sink;
pub mod storage;

pub use config::{FollowerConfig, NetworkFile, NodeConfig, Restaking};
pub use follower::follow;
pub use keys::{KeyError, Keys};
pub use monitor::DutiesConfig;
pub use rampart_ledger::{GenesisOperator, Params};
pub use run::{NodeError, run};
