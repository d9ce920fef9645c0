//! What an administrator sets for a vendor, with defaults that are safe on a public port.
//!
//! Times end in `_ms`, sizes in `_bytes`. Unknown keys are refused, so that a misspelt limit is not a missing one.

use crate::verdict::Action;
use alloy::primitives::{Address, address};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Limits of a listening port.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Open connections; more wait in the system's backlog.
    pub connections: usize,
    /// Requests served at once; more are answered 503.
    pub requests: usize,
    /// Largest request body.
    pub body_bytes: usize,
    /// Longest time for a request's head, and for an idle connection.
    pub header_timeout_ms: u64,
    /// Longest time for a request from its head to its answer.
    pub request_timeout_ms: u64,
    /// Longest time that open requests get to finish at shutdown.
    pub drain_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            requests: 256,
            body_bytes: 4 << 20,
            header_timeout_ms: 30_000,
            request_timeout_ms: 10_000,
            drain_ms: 3_000,
        }
    }
}

/// Configuration of the threat vendor.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThreatConfig {
    /// Where to listen; port 0 takes any free port.
    pub listen: SocketAddr,
    /// Name in every verdict.
    #[serde(default = "threat_name")]
    pub name: String,
    /// `config.json` of the npm package `eth-phishing-detect` (or a file of that form). None: domains are not judged.
    #[serde(default)]
    pub phishing_list: Option<PathBuf>,
    /// Address lists beyond the reference list, in the form of `lists/addresses.json`.
    #[serde(default)]
    pub address_lists: Vec<PathBuf>,
    /// Whether the reference address list that ships with the vendor is used.
    #[serde(default = "yes")]
    pub reference_addresses: bool,
    /// What a domain deserves that only resembles a protected one.
    #[serde(default = "warn")]
    pub similar_domain: Action,
    /// Limits of the port.
    #[serde(default)]
    pub limits: Limits,
}

impl ThreatConfig {
    /// The defaults, listening on `listen`.
    #[must_use]
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            name: threat_name(),
            phishing_list: None,
            address_lists: Vec::new(),
            reference_addresses: true,
            similar_domain: Action::Warn,
            limits: Limits::default(),
        }
    }
}

/// Configuration of the simulation vendor.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimulationConfig {
    /// Where to listen; port 0 takes any free port.
    pub listen: SocketAddr,
    /// JSON-RPC of the Ethereum node that simulates, `http://host:port/…`.
    pub node: String,
    /// Name in every verdict.
    #[serde(default = "simulation_name")]
    pub name: String,
    /// What each finding deserves.
    #[serde(default)]
    pub policy: SimulationPolicy,
    /// Longest time for one call to the node.
    #[serde(default = "node_timeout")]
    pub node_timeout_ms: u64,
    /// Limits of the port.
    #[serde(default)]
    pub limits: Limits,
}

impl SimulationConfig {
    /// The defaults, listening on `listen` and simulating on `node`.
    #[must_use]
    pub fn new(listen: SocketAddr, node: impl Into<String>) -> Self {
        Self {
            listen,
            node: node.into(),
            name: simulation_name(),
            policy: SimulationPolicy::default(),
            node_timeout_ms: node_timeout(),
            limits: Limits::default(),
        }
    }
}

/// What each finding of a simulation deserves: `allow` keeps it as information.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SimulationPolicy {
    /// An unlimited ERC-20 or Permit2 allowance to a spender that is not trusted.
    pub unlimited_approval: Action,
    /// `setApprovalForAll` to an operator that is not trusted.
    pub approval_for_all: Action,
    /// Any allowance to an account without code, which no ordinary application asks for.
    pub approval_to_account: Action,
    /// Either of the first two, to a trusted spender.
    pub trusted_approval: Action,
    /// Value and gas that take at least [`Self::everything_percent`] of the sender's native balance.
    pub drains_native: Action,
    /// A transfer that takes at least [`Self::everything_percent`] of the sender's balance of a token.
    pub drains_token: Action,
    /// The transaction would revert or cannot run at all.
    pub reverts: Action,
    /// An EIP-7702 authorization hands an account to code.
    pub delegation: Action,
    /// The share of a balance that counts as everything, percent from 1 to 100.
    pub everything_percent: u8,
    /// Contracts whose allowances are ordinary. Default: Uniswap's Permit2.
    pub trusted_spenders: Vec<Address>,
}

impl Default for SimulationPolicy {
    fn default() -> Self {
        Self {
            unlimited_approval: Action::Block,
            approval_for_all: Action::Block,
            approval_to_account: Action::Warn,
            trusted_approval: Action::Warn,
            drains_native: Action::Warn,
            drains_token: Action::Warn,
            reverts: Action::Block,
            delegation: Action::Warn,
            everything_percent: 95,
            trusted_spenders: vec![address!("0x000000000022D473030F116dDEE9F6B43aC78BA3")],
        }
    }
}

fn threat_name() -> String {
    "rampart-reference-threat".to_owned()
}

fn simulation_name() -> String {
    "rampart-reference-simulation".to_owned()
}

const fn yes() -> bool {
    true
}

const fn warn() -> Action {
    Action::Warn
}

const fn node_timeout() -> u64 {
    5_000
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reads_a_whole_simulation_configuration() {
        let text = r#"
            listen = "127.0.0.1:0"
            node = "http://127.0.0.1:8545"
            [policy]
            reverts = "warn"
            everything_percent = 90
            trusted_spenders = []
            [limits]
            body_bytes = 1024
        "#;
        let config: SimulationConfig = toml::from_str(text).unwrap();
        assert_eq!(config.policy.reverts, Action::Warn);
        assert_eq!(config.policy.unlimited_approval, Action::Block);
        assert_eq!(config.policy.everything_percent, 90);
        assert_eq!(config.limits.body_bytes, 1024);
        assert_eq!(config.limits.connections, Limits::default().connections);
    }

    #[test]
    fn refuses_a_misspelt_key() {
        let text = "listen = \"127.0.0.1:0\"\nphising_list = \"x\"";
        assert!(toml::from_str::<ThreatConfig>(text).is_err());
    }

    #[test]
    fn the_readmes_configurations_are_the_defaults() {
        let mut blocks = include_str!("../README.md").split("```toml").skip(1);
        let mut next = || blocks.next().and_then(|rest| rest.split("```").next()).unwrap();
        let threat: ThreatConfig = toml::from_str(next()).unwrap();
        assert_eq!(format!("{:?}", threat.limits), format!("{:?}", Limits::default()));
        let simulation: SimulationConfig = toml::from_str(next()).unwrap();
        assert_eq!(
            format!("{:?}", simulation.policy),
            format!("{:?}", SimulationPolicy::default())
        );
    }
}
