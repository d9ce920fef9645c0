use super::*;
use proptest::prelude::*;

const INTERVAL: u64 = 1_000;
const START: u64 = 1_700_000_000_000;

/// As many services, so many to a host.
fn services(count: u64, to_a_host: u64) -> BTreeMap<ServiceId, String> {
    let host = |id: u64| format!("host-{}", id / to_a_host);
    (1..=count).map(|id| (ServiceId(id), host(id))).collect()
}

fn schedule(seed: u8, count: u64) -> Schedule {
    let mut schedule = Schedule::new(B256::repeat_byte(seed), INTERVAL);
    schedule.follow(&services(count, 1), START);
    schedule
}

proptest! {
    #[test]
    fn each_service_is_probed_once_in_each_round(seed in any::<u8>(), count in 1u64..20, step in 1u64..50) {
        let mut schedule = schedule(seed, count);
        let mut probes: BTreeMap<(ServiceId, u64), u64> = BTreeMap::new();
        let first = schedule.round(START) + 1;
        for now in (START..START + 6 * INTERVAL).step_by(usize::try_from(step).unwrap()) {
            for service in schedule.due(now, usize::MAX, |_| false) {
                *probes.entry((service, schedule.round(now))).or_default() += 1;
            }
        }
        for id in 1..=count {
            for round in first..first + 4 {
                // A tick comes late by up to a step, so a probe may slip into the next round and leave that one with none.
                let seen = probes.get(&(ServiceId(id), round)).copied().unwrap_or(0);
                let late = schedule.moment(ServiceId(id), round) + step > (round + 1) * INTERVAL
                    || schedule.moment(ServiceId(id), round - 1) + step > round * INTERVAL;
                prop_assert!(seen == 1 || late, "service {id}, round {round}: {seen}");
            }
        }
    }

    #[test]
    fn no_host_is_asked_twice_at_once_and_the_budget_is_kept(
        seed in any::<u8>(), count in 1u64..60, to_a_host in 1u64..10, budget in 0usize..9, busy in 0u64..6,
    ) {
        let mut schedule = Schedule::new(B256::repeat_byte(seed), INTERVAL);
        schedule.follow(&services(count, to_a_host), START);
        let busy = format!("host-{busy}");
        for now in (START..START + 5 * INTERVAL).step_by(100) {
            let due = schedule.due(now, budget, |host| host == busy);
            prop_assert!(due.len() <= budget);
            let hosts: BTreeSet<&str> = due.iter().filter_map(|service| schedule.host(*service)).collect();
            prop_assert_eq!(hosts.len(), due.len());
            prop_assert!(!hosts.contains(busy.as_str()));
        }
    }

    #[test]
    fn what_left_the_registry_is_probed_no_more_and_what_came_is(seed in any::<u8>(), at in 0u64..3_000) {
        let mut schedule = schedule(seed, 10);
        schedule.due(START + at, usize::MAX, |_| false);
        let mut now: BTreeMap<ServiceId, String> = services(10, 1).into_iter().skip(5).collect();
        now.insert(ServiceId(77), "new".to_owned());
        schedule.follow(&now, START + at);
        let mut seen = BTreeSet::new();
        for later in (START + at..START + at + 3 * INTERVAL).step_by(10) {
            seen.extend(schedule.due(later, usize::MAX, |_| false));
        }
        prop_assert_eq!(seen, now.into_keys().collect::<BTreeSet<_>>());
    }
}

#[test]
fn moments_differ_by_seed_service_and_round_and_spread_over_the_interval() {
    let (one, other) = (schedule(1, 0), schedule(2, 0));
    let moments = |schedule: &Schedule, round: u64| -> Vec<u64> {
        let within = |id| schedule.moment(ServiceId(id), round) - round * INTERVAL;
        (1..=2_000).map(within).collect()
    };
    let (first, second) = (moments(&one, 5), moments(&one, 6));
    assert_ne!(first, second);
    assert_ne!(first, moments(&other, 5));
    for tenth in 0..10 {
        let there = first.iter().filter(|at| **at / 100 == tenth).count();
        assert!((140..=260).contains(&there), "tenth {tenth} has {there} of 2000");
    }
}

#[test]
fn a_start_is_no_burst() {
    let mut schedule = schedule(3, 1_000);
    assert!(schedule.due(START, usize::MAX, |_| false).is_empty());
    let soon = schedule.due(START + INTERVAL / 10, usize::MAX, |_| false).len();
    assert!(soon < 250, "{soon} in the first tenth of a round");
}

#[test]
fn missed_rounds_are_not_made_up_for() {
    let mut schedule = schedule(4, 50);
    let later = START + 100 * INTERVAL;
    assert_eq!(schedule.due(later, usize::MAX, |_| false).len(), 50);
    assert!(schedule.due(later, usize::MAX, |_| false).is_empty());
}

#[test]
fn what_waits_for_its_host_stays_due() {
    let mut schedule = Schedule::new(B256::repeat_byte(5), INTERVAL);
    schedule.follow(&services(4, 100), START);
    let now = START + 2 * INTERVAL;
    let mut seen = BTreeSet::new();
    for _ in 0..4 {
        let due = schedule.due(now, 10, |_| false);
        assert_eq!(due.len(), 1);
        seen.extend(due);
    }
    assert_eq!(seen.len(), 4);
}

#[test]
fn the_seed_is_in_no_output() {
    let seed = format!("{:x}", B256::repeat_byte(0xab));
    assert!(!format!("{:?}", Schedule::new(B256::repeat_byte(0xab), 1)).contains(&seed));
}
