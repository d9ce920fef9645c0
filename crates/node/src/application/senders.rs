//! Who signed a transaction, recovered once.
//!
//! A wallet's signature is recovered by libsecp256k1; those of delegated keys are verified in batches, with weights that the
//! runtime's cryptographic randomness draws. A batch that does not hold is verified again one by one, by the same equation
//! (`rampart_protocol::purchaser`), so both ways give every signature the same answer.
//!
//! Recovery costs some 60 microseconds of a core, so the mempool's result is remembered until the block with the
//! transaction has come by, and what is missing is recovered in batches away from the asynchronous threads.

use super::verified::{Known, Lane, Verified};
use crate::engine::Runtime;
use futures::future::try_join_all;
use rampart_ledger::Checked;
use rampart_protocol::purchaser::{Claimed, verify_batch};
use rampart_protocol::{Address, B256, Domain, Message, SignedTransaction, TransactionError};
use rand::CryptoRng;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Transactions that one task recovers: small enough that several tasks share a block.
const BATCH: usize = 64;

/// Why the accounts of a block could not be recovered.
#[derive(Debug, thiserror::Error)]
pub enum SendersError {
    /// A transaction is not properly signed.
    #[error("transaction {hash} is not properly signed")]
    Signature {
        /// The transaction.
        hash: B256,
        /// What is wrong with it.
        #[source]
        source: TransactionError,
    },
    /// The runtime is stopping.
    #[error("the runtime stopped before the signatures were checked")]
    Stopped(#[source] commonware_runtime::Error),
}

/// Two generations of results: when the newer is full it becomes the older, and the older is forgotten.
#[derive(Debug, Default)]
struct Generations {
    new: BTreeMap<B256, Known>,
    old: BTreeMap<B256, Known>,
}

/// Recovers accounts and works out what their transactions need, remembering a bounded number of them. Clones share the memory.
#[derive(Clone, Debug)]
pub struct Senders {
    domain: Domain,
    separator: B256,
    capacity: usize,
    seen: Arc<Mutex<Generations>>,
}

impl Senders {
    /// Recovers signatures made for `domain`, remembering between `capacity` and twice as many results.
    #[must_use]
    pub fn new(domain: Domain, capacity: usize) -> Self {
        Self {
            domain,
            separator: domain.separator(),
            capacity: capacity.max(1),
            seen: Arc::default(),
        }
    }

    /// The deployment whose signatures count.
    #[must_use]
    pub const fn domain(&self) -> &Domain {
        &self.domain
    }

    /// Recovers one transaction's account on this thread.
    ///
    /// # Errors
    /// When the transaction is not properly signed.
    pub fn verify(&self, transaction: SignedTransaction) -> Result<Verified, TransactionError> {
        self.verify_hashed(transaction.hash(), transaction)
    }

    fn verify_hashed(
        &self,
        hash: B256,
        transaction: SignedTransaction,
    ) -> Result<Verified, TransactionError> {
        let known = match self.recall(&hash) {
            Some(known) => known,
            None => {
                let digest = transaction.message.signing_hash_under(&self.separator);
                let signer = transaction.signer_of(&digest)?;
                self.remember(signer, hash, digest, &transaction)
            }
        };
        Ok(Verified {
            transaction,
            hash,
            known,
        })
    }

    /// The account and the purchaser whose nonces a transaction counts in, if it is properly signed: that of a final block
    /// is. Only what names no account is recovered.
    ///
    /// # Errors
    /// When a transaction that is recovered is not properly signed.
    pub fn lane(&self, transaction: &SignedTransaction) -> Result<Lane, TransactionError> {
        match &transaction.message {
            Message::Purchase(purchase) => Ok(Lane {
                account: purchase.consumer,
                purchaser: transaction.signature.purchaser().map(|key| key.0),
            }),
            _ => Ok(self.verify(transaction.clone())?.lane()),
        }
    }

