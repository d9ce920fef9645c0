//! Rules for some transactions, dry runs, and rules that change while the gateway runs.
#![allow(clippy::unwrap_used)]

mod support;

use alloy::primitives::{Address, TxKind, U256};
use rampart_gateway::decisions::{Outcome, Wanted, find};
use rampart_gateway::{Config, GatewayError, bind};
use serde_json::json;
use support::node::Node;
use support::sidecar::{Behaviour, Sidecar, allow, says};
use support::{CHAIN, Settings, TestGateway, buy, holder, now, send_raw, signed, transfer};

/// Two services; the first refuses everything, the second allows it.
async fn setup(policy: &str, rules: &str) -> (Node, [Sidecar; 2], TestGateway) {
    let node = Node::start().await;
    let sidecars = [Sidecar::start(says("block")).await, Sidecar::start(allow()).await];
    let urls = [sidecars[0].url.as_str(), sidecars[1].url.as_str()];
    let settings = Settings {
        policy,
        limits: rules,
        ..Default::default()
    };
    let gateway = TestGateway::start(&node.url, &urls, settings).await;
    (node, sidecars, gateway)
}

#[tokio::test]
async fn each_transaction_is_decided_by_the_first_rule_that_matches() {
    let rules = r#"
        [[rules]]
        name = "no contracts"
        when = { create = true }
        action = "deny"
        answer = { code = -32000, message = "ask the desk" }
        [[rules]]
        name = "large"
        when = { min_value = "1000" }
        [[rules]]
        name = "small"
        when = { to = ["0x0202020202020202020202020202020202020202"] }
        services = ["service-2"]
        [[rules]]
        name = "own"
        when = { to = ["0x0303030303030303030303030303030303030303"] }
        action = "allow"
    "#;
    let (node, sidecars, gateway) = setup("", rules).await;
    let answer = gateway.send_raw(&transfer(0).0).await;
    assert_eq!(answer["result"], "eth_sendRawTransaction", "{answer}");
    assert!(sidecars[0].served().is_empty(), "a rule asks only its services");

    let two = TxKind::Call(Address::repeat_byte(2));
    let large = signed(CHAIN, 1, two, U256::from(1000), Vec::new()).0;
    let answer = gateway.send_raw(&large).await;
    assert_eq!(answer["error"]["data"]["rule"], "large", "{answer}");
    assert_eq!(sidecars[0].served().len(), 1);

    let own = TxKind::Call(Address::repeat_byte(3));
    let asked = sidecars[1].served().len();
    let answer = gateway
        .send_raw(&signed(CHAIN, 2, own, U256::from(1), Vec::new()).0)
        .await;
    assert_eq!(answer["result"], "eth_sendRawTransaction");

    let relayed = node.bodies().len();
    let creation = signed(CHAIN, 3, TxKind::Create, U256::ZERO, vec![0; 8]).0;
    let answer = gateway.send_raw(&creation).await;
    let error = &answer["error"];
    assert_eq!(
        (&error["code"], &error["message"]),
        (&json!(-32000), &json!("ask the desk"))
    );
    assert_eq!(
        (&error["data"]["reason"], &error["data"]["rule"]),
        (&json!("RULE_DENIES"), &json!("no contracts"))
    );
    assert_eq!(node.bodies().len(), relayed);
    assert_eq!(
        sidecars[1].served().len(),
        asked,
        "neither own nor creations were asked about"
    );
}

#[tokio::test]
async fn votes_of_enough_weight_outvote_a_refusal() {
    for (least, relayed) in [(3, true), (4, false)] {
        let policy = format!("mode = {{ weight = {least} }}\nweights = {{ service-2 = 3 }}");
        let (_node, _sidecars, gateway) = setup(&policy, "").await;
        let answer = gateway.send_raw(&transfer(0).0).await;
        assert_eq!(answer.get("result").is_some(), relayed, "{answer}");
    }
}

#[tokio::test]
async fn a_dry_run_asks_and_relays_and_a_rule_may_be_for_real() {
    let rules = "[[rules]]\nname = \"real\"\nwhen = { min_value = \"1000\" }\ndry_run = false";
    let (_node, sidecars, gateway) = setup("dry_run = true", rules).await;
    let answer = gateway.send_raw(&transfer(0).0).await;
    assert_eq!(answer["result"], "eth_sendRawTransaction", "{answer}");
    assert_eq!(sidecars[0].served().len(), 1, "it was asked about");
    let two = TxKind::Call(Address::repeat_byte(2));
    let (large, hash) = signed(CHAIN, 1, two, U256::from(1000), Vec::new());
    let refused = gateway.send_raw(&large).await;
    assert_eq!(refused["error"]["code"], -32099);

    // Both are kept with their reasons, and are there after the gateway has stopped.
    let directory = gateway.stop().await;
    let mut kept = Vec::new();
    let unreadable = find(&directory.path().join("state"), &Wanted::default(), |decision| {
        kept.push(decision)
    });
    assert_eq!(unreadable.unwrap(), 0);
    let [reported, blocked] = &kept[..] else {
        panic!("{kept:?}");
    };
    assert_eq!(
        (reported.outcome, reported.rule.as_str()),
        (Outcome::WouldBlock, "policy")
    );
    assert_eq!(reported.reason.as_deref(), Some("VENDOR_VERDICT"));
    assert_eq!((blocked.outcome, blocked.hash), (Outcome::Blocked, hash));
    assert_eq!(refused["error"]["data"]["decisionId"], blocked.id);
    assert_eq!(refused["error"]["data"]["vendors"], json!(blocked.vendors));
}

