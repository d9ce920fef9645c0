//! Where traces go, and how many: what they are, and how they are exported, is the process's matter.

use super::ConfigError;
use serde::{Deserialize, Serialize};
use std::fmt;
use url::Url;

/// Where traces go.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// A collector of OTLP over HTTP, `http://127.0.0.1:4318`; with a path, the whole URL that takes traces.
    pub otlp_endpoint: String,
    /// Share of the traces that are exported, from 0 to 1.
    #[serde(default = "default_sample_ratio")]
    pub sample_ratio: f64,
}

/// Share of the traces that is exported unless told otherwise.
pub const DEFAULT_SAMPLE_RATIO: f64 = 0.1;

const fn default_sample_ratio() -> f64 {
    DEFAULT_SAMPLE_RATIO
}

/// Without the URL, which may carry a key.
impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry")
            .field("sample_ratio", &self.sample_ratio)
            .finish_non_exhaustive()
    }
}

impl Telemetry {
    /// The URL that takes traces: `/v1/traces` at the endpoint, unless that has a path (OTLP/HTTP).
    ///
    /// # Errors
    /// When the endpoint is no HTTP URL, or the share none.
    pub fn traces_url(&self) -> Result<String, ConfigError> {
        if !(0.0..=1.0).contains(&self.sample_ratio) {
            return Err(ConfigError::Telemetry("sample_ratio must be from 0 to 1"));
        }
        let malformed = ConfigError::Telemetry("otlp_endpoint must be a URL such as http://127.0.0.1:4318");
        let Ok(mut url) = Url::parse(&self.otlp_endpoint) else {
            return Err(malformed);
        };
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(malformed);
        }
        if url.path() == "/" {
            url.set_path("/v1/traces");
        }
        Ok(url.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(otlp_endpoint: &str, sample_ratio: f64) -> Option<String> {
        let telemetry = Telemetry {
            otlp_endpoint: otlp_endpoint.to_owned(),
            sample_ratio,
        };
        telemetry.traces_url().ok()
    }

    #[test]
    fn an_endpoint_without_a_path_takes_traces_where_the_protocol_says() {
        for (endpoint, expected) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"),
            (
                "https://otel.example/team/traces",
                "https://otel.example/team/traces",
            ),
        ] {
            assert_eq!(url(endpoint, 0.5).as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_is_no_endpoint_and_no_share_is_refused() {
        for endpoint in ["", "127.0.0.1:4318", "grpc://127.0.0.1:4317", "http://"] {
            assert_eq!(url(endpoint, 0.5), None, "{endpoint}");
        }
        for share in [-0.1, 1.1, f64::NAN] {
            assert_eq!(url("http://127.0.0.1:4318", share), None, "{share}");
        }
    }

    #[test]
    fn the_endpoint_is_not_shown() {
        let telemetry = Telemetry {
            otlp_endpoint: "https://otel.example/SECRETKEY".to_owned(),
            sample_ratio: 1.0,
        };
        assert!(!format!("{telemetry:?}").contains("SECRET"));
    }
}
