//! What must hold of every run.

use super::State;
use super::workload::{INVESTOR, judges};
use commonware_consensus::Epochable as _;
use commonware_cryptography::ed25519::PublicKey;
use commonware_glue::simulate::{exit::ExitCondition, property::Property, tracker::ProgressTracker};
use commonware_parallel::Sequential;
use commonware_utils::test_rng;
use rampart_ledger::{Key, Record, ReviewState, accrued, audit};
use rampart_node::engine::{Scheme, participants};
use rampart_protocol::{Amount, PurchaseId};
use std::{future::Future, pin::Pin};

type Check<'a, T> = Pin<Box<dyn Future<Output = Result<T, String>> + Send + 'a>>;

fn honest<'a>(states: &'a [&'a State]) -> impl Iterator<Item = &'a State> {
    states.iter().copied().filter(|state| state.honest)
}

/// Ends a run when this many honest operators are this high.
#[derive(Clone)]
pub struct HonestReach {
    pub height: u64,
    pub operators: usize,
}

impl ExitCondition<PublicKey, State> for HonestReach {
    fn name(&self) -> &str {
        "honest_reach"
    }

    fn requires_polling(&self) -> bool {
        true
    }

    fn reached<'a>(
        &'a self,
        _: &'a ProgressTracker<PublicKey>,
        states: &'a [&'a State],
        _: usize,
    ) -> Check<'a, bool> {
        let high = honest(states)
            .filter(|state| state.chain.tip().height >= self.height)
            .count();
        Box::pin(async move { Ok(high >= self.operators) })
    }
}

/// Every honest operator has the same state root at every height that two of them executed, and its own database
/// has the root that its tip commits to.
#[derive(Clone)]
pub struct SameRoots {
    pub up_to: u64,
}

impl Property<PublicKey, State> for SameRoots {
    fn name(&self) -> &str {
        "same_roots"
    }

    fn check<'a>(&'a self, _: &'a ProgressTracker<PublicKey>, states: &'a [&'a State]) -> Check<'a, ()> {
        Box::pin(async move {
            for height in 1..=self.up_to {
                let mut roots: Vec<_> = honest(states).filter_map(|state| state.root(height)).collect();
                let executed = roots.len();
                roots.dedup();
                if executed < 2 || roots.len() != 1 {
                    return Err(format!(
                        "{executed} operators have {} roots at height {height}",
                        roots.len()
                    ));
                }
            }
            Ok(())
        })
    }
}

/// Every unit is accounted for: in the totals, in a scan of all records, and in the database itself.
#[derive(Clone)]
pub struct Conserved {
    /// Purchases that must have happened by the end.
    pub purchases: u64,
    /// What was deposited in all.
    pub deposited: Amount,
}

impl Property<PublicKey, State> for Conserved {
    fn name(&self) -> &str {
        "conserved"
    }

    fn check<'a>(&'a self, _: &'a ProgressTracker<PublicKey>, states: &'a [&'a State]) -> Check<'a, ()> {
        Box::pin(async move {
            for state in honest(states) {
                let Some(Record::Globals(globals)) = state.record(&Key::globals()).await else {
                    return Err("an operator has no totals".into());
                };
                globals.check().map_err(|error| error.to_string())?;
                if globals.deposited != self.deposited {
                    return Err(format!(
                        "{} was credited, {} was deposited",
                        globals.deposited, self.deposited
                    ));
                }
                // An operator that synced its state did not see the records before, only the database has them.
                if state.operator.seen(|seen| seen.first) == Some(1) {
                    state
                        .operator
                        .seen(|seen| audit(&seen.state))
                        .map_err(|error| error.to_string())?;
                    if globals.purchases < self.purchases {
                        return Err(format!(
                            "{} purchases, {} were asked for",
                            globals.purchases, self.purchases
                        ));
                    }
                }
            }
            Ok(())
        })
    }
}

/// The operators judged a review by their votes, and epochs ended and paid them and an investor: what falls due by time was
/// done by blocks.
#[derive(Clone)]
pub struct Judged {
    pub review: PurchaseId,
}

impl Property<PublicKey, State> for Judged {
    fn name(&self) -> &str {
        "judged"
    }

    fn check<'a>(&'a self, _: &'a ProgressTracker<PublicKey>, states: &'a [&'a State]) -> Check<'a, ()> {
        Box::pin(async move {
            for state in honest(states) {
                match state.record(&Key::review(&self.review)).await {
                    Some(Record::Review(review)) if review.state == ReviewState::Upheld => {}
                    other => return Err(format!("the review is not upheld: {other:?}")),
                }
                let judge = judges()[0].address();
                let records = (
                    state.record(&Key::operator(&judge)).await,
                    state.record(&Key::investor(&judge, &INVESTOR)).await,
                );
                let (Some(Record::Operator(judge)), Some(Record::Investor(investor))) = records else {
                    return Err("what the L1 told is not in the state".into());
                };
                let owed = accrued(&judge, &investor).map_err(|error| error.to_string())?;
                if judge.owed == Amount::ZERO || owed == Amount::ZERO {
                    return Err("an operator or its investor was not paid".into());
                }
                if !matches!(state.record(&Key::epoch(0)).await, Some(Record::EpochReport(_))) {
                    return Err("no epoch has ended".into());
                }
            }
            Ok(())
        })
    }
}

/// Every honest operator knows the same committee of an epoch.
#[derive(Clone)]
pub struct Seated {
    pub epoch: u64,
    pub keys: Vec<PublicKey>,
}

impl Property<PublicKey, State> for Seated {
    fn name(&self) -> &str {
        "seated"
    }

