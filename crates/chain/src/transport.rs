//! How questions reach endpoints: within limits on time and size, and without an endpoint's URL in any log or error.
//!
//! [`Bounded`] is one endpoint, [`Several`] asks many as if they were one. What several must agree on, and what any of them may
//! answer, is decided here; what an answer means is not.

use crate::endpoints::Endpoints;
use crate::error::ChainError;
use alloy::rpc::client::RpcClient;
use alloy::rpc::json_rpc::{RequestPacket, ResponsePacket, ResponsePayload};
use alloy::transports::http::reqwest;
use alloy::transports::utils::guess_local_url;
use alloy::transports::{TransportError, TransportErrorKind, TransportFut, TransportResult};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use std::fmt;
use std::task::{Context, Poll};
use std::time::Duration;
use tower::Service;

/// Longest time to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest time for a question and its answer.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);
/// Most bytes of one answer.
pub const MAX_ANSWER: usize = 16 * 1024 * 1024;
/// Characters of an answer that is no JSON-RPC, for the error.
const QUOTED: usize = 200;

/// An answer had more than [`MAX_ANSWER`] bytes.
#[derive(Debug, thiserror::Error)]
#[error("the answer has more than {MAX_ANSWER} bytes")]
pub(crate) struct TooLarge;

/// Endpoints that should have agreed did not.
#[derive(Debug, thiserror::Error)]
#[error("no {quorum} of {endpoints} endpoints give one answer to {method}")]
struct Disagreement {
    quorum: usize,
    endpoints: usize,
    method: String,
}

/// Whether an answer was refused for its size, so that less should be asked for.
pub(crate) fn is_too_large(error: &TransportError) -> bool {
    matches!(error, TransportError::Transport(TransportErrorKind::Custom(cause)) if cause.is::<TooLarge>())
}

/// One endpoint.
#[derive(Clone)]
pub(crate) struct Bounded {
    client: reqwest::Client,
    url: reqwest::Url,
}

impl fmt::Debug for Bounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bounded")
    }
}

impl Bounded {
    pub(crate) fn new(rpc: &str) -> Result<Self, ChainError> {
        Self::within(rpc, CALL_TIMEOUT)
    }

    pub(crate) fn within(rpc: &str, timeout: Duration) -> Result<Self, ChainError> {
        let url = crate::endpoints::parse(rpc)?;
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT.min(timeout))
            .timeout(timeout)
            // An RPC that redirects is misconfigured, or somebody is between.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| ChainError::Client(error.without_url()))?;
        Ok(Self { client, url })
    }

    /// Asks, as a span: of the endpoint's host alone, since its URL is a secret.
    #[tracing::instrument(
        level = "debug",
        name = "rpc",
        skip_all,
        fields(
            otel.kind = "client",
            rpc.method = packet.as_single().map(|request| request.method()),
            server.address = self.url.host_str(),
        )
    )]
    async fn ask(self, packet: RequestPacket) -> TransportResult<ResponsePacket> {
        let failed = |error: reqwest::Error| TransportErrorKind::custom(error.without_url());
        let request = self.client.post(self.url).json(&packet);
        let mut response = request.send().await.map_err(failed)?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(TransportErrorKind::custom(TooLarge));
            }
            body.extend_from_slice(&chunk);
        }
        decode(&body, status.as_u16(), status.is_success())
    }
}

/// What an endpoint's bytes say. Many send JSON-RPC errors with an HTTP status that is one as well.
pub(crate) fn decode(body: &[u8], status: u16, success: bool) -> TransportResult<ResponsePacket> {
    let quoted = || {
        String::from_utf8_lossy(body)
            .chars()
            .take(QUOTED)
            .collect::<String>()
    };
    match serde_json::from_slice::<ResponsePacket>(body) {
        Ok(packet) if success || packet.is_error() => Ok(packet),
        Ok(_) => Err(TransportErrorKind::http_error(status, quoted())),
        Err(_) if !success => Err(TransportErrorKind::http_error(status, quoted())),
        Err(error) => Err(TransportError::deser_err(error, quoted())),
    }
}

impl Service<RequestPacket> for Bounded {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        Box::pin(self.clone().ask(packet))
    }
}

/// What several endpoints must do for an answer to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Policy {
    /// As many as the quorum give the same.
    Agree,
    /// One of them gives it: what differs between honest ones, and harms nobody when it is wrong.
    Any,
    /// All of them are told, one of them took it.
    All,
}

