//! A sidecar from configuration to shutdown.

use crate::claim::TokenPolicy;
use crate::config::{Config, ConfigError};
use crate::confirmations::Confirmations;
use crate::counters::Counters;
use crate::meter::journal::Failure;
use crate::meter::{MeterError, MeterOptions, MeterStore};
use crate::offer::Offers;
use crate::rate::Rates;
use crate::reply::Reply;
use crate::routes::Routes;
use crate::shared::{Clock, Core, system_clock};
use crate::upstream::Upstream;
use crate::verifier::Verifier;
use crate::{admin, proxy, server};
use hyper::Request;
use hyper::body::Incoming;
use rampart_client::FollowedOperators;
use rampart_protocol::Seconds;
use rampart_protocol::mac::AgreementSecret;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Connections at once on the admin port.
const ADMIN_CONNECTIONS: usize = 16;

/// The sidecar cannot run.
#[derive(Debug, thiserror::Error)]
pub enum SidecarError {
    /// Its configuration is unusable.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Its meter cannot be read or written.
    #[error("the meter failed")]
    Meter(#[from] MeterError),
    /// A port cannot be had.
    #[error("cannot listen on {address}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A port stopped serving by itself.
    #[error("a port stopped serving")]
    Port(#[source] tokio::task::JoinError),
}

/// A sidecar whose ports are bound and whose meter is open.
pub struct Sidecar {
    core: Arc<Core>,
    public: TcpListener,
    admin: TcpListener,
    public_address: SocketAddr,
    admin_address: SocketAddr,
    failure: Failure,
}

impl Sidecar {
    /// Checks the configuration, opens the meter and binds both ports.
    ///
    /// # Errors
    /// See [`SidecarError`].
    pub async fn bind(config: Config, clock: Clock) -> Result<Self, SidecarError> {
        config.validate()?;
        let operators = config.operator_set()?;
        let progress = Some(config.state_dir.join("operators.json"));
        let followed = FollowedOperators::new(&operators, config.nodes.clone(), progress)
            .map_err(ConfigError::Operators)?;
        let routes = Arc::new(Routes::new(&config.services)?);
        let (store, failure) = MeterStore::open(
            &config.state_dir,
            MeterOptions {
                compact_bytes: config.limits.meter_compact_bytes,
                retain_seconds: config.retain_seconds,
            },
        )?;
        let (public, public_address) = listen(config.listen).await?;
        let (admin, admin_address) = listen(config.admin_listen).await?;
        let counters = Arc::new(Counters::default());
        let core = Core {
            provider: config.provider,
            authority: config
                .authority
                .clone()
                .unwrap_or_else(|| public_address.to_string()),
            clock,
            policy: TokenPolicy {
                skew: Seconds(config.clock_skew_seconds),
                lifetime: Seconds(config.max_signature_lifetime_seconds),
            },
            limits: config.limits,
            upstreams: routes
                .iter()
                .map(|route| Upstream::new(route.address.clone(), &config.limits))
                .collect(),
            confirmations: Confirmations::new(
                &config,
                followed,
                Arc::clone(&routes),
                Arc::clone(&store),
                Arc::clone(&counters),
            ),
            routes,
            store,
            verifier: Verifier::default(),
            agreement: AgreementSecret::new(rand::random()),
            offers: Offers::new(&config, operators.domain()),
            rates: Rates::new(config.limits.requests_per_second),
            counters,
        };
        Ok(Self {
            core: Arc::new(core),
            public,
            admin,
            public_address,
            admin_address,
            failure,
        })
    }

    /// Where consumers call.
    #[must_use]
    pub const fn public_address(&self) -> SocketAddr {
        self.public_address
    }

    /// Where the provider reads usage.
    #[must_use]
    pub const fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// Serves until `shutdown` resolves, then lets open requests end within the grace period.
    ///
    /// # Errors
    /// When the meter's disk fails: nothing may be served that cannot be recorded, so the process should end.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) -> Result<(), SidecarError> {
        self.serve_by(proxy::handle, shutdown).await
    }

    /// For the benchmark: as [`Self::serve`], but everybody is served and nothing counts.
    ///
    /// # Errors
    /// As [`Self::serve`].
    #[doc(hidden)]
    pub async fn serve_unmetered(self, shutdown: impl Future<Output = ()>) -> Result<(), SidecarError> {
        self.serve_by(proxy::relay, shutdown).await
    }

    /// For the benchmark: signatures are verified one by one.
    #[doc(hidden)]
    #[must_use]
    pub fn verifying_singly(mut self) -> Self {
        if let Some(core) = Arc::get_mut(&mut self.core) {
            core.verifier = Verifier::singly();
        }
        self
    }

    async fn serve_by<H, F>(self, handler: H, shutdown: impl Future<Output = ()>) -> Result<(), SidecarError>
    where
        H: Fn(Arc<Core>, Request<Incoming>) -> F + Copy + Send + Sync + 'static,
        F: Future<Output = Reply> + Send + 'static,
    {
        let (stop, stopped) = watch::channel(false);
        let limits = self.core.limits;
        let public = server::serve(
            self.public,
            Arc::clone(&self.core),
            limits.max_connections,
            handler,
            stopped.clone(),
        );
        let admin = server::serve(
            self.admin,
            Arc::clone(&self.core),
            ADMIN_CONNECTIONS,
            admin::handle,
            stopped,
        );
        let mut ports = JoinSet::new();
        ports.spawn(public);
        ports.spawn(admin);
        let outcome = tokio::select! {
            () = shutdown => Ok(()),
            failed = self.failure => Err(failed.unwrap_or(MeterError::Stopped).into()),
            never = self.core.offers.keep_fresh() => match never {},
            Some(Err(ended)) = ports.join_next() => Err(SidecarError::Port(ended)),
        };
        stop.send_replace(true);
        while ports.join_next().await.is_some() {}
        // After a failed disk this fails too, and the reason is told already.
        let closed = self.core.store.close_blocks((self.core.clock)()).await;
        outcome.and(closed.map_err(SidecarError::from))
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), SidecarError> {
    let failed = |source| SidecarError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// Runs a sidecar by the machine's clock until `shutdown` resolves.
///
/// # Errors
/// See [`SidecarError`].
pub async fn run(config: Config, shutdown: impl Future<Output = ()>) -> Result<(), SidecarError> {
    let sidecar = Sidecar::bind(config, system_clock()).await?;
    tracing::info!(
        public = %sidecar.public_address,
        admin = %sidecar.admin_address,
        authority = %sidecar.core.authority,
        "sidecar is up"
    );
    sidecar.serve(shutdown).await
}
