//! The operator network in seeded simulation: the production engine and ledger over simulated links, disks and time.

#![allow(clippy::unwrap_used)]

mod cluster;
#[path = "simulation/drawn.rs"]
mod drawn;
#[path = "simulation/epochs.rs"]
mod epochs;
#[path = "simulation/plans.rs"]
mod plans;

use cluster::{
    Cluster,
    properties::{Certified, Conserved, HonestReach, Judged, SameRoots},
    workload::{Conduct, Script, reviewed},
};
use commonware_consensus::types::{Epoch, Round, View};
use commonware_glue::simulate::{
    action::{Action, Crash, Schedule},
    plan::{PlanBuilder, PlanResult},
};
use commonware_p2p::simulated::Link;
use commonware_utils::probability;
use rampart_protocol::{B256, Timestamp};
use std::time::Duration;

/// Longest simulated time of any run: a stall is a failure, not a hang.
const LIMIT: Duration = Duration::from_secs(600);

fn link(latency_ms: u64, jitter_ms: u64, lossy: bool) -> Link {
    Link {
        latency: Duration::from_millis(latency_ms),
        jitter: Duration::from_millis(jitter_ms),
        success_rate: if lossy {
            probability!(0.9)
        } else {
            probability!(1.0)
        },
    }
}

/// A run until `operators` honest operators are at `height`, with everything checked that must always hold.
fn plan(cluster: &Cluster, seed: u64, height: u64, operators: usize, purchases: u64) -> PlanBuilder<Cluster> {
    PlanBuilder::new(cluster.clone())
        .seed(seed)
        .timeout(LIMIT)
        .link(link(50, 10, false))
        .exit_condition(HonestReach { height, operators })
        .property(SameRoots { up_to: height })
        .property(Conserved {
            purchases,
            deposited: cluster.deposited(),
        })
        .property(Certified { up_to: height })
}

fn run(plan: PlanBuilder<Cluster>) -> PlanResult<Cluster> {
    plan.run().unwrap().pop().unwrap()
}

fn root(cluster: &Cluster, height: u64) -> B256 {
    cluster.operator(0).seen(|seen| seen.headers[&height].state_root)
}

#[test]
fn operators_agree_although_every_tenth_message_is_lost() {
    let cluster = Cluster::new(Script::new(4, 5, Timestamp(0)));
    run(plan(&cluster, 1, 40, 4, 20).link(link(50, 30, true)));
}

#[test]
fn operators_judge_a_review_and_epochs_end() {
    let cluster = Cluster::new(Script::new(4, 5, Timestamp(0)));
    let judged = Judged {
        review: reviewed(Timestamp(0)),
    };
    run(plan(&cluster, 12, 80, 4, 21).property(judged));
}

#[test]
fn an_operator_that_crashes_catches_up_and_has_the_same_state() {
    let cluster = Cluster::new(Script::new(4, 5, Timestamp(0)));
    let crashed = cluster.key(2);
    let schedule = Schedule::new()
        .at(Duration::from_secs(2), Action::Crash(crashed.clone()))
        .at(Duration::from_secs(12), Action::Restart(crashed));
    let result = run(plan(&cluster, 2, 60, 4, 20).crash(Crash::Schedule(schedule)));
    assert_eq!(result.crashes, 1);
}

#[test]
fn operators_that_crash_at_random_agree() {
    let cluster = Cluster::new(Script::new(4, 5, Timestamp(0)));
    let crash = Crash::Random {
        frequency: Duration::from_secs(5),
        downtime: Duration::from_secs(2),
        count: 1,
    };
    let result = run(plan(&cluster, 3, 60, 4, 20).crash(crash).link(link(30, 20, true)));
    assert!(result.crashes >= 2);
}

#[test]
fn three_honest_operators_agree_although_the_fourth_proposes_and_votes_for_two_blocks() {
    for seed in 4..7 {
        let mut cluster = Cluster::new(Script::new(4, 5, Timestamp(0)));
        cluster.twin = Some(3);
        run(plan(&cluster, seed, 40, 3, 20));
        // Whoever sees the second proposal refuses that operator from then on, so once is all it gets.
        assert!(
            cluster.doubled(3) >= 1,
            "the fourth operator never proposed two blocks on one parent"
        );
    }
}

#[test]
fn a_deposit_that_only_one_operator_claims_is_never_credited() {
    let mut cluster = Cluster::new(Script::new(4, 5, Timestamp(0)));
    cluster.odd = Some((0, Conduct::Forges));
    run(plan(&cluster, 10, 40, 3, 20));
    // Ten views had a forging leader. Each costs its timeout and no more: nobody waits for the forged deposit.
    let last = cluster.operator(1).seen(|seen| seen.headers[&40].timestamp_ms);
    assert!(last < 90_000, "40 blocks took {last} ms");
}

#[test]
fn an_operator_that_sees_nothing_of_the_chain_follows_the_others() {
    let mut cluster = Cluster::new(Script::new(4, 5, Timestamp(0)));
    cluster.odd = Some((2, Conduct::Blind));
    run(plan(&cluster, 11, 40, 4, 20));
    // The others are a quorum without it, and it never votes against what it cannot see.
    let last = cluster.operator(2).seen(|seen| seen.headers[&40].timestamp_ms);
    assert!(last < 60_000, "40 blocks took {last} ms");
}

#[test]
fn one_seed_is_one_history() {
    let history = |seed| {
        let cluster = Cluster::new(Script::new(3, 4, Timestamp(0)));
        let result = run(plan(&cluster, seed, 40, 4, 13).link(link(40, 30, true)));
        (result.state, root(&cluster, 40))
    };
    let first = history(7);
    assert_eq!(first, history(7));
    assert_ne!(first.0, history(8).0);
}

#[test]
fn an_operator_that_lost_its_disk_fetches_the_state_and_joins() {
    let mut cluster = Cluster::new(Script::new(4, 5, Timestamp(0)));
    cluster.retain_blocks = Some(8);
    let late = Crash::DelayRound {
        participants: vec![cluster.key(1)],
        round: Round::new(Epoch::zero(), View::new(40)),
    };
    let result = run(plan(&cluster, 9, 70, 4, 20).crash(late));
    assert!(result.delayed_started);
    let first = cluster.operator(1).seen(|seen| seen.first);
    assert!(
        first.is_some_and(|height| height > 20),
        "it executed from height {first:?} on"
    );
}
