//! What is sent otherwise than as a single signed transaction: by rule, and refused as a whole.
#![allow(clippy::unwrap_used)]

mod support;

use alloy::primitives::{Address, TxKind, U256};
use rampart_gateway::Form;
use rampart_gateway::decisions::{Outcome, Wanted, find};
use serde_json::{Value, json};
use support::node::Node;
use support::sidecar::{Sidecar, allow, says};
use support::{CHAIN, Settings, TestGateway, holder, signed, transfer};

async fn setup(rules: &str) -> (Node, Sidecar, TestGateway) {
    let node = Node::start().await;
    let sidecar = Sidecar::start(allow()).await;
    let settings = Settings {
        limits: rules,
        ..Default::default()
    };
    let gateway = TestGateway::start(&node.url, &[&sidecar.url], settings).await;
    (node, sidecar, gateway)
}

fn call(method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
}

/// Parameters of every form that a rule must name, and the form.
fn all_forms() -> [(&'static str, Value, &'static str); 6] {
    let operation = json!({
        "sender": Address::repeat_byte(1), "nonce": "0x1", "callData": "0x", "callGasLimit": "0x1",
        "verificationGasLimit": "0x1", "preVerificationGas": "0x1", "maxFeePerGas": "0x1",
        "maxPriorityFeePerGas": "0x1", "signature": "0x00",
    });
    let mut packed = operation.clone();
    packed["initCode"] = json!("0x");
    packed["paymasterAndData"] = json!("0x");
    let entry_point = Address::repeat_byte(0xee);
    let plain = json!({"from": holder().address(), "to": Address::repeat_byte(2), "value": "0x1"});
    let raw = transfer(0).0;
    [
        (
            "eth_sendBundle",
            json!([{"txs": [raw], "blockNumber": "0x1"}]),
            "bundle",
        ),
        (
            "mev_sendBundle",
            json!([{"version": "v0.1", "body": [{"tx": raw, "canRevert": false}]}]),
            "bundle",
        ),
        (
            "eth_sendUserOperation",
            json!([operation, entry_point]),
            "user-operation",
        ),
        (
            "eth_sendUserOperation",
            json!([packed, entry_point]),
            "user-operation",
        ),
        ("eth_sendTransaction", json!([plain]), "node-signed"),
        ("eth_sendRawTransaction", json!(["0x7e0102"]), "unknown-type"),
    ]
}

#[tokio::test]
async fn nothing_beyond_transactions_is_taken_unless_a_rule_names_its_form() {
    let (node, sidecar, gateway) = setup("").await;
    for (method, params, form) in all_forms() {
        let error = gateway.rpc(call(method, params)).await["error"].clone();
        let reason = match form {
            "unknown-type" => "UNKNOWN_TRANSACTION_TYPE",
            _ => "METHOD_NOT_RELAYED",
        };
        assert_eq!(error["data"]["reason"], reason, "{error}");
    }
    assert!(node.bodies().is_empty() && sidecar.served().is_empty());
}

#[tokio::test]
async fn every_form_is_screened_once_a_rule_names_it_and_relayed_as_it_was_screened() {
    let rules = "[[rules]]\nname = \"all\"\nwhen = { forms = [\"bundle\", \"user-operation\", \"node-signed\", \"unknown-type\"] }";
    let (node, sidecar, gateway) = setup(rules).await;
    for (count, (method, params, _)) in all_forms().into_iter().enumerate() {
        let answer = gateway.rpc(call(method, params.clone())).await;
        assert_eq!(answer["result"], method, "{answer}");
        let relayed: Value = serde_json::from_str(node.bodies().last().unwrap()).unwrap();
        assert_eq!(
            (&relayed["method"], &relayed["params"]),
            (&json!(method), &params)
        );
        assert_eq!(sidecar.served().len(), count + 1);
    }
    let asked = sidecar.served();
    assert_eq!(asked[2]["transaction"]["to"], json!(Address::repeat_byte(1)));
    assert_eq!(asked[4]["transaction"]["from"], json!(holder().address()));
    assert_eq!(asked[5]["transaction"]["raw"], "0x7e0102");
    sidecar.set(says("block"));
    let relayed = node.bodies().len();
    for (method, params, _) in all_forms() {
        let error = gateway.rpc(call(method, params)).await["error"].clone();
        assert_eq!(
            (&error["code"], &error["data"]["rule"]),
            (&json!(-32099), &json!("all")),
            "{error}"
        );
    }
    assert_eq!(node.bodies().len(), relayed);
}

