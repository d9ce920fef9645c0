//! A provider's escrow: fees in buckets by the time of purchase, so that a claim never walks over purchases (V7).
//!
//! A bucket spans `escrow_bucket` seconds, a page [`BUCKETS_PER_PAGE`] buckets (a day at the default of one hour).
//! Pages that hold nothing do not exist; the others form a list from old to new, so a claim reads only what it
//! empties, and the one page at which it stops. A bucket unlocks when its last second has waited: never early.
//!
//! A page keeps the width that it was made with, so a change of the parameter touches new pages only.

use crate::draft::Draft;
use crate::fault::{Corrupt, Fault};
use crate::key::Key;
use crate::record::{EscrowPage, EscrowQueue, Provider};
use crate::reject::Reject;
use crate::view::{View, read};
use alloc::sync::Arc;
use rampart_protocol::{Amount, ProviderId, Seconds, Timestamp};

/// Buckets in a page.
pub const BUCKETS_PER_PAGE: u64 = 24;

/// Pages that one claim empties at most, to bound its work; the rest is for the next claim.
pub const MAX_PAGES_PER_CLAIM: usize = 64;

/// What left an escrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retrieved {
    /// How much.
    pub(crate) amount: Amount,
    /// When more can leave, at the same waiting period; a past moment when one more claim would get it now, `None`
    /// when nothing is left.
    pub(crate) next_at: Option<Timestamp>,
}

/// Puts a fee into the bucket of `now`.
pub(crate) fn add<V: View>(
    draft: &mut Draft<'_, V>,
    provider: &mut Provider,
    amount: Amount,
    now: Timestamp,
    width: Seconds,
) -> Result<(), Fault> {
    if amount == Amount::ZERO {
        return Ok(());
    }
    let mut shared = open_page(draft, provider, now, width)?;
    let page = Arc::make_mut(&mut shared);
    let bucket = (now.since(page.start).0 / page.width.0.max(1)).min(BUCKETS_PER_PAGE - 1);
    let overflow = Reject::Overflow {
        what: "the provider's escrow",
    };
    let bucket = usize::try_from(bucket)
        .ok()
        .and_then(|at| page.buckets.get_mut(at));
    let bucket = bucket.ok_or(Corrupt {
        key: Key::escrow_page(provider.id, page.start),
        what: "too few buckets",
    })?;
    *bucket = bucket.checked_add(amount).ok_or(overflow.clone())?;
    provider.escrow.total = provider.escrow.total.checked_add(amount).ok_or(overflow)?;
    draft.put(shared);
    Ok(())
}

/// The page that `now` falls into, linked into the provider's list.
fn open_page<V: View>(
    draft: &mut Draft<'_, V>,
    provider: &mut Provider,
    now: Timestamp,
    width: Seconds,
) -> Result<Arc<EscrowPage>, Fault> {
    let width = Seconds(width.0.max(1));
    let aligned = Timestamp(now.0 - now.0 % width.0.saturating_mul(BUCKETS_PER_PAGE));
    if provider.escrow.total == Amount::ZERO {
        provider.escrow = EscrowQueue {
            total: Amount::ZERO,
            first: aligned,
            last: aligned,
        };
        return Ok(Arc::new(empty_page(provider.id, aligned, width)));
    }
    let mut newest = load_page(draft, provider.id, provider.escrow.last)?;
    let end = Timestamp(
        newest
            .start
            .0
            .saturating_add(newest.width.0.saturating_mul(BUCKETS_PER_PAGE)),
    );
    if now < end {
        return Ok(newest);
    }
    // Only after a change of the width can the aligned start lie within the newest page.
    let start = aligned.max(end);
    Arc::make_mut(&mut newest).next = start;
    provider.escrow.last = start;
    draft.put(newest);
    Ok(Arc::new(empty_page(provider.id, start, width)))
}

fn empty_page(provider: ProviderId, start: Timestamp, width: Seconds) -> EscrowPage {
    EscrowPage {
        provider,
        start,
        width,
        next: Timestamp(0),
        buckets: (0..BUCKETS_PER_PAGE).map(|_| Amount::ZERO).collect(),
    }
}

fn load_page<V: View>(
    draft: &Draft<'_, V>,
    provider: ProviderId,
    start: Timestamp,
) -> Result<Arc<EscrowPage>, Fault> {
    let key = Key::escrow_page(provider, start);
    let what = "a page of escrow is missing from its list";
    Ok(read(draft, &key)?.ok_or(Corrupt { key, what })?)
}

/// What [`retrieve`] would take, without taking it.
pub(crate) fn unlocked(
    view: &impl View,
    provider: &Provider,
    now: Timestamp,
    wait: Seconds,
) -> Result<Retrieved, Fault> {
    let (mut amount, mut at) = (Amount::ZERO, provider.escrow.first);
    for _ in 0..MAX_PAGES_PER_CLAIM {
        if amount == provider.escrow.total {
            return Ok(Retrieved {
                amount,
                next_at: None,
            });
        }
        let key = Key::escrow_page(provider.id, at);
        let corrupt = |what| Corrupt { key, what };
        let page: Option<Arc<EscrowPage>> = read(view, &key)?;
        let mut page =
            Arc::unwrap_or_clone(page.ok_or(corrupt("a page of escrow is missing from its list"))?);
        let more = "pages hold more than the escrow's total";
        let taken = page.take_unlocked(now, wait).ok_or(corrupt(more))?;
        amount = amount.checked_add(taken).ok_or(corrupt(more))?;
        if let Some(next_at) = page.next_unlock(wait) {
            return Ok(Retrieved {
                amount,
                next_at: Some(next_at),
            });
        }
        at = page.next;
    }
    let next_at = (amount != provider.escrow.total).then_some(now);
    Ok(Retrieved { amount, next_at })
}

