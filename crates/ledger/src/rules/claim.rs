//! Claims (V7, O5): fees whose waiting period is over move to the owner's balance, and in part to the stake.

use super::funds::{credit, give, take};
use super::{own_provider, stake};
use crate::draft::Draft;
use crate::escrow;
use crate::event::Event;
use crate::fault::Fault;
use crate::math::ppm_of;
use crate::reject::Reject;
use crate::standing::{score, wait};
use crate::view::View;
use rampart_protocol::message::Claim;
use rampart_protocol::{Address, Amount};

/// Retrieves what the score *now* lets go.
pub(super) fn claim<V: View>(draft: &mut Draft<'_, V>, signer: Address, m: &Claim) -> Result<(), Fault> {
    let mut provider = own_provider(draft, signer, m.provider)?;
    let now = draft.now();
    let wait = wait(
        &draft.params,
        score(&draft.params, &draft.globals, &provider, now),
    );
    let escrow = provider.escrow.total;
    let retrieved = escrow::retrieve(draft, &mut provider, now, wait)?;
    if retrieved.amount == Amount::ZERO {
        return Err(match retrieved.next_at {
            Some(retrievable_at) => Reject::StillWaiting {
                escrow,
                retrievable_at,
            },
            None => Reject::NothingInEscrow {},
        }
        .into());
    }
    stake::check_not_held(draft, &provider)?;
    let overflow = Reject::Overflow { what: "the stake" };
    let staked = Amount(ppm_of(retrieved.amount.0, provider.auto_stake).ok_or(overflow.clone())?);
    let amount = retrieved.amount.checked_sub(staked).ok_or(overflow)?;
    take(&mut draft.globals.escrow, retrieved.amount)?;
    give(&mut provider.claimed, retrieved.amount, "the provider's claims")?;
    let owner = provider.owner;
    draft.emit(Event::Claimed {
        provider: m.provider,
        owner,
        amount: retrieved.amount,
    });
    if staked != Amount::ZERO {
        stake::deposit(draft, &mut provider, staked)?;
    }
    draft.put(provider);
    credit(draft, owner, amount)
}
