//! Who votes in the next consensus epoch: drawn by the first block of an epoch for the one after it, so that joining
//! operators and verifiers have an epoch's time to prepare.

use crate::draft::Draft;
use crate::fault::Fault;
use crate::key::Key;
use crate::record::Committee;
use crate::view::View;

/// Draws the committee of the epoch after the block's, unless an earlier block of the epoch did.
pub(super) fn draw<V: View>(draft: &mut Draft<'_, V>) -> Result<(), Fault> {
    let (epoch, drawn) = (draft.env.epoch, draft.globals.committee);
    let Some(next) = epoch.checked_add(1).filter(|next| *next > drawn) else {
        return Ok(());
    };
    let last: Committee = draft.existing(&Key::committee(drawn), "the last committee drawn is missing")?;
    // Consensus skips no epoch. Should the caller, the last committee serves in between.
    for old in [drawn.saturating_sub(1), drawn] {
        if old < epoch {
            draft.remove(Key::committee(old));
        }
    }
    if drawn < epoch {
        let seats = last.seats.clone();
        draft.put(Committee { epoch, seats });
    }
    draft.put(Committee {
        epoch: next,
        seats: last.seats,
    });
    draft.globals.committee = next;
    Ok(())
}
