//! Splitting a purchase: many small ones never make more evidence, nor a better score for the tokens, than one large one.

use crate::history::world::{DAY, START, World, person, transaction};
use crate::history::{Chance, properties, public, tokens};
use ed25519_dalek::SigningKey;
use proptest::prelude::*;
use rampart_ledger::{Count, Decaying, Input, Params, purchase_evidence, score};
use rampart_protocol::message::{self, RegisterProvider, RegisterService};
use rampart_protocol::observation::Deposit;
use rampart_protocol::{
    AccessKey, Address, Amount, B256, Category, Nonce, Observation, Ppm, ProviderId, Seconds, Timestamp,
};

/// What rounding can make of a contribution, when it is stored and when it is read: two millionths of a unit of evidence.
const ROUNDING: u128 = 2;

/// Fees that one consumer pays at moments, and the provider's evidence at the end.
fn evidence(params: &Params, half_life: u64, before: u128, parts: &[(u64, u128)], end: u64) -> u128 {
    let clock = rampart_ledger::DecayClock::default();
    let at = |now| clock.at(Timestamp(START + now), Seconds(half_life));
    let (mut spent, mut positive) = (Decaying::of(before, at(0)).unwrap(), Decaying::NOTHING);
    for (now, fee) in parts {
        let made = purchase_evidence(params, spent.value(at(*now)), Amount(*fee)).unwrap();
        positive = positive.add(made.0, at(*now)).unwrap();
        spent = spent.add(*fee, at(*now)).unwrap();
    }
    positive.value(at(end))
}

/// Parameters of the multiplier, over what governance may set.
fn multipliers() -> impl Strategy<Value = Params> {
    (0..=500_000u32, 0..=5_000_000u32, 12..27u32, 0..=16u32).prop_map(|(cut, bonus, unit, cap)| {
        let params = Params {
            protocol_cut: Ppm(cut),
            repeat_bonus: Ppm(bonus),
            repeat_unit: Amount(10u128.pow(unit)),
            repeat_cap: Count(cap),
            ..Params::default()
        };
        params.validate().unwrap();
        params
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn a_fee_split_at_one_time_makes_no_more_evidence(
        params in multipliers(),
        before in 0..10u128.pow(24),
        fees in prop::collection::vec(0..10u128.pow(22), 1..12),
    ) {
        let whole = purchase_evidence(&params, before, Amount(fees.iter().sum())).unwrap().0;
        let (mut split, mut spent) = (0, before);
        for fee in fees {
            split += purchase_evidence(&params, spent, Amount(fee)).unwrap().0;
            spent += fee;
        }
        prop_assert!(split <= whole, "{split} {whole}");
    }

    #[test]
    fn a_fee_split_over_earlier_times_makes_no_more_evidence(
        params in multipliers(),
        before in 0..10u128.pow(24),
        mut parts in prop::collection::vec((0..90 * DAY, 0..10u128.pow(22)), 1..12),
    ) {
        parts.sort_unstable();
        let end = parts.last().unwrap().0;
        let sum = parts.iter().map(|(_, fee)| fee).sum();
        let whole = evidence(&params, 30 * DAY, before, &[(end, sum)], end);
        let split = evidence(&params, 30 * DAY, before, &parts, end);
        prop_assert!(split <= whole + ROUNDING, "{split} {whole}");
    }

    #[test]
    fn a_split_among_consumers_makes_no_more_evidence_than_one_consumer(
        params in multipliers(),
        before in 0..10u128.pow(24),
        fees in prop::collection::vec(0..10u128.pow(22), 1..12),
    ) {
        let whole = purchase_evidence(&params, before, Amount(fees.iter().sum())).unwrap().0;
        let strangers: u128 = fees.iter().map(|fee| purchase_evidence(&params, 0, Amount(*fee)).unwrap().0).sum();
        prop_assert!(strangers <= whole, "{strangers} {whole}");
    }
}

/// One provider with a stake for anything, and one rich consumer.
struct Market {
    world: World,
    owner: Address,
    consumer: Address,
}

impl Market {
    fn new() -> Self {
        let mut market = Self {
            world: World::new(&Params::default(), &[]),
            owner: person(0x0e, 0),
            consumer: person(0xc0, 0),
        };
        for (index, account) in (0..).zip([market.owner, market.consumer]) {
            market.apply(&Input::Observation(Observation::Deposit(Deposit {
                index,
                account,
                amount: tokens(2_000_000),
                block_number: 1,
                block_hash: B256::ZERO,
            })));
        }
        let registration = RegisterProvider {
            name: "Phishing Watch".into(),
            endpoint: "https://phishing.example/".into(),
            stake: tokens(1_000_000),
            nonce: Nonce(0),
        };
        market.apply(&transaction(market.owner, registration.into()));
        market
    }

    fn apply(&mut self, input: &Input) {
        properties::step(&mut self.world, input).unwrap();
    }

    /// Offers a service for a fee, and buys it.
    fn buy_for(&mut self, fee: Amount) {
        let service = self.world.globals().next_service;
        let offer = RegisterService {
            provider: ProviderId(1),
            category: Category::General,
            description: "Screens".into(),
            endpoint: String::new(),
            openapi: B256::ZERO,
            requests: 10,
            fee,
            min_duration: Seconds(3_600),
            max_duration: Seconds(DAY),
            components: Vec::new(),
            upstream_key: AccessKey::default(),
            nonce: self.world.nonce(self.owner),
        };
        self.apply(&transaction(self.owner, offer.into()));
        let order = message::Purchase {
            consumer: self.consumer,
            provider: ProviderId(1),
            service,
            version: 1,
            fee,
            access_key: public(&SigningKey::from_bytes(&[7; 32])),
            expires_at: Timestamp(self.world.now() + DAY),
            nonce: self.world.nonce(self.consumer),
        };
        self.apply(&transaction(self.consumer, order.into()));
    }

    fn score(&self) -> Ppm {
        let (params, globals) = (self.world.params(), self.world.globals());
        let provider = self.world.provider(ProviderId(1)).unwrap();
        score(&params, &globals, &provider, self.world.env.timestamp)
    }
}

#[test]
fn the_same_tokens_in_many_purchases_never_earn_a_better_score() {
    for parts in [2u64, 3, 10, 37] {
        for together in [true, false] {
            let mut chance = Chance::seeded(parts);
            let (mut one, mut many) = (Market::new(), Market::new());
            for _ in 0..parts {
                let later = if together { 0 } else { chance.below(5 * DAY) };
                one.world.env.timestamp.0 += later;
                many.world.env.timestamp.0 += later;
                many.buy_for(tokens(40));
            }
            one.buy_for(tokens(u128::from(parts) * 40));
            let (one, many) = (one.score(), many.score());
            assert!(many <= one, "{parts} purchases: {many}, one: {one}");
            assert_eq!(many == one, together, "{parts} purchases: {many}, one: {one}");
        }
    }
}
