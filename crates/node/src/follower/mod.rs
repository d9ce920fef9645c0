//! The follower: a process without keys and without a seat, for providers and whoever else wants the operators' reads from a
//! machine of his own.
//!
//! It takes blocks from operators' HTTP API and trusts none of them: a block counts when a quorum of its epoch's operators
//! certified it, each epoch's operators come from the blocks before, and the first are those of the network's file. It executes every block by
//! the operators' own engine and refuses what does not give the header's commitments. What it cannot check is what a
//! quorum of operators says of the chains: deposits and stakes. It is asked like an operator; what it cannot do itself it passes on to
//! one (`api::relay`).

mod endpoints;
mod fetch;

pub use endpoints::Endpoints;

use crate::api;
use crate::application::{Seams, Senders};
use crate::checkpoint::{Checkpoints, EvidenceStore};
use crate::config::{FollowerConfig, NetworkFile};
use crate::engine::{self, Committees, Supply};
use crate::exits::ExitStore;
use crate::feed::ChainFeed;
use crate::handovers;
use crate::hatch::{self, Hatch};
use crate::mempool::{Limits, Mempool, Work};
use crate::process::{self, Ports, Process, REMEMBERED_SENDERS, Sizes};
use crate::run::NodeError;
use crate::sink::Recorder;
use commonware_consensus::marshal::resolver::handler;
use commonware_runtime::tokio::Context;
use commonware_runtime::{Metrics as _, Runner as _, Supervisor as _};
use fetch::Fetches;
use rampart_chain::Settlement;
use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// Blocks that wait to be judged, beside those that are being fetched.
const WAITING: NonZeroUsize = NonZeroUsize::new(64).expect("it is not zero");

/// Runs a follower until `shutdown` resolves or something ends it. Blocks the calling thread.
///
/// `shutdown` is called inside the runtime, so that it may listen for signals.
///
/// # Errors
/// See [`NodeError`]. Storage faults inside the engine panic by its design, and so does a certified block whose execution gives
/// something else than its header says: run it under a supervisor.
pub fn follow<F, S>(config: FollowerConfig, shutdown: F) -> Result<(), NodeError>
where
    F: FnOnce() -> S + Send + 'static,
    S: Future<Output = ()> + Send,
{
    let network = NetworkFile::load(&config.network_file)?;
    config.l2()?;
    let retention = network.retention(config.retain_blocks)?;
    // Held until the end.
    let _lock = process::lock(&config.state_dir)?;
    let runner = sizes(&config).runner(&config.state_dir);
    runner.start(|context| async move { serve(context, config, (network, retention), shutdown()).await })
}

const fn sizes(config: &FollowerConfig) -> Sizes {
    Sizes {
        threads: config.threads,
        cache_pages: config.cache_pages,
        index_cache: config.index_cache,
    }
}

async fn serve(
    context: Context,
    config: FollowerConfig,
    (network, retention): (NetworkFile, Option<NonZeroUsize>),
    shutdown: impl Future<Output = ()>,
) -> Result<(), NodeError> {
    let operators = network.operator_set.clone();
    let domain = operators.domain;
    let poll = Duration::from_millis(config.poll_ms.max(50));
    let index = process::index(&config.state_dir, &network)?;
    let (mempool, feed) = (Mempool::new(Limits::default()), ChainFeed::default());
    let senders = Senders::new(domain, REMEMBERED_SENDERS);
    let exits = ExitStore::open(&config.state_dir.join("exits"), domain)?;
    let evidence = EvidenceStore::open(&config.state_dir.join("evidence"), &domain)?;
    let (hatch, committees) = (Hatch::default(), Committees::watching(0, &operators)?);
    let (checkpoints, _) = Checkpoints::new(
        committees.clone(),
        domain,
        network.checkpoints(),
        None,
        index.clone(),
        exits.clone(),
        evidence,
        hatch.clone(),
    )?;
    let mut tasks = JoinSet::new();
    let l2 = config.l2()?;
    if let Some(l2) = &l2 {
        let settlement = Settlement::through(l2, domain.settlement, None)?;
        tasks.spawn(hatch::watch(hatch.clone(), settlement.clone(), poll));
        tasks.spawn(checkpoints.clone().watch(settlement, config.l2_finality));
    }
    // All that can fail comes before the engine: to stop it in the middle of its start is not quiet.
    let ports = Ports::bind(config.api_listen, config.metrics_listen).await?;
    let (fatal, failed) = mpsc::channel(1);
    let recorder = Recorder {
        index: index.clone(),
        mempool: mempool.clone(),
        feed: feed.clone(),
        // Exits are kept for who can tell which of them the chain has.
        checkpoints: l2.is_some().then(|| checkpoints.clone()),
        senders: senders.clone(),
        fatal,
    };
    let seams = Seams {
        // Nothing is ever proposed or voted on, so nothing of these two is asked.
        source: Work {
            mempool: mempool.clone(),
            feed: feed.clone(),
        },
        feed: feed.clone(),
        sink: recorder,
        senders: senders.clone(),
    };
    let endpoints = Endpoints::new(&config.operators, domain);
    let (receiver, judge) = handler::init(context.child("supply"), WAITING);
    let supply = Supply {
        receiver,
        resolver: Fetches::new(endpoints.clone(), committees.clone(), judge),
        known: endpoints.known(),
    };
    let engine = engine::follow(
        context.child("engine"),
        sizes(&config).engine(&network, retention),
        committees.clone(),
        supply,
        seams,
    )
    .await?;
    tasks.spawn(endpoints.clone().watch(poll));
    let (state, chain) = (engine.state(), engine.chain());
    tasks.spawn(handovers::keep_or_tell(index.clone(), chain.clone(), domain));

    let nothing = || watch::Sender::new(None).subscribe();
    let watched = context.child("metrics");
    let engine_metrics: api::EngineMetrics = Arc::new(move || watched.encode());
    let served = api::Context {
        operators,
        operator: None,
        upstream: Some(endpoints),
        state,
        chain,
        committees,
        disk: api::Disk {
            folder: config.state_dir.clone(),
            least_free: config.min_free_mib.saturating_mul(1 << 20),
        },
        index,
        mempool,
        senders,
        checkpoints,
        exits,
        hatch,
        feed,
        accounts: api::Accounts {
            l2: nothing(),
            l1: nothing(),
        },
        gossip: mpsc::channel(1).0,
        duties: Vec::new(),
    };
    tracing::info!(api = %config.api_listen, operators = ?config.operators, "follower started");
    let process = Process {
        state_dir: config.state_dir,
        min_free_mib: config.min_free_mib,
        engine,
        tasks,
        failed,
        routers: api::routers(served, engine_metrics),
        ports,
    };
    process.serve(shutdown).await
}
