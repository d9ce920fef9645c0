//! Running the ledger's functions on finalised state: load what they ask for, and run again.

use crate::engine::Runtime;
use crate::storage::{StateError, StateReader};
use rampart_ledger::{Fault, Key, MAX_PAGES_PER_CLAIM, Missing, Record, View};
use std::collections::BTreeMap;

/// Rounds of loading; the longest question, a claim, reads one page a round.
const MAX_ROUNDS: usize = MAX_PAGES_PER_CLAIM + 64;

/// Records loaded so far.
pub(super) struct Loaded(BTreeMap<Key, Option<Record>>);

impl View for Loaded {
    fn get(&self, key: &Key) -> Result<Option<Record>, Missing> {
        self.0.get(key).cloned().ok_or(Missing(*key))
    }
}

/// Evaluates `function` on the final state. Rounds may see different blocks: the answer is for people, not for money.
pub(super) async fn evaluate<E: Runtime, T>(
    state: &StateReader<E>,
    mut wanted: Vec<Key>,
    function: impl Fn(&Loaded) -> Result<T, Fault>,
) -> Result<Result<T, Fault>, StateError> {
    let mut loaded = Loaded(BTreeMap::new());
    let mut rounds = 0;
    loop {
        let records = state.get_many(&wanted).await?;
        loaded.0.extend(wanted.drain(..).zip(records));
        match function(&loaded) {
            Err(Fault::Missing(key)) if rounds < MAX_ROUNDS => wanted.push(key),
            answer => return Ok(answer),
        }
        rounds += 1;
    }
}
