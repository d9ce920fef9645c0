//! Clients as people use them, unmodified, between a wallet and a real node: they send, are refused and can say why, read, and
//! subscribe.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use alloy::hex;
use alloy::primitives::{Address, address};
use rampart_vendors::{ThreatConfig, bind_threat};
use serde_json::{Value, json};
use std::process::Output;
use std::time::Duration;
use support::anvil::{Anvil, anvil, repository, sidecar_before};
use support::sidecar::Sidecar;
use support::{Settings, TestGateway, buy, holder, now};
use tokio::process::Command;

/// Ronin Bridge theft, sanctioned; on the reference list.
const LISTED: Address = address!("0x098B716B8Aaf21512996dC57EB0615e2383E2f96");
const FRIEND: Address = address!("0x00000000000000000000000000000000000F12e4");
const WHY: &str = "transaction refused by";

struct World {
    anvil: Anvil,
    _threat: Sidecar,
    gateway: TestGateway,
}

/// The reference threat vendor before anvil.
async fn world() -> World {
    let anvil = anvil();
    let any = "127.0.0.1:0".parse().unwrap();
    let threat = sidecar_before(bind_threat(ThreatConfig::new(any)).await.unwrap()).await;
    let directory = tempfile::tempdir().unwrap();
    buy(
        &directory.path().join("wallet"),
        1,
        1000,
        now() + 3600,
        &threat.url,
    );
    let upstream = format!(
        "{{ http = \"{}\", ws = \"{}\" }}",
        anvil.url,
        anvil.url.replace("http", "ws")
    );
    let settings = Settings {
        policy: "timeout_ms = 20000",
        ..Default::default()
    };
    let gateway = TestGateway::start_in_front_of(directory, &upstream, 1, settings).await;
    World {
        anvil,
        _threat: threat,
        gateway,
    }
}

fn key() -> String {
    hex::encode_prefixed(holder().to_bytes())
}

async fn finished(command: &mut Command) -> Output {
    let output = command.kill_on_drop(true).output();
    let output = tokio::time::timeout(Duration::from_secs(120), output).await;
    output.expect("the client ends").unwrap()
}

/// Runs a script of `tests/clients` and returns what it printed.
async fn script(name: &str, url: &str) -> Value {
    let installed = repository("crates/gateway/tests/clients/node_modules");
    assert!(
        installed.exists(),
        "this test needs the packages of crates/gateway/tests/clients: run `npm ci --ignore-scripts` there"
    );
    let output = finished(
        Command::new("node")
            .arg(repository("crates/gateway/tests/clients").join(name))
            .args([url, &key(), &FRIEND.to_string(), &LISTED.to_string()]),
    )
    .await;
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

/// What a library must have seen over a transport.
fn check(seen: &Value) {
    assert_eq!(
        (&seen["status"], &seen["received"]),
        (&json!("success"), &json!(1)),
        "{seen}"
    );
    assert_eq!(seen["unpaid"], 0, "{seen}");
    let refused = &seen["refused"];
    assert_eq!(
        (&refused["code"], &refused["reason"]),
        (&json!(-32099), &json!("VENDOR_VERDICT")),
        "{seen}"
    );
    assert!(refused["text"].as_str().unwrap().contains(WHY), "{seen}");
}

async fn library(name: &str) {
    let world = world().await;
    let seen = script(name, &world.gateway.url).await;
    check(&seen["http"]);
    check(&seen["ws"]);
    let heads: Vec<u64> = serde_json::from_value(seen["heads"].clone()).unwrap();
    assert!(heads.len() == 2 && heads[0] < heads[1], "{seen}");
    drop(world.anvil);
}

#[tokio::test]
async fn viem_sends_is_refused_reads_and_subscribes() {
    library("viem.mjs").await;
}

#[tokio::test]
async fn ethers_sends_is_refused_reads_and_subscribes() {
    library("ethers.mjs").await;
}

#[tokio::test]
async fn cast_sends_is_refused_and_reads_over_both_transports() {
    let cast = repository("contracts/node_modules/@foundry-rs/cast-linux-amd64/bin/cast");
    assert!(
        cast.exists(),
        "this test needs cast: run `npm ci --ignore-scripts` in contracts/"
    );
    let world = world().await;
    let run = async |arguments: &[&str]| finished(Command::new(&cast).args(arguments)).await;
    let (friend, listed, key) = (FRIEND.to_string(), LISTED.to_string(), key());
    for url in [world.gateway.url.clone(), world.gateway.url.replace("http", "ws")] {
        let send = |to: &str| {
            [
                "send",
                "--json",
                "--rpc-url",
                &url,
                "--private-key",
                &key,
                "--value",
                "1",
                to,
            ]
            .map(str::to_owned)
        };
        let sent = send(&friend);
        let sent = run(&sent.each_ref().map(String::as_str)).await;
        let receipt: Value = serde_json::from_slice(&sent.stdout).unwrap_or_else(|_| panic!("{sent:?}"));
        assert_eq!(receipt["status"], "0x1", "{receipt}");
        let refused = send(&listed);
        let refused = run(&refused.each_ref().map(String::as_str)).await;
        let told = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && told.contains(WHY), "{told}");
        let balance = run(&["balance", "--rpc-url", &url, &listed]).await;
        assert_eq!(String::from_utf8_lossy(&balance.stdout).trim(), "0");
    }
    let balance = run(&["balance", "--rpc-url", &world.anvil.url, &friend]).await;
    assert_eq!(String::from_utf8_lossy(&balance.stdout).trim(), "2");
}
