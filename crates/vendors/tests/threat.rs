//! The threat vendor at a real port: lists, limits, malformed input.
#![allow(clippy::unwrap_used)]

mod support;

use rampart_vendors::{ThreatConfig, bind_threat};
use serde_json::{Value, json};
use support::{Vendor, codes, repository, serve};

/// Ronin Bridge theft, sanctioned; on the reference list.
const LISTED: &str = "0x098B716B8Aaf21512996dC57EB0615e2383E2f96";
const SENDER: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
const TOKEN: &str = "0x5FbDB2315678afecb367f032d93F642f64180aa3";

async fn vendor(change: impl FnOnce(&mut ThreatConfig)) -> Vendor {
    let mut config = ThreatConfig::new("127.0.0.1:0".parse().unwrap());
    change(&mut config);
    serve(bind_threat(config).await.unwrap())
}

/// `approve(LISTED, max)`.
fn approval() -> String {
    let address = LISTED[2..].to_lowercase();
    format!("0x095ea7b3{:0>64}{}", address, "f".repeat(64))
}

#[tokio::test]
async fn blocks_a_listed_recipient_and_says_who_lists_it() {
    let vendor = vendor(|_| {}).await;
    let verdict = vendor
        .screen(json!({"from": SENDER, "to": LISTED, "value": "0x1"}))
        .await;
    assert_eq!(verdict["verdict"], "block");
    assert_eq!(verdict["score"], 100);
    assert_eq!(codes(&verdict), ["LISTED_ADDRESS"]);
    let entry = &verdict["reasons"][0]["evidence"]["entry"];
    assert_eq!(entry["category"], "sanctioned");
    assert!(entry["source"].as_str().unwrap().contains("OFAC"));
}

#[tokio::test]
async fn blocks_an_approval_to_a_listed_spender() {
    let vendor = vendor(|_| {}).await;
    let verdict = vendor
        .screen(json!({"from": SENDER, "to": TOKEN, "data": approval(), "value": "0x0"}))
        .await;
    assert_eq!(verdict["verdict"], "block");
    assert_eq!(verdict["reasons"][0]["evidence"]["at"], "approve.spender");
}

#[tokio::test]
async fn blocks_a_listed_address_anywhere_in_an_unknown_function() {
    let vendor = vendor(|_| {}).await;
    let data = approval().replace("095ea7b3", "deadbeef");
    let verdict = vendor
        .screen(json!({"from": SENDER, "to": TOKEN, "data": data}))
        .await;
    assert_eq!(verdict["verdict"], "block");
    assert_eq!(verdict["reasons"][0]["evidence"]["at"], "data");
}

#[tokio::test]
async fn allows_an_ordinary_transfer() {
    let vendor = vendor(|_| {}).await;
    let verdict = vendor
        .screen(json!({"from": SENDER, "to": TOKEN, "value": "0xde0b6b3a7640000"}))
        .await;
    assert_eq!(
        (&verdict["verdict"], &verdict["score"]),
        (&json!("allow"), &json!(0))
    );
}

#[tokio::test]
async fn judges_domains_by_a_list_in_the_form_of_eth_phishing_detect() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    let list = json!({"version": 2, "tolerance": 2, "fuzzylist": ["metamask.io"],
        "whitelist": ["metamask.io"], "blacklist": ["evil.example"]});
    std::fs::write(&path, list.to_string()).unwrap();
    let vendor = vendor(|config| config.phishing_list = Some(path)).await;
    for (domain, verdict) in [
        ("evil.example", "block"),
        ("https://a.evil.example/x", "block"),
        ("metamsk.net", "warn"),
        ("metamask.io", "allow"),
        ("example.org", "allow"),
    ] {
        let (status, answer) = vendor
            .post("/v1/domain", json!({"domain": domain}).to_string())
            .await;
        assert_eq!((status, &answer["verdict"]), (200, &json!(verdict)), "{domain}");
    }
    let request = json!({"chainId": "0x1", "origin": "https://evil.example",
        "transaction": {"from": SENDER, "to": TOKEN}});
    let (_, answer) = vendor.post("/v1/screen", request.to_string()).await;
    assert_eq!(codes(&answer), ["PHISHING_DOMAIN"]);
    let (status, answer) = vendor
        .post("/v1/domain", json!({"domain": "127.0.0.1"}).to_string())
        .await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (400, &json!("malformed_domain"))
    );
}

