//! Bytes that no honest client sends, at the real port.

use crate::buyer::Buyer;
use crate::running::{Setting, read_to_end};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

#[tokio::test]
async fn malformed_heads_are_refused_and_the_next_client_is_served() {
    let setting = Setting::start().await;
    let us = &setting.sidecar.authority;
    let big = "x".repeat(60_000);
    for (what, bytes, statuses) in [
        ("nonsense", "nonsense\r\n\r\n".to_owned(), &["400"][..]),
        ("no version", "GET /\r\n\r\n".to_owned(), &["400"]),
        (
            "HTTP/1.0",
            format!("GET / HTTP/1.0\r\nhost: {us}\r\n\r\n"),
            &["400"],
        ),
        (
            "HTTP/2",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
            &["400", ""],
        ),
        ("no host", "GET / HTTP/1.1\r\n\r\n".to_owned(), &["400"]),
        (
            "two hosts",
            format!("GET / HTTP/1.1\r\nhost: {us}\r\nhost: {us}\r\n\r\n"),
            &["400"],
        ),
        (
            "an absolute target",
            format!("GET http://{us}/ HTTP/1.1\r\nhost: {us}\r\n\r\n"),
            &["400"],
        ),
        (
            "CONNECT",
            format!("CONNECT {us} HTTP/1.1\r\nhost: {us}\r\n\r\n"),
            &["400"],
        ),
        (
            "dot segments",
            format!("GET /two/../v1 HTTP/1.1\r\nhost: {us}\r\n\r\n"),
            &["400"],
        ),
        (
            "encoded dot segments",
            format!("GET /two/%2e%2E/v1 HTTP/1.1\r\nhost: {us}\r\n\r\n"),
            &["400"],
        ),
        (
            "an asterisk",
            format!("OPTIONS * HTTP/1.1\r\nhost: {us}\r\n\r\n"),
            &["400"],
        ),
        (
            "a folded line",
            format!("GET / HTTP/1.1\r\nhost: {us}\r\nx: a\r\n b\r\n\r\n"),
            &["400"],
        ),
        (
            "a space before the colon",
            format!("GET / HTTP/1.1\r\nhost: {us}\r\nx : a\r\n\r\n"),
            &["400"],
        ),
        (
            "a control character",
            format!("GET / HTTP/1.1\r\nhost: {us}\r\nx: a\0b\r\n\r\n"),
            &["400"],
        ),
        (
            "two lengths",
            format!("POST / HTTP/1.1\r\nhost: {us}\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"),
            &["400"],
        ),
        (
            "a signed length",
            format!("POST / HTTP/1.1\r\nhost: {us}\r\ncontent-length: +1\r\n\r\na"),
            &["400"],
        ),
        (
            "an unknown coding",
            format!("POST / HTTP/1.1\r\nhost: {us}\r\ntransfer-encoding: gzip\r\n\r\na"),
            &["400"],
        ),
        (
            "a coding after chunked",
            format!("POST / HTTP/1.1\r\nhost: {us}\r\ntransfer-encoding: chunked, x\r\n\r\n0\r\n\r\n"),
            &["400"],
        ),
        (
            "a large head",
            format!("GET / HTTP/1.1\r\nhost: {us}\r\nx: {big}\r\n\r\n"),
            &["431"],
        ),
        (
            "many fields",
            format!("GET / HTTP/1.1\r\nhost: {us}\r\n{}\r\n", "x: y\r\n".repeat(100)),
            &["431"],
        ),
        (
            "a long target",
            format!("GET /{big}{big} HTTP/1.1\r\nhost: {us}\r\n\r\n"),
            &["414", "431"],
        ),
    ] {
        let answer = setting.sidecar.raw(bytes.as_bytes()).await;
        let status = answer.get(9..12).unwrap_or_default();
        assert!(statuses.contains(&status), "{what}: {answer}");
    }
    assert_eq!(setting.sidecar.get("/.rampart/health").await.status, 200);
    assert!(setting.vendor.seen().is_empty());
}

#[tokio::test]
async fn a_request_smuggled_behind_another_is_judged_by_itself() {
    let setting = Setting::start().await;
    let us = setting.sidecar.authority.clone();
    let buyer = Buyer::new(1);
    let hidden = format!("GET /hidden HTTP/1.1\r\nhost: {us}\r\n\r\n");
    // Length says that the hidden request is the body; chunked says that the body is empty. Chunked wins (RFC 9112, 6.3).
    let both = buyer
        .post(&us, "/v1", b"", 1)
        .confirmed_by(&setting.operators.confirm(&buyer.record));
    let lines = format!(
        "content-length: {}\r\ntransfer-encoding: chunked\r\n",
        5 + hidden.len()
    );
    for lines in [lines.clone(), lines.split_inclusive('\n').rev().collect()] {
        let mut bytes = both.raw(&us, &lines);
        bytes.extend_from_slice(b"0\r\n\r\n");
        bytes.extend_from_slice(hidden.as_bytes());
        let answer = setting.sidecar.raw(&bytes).await;
        assert_eq!(
            answer.matches("HTTP/1.1 ").count(),
            1,
            "the connection ends behind an ambiguous request: {answer}"
        );
    }
    // Pipelined in order, the second one has no token.
    let mut pipelined = buyer.get(&us, "/v1", 2).raw(&us, "");
    pipelined.extend_from_slice(hidden.as_bytes());
    let answer = setting.sidecar.raw(&pipelined).await;
    let statuses: Vec<_> = answer
        .match_indices("HTTP/1.1 ")
        .map(|(at, _)| &answer[at + 9..at + 12])
        .collect();
    assert_eq!(statuses, ["200", "402"], "{answer}");
    assert!(setting.vendor.seen().iter().all(|seen| seen.target == "/v1"));
}

