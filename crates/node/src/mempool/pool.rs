//! The waiting transactions: which are taken in, which may be tried now, and when they are let go. Pure; time is an
//! argument.
//!
//! Rules. A transaction is kept under its account and nonce; the first one with a nonce holds its place. Only
//! those that follow an account's finalised nonce without a gap are offered to a block, the account whose first
//! transaction has waited longest first. Full, the pool refuses; nothing that waits is thrown out for a newcomer.
//! A transaction leaves when it is final, when its nonce is used, when a final state rejects it, or after
//! [`Limits::lifetime_ms`].

use crate::application::{Refused, Verified};
use rampart_ledger::Reject;
use rampart_protocol::api::Rejection;
use rampart_protocol::{Address, B256, Nonce};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};

/// How much may wait.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Transactions in all.
    pub total: usize,
    /// Transactions of one account; also how far ahead a nonce may be.
    pub per_account: usize,
    /// Longest wait, milliseconds.
    pub lifetime_ms: u64,
    /// Rejections remembered, so that their submitters can ask.
    pub remembered: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            total: 20_000,
            per_account: 256,
            lifetime_ms: 10 * 60 * 1000,
            remembered: 10_000,
        }
    }
}

/// Why a transaction is not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// It waits already.
    #[error("this transaction is waiting already")]
    Known,
    /// The account's state has gone past its nonce.
    #[error("nonce {got} was used already, the account's next is {expected}")]
    StaleNonce {
        /// The transaction's.
        got: Nonce,
        /// The account's next.
        expected: Nonce,
    },
    /// Its nonce is too far ahead.
    #[error("nonce {got} is more than {limit} ahead of the account's next, {expected}")]
    FarNonce {
        /// The transaction's.
        got: Nonce,
        /// The account's next.
        expected: Nonce,
        /// Nonces that may wait.
        limit: usize,
    },
    /// Another transaction holds its nonce.
    #[error("another transaction with nonce {0} is waiting")]
    NonceTaken(Nonce),
    /// The pool is full.
    #[error("the mempool is full: {0} transactions are waiting; try again later")]
    Full(usize),
}

impl PoolError {
    /// A stable name for clients.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Known => "known_transaction",
            Self::StaleNonce { .. } => "stale_nonce",
            Self::FarNonce { .. } => "far_nonce",
            Self::NonceTaken(_) => "nonce_taken",
            Self::Full(_) => "mempool_full",
        }
    }
}

#[derive(Debug)]
struct Waiting {
    transaction: Verified,
    /// Order of arrival.
    ticket: u64,
    /// When it arrived, milliseconds.
    since_ms: u64,
}

#[derive(Debug, Default)]
struct Queue {
    next: Nonce,
    waiting: BTreeMap<Nonce, Waiting>,
}

/// The waiting transactions.
#[derive(Debug)]
pub struct Pool {
    limits: Limits,
    queues: BTreeMap<Address, Queue>,
    places: BTreeMap<B256, (Address, Nonce)>,
    tickets: u64,
    rejected: BTreeMap<B256, Rejection>,
    rejected_order: VecDeque<B256>,
}

