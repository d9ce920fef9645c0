//! Asks every endpoint of a chain for a round of the [`Tracker`], which decides. What endpoints may send is bounded: the time
//! here, the bytes in `transport`, the blocks and logs in `events`.

use crate::endpoints::{Endpoints, Finality};
use crate::error::ChainError;
use crate::events::{EventReader, Sequence};
use crate::tracker::{Answer, BlockRef, EndpointStatus, Fault, Mark, Report, Round, Rules, Tracker};
use alloy::primitives::Address;
use futures::future::join_all;
use rampart_protocol::observation::Source;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Longest time for an endpoint to say what is final and to send the logs of one range.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time for it to tell the hashes of the blocks that others named.
const HASHES_TIMEOUT: Duration = Duration::from_secs(5);

/// Whose sequence is watched, and where.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Whose sequence.
    pub sequence: Sequence,
    /// The contract.
    pub contract: Address,
    /// The chain that it is on.
    pub chain_id: u64,
    /// The block of its deployment.
    pub deployed_at: u64,
    /// What is final there.
    pub finality: Finality,
}

/// Watches one contract's sequence through several endpoints.
#[derive(Clone, Debug)]
pub struct Watcher {
    target: Target,
    labels: Vec<String>,
    readers: Vec<EventReader>,
    /// Which endpoints were seen to serve the right chain since they last failed.
    checked: Vec<bool>,
    tracker: Tracker,
}

impl Watcher {
    /// Watches from a mark on, or from the contract's deployment; nothing is asked yet.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn new(endpoints: &Endpoints, target: Target, resume: Option<Mark>) -> Result<Self, ChainError> {
        let reader = |rpc| EventReader::new(rpc, target.contract, target.sequence, target.finality);
        let rules = Rules {
            endpoints: endpoints.count(),
            quorum: endpoints.quorum(),
            deployed_at: target.deployed_at,
            heads_only_grow: target.finality == Finality::Finalized,
        };
        Ok(Self {
            target,
            labels: (0..endpoints.count())
                .map(|position| endpoints.label(position))
                .collect(),
            readers: endpoints.urls().map(reader).collect::<Result<_, _>>()?,
            checked: vec![false; endpoints.count()],
            tracker: Tracker::new(rules, resume),
        })
    }

    /// Whose sequence it is.
    #[must_use]
    pub const fn source(&self) -> Source {
        self.target.sequence.source()
    }

    /// What is agreed on.
    #[must_use]
    pub const fn tracker(&self) -> &Tracker {
        &self.tracker
    }

    /// What an endpoint is called: its position and host.
    #[must_use]
    pub fn label(&self, position: usize) -> &str {
        self.labels.get(position).map_or("", String::as_str)
    }

    /// Every endpoint's name and where it stands.
    #[must_use]
    pub fn status(&self) -> Vec<(String, EndpointStatus)> {
        self.labels.iter().cloned().zip(self.tracker.status()).collect()
    }

    /// One round: asks the endpoints that are due, all at once, and takes in what they say.
    pub async fn round(&mut self, now_ms: u64) -> Round {
        let due = self.tracker.due(now_ms);
        let read = due.iter().map(|position| self.read(*position));
        let (mut answers, mut reports) = (BTreeMap::new(), BTreeMap::new());
        for (position, answer) in due.iter().copied().zip(join_all(read).await) {
            match answer {
                Answer::Report(report) => {
                    reports.insert(position, report);
                }
                other => {
                    answers.insert(position, other);
                }
            }
        }
        let wanted = self.tracker.wanted(&reports);
        let this = &*self;
        let completed = reports.into_iter().map(|(position, report)| {
            let wanted = wanted.get(&position).cloned().unwrap_or_default();
            async move { (position, this.complete(position, report, wanted).await) }
        });
        answers.extend(join_all(completed).await);
        for (position, answer) in &answers {
            if let Some(checked) = self.checked.get_mut(*position) {
                *checked = matches!(answer, Answer::Report(_));
            }
        }
        self.tracker.take(answers, now_ms)
    }

    async fn read(&self, position: usize) -> Answer {
        let Some(reader) = self.readers.get(position) else {
            return Answer::Silent("there is no such endpoint".to_owned());
        };
        let checked = self.checked.get(position).is_some_and(|checked| *checked);
        let asked = self.report(reader, checked);
        match tokio::time::timeout(READ_TIMEOUT, asked).await {
            Ok(Ok(report)) => Answer::Report(report),
            Ok(Err(error)) => wrong(error),
            Err(_) => Answer::Silent(format!("no answer within {} s", READ_TIMEOUT.as_secs())),
        }
    }

    async fn report(&self, reader: &EventReader, checked: bool) -> Result<Report, ChainError> {
        if !checked {
            reader.check_chain(self.target.chain_id).await?;
        }
        let head = reader.head().await?;
        let cursor = self.tracker.cursor();
        let mut report = Report {
            head,
            covered: cursor.next_block.saturating_sub(1).min(head.number),
            entries: Vec::new(),
            hashes: [(head.number, head.hash)].into(),
            count: None,
        };
        if let Some((from, to)) = cursor.next_range(head.number) {
            (report.covered, report.entries) = reader.entries(from, to).await?;
            if report.covered == head.number {
                report.count = reader.count(head).await;
            }
        }
        Ok(report)
    }

    /// Adds the hashes of blocks that others named.
    async fn complete(&self, position: usize, mut report: Report, wanted: BTreeSet<u64>) -> Answer {
        let Some(reader) = self.readers.get(position) else {
            return Answer::Report(report);
        };
        let asked = wanted
            .into_iter()
            .map(|number| async move { (number, reader.block(number).await) });
        match tokio::time::timeout(HASHES_TIMEOUT, join_all(asked)).await {
            Ok(told) => {
                for (number, block) in told {
                    match block {
                        Ok(BlockRef { hash, .. }) => {
                            report.hashes.insert(number, hash);
                        }
                        Err(error) => return wrong(error),
                    }
                }
                Answer::Report(report)
            }
            Err(_) => Answer::Silent(format!("no answer within {} s", HASHES_TIMEOUT.as_secs())),
        }
    }
}

/// What an endpoint's failure says about it.
fn wrong(error: ChainError) -> Answer {
    match error {
        ChainError::WrongChain { expected, actual } => Answer::Wrong(Fault::OtherChain { expected, actual }),
        ChainError::Inconsistent(reason) => Answer::Wrong(Fault::Undecodable(reason)),
        other => Answer::Silent(other.to_string()),
    }
}
