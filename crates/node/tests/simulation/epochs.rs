//! Changes of epochs under load, and under every fault that may meet them.

use super::{cluster::properties::InEpochs, link, plan, run};
use crate::cluster::{Cluster, workload::Script};
use commonware_cryptography::ed25519::PublicKey;
use commonware_glue::simulate::{
    action::{Action, Crash, Schedule},
    plan::PlanBuilder,
};
use commonware_p2p::simulated::Link;
use commonware_utils::probability;
use rampart_protocol::Timestamp;
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
