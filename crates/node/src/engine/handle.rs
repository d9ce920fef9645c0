//! A started engine: its state, its certificates, its tip.

use super::committees::Committees;
use super::config::MIN_EPOCH_BLOCKS;
use super::runtime::Runtime;
use super::scheme::{Finalization, Scheme, SchemeError};
use crate::block::{Block, BlockError};
use crate::storage::StateReader;
use commonware_consensus::{
    marshal::{core::Mailbox, standard::Standard},
    types::Height,
};
use commonware_runtime::Handle;
use rampart_ledger::ParamsError;
use rampart_protocol::Header;
use tokio::sync::watch;

/// Why an engine cannot start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The operator set gives no certificate scheme.
    #[error("the operator set cannot be used")]
    Operators(#[from] SchemeError),
    /// No genesis block can be derived from the configuration.
    #[error("no genesis block can be derived from the configuration")]
    Genesis(#[source] BlockError),
    /// The economic parameters are impossible.
    #[error("the economic parameters at genesis are impossible")]
    Params(#[from] ParamsError),
    /// An archive cannot be opened.
    #[error("the archive of {name} cannot be opened")]
    Archive {
        /// What it holds.
        name: &'static str,
        /// The storage's complaint.
        #[source]
        source: commonware_storage::archive::Error,
    },
    /// The committees of past epochs cannot be read.
    #[error("the committees of past epochs cannot be read")]
    Remembered(#[from] super::remembered::RememberedError),
    /// Nobody to vote as.
    #[error("an operator needs a consensus key")]
    NoKey,
    /// Timeouts that the engine cannot work with.
    #[error("timeouts must grow: 0 < leader < certification < skip, 0 < retry < skip, 0 < fetch")]
    Timeouts,
    /// Epochs are too short.
    #[error("an epoch has at least {MIN_EPOCH_BLOCKS} blocks, not {0}")]
    EpochBlocks(u64),
    /// The runtime stopped during start-up.
    #[error("the runtime stopped during start-up")]
    Stopped,
}

/// Proof that a block is final, for anyone who knows the operators.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// A quorum's signatures over the digest of the block, or of its last descendant in `descendants`.
    pub finalization: Finalization,
    /// Headers from the block's child up to the certified block. Empty for most blocks; a block that was overtaken
    /// before its own quorum formed is final through its descendants.
    pub descendants: Vec<Header>,
}

/// One operator's running engine.
pub struct Engine<E: Runtime> {
    pub(super) handle: Handle<()>,
    pub(super) state: StateReader<E>,
    pub(super) chain: Chain,
    pub(super) committees: Committees,
    pub(super) epoch: watch::Receiver<u64>,
}

impl<E: Runtime> Engine<E> {
    /// Ends when any part of the engine does; aborting it aborts the engine.
    ///
    /// The engine panics on storage faults by design, since nothing it could still do would be sound: run it under
    /// a supervisor that restarts the process.
    #[must_use]
    pub fn into_handle(self) -> Handle<()> {
        self.handle
    }

    /// Reads finalised state.
    #[must_use]
    pub fn state(&self) -> StateReader<E> {
        self.state.clone()
    }

    /// Who votes in which epoch.
    #[must_use]
    pub fn committees(&self) -> Committees {
        self.committees.clone()
    }

    /// Follows the epoch in which this operator takes part or which it follows.
    #[must_use]
    pub fn epoch(&self) -> watch::Receiver<u64> {
        self.epoch.clone()
    }

    /// Reads finalised blocks and their certificates.
    #[must_use]
    pub fn chain(&self) -> Chain {
        self.chain.clone()
    }
}

/// Heights beyond the last applied one where a certificate is looked for: blocks are known to be final before they are applied.
const AHEAD: u64 = 64;

/// Finalised blocks and their certificates. Clones share one engine.
#[derive(Clone)]
pub struct Chain {
    pub(super) marshal: Mailbox<Scheme, Standard<Block>>,
    pub(super) tip: watch::Receiver<Header>,
}

impl Chain {
    /// The header of the last block whose state is applied. Genesis while the operator is new or syncs state.
    #[must_use]
    pub fn tip(&self) -> Header {
        self.tip.borrow().clone()
    }

    /// Follows [`Self::tip`]: each change is one or more blocks.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Header> {
        self.tip.clone()
    }

    /// The finalised block at a height, if it is stored here.
    pub async fn block(&self, height: u64) -> Option<Block> {
        self.marshal
            .get_block(Height::new(height))
            .await
            .map(|block| block.inner().clone())
    }

    /// The proof that the block at a height is final; `None` while it is not, or when it is not stored here.
    pub async fn certificate(&self, height: u64) -> Option<Certificate> {
        let tip = self.tip().height;
        let mut descendants = Vec::new();
        for certified in height..=tip.saturating_add(AHEAD) {
            if certified > height {
                descendants.push(self.block(certified).await?.header().clone());
            }
            if let Some(finalization) = self.marshal.get_finalization(Height::new(certified)).await {
                return Some(Certificate {
                    finalization,
                    descendants,
                });
            }
        }
        None
    }
}
