//! A ledger in memory whose books are checked after every input, and the people who use it.
//!
//! Each input is applied twice: over the whole state, and over a view that starts empty and loads what is asked
//! for. Both must agree, so no test can pass because of what happened to be loaded.

use ed25519_dalek::{Signer as _, SigningKey};
use rampart_ledger::{
    Account, BlockEnv, Changeset, Event, Fault, GenesisOperator, Globals, Input, Key, MemoryState, Missing,
    Params, Prepared, Profile, Provider, Purchase, Record, Reject, Service, Steps, Stored, Terms, View,
    apply, audit, genesis, read, reads,
};
use rampart_protocol::http_signature::{Algorithm, Parameters, RequestParts};
use rampart_protocol::message::{
    self, AddStake, Claim, RegisterProvider, RegisterService, ReportUsage, UpdateProvider, UpdateService,
    Withdraw,
};
use rampart_protocol::observation::{Deposit, Observation};
use rampart_protocol::{
    AccessKey, Address, Amount, B256, Bytes, Category, Domain, Message, Nonce, ProviderId, PurchaseId,
    Seconds, Sequence, ServiceId, Timestamp, keccak256,
};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

pub const HOUR: u64 = 3_600;
pub const DAY: u64 = 24 * HOUR;
pub const HALF_LIFE: u64 = 30 * DAY;
/// A whole number of half-lives (680), so that exact values are easy to tell.
pub const START: u64 = 680 * HALF_LIFE;

pub const ALICE: Address = Address::repeat_byte(0xa1);
pub const BOB: Address = Address::repeat_byte(0xb0);
pub const OWNER: Address = Address::repeat_byte(0x0e);
pub const RIVAL: Address = Address::repeat_byte(0x17);
pub const STRANGER: Address = Address::repeat_byte(0x5f);

pub const PROVIDER: ProviderId = ProviderId(1);
pub const SERVICE: ServiceId = ServiceId(1);

pub const DOMAIN: Domain = Domain {
    chain_id: 59_144,
    settlement: Address::repeat_byte(0x5e),
};

/// Whole tokens.
pub const fn tokens(whole: u128) -> Amount {
    Amount(whole * Amount::TOKEN.0)
}

/// The key that signs Alice's requests.
pub fn access() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

pub fn public(key: &SigningKey) -> AccessKey {
    AccessKey(B256::from(key.verifying_key().to_bytes()))
}

/// A voucher for `n` requests in all, as a gateway makes it: the signature base of its latest request.
pub fn voucher(key: &SigningKey, purchase: PurchaseId, n: u64) -> (Bytes, Bytes) {
    let parameters = Parameters {
        created: START,
        expires: START + 60,
        purchase,
        sequence: Sequence(n),
        has_body: false,
        algorithm: Algorithm::Ed25519,
    };
    let request = RequestParts {
        method: "GET",
        authority: "phishing.example",
        path: "/v1/screen",
        query: "",
        content_digest: None,
    };
    let base = parameters.signature_base(&request).unwrap();
    let signature = key.sign(base.as_bytes()).to_bytes();
    (base.into_bytes().into(), signature.to_vec().into())
}

/// A view that holds nothing until it is asked, as the node's does.
pub struct Lazy<'a> {
    state: &'a MemoryState,
    loaded: RefCell<BTreeMap<Key, Option<Record>>>,
}

impl<'a> Lazy<'a> {
    pub fn new(state: &'a MemoryState, hints: &[Key]) -> Self {
        let loaded = hints
            .iter()
            .map(|key| (*key, state.record(key).cloned()))
            .collect();
        Self {
            state,
            loaded: RefCell::new(loaded),
        }
    }

    /// Applies an input, loading what is missing; also says which keys were.
    pub fn apply(&self, env: &BlockEnv, input: &Input) -> (Result<Changeset, Fault>, Vec<Key>) {
        let mut missing = Vec::new();
        loop {
            match apply(self, env, input) {
                Err(Fault::Missing(key)) => {
                    assert!(!missing.contains(&key), "{key} was loaded and asked for again");
                    missing.push(key);
                    self.loaded
                        .borrow_mut()
                        .insert(key, self.state.record(&key).cloned());
                }
                done => return (done, missing),
            }
        }
    }
}

