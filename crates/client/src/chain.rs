//! The operator sets that a verifier knows, from one that it was given to trust (X1): each next one is proved by a
//! [`Handover`] which the set before certified. So confirmations verify whatever node the proofs came from.
//!
//! Knows no network and no time. Keeps every set from the first on, because purchases of old epochs are shown too; sets that do
//! not change are kept once.

use crate::verify::{Verifier, VerifyError};
use rampart_protocol::handover::EarlierOperators;
use rampart_protocol::{Confirmation, Domain, Handover, OperatorSet, TrustedOperators};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Why a handover proves no operator set.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// It continues from another epoch than the last that is known.
    #[error("the handover is of epoch {given}, the last epoch known is {known}")]
    Order {
        /// Its epoch.
        given: u64,
        /// The last that is known.
        known: u64,
    },
    /// The next set is of another deployment.
    #[error("the handover is to operators of another deployment")]
    OtherDeployment,
    /// The header does not commit to the next set.
    #[error("the header of the handover commits to other operators")]
    NotCommitted,
    /// A header is not the child of the one before it, or of another epoch.
    #[error("the headers of the handover do not follow one another within an epoch")]
    NotLinked,
    /// The certificate does not hold, or the next set can certify nothing.
    #[error("the handover does not verify: {0}")]
    Verify(#[from] VerifyError),
}

#[derive(Clone, Debug)]
struct Known {
    set: OperatorSet,
    verifier: Verifier,
}

impl Known {
    fn new(set: OperatorSet) -> Result<Arc<Self>, VerifyError> {
        let verifier = Verifier::new(&set)?;
        Ok(Arc::new(Self { set, verifier }))
    }
}

/// The sets from one epoch to another.
#[derive(Clone, Debug)]
pub struct OperatorChain {
    domain: Domain,
    /// By the first epoch that each serves; never empty.
    runs: BTreeMap<u64, Arc<Known>>,
    newest: u64,
}

impl OperatorChain {
    /// Starts from a set that is trusted.
    ///
    /// # Errors
    /// When a set can certify nothing, or [`VerifyError::Epochs`] when their epochs do not ascend.
    pub fn new(trusted: &TrustedOperators) -> Result<Self, VerifyError> {
        let mut runs: BTreeMap<u64, Arc<Known>> = BTreeMap::new();
        for (since, set) in trusted.runs() {
            if since > trusted.epoch || runs.last_key_value().is_some_and(|(last, _)| *last >= since) {
                return Err(VerifyError::Epochs);
            }
            runs.insert(since, Known::new(set)?);
        }
        Ok(Self {
            domain: trusted.domain(),
            runs,
            newest: trusted.epoch,
        })
    }

    /// The deployment.
    #[must_use]
    pub const fn domain(&self) -> Domain {
        self.domain
    }

    /// The epochs that are known.
    #[must_use]
    pub fn epochs(&self) -> RangeInclusive<u64> {
        let first = self.runs.keys().next().copied().unwrap_or(self.newest);
        first..=self.newest
    }

    /// The operators of the last epoch that is known.
    #[must_use]
    pub fn newest(&self) -> &OperatorSet {
        let last = self.runs.values().next_back();
        &last
            .expect("a chain starts with a set, and none is taken out")
            .set
    }

    /// The operators of an epoch, if they are known.
    #[must_use]
    pub fn set(&self, epoch: u64) -> Option<&OperatorSet> {
        self.of(epoch).map(|known| &known.set)
    }

    /// The verifier of an epoch.
    ///
    /// # Errors
    /// [`VerifyError::UnknownEpoch`] when its operators are not known.
    pub fn verifier(&self, epoch: u64) -> Result<&Verifier, VerifyError> {
        let epochs = self.epochs();
        let unknown = VerifyError::UnknownEpoch {
            epoch,
            first: *epochs.start(),
            last: *epochs.end(),
        };
        self.of(epoch).map(|known| &known.verifier).ok_or(unknown)
    }

    fn of(&self, epoch: u64) -> Option<&Arc<Known>> {
        if epoch > self.newest {
            return None;
        }
        self.runs.range(..=epoch).next_back().map(|(_, known)| known)
    }

    /// Checks a confirmation; `Ok` means final. It may be of any epoch that is known.
    ///
    /// # Errors
    /// [`VerifyError::UnknownEpoch`], or which link of record, path, header and certificate does not hold.
    pub fn verify(&self, confirmation: &Confirmation) -> Result<(), VerifyError> {
        let certified = confirmation.certified().ok_or(VerifyError::NotLinked)?;
        self.verifier(certified.epoch)?.verify(confirmation)
    }

    /// Takes in the operators of the epoch after the last one known.
    ///
    /// # Errors
    /// See [`HandoverError`]; nothing is learned then.
    pub fn learn(&mut self, handover: &Handover) -> Result<(), HandoverError> {
        let (given, known) = (handover.header.epoch, self.newest);
        let next = known.checked_add(1).filter(|_| given == known);
        let next = next.ok_or(HandoverError::Order { given, known })?;
        if handover.next.domain != self.domain {
            return Err(HandoverError::OtherDeployment);
        }
        if !handover.is_committed() {
            return Err(HandoverError::NotCommitted);
        }
        let certified = handover.certified().ok_or(HandoverError::NotLinked)?;
        let before = self.verifier(given)?;
        before.verify_header(certified, &handover.finalization)?;
        let same = self
            .set(given)
            .is_some_and(|set| set.commitment() == handover.next.commitment());
        if !same {
            self.runs.insert(next, Known::new(handover.next.clone())?);
        }
        self.newest = next;
        Ok(())
    }

    /// All of it, to be saved. Whoever starts from that trusts what was verified until now.
    #[must_use]
    pub fn trusted(&self) -> TrustedOperators {
        let mut runs: Vec<(u64, &OperatorSet)> = self
            .runs
            .iter()
            .map(|(since, known)| (*since, &known.set))
            .collect();
        let (since, set) = runs
            .pop()
            .expect("a chain starts with a set, and none is taken out");
        TrustedOperators {
            epoch: self.newest,
            since: (since != self.newest).then_some(since),
            set: set.clone(),
            earlier: runs
                .into_iter()
                .map(|(since, set)| EarlierOperators {
                    since,
                    operators: set.operators.clone(),
                })
                .collect(),
        }
    }
}
