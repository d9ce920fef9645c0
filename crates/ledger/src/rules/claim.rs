//! Claims (V7, O5): fees whose waiting period is over move to the owner's balance.

use super::{Tx, give, take};
use crate::draft::Draft;
use crate::escrow;
use crate::event::Event;
use crate::fault::Fault;
use crate::reject::Reject;
use crate::standing::{score, wait};
use crate::view::View;
use rampart_protocol::message::Claim;

/// Retrieves what the score *now* lets go.
pub(super) fn claim<V: View>(draft: &mut Draft<'_, V>, tx: &mut Tx<'_>, m: &Claim) -> Result<(), Fault> {
    let mut provider = tx.own_provider(draft, m.provider)?;
    let now = tx.env.timestamp;
    let wait = wait(&tx.params, score(&tx.params, &provider, now));
    let escrow = provider.escrow.total;
    let retrieved = escrow::retrieve(draft, &mut provider, now, wait)?;
    if retrieved.amount.0 == 0 {
        return Err(match retrieved.next_at {
            Some(retrievable_at) => Reject::StillWaiting {
                escrow,
                retrievable_at,
            },
            None => Reject::NothingInEscrow {},
        }
        .into());
    }
    take(&mut tx.globals.escrow, retrieved.amount)?;
    tx.credit(retrieved.amount)?;
    give(&mut provider.claimed, retrieved.amount, "the provider's claims")?;
    let owner = provider.owner;
    draft.put(provider);
    draft.emit(Event::Claimed {
        provider: m.provider,
        owner,
        amount: retrieved.amount,
    });
    Ok(())
}
