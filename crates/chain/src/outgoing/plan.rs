//! What to do about the one transaction of an account that is on its way: wait, send it again, outbid it, or call it done.
//! Pure.
//!
//! One at a time, with the nonce that the chain has not seen used yet. So a transaction is never held back by an earlier one
//! that got lost, and a forgotten one in somebody's pool is replaced rather than followed. The nonce's being used is what
//! ends a transaction; which of its versions was mined is looked up afterwards.

use super::fees::Fees;
use alloy::primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};

/// What somebody wants to have done on the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// What it is about; two calls about one subject are the same wish.
    pub subject: B256,
    /// The contract.
    pub to: Address,
    /// The call's data.
    pub data: Bytes,
}

impl Call {
    /// What it is about, where that is a number.
    #[must_use]
    pub fn number(subject: B256) -> Option<u64> {
        u64::try_from(alloy::primitives::U256::from_be_bytes(subject.0)).ok()
    }
}

/// What is wanted now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Nothing new, and what is on its way is of no use any more. It is left to its fate: to take it back costs as much.
    Nothing,
    /// Nothing new, but what is on its way is still wanted.
    Keep,
    /// This, in place of whatever is on its way.
    Do(Call),
}

/// A transaction on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Flight {
    /// What it does.
    pub call: Call,
    /// The account's number for it.
    pub nonce: u64,
    /// Most gas that it may use.
    pub gas: u64,
    /// What it offers now.
    pub fees: Fees,
    /// The hashes of all its versions, the newest last.
    pub hashes: Vec<B256>,
    /// The newest version, signed.
    pub raw: Bytes,
}

/// What the chain shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// The first nonce of the account that no mined transaction has.
    pub nonce: u64,
    /// Whether the newest version is in an endpoint's pool.
    pub known: bool,
    /// What a transaction should offer now.
    pub market: Fees,
}

/// When a transaction is stuck, and what may be offered for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Time after which a transaction that is not mined is outbid.
    pub stuck_after_ms: u64,
    /// Most wei for a unit of gas, tip included.
    pub max_fee: u128,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing is on its way or wanted.
    Idle,
    /// What is on its way needs nothing.
    Wait,
    /// Send something new.
    Send {
        /// With this nonce.
        nonce: u64,
        /// For this.
        fees: Fees,
    },
    /// Outbid what is on its way, with the call that is wanted now.
    Replace {
        /// For this.
        fees: Fees,
    },
    /// Send the very same bytes again: no pool has them.
    Repeat,
    /// It is stuck, and the most that may be offered is not enough to outbid it.
    AtLimit,
    /// Its nonce is used.
    Mined,
    /// It can never be mined as it is, or nobody wants it and no pool has it.
    Forget,
}

/// What to do about `flight`, whose newest version was sent `age_ms` ago.
#[must_use]
pub fn step(flight: Option<&Flight>, age_ms: u64, wish: &Wish, view: &View, rules: &Rules) -> Step {
    let Some(flight) = flight else {
        return match wish {
            Wish::Do(_) => Step::Send {
                nonce: view.nonce,
                fees: view.market.at_most(rules.max_fee),
            },
            Wish::Nothing | Wish::Keep => Step::Idle,
        };
    };
    if flight.nonce < view.nonce {
        return Step::Mined;
    }
    // A reorganisation took earlier transactions of the account back: with this nonce it waits for ever.
    if flight.nonce > view.nonce {
        return Step::Forget;
    }
    let stuck = age_ms >= rules.stuck_after_ms;
    match wish {
        Wish::Nothing if view.known => Step::Wait,
        Wish::Nothing => Step::Forget,
        _ if stuck => outbid(flight, view, rules),
        // Not at once when something newer is wanted: each replacement costs an eighth more.
        _ if view.known => Step::Wait,
        Wish::Do(call) if call.subject != flight.call.subject => outbid(flight, view, rules),
        Wish::Do(_) | Wish::Keep => Step::Repeat,
    }
}

fn outbid(flight: &Flight, view: &View, rules: &Rules) -> Step {
    match flight.fees.bumped(view.market, rules.max_fee) {
        Some(fees) => Step::Replace { fees },
        None if view.known => Step::AtLimit,
        None => Step::Repeat,
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
