//! Who gets a seat: the rule by examples, and its properties for any stakes.

use proptest::prelude::*;
use rampart_ledger::{Candidate, Given, SeatRule, Sits, allot, weights};
use rampart_protocol::{Address, Ppm};

const RULE: SeatRule = SeatRule {
    max: 100,
    min: 4,
    least: Ppm(200_000),
};

fn name(number: usize) -> Address {
    Address::with_last_byte(u8::try_from(number).unwrap())
}

fn sitting(stakes: &[u128]) -> Vec<Candidate> {
    let candidate = |(number, stake): (usize, &u128)| Candidate {
        operator: name(number),
        stake: *stake,
        sits: Sits::WithItsKey,
    };
    stakes.iter().enumerate().map(candidate).collect()
}

/// Those who sit, and those who want to join after them.
fn parties(sit: &[u128], join: &[u128]) -> Vec<Candidate> {
    let mut all = sitting(&[sit, join].concat());
    all[sit.len()..].iter_mut().for_each(|c| c.sits = Sits::Not);
    all
}

fn seated(rule: &SeatRule, candidates: &[Candidate]) -> Vec<usize> {
    let given = allot(rule, candidates);
    given.iter().map(|seat| usize::from(seat.operator[19])).collect()
}

#[test]
fn the_largest_stakes_have_the_seats() {
    let rule = SeatRule { max: 5, ..RULE };
    let stakes = [10, 70, 20, 60, 30, 50, 40];
    assert_eq!(seated(&rule, &sitting(&stakes)), [1, 3, 4, 5, 6]);
}

#[test]
fn a_seat_needs_a_fifth_of_the_mean() {
    // With 17 the mean of the five is 83.4, a fifth of it 16.8; with 16 the mean is 83.2 and a fifth 16.6.
    let with = |last| seated(&RULE, &sitting(&[100, 100, 100, 100, last])).len();
    assert_eq!((with(16), with(17), with(20)), (4, 5, 5));
    // Exactly: 5 * 20 stakes of seats are 5 * mean.
    let exact = SeatRule {
        least: Ppm(500_000),
        ..RULE
    };
    let with = |last| seated(&exact, &sitting(&[70, 70, 70, 70, last])).len();
    // x * 5 * 2 = 280 + x.
    assert_eq!((with(31), with(32)), (4, 5));
}

#[test]
fn one_who_dwarfs_the_others_does_not_drive_them_out_of_their_seats() {
    let stakes = [1_000, 10, 10, 10, 10];
    assert_eq!(seated(&RULE, &sitting(&stakes)), [0, 1, 2, 3, 4]);
}

#[test]
fn where_too_few_are_left_who_has_left_keeps_its_seat() {
    let left = |candidates: &mut Vec<Candidate>, places: &[usize]| {
        for place in places {
            (candidates[*place].stake, candidates[*place].sits) = (0, Sits::Left);
        }
    };
    let mut candidates = sitting(&[10; 6]);
    left(&mut candidates, &[0, 1]);
    assert_eq!(seated(&RULE, &candidates), [2, 3, 4, 5]);
    left(&mut candidates, &[2]);
    assert_eq!(seated(&RULE, &candidates), [0, 3, 4, 5]);
    left(&mut candidates, &[3, 4, 5]);
    assert_eq!(seated(&RULE, &candidates), [0, 1, 2, 3]);
    assert!(allot(&RULE, &candidates).iter().all(|seat| !seat.with_its_key));
    // Others take their places, one at a time.
    candidates.extend(parties(&[0; 6], &[10; 5]).split_off(6));
    assert_eq!(seated(&RULE, &candidates), [0, 1, 2, 6]);
    // A network that began with fewer keeps working.
    assert_eq!(seated(&RULE, &sitting(&[10, 10, 10])), [0, 1, 2]);
    assert_eq!(seated(&RULE, &[]), [0; 0]);
    assert_eq!(seated(&RULE, &parties(&[], &[10; 9])), [0; 0]);
}

#[test]
fn as_many_join_as_the_committee_can_do_without() {
    let join = [90; 20];
    for (sit, joined) in [(2, 0), (3, 1), (4, 1), (5, 2), (7, 3), (20, 9), (41, 20)] {
        let given = seated(&RULE, &parties(&vec![80; sit], &join));
        let fresh = given.iter().filter(|number| **number >= sit).count();
        assert_eq!((given.len(), fresh), (sit + joined, joined), "{sit}");
        assert!(fresh <= (given.len() - 1) / 3);
    }
}

