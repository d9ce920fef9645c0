//! Getting checkpoints onto the chain: which one is due, whose turn it is, and what to do about a transaction on its way.
//!
//! What is signed and how signatures come together is decided in the parent module; what the settlement contract has taken,
//! in `accepted`; how a transaction arrives although fees rise and pools forget, in [`rampart_chain::outgoing`].

use super::accepted::Heard;
use super::turns::{self, Turns};
use super::{Checkpoints, ticks};
use rampart_chain::outgoing::plan::{Call, Wish};
use rampart_chain::outgoing::{OutgoingStatus, Progress};
use rampart_chain::{ChainError, Finality, Outgoing, Settlement};
use rampart_protocol::{Checkpoint, SignedCheckpoint};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{Instrument as _, Span};

/// Ticks between two looks at what is final.
const FINAL_EVERY: u64 = 5;

/// The way to the settlement contract.
#[derive(Debug)]
pub struct Submission {
    /// The contract, to read from.
    pub settlement: Settlement,
    /// Which blocks are final there.
    pub finality: Finality,
    /// The account's transactions.
    pub outgoing: Outgoing,
    /// Where the account's state is told.
    pub status: watch::Sender<Option<OutgoingStatus>>,
}

/// What is remembered between ticks.
#[derive(Debug, Default)]
struct Attempts {
    turns: Turns,
    looks: Looks,
}

/// What is remembered between looks at the contract.
#[derive(Debug, Default)]
struct Looks {
    heard: Heard,
    ticks: u64,
}

impl Checkpoints {
    pub(super) async fn submit(&self, mut submission: Submission) {
        let start = Instant::now();
        let (mut ticks, mut attempts) = (ticks(), Attempts::default());
        loop {
            ticks.tick().await;
            let now_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.tick(&mut submission, &mut attempts, now_ms).await;
        }
    }

    /// Learns what is on chain, and submits if it is this operator's turn.
    async fn tick(&self, submission: &mut Submission, attempts: &mut Attempts, now_ms: u64) {
        self.look(&submission.settlement, submission.finality, &mut attempts.looks)
            .await;
        if self.hatch.is_frozen() {
            return;
        }
        let wish = self.wish(submission, &mut attempts.turns);
        let height = match &wish {
            Wish::Do(call) => Call::number(call.subject),
            _ => submission.outgoing.subject().and_then(Call::number),
        };
        // Looking after nothing each second is not worth a trace.
        let span = match height {
            Some(height) => tracing::debug_span!("checkpoint", height),
            None => Span::none(),
        };
        match submission.outgoing.drive(&wish, now_ms).instrument(span).await {
            Ok(progress) => tell(height.unwrap_or_default(), &progress),
            // Mostly another operator was faster.
            Err(error @ ChainError::Refused(_)) => tracing::info!(height, %error, "checkpoint not taken"),
            Err(error) => tracing::warn!(height, %error, "checkpoint not submitted"),
        }
        submission.status.send_replace(Some(submission.outgoing.status()));
    }

    /// Learns what is on chain, for ever, and submits nothing.
    pub async fn watch(self, settlement: Settlement, finality: Finality) {
        let (mut ticks, mut looks) = (ticks(), Looks::default());
        loop {
            ticks.tick().await;
            self.look(&settlement, finality, &mut looks).await;
        }
    }

    async fn look(&self, settlement: &Settlement, finality: Finality, looks: &mut Looks) {
        match settlement.accepted_height().await {
            Ok(height) => {
                let before = self.accepted().height;
                let height = looks.heard.hear(height);
                if height < before {
                    tracing::warn!(
                        before,
                        height,
                        "the L2 was reorganised: a checkpoint's acceptance is undone"
                    );
                }
                self.learn(height).await;
            }
            Err(error) => tracing::warn!(%error, "the settlement contract cannot be read"),
        }
        if looks.ticks.is_multiple_of(FINAL_EVERY) {
            // An endpoint that does not keep that block's state costs memory only: what was accepted is then kept for longer.
            match settlement.final_height(finality).await {
                Ok(height) => self.settled(height),
                Err(error) => {
                    tracing::debug!(%error, "what is final of the settlement contract cannot be read")
                }
            }
        }
        looks.ticks = looks.ticks.wrapping_add(1);
    }

