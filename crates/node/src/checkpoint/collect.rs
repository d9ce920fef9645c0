//! Signatures of checkpoints as they come in: which are kept, and when they are enough. Pure.
//!
//! Kept: at most one checkpoint and signature of each operator for each of the last [`RETAINED`] checkpoint heights.
//! A second, different one of the same operator for the same height is evidence of equivocation (X3), and both are
//! kept as such.

use super::Schedule;
use rampart_protocol::{Address, Checkpoint, Domain, OperatorSet, SignedCheckpoint};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Checkpoint heights that are remembered.
pub const RETAINED: u64 = 64;

/// Two different checkpoints signed by one operator for one height.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Equivocation {
    /// The operator's checkpoint key.
    pub operator: Address,
    /// What it signed first.
    pub first: SignedCheckpoint,
    /// What it signed as well.
    pub second: SignedCheckpoint,
}

/// What became of a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It was kept.
    New,
    /// It was known.
    Known,
    /// It is of nobody's, or for a height that is not of interest.
    Ignored,
    /// It conflicts with one that was known.
    Equivocation(Box<Equivocation>),
}

/// The signatures collected.
#[derive(Debug)]
pub struct Collection {
    domain: Domain,
    schedule: Schedule,
    /// Who signs, by epoch.
    sets: BTreeMap<u64, Arc<OperatorSet>>,
    newest: u64,
    signed: BTreeMap<u64, BTreeMap<Address, SignedCheckpoint>>,
    evidence: BTreeMap<Address, Equivocation>,
}

impl Collection {
    /// An empty collection of a deployment's checkpoints.
    #[must_use]
    pub const fn new(domain: Domain, schedule: Schedule) -> Self {
        Self {
            domain,
            schedule,
            sets: BTreeMap::new(),
            newest: 0,
            signed: BTreeMap::new(),
            evidence: BTreeMap::new(),
        }
    }

    /// Takes in who signs the checkpoints of an epoch. What is not known of an epoch's is not taken.
    pub fn learn(&mut self, epoch: u64, set: Arc<OperatorSet>) {
        self.sets.insert(epoch, set);
    }

    /// Who signs the checkpoint of a height.
    #[must_use]
    pub fn set(&self, height: u64) -> Option<&Arc<OperatorSet>> {
        self.sets.get(&self.schedule.epoch(height))
    }

    /// Moves on to the operator's own newest checkpoint height and forgets the oldest ones.
    pub fn reached(&mut self, height: u64) {
        self.newest = self.newest.max(height);
        let oldest = self.newest.saturating_sub(self.span());
        // What hands over to an epoch's operators is needed however long the chain does not take it.
        let schedule = self.schedule;
        self.signed
            .retain(|height, _| *height >= oldest || schedule.is_last(*height));
        while self.signed.len() as u64 > 4 * RETAINED {
            self.signed.pop_first();
        }
        let first = self.signed.keys().next().copied().unwrap_or(oldest).min(oldest);
        self.sets = self.sets.split_off(&schedule.epoch(first));
    }

    /// Takes a signature, whoever sent it.
    pub fn take(&mut self, signed: SignedCheckpoint) -> Taken {
        let height = signed.checkpoint.height;
        // The end of an epoch may have to wait for the chain longer than anything else.
        let in_range = height <= self.newest.saturating_add(self.span())
            && (height >= self.newest.saturating_sub(self.span()) || self.signed.contains_key(&height));
        if !self.schedule.is_due(height) || !in_range {
            return Taken::Ignored;
        }
        let Some(operator) = signed.signer(&self.domain) else {
            return Taken::Ignored;
        };
        if self.set(height).is_none_or(|set| set.seat(operator).is_none()) {
            return Taken::Ignored;
        }
        let by_operator = self.signed.entry(height).or_default();
        match by_operator.get(&operator) {
            None => {
                by_operator.insert(operator, signed);
                Taken::New
            }
            Some(first) if first.checkpoint == signed.checkpoint => Taken::Known,
            Some(first) => {
                let equivocation = Equivocation {
                    operator,
                    first: *first,
                    second: signed,
                };
                self.evidence
                    .entry(operator)
                    .or_insert_with(|| equivocation.clone());
                Taken::Equivocation(Box::new(equivocation))
            }
        }
    }

    /// The signatures over a checkpoint.
    #[must_use]
    pub fn signatures(&self, checkpoint: &Checkpoint) -> Vec<SignedCheckpoint> {
        let by_operator = self
            .signed
            .get(&checkpoint.height)
            .into_iter()
            .flat_map(BTreeMap::values);
        by_operator
            .filter(|signed| signed.checkpoint == *checkpoint)
            .copied()
            .collect()
    }

    /// Whether the signatures over a checkpoint carry more than two thirds of the weight.
    #[must_use]
    pub fn is_quorum(&self, checkpoint: &Checkpoint) -> bool {
        let Some(set) = self.set(checkpoint.height) else {
            return false;
        };
        let by_operator = self.signed.get(&checkpoint.height).into_iter().flatten();
        let weight = by_operator
            .filter(|(_, signed)| signed.checkpoint == *checkpoint)
            .filter_map(|(operator, _)| set.seat(*operator))
            .map(|(_, weight)| u128::from(weight))
            .sum();
        set.is_quorum(weight)
    }

    /// Blocks around the newest height of which signatures are of interest.
    const fn span(&self) -> u64 {
        RETAINED.saturating_mul(self.schedule.interval)
    }

    /// Evidence of equivocation, at most one a operator.
    pub fn evidence(&self) -> impl Iterator<Item = &Equivocation> {
        self.evidence.values()
    }
}

#[cfg(test)]
#[path = "collect_tests.rs"]
mod tests;
