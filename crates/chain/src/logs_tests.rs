#![allow(clippy::unwrap_used)]
use super::*;
use alloy::primitives::{Bytes, LogData};
use ed25519_dalek::{Signer as _, SigningKey};
use rampart_protocol::observation::{MAX_CHANGES, MAX_FORCED};

const REGISTRY: Registry = Registry {
    chain_id: 31_337,
    service_manager: Address::repeat_byte(0x5a),
};

/// A final log with an event of a contract.
fn log(event: LogData) -> Log {
    Log {
        inner: alloy::primitives::Log {
            address: Address::repeat_byte(9),
            data: event,
        },
        block_number: Some(7),
        block_hash: Some(B256::repeat_byte(7)),
        ..Log::default()
    }
}

fn decided(kind: u8, data: Vec<u8>) -> Result<Observation, ChainError> {
    let event = Decided {
        index: 3,
        kind,
        data: data.into(),
    };
    outbox(&log(event.encode_log_data()), &REGISTRY)
}

fn governance(action: impl Into<GovernanceAction>) -> Observation {
    Observation::Governance(Governance {
        index: 3,
        action: action.into(),
        block_number: 7,
        block_hash: B256::repeat_byte(7),
    })
}

#[test]
fn every_kind_of_decision_is_read_as_the_outbox_encodes_it() {
    let provider = ProviderId(5);
    let (recipient, amount) = (Address::repeat_byte(4), Amount(u128::MAX));
    let changes = vec![("storage_fee".to_owned(), 9u128), ("wait_max".to_owned(), 0)];
    let named = |(name, value): (String, u128)| ParameterChange { name, value };
    let set = SetParameters {
        changes: changes.iter().cloned().map(named).collect(),
    };
    let case = CaseId(B256::repeat_byte(6));
    for (kind, data, expected) in [
        (1, (changes,).abi_encode_params(), governance(set)),
        (2, (5u64,).abi_encode_params(), governance(Suspend { provider })),
        (3, (5u64,).abi_encode_params(), governance(Expel { provider })),
        (4, (5u64,).abi_encode_params(), governance(Pardon { provider })),
        (
            5,
            (5u64, u128::MAX).abi_encode_params(),
            governance(Slash { provider, amount }),
        ),
        (
            6,
            (case.0, true).abi_encode_params(),
            governance(Judge { case, upheld: true }),
        ),
        (
            7,
            (recipient, u128::MAX).abi_encode_params(),
            governance(Spend { recipient, amount }),
        ),
    ] {
        assert_eq!(decided(kind, data).unwrap(), expected, "{kind}");
    }
}

#[test]
fn a_decision_that_no_outbox_emits_is_the_endpoints_fault() {
    let many = vec![("a".to_owned(), 1u128); MAX_CHANGES + 1];
    let long = vec![("a".repeat(33), 1u128)];
    for (kind, data) in [
        (0, Vec::new()),
        (8, (5u64,).abi_encode_params()),
        (2, Vec::new()),
        (2, vec![0xff; 32]),
        (5, (5u64,).abi_encode_params()),
        (6, (B256::ZERO, 2u64).abi_encode_params()),
        (1, vec![0xff; 64]),
        (1, (many,).abi_encode_params()),
        (1, (long,).abi_encode_params()),
    ] {
        let error = decided(kind, data.clone()).unwrap_err();
        assert!(matches!(error, ChainError::Inconsistent(_)), "{kind} {data:?}");
    }
}

#[test]
fn stakes_and_weights_keep_their_numbers() {
    let (operator, investor) = (Address::repeat_byte(1), Address::repeat_byte(2));
    let staked = Staked {
        index: 0,
        operator,
        stake: u128::MAX,
        commission: 100_000,
    };
    let Observation::OperatorStake(seen) = outbox(&log(staked.encode_log_data()), &REGISTRY).unwrap() else {
        unreachable!("an operator's stake was told");
    };
    assert_eq!((seen.operator, seen.stake), (operator, u128::MAX));
    assert_eq!((seen.commission, seen.block_number), (Ppm(100_000), 7));
    let weighed = Weighed {
        index: 1,
        operator,
        investor,
        weight: 8,
    };
    let Observation::InvestorWeight(seen) = outbox(&log(weighed.encode_log_data()), &REGISTRY).unwrap()
    else {
        unreachable!("an investor's weight was told");
    };
    assert_eq!((seen.index, seen.weight), (1, 8));
    assert_eq!((seen.operator, seen.investor), (operator, investor));
}

#[test]
fn a_forced_message_is_taken_up_to_its_limit() {
    let forced = |length| {
        let event = ForcedIn {
            index: 1,
            account: Address::repeat_byte(3),
            message: Bytes::from(vec![7; length]),
        };
        inbox(&log(event.encode_log_data()))
    };
    assert!(matches!(forced(0), Ok(Observation::Forced(_))));
    assert!(matches!(forced(MAX_FORCED), Ok(Observation::Forced(_))));
    assert!(matches!(forced(MAX_FORCED + 1), Err(ChainError::Inconsistent(_))));
}

#[test]
fn a_log_without_a_block_is_not_final() {
    let event = Deposited {
        from: Address::repeat_byte(4),
        index: 0,
        account: Address::repeat_byte(3),
        amount: 5,
    };
    let final_log = log(event.encode_log_data());
    assert!(matches!(inbox(&final_log), Ok(Observation::Deposit(_))));
    let pending = Log {
        block_hash: None,
        ..final_log
    };
    assert!(matches!(inbox(&pending), Err(ChainError::Inconsistent(_))));
}

#[test]
fn keys_are_told_as_proven_only_with_the_consensus_keys_own_proof() {
    let (operator, checkpoint_key) = (Address::repeat_byte(1), Address::repeat_byte(2));
    let key = SigningKey::from_bytes(&[7; 32]);
    let consensus_key = B256::new(key.verifying_key().to_bytes());
    let proof = |registry: Registry, operator| {
        let digest = registry.digest(operator, consensus_key, checkpoint_key);
        key.sign(digest.as_slice()).to_bytes().to_vec()
    };
    let elsewhere = [
        Registry {
            chain_id: 1,
            ..REGISTRY
        },
        Registry {
            service_manager: Address::ZERO,
            ..REGISTRY
        },
    ];
    let good = proof(REGISTRY, operator);
    let mut cases = vec![(good.clone(), true), (proof(REGISTRY, Address::ZERO), false)];
    cases.extend(elsewhere.map(|registry| (proof(registry, operator), false)));
    cases.extend(
        [&good[..63], &[0; 64], &[], &[&good[..], &[0]].concat()].map(|bytes| (bytes.to_vec(), false)),
    );
    for (signature, expected) in cases {
        let keyed = Keyed {
            index: 4,
            operator,
            consensusKey: consensus_key,
            checkpointKey: checkpoint_key,
            consensusSignature: signature.into(),
        };
        let Observation::OperatorKeys(seen) = outbox(&log(keyed.encode_log_data()), &REGISTRY).unwrap()
        else {
            unreachable!("an operator's keys were told");
        };
        assert_eq!(seen.proven, expected);
        assert_eq!((seen.index, seen.operator, seen.block_number), (4, operator, 7));
        assert_eq!(
            (seen.consensus_key, seen.checkpoint_key),
            (consensus_key, checkpoint_key)
        );
    }
}
