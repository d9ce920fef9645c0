//! One connection to an upstream, worked by whoever uses it.
//!
//! The HTTP library expects a connection to be a task of its own. Then each exchange wakes that task and is woken by it,
//! often on another thread, which costs as much as the rest of the proxy. Here the task that waits for an answer does the
//! connection's work itself: it writes, reads, and hands over, and nobody else needs to run.

use crate::upstream::{UpstreamError, UpstreamRequest};
use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use tokio::net::TcpStream;

/// Largest response head, bytes.
const MAX_HEAD: usize = 64 * 1024;

/// The connection's own work, which somebody has to poll.
type Work = Pin<Box<Connection<TokioIo<TcpStream>, Full<Bytes>>>>;

/// A connection. Dropping it closes it.
#[derive(Debug)]
pub struct Link {
    sender: SendRequest<Full<Bytes>>,
    /// Absent once it has ended.
    work: Option<Work>,
}

/// Why an exchange gave no answer.
#[derive(Debug)]
pub enum Failed {
    /// Nothing of the request was written: it can be sent over another connection.
    Unsent(Box<UpstreamRequest>),
    /// The upstream may have seen it.
    Sent(hyper::Error),
}

impl Link {
    /// Connects to `host:port`.
    ///
    /// # Errors
    /// When there is no connection.
    pub async fn new(address: &str) -> Result<Self, UpstreamError> {
        let stream = TcpStream::connect(address)
            .await
            .map_err(UpstreamError::Connect)?;
        stream.set_nodelay(true).map_err(UpstreamError::Connect)?;
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(MAX_HEAD)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(UpstreamError::Http)?;
        Ok(Self {
            sender,
            work: Some(Box::pin(connection)),
        })
    }

    /// Does what can be done without waiting, and arranges to be woken for the rest.
    pub fn work(&mut self, cx: &mut Context<'_>) {
        let Some(work) = &mut self.work else { return };
        if let Poll::Ready(ended) = work.as_mut().poll(cx) {
            if let Err(error) = ended {
                tracing::debug!(%error, "an upstream connection ended");
            }
            // Whoever waits for something of it learns of the end.
            self.work = None;
        }
    }

    /// Whether a request can be sent: the last answer is read to its end, and the upstream has not closed.
    pub async fn is_ready(&mut self) -> bool {
        poll_fn(|cx| {
            // The first turn may end the last exchange, the second one asks for another.
            for _ in 0..2 {
                self.work(cx);
                if self.work.is_none() {
                    break;
                }
                if let Poll::Ready(ready) = self.sender.poll_ready(cx) {
                    return Poll::Ready(ready.is_ok());
                }
            }
            Poll::Ready(false)
        })
        .await
    }

    /// Sends a request and waits for the head of the answer.
    ///
    /// # Errors
    /// See [`Failed`].
    pub async fn exchange(&mut self, request: UpstreamRequest) -> Result<Response<Incoming>, Failed> {
        let mut answer = pin!(self.sender.try_send_request(request));
        let mut work = self.work.take();
        let answered = poll_fn(|cx| {
            let ended = work
                .as_mut()
                .is_some_and(|work| work.as_mut().poll(cx).is_ready());
            if ended {
                work = None;
            }
            answer.as_mut().poll(cx)
        })
        .await;
        self.work = work;
        answered.map_err(|mut error| match error.take_message() {
            Some(request) => Failed::Unsent(Box::new(request)),
            None => Failed::Sent(error.into_error()),
        })
    }
}
