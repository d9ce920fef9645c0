#![allow(clippy::unwrap_used)]
use super::*;
use axum::routing::{get, post};
use std::net::SocketAddr;
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SHORT: Duration = Duration::from_millis(150);
const LONG: Duration = Duration::from_secs(20);

/// No limit is reached within a test, unless it sets it.
fn relaxed() -> PortLimits {
    PortLimits {
        connections: 64,
        head: LONG,
        body: LONG,
        stall: LONG,
        age: LONG,
        last: LONG,
    }
}

async fn start(limits: PortLimits) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = Router::new()
        .route("/hello", get(|| async { "hello" }))
        .route("/large", get(|| async { vec![b'x'; 32 * 1024 * 1024] }))
        .route("/slow", get(|| async { tokio::time::sleep(3 * SHORT).await }))
        .route("/echo", post(|body: Bytes| async move { body }));
    tokio::spawn(serve(listener, routes, limits));
    address
}

async fn open(address: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

/// Everything that the server says until it ends the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut said = Vec::new();
    let read = tokio::time::timeout(LONG, stream.read_to_end(&mut said)).await;
    // A reset ends the connection as well.
    let _ = read.expect("the server keeps the connection");
    String::from_utf8_lossy(&said).into_owned()
}

/// One answer of which the end is known.
async fn until(stream: &mut TcpStream, end: &str) -> String {
    let mut said = Vec::new();
    while !String::from_utf8_lossy(&said).ends_with(end) {
        let mut buffer = [0; 1024];
        let read = tokio::time::timeout(LONG, stream.read(&mut buffer))
            .await
            .unwrap()
            .unwrap();
        assert_ne!(read, 0, "ended after {:?}", String::from_utf8_lossy(&said));
        said.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8_lossy(&said).into_owned()
}

async fn hello(address: SocketAddr) {
    let mut stream = open(
        address,
        b"GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert!(rest(&mut stream).await.ends_with("hello"));
}

#[tokio::test]
async fn a_head_that_does_not_arrive_in_time_ends_the_connection() {
    let address = start(PortLimits {
        head: SHORT,
        ..relaxed()
    })
    .await;
    for bytes in [&b""[..], b"GET /hello HTTP/1.1\r\nHost: a\r\n"] {
        let started = Instant::now();
        let mut stream = open(address, bytes).await;
        rest(&mut stream).await;
        assert!(started.elapsed() >= SHORT);
    }
    // Bytes that trickle in do not extend the time.
    let mut stream = open(address, b"GET /hello HTTP/1.1\r\n").await;
    let started = Instant::now();
    while stream.write_all(b"a: b\r\n").await.is_ok() && started.elapsed() < LONG {
        tokio::time::sleep(SHORT / 5).await;
    }
    assert!(started.elapsed() < LONG / 2);
    hello(address).await;
}

#[tokio::test]
async fn an_idle_connection_ends_and_a_used_one_is_kept() {
    let head = Duration::from_secs(1);
    let address = start(PortLimits { head, ..relaxed() }).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    for _ in 0..4 {
        tokio::time::sleep(head / 3).await;
        stream
            .write_all(b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap();
        until(&mut stream, "hello").await;
    }
    assert_eq!(rest(&mut stream).await, "");
}

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_is_refused() {
    let address = start(PortLimits {
        body: SHORT,
        ..relaxed()
    })
    .await;
    let mut stream = open(
        address,
        b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc",
    )
    .await;
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("\"slow_body\""), "{answer}");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_whether_its_length_is_told_or_not() {
    let address = start(relaxed()).await;
    let told = format!(
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n",
        MAX_BODY + 1
    );
    let mut stream = open(address, told.as_bytes()).await;
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 413 "));
    let mut untold = b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    untold.extend(format!("{:x}\r\n", MAX_BODY + 1).bytes());
    untold.extend(vec![b'x'; MAX_BODY + 1]);
    let mut stream = open(address, &untold).await;
    assert!(until(&mut stream, "}}").await.starts_with("HTTP/1.1 413 "));
    let mut fits =
        format!("POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {MAX_BODY}\r\n\r\n");
    fits.push_str(&"y".repeat(MAX_BODY));
    let mut stream = open(address, fits.as_bytes()).await;
    assert!(rest(&mut stream).await.ends_with(&"y".repeat(MAX_BODY)));
}

#[tokio::test]
async fn a_head_that_is_too_large_or_no_http_is_refused() {
    let address = start(relaxed()).await;
    let long = format!(
        "GET /hello HTTP/1.1\r\nHost: a\r\nx: {}\r\n\r\n",
        "y".repeat(2 * MAX_HEAD)
    );
    let many = format!(
        "GET /hello HTTP/1.1\r\nHost: a\r\n{}\r\n",
        "x: y\r\n".repeat(MAX_FIELDS + 1)
    );
    for request in [long.as_bytes(), many.as_bytes()] {
        let mut stream = open(address, request).await;
        let answer = rest(&mut stream).await;
        // What was not read when the connection ends resets it, which may overtake the answer.
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 431 "),
            "{answer}"
        );
    }
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00"[..],
        b"hello\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
    ] {
        let mut stream = open(address, garbage).await;
        let answer = rest(&mut stream).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 400 "),
            "{answer}"
        );
    }
    hello(address).await;
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answer_loses_the_connection() {
    let address = start(PortLimits {
        stall: SHORT,
        connections: 1,
        ..relaxed()
    })
    .await;
    let stuck = open(address, b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await;
    // The only place is free again when the first connection is given up.
    let started = Instant::now();
    hello(address).await;
    assert!(started.elapsed() < LONG / 2);
    drop(stuck);
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_a_place() {
    let address = start(PortLimits {
        connections: 2,
        ..relaxed()
    })
    .await;
    let first = open(address, b"").await;
    let mut second = open(address, b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until(&mut second, "hello").await;
    let third = tokio::spawn(hello(address));
    tokio::time::sleep(SHORT).await;
    assert!(!third.is_finished());
    drop(first);
    third.await.unwrap();
    // The kept one still works.
    second
        .write_all(b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    until(&mut second, "hello").await;
}

#[tokio::test]
async fn an_old_connection_ends_after_the_request_in_hand() {
    let address = start(PortLimits {
        age: SHORT,
        ..relaxed()
    })
    .await;
    let mut stream = open(address, b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}
