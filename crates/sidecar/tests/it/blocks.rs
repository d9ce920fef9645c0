//! Requests by `hmac-sha256` under a block of numbers that one signature authorised.

use crate::buyer::{Buyer, Signed};
use crate::running::{Answer, Running, Setting, config};
use rampart_protocol::mac::{AgreementSecret, MacKey};
use rampart_protocol::usage::verify_voucher;
use rampart_sidecar::admin::UsageView;
use serde_json::json;
use std::sync::Arc;

fn secret() -> AgreementSecret {
    AgreementSecret::new([7; 32])
}

fn buyer() -> Buyer {
    Buyer::new(1).with(|record| record.requests = 100)
}

/// Opens a block with the buyer's confirmation.
async fn open(setting: &Setting, buyer: &Buyer, from: u64, to: u64) -> Answer {
    let request = buyer
        .block(&setting.sidecar.authority, from, to, &secret())
        .confirmed_by(&setting.operators.confirm(&buyer.record));
    setting.sidecar.send(&request).await
}

async fn key(setting: &Setting, buyer: &Buyer, from: u64, to: u64) -> MacKey {
    let answer = open(setting, buyer, from, to).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.used(), format!("{to}/100"));
    let opened = answer.json();
    assert_eq!(
        (opened["from"].as_u64(), opened["to"].as_u64()),
        (Some(from), Some(to))
    );
    buyer.mac_key(&opened, &secret())
}

