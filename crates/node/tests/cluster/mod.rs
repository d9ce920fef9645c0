//! Operators on a simulated network with simulated disks, driven by one seed.

pub mod byzantine;
pub mod properties;
pub mod stage;
pub mod twins;
pub mod workload;

use byzantine::Tampering;
use commonware_consensus::types::{Epoch, Height, Round, View};
use commonware_cryptography::{
    Signer as _,
    ed25519::{PrivateKey, PublicKey},
};
use commonware_glue::simulate::{
    engine::{ChannelPair, EngineDefinition, InitContext},
    processed::ProcessedHeight,
    tracker::FinalizationUpdate,
};
use commonware_p2p::{
    Receiver, Sender,
    simulated::{self, Oracle},
};
use commonware_runtime::{Handle, Quota, Spawner as _, Supervisor as _, deterministic};
use commonware_utils::{NZUsize, channel::mpsc};
use rampart_ledger::{Key, Record};
use rampart_node::{
    application::{Finalized, Pacing, Seams, Senders, Sink},
    block::BlockLimits,
    engine::{self, Chain, Channels, Committees, ENGINE_CHANNELS, Engine, EngineConfig, Network, Timeouts},
    storage::{StateReader, StorageConfig},
};
use rampart_protocol::{Address, Amount, B256, Operator as Seat, OperatorSet};
use stage::Staged;
use std::{
    collections::BTreeMap,
    num::{NonZeroU64, NonZeroUsize},
    sync::{Arc, Mutex},
    time::Duration,
};
use workload::{Conduct, Operator, Script};

type Context = deterministic::Context;

/// How the simulated operators behave.
#[derive(Clone)]
pub struct Cluster {
    keys: Vec<PrivateKey>,
    script: Arc<Script>,
    /// Blocks between two transactions being offered.
    pace: u64,
    /// The operator that runs two engines with one key.
    pub twin: Option<usize>,
    /// An operator that does not do what it should, and how.
    pub odd: Option<(usize, Conduct)>,
    /// An operator that deceives others on the wire, and how.
    pub byzantine: Option<(usize, byzantine::Conduct)>,
    /// An operator of which each step takes so long.
    pub slow: Option<(usize, Duration)>,
    /// How long each step of the others takes.
    pub step: Duration,
    /// Operators that stand still until they are killed.
    pub stalls: Vec<stage::Stall>,
    /// Blocks of an epoch.
    pub epoch_blocks: u64,
    /// Blocks that operators keep for others; all when `None`.
    pub retain_blocks: Option<usize>,
    /// Blocks that are pruned together; operators that prune finely keep proofs of committees.
    pub section: Option<NonZeroU64>,
    /// What each operator saw, over its restarts, as an index on its disk would.
    operators: Arc<Mutex<BTreeMap<(usize, bool), Operator>>>,
    /// The step that each operator is in.
    places: Arc<Mutex<BTreeMap<usize, stage::Place>>>,
    /// The steps that operators were in when they were killed.
    killed_in: Arc<Mutex<Vec<stage::Step>>>,
    tampering: Arc<Mutex<Option<Tampering>>>,
}

impl Cluster {
    /// Four operators.
    pub fn new(script: Arc<Script>) -> Self {
        Self::with(Self::sorted_keys(4), script)
    }

    /// So many consensus keys, in the order of the operators that have them.
    pub fn sorted_keys(count: u64) -> Vec<PrivateKey> {
        let mut keys: Vec<PrivateKey> = (1..=count).map(PrivateKey::from_seed).collect();
        keys.sort_by_key(PrivateKey::public_key);
        keys
    }

    /// Operators with these keys; the first four have seats at genesis.
    pub fn with(keys: Vec<PrivateKey>, script: Arc<Script>) -> Self {
        Self {
            keys,
            script,
            pace: 1,
            twin: None,
            odd: None,
            byzantine: None,
            slow: None,
            step: Duration::ZERO,
            stalls: Vec::new(),
            epoch_blocks: 1_000,
            retain_blocks: None,
            section: None,
            operators: Arc::default(),
            places: Arc::default(),
            killed_in: Arc::default(),
            tampering: Arc::default(),
        }
    }

    /// The steps that operators were in when they were killed, as far as they were started again.
    pub fn killed_in(&self) -> Vec<stage::Step> {
        self.killed_in.lock().unwrap().clone()
    }

    /// Blocks that an operator replaced by false ones.
    pub fn false_blocks(&self) -> usize {
        let tampering = self.tampering.lock().unwrap();
        tampering.as_ref().map_or(0, Tampering::replaced)
    }

    fn stalls_of(&self, index: usize) -> Vec<stage::Stall> {
        let stalls = self.stalls.iter().filter(|stall| stall.operator == index);
        stalls.copied().collect()
    }

