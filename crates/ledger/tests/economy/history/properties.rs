//! What must hold after every input, and now and then over the whole state.

use super::world::{DOMAIN, World, apply_lazily, root};
use rampart_ledger::{
    Account, BlockEnv, Changeset, Committee, Event, Fault, Globals, Input, Key, MemoryState, Params,
    Provider, Record, Stored, apply, audit, exit_amount, required_stake, score, standing, wait,
};
use rampart_protocol::{Amount, B256, Ppm, Timestamp};
use std::sync::Arc;

/// Applies an input and checks all that must hold of one. Returns what `apply` said.
pub fn step(world: &mut World, input: &Input) -> Result<Changeset, Fault> {
    let result = apply(&world.state, &world.env, input);
    reads_are_answered(world, input, &result);
    no_input_finds_the_state_corrupt(input, &result);
    begin_never_rejects(input, &result);
    if let Ok(changes) = &result {
        refused_decisions_change_only_their_counter(world, changes);
        claims_never_exceed_escrow(world, changes);
        counters_never_fall(world, changes);
        world.state.commit(changes.clone());
        globals_balance(world);
        providers_are_in_range(world, changes);
    }
    result
}

/// An input over a view that holds only what was asked for comes out the same.
fn reads_are_answered(world: &World, input: &Input, result: &Result<Changeset, Fault>) {
    let lazily = apply_lazily(&world.state, &world.env, input);
    assert_eq!(&lazily, result, "what is loaded changes the outcome of {input:?}");
}

fn no_input_finds_the_state_corrupt(input: &Input, result: &Result<Changeset, Fault>) {
    if let Err(fault @ (Fault::Corrupt(_) | Fault::Missing(_))) = result {
        panic!("{fault} at {input:?}");
    }
}

/// A block can always begin, and everything that is due can be done.
fn begin_never_rejects(input: &Input, result: &Result<Changeset, Fault>) {
    if *input == Input::Begin {
        let changes = result.as_ref().expect("a block can begin");
        for event in &changes.events {
            assert!(!matches!(event, Event::DeadlineFailed { .. }), "{event:?}");
        }
    }
}

/// A forced message or a decision of governance that is refused is counted, and changes nothing else.
fn refused_decisions_change_only_their_counter(world: &World, changes: &Changeset) {
    for event in &changes.events {
        let mut expected = Globals::clone(&world.globals());
        match event {
            Event::ForcedRefused { .. } => expected.inbox_count += 1,
            Event::GovernanceRefused { .. } => expected.restaking_count += 1,
            _ => continue,
        }
        assert_eq!(changes.events.len(), 1, "{changes:?}");
        let writes: Vec<_> = changes.writes.iter().collect();
        let expected = Some(Record::from(expected));
        assert_eq!(writes, [(&Key::globals(), &expected)]);
    }
}

/// A claim takes what the waiting period lets go and no more, and that leaves the escrow to the unit.
fn claims_never_exceed_escrow(world: &World, changes: &Changeset) {
    for event in &changes.events {
        let Event::Claimed { provider, amount, .. } = event else {
            continue;
        };
        let before = world.provider(*provider).expect("a claim names a provider");
        let params = world.params();
        let standing = standing(
            &world.state,
            &params,
            &world.globals(),
            &before,
            world.env.timestamp,
        );
        assert_eq!(standing.expect("nothing is missing").claimable, *amount);
        assert!(*amount <= before.escrow.total);
        let after =
            written::<Provider>(changes, &Key::provider(*provider)).expect("a claim writes the provider");
        assert_eq!(before.escrow.total.checked_sub(*amount), Some(after.escrow.total));
    }
}

/// Counters and sums of all time only grow.
fn counters_never_fall(world: &World, changes: &Changeset) {
    let Some(after) = written::<Globals>(changes, &Key::globals()) else {
        return;
    };
    let before = world.globals();
    let counters = |g: &Globals| {
        [
            g.inbox_count.into(),
            g.restaking_count.into(),
            g.accounts.into(),
            g.purchases.into(),
            g.withdrawals.into(),
            g.epoch.number.into(),
            g.deposited.0,
            g.withdrawn.0,
        ]
    };
    let pairs = counters(&before).into_iter().zip(counters(&after));
    assert!(pairs.into_iter().all(|(before, after)| before <= after));
}

fn globals_balance(world: &World) {
    world.globals().check().expect("the books balance");
}

/// The score of every provider that was written is a fraction, and its wait lies between the two ends.
fn providers_are_in_range(world: &World, changes: &Changeset) {
    let (params, globals) = (world.params(), world.globals());
    for record in changes.writes.values().flatten() {
        let Record::Provider(provider) = record else {
            continue;
        };
        let score = score(&params, &globals, provider, world.env.timestamp);
        assert!(score <= Ppm::ONE);
        let wait = wait(&params, score);
        assert!(params.wait_min <= wait && wait <= params.wait_max);
    }
}

