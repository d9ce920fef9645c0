//! Which service a path belongs to, and what its upstream calls that path.
//!
//! A path that an upstream might read as another one (dot segments, empty segments, encoded slashes) is refused:
//! the consumer bought one service, and must not reach its neighbour by spelling.

use crate::config::{ConfigError, ServiceConfig, value};
use hyper::Uri;
use hyper::header::HeaderValue;
use rampart_protocol::ServiceId;

/// One service's place.
#[derive(Clone, Debug)]
pub struct Route {
    /// The service.
    pub service: ServiceId,
    /// Its prefix, without a slash at its end: empty for `/`.
    prefix: String,
    /// Path of the upstream's base URL, without a slash at its end.
    base_path: String,
    /// `host:port` to connect to.
    pub address: String,
    /// The `Host` that the upstream is called by.
    pub host: HeaderValue,
}

impl Route {
    fn new(config: &ServiceConfig) -> Result<Self, ConfigError> {
        let prefix = config.path_prefix.trim_end_matches('/');
        if !config.path_prefix.starts_with('/') || !is_plain(&config.path_prefix) {
            return Err(value(
                "services.path_prefix",
                "a plain absolute path such as / or /simulate",
            ));
        }
        if prefix.starts_with("/.rampart") {
            return Err(value("services.path_prefix", "/.rampart is the sidecar's own"));
        }
        let url: Uri = config
            .upstream
            .parse()
            .map_err(|error| value("services.upstream", format!("{}: {error}", config.upstream)))?;
        let authority = url
            .authority()
            .filter(|authority| url.scheme_str() == Some("http") && !authority.as_str().contains('@'))
            .ok_or_else(|| value("services.upstream", "an http:// URL without a user name"))?;
        if url.query().is_some() {
            return Err(value("services.upstream", "a base URL has no query"));
        }
        Ok(Self {
            service: config.id,
            prefix: prefix.to_owned(),
            base_path: url.path().trim_end_matches('/').to_owned(),
            address: format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(80)),
            host: HeaderValue::from_str(authority.as_str())
                .map_err(|error| value("services.upstream", error.to_string()))?,
        })
    }

    /// The part of `path` behind the prefix, if it is under the prefix.
    fn rest<'a>(&self, path: &'a str) -> Option<&'a str> {
        let rest = path.strip_prefix(self.prefix.as_str())?;
        (rest.is_empty() || rest.starts_with('/')).then_some(rest)
    }

    /// The request target to use at the upstream for a path under this route.
    #[must_use]
    pub fn target(&self, path: &str, query: &str) -> String {
        let rest = self.rest(path).unwrap_or(path);
        let slash = if self.base_path.is_empty() && rest.is_empty() {
            "/"
        } else {
            ""
        };
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}{rest}{slash}{mark}{query}", self.base_path)
    }
}

/// All services, the longest prefix first.
#[derive(Clone, Debug)]
pub struct Routes(Vec<Route>);

impl Routes {
    /// Reads the configured services.
    ///
    /// # Errors
    /// When a prefix or URL is unusable, or two services share a prefix or an id.
    pub fn new(services: &[ServiceConfig]) -> Result<Self, ConfigError> {
        let mut routes = services.iter().map(Route::new).collect::<Result<Vec<_>, _>>()?;
        routes.sort_by(|a, b| {
            b.prefix
                .len()
                .cmp(&a.prefix.len())
                .then_with(|| a.prefix.cmp(&b.prefix))
        });
        for (i, route) in routes.iter().enumerate() {
            if routes[..i].iter().any(|other| other.prefix == route.prefix) {
                return Err(value(
                    "services.path_prefix",
                    format!("{:?} is used twice", route.prefix),
                ));
            }
            if routes[..i].iter().any(|other| other.service == route.service) {
                return Err(value("services.id", format!("{} is used twice", route.service)));
            }
        }
        Ok(Self(routes))
    }

