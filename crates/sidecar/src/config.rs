//! What an operator of a sidecar decides, read from TOML, and its validation. Every limit has a default.

use rampart_protocol::{Address, ProviderId, ServiceId, TrustedOperators};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Smallest header limit: what the HTTP parser needs.
const MIN_HEADER_BYTES: usize = 8192;

/// Configuration of one sidecar.
///
/// ```toml
/// listen = "0.0.0.0:8600"
/// admin_listen = "127.0.0.1:8601"
/// provider = 1
/// authority = "api.vendor.example"
/// operators_file = "operators.json"
/// nodes = ["http://127.0.0.1:8100"]
/// state_dir = "/var/lib/rampart/sidecar"
///
/// [[services]]
/// id = 1
/// path_prefix = "/"
/// upstream = "http://127.0.0.1:9000"
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where consumers call. Plain HTTP: put TLS in front of it.
    pub listen: SocketAddr,
    /// Where the provider reads usage and counters; a loopback address.
    pub admin_listen: SocketAddr,
    /// Whose sidecar this is (V2).
    pub provider: ProviderId,
    /// The `@authority` that consumers sign: host in lower case, and the port unless it is the scheme's default.
    /// Without it, the address that the sidecar listens on.
    #[serde(default)]
    pub authority: Option<String>,
    /// JSON file with the operator set and its epoch; this or `operators`. Those of later epochs are learned from `nodes`.
    #[serde(default)]
    pub operators_file: Option<PathBuf>,
    /// The operator set itself; this or `operators_file`.
    #[serde(default)]
    pub operators: Option<TrustedOperators>,
    /// Base URLs of node APIs, for offers and confirmations. They are not trusted.
    #[serde(default)]
    pub nodes: Vec<String>,
    /// Directory of the meter, for this process alone.
    pub state_dir: PathBuf,
    /// What is sold here.
    pub services: Vec<ServiceConfig>,
    /// Whether to ask the nodes for the confirmation of a purchase that is not known yet.
    #[serde(default = "yes")]
    pub fetch_confirmations: bool,
    /// The utility token's address, for the offer.
    #[serde(default)]
    pub asset: Option<Address>,
    /// Seconds by which a consumer's clock may differ from ours.
    #[serde(default = "default_skew")]
    pub clock_skew_seconds: u64,
    /// Longest time from a signature's `created` to its `expires`, seconds.
    #[serde(default = "default_lifetime")]
    pub max_signature_lifetime_seconds: u64,
    /// How often the offers are read again from the nodes, seconds.
    #[serde(default = "default_refresh")]
    pub offer_refresh_seconds: u64,
    /// How long after its expiry a purchase is kept for reporting, seconds.
    #[serde(default = "default_retain")]
    pub retain_seconds: u64,
    /// Limits of size, rate and time.
    #[serde(default)]
    pub limits: Limits,
}

/// One service, and the API that provides it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceConfig {
    /// The service.
    pub id: ServiceId,
    /// Paths under which it is consumed: `/` or a path without a slash at its end. The longest match decides.
    pub path_prefix: String,
    /// Base URL of the API, `http://` only. Its path takes the place of the prefix.
    pub upstream: String,
}

