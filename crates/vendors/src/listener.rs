//! A listening port with limits: connections, requests at once, time for a head, time for an answer, draining.
//!
//! The router decides what to answer; this module decides whether it is asked at all.

use crate::VendorError;
use crate::config::Limits;
use crate::http::ApiError;
use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt;

/// A vendor that listens and is ready to serve.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    local: SocketAddr,
    router: Router,
    limits: Limits,
}

impl Bound {
    pub(crate) async fn new(
        address: SocketAddr,
        router: Router,
        limits: Limits,
    ) -> Result<Self, VendorError> {
        let listen = |source| VendorError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let local = listener.local_addr().map_err(listen)?;
        Ok(Self {
            listener,
            local,
            router,
            limits,
        })
    }

    /// The address that it listens on, with the port that was taken.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Serves until `shutdown` completes, then lets open requests finish for the configured time.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) {
        let connections = Arc::new(Semaphore::new(self.limits.connections));
        let shared = Arc::new(Shared {
            requests: Arc::new(Semaphore::new(self.limits.requests)),
            router: self.router,
            limits: self.limits,
        });
        let graceful = GracefulShutdown::new();
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                () = &mut shutdown => break,
                accepted = accept(&self.listener, &connections) => accepted,
            };
            if let Some((stream, permit)) = accepted {
                tokio::spawn(connection(
                    stream,
                    permit,
                    Arc::clone(&shared),
                    graceful.watcher(),
                ));
            }
        }
        drop(self.listener);
        let drain = Duration::from_millis(shared.limits.drain_ms);
        if tokio::time::timeout(drain, graceful.shutdown()).await.is_err() {
            tracing::warn!("connections were still open at the end of the drain time");
        }
    }
}

#[derive(Debug)]
struct Shared {
    requests: Arc<Semaphore>,
    router: Router,
    limits: Limits,
}

/// Waits for room, then for a connection. `None` after an error of the system, which a pause usually cures.
async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(connections).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, permit)),
        Err(error) => {
            tracing::warn!(%error, "cannot accept a connection");
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

async fn connection(stream: TcpStream, permit: OwnedSemaphorePermit, shared: Arc<Shared>, watcher: Watcher) {
    let header_timeout = Duration::from_millis(shared.limits.header_timeout_ms);
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(answer(&shared, request).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "connection ended");
    }
    drop(permit);
}

async fn answer(shared: &Shared, request: hyper::Request<Incoming>) -> Response {
    let Ok(_permit) = shared.requests.try_acquire() else {
        return ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "overloaded",
            "too many requests at once",
        )
        .into_response();
    };
    let limit = Duration::from_millis(shared.limits.request_timeout_ms);
    match tokio::time::timeout(limit, shared.router.clone().oneshot(request)).await {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(_) => ApiError::new(
            StatusCode::GATEWAY_TIMEOUT,
            "timeout",
            "no answer within the limit",
        )
        .into_response(),
    }
}
