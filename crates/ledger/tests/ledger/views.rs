//! Views and hints: what is loaded decides how often one asks, never what is answered.

use crate::world::*;
use rampart_ledger::{Fault, Input, Key, MemoryState, Missing, Record, View, apply, reads};
use rampart_protocol::Message;

/// Knows nothing.
struct Nothing;

impl View for Nothing {
    fn get(&self, key: &Key) -> Result<Option<Record>, Missing> {
        Err(Missing(*key))
    }
}

fn messages(world: &mut World) -> Vec<Input> {
    let id = world.buy(ALICE);
    world.advance(40 * DAY);
    let owned = [
        Message::from(world.provider_update(OWNER)),
        world.stake(OWNER, tokens(1)).into(),
        world.service_terms(OWNER).into(),
        world.service_update(OWNER).into(),
        world.report(id, 3).into(),
        world.claim(OWNER).into(),
        world.withdrawal(OWNER, tokens(1)).into(),
    ];
    let mut inputs: Vec<_> = owned.into_iter().map(|m| World::transaction(OWNER, m)).collect();
    inputs.push(World::transaction(RIVAL, world.registration(RIVAL)));
    inputs.push(World::transaction(BOB, world.order(BOB)));
    inputs.push(world.observed(STRANGER, tokens(1)));
    inputs.push(world.observed(ALICE, tokens(1)));
    inputs
}

#[test]
fn what_is_not_loaded_is_named() {
    let mut world = World::market();
    for input in messages(&mut world) {
        let answer = apply(&Nothing, &world.env, &input);
        assert!(matches!(answer, Err(Fault::Missing(_))), "{answer:?}");
    }
    let deposit = world.observed(ALICE, tokens(1));
    assert_eq!(
        apply(&Nothing, &world.env, &deposit),
        Err(Fault::Missing(Key::globals()))
    );
}

#[test]
fn a_hint_leaves_at_most_one_record_to_ask_for() {
    let mut world = World::market();
    for input in messages(&mut world) {
        let hints = reads(&input);
        let (result, missing) = Lazy::new(&world.state, &hints).apply(&world.env, &input);
        result.unwrap();
        assert!(missing.len() <= 1, "{input:?}: {missing:?}");
    }
}

#[test]
fn a_new_name_writes_the_account_and_the_profile() {
    let mut world = World::market();
    let changes = world
        .apply(World::transaction(OWNER, world.provider_update(OWNER)))
        .unwrap();
    let written: Vec<Key> = changes.writes.keys().copied().collect();
    let mut expected = vec![Key::account(&OWNER), Key::profile(PROVIDER)];
    expected.sort();
    assert_eq!(written, expected);
}

#[test]
fn a_memory_state_keeps_replaces_and_deletes() {
    let mut world = World::market();
    let key = Key::account(&ALICE);
    assert!(world.state.record(&key).is_some());
    assert_eq!(world.state.get(&key), Ok(world.state.record(&key).cloned()));
    world.unplant(key);
    assert_eq!(world.state.get(&key), Ok(None));
    assert_eq!(MemoryState::default().records().count(), 0);
    assert_eq!(world.state.records().filter(|(at, _)| **at == key).count(), 0);
}
