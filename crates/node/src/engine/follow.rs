//! The engine without agreement: blocks that others made final are verified, executed and kept, and nothing is voted on.
//!
//! The same parts as an operator's but for those that speak to operators: marshal verifies certificates under the committee of
//! each epoch and orders blocks, `stateful` executes them over the same database and compares what comes out with what the
//! header says. What is missing is fetched by whatever resolver the caller has. This decides which heights are asked for: the next
//! ones, as far as the committees are known that must have certified them.

use super::actors::Common;
use super::assemble::{Genesis, recall, supervise};
use super::committees::Committees;
use super::config::EngineConfig;
use super::handle::{Chain, Engine, EngineError};
use super::runtime::Runtime;
use super::scheme::Scheme;
use super::state_sync::NoPeers;
use crate::application::{Feed, LedgerApplication, Seams, Sink, Source};
use crate::block::Block;
use crate::storage::{self, Digest, StateReader};
use commonware_consensus::marshal::{
    core::Mailbox as MarshalMailbox,
    resolver::handler::{Annotation, Key, Receiver},
    standard::Standard,
};
use commonware_consensus::types::{Epoch, Epocher as _, FixedEpocher, Height};
use commonware_cryptography::ed25519::PublicKey;
use commonware_macros::{boxed, select};
use commonware_resolver::TargetedResolver;
use commonware_utils::vec::NonEmptyVec;
use rampart_protocol::Header;
use std::time::Duration;
use tokio::sync::watch;

/// Heights asked for ahead of the last one that is executed.
const AHEAD: u64 = 64;

/// Time after which what was asked for in vain is asked for again.
const RETRY: Duration = Duration::from_secs(1);

/// How blocks come that are not here.
pub struct Supply<V> {
    /// Takes what was fetched.
    pub receiver: Receiver<Digest>,
    /// Fetches.
    pub resolver: V,
    /// The height up to which there may be something to fetch. It need not be true.
    pub known: watch::Receiver<u64>,
}

/// Starts following: opens the stores, recovers the state, and executes what is final from there on.
///
/// # Errors
/// When the configuration is unusable or a store cannot be opened. Storage faults after that panic, as does a certified block
/// whose execution does not give what its header says: then the operators run other rules than this program.
#[boxed]
pub async fn follow<E, V, I, F, K>(
    context: E,
    config: EngineConfig,
    committees: Committees,
    supply: Supply<V>,
    seams: Seams<I, F, K>,
) -> Result<Engine<E>, EngineError>
where
    E: Runtime,
    V: TargetedResolver<Key = Key<Digest>, Subscriber = Annotation, PublicKey = PublicKey>,
    I: Source,
    F: Feed,
    K: Sink,
{
    let genesis = Genesis::new::<E>(&config)?;
    let (tip_sender, tip) = (genesis.tip.clone(), genesis.tip.subscribe());
    let page_cache = storage::page_cache(&config.storage);
    let mut common = Common {
        epocher: config.epocher()?,
        context,
        config,
        committees: committees.clone(),
        page_cache,
        handles: Vec::new(),
        place: (),
    };
    common.remember().await?;
    let plan = common.recovery().await;
    let (marshal, marshal_mailbox, marshal_floor) = common.marshal(&plan, genesis.digested()).await?;
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
    let (stateful, stateful_mailbox) = common.stateful(
        application,
        (marshal_mailbox.clone(), marshal_floor),
        plan,
        NoPeers::new(state_cell),
    );
    let Supply {
        receiver,
        resolver,
        known,
    } = supply;
    let marshal = marshal.start_unbuffered(stateful_mailbox, (receiver, resolver));
    common.handles.push(marshal);
    if let Some((_, block)) = marshal_mailbox.get_anchor().await {
        tip_sender.send_replace(block.inner().header().clone());
    }
    common.handles.push(stateful.start());
    let recall = recall(
        common.context.child("clock"),
        state.clone(),
        committees.clone(),
        domain,
    );
    common.context.child("recall").spawn(move |_| recall);
    let (current, epoch) = watch::channel(tip.borrow().epoch);
    let pursuit = Pursuit {
        marshal: marshal_mailbox.clone(),
        epocher: common.epocher.clone(),
        committees: committees.clone(),
        tip: tip.clone(),
        known,
        current,
    };
    let clock = common.context.child("pursuit");
    common.handles.push(clock.spawn(move |clock| pursuit.run(clock)));

    let Common { context, handles, .. } = common;
    let handle = context.spawn(move |_| supervise(handles));
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

/// Asks for what is final and not here.
struct Pursuit {
    marshal: MarshalMailbox<Scheme, Standard<Block>>,
    epocher: FixedEpocher,
    committees: Committees,
    tip: watch::Receiver<Header>,
    known: watch::Receiver<u64>,
    /// Told of each epoch that is entered.
    current: watch::Sender<u64>,
}

impl Pursuit {
    /// Runs until the engine ends.
    async fn run<E: Runtime>(mut self, clock: E) {
        let mut asked = 0;
        loop {
            let tip = self.tip.borrow_and_update().clone();
            let known = *self.known.borrow_and_update();
            self.current
                .send_if_modified(|epoch| std::mem::replace(epoch, tip.epoch) != tip.epoch);
            asked = tip.height.max(asked);
            let end = self.end(tip.height).min(known);
            for height in asked.saturating_add(1)..=end {
                self.ask(height, tip.epoch);
            }
            asked = asked.max(end);
            select! {
                changed = self.tip.changed() => { if changed.is_err() { return } },
                changed = self.known.changed() => { if changed.is_err() { return } },
                _ = clock.sleep(RETRY) => { asked = 0 },
            }
        }
    }

    /// The last height to ask for: certificates of the epochs after the newest committee cannot be judged yet.
    fn end(&self, tip: u64) -> u64 {
        let newest = self.epocher.last(Epoch::new(self.committees.newest()));
        let last = newest.map_or(u64::MAX, Height::get);
        tip.saturating_add(AHEAD).min(last)
    }

    /// The committee's first member stands for whom to ask, which the resolver knows better.
    fn ask(&self, height: u64, epoch: u64) {
        let keys = self.committees.keys(epoch);
        if let Some(somebody) = keys.and_then(|keys| keys.iter().next().cloned()) {
            self.marshal
                .hint_finalized(Height::new(height), NonEmptyVec::new(somebody));
        }
    }
}
