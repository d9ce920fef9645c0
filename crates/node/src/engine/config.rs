//! What an operator configures about agreement.

use super::handle::EngineError;
use crate::application::Pacing;
use crate::block::BlockLimits;
use crate::storage::StorageConfig;
use commonware_consensus::types::FixedEpocher;
use rampart_ledger::{GenesisOperator, Params};
use rampart_protocol::OperatorSet;
use std::num::NonZeroU64;
use std::time::Duration;

/// Fewest blocks of an epoch. The committee after next is read from the state that the epoch's first block leaves, which
/// must be executed before the epoch ends; marshal hands over a few blocks ahead of execution.
pub const MIN_EPOCH_BLOCKS: u64 = 8;

/// Everything that all operators of a deployment must agree on, and the local sizes.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// The deployment and its operators. The same everywhere.
    pub operators: OperatorSet,
    /// Time of the genesis block, Unix milliseconds. The same everywhere; near the start of the network, since a
    /// block is at most [`crate::application::MAX_STEP`] after its parent.
    pub genesis_timestamp_ms: u64,
    /// The economic parameters at genesis. The same everywhere.
    pub params: Params,
    /// The ledger's operators at genesis, who judge and report from the first block on. The same everywhere.
    pub genesis_operators: Vec<GenesisOperator>,
    /// Blocks of an epoch, at least [`MIN_EPOCH_BLOCKS`]. The same everywhere.
    pub epoch_blocks: u64,
    /// Largest block. The same everywhere.
    pub limits: BlockLimits,
    /// How often blocks are built, and how long a candidate may wait for the local chain feed.
    pub pacing: Pacing,
    /// When a view is given up.
    pub timeouts: Timeouts,
    /// What is stored, and how much of it is cached.
    pub storage: StorageConfig,
    /// Fetch the state of a recent block from peers instead of executing the chain from genesis. Takes effect
    /// only on an empty store, and needs `f + 1` peers that answer: never set it for a network's first start.
    pub state_sync: bool,
}

impl EngineConfig {
    /// Which heights are in which epoch.
    pub(super) fn epocher(&self) -> Result<FixedEpocher, EngineError> {
        let blocks = NonZeroU64::new(self.epoch_blocks).filter(|blocks| blocks.get() >= MIN_EPOCH_BLOCKS);
        blocks
            .map(FixedEpocher::new)
            .ok_or(EngineError::EpochBlocks(self.epoch_blocks))
    }
}

/// When a view is given up.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Longest wait for the leader's proposal.
    pub leader: Duration,
    /// Longest wait for a view to be certified; more than `leader`.
    pub certification: Duration,
    /// Pause between repeated votes to skip a view.
    pub retry: Duration,
    /// After this silence of a leader its views are skipped at once; more than `certification`.
    pub skip: Duration,
    /// Longest wait for one peer's answer.
    pub fetch: Duration,
}

impl Default for Timeouts {
    /// For operators within 200 ms of each other, with a second of idle time in each empty block.
    fn default() -> Self {
        Self {
            leader: Duration::from_millis(2_500),
            certification: Duration::from_secs(4),
            retry: Duration::from_secs(1),
            skip: Duration::from_secs(8),
            fetch: Duration::from_secs(2),
        }
    }
}
