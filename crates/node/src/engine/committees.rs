//! Who votes in which epoch, as far as this operator knows, and the certificate scheme that follows.
//!
//! Decides with which key the operator votes: its own, in the epochs in which that key has a seat, and in no other. An
//! epoch without a seat is verified and followed. Where a committee comes from (genesis, the state, another operator's
//! proof) is the business of those who call [`Committees::learn`].

use super::scheme::{Scheme, SchemeError, participants};
use commonware_consensus::types::Epoch;
use commonware_cryptography::{
    Signer,
    certificate::{self, Scheme as _, Scoped},
    ed25519::{PrivateKey, PublicKey},
};
use commonware_utils::ordered::Set;
use rampart_ledger::Record;
use rampart_protocol::{Domain, OperatorSet};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::watch;

/// Epochs that are remembered: a certificate of an older one is not asked for any more.
pub(super) const REMEMBERED: u64 = 64;

/// One epoch's committee.
#[derive(Clone, Debug)]
struct Known {
    set: Arc<OperatorSet>,
    scheme: Arc<Scheme>,
    seated: bool,
}

impl Known {
    fn new(key: Option<&PrivateKey>, set: OperatorSet) -> Result<Self, SchemeError> {
        let namespace = set.consensus_namespace();
        let keys = participants(&set)?;
        let signer = key.and_then(|key| Scheme::signer(&namespace, keys.clone(), key.clone()));
        Ok(Self {
            set: Arc::new(set),
            seated: signer.is_some(),
            scheme: Arc::new(signer.unwrap_or_else(|| Scheme::verifier(&namespace, keys))),
        })
    }
}

/// The committees that are known, by epoch. Clones share one memory.
#[derive(Clone)]
pub struct Committees {
    shared: Arc<Shared>,
}

struct Shared {
    key: Option<PrivateKey>,
    known: Mutex<BTreeMap<u64, Known>>,
    /// The newest epoch that is known.
    newest: watch::Sender<u64>,
}

impl core::fmt::Debug for Committees {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Committees").finish_non_exhaustive()
    }
}

impl Committees {
    /// For the operator with this key, starting from a committee that is trusted: it is that of `epoch`. That of genesis
    /// is also the one after.
    ///
    /// # Errors
    /// When the set gives no scheme.
    pub fn new(key: PrivateKey, epoch: u64, trusted: &OperatorSet) -> Result<Self, SchemeError> {
        Self::with(Some(key), epoch, trusted)
    }

    /// As [`new`](Self::new), for whoever has no key and votes in no epoch.
    ///
    /// # Errors
    /// When the set gives no scheme.
    pub fn watching(epoch: u64, trusted: &OperatorSet) -> Result<Self, SchemeError> {
        Self::with(None, epoch, trusted)
    }

    fn with(key: Option<PrivateKey>, epoch: u64, trusted: &OperatorSet) -> Result<Self, SchemeError> {
        let shared = Shared {
            key,
            known: Mutex::default(),
            newest: watch::Sender::new(epoch),
        };
        let committees = Self {
            shared: Arc::new(shared),
        };
        committees.learn(epoch, trusted.clone())?;
        if epoch == 0 {
            committees.learn(1, trusted.clone())?;
        }
        Ok(committees)
    }

    /// The operator's public key, if this is an operator.
    #[must_use]
    pub fn me(&self) -> Option<PublicKey> {
        self.shared.key.as_ref().map(Signer::public_key)
    }

    /// Takes in the committee of an epoch. The first that is told of an epoch stays: there is one only.
    ///
    /// # Errors
    /// When the set gives no scheme.
    pub fn learn(&self, epoch: u64, set: OperatorSet) -> Result<(), SchemeError> {
        if self.get(epoch).is_some() {
            return Ok(());
        }
        let known = Known::new(self.shared.key.as_ref(), set)?;
        {
            let mut all = self.known();
            all.entry(epoch).or_insert(known);
            let newest = all.keys().next_back().copied().unwrap_or(epoch);
            *all = all.split_off(&newest.saturating_sub(REMEMBERED));
        }
        self.shared
            .newest
            .send_modify(|newest| *newest = (*newest).max(epoch));
        Ok(())
    }

