//! The ledger as the consensus engine sees it: how a block is built, judged and made final.
//!
//! Decides what a header commits to, which candidate blocks are valid, how blocks are paced, and who learns of the
//! final ones. Every economic rule is `rampart-ledger`'s; where transactions and observations come from, and what
//! becomes of receipts, is behind [`Source`], [`Feed`] and [`Sink`].
//!
//! A candidate is valid when: it is its parent's child (parent digest, height, and the round and leader that
//! consensus assigned); its time is a valid step (at most [`MAX_STEP`]); every transaction is properly signed; every
//! observation is confirmed by this operator's own chain feed; no item is rejected by the ledger, executed in order;
//! and every commitment in the header is what execution gives. A rule that depends on this operator alone (its
//! clock, its feed's progress) only delays the answer.

mod clock;
mod commitments;
mod execute;
mod judge;
mod ledger;
mod prefetch;
mod propose;
mod seams;
mod senders;
mod verified;

pub use clock::MAX_STEP;
pub use execute::{Executed, Receipt, Subject};
pub use ledger::{LedgerApplication, Pacing, Seams};
pub use seams::{Candidates, Feed, Finalized, Refused, Request, Sink, Source, Verdict};
pub use senders::{Senders, SendersError};
pub use verified::{Lane, Verified};

#[cfg(test)]
mod tests;
