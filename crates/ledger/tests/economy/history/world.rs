//! A ledger in memory, and the view that holds only what was asked for.

use rampart_ledger::{
    Account, BlockEnv, Changeset, Fault, GenesisOperator, GenesisSeat, Globals, Input, Key, MemoryState,
    Missing, Params, Prepared, Provider, Record, Service, Stored, View, apply, genesis, read, reads,
};
use rampart_protocol::{
    Address, B256, Domain, Message, Nonce, Ppm, ProviderId, ServiceId, Timestamp, keccak256,
};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

pub const DAY: u64 = 86_400;
/// When histories begin: a whole number of 30 days, in 2025.
pub const START: u64 = 680 * 30 * DAY;
pub const DOMAIN: Domain = Domain {
    chain_id: 59_144,
    settlement: Address::repeat_byte(0x5e),
};

/// Somebody: a role, and a number in it.
pub fn person(role: u8, number: u64) -> Address {
    let mut bytes = [role; 20];
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    Address::from(bytes)
}

/// An operator, and what it begins with.
pub fn operator(number: u64, stake: u128) -> GenesisOperator {
    GenesisOperator {
        address: person(0x0a, number),
        stake,
        commission: Ppm(100_000),
        seat: Some(GenesisSeat {
            consensus_key: person(0x0a, number).into_word(),
            checkpoint_key: person(0xc4, number),
            weight: 1,
        }),
    }
}

/// A state, and the block that is being executed.
#[derive(Clone)]
pub struct World {
    pub state: MemoryState,
    pub env: BlockEnv,
}

impl World {
    pub fn new(params: &Params, operators: &[GenesisOperator]) -> Self {
        Self {
            state: MemoryState::new(genesis(params, operators).expect("the parameters are possible")),
            env: BlockEnv {
                domain: DOMAIN,
                height: 1,
                timestamp: Timestamp(START),
                epoch: 0,
            },
        }
    }

    pub fn now(&self) -> u64 {
        self.env.timestamp.0
    }

    pub fn get<T: Stored>(&self, key: Key) -> Option<Arc<T>> {
        read(&self.state, &key).expect("a whole state misses nothing")
    }

    pub fn globals(&self) -> Arc<Globals> {
        self.get(Key::globals()).expect("genesis was applied")
    }

    pub fn params(&self) -> Arc<Params> {
        self.get(Key::params()).expect("genesis was applied")
    }

    pub fn account(&self, who: Address) -> Option<Arc<Account>> {
        self.get(Key::account(&who))
    }

    pub fn nonce(&self, who: Address) -> Nonce {
        self.account(who).map_or(Nonce(0), |account| account.nonce)
    }

    pub fn provider(&self, id: ProviderId) -> Option<Arc<Provider>> {
        self.get(Key::provider(id))
    }

    pub fn service(&self, id: ServiceId) -> Option<Arc<Service>> {
        self.get(Key::service(id))
    }

    /// Puts a record there behind the ledger's back.
    pub fn plant(&mut self, record: impl Into<Record>) {
        let record = record.into();
        let mut changes = Changeset::default();
        changes.writes.insert(record.key(), Some(record));
        self.state.commit(changes);
    }
}

/// A message as its signer's transaction.
pub fn transaction(signer: Address, message: Message) -> Input {
    let id = keccak256(message.to_bytes());
    Input::Transaction(Prepared::new(&DOMAIN, signer, id, message))
}

/// Applies an input over a view that holds the hint, and then what was asked for, and nothing else.
pub fn apply_lazily(state: &MemoryState, env: &BlockEnv, input: &Input) -> Result<Changeset, Fault> {
    let hints = reads(input);
    let loaded = hints.into_iter().map(|key| (key, state.record(&key).cloned()));
    let lazy = Lazy(RefCell::new(loaded.collect()));
    loop {
        match apply(&lazy, env, input) {
            Err(Fault::Missing(key)) => {
                let known = lazy.0.borrow_mut().insert(key, state.record(&key).cloned());
                assert!(known.is_none(), "{key} was loaded and asked for again");
            }
            done => return done,
        }
    }
}

struct Lazy(RefCell<BTreeMap<Key, Option<Record>>>);

impl View for Lazy {
    fn get(&self, key: &Key) -> Result<Option<Record>, Missing> {
        self.0.borrow().get(key).cloned().ok_or(Missing(*key))
    }
}

/// One digest of a whole state: keccak-256 over every key and every record's bytes.
pub fn root(state: &MemoryState) -> B256 {
    let mut bytes = Vec::new();
    for (key, record) in state.records() {
        bytes.extend_from_slice(key.as_bytes());
        bytes.extend_from_slice(keccak256(record.to_bytes()).as_slice());
    }
    keccak256(bytes)
}
