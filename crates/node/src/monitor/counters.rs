//! What the duties have come to since the start, as numbers: the seam for metrics, which someone else exports.

use super::probe::Outcome;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The counters. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    probes: Mutex<BTreeMap<&'static str, u64>>,
    services: AtomicU64,
    blind_windows: AtomicU64,
    suspected_itself: AtomicU64,
    reported_pages: AtomicU64,
    reported_down: AtomicU64,
    sealed: AtomicU64,
    missed_votes: AtomicU64,
    submitted: AtomicU64,
    failures: AtomicU64,
}

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident => $field:ident,)+) => {
        impl Counters {
            $($(#[$doc])* pub(super) fn $name(&self, count: u64) {
                self.inner.$field.fetch_add(count, Ordering::Relaxed);
            })+
        }

        /// The numbers at one moment, each since the start unless it says otherwise.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Snapshot {
            /// Probes by outcome, see [`Outcome::name`].
            pub probes: BTreeMap<&'static str, u64>,
            /// Services that are probed now.
            pub services: u64,
            $($(#[$doc])* pub $field: u64,)+
        }

        impl Counters {
            /// The numbers now.
            #[must_use]
            pub fn snapshot(&self) -> Snapshot {
                Snapshot {
                    probes: self.inner.probes.lock().unwrap_or_else(PoisonError::into_inner).clone(),
                    services: self.inner.services.load(Ordering::Relaxed),
                    $($field: self.inner.$field.load(Ordering::Relaxed),)+
                }
            }
        }
    };
}

events! {
    /// Windows of probes that counted nothing, since nearly nobody answered.
    blind_window => blind_windows,
    /// Epochs in which the operator suspected itself and reported no outage.
    suspected_itself => suspected_itself,
    /// Pages of availability that the ledger has taken.
    reported_pages => reported_pages,
    /// Services that were reported down.
    reported_down => reported_down,
    /// Verdicts sealed.
    sealed => sealed,
    /// Votes that were owed and not committed in time.
    missed_vote => missed_votes,
    /// Transactions given to the mempool.
    submitted => submitted,
    /// Failures of the duties' own machinery that were logged.
    failure => failures,
}

impl Counters {
    pub(super) fn probed(&self, outcome: &Outcome) {
        let mut probes = self.inner.probes.lock().unwrap_or_else(PoisonError::into_inner);
        let count = probes.entry(outcome.name()).or_default();
        *count = count.saturating_add(1);
    }

    pub(super) fn services(&self, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.inner.services.store(count, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_count_together() {
        let counters = Counters::default();
        let clone = counters.clone();
        clone.probed(&Outcome::Up);
        clone.probed(&Outcome::Wrong("x"));
        clone.probed(&Outcome::Wrong("y"));
        clone.reported_down(3);
        clone.services(7);
        let seen = counters.snapshot();
        assert_eq!(seen.probes, [("up", 1), ("wrong_answer", 2)].into());
        assert_eq!((seen.reported_down, seen.services, seen.failures), (3, 7, 0));
    }
}
