//! The end of an epoch: what the pool pays, and to whom (U2). Work in proportion to operators, never to purchases,
//! providers or investors.

use super::funds::{give, next, take};
use super::rewards;
use crate::draft::Draft;
use crate::event::Event;
use crate::fault::Fault;
use crate::key::Key;
use crate::math::ppm_of;
use crate::params::{Count, Params};
use crate::record::{AvailabilityPage, EpochReport, EpochState, Operator, OperatorSet, SERVICES_PER_PAGE};
use crate::reject::Reject;
use crate::view::View;
use alloc::vec::Vec;
use alloy_primitives::U512;
use rampart_protocol::{Amount, Ppm, Seconds};

/// Ends the running epoch if its time has come; begins the first one with the first block.
pub(super) fn advance<V: View>(draft: &mut Draft<'_, V>) -> Result<(), Fault> {
    let now = draft.now();
    let epoch = draft.globals.epoch;
    if epoch.started_at.0 == 0 {
        draft.globals.epoch.started_at = now;
        return Ok(());
    }
    let length: Seconds = draft.params.epoch_length;
    if now.since(epoch.started_at) < length {
        return Ok(());
    }
    close(draft, epoch)
}

fn close<V: View>(draft: &mut Draft<'_, V>, epoch: EpochState) -> Result<(), Fault> {
    let pool = draft.globals.pool;
    let share = paid_share(&draft.params, epoch.sellers, epoch.verdicts);
    let overflow = |what| Reject::Overflow { what };
    let paid = Amount(ppm_of(pool.0, share).ok_or(overflow("the rewards"))?);
    draft.globals.pool = Amount::ZERO;
    let (distributed, operators) = distribute(draft, paid, &epoch)?;
    let treasury = pool.checked_sub(distributed).ok_or(overflow("the rewards"))?;
    give(&mut draft.globals.treasury, treasury, "the treasury")?;
    let now = draft.now();
    draft.put(EpochReport {
        number: epoch.number,
        started_at: epoch.started_at,
        ended_at: now,
        pool,
        paid: distributed,
        sellers: epoch.sellers,
        verdicts: epoch.verdicts,
        operators,
    });
    forget_reports(draft, &epoch)?;
    let services = draft.globals.next_service.0.saturating_sub(1);
    draft.globals.epoch = EpochState {
        number: next(epoch.number, "the epoch's number")?,
        started_at: now,
        sellers: 0,
        verdicts: 0,
        pages: services.div_ceil(SERVICES_PER_PAGE),
    };
    draft.emit(Event::EpochClosed {
        number: epoch.number,
        pool,
        paid: distributed,
        treasury,
    });
    Ok(())
}

/// Deletes the bitmaps that were due in the epoch: what followed from them was done when they came.
fn forget_reports<V: View>(draft: &mut Draft<'_, V>, epoch: &EpochState) -> Result<(), Fault> {
    let Some(reported) = epoch.number.checked_sub(1) else {
        return Ok(());
    };
    for page in (0..epoch.pages).filter_map(|page| u32::try_from(page).ok()) {
        let key = Key::availability(reported, page);
        if draft.find::<AvailabilityPage>(&key)?.is_some() {
            draft.remove(key);
        }
    }
    Ok(())
}

/// The share of the pool that is paid out (U2): `w0 + w1 * P / (P + P0) + w2 * E / (E + E0)`, each term rounded down, with
/// P the providers that sold something and E the cases decided, either way.
fn paid_share(params: &Params, sellers: u64, verdicts: u64) -> Ppm {
    let term = |weight: Ppm, count: u64, half: Count| {
        let count = u128::from(count);
        // The half is at least one, and weight times count is below 2^96.
        u128::from(weight.0) * count / (count + u128::from(half.0)).max(1)
    };
    let share = u128::from(params.reward_base.0)
        + term(params.reward_sellers, sellers, params.sellers_half)
        + term(params.reward_verdicts, verdicts, params.verdicts_half);
    Ppm(u32::try_from(share).unwrap_or(Ppm::ONE.0).min(Ppm::ONE.0))
}

/// Pays operators by stake times participation, each share rounded down; returns the sum paid and to how many.
fn distribute<V: View>(
    draft: &mut Draft<'_, V>,
    paid: Amount,
    epoch: &EpochState,
) -> Result<(Amount, u32), Fault> {
    let set: OperatorSet = draft.existing(&Key::operator_set(), "genesis was not applied")?;
    let mut earning: Vec<(Operator, U512)> = Vec::with_capacity(set.seats.len());
    let mut total = U512::ZERO;
    for seat in set.seats {
        let operator: Operator =
            draft.existing(&Key::operator(&seat.operator), "a seat names no operator")?;
        let weight = U512::from(seat.stake) * U512::from(participation(&operator, epoch));
        if weight > U512::ZERO {
            total += weight;
            earning.push((operator, weight));
        }
    }
    let (mut sum, mut operators) = (Amount::ZERO, 0u32);
    for (mut operator, weight) in earning {
        let share = (U512::from(paid.0) * weight)
            .checked_div(total)
            .unwrap_or(U512::ZERO);
        let share = Amount(u128::try_from(share).unwrap_or(0));
        if share != Amount::ZERO {
            rewards::distribute(draft, &mut operator, share)?;
            draft.put(operator);
        }
        give(&mut sum, share, "the rewards")?;
        operators = operators.saturating_add(1);
    }
    // Shares round down, so their sum cannot exceed what is paid; should it, nothing may be made of nothing.
    take(&mut { paid }, sum)?;
    Ok((sum, operators))
}

/// What an operator did of what it owed in the epoch: pages of availability reported, of those due; nothing when it
/// missed a vote.
fn participation(operator: &Operator, epoch: &EpochState) -> u64 {
    let this = epoch.number.saturating_add(1);
    if operator.missed == this {
        return 0;
    }
    match epoch.pages {
        0 => 1,
        _ if operator.reporting == this => operator.reports,
        _ => 0,
    }
}
