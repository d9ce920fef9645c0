//! Checkpoints: the operator signs the state at every `interval`-th height, exchanges signatures with the others, and
//! sees to it that one with a quorum reaches the settlement contract.
//!
//! Whose turn it is rotates with the height; the others take over, each a little later, when nothing has arrived on
//! chain. An operator signs only what it executed itself, and only once it keeps what every account needs to leave with
//! that checkpoint (X2). Once the settlement is frozen it signs and submits nothing.

mod collect;
mod submit;
mod turns;

pub use collect::{Collection, Equivocation, Taken};

use crate::exits::{ExitError, ExitStore};
use crate::hatch::Hatch;
use crate::index::Index;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use commonware_p2p::{Receiver, Recipients, Sender};
use rampart_chain::Settlement;
use rampart_protocol::eip712::EcdsaSignature;
use rampart_protocol::{Checkpoint, ExitArchive, Header, OperatorSet, SignedCheckpoint};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

/// How often the chain is asked, signatures are repeated, and a turn may pass.
const TICK: Duration = Duration::from_secs(1);
/// Own checkpoints that wait for their turn.
const QUEUE: usize = 64;

/// Why a checkpoint was not signed.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The signer failed.
    #[error("the checkpoint could not be signed")]
    Sign(#[from] alloy::signers::Error),
    /// The index failed.
    #[error("the exits could not be read")]
    Index(#[from] crate::index::IndexError),
    /// The exits cannot be kept.
    #[error("the exits could not be kept")]
    Exits(#[from] ExitError),
    /// The index has a gap, so what accounts could take is not known.
    #[error(
        "blocks were skipped by state sync: this operator cannot certify exits until it has replayed the chain"
    )]
    Incomplete,
}

/// What the last checkpoint on chain is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// Its height; 0 for none.
    pub height: u64,
}

/// The operator's checkpoints, shared with the API.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    operators: OperatorSet,
    interval: u64,
    signer: PrivateKeySigner,
    index: Index,
    exits: ExitStore,
    hatch: Hatch,
    state: Arc<Mutex<State>>,
    accepted: watch::Sender<Accepted>,
    due: mpsc::Sender<SignedCheckpoint>,
}

#[derive(Debug)]
struct State {
    collection: Collection,
    /// Own checkpoints that are not known to be on chain yet, with the own signature.
    own: BTreeMap<u64, SignedCheckpoint>,
    newest: Option<Checkpoint>,
    /// The own checkpoint of the height that the chain told last.
    on_chain: Option<Checkpoint>,
}

