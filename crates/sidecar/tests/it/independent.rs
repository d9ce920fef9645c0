//! A consumer that shares no code with ours is served: npm's http-message-signatures signs, Node.js agrees on keys and sends.

use crate::buyer::{Buyer, NOW};
use crate::running::Setting;
use base64ct::{Base64, Encoding};
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// What the consumer was answered.
#[derive(Debug, Deserialize)]
struct Answered {
    status: u16,
    refusal: Option<String>,
    used: Option<String>,
    body: String,
}

/// Lets it make calls on a purchase of 100 requests, whose access key has the seed 32 times over.
async fn consume(setting: &Setting, seed: u8, calls: &Value) -> Vec<Answered> {
    let buyer = Buyer::new(seed).with(|record| record.requests = 100);
    let confirmation = setting.operators.confirm(&buyer.record);
    let input = json!({
        "port": setting.sidecar.public.port(),
        "authority": setting.sidecar.authority,
        "seed": format!("0x{}", format!("{seed:02x}").repeat(32)),
        "purchase": buyer.record.id,
        "confirmation": Base64::encode_string(&confirmation.to_bytes()),
        "created": NOW,
        "calls": calls,
    });
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contracts/script/consumer.mjs");
    let mut node = Command::new("node")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("Node.js runs: `cargo xtask test --only prerequisites`");
    let mut stdin = node.stdin.take().unwrap();
    stdin.write_all(input.to_string().as_bytes()).await.unwrap();
    drop(stdin);
    let output = node.wait_with_output().await.unwrap();
    assert!(
        output.status.success(),
        "npm packages are installed (`cargo xtask test --only npm`) and the consumer works: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn its_requests_by_ed25519_are_served() {
    let setting = Setting::start().await;
    let calls = json!([
        { "method": "GET", "target": "/", "nonce": 1, "alg": "ed25519" },
        { "method": "GET", "target": "/v1/list?after=7&limit=20", "nonce": 2, "alg": "ed25519" },
        { "method": "DELETE", "target": "/a%20b/%C3%A9?q=%26%22&q=", "nonce": 3, "alg": "ed25519" },
        { "method": "POST", "target": "/v1/screen?dry=1", "body": "{\"to\":\"0x00\"}", "nonce": 4, "alg": "ed25519" },
        { "method": "PUT", "target": "/notes/1", "body": "Grüße: ☂\n", "nonce": 5, "alg": "ed25519" },
        { "method": "GET", "target": "/", "nonce": 5, "alg": "ed25519" },
        { "method": "GET", "target": "/", "nonce": 101, "alg": "ed25519" },
    ]);
    let answers = consume(&setting, 1, &calls).await;
    for (n, answer) in (1..=5).zip(&answers) {
        assert_eq!(
            (answer.status, answer.used.as_deref()),
            (200, Some(format!("{n}/100").as_str())),
            "{answer:?}"
        );
    }
    assert_eq!(answers[4].body, "Grüße: ☂\n");
    let refusals: Vec<_> = answers[5..]
        .iter()
        .map(|answer| (answer.status, answer.refusal.as_deref()))
        .collect();
    assert_eq!(refusals, [(409, Some("replayed")), (429, Some("exhausted"))]);
    let seen = setting.vendor.seen();
    assert_eq!(seen[2].target, "/a%20b/%C3%A9?q=%26%22&q=");
    assert_eq!(seen.len(), 5);
}

#[tokio::test]
async fn its_requests_by_hmac_under_a_block_are_served() {
    let setting = Setting::start().await;
    let calls = json!([
        { "from": 1, "to": 20 },
        { "method": "POST", "target": "/v1/screen", "body": "one", "nonce": 1, "alg": "hmac-sha256" },
        { "method": "GET", "target": "/v1/list?limit=20", "nonce": 20, "alg": "hmac-sha256" },
        { "method": "POST", "target": "/v1/screen", "body": "one", "nonce": 1, "alg": "hmac-sha256" },
        { "method": "GET", "target": "/", "nonce": 21, "alg": "hmac-sha256" },
        { "method": "GET", "target": "/", "nonce": 21, "alg": "ed25519" },
    ]);
    let answers = consume(&setting, 1, &calls).await;
    let found: Vec<_> = answers
        .iter()
        .map(|answer| (answer.status, answer.refusal.as_deref()))
        .collect();
    assert_eq!(
        found,
        [
            (201, None),
            (200, None),
            (200, None),
            (409, Some("replayed")),
            (409, Some("unknown_block")),
            (200, None)
        ],
        "{answers:?}"
    );
    assert_eq!(answers[1].body, "one");
    assert_eq!(setting.vendor.seen().len(), 3);
}

#[tokio::test]
async fn its_requests_under_another_key_than_the_purchases_are_refused() {
    let setting = Setting::start().await;
    let calls = json!([{ "from": 1, "to": 20 }]);
    assert_eq!(consume(&setting, 1, &calls).await[0].status, 201);
    // Numbers of a block take no other signature, and another purchase's block none of these.
    let calls = json!([
        { "method": "GET", "target": "/", "nonce": 1, "alg": "ed25519" },
        { "from": 10, "to": 30 },
        { "from": 21, "to": 30 },
        { "method": "GET", "target": "/", "nonce": 1, "alg": "hmac-sha256" },
    ]);
    let answers = consume(&setting, 1, &calls).await;
    let found: Vec<_> = answers
        .iter()
        .map(|answer| (answer.status, answer.refusal.as_deref()))
        .collect();
    assert_eq!(
        found,
        [
            (409, Some("replayed")),
            (409, Some("replayed")),
            (201, None),
            (401, Some("bad_signature"))
        ],
        "{answers:?}"
    );
    assert!(setting.vendor.seen().is_empty());
}
