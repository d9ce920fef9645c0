//! `vectors/merkle.json`: trees of 1 to 20 leaves with every proof, and the leaves of purchases, withdrawals and exits.
//! `contracts/test/MerkleVectors.t.sol` checks them with OpenZeppelin's `MerkleProof`.

use crate::samples::{phrase, record};
use crate::vectors::bless;
use alloy_primitives::{Address, B256, Bytes};
use rampart_protocol::{Amount, merkle};
use serde_json::{Value, json};

const AMOUNTS: [u128; 3] = [0, 1_000_000_000_000_000_000, u128::MAX];

fn preimages() -> Vec<Bytes> {
    (0..20)
        .map(|i| Bytes::from(format!("leaf {i}").into_bytes()))
        .collect()
}

fn tree(leaves: &[B256]) -> Value {
    let proofs: Vec<_> = (0..leaves.len())
        .map(|i| merkle::proof(leaves, i).unwrap())
        .collect();
    json!({"size": leaves.len(), "root": merkle::root(leaves), "proofs": proofs})
}

#[test]
fn the_committed_vectors_are_what_this_tree_makes() {
    let leaves: Vec<B256> = preimages().iter().map(|bytes| merkle::leaf_hash(bytes)).collect();
    let accounts = |kind: &str| -> Vec<(u64, Address, Amount)> {
        let account = |i: u64| Address::from_word(phrase(&format!("{kind} {i}")));
        [0, 1, u64::MAX]
            .into_iter()
            .zip(AMOUNTS)
            .map(|(i, amount)| (i, account(i), Amount(amount)))
            .collect()
    };
    let withdrawals = accounts("recipient")
        .into_iter()
        .map(|(index, recipient, amount)| {
            let leaf = merkle::withdrawal_leaf(index, recipient, amount);
            json!({"index": index.to_string(), "recipient": recipient, "amount": amount, "leaf": leaf})
        });
    let exits = accounts("account").into_iter().map(|(_, account, amount)| {
        json!({"account": account, "amount": amount, "leaf": merkle::exit_leaf(account, amount)})
    });
    let purchases = (0..3).map(record).map(|record| {
        json!({"record": record, "encoded": Bytes::from(alloy_rlp::encode(record)), "leaf": record.leaf()})
    });
    let vectors = json!({
        "description": "The protocol's Merkle tree, by crates/protocol (RAMPART_BLESS=1 cargo test -p rampart-protocol \
            --all-features). A leaf is keccak256(0x00 || preimage); those of the contracts are keccak256(keccak256(abi.encode(...))).",
        "preimages": preimages(),
        "leaves": leaves,
        "trees": (0..=20).map(|size| tree(&leaves[..size])).collect::<Vec<_>>(),
        "purchases": purchases.collect::<Vec<_>>(),
        "withdrawals": withdrawals.collect::<Vec<_>>(),
        "exits": exits.collect::<Vec<_>>(),
    });
    bless("merkle.json", &vectors);
}

#[test]
fn proofs_are_as_short_as_the_tree_is_deep_and_tampering_fails() {
    let leaves: Vec<B256> = preimages().iter().map(|bytes| merkle::leaf_hash(bytes)).collect();
    for size in 1..=leaves.len() {
        let some = &leaves[..size];
        let root = merkle::root(some);
        let depth = usize::try_from(size.next_power_of_two().trailing_zeros()).unwrap();
        for (index, leaf) in some.iter().enumerate() {
            let proof = merkle::proof(some, index).unwrap();
            assert!(proof.len() <= depth, "{index} of {size}");
            assert!(merkle::verify(root, *leaf, &proof));
            for (other, wrong) in some.iter().enumerate().filter(|(other, _)| *other != index) {
                assert!(!merkle::verify(root, *wrong, &proof) || other == index);
            }
            for sibling in 0..proof.len() {
                let mut wrong = proof.clone();
                wrong[sibling][31] ^= 1;
                assert!(!merkle::verify(root, *leaf, &wrong));
            }
        }
    }
}

#[test]
fn an_empty_proof_proves_only_the_root_itself() {
    let leaf = merkle::leaf_hash(b"only");
    assert!(merkle::verify(leaf, leaf, &[]));
    assert!(!merkle::verify(B256::ZERO, leaf, &[]));
    assert!(!merkle::verify(leaf, merkle::leaf_hash(b"other"), &[]));
}
