#![allow(clippy::unwrap_used)]
use super::*;
use alloy::consensus::{SignableTransaction, TxEip1559, TxEip7702, TxEnvelope};
use alloy::eips::eip2718::Encodable2718;
use alloy::eips::eip7702::Authorization;
use alloy::hex;
use alloy::primitives::{Address, TxKind, U256};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;

const READING: Reading = Reading {
    chain_id: 31337,
    allow_unprotected: false,
    unknown_types: false,
    bundle: 4,
};

fn signer() -> PrivateKeySigner {
    PrivateKeySigner::from_slice(&[9; 32]).unwrap()
}

fn transfer(nonce: u64) -> String {
    let tx = TxEip1559 {
        chain_id: 31337,
        nonce,
        to: TxKind::Call(Address::repeat_byte(2)),
        value: U256::from(nonce),
        ..Default::default()
    };
    let signature = signer().sign_hash_sync(&tx.signature_hash()).unwrap();
    hex::encode_prefixed(TxEnvelope::from(tx.into_signed(signature)).encoded_2718())
}

fn read(method: &str, params: &Value) -> Result<Submission, SubmissionError> {
    let carrier = Carrier::of(method).unwrap();
    Submission::read(carrier, Some(&params.to_string()), READING)
}

fn values(submission: &Submission) -> Vec<U256> {
    let called = submission
        .subjects
        .iter()
        .map(|subject| subject.called.as_ref().unwrap().value);
    called.collect()
}

#[test]
fn a_bundle_is_every_transaction_in_it_and_each_is_told_what_goes_before() {
    let [a, b] = [transfer(1), transfer(2)];
    let params = json!([{"txs": [a.to_uppercase().replace("0X", "0x"), b], "blockNumber": "0x1", "replacementUuid": "u"}]);
    let submission = read("eth_sendBundle", &params).unwrap();
    assert_eq!(values(&submission), [1, 2].map(U256::from));
    assert!(
        submission
            .subjects
            .iter()
            .all(|subject| subject.form == Form::Bundle)
    );
    assert_eq!(submission.subjects[1].request["before"], json!([a]));
    // What is relayed has the canonical text, and every other member as it was.
    let relayed = json!([{"txs": [a, b], "blockNumber": "0x1", "replacementUuid": "u"}]);
    assert_eq!(submission.params, relayed);
}

#[test]
fn a_shared_bundle_is_read_through_its_nested_bundles() {
    let inner = json!({"version": "v0.1", "body": [{"tx": transfer(2), "canRevert": true}]});
    let body = json!([{"tx": transfer(1)}, {"bundle": inner}, {"tx": transfer(3)}]);
    let submission = read("mev_sendBundle", &json!([{"version": "v0.1", "body": body}])).unwrap();
    assert_eq!(values(&submission), [1, 2, 3].map(U256::from));
    assert_eq!(
        submission.subjects[2].request["before"].as_array().unwrap().len(),
        2
    );
    let hash = json!([{"body": [{"hash": B256::ZERO}, {"tx": transfer(1)}]}]);
    assert_eq!(
        read("mev_sendBundle", &hash).unwrap_err().reason(),
        "MALFORMED_PARAMS"
    );
    let mut deep = json!({"body": [{"tx": transfer(1)}]});
    for _ in 0..MAX_DEPTH {
        deep = json!({"body": [{"bundle": deep}]});
    }
    assert!(read("mev_sendBundle", &json!([deep])).is_err());
}

