//! Random histories: people who use the ledger, sensibly for the most part, and everything that must hold meanwhile.
//!
//! Choices come from a seed or from a fuzzer's bytes ([`Chance`]), and depend on the state that they meet: whoever
//! reveals a verdict had committed to it. What is checked is in [`properties`].

pub mod chance;
mod consumers;
mod governance;
mod operators;
pub mod properties;
mod providers;
mod purchasers;
mod strangers;
mod tally;
pub mod world;

pub use chance::Chance;
pub use consumers::voucher;
pub use tally::Tally;
pub use world::World;

use ed25519_dalek::SigningKey;
use rampart_ledger::{BlockEnv, Event, Input, MemoryState, ParamSpec, Params};
use rampart_protocol::{
    AccessKey, Address, Amount, B256, CaseId, Message, Observation, ProviderId, PurchaseId, ServiceId,
};
use std::collections::BTreeMap;
use world::{DAY, operator, person, transaction};

/// Somebody's message.
type Act = Option<(Address, Message)>;

/// Owners that may become providers, consumers, operators and investors.
pub const OWNERS: u64 = 10;
const CONSUMERS: u64 = 12;
const OPERATORS: u64 = 5;
const INVESTORS: u64 = 6;

fn owner(number: u64) -> Address {
    person(0x0e, number)
}
fn consumer(number: u64) -> Address {
    person(0xc0, number)
}
fn investor(number: u64) -> Address {
    person(0x1d, number)
}

/// Whole tokens.
pub const fn tokens(whole: u128) -> Amount {
    Amount(whole * Amount::TOKEN.0)
}

/// A history that is being made.
#[derive(Clone)]
pub struct History<'a> {
    pub world: World,
    pub start: MemoryState,
    pub log: Vec<(BlockEnv, Input)>,
    pub tally: Tally,
    chance: Chance<'a>,
    /// Salt of what is true about services: whether they are down.
    truth: u64,
    keys: Vec<SigningKey>,
    owners: Vec<Address>,
    purchases: Vec<PurchaseId>,
    reviews: Vec<PurchaseId>,
    cases: Vec<(CaseId, u32, ProviderId)>,
    escalated: Vec<CaseId>,
    sealed: BTreeMap<(CaseId, u32, Address), (bool, B256)>,
    expelled: Vec<ProviderId>,
    /// The last message that was forced in.
    forced: (Address, Vec<u8>),
    /// Parameters that are at one of their ends.
    strange: Vec<&'static ParamSpec>,
    /// Inputs after which the whole state is checked.
    audit_every: u64,
    inputs: u64,
}

impl<'a> History<'a> {
    /// A history at its beginning: operators, investors, funds, some providers.
    pub fn new(mut chance: Chance<'a>, params: &Params, audit_every: u64) -> Self {
        let operators = [
            operator(0, 400),
            operator(1, 300),
            operator(2, 200),
            operator(3, 100),
        ];
        let world = World::new(params, &operators);
        let truth = chance.below(1 << 32);
        let start = world.state.clone();
        let mut history = Self {
            world,
            start,
            log: Vec::new(),
            tally: Tally::default(),
            chance,
            truth,
            keys: (1..8).map(|byte| SigningKey::from_bytes(&[byte; 32])).collect(),
            owners: (0..OWNERS).map(owner).collect(),
            purchases: Vec::new(),
            reviews: Vec::new(),
            cases: Vec::new(),
            escalated: Vec::new(),
            sealed: BTreeMap::new(),
            expelled: Vec::new(),
            forced: (Address::ZERO, Vec::new()),
            strange: Vec::new(),
            audit_every,
            inputs: 0,
        };
        history.found();
        history
    }

