//! Bringing evidence of equivocation to the L1 (X3): which case is next, whose turn it is, and when a case is closed.
//!
//! Operators take turns as for checkpoints, with more time between them, since blocks of the L1 are slower. A case is closed
//! when the contract has said for [`Accusation::settled_after`] that it was punished, so that no reorganisation of the L1 takes
//! the punishment back. Never is it about this operator's own key.

use super::Checkpoints;
use super::evidence::{Case, Proof};
use super::turns::Turns;
use rampart_chain::l1::operators::equivocation_call;
use rampart_chain::outgoing::plan::Wish;
use rampart_chain::outgoing::{OutgoingStatus, Progress};
use rampart_chain::{ChainError, Outgoing};
use rampart_protocol::Address;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Time between two attempts at a case that the contract refuses for another reason than that it was punished.
const REFUSED: Duration = Duration::from_secs(600);

/// The way to the service manager.
#[derive(Debug)]
pub struct Accusation {
    /// The service manager on the L1.
    pub service_manager: Address,
    /// The account's transactions there. It gets the bounties.
    pub outgoing: Outgoing,
    /// Where the account's state is told.
    pub status: watch::Sender<Option<OutgoingStatus>>,
    /// Time between two looks, five of which are a turn.
    pub tick: Duration,
    /// Time for which a punishment must stand.
    pub settled_after: Duration,
}

/// What is remembered of cases between looks.
#[derive(Debug, Default)]
struct Docket {
    turns: Turns,
    /// Since when the contract says that it was punished.
    punished: BTreeMap<Case, Instant>,
    /// When to try again what it refused.
    not_before: BTreeMap<Case, Instant>,
}

impl Docket {
    /// The next case to try: none that is closed, waits, or is about this operator.
    fn next(&self, proofs: Vec<Proof>, me: Address, now: Instant) -> Option<Proof> {
        let waits = |case: &Case| self.not_before.get(case).is_some_and(|until| *until > now);
        proofs
            .into_iter()
            .find(|proof| !proof.punished && proof.operator != me && !waits(&proof.case()))
    }
}

impl Checkpoints {
    /// Brings evidence to the L1, for ever.
    pub async fn accuse(self, mut accusation: Accusation) {
        let (start, mut docket) = (Instant::now(), Docket::default());
        loop {
            tokio::time::sleep(accusation.tick).await;
            let now_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.attend(&mut accusation, &mut docket, now_ms).await;
        }
    }

    async fn attend(&self, accusation: &mut Accusation, docket: &mut Docket, now_ms: u64) {
        let now = Instant::now();
        // Who has no key has no way to the service manager either.
        let me = self.address().unwrap_or_default();
        let next = docket.next(self.evidence.all(), me, now);
        let sent = accusation.outgoing.subject();
        let (wish, case) = match next {
            None => {
                docket.turns.nothing_due();
                (Wish::Nothing, None)
            }
            Some(proof) => {
                let [first, second] = &proof.signed;
                let call = equivocation_call(accusation.service_manager, first, second, me);
                let ours = docket.turns.is_ours(self.before(&first.checkpoint)) || sent == Some(call.subject);
                let wish = if ours { Wish::Do(call) } else { Wish::Nothing };
                (wish, Some(proof.case()))
            }
        };
        let driven = accusation.outgoing.drive(&wish, now_ms).await;
        if let Some(case) = case {
            self.conclude(accusation, docket, case, driven, now);
        }
        accusation.status.send_replace(Some(accusation.outgoing.status()));
    }

    fn conclude(
        &self,
        accusation: &Accusation,
        docket: &mut Docket,
        case: Case,
        driven: Result<Progress, ChainError>,
        now: Instant,
    ) {
        let (operator, height) = case;
        match driven {
            Ok(Progress::Sent(transaction) | Progress::Replaced(transaction)) => {
                tracing::info!(%operator, height, %transaction, "evidence of equivocation submitted");
            }
            Ok(Progress::AtLimit) => {
                tracing::warn!(%operator, height, "the evidence's transaction is stuck: raise l1_max_fee_gwei, or wait");
            }
            Ok(_) => {}
            Err(error) if is_punished(&error) => {
                let since = *docket.punished.entry(case).or_insert(now);
                if now.duration_since(since) < accusation.settled_after {
                    docket.not_before.insert(case, now + accusation.settled_after);
                    tracing::info!(%operator, height, "the equivocation is punished");
                } else if let Err(error) = self.evidence.punished(case) {
                    tracing::warn!(%operator, height, %error, "that an equivocation was punished cannot be noted");
                }
            }
            Err(error @ ChainError::Refused(_)) => {
                docket.punished.remove(&case);
                docket.not_before.insert(case, now + REFUSED);
                tracing::warn!(%operator, height, %error, "the evidence of equivocation is refused");
            }
            Err(error) => {
                tracing::warn!(%operator, height, %error, "the evidence of equivocation is not submitted")
            }
        }
    }
}

fn is_punished(error: &ChainError) -> bool {
    error
        .refusal()
        .is_some_and(rampart_chain::Refusal::is_already_punished)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rampart_protocol::{B256, Checkpoint, SignedCheckpoint};

    fn proof(operator: u8, height: u64, punished: bool) -> Proof {
        let checkpoint = Checkpoint {
            epoch: 0,
            height,
            state_root: B256::ZERO,
            withdrawals_root: B256::ZERO,
            exit_root: B256::ZERO,
            inbox_count: 0,
            next_operator_set: B256::ZERO,
        };
        let signed = SignedCheckpoint {
            checkpoint,
            signature: [0; 65].into(),
        };
        Proof {
            operator: Address::repeat_byte(operator),
            signed: [signed; 2],
            punished,
        }
    }

    #[tokio::test]
    async fn the_first_open_case_is_next_and_never_the_operators_own() {
        let me = Address::repeat_byte(1);
        let proofs = vec![
            proof(1, 10, false),
            proof(2, 10, true),
            proof(3, 10, false),
            proof(3, 20, false),
        ];
        let (mut docket, now) = (Docket::default(), Instant::now());
        let next = |docket: &Docket, now| docket.next(proofs.clone(), me, now).map(|proof| proof.case());
        assert_eq!(next(&docket, now), Some((Address::repeat_byte(3), 10)));
        docket
            .not_before
            .insert((Address::repeat_byte(3), 10), now + REFUSED);
        assert_eq!(next(&docket, now), Some((Address::repeat_byte(3), 20)));
        docket
            .not_before
            .insert((Address::repeat_byte(3), 20), now + REFUSED);
        assert_eq!(next(&docket, now), None);
        assert_eq!(next(&docket, now + REFUSED), Some((Address::repeat_byte(3), 10)));
    }
}
