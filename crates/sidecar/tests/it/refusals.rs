//! Every refusal that a consumer can meet, with its own status and code, and that none of them reaches the vendor.

use crate::buyer::{Buyer, NOW, Signed};
use crate::operators::Operators;
use crate::running::Setting;
use rampart_protocol::{ProviderId, ServiceId, Timestamp};
use std::sync::atomic::Ordering;

/// Sends each request and asserts its status and code.
async fn refuse(setting: &Setting, cases: Vec<(&str, Signed, u16, &str)>) {
    for (what, request, status, code) in cases {
        let before = setting.vendor.seen().len();
        let answer = setting.sidecar.send(&request).await;
        assert_eq!(
            answer.refusal(),
            (status, code.to_owned()),
            "{what}: {}",
            answer.text()
        );
        if status != 402 {
            assert_eq!(answer.json()["error"]["code"], code, "{what}");
        }
        assert_eq!(setting.vendor.seen().len(), before, "{what} reached the vendor");
    }
}

#[tokio::test]
async fn a_token_must_be_signed_for_this_request_and_this_moment() {
    let setting = Setting::start().await;
    let buyer = Buyer::new(1);
    let us = setting.sidecar.authority.clone();
    let confirmation = setting.operators.confirm(&buyer.record);
    let first = buyer.post(&us, "/v1", b"first", 1).confirmed_by(&confirmation);
    assert_eq!(setting.sidecar.send(&first).await.status, 200);

    let post = || buyer.post(&us, "/v1", b"body", 2);
    // The first character of the base64 stands behind `rampart=:` and `sha-256=:` alike.
    let flip = |value: &str| {
        let other = if value[9..].starts_with('A') { "B" } else { "A" };
        format!("{}{other}{}", &value[..9], &value[10..])
    };
    let mut altered_body = post();
    altered_body.body = b"Body".to_vec();
    let mut shorter_body = post();
    shorter_body.body.pop();
    let mut no_body = post();
    no_body.body.clear();
    let mut other_path = post();
    other_path.target = "/v2".to_owned();
    let mut other_query = post();
    other_query.target = "/v1?x".to_owned();
    let mut other_method = post();
    other_method.method = "PUT".to_owned();
    let mut unsigned = post();
    unsigned.headers.clear();
    let mut half_signed = post();
    half_signed.headers.remove(1);
    refuse(
        &setting,
        vec![
            ("no token", unsigned, 402, "payment_required"),
            ("no Signature", half_signed, 401, "bad_signature_input"),
            (
                "two Signature-Inputs",
                post().header("signature-input", "rampart=()"),
                401,
                "bad_signature_input",
            ),
            (
                "two Signatures",
                post().header("signature", "rampart=::"),
                401,
                "bad_signature_input",
            ),
            (
                "two Content-Digests",
                post().header("content-digest", "sha-256=::"),
                401,
                "bad_signature_input",
            ),
            (
                "another algorithm",
                post().altered("signature-input", |v| v.replace("ed25519", "hmac-sha256")),
                401,
                "bad_signature_input",
            ),
            (
                "another label",
                post().altered("signature-input", |v| v.replace("rampart=", "sig1=")),
                401,
                "bad_signature_input",
            ),
            (
                "nonce zero",
                post().altered("signature-input", |v| v.replace("nonce=\"2\"", "nonce=\"0\"")),
                401,
                "bad_signature_input",
            ),
            (
                "a body that is not covered",
                buyer
                    .get(&us, "/v1", 2)
                    .altered("signature", flip)
                    .with_body(b"x"),
                401,
                "bad_signature_input",
            ),
            ("a missing body", no_body, 401, "bad_signature_input"),
            (
                "another sequence number than signed",
                post().altered("signature-input", |v| v.replace("nonce=\"2\"", "nonce=\"3\"")),
                401,
                "bad_signature",
            ),
            (
                "an altered signature",
                post().altered("signature", flip),
                401,
                "bad_signature",
            ),
            ("another path", other_path, 401, "bad_signature"),
            ("another query", other_query, 401, "bad_signature"),
            ("another method", other_method, 401, "bad_signature"),
            (
                "signed for another host",
                buyer.post("other.example", "/v1", b"body", 2),
                401,
                "bad_signature",
            ),
            (
                "sent to another host",
                buyer
                    .post("other.example", "/v1", b"body", 2)
                    .header("host", "other.example"),
                421,
                "wrong_authority",
            ),
            ("an altered body", altered_body, 400, "digest_mismatch"),
            ("a shorter body", shorter_body, 400, "digest_mismatch"),
            (
                "another digest",
                post().altered("content-digest", flip),
                401,
                "bad_signature",
            ),
            (
                "made in the future",
                buyer.sign("GET", &us, "/v1", None, 2, NOW + 31),
                401,
                "stale_signature",
            ),
            (
                "too old",
                buyer.sign("GET", &us, "/v1", None, 2, NOW - 91),
                401,
                "stale_signature",
            ),
            ("a replay", first.clone(), 409, "replayed"),
            (
                "a used number on another request",
                buyer.get(&us, "/v1", 1),
                409,
                "replayed",
            ),
            ("request N+1", buyer.get(&us, "/v1", 11), 429, "exhausted"),
            (
                "a body over the limit",
                buyer.post(&us, "/v1", &[0; 100_001], 2),
                413,
                "too_large",
            ),
            (
                "a long target",
                buyer.get(&us, &format!("/{}", "a".repeat(2000)), 2),
                414,
                "target_too_long",
            ),
            (
                "an empty segment",
                buyer.get(&us, "/two//v1", 2),
                400,
                "bad_request",
            ),
            (
                "no such own path",
                Signed {
                    target: "/.rampart/nothing".to_owned(),
                    ..first.clone()
                },
                404,
                "unknown_path",
            ),
        ],
    )
    .await;
    assert_eq!(
        setting.sidecar.send(&post()).await.status,
        200,
        "no refusal used the number up"
    );
}

