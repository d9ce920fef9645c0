//! When each service is probed (P3). Pure: time and the secret seed are arguments.
//!
//! Time is cut into rounds of one interval. In each round a service is probed once, at a moment that is drawn uniformly
//! from the round by keccak-256 over the operator's secret seed, the service and the round: no provider can tell the next
//! probe, and no two operators probe together. Over all services the moments spread evenly.
//!
//! Decides which services are due. A round that was missed (a stop, too small a budget, a slow host) is not made up for: the
//! service is probed once, and next in the following round. What is learned only now has its first probe at its next moment,
//! so that a start is no burst.

use rampart_protocol::{B256, ServiceId, keccak256};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    host: String,
    at_ms: u64,
}

/// The next probe of every service.
#[derive(Clone, PartialEq, Eq)]
pub struct Schedule {
    seed: B256,
    interval_ms: u64,
    entries: BTreeMap<ServiceId, Entry>,
    queue: BTreeSet<(u64, ServiceId)>,
}

impl core::fmt::Debug for Schedule {
    // Whoever knows the seed knows when to be up.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Schedule")
            .field("interval_ms", &self.interval_ms)
            .field("services", &self.entries.len())
            .finish_non_exhaustive()
    }
}

/// A number below `bound` that only who knows the seed can tell; zero when `bound` is.
#[must_use]
pub fn draw(seed: &B256, purpose: &[u8], about: &[u8], bound: u64) -> u64 {
    let digest = keccak256([seed.as_slice(), purpose, about].concat());
    let (high, _) = digest.split_at(8);
    let number = high.iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
    // The bias is bound / 2^64.
    number.checked_rem(bound).unwrap_or(0)
}

impl Schedule {
    /// No services yet; an interval of zero counts as one millisecond.
    #[must_use]
    pub const fn new(seed: B256, interval_ms: u64) -> Self {
        Self {
            seed,
            interval_ms: if interval_ms == 0 { 1 } else { interval_ms },
            entries: BTreeMap::new(),
            queue: BTreeSet::new(),
        }
    }

    /// When a service is probed in a round, Unix milliseconds.
    #[must_use]
    pub fn moment(&self, service: ServiceId, round: u64) -> u64 {
        let about = [service.0.to_be_bytes(), round.to_be_bytes()].concat();
        let within = draw(&self.seed, b"probe", &about, self.interval_ms);
        round.saturating_mul(self.interval_ms).saturating_add(within)
    }

    /// The round of a time.
    #[must_use]
    pub const fn round(&self, now_ms: u64) -> u64 {
        now_ms / self.interval_ms
    }

    /// Follows the registry: forgets services that are not among these, takes in new ones, and changed hosts.
    pub fn follow(&mut self, services: &BTreeMap<ServiceId, String>, now_ms: u64) {
        self.entries.retain(|service, _| services.contains_key(service));
        let entries = &self.entries;
        self.queue.retain(|(_, service)| entries.contains_key(service));
        for (service, host) in services {
            if let Some(entry) = self.entries.get_mut(service) {
                entry.host.clone_from(host);
                continue;
            }
            let round = self.round(now_ms);
            let this = self.moment(*service, round);
            let at_ms = if this > now_ms {
                this
            } else {
                self.moment(*service, round + 1)
            };
            let host = host.clone();
            self.entries.insert(*service, Entry { host, at_ms });
            self.queue.insert((at_ms, *service));
        }
    }

    /// At most `budget` services whose moment has come, longest due first; each is then due again in the next round. No two
    /// of one host, and none whose host is busy: those stay due.
    pub fn due(&mut self, now_ms: u64, budget: usize, is_busy: impl Fn(&str) -> bool) -> Vec<ServiceId> {
        let mut hosts = BTreeSet::new();
        let mut chosen = Vec::new();
        for (at_ms, service) in self.queue.range(..=(now_ms, ServiceId(u64::MAX))) {
            if chosen.len() >= budget {
                break;
            }
            let Some(entry) = self.entries.get(service) else {
                continue;
            };
            if !is_busy(&entry.host) && hosts.insert(entry.host.as_str()) {
                chosen.push((*at_ms, *service));
            }
        }
        for (at_ms, service) in &chosen {
            let next = self.moment(*service, self.round(now_ms) + 1);
            self.queue.remove(&(*at_ms, *service));
            self.queue.insert((next, *service));
            if let Some(entry) = self.entries.get_mut(service) {
                entry.at_ms = next;
            }
        }
        chosen.into_iter().map(|(_, service)| service).collect()
    }

    /// The host that a service is reached at, as it was given.
    #[must_use]
    pub fn host(&self, service: ServiceId) -> Option<&str> {
        self.entries.get(&service).map(|entry| entry.host.as_str())
    }

    /// Services that are followed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
