//! Voting on cases (V8, O6): asking the judges, sealing what they say, and having it sent until the ledger shows it.
//!
//! Verdict and salt are on disk before anything is sent, so a restart at any moment reveals what was committed. What is to
//! be done next is [`super::vote`]'s to decide, who decides the case [`super::judge`]'s.

use super::DutyError;
use super::counters::Counters;
use super::evidence::{Basics, gather};
use super::judge::{ByHand, Decisions, EvidenceJudge, Judge, first_opinion};
use super::ledger::Ledger;
use super::outbox::Wanted;
use super::sealed::{Folder, Sealed, SealedError, Vote};
use super::store::Store;
use super::vote::{Step, step};
use crate::engine::Runtime;
use rampart_ledger::{Ballot, Key};
use rampart_protocol::{Address, B256, CaseId, Domain};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// Cases that are looked at in one turn; the others wait for these to be decided.
const MAX_CASES: usize = 1_000;

/// The duty.
pub(super) struct Judging {
    seed: B256,
    store: Store,
    folder: Folder,
    decisions: Decisions,
    judges: Vec<Box<dyn Judge>>,
    /// Rounds of which the log knows: of votes that were missed, or are cast elsewhere, or revealed.
    told: BTreeSet<(CaseId, u32)>,
    counters: Counters,
}

impl Judging {
    /// `state` is the directory of verdicts: the same that the command line is given.
    pub(super) fn new(seed: B256, store: Store, state: &Path, domain: &Domain, counters: Counters) -> Self {
        let decisions = Decisions::new(state, domain);
        let by_hand = ByHand {
            decisions: decisions.clone(),
        };
        Self {
            seed,
            store,
            folder: Folder::new(state, domain),
            decisions,
            judges: vec![Box::new(by_hand), Box::new(EvidenceJudge)],
            told: BTreeSet::new(),
            counters,
        }
    }

    /// What the ledger is to know of this operator's votes now.
    pub(super) async fn wanted<E: Runtime>(
        &mut self,
        ledger: &Ledger<E>,
        operator: Address,
        basics: &Basics<'_>,
    ) -> Result<Vec<Wanted>, DutyError> {
        let mut wanted = Vec::new();
        let open = ledger.open_cases(basics.globals, MAX_CASES).await?;
        for case in &open {
            // One case that cannot be looked at must not cost the votes on the others.
            match self.next(ledger, operator, basics, *case).await {
                Ok(next) => wanted.extend(next),
                Err(error) => {
                    self.counters.failure(1);
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(%case, error, "a case cannot be judged");
                }
            }
        }
        self.told.retain(|(case, _)| open.contains(case));
        Ok(wanted)
    }

    async fn next<E: Runtime>(
        &mut self,
        ledger: &Ledger<E>,
        operator: Address,
        basics: &Basics<'_>,
        case: CaseId,
    ) -> Result<Option<Wanted>, DutyError> {
        let ballot: Option<Arc<Ballot>> = ledger.find(Key::ballot(&case)).await?;
        let Some(ballot) = ballot.filter(|ballot| ballot.case == case) else {
            return Ok(None);
        };
        let vote = Vote {
            case,
            round: ballot.round,
            operator,
        };
        let sealed = match self.folder.open(&vote) {
            Ok(sealed) => Some(sealed),
            Err(SealedError::Missing { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let by_hand = self.decisions.file(case).exists();
        let round = ballot.round;
        let next = step(
            &ballot,
            operator,
            sealed.as_ref(),
            by_hand,
            &self.seed,
            basics.now,
        );
        Ok(match (next, sealed) {
            (Step::Decide, _) => {
                let sealed = self.decide(ledger, basics, &ballot, vote).await?;
                sealed.map(|sealed| commit(case, round, &sealed))
            }
            (Step::Commit, Some(sealed)) => Some(commit(case, round, &sealed)),
            (Step::Reveal, Some(sealed)) => {
                if self.told.insert((case, round)) {
                    let Sealed { upheld, reasons, .. } = &sealed;
                    tracing::info!(%case, round, upheld, ?reasons, "revealing a verdict");
                }
                Some(Wanted::Reveal {
                    case,
                    round,
                    upheld: sealed.upheld,
                    salt: sealed.salt,
                })
            }
            (Step::Missed, _) => {
                if self.told.insert((case, round)) {
                    self.counters.missed_vote(1);
                    tracing::error!(%case, round, "no commitment arrived in time: the epoch's rewards are lost");
                }
                None
            }
            (Step::Foreign, _) => {
                if self.told.insert((case, round)) {
                    tracing::warn!(%case, round, "committed elsewhere: reveal it there");
                }
                None
            }
            _ => None,
        })
    }

    /// Asks the judges and seals what they say. The verdict is not logged before it is revealed.
    async fn decide<E: Runtime>(
        &mut self,
        ledger: &Ledger<E>,
        basics: &Basics<'_>,
        ballot: &Ballot,
        vote: Vote,
    ) -> Result<Option<Sealed>, DutyError> {
        let file = gather(ledger, &self.store, basics, ballot).await?;
        let Some(opinion) = first_opinion(&self.judges, &file)? else {
            if self.told.insert((vote.case, vote.round)) {
                tracing::warn!(case = %vote.case, "the judge does not know enough: decide it by hand");
            }
            return Ok(None);
        };
        let salt: B256 = rand::random::<[u8; 32]>().into();
        let folder = self.folder.clone();
        let seal = move || folder.seal(vote, opinion.upheld, salt, &opinion.reasons);
        let sealed = tokio::task::spawn_blocking(seal).await??;
        self.counters.sealed(1);
        tracing::info!(case = %vote.case, round = vote.round, "sealed a verdict");
        Ok(Some(sealed))
    }
}

fn commit(case: CaseId, round: u32, sealed: &Sealed) -> Wanted {
    Wanted::Commit {
        case,
        round,
        commitment: sealed.commitment(),
    }
}
