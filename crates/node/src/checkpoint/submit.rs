//! Getting checkpoints onto the chain: which one is due, whose turn it is, and what the settlement contract has taken.
//!
//! What is signed and how signatures come together is decided in the parent module.

use super::turns::{self, Turns};
use super::{Checkpoints, ticks};
use rampart_chain::{ChainError, Settlement};
use rampart_protocol::eip712::EcdsaSignature;
use rampart_protocol::{Checkpoint, SignedCheckpoint};

impl Checkpoints {
    pub(super) async fn submit(&self, settlement: &Settlement) {
        let (mut ticks, mut turns) = (ticks(), Turns::default());
        loop {
            ticks.tick().await;
            self.tick(settlement, &mut turns).await;
        }
    }

    /// Learns what is on chain, and submits if it is this operator's turn.
    async fn tick(&self, settlement: &Settlement, turns: &mut Turns) {
        match settlement.accepted_height().await {
            Ok(height) => self.learn(height).await,
            Err(error) => tracing::warn!(%error, "the settlement contract cannot be read"),
        }
        if self.hatch.is_frozen() {
            return;
        }
        turns.on_chain(self.accepted().height);
        let Some((checkpoint, signatures, quorum)) = self.ready() else {
            turns.nothing_due();
            return;
        };
        let ours = turns.is_ours(self.before(&checkpoint));
        if !ours || !quorum {
            return;
        }
        let height = checkpoint.height;
        let Some(operators) = self.committees.get(self.schedule.epoch(height)) else {
            return;
        };
        match settlement
            .submit_checkpoint(&checkpoint, &operators, &signatures)
            .await
        {
            Ok((transaction, _)) => {
                tracing::info!(height, %transaction, "checkpoint accepted on chain");
                self.learn(height).await;
            }
            // Mostly another operator was faster.
            Err(error @ ChainError::Refused(_)) => tracing::info!(height, %error, "checkpoint not taken"),
            Err(error) => tracing::warn!(height, %error, "checkpoint not submitted"),
        }
    }

    /// Takes in which height is the last one on chain, and keeps its exits.
    async fn learn(&self, height: u64) {
        let signatures = self.accept(height);
        let exits = self.exits.clone();
        match tokio::task::spawn_blocking(move || exits.accept(height, signatures)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(
                    height,
                    error,
                    "the exits of the last checkpoint cannot be marked as such"
                );
            }
            // Only when the process ends.
            Err(_) => {}
        }
    }

    /// Takes in which height is the last one on chain. Returns the signatures over the own checkpoint of that height.
    pub(super) fn accept(&self, height: u64) -> Vec<EcdsaSignature> {
        self.accepted.send_if_modified(|accepted| {
            let newer = height > accepted.height;
            accepted.height = accepted.height.max(height);
            newer
        });
        let mut state = self.state();
        if let Some(own) = state.own.get(&height).map(|signed| signed.checkpoint) {
            state.on_chain = Some(own);
        }
        state.own = state.own.split_off(&height.saturating_add(1));
        let on_chain = state.on_chain.filter(|own| own.height == height);
        let signed = on_chain.map(|own| state.collection.signatures(&own));
        let signed = signed.unwrap_or_default().into_iter();
        signed.map(|signed| signed.signature).collect()
    }

    /// The newest own checkpoint that has a quorum and is not on chain; failing that, the newest one. None after the first
    /// that hands over to other operators: the contract takes no signature of theirs before. With the signatures, and
    /// whether they are a quorum.
    pub(super) fn ready(&self) -> Option<(Checkpoint, Vec<SignedCheckpoint>, bool)> {
        let state = self.state();
        let mut heights = state.own.keys();
        let end = heights.find(|height| self.schedule.is_last(**height));
        let eligible = || state.own.range(..=end.copied().unwrap_or(u64::MAX)).rev();
        let mut newest_first = eligible().map(|(_, signed)| signed.checkpoint);
        let complete = newest_first.find(|checkpoint| state.collection.is_quorum(checkpoint));
        let quorum = complete.is_some();
        let checkpoint = complete.or_else(|| eligible().next().map(|(_, signed)| signed.checkpoint))?;
        Some((checkpoint, state.collection.signatures(&checkpoint), quorum))
    }

    /// How many operators have their turn before this one, for this checkpoint.
    pub(super) fn before(&self, checkpoint: &Checkpoint) -> u64 {
        let set = self.committees.get(self.schedule.epoch(checkpoint.height));
        let seats = set.as_ref().map_or(0, |set| set.operators.len() as u64);
        let seat = set.and_then(|set| set.seat(self.signer.address()));
        let seat = seat.map_or(0, |(position, _)| position as u64);
        turns::before(checkpoint.height, self.schedule.interval, seats, seat)
    }
}
