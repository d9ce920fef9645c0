//! What the economy asks of block execution: a beginning without transactions, many records for one item, items that cannot
//! be executed, and observations of both chains.

use super::*;
use crate::application::execute::Rounds;
use commonware_glue::stateful::db::Unmerkleized as _;
use rampart_ledger::{
    BlockEnv, Event, GenesisOperator, Input, Key, MAX_PAGES_PER_CLAIM, MemoryState, Prepared, Provider,
    Record, ReviewState, apply, read,
};
use rampart_protocol::message::{
    Claim, Purchase, RegisterProvider, RegisterService, ReportAvailability, Review,
};
use rampart_protocol::observation::{Governance, ParameterChange, SetParameters};
use rampart_protocol::{
    AccessKey, Category, Message, Ppm, ProviderId, PurchaseId, Seconds, ServiceId, Timestamp,
};

const CONSUMER: Address = Address::repeat_byte(0xc0);

const fn tokens(whole: u128) -> Amount {
    Amount(whole * Amount::TOKEN.0)
}

/// What happened before the first block: the ledger's records are its genesis.
struct Past {
    state: MemoryState,
    /// Unix seconds.
    time: u64,
}

impl Past {
    /// A provider of `account()`, and its service for a token.
    fn market() -> Self {
        let params = Params {
            wait_min: Seconds(0),
            wait_max: Seconds(0),
            escrow_bucket: Seconds(1),
            challenge_window: Seconds(5),
            epoch_length: Seconds(30),
            ..Params::default()
        };
        let operator = GenesisOperator {
            address: other().address(),
            stake: 7,
            commission: Ppm(100_000),
            seat: None,
        };
        let mut past = Self {
            state: MemoryState::new(rampart_ledger::genesis(&params, &[operator]).unwrap()),
            time: 1_000,
        };
        past.apply(&Input::Begin);
        past.deposit(0, account().address());
        past.deposit(1, CONSUMER);
        past.register(account().address());
        past.offer(account().address(), 1);
        past
    }

    fn register(&mut self, owner: Address) {
        self.send(owner, |nonce| RegisterProvider {
            name: "Watch".into(),
            endpoint: "https://watch.example".into(),
            stake: tokens(50_000),
            nonce,
        });
    }

    fn offer(&mut self, owner: Address, provider: u64) {
        self.send(owner, |nonce| RegisterService {
            provider: ProviderId(provider),
            category: Category::General,
            description: "Watches".into(),
            endpoint: String::new(),
            openapi: B256::ZERO,
            requests: 10,
            fee: tokens(1),
            min_duration: Seconds(3_600),
            max_duration: Seconds(86_400),
            components: Vec::new(),
            upstream_key: AccessKey::default(),
            nonce,
        });
    }

    fn deposit(&mut self, index: u64, account: Address) {
        let deposit = Deposit {
            index,
            account,
            amount: tokens(100_000),
            block_number: 1,
            block_hash: B256::ZERO,
        };
        self.apply(&Input::Observation(deposit.into()));
    }

    fn apply(&mut self, input: &Input) -> Vec<Event> {
        let env = BlockEnv {
            domain: domain(),
            height: 1,
            timestamp: Timestamp(self.time),
            epoch: 0,
        };
        let changes = apply(&self.state, &env, input).unwrap();
        let events = changes.events.clone();
        self.state.commit(changes);
        events
    }

    fn send<M: Into<Message>>(&mut self, signer: Address, message: impl FnOnce(Nonce) -> M) -> Vec<Event> {
        let account = read::<rampart_ledger::Account>(&self.state, &Key::account(&signer));
        let message = message(account.unwrap().unwrap().nonce).into();
        let id = rampart_protocol::keccak256(message.to_bytes());
        self.apply(&Input::Transaction(Prepared::new(&domain(), signer, id, message)))
    }

    fn purchase(&mut self) -> PurchaseId {
        let expires_at = Timestamp(self.time + 7_200);
        let events = self.send(CONSUMER, |nonce| Purchase {
            consumer: CONSUMER,
            provider: ProviderId(1),
            service: ServiceId(1),
            version: 1,
            fee: tokens(1),
            access_key: AccessKey(key_bytes(&PrivateKey::from_seed(2).public_key())),
            expires_at,
            nonce,
        });
        let Some(Event::Purchased(record)) = events.first() else {
            panic!("nothing was bought: {events:?}")
        };
        record.id
    }

