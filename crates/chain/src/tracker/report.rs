//! What endpoints say in a round, what is wrong with it, and what a round comes to.

use crate::events::EventCursor;
use rampart_protocol::{B256, Observation};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockRef {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
}

/// A point up to which everything was agreed on, from which reading may go on after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// What to read next.
    pub cursor: EventCursor,
    /// The last block agreed on; the one before the cursor's.
    pub block: BlockRef,
}

/// What one endpoint says in a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The block that it calls final.
    pub head: BlockRef,
    /// The last block that its entries cover; below the tracker's next block when it has nothing new.
    pub covered: u64,
    /// The contract's entries from the tracker's next block on.
    pub entries: Vec<Observation>,
    /// Hashes of blocks, by number; that of the head among them.
    pub hashes: BTreeMap<u64, B256>,
    /// How many entries the contract itself has counted at `covered`, where the endpoint tells.
    pub count: Option<u64>,
}

impl Report {
    /// The entries up to a block.
    pub(super) fn up_to(&self, block: u64) -> &[Observation] {
        let end = self
            .entries
            .partition_point(|entry| entry.block_number() <= block);
        &self.entries[..end]
    }

    /// What cannot be, whatever others say.
    pub(super) fn inconsistency(&self, cursor: &EventCursor) -> Option<Fault> {
        let (mut index, mut block) = (cursor.next_index, cursor.next_block);
        for entry in &self.entries {
            if entry.index() != index {
                return Some(Fault::Skips {
                    expected: index,
                    given: entry.index(),
                });
            }
            let at = entry.block_number();
            if at < block || at > self.covered {
                return Some(Fault::OutOfRange { index, block: at });
            }
            (index, block) = (index.saturating_add(1), at);
        }
        match self.count {
            Some(counted) if counted != index => Some(Fault::Miscounted {
                counted,
                given: index,
            }),
            _ => None,
        }
    }
}

/// What came of asking an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It answered.
    Report(Report),
    /// It did not, or not in time; why.
    Silent(String),
    /// It answered what no honest endpoint does.
    Wrong(Fault),
}

/// Why an endpoint is distrusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It serves another chain.
    #[error("it serves chain {actual}, {expected} is configured")]
    OtherChain {
        /// As configured.
        expected: u64,
        /// As it says.
        actual: u64,
    },
    /// What it calls final went back.
    #[error("its final block went back from {from} to {to}")]
    WentBack {
        /// Before.
        from: u64,
        /// Now.
        to: u64,
    },
    /// Its final block is another one at the same height.
    #[error("its final block {block} is another one than before")]
    Changed {
        /// The height.
        block: u64,
    },
    /// It contradicts what a quorum agreed on.
    #[error("it contradicts what a quorum says about block {block} and the entries up to it")]
    Contradicts {
        /// The height.
        block: u64,
    },
    /// An index is missing or repeated.
    #[error("it gives entry {given} of the contract's sequence where entry {expected} must be")]
    Skips {
        /// Which one must come.
        expected: u64,
        /// Which one came.
        given: u64,
    },
    /// An entry lies outside the range asked for, or before the one before it.
    #[error("it says that entry {index} is in block {block}, where it cannot be")]
    OutOfRange {
        /// The entry.
        index: u64,
        /// Where it is said to be.
        block: u64,
    },
    /// Its entries are not as many as the contract counts.
    #[error("it gives entries up to number {given}, and says that the contract has counted {counted}")]
    Miscounted {
        /// By the contract.
        counted: u64,
        /// By its logs.
        given: u64,
    },
    /// What it sent is not what the contract emits.
    #[error("{0}")]
    Undecodable(String),
}

impl Fault {
    /// Whether it may be that entries were skipped earlier, and not the endpoint that is wrong.
    pub(super) const fn says_that_entries_are_missing(&self) -> bool {
        match self {
            Self::Skips { expected, given } => *given > *expected,
            Self::Miscounted { counted, given } => *counted > *given,
            _ => false,
        }
    }
}

/// Something that people should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// An endpoint is not asked for a while.
    Distrusted {
        /// Which.
        position: usize,
        /// Why.
        fault: Fault,
        /// For how long.
        for_ms: u64,
    },
    /// An endpoint stopped answering.
    Silent {
        /// Which.
        position: usize,
        /// Why.
        reason: String,
    },
    /// An endpoint answers again.
    Back(usize),
    /// A quorum has another block where one was final.
    Reorganised {
        /// What was agreed on.
        agreed: BlockRef,
        /// What is said to be there now.
        now: B256,
    },
    /// A quorum is back at what was agreed on.
    Restored,
    /// Two quorums contradict each other.
    Split {
        /// At this block.
        block: u64,
    },
    /// Entries were skipped earlier: all are read again.
    ReadAgain,
}

/// What came of a round.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Entries that became final.
    pub entries: Vec<Observation>,
    /// How far it went, if it went on.
    pub mark: Option<Mark>,
    /// What people should know.
    pub news: Vec<News>,
}