#[test]
fn the_largest_of_those_who_join_come_first_and_the_others_in_later_epochs() {
    let mut candidates = parties(&[50, 50, 50, 50], &[60, 80, 70]);
    let mut order = Vec::new();
    for _ in 0..2 {
        let given = allot(&RULE, &candidates);
        let mut joined = Vec::new();
        for candidate in &mut candidates {
            let sits = given.iter().any(|seat| seat.operator == candidate.operator);
            if sits && candidate.sits == Sits::Not {
                candidate.sits = Sits::WithItsKey;
                joined.push(candidate.stake);
            }
        }
        order.push(joined);
    }
    assert_eq!(order, [vec![80], vec![60, 70]]);
}

#[test]
fn who_is_outbid_makes_room_for_no_more_than_can_join() {
    let rule = SeatRule { max: 7, ..RULE };
    let mut candidates = parties(&[10, 11, 12, 13, 14, 15, 16], &[90; 7]);
    // Two of seven may be new; the smallest of those who sit go, though none of them has enough stake by now.
    for expected in [
        [2, 3, 4, 5, 6, 7, 8],
        [4, 5, 6, 7, 8, 9, 10],
        [6, 7, 8, 9, 10, 11, 12],
        [7, 8, 9, 10, 11, 12, 13],
    ] {
        let given = seated(&rule, &candidates);
        assert_eq!(given, expected);
        for (number, candidate) in candidates.iter_mut().enumerate() {
            candidate.sits = if given.contains(&number) {
                Sits::WithItsKey
            } else {
                Sits::Not
            };
        }
    }
}

#[test]
fn one_who_dwarfs_those_who_sit_joins_them_and_does_not_replace_them() {
    let mut candidates = parties(&[10; 20], &[9_000]);
    assert_eq!(seated(&RULE, &candidates).len(), 21);
    candidates[20].sits = Sits::WithItsKey;
    assert_eq!(seated(&RULE, &candidates).len(), 21);
}

#[test]
fn of_equal_stakes_who_sits_stays() {
    let rule = SeatRule { max: 4, ..RULE };
    let candidates = parties(&[50; 4], &[50; 4]);
    assert_eq!(seated(&rule, &candidates), [0, 1, 2, 3]);
}

#[test]
fn new_keys_count_like_operators_that_join_and_wait_with_the_old_ones() {
    let mut candidates = parties(&[40, 60, 50, 70, 80, 90, 95], &[]);
    for candidate in &mut candidates[..4] {
        candidate.sits = Sits::WithAnotherKey;
    }
    let given = allot(&RULE, &candidates);
    let waiting: Vec<_> = given.iter().filter(|seat| !seat.with_its_key).collect();
    // Two of seven: the largest two of the four.
    let waits = |number| Given {
        operator: name(number),
        with_its_key: false,
    };
    assert_eq!(waiting, [&waits(0), &waits(2)]);
    // One who joins is one change less.
    candidates.push(parties(&[], &[50; 8])[7]);
    let given = allot(&RULE, &candidates);
    assert_eq!(given.len(), 8);
    assert_eq!(given.iter().filter(|seat| !seat.with_its_key).count(), 3);
}

#[test]
fn weights_are_the_stakes_in_units_of_a_power_of_two() {
    assert_eq!(weights(&[]), [0; 0]);
    assert_eq!(weights(&[1, 2, 3]), [1, 2, 3]);
    assert_eq!(weights(&[1 << 62, 1 << 62]), [1 << 61, 1 << 61]);
    assert_eq!(weights(&[1 << 100, 1]), [1 << 62, 1]);
    assert_eq!(weights(&[u128::MAX; 2]), [(1 << 62) - 1; 2]);
    let token = 1_000_000_000_000_000_000;
    let scaled = weights(&[100 * token, 20 * token]);
    assert_eq!(scaled[0] / scaled[1], 5);
}

fn any_candidates() -> impl Strategy<Value = Vec<Candidate>> {
    let stake = prop_oneof![
        4 => 1..2_000u128,
        2 => 1_000..1_100u128,
        1 => 1..u128::MAX,
    ];
    let sits = prop_oneof![
        4 => Just(Sits::WithItsKey),
        1 => Just(Sits::WithAnotherKey),
        2 => Just(Sits::Not),
        1 => Just(Sits::Left),
    ];
    let number = |(number, (stake, sits))| Candidate {
        operator: name(number),
        stake,
        sits,
    };
    prop::collection::vec((stake, sits), 0..60)
        .prop_map(move |all| all.into_iter().enumerate().map(number).collect())
}

fn any_rule() -> impl Strategy<Value = SeatRule> {
    (1..80usize, 1..8usize, 0..=1_000_000u32).prop_map(|(max, min, least)| SeatRule {
        max,
        min: min.min(max),
        least: Ppm(least),
    })
}

