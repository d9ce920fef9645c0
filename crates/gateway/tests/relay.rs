//! What is relayed, what is answered here, and what is refused before any vendor is asked.
#![allow(clippy::unwrap_used)]

mod support;

use alloy::primitives::{Address, TxKind, U256};
use serde_json::{Value, json};
use std::time::Duration;
use support::node::Node;
use support::sidecar::{Sidecar, allow, says};
use support::{CHAIN, Settings, TestGateway, send_raw, signed, transfer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn setup(settings: Settings<'_>) -> (Node, Sidecar, TestGateway) {
    let node = Node::start().await;
    let sidecar = Sidecar::start(allow()).await;
    let gateway = TestGateway::start(&node.url, &[&sidecar.url], settings).await;
    (node, sidecar, gateway)
}

#[tokio::test]
async fn reads_pass_through_byte_for_byte() {
    let (node, _sidecar, gateway) = setup(Settings::default()).await;
    let odd = "{ \"id\" : \"\\u0061\",\n \"jsonrpc\":\"2.0\",\"method\":\"eth_call\",\"params\":[{\"to\":\"0x1\"} ,\"latest\"]}";
    let (status, answer) = gateway.post(odd).await;
    assert_eq!(
        (status, answer.as_str()),
        (
            200,
            "{\"id\":\"a\",\"jsonrpc\":\"2.0\",\"result\":\"eth_call\"}\n"
        )
    );
    let batch = "[ {\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"eth_getBalance\",\"params\":[]},\n{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"nope\"}]";
    let (_, answer) = gateway.post(batch).await;
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(
        (&answer[0]["id"], &answer[1]["id"]),
        (&json!(1), &json!(2)),
        "as the node ordered it"
    );
    assert_eq!(node.bodies(), [odd, batch]);
}

#[tokio::test]
async fn unknown_methods_pass_through_with_the_nodes_own_error() {
    let (_node, _sidecar, gateway) = setup(Settings::default()).await;
    let answer = gateway
        .rpc(json!({"jsonrpc": "2.0", "id": 1, "method": "nope"}))
        .await;
    assert_eq!(answer["error"], json!({"code": -32601, "message": "no"}));
}

#[tokio::test]
async fn a_screened_batch_keeps_order_and_ids() {
    let (node, sidecar, gateway) = setup(Settings::default()).await;
    let call = |id: Value, method: &str| json!({"jsonrpc": "2.0", "id": id, "method": method, "params": []});
    let body = json!([
        call(json!("a"), "eth_call"),
        send_raw(7, &transfer(0).0),
        {"jsonrpc": "2.0", "method": "eth_notify", "params": []},
        call(json!(7), "eth_blockNumber"),
        17,
        call(Value::Null, "eth_gasPrice"),
        call(json!(9), "eth_sendTransaction"),
        call(json!(7), "eth_getCode"),
    ]);
    let answers = gateway.rpc(body).await;
    let seen: Vec<(Value, Value)> = answers
        .as_array()
        .unwrap()
        .iter()
        .map(|answer| {
            let outcome = answer
                .get("result")
                .cloned()
                .unwrap_or_else(|| answer["error"]["code"].clone());
            (answer["id"].clone(), outcome)
        })
        .collect();
    // The node answers in reverse, so equal ids come back in reverse; the gateway keeps to the node's order of them.
    let expected = [
        (json!("a"), json!("eth_call")),
        (json!(7), json!("eth_sendRawTransaction")),
        (json!(7), json!("eth_getCode")),
        (Value::Null, json!(-32600)),
        (Value::Null, json!("eth_gasPrice")),
        (json!(9), json!(-32601)),
        (json!(7), json!("eth_blockNumber")),
    ];
    assert_eq!(seen, expected);
    assert_eq!(sidecar.served().len(), 1);
    assert_eq!(node.bodies().len(), 2);
}

#[tokio::test]
async fn a_refused_call_in_a_batch_does_not_touch_the_others() {
    let (node, sidecar, gateway) = setup(Settings::default()).await;
    sidecar.set(says("block"));
    let read = json!({"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": []});
    let answers = gateway.rpc(json!([send_raw(2, &transfer(0).0), read])).await;
    assert_eq!(
        (&answers[0]["id"], &answers[0]["error"]["code"]),
        (&json!(2), &json!(-32099))
    );
    assert_eq!(
        (&answers[1]["id"], &answers[1]["result"]),
        (&json!(1), &json!("eth_call"))
    );
    assert_eq!(node.bodies().len(), 1);
}

#[tokio::test]
async fn notifications_are_screened_too_and_get_no_answer() {
    let (node, sidecar, gateway) = setup(Settings::default()).await;
    let notify = |raw: &str| {
        json!({"jsonrpc": "2.0", "method": "eth_sendRawTransaction", "params": [raw]}).to_string()
    };
    sidecar.set(says("block"));
    assert_eq!(gateway.post(notify(&transfer(0).0)).await, (204, String::new()));
    assert_eq!(
        gateway.post(format!("[{}]", notify(&transfer(1).0))).await,
        (204, String::new())
    );
    assert!(node.bodies().is_empty());
    sidecar.set(allow());
    gateway.post(notify(&transfer(2).0)).await;
    assert_eq!((node.bodies().len(), sidecar.served().len()), (1, 3));
}

#[tokio::test]
async fn malformed_json_gets_a_parse_error_and_reaches_nobody() {
    let (node, _sidecar, gateway) = setup(Settings::default()).await;
    for (body, code) in [
        ("{", -32700),
        ("", -32700),
        ("[]", -32600),
        ("7", -32600),
        ("{}", -32600),
    ] {
        let (status, answer) = gateway.post(body).await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(
            (status, &answer["error"]["code"], &answer["id"]),
            (200, &json!(code), &Value::Null),
            "{body}"
        );
    }
    assert!(node.bodies().is_empty());
}

#[tokio::test]
async fn bodies_and_batches_beyond_the_limits_are_refused() {
    let limits = "body_bytes = 4096\nbatch = 3";
    let (node, _sidecar, gateway) = setup(Settings {
        limits,
        ..Default::default()
    })
    .await;
    let (status, answer) = gateway.post(" ".repeat(5000)).await;
    assert_eq!(status, 413, "{answer}");
    let mut stream = tokio::net::TcpStream::connect(gateway.url.trim_start_matches("http://"))
        .await
        .unwrap();
    let head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(4096));
    stream
        .write_all(format!("{head}{chunk}{chunk}").as_bytes())
        .await
        .unwrap();
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 413", "without an announced length too");
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"eth_call"}"#;
    let (status, answer) = gateway.post(format!("[{}]", [call; 4].join(","))).await;
    assert!(status == 200 && answer.contains("-32600"), "{answer}");
    assert!(node.bodies().is_empty());
    assert_eq!(gateway.post(format!("[{}]", [call; 3].join(","))).await.0, 200);
}