    /// What should become of the transaction on its way, or be sent.
    fn wish(&self, submission: &Submission, turns: &mut Turns) -> Wish {
        let accepted = self.accepted().height;
        turns.on_chain(accepted);
        let sent = submission.outgoing.subject().and_then(Call::number);
        let wanted = sent.filter(|sent| *sent > accepted);
        let Some((checkpoint, signatures, quorum)) = self.ready() else {
            turns.nothing_due();
            return wanted.map_or(Wish::Nothing, |_| Wish::Keep);
        };
        // What this operator has begun it goes on with, whoever's turn it is meanwhile.
        let ours = turns.is_ours(self.before(&checkpoint)) || wanted.is_some();
        match wanted {
            Some(sent) if !quorum || checkpoint.height < sent => Wish::Keep,
            _ if !ours || !quorum => Wish::Nothing,
            // Whoever signed is known, or there would be no quorum.
            _ => match self.committees.get(self.schedule.epoch(checkpoint.height)) {
                Some(set) => Wish::Do(
                    submission
                        .settlement
                        .checkpoint_call(&checkpoint, &set, &signatures),
                ),
                None => Wish::Nothing,
            },
        }
    }

    /// The newest own checkpoint that has a quorum and is not on chain; failing that, the newest one. None after the first
    /// that hands over to other operators: the contract takes no signature of theirs before. With the signatures, and
    /// whether they are a quorum.
    pub(super) fn ready(&self) -> Option<(Checkpoint, Vec<SignedCheckpoint>, bool)> {
        let accepted = self.accepted().height;
        let state = self.state();
        let own = || state.own.range(accepted.saturating_add(1)..);
        let end = own()
            .map(|(height, _)| *height)
            .find(|height| self.schedule.is_last(*height));
        let end = end.unwrap_or(u64::MAX);
        let newest_first = || {
            own()
                .rev()
                .filter(|(height, _)| **height <= end)
                .map(|(_, signed)| signed.checkpoint)
        };
        let complete = newest_first().find(|checkpoint| state.collection.is_quorum(checkpoint));
        let quorum = complete.is_some();
        let checkpoint = complete.or_else(|| newest_first().next())?;
        Some((checkpoint, state.collection.signatures(&checkpoint), quorum))
    }

    /// How many operators have their turn before this one, for this checkpoint.
    pub(super) fn before(&self, checkpoint: &Checkpoint) -> u64 {
        let set = self.committees.get(self.schedule.epoch(checkpoint.height));
        let seats = set.as_ref().map_or(0, |set| set.operators.len() as u64);
        let seat = set.and_then(|set| set.seat(self.address()?));
        let seat = seat.map_or(0, |(position, _)| position as u64);
        turns::before(checkpoint.height, self.schedule.interval, seats, seat)
    }
}

fn tell(height: u64, progress: &Progress) {
    match progress {
        Progress::Idle | Progress::Waiting => {}
        Progress::Sent(transaction) => tracing::info!(height, %transaction, "checkpoint submitted"),
        Progress::Replaced(transaction) => {
            tracing::warn!(height, %transaction, "the checkpoint's transaction was stuck and is outbid");
        }
        Progress::Repeated(transaction) => {
            tracing::info!(height, %transaction, "the checkpoint's transaction was dropped and is sent again");
        }
        Progress::AtLimit => tracing::warn!(
            height,
            "the checkpoint's transaction is stuck at the most that may be offered: raise l2_max_fee_gwei, or wait"
        ),
        Progress::Mined { outcome, .. } => match outcome {
            Some((transaction, true)) => tracing::info!(height, %transaction, "checkpoint accepted on chain"),
            Some((transaction, false)) => {
                tracing::info!(height, %transaction, "the checkpoint's transaction failed: mostly another was faster");
            }
            None => tracing::info!(height, "the nonce of the checkpoint's transaction is used"),
        },
    }
}