    /// Takes in the committees among records of the ledger.
    pub(crate) fn learn_from<'a>(&self, records: impl Iterator<Item = &'a Record>, domain: &Domain) {
        for record in records {
            let Record::Committee(committee) = record else {
                continue;
            };
            if let Err(error) = self.learn(committee.epoch, committee.operator_set(*domain)) {
                // The ledger draws no such committee; were one in the state, the network would end with this epoch.
                tracing::error!(epoch = committee.epoch, %error, "the ledger's committee cannot vote");
            }
        }
    }

    /// The newest epoch whose committee is known.
    #[must_use]
    pub fn newest(&self) -> u64 {
        *self.shared.newest.borrow()
    }

    /// The committee of an epoch.
    #[must_use]
    pub fn get(&self, epoch: u64) -> Option<Arc<OperatorSet>> {
        self.of(epoch).map(|known| known.set)
    }

    /// The consensus keys of an epoch's committee, in the order in which certificates number their signers.
    #[must_use]
    pub fn keys(&self, epoch: u64) -> Option<Set<PublicKey>> {
        self.of(epoch).map(|known| known.scheme.participants().clone())
    }

    /// Whether this operator votes in an epoch; `false` while its committee is not known.
    #[must_use]
    pub fn is_seated(&self, epoch: u64) -> bool {
        self.of(epoch).is_some_and(|known| known.seated)
    }

    /// Waits until the committee of an epoch is known.
    pub async fn wait(&self, epoch: u64) -> Arc<Scheme> {
        let mut newest = self.shared.newest.subscribe();
        loop {
            newest.borrow_and_update();
            if let Some(known) = self.of(epoch) {
                return known.scheme;
            }
            // The sender lives as long as `self`.
            if newest.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Follows the newest epoch whose committee is known.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.shared.newest.subscribe()
    }

    fn of(&self, epoch: u64) -> Option<Known> {
        self.known().get(&epoch).cloned()
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Known>> {
        self.shared.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl certificate::Provider for Committees {
    type Scope = Epoch;
    type Scheme = Scheme;

    fn scoped(&self, epoch: Epoch) -> Option<Scoped<Scheme>> {
        self.of(epoch.get()).map(|known| Scoped::scheme(known.scheme))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::block::key_bytes;
    use commonware_cryptography::certificate::Provider as _;
    use futures::FutureExt as _;
    use rampart_protocol::{Address, Domain, Operator};

    fn set(seeds: &[u64]) -> OperatorSet {
        let operators = seeds.iter().zip(1u8..).map(|(seed, n)| Operator {
            public_key: key_bytes(&PrivateKey::from_seed(*seed).public_key()),
            checkpoint_key: Address::repeat_byte(n),
            weight: 1,
        });
        OperatorSet {
            domain: Domain {
                chain_id: 1,
                settlement: Address::ZERO,
            },
            operators: operators.collect(),
        }
    }

    fn committees(seed: u64) -> Committees {
        Committees::new(PrivateKey::from_seed(seed), 0, &set(&[1, 2, 3, 4])).unwrap()
    }

    #[test]
    fn an_operator_votes_in_the_epochs_in_which_its_key_has_a_seat_and_follows_the_others() {
        let committees = committees(5);
        committees.learn(2, set(&[2, 3, 4, 5])).unwrap();
        assert_eq!(
            [0, 1, 2, 3].map(|epoch| committees.is_seated(epoch)),
            [false, false, true, false]
        );
        let scheme = |epoch| committees.scheme(Epoch::new(epoch));
        assert!(scheme(1).unwrap().me().is_none());
        assert!(scheme(2).unwrap().me().is_some());
        assert!(scheme(3).is_none(), "its committee is not known");
    }

    #[test]
    fn whoever_has_no_key_follows_every_epoch_and_votes_in_none() {
        let committees = Committees::watching(0, &set(&[1, 2, 3, 4])).unwrap();
        assert_eq!(committees.me(), None);
        assert!(!committees.is_seated(0) && !committees.is_seated(1));
        assert!(committees.scheme(Epoch::new(1)).unwrap().me().is_none());
    }

    #[test]
    fn an_epoch_has_one_committee() {
        let committees = committees(1);
        committees.learn(1, set(&[5, 6, 7, 8])).unwrap();
        assert_eq!(*committees.get(1).unwrap(), set(&[1, 2, 3, 4]));
    }

    #[test]
    fn whoever_waits_for_a_committee_gets_it_when_it_is_told() {
        let committees = committees(1);
        let waiting = committees.wait(2);
        let mut waiting = std::pin::pin!(waiting);
        assert!(waiting.as_mut().now_or_never().is_none());
        committees.learn(2, set(&[1, 2, 3, 4, 5])).unwrap();
        assert_eq!(waiting.now_or_never().unwrap().participants().len(), 5);
    }

    #[test]
    fn old_committees_are_forgotten() {
        let committees = committees(1);
        for epoch in 0..=REMEMBERED + 10 {
            committees.learn(epoch, set(&[1, 2, 3, 4])).unwrap();
        }
        assert!(committees.get(9).is_none());
        assert!(committees.get(10).is_some());
    }
}
