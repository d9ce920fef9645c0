//! Rewards of operators and their investors (U2, I2, G4), by the accumulators of F1 fee distribution (Ojha, "F1 Fee
//! Distribution", 2018): a distribution and a claim touch one record each, whatever the number of investors.

use super::funds::{credit, give, take};
use crate::draft::Draft;
use crate::event::Event;
use crate::fault::{Corrupt, Fault};
use crate::key::Key;
use crate::math::{mul_div, ppm_of};
use crate::record::{Investor, Operator};
use crate::reject::Reject;
use crate::view::View;
use alloy_primitives::U256;
use rampart_protocol::message::ClaimRewards;
use rampart_protocol::{Address, Amount};

/// Fractional bits of the accumulator.
const FRACTION: usize = 64;

/// An operator that earned a part of something, in proportion to its stake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Beneficiary {
    pub(super) operator: Address,
    pub(super) stake: u128,
}

/// Divides an amount among operators by stake, each part rounded down; what is left, or all when there is nobody, goes
/// to the pool.
pub(super) fn divide<V: View>(
    draft: &mut Draft<'_, V>,
    amount: Amount,
    among: &[Beneficiary],
) -> Result<(), Fault> {
    let total = among.iter().fold(0u128, |sum, b| sum.saturating_add(b.stake));
    let mut left = amount;
    for beneficiary in among {
        let share = Amount(
            mul_div(amount.0, beneficiary.stake, total)
                .unwrap_or(0)
                .min(left.0),
        );
        if let Some(mut operator) = draft.operator(&beneficiary.operator)? {
            distribute(draft, &mut operator, share)?;
            draft.put(operator);
            take(&mut left, share)?;
        }
    }
    give(&mut draft.globals.pool, left, "the pool")?;
    Ok(())
}

/// Gives an operator its commission, capped as the parameter is now, and the rest to its investors by weight; to the treasury when it has none. The
/// caller keeps the record.
pub(super) fn distribute<V: View>(
    draft: &mut Draft<'_, V>,
    operator: &mut Operator,
    amount: Amount,
) -> Result<(), Fault> {
    let overflow = |what| Reject::Overflow { what };
    let commission = operator.commission.min(draft.params.commission_max);
    let commission = Amount(ppm_of(amount.0, commission).ok_or(overflow("the commission"))?);
    let rest = amount.checked_sub(commission).ok_or(overflow("the commission"))?;
    give(&mut operator.owed, commission, "the operator's rewards")?;
    give(&mut draft.globals.rewards, commission, "the sum of rewards")?;
    let scaled = U256::from(rest.0) << FRACTION;
    let Some(step) = scaled.checked_div(U256::from(operator.weight)) else {
        give(&mut draft.globals.treasury, rest, "the treasury")?;
        return Ok(());
    };
    let sum = operator.per_weight.checked_add(step);
    operator.per_weight = sum.ok_or(overflow("the operator's accumulator"))?;
    give(&mut draft.globals.rewards, rest, "the sum of rewards")?;
    Ok(())
}

/// What an investor of an operator is owed now, rounded down.
///
/// # Errors
/// [`Fault::Corrupt`] when the two records contradict each other.
pub fn accrued(operator: &Operator, investor: &Investor) -> Result<Amount, Fault> {
    let mut investor = investor.clone();
    accrue(operator, &mut investor)?;
    Ok(investor.owed)
}

/// Counts what an investor has earned up to now.
pub(super) fn accrue(operator: &Operator, investor: &mut Investor) -> Result<(), Fault> {
    let corrupt = Corrupt {
        key: investor.key(),
        what: "an accumulator fell, or grew beyond all rewards",
    };
    let grown = operator
        .per_weight
        .checked_sub(investor.per_weight)
        .ok_or(corrupt)?;
    let earned = grown.checked_mul(U256::from(investor.weight)).ok_or(corrupt)? >> FRACTION;
    let earned = u128::try_from(earned).map_err(|_| corrupt)?;
    give(&mut investor.owed, Amount(earned), "the investor's rewards")?;
    investor.per_weight = operator.per_weight;
    Ok(())
}

/// Retrieves what the signer is owed as the operator, as its investor, or both.
pub(super) fn claim<V: View>(
    draft: &mut Draft<'_, V>,
    signer: Address,
    m: &ClaimRewards,
) -> Result<(), Fault> {
    let no = Reject::NoRewards {
        operator: m.operator,
        signer,
    };
    let mut operator = draft.operator(&m.operator)?.ok_or(no.clone())?;
    let investor: Option<Investor> = draft.find(&Key::investor(&m.operator, &signer))?;
    let is_operator = m.operator == signer;
    if !is_operator && investor.is_none() {
        return Err(no.into());
    }
    let mut amount = Amount::ZERO;
    if let Some(mut investor) = investor {
        accrue(&operator, &mut investor)?;
        let owed = core::mem::take(&mut investor.owed);
        give(&mut investor.claimed, owed, "the investor's claims")?;
        give(&mut amount, owed, "the rewards")?;
        draft.put(investor);
    }
    if is_operator {
        let owed = core::mem::take(&mut operator.owed);
        give(&mut operator.claimed, owed, "the operator's claims")?;
        give(&mut amount, owed, "the rewards")?;
        draft.put(operator);
    }
    if amount == Amount::ZERO {
        return Err(Reject::NothingOwed {}.into());
    }
    take(&mut draft.globals.rewards, amount)?;
    credit(draft, signer, amount)?;
    draft.emit(Event::RewardsClaimed {
        operator: m.operator,
        account: signer,
        amount,
    });
    Ok(())
}
