//! From probes to the bits of an availability report (P3, V4). Pure.
//!
//! *Windows and the canary.* Probes are counted in windows of two probe intervals, in which each service has
//! its turn. A window in which fewer than one tenth of
//! the providers answered, at least one of them, says more of this operator's own connection than of theirs: it is blind, and
//! nothing of it counts. So an operator cannot tell an outage of the only provider there is from its own.
//!
//! *The rule.* Over an epoch's windows a service was down when at least [`Rule::min_probes`] probes counted, at least
//! [`MIN_FAILURES`] of them failed, and less than `availability_min` of them succeeded (the ledger's parameter, to which the
//! bit refers).
//!
//! *The canary again.* A bad connection loses some probes of every window. When by the rule more than three quarters of at
//! least two providers had all of their services down, this operator suspects itself and reports no outage at all.
//!
//! Providers are counted and not services or hosts, because each of them has a deposit at stake: to blind operators costs a
//! provider for each that is to be hidden.

use rampart_protocol::{B256, Ppm, ProviderId, ServiceId};
use std::collections::{BTreeMap, BTreeSet};

/// Failures that an outage needs at least, whatever their share: one can be anything.
pub const MIN_FAILURES: u64 = 2;
/// Services that one bitmap covers; the format of `ReportAvailability`.
const SERVICES_PER_PAGE: u64 = 256;

/// How often a service was probed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Probes.
    pub probes: u64,
    /// Those that failed, at most as many.
    pub failures: u64,
}

impl Count {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            probes: self.probes.saturating_add(other.probes),
            failures: self.failures.saturating_add(other.failures),
        }
    }

    /// Whether less than `share` of the probes succeeded.
    #[must_use]
    pub fn is_below(&self, share: Ppm) -> bool {
        let successes = self.probes.saturating_sub(self.failures);
        u128::from(successes) * u128::from(Ppm::ONE.0) < u128::from(self.probes) * u128::from(share.0)
    }
}

/// A service's count, and whose it is.
pub type Counts = BTreeMap<ServiceId, (ProviderId, Count)>;

/// The probes of one window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    counts: Counts,
}

impl Window {
    /// Counts a probe.
    pub fn record(&mut self, provider: ProviderId, service: ServiceId, is_up: bool) {
        let (_, count) = self.counts.entry(service).or_insert((provider, Count::default()));
        *count = count.plus(Count {
            probes: 1,
            failures: u64::from(!is_up),
        });
    }

    /// Whether nothing was probed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Whether it says nothing of the providers, see the module.
    #[must_use]
    pub fn is_blind(&self) -> bool {
        let providers: BTreeSet<ProviderId> = self.counts.values().map(|(provider, _)| *provider).collect();
        let answered = |(_, count): &&(ProviderId, Count)| count.failures < count.probes;
        let answered: BTreeSet<ProviderId> = self
            .counts
            .values()
            .filter(answered)
            .map(|(provider, _)| *provider)
            .collect();
        answered.is_empty() || answered.len() * 10 < providers.len()
    }

    /// What counts of it: nothing when it is blind.
    #[must_use]
    pub fn close(self) -> Counts {
        if self.is_blind() {
            return Counts::new();
        }
        self.counts
    }
}

/// When a service was down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Probes that must count before anything is said.
    pub min_probes: u64,
    /// The ledger's `availability_min`.
    pub availability_min: Ppm,
}

/// What an operator says of an epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The services that were down.
    pub down: BTreeSet<ServiceId>,
    /// Whether nearly all were, so that the operator suspects itself and `down` is empty.
    pub suspects_itself: bool,
}

impl Rule {
    /// Whether a service was down.
    #[must_use]
    pub fn is_down(&self, count: &Count) -> bool {
        count.probes >= self.min_probes.max(1)
            && count.failures >= MIN_FAILURES
            && count.is_below(self.availability_min)
    }

    /// What an epoch's counts come to.
    #[must_use]
    pub fn verdict(&self, counts: &Counts) -> Verdict {
        let down: BTreeSet<ServiceId> = counts
            .iter()
            .filter(|(_, (_, count))| self.is_down(count))
            .map(|(service, _)| *service)
            .collect();
        let mut providers: BTreeMap<ProviderId, bool> = BTreeMap::new();
        for (service, (provider, count)) in counts {
            if count.probes >= self.min_probes.max(1) {
                let all_down = providers.entry(*provider).or_insert(true);
                *all_down &= down.contains(service);
            }
        }
        let gone = providers.values().filter(|all_down| **all_down).count();
        if providers.len() >= 2 && gone * 4 > providers.len() * 3 {
            return Verdict {
                down: BTreeSet::new(),
                suspects_itself: true,
            };
        }
        Verdict {
            down,
            suspects_itself: false,
        }
    }
}

/// A service is on none of the pages that are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("service {service} is not among the {services} services that the epoch's reports have room for")]
pub struct UnknownService {
    /// The service.
    pub service: ServiceId,
    /// The last service of the last page.
    pub services: u64,
}

/// The bitmap of each page: bit `i` of page `p`, counted from the lowest bit of the first byte, stands for the service
/// `256 * p + 1 + i`, as in `ReportAvailability`.
///
/// # Errors
/// When a service is on none of the pages.
pub fn bitmaps(down: impl IntoIterator<Item = ServiceId>, pages: u32) -> Result<Vec<B256>, UnknownService> {
    let services = u64::from(pages) * SERVICES_PER_PAGE;
    let mut bitmaps: Vec<B256> = (0..pages).map(|_| B256::ZERO).collect();
    for service in down {
        let unknown = UnknownService { service, services };
        let place = service.0.checked_sub(1).ok_or(unknown)?;
        let page = usize::try_from(place / SERVICES_PER_PAGE).map_err(|_| unknown)?;
        let byte = usize::try_from(place % SERVICES_PER_PAGE / 8).map_err(|_| unknown)?;
        let bitmap = bitmaps.get_mut(page).ok_or(unknown)?;
        bitmap.0[byte] |= 1 << (place % 8);
    }
    Ok(bitmaps)
}

#[cfg(test)]
#[path = "tally_tests.rs"]
mod tests;
