//! One operator's actors, each with its configuration.
//!
//! Decides sizes, retention and retry of every part. Their order and connections are [`super::assemble`]'s.

use super::committees::Committees;
use super::config::{EngineConfig, Timeouts};
use super::handle::EngineError;
use super::handover::{Handovers, Kept};
use super::remembered::Remembered;
use super::runtime::Runtime;
use super::scheme::{Finalization, Scheme};
use super::state_sync::{Peers, StateSource};
use crate::application::{Feed, LedgerApplication, Sink, Source};
use crate::block::{Block, BlockContext};
use crate::storage::{self, Digest, IO_BUFFER, SYNC_BATCH, SharedState, StateDb, StateOperation};
use commonware_broadcast::buffered;
use commonware_consensus::{
    CertifiableAutomaton, Relay, Reporter,
    marshal::{
        self,
        core::{Actor as Marshal, Floor as MarshalFloor, Mailbox as MarshalMailbox},
        resolver::{handler, p2p as marshal_resolver},
        standard::Standard,
    },
    simplex::{
        self,
        config::{Floor, ForwardPolicy, SkipBudget, SkipPolicy},
        elector::RoundRobin,
    },
    types::{Epoch, FixedEpocher, ViewDelta},
};
use commonware_cryptography::{Digested, Keccak256, certificate::Verifier as _, ed25519::PublicKey};
use commonware_glue::stateful::{
    Config as StatefulConfig, Mailbox as StatefulMailbox, PruneConfig, Stateful, SyncPlan,
    db::{AttachableResolver, SyncEngineConfig},
    probe::{self, Probe},
};
use commonware_p2p::{Blocker, Provider, Receiver, Sender};
use commonware_parallel::Sequential;
use commonware_runtime::{Handle, buffer::paged::CacheRef};
use commonware_storage::{archive::prunable, mmr, qmdb::sync::Source as SyncSource, translator::EightCap};
use commonware_utils::{NZU64, NZUsize, NonZeroDuration};
use std::{
    num::NonZeroUsize,
    sync::{Arc, OnceLock},
    time::Duration,
};

/// Messages that wait at one actor before the sender's policy applies.
const MAILBOX: NonZeroUsize = NZUsize!(1024);

/// Views behind the finalised one for which votes and blocks are kept for peers.
const VIEW_RETENTION: ViewDelta = ViewDelta::new(256);

/// Blocks of one peer kept by the broadcast, in case they are needed again.
const BROADCAST_CACHE: usize = 16;

/// Missing blocks fetched at a time.
const MAX_REPAIR: NonZeroUsize = NZUsize!(64);

/// Finalised blocks handed to the application before the first is acknowledged.
const MAX_PENDING_ACKS: NonZeroUsize = NZUsize!(4);

/// Pause before a failed request goes to the next peer.
const FETCH_RETRY: Duration = Duration::from_millis(100);

/// Finalised blocks between prunings, where as many are kept.
const PRUNE_INTERVAL: NonZeroUsize = NZUsize!(256);

/// How often an operator that rejoins asks for a recent certificate.
const PROBE_RETRY: Duration = Duration::from_millis(500);

pub(super) type Variant = Standard<Block>;
pub(super) type Plan<E> = SyncPlan<E, Scheme, Variant>;
pub(super) type App<I, F, K> = LedgerApplication<I, F, K>;

/// What several actors share. Those that speak to peers need a place among them besides.
pub(super) struct Common<E, W> {
    pub(super) context: E,
    pub(super) config: EngineConfig,
    pub(super) committees: Committees,
    pub(super) epocher: FixedEpocher,
    pub(super) page_cache: CacheRef,
    pub(super) handles: Vec<Handle<()>>,
    pub(super) place: W,
}

/// An operator among its peers.
pub(super) struct Place<P, B> {
    pub(super) me: PublicKey,
    pub(super) peers: P,
    pub(super) blocker: B,
    pub(super) fetch_timeout: NonZeroDuration,
}