#[tokio::test]
async fn http_that_is_no_json_rpc_is_refused() {
    let (_node, _sidecar, gateway) = setup(Settings::default()).await;
    let client = reqwest::Client::new();
    assert_eq!(client.get(&gateway.url).send().await.unwrap().status(), 405);
    assert_eq!(
        client
            .post(format!("{}/x", gateway.url))
            .send()
            .await
            .unwrap()
            .status(),
        404
    );
    let form = client
        .post(&gateway.url)
        .header("content-type", "text/plain")
        .body("{}");
    assert_eq!(form.send().await.unwrap().status(), 415);
    let rebound = client
        .post(&gateway.url)
        .header("host", "evil.example")
        .header("content-type", "application/json");
    assert_eq!(rebound.body("{}").send().await.unwrap().status(), 403);
    let health: Value = reqwest::get(format!("{}/health", gateway.url))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        health["services"][0],
        json!({"name": "service-1", "service": 1, "remaining": 1000})
    );
}

#[tokio::test]
async fn slow_heads_and_bodies_are_cut_off() {
    let limits = "header_timeout_ms = 200\nbody_timeout_ms = 200";
    let (_node, _sidecar, gateway) = setup(Settings {
        limits,
        ..Default::default()
    })
    .await;
    let address = gateway.url.trim_start_matches("http://").to_owned();
    let head =
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n";
    for (sent, expected) in [(head.to_owned(), ""), (format!("{head}\r\n{{"), "HTTP/1.1 408")] {
        let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
        assert!(read.is_ok(), "the connection is closed");
        assert!(String::from_utf8_lossy(&answer).starts_with(expected));
    }
}

#[tokio::test]
async fn connections_are_kept_alive() {
    let (_node, _sidecar, gateway) = setup(Settings::default()).await;
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"eth_call"}"#;
    let request = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = tokio::net::TcpStream::connect(gateway.url.trim_start_matches("http://"))
        .await
        .unwrap();
    for _ in 0..3 {
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"}\n") && !answer.ends_with(b"0\r\n\r\n") {
            let mut byte = [0; 1];
            assert_eq!(stream.read(&mut byte).await.unwrap(), 1, "the connection is open");
            answer.push(byte[0]);
        }
        assert!(answer.starts_with(b"HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn transactions_that_cannot_be_screened_are_refused_with_their_reason() {
    let (node, sidecar, gateway) = setup(Settings::default()).await;
    let other_chain = signed(1, 0, TxKind::Call(Address::ZERO), U256::ZERO, Vec::new()).0;
    let good = transfer(0).0;
    for (params, reason) in [
        (json!([other_chain]), "WRONG_CHAIN_ID"),
        (json!(["0x"]), "MALFORMED_TRANSACTION"),
        (json!(["0x1234"]), "UNKNOWN_TRANSACTION_TYPE"),
        (json!([format!("{good}00")]), "MALFORMED_TRANSACTION"),
        (json!([&good[2..]]), "MALFORMED_TRANSACTION"),
        (json!([]), "MALFORMED_PARAMS"),
        (json!([7]), "MALFORMED_PARAMS"),
        (json!({"raw": good}), "MALFORMED_PARAMS"),
        (json!(null), "MALFORMED_PARAMS"),
    ] {
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "eth_sendRawTransaction", "params": params});
        let answer = gateway.rpc(call).await;
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
        assert_eq!(answer["error"]["data"]["reason"], reason, "{answer}");
    }
    assert!(node.bodies().is_empty() && sidecar.served().is_empty());
}

