//! Decaying sums and their clock: exact in what they promise, close to the real exponential in what they approximate.

#![allow(
    clippy::disallowed_types,
    reason = "the integers are compared with the real exponential"
)]

use crate::world::{DAY, HALF_LIFE, START};
use proptest::prelude::*;
use rampart_ledger::{DecayClock, Decaying, Steps};
use rampart_protocol::{Seconds, Timestamp};

const H: Seconds = Seconds(HALF_LIFE);

/// What a clock that never changed reads at a time.
fn steps(at: u64) -> Steps {
    DecayClock::default().at(Timestamp(at), H)
}

fn add(sum: Decaying, value: u128, at: u64) -> Decaying {
    sum.add(value, steps(at)).unwrap()
}

#[test]
fn a_contribution_halves_exactly_with_each_half_life() {
    let value = 1u128 << 100;
    let sum = add(Decaying::default(), value, START);
    for halvings in 0..=130u32 {
        let at = steps(START + u64::from(halvings) * HALF_LIFE);
        assert_eq!(
            sum.value(at),
            value.checked_shr(halvings).unwrap_or(0),
            "{halvings}"
        );
    }
    assert_eq!(sum.value(Steps(u64::MAX)), 0);
}

#[test]
fn half_a_half_life_leaves_one_over_the_square_root_of_two() {
    let value = 1u128 << 60;
    let sum = add(Decaying::default(), value, START);
    let left = sum.value(steps(START + HALF_LIFE / 2));
    // left^2 * 2 = value^2, to about 18 digits.
    let square = left * left * 2;
    let target = value * value;
    assert!(target - square < target >> 58, "{left}");
}

#[test]
fn nothing_decays_to_nothing() {
    let empty = Decaying::default();
    assert_eq!(empty, Decaying::NOTHING);
    assert_eq!(empty.value(Steps(0)), 0);
    assert_eq!(empty.value(Steps(u64::MAX)), 0);
    assert_eq!(add(empty, 0, START).value(steps(START)), 0);
}

#[test]
fn a_moment_before_the_contribution_reads_as_its_period_begins() {
    let sum = add(Decaying::default(), 1_000, START);
    assert_eq!(sum.value(steps(START - 5)), 1_000);
    assert_eq!(sum.value(Steps(0)), 1_000);
}

#[test]
fn a_sum_past_128_bits_is_refused() {
    let full = add(Decaying::default(), u128::MAX, START);
    assert_eq!(full.add(1, steps(START)), None);
    assert_eq!(full.plus(&full), None);
    assert_eq!(full.value(steps(START)), u128::MAX);
    // Within a period a contribution is scaled up, so less fits.
    assert_eq!(Decaying::default().add(u128::MAX, steps(START + DAY)), None);
    // After a half-life there is room again.
    assert!(full.add(u128::MAX / 2, steps(START + HALF_LIFE)).is_some());
}

#[test]
fn a_part_is_taken_out_exactly_as_if_it_had_never_been_in_for_sixty_four_half_lives() {
    for periods in [0, 1, 7, 63, 64] {
        let early = add(Decaying::default(), 0x1234_5678_9abc, START + 11 * DAY);
        let part = Decaying::of(777_777_777, steps(START + 12 * DAY)).unwrap();
        let at = START + 13 * DAY + periods * HALF_LIFE;
        let with = add(early.plus(&part).unwrap(), 5, at);
        let without = add(early, 5, at);
        assert_eq!(with.minus(&part), Some(without), "after {periods} half-lives");
    }
}

#[test]
fn a_part_that_was_never_in_cannot_be_taken_out() {
    let sum = add(Decaying::default(), 10, START);
    let more = Decaying::of(11, steps(START)).unwrap();
    assert_eq!(sum.minus(&more), None);
    assert_eq!(Decaying::NOTHING.minus(&more), None);
    assert_eq!(sum.minus(&sum).unwrap().value(steps(START)), 0);
}

#[test]
fn a_half_life_of_zero_does_not_divide_by_zero() {
    let clock = DecayClock::default();
    let at = |seconds| clock.at(Timestamp(seconds), Seconds(0));
    let sum = Decaying::default().add(8, at(START)).unwrap();
    assert_eq!(sum.value(at(START + 2)), 2);
}

#[test]
fn a_half_life_of_a_second_halves_every_second() {
    let at = |seconds| DecayClock::default().at(Timestamp(seconds), Seconds(1));
    let sum = Decaying::default().add(1_024, at(7)).unwrap();
    for (seconds, expected) in [(7, 1_024), (8, 512), (17, 1), (18, 0)] {
        assert_eq!(sum.value(at(seconds)), expected);
    }
}

