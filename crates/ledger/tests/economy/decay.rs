//! Lazy decay: whoever looks at a sum early never changes what it is worth later, and what was taken out again was
//! never there.

use crate::history::properties::{moments, replay};
use crate::history::world::{DAY, START, World};
use crate::history::{Chance, History};
use rampart_ledger::{DecayClock, Decaying, Input, Key, Pair, Params, Provider, Record};
use rampart_protocol::observation::{Governance, GovernanceAction, ParameterChange, SetParameters};
use rampart_protocol::{Observation, ProviderId, Seconds, Timestamp};

/// Brings every sum of a record to the present, without adding to it.
fn touched(world: &World, record: &Record) -> Option<Record> {
    let (params, globals, now) = (world.params(), world.globals(), world.env.timestamp);
    let score = |sum: &Decaying| sum.add(0, globals.score_steps(&params, now)).unwrap();
    match record {
        Record::Provider(provider) => {
            let mut provider = Provider::clone(provider);
            provider.positive = score(&provider.positive);
            provider.negative = score(&provider.negative);
            let at = globals.revenue_steps(&params, now);
            provider.revenue = provider.revenue.add(0, at).unwrap();
            Some(provider.into())
        }
        Record::Pair(pair) => Some(
            Pair {
                spent: score(&pair.spent),
                ..Pair::clone(pair)
            }
            .into(),
        ),
        _ => None,
    }
}

/// What every sum of a state is worth at a moment.
fn values(world: &World, now: Timestamp) -> Vec<(Key, [u128; 3])> {
    let (params, globals) = (world.params(), world.globals());
    let (score, revenue) = (
        globals.score_steps(&params, now),
        globals.revenue_steps(&params, now),
    );
    let records = world.state.records();
    let worth = records.filter_map(|(key, record)| match record {
        Record::Provider(p) => Some((
            *key,
            [
                p.positive.value(score),
                p.negative.value(score),
                p.revenue.value(revenue),
            ],
        )),
        Record::Pair(pair) => Some((*key, [pair.spent.value(score), 0, 0])),
        _ => None,
    });
    worth.collect()
}

#[test]
fn touching_providers_and_pairs_early_never_changes_a_later_value() {
    for seed in 100..104 {
        println!("seed {seed}");
        let mut history = History::new(Chance::seeded(seed), &Params::default(), u64::MAX);
        history.run(1_500);
        let half_lives = history.log.iter().filter(|(_, input)| changes_half_life(input));
        println!("{} changes of half-lives", half_lives.count());
        let mut chance = Chance::seeded(seed);
        let mut touches = 0;
        let twin = replay(&history.start, &history.log, |world, _, _| {
            if !chance.one_in(4) {
                return;
            }
            let all: Vec<Record> = if chance.one_in(50) {
                world.state.records().map(|(_, record)| record.clone()).collect()
            } else {
                let id = ProviderId(1 + chance.below(world.globals().next_provider.0));
                world
                    .state
                    .record(&Key::provider(id))
                    .cloned()
                    .into_iter()
                    .collect()
            };
            for record in all
                .iter()
                .filter_map(|record| touched(world, record))
                .collect::<Vec<_>>()
            {
                world.plant(record);
                touches += 1;
            }
        });
        assert!(touches > 500, "{touches}");
        for now in moments(history.world.env.timestamp) {
            assert_eq!(values(&history.world, now), values(&twin, now), "at {now}");
        }
    }
}

fn changes_half_life(input: &Input) -> bool {
    let Input::Observation(Observation::Governance(Governance { action, .. })) = input else {
        return false;
    };
    let is = |change: &ParameterChange| change.name.ends_with("half_life");
    matches!(action, GovernanceAction::SetParameters(SetParameters { changes }) if changes.iter().any(is))
}

#[test]
fn a_sum_is_worth_the_same_whoever_touched_it_over_changes_of_its_half_life() {
    for seed in 0..400 {
        let mut chance = Chance::seeded(seed);
        let mut clock = DecayClock::default();
        let (mut half_life, mut now) = (Seconds(30 * DAY), START);
        let (mut touched, mut untouched) = (Decaying::NOTHING, Decaying::NOTHING);
        for _ in 0..60 {
            now += chance.below(20 * DAY);
            let at = clock.at(Timestamp(now), half_life);
            match chance.below(4) {
                0 => {
                    let contribution = u128::from(chance.below(u64::MAX)) << chance.below(40);
                    touched = touched.add(contribution, at).unwrap();
                    untouched = untouched.add(contribution, at).unwrap();
                }
                1 => {
                    clock = clock.rebased(Timestamp(now), half_life);
                    half_life = Seconds(1 + chance.below(90 * DAY));
                }
                _ => touched = touched.add(0, at).unwrap(),
            }
            for later in moments(Timestamp(now)) {
                let at = clock.at(later, half_life);
                assert_eq!(touched.value(at), untouched.value(at), "seed {seed}");
            }
        }
    }
}

#[test]
fn what_is_taken_out_again_was_never_there_whatever_came_between() {
    for seed in 0..400 {
        let mut chance = Chance::seeded(seed);
        let mut clock = DecayClock::default();
        let (mut half_life, mut now) = (Seconds(30 * DAY), START);
        let (mut with, mut without) = (Decaying::NOTHING, Decaying::NOTHING);
        let mut challenged = Vec::new();
        for _ in 0..60 {
            // Sixty times at most a half-life: exact for sixty-four.
            now += chance.below(half_life.0);
            let at = clock.at(Timestamp(now), half_life);
            let contribution = u128::from(chance.below(u64::MAX));
            match chance.below(8) {
                0 | 1 => {
                    let review = Decaying::of(contribution, at).unwrap();
                    with = with.plus(&review).unwrap();
                    challenged.push(review);
                }
                2 if !challenged.is_empty() => {
                    let review = challenged.swap_remove(chance.below(challenged.len() as u64) as usize);
                    with = with.minus(&review).unwrap();
                }
                3 => {
                    clock = clock.rebased(Timestamp(now), half_life);
                    half_life = Seconds(DAY + chance.below(60 * DAY));
                }
                _ => {
                    with = with.add(contribution, at).unwrap();
                    without = without.add(contribution, at).unwrap();
                }
            }
        }
        for review in challenged {
            with = with.minus(&review).unwrap();
        }
        for later in moments(Timestamp(now)) {
            let at = clock.at(later, half_life);
            assert_eq!(with.value(at), without.value(at), "seed {seed}");
        }
    }
}
