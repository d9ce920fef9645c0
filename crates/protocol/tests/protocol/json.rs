//! JSON is what people, browsers and configuration files write: what it looks like, and what is refused.

use crate::samples;
use rampart_protocol::{Amount, Category, Message, Observation, OperatorSet, SignedTransaction};
use serde_json::{Value, from_value, json, to_value};

#[test]
fn a_transaction_reads_as_documented() {
    let transaction = samples::signed(samples::purchase().into());
    let expected = json!({
        "type": "Purchase",
        "message": {
            "consumer": format!("{:#x}", samples::purchase().consumer),
            "provider": 1,
            "service": 3,
            "version": 7,
            "fee": "12500000000000000000",
            "accessKey": format!("{:#x}", samples::purchase().access_key.0),
            "expiresAt": 1_800_000_000,
            "nonce": 4,
        },
        "signature": format!("0x{}", alloy_primitives::hex::encode(&transaction.signature[..])),
    });
    assert_eq!(to_value(&transaction).unwrap(), expected);
    assert_eq!(from_value::<SignedTransaction>(expected).unwrap(), transaction);
}

#[test]
fn malformed_transactions_are_refused() {
    let sound = to_value(samples::signed(samples::purchase().into())).unwrap();
    assert!(from_value::<SignedTransaction>(sound.clone()).is_ok());
    let change = |pointer: &str, value: Value| {
        let mut changed = sound.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        from_value::<SignedTransaction>(changed).is_err()
    };
    let without = |field: &str| {
        let mut changed = sound.clone();
        changed["message"].as_object_mut().unwrap().remove(field);
        from_value::<SignedTransaction>(changed).is_err()
    };
    assert!(change("/type", json!("Steal")));
    assert!(change("/type", json!("purchase")));
    assert!(change("/type", json!(6)));
    assert!(change("/message/fee", json!(12)));
    assert!(change("/message/fee", json!("12.5")));
    assert!(change("/message/fee", json!("0x10")));
    assert!(change("/message/fee", json!("-1")));
    assert!(change("/message/fee", json!("")));
    assert!(change(
        "/message/fee",
        json!("340282366920938463463374607431768211456")
    ));
    assert!(change("/message/provider", json!("1")));
    assert!(change("/message/provider", json!(-1)));
    assert!(change("/message/provider", json!(1.5)));
    assert!(change("/message/version", json!(4_294_967_296u64)));
    assert!(change("/message/consumer", json!("0x00")));
    assert!(change("/message/accessKey", json!(null)));
    assert!(change("/signature", json!("0x1234")));
    assert!(change("/message", json!([])));
    for field in [
        "consumer",
        "provider",
        "service",
        "version",
        "fee",
        "accessKey",
        "expiresAt",
        "nonce",
    ] {
        assert!(without(field), "{field} is required");
    }
    let mut extra = sound;
    extra["message"]["tip"] = json!("1");
    assert!(
        from_value::<SignedTransaction>(extra).is_err(),
        "a field that would not be signed"
    );
}

#[test]
fn a_bundle_reads_as_documented() {
    let message = samples::messages().remove(3);
    let expected = json!({
        "type": "RegisterService",
        "message": {
            "provider": 1,
            "category": "transaction-security",
            "description": "Screens a transaction: simulation, \"lists\" and approvals.\n",
            "endpoint": "https://screen.phishing.example",
            "openapi": format!("{:#x}", samples::phrase("openapi")),
            "requests": 10_000,
            "fee": "12500000000000000000",
            "minDuration": 86_400,
            "maxDuration": 31_536_000,
            "components": [
                {"service": 5, "version": 1, "packages": 2, "uses": 300},
                {"service": u64::MAX, "version": u32::MAX, "packages": 128, "uses": 0},
            ],
            "upstreamKey": format!("{:#x}", samples::phrase("upstream key")),
            "nonce": 2,
        },
    });
    assert_eq!(to_value(&message).unwrap(), expected);
    assert_eq!(from_value::<Message>(expected.clone()).unwrap(), message);
    for (pointer, value) in [
        ("/message/components", json!({})),
        ("/message/components/0", json!([5, 1, 2])),
        ("/message/components/0/uses", json!(4_294_967_296u64)),
        ("/message/components/0/service", json!("5")),
        (
            "/message/components/0",
            json!({"service": 5, "version": 1, "packages": 2}),
        ),
        (
            "/message/components/0",
            json!({"service": 5, "version": 1, "packages": 2, "uses": 3, "tip": 4}),
        ),
    ] {
        let mut changed = expected.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        assert!(from_value::<Message>(changed.clone()).is_err(), "{changed}");
    }
}