/// Takes an amount whatever its waiting period, oldest first, from at most [`MAX_PAGES_PER_CLAIM`] pages: for refunds,
/// which have precedence over what the provider would claim next. Returns what was there.
pub(crate) fn seize<V: View>(
    draft: &mut Draft<'_, V>,
    provider: &mut Provider,
    amount: Amount,
) -> Result<Amount, Fault> {
    let mut left = Amount(amount.0.min(provider.escrow.total.0));
    let seized = left;
    let corrupt = Corrupt {
        key: provider.key(),
        what: "pages and the escrow's total disagree",
    };
    for _ in 0..MAX_PAGES_PER_CLAIM {
        if left == Amount::ZERO {
            return Ok(seized);
        }
        let mut shared = load_page(draft, provider.id, provider.escrow.first)?;
        let page = Arc::make_mut(&mut shared);
        for bucket in &mut page.buckets {
            let taken = Amount(bucket.0.min(left.0));
            *bucket = bucket.checked_sub(taken).ok_or(corrupt)?;
            left = left.checked_sub(taken).ok_or(corrupt)?;
            provider.escrow.total = provider.escrow.total.checked_sub(taken).ok_or(corrupt)?;
        }
        if page.buckets.iter().any(|held| *held != Amount::ZERO) {
            draft.put(shared);
            continue;
        }
        draft.remove(page.key());
        if page.start != provider.escrow.last {
            provider.escrow.first = page.next;
        } else if provider.escrow.total != Amount::ZERO {
            return Err(corrupt.into());
        }
    }
    Ok(seized.checked_sub(left).ok_or(corrupt)?)
}

/// Takes every fee that has waited, oldest first, from at most [`MAX_PAGES_PER_CLAIM`] pages.
pub(crate) fn retrieve<V: View>(
    draft: &mut Draft<'_, V>,
    provider: &mut Provider,
    now: Timestamp,
    wait: Seconds,
) -> Result<Retrieved, Fault> {
    let mut amount = Amount::ZERO;
    let corrupt = Corrupt {
        key: provider.key(),
        what: "pages hold more than the escrow's total",
    };
    for _ in 0..MAX_PAGES_PER_CLAIM {
        if provider.escrow.total == Amount::ZERO {
            return Ok(Retrieved {
                amount,
                next_at: None,
            });
        }
        let mut shared = load_page(draft, provider.id, provider.escrow.first)?;
        let page = Arc::make_mut(&mut shared);
        let taken = page.take_unlocked(now, wait).ok_or(corrupt)?;
        amount = amount.checked_add(taken).ok_or(corrupt)?;
        provider.escrow.total = provider.escrow.total.checked_sub(taken).ok_or(corrupt)?;
        if let Some(next_at) = page.next_unlock(wait) {
            if taken != Amount::ZERO {
                draft.put(shared);
            }
            return Ok(Retrieved {
                amount,
                next_at: Some(next_at),
            });
        }
        draft.remove(page.key());
        if page.start != provider.escrow.last {
            provider.escrow.first = page.next;
        } else if provider.escrow.total != Amount::ZERO {
            return Err(Corrupt {
                key: provider.key(),
                what: "pages hold less than the escrow's total",
            }
            .into());
        }
    }
    let next_at = (provider.escrow.total != Amount::ZERO).then_some(now);
    Ok(Retrieved { amount, next_at })
}

impl EscrowPage {
    /// When the fees of a bucket may leave: when its last second has waited. Saturates at the end of time.
    fn unlocks_at(&self, bucket: u64, wait: Seconds) -> Timestamp {
        let end = bucket
            .saturating_add(1)
            .saturating_mul(self.width.0)
            .saturating_sub(1);
        Timestamp(self.start.0.saturating_add(end).saturating_add(wait.0))
    }

    /// Empties the buckets that have waited; `None` when their sum exceeds 128 bits.
    fn take_unlocked(&mut self, now: Timestamp, wait: Seconds) -> Option<Amount> {
        let unlocked = (0..).take_while(|bucket| self.unlocks_at(*bucket, wait) <= now);
        let count = unlocked.take(self.buckets.len()).count();
        let mut sum = Amount::ZERO;
        for bucket in self.buckets.iter_mut().take(count) {
            sum = sum.checked_add(core::mem::take(bucket))?;
        }
        Some(sum)
    }

    /// When the oldest fee that is left unlocks.
    fn next_unlock(&self, wait: Seconds) -> Option<Timestamp> {
        let left = (0..).zip(&self.buckets).find(|(_, held)| **held != Amount::ZERO);
        left.map(|(bucket, _)| self.unlocks_at(bucket, wait))
    }
}