    /// A chain of one block whose state, in the database, is this.
    async fn bench(self, runtime: Runtime, world: World) -> Bench {
        let start_ms = (self.time + 60) * 1_000;
        let mut bench = Box::pin(Bench::new(runtime, world, start_ms, founding())).await;
        let records = self.state.records();
        let written = Executed {
            writes: records
                .map(|(key, record)| (*key, Some(record.clone())))
                .collect(),
            ..Executed::default()
        };
        let batch = DatabaseSet::<Runtime>::new_batches(&bench.state).await;
        let batch = execute::write::<Runtime>(batch, &written).unwrap();
        // On the heap, or the compiler gives up on the depth of these types.
        let sealed = Box::pin(batch.merkleize()).await.unwrap();
        let header = Header {
            height: 1,
            state_root: B256::new(sealed.root().0),
            ..bench.genesis.header().clone()
        };
        Box::pin(DatabaseSet::<Runtime>::apply(&bench.state, sealed)).await;
        bench.genesis = Block::new(header, Body::default()).unwrap();
        bench
    }
}

fn run<Fut: Future<Output = ()>>(test: impl FnOnce(Runtime) -> Fut) {
    deterministic::Runner::default().start(test);
}

/// Builds a block with one application and judges it with another; returns it with what each of them executed.
async fn agreed(bench: &Bench, rounds: Rounds) -> (Block, Arc<Executed>) {
    let (proposer, validator) = (bench.app().with_rounds(rounds), bench.app().with_rounds(rounds));
    let proposal = propose::Proposal {
        parent: &bench.genesis,
        context: bench.context(1),
        in_flight: BTreeSet::new(),
    };
    let batch = DatabaseSet::<Runtime>::new_batches(&bench.state).await;
    let built = propose::propose(&proposer, &bench.runtime, proposal, batch, &bench.world).await;
    let (block, sealed) = built.unwrap();
    let candidate = judge::Candidate {
        block: &block,
        parent: bench.genesis.header(),
        context: bench.context(1),
        finality: Finality::Candidate,
    };
    let batch = DatabaseSet::<Runtime>::new_batches(&bench.state).await;
    let judged = judge::judge(&validator, &bench.runtime, candidate, batch)
        .await
        .unwrap();
    assert_eq!(judged.root(), sealed.root());
    let digest = block.header().digest();
    let [one, other] = [proposer, validator].map(|app| app.recall(2, digest).unwrap());
    assert_eq!(one, other);
    (block, one)
}

fn signed(signer: &PrivateKeySigner, message: impl Into<Message>) -> Verified {
    let message = message.into();
    let signature = signer.sign_hash_sync(&message.signing_hash(&domain())).unwrap();
    let transaction = SignedTransaction {
        message,
        signature: signature.as_bytes().into(),
    };
    Senders::new(domain(), 1).verify(transaction).unwrap()
}

fn claim(nonce: u64) -> Verified {
    let message = Claim {
        provider: ProviderId(1),
        nonce: Nonce(nonce),
    };
    signed(&account(), message)
}

fn offering(transactions: Vec<Verified>) -> World {
    World {
        candidates: Candidates {
            observations: Vec::new(),
            transactions,
        },
        ..World::default()
    }
}

/// A provider whose purchases lie a page of escrow apart.
fn pages(pages: usize) -> Past {
    let mut past = Past::market();
    for _ in 0..pages {
        past.time += 24;
        past.purchase();
    }
    past
}