impl View for Lazy<'_> {
    fn get(&self, key: &Key) -> Result<Option<Record>, Missing> {
        self.loaded.borrow().get(key).cloned().ok_or(Missing(*key))
    }
}

/// The default parameters without the storage fee, so that amounts stay round; the fee has tests of its own.
pub fn plain() -> Params {
    Params {
        storage_fee: Amount::ZERO,
        ..Params::default()
    }
}

/// A ledger, the block that is being executed, and everything that was applied.
pub struct World {
    pub state: MemoryState,
    pub env: BlockEnv,
    pub log: Vec<(BlockEnv, Input)>,
    /// Whether the whole state is scanned after each input, beyond the totals.
    pub scans: bool,
}

impl World {
    /// An empty ledger with the [`plain`] parameters.
    pub fn empty() -> Self {
        Self::with(&plain())
    }

    /// An empty ledger without operators.
    pub fn with(params: &Params) -> Self {
        Self::operated(params, &[])
    }

    /// An empty ledger with operators.
    pub fn operated(params: &Params, operators: &[GenesisOperator]) -> Self {
        let env = BlockEnv {
            domain: DOMAIN,
            height: 1,
            timestamp: Timestamp(START),
            epoch: 0,
        };
        Self {
            state: MemoryState::new(genesis(params, operators).unwrap()),
            env,
            log: Vec::new(),
            scans: true,
        }
    }

    /// The usual market: Alice and Bob with 100,000 tokens each, a provider with 50,000 tokens at stake and a service
    /// of 1,000 requests for 100 tokens, expiring after an hour to 90 days; a rival with funds and no provider.
    pub fn market() -> Self {
        Self::market_with(&plain())
    }

    pub fn market_with(params: &Params) -> Self {
        Self::with(params).opened()
    }

    /// The same ledger with the usual market in it.
    pub fn opened(self) -> Self {
        let mut world = self;
        for who in [ALICE, BOB, OWNER, RIVAL] {
            world.deposit(who, tokens(100_000));
        }
        world.ok(OWNER, world.registration(OWNER));
        world.ok(OWNER, world.service_terms(OWNER));
        world
    }

    pub fn now(&self) -> u64 {
        self.env.timestamp.0
    }

    pub fn at(&mut self, seconds: u64) -> &mut Self {
        self.env.timestamp = Timestamp(seconds);
        self.env.height += 1;
        self
    }

    pub fn advance(&mut self, seconds: u64) -> &mut Self {
        self.at(self.now() + seconds)
    }

    /// Applies an input over both views, and checks the books when it succeeds.
    pub fn apply(&mut self, input: Input) -> Result<Changeset, Fault> {
        let result = apply(&self.state, &self.env, &input);
        let (lazily, _) = Lazy::new(&self.state, &[]).apply(&self.env, &input);
        assert_eq!(result, lazily, "the view changes the outcome");
        let (hinted, _) = Lazy::new(&self.state, &reads(&input)).apply(&self.env, &input);
        assert_eq!(result, hinted, "the hint changes the outcome");
        let changes = result?;
        self.state.commit(changes.clone());
        self.globals().check().unwrap();
        if self.scans {
            audit(&self.state).unwrap();
        }
        self.log.push((self.env, input));
        Ok(changes)
    }

    pub fn transaction(signer: Address, message: impl Into<Message>) -> Input {
        let message = message.into();
        let id = keccak256(message.to_bytes());
        Input::Transaction(Prepared::new(&DOMAIN, signer, id, message))
    }

    /// Sends a transaction that may be rejected.
    pub fn send(&mut self, signer: Address, message: impl Into<Message>) -> Result<Vec<Event>, Reject> {
        match self.apply(Self::transaction(signer, message)) {
            Ok(changes) => Ok(changes.events),
            Err(Fault::Reject(reject)) => Err(reject),
            Err(fault) => panic!("{fault}"),
        }
    }

