//! Where a service is probed, and where no operator lets itself be sent (P3).
//!
//! An endpoint is a provider's word. Without care it would have operators ask their own private networks. So an endpoint
//! names http or https and a host, nothing else that could mislead; and of the addresses that its name resolves to only
//! global ones are connected to, the very ones that were checked. Pure; resolving and connecting are
//! [`super::probe`]'s.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use url::{Host, Url};

/// Where a service is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Whether by TLS.
    pub tls: bool,
    /// A name or an address, an IPv6 address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// What the request's `Host` says.
    pub authority: String,
    /// Path and query of the service.
    pub path: String,
}

/// Why an endpoint cannot be probed, which every operator sees alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// It is no URL.
    #[error("the endpoint is not a URL")]
    Malformed,
    /// It is of another scheme.
    #[error("the endpoint is neither http nor https")]
    Scheme,
    /// It carries a user name or a password.
    #[error("the endpoint carries a user name or a password")]
    Credentials,
}

impl Target {
    /// Reads an endpoint.
    ///
    /// # Errors
    /// When it is not an http or https URL without credentials.
    pub fn parse(endpoint: &str) -> Result<Self, EndpointError> {
        let url = Url::parse(endpoint).map_err(|_| EndpointError::Malformed)?;
        let tls = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return Err(EndpointError::Scheme),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::Credentials);
        }
        let host = match url.host().ok_or(EndpointError::Malformed)? {
            Host::Domain(name) => name.trim_end_matches('.').to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        let port = url.port_or_known_default().ok_or(EndpointError::Malformed)?;
        let shown = url.host_str().ok_or(EndpointError::Malformed)?;
        let authority = match url.port() {
            Some(port) => format!("{shown}:{port}"),
            None => shown.to_owned(),
        };
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        Ok(Self {
            tls,
            host,
            port,
            authority,
            path,
        })
    }

    /// The same host and port at another path.
    #[must_use]
    pub fn at(&self, path: &str) -> Self {
        Self {
            path: path.to_owned(),
            ..self.clone()
        }
    }
}

/// Whether an address is one that anyone on the internet reaches: not private, loopback, link-local, multicast, for
/// documentation or benchmarks, shared (RFC 6598), reserved, nor a tunnel into IPv4 (RFC 6890 and its registries).
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

const fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = matches!(
        (a, b, c),
        (0 | 10 | 127 | 224.., ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18..=19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    );
    !special
}

const fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    match segments {
        // NAT64 (RFC 6052): what it leads to counts.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            is_public_v4(Ipv4Addr::new(a, b, c, d))
        }
        // Special purposes (Teredo, ORCHID, benchmarks), documentation, and 6to4.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // All that is assigned for global unicast; mapped IPv4, unique local, link-local and multicast are outside.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_endpoint_names_host_port_and_path() {
        let target = Target::parse("https://api.watch.example/screen/v1?x=1#part").unwrap();
        let expected = Target {
            tls: true,
            host: "api.watch.example".into(),
            port: 443,
            authority: "api.watch.example".into(),
            path: "/screen/v1?x=1".into(),
        };
        assert_eq!(target, expected);
        let other = Target::parse("http://[2606:4700::1]:8080").unwrap();
        assert_eq!(
            (
                other.host.as_str(),
                other.port,
                other.authority.as_str(),
                other.path.as_str()
            ),
            ("2606:4700::1", 8080, "[2606:4700::1]:8080", "/")
        );
    }

    #[test]
    fn what_is_no_plain_endpoint_is_refused() {
        let cases = [
            ("", EndpointError::Malformed),
            ("watch.example", EndpointError::Malformed),
            ("http://", EndpointError::Malformed),
            ("ftp://watch.example", EndpointError::Scheme),
            ("file:///etc/passwd", EndpointError::Scheme),
            ("unix:/run/docker.sock", EndpointError::Scheme),
            ("http://user@watch.example", EndpointError::Credentials),
            ("https://user:pass@watch.example", EndpointError::Credentials),
        ];
        for (endpoint, error) in cases {
            assert_eq!(Target::parse(endpoint), Err(error), "{endpoint}");
        }
    }

    #[test]
    fn spellings_of_private_addresses_become_addresses() {
        for endpoint in [
            "http://2130706433/",
            "http://0x7f.1/",
            "http://127.1/",
            "http://0177.0.0.1/",
        ] {
            let host = Target::parse(endpoint).unwrap().host;
            assert_eq!(host, "127.0.0.1", "{endpoint}");
        }
    }

    #[test]
    fn only_global_addresses_are_public() {
        let public = [
            "1.1.1.1",
            "8.8.8.8",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "64:ff9b::808:808",
        ];
        for address in public {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        let special = [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.8.8.8",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.1",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::1",
            "3fff::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "ff02::1",
        ];
        for address in special {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_endpoint_or_is_refused(text in ".{0,80}") {
            if let Ok(target) = Target::parse(&text) {
                prop_assert!(!target.host.is_empty() && target.path.starts_with('/'));
            }
        }
    }
}
