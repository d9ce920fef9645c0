//! Cases: rounds of commit and reveal by stake, and what follows from a count (V8).
//!
//! A round is counted when its reveals are over. With a quorum of the stake revealed and more on one side than on the
//! other, that side's verdict is executed. Else there is one fresh round, and then governance is asked; if that does
//! not answer either, the case is dropped. Operators that had stake when the round began and revealed nothing lose their
//! rewards of the epoch.

use super::begin::enqueue;
use super::funds::next;
use super::rewards::Beneficiary;
use super::{expulsion, review};
use crate::draft::Draft;
use crate::event::Event;
use crate::fault::Fault;
use crate::key::Key;
use crate::params::Params;
use crate::record::{Ballot, Operator, OperatorSet, Provider, QueueKind, Seat, Status, Subject, Vote};
use crate::reject::Reject;
use crate::view::View;
use alloc::vec::Vec;
use alloy_primitives::U256;
use rampart_protocol::{B256, CaseId, Ppm, ProviderId, PurchaseId};

/// Rounds of operators before governance is asked.
const ROUNDS: u32 = 2;

/// Opens a round.
pub(super) fn open<V: View>(
    draft: &mut Draft<'_, V>,
    case: CaseId,
    subject: Subject,
    provider: ProviderId,
    round: u32,
) -> Result<(), Fault> {
    let overflow = Reject::Overflow {
        what: "the round's end",
    };
    let commit_until = draft.now().checked_add(draft.params.commit_window);
    let commit_until = commit_until.ok_or(overflow.clone())?;
    let reveal_until = commit_until
        .checked_add(draft.params.reveal_window)
        .ok_or(overflow)?;
    let set: OperatorSet = draft.existing(&Key::operator_set(), "genesis was not applied")?;
    draft.put(Ballot {
        case,
        round,
        subject,
        provider,
        opened_at: draft.now(),
        commit_until,
        reveal_until,
        total_stake: set.total_stake(),
        escalated: false,
        votes: set.seats.iter().map(entitled).collect(),
    });
    enqueue(draft, QueueKind::Round, reveal_until, case.0)?;
    draft.emit(Event::BallotOpened {
        case,
        round,
        subject,
        provider,
        commit_until,
        reveal_until,
    });
    Ok(())
}

/// An operator's place in a round.
const fn entitled(seat: &Seat) -> Vote {
    Vote {
        operator: seat.operator,
        stake: seat.stake,
        commitment: B256::ZERO,
        revealed: false,
        upheld: false,
    }
}

/// Counts a round whose reveals are over.
pub(super) fn count<V: View>(draft: &mut Draft<'_, V>, case: CaseId) -> Result<(), Fault> {
    let found: Option<Ballot> = draft.find(&Key::ballot(&case))?;
    let Some(ballot) = found.filter(|ballot| !ballot.escalated && ballot.reveal_until < draft.now()) else {
        return Ok(());
    };
    if !is_pending(draft, &ballot)? {
        return drop(draft, &ballot);
    }
    note_absences(draft, &ballot)?;
    if let Some(upheld) = verdict(&draft.params, &ballot) {
        draft.globals.epoch.verdicts = next(draft.globals.epoch.verdicts, "the epoch's verdicts")?;
        return decide(draft, &ballot, upheld);
    }
    let round = ballot.round + 1;
    if round <= ROUNDS {
        if ballot.subject == Subject::Review {
            review::retry(draft, PurchaseId(case.0), round)?;
        }
        return open(draft, case, ballot.subject, ballot.provider, round);
    }
    escalate(draft, ballot)
}

/// Whether the case still matters: a suspension may have ended by itself.
fn is_pending<V: View>(draft: &Draft<'_, V>, ballot: &Ballot) -> Result<bool, Fault> {
    if ballot.subject == Subject::Review {
        return Ok(true);
    }
    let provider: Provider = draft.existing(&Key::provider(ballot.provider), "a case names no provider")?;
    Ok(provider.case == ballot.case && provider.status == Status::Suspended)
}

/// The verdict of a round, if it has a quorum and a majority.
fn verdict(params: &Params, ballot: &Ballot) -> Option<bool> {
    let stake = |upheld| {
        let votes = ballot
            .votes
            .iter()
            .filter(|vote| vote.revealed && vote.upheld == upheld);
        votes.fold(U256::ZERO, |sum, vote| sum + U256::from(vote.stake))
    };
    let (up, down) = (stake(true), stake(false));
    let revealed = (up + down) * U256::from(Ppm::ONE.0);
    let quorum = U256::from(ballot.total_stake) * U256::from(params.verdict_quorum.0);
    (revealed >= quorum && up != down).then_some(up > down)
}