impl<E: Runtime, W> Common<E, W> {
    fn partition(&self, name: &str) -> String {
        format!("{}-{name}", self.config.storage.prefix)
    }

    /// Tells the committees that were known before a restart, and stores those that become known.
    pub(super) async fn remember(&mut self) -> Result<(), EngineError> {
        let remembered = Remembered::open(
            self.context.child("remembered"),
            self.partition("committees"),
            self.committees.clone(),
            self.config.operators.domain,
        )
        .await?;
        let task = self.context.child("remember");
        self.handles.push(task.spawn(move |_| remembered.run()));
        Ok(())
    }

    /// Goes on where the stores are, without state sync.
    pub(super) async fn recovery(&self) -> Plan<E> {
        Plan::<E>::init(self.context.child("plan"), self.partition("sync-")).await
    }

    /// Ordered delivery of finalised blocks, over two archives.
    #[allow(
        clippy::type_complexity,
        reason = "the actor's type names everything it is generic over"
    )]
    pub(super) async fn marshal(
        &self,
        plan: &Plan<E>,
        genesis: Digested<Block>,
    ) -> Result<
        (
            Marshal<
                E,
                Variant,
                Committees,
                prunable::Archive<EightCap, E, Digest, Finalization>,
                prunable::Archive<EightCap, E, Digest, Arc<Block>>,
                FixedEpocher,
                Sequential,
            >,
            MarshalMailbox<Scheme, Variant>,
            MarshalFloor,
        ),
        EngineError,
    > {
        let storage = &self.config.storage;
        let open = |name: &'static str| move |source| EngineError::Archive { name, source };
        let certificates = prunable::Archive::init(
            self.context.child("certificates"),
            storage::archive_config(
                storage,
                "certificates",
                self.page_cache.clone(),
                Scheme::certificate_codec_config_unbounded(),
            ),
        )
        .await
        .map_err(open("certificates"))?;
        let blocks = prunable::Archive::init(
            self.context.child("blocks"),
            storage::archive_config(storage, "blocks", self.page_cache.clone(), self.config.limits),
        )
        .await
        .map_err(open("blocks"))?;
        let config = marshal::Config {
            provider: self.committees.clone(),
            epocher: self.epocher.clone(),
            start: plan.marshal_start(genesis),
            partition_prefix: self.partition("marshal"),
            mailbox_size: MAILBOX,
            view_retention: VIEW_RETENTION,
            prunable_items_per_section: storage.items_per_section,
            page_cache: self.page_cache.clone(),
            replay_buffer: IO_BUFFER,
            key_write_buffer: IO_BUFFER,
            value_write_buffer: IO_BUFFER,
            block_codec_config: self.config.limits,
            max_repair: MAX_REPAIR,
            max_pending_acks: MAX_PENDING_ACKS,
            strategy: Sequential,
        };
        Ok(Marshal::init(self.context.child("marshal"), certificates, blocks, config).await)
    }

    /// Speculative and finalised state around the ledger application.
    #[allow(
        clippy::type_complexity,
        reason = "the actor's type names everything it is generic over"
    )]
    pub(super) fn stateful<I: Source, F: Feed, K: Sink, R>(
        &self,
        application: App<I, F, K>,
        marshal: (MarshalMailbox<Scheme, Variant>, MarshalFloor),
        plan: Plan<E>,
        resolvers: R,
    ) -> (
        Stateful<E, App<I, F, K>, Variant, R, Sequential>,
        StatefulMailbox<E, App<I, F, K>>,
    )
    where
        R: SyncSource<Family = mmr::Family, Op = StateOperation, Digest = Digest>
            + AttachableResolver<StateDb<E>>,
    {
        let provider = application.source();
        Stateful::new(
            self.context.child("stateful"),
            StatefulConfig {
                application,
                db_config: storage::state_config(&self.config.storage, self.page_cache.clone()),
                provider,
                marshal,
                mailbox_size: MAILBOX,
                plan,
                resolvers,
                sync_config: SyncEngineConfig {
                    fetch_batch_size: SYNC_BATCH,
                    apply_batch_size: NZU64!(1024),
                    max_outstanding_requests: NZUsize!(8),
                },
                prune_config: self.config.storage.retain_blocks.map(|blocks| PruneConfig {
                    maintenance_interval: PRUNE_INTERVAL.min(blocks),
                    retained_marshal_blocks: blocks.get(),
                    retained_qmdb_blocks: blocks.get().min(PRUNE_INTERVAL.get()),
                }),
                strategy: Sequential,
            },
        )
    }
}

