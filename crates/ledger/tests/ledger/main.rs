//! The ledger's tests: one binary, one file for each subject. Every input of every test goes through
//! [`world::World`], which checks the books after each and applies each twice, over two kinds of view.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod availability;
mod bundles;
mod cases;
mod cases_judging;
mod cases_rewards;
mod cases_service;
mod cases_stake;
mod committees;
mod corruption;
mod court;
mod decay;
mod deposits;
mod edges;
mod encoding;
mod epochs;
mod escrow;
mod expulsion;
mod forced;
mod governance;
mod histories;
mod interplay;
#[cfg(feature = "serde")]
mod json;
mod keys;
mod model;
mod overflows;
mod parameters;
mod precedence;
mod precedence_judging;
mod precedence_stake;
mod providers;
mod purchasers;
mod purchases;
mod rejections;
mod reviews;
mod rewards;
mod rotation;
mod score;
mod seats;
mod services;
mod stake;
mod successes;
mod transfers;
mod usage;
mod verdicts;
mod views;
mod withdrawals;
mod world;
