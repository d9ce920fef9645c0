//! How many requests a second one purchase may make: a token bucket each (P3). Only signed requests reach it, so nobody
//! can spend another's allowance.

use rampart_protocol::PurchaseId;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Buckets above which full ones, which remember nothing, are dropped.
const PRUNE_ABOVE: usize = 4096;

/// The allowances of all purchases.
#[derive(Debug)]
pub struct Rates {
    per_second: u32,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    buckets: BTreeMap<PurchaseId, Bucket>,
    prune_above: usize,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Requests that may come at once, in thousandths.
    thousandths: u64,
    at: Instant,
}

impl Rates {
    /// `per_second` requests of each purchase, as many of them at once; 0 for no limit.
    #[must_use]
    pub const fn new(per_second: u32) -> Self {
        Self {
            per_second,
            inner: Mutex::new(Inner {
                buckets: BTreeMap::new(),
                prune_above: PRUNE_ABOVE,
            }),
        }
    }

    /// Takes one request from the purchase's allowance; `false` when there is none.
    #[must_use]
    pub fn take(&self, purchase: PurchaseId, now: Instant) -> bool {
        if self.per_second == 0 {
            return true;
        }
        let full = Bucket {
            thousandths: u64::from(self.per_second) * 1000,
            at: now,
        };
        let mut inner = self
            .inner
            .lock()
            .expect("nothing panics while it holds this lock");
        if inner.buckets.len() >= inner.prune_above {
            let full_after = Duration::from_secs(1);
            inner
                .buckets
                .retain(|_, bucket| now.saturating_duration_since(bucket.at) < full_after);
            inner.prune_above = PRUNE_ABOVE.max(2 * inner.buckets.len());
        }
        let bucket = inner.buckets.entry(purchase).or_insert(full);
        let passed = now.saturating_duration_since(bucket.at);
        if passed >= Duration::from_secs(1) {
            *bucket = full;
        } else {
            let earned = u64::from(passed.subsec_micros()) * u64::from(self.per_second) / 1000;
            bucket.thousandths = (bucket.thousandths + earned).min(full.thousandths);
            // Only the time that was turned into allowance is spent, or frequent callers would lose the rest.
            bucket.at += Duration::from_micros(earned * 1000 / u64::from(self.per_second));
        }
        match bucket.thousandths.checked_sub(1000) {
            Some(rest) => {
                bucket.thousandths = rest;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rampart_protocol::B256;

    #[test]
    fn allows_a_second_of_requests_at_once_and_then_its_rate() {
        let (rates, start) = (Rates::new(10), Instant::now());
        let (one, other) = (PurchaseId(B256::repeat_byte(1)), PurchaseId(B256::repeat_byte(2)));
        assert!((0..10).all(|_| rates.take(one, start)));
        assert!(!rates.take(one, start));
        assert!(rates.take(other, start), "purchases do not share an allowance");
        let later = start + Duration::from_millis(250);
        assert!(rates.take(one, later) && rates.take(one, later) && !rates.take(one, later));
        assert!((0..1000u64).all(|_| Rates::new(0).take(one, start)));
    }

    #[test]
    fn forgets_idle_purchases() {
        let (rates, start) = (Rates::new(1), Instant::now());
        let id = |n: usize| PurchaseId(B256::left_padding_from(&n.to_be_bytes()));
        assert!((0..PRUNE_ABOVE).all(|n| rates.take(id(n), start)));
        assert!(rates.take(id(PRUNE_ABOVE), start + Duration::from_secs(2)));
        let inner = rates
            .inner
            .lock()
            .expect("no test panics while it holds this lock");
        assert_eq!(inner.buckets.len(), 1);
    }
}
