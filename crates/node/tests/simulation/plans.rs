//! Test plans: whole networks in seeded simulation, each under faults drawn from its seed, and what must hold of them all.
//!
//! The ordinary tests run [`SEEDS`] plans; `cargo xtask simulate` as many as one likes, or one with a log to read.

use crate::cluster::{
    Cluster,
    byzantine::Conduct as Byzantine,
    properties::{Certified, Conserved, HonestReach, InEpochs, SameRoots},
    stage::{STEPS, Step},
    workload::{Conduct, Script},
};
use crate::drawn::{Drawn, Fault, OPERATORS};
use commonware_consensus::types::{Epoch, Round, View};
use commonware_cryptography::ed25519::PublicKey;
use commonware_glue::simulate::{
    action::{Action, Crash, Schedule},
    plan::PlanBuilder,
};
use commonware_p2p::simulated::Link;
use commonware_runtime::deterministic;
use commonware_utils::{Probability, probability};
use rampart_protocol::Timestamp;
use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Plans of the ordinary tests.
const SEEDS: u64 = 200;
/// Height that every honest operator must come to.
const HEIGHT: u64 = 45;
/// Purchases that the script asks for, all of which must have been made by then.
const PURCHASES: u64 = 13;
/// How long each step of an operator takes that an operator's disk or its view of the chains takes.
const STEP: Duration = Duration::from_millis(5);
/// Longest simulated time of a plan: a network that stands still after it was healed is a failure, not a hang.
const LIMIT: Duration = Duration::from_secs(900);

/// What a plan did besides holding.
#[derive(Default)]
struct Outcome {
    crashes: u64,
    killed_in: Vec<Step>,
    /// Blocks by which the operator that should not tried to deceive.
    false_blocks: usize,
}

fn link(plan: &Drawn) -> Link {
    let (latency, jitter) = plan.latency;
    let arrives = 100 - u64::from(plan.loss);
    Link {
        latency: Duration::from_millis(latency),
        jitter: Duration::from_millis(jitter),
        success_rate: Probability::new(arrives, 100).unwrap(),
    }
}

fn network(plan: &Drawn) -> Cluster {
    let mut cluster = Cluster::new(Script::new(3, 4, Timestamp(0)));
    cluster.epoch_blocks = plan.epoch_blocks;
    cluster.step = STEP;
    cluster.stalls.clone_from(&plan.stalls);
    match plan.byzantine {
        Some((operator, Byzantine::Equivocates)) => cluster.twin = Some(operator),
        Some((operator, Byzantine::Forges)) => cluster.odd = Some((operator, Conduct::Forges)),
        Some(other) => cluster.byzantine = Some(other),
        None => {}
    }
    cluster.slow = plan
        .slow
        .map(|(operator, ms)| (operator, Duration::from_millis(ms)));
    cluster
}

/// What happens, as the harness takes it.
fn schedule(plan: &Drawn, cluster: &Cluster) -> Schedule<PublicKey> {
    let keys = |operators: &[usize]| {
        operators
            .iter()
            .map(|index| cluster.key(*index))
            .collect::<Vec<_>>()
    };
    let mut schedule = Schedule::new();
    for (at, fault) in &plan.faults {
        let actions: Vec<Action<PublicKey>> = match fault {
            Fault::Kill(operators) => keys(operators).into_iter().map(Action::Crash).collect(),
            Fault::Start(operators) => keys(operators).into_iter().map(Action::Restart).collect(),
            Fault::Cut(group) => cut(plan, cluster, group),
            Fault::Heal => vec![Action::Heal(link(plan))],
            Fault::BreakDisks => vec![Action::SetStorageFault(
                deterministic::FaultConfig::default().sync(probability!(1.0)),
            )],
            Fault::MendDisks => {
                let all: Vec<usize> = (0..OPERATORS).collect();
                let mended = Action::SetStorageFault(deterministic::FaultConfig::default());
                let kill = keys(&all).into_iter().map(Action::Crash);
                let start = keys(&all).into_iter().map(Action::Restart);
                kill.chain([mended]).chain(start).collect()
            }
        };
        let at = Duration::from_millis(*at);
        schedule = actions
            .into_iter()
            .fold(schedule, |schedule, action| schedule.at(at, action));
    }
    schedule
}

fn cut(plan: &Drawn, cluster: &Cluster, group: &[usize]) -> Vec<Action<PublicKey>> {
    let dead = Link {
        success_rate: probability!(0.0),
        ..link(plan)
    };
    let across = (0..OPERATORS)
        .flat_map(|one| (0..OPERATORS).map(move |other| (one, other)))
        .filter(|(one, other)| group.contains(one) != group.contains(other));
    let actions = across.map(|(from, to)| Action::UpdateLink {
        from: cluster.key(from),
        to: cluster.key(to),
        link: dead.clone(),
    });
    actions.collect()
}

