//! Who plays in the example, and how they speak to the ledger.

use crate::history::world::{START, World, transaction};
use crate::history::{properties, public, tokens};
use ed25519_dalek::SigningKey;
use rampart_ledger::{
    Event, GenesisOperator, Input, Investor, Key, Operator, Params, Provider, Purchase, Review, accrued,
    review_fee, score,
};
use rampart_protocol::message::{self, RegisterProvider, RegisterService};
use rampart_protocol::observation::{Deposit, Governance, InvestorWeight, ParameterChange, SetParameters};
use rampart_protocol::{
    AccessKey, Address, Amount, B256, Category, Domain, Message, Observation, Ppm, ProviderId, PurchaseId,
    Seconds, ServiceId, Timestamp,
};
use std::sync::Arc;

pub const ADA: Address = Address::repeat_byte(0xad);
pub const BEN: Address = Address::repeat_byte(0xbe);
pub const CLEO: Address = Address::repeat_byte(0xc1);
pub const DAN: Address = Address::repeat_byte(0xda);
pub const EVE: Address = Address::repeat_byte(0xee);
pub const PIA: Address = Address::repeat_byte(0x91);
pub const QUIN: Address = Address::repeat_byte(0x92);
pub const OLGA: Address = Address::repeat_byte(0x01);
pub const OMAR: Address = Address::repeat_byte(0x02);
pub const INES: Address = Address::repeat_byte(0x11);
pub const IVAN: Address = Address::repeat_byte(0x12);

/// Everybody, in the order of the tables.
pub const CAST: &[(Address, &str)] = &[
    (ADA, "Ada"),
    (BEN, "Ben"),
    (CLEO, "Cleo"),
    (DAN, "Dan"),
    (EVE, "Eve"),
    (PIA, "Pia"),
    (QUIN, "Quin"),
    (OLGA, "Olga"),
    (OMAR, "Omar"),
    (INES, "Ines"),
    (IVAN, "Ivan"),
];

pub fn name(who: Address) -> &'static str {
    CAST.iter()
        .find(|(address, _)| *address == who)
        .map_or("nobody", |(_, name)| name)
}

pub fn access() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

/// The ledger of the example. Whatever is not said to fail must succeed.
pub struct Story {
    pub world: World,
}

impl Story {
    pub fn begin() -> Self {
        let operator = |address, stake, commission| GenesisOperator {
            address,
            stake,
            commission: Ppm(commission),
            seat: None,
        };
        let operators = [operator(OLGA, 600, 100_000), operator(OMAR, 400, 200_000)];
        let mut story = Self {
            world: World::new(&Params::default(), &operators),
        };
        story.world.env.timestamp = Timestamp(START);
        story.apply(&Input::Begin);
        story
    }

    pub fn apply(&mut self, input: &Input) -> Vec<Event> {
        let changes = properties::step(&mut self.world, input).unwrap();
        properties::whole_state_holds(&self.world);
        changes.events
    }

    /// A later block: seconds since the beginning.
    pub fn at(&mut self, seconds: u64) -> Vec<Event> {
        self.world.env.timestamp = Timestamp(START + seconds);
        self.world.env.height += 1;
        self.apply(&Input::Begin)
    }

    pub fn send(&mut self, who: Address, message: impl Into<Message>) -> Vec<Event> {
        self.apply(&transaction(who, message.into()))
    }

    pub fn deposit(&mut self, account: Address, amount: Amount) {
        let index = self.world.globals().inbox_count;
        self.apply(&Input::Observation(Observation::Deposit(Deposit {
            index,
            account,
            amount,
            block_number: 1,
            block_hash: B256::ZERO,
        })));
    }

    pub fn restake(&mut self, investor: Address, operator: Address, weight: u128) {
        let index = self.world.globals().restaking_count;
        self.apply(&Input::Observation(Observation::InvestorWeight(InvestorWeight {
            index,
            operator,
            investor,
            weight,
            block_number: 1,
            block_hash: B256::ZERO,
        })));
    }

