//! The nodes behind the gateway: what is relayed to them, what they answer, and which of them is asked.
//!
//! The first usable node in the order of the configuration gets everything, so that a client that asks again sees the same chain and
//! finds its filters. The next is asked only when the first is left out, or could not be connected to: then nothing was sent,
//! and nothing can happen twice.

use crate::client::{HttpClient, HttpError, read};
use crate::config::Config;
use crate::health::{HealthConfig, Seen, Standing, standings};
use crate::jsonrpc::{RpcError, code};
use crate::target::{Target, TargetError};
use crate::websocket::NodeSocket;
use bytes::Bytes;
use futures::future::join_all;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response, StatusCode, Uri};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::{self, protocol::WebSocketConfig};

/// Largest answer to a question of the gateway's own that is read, bytes.
const MAX_OWN: usize = 4096;

/// A node.
#[derive(Debug)]
struct Node {
    target: Target,
    uri: Uri,
    /// Where it takes WebSockets, if it does.
    websocket: Option<Uri>,
    seen: Mutex<Seen>,
    /// Whether it has shown that it is on the right chain.
    on_chain: OnceCell<()>,
}

/// The nodes.
#[derive(Debug)]
pub struct Upstream {
    client: HttpClient,
    nodes: Vec<Node>,
    health: HealthConfig,
    timeout: Duration,
    limit: usize,
    chain_id: OnceCell<u64>,
}

/// Why no node gave an answer.
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
    /// It takes no WebSocket now.
    #[error("the WebSocket to the node cannot be opened")]
    WebSocket(#[source] Box<tungstenite::Error>),
    /// No usable node is configured to take WebSockets.
    #[error("no usable node takes WebSockets")]
    NoWebSocket,
    /// Every node is left out.
    #[error(
        "none of {nodes} nodes is usable: {failing} do not answer, {lagging} lag behind, {elsewhere} are on another chain"
    )]
    NoNode {
        nodes: usize,
        failing: usize,
        lagging: usize,
        elsewhere: usize,
    },
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

impl Node {
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

    fn seen(&self) -> Seen {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_seen(&self, seen: Seen) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }
}

impl Upstream {
    pub fn new(client: HttpClient, config: &Config) -> Result<Self, TargetError> {
        let nodes = config.upstream.0.iter().map(|node| {
            let target = Target::parse(&node.http)?;
            Ok(Node {
                uri: target.uri("")?,
                target,
                websocket: node.ws.as_deref().map(websocket_uri).transpose()?,
                seen: Mutex::default(),
                on_chain: OnceCell::new(),
            })
        });
        Ok(Self {
            nodes: nodes.collect::<Result<_, TargetError>>()?,
            client,
            health: config.health,
            timeout: Duration::from_millis(config.limits.upstream_timeout_ms),
            limit: config.limits.upstream_bytes,
            chain_id: OnceCell::new_with(config.chain_id),
        })
    }

    fn standings(&self) -> Vec<Standing> {
        let seen: Vec<_> = self.nodes.iter().map(Node::seen).collect();
        standings(&seen, self.health.max_lag_blocks)
    }

    /// The nodes to ask, in this order.
    fn usable(&self) -> Result<Vec<&Node>, UpstreamError> {
        if let [only] = &self.nodes[..] {
            return Ok(vec![only]);
        }
        let standings = self.standings();
        let usable: Vec<_> = self
            .nodes
            .iter()
            .zip(&standings)
            .filter_map(|(node, standing)| (*standing == Standing::Usable).then_some(node))
            .collect();
        if usable.is_empty() {
            let count = |wanted| standings.iter().filter(|standing| **standing == wanted).count();
            return Err(UpstreamError::NoNode {
                nodes: standings.len(),
                failing: count(Standing::Failing),
                lagging: count(Standing::Lagging),
                elsewhere: count(Standing::OtherChain),
            });
        }
        Ok(usable)
    }

    /// Sends a body to the first node that can be connected to, and waits for the head of the answer.
    async fn send(&self, body: Bytes) -> Result<Response<Incoming>, UpstreamError> {
        let mut unreachable = None;
        for node in self.usable()? {
            let error = match timeout(self.timeout, self.client.send(node.request(body.clone())?)).await {
                Ok(Ok(response)) => return Ok(response),
                Ok(Err(error)) => error,
                Err(_) => HttpError::Timeout,
            };
            if !error.is_connect() {
                // It may only have been asked too much: that it fails is for the next look to find.
                return Err(error.into());
            }
            node.set_seen(Seen::Failure);
            unreachable = Some(error);
        }
        Err(unreachable.map_or(UpstreamError::Malformed, UpstreamError::Http))
    }

    /// Opens a WebSocket to the first usable node that takes them.
    pub async fn websocket(&self) -> Result<NodeSocket, UpstreamError> {
        let mut failure = UpstreamError::NoWebSocket;
        for node in self.usable()? {
            let Some(uri) = &node.websocket else { continue };
            match timeout(self.timeout, open(uri, self.limit)).await {
                Ok(Ok(socket)) => return Ok(socket),
                Ok(Err(error)) => failure = UpstreamError::WebSocket(Box::new(error)),
                Err(_) => failure = HttpError::Timeout.into(),
            }
        }
        Err(failure)
    }

