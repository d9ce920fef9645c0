//! What other operators send: blocks, votes, signatures of checkpoints, handovers, state, transactions.

use crate::stage::{self, DOMAIN, EPOCH, operators};
use crate::{shape, shaped};
use alloy_primitives::{B256, Bytes};
use commonware_codec::{Decode as _, Encode as _};
use commonware_consensus::simplex::types::Certificate;
use commonware_cryptography::Digestible as _;
use rampart_node::block::{Block, BlockLimits};
use rampart_node::fuzzing;
use rampart_protocol::{Body, Header, SignedCheckpoint};

pub fn run(bytes: &[u8]) {
    match shape(bytes, 7) {
        Some((0, bytes)) => block(bytes),
        Some((1, bytes)) => framed_block(bytes),
        Some((2, bytes)) => {
            if let Ok(signed) = SignedCheckpoint::from_bytes(bytes) {
                assert_eq!(alloy_rlp::encode(signed), bytes, "one encoding");
                let _ = signed.signer(&DOMAIN);
            }
        }
        Some((3, bytes)) => {
            if let Some(learnt) = fuzzing::handover(bytes, EPOCH, operators()) {
                assert_eq!(learnt, stage::handover().next, "nobody else was certified");
            }
        }
        Some((4, bytes)) => fuzzing::state(bytes),
        Some((5, bytes)) => {
            if let Some(transactions) = fuzzing::gossip(bytes) {
                assert_eq!(alloy_rlp::encode(transactions), bytes, "one encoding");
            }
        }
        Some((_, bytes)) => {
            let valid = certificate();
            assert!(
                !fuzzing::votes(bytes, operators()) || bytes == valid,
                "a certificate of nothing"
            );
        }
        None => {}
    }
}

fn block(bytes: &[u8]) {
    if let Ok(block) = Block::from_bytes(bytes) {
        assert_eq!(block.to_bytes(), bytes, "one encoding");
        assert_eq!(block.digest().0, block.header().digest().0);
        let _ = (block.state_target(), block.body().root());
    }
}

/// As it comes over the network.
fn framed_block(bytes: &[u8]) {
    let limits = BlockLimits { max_bytes: 4096 };
    if let Ok(block) = Block::decode_cfg(Bytes::copy_from_slice(bytes).0, &limits) {
        assert_eq!(block.encode(), bytes, "one encoding");
        assert!(block.to_bytes().len() <= limits.max_bytes);
    }
}

fn certificate() -> Vec<u8> {
    Certificate::Finalization(stage::certified(&stage::handover().header))
        .encode()
        .to_vec()
}

pub fn seeds() -> Vec<Vec<u8>> {
    let header = &stage::handover().header;
    let body = Body::default();
    let header = Header {
        transactions_root: body.root(),
        ..header.clone()
    };
    let block = Block::new(header, body).expect("the header is of the body");
    // Empty answers: of operations, and of a boundary.
    let state = [vec![0; 24], vec![1; 80]];
    let mut seeds = vec![
        shaped(0, block.to_bytes()),
        shaped(1, block.encode()),
        shaped(2, alloy_rlp::encode(stage::checkpoint(9, 1))),
        shaped(3, fuzzing::handover_bytes(stage::handover())),
        shaped(4, Bytes::from(vec![3; 40]).0.encode()),
        shaped(5, alloy_rlp::encode(vec![stage::transaction(); 2])),
        shaped(6, certificate()),
        shaped(6, B256::repeat_byte(1)),
    ];
    seeds.extend(state.map(|bytes| shaped(4, bytes)));
    seeds
}
