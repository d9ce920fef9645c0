//! A network of any size whose operators are offered purchases at a rate.

use super::counted::{Count, Counted};
use alloy::signers::{SignerSync as _, local::PrivateKeySigner};
use commonware_cryptography::{
    Signer as _,
    ed25519::{PrivateKey, PublicKey},
};
use commonware_glue::simulate::{
    engine::{ChannelPair, EngineDefinition, InitContext},
    exit::ExitCondition,
    plan::PlanBuilder,
    processed::ProcessedHeight,
    tracker::ProgressTracker,
};
use commonware_p2p::simulated::Link;
use commonware_runtime::{Clock as _, Handle, Quota, Supervisor as _, deterministic::Context};
use commonware_utils::{NZUsize, probability};
use rampart_ledger::{GenesisOperator, GenesisSeat, Params};
use rampart_node::application::{
    Candidates, Feed, Finalized, Pacing, Refused, Request, Seams, Senders, Sink, Source, Verdict, Verified,
};
use rampart_node::block::BlockLimits;
use rampart_node::engine::{self, Chain, Committees, ENGINE_CHANNELS, EngineConfig, Network, Timeouts};
use rampart_node::storage::StorageConfig;
use rampart_protocol::{
    AccessKey, Address, Amount, B256, Category, Domain, Handover, Message, Nonce, Observation, Operator,
    OperatorSet, Ppm, ProviderId, Seconds, ServiceId, SignedTransaction, Timestamp, message,
    observation::Deposit,
};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

const DOMAIN: Domain = Domain {
    chain_id: 59_144,
    settlement: Address::repeat_byte(0x5e),
};
const FEE: Amount = Amount(Amount::TOKEN.0 * 2);
/// Who buys.
const CONSUMERS: u8 = 50;
/// When the first purchase is offered: everything before is there by then.
const FIRST: Duration = Duration::from_secs(10);
/// How often an operator with nothing to do looks again.
const LOOK: Duration = Duration::from_millis(10);
const LIMIT: Duration = Duration::from_secs(300);

/// What is measured.
pub struct Figures {
    /// From the time at which a purchase is offered until it is final at an operator, milliseconds.
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// Sent by an operator for a purchase: blocks, votes, certificates.
    pub bytes: f64,
}

/// What happens: deposits, a shop, and purchases.
struct Script {
    deposits: Vec<Observation>,
    /// Offered from the start.
    shop: Vec<Verified>,
    /// Offered one after the other.
    purchases: Vec<Verified>,
    rate: u64,
}

impl Script {
    /// When a purchase is offered.
    fn due(&self, purchase: usize) -> Duration {
        FIRST + Duration::from_secs_f64(purchase as f64 / self.rate as f64)
    }

    fn offered(&self, now: Duration) -> &[Verified] {
        let count = now.saturating_sub(FIRST).as_secs_f64() * self.rate as f64;
        &self.purchases[..(count as usize).min(self.purchases.len())]
    }
}

/// What all operators saw.
#[derive(Default)]
struct Seen {
    /// When each purchase was final at each operator, from its offer on, milliseconds.
    latencies: Vec<f64>,
    /// Bytes sent until the first and since.
    before: Option<u64>,
}

/// The network.
#[derive(Clone)]
pub struct Scaled {
    keys: Vec<PrivateKey>,
    script: Arc<Script>,
    places: Arc<BTreeMap<B256, usize>>,
    seen: Arc<Mutex<Seen>>,
    count: Count,
}

impl Scaled {
    pub fn new(operators: usize, purchases: usize, rate: u64) -> Self {
        let mut keys: Vec<PrivateKey> = (1..=operators as u64).map(PrivateKey::from_seed).collect();
        keys.sort_by_key(PrivateKey::public_key);
        let script = script(purchases, rate);
        let places = script.purchases.iter().map(Verified::hash).zip(0..).collect();
        Self {
            keys,
            script: Arc::new(script),
            places: Arc::new(places),
            seen: Arc::default(),
            count: Count::default(),
        }
    }

