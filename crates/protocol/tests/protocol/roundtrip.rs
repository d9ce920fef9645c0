//! Any value of any type survives its encoding and its JSON, and its announced length is its length.

use crate::strategies::{
    address, amount, bytes, category, int, message, observation, signature, transaction, word,
};
use alloy_rlp::{Decodable, Encodable};
use core::fmt::Debug;
use proptest::collection::vec;
use proptest::prelude::*;
use rampart_protocol::{
    AccessKey, Amount, Body, Checkpoint, Confirmation, Domain, Header, Message, Observation, Operator,
    OperatorSet, Ppm, ProviderId, PurchaseId, PurchaseRecord, Seconds, ServiceId, SignedCheckpoint,
    SignedTransaction, Timestamp,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

fn body() -> impl Strategy<Value = Body> {
    (vec(observation(), 0..4), vec(transaction(), 0..4)).prop_map(|(observations, transactions)| Body {
        observations,
        transactions,
    })
}
fn header() -> impl Strategy<Value = Header> {
    let words = (word(), word(), word(), word(), word(), word(), word());
    let ints = (int(), int(), int(), int(), int(), int(), int(), int());
    (words, ints).prop_map(|(w, i)| Header {
        epoch: i.0,
        view: i.1,
        leader: w.0,
        parent_view: i.2,
        parent: w.1,
        height: i.3,
        timestamp_ms: i.4,
        transactions_root: w.2,
        confirmations_root: w.3,
        state_root: w.4,
        state_start: i.5,
        state_end: i.6,
        withdrawals_root: w.5,
        inbox_count: i.7,
        next_operators: w.6,
    })
}
fn checkpoint() -> impl Strategy<Value = SignedCheckpoint> {
    let words = (word(), word(), word(), word());
    (int(), int(), int(), words, signature()).prop_map(|(epoch, height, inbox_count, w, signature)| {
        SignedCheckpoint {
            checkpoint: Checkpoint {
                epoch,
                height,
                state_root: w.0,
                withdrawals_root: w.1,
                exit_root: w.2,
                inbox_count,
                next_operator_set: w.3,
            },
            signature,
        }
    })
}
fn record() -> impl Strategy<Value = PurchaseRecord> {
    let ids = (word(), address(), int(), int(), any::<u32>());
    (ids, amount(), int(), word(), int(), int()).prop_map(
        |(ids, fee, requests, access_key, purchased_at, expires_at)| PurchaseRecord {
            id: PurchaseId(ids.0),
            consumer: ids.1,
            provider: ProviderId(ids.2),
            service: ServiceId(ids.3),
            version: ids.4,
            fee,
            requests,
            access_key: AccessKey(access_key),
            purchased_at: Timestamp(purchased_at),
            expires_at: Timestamp(expires_at),
        },
    )
}
fn confirmation() -> impl Strategy<Value = Confirmation> {
    (
        record(),
        vec(word(), 0..8),
        header(),
        vec(header(), 0..3),
        bytes(300),
    )
        .prop_map(
            |(record, proof, header, descendants, finalization)| Confirmation {
                record,
                proof,
                header,
                descendants,
                finalization,
            },
        )
}
fn operators() -> impl Strategy<Value = OperatorSet> {
    let operator =
        (word(), address(), any::<u64>()).prop_map(|(public_key, checkpoint_key, weight)| Operator {
            public_key,
            checkpoint_key,
            weight,
        });
    (any::<u64>(), address(), vec(operator, 0..5)).prop_map(|(chain_id, settlement, operators)| OperatorSet {
        domain: Domain { chain_id, settlement },
        operators,
    })
}

fn survives_rlp<T: Encodable + Decodable + PartialEq + Debug>(value: &T) {
    let bytes = alloy_rlp::encode(value);
    assert_eq!(value.length(), bytes.len());
    assert_eq!(&alloy_rlp::decode_exact::<T>(&bytes).unwrap(), value);
}
fn survives_json<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let text = serde_json::to_string(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), value, "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn messages_and_transactions(transaction in transaction()) {
        let message = &transaction.message;
        prop_assert_eq!(&Message::from_bytes(&message.to_bytes()).unwrap(), message);
        prop_assert_eq!(&SignedTransaction::from_bytes(&transaction.to_bytes()).unwrap(), &transaction);
        survives_rlp(message);
        survives_rlp(&transaction);
        survives_json(message);
        survives_json(&transaction);
    }

    #[test]
    fn blocks(header in header(), body in body()) {
        survives_rlp(&header);
        survives_json(&header);
        survives_rlp(&body);
        prop_assert_eq!(&Body::from_bytes(&alloy_rlp::encode(&body)).unwrap(), &body);
        for observation in &body.observations {
            prop_assert_eq!(&Observation::from_bytes(&observation.to_bytes()).unwrap(), observation);
            survives_rlp(observation);
            survives_json(observation);
        }
    }

    #[test]
    fn checkpoints_and_operators(signed in checkpoint(), operators in operators()) {
        prop_assert_eq!(SignedCheckpoint::from_bytes(&alloy_rlp::encode(signed)).unwrap(), signed);
        survives_rlp(&signed);
        survives_rlp(&signed.checkpoint);
        survives_json(&signed);
        survives_rlp(&operators.domain);
        survives_json(&operators);
    }

    #[test]
    fn confirmations(confirmation in confirmation()) {
        prop_assert_eq!(&Confirmation::from_bytes(&confirmation.to_bytes()).unwrap(), &confirmation);
        survives_rlp(&confirmation);
        survives_rlp(&confirmation.record);
        survives_json(&confirmation);
    }

    #[test]
    fn units(value in int(), small in any::<u32>(), amount in amount(), category in category()) {
        survives_rlp(&Seconds(value));
        survives_rlp(&Timestamp(value));
        survives_rlp(&Ppm(small));
        survives_rlp(&amount);
        survives_rlp(&category);
        survives_json(&amount);
        survives_json(&category);
        prop_assert_eq!(Amount::parse_tokens(&amount.to_tokens()), Some(amount));
    }

    #[test]
    fn the_digest_of_a_message_depends_on_every_byte_of_it(message in message(), at in any::<prop::sample::Index>()) {
        let domain = crate::samples::domain();
        let mut bytes = message.to_bytes();
        let bit = at.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(other) = Message::from_bytes(&bytes) {
            prop_assert_ne!(other.signing_hash(&domain), message.signing_hash(&domain));
        }
    }
}
