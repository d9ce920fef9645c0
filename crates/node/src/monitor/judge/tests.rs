#![allow(clippy::unwrap_used)]
use super::*;
use crate::monitor::tally::{Count, Rule};
use proptest::prelude::*;
use rampart_protocol::{Address, B256, Domain, Ppm, ServiceId, Timestamp};

const DOMAIN: Domain = Domain {
    chain_id: 59_144,
    settlement: Address::repeat_byte(3),
};
const UP: (u64, u64) = (100, 1);
const DOWN: (u64, u64) = (100, 40);
const UNKNOWN: (u64, u64) = (0, 0);

fn review(outage: bool, (probes, failures): (u64, u64), used: u64) -> ReviewCase {
    ReviewCase {
        purchased_at: Timestamp(1),
        until: Timestamp(2),
        requests: 10,
        used,
        outage: outage.then_some(7),
        probes: Count { probes, failures },
        rule: Rule {
            min_probes: 6,
            availability_min: Ppm(950_000),
        },
    }
}

#[test]
fn a_review_is_upheld_by_the_points_of_the_documentation() {
    let cases = [
        // An outage that all know, or that this operator saw, supports the complaint.
        (review(true, UNKNOWN, 0), true),
        (review(true, UP, 3), true),
        (review(false, DOWN, 0), true),
        (review(false, DOWN, 4), true),
        // Who used half of it had a service; an outage that all know still counts.
        (review(false, DOWN, 5), false),
        (review(true, UNKNOWN, 5), true),
        (review(true, UNKNOWN, 10), false),
        (review(true, DOWN, 10), true),
        // Nothing supports it.
        (review(false, UNKNOWN, 0), false),
        (review(false, UP, 0), false),
        (review(false, (5, 5), 0), false),
        (review(false, UP, 9), false),
        (review(false, UNKNOWN, 3), false),
    ];
    for (case, upheld) in cases {
        let opinion = case.weigh();
        assert_eq!(opinion.upheld, upheld, "{case:?}: {:?}", opinion.reasons);
        let last = opinion.reasons.last().unwrap();
        assert!(
            last.starts_with(if upheld { "upheld with" } else { "overturned with" }),
            "{last}"
        );
    }
}

#[test]
fn what_tipped_it_is_said() {
    let reasons = review(true, DOWN, 5).weigh().reasons;
    let expected = [
        "+4: the operators established that the service was down in epoch 7",
        "+3: 40 of this operator's 100 probes failed",
        "-2: the consumer signed for 5 of 10 requests",
        "upheld with 5 points, 2 uphold",
    ];
    assert_eq!(reasons, expected);
}

const fn expulsion(score: u32, consumers: u64, row: u32) -> ExpulsionCase {
    ExpulsionCase {
        score: Ppm(score),
        expel_score: Ppm(200_000),
        consumers,
        outage: Some((ServiceId(9), row)),
        outage_epochs: 3,
    }
}

#[test]
fn a_provider_is_expelled_by_many_consumers_or_a_long_outage_unless_it_recovered() {
    let cases = [
        (expulsion(200_000, 9, 9), false),
        (expulsion(199_999, 3, 0), true),
        (expulsion(100_000, 2, 3), true),
        (expulsion(100_000, 2, 2), false),
        (
            ExpulsionCase {
                outage: None,
                ..expulsion(0, 0, 0)
            },
            false,
        ),
    ];
    for (case, upheld) in cases {
        let opinion = case.weigh();
        assert_eq!(opinion.upheld, upheld, "{case:?}");
        assert_eq!(opinion.reasons.len(), 1);
    }
}

fn file(case: u8) -> CaseFile {
    CaseFile {
        case: CaseId(B256::repeat_byte(case)),
        facts: Facts::Review(review(false, UP, 9)),
    }
}

#[test]
fn a_decision_by_hand_overrides_the_evidence_and_is_of_its_case_and_deployment_only() {
    let state = tempfile::tempdir().unwrap();
    let decisions = Decisions::new(state.path(), &DOMAIN);
    let by_hand = ByHand {
        decisions: decisions.clone(),
    };
    let judges: Vec<Box<dyn Judge>> = vec![Box::new(by_hand), Box::new(EvidenceJudge)];
    assert!(!first_opinion(&judges, &file(1)).unwrap().unwrap().upheld);
    decisions
        .decide(file(1).case, true, "we called them".to_owned())
        .unwrap();
    let opinion = first_opinion(&judges, &file(1)).unwrap().unwrap();
    assert_eq!(
        (opinion.upheld, opinion.reasons.last().unwrap().as_str()),
        (true, "we called them")
    );
    assert!(!first_opinion(&judges, &file(2)).unwrap().unwrap().upheld);
    // A second thought replaces the first.
    decisions.decide(file(1).case, false, String::new()).unwrap();
    assert!(!first_opinion(&judges, &file(1)).unwrap().unwrap().upheld);
    let elsewhere = Domain {
        chain_id: 1,
        ..DOMAIN
    };
    assert_eq!(
        Decisions::new(state.path(), &elsewhere)
            .read(file(1).case)
            .unwrap(),
        None
    );
}

#[test]
fn without_facts_only_people_decide() {
    let state = tempfile::tempdir().unwrap();
    let decisions = Decisions::new(state.path(), &DOMAIN);
    let by_hand = ByHand {
        decisions: decisions.clone(),
    };
    let judges: Vec<Box<dyn Judge>> = vec![Box::new(by_hand), Box::new(EvidenceJudge)];
    let unknown = CaseFile {
        facts: Facts::Unknown,
        ..file(1)
    };
    assert_eq!(first_opinion(&judges, &unknown).unwrap(), None);
    decisions.decide(unknown.case, true, String::new()).unwrap();
    assert!(first_opinion(&judges, &unknown).unwrap().unwrap().upheld);
}

#[test]
fn a_decision_that_cannot_be_read_stops_the_judging_of_its_case() {
    let state = tempfile::tempdir().unwrap();
    let decisions = Decisions::new(state.path(), &DOMAIN);
    decisions.decide(file(1).case, true, String::new()).unwrap();
    std::fs::copy(decisions.file(file(1).case), decisions.file(file(2).case)).unwrap();
    std::fs::write(decisions.file(file(1).case), "{").unwrap();
    let judges: Vec<Box<dyn Judge>> = vec![Box::new(ByHand { decisions }), Box::new(EvidenceJudge)];
    let malformed = first_opinion(&judges, &file(1)).unwrap_err();
    assert!(matches!(malformed, JudgeError::Malformed { .. }), "{malformed}");
    let moved = first_opinion(&judges, &file(2)).unwrap_err();
    assert!(matches!(moved, JudgeError::Inconsistent(_)), "{moved}");
}

proptest! {
    #[test]
    fn more_use_never_helps_a_complaint_and_an_outage_never_hurts_it(
        probes in 0u64..200, failures in 0u64..200, used in 0u64..10, more in 0u64..5, outage in any::<bool>(),
    ) {
        let probes = (probes, failures.min(probes));
        let now = review(outage, probes, used).weigh().upheld;
        prop_assert!(now >= review(outage, probes, (used + more).min(10)).weigh().upheld);
        prop_assert!(now <= review(true, probes, used).weigh().upheld);
    }

    #[test]
    fn without_an_outage_seen_by_anyone_no_review_is_upheld(used in 0u64..=10, probes in 0u64..300) {
        prop_assert!(!review(false, (probes, 0), used).weigh().upheld);
        prop_assert!(!review(false, (probes.min(5), probes.min(5)), used).weigh().upheld);
    }
}