impl Pool {
    /// An empty pool.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            queues: BTreeMap::new(),
            places: BTreeMap::new(),
            tickets: 0,
            rejected: BTreeMap::new(),
            rejected_order: VecDeque::new(),
        }
    }

    /// Number of transactions that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Most transactions that may wait.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.limits.total
    }

    /// Whether a transaction waits.
    #[must_use]
    pub fn contains(&self, hash: &B256) -> bool {
        self.places.contains_key(hash)
    }

    /// Whether no transaction of the account waits at or behind its next nonce.
    #[must_use]
    pub fn is_idle(&self, account: &Address) -> bool {
        self.queues
            .get(account)
            .is_none_or(|queue| queue.waiting.is_empty())
    }

    /// Why a transaction was rejected, if that is remembered.
    #[must_use]
    pub fn rejection(&self, hash: &B256) -> Option<Rejection> {
        self.rejected.get(hash).cloned()
    }

    /// Takes a transaction in. `next` is its account's nonce in a final state.
    ///
    /// # Errors
    /// See [`PoolError`]; the pool is then as before.
    pub fn add(&mut self, transaction: Verified, next: Nonce, now_ms: u64) -> Result<(), PoolError> {
        self.expire(now_ms);
        let (hash, account, nonce) = (
            transaction.hash(),
            transaction.signer(),
            transaction.transaction().message.nonce(),
        );
        if self.places.contains_key(&hash) {
            return Err(PoolError::Known);
        }
        // A final state may have been read just before a block; the pool may know better.
        let known = self.queues.get(&account).map_or(Nonce(0), |queue| queue.next);
        let expected = next.max(known);
        let limit = self.limits.per_account;
        if nonce < expected {
            return Err(PoolError::StaleNonce { got: nonce, expected });
        }
        if nonce.0 - expected.0 >= limit as u64 {
            return Err(PoolError::FarNonce {
                got: nonce,
                expected,
                limit,
            });
        }
        if self
            .queues
            .get(&account)
            .is_some_and(|queue| queue.waiting.contains_key(&nonce))
        {
            return Err(PoolError::NonceTaken(nonce));
        }
        if self.places.len() >= self.limits.total {
            return Err(PoolError::Full(self.limits.total));
        }
        self.forget_rejection(&hash);
        self.places.insert(hash, (account, nonce));
        self.queues.entry(account).or_insert_with(|| Queue {
            next: expected,
            waiting: BTreeMap::new(),
        });
        self.settle(account, expected);
        let ticket = self.tickets;
        self.tickets += 1;
        let waiting = Waiting {
            transaction,
            ticket,
            since_ms: now_ms,
        };
        self.queues
            .entry(account)
            .or_default()
            .waiting
            .insert(nonce, waiting);
        Ok(())
    }

    /// What may be tried now, at most `max_bytes` of it besides what is in flight.
    #[must_use]
    pub fn candidates(&self, in_flight: &BTreeSet<B256>, max_bytes: usize) -> Vec<Verified> {
        let head = |account: &Address, nonce: Nonce| {
            let waiting = self.queues.get(account)?.waiting.get(&nonce)?;
            Some((Reverse(waiting.ticket), *account, nonce))
        };
        let mut heads: BinaryHeap<_> = self
            .queues
            .iter()
            .filter_map(|(account, queue)| head(account, queue.next))
            .collect();
        let (mut taken, mut bytes) = (Vec::new(), 0usize);
        while let Some((_, account, nonce)) = heads.pop() {
            let Some(waiting) = self
                .queues
                .get(&account)
                .and_then(|queue| queue.waiting.get(&nonce))
            else {
                continue;
            };
            if !in_flight.contains(&waiting.transaction.hash()) {
                bytes = bytes.saturating_add(waiting.transaction.transaction().to_bytes().len());
                if bytes > max_bytes {
                    break;
                }
                taken.push(waiting.transaction.clone());
            }
            heads.extend(head(&account, Nonce(nonce.0.saturating_add(1))));
        }
        taken
    }

    /// Whether [`Self::candidates`] would return anything.
    #[must_use]
    pub fn has_work(&self, in_flight: &BTreeSet<B256>) -> bool {
        self.queues.values().any(|queue| {
            let ready = (queue.next.0..).map_while(|nonce| queue.waiting.get(&Nonce(nonce)));
            ready
                .into_iter()
                .any(|waiting| !in_flight.contains(&waiting.transaction.hash()))
        })
    }

    /// A transaction of `account` with `nonce` is final.
    pub fn applied(&mut self, account: Address, nonce: Nonce) {
        self.settle(account, Nonce(nonce.0.saturating_add(1)));
        if self.is_idle(&account) {
            self.queues.remove(&account);
        }
    }

    /// The ledger refused a candidate. Against a state that is not final the answer may yet change, so it stays.
    pub fn refused(&mut self, refused: &Refused) {
        if !refused.parent_final {
            return;
        }
        if let Some((account, nonce)) = self.places.remove(&refused.hash) {
            if let Some(queue) = self.queues.get_mut(&account) {
                queue.waiting.remove(&nonce);
            }
            self.remember_rejection(refused.hash, rejection(&refused.reject));
        }
    }

    /// Moves an account on to `next` and lets go of what that overtakes.
    fn settle(&mut self, account: Address, next: Nonce) {
        let Some(queue) = self.queues.get_mut(&account) else {
            return;
        };
        if next <= queue.next {
            return;
        }
        queue.next = next;
        let ahead = queue.waiting.split_off(&next);
        for overtaken in core::mem::replace(&mut queue.waiting, ahead).into_values() {
            self.places.remove(&overtaken.transaction.hash());
        }
    }

    fn expire(&mut self, now_ms: u64) {
        let lifetime = self.limits.lifetime_ms;
        let places = &mut self.places;
        self.queues.retain(|_, queue| {
            queue.waiting.retain(|_, waiting| {
                let keep = now_ms.saturating_sub(waiting.since_ms) <= lifetime;
                if !keep {
                    places.remove(&waiting.transaction.hash());
                }
                keep
            });
            !queue.waiting.is_empty()
        });
    }

    fn remember_rejection(&mut self, hash: B256, rejection: Rejection) {
        if self.rejected.insert(hash, rejection).is_none() {
            self.rejected_order.push_back(hash);
        }
        while self.rejected_order.len() > self.limits.remembered {
            if let Some(oldest) = self.rejected_order.pop_front() {
                self.rejected.remove(&oldest);
            }
        }
    }

    fn forget_rejection(&mut self, hash: &B256) {
        if self.rejected.remove(hash).is_some() {
            self.rejected_order.retain(|other| other != hash);
        }
    }
}

/// A ledger's answer as clients see it.
#[must_use]
pub fn rejection(reject: &Reject) -> Rejection {
    Rejection {
        code: reject.code(),
        name: reject.name().to_owned(),
        message: reject.to_string(),
    }
}