/// Contract reads and the account's own numbers are agreed on. Blocks, logs and receipts are written differently by
/// different programs, and estimates differ: whoever uses those through here bounds what a wrong one can do.
fn policy(method: &str) -> Policy {
    match method {
        "eth_call" | "eth_chainId" | "eth_getTransactionCount" | "eth_getBalance" => Policy::Agree,
        "eth_sendRawTransaction" => Policy::All,
        _ => Policy::Any,
    }
}

/// Several endpoints as one.
#[derive(Clone, Debug)]
pub(crate) struct Several {
    each: Vec<Bounded>,
    quorum: usize,
}

impl Several {
    pub(crate) fn new(endpoints: &Endpoints) -> Result<Self, ChainError> {
        let each = endpoints.urls().map(Bounded::new).collect::<Result<_, _>>()?;
        Ok(Self {
            each,
            quorum: endpoints.quorum(),
        })
    }

    async fn ask(self, packet: RequestPacket) -> TransportResult<ResponsePacket> {
        let [one] = self.each.as_slice() else {
            let method = packet
                .as_single()
                .map_or("", |request| request.method())
                .to_owned();
            return match policy(&method) {
                Policy::Agree => self.agreed(packet, method).await,
                Policy::Any => self.any(packet).await,
                Policy::All => self.all(packet).await,
            };
        };
        one.clone().ask(packet).await
    }

    fn asked(
        &self,
        packet: &RequestPacket,
    ) -> FuturesUnordered<impl Future<Output = TransportResult<ResponsePacket>> + use<>> {
        self.each
            .iter()
            .map(|one| one.clone().ask(packet.clone()))
            .collect()
    }

    async fn agreed(self, packet: RequestPacket, method: String) -> TransportResult<ResponsePacket> {
        let mut asked = self.asked(&packet);
        let mut given: Vec<(String, usize)> = Vec::new();
        while let Some(answer) = asked.next().await {
            let Ok(answer) = answer else { continue };
            let Some(said) = said(&answer) else { continue };
            let place = given.iter().position(|(known, _)| *known == said);
            let place = place.unwrap_or_else(|| {
                given.push((said, 0));
                given.len() - 1
            });
            given[place].1 += 1;
            if given[place].1 >= self.quorum {
                return Ok(answer);
            }
        }
        Err(TransportErrorKind::custom(Disagreement {
            quorum: self.quorum,
            endpoints: self.each.len(),
            method,
        }))
    }

    /// One after the other, so that the later ones are not troubled while the first one works.
    async fn any(self, packet: RequestPacket) -> TransportResult<ResponsePacket> {
        let mut refused = None;
        for one in self.each {
            match one.ask(packet.clone()).await {
                Ok(answer) if answer.is_success() => return Ok(answer),
                other => {
                    refused = refused
                        .filter(|known: &TransportResult<_>| known.is_ok())
                        .or(Some(other))
                }
            }
        }
        refused.unwrap_or_else(|| Err(TransportErrorKind::backend_gone()))
    }

    async fn all(self, packet: RequestPacket) -> TransportResult<ResponsePacket> {
        let answers: Vec<_> = self.asked(&packet).collect().await;
        let (mut taken, mut rest): (Vec<_>, Vec<_>) = answers
            .into_iter()
            .partition(|answer| answer.as_ref().is_ok_and(ResponsePacket::is_success));
        rest.sort_by_key(Result::is_err);
        taken
            .pop()
            .or_else(|| rest.into_iter().next())
            .unwrap_or_else(|| Err(TransportErrorKind::backend_gone()))
    }
}

/// An answer without the number of its question, for comparing. Programs word the same refusal differently.
fn said(answer: &ResponsePacket) -> Option<String> {
    let ResponsePacket::Single(response) = answer else {
        return None;
    };
    Some(match &response.payload {
        ResponsePayload::Success(payload) => format!("+{}", payload.get()),
        ResponsePayload::Failure(error) => {
            let data = error.data.as_ref().map_or("", |data| data.get());
            format!("-{data}")
        }
    })
}

impl Service<RequestPacket> for Several {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        Box::pin(self.clone().ask(packet))
    }
}

/// A client over one endpoint. One on this machine is asked more often whether a transaction is mined.
pub(crate) fn one(transport: Bounded) -> RpcClient {
    let local = guess_local_url(transport.url.as_str());
    RpcClient::new(transport, local)
}

/// A client over several endpoints.
pub(crate) fn several(endpoints: &Endpoints) -> Result<RpcClient, ChainError> {
    Ok(RpcClient::new(Several::new(endpoints)?, false))
}

#[cfg(test)]
#[path = "transport_tests.rs"]
mod tests;
