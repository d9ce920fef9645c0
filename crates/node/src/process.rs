//! What every process of the node is, operator or follower: a state directory of its own, ports that are bound before anything
//! starts, and ends, one of which comes first.

use crate::api::{self, PortLimits, Routers};
use crate::backup;
use crate::block::BlockLimits;
use crate::config::{ConfigError, NetworkFile};
use crate::disk;
use crate::engine::{Engine, EngineConfig};
use crate::index::Index;
use crate::run::NodeError;
use crate::sink::FatalError;
use crate::storage::StorageConfig;
use commonware_runtime::tokio::{Config as RuntimeConfig, Context, Runner};
use rampart_protocol::{B256, keccak256};
use std::fs::File;
use std::future::Future;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Accounts recovered from signatures that are remembered.
pub(crate) const REMEMBERED_SENDERS: usize = 1 << 16;

/// What a process may take of its machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub(crate) threads: usize,
    pub(crate) cache_pages: usize,
    pub(crate) index_cache: usize,
}

impl Sizes {
    /// The runtime over a state directory.
    pub(crate) fn runner(self, state_dir: &Path) -> Runner {
        let runtime = RuntimeConfig::new()
            .with_worker_threads(self.threads.max(1))
            .with_storage_directory(state_dir.join("engine"))
            .with_tcp_nodelay(Some(true))
            .with_catch_panics(false);
        Runner::new(runtime)
    }

    /// The engine of a network, which keeps so many final blocks, or all. It executes the chain from its beginning.
    pub(crate) fn engine(self, network: &NetworkFile, retain_blocks: Option<NonZeroUsize>) -> EngineConfig {
        let at_least_one = |size: usize| NonZeroUsize::new(size).unwrap_or(NonZeroUsize::MIN);
        EngineConfig {
            operators: network.operator_set.clone(),
            params: network.params,
            genesis_operators: network.genesis_operators(),
            genesis_timestamp_ms: network.genesis_timestamp_ms,
            epoch_blocks: network.epoch_blocks,
            limits: BlockLimits::default(),
            pacing: network.pacing(),
            timeouts: network.timeouts(),
            storage: StorageConfig {
                cache_pages: at_least_one(self.cache_pages),
                index_cache: at_least_one(self.index_cache),
                retain_blocks,
                index_tasks: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
                ..StorageConfig::new("rampart")
            },
            state_sync: false,
        }
    }
}

/// Makes the state directory this process's own.
pub(crate) fn lock(state_dir: &Path) -> Result<File, NodeError> {
    let unusable = |source| ConfigError::Read {
        path: state_dir.to_owned(),
        source,
    };
    backup::lock(state_dir)
        .map_err(unusable)?
        .ok_or_else(|| NodeError::Busy {
            path: state_dir.to_owned(),
        })
}

/// What no two networks share.
pub(crate) fn deployment(network: &NetworkFile) -> B256 {
    let genesis = network.genesis_timestamp_ms.to_be_bytes();
    keccak256([network.operator_set.consensus_namespace().as_slice(), &genesis].concat())
}

/// The index of a network in a state directory.
pub(crate) fn index(state_dir: &Path, network: &NetworkFile) -> Result<Index, NodeError> {
    Ok(Index::open(&state_dir.join("index.redb"), deployment(network))?)
}

/// The ports, bound.
pub(crate) struct Ports {
    api: TcpListener,
    metrics: Option<TcpListener>,
}

impl Ports {
    pub(crate) async fn bind(api: SocketAddr, metrics: Option<SocketAddr>) -> Result<Self, NodeError> {
        Ok(Self {
            api: bind(api).await?,
            metrics: match metrics {
                Some(address) => Some(bind(address).await?),
                None => None,
            },
        })
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, NodeError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| NodeError::Listen { address, source })
}

/// A process that runs.
pub(crate) struct Process {
    pub(crate) state_dir: PathBuf,
    /// Mebibytes that must stay free there.
    pub(crate) min_free_mib: u64,
    pub(crate) engine: Engine<Context>,
    /// None of which may end.
    pub(crate) tasks: JoinSet<()>,
    pub(crate) failed: mpsc::Receiver<FatalError>,
    pub(crate) routers: Routers,
    pub(crate) ports: Ports,
}

impl Process {
    /// Serves until `shutdown` resolves, or something ends that must not.
    pub(crate) async fn serve(mut self, shutdown: impl Future<Output = ()>) -> Result<(), NodeError> {
        let Routers { public, metrics } = self.routers;
        let Ports {
            api,
            metrics: watching,
        } = self.ports;
        let least = self.min_free_mib.saturating_mul(1 << 20);
        tokio::select! {
            free = disk::until_less_than(self.state_dir.clone(), least) => Err(NodeError::DiskFull {
                path: self.state_dir,
                free_mib: free >> 20,
                least_mib: self.min_free_mib,
            }),
            () = shutdown => Ok(()),
            Some(error) = self.failed.recv() => Err(error.into()),
            _ = self.engine.into_handle() => Err(NodeError::Ended),
            // A node without one of its tasks looks alive and is not.
            _ = self.tasks.join_next() => Err(NodeError::Task),
            never = api::serve(api, public, PortLimits::default()) => match never {},
            Some(never) = async { Some(api::serve(watching?, metrics, PortLimits::for_metrics()).await) } => match never {},
        }
    }
}
