//! The gateway between a wallet and a real node, with the real reference vendors behind it.
#![allow(clippy::unwrap_used)]

mod support;

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, B256, TxKind, U256, address};
use alloy::providers::{Provider, ProviderBuilder};
use alloy::rpc::types::{TransactionReceipt, TransactionRequest};
use alloy::sol;
use alloy::sol_types::{SolCall, SolValue};
use rampart_vendors::{SimulationConfig, ThreatConfig, bind_simulation, bind_threat};
use serde_json::{Value, json};
use std::time::Duration;
use support::anvil::{Anvil, anvil, repository, sidecar_before};
use support::sidecar::Sidecar;
use support::{CHAIN, Settings, TestGateway, holder, signed};

/// Ronin Bridge theft, sanctioned; on the reference list.
const LISTED: Address = address!("0x098B716B8Aaf21512996dC57EB0615e2383E2f96");

sol! {
    function approve(address spender, uint256 amount);
    function balanceOf(address owner);
}

async fn ask(url: &str, body: &Value) -> String {
    let request = reqwest::Client::new()
        .post(url)
        .header("content-type", "application/json");
    request
        .body(body.to_string())
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap()
}

struct World {
    anvil: Anvil,
    threat: Sidecar,
    simulation: Sidecar,
    gateway: TestGateway,
    token: Address,
}

async fn world() -> World {
    let anvil = anvil();
    let any = "127.0.0.1:0".parse().unwrap();
    let threat = sidecar_before(bind_threat(ThreatConfig::new(any)).await.unwrap()).await;
    let simulation = SimulationConfig::new(any, anvil.url.clone());
    let simulation = sidecar_before(bind_simulation(simulation).await.unwrap()).await;
    let sidecars = [threat.url.as_str(), simulation.url.as_str()];
    let settings = Settings {
        policy: "timeout_ms = 20000",
        ..Default::default()
    };
    let gateway = TestGateway::start(&anvil.url, &sidecars, settings).await;
    let artifact = std::fs::read(repository("contracts/artifacts/UtilityToken.json")).unwrap();
    let artifact: Value = serde_json::from_slice(&artifact).unwrap();
    let mut code = alloy::hex::decode(artifact["bytecode"].as_str().unwrap()).unwrap();
    code.extend((holder().address(), U256::from(1_000_000)).abi_encode_params());
    let provider = ProviderBuilder::new().connect_http(anvil.url.parse().unwrap());
    let deployment = TransactionRequest::default()
        .from(holder().address())
        .with_deploy_code(code);
    let pending = provider.send_transaction(deployment).await.unwrap();
    let token = pending.get_receipt().await.unwrap().contract_address.unwrap();
    World {
        anvil,
        threat,
        simulation,
        gateway,
        token,
    }
}

impl World {
    async fn nonce(&self) -> u64 {
        let provider = ProviderBuilder::new().connect_http(self.anvil.url.parse().unwrap());
        provider.get_transaction_count(holder().address()).await.unwrap()
    }

    /// The receipt once the transaction is mined; anvil mines a moment after it has answered.
    async fn mined(&self, hash: B256) -> TransactionReceipt {
        let provider = ProviderBuilder::new().connect_http(self.anvil.url.parse().unwrap());
        for _ in 0..200 {
            if let Some(receipt) = provider.get_transaction_receipt(hash).await.unwrap() {
                return receipt;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        unreachable!("{hash} was not mined within ten seconds")
    }

    async fn node_knows(&self, hash: B256) -> bool {
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "eth_getTransactionByHash", "params": [hash]});
        let answer: Value = serde_json::from_str(&ask(&self.anvil.url, &call).await).unwrap();
        !answer["result"].is_null()
    }
}

#[tokio::test]
async fn reads_are_the_nodes_own_answers() {
    let world = world().await;
    let data = balanceOfCall {
        owner: holder().address(),
    }
    .abi_encode();
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "eth_call",
        "params": [{"to": world.token, "data": alloy::hex::encode_prefixed(data)}, "latest"]});
    let balance = json!({"jsonrpc": "2.0", "id": "b", "method": "eth_getBalance", "params": [holder().address(), "latest"]});
    let unknown = json!({"jsonrpc": "2.0", "id": 3, "method": "eth_nothing", "params": []});
    for body in [
        &call,
        &balance,
        &unknown,
        &json!([call, balance, unknown]),
        &json!([balance, call]),
    ] {
        assert_eq!(
            ask(&world.gateway.url, body).await,
            ask(&world.anvil.url, body).await,
            "{body}"
        );
    }
    assert!(world.threat.served().is_empty());
}

