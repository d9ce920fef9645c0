//! What the node's administrator decides (N2), read from TOML, and whether it makes sense.
//!
//! Times end in `_ms`, sizes in `_bytes`. Unknown keys are refused. Defaults are the safe choice: fail closed, no
//! unprotected transactions, no methods that would send a transaction past the screening.

use crate::access::{ClientConfig, Clients};
use crate::breaker::BreakerConfig;
use crate::decisions::Retention;
use crate::error::GatewayError;
use crate::health::HealthConfig;
use crate::policy::Policy;
use crate::rules::{NamedPolicy, RuleConfig, Rules};
use crate::target::Target;
use crate::upstream::websocket_uri;
use rampart_protocol::{ProviderId, PurchaseId, ServiceId};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Configuration of a gateway.
///
/// ```toml
/// listen = "127.0.0.1:8547"
/// upstream = "http://127.0.0.1:8545"    # the node's JSON-RPC
/// state = "gateway-state"               # sequence numbers; one gateway per directory
/// wallet = "purchases"                  # what `rampart consumer buy` writes
/// chain_id = 31337                      # optional: the node is asked otherwise
/// nodes = ["http://127.0.0.1:8100"]     # optional: where missing confirmations are fetched
/// operators = "operators.json"          # optional: fetched and stored confirmations are verified against it
///
/// [policy]
/// mode = "all"                          # or { at_least = 2 }
/// timeout_ms = 3000
/// on_error = "fail-closed"              # or "fail-open"
/// on_unpaid = "fail-closed"             # a package that is missing, used up or expired
/// warn = "allow"                        # or "block"
/// dry_run = false                       # only log decisions
///
/// [[rules]]                             # the first that matches applies, [policy] to everything else
/// name = "large"
/// when = { min_value = "1000000000000000000" }
/// on_error = "fail-closed"
///
/// [[services]]
/// name = "threat"
/// service = 1                           # any usable purchase of this service in the wallet
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where wallets connect; port 0 takes any free port.
    pub listen: SocketAddr,
    /// The nodes, the first usable one first.
    pub upstream: Upstreams,
    /// When one of several nodes is left out.
    #[serde(default)]
    pub health: HealthConfig,
    /// Directory of the sequence numbers. One gateway at a time uses it.
    pub state: PathBuf,
    /// Directory of purchases, see [`crate::wallet`].
    #[serde(default)]
    pub wallet: Option<PathBuf>,
    /// The node's chain. None: the node is asked, and nothing is relayed before it has answered.
    #[serde(default)]
    pub chain_id: Option<u64>,
    /// Base URLs of operators' APIs, where a missing confirmation is fetched.
    #[serde(default)]
    pub nodes: Vec<String>,
    /// JSON file of the operator set that confirmations are verified against. None: the sidecar is left to verify.
    #[serde(default)]
    pub operators: Option<PathBuf>,
    /// Whether legacy transactions without a chain id (from before EIP-155) are relayed once screened.
    #[serde(default)]
    pub allow_unprotected: bool,
    /// Host names under which clients call, besides IP addresses and `localhost`; `"*"` for any. A web page that
    /// makes its own name point here (DNS rebinding) is refused by this.
    #[serde(default)]
    pub hosts: BTreeSet<String>,
    /// Web pages that may open a WebSocket, by origin (`https://dapp.example`); `"*"` for any. Programs send no origin.
    #[serde(default)]
    pub origins: BTreeSet<String>,
    /// Which methods are relayed.
    #[serde(default)]
    pub methods: Methods,
    /// How verdicts become a decision.
    #[serde(default)]
    pub policy: Policy,
    /// Policies that clients may choose.
    #[serde(default)]
    pub policies: BTreeMap<String, NamedPolicy>,
    /// Who may call, and choose what. None: anyone who reaches the port, and nothing.
    #[serde(default)]
    pub clients: Vec<ClientConfig>,
    /// Rules for some transactions, the first that matches first.
    #[serde(default)]
    pub rules: Vec<RuleConfig>,
    /// How long decisions are kept.
    #[serde(default)]
    pub decisions: Retention,
    /// Limits of the port.
    #[serde(default)]
    pub limits: Limits,
    /// The services that are asked about each transaction.
    #[serde(default)]
    pub services: Vec<ServiceConfig>,
}