    /// The position and route of the service at `path`.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<(usize, &Route)> {
        self.0
            .iter()
            .enumerate()
            .find(|(_, route)| route.rest(path).is_some())
    }

    /// Whether a service is sold here.
    #[must_use]
    pub fn sells(&self, service: ServiceId) -> bool {
        self.0.iter().any(|route| route.service == service)
    }

    /// All routes, in the order of their positions.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.0.iter()
    }
}

/// Whether every reader of `path` sees the same segments in it.
#[must_use]
pub fn is_plain(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let plain_segment = |segment: &str| {
        let dots = segment.replace("%2e", ".");
        dots != "." && dots != ".."
    };
    path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
        && !lower.contains("//")
        && !["%2f", "%5c", "%00"].iter().any(|hidden| lower.contains(hidden))
        // Some servers cut path parameters before they resolve dots.
        && lower.split('/').all(|segment| plain_segment(segment.split(';').next().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn service(id: u64, prefix: &str, upstream: &str) -> ServiceConfig {
        ServiceConfig {
            id: ServiceId(id),
            path_prefix: prefix.to_owned(),
            upstream: upstream.to_owned(),
        }
    }

    #[test]
    fn the_longest_prefix_decides_and_gives_way_to_the_base_path() {
        let routes = Routes::new(&[
            service(1, "/", "http://one:9000"),
            service(2, "/sim", "http://two/api/"),
            service(3, "/sim/deep/", "http://three:1"),
        ])
        .unwrap();
        for (path, id, target) in [
            ("/", 1, "/"),
            ("/v1/screen", 1, "/v1/screen"),
            ("/simulate", 1, "/simulate"),
            ("/sim", 2, "/api"),
            ("/sim/v1", 2, "/api/v1"),
            ("/sim/deep", 3, "/"),
            ("/sim/deep/er", 3, "/er"),
        ] {
            let (_, route) = routes.find(path).unwrap();
            assert_eq!(
                (route.service.0, route.target(path, "").as_str()),
                (id, target),
                "{path}"
            );
        }
        let (_, route) = routes.find("/sim/v1").unwrap();
        assert_eq!(route.target("/sim/v1", "a=b"), "/api/v1?a=b");
        assert_eq!(
            (route.address.as_str(), route.host.to_str().unwrap()),
            ("two:80", "two")
        );
        let only = Routes::new(&[service(2, "/sim", "http://two")]).unwrap();
        assert!(only.find("/other").is_none() && only.find("/simulate").is_none());
    }

    #[test]
    fn refuses_spellings_that_another_server_might_resolve() {
        for path in [
            "/a/../b",
            "/a/./b",
            "/a/..",
            "/a//b",
            "/a/%2e%2E/b",
            "/a/.%2e/b",
            "/a%2fb",
            "/a\\b",
            "/a%5Cb",
            "/a%00",
            "/a/..;x=1/b",
            "/ä",
        ] {
            assert!(!is_plain(path), "{path}");
        }
        for path in ["/", "/a/b/", "/a..b/...", "/.well-known/x", "/a%20b", "/a;v=1/b"] {
            assert!(is_plain(path), "{path}");
        }
    }

    #[test]
    fn refuses_unusable_services() {
        for (prefix, upstream) in [
            ("sim", "http://x"),
            ("/a/../b", "http://x"),
            ("/.rampart", "http://x"),
            ("/", "https://x"),
            ("/", "http://user@x"),
            ("/", "http://x?y"),
            ("/", "nonsense"),
        ] {
            assert!(
                Routes::new(&[service(1, prefix, upstream)]).is_err(),
                "{prefix} {upstream}"
            );
        }
        let twice = [service(1, "/a", "http://x"), service(2, "/a/", "http://y")];
        assert!(Routes::new(&twice).is_err());
        let same = [service(1, "/a", "http://x"), service(1, "/b", "http://y")];
        assert!(Routes::new(&same).is_err());
    }
}
