//! What is told of the endpoints, for the status and the metrics. Names are positions and hosts, never URLs.

use rampart_chain::Watcher;
use rampart_chain::tracker::EndpointStatus;
use rampart_protocol::observation::Source;
use serde::Serialize;

/// What is known of one chain's contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceHealth {
    /// `inbox` of the L2, or `restaking` of the L1.
    pub source: &'static str,
    /// How many endpoints must agree.
    pub quorum: usize,
    /// The last block that a quorum agreed is final.
    pub agreed_block: Option<u64>,
    /// The number of the entry that is read next.
    pub next_index: u64,
    /// Whether what was final is not: this operator then proposes and votes for nothing of this source.
    pub stopped: bool,
    /// Each endpoint.
    pub endpoints: Vec<EndpointHealth>,
}

/// What is known of one endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointHealth {
    /// Its position and host.
    pub name: String,
    /// Where it stands.
    #[serde(flatten)]
    pub status: EndpointStatus,
}

impl SourceHealth {
    pub(super) fn of(watcher: &Watcher) -> Self {
        let tracker = watcher.tracker();
        let endpoint = |(name, status)| EndpointHealth { name, status };
        Self {
            source: name(watcher.source()),
            quorum: tracker.quorum(),
            agreed_block: tracker.agreed().map(|block| block.number),
            next_index: tracker.cursor().next_index,
            stopped: tracker.is_halted(),
            endpoints: watcher.status().into_iter().map(endpoint).collect(),
        }
    }
}

/// What a source is called in files, logs and metrics.
pub(super) const fn name(source: Source) -> &'static str {
    match source {
        Source::Inbox => "inbox",
        Source::Restaking => "restaking",
    }
}
