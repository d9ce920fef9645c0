//! The one function that wires an operator's actors together, over any runtime and network.

use super::actors::{Common, Place};
use super::channels::Channels;
use super::committees::{self, Committees};
use super::config::{EngineConfig, Timeouts};
use super::epochs::{self, Epochs};
use super::handle::{Chain, Engine, EngineError};
use super::runtime::Runtime;
use crate::application::{Feed, LedgerApplication, Seams, Sink, Source};
use crate::block::Block;
use crate::storage::{self, SharedState, StateReader};
use commonware_consensus::{Reporters, marshal::standard::Deferred};
use commonware_cryptography::{Digested, Digestible as _, ed25519::PublicKey};
use commonware_glue::stateful::db::DatabaseSet;
use commonware_macros::boxed;
use commonware_p2p::{Blocker, Provider, Receiver, Sender};
use commonware_runtime::Handle;
use commonware_utils::NonZeroDuration;
use futures::future::select_all;
use rampart_ledger::{Changeset, Key, Record};
use rampart_protocol::{Domain, Header};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often it is looked whether the state is open.
const STATE_RETRY: Duration = Duration::from_millis(50);

/// One operator's place in the network.
pub struct Network<S, R, P, B> {
    /// Its channels.
    pub channels: Channels<S, R>,
    /// Who is there.
    pub peers: P,
    /// How to refuse a peer that misbehaves.
    pub blocker: B,
}

/// Starts one operator: opens its stores, syncs or recovers its state, and votes.
///
/// Returns once every actor runs. With [`EngineConfig::state_sync`] on an empty store it returns only after `f + 1`
/// peers have named a recent certificate; the state itself then arrives in the background.
///
/// # Errors
/// When the configuration is unusable or a store cannot be opened. Storage faults after that panic.
#[boxed]
pub async fn start<E, S, R, P, B, I, F, K>(
    context: E,
    config: EngineConfig,
    committees: Committees,
    network: Network<S, R, P, B>,
    seams: Seams<I, F, K>,
) -> Result<Engine<E>, EngineError>
where
    E: Runtime,
    S: Sender<PublicKey = PublicKey>,
    R: Receiver<PublicKey = PublicKey>,
    P: Provider<PublicKey = PublicKey>,
    B: Blocker<PublicKey = PublicKey>,
    I: Source,
    F: Feed,
    K: Sink,
{
    let fetch_timeout = config.timeouts.validate()?;
    let epocher = config.epocher()?;
    let Network {
        channels,
        peers,
        blocker,
    } = network;
    let page_cache = storage::page_cache(&config.storage);
    let genesis = Genesis::new::<E>(&config)?;
    let (tip_sender, tip) = (genesis.tip.clone(), genesis.tip.subscribe());
    let mut common = Common {
        context,
        config,
        committees: committees.clone(),
        epocher: epocher.clone(),
        page_cache,
        handles: Vec::new(),
        place: Place {
            me: committees.me().ok_or(EngineError::NoKey)?,
            peers,
            blocker,
            fetch_timeout,
        },
    };

    common.remember().await?;
    let sink = seams.sink.clone();
    let kept = Arc::new(move |epoch| sink.handover(epoch));
    let mut handovers = common.handovers(channels.handovers, kept);
    let (plan, probe) = common.plan(channels.probe, &mut handovers).await?;
    let (marshal, marshal_mailbox, marshal_floor) = common.marshal(&plan, genesis.digested()).await?;
    let sync_floor = plan.floor().cloned();
    let domain = *seams.senders.domain();
    let application = LedgerApplication::new(
        &genesis.block,
        genesis.records,
        &common.config,
        seams,
        tip_sender.clone(),
        committees.clone(),
    );
    let (state, state_cell) = StateReader::pending();
    let state_source = common.state_source(channels.state, state_cell);
    let (stateful, stateful_mailbox) = common.stateful(
        application,
        (marshal_mailbox.clone(), marshal_floor),
        plan,
        state_source,
    );

    let deferred = Deferred::new(
        common.context.child("deferred"),
        stateful_mailbox.clone(),
        marshal_mailbox.clone(),
        epocher.clone(),
    );
    let buffer = common.broadcast(channels.blocks);
    let resolver = common.marshal_resolver(channels.backfill);
    let (finals, reports) = epochs::finals();
    let reporters = Reporters::from((stateful_mailbox, finals));
    common.handles.push(marshal.start(reporters, buffer, resolver));
    probe.attach(marshal_mailbox.clone());
    handovers.attach(marshal_mailbox.clone());
    if let Some((_, block)) = marshal_mailbox.get_anchor().await {
        tip_sender.send_replace(block.inner().header().clone());
    }
    common.handles.push(stateful.start());
    if sync_floor.is_none() {
        let recall = recall(
            common.context.child("clock"),
            state.clone(),
            committees.clone(),
            domain,
        );
        common.context.child("recall").spawn(move |_| recall);
    } else {
        let (state, committees, mut handovers) = (state.clone(), committees.clone(), handovers.clone());
        common.context.child("recall").spawn(move |clock| async move {
            // Epochs may begin while the state arrives.
            handovers
                .catch_up_until(recall(clock, state, committees, domain))
                .await;
        });
    }

    let (current, epoch) = watch::channel(tip.borrow().epoch);
    let epochs = Epochs {
        context: common.context.child("epochs"),
        committees: committees.clone(),
        epocher,
        marshal: marshal_mailbox.clone(),
        automaton: deferred,
        simplex: common.simplex(),
        synced: sync_floor,
        reports,
        current,
    };
    let agreement = common.context.child("agreement");
    common
        .handles
        .push(agreement.spawn(move |_| epochs.run(channels.votes, channels.certificates, channels.resolver)));

    let Common { context, handles, .. } = common;
    let handle = context.spawn(move |_| async move {
        supervise(handles).await;
        // Handovers are given as long as somebody could ask for them here.
        drop(handovers);
    });
    Ok(Engine {
        handle,
        state,
        chain: Chain {
            marshal: marshal_mailbox,
            tip,
        },
        committees,
        epoch,
    })
}

