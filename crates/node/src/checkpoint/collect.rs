//! Signatures of checkpoints as they come in: which are kept, and when they are enough. Pure.
//!
//! Kept: at most one checkpoint and signature of each operator for each of the last [`RETAINED`] checkpoint heights.
//! A second, different one of the same operator for the same height is evidence of equivocation (X3), and both are
//! kept as such.

use rampart_protocol::{Address, Checkpoint, OperatorSet, SignedCheckpoint};
use std::collections::BTreeMap;

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
    operators: OperatorSet,
    interval: u64,
    newest: u64,
    signed: BTreeMap<u64, BTreeMap<Address, SignedCheckpoint>>,
    evidence: BTreeMap<Address, Equivocation>,
}

impl Collection {
    /// An empty collection for a checkpoint every `interval` blocks.
    #[must_use]
    pub const fn new(operators: OperatorSet, interval: u64) -> Self {
        Self {
            operators,
            interval,
            newest: 0,
            signed: BTreeMap::new(),
            evidence: BTreeMap::new(),
        }
    }

    /// Moves on to the operator's own newest checkpoint height and forgets the oldest ones.
    pub fn reached(&mut self, height: u64) {
        self.newest = self.newest.max(height);
        let oldest = self.newest.saturating_sub(RETAINED.saturating_mul(self.interval));
        self.signed = self.signed.split_off(&oldest);
    }

    /// Takes a signature, whoever sent it.
    pub fn take(&mut self, signed: SignedCheckpoint) -> Taken {
        let span = RETAINED.saturating_mul(self.interval);
        let height = signed.checkpoint.height;
        let in_range =
            height <= self.newest.saturating_add(span) && height >= self.newest.saturating_sub(span);
        if height == 0 || !height.is_multiple_of(self.interval) || !in_range {
            return Taken::Ignored;
        }
        let Some(operator) = signed.signer(&self.operators.domain) else {
            return Taken::Ignored;
        };
        if self.operators.seat(operator).is_none() {
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
        let by_operator = self.signed.get(&checkpoint.height).into_iter().flatten();
        let weight = by_operator
            .filter(|(_, signed)| signed.checkpoint == *checkpoint)
            .filter_map(|(operator, _)| self.operators.seat(*operator))
            .map(|(_, weight)| u128::from(weight))
            .sum();
        self.operators.is_quorum(weight)
    }

    /// Evidence of equivocation, at most one a operator.
    pub fn evidence(&self) -> impl Iterator<Item = &Equivocation> {
        self.evidence.values()
    }
}

#[cfg(test)]
#[path = "collect_tests.rs"]
mod tests;
