//! The provider's sidecar: a reverse proxy that lets a request through when a purchase entitles to it (C6, V6).
//!
//! It decides entitlement, and meters use durably before anything is served (P3). It leaves the ledger's rules to the operators,
//! whose certified confirmations it verifies offline (X1), and the service itself to the vendor's API behind it, which
//! knows nothing of Rampart.
//!
//! Public port, plain HTTP/1.1: every service under its path prefix, and `/.rampart/{health,offer,confirmations}`. Why a
//! request is refused is listed in [`refusal::Refusal`]; when it counts, in [`meter`]; limits are in [`config::Limits`].
//! Admin port, on loopback: [`admin`].

pub mod admin;
pub mod admission;
mod blocks;
mod body;
pub mod claim;
pub mod config;
mod confirmations;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;

mod counters;
mod headers;
mod link;
pub mod meter;
mod offer;
mod own_paths;
mod proxy;
mod rate;
pub mod refusal;
mod reply;
pub mod routes;
mod server;
mod shared;
mod sidecar;
mod slow_peer;
mod upstream;
pub mod verifier;
pub mod window;

pub use crate::config::{Config, ConfigError, Limits, ServiceConfig};
pub use crate::shared::{Clock, system_clock};
pub use crate::sidecar::{Sidecar, SidecarError, run};
