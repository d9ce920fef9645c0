//! Probing as it goes on: which probes are in flight, and what they add up to (P3).
//!
//! Decides when a probe is started and what becomes of its outcome; how one is made is [`super::probe`]'s, what counts is
//! [`super::tally`]'s. A probe that fails is tried once more after a pause, and counts as failed when both did.

use super::answer::Asked;
use super::config::DutiesConfig;
use super::counters::Counters;
use super::ledger::Listed;
use super::probe::{Outcome, Prober};
use super::schedule::Schedule;
use super::tally::{Counts, Window};
use super::target::Target;
use rampart_protocol::{B256, Domain, ProviderId, ServiceId};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::task::{Id, JoinSet};

/// Intervals of probes that a window has: two, since between two probes of a service up to two pass.
const WINDOW: u64 = 2;
/// Probes that are started in one turn at most.
const BUDGET: usize = 8;

struct Landed {
    service: ServiceId,
    provider: ProviderId,
    outcome: Outcome,
}

/// The probes of one operator.
pub(super) struct Watch {
    domain: Domain,
    prober: Prober,
    retry_after: Duration,
    concurrency: usize,
    interval_ms: u64,
    schedule: Schedule,
    listed: BTreeMap<ServiceId, Listed>,
    flights: JoinSet<Landed>,
    /// The host that each flight keeps busy.
    busy: BTreeMap<Id, String>,
    window: Window,
    /// Since when the window is open, and in which epoch.
    since: Option<(u64, u64)>,
    counters: Counters,
}

impl Watch {
    pub(super) fn new(
        config: &DutiesConfig,
        domain: Domain,
        seed: B256,
        prober: Prober,
        counters: Counters,
    ) -> Self {
        let interval_ms = u64::try_from(config.interval().as_millis()).unwrap_or(u64::MAX);
        Self {
            domain,
            prober,
            retry_after: Duration::from_millis(config.retry_after_ms),
            concurrency: config.concurrency.max(1),
            interval_ms,
            schedule: Schedule::new(seed, interval_ms),
            listed: BTreeMap::new(),
            flights: JoinSet::new(),
            busy: BTreeMap::new(),
            window: Window::default(),
            since: None,
            counters,
        }
    }

    /// Follows the registry.
    pub(super) fn follow(&mut self, listed: BTreeMap<ServiceId, Listed>, now_ms: u64) {
        let host = |listed: &Listed| match Target::parse(&listed.endpoint) {
            Ok(target) => format!("{}:{}", target.host, target.port),
            // Nothing is asked there; the text keeps it apart from real hosts.
            Err(_) => listed.endpoint.clone(),
        };
        let hosts = listed.iter().map(|(id, listed)| (*id, host(listed))).collect();
        self.schedule.follow(&hosts, now_ms);
        self.counters.services(listed.len());
        self.listed = listed;
    }

    /// Takes in what has landed, and starts what is due.
    pub(super) fn turn(&mut self, now_ms: u64) {
        self.land();
        let free = self.concurrency.saturating_sub(self.flights.len()).min(BUDGET);
        let busy: BTreeSet<&str> = self.busy.values().map(String::as_str).collect();
        let due = self.schedule.due(now_ms, free, |host| busy.contains(host));
        for service in due {
            let Some(listed) = self.listed.get(&service).cloned() else {
                continue;
            };
            let asked = Asked {
                domain: self.domain,
                provider: listed.provider,
                service,
            };
            let (prober, retry_after) = (self.prober.clone(), self.retry_after);
            let flight = self.flights.spawn(async move {
                let mut outcome = prober.probe(&listed.endpoint, &asked).await;
                if outcome != Outcome::Up {
                    tokio::time::sleep(retry_after).await;
                    outcome = prober.probe(&listed.endpoint, &asked).await;
                }
                Landed {
                    service,
                    provider: asked.provider,
                    outcome,
                }
            });
            let host = self.schedule.host(service).unwrap_or_default().to_owned();
            self.busy.insert(flight.id(), host);
        }
    }

    fn land(&mut self) {
        while let Some(landed) = self.flights.try_join_next_with_id() {
            match landed {
                Ok((id, landed)) => {
                    self.busy.remove(&id);
                    self.counters.probed(&landed.outcome);
                    let is_up = landed.outcome == Outcome::Up;
                    if !is_up {
                        let Landed { service, outcome, .. } = landed;
                        tracing::debug!(%service, ?outcome, "a probe failed twice");
                    }
                    // What left the registry meanwhile is not held against anyone.
                    if self.listed.contains_key(&landed.service) {
                        self.window.record(landed.provider, landed.service, is_up);
                    }
                }
                Err(error) => {
                    self.busy.remove(&error.id());
                }
            }
        }
    }

    /// Forgets what is in flight and in the window: it says nothing.
    pub(super) fn forget(&mut self) {
        self.flights.abort_all();
        self.flights = JoinSet::new();
        self.busy.clear();
        self.window = Window::default();
        self.since = None;
    }

    /// The counts of the window that is over, with the epoch that they are of: after two intervals, or when the epoch ended.
    pub(super) fn close(&mut self, epoch: u64, now_ms: u64) -> Option<(u64, Counts)> {
        let (since_ms, of) = *self.since.get_or_insert((now_ms, epoch));
        if of == epoch && now_ms < since_ms.saturating_add(self.interval_ms.saturating_mul(WINDOW)) {
            return None;
        }
        self.since = Some((now_ms, epoch));
        let window = core::mem::take(&mut self.window);
        if window.is_empty() {
            return None;
        }
        if window.is_blind() {
            self.counters.blind_window(1);
            tracing::warn!(
                "nearly no provider answered a probe: this operator's own connection is suspected, nothing is counted"
            );
        }
        Some((of, window.close()))
    }
}
