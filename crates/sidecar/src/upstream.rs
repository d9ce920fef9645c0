//! The HTTP/1.1 client side: a small pool of connections to one upstream, and its response as a bounded stream.
//!
//! A request is sent again only when it is certain that nothing of it was written (the pooled connection was dead);
//! whether a failed request counts is the caller's decision.

use crate::config::Limits;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::time::{Sleep, timeout, timeout_at};

/// Idle connections kept.
const MAX_IDLE: usize = 64;
/// How long an idle connection is trusted.
const IDLE_FOR: Duration = Duration::from_secs(15);
/// How long a pooled connection may take to become ready; it needs one turn of its task.
const READY_WITHIN: Duration = Duration::from_millis(100);
/// Largest response head, bytes.
const MAX_HEAD: usize = 64 * 1024;

/// A request as the upstream gets it.
pub type UpstreamRequest = Request<Full<Bytes>>;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// No connection.
    #[error("cannot connect to the upstream")]
    Connect(#[source] std::io::Error),
    /// The exchange failed.
    #[error("the upstream did not answer in HTTP")]
    Http(#[source] hyper::Error),
    /// It changed protocols, which was not asked for.
    #[error("the upstream switched protocols")]
    Switched,
    /// Its answer says that it is larger than permitted.
    #[error("the upstream's answer has {0} bytes")]
    TooLarge(u64),
    /// It took too long.
    #[error("the upstream did not answer in time")]
    Timeout,
}

/// Why a response body ended early.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The connection failed.
    #[error("the upstream's answer broke off")]
    Http(#[source] hyper::Error),
    /// More bytes than permitted.
    #[error("the upstream's answer is too large")]
    TooLarge,
    /// No byte for too long.
    #[error("the upstream's answer stalled")]
    Stalled,
}

/// One upstream.
#[derive(Debug)]
pub struct Upstream {
    address: String,
    idle: Mutex<Vec<Idle>>,
    max_response: u64,
    answer_within: Duration,
    stall_after: Duration,
}

#[derive(Debug)]
struct Idle {
    sender: SendRequest<Full<Bytes>>,
    since: Instant,
}

impl Upstream {
    /// An upstream at `host:port`.
    #[must_use]
    pub fn new(address: String, limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            address,
            idle: Mutex::new(Vec::new()),
            max_response: limits.max_response_bytes,
            answer_within: limits.upstream_timeout(),
            stall_after: limits.idle_timeout(),
        })
    }

    /// Sends a request and waits for the head of the answer.
    ///
    /// # Errors
    /// When there is no answer, or one that says it is too large.
    pub async fn send(
        self: &Arc<Self>,
        request: UpstreamRequest,
    ) -> Result<Response<UpstreamBody>, UpstreamError> {
        let deadline = tokio::time::Instant::now() + self.answer_within;
        let (response, sender) = timeout_at(deadline, self.exchange(request))
            .await
            .map_err(|_| UpstreamError::Timeout)??;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(UpstreamError::Switched);
        }
        // The body of an answer to HEAD is empty whatever Content-Length says, and its lower bound is 0.
        let declared = response.body().size_hint().lower();
        if declared > self.max_response {
            return Err(UpstreamError::TooLarge(declared));
        }
        Ok(response.map(|incoming| UpstreamBody::new(incoming, sender, self)))
    }

    async fn exchange(
        &self,
        mut request: UpstreamRequest,
    ) -> Result<(Response<Incoming>, SendRequest<Full<Bytes>>), UpstreamError> {
        while let Some(mut sender) = self.pooled().await {
            match sender.try_send_request(request).await {
                Ok(response) => return Ok((response, sender)),
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(UpstreamError::Http(error.into_error())),
                },
            }
        }
        let mut sender = self.connect().await?;
        let response = sender.send_request(request).await.map_err(UpstreamError::Http)?;
        Ok((response, sender))
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, UpstreamError> {
        let stream = TcpStream::connect(&self.address)
            .await
            .map_err(UpstreamError::Connect)?;
        stream.set_nodelay(true).map_err(UpstreamError::Connect)?;
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(MAX_HEAD)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(UpstreamError::Http)?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "an upstream connection ended");
            }
        });
        Ok(sender)
    }

    async fn pooled(&self) -> Option<SendRequest<Full<Bytes>>> {
        loop {
            let Idle { mut sender, since } = self.idle().pop()?;
            if since.elapsed() < IDLE_FOR && matches!(timeout(READY_WITHIN, sender.ready()).await, Ok(Ok(())))
            {
                return Some(sender);
            }
        }
    }

    fn put_back(&self, sender: SendRequest<Full<Bytes>>) {
        let mut idle = self.idle();
        if idle.len() < MAX_IDLE && !sender.is_closed() {
            idle.push(Idle {
                sender,
                since: Instant::now(),
            });
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        self.idle
            .lock()
            .expect("nothing panics while it holds the pool's lock")
    }
}

/// The body of an answer: bounded in size, given up when it stalls. Its connection returns to the pool at the end.
#[derive(Debug)]
pub struct UpstreamBody {
    incoming: Incoming,
    lease: Option<(SendRequest<Full<Bytes>>, Arc<Upstream>)>,
    left: u64,
    stall_after: Duration,
    stalled: Pin<Box<Sleep>>,
}

impl UpstreamBody {
    fn new(incoming: Incoming, sender: SendRequest<Full<Bytes>>, upstream: &Arc<Upstream>) -> Self {
        let mut body = Self {
            incoming,
            lease: Some((sender, Arc::clone(upstream))),
            left: upstream.max_response,
            stall_after: upstream.stall_after,
            stalled: Box::pin(tokio::time::sleep(upstream.stall_after)),
        };
        body.return_if_ended();
        body
    }

    fn return_if_ended(&mut self) {
        if self.incoming.is_end_stream() {
            self.give_back();
        }
    }

    fn give_back(&mut self) {
        if let Some((sender, upstream)) = self.lease.take() {
            upstream.put_back(sender);
        }
    }

    fn on_data(&mut self, length: usize) -> Result<(), BodyError> {
        self.left = self.left.checked_sub(length as u64).ok_or(BodyError::TooLarge)?;
        self.stalled
            .as_mut()
            .reset(tokio::time::Instant::now() + self.stall_after);
        self.return_if_ended();
        Ok(())
    }
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let body = self.get_mut();
        loop {
            match Pin::new(&mut body.incoming).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => {
                        let bounded = body.on_data(data.len());
                        return Poll::Ready(Some(bounded.map(|()| Frame::data(data))));
                    }
                    // Trailers end here: they are hop-by-hop unless both sides agreed.
                    Err(_) => continue,
                },
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(BodyError::Http(error)))),
                Poll::Ready(None) => {
                    body.give_back();
                    return Poll::Ready(None);
                }
                Poll::Pending => {
                    let stalled = body.stalled.as_mut().poll(cx).is_ready();
                    return if stalled {
                        Poll::Ready(Some(Err(BodyError::Stalled)))
                    } else {
                        Poll::Pending
                    };
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
