//! A state in a hash map, as fast as one can be: what is measured is the ledger and not its storage.
//!
//! Keys are told apart by their first eight bytes without hashing, as the node's index does it. Old purchases are kept as
//! encoded bytes, since ten million shared records do not fit the memory that the benchmark allows itself.

use rampart_ledger::{BlockEnv, Changeset, Input, Key, Missing, Record, View, apply};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Spreads the first eight bytes of a key; ids in them may be consecutive.
#[derive(Default)]
pub(crate) struct FirstEight(u64);

impl Hasher for FirstEight {
    fn write(&mut self, bytes: &[u8]) {
        let first = bytes.first_chunk().copied().unwrap_or_default();
        let (word, odd) = (u64::from_be_bytes(first), 0x9e37_79b9_7f4a_7c15_u64);
        let high = (u128::from(word) * u128::from(odd)) >> 64;
        // Folded, so that each bit of the key reaches the low bits, which choose a place, and the high ones.
        self.0 = high as u64 ^ word.wrapping_mul(odd);
    }

    fn write_usize(&mut self, _length: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

enum Entry {
    Live(Record),
    Encoded(Box<[u8]>),
}

impl Entry {
    fn record(&self) -> Record {
        match self {
            Self::Live(record) => record.clone(),
            Self::Encoded(bytes) => Record::from_bytes(bytes).unwrap(),
        }
    }
}

/// The state.
#[derive(Default)]
pub(crate) struct State {
    entries: HashMap<Key, Entry, BuildHasherDefault<FirstEight>>,
}

impl View for State {
    fn get(&self, key: &Key) -> Result<Option<Record>, Missing> {
        Ok(self.entries.get(key).map(Entry::record))
    }
}

impl State {
    /// Makes room, so that no growth of the table is measured.
    pub(crate) fn reserve(&mut self, records: usize) {
        self.entries.reserve(records);
    }

    /// Puts a record in without asking the ledger.
    pub(crate) fn plant(&mut self, record: impl Into<Record>) {
        let record = record.into();
        self.entries.insert(record.key(), Entry::Live(record));
    }

    /// The same with bytes.
    pub(crate) fn plant_bytes(&mut self, key: Key, bytes: Box<[u8]>) {
        self.entries.insert(key, Entry::Encoded(bytes));
    }

    pub(crate) fn commit(&mut self, changes: Changeset) {
        for (key, record) in changes.writes {
            match record {
                Some(record) => self.entries.insert(key, Entry::Live(record)),
                None => self.entries.remove(&key),
            };
        }
    }

    /// Every record.
    #[allow(dead_code, reason = "for the node's benchmark, which shares this file")]
    pub(crate) fn records(&self) -> impl Iterator<Item = (Key, Record)> {
        self.entries.iter().map(|(key, entry)| (*key, entry.record()))
    }

    /// Applies an input that must succeed, and commits it.
    pub(crate) fn run(&mut self, env: &BlockEnv, input: &Input) {
        match apply(self, env, input) {
            Ok(changes) => self.commit(changes),
            Err(fault) => panic!("{fault}"),
        }
    }
}
