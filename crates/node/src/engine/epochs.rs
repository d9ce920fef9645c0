//! Epochs: one instance of agreement for each, one after the other.
//!
//! An epoch is a fixed number of heights. Its first block builds on the last block of the epoch before, once that one is
//! final; until then the leaders of the ending epoch propose its last block again and again, so no block is cut off.
//! Views restart at zero, and votes of different epochs travel on different subchannels.
//!
//! This decides when an epoch is entered: when marshal delivers the last block of the one before. The block is
//! acknowledged only when the next instance runs, so a crash in between repeats it. An operator that missed the end of an
//! epoch cannot check the votes of a later one; it takes them as a hint that their sender can give it the certificate of
//! its epoch's last block. Who votes is [`Committees`]'s; an operator without a seat runs the instance as well and casts
//! no vote, so that it knows what is final as early as the others.

use super::actors::Simplex;
use super::committees::Committees;
use super::runtime::Runtime;
use super::scheme::{Finalization, Scheme};
use crate::block::{Block, BlockContext};
use crate::storage::Digest;
use commonware_actor::Feedback;
use commonware_consensus::{
    CertifiableAutomaton, Epochable as _, Heightable as _, Relay, Reporter,
    marshal::{Identifier, Update, core::Mailbox as MarshalMailbox, standard::Standard},
    simplex::{self, config::Floor},
    types::{Epoch, Epocher as _, FixedEpocher, Height},
};
use commonware_cryptography::{Digestible as _, ed25519::PublicKey};
use commonware_macros::select_loop;
use commonware_p2p::{
    Blocker, Message, Receiver, Sender,
    utils::mux::{Builder as _, MuxHandle, Muxer},
};
use commonware_runtime::Handle;
use commonware_utils::{Acknowledgement as _, acknowledgement::Exact, channel::mpsc, vec::NonEmptyVec};
use tokio::sync::watch;

/// A finalised block.
#[derive(Debug)]
struct Report {
    height: Height,
    digest: Digest,
    done: Exact,
}

/// Tells the epochs of finalised blocks.
#[derive(Clone, Debug)]
pub(super) struct Finals {
    sender: mpsc::UnboundedSender<Report>,
}

/// The receiving end of [`Finals`].
#[derive(Debug)]
pub(super) struct Reports(mpsc::UnboundedReceiver<Report>);

/// The queue of finalised blocks: both ends.
#[expect(
    clippy::disallowed_methods,
    reason = "marshal has at most a few blocks under way that are not acknowledged, so the queue stays short"
)]
pub(super) fn finals() -> (Finals, Reports) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Finals { sender }, Reports(receiver))
}

impl Reporter for Finals {
    type Activity = Update<Block>;

    fn report(&mut self, update: Update<Block>) -> Feedback {
        let Update::Block(block, done) = update else {
            return Feedback::Ok;
        };
        let report = Report {
            height: block.height(),
            digest: block.digest(),
            done,
        };
        match self.sender.send(report) {
            Ok(()) => Feedback::Ok,
            Err(_) => Feedback::Closed,
        }
    }
}

/// The channels of agreement, split by epoch.
struct Split<S: Sender<PublicKey = PublicKey>> {
    votes: MuxHandle<S>,
    certificates: MuxHandle<S>,
    resolver: MuxHandle<S>,
    /// Votes of epochs that do not run here.
    other_votes: mpsc::Receiver<(u64, Message<PublicKey>)>,
    /// Certificates of epochs that do not run here.
    other_certificates: mpsc::Receiver<(u64, Message<PublicKey>)>,
}

/// The instance of agreement that runs.
struct Active {
    epoch: Epoch,
    handle: Handle<()>,
}

impl Drop for Active {
    fn drop(&mut self) {
        self.handle.abort();
    }
}

/// Where an epoch starts.
type Start = (Epoch, Floor<Scheme, Digest>);

/// Runs one instance of agreement an epoch.
pub(super) struct Epochs<E, B, D> {
    pub(super) context: E,
    pub(super) committees: Committees,
    pub(super) epocher: FixedEpocher,
    pub(super) marshal: MarshalMailbox<Scheme, Standard<Block>>,
    /// Proposes and judges blocks.
    pub(super) automaton: D,
    pub(super) simplex: Simplex<B>,
    /// The certificate from which this start syncs state.
    pub(super) synced: Option<Finalization>,
    pub(super) reports: Reports,
    /// Told of each epoch that is entered.
    pub(super) current: watch::Sender<u64>,
}

