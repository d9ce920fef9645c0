//! JSON is what people, browsers and configuration files write: what it looks like, and what is refused.

use crate::samples;
use rampart_protocol::{Amount, Category, Message, OperatorSet, SignedTransaction};
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
        "signature": format!("{:#x}", transaction.signature),
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