/// The nodes behind the gateway: a URL, `{ http, ws }`, or a list of these.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "UpstreamsText")]
pub struct Upstreams(pub Vec<NodeConfig>);

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeConfig {
    /// Its JSON-RPC, `http://host:port/path`.
    pub http: String,
    /// Where it takes WebSockets, `ws://host:port/path`. None: clients' WebSockets need another node.
    pub ws: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a URL, { http = URL, ws = URL }, or a list of these")]
enum UpstreamsText {
    // First: a derived reader would take a list of two URLs for the members of a node in order.
    Many(Vec<NodeText>),
    One(NodeText),
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a URL or { http = URL, ws = URL }")]
enum NodeText {
    Url(String),
    Table(NodeTable),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NodeTable {
    http: String,
    ws: Option<String>,
}

impl From<UpstreamsText> for Upstreams {
    fn from(text: UpstreamsText) -> Self {
        let nodes = match text {
            UpstreamsText::One(node) => vec![node],
            UpstreamsText::Many(nodes) => nodes,
        };
        let nodes = nodes.into_iter().map(|node| match node {
            NodeText::Url(http) => NodeConfig { http, ws: None },
            NodeText::Table(NodeTable { http, ws }) => NodeConfig { http, ws },
        });
        Self(nodes.collect())
    }
}

/// A bought service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceConfig {
    /// Name in logs and errors; unique.
    pub name: String,
    /// The service's id on the marketplace.
    pub service: ServiceId,
    /// The provider's id; purchases from another are not used.
    #[serde(default)]
    pub provider: Option<ProviderId>,
    /// The provider's sidecar. None: as the purchase's wallet file says.
    #[serde(default)]
    pub sidecar: Option<String>,
    /// Path of the vendor's API behind the sidecar.
    #[serde(default = "screen_path")]
    pub path: String,
    /// Only this purchase. None: any usable purchase of the service in the wallet, the first to expire first.
    #[serde(default)]
    pub purchase: Option<PurchaseId>,
    /// Instead of the wallet: the access key's seed, 32 bytes in hex, in a file with mode 0600.
    #[serde(default)]
    pub access_key_file: Option<PathBuf>,
    /// Instead of the wallet: the confirmation's RLP, raw or in hex.
    #[serde(default)]
    pub confirmation_file: Option<PathBuf>,
    /// Use at most this many requests of the package, for instance to share it. None: all.
    #[serde(default)]
    pub requests: Option<u64>,
    /// How requests are signed.
    #[serde(default)]
    pub signature: Signing,
    /// How long a verdict answers the same question of the same provider again, without a request; 0 is never. Everything else that
    /// verdicts rest on may change meanwhile: seconds for a vendor that simulates on the chain's state.
    #[serde(default)]
    pub cache_ms: u64,
    /// When the service is left alone after failures. None: never. While it is, the rule's `on_error` decides: with
    /// `fail-open`, whoever can make a vendor fail passes everything by it for that time.
    #[serde(default)]
    pub breaker: Option<BreakerConfig>,
}

/// How a service's requests are signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signing {
    /// Each by the access key: exact whatever crashes, and a millisecond or two of the sidecar's disk for each.
    #[default]
    Ed25519,
    /// Blocks of a sixteenth of the package (at most 64 requests) by the access key, each request by a MAC: faster, and a crash of
    /// the sidecar burns what is left of a block, as a crash of the gateway does in either way.
    HmacSha256,
}

/// Which methods are relayed. A method that would send a transaction in a form that cannot be screened never is,
/// unless it is listed in `allow`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Methods {
    /// When not empty, nothing else is relayed.
    pub only: BTreeSet<String>,
    /// Never relayed.
    pub deny: BTreeSet<String>,
    /// Relayed though they look like sending a transaction.
    pub allow: BTreeSet<String>,
}