    /// Sends a transaction that must succeed.
    pub fn ok(&mut self, signer: Address, message: impl Into<Message>) -> Vec<Event> {
        self.send(signer, message).unwrap()
    }

    pub fn observed(&self, account: Address, amount: Amount) -> Input {
        Input::Observation(Observation::Deposit(Deposit {
            index: self.globals().inbox_count,
            account,
            amount,
            block_number: 1,
            block_hash: B256::ZERO,
        }))
    }

    pub fn deposit(&mut self, account: Address, amount: Amount) {
        self.apply(self.observed(account, amount)).unwrap();
    }

    /// Changes a record behind the ledger's back, to reach states that no message leads to yet.
    pub fn plant(&mut self, record: impl Into<Record>) {
        let record = record.into();
        let mut changes = Changeset::default();
        changes.writes.insert(record.key(), Some(record));
        self.state.commit(changes);
    }

    pub fn unplant(&mut self, key: Key) {
        let mut changes = Changeset::default();
        changes.writes.insert(key, None);
        self.state.commit(changes);
    }

    pub fn edit_provider(&mut self, change: impl FnOnce(&mut Provider)) {
        let mut provider = self.provider();
        change(&mut provider);
        self.plant(provider);
    }

    pub fn edit_account(&mut self, who: Address, change: impl FnOnce(&mut Account)) {
        let mut account = self.account(who);
        change(&mut account);
        self.plant(account);
    }

    pub fn edit_globals(&mut self, change: impl FnOnce(&mut Globals)) {
        let mut globals = self.globals();
        change(&mut globals);
        self.plant(globals);
    }

    pub fn edit_params(&mut self, change: impl FnOnce(&mut Params)) {
        let mut params = self.params();
        change(&mut params);
        params.validate().unwrap();
        self.plant(params);
    }

    /// The record of a key, if there is one.
    pub fn find<T: Stored>(&self, key: &Key) -> Option<T> {
        read(&self.state, key).unwrap().map(Arc::unwrap_or_clone)
    }

    /// The record of a key, which exists.
    pub fn get<T: Stored>(&self, key: &Key) -> T {
        self.find(key).unwrap()
    }

    pub fn globals(&self) -> Globals {
        self.get(&Key::globals())
    }

    pub fn params(&self) -> Params {
        self.get(&Key::params())
    }

    /// The reading of the evidence's clock.
    pub fn score_steps(&self) -> Steps {
        self.globals().score_steps(&self.params(), self.env.timestamp)
    }

    /// The reading of the revenue's clock.
    pub fn revenue_steps(&self) -> Steps {
        self.globals().revenue_steps(&self.params(), self.env.timestamp)
    }

    pub fn account(&self, who: Address) -> Account {
        self.get(&Key::account(&who))
    }

    pub fn balance(&self, who: Address) -> Amount {
        self.account(who).balance
    }

    /// The nonce of the account's next transaction; zero when there is no account.
    pub fn nonce(&self, who: Address) -> Nonce {
        let account: Option<Account> = self.find(&Key::account(&who));
        account.map_or(Nonce(0), |account| account.nonce)
    }

    /// The usual provider.
    pub fn provider(&self) -> Provider {
        self.provider_of(PROVIDER)
    }

    pub fn provider_of(&self, id: ProviderId) -> Provider {
        self.get(&Key::provider(id))
    }

    pub fn service(&self, id: ServiceId) -> Service {
        self.get(&Key::service(id))
    }

    /// The usual provider's public data.
    pub fn profile(&self) -> Profile {
        self.get(&Key::profile(PROVIDER))
    }

    pub fn terms(&self, id: ServiceId, version: u32) -> Terms {
        self.get(&Key::terms(id, version))
    }

    pub fn purchase(&self, id: PurchaseId) -> Purchase {
        self.get(&Key::purchase(&id))
    }