/// Takes the epoch's rewards from operators that owed a vote and revealed none.
fn note_absences<V: View>(draft: &mut Draft<'_, V>, ballot: &Ballot) -> Result<(), Fault> {
    let epoch = draft.globals.epoch.number.saturating_add(1);
    for vote in ballot.votes.iter().filter(|vote| !vote.revealed) {
        let key = Key::operator(&vote.operator);
        let mut operator: Operator = draft.existing(&key, "a vote names no operator")?;
        if operator.missed != epoch {
            operator.missed = epoch;
            draft.put(operator);
        }
    }
    Ok(())
}

/// Those who revealed with the majority.
fn judges(ballot: &Ballot, upheld: bool) -> Vec<Beneficiary> {
    let majority = ballot
        .votes
        .iter()
        .filter(|vote| vote.revealed && vote.upheld == upheld);
    majority
        .map(|vote| Beneficiary {
            operator: vote.operator,
            stake: vote.stake,
        })
        .collect()
}

/// Executes the operators' verdict.
fn decide<V: View>(draft: &mut Draft<'_, V>, ballot: &Ballot, upheld: bool) -> Result<(), Fault> {
    execute(draft, ballot, upheld, &judges(ballot, upheld))
}

fn execute<V: View>(
    draft: &mut Draft<'_, V>,
    ballot: &Ballot,
    upheld: bool,
    judges: &[Beneficiary],
) -> Result<(), Fault> {
    let (case, subject, provider) = (ballot.case, ballot.subject, ballot.provider);
    draft.remove(ballot.key());
    draft.emit(Event::CaseDecided {
        case,
        subject,
        provider,
        upheld,
    });
    match subject {
        Subject::Review => review::settle(draft, PurchaseId(case.0), upheld, judges),
        Subject::Expulsion => expulsion::settle(draft, provider, upheld, judges),
    }
}

/// Asks governance.
fn escalate<V: View>(draft: &mut Draft<'_, V>, mut ballot: Ballot) -> Result<(), Fault> {
    let (case, provider) = (ballot.case, ballot.provider);
    if ballot.subject == Subject::Review {
        review::escalate(draft, PurchaseId(case.0))?;
    }
    let due = draft.now().checked_add(draft.params.escalation_window);
    let due = due.ok_or(Reject::Overflow {
        what: "the escalation's end",
    })?;
    enqueue(draft, QueueKind::Escalation, due, case.0)?;
    ballot.escalated = true;
    ballot.votes.clear();
    draft.put(ballot);
    draft.emit(Event::CaseEscalated { case, provider });
    Ok(())
}

/// Governance decides a case that operators could not.
pub(super) fn judge<V: View>(draft: &mut Draft<'_, V>, case: CaseId, upheld: bool) -> Result<(), Fault> {
    let found: Option<Ballot> = draft.find(&Key::ballot(&case))?;
    let ballot = found.filter(|ballot| ballot.escalated);
    let ballot = ballot.ok_or(Reject::UnknownBallot { case, round: 0 })?;
    if !is_pending(draft, &ballot)? {
        return drop(draft, &ballot);
    }
    execute(draft, &ballot, upheld, &[])
}

/// Governance did not answer either.
pub(super) fn expire<V: View>(draft: &mut Draft<'_, V>, case: CaseId) -> Result<(), Fault> {
    let found: Option<Ballot> = draft.find(&Key::ballot(&case))?;
    match found.filter(|ballot| ballot.escalated) {
        Some(ballot) => drop(draft, &ballot),
        None => Ok(()),
    }
}

/// Ends a case without a verdict.
fn drop<V: View>(draft: &mut Draft<'_, V>, ballot: &Ballot) -> Result<(), Fault> {
    draft.remove(ballot.key());
    draft.emit(Event::CaseDropped {
        case: ballot.case,
        provider: ballot.provider,
    });
    match ballot.subject {
        Subject::Review => review::drop(draft, PurchaseId(ballot.case.0)),
        Subject::Expulsion => expulsion::forget(draft, ballot.case, ballot.provider),
    }
}
