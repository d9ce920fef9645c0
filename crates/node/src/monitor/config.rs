//! What an operator configures of its duties: the `[duties]` of its file.

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An operator's duties. Without this section none is done, and the operator earns nothing (U2).
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DutiesConfig {
    /// Web3 keystore of the operator's account in the ledger. Left out, the account is that of the checkpoint key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keystore: Option<PathBuf>,
    /// File with that keystore's password, readable by its owner only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// Probe services.
    #[serde(default = "yes")]
    pub probe: bool,
    /// Report what the probes found. An operator that reports without probing reports that nothing was down.
    #[serde(default = "yes")]
    pub report: bool,
    /// Judge cases: commit and reveal.
    #[serde(default = "yes")]
    pub judge: bool,
    /// Time in which each service is probed once, milliseconds; at least [`MIN_INTERVAL_MS`].
    #[serde(default = "default_probe_interval_ms")]
    pub probe_interval_ms: u64,
    /// Longest time of a probe, milliseconds.
    #[serde(default = "default_probe_timeout_ms")]
    pub probe_timeout_ms: u64,
    /// Pause after which a failed probe is tried once more before it counts, milliseconds.
    #[serde(default = "default_retry_after_ms")]
    pub retry_after_ms: u64,
    /// Probes at a time, each of another host.
    #[serde(default = "default_concurrency")]
    pub concurrency: usize,
    /// Probes of a service that must count in an epoch before it is said to be down.
    #[serde(default = "default_min_probes")]
    pub min_probes: u64,
    /// Seconds after its registration in which a service is not probed yet.
    #[serde(default = "default_grace_s")]
    pub grace_s: u64,
}

impl core::fmt::Debug for DutiesConfig {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("DutiesConfig")
            .field("probe", &self.probe)
            .field("report", &self.report)
            .field("judge", &self.judge)
            .field("probe_interval_ms", &self.probe_interval_ms)
            .finish_non_exhaustive()
    }
}

/// Shortest interval between probes of a service, milliseconds.
pub const MIN_INTERVAL_MS: u64 = 500;
/// Largest body of an answer, bytes: an offer has two thousand.
pub const MAX_BODY: usize = 64 * 1024;

const fn yes() -> bool {
    true
}
const fn default_probe_interval_ms() -> u64 {
    300_000
}
const fn default_probe_timeout_ms() -> u64 {
    5_000
}
const fn default_retry_after_ms() -> u64 {
    2_000
}
const fn default_concurrency() -> usize {
    16
}
const fn default_min_probes() -> u64 {
    6
}
const fn default_grace_s() -> u64 {
    600
}

impl Default for DutiesConfig {
    fn default() -> Self {
        Self {
            keystore: None,
            password_file: None,
            probe: true,
            report: true,
            judge: true,
            probe_interval_ms: default_probe_interval_ms(),
            probe_timeout_ms: default_probe_timeout_ms(),
            retry_after_ms: default_retry_after_ms(),
            concurrency: default_concurrency(),
            min_probes: default_min_probes(),
            grace_s: default_grace_s(),
        }
    }
}

impl DutiesConfig {
    /// Makes paths relative to the configuration's folder.
    pub(crate) fn relative_to(&mut self, folder: &Path) {
        for path in self.keystore.iter_mut().chain(&mut self.password_file) {
            *path = folder.join(&path);
        }
    }

    /// The interval of probes.
    #[must_use]
    pub fn interval(&self) -> Duration {
        Duration::from_millis(self.probe_interval_ms.max(MIN_INTERVAL_MS))
    }

    /// The duties that are done, by name.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        let all = [
            (self.probe, "probe"),
            (self.report, "report"),
            (self.judge, "judge"),
        ];
        all.into_iter()
            .filter(|(done, _)| *done)
            .map(|(_, name)| name)
            .collect()
    }
}
