#![allow(clippy::unwrap_used)]
use super::*;
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use rampart_protocol::operators::Operator;
use rampart_protocol::{B256, Domain};

const INTERVAL: u64 = 10;

fn key(n: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(n)).unwrap()
}

/// Operators 1, 2, 3… with these weights.
fn operators(weights: &[u64]) -> OperatorSet {
    let operator = |(n, weight): (u8, &u64)| Operator {
        public_key: B256::repeat_byte(n),
        checkpoint_key: key(n).address(),
        weight: *weight,
    };
    OperatorSet {
        domain: Domain {
            chain_id: 5,
            settlement: Address::repeat_byte(5),
        },
        operators: (1u8..).zip(weights).map(operator).collect(),
    }
}

fn collection(weights: &[u64]) -> Collection {
    let set = operators(weights);
    let schedule = Schedule {
        interval: INTERVAL,
        epoch_blocks: 1_000_000,
    };
    let mut collection = Collection::new(set.domain, schedule);
    collection.learn(0, Arc::new(set));
    collection.reached(1_000);
    collection
}

fn checkpoint(height: u64) -> Checkpoint {
    Checkpoint {
        epoch: 0,
        height,
        state_root: B256::repeat_byte(1),
        withdrawals_root: B256::ZERO,
        exit_root: B256::ZERO,
        inbox_count: 0,
        next_operator_set: B256::repeat_byte(2),
    }
}

fn sign(n: u8, checkpoint: Checkpoint) -> SignedCheckpoint {
    let digest = checkpoint.signing_hash(&operators(&[1]).domain);
    SignedCheckpoint {
        checkpoint,
        signature: key(n).sign_hash_sync(&digest).unwrap().as_bytes().into(),
    }
}

#[test]
fn a_quorum_is_counted_by_weight_not_by_heads() {
    let checkpoint = checkpoint(1_000);
    let quorum = |weights: &[u64], signers: &[u8]| {
        let mut collection = collection(weights);
        for n in signers {
            assert_eq!(collection.take(sign(*n, checkpoint)), Taken::New);
        }
        assert_eq!(collection.signatures(&checkpoint).len(), signers.len());
        collection.is_quorum(&checkpoint)
    };
    assert!(!quorum(&[100, 100, 100, 100], &[]));
    assert!(!quorum(&[100, 100, 100, 100], &[1, 2]));
    assert!(quorum(&[100, 100, 100, 100], &[4, 1, 2]));
    // Two thirds exactly are not enough.
    assert!(!quorum(&[1, 1, 1], &[1, 2]));
    assert!(quorum(&[1, 1, 1], &[1, 2, 3]));
    assert!(quorum(&[90, 5, 5], &[1]));
    assert!(!quorum(&[90, 5, 5], &[2, 3]));
    assert!(quorum(&[1], &[1]));
}

#[test]
fn signatures_over_different_checkpoints_do_not_add_up() {
    let mut collection = collection(&[1, 1, 1, 1]);
    let other = Checkpoint {
        state_root: B256::repeat_byte(9),
        ..checkpoint(1_000)
    };
    for (n, checkpoint) in [
        (1, checkpoint(1_000)),
        (2, other),
        (3, checkpoint(1_000)),
        (4, other),
    ] {
        collection.take(sign(n, checkpoint));
    }
    for checkpoint in [checkpoint(1_000), other] {
        assert_eq!(collection.signatures(&checkpoint).len(), 2);
        assert!(!collection.is_quorum(&checkpoint));
    }
    assert_eq!(collection.evidence().count(), 0, "each of them signed once");
}

#[test]
fn a_signature_is_kept_once() {
    let mut collection = collection(&[1, 1]);
    assert_eq!(collection.take(sign(1, checkpoint(1_000))), Taken::New);
    assert_eq!(collection.take(sign(1, checkpoint(1_000))), Taken::Known);
    assert_eq!(collection.signatures(&checkpoint(1_000)).len(), 1);
}

#[test]
fn strangers_other_deployments_and_malformed_signatures_are_ignored() {
    let mut collection = collection(&[1, 1]);
    assert_eq!(collection.take(sign(7, checkpoint(1_000))), Taken::Ignored);
    let elsewhere = Domain {
        chain_id: 6,
        ..operators(&[1]).domain
    };
    let digest = checkpoint(1_000).signing_hash(&elsewhere);
    let elsewhere = SignedCheckpoint {
        checkpoint: checkpoint(1_000),
        signature: key(1).sign_hash_sync(&digest).unwrap().as_bytes().into(),
    };
    assert_eq!(collection.take(elsewhere), Taken::Ignored);
    let mut malformed = sign(1, checkpoint(1_000));
    malformed.signature[64] = 0;
    assert_eq!(collection.take(malformed), Taken::Ignored);
    assert_eq!(collection.signatures(&checkpoint(1_000)), []);
}

