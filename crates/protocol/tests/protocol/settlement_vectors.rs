//! `vectors/contracts-settlement.json`, which viem made and the settlement contract accepts: checkpoint digests, operator
//! sets, signatures and withdrawal trees are the same here.

use crate::vectors::read;
use alloy_primitives::{Address, B256, Bytes, FixedBytes};
use rampart_protocol::{Amount, Checkpoint, Domain, Operator, OperatorSet, SignedCheckpoint, merkle};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vectors {
    domain: DomainVector,
    operator_sets: Vec<SetVector>,
    checkpoints: Vec<CheckpointVector>,
    withdrawals: Vec<Withdrawal>,
    trees: Vec<Tree>,
}
#[derive(Deserialize)]
struct DomainVector {
    #[serde(flatten)]
    domain: Domain,
    separator: B256,
}
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SetVector {
    operators: Vec<OperatorVector>,
    seats: Vec<B256>,
    operator_set_hash: B256,
}
#[derive(Deserialize)]
struct OperatorVector {
    address: Address,
    weight: String,
}
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CheckpointVector {
    operator_set: usize,
    checkpoint: Checkpoint,
    digest: B256,
    roots_hash: B256,
    signers: String,
    signatures: Bytes,
}
#[derive(Deserialize)]
struct Withdrawal {
    index: u64,
    recipient: Address,
    amount: Amount,
    leaf: B256,
}
#[derive(Deserialize)]
struct Tree {
    size: usize,
    root: B256,
    proofs: Vec<Vec<B256>>,
}

fn vectors() -> Vectors {
    read("contracts-settlement.json")
}

/// The set in another order than its seats have: the order must not matter.
fn operator_set(domain: Domain, vector: &SetVector) -> OperatorSet {
    let mut operators: Vec<Operator> = vector
        .operators
        .iter()
        .zip(1..)
        .map(|(operator, i)| Operator {
            public_key: B256::with_last_byte(i),
            checkpoint_key: operator.address,
            weight: operator.weight.parse().unwrap(),
        })
        .collect();
    operators.rotate_left(1);
    OperatorSet { domain, operators }
}

#[test]
fn the_domain_separator_is_the_contracts() {
    let DomainVector { domain, separator } = vectors().domain;
    assert_eq!(domain.eip712().separator(), separator);
}

#[test]
fn operator_sets_pack_and_hash_as_in_the_contract() {
    let vectors = vectors();
    assert_eq!(vectors.operator_sets.len(), 2);
    for vector in &vectors.operator_sets {
        let set = operator_set(vectors.domain.domain, vector);
        assert_eq!(set.validate(), Ok(()));
        assert_eq!(set.seats(), vector.seats);
        assert_eq!(set.hash(), vector.operator_set_hash);
        for (position, operator) in vector.operators.iter().enumerate() {
            let weight: u64 = operator.weight.parse().unwrap();
            assert_eq!(set.seat(operator.address), Some((position, weight)));
        }
        assert_eq!(set.seat(Address::repeat_byte(1)), None);
    }
}

#[test]
fn checkpoints_have_the_digests_roots_and_signers_that_the_contract_sees() {
    let vectors = vectors();
    let domain = vectors.domain.domain;
    for vector in &vectors.checkpoints {
        assert_eq!(vector.checkpoint.signing_hash(&domain), vector.digest);
        assert_eq!(vector.checkpoint.roots().hash(), vector.roots_hash);
        let set = operator_set(domain, &vectors.operator_sets[vector.operator_set]);
        let bitmap: u64 = vector.signers.parse().unwrap();
        let positions: Vec<usize> = (0..64).filter(|bit| bitmap >> bit & 1 == 1).collect();
        let signatures: Vec<FixedBytes<65>> =
            vector.signatures.chunks(65).map(FixedBytes::from_slice).collect();
        assert_eq!(signatures.len(), positions.len());
        let mut weight = 0;
        for (signature, position) in signatures.into_iter().zip(positions) {
            let signed = SignedCheckpoint {
                checkpoint: vector.checkpoint,
                signature,
            };
            let (seat, of_signer) = set.seat(signed.signer(&domain).unwrap()).unwrap();
            assert_eq!(seat, position);
            weight += u128::from(of_signer);
        }
        assert!(set.is_quorum(weight));
    }
}

#[test]
fn a_quorum_is_more_than_two_thirds_of_the_weight() {
    let vectors = vectors();
    let set = operator_set(vectors.domain.domain, &vectors.operator_sets[0]);
    assert_eq!([2, 3, 4].map(|weight| set.is_quorum(weight)), [false, true, true]);
    // Three of four largest weights: the sums do not fit 64 bits.
    let heavy = operator_set(vectors.domain.domain, &vectors.operator_sets[1]);
    let largest = u128::from(u64::MAX);
    assert!(!heavy.is_quorum(2 * largest));
    assert!(heavy.is_quorum(2 * largest + 1));
    assert!(heavy.is_quorum(3 * largest));
}

#[test]
fn withdrawal_trees_agree_and_so_do_their_peaks() {
    let vectors = vectors();
    let leaves: Vec<B256> = vectors
        .withdrawals
        .iter()
        .map(|withdrawal| withdrawal.leaf)
        .collect();
    for withdrawal in &vectors.withdrawals {
        let leaf = merkle::withdrawal_leaf(withdrawal.index, withdrawal.recipient, withdrawal.amount);
        assert_eq!(leaf, withdrawal.leaf);
    }
    for tree in &vectors.trees {
        let some = &leaves[..tree.size];
        assert_eq!(merkle::root(some), tree.root);
        assert_eq!(tree.proofs.len(), tree.size);
        for (index, proof) in tree.proofs.iter().enumerate() {
            assert_eq!(
                merkle::proof(some, index).as_ref(),
                Some(proof),
                "{index} of {}",
                tree.size
            );
            assert!(merkle::verify(tree.root, leaves[index], proof));
        }
        let mut peaks = Vec::new();
        for (count, leaf) in (0..).zip(some) {
            merkle::push_peak(&mut peaks, count, *leaf);
        }
        assert_eq!(merkle::bag_peaks(&peaks), tree.root);
    }
}