#[tokio::test]
async fn one_bad_transaction_refuses_its_bundle() {
    let rules = r#"
        [[rules]]
        name = "large in bundles"
        when = { forms = ["bundle"], min_value = "1000" }
        action = "deny"
        [[rules]]
        name = "to three, a dry run"
        when = { forms = ["bundle"], to = ["0x0303030303030303030303030303030303030303"] }
        action = "deny"
        dry_run = true
        [[rules]]
        name = "to two"
        when = { forms = ["bundle"], to = ["0x0202020202020202020202020202020202020202"] }
    "#;
    let (node, sidecar, gateway) = setup(rules).await;
    let to = |byte, value: u64| {
        let to = TxKind::Call(Address::repeat_byte(byte));
        signed(CHAIN, value, to, U256::from(value), Vec::new())
    };
    let bundle = |txs: &[&(String, alloy::primitives::B256)]| {
        let txs: Vec<_> = txs.iter().map(|(raw, _)| raw).collect();
        call("eth_sendBundle", json!([{"txs": txs, "blockNumber": "0x1"}]))
    };
    let (good, large) = (to(2, 1), to(2, 5000));
    let error = gateway.rpc(bundle(&[&good, &large])).await["error"].clone();
    assert_eq!(
        (&error["code"], &error["data"]["reason"]),
        (&json!(-32099), &json!("RULE_DENIES"))
    );
    assert_eq!(error["data"]["part"], json!({"index": 1, "of": 2}));
    assert_eq!(error["data"]["transactionHash"], json!(large.1));
    assert!(node.bodies().is_empty());
    // A transaction that no rule takes is refused although its method is relayed.
    let error = gateway.rpc(bundle(&[&good, &to(9, 1)])).await["error"].clone();
    assert_eq!(error["data"]["reason"], "NO_RULE", "{error}");
    assert!(node.bodies().is_empty());
    // What only a dry run speaks against does not stop the rest.
    let answer = gateway.rpc(bundle(&[&good, &to(3, 1)])).await;
    assert_eq!(answer["result"], "eth_sendBundle", "{answer}");
    assert_eq!(sidecar.served().len(), 3);

    let directory = gateway.stop().await;
    let mut kept = Vec::new();
    find(&directory.path().join("state"), &Wanted::default(), |decision| {
        kept.push(decision)
    })
    .unwrap();
    let told: Vec<_> = kept
        .iter()
        .map(|decision| (decision.outcome, decision.reason.as_deref()))
        .collect();
    let rest = Some("REFUSED_WITH_THE_REST");
    let expected = [
        (Outcome::Blocked, rest),
        (Outcome::Blocked, Some("RULE_DENIES")),
        (Outcome::Blocked, rest),
        (Outcome::Blocked, Some("NO_RULE")),
        (Outcome::Relayed, None),
        (Outcome::WouldBlock, Some("RULE_DENIES")),
    ];
    assert_eq!(told, expected);
    assert!(
        kept.iter()
            .all(|decision| decision.form == Form::Bundle && decision.part.unwrap().of == 2)
    );
}

#[tokio::test]
async fn a_private_transaction_is_an_ordinary_one_in_an_object() {
    let (node, sidecar, gateway) = setup("").await;
    let params = json!([{"tx": transfer(0).0, "maxBlockNumber": "0x10", "preferences": {"fast": true}}]);
    let answer = gateway
        .rpc(call("eth_sendPrivateTransaction", params.clone()))
        .await;
    assert_eq!(answer["result"], "eth_sendPrivateTransaction", "{answer}");
    let relayed: Value = serde_json::from_str(&node.bodies()[0]).unwrap();
    assert_eq!(relayed["params"], params);
    assert_eq!(sidecar.served()[0]["transaction"]["raw"], transfer(0).0);
}