    pub fn registration(&self, who: Address) -> RegisterProvider {
        RegisterProvider {
            name: "Phishing Watch".into(),
            endpoint: "https://phishing.example/".into(),
            stake: tokens(50_000),
            nonce: self.nonce(who),
        }
    }

    pub fn provider_update(&self, who: Address) -> UpdateProvider {
        UpdateProvider {
            provider: PROVIDER,
            name: "Phishing Guard".into(),
            endpoint: "http://127.0.0.1:9000".into(),
            nonce: self.nonce(who),
        }
    }

    pub fn stake(&self, who: Address, amount: Amount) -> AddStake {
        AddStake {
            provider: PROVIDER,
            amount,
            nonce: self.nonce(who),
        }
    }

    pub fn service_terms(&self, who: Address) -> RegisterService {
        RegisterService {
            provider: PROVIDER,
            category: Category::ProactiveMeasures,
            description: "Screens domains\nagainst a list".into(),
            endpoint: String::new(),
            openapi: B256::ZERO,
            requests: 1_000,
            fee: tokens(100),
            min_duration: Seconds(HOUR),
            max_duration: Seconds(90 * DAY),
            components: Vec::new(),
            upstream_key: AccessKey(B256::ZERO),
            nonce: self.nonce(who),
        }
    }

    pub fn service_update(&self, who: Address) -> UpdateService {
        UpdateService {
            service: SERVICE,
            category: Category::TransactionSecurity,
            description: "Screens addresses".into(),
            endpoint: "https://addresses.example/v2".into(),
            openapi: B256::repeat_byte(0x0a),
            requests: 500,
            fee: tokens(60),
            min_duration: Seconds(2 * HOUR),
            max_duration: Seconds(30 * DAY),
            components: Vec::new(),
            upstream_key: AccessKey(B256::ZERO),
            active: true,
            nonce: self.nonce(who),
        }
    }

    /// A purchase of the usual service on its current terms, expiring after 30 days.
    pub fn order(&self, consumer: Address) -> message::Purchase {
        let service = self.service(SERVICE);
        message::Purchase {
            consumer,
            provider: service.provider,
            service: SERVICE,
            version: service.version,
            fee: service.fee,
            access_key: public(&access()),
            expires_at: Timestamp(self.now() + 30 * DAY),
            nonce: self.nonce(consumer),
        }
    }

    /// Buys the usual service.
    pub fn buy(&mut self, consumer: Address) -> PurchaseId {
        let order = self.order(consumer);
        self.ok(consumer, order.clone());
        order.id(&DOMAIN)
    }

    /// A delegation of 30 days to the key of these secret bytes.
    pub fn delegation(&self, who: Address, secret: &[u8; 32], limit: Amount) -> message::DelegatePurchaser {
        message::DelegatePurchaser {
            purchaser: public(&SigningKey::from_bytes(secret)),
            limit,
            expires_at: Timestamp(self.now() + 30 * DAY),
            nonce: self.nonce(who),
        }
    }

    /// Sets the usual service's fee, then buys it.
    pub fn buy_for(&mut self, consumer: Address, fee: Amount) -> PurchaseId {
        let mut service = self.service(SERVICE);
        service.fee = fee;
        self.plant(service);
        self.buy(consumer)
    }

    /// A report of `used` requests with a good voucher.
    pub fn report(&self, purchase: PurchaseId, used: u64) -> ReportUsage {
        let (voucher, signature) = voucher(&access(), purchase, used);
        ReportUsage {
            purchase,
            used: Sequence(used),
            voucher,
            signature,
            nonce: self.nonce(OWNER),
        }
    }

    pub fn claim(&self, who: Address) -> Claim {
        Claim {
            provider: PROVIDER,
            nonce: self.nonce(who),
        }
    }

    pub fn withdrawal(&self, who: Address, amount: Amount) -> Withdraw {
        Withdraw {
            recipient: who,
            amount,
            nonce: self.nonce(who),
        }
    }
}
