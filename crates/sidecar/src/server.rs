//! A listening port: accepts connections within a limit, serves HTTP/1.1 on each, and ends them in order.

use crate::config::Limits;
use crate::reply::Reply;
use crate::shared::Core;
use crate::slow_peer::StuckWrites;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// Most fields in a request head.
const MAX_FIELDS: usize = 64;
/// Pause after the system refused a connection, usually for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves `listener` until `stop` turns true and the connections have ended or the grace period is over.
pub async fn serve<H, F>(
    listener: TcpListener,
    core: Arc<Core>,
    max_connections: usize,
    handler: H,
    mut stop: watch::Receiver<bool>,
) where
    H: Fn(Arc<Core>, Request<Incoming>) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Reply> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(max_connections));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            () = stopped(&mut stop) => break,
            accepted = accept(&listener, &places) => accepted,
        };
        if let Some((stream, place)) = accepted {
            let (core, stop) = (Arc::clone(&core), stop.clone());
            connections.spawn(async move {
                core.counters.connections.inc();
                connection(stream, &core, handler, stop).await;
                core.counters.connections.dec();
                drop(place);
            });
        }
    }
    drop(listener);
    let grace = Duration::from_millis(core.limits.shutdown_grace_ms);
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(grace, ended).await.is_err() {
        tracing::warn!("connections were still open after the grace period");
        connections.shutdown().await;
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that whoever could say stop is gone, which says it too.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, place)),
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

async fn connection<H, F>(stream: TcpStream, core: &Arc<Core>, handler: H, mut stop: watch::Receiver<bool>)
where
    H: Fn(Arc<Core>, Request<Incoming>) -> F + Copy,
    F: Future<Output = Reply>,
{
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let io = TokioIo::new(StuckWrites::new(stream, core.limits.idle_timeout()));
    let service = service_fn(|request| {
        let reply = handler(Arc::clone(core), request);
        async move { Ok::<_, Infallible>(reply.await) }
    });
    let mut connection = pin!(builder(&core.limits).serve_connection(io, service));
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "a connection ended");
    }
}

fn builder(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout())
        .max_header_size(limits.max_header_bytes)
        .max_buf_size(limits.max_header_bytes)
        .max_headers(MAX_FIELDS);
    builder
}
