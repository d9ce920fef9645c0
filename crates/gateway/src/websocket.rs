//! JSON-RPC over WebSocket: what arrives is read and screened as over HTTP, the rest goes to the node over a WebSocket of its
//! own, so that subscriptions pass through as they are.
//!
//! One client's socket is one socket to the node, opened before the client's is accepted. A message whose calls need no
//! screening is relayed as it is, and everything that the node sends reaches the client as it is. Any other message is
//! answered as its HTTP request would be, over the node's HTTP; a subscription within such a batch gets the node's own
//! refusal. Browsers let any web page open a WebSocket, so pages must be listed in `origins`.

use crate::access::Credentials;
use crate::clock::since_epoch;
use crate::gateway::{Asked, Gateway};
use crate::jsonrpc::{self, Body, RpcError};
use bytes::Bytes;
use futures::stream::FuturesUnordered;
use futures::{SinkExt, StreamExt};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

/// Messages of one client that are answered at the same time; further ones wait on its socket.
const IN_FLIGHT: usize = 16;

/// The socket to the node.
pub type NodeSocket = WebSocketStream<TcpStream>;
type ClientSocket = WebSocketStream<TokioIo<Upgraded>>;

/// Limits of one socket.
#[derive(Clone, Copy, Debug)]
pub struct SocketLimits {
    /// Largest message of the client, bytes.
    pub message_bytes: usize,
    /// Longest silence of the client, answers to pings counted.
    pub idle: Duration,
    /// Most calls in a batch.
    pub batch: usize,
    /// Longest time for the node to take a message.
    pub node_timeout: Duration,
    /// Largest answer of the node that is held in memory.
    pub answer_bytes: usize,
}

/// What a socket's task needs.
#[derive(Debug)]
pub struct Session {
    pub gateway: Arc<Gateway>,
    pub limits: SocketLimits,
    pub origin: Option<String>,
    pub credentials: Credentials,
    /// Held while the socket is open.
    pub permit: OwnedSemaphorePermit,
    /// True when the gateway stops.
    pub stopping: watch::Receiver<bool>,
}