    /// Runs until every operator has every purchase.
    pub fn run(self) -> Figures {
        let link = Link {
            latency: Duration::from_millis(50),
            jitter: Duration::ZERO,
            success_rate: probability!(1.0),
        };
        let all = self.keys.len() * self.script.purchases.len();
        let done = Done {
            seen: Arc::clone(&self.seen),
            all,
        };
        let plan = PlanBuilder::new(self.clone()).seed(1).timeout(LIMIT).link(link);
        plan.exit_condition(done).run().unwrap();
        let mut seen = self.seen.lock().unwrap();
        seen.latencies.sort_by(f64::total_cmp);
        let sent = self.count.load(std::sync::atomic::Ordering::Relaxed) - seen.before.unwrap();
        let part = |part: f64| seen.latencies[((all - 1) as f64 * part).round() as usize];
        Figures {
            p50_ms: part(0.5),
            p99_ms: part(0.99),
            bytes: sent as f64 / all as f64,
        }
    }

    fn operators(&self) -> OperatorSet {
        let seat = |(key, number): (&PrivateKey, u8)| Operator {
            public_key: B256::from_slice(key.public_key().as_ref()),
            checkpoint_key: Address::repeat_byte(number),
            weight: 1,
        };
        OperatorSet {
            domain: DOMAIN,
            operators: self.keys.iter().zip(1..).map(seat).collect(),
        }
    }

    fn config(&self, prefix: String) -> EngineConfig {
        let operators = self.operators();
        let genesis = |operator: &Operator| GenesisOperator {
            address: operator.checkpoint_key,
            stake: 10,
            commission: Ppm(100_000),
            seat: Some(GenesisSeat {
                consensus_key: operator.public_key,
                checkpoint_key: operator.checkpoint_key,
                weight: operator.weight,
            }),
        };
        EngineConfig {
            genesis_operators: operators.operators.iter().map(genesis).collect(),
            operators,
            genesis_timestamp_ms: 0,
            params: Params::default(),
            epoch_blocks: 100_000,
            limits: BlockLimits::default(),
            pacing: Pacing::default(),
            timeouts: Timeouts::default(),
            storage: StorageConfig {
                cache_pages: NZUsize!(64),
                index_cache: NZUsize!(1024),
                ..StorageConfig::new(prefix)
            },
            state_sync: false,
        }
    }
}

fn script(purchases: usize, rate: u64) -> Script {
    let senders = Senders::new(DOMAIN, 16);
    let wallet = |n: u8| PrivateKeySigner::from_bytes(&B256::repeat_byte(n)).unwrap();
    let sign = |signer: &PrivateKeySigner, message: Message| {
        let signature = signer.sign_hash_sync(&message.signing_hash(&DOMAIN)).unwrap();
        let transaction = SignedTransaction {
            message,
            signature: signature.as_bytes().into(),
        };
        senders.verify(transaction).unwrap()
    };
    let provider = wallet(1);
    let buyers: Vec<PrivateKeySigner> = (0..CONSUMERS).map(|n| wallet(10 + n)).collect();
    let deposit = |(account, index): (&PrivateKeySigner, u64)| {
        Observation::Deposit(Deposit {
            index,
            account: account.address(),
            amount: Amount(Amount::TOKEN.0 * 10_000),
            block_number: 100 + index,
            block_hash: B256::repeat_byte(7),
        })
    };
    let register = message::RegisterProvider {
        name: "Screening".into(),
        endpoint: "https://screening.example".into(),
        stake: Amount(Amount::TOKEN.0 * 5_000),
        nonce: Nonce(0),
    };
    let service = message::RegisterService {
        provider: ProviderId(1),
        category: Category::General,
        description: "Screens transactions".into(),
        requests: 100,
        fee: FEE,
        components: Vec::new(),
        upstream_key: AccessKey::default(),
        endpoint: String::new(),
        openapi: B256::ZERO,
        min_duration: Seconds(3_600),
        max_duration: Seconds(86_400),
        nonce: Nonce(1),
    };
    let purchase = |number: usize| {
        let buyer = &buyers[number % buyers.len()];
        let message = message::Purchase {
            consumer: buyer.address(),
            provider: ProviderId(1),
            service: ServiceId(1),
            version: 1,
            fee: FEE,
            access_key: AccessKey(B256::repeat_byte(0x11)),
            expires_at: Timestamp(7_200),
            nonce: Nonce((number / buyers.len()) as u64),
        };
        sign(buyer, message.into())
    };
    Script {
        deposits: [&provider]
            .into_iter()
            .chain(&buyers)
            .zip(0..)
            .map(deposit)
            .collect(),
        shop: vec![sign(&provider, register.into()), sign(&provider, service.into())],
        purchases: (0..purchases).map(purchase).collect(),
        rate,
    }
}

