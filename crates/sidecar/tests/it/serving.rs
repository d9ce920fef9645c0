//! What a paying consumer gets.

use crate::buyer::Buyer;
use crate::running::{Running, Setting, config};
use std::collections::BTreeSet;

#[tokio::test]
async fn a_confirmation_is_sent_once_and_then_signatures_suffice() {
    let Setting {
        operators,
        vendor,
        sidecar,
        dir: _dir,
    } = Setting::start().await;
    let buyer = Buyer::new(1);
    let confirmation = operators.confirm(&buyer.record);
    let first = buyer
        .post(&sidecar.authority, "/v1/screen?chain=1", b"{\"to\":\"0x1\"}", 1)
        .confirmed_by(&confirmation)
        .header("rampart-consumer", "forged")
        .header("x-own", "kept");
    let answer = sidecar.send(&first).await;
    assert_eq!(
        (answer.status, answer.used(), answer.text()),
        (200, "1/10", "{\"to\":\"0x1\"}")
    );
    let answer = sidecar
        .send(&buyer.get(&sidecar.authority, "/v1/health", 2))
        .await;
    assert_eq!((answer.status, answer.used()), (200, "2/10"));

    let seen = vendor.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(
        (seen[0].method.as_str(), seen[0].target.as_str()),
        ("POST", "/v1/screen?chain=1")
    );
    let headers = &seen[0].headers;
    assert_eq!(
        headers["rampart-purchase"],
        format!("{:#x}", buyer.record.id.0).as_str()
    );
    assert_eq!(
        headers["rampart-consumer"],
        format!("{:#x}", buyer.record.consumer).as_str()
    );
    assert_eq!(
        (headers["x-own"].as_bytes(), headers["content-length"].as_bytes()),
        (&b"kept"[..], &b"12"[..])
    );
    for gone in ["signature", "signature-input", "rampart-confirmation"] {
        assert!(!headers.contains_key(gone), "{gone} reached the vendor");
    }
    assert_ne!(headers["host"], sidecar.authority.as_str());
    assert!(seen[1].body.is_empty());
}

#[tokio::test]
async fn a_confirmation_can_be_handed_in_beforehand() {
    let Setting {
        operators,
        sidecar,
        dir: _dir,
        ..
    } = Setting::start().await;
    let buyers: Vec<Buyer> = (1..=3).map(Buyer::new).collect();
    let records: Vec<_> = buyers.iter().map(|buyer| buyer.record).collect();
    // Three of four operators are a quorum.
    for (buyer, confirmation) in buyers.iter().zip(operators.confirm_by(3, &records)) {
        let answer = sidecar
            .post("/.rampart/confirmations", confirmation.to_bytes())
            .await;
        assert_eq!((answer.status, answer.used()), (201, "0/10"));
        assert_eq!(answer.json()["purchase"], format!("{:#x}", buyer.record.id.0));
        let again = sidecar
            .post("/.rampart/confirmations", confirmation.to_bytes())
            .await;
        assert_eq!(again.status, 200);
        assert_eq!(
            sidecar.send(&buyer.get(&sidecar.authority, "/", 1)).await.status,
            200
        );
    }
}

#[tokio::test]
async fn the_service_of_the_path_decides_which_purchase_counts() {
    let Setting {
        operators,
        vendor,
        sidecar,
        dir: _dir,
    } = Setting::start().await;
    let buyer = Buyer::new(1).with(|record| record.service = rampart_protocol::ServiceId(2));
    let request = buyer
        .get(&sidecar.authority, "/two/v1?x=/one", 1)
        .confirmed_by(&operators.confirm(&buyer.record));
    assert_eq!(sidecar.send(&request).await.status, 200);
    assert_eq!(
        vendor.seen()[0].target,
        "/v1?x=/one",
        "the prefix gives way to the upstream's base path"
    );
}