/// Limits of the public port.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Largest request body, bytes. It is held in memory until its digest is checked, for signed requests only.
    pub max_body_bytes: usize,
    /// Largest response body, bytes.
    pub max_response_bytes: u64,
    /// Largest request head, bytes; a confirmation of the largest size takes about 33,000.
    pub max_header_bytes: usize,
    /// Connections at once; further ones wait in the kernel's queue.
    pub max_connections: usize,
    /// Time for a request head to arrive, counted from the connection's start or the last response, milliseconds.
    pub header_timeout_ms: u64,
    /// Time for a request body to arrive in full, milliseconds.
    pub body_timeout_ms: u64,
    /// Time for the upstream to begin its answer, connecting included, milliseconds.
    pub upstream_timeout_ms: u64,
    /// Time without a byte after which a response is given up, from the upstream or to the consumer, milliseconds.
    pub idle_timeout_ms: u64,
    /// Time for open requests to end after the shutdown signal, milliseconds.
    pub shutdown_grace_ms: u64,
    /// Requests a second of one purchase, and as many at once; 0 for no limit.
    pub requests_per_second: u32,
    /// Bytes of log after which the meter is compacted.
    pub meter_compact_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body_bytes: 1 << 20,
            max_response_bytes: 16 << 20,
            max_header_bytes: 48 << 10,
            max_connections: 1024,
            header_timeout_ms: 15_000,
            body_timeout_ms: 30_000,
            upstream_timeout_ms: 30_000,
            idle_timeout_ms: 30_000,
            shutdown_grace_ms: 10_000,
            requests_per_second: 0,
            meter_compact_bytes: 64 << 20,
        }
    }
}

impl Limits {
    /// Time for a request head.
    #[must_use]
    pub const fn header_timeout(&self) -> Duration {
        Duration::from_millis(self.header_timeout_ms)
    }
    /// Time for a request body.
    #[must_use]
    pub const fn body_timeout(&self) -> Duration {
        Duration::from_millis(self.body_timeout_ms)
    }
    /// Time for the upstream to begin its answer.
    #[must_use]
    pub const fn upstream_timeout(&self) -> Duration {
        Duration::from_millis(self.upstream_timeout_ms)
    }
    /// Time without a byte of a response.
    #[must_use]
    pub const fn idle_timeout(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }
}

/// A configuration that cannot work.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not TOML of this shape.
    #[error("the sidecar's configuration cannot be read")]
    Toml(#[from] toml::de::Error),
    /// The operator set's file cannot be read.
    #[error("cannot read the operator set {}", path.display())]
    OperatorsFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The operator set's file is not an operator set.
    #[error("{} is not an operator set", path.display())]
    OperatorsJson {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The operator set cannot certify anything.
    #[error("the operator set is unusable")]
    Operators(#[from] rampart_client::FollowError),
    /// A value is out of its range.
    #[error("{field}: {reason}")]
    Value {
        /// The field.
        field: &'static str,
        /// What is wrong.
        reason: String,
    },
}

impl Config {
    /// Reads TOML. Ranges are checked when the sidecar is bound.
    ///
    /// # Errors
    /// When it is not TOML of this shape.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        Ok(toml::from_str(text)?)
    }

    /// The operator set, inline or from its file.
    ///
    /// # Errors
    /// When neither or both are given, or the file cannot be read.
    pub fn operator_set(&self) -> Result<TrustedOperators, ConfigError> {
        match (&self.operators, &self.operators_file) {
            (Some(operators), None) => Ok(operators.clone()),
            (None, Some(path)) => {
                let bytes = std::fs::read(path).map_err(|source| ConfigError::OperatorsFile {
                    path: path.clone(),
                    source,
                })?;
                serde_json::from_slice(&bytes).map_err(|source| ConfigError::OperatorsJson {
                    path: path.clone(),
                    source,
                })
            }
            _ => Err(value("operators", "give one of operators and operators_file")),
        }
    }

    /// Checks every range.
    ///
    /// # Errors
    /// Names the first field that is out of its range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if !self.admin_listen.ip().is_loopback() {
            return Err(value(
                "admin_listen",
                "vouchers are private: only a loopback address is accepted",
            ));
        }
        if let Some(authority) = &self.authority {
            let plain = |b: u8| b.is_ascii_graphic() && !b.is_ascii_uppercase() && !b"/?#@".contains(&b);
            if authority.is_empty() || !authority.bytes().all(plain) {
                return Err(value(
                    "authority",
                    "a host in lower case, with a port if it is not the default",
                ));
            }
        }
        if self.services.is_empty() {
            return Err(value("services", "at least one service is needed"));
        }
        self.validate_limits()
    }

    fn validate_limits(&self) -> Result<(), ConfigError> {
        let limits = &self.limits;
        if limits.max_header_bytes < MIN_HEADER_BYTES {
            return Err(value("limits.max_header_bytes", "at least 8192"));
        }
        if limits.max_connections == 0 || limits.max_connections > 1 << 20 {
            return Err(value("limits.max_connections", "between 1 and 1048576"));
        }
        let times = [
            ("limits.header_timeout_ms", limits.header_timeout_ms),
            ("limits.body_timeout_ms", limits.body_timeout_ms),
            ("limits.upstream_timeout_ms", limits.upstream_timeout_ms),
            ("limits.idle_timeout_ms", limits.idle_timeout_ms),
            ("offer_refresh_seconds", self.offer_refresh_seconds),
            (
                "max_signature_lifetime_seconds",
                self.max_signature_lifetime_seconds,
            ),
        ];
        match times.into_iter().find(|(_, time)| *time == 0) {
            Some((field, _)) => Err(value(field, "must not be zero")),
            None => Ok(()),
        }
    }
}

