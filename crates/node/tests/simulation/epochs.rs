//! Changes of epochs under load, and under every fault that may meet them.

use super::{LIMIT, link, plan, run};
use crate::cluster::{
    Cluster,
    properties::{Conserved, HonestReach, InEpochs, Pruned, SameRoots, Seated},
    workload::{Change, NEWCOMER, Script, judges},
};
use commonware_consensus::types::{Epoch, Round, View};
use commonware_cryptography::{Signer as _, ed25519::PublicKey};
use commonware_glue::simulate::{
    action::{Action, Crash, Schedule},
    plan::PlanBuilder,
};
use commonware_p2p::simulated::Link;
use commonware_utils::{NZU64, probability};
use rampart_protocol::{B256, Timestamp};
use std::time::Duration;

/// Blocks of an epoch in these runs.
const BLOCKS: u64 = 10;

fn cluster() -> Cluster {
    let mut cluster = Cluster::new(Script::new(4, 5, Timestamp(0)));
    cluster.epoch_blocks = BLOCKS;
    cluster
}

/// A run over six epochs, in the first of which purchases are made.
fn epochs(cluster: &Cluster, seed: u64, operators: usize) -> PlanBuilder<Cluster> {
    let in_epochs = InEpochs { epoch_blocks: BLOCKS };
    plan(cluster, seed, 6 * BLOCKS + 2, operators, 20).property(in_epochs)
}

/// Cuts every link between two groups of operators, at a time.
fn cut(
    schedule: Schedule<PublicKey>,
    at: Duration,
    groups: (&[PublicKey], &[PublicKey]),
) -> Schedule<PublicKey> {
    let dead = Link {
        success_rate: probability!(0.0),
        ..link(50, 0, false)
    };
    let pairs = groups.0.iter().flat_map(|a| groups.1.iter().map(move |b| (a, b)));
    pairs
        .flat_map(|(a, b)| [(a, b), (b, a)])
        .fold(schedule, |schedule, (from, to)| {
            let action = Action::UpdateLink {
                from: from.clone(),
                to: to.clone(),
                link: dead.clone(),
            };
            schedule.at(at, action)
        })
}

#[test]
fn epochs_change_under_load_although_every_tenth_message_is_lost() {
    let cluster = cluster();
    run(epochs(&cluster, 21, 4).link(link(50, 30, true)));
}

#[test]
fn operators_that_crash_at_the_end_of_an_epoch_go_on_in_the_next() {
    let cluster = cluster();
    let crash = |operator, height| Crash::ProcessedHeight {
        participant: cluster.key(operator),
        heights: height..=height + 1,
        downtime: Duration::from_secs(1),
    };
    let plan = epochs(&cluster, 22, 4)
        .crash(crash(0, BLOCKS - 1))
        .crash(crash(1, 2 * BLOCKS - 2))
        .crash(crash(2, 3 * BLOCKS));
    assert_eq!(run(plan).crashes, 3);
}

#[test]
fn an_operator_that_is_cut_off_for_epochs_catches_up() {
    let cluster = cluster();
    let (alone, others) = (cluster.key(3), [0, 1, 2].map(|index| cluster.key(index)));
    let schedule = cut(Schedule::new(), Duration::from_secs(1), (&[alone], &others))
        .at(Duration::from_secs(30), Action::Heal(link(50, 10, false)));
    run(epochs(&cluster, 23, 4).crash(Crash::Schedule(schedule)));
}

#[test]
fn a_network_that_is_split_in_two_at_the_end_of_an_epoch_goes_on_when_it_is_whole_again() {
    let cluster = cluster();
    let (two, others) = (
        [0, 1].map(|index| cluster.key(index)),
        [2, 3].map(|index| cluster.key(index)),
    );
    let schedule = [1_300, 1_400, 1_500].into_iter().zip([8_u64, 16, 24]);
    let schedule = schedule.fold(Schedule::new(), |schedule, (ms, heal)| {
        let start = Duration::from_secs(heal - 8) + Duration::from_millis(ms);
        cut(schedule, start, (&two, &others)).at(Duration::from_secs(heal), Action::Heal(link(50, 10, false)))
    });
    run(epochs(&cluster, 24, 4).crash(Crash::Schedule(schedule)));
}

/// Six keys. The fifth joins with the third epoch; the fourth leaves with the fifth; the first operator's seat goes over to
/// the sixth key with the seventh.
fn changing() -> Cluster {
    let keys = Cluster::sorted_keys(6);
    let key = |index: usize| B256::from_slice(keys[index].public_key().as_ref());
    let [first, .., last] = judges();
    let changes = vec![
        (5, Change::Stake(NEWCOMER, 10)),
        (5, Change::Key(NEWCOMER, key(4))),
        (3 * BLOCKS - 5, Change::Stake(last.address(), 0)),
        (5 * BLOCKS - 5, Change::Key(first.address(), key(5))),
    ];
    let script = Script::new(4, 15, Timestamp(0)).with(changes);
    let mut cluster = Cluster::with(keys, script);
    cluster.epoch_blocks = BLOCKS;
    cluster
}