    /// Relays a body and returns the answer as it arrives.
    #[tracing::instrument(level = "debug", skip_all, fields(otel.kind = "client"))]
    pub async fn relay(&self, body: Bytes) -> Result<Response<Incoming>, UpstreamError> {
        self.send(body).await
    }

    /// Relays a body and reads the answer, which must come with HTTP 200.
    pub async fn call(&self, body: Bytes) -> Result<Bytes, UpstreamError> {
        self.call_bounded(body, self.limit).await
    }

    #[tracing::instrument(level = "debug", name = "call", skip_all, fields(otel.kind = "client"))]
    async fn call_bounded(&self, body: Bytes, limit: usize) -> Result<Bytes, UpstreamError> {
        let response = timeout(self.timeout, read(self.send(body).await?, limit)).await;
        ok(response.unwrap_or(Err(HttpError::Timeout))?)
    }

    /// The nodes' chain: configured, or asked until one answers once.
    pub async fn chain_id(&self) -> Result<u64, UpstreamError> {
        self.chain_id
            .get_or_try_init(|| async { quantity(&self.call_bounded(own("eth_chainId"), MAX_OWN).await?) })
            .await
            .copied()
    }

    /// Looks at the nodes again and again, if there are several.
    pub async fn watch(&self) {
        if self.nodes.len() < 2 {
            return std::future::pending().await;
        }
        loop {
            let before = self.standings();
            join_all(self.nodes.iter().map(|node| self.look(node))).await;
            for (index, (before, after)) in before.into_iter().zip(self.standings()).enumerate() {
                match (before == after, after) {
                    (true, _) => {}
                    (false, Standing::Usable) => tracing::info!(node = index, "the node is used again"),
                    (false, standing) => tracing::warn!(node = index, ?standing, "the node is left out"),
                }
            }
            sleep(Duration::from_millis(self.health.interval_ms)).await;
        }
    }

    async fn look(&self, node: &Node) {
        let limit = Duration::from_millis(self.health.timeout_ms);
        let seen = timeout(limit, self.ask(node)).await;
        node.set_seen(match seen {
            Ok(Ok(seen)) => seen,
            Ok(Err(_)) | Err(_) => Seen::Failure,
        });
    }

    async fn ask(&self, node: &Node) -> Result<Seen, UpstreamError> {
        let ask = async |method| {
            let request = node.request(own(method))?;
            quantity(&ok(self.client.send_and_read(request, MAX_OWN).await?)?)
        };
        if !node.on_chain.initialized() {
            let theirs = ask("eth_chainId").await?;
            if theirs != *self.chain_id.get_or_init(|| async { theirs }).await {
                return Ok(Seen::OtherChain);
            }
            let _ = node.on_chain.set(());
        }
        ask("eth_blockNumber").await.map(Seen::Height)
    }

    /// Every node's standing and height, without its address.
    pub fn describe(&self) -> Value {
        let standings = self.standings();
        let described = self.nodes.iter().zip(standings).map(|(node, standing)| {
            let height = match node.seen() {
                Seen::Height(height) => Some(height),
                _ => None,
            };
            // The only node is used whatever befell it.
            let standing = if self.nodes.len() == 1 {
                Standing::Usable
            } else {
                standing
            };
            json!({"standing": standing, "height": height})
        });
        described.collect()
    }
}

/// Checks the URL of a node's WebSocket.
pub fn websocket_uri(url: &str) -> Result<Uri, TargetError> {
    let rest = match url.split_once("://") {
        Some(("ws", rest)) => rest,
        Some((other, _)) => return Err(TargetError::Scheme(other.to_owned())),
        None => return Err(TargetError::Malformed),
    };
    Target::parse(&format!("http://{rest}"))?;
    url.parse().map_err(|_| TargetError::Malformed)
}

async fn open(uri: &Uri, limit: usize) -> Result<NodeSocket, tungstenite::Error> {
    let host = uri.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((host, uri.port_u16().unwrap_or(80))).await?;
    stream.set_nodelay(true)?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(limit))
        .max_frame_size(Some(limit));
    let (socket, _) = client_async_with_config(uri, stream, Some(config)).await?;
    Ok(socket)
}

/// A call of the gateway's own.
fn own(method: &'static str) -> Bytes {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":[]}}"#).into()
}

/// The body of an answer that must come with HTTP 200.
pub fn ok(response: Response<Bytes>) -> Result<Bytes, UpstreamError> {
    if response.status() == StatusCode::OK {
        Ok(response.into_body())
    } else {
        Err(UpstreamError::Status(response.status()))
    }
}

/// The result of an answer: a number in 0x-hex.
fn quantity(body: &[u8]) -> Result<u64, UpstreamError> {
    #[derive(Deserialize)]
    struct Answer {
        result: String,
    }
    let answer: Answer = serde_json::from_slice(body).map_err(|_| UpstreamError::Malformed)?;
    let digits = answer.result.strip_prefix("0x").ok_or(UpstreamError::Malformed)?;
    u64::from_str_radix(digits, 16).map_err(|_| UpstreamError::Malformed)
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