#[tokio::test]
async fn responses_stream_within_their_limit_and_lose_what_is_not_theirs() {
    let Setting {
        operators,
        sidecar,
        dir: _dir,
        ..
    } = Setting::start_with(|config| config.limits.idle_timeout_ms = 1_000).await;
    let buyer = Buyer::new(1);
    let confirmation = operators.confirm(&buyer.record);
    let large = buyer
        .get(&sidecar.authority, "/large", 1)
        .confirmed_by(&confirmation);
    let answer = sidecar.send(&large).await;
    assert_eq!((answer.status, answer.body.len()), (200, 3_000_000));
    assert_eq!(answer.headers["content-length"], "3000000");

    let endless = sidecar
        .try_send(&buyer.get(&sidecar.authority, "/endless", 2))
        .await;
    assert!(
        endless.is_err(),
        "an answer beyond the limit is cut off: {endless:?}"
    );
    let stalled = sidecar
        .try_send(&buyer.get(&sidecar.authority, "/stalls", 3))
        .await;
    assert!(stalled.is_err(), "an answer that stalls is cut off");

    let forged = sidecar.send(&buyer.get(&sidecar.authority, "/forges", 4)).await;
    assert_eq!(
        (
            forged.used(),
            forged.headers.contains_key("x-hop"),
            forged.headers.contains_key("x-kept")
        ),
        ("4/10", false, true)
    );
    let empty = sidecar.send(&buyer.get(&sidecar.authority, "/empty", 5)).await;
    assert_eq!((empty.status, empty.used()), (204, "5/10"));
    let head = buyer.sign("HEAD", &sidecar.authority, "/large", None, 6, crate::buyer::NOW);
    let head = sidecar.send(&head).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[tokio::test]
async fn connections_to_the_vendor_are_reused() {
    let Setting {
        operators,
        vendor,
        sidecar,
        dir: _dir,
    } = Setting::start().await;
    let buyer = Buyer::new(1).with(|record| record.requests = 100);
    let confirmation = operators.confirm(&buyer.record);
    for n in 1..=40 {
        let path = if n % 2 == 0 { "/empty" } else { "/v1" };
        let request = buyer.get(&sidecar.authority, path, n).confirmed_by(&confirmation);
        assert!(sidecar.send(&request).await.status < 300);
    }
    let peers: BTreeSet<_> = vendor.seen().iter().map(|seen| seen.peer).collect();
    assert_eq!(peers.len(), 1, "{peers:?}");
}

#[tokio::test]
async fn a_rate_limit_holds_for_each_purchase_by_itself() {
    let Setting {
        operators,
        sidecar,
        dir: _dir,
        ..
    } = Setting::start_with(|config| config.limits.requests_per_second = 3).await;
    let (one, other) = (Buyer::new(1), Buyer::new(2));
    let confirmations = operators.confirm_by(4, &[one.record, other.record]);
    let mut limited = 0;
    for n in 1..=8 {
        let request = one
            .get(&sidecar.authority, "/", n)
            .confirmed_by(&confirmations[0]);
        let answer = sidecar.send(&request).await;
        if answer.status != 200 {
            assert_eq!(answer.refusal(), (429, "rate_limited".to_owned()));
            assert_eq!(answer.headers["retry-after"], "1");
            limited += 1;
        }
    }
    assert!(limited >= 1);
    let request = other
        .get(&sidecar.authority, "/", 1)
        .confirmed_by(&confirmations[1]);
    assert_eq!(sidecar.send(&request).await.status, 200);
}

#[tokio::test]
async fn the_authority_may_be_a_public_name() {
    let (operators, vendor) = (
        crate::operators::Operators::new(1),
        crate::vendor::Vendor::default(),
    );
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(&operators, &vendor.start().await, dir.path());
    config.authority = Some("api.vendor.example".to_owned());
    let sidecar = Running::start(config).await;
    let buyer = Buyer::new(1);
    let request = buyer
        .get("api.vendor.example", "/", 1)
        .confirmed_by(&operators.confirm(&buyer.record))
        .header("host", "API.vendor.example:443");
    assert_eq!(sidecar.send(&request).await.status, 200);
    assert_eq!(
        sidecar.get("/.rampart/health").await.json()["authority"],
        "api.vendor.example"
    );
}
