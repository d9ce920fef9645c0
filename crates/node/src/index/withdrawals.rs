//! The tree of withdrawals that the last checkpoint on chain certifies, for proofs.
//!
//! Built once a checkpoint, when somebody asks; each proof is then a look at log n hashes.

use super::store::{Index, IndexError};
use rampart_protocol::{B256, merkle};
use std::sync::{Arc, PoisonError};

/// All levels of the tree of [`merkle`] over some leaves, the leaves first. Takes 64 bytes a leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithdrawalTree {
    levels: Vec<Vec<B256>>,
}

impl WithdrawalTree {
    /// Hashes the leaves up to the root: 10^6 leaves take about a second.
    #[must_use]
    pub fn new(leaves: Vec<B256>) -> Self {
        let mut levels = vec![leaves];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            let parent = |pair: &[B256]| match pair {
                [left, right] => merkle::node_hash(*left, *right),
                odd => odd.first().copied().unwrap_or_default(),
            };
            let next = level.chunks(2).map(parent).collect();
            levels.push(next);
        }
        Self { levels }
    }

    /// The root; zero when there are no leaves.
    #[must_use]
    pub fn root(&self) -> B256 {
        let top = self.levels.last().and_then(|level| level.first());
        top.copied().unwrap_or_default()
    }

    /// The siblings of the leaf at `index` up to the root; `None` when there is no such leaf.
    #[must_use]
    pub fn proof(&self, index: u64) -> Option<Vec<B256>> {
        let index = usize::try_from(index).ok()?;
        self.levels.first()?.get(index)?;
        let sibling = |(height, level): (usize, &Vec<B256>)| level.get((index >> height) ^ 1).copied();
        Some(self.levels.iter().enumerate().filter_map(sibling).collect())
    }
}

/// The tree up to a height.
#[derive(Clone, Debug)]
pub(super) struct Certified {
    height: u64,
    tree: Arc<WithdrawalTree>,
}

impl Index {
    /// The tree of all withdrawals executed up to a height; `None` when the index has not come that far. Blocking:
    /// hashes all leaves when the height is another than the last time.
    ///
    /// # Errors
    /// When the index cannot be read, or does not know all withdrawals.
    pub fn withdrawal_tree(&self, up_to: u64) -> Result<Option<Arc<WithdrawalTree>>, IndexError> {
        if self.has_gap()? {
            return Err(IndexError::Incomplete);
        }
        if self.height()? < up_to {
            return Ok(None);
        }
        let mut certified = self.certified.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = certified.as_ref().filter(|known| known.height == up_to) {
            return Ok(Some(known.tree.clone()));
        }
        let tree = Arc::new(WithdrawalTree::new(self.withdrawal_leaves(up_to)?));
        *certified = Some(Certified {
            height: up_to,
            tree: tree.clone(),
        });
        Ok(Some(tree))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn agrees_with_the_protocols_tree_for_every_number_of_leaves() {
        for n in 0..=33u64 {
            let leaves: Vec<B256> = (0..n).map(|i| merkle::leaf_hash(&i.to_be_bytes())).collect();
            let tree = WithdrawalTree::new(leaves.clone());
            assert_eq!(tree.root(), merkle::root(&leaves), "{n}");
            for index in 0..n + 2 {
                let expected = merkle::proof(&leaves, usize::try_from(index).unwrap());
                assert_eq!(tree.proof(index), expected, "{index} of {n}");
            }
            assert_eq!(tree.proof(u64::MAX), None);
        }
    }
}