/// Runs a plan.
///
/// Errors say what did not hold.
fn hold(plan: &Drawn) -> Result<Outcome, String> {
    let mut cluster = network(plan);
    let mut builder_crashes = Vec::new();
    if let Some(late) = plan.late {
        cluster.retain_blocks = Some(8);
        builder_crashes.push(Crash::DelayRound {
            participants: vec![cluster.key(late)],
            round: Round::new(Epoch::zero(), View::new(plan.epoch_blocks.min(20))),
        });
    }
    if !plan.faults.is_empty() {
        builder_crashes.push(Crash::Schedule(schedule(plan, &cluster)));
    }
    let builder = PlanBuilder::new(cluster.clone())
        .seed(plan.seed)
        .timeout(LIMIT)
        .link(link(plan))
        .exit_condition(HonestReach {
            height: HEIGHT,
            operators: plan.honest(),
        })
        .property(SameRoots { up_to: HEIGHT })
        .property(InEpochs {
            epoch_blocks: plan.epoch_blocks,
        })
        .property(Conserved {
            purchases: PURCHASES,
            deposited: cluster.deposited(),
        })
        // The certificate of a block that has none of its own is a descendant's, which may be on its way.
        .property(Certified { up_to: HEIGHT - 5 });
    let builder = builder_crashes.into_iter().fold(builder, PlanBuilder::crash);
    // A stall ends the runtime with a panic, as broken assertions do.
    let result = catch_unwind(AssertUnwindSafe(|| builder.run())).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        text.unwrap_or_else(|| "it panicked".to_owned())
    })??;
    let crashes = result.iter().map(|result| result.crashes).sum();
    Ok(Outcome {
        crashes,
        killed_in: cluster.killed_in(),
        false_blocks: cluster.false_blocks(),
    })
}

/// What a series of plans came to.
#[derive(Default)]
struct Tally {
    violations: BTreeMap<u64, String>,
    crashes: u64,
    killed_in: BTreeSet<Step>,
    false_blocks: usize,
}

/// Runs plans on all processors.
fn series(seeds: std::ops::Range<u64>, each: impl Fn(u64, &Result<Outcome, String>) + Sync) -> Tally {
    let (next, tally) = (AtomicU64::new(seeds.start), Mutex::new(Tally::default()));
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let outcome = hold(&Drawn::new(seed));
                    each(seed, &outcome);
                    let mut tally = tally.lock().unwrap();
                    match outcome {
                        Ok(outcome) => {
                            tally.crashes += outcome.crashes;
                            tally.killed_in.extend(outcome.killed_in);
                            tally.false_blocks += outcome.false_blocks;
                        }
                        Err(violation) => {
                            tally.violations.insert(seed, violation);
                        }
                    }
                }
            });
        }
    });
    tally.into_inner().unwrap()
}

#[test]
fn whatever_happens_to_a_network_it_agrees_loses_nothing_and_goes_on() {
    let tally = series(0..SEEDS, |_, _| {});
    assert!(tally.violations.is_empty(), "{:#?}", tally.violations);
    // The plans did what they are about.
    assert!(tally.crashes > SEEDS / 2, "{} crashes", tally.crashes);
    assert_eq!(
        Vec::from_iter(tally.killed_in),
        STEPS,
        "operators were killed in every step"
    );
    assert!(tally.false_blocks > 0, "nobody tried to deceive");
}

#[test]
fn one_seed_is_one_plan() {
    assert_eq!(Drawn::new(7), Drawn::new(7));
    assert_ne!(Drawn::new(7).to_string(), Drawn::new(15).to_string());
}

/// `cargo xtask simulate --seeds N`.
#[test]
#[ignore = "as long as one likes: cargo xtask simulate"]
fn many_plans() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = number("RAMPART_SIMULATE_FIRST").unwrap_or(0);
    let seeds = number("RAMPART_SIMULATE_SEEDS").unwrap_or(SEEDS);
    let done = AtomicU64::new(0);
    let tally = series(first..first + seeds, |seed, outcome| {
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if let Err(violation) = outcome {
            println!("VIOLATION seed {seed}: {violation}");
        }
        if done.is_multiple_of(100) {
            println!("{done} of {seeds}");
        }
    });
    println!(
        "{seeds} seeds run, {} violations; {} operators killed, {} false blocks, steps killed in: {:?}",
        tally.violations.len(),
        tally.crashes,
        tally.false_blocks,
        tally.killed_in
    );
    assert!(
        tally.violations.is_empty(),
        "cargo xtask simulate --seed {} tells how",
        tally.violations.keys().next().unwrap()
    );
}

/// `cargo xtask simulate --seed N`: one plan, with everything that the operators log, in simulated time.
#[test]
#[ignore = "one plan to read: cargo xtask simulate --seed N"]
fn one_plan() {
    let seed = std::env::var("RAMPART_SIMULATE_SEED").ok();
    let seed = seed
        .and_then(|text| text.parse().ok())
        .expect("RAMPART_SIMULATE_SEED is a number");
    let plan = Drawn::new(seed);
    println!("{plan}");
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| "info,rampart_node=debug,plan=info".into()),
        )
        .without_time()
        .with_test_writer()
        .init();
    match hold(&plan) {
        Ok(outcome) => println!(
            "held; {} killed, in {:?}; {} false blocks",
            outcome.crashes, outcome.killed_in, outcome.false_blocks
        ),
        Err(violation) => panic!("VIOLATION seed {seed}: {violation}"),
    }
}