    /// Governance sets a parameter.
    pub fn govern(&mut self, name: &str, value: u128) {
        let index = self.world.globals().restaking_count;
        let change = ParameterChange {
            name: name.into(),
            value,
        };
        let events = self.apply(&Input::Observation(Observation::Governance(Governance {
            index,
            action: SetParameters {
                changes: vec![change],
            }
            .into(),
            block_number: 1,
            block_hash: B256::ZERO,
        })));
        assert_eq!(events, [Event::ParametersSet { count: 1 }]);
    }

    /// A negative review of a purchase, at the fee that is asked.
    pub fn review(&mut self, who: Address, purchase: PurchaseId) {
        let bought: Arc<Purchase> = self.world.get(Key::purchase(&purchase)).unwrap();
        let message = message::Review {
            purchase,
            fee: review_fee(&self.world.params(), bought.record.fee).unwrap(),
            comment: "it let a drainer through".into(),
            evidence: B256::ZERO,
            nonce: self.world.nonce(who),
        };
        self.send(who, message);
    }

    /// The owner challenges a review.
    pub fn challenge(&mut self, who: Address, purchase: PurchaseId) {
        let review: Arc<Review> = self.world.get(Key::review(&purchase)).unwrap();
        let message = message::Challenge {
            purchase,
            bond: review.fee,
            evidence: B256::ZERO,
            nonce: self.world.nonce(who),
        };
        self.send(who, message);
    }

    pub fn register(&mut self, owner: Address, called: &str, fee: u128, requests: u64) {
        let provider = self.world.globals().next_provider;
        let registration = RegisterProvider {
            name: called.into(),
            endpoint: "https://api.example/".into(),
            stake: tokens(5_000),
            nonce: self.world.nonce(owner),
        };
        self.send(owner, registration);
        let offer = RegisterService {
            provider,
            category: Category::ProactiveMeasures,
            description: called.into(),
            endpoint: String::new(),
            openapi: B256::ZERO,
            requests,
            fee: tokens(fee),
            min_duration: Seconds(3_600),
            max_duration: Seconds(90 * 86_400),
            components: Vec::new(),
            upstream_key: AccessKey::default(),
            nonce: self.world.nonce(owner),
        };
        self.send(owner, offer);
    }

    /// Buys for 30 days.
    pub fn buy(&mut self, consumer: Address, service: u64) -> PurchaseId {
        let service = self.world.service(ServiceId(service)).unwrap();
        let order = message::Purchase {
            consumer,
            provider: service.provider,
            service: service.id,
            version: service.version,
            fee: service.fee,
            access_key: public(&access()),
            expires_at: Timestamp(self.world.now() + 30 * 86_400),
            nonce: self.world.nonce(consumer),
        };
        let domain: Domain = self.world.env.domain;
        let id = order.id(&domain);
        self.send(consumer, order);
        id
    }

    pub fn provider(&self, id: u64) -> Arc<Provider> {
        self.world.provider(ProviderId(id)).unwrap()
    }

    pub fn score(&self, id: u64) -> Ppm {
        let (params, globals) = (self.world.params(), self.world.globals());
        score(&params, &globals, &self.provider(id), self.world.env.timestamp)
    }

    pub fn balance(&self, who: Address) -> Amount {
        self.world.account(who).unwrap().balance
    }

    /// What an operator itself is owed.
    pub fn owed(&self, operator: Address) -> Amount {
        self.world.get::<Operator>(Key::operator(&operator)).unwrap().owed
    }

    /// What an investor of an operator is owed.
    pub fn accrued(&self, operator: Address, investor: Address) -> Amount {
        let at: Arc<Operator> = self.world.get(Key::operator(&operator)).unwrap();
        let investor: Arc<Investor> = self.world.get(Key::investor(&operator, &investor)).unwrap();
        accrued(&at, &investor).unwrap()
    }
}

/// What was added to an amount.
pub fn gain(after: Amount, before: Amount) -> Amount {
    after.checked_sub(before).unwrap()
}
