//! Many transactions in one request: each is answered for itself, and none spoils another.

use super::http::{Answer, post};
use super::{BATCHES, FORGED, STRANGER, account, eventually, market};
use rampart_node::api::{MAX_BATCH, MAX_BATCH_BODY, MAX_BATCHES, MAX_BODY};
use rampart_protocol::api::{BatchEntry, TransactionStatus};
use rampart_protocol::{Nonce, SignedTransaction};
use serde_json::json;
use tokio::sync::Mutex;

/// One of these tests takes all places.
static PLACES: Mutex<()> = Mutex::const_new(());

const ROUTE: &str = "/v1/transactions/batch";

fn told(entry: &BatchEntry) -> (TransactionStatus, &str) {
    (
        entry.status,
        entry.error.as_ref().map_or("", |error| error.name.as_str()),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_answered_one_by_one_in_its_order() {
    use TransactionStatus::{Applied, Pending, Rejected, Unknown};
    let _places = PLACES.lock().await;
    let market = market().await;
    let mut bad = market.withdrawal(FORGED, 0, 1);
    bad.signature[64] = 9;
    let good = |nonce| market.withdrawal(BATCHES, nonce, 1);
    let batch = [
        good(0),
        bad,
        good(2),
        market.withdrawal(STRANGER, 0, 1),
        good(1),
        good(0),
        good(100_000),
    ];
    let client = market.operator.client();
    let entries = client.submit_batch(&batch).await.unwrap();
    let told: Vec<_> = entries.iter().map(told).collect();
    let expected = [
        (Pending, ""),
        (Unknown, "bad_signature"),
        (Pending, ""),
        (Rejected, "UnknownAccount"),
        (Pending, ""),
        (Pending, ""),
        (Unknown, "far_nonce"),
    ];
    assert_eq!(told, expected);
    let hashes: Vec<_> = batch.iter().map(SignedTransaction::hash).collect();
    assert!(entries.iter().zip(hashes).all(|(entry, hash)| entry.hash == hash));
    let address = account(BATCHES).address();
    eventually("the three withdrawals", || async {
        let view = client.account(address).await.unwrap();
        (view.nonce == Nonce(3)).then_some(())
    })
    .await;
    let again = client.submit_batch(&batch[..1]).await.unwrap();
    assert_eq!(again[0].status, Applied);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_too_long_or_too_large_is_refused_whole() {
    let _places = PLACES.lock().await;
    let market = market().await;
    let send = async |body: String| -> Answer { post(market.operator.api, ROUTE, body).await };
    let one = json!(market.withdrawal(STRANGER, 0, 1)).to_string();
    let many = |count: usize| format!("[{}]", vec![one.as_str(); count].join(","));
    assert!(many(MAX_BATCH + 1).len() > MAX_BODY);
    send(many(MAX_BATCH + 1)).await.is_error(400, "too_many");
    assert_eq!(send(many(MAX_BATCH)).await.status, 200);
    assert_eq!(send("[]".to_owned()).await.status, 200);
    send(one.clone()).await.is_error(422, "malformed_json");
    send(format!("[{one},{{}}]"))
        .await
        .is_error(422, "malformed_json");
    send(" ".repeat(MAX_BATCH_BODY + 1))
        .await
        .is_error(413, "too_large");
    // The other routes take no more than before.
    let single = post(market.operator.api, "/v1/transactions", " ".repeat(MAX_BODY + 1)).await;
    single.is_error(413, "too_large");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_batches_take_places_of_their_own() {
    let _places = PLACES.lock().await;
    let market = market().await;
    let api = market.operator.api;
    let head = format!(
        "POST {ROUTE} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n["
    );
    // Each attempt has bodies of its own, since they are waited for no longer than 10 s.
    let (refused, slow) = eventually("the places to be taken", || async {
        let mut slow = Vec::new();
        for _ in 0..MAX_BATCHES {
            slow.push(super::http::open(api, head.as_bytes()).await);
        }
        let answer = post(api, ROUTE, "[]").await;
        (answer.status == 503).then_some((answer, slow))
    })
    .await;
    refused.is_error(503, "overloaded");
    post(api, "/v1/transactions", "{}")
        .await
        .is_error(422, "malformed_json");
    drop(slow);
    eventually("a place", || async {
        Some(post(api, ROUTE, "[]").await).filter(|answer| answer.status == 200)
    })
    .await;
}
