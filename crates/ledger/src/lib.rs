//! The transition function of the Rampart ledger: every economic rule, and nothing else.
//!
//! [`apply()`] takes what the state holds ([`View`]), when it is ([`BlockEnv`]) and what happens ([`Input`]), and
//! returns what changes ([`Changeset`]) or why nothing does ([`Fault`]). It is a pure function over integers: no
//! clock, no randomness, no floats, no unordered iteration, so every operator computes the same bytes (P2).
//!
//! Left to others: signatures of accounts are checked before (`rampart-protocol`), the order of inputs is
//! consensus', where records are kept and how their root is computed is the node's. A record that is not loaded is
//! answered with [`Fault::Missing`]; the caller loads it and calls again, so nothing in here waits.
#![no_std]
#![deny(
    clippy::std_instead_of_core,
    clippy::std_instead_of_alloc,
    clippy::float_arithmetic
)]

extern crate alloc;

mod apply;
mod audit;
mod decay;
mod draft;
mod escrow;
mod event;
mod fault;
mod genesis;
mod key;
mod math;
mod params;
mod record;
mod reject;
mod rules;
mod seats;
mod standing;
mod view;
mod writes;

pub use apply::{BlockEnv, Changeset, Checked, Input, Prepared, apply, reads};
pub use audit::{AuditError, audit};
pub use decay::{DecayClock, Decaying, Steps};
pub use escrow::{BUCKETS_PER_PAGE, MAX_PAGES_PER_CLAIM};
pub use event::Event;
pub use fault::{Corrupt, Fault};
pub use genesis::{GenesisOperator, GenesisSeat, genesis};
pub use key::{Key, Kind};
pub use params::{Count, Evidence, ParamSpec, Params, ParamsError};
pub use record::*;
pub use reject::Reject;
pub use rules::{accrued, review_fee};
pub use seats::{Candidate, Given, SeatRule, Sits, allot, weights};
pub use standing::{Standing, is_untrustworthy, purchase_evidence, required_stake, score, standing, wait};
pub use view::{MemoryState, Missing, View, read};
pub use writes::Writes;
