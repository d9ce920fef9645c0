//! Random histories: thousands of inputs, sensible and not, against a naive second ledger.

use crate::model::Model;
use crate::world::*;
use proptest::prelude::*;
use proptest::sample::Index;
use rampart_ledger::{
    BlockEnv, Event, Fault, Input, Key, MemoryState, Params, Provider, Record, Service, apply, audit, genesis,
};
use rampart_protocol::{
    Address, Amount, Message, Nonce, Ppm, ProviderId, PurchaseId, Seconds, Sequence, ServiceId, Timestamp,
    message,
};
use std::sync::atomic::{AtomicU64, Ordering};

const PEOPLE: [Address; 5] = [ALICE, BOB, OWNER, RIVAL, STRANGER];

/// One thing that someone tries; `Index`es pick among what exists.
#[derive(Clone, Debug)]
enum Try {
    Deposit(usize, u128),
    Register(usize, u128),
    Stake(usize, Index, u128),
    Offer(usize, u128, u64),
    Change(usize, Index, u128, bool),
    Buy(usize, Index, u64),
    Report(Index, u64),
    Claim(Index),
    Withdraw(usize, u128),
    WrongNonce(usize, u64),
    Wait(u64),
}

fn attempt() -> impl Strategy<Value = Try> {
    let who = 0..PEOPLE.len();
    let amount = || {
        prop_oneof![
            0..1_000u128,
            (0..5_000u128).prop_map(|whole| tokens(whole).0),
            0..tokens(9_000).0
        ]
    };
    let fee = || {
        prop_oneof![
            1..50u128,
            (1..200u128).prop_map(|whole| tokens(whole).0),
            1..tokens(300).0
        ]
    };
    let service = any::<Index>;
    prop_oneof![
        2 => (who.clone(), amount()).prop_map(|(who, amount)| Try::Deposit(who, amount)),
        1 => (who.clone(), amount()).prop_map(|(who, amount)| Try::Register(who, amount)),
        1 => (who.clone(), service(), amount()).prop_map(|(who, of, amount)| Try::Stake(who, of, amount)),
        2 => (who.clone(), fee(), 0..50u64).prop_map(|(who, fee, requests)| Try::Offer(who, fee, requests)),
        1 => (who.clone(), service(), fee(), any::<bool>()).prop_map(|(who, of, fee, on)| Try::Change(who, of, fee, on)),
        12 => (who.clone(), service(), 0..40 * DAY).prop_map(|(who, of, expiry)| Try::Buy(who, of, expiry)),
        3 => (service(), 0..50u64).prop_map(|(of, used)| Try::Report(of, used)),
        4 => service().prop_map(Try::Claim),
        2 => (who.clone(), amount()).prop_map(|(who, amount)| Try::Withdraw(who, amount)),
        1 => (who, 0..5u64).prop_map(|(who, nonce)| Try::WrongNonce(who, nonce)),
        6 => prop_oneof![0..60u64, 0..2 * DAY, 0..40 * DAY].prop_map(Try::Wait),
    ]
}

fn parameters() -> impl Strategy<Value = Params> {
    let bucket = prop_oneof![Just(1u64), Just(60), Just(HOUR), 1..DAY];
    (bucket, 0..=500_000u32, 0..10 * DAY, 0..30 * DAY, 1..60 * DAY).prop_map(
        |(bucket, cut, low, span, half_life)| Params {
            escrow_bucket: Seconds(bucket),
            protocol_cut: Ppm(cut),
            wait_min: Seconds(low),
            wait_max: Seconds(low + span),
            score_half_life: Seconds(half_life),
            unbond_period: Seconds(60 * DAY),
            revenue_half_life: Seconds(half_life / 2 + 1),
            deposit_fixed: tokens(100),
            fee_min: Amount(1),
            duration_min: Seconds(1),
            ..Params::default()
        },
    )
}

/// A history under way.
struct Run {
    world: World,
    model: Model,
    params: Params,
    purchases: Vec<PurchaseId>,
    applied: u64,
}

