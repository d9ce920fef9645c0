//! Operators' votes on cases: commit, then reveal (V8).

use crate::draft::Draft;
use crate::event::Event;
use crate::fault::Fault;
use crate::key::Key;
use crate::record::{Ballot, Vote};
use crate::reject::Reject;
use crate::view::View;
use rampart_protocol::message::{CommitVerdict, RevealVerdict};
use rampart_protocol::verdict::commitment;
use rampart_protocol::{Address, B256, CaseId};

/// Seals a verdict.
pub(super) fn commit<V: View>(
    draft: &mut Draft<'_, V>,
    signer: Address,
    m: &CommitVerdict,
) -> Result<(), Fault> {
    let operator = draft.operator(&signer)?.filter(|operator| operator.stake > 0);
    let operator = operator.ok_or(Reject::NotOperator { signer })?;
    let mut ballot = ballot(draft, m.case, m.round)?;
    let until = ballot.commit_until;
    let vote = vote_of(&mut ballot, signer);
    if vote.as_ref().is_some_and(|vote| is_committed(vote)) {
        return Err(Reject::AlreadyCommitted { signer }.into());
    }
    if draft.now() > until {
        return Err(Reject::TooLate {
            what: "a commitment",
            until,
        }
        .into());
    }
    let vote = vote.ok_or(Reject::JoinedTooLate { signer })?;
    vote.commitment = m.commitment;
    vote.stake = vote.stake.min(operator.stake);
    draft.put(ballot);
    draft.emit(Event::VerdictCommitted {
        case: m.case,
        round: m.round,
        operator: signer,
    });
    Ok(())
}

/// Opens a sealed verdict. Whoever committed may reveal, even if its stake has left: what it had then counts.
pub(super) fn reveal<V: View>(
    draft: &mut Draft<'_, V>,
    signer: Address,
    m: &RevealVerdict,
) -> Result<(), Fault> {
    let mut ballot = ballot(draft, m.case, m.round)?;
    let (now, after, until) = (draft.now(), ballot.commit_until, ballot.reveal_until);
    let vote = vote_of(&mut ballot, signer)
        .filter(|vote| is_committed(vote))
        .ok_or(Reject::NotCommitted { signer })?;
    if vote.revealed {
        return Err(Reject::AlreadyRevealed { signer }.into());
    }
    let what = "a reveal";
    if now > until {
        return Err(Reject::TooLate { what, until }.into());
    }
    if now <= after {
        return Err(Reject::TooEarly { what, after }.into());
    }
    if commitment(m.case, m.round, signer, m.upheld, m.salt) != vote.commitment {
        return Err(Reject::WrongReveal {}.into());
    }
    vote.revealed = true;
    vote.upheld = m.upheld;
    draft.put(ballot);
    draft.emit(Event::VerdictRevealed {
        case: m.case,
        round: m.round,
        operator: signer,
        upheld: m.upheld,
    });
    Ok(())
}

fn vote_of(ballot: &mut Ballot, operator: Address) -> Option<&mut Vote> {
    ballot.votes.iter_mut().find(|vote| vote.operator == operator)
}

/// Whether an operator has sealed anything. A commitment of zero is the preimage of nothing, so it counts as none.
fn is_committed(vote: &Vote) -> bool {
    vote.commitment != B256::ZERO
}

/// The round of a case that operators vote in.
fn ballot<V: View>(draft: &Draft<'_, V>, case: CaseId, round: u32) -> Result<Ballot, Fault> {
    let found: Option<Ballot> = draft.find(&Key::ballot(&case))?;
    // The key holds 248 bits of the case, so the record must be asked for the rest.
    let found = found.filter(|b| b.case == case && b.round == round && !b.escalated);
    found.ok_or_else(|| Reject::UnknownBallot { case, round }.into())
}