#[tokio::test]
async fn screening_goes_on_when_decisions_cannot_be_kept() {
    let node = Node::start().await;
    let sidecar = Sidecar::start(allow()).await;
    let directory = tempfile::tempdir().unwrap();
    buy(
        &directory.path().join("wallet"),
        1,
        100,
        now() + 3600,
        &sidecar.url,
    );
    std::fs::create_dir(directory.path().join("state")).unwrap();
    std::fs::write(directory.path().join("state/decisions"), "in the way").unwrap();
    let gateway = TestGateway::start_in(directory, &node.url, 1, Settings::default()).await;
    assert_eq!(
        gateway.send_raw(&transfer(0).0).await["result"],
        "eth_sendRawTransaction"
    );
    let mut lost = 0;
    while lost == 0 {
        let health = reqwest::get(format!("{}/health", gateway.url)).await.unwrap();
        lost = health.json::<serde_json::Value>().await.unwrap()["decisionsLost"]
            .as_u64()
            .unwrap();
    }
    assert_eq!(lost, 1);
}

/// A configuration of one service in `directory`, with `rest` after it.
fn config(directory: &std::path::Path, node: &str, rest: &str) -> Config {
    let path = directory.join("gateway.toml");
    let text = format!(
        "listen = \"127.0.0.1:0\"\nupstream = \"{node}\"\nstate = \"state\"\nwallet = \"wallet\"\n\
         [[services]]\nname = \"one\"\nservice = 1\n{rest}\n"
    );
    std::fs::write(&path, text).unwrap();
    Config::read(&path).unwrap()
}

#[tokio::test]
async fn changed_rules_apply_to_new_requests_and_open_ones_end_under_the_old() {
    let node = Node::start().await;
    let sidecar = Sidecar::start(Behaviour::Hang).await;
    let directory = tempfile::tempdir().unwrap();
    buy(
        &directory.path().join("wallet"),
        1,
        100,
        now() + 3600,
        &sidecar.url,
    );
    let open = config(
        directory.path(),
        &node.url,
        "[policy]\ntimeout_ms = 1500\non_error = \"fail-open\"",
    );
    let denying = config(
        directory.path(),
        &node.url,
        "[[rules]]\nname = \"stop\"\naction = \"deny\"",
    );
    let bound = bind(open).await.unwrap();
    let (url, reloader) = (format!("http://{}", bound.local_addr()), bound.reloader());
    let served = tokio::spawn(bound.serve(std::future::pending()));
    let post = |nonce| {
        let request = reqwest::Client::new()
            .post(&url)
            .json(&send_raw(1, &transfer(nonce).0));
        async move {
            request
                .send()
                .await
                .unwrap()
                .json::<serde_json::Value>()
                .await
                .unwrap()
        }
    };
    let first = tokio::spawn(post(0));
    while sidecar.served().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    reloader.apply(&denying).unwrap();
    assert_eq!(post(1).await["error"]["data"]["rule"], "stop");
    assert_eq!(first.await.unwrap()["result"], "eth_sendRawTransaction");

    // What cannot be used changes nothing, whether the file is broken or asks for a restart.
    let path = directory.path().join("gateway.toml");
    std::fs::write(&path, "[policy]\nmode = 1").unwrap();
    reloader.reload(&path);
    let elsewhere = config(directory.path(), "http://127.0.0.1:1", "");
    assert!(matches!(
        reloader.apply(&elsewhere),
        Err(GatewayError::Restart("upstream"))
    ));
    assert_eq!(post(2).await["error"]["data"]["rule"], "stop");
    served.abort();
}

#[test]
fn a_check_tells_which_rule_would_apply() {
    let directory = tempfile::tempdir().unwrap();
    let rules = format!(
        "[[rules]]\nname = \"mine\"\nwhen = {{ from = [\"{}\"] }}",
        holder().address()
    );
    let config = config(directory.path(), "http://127.0.0.1:1", &rules);
    let rule = |raw: &str| config.rule_for("eth_sendRawTransaction", raw);
    assert_eq!(rule(&transfer(0).0).unwrap().name, "mine");
    assert!(matches!(rule("0x02"), Err(GatewayError::Transaction(_))));
}
