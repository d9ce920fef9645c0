//! How many requests there were and how long they took, by route and status: for metrics.
//!
//! Routes are those of the router (`/v1/services/{id}`), never what a client wrote, so labels are bounded.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Upper bounds of the histogram, milliseconds.
const BOUNDS_MS: [u64; 8] = [1, 5, 25, 100, 500, 2_500, 10_000, 60_000];

/// Requests to one route.
#[derive(Clone, Debug, Default)]
struct Route {
    /// By status.
    statuses: BTreeMap<u16, u64>,
    /// Requests up to each bound, and all.
    buckets: [u64; BOUNDS_MS.len() + 1],
    spent: Duration,
}

/// The requests so far. Clones share the counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Requests(Arc<Mutex<BTreeMap<String, Route>>>);

impl Requests {
    /// Takes note of a request.
    pub(super) fn record(&self, route: &str, status: u16, time: Duration) {
        let mut routes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !routes.contains_key(route) {
            routes.insert(route.to_owned(), Route::default());
        }
        let Some(route) = routes.get_mut(route) else {
            return;
        };
        *route.statuses.entry(status).or_default() += 1;
        let bound = BOUNDS_MS.partition_point(|bound| Duration::from_millis(*bound) < time);
        for bucket in &mut route.buckets[bound..] {
            *bucket += 1;
        }
        route.spent += time;
    }

    /// Writes them in Prometheus' text format.
    pub(super) fn write(&self, out: &mut String) {
        let routes = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // Writing to a string does not fail.
        let _ = write_requests(&routes, out);
    }
}

fn write_requests(routes: &BTreeMap<String, Route>, out: &mut String) -> std::fmt::Result {
    writeln!(
        out,
        "# HELP rampart_api_requests Requests answered, by route and status."
    )?;
    writeln!(out, "# TYPE rampart_api_requests counter")?;
    for (name, route) in routes {
        for (status, count) in &route.statuses {
            writeln!(
                out,
                "rampart_api_requests_total{{route=\"{name}\",status=\"{status}\"}} {count}"
            )?;
        }
    }
    writeln!(
        out,
        "# HELP rampart_api_request_duration_seconds Time until the answer began, by route."
    )?;
    writeln!(out, "# TYPE rampart_api_request_duration_seconds histogram")?;
    for (name, route) in routes {
        let metric = "rampart_api_request_duration_seconds";
        for (bucket, bound) in route.buckets.iter().zip(BOUNDS_MS) {
            let seconds = Duration::from_millis(bound).as_secs_f64();
            writeln!(
                out,
                "{metric}_bucket{{route=\"{name}\",le=\"{seconds}\"}} {bucket}"
            )?;
        }
        let all = route.buckets[BOUNDS_MS.len()];
        writeln!(out, "{metric}_bucket{{route=\"{name}\",le=\"+Inf\"}} {all}")?;
        writeln!(
            out,
            "{metric}_sum{{route=\"{name}\"}} {}",
            route.spent.as_secs_f64()
        )?;
        writeln!(out, "{metric}_count{{route=\"{name}\"}} {all}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_route_and_status_and_their_times_add_up() {
        let requests = Requests::default();
        for (status, ms) in [(200, 1), (200, 30), (404, 2), (200, 70_000)] {
            requests.record("/v1/services/{id}", status, Duration::from_millis(ms));
        }
        let mut text = String::new();
        requests.write(&mut text);
        let route = "route=\"/v1/services/{id}\"";
        for line in [
            format!("rampart_api_requests_total{{{route},status=\"200\"}} 3"),
            format!("rampart_api_requests_total{{{route},status=\"404\"}} 1"),
            format!("rampart_api_request_duration_seconds_bucket{{{route},le=\"0.001\"}} 1"),
            format!("rampart_api_request_duration_seconds_bucket{{{route},le=\"0.005\"}} 2"),
            format!("rampart_api_request_duration_seconds_bucket{{{route},le=\"60\"}} 3"),
            format!("rampart_api_request_duration_seconds_bucket{{{route},le=\"+Inf\"}} 4"),
            format!("rampart_api_request_duration_seconds_sum{{{route}}} 70.033"),
            format!("rampart_api_request_duration_seconds_count{{{route}}} 4"),
        ] {
            assert!(text.lines().any(|other| other == line), "{line} is not in {text}");
        }
    }
}