#[tokio::test]
async fn a_purchase_must_be_ours_and_still_be_good() {
    let setting = Setting::start().await;
    let us = setting.sidecar.authority.clone();
    let foreign = Buyer::new(2).with(|record| record.provider = ProviderId(2));
    let other_service = Buyer::new(3).with(|record| record.service = ServiceId(2));
    let not_sold = Buyer::new(4).with(|record| record.service = ServiceId(9));
    let expired = Buyer::new(5).with(|record| record.expires_at = Timestamp(NOW));
    let expiring = Buyer::new(6).with(|record| record.expires_at = Timestamp(NOW + 10));
    let unknown = Buyer::new(7);
    let confirmed = |buyer: &Buyer, n| {
        buyer
            .get(&us, "/v1", n)
            .confirmed_by(&setting.operators.confirm(&buyer.record))
    };
    assert_eq!(setting.sidecar.send(&confirmed(&expiring, 1)).await.status, 200);
    refuse(
        &setting,
        vec![
            (
                "another provider's purchase",
                confirmed(&foreign, 1),
                403,
                "wrong_provider",
            ),
            (
                "another service's purchase",
                confirmed(&other_service, 1),
                403,
                "wrong_service",
            ),
            (
                "a purchase of a service not sold here",
                confirmed(&not_sold, 1),
                403,
                "wrong_service",
            ),
            ("an expired purchase", confirmed(&expired, 1), 410, "expired"),
            (
                "an unknown purchase",
                unknown.get(&us, "/v1", 1),
                404,
                "unknown_purchase",
            ),
            (
                "another purchase's confirmation",
                unknown
                    .get(&us, "/v1", 1)
                    .confirmed_by(&setting.operators.confirm(&expiring.record)),
                400,
                "bad_confirmation",
            ),
            (
                "a confirmation that is none",
                unknown
                    .get(&us, "/v1", 1)
                    .header("rampart-confirmation", ":AAAA:"),
                400,
                "bad_confirmation",
            ),
            (
                "two confirmations",
                confirmed(&unknown, 1).header("rampart-confirmation", ":AAAA:"),
                400,
                "bad_confirmation",
            ),
        ],
    )
    .await;
    setting.sidecar.clock.store(NOW + 10, Ordering::SeqCst);
    refuse(
        &setting,
        vec![(
            "a purchase that expired meanwhile",
            expiring.get(&us, "/v1", 2),
            410,
            "expired",
        )],
    )
    .await;
}

#[tokio::test]
async fn only_the_operators_can_confirm() {
    let setting = Setting::start().await;
    let us = setting.sidecar.authority.clone();
    let buyer = Buyer::new(1);
    let good = setting.operators.confirm(&buyer.record);
    let mut more_requests = good.clone();
    more_requests.record.requests = 1_000;
    let mut stolen = good.clone();
    stolen.record.access_key = Buyer::new(9).record.access_key;
    let mut other_root = setting.operators.confirm(&more_requests.record);
    other_root.finalization = good.finalization.clone();
    let mut broken = good.clone();
    broken.finalization = good.finalization[..good.finalization.len() - 1].to_vec().into();
    let strangers = Operators::new(100).confirm(&buyer.record);
    let mut grandchild = setting.operators.confirm(&buyer.record);
    grandchild.descendants = vec![good.header.clone()];
    let send = |confirmation| buyer.get(&us, "/v1", 1).confirmed_by(confirmation);
    let unproven = "unproven_confirmation";
    refuse(
        &setting,
        vec![
            ("more requests than bought", send(&more_requests), 403, unproven),
            ("another access key", send(&stolen), 403, unproven),
            ("another block's certificate", send(&other_root), 403, unproven),
            ("a broken certificate", send(&broken), 403, unproven),
            ("a descendant that is none", send(&grandchild), 403, unproven),
            ("strangers' certificate", send(&strangers), 403, unproven),
        ],
    )
    .await;
    for byte in (0..good.to_bytes().len()).step_by(7) {
        let mut flipped = good.to_bytes();
        flipped[byte] ^= 1;
        let answer = setting.sidecar.post("/.rampart/confirmations", flipped).await;
        assert!(
            (400..500).contains(&answer.status),
            "flipped byte {byte}: {}",
            answer.text()
        );
    }
    let long = setting
        .sidecar
        .post("/.rampart/confirmations", vec![0; 24 * 1024 + 1])
        .await;
    assert_eq!(long.refusal(), (413, "too_large".to_owned()));
    assert_eq!(setting.sidecar.metric("purchases").await, 0);
    assert_eq!(
        setting.sidecar.metric("refusals_total{code=\"too_large\"}").await,
        1
    );
    assert_eq!(setting.sidecar.send(&send(&good)).await.status, 200);
}

impl Signed {
    fn with_body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self
    }
}
