//! JSON of events, parameters and records, as the node's API and genesis files show them (feature `serde`).

use crate::successes::SUCCESSES;
use crate::world::*;
use rampart_ledger::{Event, Params, standing};
use rampart_protocol::{Amount, PurchaseId, Seconds, Sequence};
use serde_json::{from_value, json, to_value};
use std::collections::BTreeSet;

#[test]
fn events_are_tagged_and_amounts_are_strings() {
    let id = PurchaseId([0x11; 32].into());
    let id_text = format!("0x{}", "11".repeat(32));
    for (event, expected) in [
        (
            Event::Deposited {
                index: 3,
                account: ALICE,
                amount: Amount(u128::MAX),
            },
            json!({"type": "deposited", "index": 3, "account": format!("0x{}", "a1".repeat(20)),
                "amount": "340282366920938463463374607431768211455"}),
        ),
        (
            Event::StakeAdded {
                provider: PROVIDER,
                amount: Amount(5),
                stake: Amount(6),
            },
            json!({"type": "stakeAdded", "provider": 1, "amount": "5", "stake": "6"}),
        ),
        (
            Event::ServiceUpdated {
                service: SERVICE,
                provider: PROVIDER,
                version: 2,
                active: false,
            },
            json!({"type": "serviceUpdated", "service": 1, "provider": 1, "version": 2, "active": false}),
        ),
        (
            Event::UsageReported {
                purchase: id,
                provider: PROVIDER,
                used: Sequence(9),
            },
            json!({"type": "usageReported", "purchase": id_text, "provider": 1, "used": 9}),
        ),
        (
            Event::WithdrawalQueued {
                index: 0,
                account: ALICE,
                recipient: ALICE,
                amount: Amount(1),
            },
            json!({"type": "withdrawalQueued", "index": 0, "account": format!("0x{}", "a1".repeat(20)),
                "recipient": format!("0x{}", "a1".repeat(20)), "amount": "1"}),
        ),
    ] {
        let actual = to_value(&event).unwrap();
        assert_eq!(actual, expected);
        assert_eq!(from_value::<Event>(actual).unwrap(), event);
    }
}

#[test]
fn every_event_that_an_input_makes_survives_json() {
    let mut kinds = BTreeSet::new();
    for success in SUCCESSES {
        let mut world = World::court();
        let input = success(&mut world);
        for event in world.apply(input).unwrap().events {
            let shown = to_value(&event).unwrap();
            kinds.insert(shown["type"].to_string());
            assert_eq!(from_value::<Event>(shown).unwrap(), event);
        }
    }
    assert!(kinds.len() >= 30, "{kinds:?}");
}

#[test]
fn a_purchase_event_is_the_confirmations_record() {
    let mut world = World::market();
    let id = world.buy(ALICE);
    let record = world.purchase(id).record;
    let event = to_value(Event::Purchased(record)).unwrap();
    let mut expected = to_value(record).unwrap();
    expected["type"] = json!("purchased");
    assert_eq!(event, expected);
    assert_eq!(event["fee"], json!("100000000000000000000"));
    assert_eq!(from_value::<Event>(event).unwrap(), Event::Purchased(record));
}

#[test]
fn parameters_may_leave_out_what_keeps_its_default() {
    let params: Params =
        from_value(json!({"waitMin": 1, "waitMax": 5, "escrowBucket": 1, "feeMin": "7"})).unwrap();
    let expected = Params {
        wait_min: Seconds(1),
        wait_max: Seconds(5),
        escrow_bucket: Seconds(1),
        fee_min: Amount(7),
        ..Params::default()
    };
    assert_eq!(params, expected);
    let all = to_value(params).unwrap();
    assert_eq!(all.as_object().unwrap().len(), Params::SPECS.len());
    assert_eq!(all["priorStrength"], json!("100000000"));
    assert_eq!(from_value::<Params>(all).unwrap(), expected);
    assert!(
        from_value::<Params>(json!({"waitMinimum": 1})).is_err(),
        "an unknown name is no parameter"
    );
}

#[test]
fn records_show_what_an_api_shows() {
    let mut world = World::market();
    let id = world.buy(ALICE);
    let provider = to_value(world.provider()).unwrap();
    assert_eq!(provider["stake"], json!("50000000000000000000000"));
    assert_eq!(provider["status"], json!("active"));
    assert_eq!(provider["escrow"]["total"], json!("95000000000000000000"));
    assert!(
        provider.get("revenue").is_none(),
        "decaying sums have no meaning without a moment"
    );
    let purchase = to_value(world.purchase(id)).unwrap();
    assert_eq!(
        (&purchase["used"], &purchase["evidence"]),
        (&json!(0), &json!("6250000"))
    );
    let standing = standing(
        &world.state,
        &world.params(),
        &world.globals(),
        &world.provider(),
        world.env.timestamp,
    )
    .unwrap();
    let standing = to_value(standing).unwrap();
    assert_eq!(
        (&standing["score"], &standing["claimable"]),
        (&json!(529_411), &json!("0"))
    );
}