impl<E, B, D> Epochs<E, B, D>
where
    E: Runtime,
    B: Blocker<PublicKey = PublicKey>,
    D: CertifiableAutomaton<Context = BlockContext, Digest = Digest>
        + Relay<Digest = Digest, PublicKey = PublicKey, Plan = simplex::Plan<PublicKey>>
        + Reporter<Activity = simplex::types::Activity<Scheme, Digest>>,
{
    /// Runs until the network or the runtime stops. Returning is the end of the operator.
    pub(super) async fn run<S, R>(mut self, votes: (S, R), certificates: (S, R), resolver: (S, R))
    where
        S: Sender<PublicKey = PublicKey>,
        R: Receiver<PublicKey = PublicKey>,
    {
        let mut split = self.split(votes, certificates, resolver);
        let Some(start) = self.first().await else {
            tracing::error!(
                "neither the block that the epoch builds on nor a certificate of the epoch is stored"
            );
            return;
        };
        let Some(mut active) = self.enter(start, &mut split).await else {
            return;
        };
        select_loop! {
            self.context,
            on_stopped => {},
            Some((epoch, (from, _))) = split.other_votes.recv() else break => {
                self.hint(active.epoch, epoch, from);
            },
            Some((epoch, (from, _))) = split.other_certificates.recv() else break => {
                self.hint(active.epoch, epoch, from);
            },
            result = &mut active.handle => {
                tracing::warn!(epoch = %active.epoch, ?result, "agreement ended");
                break;
            },
            Some(report) = self.reports.0.recv() else break => {
                let last = self.epocher.last(active.epoch);
                if last.is_some_and(|last| report.height > last) {
                    tracing::error!(height = %report.height, epoch = %active.epoch, "the end of an epoch was skipped");
                    break;
                }
                if last == Some(report.height) {
                    let start = (active.epoch.next(), Floor::Genesis(report.digest));
                    let Some(next) = self.enter(start, &mut split).await else { break };
                    active = next;
                }
                report.done.acknowledge();
            },
        }
    }

    /// Splits the channels of agreement by epoch.
    fn split<S, R>(&self, votes: (S, R), certificates: (S, R), resolver: (S, R)) -> Split<S>
    where
        S: Sender<PublicKey = PublicKey>,
        R: Receiver<PublicKey = PublicKey>,
    {
        let (mux, votes, other_votes) = Muxer::builder(self.context.child("votes"), votes.0, votes.1)
            .with_backup()
            .build();
        mux.start();
        let context = self.context.child("certificates");
        let (mux, certificates, other_certificates) = Muxer::builder(context, certificates.0, certificates.1)
            .with_backup()
            .build();
        mux.start();
        let (mux, resolver) = Muxer::new(self.context.child("resolver"), resolver.0, resolver.1);
        mux.start();
        Split {
            votes,
            certificates,
            resolver,
            other_votes,
            other_certificates,
        }
    }

    /// The epoch of the first block that is not processed yet, and the block or certificate that it starts from.
    ///
    /// `None` when neither is stored, which retention of less than an epoch's blocks would bring about.
    async fn first(&mut self) -> Option<Start> {
        let processed = self.marshal.get_processed().await;
        let next = processed.map_or(Height::new(1), |processed| processed.height().next());
        let info = self.epocher.containing(next)?;
        let epoch = info.epoch();
        if let Some(floor) = self.synced.clone().filter(|floor| floor.epoch() >= epoch) {
            return Some((floor.epoch(), Floor::Finalized(floor)));
        }
        let boundary = info.first().previous().unwrap_or_else(Height::zero);
        if let Some(block) = self.marshal.get_block(boundary).await {
            return Some((epoch, Floor::Genesis(block.digest())));
        }
        // A state sync began within this epoch: the blocks before it were never here, a certificate was.
        let (latest, _) = self.marshal.get_info(Identifier::Latest).await?;
        for height in next.get().saturating_sub(1)..=latest.get() {
            let certificate = self.marshal.get_finalization(Height::new(height)).await;
            if let Some(certificate) = certificate.filter(|certificate| certificate.epoch() == epoch) {
                return Some((epoch, Floor::Finalized(certificate)));
            }
        }
        None
    }

    /// Starts agreement on an epoch as soon as its committee is known. `None` when the network stops.
    async fn enter<S>(&mut self, (epoch, floor): Start, split: &mut Split<S>) -> Option<Active>
    where
        S: Sender<PublicKey = PublicKey>,
    {
        let scheme = self.committees.wait(epoch.get()).await;
        let seated = self.committees.is_seated(epoch.get());
        let context = self.context.child("simplex").with_attribute("epoch", epoch);
        let config = self
            .simplex
            .config(scheme.as_ref().clone(), self.automaton.clone(), epoch, floor);
        let engine = simplex::Engine::new(context, config);
        let votes = split.votes.register(epoch.get()).await.ok()?;
        let certificates = split.certificates.register(epoch.get()).await.ok()?;
        let resolver = split.resolver.register(epoch.get()).await.ok()?;
        let handle = engine.start(votes, certificates, resolver);
        self.forget_votes(epoch).await;
        self.current.send_replace(epoch.get());
        tracing::info!(%epoch, seated, "epoch entered");
        Some(Active { epoch, handle })
    }

    /// Removes the record of votes of the epoch before the last. That of the last one stays: after a crash its end may
    /// have to be repeated.
    async fn forget_votes(&mut self, entered: Epoch) {
        let Some(old) = entered.previous().and_then(Epoch::previous) else {
            return;
        };
        match self.context.remove(&self.simplex.partition(old), None).await {
            Ok(()) | Err(commonware_runtime::Error::PartitionMissing(_)) => {}
            Err(error) => tracing::warn!(epoch = %old, %error, "an old epoch's votes cannot be removed"),
        }
    }

    /// Asks whoever is in a later epoch for the certificate of this epoch's last block.
    fn hint(&self, ours: Epoch, theirs: u64, from: PublicKey) {
        if theirs <= ours.get() {
            return;
        }
        if let Some(last) = self.epocher.last(ours) {
            tracing::debug!(%ours, theirs, ?from, "a peer is in a later epoch");
            self.marshal.hint_finalized(last, NonEmptyVec::new(from));
        }
    }
}