async fn usage(sidecar: &Running, buyer: &Buyer) -> UsageView {
    let path = format!("/.rampart/usage/{:#x}", buyer.record.id.0);
    serde_json::from_value(sidecar.admin(&path).await.1).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_number_of_a_block_is_served_once_and_all_are_proven_by_its_voucher() {
    let (setting, buyer) = (Arc::new(Setting::start().await), Arc::new(buyer()));
    let key = key(&setting, &buyer, 1, 64).await;
    let tasks: Vec<_> = (0..150_u64)
        .map(|i| {
            let (setting, buyer, key) = (Arc::clone(&setting), Arc::clone(&buyer), key.clone());
            tokio::spawn(async move {
                let authority = &setting.sidecar.authority;
                let request = buyer.post_by_mac(authority, "/v1", b"x", 1 + (i * 37) % 70, &key);
                setting.sidecar.send(&request).await.refusal()
            })
        })
        .collect();
    let (mut served, mut replayed, mut outside) = (0, 0, 0);
    for task in tasks {
        let (status, refusal) = task.await.unwrap();
        match (status, refusal.as_str()) {
            (200, _) => served += 1,
            (409, "replayed") => replayed += 1,
            // Beyond the block, or the whole of it was used by then.
            (409, "unknown_block") => outside += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((served, served + replayed + outside), (64, 150));
    assert_eq!(setting.vendor.seen().len(), 64);
    let usage = usage(&setting.sidecar, &buyer).await;
    let report = usage.report.unwrap();
    assert_eq!((usage.served, usage.in_flight, report.used.0), (64, 0, 64));
    verify_voucher(
        &buyer.record.access_key,
        buyer.record.id,
        report.used,
        &report.voucher,
        &report.signature,
    )
    .unwrap();
}

#[tokio::test]
async fn a_mac_holds_for_its_own_request_number_and_purchase_only() {
    let setting = Setting::start().await;
    let (buyer, other) = (buyer(), Buyer::new(2).with(|record| record.requests = 100));
    let (key, others) = (
        key(&setting, &buyer, 1, 10).await,
        key(&setting, &other, 1, 10).await,
    );
    let authority = &setting.sidecar.authority;
    let sidecar = &setting.sidecar;
    let sent = |request: Signed| async move { sidecar.send(&request).await.refusal() };
    let bad = (401, "bad_signature".to_owned());
    assert_eq!(
        sent(buyer.post_by_mac(authority, "/v1", b"x", 1, &others)).await,
        bad
    );
    let elsewhere = buyer.post_by_mac("other.example", "/v1", b"x", 1, &key);
    assert_eq!(sent(elsewhere).await, bad);
    let mut moved = buyer.post_by_mac(authority, "/v1", b"x", 1, &key);
    moved.target = "/v2".to_owned();
    assert_eq!(sent(moved).await, bad);
    let renumbered = buyer
        .post_by_mac(authority, "/v1", b"x", 1, &key)
        .altered("signature-input", |field| {
            field.replace("nonce=\"1\"", "nonce=\"2\"")
        });
    assert_eq!(sent(renumbered).await, bad);
    let mut body = buyer.post_by_mac(authority, "/v1", b"x", 1, &key);
    body.body = b"y".to_vec();
    assert_eq!(sent(body).await, (400, "digest_mismatch".to_owned()));
    let two = buyer.post_by_mac(authority, "/two", b"x", 1, &key);
    assert_eq!(sent(two).await, (403, "wrong_service".to_owned()));
    let beyond = buyer.post_by_mac(authority, "/v1", b"x", 101, &key);
    assert_eq!(sent(beyond).await, (429, "exhausted".to_owned()));
    let outside = buyer.post_by_mac(authority, "/v1", b"x", 11, &key);
    assert_eq!(sent(outside).await, (409, "unknown_block".to_owned()));
    assert_eq!(setting.vendor.seen().len(), 0);
    assert_eq!(
        sent(buyer.post_by_mac(authority, "/v1", b"x", 1, &key)).await.0,
        200
    );
}

#[tokio::test]
async fn what_is_no_block_is_refused_and_uses_nothing() {
    let setting = Setting::start().await;
    let buyer = buyer();
    let authority = setting.sidecar.authority.clone();
    let confirmation = setting.operators.confirm(&buyer.record);
    let ours = secret().public();
    let bodies = [
        ("{}".to_owned(), "bad_block"),
        ("no json".to_owned(), "bad_block"),
        (json!({ "from": 0, "key": ours }).to_string(), "bad_block"),
        (json!({ "from": 51, "key": ours }).to_string(), "bad_block"),
        (
            json!({ "from": 1, "key": ours, "more": 1 }).to_string(),
            "bad_block",
        ),
        (
            json!({ "from": 1, "key": format!("0x{}", "00".repeat(32)) }).to_string(),
            "bad_block",
        ),
        (
            format!("{}{}", json!({ "from": 1, "key": ours }), " ".repeat(600)),
            "too_large",
        ),
    ];
    for (body, refusal) in &bodies {
        let request = buyer
            .post(&authority, "/.rampart/blocks", body.as_bytes(), 50)
            .confirmed_by(&confirmation);
        assert_eq!(
            setting.sidecar.send(&request).await.refusal().1,
            *refusal,
            "{body}"
        );
    }
    let forged = buyer
        .block(&authority, 1, 50, &secret())
        .altered("signature", |field| {
            let other = if &field[20..21] == "A" { "B" } else { "A" };
            format!("{}{other}{}", &field[..20], &field[21..])
        });
    assert_eq!(
        setting
            .sidecar
            .send(&forged.confirmed_by(&confirmation))
            .await
            .refusal()
            .1,
        "bad_signature"
    );
    assert_eq!(open(&setting, &buyer, 60, 101).await.refusal().1, "exhausted");
    let large = Buyer::new(3).with(|record| record.requests = 10_000);
    assert_eq!(open(&setting, &large, 1, 1025).await.refusal().1, "bad_block");
    assert_eq!(open(&setting, &large, 1, 1024).await.status, 201);
    // Nothing was used: the whole package is still there in one block.
    key(&setting, &buyer, 1, 100).await;
    assert_eq!(open(&setting, &buyer, 50, 100).await.refusal().1, "replayed");
    let single = buyer.get(&authority, "/v1", 50);
    assert_eq!(setting.sidecar.send(&single).await.refusal().1, "replayed");
}

#[tokio::test]
async fn an_orderly_stop_gives_the_rest_of_a_block_back() {
    let setting = Setting::start().await;
    let buyer = buyer();
    let key = key(&setting, &buyer, 1, 50).await;
    let Setting {
        operators,
        vendor,
        sidecar,
        dir,
    } = setting;
    let authority = sidecar.authority.clone();
    for n in 1..=3 {
        let request = buyer.post_by_mac(&authority, "/v1", b"x", n, &key);
        assert_eq!(sidecar.send(&request).await.status, 200);
    }
    sidecar.stop().await;
    let mut config = config(&operators, &vendor.start().await, dir.path());
    config.authority = Some(authority.clone());
    let sidecar = Running::start(config).await;
    let by_mac = buyer
        .post_by_mac(&authority, "/v1", b"x", 4, &key)
        .header("host", &authority);
    let refusal = sidecar.send(&by_mac).await.refusal();
    assert_eq!(refusal, (409, "unknown_block".to_owned()), "the key is gone");
    let single = buyer.get(&authority, "/v1", 4).header("host", &authority);
    assert_eq!(sidecar.send(&single).await.status, 200);
    assert_eq!(usage(&sidecar, &buyer).await.served, 4);
    let again = buyer
        .block(&authority, 5, 50, &secret())
        .header("host", &authority);
    assert_eq!(sidecar.send(&again).await.status, 201);
}

#[tokio::test]
async fn a_number_of_a_block_whose_request_failed_upstream_can_be_used_again() {
    let setting = Setting::start_with(|config| {
        config.services[0].upstream = "http://127.0.0.1:9".to_owned();
    })
    .await;
    let buyer = buyer();
    let key = key(&setting, &buyer, 1, 50).await;
    let request = buyer.post_by_mac(&setting.sidecar.authority, "/v1", b"x", 1, &key);
    for _ in 0..2 {
        assert_eq!(setting.sidecar.send(&request).await.refusal().1, "upstream");
    }
    let usage = usage(&setting.sidecar, &buyer).await;
    assert_eq!((usage.served, usage.report), (0, None));
}
