//! How verdicts, failures and unpaid packages become decisions, with sidecars that check every signature.
#![allow(clippy::unwrap_used)]

mod support;

use rampart_gateway::wallet::Wallet;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use support::node::Node;
use support::sidecar::{Behaviour, Sidecar, allow, says};
use support::{Settings, TestGateway, buy, now, send_raw, transfer};

async fn setup(behaviours: &[Behaviour], policy: &str) -> (Node, Vec<Sidecar>, TestGateway) {
    let node = Node::start().await;
    let mut sidecars = Vec::new();
    for behaviour in behaviours {
        sidecars.push(Sidecar::start(behaviour.clone()).await);
    }
    let urls: Vec<&str> = sidecars.iter().map(|sidecar| sidecar.url.as_str()).collect();
    let gateway = TestGateway::start(
        &node.url,
        &urls,
        Settings {
            policy,
            ..Default::default()
        },
    )
    .await;
    (node, sidecars, gateway)
}

/// Sends a transfer; whether it was relayed, and the answer.
async fn send(node: &Node, gateway: &TestGateway) -> (bool, Value) {
    let before = node.bodies().len();
    let answer = gateway.send_raw(&transfer(0).0).await;
    let relayed = node.bodies().len() > before;
    assert_eq!(relayed, answer.get("result").is_some(), "{answer}");
    (relayed, answer)
}