#[test]
fn a_block_without_transactions_closes_the_epoch_and_lets_a_review_stand() {
    run(|runtime| async move {
        let mut past = Past::market();
        let purchase = past.purchase();
        past.send(CONSUMER, |nonce| Review {
            purchase,
            fee: tokens(1),
            comment: "It did not watch".into(),
            evidence: B256::ZERO,
            nonce,
        });
        let bench = past.bench(runtime, World::default()).await;
        let (block, executed) = agreed(&bench, Rounds::default()).await;
        assert_eq!(block.body(), &Body::default());
        let [begin] = &executed.receipts[..] else {
            panic!("{:?}", executed.receipts)
        };
        assert_eq!(begin.subject, Subject::Begin);
        let closed = |event: &Event| matches!(event, Event::EpochClosed { number: 0, .. });
        let stood =
            |event: &Event| matches!(event, Event::ReviewStood { purchase: of, .. } if *of == purchase);
        let refunded =
            |event: &Event| matches!(event, Event::Refunded { amount, .. } if *amount == tokens(1));
        assert!(begin.events.iter().any(closed), "{begin:?}");
        assert!(begin.events.iter().any(stood), "{begin:?}");
        assert!(begin.events.iter().any(refunded), "{begin:?}");
        let Some(Some(Record::Review(review))) = executed.writes.get(&Key::review(&purchase)) else {
            panic!("the review was not written")
        };
        assert_eq!(review.state, ReviewState::Stood);
        let Some(Some(Record::Operator(operator))) = executed.writes.get(&Key::operator(&other().address()))
        else {
            panic!("no operator was paid")
        };
        assert!(operator.owed > Amount::ZERO);
    });
}

#[test]
fn a_block_of_which_the_beginning_is_left_out_has_another_root() {
    run(|runtime| async move {
        let bench = Past::market().bench(runtime, World::default()).await;
        let (block, _) = agreed(&bench, Rounds::default()).await;
        let unchanged = bench.genesis.header().state_root;
        assert_ne!(block.header().state_root, unchanged);
        let refused = bench
            .judge_header(&block, |header| header.state_root = unchanged)
            .await;
        assert!(
            matches!(refused, Err(Invalid::Commitment("state"))),
            "{refused:?}"
        );
    });
}

#[test]
fn a_claim_over_more_pages_than_it_may_empty_is_built_and_judged_valid() {
    run(|runtime| async move {
        let past = pages(MAX_PAGES_PER_CLAIM + 6);
        let bench = past.bench(runtime, offering(vec![claim(2), claim(3)])).await;
        // A page after the other would take 65 rounds.
        let few = Rounds {
            item: 16,
            ..Rounds::default()
        };
        let (block, executed) = agreed(&bench, few).await;
        assert_eq!(block.body().transactions.len(), 2);
        let claimed = executed.receipts.iter().flat_map(|receipt| &receipt.events);
        let claimed = claimed.filter_map(|event| match event {
            Event::Claimed { amount, .. } => Some(amount.0),
            _ => None,
        });
        let share = tokens(1).0 / 20 * 19;
        assert_eq!(
            claimed.collect::<Vec<_>>(),
            [share * MAX_PAGES_PER_CLAIM as u128, share * 6]
        );
        let provider = executed
            .writes
            .get(&Key::provider(ProviderId(1)))
            .cloned()
            .flatten();
        let provider: Arc<Provider> = provider.and_then(rampart_ledger::Stored::from_record).unwrap();
        assert_eq!(provider.escrow.total, Amount::ZERO);
    });
}

#[test]
fn a_report_on_all_services_of_a_page_is_built_and_judged_valid() {
    run(|runtime| async move {
        let mut past = Past::market();
        for (index, owner) in [(2, Address::repeat_byte(2)), (3, Address::repeat_byte(3))] {
            past.deposit(index, owner);
            past.register(owner);
        }
        let owners = [
            account().address(),
            Address::repeat_byte(2),
            Address::repeat_byte(3),
        ];
        let sellers = (1..).zip(owners).cycle();
        for (provider, owner) in sellers.take(255) {
            past.offer(owner, provider);
        }
        let report = ReportAvailability {
            epoch: 0,
            page: 0,
            down: B256::repeat_byte(0xff),
            nonce: Nonce(0),
        };
        let bench = past
            .bench(runtime, offering(vec![signed(&other(), report)]))
            .await;
        // Service after service, and provider after provider, would take hundreds of rounds.
        let few = Rounds {
            item: 16,
            ..Rounds::default()
        };
        let (block, executed) = agreed(&bench, few).await;
        assert_eq!(block.body().transactions.len(), 1);
        let count = |wanted: fn(&Event) -> bool| {
            let events = executed.receipts.iter().flat_map(|receipt| &receipt.events);
            events.filter(|event| wanted(event)).count()
        };
        // The eighth outage suspends a provider, and what is not for sale cannot be down.
        assert_eq!(count(|event| matches!(event, Event::ProviderSuspended { .. })), 3);
        assert_eq!(count(|event| matches!(event, Event::Outage { .. })), 3 * 8);
    });
}