/// Limits of the listening port and of what it sets off.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Open connections; more wait in the system's backlog.
    pub connections: usize,
    /// Open WebSockets; more are answered 503.
    pub websockets: usize,
    /// Longest silence of a WebSocket's client, which is asked for a sign of life at half of it.
    pub websocket_idle_ms: u64,
    /// Largest request body, and largest message of a WebSocket's client. A transaction with six blobs takes 1.7 MB of JSON.
    pub body_bytes: usize,
    /// Most calls in a batch.
    pub batch: usize,
    /// Longest time for a request's head, and for an idle connection.
    pub header_timeout_ms: u64,
    /// Longest time for a request's body to arrive.
    pub body_timeout_ms: u64,
    /// Longest time without progress in writing an answer to a client that does not read it.
    pub stall_timeout_ms: u64,
    /// Longest time for the node to begin an answer.
    pub upstream_timeout_ms: u64,
    /// Largest answer of the node that is held in memory, which only batches with screened calls need.
    pub upstream_bytes: usize,
    /// Transactions screened at once; more are answered -32097.
    pub screenings: usize,
    /// Most transactions of a bundle, and calls of a user operation; each is a screening, and more than
    /// `screenings` are never taken.
    pub bundle: usize,
    /// Longest time that open requests get to finish at shutdown.
    pub drain_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            websockets: 256,
            websocket_idle_ms: 120_000,
            body_bytes: 2 << 20,
            batch: 100,
            header_timeout_ms: 30_000,
            body_timeout_ms: 15_000,
            stall_timeout_ms: 30_000,
            upstream_timeout_ms: 30_000,
            upstream_bytes: 32 << 20,
            screenings: 64,
            bundle: 16,
            drain_ms: 5_000,
        }
    }
}

impl Config {
    /// Reads and checks a configuration file. Relative paths in it are relative to its directory.
    ///
    /// # Errors
    /// When it cannot be read, is malformed or makes no sense.
    pub fn read(path: &Path) -> Result<Self, GatewayError> {
        let text = std::fs::read_to_string(path).map_err(|source| GatewayError::Read {
            path: path.to_owned(),
            source,
        })?;
        let mut config = Self::parse(&text)?;
        config.rebase(path.parent().unwrap_or(Path::new(".")));
        Ok(config)
    }

    /// Parses and checks a configuration.
    ///
    /// # Errors
    /// When it is malformed or makes no sense.
    pub fn parse(text: &str) -> Result<Self, GatewayError> {
        let config: Self = toml::from_str(text).map_err(|error| GatewayError::Config(Box::new(error)))?;
        config.check()?;
        Ok(config)
    }

    fn rebase(&mut self, base: &Path) {
        let rebase = |path: &mut PathBuf| *path = base.join(&*path);
        rebase(&mut self.state);
        self.wallet.iter_mut().chain(&mut self.operators).for_each(rebase);
        for service in &mut self.services {
            service
                .access_key_file
                .iter_mut()
                .chain(&mut service.confirmation_file)
                .for_each(rebase);
        }
    }

    /// The rules with nothing left out.
    ///
    /// # Errors
    /// Naming what makes no sense.
    pub fn all_rules(&self) -> Result<Rules, GatewayError> {
        let names = self.services.iter().map(|service| service.name.clone());
        let names = names.collect();
        Ok(Rules::new(&self.policy, &self.policies, &self.rules, &names)?)
    }

    /// The clients, checked against the rules.
    ///
    /// # Errors
    /// Naming what makes no sense.
    pub fn all_clients(&self) -> Result<Clients, GatewayError> {
        let names = self.services.iter().map(|service| service.name.clone());
        Clients::new(&self.clients, &self.all_rules()?, &names.collect()).map_err(GatewayError::Policy)
    }

