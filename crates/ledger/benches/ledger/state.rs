//! A state in a hash table, as fast as one can be: what is measured is the ledger and not its storage.
//!
//! Keys are told apart by their first eight bytes without hashing, as the node's index does it. Each place of the table is
//! one line of the processor's cache, so that a key is looked up with one access to memory. Old purchases are kept as
//! encoded bytes, since ten million shared records do not fit the memory that the benchmark allows itself.

use rampart_ledger::{BlockEnv, Changeset, Input, Key, Missing, Record, View, apply};
use std::hint::black_box;
use std::sync::Arc;

enum Entry {
    Live(Record),
    Encoded(Box<[u8]>),
    Deleted,
}

impl Entry {
    fn record(&self) -> Option<Record> {
        match self {
            Self::Live(record) => Some(record.clone()),
            Self::Encoded(bytes) => Some(Record::from_bytes(bytes).unwrap()),
            Self::Deleted => None,
        }
    }
}

/// A place of the table.
#[derive(Default)]
#[repr(align(64))]
struct Place(Option<(Key, Entry)>);

/// The state: a power of two of places, at most half of them taken. A key is at the first place from its own on that was
/// free when it came.
pub(crate) struct State {
    places: Vec<Place>,
    taken: usize,
}

impl Default for State {
    fn default() -> Self {
        Self {
            places: empty(1 << 10),
            taken: 0,
        }
    }
}

fn empty(count: usize) -> Vec<Place> {
    (0..count).map(|_| Place::default()).collect()
}

impl View for State {
    fn get(&self, key: &Key) -> Result<Option<Record>, Missing> {
        let place = &self.places[self.find(key)];
        Ok(place.0.as_ref().and_then(|(_, entry)| entry.record()))
    }
}

impl State {
    /// The place of a key, or the free one that it would take.
    fn find(&self, key: &Key) -> usize {
        let mask = self.places.len() - 1;
        let mut at = spread(key) & mask;
        loop {
            match &self.places[at].0 {
                Some((other, _)) if other != key => at = (at + 1) & mask,
                _ => return at,
            }
        }
    }

    /// Touches records that are about to be read, so that they are in the processor's cache by then. First all places, then
    /// all that they lead to: within each no access waits for another, so the processor makes several at once.
    #[allow(
        dead_code,
        reason = "the node's benchmark, which shares this file, measures its own storage"
    )]
    pub(crate) fn prefetch(&self, keys: &[Key]) {
        let mask = self.places.len() - 1;
        let own = keys.iter().map(|key| &self.places[spread(key) & mask]);
        black_box(own.filter(|place| place.0.is_some()).count());
        for key in keys {
            let Some((_, Entry::Live(record))) = &self.places[self.find(key)].0 else {
                continue;
            };
            // Both ends of a record, which lie on two lines of the cache.
            black_box(match record {
                Record::Account(record) => (Arc::strong_count(record), record.address[19]),
                Record::Pair(record) => (Arc::strong_count(record), record.consumer[19]),
                Record::Provider(record) => (Arc::strong_count(record), 0),
                Record::Service(record) => (Arc::strong_count(record), 0),
                _ => (0, 0),
            });
        }
    }

    fn set(&mut self, key: Key, entry: Entry) {
        let at = self.find(&key);
        match &mut self.places[at].0 {
            Some((_, old)) => *old = entry,
            free => {
                *free = Some((key, entry));
                self.taken += 1;
                if 2 * self.taken > self.places.len() {
                    self.reserve(self.taken);
                }
            }
        }
    }

    /// Makes room, so that no growth of the table is measured.
    pub(crate) fn reserve(&mut self, records: usize) {
        let needed = (2 * (self.taken + records)).next_power_of_two();
        if needed <= self.places.len() {
            return;
        }
        let old = std::mem::replace(&mut self.places, empty(needed));
        for (key, entry) in old.into_iter().filter_map(|place| place.0) {
            let at = self.find(&key);
            self.places[at].0 = Some((key, entry));
        }
    }

    /// Puts a record in without asking the ledger.
    pub(crate) fn plant(&mut self, record: impl Into<Record>) {
        let record = record.into();
        self.set(record.key(), Entry::Live(record));
    }

    /// The same with bytes.
    pub(crate) fn plant_bytes(&mut self, key: Key, bytes: Box<[u8]>) {
        self.set(key, Entry::Encoded(bytes));
    }

    pub(crate) fn commit(&mut self, changes: Changeset) {
        for (key, record) in changes.writes {
            self.set(key, record.map_or(Entry::Deleted, Entry::Live));
        }
    }

    /// Every record.
    #[allow(dead_code, reason = "for the node's benchmark, which shares this file")]
    pub(crate) fn records(&self) -> impl Iterator<Item = (Key, Record)> {
        let taken = self.places.iter().filter_map(|place| place.0.as_ref());
        taken.filter_map(|(key, entry)| Some((*key, entry.record()?)))
    }

    /// Applies an input that must succeed, and commits it.
    pub(crate) fn run(&mut self, env: &BlockEnv, input: &Input) {
        match apply(self, env, input) {
            Ok(changes) => self.commit(changes),
            Err(fault) => panic!("{fault}"),
        }
    }
}

/// The first eight bytes of a key, spread over the places, since ids in them may be consecutive; folded, so that each bit
/// of the key reaches the low bits, which choose the place.
fn spread(key: &Key) -> usize {
    let word = u64::from_be_bytes(*key.as_bytes().first_chunk().unwrap());
    let product = u128::from(word) * 0x9e37_79b9_7f4a_7c15_u128;
    usize::try_from((product >> 64) ^ (product & u128::from(u64::MAX))).unwrap()
}
