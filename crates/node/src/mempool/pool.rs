//! The waiting transactions: which are taken in, which may be tried now, and when they are let go. Pure; time is an
//! argument.
//!
//! Rules. A lane is an account's wallet, or one of the purchasers that it delegated to: each has nonces of its own, so none
//! waits for another. A transaction is kept under its lane and nonce; the first one with a nonce holds its place. Only
//! those that follow an lane's finalised nonce without a gap are offered to a block, the lane whose first
//! transaction has waited longest first. Full, the pool refuses; nothing that waits is thrown out for a newcomer.
//! A transaction leaves when it is final, when its nonce is used, when the ledger rejects it on a final state, or after
//! [`Limits::lifetime_ms`]. One whose predecessor is rejected is not rejected with it: it waits for another.
//! While frozen the pool takes nothing and offers nothing: nothing that the ledger still does would be paid out (X2).
//!
//! A rejection is this operator's word only: until its nonce is used, a rejected transaction may still be put into a
//! block by another operator, and then counts.

use super::error::{PoolError, rejection};
use super::recent::Recent;
use super::remembered::Remembered;
use crate::application::{Lane, Refused, Verified};
use rampart_ledger::Reject;
use rampart_protocol::api::Rejection;
use rampart_protocol::{B256, Nonce};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

/// How much may wait.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Transactions in all. With the largest transactions, 4 KiB each, the default takes 80 MiB.
    pub total: usize,
    /// Transactions of one lane; also how far ahead a nonce may be. An account has at most nine lanes: its wallet's, and
    /// those of eight purchasers.
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
    /// Never empty between calls: a queue with nothing in it is dropped.
    waiting: BTreeMap<Nonce, Waiting>,
}

/// The waiting transactions.
#[derive(Debug)]
pub struct Pool {
    limits: Limits,
    queues: BTreeMap<Lane, Queue>,
    places: BTreeMap<B256, (Lane, Nonce)>,
    /// Every waiting transaction, in the order of arrival.
    arrivals: BTreeMap<u64, (Lane, Nonce)>,
    tickets: u64,
    rejected: Remembered,
    /// Lanes that final blocks moved on lately.
    recent: Recent,
    /// Refusals on top of blocks that are not final yet: height and digest of the block, and the answer.
    refusals: BTreeMap<B256, (u64, B256, Reject)>,
    /// Height and digest of the last final block that the pool was told of.
    last: Option<(u64, B256)>,
    frozen: bool,
}

