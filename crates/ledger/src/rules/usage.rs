//! Reports of use (P3, V6): the provider shows the consumer's own signature for how much was asked.

use super::Tx;
use crate::draft::Draft;
use crate::event::Event;
use crate::fault::Fault;
use crate::key::Key;
use crate::record::Provider;
use crate::reject::Reject;
use crate::view::View;
use rampart_protocol::Sequence;
use rampart_protocol::message::ReportUsage;
use rampart_protocol::usage::verify_voucher;

/// Raises the proven use of a purchase. Vouchers are cumulative, so a later one replaces all before; a provider may
/// report after the expiry too, since the requests were made before.
pub(super) fn report<V: View>(draft: &mut Draft<'_, V>, tx: &Tx<'_>, m: &ReportUsage) -> Result<(), Fault> {
    let mut purchase = draft.purchase(m.purchase)?;
    let record = purchase.record;
    let provider: Provider = draft.existing(
        &Key::provider(record.provider),
        "a purchase names a provider that does not exist",
    )?;
    tx.check_owner(&provider)?;
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
    verify_voucher(&record.access_key, m.purchase, m.used, &m.voucher, &m.signature)
        .map_err(|reason| Reject::BadVoucher { reason })?;
    purchase.used = m.used;
    purchase.reported_at = tx.env.timestamp;
    draft.put(purchase);
    draft.emit(Event::UsageReported {
        purchase: m.purchase,
        provider: provider.id,
        used: m.used,
    });
    Ok(())
}
