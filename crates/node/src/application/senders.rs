//! Who signed a transaction, recovered once.
//!
//! Recovery costs some 60 microseconds of a core, so the mempool's result is remembered until the block with the
//! transaction has come by, and what is missing is recovered in batches away from the asynchronous threads.

use crate::engine::Runtime;
use futures::future::try_join_all;
use rampart_ledger::Input;
use rampart_protocol::{Address, B256, Domain, SignedTransaction, TransactionError};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Transactions that one task recovers: small enough that several tasks share a block.
const BATCH: usize = 64;

/// A transaction with its hash and its recovered account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    transaction: SignedTransaction,
    hash: B256,
    signer: Address,
}

impl Verified {
    /// The transaction.
    #[must_use]
    pub const fn transaction(&self) -> &SignedTransaction {
        &self.transaction
    }

    /// Its hash.
    #[must_use]
    pub const fn hash(&self) -> B256 {
        self.hash
    }

    /// The account that signed it.
    #[must_use]
    pub const fn signer(&self) -> Address {
        self.signer
    }

    /// The transaction as the ledger takes it.
    pub(super) fn input(&self) -> Input {
        Input::Transaction {
            signer: self.signer,
            id: self.hash,
            message: self.transaction.message.clone(),
        }
    }
}

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
    new: BTreeMap<B256, Address>,
    old: BTreeMap<B256, Address>,
}

/// Recovers accounts, remembering a bounded number of them. Clones share the memory.
#[derive(Clone, Debug)]
pub struct Senders {
    domain: Domain,
    capacity: usize,
    seen: Arc<Mutex<Generations>>,
}

impl Senders {
    /// Recovers signatures made for `domain`, remembering between `capacity` and twice as many results.
    #[must_use]
    pub fn new(domain: Domain, capacity: usize) -> Self {
        Self {
            domain,
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
        let hash = transaction.hash();
        let signer = match self.recall(&hash) {
            Some(signer) => signer,
            None => {
                let signer = transaction.signer(&self.domain)?;
                self.remember(hash, signer);
                signer
            }
        };
        Ok(Verified {
            transaction,
            hash,
            signer,
        })
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
            let verify = move || {
                batch
                    .into_iter()
                    .map(|tx| senders.verify_named(tx))
                    .collect::<Result<Vec<_>, _>>()
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

    fn verify_named(&self, transaction: SignedTransaction) -> Result<Verified, SendersError> {
        let hash = transaction.hash();
        self.verify(transaction)
            .map_err(|source| SendersError::Signature { hash, source })
    }

    fn recall(&self, hash: &B256) -> Option<Address> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.new.get(hash).or_else(|| seen.old.get(hash)).copied()
    }

    fn remember(&self, hash: B256, signer: Address) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.new.len() >= self.capacity {
            seen.old = std::mem::take(&mut seen.new);
        }
        seen.new.insert(hash, signer);
    }
}
