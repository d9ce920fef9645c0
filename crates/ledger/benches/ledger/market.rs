//! The market that is measured: providers with services, consumers with funds, and a stream of purchases.

use crate::state::State;
use rampart_ledger::{BlockEnv, GenesisOperator, Input, Params, Prepared, genesis};
use rampart_protocol::ed25519::is_acceptable_key;
use rampart_protocol::message::{Purchase, RegisterProvider, RegisterService};
use rampart_protocol::observation::Deposit;
use rampart_protocol::{
    AccessKey, Address, Amount, B256, Category, Domain, Message, Nonce, Observation, ProviderId, Seconds,
    ServiceId, Timestamp,
};

pub(crate) const DAY: u64 = 86_400;
/// 2026-01-01, so that times have the length that they have in use.
pub(crate) const START: u64 = 1_767_225_600;
/// What every package costs.
pub(crate) const FEE: Amount = Amount(5 * Amount::TOKEN.0);
/// Providers that one consumer buys from.
pub(crate) const CHOICE: u64 = 32;

/// SplitMix64 (Steele, Lea and Flood 2014): the same stream in each run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn word(&mut self) -> B256 {
        let mut word = B256::ZERO;
        for chunk in word.0.chunks_exact_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes());
        }
        word
    }

    fn key(&mut self) -> AccessKey {
        loop {
            let key = AccessKey(self.word());
            if is_acceptable_key(&key) {
                return key;
            }
        }
    }
}

/// How large the market is.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) providers: u64,
    pub(crate) services: u64,
    pub(crate) consumers: u64,
}

/// A ledger with everybody registered.
pub(crate) struct Market {
    pub(crate) state: State,
    pub(crate) env: BlockEnv,
    pub(crate) random: Random,
    pub(crate) size: Size,
    nonces: Vec<u64>,
    deposits: u64,
}

/// An account of a role by its number.
pub(crate) fn account(role: u64, number: u64) -> Address {
    Address::from_word(Random((role << 48) ^ number).word())
}

pub(crate) fn owner(provider: u64) -> Address {
    account(1, provider)
}

pub(crate) fn consumer(number: u64) -> Address {
    account(2, number)
}

/// A provider that a consumer buys from, by its place among those.
pub(crate) fn choice(consumer: u64, place: u64, providers: u64) -> u64 {
    Random(consumer * CHOICE + place).below(providers)
}

impl Market {
    pub(crate) fn new(size: Size, operators: &[GenesisOperator]) -> Self {
        let mut state = State::default();
        state.commit(genesis(&Params::default(), operators).unwrap());
        let mut market = Self {
            state,
            env: BlockEnv {
                domain: Domain {
                    chain_id: 59144,
                    settlement: Address::repeat_byte(0x5e),
                },
                height: 1,
                timestamp: Timestamp(START),
                epoch: 0,
            },
            random: Random(1),
            size,
            nonces: vec![0; usize::try_from(size.consumers).unwrap()],
            deposits: 0,
        };
        market.state.run(&market.env, &Input::Begin);
        for provider in 0..size.providers {
            market.open_provider(provider);
        }
        for number in 0..size.consumers {
            market.deposit(consumer(number), Amount(Amount::TOKEN.0 * 10_000_000));
        }
        market
    }

    pub(crate) fn at(&mut self, seconds: u64) {
        self.env.timestamp = Timestamp(seconds);
        self.env.height += 1;
    }

    pub(crate) fn input(&mut self, signer: Address, message: impl Into<Message>) -> Input {
        let id = self.random.word();
        Input::Transaction(Prepared::new(&self.env.domain, signer, id, message.into()))
    }

    pub(crate) fn send(&mut self, signer: Address, message: impl Into<Message>) {
        let input = self.input(signer, message);
        self.state.run(&self.env, &input);
    }

    fn deposit(&mut self, account: Address, amount: Amount) {
        let index = self.deposits;
        self.deposits += 1;
        let deposit = Deposit {
            index,
            account,
            amount,
            block_number: index,
            block_hash: B256::ZERO,
        };
        let input = Input::Observation(Observation::Deposit(deposit));
        self.state.run(&self.env, &input);
    }

    /// The provider `n` from 0 gets the id `n + 1`, its service `k` the id `n * services + k + 1`.
    fn open_provider(&mut self, provider: u64) {
        let (owner, stake) = (owner(provider), Amount(Amount::TOKEN.0 * 100_000_000));
        self.deposit(owner, stake);
        self.send(
            owner,
            RegisterProvider {
                name: format!("provider {provider}"),
                endpoint: format!("https://{provider}.example"),
                stake,
                nonce: Nonce(0),
            },
        );
        for service in 0..self.size.services {
            self.send(
                owner,
                RegisterService {
                    provider: ProviderId(provider + 1),
                    category: Category::TransactionSecurity,
                    description: "screens transactions".into(),
                    endpoint: String::new(),
                    openapi: B256::ZERO,
                    requests: 10_000,
                    fee: FEE,
                    min_duration: Seconds(DAY),
                    max_duration: Seconds(365 * DAY),
                    components: Vec::new(),
                    upstream_key: AccessKey(B256::ZERO),
                    nonce: Nonce(1 + service),
                },
            );
        }
    }

    /// A purchase by some consumer of some service of a provider that it buys from, with a fresh access key.
    pub(crate) fn any_purchase(&mut self) -> Purchase {
        let buyer = self.random.below(self.size.consumers);
        let place = self.random.below(CHOICE);
        let provider = choice(buyer, place, self.size.providers);
        let key = self.random.key();
        self.purchase(buyer, provider, key)
    }

    pub(crate) fn purchase(&mut self, buyer: u64, provider: u64, access_key: AccessKey) -> Purchase {
        let service = provider * self.size.services + self.random.below(self.size.services) + 1;
        let nonce = &mut self.nonces[usize::try_from(buyer).unwrap()];
        *nonce += 1;
        Purchase {
            consumer: consumer(buyer),
            provider: ProviderId(provider + 1),
            service: ServiceId(service),
            version: 1,
            fee: FEE,
            access_key,
            expires_at: Timestamp(self.env.timestamp.0 + 30 * DAY),
            nonce: Nonce(*nonce - 1),
        }
    }
}
