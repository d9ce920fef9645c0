//! The operator process: everything wired together over Tokio, until told to stop.

use crate::api;
use crate::application::{Seams, Senders};
use crate::backup;
use crate::block::BlockLimits;
use crate::checkpoint::{Accusation, Checkpoints, EvidenceError, EvidenceStore, Submission};
use crate::config::{ConfigError, NetworkFile, NodeConfig};
use crate::engine::network::{self, Connected, NetworkConfig, connect};
use crate::engine::{self, Committees, Engine, EngineConfig, EngineError, Network, Runtime, SchemeError};
use crate::exits::{ExitError, ExitStore};
use crate::feed::{self, ChainFeed, MarkFile};
use crate::gossip;
use crate::handovers;
use crate::hatch::{self, Hatch};
use crate::index::IndexError;
use crate::keys::{KeyError, Keys};
use crate::mempool::{Limits, Mempool, Work};
use crate::monitor::{self, DutiesConfig, DutyError};
use crate::process::{self, Ports, Process, REMEMBERED_SENDERS, Sizes};
use crate::sink::{FatalError, Recorder};
use crate::storage::StateReader;
use alloy::signers::local::PrivateKeySigner;
use commonware_codec::DecodeExt as _;
use commonware_cryptography::Signer as _;
use commonware_cryptography::ed25519::{PrivateKey, PublicKey};
use commonware_runtime::tokio::Context;
use commonware_runtime::{Metrics as _, Runner as _, Supervisor as _};
use rampart_chain::{ChainError, Endpoints, Outgoing, Sequence, Settlement, Target, Watcher};
use rampart_ledger::{Key, Record};
use rampart_protocol::B256;
use rampart_protocol::observation::Source;
use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// Transactions that wait to be passed on to other operators.
const GOSSIP_QUEUE: usize = 4096;

/// Time between two looks at evidence of equivocation: a turn is five, two blocks of the L1.
const ACCUSE_TICK: Duration = Duration::from_secs(5);
/// Time for which the L1 must say that an equivocation was punished: somewhat more than its finality takes.
const ACCUSE_SETTLED: Duration = Duration::from_secs(1_200);