#[test]
fn every_message_needs_every_field_and_takes_no_other() {
    for message in samples::messages() {
        let sound = to_value(&message).unwrap();
        assert_eq!(from_value::<Message>(sound.clone()).unwrap(), message);
        let mut extra = sound.clone();
        extra["message"]["tip"] = json!("1");
        assert!(
            from_value::<Message>(extra).is_err(),
            "{} with a tip",
            message.name()
        );
        for field in sound["message"].as_object().unwrap().keys() {
            let mut less = sound.clone();
            less["message"].as_object_mut().unwrap().remove(field);
            assert!(from_value::<Message>(less).is_err(), "{}.{field}", message.name());
        }
    }
}

#[test]
fn observations_read_as_documented() {
    let [deposit, forced, stake, weight, parameters, ..] = &samples::observations()[..] else {
        unreachable!("there are eleven")
    };
    let tag = |observation: &Observation| to_value(observation).unwrap()["type"].clone();
    assert_eq!(tag(deposit), "deposit");
    assert_eq!(tag(forced), "forced");
    assert_eq!(tag(stake), "operatorStake");
    assert_eq!(tag(weight), "investorWeight");
    assert_eq!(tag(parameters), "governance");
    // 128 bits are decimal strings: no JSON number holds them.
    assert_eq!(to_value(stake).unwrap()["stake"], "18446744073709551616");
    assert_eq!(to_value(weight).unwrap()["weight"], u128::MAX.to_string());
    assert_eq!(
        to_value(parameters).unwrap()["action"],
        json!({
            "type": "setParameters",
            "changes": [
                {"name": "review_window", "value": "604800"},
                {"name": "fee_min", "value": u128::MAX.to_string()},
            ],
        })
    );
    for observation in samples::observations() {
        let value = to_value(&observation).unwrap();
        assert_eq!(from_value::<Observation>(value).unwrap(), observation);
    }
    let mut bad = to_value(stake).unwrap();
    for value in [
        json!(1),
        json!("-1"),
        json!("1e3"),
        json!(""),
        json!("340282366920938463463374607431768211456"),
    ] {
        bad["stake"] = value;
        assert!(from_value::<Observation>(bad.clone()).is_err(), "{bad}");
    }
}

#[test]
fn an_operator_set_reads_as_documented() {
    let text = json!({
        "chainId": 59144,
        "settlement": "0x5e771e00000000000000000000000000000000a1",
        "operators": [
            {"publicKey": format!("0x{}", "11".repeat(32)), "checkpointKey": format!("0x{}", "22".repeat(20)), "weight": 1},
        ],
    });
    let set: OperatorSet = from_value(text.clone()).unwrap();
    assert_eq!(set.domain, samples::domain());
    assert_eq!(to_value(&set).unwrap(), text);
    for field in ["chainId", "settlement", "operators"] {
        let mut changed = text.clone();
        changed.as_object_mut().unwrap().remove(field);
        assert!(from_value::<OperatorSet>(changed).is_err(), "{field} is required");
    }
}

#[test]
fn categories_and_amounts_have_one_text() {
    for category in Category::ALL {
        assert_eq!(to_value(category).unwrap(), json!(category.name()));
    }
    for bad in [
        json!("General"),
        json!("transaction_security"),
        json!(0),
        json!(""),
    ] {
        assert!(from_value::<Category>(bad.clone()).is_err(), "{bad}");
    }
    assert_eq!(
        to_value(Amount(u128::MAX)).unwrap(),
        json!("340282366920938463463374607431768211455")
    );
}

#[test]
fn json_has_no_way_around_the_limits_once_they_are_checked() {
    let mut long = samples::messages().remove(0);
    if let Message::RegisterProvider(m) = &mut long {
        m.name = "x".repeat(65);
    }
    let read: Message = from_value(to_value(&long).unwrap()).unwrap();
    assert!(read.check_limits().is_err());
}