#[tokio::test]
async fn a_body_reaches_the_vendor_as_it_was_signed_however_it_was_framed() {
    let setting = Setting::start().await;
    let us = setting.sidecar.authority.clone();
    let buyer = Buyer::new(1);
    let mut request = buyer
        .post(&us, "/v1", b"hello world", 1)
        .confirmed_by(&setting.operators.confirm(&buyer.record));
    request.body = b"5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\nrampart-consumer: forged\r\n\r\n".to_vec();
    let answer = setting
        .sidecar
        .raw(&request.raw(&us, "transfer-encoding: chunked\r\ntrailer: rampart-consumer\r\n"))
        .await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let seen = &setting.vendor.seen()[0];
    assert_eq!(
        (&seen.body[..], &seen.headers["content-length"]),
        (&b"hello world"[..], &"11".parse().unwrap())
    );
    assert!(!seen.headers.contains_key("transfer-encoding") && !seen.headers.contains_key("trailer"));
    assert_eq!(seen.headers.get_all("rampart-consumer").iter().count(), 1);

    let mut endless = buyer.post(&us, "/v1", b"x", 2);
    endless.body = format!("{:x}\r\n{}\r\n0\r\n\r\n", 100_001, "x".repeat(100_001)).into_bytes();
    let answer = setting
        .sidecar
        .raw(&endless.raw(&us, "transfer-encoding: chunked\r\n"))
        .await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    let mut broken = buyer.post(&us, "/v1", b"x", 2);
    broken.body = b"zz\r\n".to_vec();
    let answer = setting
        .sidecar
        .raw(&broken.raw(&us, "transfer-encoding: chunked\r\n"))
        .await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 400"),
        "{answer}"
    );
    assert_eq!(setting.vendor.seen().len(), 1);
}

#[tokio::test]
async fn slow_clients_are_given_up() {
    let setting = Setting::start_with(|config| {
        config.limits.header_timeout_ms = 300;
        config.limits.body_timeout_ms = 300;
    })
    .await;
    let us = setting.sidecar.authority.clone();
    for head in ["", "GET / HTTP/1.1\r\nho"] {
        let mut stream = TcpStream::connect(setting.sidecar.public).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = read_to_end(&mut stream).await;
        assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
    }
    let buyer = Buyer::new(1);
    let mut slow = buyer
        .post(&us, "/v1", b"hello", 1)
        .confirmed_by(&setting.operators.confirm(&buyer.record));
    slow.body = b"he".to_vec();
    let answer = setting.sidecar.raw(&slow.raw(&us, "content-length: 5\r\n")).await;
    assert!(
        answer.starts_with("HTTP/1.1 408") && answer.contains("slow_body"),
        "{answer}"
    );
    assert!(setting.vendor.seen().is_empty());
}

#[tokio::test]
async fn a_consumer_that_takes_no_bytes_is_given_up() {
    let setting = Setting::start_with(|config| {
        config.limits.idle_timeout_ms = 300;
        config.limits.max_response_bytes = 1 << 40;
    })
    .await;
    let buyer = Buyer::new(1);
    let request = buyer
        .get(&setting.sidecar.authority, "/endless", 1)
        .confirmed_by(&setting.operators.confirm(&buyer.record));
    let mut stream = TcpStream::connect(setting.sidecar.public).await.unwrap();
    stream
        .write_all(&request.raw(&setting.sidecar.authority, ""))
        .await
        .unwrap();
    let mut open = true;
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        // The one connection that is left asks for these metrics.
        open = setting.sidecar.metric("connections").await > 1;
        if !open && !setting.vendor.seen().is_empty() {
            break;
        }
    }
    assert!(!open, "the connection was never closed");
}

#[tokio::test]
async fn connections_above_the_limit_wait_for_a_place() {
    let setting = Setting::start_with(|config| {
        config.limits.max_connections = 2;
        config.limits.header_timeout_ms = 500;
    })
    .await;
    let mut held = Vec::new();
    for _ in 0..2 {
        held.push(TcpStream::connect(setting.sidecar.public).await.unwrap());
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    let started = Instant::now();
    assert_eq!(setting.sidecar.get("/.rampart/health").await.status, 200);
    assert!(
        started.elapsed() > Duration::from_millis(200),
        "it waited until the idle ones were closed"
    );
}

#[tokio::test]
async fn no_web_page_reads_the_admin_port_through_a_name() {
    let setting = Setting::start().await;
    let mut stream = TcpStream::connect(setting.sidecar.admin).await.unwrap();
    stream
        .write_all(b"GET /.rampart/usage HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    assert!(read_to_end(&mut stream).await.starts_with("HTTP/1.1 421"));
    let mut stream = TcpStream::connect(setting.sidecar.admin).await.unwrap();
    stream
        .write_all(b"POST /.rampart/usage HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    assert!(read_to_end(&mut stream).await.starts_with("HTTP/1.1 405"));
}
