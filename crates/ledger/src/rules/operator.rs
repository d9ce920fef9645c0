//! Operators and investors as the L1 tells of them (O1, I1, G4). What a chain has decided cannot be refused, only its
//! order.

use super::funds::{next, open};
use super::rewards::accrue;
use crate::draft::Draft;
use crate::event::Event;
use crate::fault::Fault;
use crate::key::Key;
use crate::record::{self, Investor, MAX_OPERATORS, Operator, OperatorSet, Seat};
use crate::reject::Reject;
use crate::view::View;
use alloy_primitives::U256;
use rampart_protocol::observation::{InvestorWeight, OperatorKeys, OperatorStake};
use rampart_protocol::{Address, Amount, Ppm, Timestamp};

/// Counts an event of the L1 contracts, which must be the next one.
pub(super) fn count<V: View>(draft: &mut Draft<'_, V>, got: u64) -> Result<(), Reject> {
    let expected = draft.globals.restaking_count;
    if got != expected {
        return Err(Reject::RestakingOutOfOrder { got, expected });
    }
    draft.globals.restaking_count = next(expected, "the count of L1 events")?;
    Ok(())
}

/// An operator that nothing is known of yet.
pub(crate) const fn unknown(address: Address) -> Operator {
    Operator {
        address,
        stake: 0,
        commission: Ppm(0),
        joined_at: Timestamp(0),
        missed: 0,
        reporting: 0,
        reports: 0,
        owed: Amount::ZERO,
        claimed: Amount::ZERO,
        weight: 0,
        per_weight: U256::ZERO,
        keys: None,
    }
}

/// Sets an operator's stake and commission.
pub(super) fn change_stake<V: View>(draft: &mut Draft<'_, V>, o: &OperatorStake) -> Result<(), Fault> {
    count(draft, o.index)?;
    // An operator must be able to act, and has no deposit of its own.
    open(draft, o.operator)?;
    let mut operator = draft
        .operator(&o.operator)?
        .unwrap_or_else(|| unknown(o.operator));
    let mut set: OperatorSet = draft.existing(&Key::operator_set(), "genesis was not applied")?;
    let place = set.seats.binary_search_by_key(&o.operator, |seat| seat.operator);
    // The L1 contract admits no more; should it, the ones beyond have no part in anything, or ballots would outgrow records.
    let is_full = place.is_err() && set.seats.len() >= MAX_OPERATORS;
    let stake = if is_full { 0 } else { o.stake };
    if operator.stake == 0 && stake > 0 {
        operator.joined_at = draft.now();
    }
    operator.stake = stake;
    operator.commission = o.commission.min(draft.params.commission_max);
    let seat = Seat {
        operator: o.operator,
        stake,
    };
    match (place, stake) {
        (Ok(place), 0) => drop(set.seats.remove(place)),
        (Ok(place), _) => set.seats.splice(place..=place, [seat]).for_each(drop),
        (Err(_), 0) => {}
        (Err(place), _) => set.seats.insert(place, seat),
    }
    draft.emit(Event::OperatorChanged {
        operator: o.operator,
        stake: Amount(stake),
        commission: operator.commission,
    });
    draft.put(set);
    draft.put(operator);
    Ok(())
}

/// Sets an operator's keys; those that it did not prove leave it with none.
pub(super) fn change_keys<V: View>(draft: &mut Draft<'_, V>, o: &OperatorKeys) -> Result<(), Fault> {
    count(draft, o.index)?;
    open(draft, o.operator)?;
    let mut operator = draft
        .operator(&o.operator)?
        .unwrap_or_else(|| unknown(o.operator));
    let since = match operator.keys {
        Some(before) if before.consensus_key == o.consensus_key => before.since,
        _ => draft.globals.restaking_count,
    };
    operator.keys = o.proven.then_some(record::OperatorKeys {
        consensus_key: o.consensus_key,
        checkpoint_key: o.checkpoint_key,
        since,
    });
    draft.emit(Event::OperatorKeysChanged {
        operator: o.operator,
        consensus_key: o.consensus_key,
        checkpoint_key: o.checkpoint_key,
        proven: o.proven,
    });
    draft.put(operator);
    Ok(())
}

/// Sets an investor's weight, after counting what it earned with the one before.
pub(super) fn change_weight<V: View>(draft: &mut Draft<'_, V>, o: &InvestorWeight) -> Result<(), Fault> {
    count(draft, o.index)?;
    open(draft, o.investor)?;
    let mut operator = draft
        .operator(&o.operator)?
        .unwrap_or_else(|| unknown(o.operator));
    let known: Option<Investor> = draft.find(&Key::investor(&o.operator, &o.investor))?;
    let mut investor = known.unwrap_or(Investor {
        operator: o.operator,
        investor: o.investor,
        weight: 0,
        per_weight: operator.per_weight,
        owed: Amount::ZERO,
        claimed: Amount::ZERO,
    });
    accrue(&operator, &mut investor)?;
    let overflow = Reject::Overflow {
        what: "the operator's weight",
    };
    let others = operator
        .weight
        .checked_sub(investor.weight)
        .ok_or(overflow.clone())?;
    operator.weight = others.checked_add(o.weight).ok_or(overflow)?;
    investor.weight = o.weight;
    draft.emit(Event::InvestorChanged {
        operator: o.operator,
        investor: o.investor,
        weight: Amount(o.weight),
    });
    draft.put(operator);
    draft.put(investor);
    Ok(())
}