#[tokio::test]
async fn methods_that_would_go_around_the_screening_are_not_relayed() {
    let top = "[methods]\ndeny = [\"debug_traceCall\"]\nallow = [\"eth_sendFriendlyGreetings\"]";
    let (node, _sidecar, gateway) = setup(Settings {
        top,
        ..Default::default()
    })
    .await;
    for (method, relayed) in [
        ("eth_sendTransaction", false),
        ("eth_sendBundle", false),
        ("eth_sendUserOperation", false),
        ("personal_sendTransaction", false),
        ("debug_traceCall", false),
        ("eth_sendFriendlyGreetings", true),
        ("eth_sign", true),
    ] {
        let answer = gateway
            .rpc(json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": []}))
            .await;
        assert_eq!(answer.get("result").is_some(), relayed, "{answer}");
        if !relayed {
            assert_eq!(answer["error"]["code"], -32601);
            assert_eq!(answer["error"]["data"]["reason"], "METHOD_NOT_RELAYED");
        }
    }
    assert_eq!(node.bodies().len(), 2);
}

#[tokio::test]
async fn every_method_that_carries_a_signed_transaction_is_screened() {
    let (node, sidecar, gateway) = setup(Settings::default()).await;
    sidecar.set(says("block"));
    let methods = [
        "eth_sendRawTransaction",
        "eth_sendRawTransactionSync",
        "eth_sendRawTransactionConditional",
        "eth_sendPrivateRawTransaction",
    ];
    for method in methods {
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": [transfer(0).0, {}]});
        assert_eq!(gateway.rpc(call).await["error"]["code"], -32099, "{method}");
    }
    assert_eq!((node.bodies().len(), sidecar.served().len()), (0, methods.len()));
    sidecar.set(allow());
    let call =
        json!({"jsonrpc": "2.0", "id": "x", "method": methods[2], "params": [transfer(0).0, {"a": 1}]});
    gateway.rpc(call.clone()).await;
    assert_eq!(
        serde_json::from_str::<Value>(&node.bodies()[0]).unwrap(),
        call,
        "other parameters are kept"
    );
}

#[tokio::test]
async fn a_node_that_is_down_is_a_json_rpc_error() {
    let sidecar = Sidecar::start(allow()).await;
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let node = format!("http://127.0.0.1:{port}/secret-key");
    let gateway = TestGateway::start(&node, &[&sidecar.url], Settings::default()).await;
    let read = json!({"jsonrpc": "2.0", "id": 5, "method": "eth_call"});
    let answer = gateway.rpc(read.clone()).await;
    assert_eq!(
        (&answer["id"], &answer["error"]["code"]),
        (&json!(5), &json!(-32098))
    );
    let batch = gateway.rpc(json!([read, send_raw(6, &transfer(0).0)])).await;
    for (index, id) in [(0, 5), (1, 6)] {
        assert_eq!(
            (&batch[index]["id"], &batch[index]["error"]["code"]),
            (&json!(id), &json!(-32098))
        );
    }
    let reads = gateway.rpc(json!([read, read])).await;
    assert_eq!(reads.as_array().unwrap().len(), 2);
    assert!(!format!("{answer}{batch}{reads}").contains("secret-key"));
    // Nothing was paid for a transaction that could not be relayed anyway.
    assert!(sidecar.served().is_empty());
}

#[tokio::test]
async fn what_is_relayed_is_what_was_screened() {
    let (node, sidecar, gateway) = setup(Settings::default()).await;
    let (raw, hash) = signed(
        CHAIN,
        3,
        TxKind::Call(Address::repeat_byte(9)),
        U256::from(5),
        vec![1, 2, 3],
    );
    gateway.send_raw(&raw.to_uppercase().replace("0X", "0x")).await;
    let relayed: Value = serde_json::from_str(&node.bodies()[0]).unwrap();
    assert_eq!(relayed["params"], json!([raw]));
    let asked = &sidecar.served()[0];
    assert_eq!(asked["transaction"]["raw"], raw);
    assert_eq!(asked["transaction"]["data"], "0x010203");
    assert_eq!(asked["chainId"], "0x7a69");
    assert_eq!(
        alloy::primitives::keccak256(alloy::hex::decode(raw).unwrap()),
        hash
    );
}
