//! An `http://` URL, split into what a request line, a `Host` field and a signature need of it.

use hyper::Uri;
use std::fmt;

/// Why a URL cannot be used. It never shows more of the URL than its scheme: the rest may hold a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It is no URL.
    #[error("a URL in the configuration is malformed")]
    Malformed,
    /// It is not `http://`.
    #[error("a URL in the configuration is {0}:// where only http:// is spoken; put a TLS proxy in between")]
    Scheme(String),
}

/// An HTTP target.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// Host in lower case, and port unless it is 80: `@authority` of RFC 9421.
    pub authority: String,
    /// Path of the base URL, without a slash at its end.
    base: String,
    /// Query with its question mark, or nothing.
    query: String,
}

impl Target {
    /// Parses a base URL.
    pub fn parse(url: &str) -> Result<Self, TargetError> {
        let uri: Uri = url.parse().map_err(|_| TargetError::Malformed)?;
        match uri.scheme_str() {
            Some("http") => {}
            Some(other) => return Err(TargetError::Scheme(other.to_owned())),
            None => return Err(TargetError::Malformed),
        }
        let authority = uri.authority().ok_or(TargetError::Malformed)?;
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(TargetError::Malformed);
        }
        let host = authority.host().to_ascii_lowercase();
        Ok(Self {
            authority: match authority.port_u16() {
                None | Some(80) => host,
                Some(port) => format!("{host}:{port}"),
            },
            base: uri.path().trim_end_matches('/').to_owned(),
            query: uri.query().map(|query| format!("?{query}")).unwrap_or_default(),
        })
    }

    /// The path under the base URL.
    pub fn path(&self, below: &str) -> String {
        let path = format!("{}{below}", self.base);
        if path.is_empty() { "/".to_owned() } else { path }
    }

    /// The URI of a path under the base URL, with the base URL's query.
    pub fn uri(&self, below: &str) -> Result<Uri, TargetError> {
        let text = format!("http://{}{}{}", self.authority, self.path(below), self.query);
        text.parse().map_err(|_| TargetError::Malformed)
    }

    /// The URI of one of a sidecar's own paths, which are below no base URL and have no query.
    pub fn own_uri(&self, path: &str) -> Result<Uri, TargetError> {
        let text = format!("http://{}{path}", self.authority);
        text.parse().map_err(|_| TargetError::Malformed)
    }

    /// The query without its question mark.
    pub fn query(&self) -> &str {
        self.query.strip_prefix('?').unwrap_or_default()
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}/…", self.authority)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn splits_a_url_as_a_signature_needs_it() {
        let target = Target::parse("http://API.Example:8080/v2/KEY/?a=1").unwrap();
        assert_eq!(target.authority, "api.example:8080");
        assert_eq!(target.path("/v1/screen"), "/v2/KEY/v1/screen");
        assert_eq!(target.uri("").unwrap(), "http://api.example:8080/v2/KEY?a=1");
        assert_eq!(target.query(), "a=1");
        assert!(!format!("{target:?}").contains("KEY"));
        let root = Target::parse("http://[::1]:80").unwrap();
        assert_eq!((root.authority.as_str(), root.path("").as_str()), ("[::1]", "/"));
    }

    #[test]
    fn refuses_what_is_no_http_url() {
        for url in ["", "x", "/path", "https://a", "http://", "http://user:secret@a"] {
            let error = Target::parse(url).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{url}");
        }
    }
}
