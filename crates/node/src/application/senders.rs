//! Who signed a transaction, recovered once.
//!
//! A wallet's signature is recovered by libsecp256k1; those of delegated keys are verified in batches, with weights that the
//! runtime's cryptographic randomness draws. A batch that does not hold is verified again one by one, by the same equation
//! (`rampart_protocol::purchaser`), so both ways give every signature the same answer.
//!
//! Recovery costs some 60 microseconds of a core, so the mempool's result is remembered until the block with the
//! transaction has come by, and what is missing is recovered in batches away from the asynchronous threads.

use crate::engine::Runtime;
use futures::future::try_join_all;
use rampart_ledger::{Input, Prepared};
use rampart_protocol::purchaser::{Claimed, verify_batch};
use rampart_protocol::{AccessKey, Address, B256, Domain, Message, SignedTransaction, TransactionError};
use rand::CryptoRng;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Transactions that one task recovers: small enough that several tasks share a block.
const BATCH: usize = 64;

/// A transaction with what was worked out when its signature was checked: its hash, its account, its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    transaction: SignedTransaction,
    prepared: Arc<Prepared>,
}

/// Whose nonces a transaction counts in: an account's own, or those of one purchaser of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lane {
    /// The account.
    pub account: Address,
    purchaser: Option<B256>,
}

impl Lane {
    /// The lane of the account's wallet.
    #[must_use]
    pub const fn wallet(account: Address) -> Self {
        Self {
            account,
            purchaser: None,
        }
    }

    /// The purchaser whose lane it is; nothing when it is the wallet's.
    #[must_use]
    pub fn purchaser(&self) -> Option<AccessKey> {
        self.purchaser.map(AccessKey)
    }
}

impl Verified {
    /// The transaction.
    #[must_use]
    pub const fn transaction(&self) -> &SignedTransaction {
        &self.transaction
    }

    /// Its hash.
    #[must_use]
    pub fn hash(&self) -> B256 {
        self.prepared.id()
    }

    /// The account that signed it.
    #[must_use]
    pub fn signer(&self) -> Address {
        self.prepared.signer()
    }

    /// Whose nonces it counts in.
    #[must_use]
    pub fn lane(&self) -> Lane {
        Lane {
            account: self.signer(),
            purchaser: self.transaction.signature.purchaser().map(|key| key.0),
        }
    }

