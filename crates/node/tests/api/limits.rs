//! Clients that wait, crawl or talk nonsense: what is taken at once is bounded, and nobody else is held up.

use super::http::{open, parse, post, rest};
use super::{WAITS, eventually, market};
use rampart_node::api::MAX_SUBMISSIONS;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[tokio::test(flavor = "multi_thread")]
async fn submissions_that_wait_are_bounded_and_do_not_shut_out_questions() {
    let market = market().await;
    let api = market.operator.api;
    // It waits for nonce 0, which never comes.
    let body = serde_json::to_string(&market.withdrawal(WAITS, 1, 1)).unwrap();
    let waiting = format!(
        "POST /v1/transactions?wait=60 HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut waiters = Vec::new();
    for _ in 0..MAX_SUBMISSIONS {
        waiters.push(open(api, waiting.as_bytes()).await);
    }
    let short = || post(api, "/v1/transactions", "{}");
    let refused = eventually("the places to be taken", || async {
        Some(short().await).filter(|answer| answer.status == 503)
    })
    .await;
    refused.is_error(503, "overloaded");
    assert_eq!(market.get("/v1/status").await.status, 200);
    drop(waiters);
    // Those who hang up give their places back.
    eventually("a place", || async {
        Some(short().await).filter(|answer| answer.status == 422)
    })
    .await;
    market.operator.advances().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_are_cut_off_and_hold_nobody_up() {
    let market = market().await;
    let api = market.operator.api;
    let mut slow: Vec<TcpStream> = Vec::new();
    for _ in 0..100 {
        slow.push(open(api, b"GET /v1/status HTTP/1.1\r\nHost: a\r\nx").await);
    }
    let body = b"POST /v1/transactions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{";
    let mut half = open(api, body).await;
    let started = Instant::now();
    for _ in 0..20 {
        assert_eq!(market.get("/v1/status").await.status, 200);
    }
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
    parse(&rest(&mut half).await).is_error(408, "slow_body");
    let trickle = async {
        // One byte at a time does not help.
        let mut stream = slow.pop().unwrap();
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(40), trickle)
        .await
        .unwrap();
    for mut stream in slow {
        rest(&mut stream).await;
    }
    assert!(
        started.elapsed() < Duration::from_secs(60),
        "{:?}",
        started.elapsed()
    );
    market.operator.advances().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_and_pipelined_requests_do_no_harm() {
    let market = market().await;
    let api = market.operator.api;
    let long = vec![b'A'; 64 * 1024];
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"\0\0\0\0\0\0\0\0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /v1/status\r\n\r\n",
        b"GET /v1/status HTTP/1.1\nHost a\n\n",
        b"POST /v1/transactions HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nzzzz",
        b"POST /v1/transactions HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /v1/transactions HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        &long,
    ] {
        let mut stream = open(api, garbage).await;
        stream.shutdown().await.unwrap_or_default();
        let said = rest(&mut stream).await;
        let said = String::from_utf8_lossy(&said);
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "{said}");
    }
    // Good requests before garbage are answered, and the garbage is not taken for one.
    let mut pipelined = b"GET /v1/status HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3);
    pipelined.extend_from_slice(b"garbage garbage\r\n\r\n");
    let mut stream = open(api, &pipelined).await;
    let said = String::from_utf8(rest(&mut stream).await).unwrap();
    assert_eq!(said.matches("HTTP/1.1 200 OK").count(), 3, "{said}");
    assert_eq!(said.matches("HTTP/1.1 400 ").count(), 1, "{said}");
    // Clients that come and go at once.
    for _ in 0..200 {
        drop(TcpStream::connect(api).await.unwrap());
    }
    let mut kept = open(api, b"GET /v1/status HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut buffer = [0; 16];
    kept.read_exact(&mut buffer).await.unwrap();
    assert_eq!(&buffer[..12], b"HTTP/1.1 200");
    market.operator.advances().await;
}
