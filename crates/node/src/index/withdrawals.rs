//! The tree of withdrawals that the last checkpoint on chain certifies, for proofs.
//!
//! Built once a checkpoint, when somebody asks; each proof is then a look at log n hashes. Takes 64 bytes a withdrawal.

use super::store::{Index, IndexError};
use rampart_protocol::merkle::Tree;
use std::sync::{Arc, PoisonError};

/// The tree up to a height.
#[derive(Clone, Debug)]
pub(super) struct Certified {
    height: u64,
    tree: Arc<Tree>,
}

impl Index {
    /// The tree of all withdrawals executed up to a height; `None` when the index has not come that far. Blocking:
    /// hashes all leaves when the height is another than the last time.
    ///
    /// # Errors
    /// When the index cannot be read, or does not know all withdrawals.
    pub fn withdrawal_tree(&self, up_to: u64) -> Result<Option<Arc<Tree>>, IndexError> {
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
        let tree = Arc::new(Tree::new(self.withdrawal_leaves(up_to)?));
        *certified = Some(Certified {
            height: up_to,
            tree: tree.clone(),
        });
        Ok(Some(tree))
    }
}