#[tokio::test]
async fn an_ordinary_transfer_is_screened_by_both_vendors_and_mined() {
    let world = world().await;
    let (raw, hash) = signed(
        CHAIN,
        world.nonce().await,
        TxKind::Call(Address::repeat_byte(3)),
        U256::from(7),
        vec![],
    );
    let answer = world.gateway.send_raw(&raw).await;
    assert_eq!(answer["result"], json!(hash), "{answer}");
    let provider = ProviderBuilder::new().connect_http(world.anvil.url.parse().unwrap());
    assert!(world.mined(hash).await.status());
    assert_eq!(
        provider.get_balance(Address::repeat_byte(3)).await.unwrap(),
        U256::from(7)
    );
    assert_eq!(
        (world.threat.served().len(), world.simulation.served().len()),
        (1, 1)
    );
}

#[tokio::test]
async fn an_unlimited_approval_to_a_listed_address_is_refused_paid_for_and_never_reaches_the_node() {
    let world = world().await;
    let nonce = world.nonce().await;
    let data = approveCall {
        spender: LISTED,
        amount: U256::MAX,
    }
    .abi_encode();
    let (raw, hash) = signed(CHAIN, nonce, TxKind::Call(world.token), U256::ZERO, data);
    let answer = world.gateway.send_raw(&raw).await;
    let error = &answer["error"];
    assert_eq!(error["code"], -32099, "{answer}");
    let vendors = error["data"]["vendors"].as_array().unwrap();
    let codes: Vec<&str> = vendors
        .iter()
        .map(|vendor| vendor["reasons"][0]["code"].as_str().unwrap())
        .collect();
    assert!(
        codes.contains(&"LISTED_ADDRESS") && codes.contains(&"UNLIMITED_APPROVAL"),
        "{codes:?}"
    );
    let message = error["message"].as_str().unwrap();
    assert!(
        message.starts_with("transaction refused by rampart-reference-"),
        "{message}"
    );
    assert!(!world.node_knows(hash).await);
    assert_eq!(world.nonce().await, nonce);
    assert_eq!(
        (world.threat.used(), world.simulation.used()),
        (vec![1], vec![1]),
        "the call is metered"
    );

    // The same approval in a batch is refused too, and what stands beside it is answered.
    let batch = json!([{"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}, support::send_raw(2, &raw)]);
    let answers = world.gateway.rpc(batch).await;
    assert_eq!(answers[0]["result"], "0x7a69");
    assert_eq!(answers[1]["error"]["code"], -32099);
    assert!(!world.node_knows(hash).await);
}

#[tokio::test]
async fn a_transaction_that_would_revert_is_refused_with_its_reason() {
    let world = world().await;
    // approve(0, 1) reverts in OpenZeppelin's ERC-20.
    let data = approveCall {
        spender: Address::ZERO,
        amount: U256::from(1),
    }
    .abi_encode();
    let (raw, hash) = signed(
        CHAIN,
        world.nonce().await,
        TxKind::Call(world.token),
        U256::ZERO,
        data,
    );
    let answer = world.gateway.send_raw(&raw).await;
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains("revert"), "{answer}");
    assert!(!world.node_knows(hash).await);
}

#[tokio::test]
async fn the_nodes_own_refusal_comes_back_as_it_is() {
    let world = world().await;
    let (raw, hash) = signed(
        CHAIN,
        world.nonce().await,
        TxKind::Call(Address::repeat_byte(3)),
        U256::from(7),
        vec![],
    );
    assert!(world.gateway.send_raw(&raw).await["result"].is_string());
    world.mined(hash).await;
    let again = world.gateway.send_raw(&raw).await;
    assert!(
        again["error"]["message"].as_str().unwrap().contains("nonce"),
        "{again}"
    );
}
