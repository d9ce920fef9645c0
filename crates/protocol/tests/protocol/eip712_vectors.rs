//! `vectors/eip712.json`: every message as a wallet gets it, its digest, a signature, and the transaction that carries it.
//! `contracts/script/vectors-eip712.mjs` checks the file with viem and cast.

use crate::purchasers::{delegated, purchaser};
use crate::samples::{Account, checkpoint, domain, messages, phrase, purchase, signed, signed_checkpoint};
use crate::vectors::bless;
use alloy_primitives::{Bytes, hex};
use rampart_protocol::purchaser::first_nonce;
use rampart_protocol::{Message, SignedTransaction};
use serde_json::{Value, json};

fn transaction(message: Message) -> Value {
    let typed_data = message.typed_data(&domain());
    let digest = message.signing_hash(&domain());
    let transaction = signed(message);
    json!({
        "name": transaction.message.name(),
        "typedData": typed_data,
        "digest": digest,
        "signer": transaction.signer(&domain()).unwrap(),
        "signature": transaction.signature,
        "transaction": {
            "json": transaction,
            "encoded": Bytes::from(transaction.to_bytes()),
            "hash": transaction.hash(),
        },
    })
}

/// A purchase in the first purchaser's lane, signed by its Ed25519 key.
fn delegated_purchase() -> Value {
    let mut message = purchase();
    message.nonce = first_nonce(1).unwrap();
    let typed_data = Message::from(message.clone()).typed_data(&domain());
    let transaction = delegated(&purchaser("purchaser"), message.into());
    json!({
        "name": "Purchase",
        "typedData": typed_data,
        "digest": transaction.message.signing_hash(&domain()),
        "consumer": transaction.signer(&domain()).unwrap(),
        "signature": Bytes::copy_from_slice(&transaction.signature),
        "transaction": {
            "json": transaction,
            "encoded": Bytes::from(transaction.to_bytes()),
            "hash": transaction.hash(),
        },
    })
}

#[test]
fn the_committed_vectors_are_what_this_crate_signs() {
    let key = |name| {
        json!({
            "privateKey": phrase(name),
            "address": Account::new(name).address(),
        })
    };
    let certified = signed_checkpoint();
    let vectors = json!({
        "description": "EIP-712 messages with signatures, by crates/protocol (RAMPART_BLESS=1 cargo test -p rampart-protocol \
            --all-features). The keys are hashes of public phrases: for tests and for nothing else.",
        "domain": domain(),
        "domainSeparator": domain().eip712().separator(),
        "account": key("account"),
        "operator": key("operator"),
        "purchaser": {
            "privateKey": phrase("purchaser"),
            "publicKey": Bytes::from(purchaser("purchaser").verifying_key().to_bytes().to_vec()),
        },
        "delegated": [delegated_purchase()],
        "transactions": messages().into_iter().map(transaction).collect::<Vec<_>>(),
        "checkpoints": [{
            "typedData": checkpoint().typed_data(&domain()),
            "digest": checkpoint().signing_hash(&domain()),
            "signer": certified.signer(&domain()).unwrap(),
            "signature": certified.signature,
            "json": certified,
            "encoded": Bytes::from(alloy_rlp::encode(certified)),
        }],
    });
    bless("eip712.json", &vectors);
}

#[test]
fn typed_data_has_a_value_for_every_field_and_no_other() {
    let all = messages().into_iter().map(|m| m.typed_data(&domain()));
    for typed in all.chain([checkpoint().typed_data(&domain())]) {
        let name = typed["primaryType"].as_str().unwrap();
        let fields: Vec<&str> = typed["types"][name]
            .as_array()
            .unwrap()
            .iter()
            .map(|field| field["name"].as_str().unwrap())
            .collect();
        let values = typed["message"].as_object().unwrap();
        assert_eq!(values.len(), fields.len(), "{name}");
        for field in fields {
            assert!(values.contains_key(field), "{name}.{field}");
        }
        let others = typed["types"].as_object().unwrap().len() - 2;
        let nested = usize::from(values.contains_key("components"));
        assert_eq!(others, nested, "{name} needs no other type than its components'");
        let numbers = values.values().filter(|value| value.is_number()).count();
        assert_eq!(numbers, 0, "{name}: a double cannot hold every integer");
    }
}

#[test]
fn another_chain_or_contract_is_another_digest_and_another_signer() {
    let here = domain();
    let mut other_chain = here;
    other_chain.chain_id += 1;
    let mut other_contract = here;
    other_contract.settlement.0[19] ^= 1;
    for message in messages() {
        let transaction = signed(message);
        let signer = transaction.signer(&here).unwrap();
        for there in [other_chain, other_contract] {
            assert_ne!(
                transaction.message.signing_hash(&there),
                transaction.message.signing_hash(&here)
            );
            assert_ne!(
                transaction.signer(&there),
                Ok(signer),
                "{}",
                transaction.message.name()
            );
        }
    }
}

#[test]
fn digests_of_messages_with_equal_content_differ_by_type() {
    let mut digests: Vec<_> = messages().iter().map(|m| m.signing_hash(&domain())).collect();
    digests.push(checkpoint().signing_hash(&domain()));
    let count = digests.len();
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), count);
}

#[test]
fn a_transaction_from_json_is_the_transaction_from_bytes() {
    for message in messages() {
        let transaction = signed(message);
        let text = serde_json::to_string(&transaction).unwrap();
        let read: SignedTransaction = serde_json::from_str(&text).unwrap();
        assert_eq!(read, transaction, "{text}");
        assert_eq!(
            SignedTransaction::from_bytes(&read.to_bytes()).unwrap(),
            transaction
        );
        assert!(!hex::encode(read.to_bytes()).is_empty());
    }
}