    /// The place of an operator that starts; if it was there before, it was killed where it stood.
    fn place(&self, index: usize) -> stage::Place {
        let mut places = self.places.lock().unwrap();
        if let Some(place) = places.get(&index) {
            let place = place.lock().unwrap();
            let mut killed_in = self.killed_in.lock().unwrap();
            match place.is_empty() {
                true => killed_in.push(stage::Step::Engine),
                false => killed_in.extend(place.iter()),
            }
        }
        places.entry(index).or_default().clone()
    }

    pub fn key(&self, index: usize) -> PublicKey {
        self.keys[index].public_key()
    }

    /// What an operator saw become final.
    pub fn operator(&self, index: usize) -> Operator {
        self.operators.lock().unwrap()[&(index, false)].clone()
    }

    /// What the script deposits in all.
    pub fn deposited(&self) -> Amount {
        Amount(Amount::TOKEN.0 * workload::DEPOSIT * self.script.deposits.len() as u128)
    }

    /// On how many parents the two engines of an operator proposed different blocks.
    pub fn doubled(&self, index: usize) -> usize {
        let operators = self.operators.lock().unwrap();
        let proposed = |twin| operators[&(index, twin)].seen(|seen| seen.proposed.clone());
        let (one, two) = (proposed(false), proposed(true));
        one.iter()
            .filter(|(parent, list)| two.get(*parent).is_some_and(|other| other != *list))
            .count()
    }

    fn operator_or_new(&self, index: usize, twin: bool) -> Operator {
        let mut operators = self.operators.lock().unwrap();
        let conduct = match self.odd {
            _ if twin => Conduct::Withholds,
            Some((odd, conduct)) if odd == index => conduct,
            _ => Conduct::Honest,
        };
        let new = || Operator::new(self.script.clone(), self.pace, conduct);
        operators.entry((index, twin)).or_insert_with(new).clone()
    }

    /// The committee of genesis.
    pub fn operators(&self) -> OperatorSet {
        let seats = self.keys.iter().take(4).zip(1u8..).map(|(key, n)| Seat {
            public_key: B256::from_slice(key.public_key().as_ref()),
            checkpoint_key: Address::repeat_byte(n),
            weight: 1,
        });
        OperatorSet {
            domain: workload::domain(),
            operators: seats.collect(),
        }
    }

    fn config(&self, prefix: String, state_sync: bool) -> EngineConfig {
        let sizes = StorageConfig::new(prefix);
        EngineConfig {
            operators: self.operators(),
            genesis_timestamp_ms: 0,
            params: workload::params(),
            genesis_operators: workload::operators(&self.operators()),
            epoch_blocks: self.epoch_blocks,
            limits: BlockLimits { max_bytes: 64 * 1024 },
            pacing: Pacing::default(),
            timeouts: Timeouts::default(),
            storage: StorageConfig {
                cache_pages: NZUsize!(64),
                index_cache: NZUsize!(1024),
                retain_blocks: self.retain_blocks.and_then(NonZeroUsize::new),
                items_per_section: self.section.unwrap_or(sizes.items_per_section),
                ..sizes
            },
            state_sync,
        }
    }
}

/// Where one operator's engine runs.
struct Place<'a> {
    index: usize,
    key: &'a PublicKey,
    oracle: &'a Oracle<PublicKey, Context>,
    monitor: mpsc::UnboundedSender<FinalizationUpdate<PublicKey>>,
}

impl Cluster {
    async fn run<S, R>(
        &self,
        context: Context,
        config: EngineConfig,
        place: &Place<'_>,
        channels: Channels<S, R>,
        operator: &Operator,
    ) -> Engine<Context>
    where
        S: Sender<PublicKey = PublicKey>,
        R: Receiver<PublicKey = PublicKey>,
    {
        let key = self
            .keys
            .iter()
            .find(|key| key.public_key() == *place.key)
            .expect("a key of the cluster");
        let committees = Committees::new(key.clone(), 0, &config.operators).unwrap();
        let network = Network {
            channels,
            peers: place.oracle.manager(),
            blocker: place.oracle.control(place.key.clone()),
        };
        let sink = Monitored {
            operator: operator.clone(),
            key: place.key.clone(),
            monitor: place.monitor.clone(),
        };
        let each = match self.slow {
            Some((slow, each)) if slow == place.index => each,
            _ => self.step,
        };
        let staged = Staged::new(
            context.child("stage"),
            operator.clone(),
            sink,
            self.place(place.index),
            each,
            self.stalls_of(place.index),
        );
        let seams = Seams {
            source: staged.clone(),
            feed: staged.clone(),
            sink: staged,
            senders: Senders::new(workload::domain(), 1024),
        };
        let proofs = self.section.map(|_| context.child("proofs"));
        let engine = engine::start(context, config, committees, network, seams)
            .await
            .unwrap();
        if let Some(proofs) = proofs {
            let keeping = operator.clone().keep_proofs(engine.chain());
            proofs.spawn(move |_| keeping);
        }
        engine
    }
}