/// One operator's view.
#[derive(Clone)]
struct View {
    context: Arc<Context>,
    network: Scaled,
    applied: Arc<Mutex<BTreeSet<B256>>>,
}

impl View {
    fn now(&self) -> Duration {
        self.context.current().duration_since(UNIX_EPOCH).unwrap()
    }

    fn offered(&self, request: &Request) -> Candidates {
        let script = &self.network.script;
        let applied = self.applied.lock().unwrap();
        let transactions = script.shop.iter().chain(script.offered(self.now()));
        let open = |tx: &&Verified| !applied.contains(&tx.hash()) && !request.in_flight.contains(&tx.hash());
        let next = usize::try_from(request.parent.inbox_count).unwrap();
        Candidates {
            observations: script.deposits.iter().skip(next).cloned().collect(),
            transactions: transactions.filter(open).cloned().collect(),
        }
    }
}

impl Source for View {
    async fn ready(&self, request: &Request) {
        loop {
            let Candidates {
                observations,
                transactions,
            } = self.offered(request);
            if !observations.is_empty() || !transactions.is_empty() {
                return;
            }
            self.context.sleep(LOOK).await;
        }
    }

    async fn candidates(&self, request: &Request) -> Candidates {
        self.offered(request)
    }

    async fn refused(&self, _: Vec<Refused>) {}
}

impl Feed for View {
    async fn check(&self, _: &Observation) -> Verdict {
        Verdict::Confirmed
    }
}

impl Sink for View {
    fn handover(&self, _: u64) -> Option<Handover> {
        None
    }

    async fn finalized(&self, block: Finalized) {
        let now = self.now();
        let sent = self.network.count.load(std::sync::atomic::Ordering::Relaxed);
        let mut applied = self.applied.lock().unwrap();
        let mut seen = self.network.seen.lock().unwrap();
        if now >= FIRST {
            seen.before.get_or_insert(sent);
        }
        for transaction in &block.block.body().transactions {
            let hash = transaction.hash();
            applied.insert(hash);
            if let Some(place) = self.network.places.get(&hash) {
                let offered = self.network.script.due(*place);
                seen.latencies.push((now - offered).as_secs_f64() * 1e3);
            }
        }
    }
}

/// One running operator.
pub struct State(Chain);

impl ProcessedHeight for State {
    async fn processed_height(&self) -> u64 {
        self.0.tip().height
    }
}

/// Every operator has every purchase.
#[derive(Clone)]
struct Done {
    seen: Arc<Mutex<Seen>>,
    all: usize,
}

impl ExitCondition<PublicKey, State> for Done {
    fn name(&self) -> &str {
        "every purchase everywhere"
    }

    fn requires_polling(&self) -> bool {
        true
    }

    fn reached<'a>(
        &'a self,
        _: &'a ProgressTracker<PublicKey>,
        _: &'a [&'a State],
        _: usize,
    ) -> Pin<Box<dyn Future<Output = Result<bool, String>> + Send + 'a>> {
        let seen = self.seen.lock().unwrap().latencies.len();
        Box::pin(async move { Ok(seen >= self.all) })
    }
}

impl EngineDefinition for Scaled {
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
        engine::max_message_size(&BlockLimits::default())
    }

    async fn init(&self, init: InitContext<'_, PublicKey>) -> (Handle<()>, State) {
        let InitContext {
            context,
            index,
            public_key,
            oracle,
            channels,
            ..
        } = init;
        let channels: [ChannelPair<PublicKey>; 8] = channels.try_into().expect("one pair for each channel");
        let counted = channels.map(|(inner, receiver)| {
            let count = Arc::clone(&self.count);
            (Counted { inner, count }, receiver)
        });
        let config = self.config(format!("operator-{index}"));
        let committees = Committees::new(self.keys[index].clone(), 0, &config.operators).unwrap();
        let network = Network {
            channels: counted.into(),
            peers: oracle.manager(),
            blocker: oracle.control(public_key.clone()),
        };
        let view = View {
            context: Arc::new(context.child("view")),
            network: self.clone(),
            applied: Arc::default(),
        };
        let seams = Seams {
            source: view.clone(),
            feed: view.clone(),
            sink: view,
            senders: Senders::new(DOMAIN, 20_000),
        };
        let engine = engine::start(context, config, committees, network, seams)
            .await
            .unwrap();
        let chain = engine.chain();
        (engine.into_handle(), State(chain))
    }

    fn start(engine: Handle<()>) -> Handle<()> {
        engine
    }
}
