//! The one Merkle tree of the protocol: what OpenZeppelin's `MerkleProof` verifies.
//!
//! Inner nodes hash the sorted pair of their children with keccak-256; an odd node rises to the next level unhashed.
//! A tree of that shape is the bagging of its peaks (perfect subtrees, largest first), so an append-only tree of any
//! length is kept as at most 64 hashes, and its root changes in O(log n).
//!
//! A sorted pair does not fix the order of leaves in the tree: use it only for membership, never for position.

use alloc::vec::Vec;
use alloy_primitives::{Address, B256, keccak256};
use alloy_sol_types::SolValue;

/// A leaf over canonical bytes: keccak-256 of a zero byte and the bytes, so that no 64-byte inner node is a leaf.
#[must_use]
pub fn leaf_hash(bytes: &[u8]) -> B256 {
    let mut preimage = Vec::with_capacity(1 + bytes.len());
    preimage.push(0);
    preimage.extend_from_slice(bytes);
    keccak256(preimage)
}

/// A leaf over an ABI-encoded tuple, hashed twice as OpenZeppelin's standard tree does.
#[must_use]
pub fn abi_leaf_hash(encoded: &[u8]) -> B256 {
    keccak256(keccak256(encoded))
}

/// The leaf of a withdrawal: `(uint64 index, address recipient, uint128 amount)`.
#[must_use]
pub fn withdrawal_leaf(index: u64, recipient: Address, amount: crate::Amount) -> B256 {
    abi_leaf_hash(&(index, recipient, amount.0).abi_encode())
}

/// The leaf of an account's exit: `(address account, uint128 amount)` (X2).
#[must_use]
pub fn exit_leaf(account: Address, amount: crate::Amount) -> B256 {
    abi_leaf_hash(&(account, amount.0).abi_encode())
}

/// An inner node: keccak-256 of the two children, the smaller first.
#[must_use]
pub fn node_hash(a: B256, b: B256) -> B256 {
    if a <= b {
        node_hash_ordered(a, b)
    } else {
        node_hash_ordered(b, a)
    }
}

/// keccak-256 of two words in the order given.
#[must_use]
pub fn node_hash_ordered(a: B256, b: B256) -> B256 {
    let mut preimage = [0u8; 64];
    preimage[..32].copy_from_slice(a.as_slice());
    preimage[32..].copy_from_slice(b.as_slice());
    keccak256(preimage)
}

fn next_level(level: &[B256]) -> Vec<B256> {
    level
        .chunks(2)
        .map(|pair| {
            if let [a, b] = pair {
                node_hash(*a, *b)
            } else {
                pair[0]
            }
        })
        .collect()
}

/// A tree with all its levels: its root at once, and a proof for each leaf in O(log n).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    levels: Vec<Vec<B256>>,
}

impl Tree {
    /// Hashes all leaves, in order.
    #[must_use]
    pub fn new(leaves: Vec<B256>) -> Self {
        let mut levels = Vec::new();
        let mut level = leaves;
        while level.len() > 1 {
            let next = next_level(&level);
            levels.push(core::mem::replace(&mut level, next));
        }
        levels.push(level);
        Self { levels }
    }

    /// The root; zero when there are no leaves.
    #[must_use]
    pub fn root(&self) -> B256 {
        self.levels
            .last()
            .and_then(|top| top.first())
            .copied()
            .unwrap_or(B256::ZERO)
    }

    /// The siblings of the leaf at `index`, from the bottom up; `None` when there is no such leaf.
    #[must_use]
    pub fn proof(&self, index: usize) -> Option<Vec<B256>> {
        let leaves = self.levels.first()?;
        let siblings = |(depth, level): (usize, &Vec<B256>)| level.get((index >> depth) ^ 1).copied();
        (index < leaves.len()).then(|| self.levels.iter().enumerate().filter_map(siblings).collect())
    }
}

/// The root over leaf hashes; zero when there are none.
#[must_use]
pub fn root(leaves: &[B256]) -> B256 {
    Tree::new(leaves.to_vec()).root()
}

/// The siblings of the leaf at `index`, from the bottom up; `None` when there is no such leaf.
#[must_use]
pub fn proof(leaves: &[B256], index: usize) -> Option<Vec<B256>> {
    Tree::new(leaves.to_vec()).proof(index)
}

/// Whether `leaf` is in the tree of `root`.
#[must_use]
pub fn verify(root: B256, leaf: B256, proof: &[B256]) -> bool {
    proof.iter().fold(leaf, |node, sibling| node_hash(node, *sibling)) == root
}

/// Adds a leaf to the peaks of a tree that has `count` leaves so far.
///
/// `peaks` holds one hash for each set bit of `count`, largest subtree first.
pub fn push_peak(peaks: &mut Vec<B256>, count: u64, leaf: B256) {
    let mut node = leaf;
    for _ in 0..count.trailing_ones() {
        let Some(left) = peaks.pop() else { break };
        node = node_hash(left, node);
    }
    peaks.push(node);
}

/// The root of the tree with these peaks; zero when there are none.
#[must_use]
pub fn bag_peaks(peaks: &[B256]) -> B256 {
    peaks
        .iter()
        .rev()
        .copied()
        .reduce(|right, left| node_hash(left, right))
        .unwrap_or(B256::ZERO)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rs_merkle::{Hasher, MerkleTree};

    #[derive(Clone)]
    struct Sorted;
    impl Hasher for Sorted {
        type Hash = [u8; 32];
        fn hash(data: &[u8]) -> [u8; 32] {
            keccak256(data).0
        }
        fn concat_and_hash(left: &[u8; 32], right: Option<&[u8; 32]>) -> [u8; 32] {
            right.map_or(*left, |right| node_hash(B256::new(*left), B256::new(*right)).0)
        }
    }

    fn leaves(n: u64) -> Vec<B256> {
        (0..n).map(|i| leaf_hash(&i.to_be_bytes())).collect()
    }

    #[test]
    fn root_agrees_with_an_independent_tree_and_with_the_peaks() {
        let mut peaks = Vec::new();
        for n in 1..=70u64 {
            let leaves = leaves(n);
            push_peak(&mut peaks, n - 1, leaves[leaves.len() - 1]);
            let raw: Vec<[u8; 32]> = leaves.iter().map(|l| l.0).collect();
            let reference = MerkleTree::<Sorted>::from_leaves(&raw).root().unwrap();
            assert_eq!(root(&leaves).0, reference, "{n} leaves");
            assert_eq!(bag_peaks(&peaks).0, reference, "{n} leaves");
        }
    }

    #[test]
    fn every_leaf_has_a_proof_and_no_other_leaf_has_it() {
        for n in 1..=17u64 {
            let leaves = leaves(n);
            let root = root(&leaves);
            for (index, leaf) in leaves.iter().enumerate() {
                let siblings = proof(&leaves, index).unwrap();
                assert!(verify(root, *leaf, &siblings));
                assert!(!verify(root, leaf_hash(b"another"), &siblings));
            }
            assert_eq!(proof(&leaves, leaves.len()), None);
        }
        assert_eq!(root(&[]), B256::ZERO);
    }
}
