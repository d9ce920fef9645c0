//! Refunds of the unused part of a purchase (C7, V4): after a review that stands or was upheld, and after an expulsion.

use super::funds::{credit, give, take};
use super::stake;
use crate::draft::Draft;
use crate::escrow;
use crate::event::Event;
use crate::fault::{Corrupt, Fault};
use crate::math::mul_div;
use crate::record::{Provider, Purchase, Status};
use crate::reject::Reject;
use crate::view::View;
use rampart_protocol::message::ClaimRefund;
use rampart_protocol::{Address, Amount};

/// The fee of what was not used, as proven so far, rounded down.
fn unused_part(purchase: &Purchase) -> Amount {
    let requests = u128::from(purchase.record.requests);
    let unused = requests.saturating_sub(u128::from(purchase.used.0));
    // The unused part is at most the whole, so the fee bounds the quotient; a package without requests is never sold.
    Amount(mul_div(purchase.record.fee.0, unused, requests).unwrap_or(0))
}

/// Refunds the unused part out of the provider's escrow, then out of its stake, and closes the purchase.
pub(super) fn refund_unused<V: View>(
    draft: &mut Draft<'_, V>,
    provider: &mut Provider,
    mut purchase: Purchase,
) -> Result<(), Fault> {
    let due = unused_part(&purchase);
    let from_escrow = escrow::seize(draft, provider, due)?;
    take(&mut draft.globals.escrow, from_escrow)?;
    let left = Amount(due.0.saturating_sub(from_escrow.0));
    let mut refunded = stake::seize(draft, provider, left)?;
    give(&mut refunded, from_escrow, "the refund")?;
    close(draft, &mut purchase, refunded)?;
    draft.put(purchase);
    Ok(())
}

fn close<V: View>(draft: &mut Draft<'_, V>, purchase: &mut Purchase, refunded: Amount) -> Result<(), Fault> {
    purchase.closed = true;
    purchase.refunded = refunded;
    let consumer = purchase.record.consumer;
    credit(draft, consumer, refunded)?;
    draft.emit(Event::Refunded {
        purchase: purchase.record.id,
        provider: purchase.record.provider,
        consumer,
        amount: refunded,
    });
    Ok(())
}

/// Retrieves the unused part of a purchase that an expulsion cut short, out of the provider's escrow, then out of what
/// was slashed for its consumers. First come, first served, until the compensation is used up.
pub(super) fn claim<V: View>(
    draft: &mut Draft<'_, V>,
    signer: Address,
    m: &ClaimRefund,
) -> Result<(), Fault> {
    let mut purchase = draft.purchase(m.purchase)?;
    let consumer = purchase.record.consumer;
    if consumer != signer {
        return Err(Reject::NotConsumer {
            purchase: m.purchase,
            consumer,
            signer,
        }
        .into());
    }
    if purchase.closed {
        return Err(Reject::PurchaseClosed { purchase: m.purchase }.into());
    }
    let mut provider: Provider = draft.existing(
        &crate::key::Key::provider(purchase.record.provider),
        "a purchase names a provider that does not exist",
    )?;
    let no = |reason| Reject::NoRefund {
        purchase: m.purchase,
        reason,
    };
    if provider.status != Status::Expelled {
        return Err(no("its provider was not expelled").into());
    }
    if purchase.record.expires_at <= provider.status_since {
        return Err(no("it had expired when its provider was expelled").into());
    }
    if draft.now() > stake::compensated_until(draft, &provider) {
        return Err(no("the time for compensations is over").into());
    }
    let due = unused_part(&purchase);
    if due == Amount::ZERO {
        return Err(no("nothing of it is unused").into());
    }
    let from_escrow = escrow::seize(draft, &mut provider, due)?;
    take(&mut draft.globals.escrow, from_escrow)?;
    let left = due.0.saturating_sub(from_escrow.0);
    let from_slash = Amount(left.min(provider.compensation.0));
    let corrupt = Corrupt {
        key: provider.key(),
        what: "more was compensated than there was",
    };
    provider.compensation = provider.compensation.checked_sub(from_slash).ok_or(corrupt)?;
    take(&mut draft.globals.compensation, from_slash)?;
    let mut refunded = from_escrow;
    give(&mut refunded, from_slash, "the refund")?;
    if refunded == Amount::ZERO {
        return Err(no("what its provider left is used up").into());
    }
    draft.put(provider);
    close(draft, &mut purchase, refunded)?;
    draft.put(purchase);
    Ok(())
}