    fn check<'a>(&'a self, _: &'a ProgressTracker<PublicKey>, states: &'a [&'a State]) -> Check<'a, ()> {
        Box::pin(async move {
            for state in honest(states) {
                let seated = state.committees.keys(self.epoch);
                let seated: Vec<_> = seated.into_iter().flatten().collect();
                if seated != self.keys {
                    return Err(format!("epoch {} has the seats {seated:?}", self.epoch));
                }
            }
            Ok(())
        })
    }
}

/// Every block is of the epoch that its height belongs to, and views grow within an epoch.
#[derive(Clone)]
pub struct InEpochs {
    pub epoch_blocks: u64,
}

impl Property<PublicKey, State> for InEpochs {
    fn name(&self) -> &str {
        "in_epochs"
    }

    fn check<'a>(&'a self, _: &'a ProgressTracker<PublicKey>, states: &'a [&'a State]) -> Check<'a, ()> {
        Box::pin(async move {
            for state in honest(states) {
                let headers = state.operator.seen(|seen| seen.headers.clone());
                let mut round = (0, 0);
                for (height, header) in headers {
                    if header.epoch != height / self.epoch_blocks || (header.epoch, header.view) <= round {
                        return Err(format!(
                            "height {height} is of epoch {} and view {} after {round:?}",
                            header.epoch, header.view
                        ));
                    }
                    round = (header.epoch, header.view);
                }
            }
            Ok(())
        })
    }
}

/// Every block that an operator executed is proven final by a certificate that anyone can check who knows the
/// operators: its own, or that of a descendant linked to it by headers (X1).
#[derive(Clone)]
pub struct Certified {
    pub up_to: u64,
}

fn verifier(state: &State, epoch: u64) -> Option<Scheme> {
    let set = state.committees.get(epoch)?;
    let keys = participants(&set).ok()?;
    Some(Scheme::verifier(&set.consensus_namespace(), keys))
}

impl Property<PublicKey, State> for Certified {
    fn name(&self) -> &str {
        "certified"
    }

    fn check<'a>(&'a self, _: &'a ProgressTracker<PublicKey>, states: &'a [&'a State]) -> Check<'a, ()> {
        Box::pin(async move {
            for state in honest(states) {
                let executed = state.operator.seen(|seen| seen.headers.clone());
                for (height, header) in executed.range(..=self.up_to) {
                    let missing = || format!("no certificate of height {height}");
                    let certificate = state.chain.certificate(*height).await.ok_or_else(missing)?;
                    let certified = certificate.descendants.iter().try_fold(header, |parent, child| {
                        (child.parent == parent.digest()).then_some(child)
                    });
                    let certified = certified.ok_or_else(|| format!("height {height} is not linked"))?;
                    let finalization = certificate.finalization;
                    let verifier = verifier(state, finalization.epoch().get())
                        .ok_or_else(|| format!("the committee of height {height} is not known"))?;
                    if finalization.proposal.payload.0 != certified.digest().0
                        || !finalization.verify(&mut test_rng(), &verifier, &Sequential)
                    {
                        return Err(format!("the certificate of height {height} does not hold"));
                    }
                }
            }
            Ok(())
        })
    }
}

/// Whoever executed the whole chain has no block below one height any more, and every block with its proof from another one on.
#[derive(Clone)]
pub struct Pruned {
    pub below: u64,
    pub kept: std::ops::RangeInclusive<u64>,
}

impl Property<PublicKey, State> for Pruned {
    fn name(&self) -> &str {
        "pruned"
    }

    fn check<'a>(&'a self, _: &'a ProgressTracker<PublicKey>, states: &'a [&'a State]) -> Check<'a, ()> {
        Box::pin(async move {
            for state in honest(states).filter(|state| state.operator.seen(|seen| seen.first) == Some(1)) {
                for height in 1..self.below {
                    if state.chain.block(height).await.is_some() {
                        return Err(format!("block {height} is still there"));
                    }
                }
                for height in self.kept.clone() {
                    if state.chain.block(height).await.is_none()
                        || state.chain.certificate(height).await.is_none()
                    {
                        return Err(format!("block {height} or its proof is not there"));
                    }
                }
            }
            Ok(())
        })
    }
}
