//! Rotation of a purchase's access key by its consumer (C6): for a key that was lost or shown.
//!
//! What the earlier keys signed stays good as proof of use, or a consumer could undo use that the provider has not
//! reported yet; so they are kept, and there are only so many rotations.

use crate::apply::Prepared;
use crate::draft::Draft;
use crate::event::Event;
use crate::fault::Fault;
use crate::record::MAX_ROTATIONS;
use crate::reject::Reject;
use crate::view::View;
use rampart_protocol::message::RotateAccessKey;

/// Replaces the key that signs the purchase's requests.
pub(super) fn rotate<V: View>(
    draft: &mut Draft<'_, V>,
    prepared: &Prepared,
    m: &RotateAccessKey,
) -> Result<(), Fault> {
    if !prepared.key_is_good() {
        return Err(Reject::BadAccessKey {}.into());
    }
    let mut purchase = draft.purchase(m.purchase)?;
    let (consumer, signer) = (purchase.record.consumer, prepared.signer());
    if consumer != signer {
        return Err(Reject::NotConsumer {
            purchase: m.purchase,
            consumer,
            signer,
        }
        .into());
    }
    if draft.now() > purchase.record.expires_at {
        return Err(Reject::PurchaseExpired {
            expired_at: purchase.record.expires_at,
        }
        .into());
    }
    if purchase.closed {
        return Err(Reject::PurchaseClosed { purchase: m.purchase }.into());
    }
    if purchase.rotations.len() >= MAX_ROTATIONS {
        let limit = u32::try_from(MAX_ROTATIONS).unwrap_or(u32::MAX);
        return Err(Reject::TooManyRotations { limit }.into());
    }
    purchase.rotations.push(m.access_key);
    let provider = purchase.record.provider;
    draft.put(purchase);
    draft.emit(Event::AccessKeyRotated {
        purchase: m.purchase,
        provider,
        access_key: m.access_key,
    });
    Ok(())
}
