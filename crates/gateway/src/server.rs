//! Starting, listening, and stopping: the shell around the firewall.

use crate::access::Usage;
use crate::client::HttpClient;
use crate::clock::since_epoch;
use crate::config::Config;
use crate::decisions::DecisionLog;
use crate::error::GatewayError;
use crate::gateway::{Gateway, Terms};
use crate::handler::{RequestLimits, answer};
use crate::reload::Reloader;
use crate::screening::Screener;
use crate::service::{Service, Shared};
use crate::stall::WriteLimited;
use crate::upstream::Upstream;
use crate::websocket::SocketLimits;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, RwLock};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// A gateway that listens and is ready to serve.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    local: SocketAddr,
    gateway: Arc<Gateway>,
    config: Config,
}

/// Loads purchases and listens. No sidecar is asked yet; operators are, if their set is configured, who
/// serves now.
///
/// # Errors
/// When the configuration makes no sense, its files cannot be used, or the address cannot be bound.
pub async fn bind(config: Config) -> Result<Bound, GatewayError> {
    config.check()?;
    let client = HttpClient::new();
    let shared = Arc::new(Shared::new(&config)?);
    shared.catch_up().await;
    let services = config.services.iter().map(|service| {
        let service = Service::new(service.clone(), Arc::clone(&shared))?;
        Ok(Arc::new(service))
    });
    let services = services.collect::<Result<Vec<_>, GatewayError>>()?;
    let upstream = Upstream::new(client.clone(), &config)?;
    let gateway = Gateway {
        upstream,
        screener: Screener {
            services,
            client,
            started: since_epoch().as_nanos(),
            decisions: AtomicU64::new(0),
            log: DecisionLog::start(&config.state, config.decisions).map_err(GatewayError::Decisions)?,
        },
        terms: RwLock::new(Arc::new(Terms::new(&config)?)),
        screenings: Semaphore::new(config.limits.screenings),
        bundle: config.limits.bundle.min(config.limits.screenings),
        usage: Usage::default(),
        batch: config.limits.batch,
        websockets: Arc::new(Semaphore::new(config.limits.websockets)),
        stopping: watch::Sender::new(false),
    };
    let listen = |source| GatewayError::Listen {
        address: config.listen,
        source,
    };
    let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
    let local = listener.local_addr().map_err(listen)?;
    Ok(Bound {
        listener,
        local,
        gateway: Arc::new(gateway),
        config,
    })
}

/// Serves until `shutdown` completes.
///
/// # Errors
/// As [`bind`].
pub async fn run(config: Config, shutdown: impl Future<Output = ()>) -> Result<(), GatewayError> {
    let bound = bind(config).await?;
    tracing::info!(address = %bound.local_addr(), "gateway listens");
    bound.serve(shutdown).await;
    Ok(())
}

impl Bound {
    /// The address that it listens on, with the port that was taken.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// What changes the rules while it serves.
    #[must_use]
    pub fn reloader(&self) -> Reloader {
        Reloader::new(Arc::clone(&self.gateway), self.config.clone())
    }

    /// Serves until `shutdown` completes, lets open requests finish for the configured time, and gives the reserved
    /// sequence numbers back.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) {
        let connections = Arc::new(Semaphore::new(self.config.limits.connections));
        let mut shutdown = std::pin::pin!(shutdown);
        let watched = Arc::clone(&self.gateway);
        let _watching = AbortOnDrop(tokio::spawn(async move { watched.upstream.watch().await }));
        loop {
            let accepted = tokio::select! {
                () = &mut shutdown => break,
                accepted = accept(&self.listener, &connections) => accepted,
            };
            if let Some((stream, permit)) = accepted {
                let gateway = Arc::clone(&self.gateway);
                tokio::spawn(connection(
                    stream,
                    permit,
                    gateway,
                    self.config.limits.clone(),
                    self.gateway.stopping.subscribe(),
                ));
            }
        }
        drop(self.listener);
        let drain = Duration::from_millis(self.config.limits.drain_ms);
        self.gateway.stopping.send_replace(true);
        // Every connection, and every WebSocket after it, holds one until it has ended.
        let all = |room: usize| u32::try_from(room).unwrap_or(u32::MAX);
        let drained = tokio::time::timeout(drain, async {
            let _ = connections
                .acquire_many(all(self.config.limits.connections))
                .await;
            let _ = self
                .gateway
                .websockets
                .acquire_many(all(self.config.limits.websockets))
                .await;
        });
        let drained = drained.await;
        self.gateway.screener.log.flush().await;
        if drained.is_err() {
            // Requests may still take numbers, so the rest of a block is not given back.
            tracing::warn!("connections were still open at the end of the drain time");
            return;
        }
        for service in &self.gateway.screener.services {
            for purchase in service.purchases() {
                purchase.release().await;
            }
        }
    }
}

/// A task that ends with its owner.
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
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

async fn connection(
    stream: TcpStream,
    permit: OwnedSemaphorePermit,
    gateway: Arc<Gateway>,
    limits: crate::config::Limits,
    mut stopping: watch::Receiver<bool>,
) {
    let request_limits = RequestLimits {
        body_bytes: limits.body_bytes,
        body_timeout: Duration::from_millis(limits.body_timeout_ms),
        batch: limits.batch,
        socket: SocketLimits {
            message_bytes: limits.body_bytes,
            idle: Duration::from_millis(limits.websocket_idle_ms),
            batch: limits.batch,
            node_timeout: Duration::from_millis(limits.upstream_timeout_ms),
            answer_bytes: limits.upstream_bytes,
        },
    };
    let service = service_fn(move |request| {
        let gateway = Arc::clone(&gateway);
        async move { Ok::<_, Infallible>(answer(&gateway, request_limits, request).await) }
    });
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let stream = WriteLimited::new(stream, Duration::from_millis(limits.stall_timeout_ms));
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(limits.header_timeout_ms))
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        _ = async { stopping.wait_for(|stopping| *stopping).await.is_ok() } => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "connection ended");
    }
    drop(permit);
}