#[test]
fn a_transaction_that_cannot_be_executed_is_left_out_and_the_block_is_still_built() {
    run(|runtime| async move {
        let mut stranger = deposit(2, 100);
        if let Observation::Deposit(deposit) = &mut stranger {
            deposit.account = other().address();
        }
        let mut world = offering(vec![claim(2), by_other(0)]);
        world.candidates.observations = vec![stranger.clone()];
        world.chain = vec![stranger];
        let bench = pages(3).bench(runtime, world).await;
        // A claim asks for pages, which no hint names; a withdrawal asks for nothing.
        let none = Rounds {
            item: 1,
            ..Rounds::default()
        };
        let (block, _) = agreed(&bench, none).await;
        assert_eq!(block.body().transactions, [by_other(0).transaction().clone()]);
        assert_eq!(block.body().observations.len(), 1);
        // It is not refused, since nothing is wrong with it: another operator may be able to.
        assert!(bench.world.refused.lock().unwrap().is_empty());

        // Nobody votes against a block that this machine cannot execute.
        let (full, _) = agreed(&bench, Rounds::default()).await;
        assert_eq!(full.body().transactions.len(), 2);
        let candidate = judge::Candidate {
            block: &full,
            parent: bench.genesis.header(),
            context: bench.context(1),
            finality: Finality::Candidate,
        };
        let batch = DatabaseSet::<Runtime>::new_batches(&bench.state).await;
        let error = judge::judge(&bench.app().with_rounds(none), &bench.runtime, candidate, batch)
            .await
            .map(|_| ())
            .unwrap_err();
        assert!(error.is_local(), "{error:?}");
    });
}

/// Another account: the one operator of the ledger.
fn other() -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(8)).unwrap()
}

fn by_other(nonce: u64) -> Verified {
    signed(&other(), withdrawal(nonce, 1).message)
}

fn parameter(index: u64, name: &str, value: u128) -> Observation {
    Observation::Governance(Governance {
        index,
        action: SetParameters {
            changes: vec![ParameterChange {
                name: name.into(),
                value,
            }],
        }
        .into(),
        block_number: 1,
        block_hash: B256::ZERO,
    })
}

#[test]
fn observations_of_both_chains_are_counted_apart_and_a_gap_in_one_does_not_hold_up_the_other() {
    run(|runtime| async move {
        let chain = vec![
            parameter(0, "fee_min", 5),
            parameter(2, "fee_min", 7),
            deposit(2, 10),
            parameter(1, "fee_min", 6),
            deposit(3, 10),
        ];
        let mut world = offering(Vec::new());
        world.candidates.observations = chain.clone();
        world.chain = chain.clone();
        let bench = Past::market().bench(runtime, world).await;
        let (block, executed) = agreed(&bench, Rounds::default()).await;
        let taken = [&chain[0], &chain[2], &chain[4]].map(Observation::clone);
        assert_eq!(block.body().observations, taken);
        assert_eq!(block.header().inbox_count, 4);
        let Some(Some(Record::Globals(globals))) = executed.writes.get(&Key::globals()) else {
            panic!("no counters")
        };
        assert_eq!((globals.inbox_count, globals.restaking_count), (4, 1));
        let subjects: Vec<Subject> = executed.receipts.iter().map(|receipt| receipt.subject).collect();
        assert_eq!(
            subjects,
            [
                Subject::Begin,
                Subject::Observation(observation::Source::Restaking, 0),
                Subject::Observation(observation::Source::Inbox, 2),
                Subject::Observation(observation::Source::Inbox, 3),
            ]
        );
        let mut body = block.body().clone();
        body.observations[0] = parameter(0, "fee_min", 9);
        assert!(matches!(
            bench.judge_body(&block, body).await,
            Err(Invalid::Refuted(observation::Source::Restaking, 0))
        ));
    });
}