impl Checkpoints {
    /// Checkpoints every `interval` blocks, signed with `signer`, their exits kept in `exits`. The receiver goes to
    /// [`Self::run`].
    #[must_use]
    pub fn new(
        operators: OperatorSet,
        interval: u64,
        signer: PrivateKeySigner,
        index: Index,
        exits: ExitStore,
        hatch: Hatch,
    ) -> (Self, mpsc::Receiver<SignedCheckpoint>) {
        let (due, receiver) = mpsc::channel(QUEUE);
        let collection = Collection::new(operators.clone(), interval);
        let state = Arc::new(Mutex::new(State {
            collection,
            own: BTreeMap::new(),
            newest: None,
            on_chain: None,
        }));
        let accepted = watch::Sender::new(Accepted::default());
        (
            Self {
                operators,
                interval,
                signer,
                index,
                exits,
                hatch,
                state,
                accepted,
                due,
            },
            receiver,
        )
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last checkpoint known to be on chain.
    #[must_use]
    pub fn accepted(&self) -> Accepted {
        *self.accepted.borrow()
    }

    /// The newest own checkpoint, its signatures, and whether they are a quorum.
    #[must_use]
    pub fn newest(&self) -> Option<(Checkpoint, Vec<SignedCheckpoint>, bool)> {
        let state = self.state();
        let checkpoint = state.newest?;
        let signatures = state.collection.signatures(&checkpoint);
        let quorum = state.collection.is_quorum(&checkpoint);
        Some((checkpoint, signatures, quorum))
    }

    /// Signs the state of a block if its height is a checkpoint's. Call right after the index took the block in, and
    /// before it takes the next. Blocking: reads all exits.
    ///
    /// A block that comes again when the index is past it is not signed again: its exits are no longer known, and a
    /// second signature with others would be equivocation (X3).
    ///
    /// # Errors
    /// When the exits cannot be read or kept, or the key does not sign.
    pub fn block(&self, header: &Header) -> Result<(), CheckpointError> {
        let due = header.height != 0 && header.height.is_multiple_of(self.interval);
        if !due || self.hatch.is_frozen() {
            return Ok(());
        }
        if self.index.has_gap()? {
            return Err(CheckpointError::Incomplete);
        }
        let indexed = self.index.height()?;
        if indexed != header.height {
            tracing::info!(
                height = header.height,
                indexed,
                "a block came again; not signed again"
            );
            return Ok(());
        }
        let leaves = self.index.exits()?;
        let checkpoint = Checkpoint {
            epoch: header.epoch,
            height: header.height,
            state_root: header.state_root,
            withdrawals_root: header.withdrawals_root,
            exit_root: leaves.root(),
            inbox_count: header.inbox_count,
            next_operator_set: self.operators.hash(),
        };
        let signature = self
            .signer
            .sign_hash_sync(&checkpoint.signing_hash(&self.operators.domain))?;
        let signature = EcdsaSignature::new(signature.as_bytes());
        let signed = SignedCheckpoint {
            checkpoint,
            signature,
        };
        // Before anybody has the signature: what it certifies must be possible to prove.
        let archive = ExitArchive::new(self.operators.domain, checkpoint, &leaves.exits);
        self.exits.keep(&archive.signed(vec![signature]))?;
        {
            let mut state = self.state();
            state.collection.reached(header.height);
            state.collection.take(signed);
            state.newest = Some(checkpoint);
            state.own.insert(header.height, signed);
            while state.own.len() > QUEUE {
                state.own.pop_first();
            }
        }
        // When the queue is full the repetition of every tick carries it.
        let _ = self.due.try_send(signed);
        Ok(())
    }

    fn take(&self, signed: SignedCheckpoint) {
        let taken = self.state().collection.take(signed);
        if let Taken::Equivocation(evidence) = taken {
            tracing::error!(operator = %evidence.operator, height = evidence.first.checkpoint.height,
                "an operator signed two different checkpoints for one height");
        }
    }

    /// Exchanges signatures and submits checkpoints, until the network stops. A chain that answers slowly does not
    /// hold up the exchange.
    pub async fn run<S: Sender, R: Receiver>(
        self,
        due: mpsc::Receiver<SignedCheckpoint>,
        channel: (S, R),
        settlement: Settlement,
    ) {
        tokio::select! {
            () = self.exchange(due, channel) => {}
            () = self.submit(&settlement) => {}
        }
    }

    /// Sends own signatures, again while they are not on chain, and takes those of the others.
    async fn exchange<S: Sender, R: Receiver>(
        &self,
        mut due: mpsc::Receiver<SignedCheckpoint>,
        (mut sender, mut receiver): (S, R),
    ) {
        let mut ticks = ticks();
        loop {
            let own = tokio::select! {
                Some(signed) = due.recv() => signed,
                message = receiver.recv() => {
                    // The network is shutting down.
                    let Ok((_, bytes)) = message else { return };
                    if let Ok(signed) = SignedCheckpoint::from_bytes(bytes.as_ref()) {
                        self.take(signed);
                    }
                    continue;
                },
                _ = ticks.tick() => {
                    let Some(signed) = self.state().own.values().next_back().copied() else { continue };
                    signed
                }
            };
            sender.send(Recipients::All, alloy_rlp::encode(own), false);
        }
    }
}

fn ticks() -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
