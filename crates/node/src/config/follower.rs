//! What a follower configures: its own file (TOML), which has no keys and no peers.

use super::{
    ConfigError, Override, Rpc, Telemetry, default_cache_pages, default_index_cache, default_min_free_mib,
    default_threads, layers, read,
};
use rampart_chain::{Endpoints, Finality};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use url::Url;

/// A follower's configuration. Relative paths are relative to the file.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FollowerConfig {
    /// Where everything is stored; no other process may use it.
    pub state_dir: PathBuf,
    /// The network's file: the operators that it names are those that the follower trusts at the beginning.
    pub network_file: PathBuf,
    /// Where operators' APIs (or other followers') are: URLs such as `http://op.example:8100`. Nothing that one of them says is
    /// believed; several, so that one that is down or lies holds nothing up.
    pub operators: Vec<String>,
    /// Where clients connect.
    pub api_listen: SocketAddr,
    /// Where metrics and health are asked for; left out, nowhere. Keep it private.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics_listen: Option<SocketAddr>,
    /// RPC endpoints of the L2, one or a list, to know which checkpoint the chain has; left out, the follower proves no
    /// withdrawals and no exits. Such URLs carry keys: they are neither logged nor shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub l2_rpc: Option<Rpc>,
    /// How many endpoints of the L2 must agree; more than half unless it is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub l2_quorum: Option<usize>,
    /// Which blocks of the L2 are final.
    #[serde(default)]
    pub l2_finality: Finality,
    /// Pause between questions for new blocks, milliseconds.
    #[serde(default = "default_poll_ms")]
    pub poll_ms: u64,
    /// Mebibytes that must stay free where the state is; with less the follower stops, before storage fails.
    #[serde(default = "default_min_free_mib")]
    pub min_free_mib: u64,
    /// Final blocks to keep, with their certificates, for confirmations and other followers; left out, all. At least
    /// [`MIN_RETAINED_EPOCHS`](super::MIN_RETAINED_EPOCHS) epochs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retain_blocks: Option<u64>,
    /// Where traces go; left out, nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telemetry: Option<Telemetry>,
    /// Worker threads.
    #[serde(default = "default_threads")]
    pub threads: usize,
    /// Pages of 4 KiB that the storage keeps in memory.
    #[serde(default = "default_cache_pages")]
    pub cache_pages: usize,
    /// Entries of the cache that rebuilds the state's index at start-up.
    #[serde(default = "default_index_cache")]
    pub index_cache: usize,
}

const fn default_poll_ms() -> u64 {
    250
}

impl fmt::Debug for FollowerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FollowerConfig")
            .field("state_dir", &self.state_dir)
            .field("network_file", &self.network_file)
            .field("operators", &self.operators)
            .field("api_listen", &self.api_listen)
            .finish_non_exhaustive()
    }
}

impl FollowerConfig {
    /// Reads a follower's file, with settings before it. Relative paths in these are relative to the file, too.
    ///
    /// # Errors
    /// When it cannot be read, a setting is unknown, missing or malformed, or no operator is named.
    pub fn load_with(path: &Path, overrides: &[Override]) -> Result<Self, ConfigError> {
        let mut config: Self = layers::parse(path, &read(path)?, overrides)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        config.state_dir = folder.join(&config.state_dir);
        config.network_file = folder.join(&config.network_file);
        config
            .check()
            .map_err(|reason| ConfigError::invalid(path, reason))?;
        Ok(config)
    }

    fn check(&self) -> Result<(), &'static str> {
        if self.operators.is_empty() {
            return Err("operators names nobody to follow");
        }
        let is_http =
            |url: &String| Url::parse(url).is_ok_and(|url| url.scheme() == "http" && url.has_host());
        if !self.operators.iter().all(is_http) {
            return Err("operators: each is a URL such as http://op.example:8100");
        }
        Ok(())
    }

    /// The endpoints of the L2, where any are named.
    ///
    /// # Errors
    /// When they cannot be used together.
    pub fn l2(&self) -> Result<Option<Endpoints>, ConfigError> {
        let endpoints = |rpc: &Rpc| rpc.endpoints("l2_rpc", self.l2_quorum);
        self.l2_rpc.as_ref().map(endpoints).transpose()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const FILE: &str = r#"
state_dir = "state"
network_file = "/etc/network.json"
operators = ["http://127.0.0.1:1", "http://op.example/behind"]
api_listen = "127.0.0.1:7001"
"#;

    fn load(text: &str, settings: &[&str]) -> Result<FollowerConfig, ConfigError> {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("follower.toml");
        std::fs::write(&path, text).unwrap();
        let settings: Vec<Override> = settings.iter().map(|setting| setting.parse().unwrap()).collect();
        let config = FollowerConfig::load_with(&path, &settings)?;
        assert_eq!(config.state_dir, folder.path().join("state"));
        Ok(config)
    }

    #[test]
    fn a_file_has_paths_of_its_own_and_settings_come_before_it() {
        let config = load(FILE, &["l2_rpc=http://rpc.example/SECRETKEY", "poll_ms=5"]).unwrap();
        assert_eq!(config.network_file, Path::new("/etc/network.json"));
        assert_eq!((config.poll_ms, config.operators.len()), (5, 2));
        assert!(config.l2().unwrap().is_some());
        assert!(!format!("{config:?}").contains("SECRET"));
        assert!(load(FILE, &[]).unwrap().l2().unwrap().is_none());
    }

    #[test]
    fn who_is_followed_must_be_said_in_urls_that_can_be_asked() {
        for operators in [
            "[]",
            "[\"op.example:8100\"]",
            "[\"ftp://op.example\"]",
            "[\"http://\"]",
        ] {
            let refused = load(FILE, &[&format!("operators={operators}")]).unwrap_err();
            assert!(refused.to_string().contains("operators"), "{refused}");
        }
        assert!(load(&format!("{FILE}consensus_key_file = \"k\""), &[]).is_err());
    }
}
