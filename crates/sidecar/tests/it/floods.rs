//! Clients that are slow, many or lavish on purpose: each costs what the limits say, and the next one is served.

use crate::buyer::Buyer;
use crate::running::{Setting, read_to_end};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Clients of a flood.
const CLIENTS: usize = 50;

async fn impatient() -> Setting {
    Setting::start_with(|config| {
        config.limits.header_timeout_ms = 500;
        config.limits.body_timeout_ms = 500;
    })
    .await
}

/// Writes a byte every 20 ms, for as long as the sidecar listens; how long that was, and what it said.
async fn trickle(mut stream: TcpStream, bytes: Vec<u8>) -> (Duration, String) {
    let begun = Instant::now();
    let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
    for byte in bytes {
        if stream.write_all(&[byte]).await.is_err() {
            break;
        }
        let read = tokio::time::timeout(Duration::from_millis(20), stream.read(&mut buffer)).await;
        match read {
            Ok(Ok(0) | Err(_)) => break,
            Ok(Ok(read)) => answer.extend_from_slice(&buffer[..read]),
            Err(_) => {}
        }
    }
    (begun.elapsed(), String::from_utf8_lossy(&answer).into_owned())
}

#[tokio::test]
async fn heads_that_trickle_in_end_in_time_and_hinder_nobody() {
    let setting = impatient().await;
    let mut flood = JoinSet::new();
    for _ in 0..CLIENTS {
        let stream = TcpStream::connect(setting.sidecar.public).await.unwrap();
        let head = format!(
            "GET / HTTP/1.1\r\nhost: {}\r\nx: {}",
            setting.sidecar.authority,
            "y".repeat(400)
        );
        flood.spawn(trickle(stream, head.into_bytes()));
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let begun = Instant::now();
    assert_eq!(setting.sidecar.get("/.rampart/health").await.status, 200);
    assert!(
        begun.elapsed() < Duration::from_millis(400),
        "{:?}",
        begun.elapsed()
    );
    for (lasted, answer) in flood.join_all().await {
        assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
        assert!(lasted < Duration::from_secs(3), "{lasted:?}");
    }
}

#[tokio::test]
async fn bodies_that_trickle_in_end_in_time_and_use_nothing() {
    let setting = impatient().await;
    let us = &setting.sidecar.authority;
    let buyer = Buyer::new(1);
    let body = [b'x'; 400];
    let request = buyer
        .post(us, "/v1", &body, 1)
        .confirmed_by(&setting.operators.confirm(&buyer.record));
    let whole = request.raw(us, "content-length: 400\r\n");
    let (head, body) = whole.split_at(whole.len() - body.len());
    let mut flood = JoinSet::new();
    for _ in 0..CLIENTS {
        let mut stream = TcpStream::connect(setting.sidecar.public).await.unwrap();
        stream.write_all(head).await.unwrap();
        flood.spawn(trickle(stream, body.to_vec()));
    }
    for (lasted, answer) in flood.join_all().await {
        assert!(answer.contains("slow_body"), "{answer}");
        assert!(lasted < Duration::from_secs(3), "{lasted:?}");
    }
    assert!(setting.vendor.seen().is_empty());
    assert_eq!(
        setting.sidecar.send(&request).await.status,
        200,
        "the number is unused"
    );
}

#[tokio::test]
async fn a_head_has_64_fields_and_no_more() {
    let setting = Setting::start().await;
    let head = |fields: usize| {
        format!(
            "GET /.rampart/health HTTP/1.1\r\nhost: {}\r\n{}\r\n",
            setting.sidecar.authority,
            (1..fields).map(|i| format!("x-{i}: y\r\n")).collect::<String>()
        )
    };
    for (fields, status) in [(64, "200"), (65, "431"), (6_000, "431")] {
        let answer = setting.sidecar.raw(head(fields).as_bytes()).await;
        assert_eq!(answer.get(9..12), Some(status), "{fields}: {answer}");
    }
}

#[tokio::test]
async fn a_head_has_48_kibibytes_and_no_more() {
    let setting = Setting::start().await;
    let head = |length: usize| {
        let start = format!(
            "GET /.rampart/health HTTP/1.1\r\nhost: {}\r\nx: ",
            setting.sidecar.authority
        );
        let rest = length - start.len() - 4;
        format!("{start}{}\r\n\r\n", "y".repeat(rest))
    };
    for (length, status) in [(40 << 10, "200"), (50 << 10, "431"), (4 << 20, "431")] {
        let answer = setting.sidecar.raw(head(length).as_bytes()).await;
        assert_eq!(answer.get(9..12), Some(status), "{length}: {answer}");
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order_and_counted_once() {
    let setting = Setting::start().await;
    let us = setting.sidecar.authority.clone();
    let buyer = Buyer::new(1).with(|record| record.requests = 100);
    let confirmation = setting.operators.confirm(&buyer.record);
    let (mut bytes, mut expected) = (Vec::new(), Vec::new());
    for i in 0..120_u64 {
        // Every sixth one repeats the one before.
        let repeats = i % 6 == 5;
        let n = if repeats { i } else { i + 1 };
        expected.push(match n {
            101.. => "429",
            _ if repeats => "409",
            _ => "200",
        });
        let body = format!("body {n}");
        let request = buyer
            .post(&us, &format!("/{n}"), body.as_bytes(), n)
            .confirmed_by(&confirmation);
        bytes.extend_from_slice(&request.raw(&us, &format!("content-length: {}\r\n", body.len())));
    }
    let last = format!("GET /.rampart/health HTTP/1.1\r\nhost: {us}\r\nconnection: close\r\n\r\n");
    bytes.extend_from_slice(last.as_bytes());
    expected.push("200");
    let (mut reading, mut writing) = TcpStream::connect(setting.sidecar.public)
        .await
        .unwrap()
        .into_split();
    let written = tokio::spawn(async move { writing.write_all(&bytes).await.map(|()| writing) });
    let mut answer = String::new();
    reading.read_to_string(&mut answer).await.unwrap();
    written.await.unwrap().unwrap();
    let found: Vec<&str> = answer
        .match_indices("HTTP/1.1 ")
        .map(|(at, _)| &answer[at + 9..at + 12])
        .collect();
    assert_eq!(found, expected);
    let targets: Vec<String> = setting
        .vendor
        .seen()
        .into_iter()
        .map(|seen| seen.target)
        .collect();
    let once: Vec<String> = (1..=100)
        .filter(|n| n % 6 != 0)
        .map(|n| format!("/{n}"))
        .collect();
    assert_eq!(targets, once);
}

#[tokio::test]
async fn connections_beyond_the_limit_are_not_served_and_the_next_free_place_is() {
    let setting = Setting::start_with(|config| {
        config.limits.max_connections = 8;
        config.limits.header_timeout_ms = 700;
    })
    .await;
    let mut held = Vec::new();
    for _ in 0..40 {
        held.push(TcpStream::connect(setting.sidecar.public).await.unwrap());
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    // Eight there, and the one that asks on the admin port.
    assert_eq!(setting.sidecar.metric("connections").await, 9);
    let mut stream = held.swap_remove(0);
    drop(held);
    assert_eq!(setting.sidecar.get("/.rampart/health").await.status, 200);
    // Its own time runs all the same.
    read_to_end(&mut stream).await;
}