/// Tells the committees that the state knows, as soon as it can be read.
pub(super) async fn recall<E: Runtime>(
    clock: E,
    state: StateReader<E>,
    committees: Committees,
    domain: Domain,
) {
    loop {
        if let Ok(Some(Record::Globals(globals))) = state.get(&Key::globals()).await {
            let newest = globals.committee;
            let epochs = newest.saturating_sub(committees::REMEMBERED)..=newest;
            let keys: Vec<Key> = epochs.map(Key::committee).collect();
            if let Ok(records) = state.get_many(&keys).await {
                return committees.learn_from(records.iter().flatten(), &domain);
            }
        }
        clock.sleep(STATE_RETRY).await;
    }
}

/// Ends when the first actor ends, which only happens when the runtime stops or the actor failed.
pub(super) async fn supervise(handles: Vec<Handle<()>>) {
    let (result, index, _) = select_all(handles).await;
    tracing::warn!(?result, index, "a part of the engine ended");
}

/// Where a chain starts.
pub(super) struct Genesis {
    /// The block at height zero, over the empty state.
    pub(super) block: Block,
    /// The ledger's first records.
    pub(super) records: Changeset,
    /// Where the header of the last block whose state is applied is told.
    pub(super) tip: watch::Sender<Header>,
}

impl Genesis {
    pub(super) fn new<E: Runtime>(config: &EngineConfig) -> Result<Self, EngineError> {
        let records = rampart_ledger::genesis(&config.params, &config.genesis_operators)?;
        let empty = <SharedState<E> as DatabaseSet<E>>::initial_sync_targets();
        let block = Block::genesis(&config.operators, &records, config.genesis_timestamp_ms, &empty)
            .map_err(EngineError::Genesis)?;
        Ok(Self {
            tip: watch::Sender::new(block.header().clone()),
            block,
            records,
        })
    }

    pub(super) fn digested(&self) -> Digested<Block> {
        Digested::precomputed(self.block.clone(), self.block.digest())
    }
}

impl Timeouts {
    /// Checks the order that the engine insists on, and returns the fetch timeout in the engine's type.
    fn validate(&self) -> Result<NonZeroDuration, EngineError> {
        let ordered = !self.leader.is_zero()
            && self.leader < self.certification
            && self.certification < self.skip
            && !self.retry.is_zero()
            && self.retry < self.skip;
        NonZeroDuration::new(self.fetch)
            .filter(|_| ordered)
            .ok_or(EngineError::Timeouts)
    }
}
