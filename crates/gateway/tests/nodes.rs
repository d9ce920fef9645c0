//! Several nodes: which of them is asked, and what a client is told when none can be.
#![allow(clippy::unwrap_used)]

mod support;

use rampart_gateway::{Config, bind};
use serde_json::{Value, json};
use std::time::Duration;
use support::node::Node;
use support::sidecar::{Sidecar, allow};
use support::{buy, now, send_raw, transfer};

/// A gateway in front of several nodes, which looks at them ten times a second.
async fn gateway(nodes: &[&str]) -> (Sidecar, String) {
    let sidecar = Sidecar::start(allow()).await;
    let directory = tempfile::tempdir().unwrap();
    buy(
        &directory.path().join("wallet"),
        1,
        100,
        now() + 3600,
        &sidecar.url,
    );
    let text = format!(
        "listen = \"127.0.0.1:0\"\nupstream = {nodes:?}\nstate = \"state\"\nwallet = \"wallet\"\nchain_id = 31337\n\
         [health]\ninterval_ms = 100\ntimeout_ms = 500\nmax_lag_blocks = 3\n\
         [limits]\nupstream_timeout_ms = 1000\n\
         [[services]]\nname = \"one\"\nservice = 1\n"
    );
    let path = directory.path().join("gateway.toml");
    std::fs::write(&path, text).unwrap();
    let bound = bind(Config::read(&path).unwrap()).await.unwrap();
    let url = format!("http://{}", bound.local_addr());
    tokio::spawn(async move {
        bound.serve(std::future::pending()).await;
        drop(directory);
    });
    (sidecar, url)
}

async fn post(url: &str, call: &Value) -> Value {
    let response = reqwest::Client::new().post(url).json(call).send().await.unwrap();
    response.json().await.unwrap()
}

/// Waits until the gateway tells these standings.
async fn until(url: &str, standings: &[&str]) {
    let told = async {
        loop {
            let health: Value = reqwest::get(format!("{url}/health"))
                .await
                .unwrap()
                .json()
                .await
                .unwrap();
            let told: Vec<_> = health["nodes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|node| node["standing"].clone())
                .collect();
            if told == standings {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), told)
        .await
        .expect("the standings are told");
}

fn read() -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": []})
}

fn nowhere() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn the_first_usable_node_gets_everything() {
    let nodes = [Node::start().await, Node::start().await];
    nodes.iter().for_each(|node| node.set_height(100));
    let (_sidecar, url) = gateway(&[&nodes[0].url, &nodes[1].url]).await;
    until(&url, &["usable", "usable"]).await;
    assert_eq!(
        post(&url, &send_raw(1, &transfer(0).0)).await["result"],
        "eth_sendRawTransaction"
    );
    assert_eq!(post(&url, &read()).await["result"], "eth_call");
    assert_eq!((nodes[0].bodies().len(), nodes[1].bodies().len()), (2, 0));

    // Three blocks behind is allowed, four is not.
    nodes[1].set_height(103);
    until(&url, &["usable", "usable"]).await;
    nodes[1].set_height(104);
    until(&url, &["lagging", "usable"]).await;
    post(&url, &read()).await;
    assert_eq!((nodes[0].bodies().len(), nodes[1].bodies().len()), (2, 1));
    nodes[0].set_height(104);
    until(&url, &["usable", "usable"]).await;
    post(&url, &read()).await;
    assert_eq!((nodes[0].bodies().len(), nodes[1].bodies().len()), (3, 1));
}

#[tokio::test]
async fn a_node_that_cannot_be_reached_is_passed_over_without_an_error_to_the_client() {
    let node = Node::start().await;
    node.set_height(7);
    let (sidecar, url) = gateway(&[&nowhere(), &node.url]).await;
    for _ in 0..3 {
        assert_eq!(post(&url, &read()).await["result"], "eth_call");
    }
    let batch = post(&url, &json!([read(), send_raw(2, &transfer(0).0)])).await;
    assert_eq!(batch[1]["result"], "eth_sendRawTransaction", "{batch}");
    assert_eq!(sidecar.served().len(), 1);
    until(&url, &["failing", "usable"]).await;
}

#[tokio::test]
async fn when_no_node_is_usable_the_error_tells_why() {
    let stuck = Node::start().await;
    stuck.hang();
    let other = Node::start().await;
    other.set_chain(1);
    let good = Node::start().await;
    good.set_height(7);
    let (_sidecar, url) = gateway(&[&good.url, &stuck.url, &other.url, &nowhere()]).await;
    until(&url, &["usable", "failing", "other-chain", "failing"]).await;
    assert_eq!(post(&url, &read()).await["result"], "eth_call");
    good.hang();
    until(&url, &["failing", "failing", "other-chain", "failing"]).await;
    let error = post(&url, &read()).await["error"].clone();
    assert_eq!(error["code"], -32098);
    let expected = "none of 4 nodes is usable: 3 do not answer, 0 lag behind, 1 are on another chain";
    assert!(error["message"].as_str().unwrap().ends_with(expected), "{error}");
    good.answer();
    until(&url, &["usable", "failing", "other-chain", "failing"]).await;
    assert_eq!(post(&url, &read()).await["result"], "eth_call");
}

#[tokio::test]
async fn one_node_alone_is_never_left_out_and_a_slow_one_is_an_error_in_time() {
    let node = Node::start().await;
    node.hang();
    let (_sidecar, url) = gateway(&[&node.url]).await;
    let error = post(&url, &read()).await["error"].clone();
    assert_eq!(error["code"], -32098, "{error}");
    node.answer();
    assert_eq!(post(&url, &read()).await["result"], "eth_call");
}