/// Why a socket ends.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("the client left")]
    ClientLeft,
    #[error("the client's socket failed")]
    Client(#[source] Error),
    #[error("the client was silent for too long")]
    Idle,
    #[error("the node closed the socket")]
    NodeLeft,
    #[error("the socket to the node failed")]
    Node(#[source] Error),
    #[error("the node took too long to take a message")]
    NodeStalled,
    #[error("the gateway stops")]
    Stopping,
}

impl End {
    /// What the client is told, if anything can be.
    fn close(&self) -> Option<CloseFrame> {
        let (code, reason) = match self {
            Self::ClientLeft => return None,
            Self::Client(Error::Capacity(_)) => (CloseCode::Size, "the message is too large"),
            Self::Client(Error::Utf8(_)) => (CloseCode::Invalid, "the message is not UTF-8"),
            Self::Client(_) => (CloseCode::Protocol, "the protocol was not kept"),
            Self::Idle => (CloseCode::Policy, "there was no answer to pings"),
            Self::NodeLeft | Self::Node(_) | Self::NodeStalled => {
                (CloseCode::Error, "the node behind the gateway closed its socket")
            }
            Self::Stopping => (CloseCode::Away, "the gateway stops"),
        };
        Some(CloseFrame {
            code,
            reason: Utf8Bytes::from_static(reason),
        })
    }
}

impl Session {
    /// Serves a client until one of the sockets ends.
    pub async fn run(self, upgrade: OnUpgrade, mut node: NodeSocket) {
        let upgraded = match upgrade.await {
            Ok(upgraded) => upgraded,
            Err(error) => return tracing::debug!(%error, "a WebSocket was not taken up"),
        };
        let config = WebSocketConfig::default()
            .max_message_size(Some(self.limits.message_bytes))
            .max_frame_size(Some(self.limits.message_bytes));
        let mut client =
            ClientSocket::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
        let end = self.relay(&mut client, &mut node).await;
        tracing::debug!(error = &end as &dyn std::error::Error, "a WebSocket ended");
        let _ = timeout(self.limits.node_timeout, node.close(None)).await;
        if let Some(frame) = end.close() {
            let told = async {
                client.close(Some(frame)).await?;
                // What the client still sends must be read, or the system cuts it off before it has read why.
                tokio::io::copy(client.get_mut(), &mut tokio::io::sink()).await?;
                Ok::<_, Error>(())
            };
            let _ = timeout(Duration::from_secs(1), told).await;
        }
        drop(self.permit);
    }

    async fn relay(&self, client: &mut ClientSocket, node: &mut NodeSocket) -> End {
        let mut answers = FuturesUnordered::new();
        let mut stopping = self.stopping.clone();
        let mut heard = Instant::now();
        let mut pings = interval(self.limits.idle / 2);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        pings.reset();
        let mut stops = false;
        loop {
            if stops && answers.is_empty() {
                return End::Stopping;
            }
            let step = tokio::select! {
                message = client.next(), if answers.len() < IN_FLIGHT && !stops => {
                    heard = Instant::now();
                    match message {
                        None | Some(Ok(Message::Close(_)) | Err(Error::ConnectionClosed)) => Err(End::ClientLeft),
                        Some(Err(error)) => Err(End::Client(error)),
                        Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => {
                            match self.is_plain(&message) {
                                Ok(true) => self.send_on(node, message).await,
                                Ok(false) => {
                                    answers.push(self.answer(message.into_data()));
                                    Ok(())
                                }
                                Err(error) => client.send(Message::text(error)).await.map_err(End::Client),
                            }
                        }
                        Some(Ok(_)) => Ok(()),
                    }
                }
                message = node.next() => match message {
                    None | Some(Ok(Message::Close(_)) | Err(Error::ConnectionClosed)) => Err(End::NodeLeft),
                    Some(Err(error)) => Err(End::Node(error)),
                    Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => {
                        client.send(message).await.map_err(End::Client)
                    }
                    Some(Ok(_)) => Ok(()),
                },
                Some(answer) = answers.next() => match answer {
                    Some(text) => client.send(Message::text(text)).await.map_err(End::Client),
                    None => Ok(()),
                },
                _ = pings.tick() => {
                    if heard.elapsed() >= self.limits.idle && answers.len() < IN_FLIGHT {
                        Err(End::Idle)
                    } else {
                        client.send(Message::Ping(Bytes::new())).await.map_err(End::Client)
                    }
                }
                () = stopped(&mut stopping), if !stops => {
                    stops = true;
                    Ok(())
                }
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    /// Whether a message can go to the node as it is, or the error to answer: it is no JSON-RPC, or not taken from this
    /// client.
    fn is_plain(&self, message: &Message) -> Result<bool, String> {
        let data = match message {
            Message::Text(text) => text.as_bytes(),
            Message::Binary(bytes) => bytes,
            _ => return Ok(false),
        };
        let terms = self.gateway.terms();
        let body = jsonrpc::read(data, self.limits.batch).map_err(|error| error.response(None))?;
        let admitted = self
            .gateway
            .admit(&terms, &self.credentials, body.calls(), since_epoch());
        if let Err(refused) = admitted {
            let id = match &body {
                Body::Single(Ok(call)) => call.id,
                _ => None,
            };
            return Err(RpcError::from(refused).response(id));
        }
        Ok(match body {
            Body::Single(call) => terms.relays(&call),
            Body::Batch(calls) => calls.iter().all(|call| terms.relays(call)),
        })
    }

    async fn send_on(&self, node: &mut NodeSocket, message: Message) -> Result<(), End> {
        let sent = timeout(self.limits.node_timeout, node.send(message)).await;
        sent.map_err(|_| End::NodeStalled)?.map_err(End::Node)
    }

    /// The answer to a message that does not go to the node as it is; none to notifications.
    async fn answer(&self, data: Bytes) -> Option<String> {
        let terms = self.gateway.terms();
        let body = jsonrpc::read(&data, self.limits.batch).ok()?;
        let id = match &body {
            Body::Single(Ok(call)) => call.id.map(str::to_owned),
            _ => None,
        };
        let now = since_epoch();
        // The calls were counted when they came in.
        let caller = match self.gateway.admit(&terms, &self.credentials, 0, now) {
            Ok(caller) => caller,
            Err(refused) => return Some(RpcError::from(refused).response(id.as_deref())),
        };
        let asked = Asked {
            terms: &terms,
            caller: &caller,
            origin: self.origin.as_deref(),
            now,
        };
        let reply = self.gateway.handle(&data, body, asked).await;
        reply
            .into_text(self.limits.answer_bytes, self.limits.node_timeout, id.as_deref())
            .await
    }
}

/// Waits until the gateway stops.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stopping| *stopping).await;
}
