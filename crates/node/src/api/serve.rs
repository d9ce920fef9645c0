//! The listening port: takes connections and requests within limits of number, size and time, and hands whole
//! requests to the routes. What they answer is not decided here.

use super::error::ApiError;
use super::events::Peer;
use super::stall::Stall;
use super::{
    BATCH_ROUTE, BODY_TIMEOUT, HEAD_TIMEOUT, MAX_AGE, MAX_BATCH_BODY, MAX_BATCHES, MAX_BODY, MAX_CONNECTIONS,
    MAX_WAIT, REQUEST_TIMEOUT, STALL_TIMEOUT,
};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tower::ServiceExt as _;

/// Largest request head, bytes.
const MAX_HEAD: usize = 16 * 1024;
/// Most fields in a request head.
const MAX_FIELDS: usize = 64;
/// Pause after the system gave no connection, usually for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The limits of a port; the defaults are the constants of [`super`].
#[derive(Clone, Copy, Debug)]
pub struct PortLimits {
    /// Connections at a time.
    pub connections: usize,
    /// For a request's head to arrive; also the longest idle time.
    pub head: Duration,
    /// For a request's body to arrive.
    pub body: Duration,
    /// For the client to take bytes of an answer.
    pub stall: Duration,
    /// Age at which a connection ends.
    pub age: Duration,
    /// For the request that is in hand then.
    pub last: Duration,
}

impl PortLimits {
    /// For the port of metrics, which few ask.
    #[must_use]
    pub fn for_metrics() -> Self {
        Self {
            connections: 16,
            ..Self::default()
        }
    }
}

impl Default for PortLimits {
    fn default() -> Self {
        Self {
            connections: MAX_CONNECTIONS,
            head: HEAD_TIMEOUT,
            body: BODY_TIMEOUT,
            stall: STALL_TIMEOUT,
            age: MAX_AGE,
            last: BODY_TIMEOUT + MAX_WAIT + REQUEST_TIMEOUT,
        }
    }
}

/// Serves the routes over HTTP/1.1 for ever. Dropping it ends every connection.
pub async fn serve(listener: TcpListener, routes: Router, limits: PortLimits) -> Infallible {
    let places = Arc::new(Semaphore::new(limits.connections));
    let batches = Arc::new(Semaphore::new(MAX_BATCHES));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        // Waiting here leaves further clients to the system's queue until somebody goes.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            // The semaphore is never closed.
            std::future::pending().await
        };
        match listener.accept().await {
            Ok((stream, address)) => {
                let peer = Peer {
                    address: address.ip(),
                    since: Instant::now(),
                };
                connections.spawn(connection(
                    stream,
                    peer,
                    routes.clone(),
                    limits,
                    (place, batches.clone()),
                ));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(
    stream: TcpStream,
    peer: Peer,
    routes: Router,
    limits: PortLimits,
    (_place, batches): (OwnedSemaphorePermit, Arc<Semaphore>),
) {
    // An answer is written at once and whole.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let service = service_fn(move |request| {
        let (routes, batches) = (routes.clone(), Arc::clone(&batches));
        async move { Ok::<_, Infallible>(answer(routes, peer, request, limits.body, &batches).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_FIELDS)
        .serve_connection(TokioIo::new(Stall::new(stream, limits.stall)), service);
    let mut connection = pin!(connection);
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = tokio::time::sleep(limits.age) => {
            connection.as_mut().graceful_shutdown();
            match tokio::time::timeout(limits.last, connection).await {
                Ok(outcome) => outcome,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "a connection ended");
    }
}

/// Reads the body whole, then asks the routes: a slow client holds none of their places. Large bodies have places of their
/// own, so that they take no more memory than those allow.
async fn answer(
    routes: Router,
    peer: Peer,
    request: hyper::Request<Incoming>,
    time: Duration,
    batches: &Semaphore,
) -> Response {
    let (mut head, body) = request.into_parts();
    head.extensions.insert(peer);
    let (limit, _place) = if head.uri.path() == BATCH_ROUTE {
        match batches.try_acquire() {
            Ok(place) => (MAX_BATCH_BODY, Some(place)),
            Err(_) => return ApiError::overloaded().into_response(),
        }
    } else {
        (MAX_BODY, None)
    };
    let body = match whole(body, limit, time).await {
        Ok(body) => body,
        Err(error) => return error.into_response(),
    };
    match routes
        .oneshot(hyper::Request::from_parts(head, Body::from(body)))
        .await
    {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

async fn whole(body: Incoming, limit: usize, time: Duration) -> Result<Bytes, ApiError> {
    let too_large = || ApiError::too_large(limit);
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    match tokio::time::timeout(time, Limited::new(body, limit).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(ApiError::broken_body()),
        Err(_) => Err(ApiError::slow_body()),
    }
}

#[cfg(test)]
#[path = "serve_tests.rs"]
mod tests;
