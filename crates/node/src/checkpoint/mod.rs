//! Checkpoints: the operator signs the state at every `interval`-th height, exchanges signatures with the others, and
//! sees to it that one with a quorum reaches the settlement contract.
//!
//! Whose turn it is rotates with the height; the others take over, each a little later, when nothing has arrived on
//! chain. An operator signs only what it executed itself, and only once it keeps what every account needs to leave with
//! that checkpoint (X2). Once the settlement is frozen it signs and submits nothing.
//!
//! The operators of a block's epoch sign its checkpoint. That of an epoch's last block names the next epoch's operators to
//! the contract, which takes nothing of theirs before it: it is submitted first, by operators that left as well, and its
//! signature outlives a restart.

mod accepted;
mod accuse;
mod collect;
mod evidence;
mod schedule;
mod submit;
mod turns;

pub use accuse::Accusation;
pub use collect::{Collection, Equivocation, Taken};
pub use evidence::{EvidenceError, EvidenceStore, MAX_EVIDENCE, Proof};
pub use schedule::Schedule;
pub use submit::Submission;

use crate::engine::Committees;
use crate::exits::{ExitError, ExitStore};
use crate::hatch::Hatch;
use crate::index::Index;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use commonware_p2p::{Receiver, Recipients, Sender};
use rampart_protocol::eip712::EcdsaSignature;
use rampart_protocol::{Address, Checkpoint, Domain, ExitArchive, Header, SignedCheckpoint};
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
    /// Who signs the next checkpoint is not known, which execution of the epoch's first block tells.
    #[error("the operators of epoch {0} are not known")]
    Operators(u64),
}

/// What the last checkpoint on chain is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// Its height, as of the latest block; 0 for none.
    pub height: u64,
    /// The height of the last one whose acceptance is final.
    pub settled: u64,
}

/// The operator's checkpoints, shared with the API.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    committees: Committees,
    domain: Domain,
    schedule: Schedule,
    signer: Option<PrivateKeySigner>,
    index: Index,
    exits: ExitStore,
    evidence: EvidenceStore,
    hatch: Hatch,
    state: Arc<Mutex<State>>,
    accepted: watch::Sender<Accepted>,
    due: mpsc::Sender<SignedCheckpoint>,
}

#[derive(Debug)]
struct State {
    collection: Collection,
    /// Own checkpoints whose acceptance is not known to be final, with the own signature.
    own: BTreeMap<u64, SignedCheckpoint>,
    newest: Option<Checkpoint>,
    /// The own checkpoint of the height that the chain told last.
    on_chain: Option<Checkpoint>,
}

