//! Random histories in the ordinary test run, and as many as one likes (`cargo xtask histories`).

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "measures itself, and is told its length by the environment"
)]

use crate::history::{Chance, History, Tally};
use rampart_ledger::Params;
use std::time::Instant;

/// Transactions of one history: the whole state is checked again and again, so it must not grow without end.
const LENGTH: u64 = 10_000;
/// Inputs between two checks of the whole state.
const AUDIT_EVERY: u64 = 500;
/// Transactions of each kind that must have been applied in a history of [`LENGTH`].
const LEAST: u64 = 5;

fn history(seed: u64, length: u64) -> Tally {
    println!("seed {seed}");
    let mut history = History::new(Chance::seeded(seed), &Params::default(), AUDIT_EVERY);
    history.run(length);
    history.finish();
    history.tally
}

/// Every kind of message was applied, or the generator is at fault.
fn every_rule_was_reached(tally: &Tally) {
    assert_eq!(tally.messages.len(), 24, "{tally}");
    for (name, (tried, applied)) in &tally.messages {
        assert!(*applied >= LEAST, "{name}: {applied} of {tried} applied\n{tally}");
    }
    assert!(tally.applied() * 2 > tally.transactions, "{tally}");
}

#[test]
fn a_history_of_ten_thousand_transactions_holds_every_property() {
    let tally = history(7, LENGTH);
    println!("{tally}");
    every_rule_was_reached(&tally);
}

#[test]
fn shorter_histories_of_other_seeds_hold_every_property() {
    for seed in 2..6 {
        history(seed, 1_000);
    }
}

/// A number from the environment, as `cargo xtask histories` gives it.
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

#[test]
#[ignore = "long: cargo xtask histories --transactions 1000000"]
fn many_histories_hold_every_property() {
    let transactions = setting("RAMPART_HISTORIES_TRANSACTIONS", 1_000_000);
    let seed = setting("RAMPART_HISTORIES_SEED", 1_000);
    let (started, mut all) = (Instant::now(), Tally::default());
    for number in 0..transactions.div_ceil(LENGTH) {
        let tally = history(seed.wrapping_add(number), LENGTH.min(transactions));
        if tally.transactions == LENGTH {
            every_rule_was_reached(&tally);
        }
        all.add(&tally);
    }
    let seconds = started.elapsed().as_secs_f64();
    println!("\nseed {seed}: {all}");
    println!(
        "{seconds:.0} s, {:.0} transactions a second with every check",
        all.transactions as f64 / seconds
    );
}
