#![allow(clippy::unwrap_used)]
use super::*;
use crate::block::key_bytes;
use crate::engine::participants;
use commonware_consensus::{
    simplex::types::{Finalize, Proposal},
    types::{Round, View},
};
use commonware_cryptography::{Signer as _, ed25519::PrivateKey, keccak256::Digest};
use commonware_utils::{non_empty, test_rng};
use rampart_protocol::{Address, B256};

fn set(seeds: core::ops::RangeInclusive<u64>) -> OperatorSet {
    let operators = seeds.map(|seed| Operator {
        public_key: key_bytes(&PrivateKey::from_seed(seed).public_key()),
        checkpoint_key: Address::repeat_byte(u8::try_from(seed).unwrap()),
        weight: seed,
    });
    OperatorSet {
        domain: Domain {
            chain_id: 7,
            settlement: Address::repeat_byte(7),
        },
        operators: operators.collect(),
    }
}

fn signer(seed: u64) -> Scheme {
    let set = set(1..=4);
    let key = PrivateKey::from_seed(seed);
    Scheme::signer(&set.consensus_namespace(), participants(&set).unwrap(), key).unwrap()
}

/// The word of the first three of four operators, in epoch 5, for those of epoch 6.
fn handover() -> Handover {
    let next = set(2..=5);
    let header = Header {
        epoch: 5,
        height: 60,
        next_operators: next.commitment(),
        ..Header::default()
    };
    let proposal = Proposal::new(
        Round::new(Epoch::new(5), View::new(9)),
        View::new(8),
        Digest(header.digest().0),
    );
    let votes: Vec<_> = (1..=3)
        .map(|seed| Finalize::sign(&signer(seed), proposal.clone()).unwrap())
        .collect();
    let finalization = Finalization::from_finalizes(&signer(1), non_empty![@&votes], &Sequential).unwrap();
    Handover {
        header,
        certificate: finalization.encode().to_vec().into(),
        operators: next.operators,
    }
}

fn verify(handover: Handover, epoch: u64) -> Option<OperatorSet> {
    let trusted = set(1..=4);
    let scheme = Scheme::verifier(&trusted.consensus_namespace(), participants(&trusted).unwrap());
    handover.verify(&mut test_rng(), (epoch, &scheme), trusted.domain)
}

#[test]
fn a_committee_s_word_for_the_next_is_taken() {
    let bytes = alloy_rlp::encode(handover());
    let decoded = Handover::decode(&mut &bytes[..]).unwrap();
    assert_eq!(verify(decoded, 5), Some(set(2..=5)));
}

#[test]
fn nothing_else_is() {
    assert_eq!(verify(handover(), 6), None, "another epoch's");
    let changes: [fn(&mut Handover); 6] = [
        |h| h.header.epoch = 6,
        |h| h.header.next_operators = B256::ZERO,
        |h| h.header.height = 61,
        |h| h.operators.truncate(3),
        |h| h.operators[0].weight += 1,
        |h| h.certificate = Vec::new().into(),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut changed = handover();
        change(&mut changed);
        assert_eq!(verify(changed, 5), None, "change {index}");
    }
    // Consistent in itself, and not what was certified.
    let mut forged = handover();
    forged.operators = set(6..=9).operators;
    forged.header.next_operators = set(6..=9).commitment();
    assert_eq!(verify(forged, 5), None);
}
