//! Two reference security vendors: ordinary HTTP services that know nothing of Rampart.
//!
//! The *threat* vendor answers from lists: phishing domains and malicious addresses. The *simulation* vendor answers
//! from an Ethereum node: what a transaction would do if it ran now. Both judge one transaction at a time in one
//! documented verdict schema ([`verdict`]), keep no state between requests, and decide nothing for the caller: a
//! verdict is advice, and who pays for it is the business of whatever stands in front of the vendor.

pub mod addresses;
pub mod calldata;
mod config;
mod http;
mod listener;
pub mod phishing;
pub mod request;
mod simulation;
mod threat;
pub mod verdict;

pub use config::{Limits, SimulationConfig, SimulationPolicy, ThreatConfig};
pub use listener::Bound;
pub use simulation::{bind_simulation, run_simulation};
pub use threat::{bind_threat, run_threat};

/// Why a vendor cannot start or serve.
#[derive(Debug, thiserror::Error)]
pub enum VendorError {
    /// The listening address cannot be bound.
    #[error("cannot listen on {address}")]
    Listen {
        /// The configured address.
        address: std::net::SocketAddr,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The phishing list cannot be used.
    #[error(transparent)]
    Phishing(#[from] phishing::PhishingListError),
    /// An address list cannot be used.
    #[error(transparent)]
    Addresses(#[from] addresses::AddressListError),
    /// The node's URL cannot be used.
    #[error("the node's URL {0:?} is not an http URL")]
    NodeUrl(String),
    /// The HTTP client of the node cannot be built.
    #[error("cannot build the node's HTTP client")]
    NodeClient(#[source] reqwest::Error),
}
