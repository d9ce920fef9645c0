//! Requests by `hmac-sha256`: blocks of numbers opened by one signature, and what happens when the sidecar loses them.
#![allow(clippy::unwrap_used)]

mod support;

use futures::future::join_all;
use serde_json::json;
use std::time::Duration;
use support::node::Node;
use support::sidecar::{Behaviour, Sidecar, allow};
use support::{CHAIN, Settings, TestGateway, send_raw, signed, transfer};

async fn start(sidecar: &Sidecar) -> (Node, TestGateway) {
    let node = Node::start().await;
    let settings = Settings {
        service: "signature = \"hmac-sha256\"",
        limits: "screenings = 100",
        ..Default::default()
    };
    let gateway = TestGateway::start(&node.url, &[&sidecar.url], settings).await;
    (node, gateway)
}

async fn relayed(gateway: &TestGateway, nonce: u64) -> bool {
    gateway.send_raw(&transfer(nonce).0).await.get("result").is_some()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_at_once_use_each_number_of_a_block_once() {
    let sidecar = Sidecar::start(allow()).await;
    let (_node, gateway) = start(&sidecar).await;
    let answers = join_all((0..100).map(|nonce| {
        let gateway = &gateway;
        async move { relayed(gateway, nonce).await }
    }));
    assert!(answers.await.into_iter().all(|relayed| relayed));
    assert_eq!(sidecar.used(), (1..=100).collect::<Vec<_>>());
    assert_eq!(
        sidecar.blocks_opened(),
        2,
        "blocks of 62: a sixteenth of the package"
    );
}

#[tokio::test]
async fn a_sidecar_that_was_restarted_in_order_costs_no_number() {
    let sidecar = Sidecar::start(allow()).await;
    let (_node, gateway) = start(&sidecar).await;
    for nonce in 0..3 {
        assert!(relayed(&gateway, nonce).await);
    }
    sidecar.restart();
    for nonce in 3..6 {
        assert!(relayed(&gateway, nonce).await);
    }
    assert_eq!(sidecar.used(), (1..=6).collect::<Vec<_>>());
    assert_eq!(sidecar.blocks_opened(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_under_load_costs_no_number_either() {
    let sidecar = Sidecar::start(allow()).await;
    let (_node, gateway) = start(&sidecar).await;
    for round in 0..5 {
        let answers = join_all((0..20).map(|n| {
            let (gateway, sidecar) = (&gateway, &sidecar);
            async move {
                if n == 10 {
                    sidecar.restart();
                }
                relayed(gateway, round * 20 + n).await
            }
        }));
        assert!(answers.await.into_iter().all(|relayed| relayed));
    }
    assert_eq!(sidecar.used(), (1..=100).collect::<Vec<_>>());
}

#[tokio::test]
async fn after_a_crash_of_the_sidecar_the_rest_of_the_block_is_skipped() {
    let sidecar = Sidecar::start(allow()).await;
    let (_node, gateway) = start(&sidecar).await;
    assert!(relayed(&gateway, 0).await);
    let purchase = sidecar.purchases()[0];
    sidecar.restart();
    sidecar.mark_used(purchase, 1..=62);
    for nonce in 1..4 {
        assert!(relayed(&gateway, nonce).await);
    }
    assert_eq!(sidecar.used(), (1..=65).collect::<Vec<_>>());
    assert_eq!(sidecar.served().len(), 4);
}

#[tokio::test]
async fn a_sidecar_that_opens_no_block_gets_signed_requests() {
    let sidecar = Sidecar::start(allow()).await;
    sidecar.open_no_blocks();
    let (_node, gateway) = start(&sidecar).await;
    for nonce in 0..3 {
        assert!(relayed(&gateway, nonce).await);
    }
    assert_eq!((sidecar.used(), sidecar.blocks_opened()), (vec![1, 2, 3], 0));
}

#[tokio::test]
async fn a_block_that_was_opened_while_nobody_waited_any_more_holds_nothing_up() {
    let sidecar = Sidecar::start(Behaviour::Hang).await;
    let node = Node::start().await;
    let settings = Settings {
        service: "signature = \"hmac-sha256\"",
        policy: "timeout_ms = 300",
        ..Default::default()
    };
    let gateway = TestGateway::start(&node.url, &[&sidecar.url], settings).await;
    sidecar.delay_blocks(Duration::from_millis(600));
    sidecar.set(allow());
    let (raw, _) = signed(
        CHAIN,
        0,
        alloy::primitives::TxKind::Create,
        alloy::primitives::U256::ZERO,
        vec![1],
    );
    let late = gateway.rpc(send_raw(1, &raw)).await;
    assert_eq!(
        late["error"]["data"]["vendors"][0]["error"]["code"],
        json!("VENDOR_TIMEOUT"),
        "{late}"
    );
    sidecar.delay_blocks(Duration::ZERO);
    tokio::time::sleep(Duration::from_millis(700)).await;
    for nonce in 1..4 {
        assert!(relayed(&gateway, nonce).await);
    }
}