    /// Recovers a block's accounts, in order, on the runtime's blocking threads.
    ///
    /// # Errors
    /// When any transaction is not properly signed, or the runtime stops.
    pub async fn verify_all<E: Runtime>(
        &self,
        context: &E,
        transactions: &[SignedTransaction],
    ) -> Result<Vec<Verified>, SendersError> {
        let batches = transactions.chunks(BATCH).map(|batch| {
            let (senders, batch) = (self.clone(), batch.to_vec());
            let weights = weights(&batch, &mut context.child("weights"));
            let verify = move || {
                let named = |(hash, outcome): (B256, Result<_, _>)| {
                    outcome.map_err(|source| SendersError::Signature { hash, source })
                };
                let outcomes = senders.verify_weighted(batch, &weights).map(named);
                outcomes.collect::<Result<Vec<_>, _>>()
            };
            context
                .child("senders")
                .shared(true)
                .spawn(move |_| async move { verify() })
        });
        let batches = try_join_all(batches).await.map_err(SendersError::Stopped)?;
        let mut verified = Vec::with_capacity(transactions.len());
        for batch in batches {
            verified.extend(batch?);
        }
        Ok(verified)
    }

    /// Recovers the accounts of what came in together, in order, on this thread; `random` must not be foreseeable.
    pub fn verify_together(
        &self,
        transactions: Vec<SignedTransaction>,
        random: &mut impl CryptoRng,
    ) -> Vec<(B256, Result<Verified, TransactionError>)> {
        let weights = weights(&transactions, random);
        self.verify_weighted(transactions, &weights).collect()
    }

    fn verify_weighted(
        &self,
        transactions: Vec<SignedTransaction>,
        weights: &[u128],
    ) -> impl Iterator<Item = (B256, Result<Verified, TransactionError>)> {
        let hashed: Vec<(B256, SignedTransaction)> =
            transactions.into_iter().map(|tx| (tx.hash(), tx)).collect();
        self.hold(&hashed, weights);
        (hashed.into_iter()).map(|(hash, transaction)| (hash, self.verify_hashed(hash, transaction)))
    }

    /// Remembers the delegated signatures among these if all hold that are not known yet; else they are left to be
    /// verified one by one.
    fn hold(&self, batch: &[(B256, SignedTransaction)], weights: &[u128]) {
        if weights.is_empty() {
            return;
        }
        let unknown = |(hash, tx): &'_ (B256, SignedTransaction)| {
            if tx.signature.purchaser().is_none() || self.recall(hash).is_some() {
                return None;
            }
            let digest = tx.message.signing_hash_under(&self.separator);
            tx.claimed(&digest).ok().flatten()
        };
        let found = batch.iter().map(|one| (one, unknown(one)));
        let (unknown, claimed): (Vec<&(B256, SignedTransaction)>, Vec<Claimed>) =
            found.filter_map(|(one, claimed)| Some((one, claimed?))).unzip();
        if claimed.len() < 2 || !verify_batch(&claimed, weights) {
            return;
        }
        for ((hash, transaction), claimed) in unknown.into_iter().zip(claimed) {
            self.remember(claimed.consumer, *hash, claimed.digest, transaction);
        }
    }

    fn recall(&self, hash: &B256) -> Option<Known> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.new.get(hash).or_else(|| seen.old.get(hash)).copied()
    }

    fn remember(&self, signer: Address, hash: B256, digest: B256, transaction: &SignedTransaction) -> Known {
        let checked = Checked::new(digest, &transaction.message);
        let known = Known { signer, checked };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.new.len() >= self.capacity {
            seen.old = std::mem::take(&mut seen.new);
        }
        seen.new.insert(hash, known);
        known
    }
}

/// Unforeseeable weights for the signatures of delegated keys among these; none when there are too few to be verified
/// together.
fn weights(batch: &[SignedTransaction], random: &mut impl CryptoRng) -> Vec<u128> {
    let delegated = |tx: &&SignedTransaction| tx.signature.purchaser().is_some();
    let count = batch.iter().filter(delegated).count();
    if count < 2 {
        return Vec::new();
    }
    let mut weight = || {
        let mut bytes = [0; 16];
        random.fill_bytes(&mut bytes);
        u128::from_le_bytes(bytes)
    };
    (0..count).map(|_| weight()).collect()
}

#[cfg(test)]
#[path = "senders_tests.rs"]
mod tests;
