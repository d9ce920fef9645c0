//! Checkpoints: the operator signs the state at every `interval`-th height, exchanges signatures with the others, and
//! sees to it that one with a quorum reaches the settlement contract.
//!
//! Whose turn it is rotates with the height; the others take over, each a little later, when nothing has arrived on
//! chain. An operator signs only what it executed itself.

mod collect;

pub use collect::{Collection, Equivocation, Taken};

use crate::index::Index;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use commonware_p2p::{Receiver, Recipients, Sender};
use rampart_chain::{ChainError, Settlement};
use rampart_protocol::eip712::EcdsaSignature;
use rampart_protocol::{Checkpoint, Header, OperatorSet, SignedCheckpoint};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// How often the chain is asked, signatures are repeated, and a turn may pass.
const TICK: Duration = Duration::from_secs(1);
/// Ticks until the next operator takes over.
const TAKEOVER_TICKS: u64 = 5;
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
    state: Arc<Mutex<State>>,
    accepted: watch::Sender<Accepted>,
    due: mpsc::Sender<SignedCheckpoint>,
}

#[derive(Debug)]
struct State {
    collection: Collection,
    /// Own checkpoints that are not known to be on chain yet.
    own: BTreeMap<u64, Checkpoint>,
    newest: Option<Checkpoint>,
}

impl Checkpoints {
    /// Checkpoints every `interval` blocks, signed with `signer`. The receiver goes to [`Self::run`].
    #[must_use]
    pub fn new(
        operators: OperatorSet,
        interval: u64,
        signer: PrivateKeySigner,
        index: Index,
    ) -> (Self, mpsc::Receiver<SignedCheckpoint>) {
        let (due, receiver) = mpsc::channel(QUEUE);
        let collection = Collection::new(operators.clone(), interval);
        let state = Arc::new(Mutex::new(State {
            collection,
            own: BTreeMap::new(),
            newest: None,
        }));
        let accepted = watch::Sender::new(Accepted::default());
        (
            Self {
                operators,
                interval,
                signer,
                index,
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
        let quorum = state.collection.is_quorum(&signatures);
        Some((checkpoint, signatures, quorum))
    }

    /// Signs the state of a block if its height is a checkpoint's. Call right after the index took the block in, and
    /// before it takes the next. Blocking: reads all exits.
    ///
    /// # Errors
    /// When the exits cannot be read or the key does not sign.
    pub fn block(&self, header: &Header) -> Result<(), CheckpointError> {
        if header.height == 0 || !header.height.is_multiple_of(self.interval) {
            return Ok(());
        }
        if self.index.has_gap()? {
            return Err(CheckpointError::Incomplete);
        }
        let checkpoint = Checkpoint {
            epoch: header.epoch,
            height: header.height,
            state_root: header.state_root,
            withdrawals_root: header.withdrawals_root,
            exit_root: self.index.exits()?.root(),
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
        {
            let mut state = self.state();
            state.collection.reached(header.height);
            state.collection.take(signed);
            state.newest = Some(checkpoint);
            state.own.insert(header.height, checkpoint);
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

    /// Exchanges signatures and submits checkpoints, for ever.
    pub async fn run<S: Sender, R: Receiver>(
        self,
        mut due: mpsc::Receiver<SignedCheckpoint>,
        (mut sender, mut receiver): (S, R),
        settlement: Settlement,
    ) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut clock = Turns::default();
        loop {
            tokio::select! {
                Some(signed) = due.recv() => {
                    sender.send(Recipients::All, alloy_rlp::encode(signed), false);
                }
                message = receiver.recv() => match message {
                    Ok((_, bytes)) => {
                        if let Ok(signed) = SignedCheckpoint::from_bytes(bytes.as_ref()) {
                            self.take(signed);
                        }
                    }
                    // The network is shutting down.
                    Err(_) => return,
                },
                _ = ticks.tick() => {
                    if let Some(repeat) = self.tick(&settlement, &mut clock).await {
                        sender.send(Recipients::All, alloy_rlp::encode(repeat), false);
                    }
                }
            }
        }
    }

    /// Learns what is on chain, submits if it is this operator's turn; returns the own signature to repeat, if the
    /// newest checkpoint is not on chain yet.
    async fn tick(&self, settlement: &Settlement, clock: &mut Turns) -> Option<SignedCheckpoint> {
        match settlement.accepted_height().await {
            Ok(height) => self.accept(height),
            Err(error) => tracing::warn!(%error, "the settlement contract cannot be read"),
        }
        clock.on_chain(self.accepted().height);
        let Some((checkpoint, signatures)) = self.ready() else {
            *clock = Turns {
                accepted: clock.accepted,
                ticks: 0,
            };
            return None;
        };
        let own = signatures
            .iter()
            .copied()
            .find(|s| s.signer(&self.operators.domain) == Some(self.signer.address()));
        if clock.is_ours(self.turn(&checkpoint)) && self.state().collection.is_quorum(&signatures) {
            match settlement
                .submit_checkpoint(&checkpoint, &self.operators, &signatures)
                .await
            {
                Ok((transaction, _)) => {
                    tracing::info!(height = checkpoint.height, %transaction, "checkpoint accepted on chain");
                    self.accept(checkpoint.height);
                }
                Err(error @ ChainError::Refused(_)) => {
                    tracing::info!(height = checkpoint.height, %error, "checkpoint not taken");
                }
                Err(error) => tracing::warn!(height = checkpoint.height, %error, "checkpoint not submitted"),
            }
        }
        own
    }

    fn accept(&self, height: u64) {
        self.accepted.send_if_modified(|accepted| {
            let newer = height > accepted.height;
            accepted.height = accepted.height.max(height);
            newer
        });
        let mut state = self.state();
        state.own = state.own.split_off(&height.saturating_add(1));
    }

    /// The newest own checkpoint that has a quorum and is not on chain; failing that, the newest one.
    fn ready(&self) -> Option<(Checkpoint, Vec<SignedCheckpoint>)> {
        let state = self.state();
        let with_signatures =
            |checkpoint: &Checkpoint| (*checkpoint, state.collection.signatures(checkpoint));
        let complete = state
            .own
            .values()
            .rev()
            .map(with_signatures)
            .find(|(_, s)| state.collection.is_quorum(s));
        complete.or_else(|| state.own.values().next_back().map(with_signatures))
    }

    /// How many operators have their turn before this one, at this height.
    fn turn(&self, checkpoint: &Checkpoint) -> u64 {
        let seats = self.operators.operators.len() as u64;
        let seat = self
            .operators
            .seat(self.signer.address())
            .map_or(0, |(position, _)| position as u64);
        let first = (checkpoint.height / self.interval) % seats;
        (seat + seats - first) % seats
    }
}

/// How long something has been waiting for its submitter.
#[derive(Debug, Default)]
struct Turns {
    accepted: u64,
    ticks: u64,
}

impl Turns {
    /// A newer checkpoint on chain starts the next round.
    const fn on_chain(&mut self, accepted: u64) {
        if self.accepted != accepted {
            *self = Self { accepted, ticks: 0 };
        }
    }

    /// Whether it is the turn of the operator that has `before` others before it. One attempt a turn.
    const fn is_ours(&mut self, before: u64) -> bool {
        self.ticks = self.ticks.saturating_add(1);
        let ours = self.ticks > before.saturating_mul(TAKEOVER_TICKS);
        if ours {
            self.ticks = 0;
        }
        ours
    }
}