    /// Checks what the form alone does not.
    ///
    /// # Errors
    /// Naming what makes no sense.
    pub fn check(&self) -> Result<(), GatewayError> {
        for node in &self.upstream.0 {
            Target::parse(&node.http)?;
            node.ws.as_deref().map(websocket_uri).transpose()?;
        }
        if self.upstream.0.is_empty() {
            return Err(GatewayError::Policy(
                "upstream: there must be at least one node".to_owned(),
            ));
        }
        if self.health.interval_ms == 0 || self.health.timeout_ms == 0 {
            return Err(GatewayError::Policy(
                "health: times must be at least 1".to_owned(),
            ));
        }
        self.all_clients()?;
        if self.decisions.days == 0 || self.decisions.bytes < MIN_DECISION_BYTES {
            return Err(GatewayError::Policy(format!(
                "decisions: days must be at least 1 and bytes at least {MIN_DECISION_BYTES}"
            )));
        }
        if self.limits.bundle == 0 {
            return Err(GatewayError::Policy(
                "limits: bundle must be at least 1".to_owned(),
            ));
        }
        if self.limits.websocket_idle_ms < 1_000 {
            return Err(GatewayError::Policy(
                "limits: websocket_idle_ms must be at least 1000".to_owned(),
            ));
        }
        let mut names = BTreeSet::new();
        for service in &self.services {
            let fail = |reason: &str| {
                Err(GatewayError::Policy(format!(
                    "service {:?}: {reason}",
                    service.name
                )))
            };
            if !names.insert(&service.name) {
                return fail("the name is used twice");
            }
            if !service.path.starts_with('/') || service.path.contains(['?', '#', ' ']) {
                return fail("path must be an absolute path without a query");
            }
            if let Some(sidecar) = &service.sidecar {
                Target::parse(sidecar)?;
            }
            if service.cache_ms > HOUR_MS {
                return fail("cache_ms is at most an hour");
            }
            if service
                .breaker
                .is_some_and(|breaker| breaker.failures == 0 || !(1..=HOUR_MS).contains(&breaker.rest_ms))
            {
                return fail("breaker: failures must be at least 1, and rest_ms between 1 and an hour");
            }
            match (&service.access_key_file, &service.confirmation_file) {
                (Some(_), Some(_)) if service.sidecar.is_none() => return fail("it needs a sidecar"),
                (Some(_), Some(_)) => {}
                (None, None) if self.wallet.is_none() => {
                    return fail("it needs a wallet, or access_key_file and confirmation_file");
                }
                (None, None) => {}
                _ => return fail("access_key_file and confirmation_file go together"),
            }
        }
        Ok(())
    }
}

/// Least room for kept decisions, so that a file holds at least one with its verdicts.
const MIN_DECISION_BYTES: u64 = 16 << 20;

/// Longest time that a verdict is used again, and that a service is left alone.
const HOUR_MS: u64 = 3_600_000;