impl<E, P, B> Common<E, Place<P, B>>
where
    E: Runtime,
    P: Provider<PublicKey = PublicKey>,
    B: Blocker<PublicKey = PublicKey>,
{
    /// Serves proofs of committees to peers and asks for them.
    pub(super) fn handovers<S, R>(&mut self, channel: (S, R), kept: Kept) -> Handovers<E>
    where
        S: Sender<PublicKey = PublicKey>,
        R: Receiver<PublicKey = PublicKey>,
    {
        let (handovers, handle) = Handovers::start(
            self.context.child("handovers"),
            self.committees.clone(),
            (self.epocher.clone(), self.config.operators.domain),
            self.resolving(),
            channel,
            kept,
        );
        self.handles.push(handle);
        handovers
    }

    /// How the engine's own resolvers send requests.
    fn resolving(&self) -> Peers<P, B> {
        Peers {
            me: self.place.me.clone(),
            peers: self.place.peers.clone(),
            blocker: self.place.blocker.clone(),
            mailbox: MAILBOX,
            fetch_timeout: self.place.fetch_timeout,
            fetch_retry: FETCH_RETRY,
        }
    }

    /// Decides between state sync and recovery, and starts the probe that serves or seeks a recent certificate.
    ///
    /// Whoever syncs must know the committee of the block that it starts from. It learns all that its peers can prove, and
    /// then asks the newest one for a certificate.
    pub(super) async fn plan<S, R>(
        &mut self,
        channel: (S, R),
        handovers: &mut Handovers<E>,
    ) -> Result<(Plan<E>, probe::Mailbox<Scheme, Variant>), EngineError>
    where
        S: Sender<PublicKey = PublicKey>,
        R: Receiver<PublicKey = PublicKey>,
    {
        let mut plan = self.recovery().await;
        let syncs = plan.should_sync(self.config.state_sync);
        if syncs || plan.floor().is_some() {
            handovers.catch_up().await;
        }
        let newest = self.committees.newest().saturating_sub(1);
        let (probe, mailbox) = Probe::new(probe::Config {
            context: self.context.child("probe"),
            provider: self.committees.clone(),
            strategy: Sequential,
            mailbox_size: MAILBOX,
            blocker: self.place.blocker.clone(),
            minimum_epoch: Epoch::new(newest),
            retry_timeout: NonZeroDuration::new(PROBE_RETRY).expect("the constant is not zero"),
        });
        self.handles.push(probe.start(channel));
        if syncs {
            // Epochs go on meanwhile, and messages are lost: more may have to be learnt to judge the answers.
            let finalization = handovers.catch_up_until(mailbox.subscribe()).await;
            let finalization = finalization.map_err(|_| EngineError::Stopped)?;
            tracing::info!(round = ?finalization.round(), "fetching the state of a recent block from peers");
            plan = plan.set_floor(finalization).await;
        }
        Ok((plan, mailbox))
    }

    pub(super) fn marshal_resolver<S, R>(
        &self,
        channel: (S, R),
    ) -> (
        handler::Receiver<Digest>,
        marshal_resolver::Mailbox<Digest, PublicKey>,
    )
    where
        S: Sender<PublicKey = PublicKey>,
        R: Receiver<PublicKey = PublicKey>,
    {
        marshal_resolver::init(
            self.context.child("marshal_resolver"),
            marshal_resolver::Config {
                public_key: self.place.me.clone(),
                peer_provider: self.place.peers.clone(),
                blocker: self.place.blocker.clone(),
                mailbox_size: MAILBOX,
                fetch_timeout: self.place.fetch_timeout,
                fetch_retry_delay: FETCH_RETRY,
                priority_requests: false,
                priority_responses: false,
            },
            channel,
        )
    }

    pub(super) fn broadcast<S, R>(&mut self, channel: (S, R)) -> buffered::Mailbox<PublicKey, Block>
    where
        S: Sender<PublicKey = PublicKey>,
        R: Receiver<PublicKey = PublicKey>,
    {
        let (engine, mailbox) = buffered::Engine::new(
            self.context.child("broadcast"),
            buffered::Config {
                public_key: self.place.me.clone(),
                mailbox_size: MAILBOX,
                deque_size: BROADCAST_CACHE,
                priority: false,
                codec_config: self.config.limits,
                peer_provider: self.place.peers.clone(),
                strategy: Sequential,
            },
        );
        self.handles.push(engine.start(channel));
        mailbox
    }

    /// Serves state to peers and fetches it from them; `serving` receives the database when it is open.
    pub(super) fn state_source<S, R>(
        &mut self,
        channel: (S, R),
        serving: Arc<OnceLock<SharedState<E>>>,
    ) -> StateSource<E>
    where
        S: Sender<PublicKey = PublicKey>,
        R: Receiver<PublicKey = PublicKey>,
    {
        let context = self.context.child("state");
        let (source, handle) = StateSource::start(context, self.resolving(), serving, channel);
        self.handles.push(handle);
        source
    }

    /// The settings of agreement that are the same in every epoch.
    pub(super) fn simplex(&self) -> Simplex<B> {
        Simplex {
            blocker: self.place.blocker.clone(),
            prefix: self.partition("simplex-"),
            page_cache: self.page_cache.clone(),
            timeouts: self.config.timeouts,
            fetch_timeout: self.place.fetch_timeout,
        }
    }
}

