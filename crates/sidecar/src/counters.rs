//! What one sidecar counts, for `GET /metrics` of the admin port, by the OpenMetrics text format. Everything starts at zero with the
//! process; what is owed is in the meter.

use crate::meter::Totals;
use crate::refusal::Refusal;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// The media type of [`Counters::encode`].
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Bounds of the histogram of upstreams, in seconds.
const BOUNDS: [f64; 9] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 10.0];

/// All that is counted. Names, units and meaning are in docs/metrics.md.
#[derive(Debug)]
pub struct Counters {
    /// Requests whose head was read.
    pub requests: Counter,
    /// Requests that were answered by the upstream and count.
    pub served: Counter,
    /// Requests that the upstream answered with a server error; they do not count.
    pub upstream_server_errors: Counter,
    /// Seconds until an upstream's answer began, whatever it was.
    pub upstream_seconds: Histogram,
    /// Confirmations that were verified and stored.
    pub confirmations: Counter,
    /// Connections open now, on both ports.
    pub connections: Gauge,
    /// By position in [`Refusal::ALL`].
    refusals: Vec<Counter>,
    purchases: Gauge,
    log_bytes: Gauge,
    registry: Registry,
}

impl Default for Counters {
    fn default() -> Self {
        let by_code = Family::<[(&str, &str); 1], Counter>::default();
        // Every code is there from the start, so that a rate over it knows its zero.
        let refusals = Refusal::ALL
            .iter()
            .map(|refusal| by_code.get_or_create_owned(&[("code", refusal.code())]))
            .collect();
        let mut counters = Self {
            requests: Counter::default(),
            served: Counter::default(),
            upstream_server_errors: Counter::default(),
            upstream_seconds: Histogram::new(BOUNDS),
            confirmations: Counter::default(),
            connections: Gauge::default(),
            refusals,
            purchases: Gauge::default(),
            log_bytes: Gauge::default(),
            registry: Registry::with_prefix("rampart_sidecar"),
        };
        counters.register(by_code);
        counters
    }
}

impl Counters {
    fn register(&mut self, by_code: Family<[(&'static str, &'static str); 1], Counter>) {
        let Self { registry, .. } = self;
        registry.register("requests", "Requests whose head was read", self.requests.clone());
        registry.register(
            "served",
            "Requests that the upstream answered and that count",
            self.served.clone(),
        );
        registry.register(
            "upstream_server_errors",
            "Requests that the upstream answered with 5xx, which do not count",
            self.upstream_server_errors.clone(),
        );
        registry.register_with_unit(
            "upstream_duration",
            "Time until the upstream's answer began",
            Unit::Seconds,
            self.upstream_seconds.clone(),
        );
        registry.register(
            "confirmations",
            "Confirmations that were verified and stored",
            self.confirmations.clone(),
        );
        registry.register(
            "connections",
            "Connections open on both ports",
            self.connections.clone(),
        );
        registry.register("refusals", "Requests that were not served, by code", by_code);
        registry.register("purchases", "Purchases in the meter", self.purchases.clone());
        registry.register_with_unit(
            "meter_log",
            "Size of the meter's log since its last snapshot",
            Unit::Bytes,
            self.log_bytes.clone(),
        );
    }

    /// Counts a refusal.
    pub fn refused(&self, refusal: Refusal) {
        if let Some(counter) = self.refusals.get(refusal as usize) {
            counter.inc();
        }
    }

    /// Everything as text, with what the meter holds now.
    #[must_use]
    pub fn encode(&self, totals: Totals) -> String {
        let gauge = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
        self.purchases.set(gauge(totals.purchases));
        self.log_bytes.set(gauge(totals.log_bytes));
        let mut encoded = String::new();
        // Writing to a string does not fail.
        let _ = text::encode(&mut encoded, &self.registry);
        encoded
    }
}