impl Checkpoints {
    /// Checkpoints of a deployment, signed with `signer` in the epochs in which it has a seat, their exits kept in
    /// `exits` and what others sign twice in `evidence`. Without a signer nothing is signed, and the exits of all are kept. Goes on with what was signed before a restart and is not on chain. The receiver goes to [`Self::run`].
    ///
    /// # Errors
    /// When what was signed before cannot be read.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is another part of the operator, handed over once, where all are put together"
    )]
    pub fn new(
        committees: Committees,
        domain: Domain,
        schedule: Schedule,
        signer: Option<PrivateKeySigner>,
        index: Index,
        exits: ExitStore,
        evidence: EvidenceStore,
        hatch: Hatch,
    ) -> Result<(Self, mpsc::Receiver<SignedCheckpoint>), ExitError> {
        let (due, receiver) = mpsc::channel(QUEUE);
        let me = signer.as_ref().map(PrivateKeySigner::address);
        let own = |(checkpoint, signatures): (Checkpoint, Vec<EcdsaSignature>)| {
            let mut signed = signatures.into_iter().map(|signature| SignedCheckpoint {
                checkpoint,
                signature,
            });
            let own = signed.find(|signed| me.is_some() && signed.signer(&domain) == me)?;
            Some((checkpoint.height, own))
        };
        let pending = exits.pending(|height| schedule.is_last(height))?;
        let state = Arc::new(Mutex::new(State {
            collection: Collection::new(domain, schedule),
            own: pending.into_iter().filter_map(own).collect(),
            newest: None,
            on_chain: None,
        }));
        let accepted = watch::Sender::new(Accepted::default());
        let checkpoints = Self {
            committees,
            domain,
            schedule,
            signer,
            index,
            exits,
            evidence,
            hatch,
            state,
            accepted,
            due,
        };
        Ok((checkpoints, receiver))
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
        if !self.schedule.is_due(header.height) || self.hatch.is_frozen() {
            return Ok(());
        }
        let epoch = self.schedule.epoch(header.height);
        let set = self
            .committees
            .get(epoch)
            .ok_or(CheckpointError::Operators(epoch))?;
        if self.address().is_some_and(|me| set.seat(me).is_none()) {
            self.state().collection.reached(header.height);
            return Ok(());
        }
        let next = if self.schedule.is_last(header.height) {
            let next = epoch.saturating_add(1);
            self.committees
                .get(next)
                .ok_or(CheckpointError::Operators(next))?
        } else {
            set
        };
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
            next_operator_set: next.hash(),
        };
        let signed = self.sign(checkpoint)?;
        // Before anybody has the signature: what it certifies must be possible to prove.
        let archive = ExitArchive::new(self.domain, checkpoint, &leaves.exits);
        let archive = archive.signed(signed.iter().map(|signed| signed.signature).collect());
        self.exits
            .keep(&archive, |height| self.schedule.is_last(height))?;
        {
            let mut state = self.state();
            state.collection.reached(header.height);
            state.newest = Some(checkpoint);
            let Some(signed) = signed else {
                return Ok(());
            };
            self.sort(&mut state, signed);
            state.own.insert(header.height, signed);
            while state.own.len() > QUEUE {
                // Without an epoch's last one the chain takes none of the later ones.
                let surplus = state.own.keys().find(|height| !self.schedule.is_last(**height));
                let surplus = surplus.or(state.own.keys().next()).copied().unwrap_or_default();
                state.own.remove(&surplus);
            }
        }
        // When the queue is full the repetition of every tick carries it.
        if let Some(signed) = signed {
            let _ = self.due.try_send(signed);
        }
        Ok(())
    }

    fn address(&self) -> Option<Address> {
        self.signer.as_ref().map(PrivateKeySigner::address)
    }

    /// The checkpoint with this operator's signature, if this is an operator.
    fn sign(&self, checkpoint: Checkpoint) -> Result<Option<SignedCheckpoint>, CheckpointError> {
        let Some(signer) = &self.signer else {
            return Ok(None);
        };
        let signature = signer.sign_hash_sync(&checkpoint.signing_hash(&self.domain))?;
        Ok(Some(SignedCheckpoint {
            checkpoint,
            signature: EcdsaSignature::new(signature.as_bytes()),
        }))
    }

    /// Puts a signature into the collection, which must know the signers of its height.
    fn sort(&self, state: &mut State, signed: SignedCheckpoint) -> Taken {
        let epoch = self.schedule.epoch(signed.checkpoint.height);
        if let Some(set) = self.committees.get(epoch) {
            state.collection.learn(epoch, set);
        }
        state.collection.take(signed)
    }

    fn take(&self, signed: SignedCheckpoint) {
        let taken = self.sort(&mut self.state(), signed);
        if let Taken::Equivocation(found) = taken {
            self.keep_evidence(&found);
        }
    }

    /// Keeps proof that an operator signed two checkpoints of one height, and tells the others both, once.
    fn keep_evidence(&self, found: &Equivocation) {
        let (operator, height) = (found.operator, found.first.checkpoint.height);
        match self.evidence.keep(found) {
            Ok(false) => {}
            Ok(true) => {
                tracing::error!(%operator, height, "an operator signed two different checkpoints for one height");
                let _ = self.due.try_send(found.first);
                let _ = self.due.try_send(found.second);
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(%operator, height, error, "evidence of equivocation cannot be kept");
            }
        }
    }

    /// Takes two checkpoints that somebody says prove an equivocation; returns whether they do.
    pub fn accused(&self, signed: [SignedCheckpoint; 2]) -> bool {
        let Some(proof) = Proof::new(signed, &self.domain) else {
            return false;
        };
        signed.into_iter().for_each(|signed| self.take(signed));
        let case = proof.case();
        self.evidence.all().iter().any(|kept| kept.case() == case)
    }

    /// Evidence of equivocation that is kept.
    #[must_use]
    pub fn evidence(&self) -> Vec<Proof> {
        self.evidence.all()
    }

    /// Exchanges signatures and submits checkpoints, until the network stops. A chain that answers slowly does not
    /// hold up the exchange.
    pub async fn run<S: Sender, R: Receiver>(
        self,
        due: mpsc::Receiver<SignedCheckpoint>,
        channel: (S, R),
        submission: Submission,
    ) {
        tokio::select! {
            () = self.exchange(due, channel) => {}
            () = self.submit(submission) => {}
        }
    }

    /// The own signatures that others may still miss: that of the newest checkpoint, and that of the first that hands over
    /// to other operators.
    fn unsettled(&self) -> Vec<SignedCheckpoint> {
        let accepted = self.accepted().height;
        let state = self.state();
        let own = || state.own.range(accepted.saturating_add(1)..);
        let newest = own().next_back();
        let last = own().find(|(height, _)| self.schedule.is_last(**height));
        let heights: BTreeMap<u64, SignedCheckpoint> = newest
            .into_iter()
            .chain(last)
            .map(|(height, signed)| (*height, *signed))
            .collect();
        heights.into_values().collect()
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
                    for signed in self.unsettled() {
                        // After a restart it is in no collection yet.
                        self.take(signed);
                        sender.send(Recipients::All, alloy_rlp::encode(signed), false);
                    }
                    continue;
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