#[test]
fn a_clock_goes_on_from_where_it_is_when_the_half_life_changes() {
    let clock = DecayClock::default();
    let sum = Decaying::default()
        .add(1 << 40, clock.at(Timestamp(START), H))
        .unwrap();
    let change = Timestamp(START + HALF_LIFE);
    let rebased = clock.rebased(change, H);
    for half_life in [Seconds(1), Seconds(DAY), H, Seconds(3_650 * DAY)] {
        assert_eq!(
            sum.value(rebased.at(change, half_life)),
            1 << 39,
            "the change itself moves nothing"
        );
        let later = Timestamp(change.0 + half_life.0);
        assert_eq!(sum.value(rebased.at(later, half_life)), 1 << 38);
    }
}

#[test]
fn a_clock_stops_at_the_end_of_numbers_and_before_its_beginning() {
    let clock = DecayClock::default();
    assert_eq!(clock.at(Timestamp(u64::MAX), Seconds(1)), Steps(u64::MAX));
    let rebased = clock.rebased(Timestamp(START), H);
    assert_eq!(rebased.at(Timestamp(0), H), rebased.at(Timestamp(START), H));
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
        steps_made in history(),
        touches in prop::collection::vec(0..20 * HALF_LIFE, 0..24),
        read in 0..30 * HALF_LIFE,
    ) {
        let plain = steps_made.iter().fold(Decaying::default(), |sum, (at, value)| add(sum, *value, *at));
        let mut all: Vec<(u64, u128)> = touches.iter().map(|at| (START + at, 0)).chain(steps_made).collect();
        all.sort_by_key(|(at, _)| *at);
        let touched = all.iter().fold(Decaying::default(), |sum, (at, value)| add(sum, *value, *at));
        let read = steps(all.last().map_or(START, |(at, _)| *at) + read);
        prop_assert_eq!(touched.value(read), plain.value(read));
    }

    #[test]
    fn contributions_of_one_moment_commute_and_add_up_to_rounding(
        at in 0..HALF_LIFE, a in 0u128..1 << 90, b in 0u128..1 << 90, later in 0..9 * HALF_LIFE,
    ) {
        let at = START + at;
        let one = add(add(Decaying::default(), a, at), b, at);
        let other = add(add(Decaying::default(), b, at), a, at);
        prop_assert_eq!(one, other);
        let together = add(Decaying::default(), a + b, at).value(steps(at + later));
        prop_assert!(together.abs_diff(one.value(steps(at + later))) <= 2);
    }

    #[test]
    fn a_sum_never_grows_by_itself_nor_exceeds_what_was_put_in(
        steps_made in history(), first in 0..9 * HALF_LIFE, second in 0..9 * HALF_LIFE,
    ) {
        let sum = steps_made.iter().fold(Decaying::default(), |sum, (at, value)| add(sum, *value, *at));
        let end = steps_made.last().map_or(START, |(at, _)| *at);
        let earlier = sum.value(steps(end + first.min(second)));
        let later = sum.value(steps(end + first.max(second)));
        prop_assert!(later <= earlier);
        prop_assert!(earlier <= steps_made.iter().map(|(_, value)| value).sum());
    }

    #[test]
    fn a_sum_follows_the_exponential(steps_made in history(), read in 0..5 * HALF_LIFE) {
        let sum = steps_made.iter().fold(Decaying::default(), |sum, (at, value)| add(sum, *value, *at));
        let read = steps_made.last().map_or(START, |(at, _)| *at) + read;
        let exact: f64 = steps_made
            .iter()
            .map(|(at, value)| *value as f64 * (-((read - at) as f64) / HALF_LIFE as f64).exp2())
            .sum();
        let actual = sum.value(steps(read)) as f64;
        // Two phases, each short by at most 1/65536 of a half-life; and one unit for each rounding.
        prop_assert!((actual - exact).abs() <= exact * 2.2e-5 + steps_made.len() as f64 + 2.0, "{actual} {exact}");
    }

    #[test]
    fn what_is_taken_out_leaves_what_the_others_put_in(
        steps_made in history(), at in 0..9 * HALF_LIFE, part in 0u128..1 << 90,
    ) {
        let plain = steps_made.iter().fold(Decaying::default(), |sum, (at, value)| add(sum, *value, *at));
        let part = Decaying::of(part, steps(START + at)).unwrap();
        prop_assert_eq!(plain.plus(&part).unwrap().minus(&part).map(|sum| sum.value(steps(START + 30 * HALF_LIFE))),
            Some(plain.value(steps(START + 30 * HALF_LIFE))));
    }
}
