//! The node behind the gateway: what is relayed to it, and what it answers.

use crate::client::{HttpClient, HttpError};
use crate::jsonrpc::{RpcError, code};
use crate::target::{Target, TargetError};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response, StatusCode, Uri};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::timeout;

/// Largest answer to `eth_chainId` that is read, bytes.
const MAX_CHAIN_ID: usize = 4096;

/// The node.
#[derive(Debug)]
pub struct Upstream {
    client: HttpClient,
    target: Target,
    uri: Uri,
    timeout: Duration,
    limit: usize,
    chain_id: OnceCell<u64>,
}

/// Why the node gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// It could not be reached, broke off, or said too much.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The request could not be built.
    #[error("the request cannot be built")]
    Request(#[source] hyper::http::Error),
    /// It answered with another HTTP status than 200.
    #[error("the node answered with HTTP {0}")]
    Status(StatusCode),
    /// Its answer is not of the form that was asked for.
    #[error("the node's answer is malformed")]
    Malformed,
}

impl From<UpstreamError> for RpcError {
    fn from(error: UpstreamError) -> Self {
        // The cause may name the node's address, which is nobody's business; the log has it.
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "the node did not answer"
        );
        Self::new(
            code::UPSTREAM,
            format!("the node behind the gateway did not answer: {error}"),
        )
    }
}

impl Upstream {
    pub fn new(
        client: HttpClient,
        url: &str,
        timeout: Duration,
        limit: usize,
        chain_id: Option<u64>,
    ) -> Result<Self, TargetError> {
        let target = Target::parse(url)?;
        Ok(Self {
            client,
            uri: target.uri("")?,
            target,
            timeout,
            limit,
            chain_id: OnceCell::new_with(chain_id),
        })
    }

    fn request(&self, body: Bytes) -> Result<Request<Full<Bytes>>, UpstreamError> {
        Request::builder()
            .method(Method::POST)
            .uri(self.uri.clone())
            .header(HOST, &self.target.authority)
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            .body(Full::new(body))
            .map_err(UpstreamError::Request)
    }

    /// Relays a body and returns the answer as it arrives.
    #[tracing::instrument(level = "debug", skip_all, fields(otel.kind = "client"))]
    pub async fn relay(&self, body: Bytes) -> Result<Response<Incoming>, UpstreamError> {
        let sent = timeout(self.timeout, self.client.send(self.request(body)?)).await;
        Ok(sent.map_err(|_| HttpError::Timeout)??)
    }

    /// Relays a body and reads the answer, which must come with HTTP 200.
    pub async fn call(&self, body: Bytes) -> Result<Bytes, UpstreamError> {
        self.call_bounded(body, self.limit).await
    }

    #[tracing::instrument(level = "debug", name = "call", skip_all, fields(otel.kind = "client"))]
    async fn call_bounded(&self, body: Bytes, limit: usize) -> Result<Bytes, UpstreamError> {
        let request = self.request(body)?;
        let answered = timeout(self.timeout, self.client.send_and_read(request, limit)).await;
        let response = answered.map_err(|_| HttpError::Timeout)??;
        if response.status() == StatusCode::OK {
            Ok(response.into_body())
        } else {
            Err(UpstreamError::Status(response.status()))
        }
    }

    /// The node's chain: configured, or asked until it answers once.
    pub async fn chain_id(&self) -> Result<u64, UpstreamError> {
        self.chain_id
            .get_or_try_init(|| self.ask_chain_id())
            .await
            .copied()
    }

    async fn ask_chain_id(&self) -> Result<u64, UpstreamError> {
        #[derive(Deserialize)]
        struct Answer {
            result: String,
        }
        let call = Bytes::from_static(br#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}"#);
        let body = self.call_bounded(call, MAX_CHAIN_ID).await?;
        let answer: Answer = serde_json::from_slice(&body).map_err(|_| UpstreamError::Malformed)?;
        let digits = answer.result.strip_prefix("0x").ok_or(UpstreamError::Malformed)?;
        u64::from_str_radix(digits, 16).map_err(|_| UpstreamError::Malformed)
    }
}

/// The responses of a batch, each with its id as JSON text.
pub fn split_batch(body: &[u8]) -> Result<Vec<(String, &RawValue)>, UpstreamError> {
    #[derive(Deserialize)]
    struct WithId<'a> {
        #[serde(borrow)]
        id: Option<&'a RawValue>,
    }
    let responses: Vec<&RawValue> = serde_json::from_slice(body).map_err(|_| UpstreamError::Malformed)?;
    let with_id = responses.into_iter().map(|response| {
        let id: WithId<'_> = serde_json::from_str(response.get()).map_err(|_| UpstreamError::Malformed)?;
        Ok((canonical_id(id.id.map_or("null", RawValue::get)), response))
    });
    with_id.collect()
}

/// An id in one text, however it was escaped: nodes give ids back as values, not as texts.
pub fn canonical_id(id: &str) -> String {
    serde_json::from_str::<serde_json::Value>(id).map_or_else(|_| id.to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn splits_a_batch_and_reads_ids_as_values() {
        let body = br#"[{"id":"\u0061","result":1},{"result":2,"id":7},{"id":null,"error":{}}]"#;
        let split = split_batch(body).unwrap();
        let ids: Vec<_> = split.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(ids, ["\"a\"", "7", "null"]);
        assert_eq!(split[1].1.get(), r#"{"result":2,"id":7}"#);
        assert_eq!(canonical_id("\"a\""), canonical_id(r#""\u0061""#));
    }

    #[test]
    fn refuses_an_answer_that_is_no_batch() {
        for body in ["{}", "", "[1]", "{\"error\":{}}"] {
            assert!(split_batch(body.as_bytes()).is_err(), "{body}");
        }
    }
}