    /// The transaction as the ledger takes it.
    pub(crate) fn input(&self) -> Input {
        Input::Transaction(Prepared::clone(&self.prepared))
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
    new: BTreeMap<B256, Arc<Prepared>>,
    old: BTreeMap<B256, Arc<Prepared>>,
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
        let prepared = match self.recall(&hash) {
            Some(prepared) => prepared,
            None => {
                let digest = transaction.message.signing_hash_under(&self.separator);
                let signer = transaction.signer_of(&digest)?;
                self.remember(signer, hash, digest, &transaction)
            }
        };
        Ok(Verified {
            transaction,
            prepared,
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

    fn recall(&self, hash: &B256) -> Option<Arc<Prepared>> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.new.get(hash).or_else(|| seen.old.get(hash)).cloned()
    }

    fn remember(
        &self,
        signer: Address,
        hash: B256,
        digest: B256,
        transaction: &SignedTransaction,
    ) -> Arc<Prepared> {
        let prepared = Prepared::with_digest(digest, signer, hash, transaction.message.clone());
        let prepared = Arc::new(prepared.by(transaction.signature.purchaser()));
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.new.len() >= self.capacity {
            seen.old = std::mem::take(&mut seen.new);
        }
        seen.new.insert(hash, Arc::clone(&prepared));
        prepared
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
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use alloy::signers::{SignerSync as _, local::PrivateKeySigner};
    use commonware_runtime::{Runner as _, deterministic};
    use rampart_protocol::{Amount, Nonce, message::Withdraw};

    fn domain(chain_id: u64) -> Domain {
        Domain {
            chain_id,
            settlement: Address::repeat_byte(1),
        }
    }

    fn account() -> PrivateKeySigner {
        PrivateKeySigner::from_bytes(&B256::repeat_byte(7)).unwrap()
    }

    fn withdrawal(nonce: u64) -> SignedTransaction {
        let message = Message::from(Withdraw {
            recipient: Address::repeat_byte(2),
            amount: Amount(1),
            nonce: Nonce(nonce),
        });
        let signature = account()
            .sign_hash_sync(&message.signing_hash(&domain(1)))
            .unwrap();
        SignedTransaction {
            message,
            signature: signature.as_bytes().into(),
        }
    }

    fn delegated(nonce: u64) -> SignedTransaction {
        use ed25519_dalek::{Signer as _, SigningKey};
        let key = SigningKey::from_bytes(&[nonce.to_be_bytes()[7] % 3 + 1; 32]);
        let message = Message::from(rampart_protocol::message::Purchase {
            consumer: account().address(),
            provider: rampart_protocol::ProviderId(1),
            service: rampart_protocol::ServiceId(1),
            version: 1,
            fee: Amount(1),
            access_key: AccessKey(B256::ZERO),
            expires_at: rampart_protocol::Timestamp(9),
            nonce: Nonce((1 << 40) + nonce),
        });
        let signature = key.sign(message.signing_hash(&domain(1)).as_slice()).to_bytes();
        let purchaser = AccessKey(B256::new(key.verifying_key().to_bytes()));
        SignedTransaction {
            message,
            signature: rampart_protocol::Signature::delegated(purchaser, &signature),
        }
    }

    #[test]
    fn batches_of_delegated_signatures_agree_with_verification_one_by_one() {
        deterministic::Runner::default().start(|context| async move {
            let mut block: Vec<SignedTransaction> = (0..150)
                .map(|n| if n % 3 == 0 { withdrawal(n) } else { delegated(n) })
                .collect();
            let senders = Senders::new(domain(1), 1_000);
            let verified = senders.verify_all(&context, &block).await.unwrap();
            assert!(
                verified
                    .iter()
                    .all(|verified| verified.signer() == account().address())
            );
            assert_eq!(verified[1].lane().purchaser(), block[1].signature.purchaser());
            assert_eq!(verified[0].lane(), Lane::wallet(account().address()));

            // Another's signature over the same words.
            block[70].signature[40] ^= 1;
            let senders = Senders::new(domain(1), 1_000);
            let error = senders.verify_all(&context, &block).await.unwrap_err();
            assert!(matches!(error, SendersError::Signature { hash, .. } if hash == block[70].hash()));
            assert_eq!(senders.recall(&block[70].hash()), None);
            block[70] = delegated(70);
            assert!(senders.verify_all(&context, &block).await.is_ok());
        });
    }

    fn broken(nonce: u64) -> SignedTransaction {
        let mut transaction = withdrawal(nonce);
        transaction.signature[64] = 9;
        transaction
    }

    #[test]
    fn recovers_the_account_for_its_own_deployment_only() {
        let verified = Senders::new(domain(1), 4).verify(withdrawal(0)).unwrap();
        assert_eq!(verified.signer(), account().address());
        assert_eq!(verified.hash(), withdrawal(0).hash());
        let elsewhere = Senders::new(domain(2), 4).verify(withdrawal(0)).unwrap();
        assert_ne!(elsewhere.signer(), account().address());
    }

    #[test]
    fn remembers_results_but_never_more_than_two_generations() {
        let senders = Senders::new(domain(1), 2);
        for nonce in 0..7 {
            senders.verify(withdrawal(nonce)).unwrap();
        }
        let recalled: Vec<bool> = (0..7)
            .map(|nonce| senders.recall(&withdrawal(nonce).hash()).is_some())
            .collect();
        assert_eq!(recalled, [false, false, false, false, true, true, true]);
    }

    #[test]
    fn a_bad_signature_is_not_remembered() {
        let senders = Senders::new(domain(1), 4);
        assert_eq!(senders.verify(broken(0)), Err(TransactionError::BadSignature));
        assert_eq!(senders.recall(&broken(0).hash()), None);
    }

    #[test]
    fn verifies_a_block_in_order_over_several_batches_and_names_the_bad_one() {
        deterministic::Runner::default().start(|context| async move {
            let senders = Senders::new(domain(1), 1_000);
            let mut block: Vec<SignedTransaction> = (0..150).map(withdrawal).collect();
            let verified = senders.verify_all(&context, &block).await.unwrap();
            let hashes: Vec<B256> = verified.iter().map(Verified::hash).collect();
            assert_eq!(
                hashes,
                block.iter().map(SignedTransaction::hash).collect::<Vec<_>>()
            );
            assert!(
                verified
                    .iter()
                    .all(|verified| verified.signer() == account().address())
            );

            block[99] = broken(99);
            let error = senders.verify_all(&context, &block).await.unwrap_err();
            assert!(matches!(error, SendersError::Signature { hash, .. } if hash == broken(99).hash()));
        });
    }
}
