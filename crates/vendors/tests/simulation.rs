//! The simulation vendor against a real anvil, in each of its three ways.
#![allow(clippy::unwrap_used)]

mod support;

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, U256, address, hex};
use alloy::providers::{Provider, ProviderBuilder};
use alloy::rpc::types::TransactionRequest;
use alloy::sol;
use alloy::sol_types::{SolCall, SolValue};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use rampart_vendors::{SimulationConfig, bind_simulation};
use serde_json::{Value, json};
use support::{Anvil, Vendor, codes, repository, serve};

/// anvil's first two accounts; the first holds every token.
const HOLDER: Address = address!("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
const OTHER: Address = address!("0x70997970C51812dc3A010C7d01b50e0d17dc79C8");

sol! {
    function approve(address spender, uint256 amount);
    function transfer(address to, uint256 amount);
}

async fn deploy_token(anvil: &Anvil) -> Address {
    let artifact = std::fs::read(repository("contracts/artifacts/UtilityToken.json")).unwrap();
    let artifact: Value = serde_json::from_slice(&artifact).unwrap();
    let mut code = hex::decode(artifact["bytecode"].as_str().unwrap()).unwrap();
    code.extend((HOLDER, U256::from(1_000_000)).abi_encode_params());
    let provider = ProviderBuilder::new().connect_http(anvil.url.parse().unwrap());
    let request = TransactionRequest::default().from(HOLDER).with_deploy_code(code);
    let pending = provider.send_transaction(request).await.unwrap();
    pending.get_receipt().await.unwrap().contract_address.unwrap()
}

async fn vendor(node: &str) -> Vendor {
    let config = SimulationConfig::new("127.0.0.1:0".parse().unwrap(), node);
    serve(bind_simulation(config).await.unwrap())
}

/// A node that does not know `methods` and otherwise is the anvil behind it.
async fn without(anvil: &Anvil, methods: &'static [&'static str]) -> String {
    let handler = move |State(upstream): State<String>, body: Bytes| async move {
        let request: Value = serde_json::from_slice(&body).unwrap();
        if methods.contains(&request["method"].as_str().unwrap()) {
            return json!({"jsonrpc": "2.0", "id": request["id"],
                "error": {"code": -32601, "message": "the method does not exist"}})
            .to_string();
        }
        let forwarded = reqwest::Client::new()
            .post(upstream)
            .header("content-type", "application/json")
            .body(body);
        forwarded.send().await.unwrap().text().await.unwrap()
    };
    let router = Router::new()
        .route("/", post(handler))
        .with_state(anvil.url.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

fn call(from: Address, to: Address, data: Vec<u8>) -> Value {
    json!({"from": from, "to": to, "value": "0x0", "data": hex::encode_prefixed(data), "gas": "0x30d40"})
}

/// Every rule that reads logs or calldata, on one node.
async fn holds_on(node: &str, token: Address, reads_logs: bool) {
    let vendor = vendor(node).await;
    let plain = json!({"from": HOLDER, "to": OTHER, "value": "0xde0b6b3a7640000", "gas": "0x5208"});
    let verdict = vendor.screen(plain).await;
    assert_eq!(verdict["verdict"], "allow", "{verdict}");

    let unlimited = approveCall {
        spender: OTHER,
        amount: U256::MAX,
    }
    .abi_encode();
    let verdict = vendor.screen(call(HOLDER, token, unlimited)).await;
    assert_eq!(
        (&verdict["verdict"], codes(&verdict)),
        (&json!("block"), vec!["UNLIMITED_APPROVAL"]),
        "{verdict}"
    );
    assert_eq!(verdict["reasons"][0]["evidence"]["spenderIsAccount"], true);

    let small = approveCall {
        spender: token,
        amount: U256::from(5),
    }
    .abi_encode();
    let verdict = vendor.screen(call(HOLDER, token, small)).await;
    assert_eq!(verdict["verdict"], "allow", "{verdict}");

    let all = transferCall {
        to: OTHER,
        amount: U256::from(960_000),
    }
    .abi_encode();
    let verdict = vendor.screen(call(HOLDER, token, all)).await;
    let expected = if reads_logs { vec!["DRAINS_TOKEN"] } else { vec![] };
    assert_eq!(codes(&verdict), expected, "{verdict}");

    let too_much = transferCall {
        to: HOLDER,
        amount: U256::from(1),
    }
    .abi_encode();
    let verdict = vendor.screen(call(OTHER, token, too_much)).await;
    assert_eq!(
        (&verdict["verdict"], codes(&verdict)),
        (&json!("block"), vec!["REVERTS"]),
        "{verdict}"
    );
}

#[tokio::test]
async fn flags_the_same_by_simulate_by_trace_and_by_call() {
    let anvil = Anvil::start().await;
    let token = deploy_token(&anvil).await;
    holds_on(&anvil.url, token, true).await;
    holds_on(&without(&anvil, &["eth_simulateV1"]).await, token, true).await;
    holds_on(
        &without(&anvil, &["eth_simulateV1", "debug_traceCall"]).await,
        token,
        false,
    )
    .await;
}

#[tokio::test]
async fn flags_a_native_transfer_of_everything_and_one_beyond_the_balance() {
    let anvil = Anvil::start().await;
    let vendor = vendor(&anvil.url).await;
    let ether = U256::from(10).pow(U256::from(18));
    let value = |ethers: u64| json!({"from": HOLDER, "to": OTHER, "value": ether * U256::from(ethers), "gas": "0x5208"});
    assert_eq!(codes(&vendor.screen(value(9_000)).await), Vec::<&str>::new());
    let verdict = vendor.screen(value(9_600)).await;
    assert_eq!(
        (&verdict["verdict"], codes(&verdict)),
        (&json!("warn"), vec!["DRAINS_NATIVE"])
    );
    let verdict = vendor.screen(value(10_001)).await;
    assert_eq!(verdict["verdict"], "block");
    assert!(codes(&verdict).contains(&"CANNOT_EXECUTE"), "{verdict}");
}

#[tokio::test]
async fn refuses_a_transaction_for_another_chain() {
    let anvil = Anvil::start().await;
    let vendor = vendor(&anvil.url).await;
    let body = json!({"chainId": "0x1", "transaction": {"from": HOLDER, "to": OTHER}}).to_string();
    let (status, answer) = vendor.post("/v1/screen", body).await;
    assert_eq!((status, &answer["error"]["code"]), (400, &json!("wrong_chain")));
}

#[tokio::test]
async fn a_node_that_is_down_is_a_typed_error_and_no_verdict() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let vendor = vendor(&format!("http://127.0.0.1:{port}/secret-key")).await;
    let body = json!({"chainId": "0x1", "transaction": {"from": HOLDER, "to": OTHER}}).to_string();
    let (status, answer) = vendor.post("/v1/screen", body).await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (502, &json!("node_unavailable"))
    );
    assert!(!answer.to_string().contains("secret-key"));
}

#[tokio::test]
async fn a_node_that_cannot_simulate_is_a_typed_error() {
    let anvil = Anvil::start().await;
    let node = without(&anvil, &["eth_simulateV1", "debug_traceCall", "eth_call"]).await;
    let vendor = vendor(&node).await;
    let body = json!({"chainId": "0x7a69", "transaction": {"from": HOLDER, "to": OTHER}}).to_string();
    let (status, answer) = vendor.post("/v1/screen", body).await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (502, &json!("node_unsupported"))
    );
}
