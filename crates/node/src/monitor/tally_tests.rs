#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

const RULE: Rule = Rule {
    min_probes: 6,
    availability_min: Ppm(950_000),
};

const fn count(probes: u64, failures: u64) -> Count {
    Count { probes, failures }
}

/// A window in which each of these providers was probed by one service of the same number.
fn window(answers: &[(u64, bool)]) -> Window {
    let mut window = Window::default();
    for (id, is_up) in answers {
        window.record(ProviderId(*id), ServiceId(*id), *is_up);
    }
    window
}

#[test]
fn a_service_is_down_when_enough_probes_failed() {
    let cases = [
        (count(0, 0), false),
        (count(5, 5), false),
        (count(6, 6), true),
        (count(6, 1), false),
        (count(6, 2), true),
        // 95 of 100 succeed: not less than the parameter.
        (count(100, 5), false),
        (count(100, 6), true),
        (count(288, 14), false),
        (count(288, 15), true),
    ];
    for (count, expected) in cases {
        assert_eq!(RULE.is_down(&count), expected, "{count:?}");
    }
    let lenient = Rule {
        min_probes: 0,
        availability_min: Ppm(0),
    };
    assert!(!lenient.is_down(&count(10, 10)));
    assert!(!lenient.is_down(&count(0, 0)));
}

#[test]
fn a_window_in_which_nobody_answered_counts_nothing() {
    assert!(window(&[(1, false)]).is_blind());
    assert!(window(&[(1, false), (2, false)]).is_blind());
    assert!(window(&[(1, false), (2, false)]).close().is_empty());
    assert!(!window(&[(1, false), (2, true)]).is_blind());
    assert_eq!(window(&[(1, false), (2, true)]).close().len(), 2);
}

#[test]
fn a_window_in_which_nearly_nobody_answered_counts_nothing() {
    let mut answers: Vec<(u64, bool)> = (1..=20).map(|id| (id, false)).collect();
    answers[0].1 = true;
    assert!(window(&answers).is_blind());
    answers[1].1 = true;
    assert!(!window(&answers).is_blind());
}

#[test]
fn a_providers_many_services_are_one_provider() {
    let mut window = window(&[(1, true)]);
    for service in 10..200 {
        window.record(ProviderId(2), ServiceId(service), false);
    }
    assert!(!window.is_blind());
    assert_eq!(window.close().len(), 191);
}

fn counts(of: &[(u64, u64, Count)]) -> Counts {
    let entry = |(provider, service, count): &(u64, u64, Count)| {
        (ServiceId(*service), (ProviderId(*provider), *count))
    };
    of.iter().map(entry).collect()
}

#[test]
fn who_sees_nearly_all_down_suspects_itself() {
    let (up, down) = (count(20, 0), count(20, 10));
    let some = RULE.verdict(&counts(&[
        (1, 1, up),
        (1, 2, down),
        (2, 3, down),
        (3, 4, down),
        (4, 5, down),
    ]));
    assert_eq!(
        some.down.into_iter().map(|s| s.0).collect::<Vec<_>>(),
        [2, 3, 4, 5]
    );
    assert!(!some.suspects_itself);
    let all = RULE.verdict(&counts(&[(1, 1, down), (2, 3, down), (3, 4, down), (4, 5, down)]));
    assert_eq!((all.down.len(), all.suspects_itself), (0, true));
    // Who was hardly probed is no witness, neither way.
    let few = RULE.verdict(&counts(&[(1, 1, down), (2, 2, down), (3, 3, count(2, 0))]));
    assert!(few.suspects_itself);
}

#[test]
fn a_service_is_a_bit_of_its_page() {
    let services = |ids: &[u64]| ids.iter().copied().map(ServiceId).collect::<Vec<_>>();
    let pages = bitmaps(services(&[1, 3, 17, 256, 257]), 2).unwrap();
    let mut first = [0; 32];
    (first[0], first[2], first[31]) = (0b101, 1, 0x80);
    let mut second = [0; 32];
    second[0] = 1;
    assert_eq!(pages, [B256::new(first), B256::new(second)]);
    assert_eq!(bitmaps([], 3).unwrap(), [B256::ZERO; 3]);
    assert!(bitmaps([], 0).unwrap().is_empty());
    assert_eq!(bitmaps(services(&[5, 5]), 1), bitmaps(services(&[5]), 1));
    for (id, pages) in [(0, 1), (257, 1), (1, 0), (u64::MAX, 2)] {
        let expected = UnknownService {
            service: ServiceId(id),
            services: u64::from(pages) * 256,
        };
        assert_eq!(bitmaps([ServiceId(id)], pages), Err(expected));
    }
}

proptest! {
    #[test]
    fn an_operator_cut_off_reports_no_outage(
        providers in 2u64..30, windows in 6usize..40, cut in 0usize..40, length in 1usize..40,
    ) {
        // All were up; this operator lost its connection for some windows.
        let mut total = Counts::new();
        for at in 0..windows {
            let is_cut = at >= cut && at < cut + length;
            let answers: Vec<(u64, bool)> = (1..=providers).map(|id| (id, !is_cut)).collect();
            for (service, (provider, count)) in window(&answers).close() {
                let (_, sum) = total.entry(service).or_insert((provider, Count::default()));
                *sum = sum.plus(count);
            }
        }
        prop_assert!(RULE.verdict(&total).down.is_empty());
    }

    #[test]
    fn a_connection_that_loses_probes_at_random_establishes_no_outage_of_all(
        providers in 2u64..20, losses in proptest::collection::vec(0.2f64..0.9, 1), seed in any::<u64>(),
    ) {
        let mut state = seed | 1;
        let mut total = Counts::new();
        for _ in 0..60 {
            let mut answers = Vec::new();
            for id in 1..=providers {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                #[allow(clippy::cast_precision_loss)]
                let lost = ((state >> 33) as f64) / f64::from(1u32 << 31) < losses[0];
                answers.push((id, !lost));
            }
            for (service, (provider, count)) in window(&answers).close() {
                let (_, sum) = total.entry(service).or_insert((provider, Count::default()));
                *sum = sum.plus(count);
            }
        }
        let verdict = RULE.verdict(&total);
        prop_assert!(u64::try_from(verdict.down.len()).unwrap() * 4 <= providers * 3);
    }

    #[test]
    fn what_is_reported_down_failed_more_than_the_ledger_permits(
        of in proptest::collection::vec((1u64..6, 0u64..50, 0u64..50), 0..30),
    ) {
        let of: Vec<(u64, u64, Count)> = (1..).zip(of)
            .map(|(service, (provider, probes, failures))| (provider, service, count(probes, failures.min(probes))))
            .collect();
        let counts = counts(&of);
        for service in RULE.verdict(&counts).down {
            let (_, count) = counts[&service];
            prop_assert!(count.failures * 100 > count.probes * 5 && count.failures >= 2 && count.probes >= 6);
        }
    }
}
