//! Slashing: how much of a stake is taken and where it goes (V4, I2).

use super::funds::give;
use super::rewards::{self, Beneficiary};
use super::stake;
use crate::draft::Draft;
use crate::event::Event;
use crate::fault::Fault;
use crate::math::ppm_of;
use crate::record::Provider;
use crate::reject::Reject;
use crate::view::View;
use rampart_protocol::Amount;

/// Takes up to an amount of a provider's stake, gives the bounty to those who enforced it, and returns what is left for
/// the caller to place. Nothing enforced it when governance decided: then there is no bounty.
pub(super) fn slash<V: View>(
    draft: &mut Draft<'_, V>,
    provider: &mut Provider,
    amount: Amount,
    enforcers: &[Beneficiary],
) -> Result<Amount, Fault> {
    let taken = stake::seize(draft, provider, amount)?;
    let overflow = Reject::Overflow { what: "the bounty" };
    let share = if enforcers.is_empty() { 0 } else { taken.0 };
    let bounty = Amount(ppm_of(share, draft.params.slash_bounty).ok_or(overflow.clone())?);
    let rest = taken.checked_sub(bounty).ok_or(overflow)?;
    rewards::divide(draft, bounty, enforcers)?;
    draft.emit(Event::Slashed {
        provider: provider.id,
        amount: taken,
        bounty,
    });
    Ok(rest)
}

/// Slashes into the pool.
pub(super) fn slash_to_pool<V: View>(
    draft: &mut Draft<'_, V>,
    provider: &mut Provider,
    amount: Amount,
    enforcers: &[Beneficiary],
) -> Result<(), Fault> {
    let rest = slash(draft, provider, amount, enforcers)?;
    give(&mut draft.globals.pool, rest, "the pool")?;
    Ok(())
}