impl Run {
    fn new(params: Params) -> Self {
        let mut world = World::with(&params);
        world.scans = false;
        let mut run = Self {
            world,
            model: Model::default(),
            params,
            purchases: Vec::new(),
            applied: 0,
        };
        // A market to start from; what comes after is chance.
        for who in [ALICE, BOB, OWNER, RIVAL] {
            run.input(run.world.observed(who, tokens(20_000)));
        }
        for who in [OWNER, RIVAL] {
            let registration = message::RegisterProvider {
                stake: tokens(9_000),
                ..run.world.registration(who)
            };
            run.input(World::transaction(who, registration));
            run.attempt(&Try::Offer(
                PEOPLE.iter().position(|person| *person == who).unwrap(),
                tokens(40).0,
                10,
            ));
        }
        run
    }

    fn pick_provider(&self, of: &Index) -> ProviderId {
        ProviderId(of.index(usize::try_from(self.world.globals().next_provider.0).unwrap()) as u64)
    }

    fn pick_service(&self, of: &Index) -> ServiceId {
        ServiceId(of.index(usize::try_from(self.world.globals().next_service.0).unwrap()) as u64)
    }

    /// The record of a service, also of one that does not exist.
    fn terms(&self, id: ServiceId) -> Service {
        let known = self.world.state.record(&Key::service(id));
        match known {
            Some(Record::Service(service)) => Service::clone(service),
            _ => Service {
                id,
                ..self.world.service(SERVICE)
            },
        }
    }

    fn provider_of(&self, who: Address) -> ProviderId {
        let account = self.world.state.record(&Key::account(&who));
        match account {
            Some(Record::Account(account)) => account.owned_provider().unwrap_or_default(),
            _ => ProviderId(0),
        }
    }

    fn attempt(&mut self, attempt: &Try) {
        let world = &self.world;
        let send = |who: Address, message: Message| World::transaction(who, message);
        let input = match attempt {
            Try::Wait(seconds) => {
                self.world.advance(*seconds);
                return;
            }
            Try::Deposit(who, amount) => world.observed(PEOPLE[*who], Amount(*amount)),
            Try::Register(who, stake) => {
                let who = PEOPLE[*who];
                send(
                    who,
                    message::RegisterProvider {
                        stake: Amount(*stake),
                        ..world.registration(who)
                    }
                    .into(),
                )
            }
            Try::Stake(who, provider, amount) => {
                let (who, provider) = (PEOPLE[*who], self.pick_provider(provider));
                send(
                    who,
                    message::AddStake {
                        provider,
                        ..world.stake(who, Amount(*amount))
                    }
                    .into(),
                )
            }
            Try::Offer(who, fee, requests) => {
                let who = PEOPLE[*who];
                let (provider, fee) = (self.provider_of(who), Amount(*fee));
                let min_duration = self.params.duration_min;
                let terms = world.service_terms(who);
                send(
                    who,
                    message::RegisterService {
                        provider,
                        fee,
                        requests: *requests,
                        min_duration,
                        ..terms
                    }
                    .into(),
                )
            }
            Try::Change(who, service, fee, active) => {
                let (who, service, fee) = (PEOPLE[*who], self.pick_service(service), Amount(*fee));
                send(
                    who,
                    message::UpdateService {
                        service,
                        fee,
                        active: *active,
                        ..world.service_update(who)
                    }
                    .into(),
                )
            }
            Try::Buy(who, service, expiry) => self.order(PEOPLE[*who], self.pick_service(service), *expiry),
            Try::Report(purchase, used) => match self.purchases.is_empty() {
                true => return,
                false => self.report(*purchase.get(&self.purchases), *used),
            },
            Try::Claim(provider) => {
                let provider = self.pick_provider(provider);
                let owner = PEOPLE
                    .iter()
                    .find(|who| self.provider_of(**who) == provider)
                    .unwrap_or(&ALICE);
                send(
                    *owner,
                    message::Claim {
                        provider,
                        nonce: world.nonce(*owner),
                    }
                    .into(),
                )
            }
            Try::Withdraw(who, amount) => {
                let who = PEOPLE[*who];
                send(who, world.withdrawal(who, Amount(*amount)).into())
            }
            Try::WrongNonce(who, nonce) => {
                let who = PEOPLE[*who];
                let nonce = Nonce(*nonce + u64::from(Nonce(*nonce) == world.nonce(who)));
                send(
                    who,
                    message::Withdraw {
                        nonce,
                        ..world.withdrawal(who, Amount(1))
                    }
                    .into(),
                )
            }
        };
        self.input(input);
    }

