//! Reports of use (P3, V6): the provider shows the consumer's own signature for how much was asked.

use super::check_owner;
use crate::draft::Draft;
use crate::event::Event;
use crate::fault::Fault;
use crate::key::Key;
use crate::record::{Provider, Purchase};
use crate::reject::Reject;
use crate::view::View;
use rampart_protocol::message::ReportUsage;
use rampart_protocol::usage::{VoucherError, verify_voucher};
use rampart_protocol::{Address, Sequence};

/// Raises the proven use of a purchase. Vouchers are cumulative, so a later one replaces all before; a provider may
/// report after the expiry too, since the requests were made before.
pub(super) fn report<V: View>(
    draft: &mut Draft<'_, V>,
    signer: Address,
    m: &ReportUsage,
) -> Result<(), Fault> {
    let mut purchase = draft.purchase(m.purchase)?;
    let record = purchase.record;
    let provider: Provider = draft.existing(
        &Key::provider(record.provider),
        "a purchase names a provider that does not exist",
    )?;
    check_owner(&provider, signer)?;
    if purchase.closed {
        return Err(Reject::PurchaseClosed { purchase: m.purchase }.into());
    }
    if m.used <= purchase.used {
        return Err(Reject::UsageNotIncreased {
            got: m.used,
            known: purchase.used,
        }
        .into());
    }
    if m.used > Sequence(record.requests) {
        return Err(Reject::UsageExceedsPackage {
            got: m.used,
            package: record.requests,
        }
        .into());
    }
    verify(&purchase, m).map_err(|reason| Reject::BadVoucher { reason })?;
    purchase.used = m.used;
    purchase.reported_at = draft.now();
    draft.put(purchase);
    draft.emit(Event::UsageReported {
        purchase: m.purchase,
        provider: provider.id,
        used: m.used,
    });
    Ok(())
}

/// Verifies a voucher under the present access key, then under those before it. The present key's answer is told.
fn verify(purchase: &Purchase, m: &ReportUsage) -> Result<(), VoucherError> {
    let check = |key| verify_voucher(key, m.purchase, m.used, &m.voucher, &m.signature);
    let key = purchase.access_key();
    let present = check(&key);
    let Some((_, earlier)) = purchase.rotations.split_last() else {
        return present;
    };
    let earlier = earlier.iter().rev().chain([&purchase.record.access_key]);
    present.or_else(|error| earlier.into_iter().find_map(|key| check(key).ok()).ok_or(error))
}