/// A run of a cluster that changes into the eighth epoch, purchases in all of them.
fn changes(cluster: &Cluster, seed: u64) -> PlanBuilder<Cluster> {
    let seats = [
        (1, vec![0, 1, 2, 3]),
        (2, vec![0, 1, 2, 3, 4]),
        (4, vec![0, 1, 2, 4]),
        (6, vec![1, 2, 4, 5]),
    ];
    let plan = plan(cluster, seed, 7 * BLOCKS + 6, 4, 60).property(InEpochs { epoch_blocks: BLOCKS });
    seats.into_iter().fold(plan, |plan, (epoch, seats)| {
        let keys = seats.into_iter().map(|index| cluster.key(index)).collect();
        plan.property(Seated { epoch, keys })
    })
}

/// An operator whose machine is switched off for good once the chain is this high.
fn gone(cluster: &Cluster, operator: usize, height: u64) -> Crash<PublicKey> {
    Crash::ProcessedHeight {
        participant: cluster.key(operator),
        heights: height..=height + 5,
        downtime: Duration::from_secs(1_000_000),
    }
}

#[test]
fn one_operator_joins_by_state_sync_another_leaves_and_a_third_changes_its_key_under_load() {
    let cluster = changing();
    let newcomers = Crash::DelayRound {
        participants: vec![cluster.key(4), cluster.key(5)],
        round: Round::new(Epoch::new(1), View::new(3)),
    };
    let plan = changes(&cluster, 25)
        .crash(newcomers)
        .crash(gone(&cluster, 3, 4 * BLOCKS + 1))
        .crash(gone(&cluster, 0, 6 * BLOCKS + 1));
    let result = run(plan);
    assert!(result.delayed_started);
    assert_eq!(result.crashes, 2, "who left is not needed any more");
    for newcomer in [4, 5] {
        let first = cluster.operator(newcomer).seen(|seen| seen.first);
        assert!(
            first.is_some_and(|height| height > 5),
            "{newcomer} executed from {first:?} on"
        );
    }
}

#[test]
fn a_newcomer_follows_three_changes_of_the_committee_that_it_did_not_see() {
    let cluster = changing();
    let late = Crash::DelayRound {
        participants: vec![cluster.key(5)],
        round: Round::new(Epoch::new(5), View::new(3)),
    };
    let plan = changes(&cluster, 26).crash(late).link(link(40, 20, true));
    assert!(run(plan).delayed_started);
    let first = cluster.operator(5).seen(|seen| seen.first);
    assert!(
        first.is_some_and(|height| height > 4 * BLOCKS),
        "it executed from {first:?} on"
    );
}

#[test]
fn operators_that_crash_at_random_agree_while_the_committee_changes() {
    let cluster = changing();
    let crash = Crash::Random {
        frequency: Duration::from_secs(6),
        downtime: Duration::from_secs(2),
        count: 1,
    };
    let result = run(changes(&cluster, 27).crash(crash));
    assert!(result.crashes >= 4);
}

#[test]
fn where_operators_keep_two_epochs_of_blocks_one_joins_by_state_sync_and_one_restarts() {
    let height = 9 * BLOCKS + 5;
    let mut cluster = changing();
    cluster.retain_blocks = Some(2 * 10);
    cluster.section = Some(NZU64!(4));
    // The committees of three epochs changed since, and nobody has the blocks that did it.
    let late = Crash::DelayRound {
        participants: vec![cluster.key(5)],
        round: Round::new(Epoch::new(7), View::new(3)),
    };
    let restart = Crash::ProcessedHeight {
        participant: cluster.key(1),
        heights: 8 * BLOCKS..=8 * BLOCKS + 2,
        downtime: Duration::from_secs(3),
    };
    let plan = PlanBuilder::new(cluster.clone())
        .seed(28)
        .timeout(LIMIT)
        .link(link(50, 10, false))
        .exit_condition(HonestReach { height, operators: 4 })
        .property(SameRoots { up_to: height })
        .property(InEpochs { epoch_blocks: BLOCKS })
        .property(Conserved {
            purchases: 60,
            deposited: cluster.deposited(),
        })
        .property(Pruned {
            below: 3 * BLOCKS,
            kept: height - 15..=height - 5,
        })
        .crash(late)
        .crash(restart);
    let result = run(plan);
    assert!(result.delayed_started);
    assert_eq!(result.crashes, 1);
    let first = cluster.operator(5).seen(|seen| seen.first);
    assert!(
        first.is_some_and(|height| height > 6 * BLOCKS),
        "it executed from {first:?} on"
    );
}

#[test]
fn an_operator_joins_after_more_epochs_than_committees_are_remembered() {
    const SHORT: u64 = 8;
    let height = 70 * SHORT;
    let mut cluster = changing();
    cluster.epoch_blocks = SHORT;
    cluster.retain_blocks = Some(2 * 8);
    cluster.section = Some(NZU64!(4));
    let late = Crash::DelayRound {
        participants: vec![cluster.key(5)],
        round: Round::new(Epoch::new(67), View::new(3)),
    };
    let plan = PlanBuilder::new(cluster.clone())
        .seed(29)
        // Most of its blocks are idle ones, a second each.
        .timeout(5 * LIMIT)
        .link(link(50, 10, false))
        .exit_condition(HonestReach { height, operators: 6 })
        .property(SameRoots { up_to: height })
        .crash(late);
    assert!(run(plan).delayed_started);
    let first = cluster.operator(5).seen(|seen| seen.first);
    assert!(
        first.is_some_and(|height| height > 66 * SHORT),
        "it executed from {first:?} on"
    );
}
