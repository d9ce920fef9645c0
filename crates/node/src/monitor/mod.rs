//! An operator's duties beside consensus (P3, V8, O6): it probes services, reports their availability, and judges cases.
//! Rules and reasons are told in docs/judging.md.
//!
//! What decides is pure and takes time, randomness and facts as arguments: [`schedule`] (when is a service probed),
//! [`target`] and [`answer`] (where, and what does an answer mean), [`tally`] (what do probes come to, and whom does the
//! operator suspect), [`judge`] (how is a case decided), [`vote`] (what is to be sent about it). Around it: [`probe`] asks
//! over the network, [`store`] and [`sealed`] keep what a restart must not lose, and [`Duties`] does all of it in turns.
//!
//! Nothing here is agreed upon by operators. Each does its duties by itself, and the ledger counts them by stake.

pub mod answer;
pub mod config;
pub mod counters;
mod duties;
mod error;
mod evidence;
pub mod judge;
mod judging;
mod ledger;
mod outbox;
pub mod probe;
pub mod report;
pub mod schedule;
pub mod sealed;
pub mod store;
pub mod tally;
pub mod target;
pub mod vote;
mod watch;

pub use config::DutiesConfig;
pub use counters::{Counters, Snapshot};
pub use duties::{Duties, Means, Tools, account};
pub use error::DutyError;