#[test]
fn what_a_looser_reader_could_take_otherwise_is_refused() {
    let tx = transfer(1);
    for (method, params) in [
        ("eth_sendBundle", json!([{"txs": [tx], "Txs": ["0x00"]}])),
        ("eth_sendBundle", json!([{"txs": [tx], "tx\u{17f}": ["0x00"]}])),
        ("eth_sendBundle", json!([{"txs": []}])),
        ("eth_sendBundle", json!([{"txs": tx}])),
        ("eth_sendBundle", json!([[tx]])),
        ("eth_sendBundle", json!([{"txs": [7]}])),
        ("mev_sendBundle", json!([{"body": [{"tx": tx, "TX": "0x00"}]}])),
        (
            "mev_sendBundle",
            json!([{"body": [{"tx": tx, "bundle": {"body": []}}]}]),
        ),
        ("mev_sendBundle", json!([{"body": [{}]}])),
        ("eth_sendPrivateTransaction", json!([{"tx": tx, "Tx": "0x00"}])),
        ("eth_sendPrivateTransaction", json!([tx])),
        ("eth_sendRawTransaction", json!({"raw": tx})),
    ] {
        assert_eq!(
            read(method, &params).unwrap_err().reason(),
            "MALFORMED_PARAMS",
            "{params}"
        );
    }
    // The last of two members of one name is what was read, and all that is relayed.
    let twice = format!(r#"[{{"tx":"0x00","tx":"{tx}"}}]"#);
    let submission = Submission::read(Carrier::PrivateObject, Some(&twice), READING).unwrap();
    assert_eq!(submission.params, json!([{"tx": tx}]));
}

#[test]
fn one_transaction_that_cannot_be_screened_refuses_its_bundle() {
    let bad = json!([{"txs": [transfer(1), "0xc0"]}]);
    let error = read("eth_sendBundle", &bad).unwrap_err();
    assert_eq!(error.reason(), "MALFORMED_TRANSACTION");
    assert!(
        error.to_string().starts_with("transaction 1 of the bundle"),
        "{error}"
    );
    let many = json!([{"txs": vec![transfer(1); 5]}]);
    assert_eq!(
        read("eth_sendBundle", &many).unwrap_err().reason(),
        "TOO_MANY_TRANSACTIONS"
    );
}

#[test]
fn an_unknown_type_is_taken_only_where_a_rule_wants_it_and_as_it_is() {
    let params = json!(["0x7Ec0ffee"]);
    let error = read("eth_sendRawTransaction", &params).unwrap_err();
    assert_eq!(error.reason(), "UNKNOWN_TRANSACTION_TYPE");
    let reading = Reading {
        unknown_types: true,
        ..READING
    };
    let text = params.to_string();
    let submission = Submission::read(Carrier::Raw, Some(&text), reading).unwrap();
    let subject = &submission.subjects[0];
    assert_eq!(
        (subject.form, subject.kind, &subject.called),
        (Form::UnknownType, Some(0x7e), &None)
    );
    assert_eq!(subject.hash, keccak256([0x7e, 0xc0, 0xff, 0xee]));
    assert_eq!(submission.params, json!(["0x7ec0ffee"]));
}

#[test]
fn vendors_see_to_whom_an_account_hands_itself_over() {
    let authorization = Authorization {
        chain_id: U256::ZERO,
        address: Address::repeat_byte(0xdd),
        nonce: 3,
    };
    let signature = signer().sign_hash_sync(&authorization.signature_hash()).unwrap();
    let tx = TxEip7702 {
        chain_id: 31337,
        to: Address::repeat_byte(2),
        authorization_list: vec![authorization.into_signed(signature)],
        ..Default::default()
    };
    let signature = signer().sign_hash_sync(&tx.signature_hash()).unwrap();
    let raw = hex::encode_prefixed(TxEnvelope::from(tx.into_signed(signature)).encoded_2718());
    let submission = read("eth_sendRawTransaction", &json!([raw])).unwrap();
    let transaction = &submission.subjects[0].request["transaction"];
    assert_eq!(transaction["type"], "0x4");
    let listed = &transaction["authorizationList"][0];
    assert_eq!(listed["address"], json!(Address::repeat_byte(0xdd)));
    assert_eq!(listed["authority"], json!(signer().address()));
    assert_eq!(
        (&listed["chainId"], &listed["nonce"]),
        (&json!("0x0"), &json!("0x3"))
    );
}

proptest::proptest! {
    #[test]
    fn any_parameters_are_read_or_refused(text in "[\\[{\"0-9a-fx:, txsbody}\\]]{0,40}") {
        for carrier in [
            Carrier::Raw,
            Carrier::PrivateObject,
            Carrier::Bundle,
            Carrier::SharedBundle,
            Carrier::UserOperation,
            Carrier::NodeSigned,
        ] {
            let _ = Submission::read(carrier, Some(&text), READING);
        }
    }
}
