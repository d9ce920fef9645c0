//! The peer: the leanest contract that sells packages, on one EVM node that mines a block of up to 10^9 gas each second.

use crate::node::{Anvil, funded};
use alloy::eips::eip2718::Encodable2718 as _;
use alloy::network::{EthereumWallet, NetworkTransactionBuilder as _, TransactionBuilder as _};
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::{Provider, ProviderBuilder};
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolCall as _;
use rampart_chain::bindings::DevTokenContract;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

alloy::sol!(
    #[sol(rpc)]
    LeanMarketContract,
    "../../contracts/artifacts/LeanMarket.json"
);

/// Who buys.
const WALLETS: u64 = 48;
/// Calls of a JSON-RPC batch.
const BATCH: usize = 100;
/// Batches at a time.
const AT_A_TIME: usize = 4;
/// Gas of a purchase, amply.
const GAS: u64 = 120_000;
const CHAIN: u64 = 31_337;
const FEE_PER_GAS: u128 = 10_000_000_000;

/// Purchases a second, from the first submission until all are mined.
pub async fn measure(count: usize) -> f64 {
    let anvil = Anvil::start_with(CHAIN, &["--gas-limit", "1000000000"]);
    let provider = ProviderBuilder::new()
        .wallet(funded(0))
        .connect_http(anvil.url.parse().unwrap());
    let supply = U256::from(10).pow(U256::from(30));
    let token = DevTokenContract::deploy(&provider, supply).await.unwrap();
    let market = LeanMarketContract::deploy(&provider, *token.address())
        .await
        .unwrap();
    let wallets: Vec<PrivateKeySigner> = (0..WALLETS).map(|_| PrivateKeySigner::random()).collect();
    for wallet in &wallets {
        let params = json!([wallet.address(), U256::from(10).pow(U256::from(24))]);
        let _: Value = provider
            .raw_request("anvil_setBalance".into(), params)
            .await
            .unwrap();
        let amount = U256::from(10).pow(U256::from(27));
        let sent = token.transfer(wallet.address(), amount).send().await.unwrap();
        sent.get_receipt().await.unwrap();
        let approving = ProviderBuilder::new()
            .wallet(wallet.clone())
            .connect_http(anvil.url.parse().unwrap());
        let theirs = DevTokenContract::new(*token.address(), approving);
        let sent = theirs.approve(*market.address(), U256::MAX).send().await.unwrap();
        sent.get_receipt().await.unwrap();
    }
    let calls = signed(&wallets, *market.address(), count).await;
    let _: Value = provider
        .raw_request("evm_setIntervalMining".into(), [1])
        .await
        .unwrap();
    let first = provider.get_block_number().await.unwrap() + 1;

    let begun = Instant::now();
    submit(&anvil.url, calls).await;
    let (mut mined, mut next) = (0, first);
    while mined < count {
        let block = provider.get_block_by_number(next.into()).await.unwrap();
        match block {
            Some(block) => {
                mined += block.transactions.len();
                next += 1;
            }
            None => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    let time = begun.elapsed();
    let last = market.purchases(key(count - 1)).call().await.unwrap();
    assert_ne!(last, U256::ZERO, "the last purchase is recorded");
    let rate = count as f64 / time.as_secs_f64();
    println!(
        "  {count} contract calls in {:.1} s, {rate:.0} a second, {} blocks",
        time.as_secs_f64(),
        next - first
    );
    rate
}

fn key(number: usize) -> B256 {
    B256::from(U256::from(number + 1))
}

/// Signed calls, in the order of nonces of each wallet.
async fn signed(wallets: &[PrivateKeySigner], market: Address, count: usize) -> Vec<Bytes> {
    let provider = Address::repeat_byte(0x77);
    let purchase = U256::from_be_slice(provider.as_slice()) | U256::from(1) << 160 | U256::from(9_999) << 192;
    let senders: Vec<EthereumWallet> = wallets.iter().cloned().map(EthereumWallet::from).collect();
    let mut calls = Vec::with_capacity(count);
    for number in 0..count {
        let call = LeanMarketContract::buyCall {
            accessKey: key(number),
            purchase,
            fee: U256::from(1),
        };
        let request = TransactionRequest::default()
            .with_to(market)
            .with_input(call.abi_encode())
            // The first was the approval.
            .with_nonce((number / wallets.len()) as u64 + 1)
            .with_chain_id(CHAIN)
            .with_gas_limit(GAS)
            .with_max_fee_per_gas(FEE_PER_GAS)
            .with_max_priority_fee_per_gas(1);
        let envelope = request.build(&senders[number % wallets.len()]).await.unwrap();
        calls.push(envelope.encoded_2718().into());
    }
    calls
}

async fn submit(url: &str, calls: Vec<Bytes>) {
    let http = reqwest::Client::new();
    let mut tasks = JoinSet::new();
    for batch in calls.chunks(BATCH) {
        while tasks.len() >= AT_A_TIME {
            tasks.join_next().await.unwrap().unwrap();
        }
        let request = |(id, call): (usize, &Bytes)| json!({ "jsonrpc": "2.0", "id": id, "method": "eth_sendRawTransaction", "params": [call] });
        let body: Vec<Value> = batch.iter().enumerate().map(request).collect();
        let sent = http.post(url).json(&body);
        tasks.spawn(async move {
            let answers: Vec<Value> = sent.send().await.unwrap().json().await.unwrap();
            for answer in answers {
                assert!(answer["error"].is_null(), "{answer}");
            }
        });
    }
    tasks.join_all().await;
}
