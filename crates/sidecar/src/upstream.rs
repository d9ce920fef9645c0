//! The HTTP/1.1 client side: a small pool of connections to one upstream, and its response as a bounded stream.
//!
//! A request is sent again only when it is certain that nothing of it was written (the pooled connection was dead);
//! whether a failed request counts is the caller's decision.

use crate::config::Limits;
use crate::link::{Failed, Link};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::{Request, Response, StatusCode};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::time::{Sleep, timeout_at};

/// Idle connections kept.
const MAX_IDLE: usize = 64;
/// How long an idle connection is trusted.
const IDLE_FOR: Duration = Duration::from_secs(15);

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
    /// It closed a new connection before the request was written.
    #[error("the upstream closed the connection")]
    Closed,
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
    link: Link,
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
        let (response, link) = timeout_at(deadline, self.exchange(request))
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
        Ok(response.map(|incoming| UpstreamBody::new(incoming, link, self)))
    }

    async fn exchange(
        &self,
        mut request: UpstreamRequest,
    ) -> Result<(Response<Incoming>, Link), UpstreamError> {
        while let Some(mut link) = self.pooled().await {
            match link.exchange(request).await {
                Ok(response) => return Ok((response, link)),
                Err(Failed::Unsent(unsent)) => request = *unsent,
                Err(Failed::Sent(error)) => return Err(UpstreamError::Http(error)),
            }
        }
        let mut link = Link::new(&self.address).await?;
        match link.exchange(request).await {
            Ok(response) => Ok((response, link)),
            Err(Failed::Sent(error)) => Err(UpstreamError::Http(error)),
            Err(Failed::Unsent(_)) => Err(UpstreamError::Closed),
        }
    }

    async fn pooled(&self) -> Option<Link> {
        loop {
            let Idle { mut link, since } = self.idle().pop()?;
            if since.elapsed() < IDLE_FOR && link.is_ready().await {
                return Some(link);
            }
        }
    }

    fn put_back(&self, link: Link) {
        let mut idle = self.idle();
        if idle.len() < MAX_IDLE {
            idle.push(Idle {
                link,
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
    lease: Option<(Link, Arc<Upstream>)>,
    left: u64,
    stall_after: Duration,
    /// Made when a byte is waited for, which most answers never are.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Whether `stalled` runs since the last byte.
    timed: bool,
}

impl UpstreamBody {
    fn new(incoming: Incoming, link: Link, upstream: &Arc<Upstream>) -> Self {
        let mut body = Self {
            incoming,
            lease: Some((link, Arc::clone(upstream))),
            left: upstream.max_response,
            stall_after: upstream.stall_after,
            stalled: None,
            timed: false,
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
        if let Some((link, upstream)) = self.lease.take() {
            upstream.put_back(link);
        }
    }

    fn on_data(&mut self, length: usize) -> Result<(), BodyError> {
        self.left = self.left.checked_sub(length as u64).ok_or(BodyError::TooLarge)?;
        self.timed = false;
        self.return_if_ended();
        Ok(())
    }

    /// The next frame; what there is of the connection's work is done for it.
    fn poll_incoming(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.incoming).poll_frame(cx);
        if polled.is_ready() {
            return polled;
        }
        if let Some((link, _)) = &mut self.lease {
            link.work(cx);
        }
        Pin::new(&mut self.incoming).poll_frame(cx)
    }

    /// Whether no byte has come for too long.
    fn has_stalled(&mut self, cx: &mut Context<'_>) -> bool {
        let after = self.stall_after;
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(after)));
        if !self.timed {
            self.timed = true;
            stalled.as_mut().reset(tokio::time::Instant::now() + after);
        }
        stalled.as_mut().poll(cx).is_ready()
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
            match body.poll_incoming(cx) {
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
                Poll::Pending if body.has_stalled(cx) => {
                    return Poll::Ready(Some(Err(BodyError::Stalled)));
                }
                Poll::Pending => return Poll::Pending,
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