impl Cluster {
    /// Channels of an operator that deceives. It remembers over its restarts how.
    fn tampered(
        &self,
        index: usize,
        conduct: byzantine::Conduct,
        config: &EngineConfig,
        channels: [ChannelPair<PublicKey>; 8],
    ) -> [(byzantine::Tampered, simulated::Receiver<PublicKey>); 8] {
        let mut tampering = self.tampering.lock().unwrap();
        let new = || {
            let (namespace, keys) = (
                config.operators.consensus_namespace(),
                engine::participants(&config.operators).unwrap(),
            );
            let scheme = engine::Scheme::signer(&namespace, keys, self.keys[index].clone()).unwrap();
            Tampering::new(conduct, scheme, config.limits)
        };
        tampering.get_or_insert_with(new).before(channels)
    }
}

/// The engine's handle, and what properties look at.
fn joined(engine: Engine<Context>, operator: Operator, honest: bool) -> (Handle<()>, State) {
    let state = State {
        chain: engine.chain(),
        committees: engine.committees(),
        state: engine.state(),
        operator,
        honest,
    };
    (engine.into_handle(), state)
}

/// Reports finalisations to the harness on the way to the operator's own sink.
#[derive(Clone)]
pub struct Monitored {
    operator: Operator,
    key: PublicKey,
    monitor: mpsc::UnboundedSender<FinalizationUpdate<PublicKey>>,
}

impl Sink for Monitored {
    async fn finalized(&self, block: Finalized) {
        let header = block.block.header();
        let update = FinalizationUpdate {
            pk: self.key.clone(),
            round: Round::new(Epoch::new(header.epoch), View::new(header.view)),
            height: Height::new(header.height),
            block_digest: block.digest.to_vec(),
        };
        // The harness closes its end when the run is over.
        let _ = self.monitor.send(update);
        self.operator.finalized(block).await;
    }
}

/// One running operator, as properties see it.
pub struct State {
    pub chain: Chain,
    pub committees: Committees,
    pub state: StateReader<Context>,
    pub operator: Operator,
    pub honest: bool,
}

impl State {
    /// The state root of a finalised block that this operator executed.
    pub fn root(&self, height: u64) -> Option<B256> {
        self.operator
            .seen(|seen| seen.headers.get(&height).map(|header| header.state_root))
    }

    /// A record that the running database holds.
    pub async fn record(&self, key: &Key) -> Option<Record> {
        self.state.get(key).await.unwrap()
    }
}

impl ProcessedHeight for State {
    async fn processed_height(&self) -> u64 {
        self.chain.tip().height
    }
}

impl EngineDefinition for Cluster {
    type PublicKey = PublicKey;
    type Engine = Handle<()>;
    type State = State;

    fn participants(&self) -> Vec<PublicKey> {
        self.keys.iter().map(PrivateKey::public_key).collect()
    }

    fn channels(&self) -> Vec<(u64, Quota)> {
        ENGINE_CHANNELS.to_vec()
    }

    fn max_message_size(&self) -> u32 {
        engine::max_message_size(&BlockLimits { max_bytes: 64 * 1024 })
    }

    async fn init(&self, init: InitContext<'_, PublicKey>) -> (Handle<()>, State) {
        let InitContext {
            context,
            index,
            delayed,
            public_key,
            oracle,
            channels,
            participants,
            monitor,
        } = init;
        let channels: [ChannelPair<PublicKey>; 8] = channels.try_into().expect("one pair for each channel");
        let place = Place {
            index,
            key: public_key,
            oracle,
            monitor,
        };
        let operator = self.operator_or_new(index, false);
        if let Some((_, conduct)) = self.byzantine.filter(|(byzantine, _)| *byzantine == index) {
            let config = self.config(format!("operator-{index}"), delayed);
            let channels = self.tampered(index, conduct, &config, channels);
            let running = self.run(context, config, &place, channels.into(), &operator);
            return joined(Box::pin(running).await, operator, false);
        }
        if self.twin != Some(index) {
            let config = self.config(format!("operator-{index}"), delayed);
            return joined(
                self.run(context, config, &place, channels.into(), &operator)
                    .await,
                operator,
                true,
            );
        }
        let others: Vec<PublicKey> = participants
            .iter()
            .filter(|key| *key != public_key)
            .cloned()
            .collect();
        let (first, second) = twins::split(&context, &others, &twins::forwarder(&others), channels);
        let (one, two) = (context.child("one"), context.child("two"));
        let first = self
            .run(
                one,
                self.config("twin-one".into(), false),
                &place,
                first.into(),
                &operator,
            )
            .await;
        let other = self.operator_or_new(index, true);
        let second = self
            .run(
                two,
                self.config("twin-two".into(), false),
                &place,
                second.into(),
                &other,
            )
            .await;
        let (first, state) = joined(first, operator, false);
        let second = second.into_handle();
        let both = context.spawn(move |_| async move {
            let _ = futures::join!(first, second);
        });
        (both, state)
    }

    fn start(engine: Handle<()>) -> Handle<()> {
        engine
    }
}