#[test]
fn heights_of_no_checkpoint_and_heights_far_away_are_ignored() {
    let mut collection = collection(&[1]);
    let span = RETAINED * INTERVAL;
    for height in [
        0,
        1,
        999,
        1_001,
        1_000 - span - INTERVAL,
        1_000 + span + INTERVAL,
        u64::MAX,
    ] {
        assert_eq!(
            collection.take(sign(1, checkpoint(height))),
            Taken::Ignored,
            "{height}"
        );
    }
    for height in [1_000 - span, 990, 1_000, 1_010, 1_000 + span] {
        assert_eq!(
            collection.take(sign(1, checkpoint(height))),
            Taken::New,
            "{height}"
        );
    }
}

#[test]
fn a_second_checkpoint_for_a_height_is_evidence_and_does_not_count() {
    let mut collection = collection(&[1, 1]);
    let (first, second) = (
        sign(1, checkpoint(1_000)),
        sign(
            1,
            Checkpoint {
                exit_root: B256::repeat_byte(3),
                ..checkpoint(1_000)
            },
        ),
    );
    assert_eq!(collection.take(first), Taken::New);
    let expected = Equivocation {
        operator: key(1).address(),
        first,
        second,
    };
    assert_eq!(
        collection.take(second),
        Taken::Equivocation(Box::new(expected.clone()))
    );
    assert_eq!(collection.signatures(&second.checkpoint), []);
    assert_eq!(collection.signatures(&first.checkpoint), [first]);
    // A third one changes nothing: one proof an operator is enough, and is all that is kept.
    let third = sign(
        1,
        Checkpoint {
            exit_root: B256::repeat_byte(4),
            ..checkpoint(1_000)
        },
    );
    assert!(matches!(collection.take(third), Taken::Equivocation(_)));
    assert_eq!(collection.evidence().collect::<Vec<_>>(), [&expected]);
    // Both halves prove it to anyone: same signer, same height, different content.
    let domain = operators(&[1]).domain;
    assert_eq!(expected.first.signer(&domain), expected.second.signer(&domain));
    // The evidence outlives the signatures.
    collection.reached(1_000_000);
    assert_eq!(collection.signatures(&first.checkpoint), []);
    assert_eq!(collection.evidence().count(), 1);
}

#[test]
fn what_is_kept_is_bounded_however_much_is_sent() {
    let mut collection = collection(&[1]);
    for height in (10..=4_000).step_by(10) {
        collection.take(sign(1, checkpoint(height)));
    }
    assert!(
        collection.signed.len() as u64 <= 2 * RETAINED + 1,
        "{}",
        collection.signed.len()
    );
    collection.reached(2_000);
    assert!(
        collection
            .signed
            .keys()
            .all(|height| *height >= 2_000 - RETAINED * INTERVAL)
    );
    collection.reached(500);
    assert_eq!(collection.newest, 2_000, "it never goes back");
}

#[test]
fn each_epoch_has_its_signers() {
    let set = operators(&[1, 1, 1, 1]);
    let schedule = Schedule {
        interval: INTERVAL,
        epoch_blocks: 100,
    };
    let mut collection = Collection::new(set.domain, schedule);
    collection.learn(0, Arc::new(set.clone()));
    collection.reached(90);
    let (last, first) = (checkpoint(99), checkpoint(100));
    assert_eq!(collection.take(sign(1, last)), Taken::New);
    assert_eq!(
        collection.take(sign(1, first)),
        Taken::Ignored,
        "its operators are not known"
    );
    // The fourth leaves, a fifth comes.
    let mut next = operators(&[1, 1, 1, 1, 1]);
    next.operators.remove(3);
    collection.learn(1, Arc::new(next));
    for signer in 1..=3 {
        collection.take(sign(signer, first));
    }
    assert!(collection.is_quorum(&first));
    assert_eq!(collection.take(sign(4, first)), Taken::Ignored);
    assert_eq!(collection.take(sign(5, first)), Taken::New);
    assert_eq!(collection.take(sign(5, last)), Taken::Ignored);
    assert_eq!(collection.take(sign(4, last)), Taken::New);
    assert!(!collection.is_quorum(&last));
    assert_eq!(collection.take(sign(2, last)), Taken::New);
    assert!(collection.is_quorum(&last));
}

#[test]
fn the_end_of_an_epoch_is_remembered_however_long_the_chain_does_not_take_it() {
    let set = operators(&[1, 1, 1, 1]);
    let schedule = Schedule {
        interval: INTERVAL,
        epoch_blocks: 100,
    };
    let mut collection = Collection::new(set.domain, schedule);
    for epoch in 0..100 {
        collection.learn(epoch, Arc::new(set.clone()));
    }
    for height in [90, 99, 100] {
        collection.reached(height);
        collection.take(sign(1, checkpoint(height)));
    }
    collection.reached(5_000);
    let known = |height| collection.signatures(&checkpoint(height)).len();
    assert_eq!([90, 99, 100].map(known), [0, 1, 0]);
    assert_eq!(collection.take(sign(2, checkpoint(99))), Taken::New);
    assert_eq!(collection.take(sign(2, checkpoint(90))), Taken::Ignored);
}
