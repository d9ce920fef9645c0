//! An operator's duties beside consensus (P3, V8, O6): it probes services, reports their availability, and judges cases.
//!
//! Everything that decides is pure: [`schedule`], [`target`], [`answer`], [`tally`], [`judge`], [`vote`].

pub mod answer;
pub mod judge;
pub mod probe;
pub mod schedule;
pub mod sealed;
pub mod tally;
pub mod target;
pub mod vote;
