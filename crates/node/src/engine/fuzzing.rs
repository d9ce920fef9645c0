//! What peers send the engine, for the fuzz targets (`crates/fuzz`).

use super::handover::Handover;
use super::scheme::{Scheme, participants};
use super::state_sync::{StateRequest, StateResponse, decode};
use crate::storage::{Digest, MAX_OPERATION, SYNC_BATCH, StateValue};
use bytes::Bytes;
use commonware_codec::{Decode as _, DecodeExt as _, Encode as _};
use commonware_consensus::simplex::types::{Certificate, Vote};
use commonware_cryptography::certificate::Verifier as _;
use commonware_storage::mmr::Location;
use rampart_protocol::OperatorSet;

fn scheme(operators: &OperatorSet) -> Scheme {
    let keys = participants(operators).expect("the stage's keys are keys");
    Scheme::verifier(&operators.consensus_namespace(), keys)
}

/// The operators that a peer's answer makes this operator believe in, as those after an epoch's.
pub fn handover(bytes: &[u8], epoch: u64, operators: &OperatorSet) -> Option<OperatorSet> {
    let handover = Handover::read(bytes)?;
    assert_eq!(alloy_rlp::encode(&handover), bytes, "one encoding");
    handover.verify(&mut rand::rng(), (epoch, &scheme(operators)), operators.domain)
}

/// A peer's answer to the proof of a handover that a node keeps: what [`handover`] takes.
pub fn handover_bytes(proof: &rampart_protocol::Handover) -> Vec<u8> {
    alloy_rlp::encode(Handover {
        header: proof.header.clone(),
        certificate: proof.finalization.clone(),
        operators: proof.next.operators.clone(),
    })
}

/// A peer's part of the state.
pub fn state(bytes: &[u8]) {
    let (size, start) = (Location::new(40), Location::new(8));
    let operations = StateRequest::Operations {
        size,
        start,
        max_ops: SYNC_BATCH,
    };
    for request in [operations, StateRequest::Boundary { size, start }] {
        let Some(response) = decode(&request, Bytes::copy_from_slice(bytes)) else {
            continue;
        };
        assert_eq!(response.encode(), bytes, "one encoding");
        if let StateResponse::Operations { operations, .. } = response {
            assert!(operations.len() as u64 <= SYNC_BATCH.get());
            assert!(
                operations
                    .iter()
                    .all(|operation| operation.encode().len() <= MAX_OPERATION)
            );
        }
    }
    if let Ok(value) = StateValue::decode(Bytes::copy_from_slice(bytes)) {
        assert_eq!(value.encode(), bytes, "one encoding");
    }
}

/// Votes and certificates, which the engine itself decodes. Returns whether a certificate holds.
pub fn votes(bytes: &[u8], operators: &OperatorSet) -> bool {
    if let Ok(vote) = Vote::<Scheme, Digest>::decode(Bytes::copy_from_slice(bytes)) {
        assert_eq!(vote.encode(), bytes, "one encoding");
    }
    let scheme = scheme(operators);
    let config = scheme.certificate_codec_config();
    let certificate = Certificate::<Scheme, Digest>::decode_cfg(Bytes::copy_from_slice(bytes), &config);
    let Ok(certificate) = certificate else {
        return false;
    };
    assert_eq!(certificate.encode(), bytes, "one encoding");
    let strategy = commonware_parallel::Sequential;
    match certificate {
        Certificate::Notarization(certificate) => certificate.verify(&mut rand::rng(), &scheme, &strategy),
        Certificate::Nullification(certificate) => {
            certificate.verify::<_, Digest>(&mut rand::rng(), &scheme, &strategy)
        }
        Certificate::Finalization(certificate) => certificate.verify(&mut rand::rng(), &scheme, &strategy),
    }
}
