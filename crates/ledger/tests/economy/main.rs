//! Properties of the whole economy: over random histories, over the formulas, and in an example followed by hand.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
#![allow(clippy::cast_possible_truncation, reason = "choices are small numbers")]

mod challenges;
mod decay;
mod fuzz;
mod fuzzing;
mod histories;
mod history;
mod splitting;
mod worked_example;
