//! Decaying sums: exact in what they promise, close to the real exponential in what they approximate.

#![allow(
    clippy::disallowed_types,
    reason = "the integers are compared with the real exponential"
)]

use crate::world::{DAY, HALF_LIFE, START};
use proptest::prelude::*;
use rampart_ledger::Decaying;
use rampart_protocol::{Seconds, Timestamp};

const H: Seconds = Seconds(HALF_LIFE);

fn add(sum: Decaying, value: u128, at: u64) -> Decaying {
    sum.add(value, Timestamp(at), H).unwrap()
}

#[test]
fn a_contribution_halves_exactly_with_each_half_life() {
    let value = 1u128 << 100;
    let sum = add(Decaying::default(), value, START);
    for halvings in 0..=130u32 {
        let at = Timestamp(START + u64::from(halvings) * HALF_LIFE);
        assert_eq!(
            sum.value(at, H),
            value.checked_shr(halvings).unwrap_or(0),
            "{halvings}"
        );
    }
    assert_eq!(sum.value(Timestamp(u64::MAX), H), 0);
}

#[test]
fn half_a_half_life_leaves_one_over_the_square_root_of_two() {
    let value = 1u128 << 60;
    let sum = add(Decaying::default(), value, START);
    let left = sum.value(Timestamp(START + HALF_LIFE / 2), H);
    // left^2 * 2 = value^2, to about 18 digits.
    let square = left * left * 2;
    let target = value * value;
    assert!(target - square < target >> 58, "{left}");
}

#[test]
fn nothing_decays_to_nothing() {
    let empty = Decaying::default();
    assert_eq!(empty.value(Timestamp(0), H), 0);
    assert_eq!(empty.value(Timestamp(u64::MAX), H), 0);
    assert_eq!(add(empty, 0, START).value(Timestamp(START), H), 0);
}

#[test]
fn a_moment_before_the_origin_reads_as_the_origin() {
    let sum = add(Decaying::default(), 1_000, START);
    assert_eq!(sum.value(Timestamp(START - 5), H), 1_000);
    assert_eq!(sum.value(Timestamp(0), H), 1_000);
}

#[test]
fn a_sum_past_128_bits_is_refused() {
    let full = add(Decaying::default(), u128::MAX, START);
    assert_eq!(full.add(1, Timestamp(START), H), None);
    assert_eq!(full.value(Timestamp(START), H), u128::MAX);
    // Within a period a contribution is scaled up, so less fits.
    assert_eq!(
        Decaying::default().add(u128::MAX, Timestamp(START + DAY), H),
        None
    );
    // After a half-life there is room again.
    assert!(full.add(u128::MAX / 2, Timestamp(START + HALF_LIFE), H).is_some());
}

#[test]
fn a_half_life_of_zero_does_not_divide_by_zero() {
    let sum = Decaying::default().add(8, Timestamp(START), Seconds(0)).unwrap();
    assert_eq!(sum.value(Timestamp(START + 2), Seconds(0)), 2);
}

#[test]
fn a_half_life_of_a_second_halves_every_second() {
    let h = Seconds(1);
    let sum = Decaying::default().add(1_024, Timestamp(7), h).unwrap();
    for (at, expected) in [(7, 1_024), (8, 512), (17, 1), (18, 0)] {
        assert_eq!(sum.value(Timestamp(at), h), expected);
    }
}

#[test]
fn a_changed_half_life_counts_from_the_origin_that_is_kept() {
    let sum = add(Decaying::default(), 1 << 40, START);
    let twice = Seconds(2 * HALF_LIFE);
    assert_eq!(sum.value(Timestamp(START + 2 * HALF_LIFE), twice), 1 << 39);
    let more = sum.add(1 << 39, Timestamp(START + 2 * HALF_LIFE), twice).unwrap();
    assert_eq!(more.value(Timestamp(START + 4 * HALF_LIFE), twice), 1 << 39);
}

fn history() -> impl Strategy<Value = Vec<(u64, u128)>> {
    prop::collection::vec((0..3 * HALF_LIFE, 0u128..1 << 90), 0..24).prop_map(|mut steps| {
        let mut at = START;
        for step in &mut steps {
            at += step.0 / 4;
            step.0 = at;
        }
        steps
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn who_touched_it_before_changes_nothing(
        steps in history(),
        touches in prop::collection::vec(0..20 * HALF_LIFE, 0..24),
        read in 0..30 * HALF_LIFE,
    ) {
        let plain = steps.iter().fold(Decaying::default(), |sum, (at, value)| add(sum, *value, *at));
        let mut all: Vec<(u64, u128)> = touches.iter().map(|at| (START + at, 0)).chain(steps).collect();
        all.sort_by_key(|(at, _)| *at);
        let touched = all.iter().fold(Decaying::default(), |sum, (at, value)| add(sum, *value, *at));
        let read = Timestamp(all.last().map_or(START, |(at, _)| *at) + read);
        prop_assert_eq!(touched.value(read, H), plain.value(read, H));
    }

    #[test]
    fn contributions_of_one_moment_commute_and_add_up_to_rounding(
        at in 0..HALF_LIFE, a in 0u128..1 << 90, b in 0u128..1 << 90, later in 0..9 * HALF_LIFE,
    ) {
        let at = START + at;
        let one = add(add(Decaying::default(), a, at), b, at);
        let other = add(add(Decaying::default(), b, at), a, at);
        prop_assert_eq!(one, other);
        let together = add(Decaying::default(), a + b, at).value(Timestamp(at + later), H);
        prop_assert!(together.abs_diff(one.value(Timestamp(at + later), H)) <= 2);
    }

    #[test]
    fn a_sum_never_grows_by_itself_nor_exceeds_what_was_put_in(
        steps in history(), first in 0..9 * HALF_LIFE, second in 0..9 * HALF_LIFE,
    ) {
        let sum = steps.iter().fold(Decaying::default(), |sum, (at, value)| add(sum, *value, *at));
        let end = steps.last().map_or(START, |(at, _)| *at);
        let earlier = sum.value(Timestamp(end + first.min(second)), H);
        let later = sum.value(Timestamp(end + first.max(second)), H);
        prop_assert!(later <= earlier);
        prop_assert!(earlier <= steps.iter().map(|(_, value)| value).sum());
    }

    #[test]
    fn a_sum_follows_the_exponential(steps in history(), read in 0..5 * HALF_LIFE) {
        let sum = steps.iter().fold(Decaying::default(), |sum, (at, value)| add(sum, *value, *at));
        let read = steps.last().map_or(START, |(at, _)| *at) + read;
        let exact: f64 = steps
            .iter()
            .map(|(at, value)| *value as f64 * (-((read - at) as f64) / HALF_LIFE as f64).exp2())
            .sum();
        let actual = sum.value(Timestamp(read), H) as f64;
        // Two phases, each short by at most 1/65536 of a half-life; and one unit for each rounding.
        prop_assert!((actual - exact).abs() <= exact * 2.2e-5 + steps.len() as f64 + 2.0, "{actual} {exact}");
    }
}
