#![allow(clippy::unwrap_used)]

use super::*;
use commonware_codec::{Decode as _, Encode as _};
use commonware_cryptography::{Signer as _, ed25519::PrivateKey};
use commonware_glue::stateful::db::DatabaseSet;
use commonware_runtime::deterministic;
use proptest::prelude::*;
use rampart_ledger::{GenesisOperator, Params};
use rampart_protocol::{Address, Amount, Domain, Observation, Operator, Ppm, observation::Deposit};

fn operators() -> OperatorSet {
    let operators = (1u8..=4)
        .map(|seed| Operator {
            public_key: key_bytes(&PrivateKey::from_seed(seed.into()).public_key()),
            checkpoint_key: Address::repeat_byte(seed),
            weight: 1,
        })
        .collect();
    OperatorSet {
        domain: Domain {
            chain_id: 1,
            settlement: Address::repeat_byte(9),
        },
        operators,
    }
}

fn genesis() -> Block {
    let state =
        <crate::storage::SharedState<deterministic::Context> as DatabaseSet<_>>::initial_sync_targets();
    Block::genesis(&operators(), &records(&Params::default(), 1), 5, &state).unwrap()
}

fn records(params: &Params, stake: u128) -> Changeset {
    let operator = GenesisOperator {
        address: Address::repeat_byte(1),
        stake,
        commission: Ppm(0),
        seat: None,
    };
    rampart_ledger::genesis(params, &[operator]).unwrap()
}

fn block(deposits: u64) -> Block {
    let parent = genesis();
    let body = Body {
        observations: (0..deposits)
            .map(|index| {
                Observation::Deposit(Deposit {
                    index,
                    account: Address::repeat_byte(3),
                    amount: Amount(u128::from(index) + 1),
                    block_number: 7,
                    block_hash: B256::repeat_byte(8),
                })
            })
            .collect(),
        transactions: Vec::new(),
    };
    let header = Header {
        epoch: 0,
        view: 3,
        parent_view: 2,
        parent: parent.header().digest(),
        height: 1,
        transactions_root: body.root(),
        ..parent.header().clone()
    };
    Block::new(header, body).unwrap()
}

#[test]
fn a_block_survives_its_encoding_and_names_its_context() {
    let block = block(3);
    let limits = BlockLimits::default();
    let encoded = block.encode();
    assert_eq!(encoded.len(), block.encode_size());
    assert_eq!(Block::decode_cfg(encoded, &limits).unwrap(), block);

    let context = block.context();
    assert_eq!(context.round, Round::new(Epoch::zero(), View::new(3)));
    assert_eq!(context.parent, (View::new(2), genesis().digest()));
    assert_eq!(key_bytes(&context.leader), block.header().leader);
    assert_eq!(block.height(), Height::new(1));
}

#[test]
fn the_digest_is_the_header_s_and_changes_with_every_field_of_the_context() {
    let block = block(1);
    assert_eq!(block.digest().0, block.header().digest().0);
    for change in [
        |h: &mut Header| h.epoch += 1,
        |h: &mut Header| h.view += 1,
        |h: &mut Header| h.parent_view += 1,
        |h: &mut Header| h.parent = B256::ZERO,
        |h: &mut Header| h.leader = operators().operators[3].public_key,
        |h: &mut Header| h.state_root = B256::ZERO,
    ] {
        let mut header = block.header().clone();
        change(&mut header);
        if header != *block.header() {
            assert_ne!(
                Block::new(header, block.body().clone()).unwrap().digest(),
                block.digest()
            );
        }
    }
}

#[test]
fn refuses_another_body_under_the_same_header() {
    let (small, large) = (block(1), block(2));
    let error = Block::new(small.header().clone(), large.body().clone()).unwrap_err();
    assert!(
        matches!(error, BlockError::Body { expected, .. } if expected == small.header().transactions_root)
    );
}

#[test]
fn refuses_a_header_without_a_leader_or_a_state() {
    let good = block(0);
    let no_key = (0u8..)
        .map(B256::repeat_byte)
        .find(|bytes| parse_key(bytes).is_err())
        .unwrap();
    let nobody = Header {
        leader: no_key,
        ..good.header().clone()
    };
    assert!(matches!(
        Block::new(nobody, Body::default()),
        Err(BlockError::Leader(_))
    ));
    let stateless = Header {
        state_end: good.header().state_start,
        ..good.header().clone()
    };
    assert!(matches!(
        Block::new(stateless, Body::default()),
        Err(BlockError::StateRange)
    ));
}

#[test]
fn refuses_a_block_over_the_limit() {
    let block = block(20);
    let limits = BlockLimits {
        max_bytes: block.to_bytes().len() - 1,
    };
    assert!(Block::decode_cfg(block.encode(), &limits).is_err());
    assert!(block.encode_size() > Block::max_encode_size(&limits));
    assert!(
        block.encode_size()
            <= Block::max_encode_size(&BlockLimits {
                max_bytes: limits.max_bytes + 1
            })
    );
}

#[test]
fn chains_of_other_deployments_parameters_or_operators_share_no_genesis() {
    let state =
        <crate::storage::SharedState<deterministic::Context> as DatabaseSet<_>>::initial_sync_targets();
    let mut elsewhere = operators();
    elsewhere.domain.chain_id += 1;
    let mut params = Params::default();
    params.fee_min.0 += 1;
    let usual = records(&Params::default(), 1);
    let genesis = |operators: &OperatorSet, records: &Changeset, time| {
        Block::genesis(operators, records, time, &state).unwrap()
    };
    let here = genesis(&operators(), &usual, 5);
    assert_ne!(here, genesis(&elsewhere, &usual, 5));
    assert_ne!(here, genesis(&operators(), &records(&params, 1), 5));
    assert_ne!(here, genesis(&operators(), &records(&Params::default(), 2), 5));
    assert_ne!(here, genesis(&operators(), &usual, 6));
    assert_eq!(here.state_target(), state);
}

proptest! {
    #[test]
    fn no_altered_encoding_decodes_to_the_same_block(at in 0usize..1_000, bit in 0u8..8, tail in any::<bool>()) {
        let block = block(3);
        let mut bytes = block.to_bytes();
        if tail {
            bytes.push(bit);
        } else {
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
        }
        if let Ok(other) = Block::from_bytes(&bytes) {
            prop_assert_ne!(&other, &block);
            prop_assert_eq!(other.to_bytes(), bytes);
        }
    }
}
