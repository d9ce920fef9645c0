//! What a header commits to of an operator set.

use crate::samples;
use alloy_primitives::{Address, B256, U256, keccak256};
use rampart_protocol::{Operator, OperatorSet};

fn set() -> OperatorSet {
    let operator = |n: u8| Operator {
        public_key: B256::repeat_byte(n),
        checkpoint_key: Address::repeat_byte(9 - n),
        weight: u64::from(n) * 1000,
    };
    OperatorSet {
        domain: samples::domain(),
        operators: [1, 2, 3, 4].map(operator).to_vec(),
    }
}

#[test]
fn the_commitment_is_the_hash_of_a_list_by_consensus_key() {
    let set = set();
    let mut list = Vec::new();
    for operator in &set.operators {
        let mut seat = vec![0xa0];
        seat.extend(operator.public_key);
        seat.push(0x94);
        seat.extend(operator.checkpoint_key);
        seat.extend(alloy_rlp::encode(operator.weight));
        list.extend([0xf8, u8::try_from(seat.len()).unwrap()]);
        list.extend(seat);
    }
    let mut bytes = alloy_rlp::encode(set.domain.chain_id);
    bytes.push(0x94);
    bytes.extend(set.domain.settlement);
    bytes.extend([0xf8, u8::try_from(list.len()).unwrap()]);
    bytes.extend(list);
    let head = [&[0xf9], &u16::try_from(bytes.len()).unwrap().to_be_bytes()[..]].concat();
    assert_eq!(set.commitment(), keccak256([head, bytes].concat()));
}

#[test]
fn the_order_of_a_file_does_not_change_the_commitment_and_anything_else_does() {
    let commitment = set().commitment();
    let mut reversed = set();
    reversed.operators.reverse();
    assert_eq!(reversed.commitment(), commitment);
    let changes: [fn(&mut OperatorSet); 7] = [
        |s| s.domain.chain_id += 1,
        |s| s.domain.settlement = Address::repeat_byte(1),
        |s| s.operators[0].public_key = B256::repeat_byte(9),
        |s| s.operators[0].checkpoint_key = Address::repeat_byte(1),
        |s| s.operators[0].weight += 1,
        |s| s.operators.truncate(3),
        |s| s.operators.clear(),
    ];
    for change in changes {
        let mut other = set();
        change(&mut other);
        assert_ne!(other.commitment(), commitment);
        assert_ne!(other.commitment(), B256::from(U256::ZERO));
    }
}