/// More evidence against a provider never raises its score, and a lower score never shortens the wait nor lowers the
/// deposit.
pub fn standing_is_monotone(world: &World, provider: &Provider, good: u128, bad: u128) {
    let (params, globals, now) = (world.params(), world.globals(), world.env.timestamp);
    let at = globals.score_steps(&params, now);
    let mut worse = provider.clone();
    let mut better = provider.clone();
    worse.negative = provider.negative.add(bad, at).expect("small evidence");
    better.positive = provider.positive.add(good, at).expect("small evidence");
    let of = |p: &Provider| {
        let score = score(&params, &globals, p, now);
        let stake = required_stake(&params, &globals, p, now).expect("no overflow");
        (score, wait(&params, score), stake)
    };
    for (low, high) in [(of(&worse), of(provider)), (of(provider), of(&better))] {
        assert!(
            low.0 <= high.0 && low.1 >= high.1 && low.2 >= high.2,
            "{low:?} {high:?}"
        );
    }
}

/// The slow checks over a whole state.
pub fn whole_state_holds(world: &World) {
    if let Err(error) = audit(&world.state) {
        panic!("{error}");
    }
    exits_and_pools_are_the_deposits(world);
    committees_can_go_on(world);
}

/// Committees can sign, whoever sits has its own keys, and no more keys are new than consensus can do without.
fn committees_can_go_on(world: &World) {
    let drawn = world.globals().committee;
    let [now, next] = [drawn - 1, drawn].map(|epoch| {
        let committee: Option<Arc<Committee>> = world.get(Key::committee(epoch));
        committee.expect("the audit found it").operator_set(DOMAIN)
    });
    if next.operators.is_empty() {
        assert!(now.operators.is_empty(), "a committee vanishes");
        return;
    }
    next.validate().expect("a committee is a set of operators");
    let known = |key| now.operators.iter().any(|o| o.public_key == key);
    let fresh = next.operators.iter().filter(|o| !known(o.public_key)).count();
    assert!(fresh <= (next.operators.len() - 1) / 3, "{fresh} new keys");
    let least = usize::try_from(world.params().seats_min.0)
        .expect("it is small")
        .min(now.operators.len());
    assert!(next.operators.len() >= least);
}

/// What everybody could leave with, and the pools that nobody owns yet, are the deposits less the withdrawals.
fn exits_and_pools_are_the_deposits(world: &World) {
    let globals = world.globals();
    let mut sum = Amount::ZERO;
    let mut add = |part: Amount| sum = sum.checked_add(part).expect("sums stay in 128 bits");
    for (_, record) in world.state.records() {
        if let Record::Account(account) = record {
            let account: &Account = account;
            let provider = account.owned_provider().and_then(|id| world.provider(id));
            add(exit_amount(account, provider.as_deref()));
        }
    }
    for pool in [
        globals.pool,
        globals.treasury,
        globals.rewards,
        globals.compensation,
    ] {
        add(pool);
    }
    assert_eq!(Some(sum), globals.deposited.checked_sub(globals.withdrawn));
}

/// The same inputs from the same start give the same bytes; `between` may touch the state before each of them.
pub fn replay(
    start: &MemoryState,
    log: &[(BlockEnv, Input)],
    mut between: impl FnMut(&mut World, usize, &Changeset),
) -> World {
    let mut world = World {
        state: start.clone(),
        env: BlockEnv::default(),
    };
    for (number, (env, input)) in log.iter().enumerate() {
        world.env = *env;
        let changes = apply(&world.state, env, input).expect("what was applied once is applied again");
        world.state.commit(changes.clone());
        between(&mut world, number, &changes);
    }
    world
}

/// A replay ends in the same state.
pub fn replays_to(start: &MemoryState, log: &[(BlockEnv, Input)], expected: B256) {
    let again = replay(start, log, |_, _, _| {});
    assert_eq!(root(&again.state), expected, "a replay ends in another state");
}

/// The wait of every score is no longer than that of a lower one.
pub fn wait_is_monotone(params: &Params, low: u32, high: u32) {
    let (low, high) = (low.min(high), low.max(high));
    assert!(wait(params, Ppm(low)) >= wait(params, Ppm(high)));
}

/// A record that a change writes.
fn written<T: Stored>(changes: &Changeset, key: &Key) -> Option<Arc<T>> {
    changes.writes.get(key)?.clone().and_then(T::from_record)
}

/// The moments at which values are compared: now, and later ones.
pub fn moments(now: Timestamp) -> impl Iterator<Item = Timestamp> {
    [0, 1, 3_600, 86_400, 30 * 86_400, 31 * 86_400 + 7, 400 * 86_400]
        .into_iter()
        .map(move |later| Timestamp(now.0 + later))
}
