//! What an operator does next about a case: decide, commit, reveal, or nothing (V8). Pure.
//!
//! A judge decides late in the time for commitments, at a moment drawn for each case and round, so that people have the first
//! [`HAND_SHARE`] hundredths of it to look for themselves; a decision by hand is sealed at once. What is sealed is sent until
//! the ledger shows it, commitments and reveals alike. Whoever committed elsewhere with a salt of its own, by the command
//! line say, is left alone.

use super::schedule::draw;
use super::sealed::Sealed;
use rampart_ledger::Ballot;
use rampart_protocol::{Address, B256, Timestamp};

/// Hundredths of the time for commitments that are left to people.
pub const HAND_SHARE: u64 = 40;
/// Hundredths after that in which the judge's moment is drawn.
const JUDGE_SHARE: u64 = 30;

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing now.
    Wait,
    /// Have the judges decide, and seal what they say.
    Decide,
    /// Send the commitment that is sealed.
    Commit,
    /// Open it.
    Reveal,
    /// Nothing: the commitment in the ledger is not the one that is sealed here.
    Foreign,
    /// Nothing any more: no commitment arrived in time.
    Missed,
}

/// When the judge decides.
#[must_use]
pub fn decides_at(seed: &B256, ballot: &Ballot) -> Timestamp {
    let window = ballot.commit_until.since(ballot.opened_at).0;
    let about = [ballot.case.0.as_slice(), &ballot.round.to_be_bytes()].concat();
    let drawn = draw(
        seed,
        b"verdict",
        &about,
        (window.saturating_mul(JUDGE_SHARE) / 100).saturating_add(1),
    );
    let after = (window.saturating_mul(HAND_SHARE) / 100).saturating_add(drawn);
    Timestamp(ballot.opened_at.0.saturating_add(after))
}

/// What an operator does next, at a time of the ledger. `sealed` is what it has sealed in this round, `by_hand` whether its
/// people left a decision.
#[must_use]
pub fn step(
    ballot: &Ballot,
    operator: Address,
    sealed: Option<&Sealed>,
    by_hand: bool,
    seed: &B256,
    now: Timestamp,
) -> Step {
    let vote = ballot.votes.iter().find(|vote| vote.operator == operator);
    let Some(vote) = vote.filter(|vote| !ballot.escalated && !vote.revealed) else {
        return Step::Wait;
    };
    let is_committed = !vote.commitment.is_zero();
    let is_ours = sealed.is_some_and(|sealed| sealed.commitment() == vote.commitment);
    if now > ballot.reveal_until {
        return Step::Wait;
    }
    match (is_committed, is_ours) {
        (true, false) => Step::Foreign,
        (true, true) if now > ballot.commit_until => Step::Reveal,
        (true, true) => Step::Wait,
        (false, _) if now > ballot.commit_until => Step::Missed,
        (false, _) if sealed.is_some() => Step::Commit,
        (false, _) if by_hand || now >= decides_at(seed, ballot) => Step::Decide,
        (false, _) => Step::Wait,
    }
}

#[cfg(test)]
#[path = "vote_tests.rs"]
mod tests;