fn screen_path() -> String {
    "/v1/screen".to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::policy::{Mode, OnError};

    const MINIMAL: &str = r#"
        listen = "127.0.0.1:0"
        upstream = "http://127.0.0.1:8545"
        state = "state"
        wallet = "purchases"
        [[services]]
        name = "threat"
        service = 1
    "#;

    #[test]
    fn defaults_are_the_safe_choice() {
        let config = Config::parse(MINIMAL).unwrap();
        assert_eq!(config.policy.mode, Mode::All);
        assert_eq!(config.policy.on_error, OnError::FailClosed);
        assert_eq!(config.policy.on_unpaid, OnError::FailClosed);
        assert!(!config.allow_unprotected);
        assert_eq!(config.services[0].path, "/v1/screen");
    }

    #[test]
    fn reads_every_key() {
        let text = r#"
            listen = "127.0.0.1:8547"
            upstream = "http://127.0.0.1:8545/rpc?key=1"
            state = "state"
            chain_id = 1
            nodes = ["http://127.0.0.1:8100"]
            operators = "operators.json"
            allow_unprotected = true
            [methods]
            deny = ["debug_traceCall"]
            allow = ["eth_sendTransaction"]
            [policy]
            mode = { at_least = 1 }
            timeout_ms = 100
            on_error = "fail-open"
            on_unpaid = "fail-open"
            warn = "block"
            dry_run = true
            [[rules]]
            name = "blobs"
            when = { types = [3], from = ["0x0202020202020202020202020202020202020202"], max_value = "0" }
            action = "allow"
            [[rules]]
            name = "large"
            when = { min_value = "10000000000000000000", create = false, chains = [1], selectors = ["0xa9059cbb"] }
            services = ["threat"]
            mode = { weight = 2 }
            weights = { threat = 2 }
            answer = { code = -32000, message = "ask the desk" }
            [decisions]
            days = 7
            bytes = 16777216
            [limits]
            batch = 5
            [[services]]
            name = "threat"
            service = 1
            provider = 2
            sidecar = "http://127.0.0.1:9101"
            path = "/screen"
            access_key_file = "key"
            confirmation_file = "confirmation"
            requests = 10
            cache_ms = 5000
            breaker = { failures = 5, rest_ms = 10000 }
        "#;
        let config = Config::parse(text).unwrap();
        assert_eq!(config.policy.mode, Mode::AtLeast(1));
        assert_eq!(config.limits.batch, 5);
    }

    #[test]
    fn nodes_are_written_in_several_ways() {
        let written = |upstream: &str| {
            let text = MINIMAL.replace("\"http://127.0.0.1:8545\"", upstream);
            let nodes = Config::parse(&text).unwrap().upstream.0;
            nodes
                .into_iter()
                .map(|node| (node.http, node.ws))
                .collect::<Vec<_>>()
        };
        let (a, b) = ("http://a:1".to_owned(), "http://b:2".to_owned());
        assert_eq!(written("\"http://a:1\""), [(a.clone(), None)]);
        assert_eq!(
            written("[\"http://a:1\", \"http://b:2\"]"),
            [(a.clone(), None), (b.clone(), None)]
        );
        assert_eq!(
            written("[\"http://a:1\", { http = \"http://b:2\", ws = \"ws://b:3/x\" }]"),
            [(a, None), (b, Some("ws://b:3/x".to_owned()))]
        );
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        for (from, to) in [
            ("wallet = \"purchases\"", ""),
            ("http://127.0.0.1:8545", "https://127.0.0.1:8545"),
            ("\"http://127.0.0.1:8545\"", "[]"),
            (
                "\"http://127.0.0.1:8545\"",
                "[\"http://127.0.0.1:8545\", \"https://127.0.0.1:8546\"]",
            ),
            ("service = 1", "service = 1\n[health]\ninterval_ms = 0"),
            ("service = 1", "service = 1\n[limits]\nwebsocket_idle_ms = 10"),
            (
                "\"http://127.0.0.1:8545\"",
                "{ http = \"http://127.0.0.1:8545\", ws = \"http://127.0.0.1:8546\" }",
            ),
            (
                "\"http://127.0.0.1:8545\"",
                "{ http = \"http://127.0.0.1:8545\", wss = \"ws://127.0.0.1:8546\" }",
            ),
            ("service = 1", "service = 1\npath = \"x\""),
            ("service = 1", "service = 1\ncache_ms = 3600001"),
            (
                "service = 1",
                "service = 1\nbreaker = { failures = 0, rest_ms = 1 }",
            ),
            (
                "service = 1",
                "service = 1\nbreaker = { failures = 1, rest_ms = 0 }",
            ),
            (
                "service = 1",
                "service = 1\nbreaker = { failures = 1, rest_ms = 9223372036854775807 }",
            ),
            ("service = 1", "service = 1\nbreaker = { failures = 1 }"),
            ("service = 1", "service = 1\naccess_key_file = \"x\""),
            (
                "service = 1",
                "service = 1\naccess_key_file = \"x\"\nconfirmation_file = \"x\"",
            ),
            ("service = 1", "service = 1\n[policy]\nmode = { at_least = 2 }"),
            ("service = 1", "service = 1\n[policy]\nmode = { at_least = 0 }"),
            ("service = 1", "service = 1\n[policy]\nmode = \"any\""),
            (
                "service = 1",
                "service = 1\n[[services]]\nname = \"threat\"\nservice = 2",
            ),
            ("service = 1", "service = 1\nsidecars = 1"),
            ("service = 1", "service = 1\n[decisions]\ndays = 0"),
            ("service = 1", "service = 1\n[decisions]\nbytes = 1000"),
            ("service = 1", "service = 1\n[limits]\nbundle = 0"),
            ("[[services]]\n        name = \"threat\"\n        service = 1", ""),
        ] {
            let text = MINIMAL.replace(from, to);
            assert_ne!(text, MINIMAL, "{from}");
            assert!(Config::parse(&text).is_err(), "{to}");
        }
    }

    #[test]
    fn the_readmes_configuration_is_one() {
        let readme = include_str!("../README.md");
        let text = readme
            .split("```toml")
            .nth(1)
            .and_then(|rest| rest.split("```").next())
            .unwrap();
        let config = Config::parse(text).unwrap();
        let defaults = Limits::default();
        assert_eq!(format!("{:?}", config.limits), format!("{defaults:?}"));
        assert_eq!(format!("{:?}", config.policy), format!("{:?}", Policy::default()));
    }
}