/// Why the operator does not run.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Another operator runs on the same state.
    #[error("another process uses the state directory {path}")]
    Busy {
        /// The directory.
        path: PathBuf,
    },
    /// The votes of this key were lost, so it could contradict them.
    #[error(
        "the consensus key {0} belongs to a state that was lost, and could vote twice: start with another, once it is \
         registered (rampart operator rotate-keys)"
    )]
    Retired(B256),
    /// The operator's keys cannot be had.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The checkpoint key is not this operator's.
    #[error("the checkpoint key {actual} is not that of the operator set, {expected}")]
    CheckpointKey {
        /// In the keystore.
        actual: rampart_protocol::Address,
        /// In the operator set.
        expected: rampart_protocol::Address,
    },
    /// The operator set cannot be used.
    #[error(transparent)]
    Scheme(#[from] SchemeError),
    /// The engine cannot start.
    #[error("the consensus engine cannot start: {0}")]
    Engine(#[from] EngineError),
    /// The index cannot be opened.
    #[error("the index cannot be opened: {0}")]
    Index(#[from] IndexError),
    /// The folder of exits cannot be opened.
    #[error("the exits cannot be kept: {0}")]
    Exits(#[from] ExitError),
    /// The folder of evidence cannot be opened.
    #[error("evidence of equivocation cannot be kept: {0}")]
    Evidence(#[from] EvidenceError),
    /// The chain's RPC cannot be used.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The duties cannot be begun.
    #[error("the operator's duties cannot be begun")]
    Duties(#[from] DutyError),
    /// The API's address cannot be had.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// There is no room left. Nothing is lost: what was written is whole.
    #[error(
        "stopped: {free_mib} MiB are free where {path} is, and {least_mib} are needed; make room and start again"
    )]
    DiskFull {
        /// The state directory.
        path: PathBuf,
        /// What is free.
        free_mib: u64,
        /// What the configuration asks for.
        least_mib: u64,
    },
    /// Something failed that cannot be survived.
    #[error("stopped: {0}")]
    Fatal(#[from] FatalError),
    /// Consensus ended by itself.
    #[error("the consensus engine ended")]
    Ended,
    /// The chain feed, the gossip or the checkpoints ended by themselves.
    #[error("a background task ended")]
    Task,
}

/// What the files of a configuration hold.
struct Loaded {
    config: NodeConfig,
    network: NetworkFile,
    key: PrivateKey,
    signer: PrivateKeySigner,
    /// The account of the duties, when any are done.
    account: Option<PrivateKeySigner>,
    /// How many final blocks are kept.
    retention: Option<NonZeroUsize>,
}

impl Loaded {
    const fn sizes(&self) -> Sizes {
        Sizes {
            threads: self.config.threads,
            cache_pages: self.config.cache_pages,
            index_cache: self.config.index_cache,
        }
    }

    fn new(config: NodeConfig, keys: Keys) -> Result<Self, NodeError> {
        let network = NetworkFile::load(&config.network_file)?;
        config.restaking(&network)?;
        config.l2()?;
        let retention = config.retention(&network)?;
        let public = keys.consensus_key();
        let Keys {
            consensus: key,
            checkpoint: signer,
        } = keys;
        let mut operators = network.operator_set.operators.iter();
        // Whoever is not of the first committee may be of a later one, with keys that the L1 tells.
        if let Some(operator) = operators.find(|operator| operator.public_key == public)
            && operator.checkpoint_key != signer.address()
        {
            return Err(NodeError::CheckpointKey {
                actual: signer.address(),
                expected: operator.checkpoint_key,
            });
        }
        let account = monitor::account(&config, &signer)?;
        Ok(Self {
            config,
            network,
            key,
            signer,
            account,
            retention,
        })
    }
}

fn key_bytes(key: &PublicKey) -> B256 {
    B256::from_slice(key.as_ref())
}

/// Runs an operator until `shutdown` resolves or something ends it. Blocks the calling thread.
///
/// `shutdown` is called inside the runtime, so that it may listen for signals.
///
/// # Errors
/// See [`NodeError`]. Storage faults inside the engine panic by its design: run it under a supervisor.
pub fn run<F, S>(config: NodeConfig, keys: Keys, shutdown: F) -> Result<(), NodeError>
where
    F: FnOnce() -> S + Send + 'static,
    S: Future<Output = ()> + Send,
{
    let loaded = Loaded::new(config, keys)?;
    // Held until the end.
    let _lock = process::lock(&loaded.config.state_dir)?;
    refuse_retired(&loaded.config.state_dir, key_bytes(&loaded.key.public_key()))?;
    let runner = loaded.sizes().runner(&loaded.config.state_dir);
    runner.start(|context| async move { serve(context, loaded, shutdown()).await })
}

/// A key whose votes were lost with another state must not vote on this one.
fn refuse_retired(state_dir: &Path, key: B256) -> Result<(), NodeError> {
    let unusable = |source| ConfigError::Read {
        path: state_dir.to_owned(),
        source,
    };
    if backup::is_retired(state_dir, key).map_err(unusable)? {
        return Err(NodeError::Retired(key));
    }
    Ok(())
}

async fn serve(
    context: Context,
    loaded: Loaded,
    shutdown: impl Future<Output = ()>,
) -> Result<(), NodeError> {
    let sizes = loaded.sizes();
    let Loaded {
        config,
        network,
        key,
        signer,
        account,
        retention,
    } = loaded;
    let operators = network.operator_set.clone();
    let domain = operators.domain;
    let limits = BlockLimits::default();
    let index = process::index(&config.state_dir, &network)?;
    let (mempool, feed) = (Mempool::new(Limits::default()), ChainFeed::default());
    let senders = Senders::new(domain, REMEMBERED_SENDERS);
    let exits = ExitStore::open(&config.state_dir.join("exits"), domain)?;
    let evidence = EvidenceStore::open(&config.state_dir.join("evidence"), &domain)?;
    let hatch = Hatch::default();
    let committees = Committees::new(key.clone(), 0, &operators)?;
    let (checkpoints, due) = Checkpoints::new(
        committees.clone(),
        domain,
        network.checkpoints(),
        Some(signer.clone()),
        index.clone(),
        exits.clone(),
        evidence,
        hatch.clone(),
    )?;
    let (fatal, failed) = mpsc::channel(1);

    let l2 = config.l2()?;
    let settlement = Settlement::through(&l2, domain.settlement, None)?;
    let (l2_account, l1_account) = (watch::Sender::new(None), watch::Sender::new(None));
    let accounts = api::Accounts {
        l2: l2_account.subscribe(),
        l1: l1_account.subscribe(),
    };
    let submission = Submission {
        settlement: settlement.clone(),
        finality: config.l2_finality,
        outgoing: Outgoing::new(
            &l2,
            domain.chain_id,
            signer.clone(),
            config.fee_rules(config.l2_max_fee_gwei),
            &config.state_dir.join("outgoing-l2.json"),
        )?,
        status: l2_account,
    };
    let poll = Duration::from_millis(config.poll_ms.max(50));
    let mut tasks = JoinSet::new();
    let inbox = Target {
        sequence: Sequence::Inbox,
        contract: domain.settlement,
        chain_id: domain.chain_id,
        deployed_at: network.settlement_deployed_at,
        finality: config.l2_finality,
    };
    tasks.spawn(watch(&config, &l2, inbox, feed.clone())?);
    if let Some((l1, restaking)) = config.restaking(&network)? {
        let outbox = Target {
            sequence: Sequence::Outbox(restaking.registry()),
            contract: restaking.outbox,
            chain_id: restaking.chain_id,
            deployed_at: restaking.deployed_at,
            finality: config.l1_finality,
        };
        tasks.spawn(watch(&config, &l1, outbox, feed.clone())?);
        let outgoing = Outgoing::new(
            &l1,
            restaking.chain_id,
            signer,
            config.fee_rules(config.l1_max_fee_gwei),
            &config.state_dir.join("outgoing-l1.json"),
        )?;
        tasks.spawn(checkpoints.clone().accuse(Accusation {
            service_manager: restaking.service_manager,
            outgoing,
            status: l1_account,
            tick: ACCUSE_TICK,
            settled_after: ACCUSE_SETTLED,
        }));
    }
    tasks.spawn(hatch::watch(hatch.clone(), settlement.clone(), poll));
    tasks.spawn(freeze_with(hatch.watch(), mempool.clone()));

    // All that can fail comes before the engine: to stop it in the middle of its start is not quiet.
    let duties = match account {
        Some(account) => Some((
            account,
            monitor::Means::new(&config, process::deployment(&network))?,
        )),
        None => None,
    };
    let ports = Ports::bind(config.api_listen, config.metrics_listen).await?;
    let Connected {
        channels,
        mempool: gossip_channel,
        checkpoints: signatures,
        oracle,
        ..
    } = connect(
        context.child("network"),
        key.clone(),
        &domain,
        &limits,
        &network_config(&config, &network, &key.public_key())?,
    );
    tasks.spawn(network::follow(committees.clone(), oracle.clone()));
    let recorder = Recorder {
        index: index.clone(),
        mempool: mempool.clone(),
        feed: feed.clone(),
        checkpoints: Some(checkpoints.clone()),
        senders: senders.clone(),
        fatal,
    };
    let work = Work {
        mempool: mempool.clone(),
        feed: feed.clone(),
    };
    let seams = Seams {
        source: work,
        feed: feed.clone(),
        sink: recorder,
        senders: senders.clone(),
    };
    let place = Network {
        channels,
        peers: oracle.clone(),
        blocker: oracle,
    };
    let engine: Engine<Context> = engine::start(
        context.child("engine"),
        EngineConfig {
            state_sync: config.state_sync,
            ..sizes.engine(&network, retention)
        },
        committees.clone(),
        place,
        seams,
    )
    .await?;

    let (gossip, outgoing) = mpsc::channel(GOSSIP_QUEUE);
    let (state, chain) = (engine.state(), engine.chain());
    tasks.spawn(handovers::keep_or_tell(index.clone(), chain.clone(), domain));
    tasks.spawn(catch_up(state.clone(), feed.clone()));
    tasks.spawn(gossip::run(
        outgoing,
        gossip_channel,
        state.clone(),
        mempool.clone(),
        senders.clone(),
    ));
    tasks.spawn(checkpoints.clone().run(due, signatures, submission));
    if let Some((account, means)) = duties {
        let tools = monitor::Tools {
            state: state.clone(),
            chain: chain.clone(),
            index: index.clone(),
            mempool: mempool.clone(),
            senders: senders.clone(),
            gossip: gossip.clone(),
        };
        let duties = monitor::Duties::new(&config, account, means, tools);
        tasks.spawn(async move { match duties.run().await {} });
    }

    let operator = key_bytes(&key.public_key());
    let watched = context.child("metrics");
    let engine_metrics: api::EngineMetrics = Arc::new(move || watched.encode());
    let least_free = config.min_free_mib.saturating_mul(1 << 20);
    let served = api::Context {
        operators,
        operator: Some(operator),
        upstream: None,
        state,
        chain,
        committees,
        disk: api::Disk {
            folder: config.state_dir.clone(),
            least_free,
        },
        index,
        mempool,
        senders,
        checkpoints,
        exits,
        hatch,
        feed,
        accounts,
        gossip,
        duties: config
            .duties
            .as_ref()
            .map(DutiesConfig::names)
            .unwrap_or_default(),
    };
    tracing::info!(%operator, api = %config.api_listen, peers = %config.listen, "operator started");
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

/// The task that reads one contract's sequence, from where it was left.
fn watch(
    config: &NodeConfig,
    endpoints: &Endpoints,
    target: Target,
    feed: ChainFeed,
) -> Result<impl Future<Output = ()> + use<>, NodeError> {
    let folder = config.state_dir.join("feed");
    let file =
        MarkFile::open(&folder, &target).map_err(|source| ConfigError::Read { path: folder, source })?;
    let watcher = Watcher::new(endpoints, target, file.load())?;
    let poll = Duration::from_millis(config.poll_ms.max(50));
    Ok(feed::poll(feed, watcher, file, poll))
}

/// Has the mempool take and offer nothing while the settlement is frozen.
async fn freeze_with(mut hatch: watch::Receiver<hatch::Seen>, mempool: Mempool) {
    loop {
        let frozen = hatch.borrow_and_update().frozen;
        if mempool.is_frozen() != frozen {
            mempool.freeze(frozen);
        }
        if hatch.changed().await.is_err() {
            return;
        }
    }
}

/// Tells the feed what the ledger had consumed before this start, as soon as the state can be read. What is read again
/// would count as waiting until then.
async fn catch_up<E: Runtime>(state: StateReader<E>, feed: ChainFeed) {
    loop {
        if let Ok(Some(Record::Globals(globals))) = state.get(&Key::globals()).await {
            feed.consumed(Source::Inbox, globals.inbox_count);
            feed.consumed(Source::Restaking, globals.restaking_count);
            return std::future::pending().await;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn network_config(
    config: &NodeConfig,
    network: &NetworkFile,
    me: &PublicKey,
) -> Result<NetworkConfig, NodeError> {
    let mut bootstrappers = BTreeMap::new();
    for (key, address) in network.addresses.iter().chain(&config.bootstrappers) {
        let key = PublicKey::decode(key.to_vec()).map_err(|_| SchemeError::Key(*key))?;
        bootstrappers.insert(key, *address);
    }
    let reachable_at = config.reachable_at.or_else(|| bootstrappers.get(me).copied());
    Ok(NetworkConfig {
        listen: config.listen,
        reachable_at: reachable_at.unwrap_or(config.listen),
        bootstrappers,
        allow_private_addresses: config.allow_private_addresses,
    })
}