#[tokio::test]
async fn a_refusal_names_the_vendor_and_the_reason() {
    let (node, _sidecars, gateway) = setup(&[allow(), says("block")], "").await;
    let (relayed, answer) = send(&node, &gateway).await;
    assert!(!relayed);
    let error = &answer["error"];
    assert_eq!(error["code"], -32099);
    assert_eq!(error["message"], "transaction refused by acme: it is bad");
    let data = &error["data"];
    assert_eq!(
        (&data["decision"], &data["reason"]),
        (&json!("blocked"), &json!("VENDOR_VERDICT"))
    );
    assert_eq!(data["transactionHash"], json!(transfer(0).1));
    assert_eq!(data["decisionId"].as_str().unwrap().len(), 16);
    let vendors = data["vendors"].as_array().unwrap();
    let against = vendors.iter().find(|vendor| vendor["vote"] == "against").unwrap();
    assert_eq!(
        (&against["service"], &against["provider"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(against["reasons"][0]["evidence"], json!({"x": 1}));
    assert_eq!(vendors.len(), 2, "everyone who answered is named");
}

#[tokio::test]
async fn all_needs_every_vote_and_k_of_n_needs_k() {
    for (policy, behaviours, relayed) in [
        ("mode = \"all\"", [allow(), allow(), allow()], true),
        ("mode = \"all\"", [allow(), says("block"), allow()], false),
        ("mode = { at_least = 2 }", [allow(), says("block"), allow()], true),
        (
            "mode = { at_least = 2 }",
            [allow(), says("block"), says("block")],
            false,
        ),
        (
            "mode = { at_least = 1 }",
            [says("block"), says("block"), allow()],
            true,
        ),
        ("warn = \"allow\"", [allow(), says("warn"), allow()], true),
        ("warn = \"block\"", [allow(), says("warn"), allow()], false),
        (
            "mode = { at_least = 2 }",
            [allow(), Behaviour::Status(500), allow()],
            true,
        ),
    ] {
        let (node, _sidecars, gateway) = setup(&behaviours, policy).await;
        assert_eq!(send(&node, &gateway).await.0, relayed, "{policy}");
    }
}

#[tokio::test]
async fn failures_close_or_open_as_configured_and_say_why() {
    let malformed = Behaviour::Verdict(json!({"ok": true}));
    for (behaviour, reason) in [
        (Behaviour::Status(500), "VENDOR_ERROR"),
        (Behaviour::Refuse(401, "bad_signature"), "SIDECAR_REFUSED"),
        (Behaviour::Refuse(502, "upstream"), "SIDECAR_REFUSED"),
        (Behaviour::Refuse(429, "rate_limited"), "SIDECAR_REFUSED"),
        (malformed, "VENDOR_MALFORMED"),
        (
            Behaviour::Verdict(json!({"verdict": "allow", "vendor": "x".repeat(100_000)})),
            "SIDECAR_UNREACHABLE",
        ),
        (Behaviour::Hang, "VENDOR_TIMEOUT"),
    ] {
        let closed = "on_error = \"fail-closed\"\ntimeout_ms = 500";
        let (node, _sidecars, gateway) = setup(std::slice::from_ref(&behaviour), closed).await;
        let (relayed, answer) = send(&node, &gateway).await;
        assert!(!relayed);
        assert_eq!(answer["error"]["data"]["reason"], reason, "{answer}");
        assert!(
            answer["error"]["message"].as_str().unwrap().contains("service-1"),
            "{answer}"
        );
        let open = "on_error = \"fail-open\"\ntimeout_ms = 500";
        let (node, _sidecars, gateway) = setup(&[behaviour], open).await;
        assert!(send(&node, &gateway).await.0, "{reason}");
    }
}

#[tokio::test]
async fn a_sidecar_that_is_down_is_a_failure() {
    let node = Node::start().await;
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let url = format!("http://127.0.0.1:{port}");
    let gateway = TestGateway::start(&node.url, &[&url], Settings::default()).await;
    let (relayed, answer) = send(&node, &gateway).await;
    assert!(!relayed);
    assert_eq!(answer["error"]["data"]["reason"], "SIDECAR_UNREACHABLE");
}

#[tokio::test]
async fn enough_votes_do_not_wait_for_a_slow_vendor() {
    let policy = "mode = { at_least = 1 }\ntimeout_ms = 20000";
    let (node, _sidecars, gateway) = setup(&[Behaviour::Hang, allow()], policy).await;
    let start = Instant::now();
    assert!(send(&node, &gateway).await.0);
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn vendors_are_asked_at_the_same_time() {
    let policy = "timeout_ms = 1000\non_error = \"fail-open\"";
    let (node, _sidecars, gateway) =
        setup(&[Behaviour::Hang, Behaviour::Hang, Behaviour::Hang], policy).await;
    let start = Instant::now();
    assert!(send(&node, &gateway).await.0);
    assert!(
        start.elapsed() < Duration::from_millis(2500),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn every_call_uses_a_fresh_number_and_the_confirmation_is_sent_once() {
    let (node, sidecars, gateway) = setup(&[allow()], "").await;
    for _ in 0..5 {
        assert!(send(&node, &gateway).await.0);
    }
    assert_eq!(sidecars[0].used(), [1, 2, 3, 4, 5]);
    assert_eq!(sidecars[0].confirmations(), 1);
    // A sidecar that lost the purchase gets the confirmation again; the refused request used a number.
    sidecars[0].forget();
    assert!(send(&node, &gateway).await.0);
    assert_eq!(sidecars[0].confirmations(), 2);
}

#[tokio::test]
async fn numbers_go_on_after_a_restart() {
    let (node, sidecars, gateway) = setup(&[allow()], "").await;
    assert!(send(&node, &gateway).await.0);
    let directory = gateway.stop().await;
    let gateway = TestGateway::start_in(directory, &node.url, 1, Settings::default()).await;
    assert!(send(&node, &gateway).await.0);
    assert_eq!(sidecars[0].used(), [1, 2], "a clean stop burns nothing");
}

#[tokio::test]
async fn a_lost_state_directory_heals_by_skipping_used_numbers() {
    let (node, sidecars, gateway) = setup(&[allow()], "").await;
    let wallet = Wallet::new(gateway.directory.path().join("wallet"));
    let purchase = wallet.list().unwrap()[0];
    sidecars[0].mark_used(purchase, 1..=100);
    assert!(send(&node, &gateway).await.0);
    assert_eq!(
        sidecars[0].used().last(),
        Some(&125),
        "two blocks of 62 were skipped"
    );
}

/// One service with a package of its own making.
async fn with_package(requests: u64, expires_at: u64, policy: &str) -> (Node, Sidecar, TestGateway) {
    let node = Node::start().await;
    let sidecar = Sidecar::start(allow()).await;
    let directory = tempfile::tempdir().unwrap();
    buy(
        &directory.path().join("wallet"),
        1,
        requests,
        expires_at,
        &sidecar.url,
    );
    let settings = Settings {
        policy,
        ..Default::default()
    };
    let gateway = TestGateway::start_in(directory, &node.url, 1, settings).await;
    (node, sidecar, gateway)
}

#[tokio::test]
async fn a_package_that_is_used_up_or_expired_refuses_with_its_own_reason() {
    let (node, sidecar, gateway) = with_package(2, now() + 3600, "on_error = \"fail-open\"").await;
    assert!(send(&node, &gateway).await.0 && send(&node, &gateway).await.0);
    let (relayed, answer) = send(&node, &gateway).await;
    assert!(!relayed, "fail-open is not for packages");
    assert_eq!(answer["error"]["data"]["reason"], "PURCHASE_EXHAUSTED");
    assert!(answer["error"]["message"].as_str().unwrap().contains("service-1"));
    assert_eq!(sidecar.used(), [1, 2], "no request beyond the package was made");

    let (node, sidecar, gateway) = with_package(2, now() - 1, "").await;
    let (relayed, answer) = send(&node, &gateway).await;
    assert!(!relayed);
    assert_eq!(answer["error"]["data"]["reason"], "PURCHASE_EXPIRED");
    assert!(sidecar.served().is_empty());

    let (node, _sidecar, gateway) = with_package(2, now() - 1, "on_unpaid = \"fail-open\"").await;
    assert!(send(&node, &gateway).await.0);
}

#[tokio::test]
async fn the_sidecars_word_on_a_spent_package_counts() {
    for (status, code, reason) in [
        (410, "expired", "PURCHASE_EXPIRED"),
        (429, "exhausted", "PURCHASE_EXHAUSTED"),
    ] {
        let (node, sidecar, gateway) = with_package(1000, now() + 3600, "").await;
        sidecar.once(Behaviour::Refuse(status, code));
        let (relayed, answer) = send(&node, &gateway).await;
        assert!(!relayed);
        assert_eq!(answer["error"]["data"]["reason"], reason);
    }
}

#[tokio::test]
async fn a_package_bought_while_the_gateway_runs_is_used_without_a_restart() {
    let node = Node::start().await;
    let sidecar = Sidecar::start(allow()).await;
    let gateway =
        TestGateway::start_in(tempfile::tempdir().unwrap(), &node.url, 1, Settings::default()).await;
    let (relayed, answer) = send(&node, &gateway).await;
    assert!(!relayed);
    assert_eq!(answer["error"]["data"]["reason"], "PURCHASE_MISSING");
    buy(
        &gateway.directory.path().join("wallet"),
        1,
        1,
        now() + 3600,
        &sidecar.url,
    );
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert!(send(&node, &gateway).await.0);
    // When it is used up, the next one takes over.
    buy(
        &gateway.directory.path().join("wallet"),
        1,
        5,
        now() + 7200,
        &sidecar.url,
    );
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert!(send(&node, &gateway).await.0);
    assert_eq!(sidecar.confirmations(), 2);
}

#[tokio::test]
async fn many_transactions_at_once_never_share_a_number() {
    let (node, sidecars, gateway) = setup(&[allow()], "").await;
    let batch: Vec<Value> = (0..60).map(|n| send_raw(n, &transfer(n).0)).collect();
    let answers = gateway.rpc(Value::from(batch)).await;
    let answers = answers.as_array().unwrap();
    assert!(
        answers
            .iter()
            .all(|answer| answer["result"] == "eth_sendRawTransaction"),
        "{answers:?}"
    );
    assert_eq!(sidecars[0].used().len(), 60);
    let relayed: Vec<Value> = node
        .bodies()
        .iter()
        .map(|body| serde_json::from_str(body).unwrap())
        .collect();
    let ids: Vec<u64> = relayed.iter().map(|call| call["id"].as_u64().unwrap()).collect();
    assert_eq!(
        ids,
        (0..60).collect::<Vec<_>>(),
        "relayed in the order of the batch"
    );
}

#[tokio::test]
async fn more_screenings_than_the_limit_are_answered_as_overload() {
    let node = Node::start().await;
    let sidecar = Sidecar::start(allow()).await;
    let settings = Settings {
        limits: "screenings = 1",
        ..Default::default()
    };
    let gateway = TestGateway::start(&node.url, &[&sidecar.url], settings).await;
    let answers = gateway
        .rpc(json!([send_raw(0, &transfer(0).0), send_raw(1, &transfer(1).0)]))
        .await;
    assert_eq!(answers[0]["result"], "eth_sendRawTransaction");
    assert_eq!(answers[1]["error"]["code"], -32097);
}

#[tokio::test]
async fn a_missing_confirmation_is_fetched_from_an_operators_node() {
    let node = Node::start().await;
    let sidecar = Sidecar::start(allow()).await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("wallet");
    let record = buy(&path, 1, 10, now() + 3600, &sidecar.url);
    let wallet = Wallet::new(&path);
    let confirmation = wallet.load(record.id).unwrap().confirmation.unwrap();
    wallet.save(&record, None, &sidecar.url).unwrap();
    let handler = move || async move { axum::Json(confirmation) };
    let route = format!("/v1/purchases/{}/confirmation", record.id);
    let router = axum::Router::new().route(&route, axum::routing::get(handler));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let top = format!("nodes = [\"http://{}\"]", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let settings = Settings {
        top: &top,
        ..Default::default()
    };
    let gateway = TestGateway::start_in(directory, &node.url, 1, settings).await;
    assert!(send(&node, &gateway).await.0);
    assert_eq!(sidecar.confirmations(), 1);
}

#[tokio::test]
async fn without_a_confirmation_the_sidecars_refusal_is_told() {
    let node = Node::start().await;
    let sidecar = Sidecar::start(allow()).await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("wallet");
    let record = buy(&path, 1, 10, now() + 3600, &sidecar.url);
    Wallet::new(&path).save(&record, None, &sidecar.url).unwrap();
    let gateway = TestGateway::start_in(directory, &node.url, 1, Settings::default()).await;
    let (relayed, answer) = send(&node, &gateway).await;
    assert!(!relayed);
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains("unknown_purchase"), "{answer}");
}

#[tokio::test]
async fn a_verdict_answers_the_same_question_again_without_a_request() {
    let node = Node::start().await;
    let sidecar = Sidecar::start(says("warn")).await;
    let settings = Settings {
        service: "cache_ms = 1000",
        ..Default::default()
    };
    let gateway = TestGateway::start(&node.url, &[&sidecar.url], settings).await;
    for _ in 0..3 {
        assert!(gateway.send_raw(&transfer(0).0).await["result"].is_string());
    }
    assert_eq!(sidecar.served().len(), 1);
    gateway.send_raw(&transfer(1).0).await;
    assert_eq!(
        sidecar.served().len(),
        2,
        "another transaction is another question"
    );
    tokio::time::sleep(Duration::from_millis(1100)).await;
    sidecar.set(says("block"));
    let (relayed, answer) = send(&node, &gateway).await;
    assert!(!relayed, "a new verdict after its time");
    let vendors = |answer: &Value| answer["error"]["data"]["vendors"].clone();
    assert_eq!(vendors(&answer)[0].get("cached"), None, "{answer}");
    let (relayed, answer) = send(&node, &gateway).await;
    assert!(!relayed, "and that is kept too");
    assert_eq!(vendors(&answer)[0]["cached"], true, "{answer}");
    assert_eq!(sidecar.served().len(), 3);
}

#[tokio::test]
async fn a_service_that_fails_is_left_alone_and_tried_again() {
    let node = Node::start().await;
    let sidecar = Sidecar::start(Behaviour::Status(500)).await;
    let settings = Settings {
        service: "cache_ms = 60000\nbreaker = { failures = 2, rest_ms = 1000 }",
        ..Default::default()
    };
    let gateway = TestGateway::start(&node.url, &[&sidecar.url], settings).await;
    sidecar.once(allow());
    assert!(gateway.send_raw(&transfer(9).0).await["result"].is_string());
    let reason = async || {
        let (relayed, answer) = send(&node, &gateway).await;
        assert!(!relayed, "it fails closed");
        answer["error"]["data"]["reason"].as_str().unwrap().to_owned()
    };
    // What is wrong with a question never keeps others from being asked.
    for about_the_question in [Behaviour::Status(400), Behaviour::Refuse(413, "too_large")] {
        sidecar.set(about_the_question);
        for _ in 0..3 {
            assert_ne!(reason().await, "VENDOR_RESTING");
        }
    }
    sidecar.set(Behaviour::Status(500));
    for expected in ["VENDOR_ERROR", "VENDOR_ERROR", "VENDOR_RESTING", "VENDOR_RESTING"] {
        assert_eq!(reason().await, expected);
    }
    let kept = gateway.send_raw(&transfer(9).0).await;
    assert!(
        kept["result"].is_string(),
        "what it said before still counts: {kept}"
    );
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(reason().await, "VENDOR_ERROR", "one question after the rest");
    assert_eq!(reason().await, "VENDOR_RESTING");
    sidecar.set(allow());
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert!(send(&node, &gateway).await.0);
    assert!(gateway.send_raw(&transfer(1).0).await["result"].is_string());
}
