//! The part of a confirmation that is hashing: record, path, header, descendants.

use crate::samples::{child, confirmation, header, phrase, record};
use alloy_primitives::B256;
use rampart_protocol::{Confirmation, PurchaseRecord, merkle};

#[test]
fn every_record_of_every_block_is_included() {
    for count in 1..=33 {
        for index in 0..usize::try_from(count).unwrap() {
            let confirmation = confirmation(index, count, 0);
            assert!(confirmation.is_included(), "{index} of {count}");
            assert_eq!(confirmation.certified(), Some(&confirmation.header));
        }
    }
}

#[test]
fn nothing_else_is_included() {
    let sound = confirmation(2, 7, 0);
    let change = |change: fn(&mut Confirmation)| {
        let mut changed = sound.clone();
        change(&mut changed);
        changed.is_included()
    };
    assert!(change(|_| ()));
    assert!(!change(|c| c.record = record(3)), "another record of the block");
    assert!(!change(|c| c.record = record(99)), "a record of no block");
    assert!(!change(|c| c.record.fee.0 -= 1), "another fee");
    assert!(!change(|c| c.record.expires_at.0 += 1), "another expiry");
    assert!(!change(|c| c.proof.clear()), "no path");
    assert!(
        !change(|c| c.proof.truncate(c.proof.len() - 1)),
        "a path too short"
    );
    assert!(!change(|c| c.proof.push(B256::ZERO)), "a path too long");
    assert!(!change(|c| c.proof.reverse()), "a path in another order");
    assert!(
        !change(|c| c.header.confirmations_root = B256::ZERO),
        "a block without purchases"
    );
    assert!(
        !change(|c| c.header.confirmations_root = c.header.withdrawals_root),
        "another root"
    );
}

#[test]
fn no_bit_of_record_or_path_may_differ() {
    let sound = confirmation(2, 7, 0);
    let mut record = alloy_rlp::encode(sound.record);
    for bit in 0..record.len() * 8 {
        record[bit / 8] ^= 1 << (bit % 8);
        if let Ok(changed) = alloy_rlp::decode_exact::<PurchaseRecord>(&record) {
            let changed = Confirmation {
                record: changed,
                ..sound.clone()
            };
            assert!(!changed.is_included(), "bit {bit} of the record");
        }
        record[bit / 8] ^= 1 << (bit % 8);
    }
    for sibling in 0..sound.proof.len() {
        for bit in 0..256 {
            let mut changed = sound.clone();
            changed.proof[sibling][bit / 8] ^= 1 << (bit % 8);
            assert!(!changed.is_included(), "bit {bit} of sibling {sibling}");
        }
    }
}

/// An inner node is 64 bytes under keccak, a record's leaf has a zero byte before it and is never 64 bytes long.
#[test]
fn an_inner_node_is_no_leaf() {
    let leaves: Vec<B256> = (0..4).map(|i| record(i).leaf()).collect();
    let inner = merkle::node_hash(leaves[0], leaves[1]);
    let root = merkle::root(&leaves);
    assert!(
        merkle::verify(root, inner, &[merkle::node_hash(leaves[2], leaves[3])]),
        "as a hash it is in the tree"
    );
    let mut concatenated = [leaves[0].0, leaves[1].0];
    concatenated.sort_unstable();
    assert_ne!(merkle::leaf_hash(&concatenated.concat()), inner);
    assert_ne!(
        record(0).leaf(),
        alloy_primitives::keccak256(alloy_rlp::encode(record(0)))
    );
}

#[test]
fn the_last_of_linked_descendants_is_the_one_to_certify() {
    for depth in 0..5 {
        let confirmation = confirmation(0, 3, depth);
        let expected = confirmation.descendants.last().unwrap_or(&confirmation.header);
        assert_eq!(confirmation.certified(), Some(expected), "depth {depth}");
    }
}

#[test]
fn descendants_that_do_not_follow_one_another_certify_nothing() {
    let sound = confirmation(0, 3, 3);
    let change = |change: fn(&mut Confirmation)| {
        let mut changed = sound.clone();
        change(&mut changed);
        changed.certified().cloned()
    };
    assert!(change(|_| ()).is_some());
    for (why, outcome) in [
        (
            "the first left out",
            change(|c| c.descendants = c.descendants.split_off(1)),
        ),
        (
            "the middle left out",
            change(|c| c.descendants.retain(|child| child.height != c.header.height + 2)),
        ),
        ("in another order", change(|c| c.descendants.swap(0, 1))),
        (
            "one twice",
            change(|c| c.descendants.push(c.descendants[2].clone())),
        ),
        (
            "the block itself as its child",
            change(|c| c.descendants.insert(0, c.header.clone())),
        ),
        (
            "another parent",
            change(|c| c.descendants[1].parent = phrase("stranger")),
        ),
        ("a height left out", change(|c| c.descendants[2].height += 1)),
        (
            "the height of the parent",
            change(|c| c.descendants[2].height -= 1),
        ),
        (
            "a parent changed afterwards",
            change(|c| c.descendants[0].timestamp_ms += 1),
        ),
        (
            "the block changed afterwards",
            change(|c| c.header.state_root = phrase("another state")),
        ),
        (
            "a block at the end of heights",
            change(|c| {
                c.header.height = u64::MAX;
                c.descendants.truncate(1);
                c.descendants[0].parent = c.header.digest();
                c.descendants[0].height = 0;
            }),
        ),
    ] {
        assert_eq!(outcome, None, "{why}");
    }
}

#[test]
fn every_bit_of_a_header_is_in_its_digest() {
    let sound = header();
    let digest = sound.digest();
    let mut bytes = alloy_rlp::encode(&sound);
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(changed) = alloy_rlp::decode_exact::<rampart_protocol::Header>(&bytes) {
            assert_ne!(changed.digest(), digest, "bit {bit}");
        }
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    assert_eq!(child(&sound).parent, digest);
}

#[test]
fn a_block_is_proved_by_its_last_descendant_and_by_nothing_when_its_body_or_a_link_is_another() {
    let sound = crate::samples::finalized_block();
    assert_eq!(sound.certified(), sound.descendants.last());
    let mut cut = sound.clone();
    cut.descendants.pop();
    assert_eq!(cut.certified(), cut.descendants.last());
    cut.descendants.clear();
    assert_eq!(cut.certified(), Some(&cut.header));
    let mut other = sound.clone();
    other.body.transactions.pop();
    assert_eq!(other.certified(), None, "another body");
    let mut gap = sound.clone();
    gap.descendants.remove(0);
    assert_eq!(gap.certified(), None, "a generation is left out");
    let mut forged = sound;
    forged.header.state_root.0[0] ^= 1;
    assert_eq!(forged.certified(), None, "another header");
}