/// The settings of agreement that are the same in every epoch.
pub(super) struct Simplex<B> {
    blocker: B,
    prefix: String,
    page_cache: CacheRef,
    timeouts: Timeouts,
    fetch_timeout: NonZeroDuration,
}

impl<B: Blocker<PublicKey = PublicKey>> Simplex<B> {
    /// Where the operator's votes of an epoch are recorded.
    pub(super) fn partition(&self, epoch: Epoch) -> String {
        format!("{}{epoch}", self.prefix)
    }

    #[allow(
        clippy::type_complexity,
        reason = "the configuration's type names everything it is generic over"
    )]
    pub(super) fn config<D>(
        &self,
        scheme: Scheme,
        deferred: D,
        epoch: Epoch,
        floor: Floor<Scheme, Digest>,
    ) -> simplex::Config<Scheme, RoundRobin<Keccak256>, B, Digest, D, D, D, Sequential>
    where
        D: CertifiableAutomaton<Context = BlockContext, Digest = Digest>
            + Relay<Digest = Digest, PublicKey = PublicKey, Plan = simplex::Plan<PublicKey>>
            + Reporter<Activity = simplex::types::Activity<Scheme, Digest>>,
    {
        let timeouts = self.timeouts;
        simplex::Config {
            scheme,
            elector: RoundRobin::<Keccak256>::default(),
            blocker: self.blocker.clone(),
            automaton: deferred.clone(),
            relay: deferred.clone(),
            reporter: deferred,
            strategy: Sequential,
            partition: self.partition(epoch),
            mailbox_size: MAILBOX,
            epoch,
            floor,
            replay_buffer: IO_BUFFER,
            write_buffer: IO_BUFFER,
            page_cache: self.page_cache.clone(),
            leader_timeout: timeouts.leader,
            certification_timeout: timeouts.certification,
            timeout_retry: timeouts.retry,
            view_retention: VIEW_RETENTION,
            skip: SkipPolicy::Enabled {
                timeout: timeouts.skip,
                budget: SkipBudget::Participants,
            },
            fetch_timeout: self.fetch_timeout,
            fetch_retry_delay: FETCH_RETRY,
            forward: ForwardPolicy::SilentVoters,
            track_historical_votes: false,
        }
    }
}
