//! Steps 4 and 5: what passes the gateway, and what does not.

use super::Stage;
use crate::devnet::layout::{L1_CHAIN, url};
use crate::provider::usage;
use alloy::consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy::eips::eip2718::Encodable2718;
use alloy::network::TxSignerSync;
use alloy::primitives::{Address, Bytes, TxKind, U256, address, hex};
use alloy::sol_types::SolCall;
use anyhow::Context;
use rampart_chain::bindings::DevTokenContract;
use serde_json::{Value, json};
use std::time::Duration;

/// The address behind the Ronin bridge theft of March 2022, on the list of the United States' Treasury (OFAC).
const LISTED: Address = address!("098B716B8Aaf21512996dC57EB0615e2383E2f96");

pub async fn transfer(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    stage.step(
        4,
        "An ordinary transfer passes both vendors and is mined; reads pass unchanged",
    )?;
    let before = used(stage).await?;
    let recipient = stage.layout.accounts.fresh.address();
    let balance = balance(stage, recipient).await?;
    let (raw, hash) = signed(
        stage,
        Some(recipient),
        U256::from(10_u64.pow(15)),
        Bytes::new(),
        21_000,
    )
    .await?;
    let sent = stage.gateway("eth_sendRawTransaction", json!([raw])).await?;
    stage.saw(
        sent["result"] == json!(hash),
        format!("accepted by the gateway: {sent}"),
    )?;
    let receipt = mined(stage, &hash).await?;
    stage.saw(
        receipt["status"] == "0x1",
        format!("mined in block {} of the L1", receipt["blockNumber"]),
    )?;
    let received = self::balance(stage, recipient).await? - balance;
    stage.saw(
        received == U256::from(10_u64.pow(15)),
        format!("the recipient has {received} wei more"),
    )?;
    let after = used(stage).await?;
    stage.saw(
        after
            .iter()
            .zip(&before)
            .all(|(after, before)| *after == before + 1),
        format!("each vendor was asked once and metered: {before:?} -> {after:?} requests used"),
    )?;
    reads(stage).await
}

async fn reads(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    let who = stage.layout.accounts.consumer.address();
    let call = json!({ "to": stage.network.dev_token, "data": hex::encode_prefixed(DevTokenContract::balanceOfCall { account: who }.abi_encode()) });
    for (method, params) in [
        ("eth_getBalance", json!([who, "latest"])),
        ("eth_call", json!([call, "latest"])),
        ("eth_chainId", json!([])),
    ] {
        let (through, direct) = (
            stage.gateway(method, params.clone()).await?,
            stage.node(method, params).await?,
        );
        stage.saw(
            through == direct && through["result"].is_string(),
            format!("{method} unchanged: {}", through["result"]),
        )?;
    }
    let batch = json!([
        { "jsonrpc": "2.0", "id": "a", "method": "eth_chainId", "params": [] },
        { "jsonrpc": "2.0", "id": 7, "method": "eth_getBalance", "params": [who, "latest"] },
        { "jsonrpc": "2.0", "id": 8, "method": "no_such_method", "params": [] },
    ]);
    let through = stage.rpc(stage.layout.gateway(), &batch).await?;
    let direct = stage.rpc(stage.layout.l1(), &batch).await?;
    stage.saw(
        through == direct && through.as_array().is_some_and(|a| a.len() == 3),
        "a batch of three unchanged, with its error",
    )
}

