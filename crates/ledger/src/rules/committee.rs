//! Who votes in the next consensus epoch: drawn by the first block of an epoch for the one after it, so that joining
//! operators and verifiers have an epoch's time to prepare. Who gets a seat is [`crate::seats`]'; here is who can, and with
//! which keys.

use crate::draft::Draft;
use crate::event::Event;
use crate::fault::Fault;
use crate::key::Key;
use crate::record::{Committee, CommitteeSeat, MAX_OPERATORS, Operator, OperatorKeys, OperatorSet};
use crate::seats::{Candidate, SeatRule, Sits, allot, weights};
use crate::view::View;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use rampart_protocol::{Address, B256};

/// Operators with stake and proven keys, with both.
type Keyed = BTreeMap<Address, (u128, OperatorKeys)>;

/// Draws the committee of the epoch after the block's, unless an earlier block of the epoch did.
pub(super) fn draw<V: View>(draft: &mut Draft<'_, V>) -> Result<(), Fault> {
    let (epoch, drawn) = (draft.env.epoch, draft.globals.committee);
    let Some(next) = epoch.checked_add(1).filter(|next| *next > drawn) else {
        return Ok(());
    };
    let last: Committee = draft.existing(&Key::committee(drawn), "the last committee drawn is missing")?;
    let keyed = keyed(draft, &last)?;
    let seats = next_seats(&rule(draft), &last.seats, &keyed);
    // Consensus skips no epoch. Should the caller, the last committee serves in between.
    for old in [drawn.saturating_sub(1), drawn] {
        if old < epoch {
            draft.remove(Key::committee(old));
        }
    }
    if drawn < epoch {
        let seats = last.seats;
        draft.put(Committee { epoch, seats });
    }
    draft.emit(Event::CommitteeDrawn {
        epoch: next,
        seats: u32::try_from(seats.len()).unwrap_or(u32::MAX),
    });
    draft.put(Committee { epoch: next, seats });
    draft.globals.committee = next;
    Ok(())
}

fn rule<V: View>(draft: &Draft<'_, V>) -> SeatRule {
    let count = |count: u32| usize::try_from(count).unwrap_or(MAX_OPERATORS).min(MAX_OPERATORS);
    SeatRule {
        max: count(draft.params.seats_max.0),
        min: count(draft.params.seats_min.0),
        least: draft.params.seat_stake_min,
    }
}

/// Who has stake and keys that nobody else has. Of two with one key it is the first's; and a key that votes now for another
/// operator is not free.
fn keyed<V: View>(draft: &Draft<'_, V>, last: &Committee) -> Result<Keyed, Fault> {
    let set: OperatorSet = draft.existing(&Key::operator_set(), "genesis was not applied")?;
    let mut keyed: Vec<(OperatorKeys, Address, u128)> = Vec::with_capacity(set.seats.len());
    for seat in set.seats {
        let operator: Operator =
            draft.existing(&Key::operator(&seat.operator), "a seat names no operator")?;
        keyed.extend(operator.keys.map(|keys| (keys, seat.operator, seat.stake)));
    }
    keyed.sort_unstable_by_key(|(keys, operator, _)| (keys.since, *operator));
    let mut votes: BTreeMap<B256, Address> = BTreeMap::new();
    let mut signs: BTreeMap<Address, Address> = BTreeMap::new();
    for seat in &last.seats {
        votes.insert(seat.consensus_key, seat.operator);
        signs.insert(seat.checkpoint_key, seat.operator);
    }
    keyed.retain(|(keys, operator, _)| {
        let vote = votes.entry(keys.consensus_key).or_insert(*operator);
        let sign = signs.entry(keys.checkpoint_key).or_insert(*operator);
        vote == operator && sign == operator
    });
    let keyed = keyed
        .into_iter()
        .map(|(keys, operator, stake)| (operator, (stake, keys)));
    Ok(keyed.collect())
}

fn next_seats(rule: &SeatRule, last: &[CommitteeSeat], keyed: &Keyed) -> Vec<CommitteeSeat> {
    let sitting: BTreeMap<Address, &CommitteeSeat> = last.iter().map(|seat| (seat.operator, seat)).collect();
    let mut candidates: Vec<Candidate> = keyed
        .iter()
        .map(|(operator, (stake, keys))| Candidate {
            operator: *operator,
            stake: *stake,
            sits: match sitting.get(operator) {
                None => Sits::Not,
                Some(seat) if seat.consensus_key == keys.consensus_key => Sits::WithItsKey,
                Some(_) => Sits::WithAnotherKey,
            },
        })
        .collect();
    let left = last.iter().filter(|seat| !keyed.contains_key(&seat.operator));
    candidates.extend(left.map(|seat| Candidate {
        operator: seat.operator,
        stake: 0,
        sits: Sits::Left,
    }));
    let given = allot(rule, &candidates);
    let seats = given.iter().filter_map(|given| {
        let keyed = keyed.get(&given.operator);
        let before = sitting.get(&given.operator).filter(|_| !given.with_its_key);
        let (consensus_key, checkpoint_key) = match (before, keyed) {
            (Some(seat), _) => (seat.consensus_key, seat.checkpoint_key),
            (None, Some((_, keys))) => (keys.consensus_key, keys.checkpoint_key),
            // Seats are given to candidates only, and these are one or the other.
            (None, None) => return None,
        };
        let seat = CommitteeSeat {
            operator: given.operator,
            consensus_key,
            checkpoint_key,
            weight: 0,
        };
        Some((seat, keyed.map_or(0, |(stake, _)| *stake)))
    });
    let (mut seats, stakes): (Vec<CommitteeSeat>, Vec<u128>) = seats.unzip();
    for (seat, weight) in seats.iter_mut().zip(weights(&stakes)) {
        seat.weight = weight;
    }
    seats
}
