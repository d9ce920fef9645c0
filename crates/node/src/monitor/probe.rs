//! One probe of one service, over the network (P3).
//!
//! The request is what any consumer's first one is: a GET of the service's endpoint without a token. No redirect is followed
//! and no proxy used, since this speaks HTTP/1.1 itself, on a connection to an address that was checked before: resolving
//! once and connecting to the result is what keeps a name from leading elsewhere the second time. What is asked and what an
//! answer means is [`super::target`]'s and [`super::answer`]'s; when, is [`super::schedule`]'s.
//!
//! | what | limit |
//! |---|---|
//! | time of a probe, with resolving and TLS | [`ProbeLimits::timeout`] |
//! | addresses of a name that are tried | [`MAX_ADDRESSES`] |
//! | answer's head | [`MAX_HEAD`] bytes, [`MAX_FIELDS`] fields |
//! | answer's body | [`ProbeLimits::max_body`] bytes |

use super::answer::{Asked, Finding, STATUS_PATH};
use super::target::{EndpointError, Target, is_public};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, HOST};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

/// Addresses of a name that are tried, within the same time.
pub const MAX_ADDRESSES: usize = 3;
/// Largest head of an answer, bytes.
pub const MAX_HEAD: usize = 16 * 1024;
/// Most header fields of an answer.
pub const MAX_FIELDS: usize = 64;

/// What a probe found. All but [`Outcome::Up`] count as failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A sidecar answered that sells the service.
    Up,
    /// The published endpoint cannot be asked.
    Endpoint(EndpointError),
    /// The name does not resolve.
    NotResolved,
    /// It leads to private or otherwise special addresses only, where no operator lets itself be sent.
    Forbidden,
    /// Nothing listens there.
    Refused,
    /// No connection, for another reason.
    Unreachable,
    /// Not within the time.
    Timeout,
    /// No TLS connection to who it should be.
    Tls,
    /// The connection ended, or what came was no HTTP.
    Broken,
    /// More came than an answer may have.
    TooLarge,
    /// Something else answered.
    Wrong(&'static str),
}

impl Outcome {
    /// A name for logs and counters.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Endpoint(_) => "endpoint",
            Self::NotResolved => "not_resolved",
            Self::Forbidden => "forbidden_address",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Tls => "tls",
            Self::Broken => "broken",
            Self::TooLarge => "too_large",
            Self::Wrong(_) => "wrong_answer",
        }
    }
}

/// Bounds of a probe.
#[derive(Clone, Copy, Debug)]
pub struct ProbeLimits {
    /// Longest time, everything included.
    pub timeout: Duration,
    /// Largest body of an answer, bytes.
    pub max_body: usize,
    /// Whether private and loopback addresses may be asked: for development networks.
    pub allow_private_addresses: bool,
}

/// Probes services. Clones share the configuration.
#[derive(Clone)]
pub struct Prober {
    limits: ProbeLimits,
    tls: TlsConnector,
}

impl core::fmt::Debug for Prober {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Prober")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// The certificate authorities that browsers trust, as compiled in: all operators of a release trust the same.
#[must_use]
pub fn public_roots() -> RootCertStore {
    RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    }
}

/// A prober cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("TLS cannot be set up for probes")]
pub struct ProberError(#[from] rustls::Error);

impl Prober {
    /// A prober that trusts these authorities.
    ///
    /// # Errors
    /// When the TLS library refuses its own defaults.
    pub fn new(limits: ProbeLimits, roots: RootCertStore) -> Result<Self, ProberError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            limits,
            tls: TlsConnector::from(Arc::new(config)),
        })
    }

    /// Probes a service at its endpoint, once.
    pub async fn probe(&self, endpoint: &str, asked: &Asked) -> Outcome {
        let target = match Target::parse(endpoint) {
            Ok(target) => target,
            Err(error) => return Outcome::Endpoint(error),
        };
        let found = tokio::time::timeout(self.limits.timeout, self.find(&target, asked));
        match found.await {
            Ok(Ok(Finding::Up)) => Outcome::Up,
            Ok(Ok(Finding::NoTerms)) => Outcome::Wrong("an empty offer"),
            Ok(Ok(Finding::Wrong(what))) => Outcome::Wrong(what),
            Ok(Err(failure)) => failure,
            Err(_) => Outcome::Timeout,
        }
    }

    async fn find(&self, target: &Target, asked: &Asked) -> Result<Finding, Outcome> {
        let (status, body) = self.get(target).await?;
        match asked.offer(status, &body) {
            Finding::NoTerms => {
                let (status, body) = self.get(&target.at(STATUS_PATH)).await?;
                Ok(asked.health(status, &body))
            }
            found => Ok(found),
        }
    }

    async fn get(&self, target: &Target) -> Result<(u16, Bytes), Outcome> {
        let stream = connect(&self.addresses(target).await?).await?;
        // Probes are small: nothing is gained by waiting for more.
        let _ = stream.set_nodelay(true);
        if !target.tls {
            return ask(stream, target, self.limits.max_body).await;
        }
        let name = ServerName::try_from(target.host.clone()).map_err(|_| Outcome::Tls)?;
        let stream = self.tls.connect(name, stream).await.map_err(|_| Outcome::Tls)?;
        ask(stream, target, self.limits.max_body).await
    }

    /// The addresses that may be connected to.
    async fn addresses(&self, target: &Target) -> Result<Vec<SocketAddr>, Outcome> {
        let found = match target.host.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, target.port)],
            // The system's resolver has a time limit of its own, of seconds, after which its thread is free again.
            Err(_) => tokio::net::lookup_host((target.host.as_str(), target.port))
                .await
                .map_err(|_| Outcome::NotResolved)?
                .collect(),
        };
        if found.is_empty() {
            return Err(Outcome::NotResolved);
        }
        let may = |address: &SocketAddr| self.limits.allow_private_addresses || is_public(address.ip());
        let allowed: Vec<SocketAddr> = found.into_iter().filter(may).take(MAX_ADDRESSES).collect();
        if allowed.is_empty() {
            return Err(Outcome::Forbidden);
        }
        Ok(allowed)
    }
}

async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, Outcome> {
    let mut failure = Outcome::Unreachable;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => failure = Outcome::Refused,
            Err(_) => {}
        }
    }
    Err(failure)
}

/// One request on a connection of its own; status and body.
pub(crate) async fn ask<S>(stream: S, target: &Target, max_body: usize) -> Result<(u16, Bytes), Outcome>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = http1::Builder::new();
    builder.max_buf_size(MAX_HEAD).max_headers(MAX_FIELDS);
    let (mut sender, connection) = builder
        .handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
        .await
        .map_err(|_| Outcome::Broken)?;
    // Ended with this function, however that ends.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let request = hyper::Request::get(&target.path)
        .header(HOST, &target.authority)
        .header(ACCEPT, "application/json")
        .body(Empty::new())
        .map_err(|_| Outcome::Endpoint(EndpointError::Malformed))?;
    let response = sender.send_request(request).await.map_err(|error| {
        if error.is_parse_too_large() {
            Outcome::TooLarge
        } else {
            Outcome::Broken
        }
    })?;
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), max_body).collect().await;
    let body = body.map_err(|error| {
        if error.downcast_ref::<LengthLimitError>().is_some() {
            Outcome::TooLarge
        } else {
            Outcome::Broken
        }
    })?;
    Ok((status, body.to_bytes()))
}