pub async fn approval(stage: &mut Stage<'_>) -> anyhow::Result<()> {
    stage.step(
        5,
        "An unlimited approval to a listed address is refused, and never reaches the node",
    )?;
    let before = used(stage).await?;
    let sender = stage.layout.accounts.consumer.address();
    let nonce = stage
        .node("eth_getTransactionCount", json!([sender, "pending"]))
        .await?["result"]
        .clone();
    let data = DevTokenContract::approveCall {
        spender: LISTED,
        value: U256::MAX,
    }
    .abi_encode();
    let (raw, hash) = signed(
        stage,
        Some(stage.network.dev_token),
        U256::ZERO,
        data.into(),
        100_000,
    )
    .await?;
    let refused = stage.gateway("eth_sendRawTransaction", json!([raw])).await?;
    let message = refused
        .pointer("/error/message")
        .and_then(Value::as_str)
        .unwrap_or_default();
    stage.saw(
        refused.get("result").is_none() && !message.is_empty(),
        format!("refused: {}", refused["error"]["code"]),
    )?;
    let vendors = refused
        .pointer("/error/data/vendors")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let mut blocking = 0;
    for vendor in &vendors {
        let first = vendor
            .pointer("/reasons/0/message")
            .and_then(Value::as_str)
            .unwrap_or_default();
        blocking += usize::from(vendor["verdict"] == "block" && !first.is_empty());
        let name = vendor["vendor"].as_str().unwrap_or_default();
        stage.saw(
            vendor["verdict"] == "block",
            format!("{name} says block: {first}"),
        )?;
    }
    stage.saw(blocking == 2, format!("it names vendor and reason: {message}"))?;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let found = stage.node("eth_getTransactionByHash", json!([hash])).await?["result"].clone();
    let now = stage
        .node("eth_getTransactionCount", json!([sender, "pending"]))
        .await?["result"]
        .clone();
    stage.saw(
        found.is_null() && now == nonce,
        format!("the node never saw {hash}; nonce still {now}"),
    )?;
    let after = used(stage).await?;
    stage.saw(
        after
            .iter()
            .zip(&before)
            .all(|(after, before)| *after == before + 1),
        format!("both calls that stopped it are metered: {before:?} -> {after:?}"),
    )?;
    let batch = json!([
        { "jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": [] },
        { "jsonrpc": "2.0", "id": 2, "method": "eth_sendRawTransaction", "params": [raw] },
    ]);
    let answers = stage.rpc(stage.layout.gateway(), &batch).await?;
    stage.saw(
        answers[0]["result"] == "0x7a69" && answers[1]["error"]["code"] == -32099,
        "hidden in a batch it is refused as well, and the rest of the batch is answered",
    )
}

/// Requests of the gateway's packages that each sidecar has counted.
async fn used(stage: &Stage<'_>) -> anyhow::Result<Vec<u64>> {
    let mut counts = Vec::new();
    for (index, package) in stage.market.packages.iter().enumerate() {
        let all = usage(&url(stage.layout.sidecar_admin(index))).await?;
        counts.push(
            all.iter()
                .find(|usage| usage.purchase == *package)
                .map_or(0, |usage| usage.served),
        );
    }
    Ok(counts)
}

async fn balance(stage: &Stage<'_>, account: Address) -> anyhow::Result<U256> {
    let answer = stage.node("eth_getBalance", json!([account, "latest"])).await?;
    serde_json::from_value(answer["result"].clone()).context("no balance")
}

/// A transaction of the consumer, signed: its raw form and its hash.
async fn signed(
    stage: &Stage<'_>,
    to: Option<Address>,
    value: U256,
    input: Bytes,
    gas_limit: u64,
) -> anyhow::Result<(String, String)> {
    let signer = &stage.layout.accounts.consumer;
    let count = stage
        .node("eth_getTransactionCount", json!([signer.address(), "pending"]))
        .await?;
    let nonce: U256 = serde_json::from_value(count["result"].clone())?;
    let mut transaction = TxEip1559 {
        chain_id: L1_CHAIN,
        nonce: nonce.to(),
        gas_limit,
        max_fee_per_gas: 20_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        to: to.map_or(TxKind::Create, TxKind::Call),
        value,
        input,
        ..Default::default()
    };
    let signature = signer.sign_transaction_sync(&mut transaction)?;
    let envelope = TxEnvelope::from(transaction.into_signed(signature));
    Ok((
        hex::encode_prefixed(envelope.encoded_2718()),
        envelope.tx_hash().to_string(),
    ))
}

async fn mined(stage: &Stage<'_>, hash: &str) -> anyhow::Result<Value> {
    for _ in 0..100 {
        let receipt = stage.node("eth_getTransactionReceipt", json!([hash])).await?["result"].clone();
        if !receipt.is_null() {
            return Ok(receipt);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("transaction {hash} was not mined in 10 seconds")
}
