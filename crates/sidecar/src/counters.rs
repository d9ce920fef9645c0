//! Counters of one sidecar, for the admin port. They start at zero with the process; what is owed is in the meter.

use crate::refusal::Refusal;
use serde_json::{Map, Value};
use std::sync::atomic::{AtomicU64, Ordering};

/// All counters.
#[derive(Debug)]
pub struct Counters {
    /// Requests whose head was read.
    pub requests: AtomicU64,
    /// Requests that were answered by the upstream and count.
    pub served: AtomicU64,
    /// Requests that the upstream answered with a server error; they do not count.
    pub upstream_server_errors: AtomicU64,
    /// Confirmations that were verified and stored.
    pub confirmations: AtomicU64,
    /// Connections open now.
    pub connections: AtomicU64,
    refusals: Vec<AtomicU64>,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            requests: AtomicU64::new(0),
            served: AtomicU64::new(0),
            upstream_server_errors: AtomicU64::new(0),
            confirmations: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            refusals: Refusal::ALL.iter().map(|_| AtomicU64::new(0)).collect(),
        }
    }
}

impl Counters {
    /// Counts one.
    pub fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a refusal.
    pub fn refused(&self, refusal: Refusal) {
        if let Some(counter) = self.refusals.get(refusal as usize) {
            Self::add(counter);
        }
    }

    /// The counters as JSON; refusals by code.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        let read = |counter: &AtomicU64| Value::from(counter.load(Ordering::Relaxed));
        let refusals: Map<String, Value> = Refusal::ALL
            .iter()
            .zip(&self.refusals)
            .map(|(refusal, counter)| (refusal.code().to_owned(), read(counter)))
            .collect();
        [
            ("requests", read(&self.requests)),
            ("served", read(&self.served)),
            ("upstreamServerErrors", read(&self.upstream_server_errors)),
            ("confirmations", read(&self.confirmations)),
            ("connections", read(&self.connections)),
            ("refusals", Value::Object(refusals)),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }
}