proptest! {
    #[test]
    fn a_committee_never_has_more_new_keys_than_it_can_do_without(
        rule in any_rule(),
        candidates in any_candidates(),
    ) {
        let before = candidates.iter().filter(|c| c.sits != Sits::Not).count();
        let given = allot(&rule, &candidates);
        prop_assert!(given.len() <= rule.max);
        prop_assert!(given.len() >= rule.min.min(before));
        prop_assert!(given.windows(2).all(|pair| pair[0].operator < pair[1].operator));
        let sits = |seat: &Given| candidates[usize::from(seat.operator[19])].sits;
        let fresh = given.iter().filter(|seat| match sits(seat) {
            Sits::WithItsKey | Sits::Left => false,
            Sits::WithAnotherKey => seat.with_its_key,
            Sits::Not => true,
        });
        prop_assert!(fresh.count() <= given.len().saturating_sub(1) / 3);
        let old = |seat: &Given| matches!(sits(seat), Sits::WithAnotherKey | Sits::Left);
        prop_assert!(given.iter().all(|seat| seat.with_its_key || old(seat)));
        // Nobody who has left is kept without need.
        let kept = given.iter().any(|seat| sits(seat) == Sits::Left);
        prop_assert!(!kept || given.len() == rule.min.min(before));
    }

    #[test]
    fn the_order_in_which_candidates_are_told_does_not_matter(
        rule in any_rule(),
        candidates in any_candidates().prop_shuffle(),
    ) {
        let mut sorted = candidates.clone();
        sorted.sort_by_key(|c| c.operator);
        prop_assert_eq!(allot(&rule, &candidates), allot(&rule, &sorted));
    }

    /// What the documentation tells of quorums follows from this.
    #[test]
    fn every_seat_has_its_part_of_the_mean_when_the_rule_finds_enough(
        rule in any_rule(),
        mut candidates in any_candidates(),
    ) {
        let rule = SeatRule { min: 1, ..rule };
        candidates.iter_mut().for_each(|c| {
            c.sits = Sits::WithItsKey;
            c.stake %= 1 << 80;
            c.stake += 1;
        });
        let given = allot(&rule, &candidates);
        let stakes: Vec<u128> = given.iter().map(|seat| candidates[usize::from(seat.operator[19])].stake).collect();
        let total: u128 = stakes.iter().sum();
        for stake in &stakes {
            prop_assert!(stake * stakes.len() as u128 * 1_000_000 >= total * u128::from(rule.least.0));
        }
        // Nobody outside has more than anyone inside.
        let least = stakes.iter().min().copied().unwrap_or(0);
        let outside = candidates.iter().filter(|c| !given.iter().any(|seat| seat.operator == c.operator));
        prop_assert!(outside.map(|c| c.stake).all(|stake| stake <= least));
    }

    /// Whoever divides a stake has at most that share of the seats, divided by the least part of a seat.
    #[test]
    fn splitting_a_stake_gains_no_more_than_the_least_part_allows(
        honest in prop::collection::vec(1_000..10_000u128, 4..40),
        stake in 1_000..100_000u128,
        parts in 1..40u128,
        least in 100_000..=1_000_000u32,
    ) {
        let rule = SeatRule { max: 256, min: 1, least: Ppm(least) };
        let mut candidates = sitting(&honest);
        let split = sitting(&vec![stake / parts; parts as usize]);
        candidates.extend(split.iter().map(|c| Candidate {
            operator: Address::with_last_byte(c.operator[19] + 100),
            ..*c
        }));
        let given = allot(&rule, &candidates);
        let of = |seat: &Given| candidates.iter().find(|c| c.operator == seat.operator).unwrap().stake;
        let total: u128 = given.iter().map(of).sum();
        let (theirs, count) = given.iter().filter(|seat| seat.operator[19] >= 100)
            .fold((0, 0u128), |(stake, count), seat| (stake + of(seat), count + 1));
        // count / seats <= theirs / (total * least)
        prop_assert!(count * total * u128::from(least) <= theirs * given.len() as u128 * 1_000_000);
    }

    #[test]
    fn weights_fit_keep_the_order_and_are_never_zero(stakes in prop::collection::vec(1..u128::MAX, 1..256)) {
        let scaled = weights(&stakes);
        prop_assert!(scaled.iter().all(|weight| *weight > 0));
        let total: u128 = scaled.iter().map(|weight| u128::from(*weight)).sum();
        prop_assert!(total <= (1 << 63) + 256);
        for (a, b) in stakes.iter().zip(&scaled) {
            for (c, d) in stakes.iter().zip(&scaled) {
                prop_assert!(a > c || b <= d);
            }
        }
    }
}