pub(crate) fn value(field: &'static str, reason: impl Into<String>) -> ConfigError {
    ConfigError::Value {
        field,
        reason: reason.into(),
    }
}

const fn yes() -> bool {
    true
}
const fn default_skew() -> u64 {
    30
}
const fn default_lifetime() -> u64 {
    300
}
const fn default_refresh() -> u64 {
    30
}
const fn default_retain() -> u64 {
    30 * 24 * 3600
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const MINIMAL: &str = r#"
        listen = "127.0.0.1:0"
        admin_listen = "127.0.0.1:0"
        provider = 7
        state_dir = "state"
        operators_file = "operators.json"
        services = [{ id = 1, path_prefix = "/", upstream = "http://127.0.0.1:9000" }]
    "#;

    #[test]
    fn a_minimal_configuration_has_every_default() {
        let config = Config::from_toml(MINIMAL).unwrap();
        config.validate().unwrap();
        assert_eq!(config.provider, ProviderId(7));
        assert!(config.fetch_confirmations);
        assert_eq!(config.limits.max_body_bytes, 1 << 20);
    }

    #[test]
    fn an_operator_set_can_stand_inline() {
        let inline = r#"
            [operators]
            chainId = 31337
            settlement = "0x00000000000000000000000000000000000000aa"
            [[operators.operators]]
            publicKey = "0x0101010101010101010101010101010101010101010101010101010101010101"
            checkpointKey = "0x00000000000000000000000000000000000000bb"
            weight = 1
        "#;
        let text = MINIMAL.replace("operators_file = \"operators.json\"", "") + inline;
        let set = Config::from_toml(&text).unwrap().operator_set().unwrap();
        assert_eq!((set.epoch, set.set.operators[0].weight), (0, 1));
    }

    #[test]
    fn refuses_what_cannot_work() {
        let cases = [
            ("unknown = 1", "unknown"),
            ("authority = \"Api.Example\"", "authority"),
            ("limits.header_timeout_ms = 0", "header_timeout_ms"),
            ("limits.max_header_bytes = 100", "max_header_bytes"),
            ("limits.max_connections = 0", "max_connections"),
        ];
        for (line, named) in cases {
            let config = Config::from_toml(&format!("{line}\n{MINIMAL}"));
            let error = match config.and_then(|config| config.validate()) {
                Ok(()) => "accepted".to_owned(),
                Err(ConfigError::Toml(error)) => error.to_string(),
                Err(error) => error.to_string(),
            };
            assert!(error.contains(named), "{line}: {error}");
        }
        let open = MINIMAL.replace("admin_listen = \"127.0.0.1:0\"", "admin_listen = \"0.0.0.0:0\"");
        assert!(Config::from_toml(&open).unwrap().validate().is_err());
        let both = Config {
            operators_file: None,
            ..Config::from_toml(MINIMAL).unwrap()
        };
        assert!(both.operator_set().is_err());
    }
}