    fn found(&mut self) {
        self.apply(Input::Begin);
        for number in 0..CONSUMERS {
            self.deposit(consumer(number), tokens(20_000));
        }
        for number in 0..OWNERS - 2 {
            self.deposit(owner(number), tokens(60_000));
        }
        for number in 0..INVESTORS {
            let input = self.weight_of(
                person(0x0a, number % 4),
                investor(number),
                1_000 + u128::from(number),
            );
            self.apply(input);
        }
        for number in 0..5 {
            let owner = owner(number);
            let message = self.registration(owner, tokens(20_000));
            self.apply(transaction(owner, message));
            for _ in 0..2 {
                if let Some((signer, message)) = self.offer(owner, false) {
                    self.apply(transaction(signer, message));
                }
            }
        }
    }

    /// Goes on by other choices.
    pub fn with(self, chance: Chance<'_>) -> History<'_> {
        History { chance, ..self }
    }

    /// Goes on until so many transactions were tried, or the choices are used up.
    pub fn run(&mut self, transactions: u64) {
        let until = self.tally.transactions + transactions;
        while self.tally.transactions < until && !self.chance.is_over() {
            if self.chance.percent(25) {
                self.next_block();
            }
            if self.chance.percent(8) {
                let observation = self.observation();
                self.apply(Input::Observation(observation));
                continue;
            }
            if let Some((signer, message)) = self.act() {
                let input = self.signed(signer, message);
                self.apply(input);
            }
            if self.chance.one_in(64) {
                self.check_formulas();
            }
        }
    }

    /// The whole state once more, and the replay.
    pub fn finish(&self) {
        properties::whole_state_holds(&self.world);
        let root = world::root(&self.world.state);
        properties::replays_to(&self.start, &self.log, root);
    }

    /// Time goes on unevenly: mostly by seconds, at times by hours, seldom by days.
    fn next_block(&mut self) {
        let seconds = match self.chance.below(20) {
            0..=9 => self.chance.between(0, 120),
            10..=17 => self.chance.between(60, 3_600),
            18 => self.chance.between(3_600, DAY / 4),
            _ if self.chance.one_in(400) => self.chance.between(DAY, 1_500 * DAY),
            _ if self.chance.percent(15) => self.chance.between(DAY, 9 * DAY),
            _ => self.chance.between(DAY / 2, DAY),
        };
        self.world.env.timestamp.0 += seconds;
        self.world.env.height += 1;
        self.world.env.epoch += u64::from(self.chance.one_in(12));
        self.apply(Input::Begin);
    }

    /// Applies an input with every check, and follows what it did.
    pub fn apply(&mut self, input: Input) {
        let result = properties::step(&mut self.world, &input);
        self.tally.note(&input, &result);
        self.inputs += 1;
        if self.inputs.is_multiple_of(self.audit_every) {
            properties::whole_state_holds(&self.world);
        }
        if let Ok(changes) = &result {
            for event in &changes.events {
                self.follow(event);
            }
            self.log.push((self.world.env, input));
        }
    }

    fn follow(&mut self, event: &Event) {
        match event {
            Event::Purchased(record) => self.purchases.push(record.id),
            Event::Reviewed { purchase, .. } => self.reviews.push(*purchase),
            Event::ReviewStood { purchase, .. } | Event::Challenged { purchase, .. } => {
                self.reviews.retain(|open| open != purchase);
            }
            Event::BallotOpened {
                case,
                round,
                provider,
                ..
            } => {
                self.cases.retain(|(open, ..)| open != case);
                self.cases.push((*case, *round, *provider));
            }
            Event::CaseDecided { case, .. } | Event::CaseDropped { case, .. } => {
                self.cases.retain(|(open, ..)| open != case);
                self.escalated.retain(|open| open != case);
                self.sealed.retain(|(sealed, ..), _| sealed != case);
            }
            Event::CaseEscalated { case, .. } => {
                self.cases.retain(|(open, ..)| open != case);
                self.escalated.push(*case);
            }
            Event::ProviderExpelled { provider, .. } => self.expelled.push(*provider),
            Event::ProviderReinstated { provider } => self.expelled.retain(|expelled| expelled != provider),
            _ => {}
        }
    }

    /// What somebody asks next.
    fn act(&mut self) -> Act {
        let act = match self.chance.below(100) {
            0..=21 => self.buy(),
            22..=24 => self.wash(),
            25..=31 => self.report_usage(),
            32..=33 => self.rotate(),
            34..=36 => self.review(),
            37..=40 => self.claim_refund(),
            41..=43 => self.claim_rewards(),
            44..=57 => self.provide(),
            58..=62 => self.claim(),
            63..=64 => self.challenge(),
            65..=81 => self.judge(),
            82..=87 => self.report_availability(),
            88..=90 => self.claim_rewards(),
            91 => self.delegate(),
            92..=93 => self.transfer(),
            94..=96 => self.withdraw(),
            97 => self.register(),
            _ => self.garbage(),
        };
        act.or_else(|| self.buy())
    }

    fn check_formulas(&mut self) {
        let (low, high) = (self.chance.below(1_000_001), self.chance.below(1_000_001));
        properties::wait_is_monotone(&self.world.params(), low as u32, high as u32);
        if let Some(provider) = self.some_provider().and_then(|id| self.world.provider(id)) {
            let (good, bad) = (self.chance.below(1 << 40), self.chance.below(1 << 40));
            properties::standing_is_monotone(&self.world, &provider, good.into(), bad.into());
        }
    }

    /// The nonce that an account must use, at times another one.
    fn nonce(&mut self, who: Address) -> rampart_protocol::Nonce {
        let mut nonce = self.world.nonce(who);
        if self.chance.one_in(128) {
            nonce.0 = nonce.0.wrapping_add(1).wrapping_sub(2 * self.chance.below(2));
        }
        nonce
    }

    fn access_key(&mut self) -> AccessKey {
        if self.chance.one_in(64) {
            return AccessKey(B256::repeat_byte(self.chance.below(3) as u8));
        }
        self.chance.pick(&self.keys).map(public).unwrap_or_default()
    }

    fn some_provider(&mut self) -> Option<ProviderId> {
        let next = self.world.globals().next_provider.0;
        Some(ProviderId(self.chance.between(1, next)))
    }

    fn some_service(&mut self) -> ServiceId {
        let next = self.world.globals().next_service.0;
        ServiceId(self.chance.between(1, next))
    }

    /// Somebody with an account, whoever it is.
    fn somebody(&mut self) -> Address {
        let number = self.chance.below(14);
        match self.chance.below(8) {
            0..=3 => consumer(number % CONSUMERS),
            4 | 5 => self.chance.pick(&self.owners).copied().unwrap_or_default(),
            6 => person(0x0a, number % OPERATORS),
            _ => investor(number % INVESTORS),
        }
    }

    /// A small amount, nothing, or far too much.
    fn amount(&mut self, most: u128) -> Amount {
        match self.chance.below(40) {
            0 => Amount::ZERO,
            1 => Amount(u128::MAX),
            2 => Amount(1 + u128::from(self.chance.below(1_000))),
            _ => Amount(most * u128::from(1 + self.chance.below(1_000)) / 1_000),
        }
    }

    fn deposit(&mut self, account: Address, amount: Amount) {
        let observation = self.deposited(account, amount);
        self.apply(Input::Observation(observation));
    }

    fn observation(&mut self) -> Observation {
        match self.chance.below(10) {
            0..=3 => self.deposit_of_somebody(),
            4 | 5 => self.forced(),
            6 if self.chance.one_in(3) => self.keys_change(),
            6 => self.operator_change(),
            7 => self.investor_change(),
            _ => self.decision(),
        }
    }
}

/// The public half of a key, as purchases name it.
pub fn public(key: &SigningKey) -> AccessKey {
    AccessKey(B256::from(key.verifying_key().to_bytes()))
}