/// With the real list, where npm has installed it.
#[tokio::test]
async fn the_real_list_flags_listed_and_similar_sites_and_spares_real_ones() {
    let path = repository("crates/vendors/lists/node_modules/eth-phishing-detect/src/config.json");
    assert!(
        path.exists(),
        "this test needs the real list: run `npm ci --ignore-scripts` in crates/vendors/lists"
    );
    let vendor = vendor(|config| config.phishing_list = Some(path)).await;
    for (domain, code) in [
        ("azukishop.live", Some("PHISHING_DOMAIN")),
        ("claim.moonbirds.gifts", Some("PHISHING_DOMAIN")),
        ("metarnask.live", Some("SIMILAR_DOMAIN")),
        ("metamask.io", None),
        ("app.uniswap.org", None),
        ("etherscan.io", None),
        ("wikipedia.org", None),
    ] {
        let (_, answer) = vendor
            .post("/v1/domain", json!({"domain": domain}).to_string())
            .await;
        assert_eq!(codes(&answer).first().copied(), code, "{domain}");
    }
}

#[tokio::test]
async fn malformed_input_gets_a_typed_error() {
    let vendor = vendor(|config| config.limits.body_bytes = 2048).await;
    let from = json!({"chainId": "0x1", "transaction": {"from": "0x12"}}).to_string();
    let raw = json!({"chainId": "0x1", "transaction": {"from": SENDER, "raw": "0x02"}}).to_string();
    for (body, status, code) in [
        ("{".to_owned(), 400, "malformed_request"),
        ("[]".to_owned(), 400, "malformed_request"),
        ("{}".to_owned(), 400, "malformed_request"),
        ("[".repeat(1000), 400, "malformed_request"),
        (from, 400, "malformed_request"),
        (raw, 400, "malformed_transaction"),
        (" ".repeat(4096), 413, "too_large"),
    ] {
        let (seen, answer) = vendor.post("/v1/screen", body.clone()).await;
        assert_eq!(
            (seen, &answer["error"]["code"]),
            (status, &json!(code)),
            "{body:.40}: {answer}"
        );
    }
    assert_eq!(vendor.get("/v1/screen").await.0, 405);
    assert_eq!(vendor.get("/nothing").await.1["error"]["code"], "not_found");
}

#[tokio::test]
async fn tells_its_health_and_its_interface() {
    let vendor = vendor(|_| {}).await;
    assert_eq!(vendor.get("/v1/health").await.1["status"], "ok");
    let (_, document) = vendor.get("/openapi.json").await;
    for path in ["/v1/screen", "/v1/domain", "/v1/health"] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
}

#[tokio::test]
async fn more_requests_at_once_than_the_limit_are_answered_503() {
    let vendor = vendor(|config| config.limits.requests = 0).await;
    let (status, answer) = vendor.post("/v1/screen", "{}").await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (503, &Value::from("overloaded"))
    );
}

#[tokio::test]
async fn a_slow_request_head_is_cut_off() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let vendor = vendor(|config| config.limits.header_timeout_ms = 200).await;
    let mut stream = tokio::net::TcpStream::connect(vendor.url.trim_start_matches("http://"))
        .await
        .unwrap();
    stream
        .write_all(b"POST /v1/screen HTTP/1.1\r\nHost: x\r\n")
        .await
        .unwrap();
    let mut rest = Vec::new();
    let read = stream.read_to_end(&mut rest);
    tokio::time::timeout(std::time::Duration::from_secs(5), read)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_body_that_never_ends_is_answered_504() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let vendor = vendor(|config| config.limits.request_timeout_ms = 200).await;
    let mut stream = tokio::net::TcpStream::connect(vendor.url.trim_start_matches("http://"))
        .await
        .unwrap();
    stream
        .write_all(b"POST /v1/screen HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
        .await
        .unwrap();
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 504");
}