impl Pool {
    /// An empty pool.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            queues: BTreeMap::new(),
            places: BTreeMap::new(),
            arrivals: BTreeMap::new(),
            tickets: 0,
            rejected: Remembered::new(limits.remembered),
            recent: Recent::new(limits.total),
            refusals: BTreeMap::new(),
            last: None,
            frozen: false,
        }
    }

    /// Stops taking and offering transactions, or starts again.
    pub const fn freeze(&mut self, frozen: bool) {
        self.frozen = frozen;
    }

    /// Whether the pool takes and offers nothing.
    #[must_use]
    pub const fn is_frozen(&self) -> bool {
        self.frozen
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

    /// Whether no transaction of the lane waits.
    #[must_use]
    pub fn is_idle(&self, lane: &Lane) -> bool {
        !self.queues.contains_key(lane)
    }

    /// Why a transaction was rejected, if that is remembered.
    #[must_use]
    pub fn rejection(&self, hash: &B256) -> Option<Rejection> {
        self.rejected.get(hash).cloned()
    }

    /// Takes a transaction in. `next` is its lane's nonce in a final state.
    ///
    /// # Errors
    /// See [`PoolError`]; no other transaction is affected.
    pub fn add(&mut self, transaction: Verified, next: Nonce, now_ms: u64) -> Result<(), PoolError> {
        self.expire(now_ms);
        let (hash, lane) = (transaction.hash(), transaction.lane());
        let nonce = transaction.transaction().message.nonce();
        if self.places.contains_key(&hash) {
            return Err(PoolError::Known);
        }
        // The caller may have read the state just before a block; the pool may know better.
        let next = self.recent.get(&lane).map_or(next, |recent| recent.max(next));
        self.check(lane, nonce, next)?;
        self.rejected.forget(&hash);
        self.settle(lane, next);
        let ticket = self.tickets;
        self.tickets += 1;
        let waiting = Waiting {
            transaction,
            ticket,
            since_ms: now_ms,
        };
        let queue = self.queues.entry(lane).or_insert_with(|| Queue {
            next,
            waiting: BTreeMap::new(),
        });
        queue.waiting.insert(nonce, waiting);
        self.places.insert(hash, (lane, nonce));
        self.arrivals.insert(ticket, (lane, nonce));
        Ok(())
    }

    fn check(&self, lane: Lane, nonce: Nonce, next: Nonce) -> Result<(), PoolError> {
        if self.frozen {
            return Err(PoolError::Frozen);
        }
        let queue = self.queues.get(&lane);
        let expected = queue.map_or(next, |queue| queue.next.max(next));
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
        if queue.is_some_and(|queue| queue.waiting.contains_key(&nonce)) {
            return Err(PoolError::NonceTaken(nonce));
        }
        if self.places.len() >= self.limits.total {
            return Err(PoolError::Full(self.limits.total));
        }
        Ok(())
    }

    /// What may be tried now, at most `max_bytes` of it besides what is in flight.
    #[must_use]
    pub fn candidates(&self, in_flight: &BTreeSet<B256>, max_bytes: usize) -> Vec<Verified> {
        if self.frozen {
            return Vec::new();
        }
        let head = |lane: &Lane, nonce: Nonce| {
            let waiting = self.queues.get(lane)?.waiting.get(&nonce)?;
            Some((Reverse(waiting.ticket), *lane, nonce))
        };
        let mut heads: BinaryHeap<_> = self
            .queues
            .iter()
            .filter_map(|(lane, queue)| head(lane, queue.next))
            .collect();
        let (mut taken, mut bytes) = (Vec::new(), 0usize);
        while let Some((_, lane, nonce)) = heads.pop() {
            let waiting = self.queues.get(&lane).and_then(|q| q.waiting.get(&nonce));
            let Some(Waiting { transaction, .. }) = waiting else {
                continue;
            };
            if !in_flight.contains(&transaction.hash()) {
                bytes = bytes.saturating_add(transaction.transaction().to_bytes().len());
                if bytes > max_bytes {
                    break;
                }
                taken.push(transaction.clone());
            }
            heads.extend(nonce.0.checked_add(1).and_then(|next| head(&lane, Nonce(next))));
        }
        taken
    }

    /// Whether [`Self::candidates`] would return anything.
    #[must_use]
    pub fn has_work(&self, in_flight: &BTreeSet<B256>) -> bool {
        !self.frozen
            && self.queues.values().any(|queue| {
                let contiguous =
                    (queue.next.0..=u64::MAX).map_while(|nonce| queue.waiting.get(&Nonce(nonce)));
                contiguous
                    .into_iter()
                    .any(|waiting| !in_flight.contains(&waiting.transaction.hash()))
            })
    }

    /// A transaction of `lane` with `nonce` is final.
    pub fn applied(&mut self, lane: Lane, nonce: Nonce) {
        let next = Nonce(nonce.0.saturating_add(1));
        self.recent.insert(lane, next);
        self.settle(lane, next);
    }

    /// The ledger refused a candidate. The answer counts once the block under it is final.
    pub fn refused(&mut self, refused: &Refused) {
        let parent = (refused.parent.height, refused.parent.digest());
        match self.last {
            Some(last) if last == parent => self.reject(refused.hash, &refused.reject),
            // Newer blocks are final already; on top of them the answer may be another.
            Some((height, _)) if height >= parent.0 => {}
            _ if !self.places.contains_key(&refused.hash) => {}
            _ => {
                let note = (parent.0, parent.1, refused.reject.clone());
                self.refusals.insert(refused.hash, note);
            }
        }
    }

    /// The block of this height and digest is final: what was refused on top of it is rejected for good; what was
    /// refused on top of another block up to that height may be tried again. Call after [`Self::applied`].
    pub fn finalized(&mut self, height: u64, digest: B256, now_ms: u64) {
        self.last = Some((height, digest));
        let (past, ahead): (BTreeMap<_, _>, BTreeMap<_, _>) = core::mem::take(&mut self.refusals)
            .into_iter()
            .partition(|(_, (at, _, _))| *at <= height);
        self.refusals = ahead;
        for (hash, (at, parent, reject)) in past {
            if (at, parent) == (height, digest) {
                self.reject(hash, &reject);
            }
        }
        self.expire(now_ms);
    }

    fn reject(&mut self, hash: B256, reject: &Reject) {
        let Some((lane, nonce)) = self.places.get(&hash).copied() else {
            return;
        };
        match reject {
            // Its predecessor was refused as well, and may yet be replaced.
            Reject::FutureNonce { .. } => return,
            // The state is ahead of what the pool knew; without this the lane's later ones would wait for ever.
            Reject::StaleNonce { expected, .. } => self.settle(lane, *expected),
            _ => {}
        }
        self.remove(lane, nonce);
        self.rejected.insert(hash, rejection(reject));
    }

    /// Lets go of what has waited too long.
    pub fn expire(&mut self, now_ms: u64) {
        while let Some((_, (lane, nonce))) = self.arrivals.first_key_value() {
            let (lane, nonce) = (*lane, *nonce);
            let since_ms = self
                .queues
                .get(&lane)
                .and_then(|queue| queue.waiting.get(&nonce))
                .map_or(0, |waiting| waiting.since_ms);
            if now_ms.saturating_sub(since_ms) <= self.limits.lifetime_ms {
                return;
            }
            self.remove(lane, nonce);
        }
    }

    /// Moves an lane on to `next` and lets go of what that overtakes.
    fn settle(&mut self, lane: Lane, next: Nonce) {
        let Some(queue) = self.queues.get_mut(&lane) else {
            return;
        };
        queue.next = queue.next.max(next);
        let overtaken: Vec<Nonce> = queue
            .waiting
            .range(..queue.next)
            .map(|(nonce, _)| *nonce)
            .collect();
        for nonce in overtaken {
            self.remove(lane, nonce);
        }
    }

    fn remove(&mut self, lane: Lane, nonce: Nonce) {
        let Some(queue) = self.queues.get_mut(&lane) else {
            return;
        };
        if let Some(gone) = queue.waiting.remove(&nonce) {
            self.places.remove(&gone.transaction.hash());
            self.arrivals.remove(&gone.ticket);
        }
        if queue.waiting.is_empty() {
            self.queues.remove(&lane);
        }
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