    fn order(&self, consumer: Address, service: ServiceId, expiry: u64) -> Input {
        let terms = self.terms(service);
        let order = message::Purchase {
            consumer,
            provider: terms.provider,
            service,
            version: terms.version,
            fee: terms.fee,
            expires_at: Timestamp(self.world.now() + expiry),
            ..self.world.order(consumer)
        };
        World::transaction(consumer, order)
    }

    fn report(&self, purchase: PurchaseId, used: u64) -> Input {
        let provider = self.world.purchase(purchase).record.provider;
        let owner = self.world.provider_of(provider).owner;
        let (voucher, signature) = voucher(&access(), purchase, used.max(1));
        let nonce = self.world.nonce(owner);
        let report = message::ReportUsage {
            purchase,
            used: Sequence(used),
            voucher,
            signature,
            nonce,
        };
        World::transaction(owner, report)
    }

    /// Applies an input, and compares the model when it succeeds.
    fn input(&mut self, input: Input) {
        let claimed: Option<Provider> = match &input {
            Input::Transaction(prepared) => match prepared.message() {
                Message::Claim(claim) => self.world.find(&Key::provider(claim.provider)),
                _ => None,
            },
            _ => None,
        };
        let (before, now) = (self.world.state.clone(), self.world.env.timestamp);
        match self.world.apply(input) {
            Ok(changes) => {
                self.applied += 1;
                for event in &changes.events {
                    self.model.follow(&self.params, event, claimed.as_ref(), now);
                    if let Event::Purchased(record) = event {
                        self.purchases.push(record.id);
                    }
                }
                self.model.compare(&self.world);
            }
            Err(Fault::Reject(_)) => assert_eq!(self.world.state, before),
            Err(fault) => panic!("{fault}"),
        }
    }

    /// Checks the whole state, and that a replay of what was applied writes the same bytes.
    fn finish(self) {
        audit(&self.world.state).unwrap();
        let mut replayed = MemoryState::new(genesis(&self.params, &[]).unwrap());
        for (env, input) in &self.world.log {
            let changes = apply(&replayed, env, input).unwrap();
            replayed.commit(changes);
        }
        let bytes =
            |state: &MemoryState| -> Vec<Vec<u8>> { state.records().map(|(_, r)| r.to_bytes()).collect() };
        assert_eq!(bytes(&replayed), bytes(&self.world.state));
    }
}

static TRIED: AtomicU64 = AtomicU64::new(0);
static APPLIED: AtomicU64 = AtomicU64::new(0);

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 400, ..ProptestConfig::default() })]

    fn histories(params in parameters(), attempts in prop::collection::vec(attempt(), 60..180)) {
        let mut run = Run::new(params);
        for (step, attempt) in attempts.iter().enumerate() {
            run.attempt(attempt);
            if step % 16 == 0 {
                audit(&run.world.state).unwrap();
            }
        }
        TRIED.fetch_add(attempts.len() as u64, Ordering::Relaxed);
        APPLIED.fetch_add(run.applied, Ordering::Relaxed);
        run.finish();
    }
}

#[test]
fn random_histories_conserve_every_unit_and_agree_with_the_naive_ledger() {
    histories();
    let (tried, applied) = (TRIED.load(Ordering::Relaxed), APPLIED.load(Ordering::Relaxed));
    assert!(
        applied > 2_000,
        "only {applied} of {tried} inputs were applied: the histories test little"
    );
}

#[test]
fn replay_of_a_history_gives_identical_writes() {
    let history = |scramble: u64| -> Vec<(BlockEnv, Input)> {
        let mut run = Run::new(Params::default());
        for step in 0..40u64 {
            let pick = (step * 7 + scramble) % 3;
            run.input(run.order(PEOPLE[(pick % 2) as usize], ServiceId(1 + pick % 2), 5 * DAY));
            run.world.advance(step * HOUR);
        }
        run.world.log
    };
    let log = history(1);
    let writes = || {
        let mut state = MemoryState::new(genesis(&Params::default(), &[]).unwrap());
        let mut all = Vec::new();
        for (env, input) in &log {
            let changes = apply(&state, env, input).unwrap();
            for (key, record) in &changes.writes {
                all.push((*key, record.as_ref().map(Record::to_bytes)));
            }
            state.commit(changes);
        }
        all
    };
    let first = writes();
    assert!(first.len() > 150);
    assert_eq!(first, writes());
}
