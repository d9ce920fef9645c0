//! What vendors do with their connections: the sidecar keeps those that it can use again, and never sends a request twice that the
//! vendor may have seen.

use crate::buyer::Buyer;
use crate::running::{Answer, Setting};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a vendor does on one connection, request by request; then it closes.
type Script = &'static [&'static str];

/// Closes without an answer.
const HANGS_UP: &str = "";

/// A vendor that follows a script on each connection; it counts the requests that it read.
async fn vendor(scripts: &'static [Script]) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let read = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&read);
    tokio::spawn(async move {
        for script in scripts {
            let (mut stream, _) = listener.accept().await.unwrap();
            for answer in *script {
                let Some(head) = request(&mut stream).await else {
                    break;
                };
                seen.lock().unwrap().push(head);
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        }
        // From here on, nobody listens.
    });
    (format!("http://{address}"), read)
}

/// The next request without a body.
async fn request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(bytes).unwrap();
    Some(head.lines().next().unwrap().to_owned())
}

/// Makes these calls one after the other, a moment apart.
async fn calls(scripts: &'static [Script], numbers: &[u64]) -> (Vec<Answer>, Vec<String>) {
    let (url, read) = vendor(scripts).await;
    let setting = Setting::start_with(|config| {
        config.services[0].upstream = url;
        config.limits.idle_timeout_ms = 1_000;
    })
    .await;
    let buyer = Buyer::new(1);
    let confirmation = setting.operators.confirm(&buyer.record);
    let mut answers = Vec::new();
    for n in numbers {
        let call = buyer
            .get(&setting.sidecar.authority, &format!("/{n}"), *n)
            .confirmed_by(&confirmation);
        answers.push(setting.sidecar.send(&call).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let read = read.lock().unwrap().clone();
    (answers, read)
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n";
const UNTIL_CLOSE: &str = "HTTP/1.1 200 OK\r\n\r\nok";
const LAST: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";
const EMPTY: &str = "HTTP/1.1 204 No Content\r\n\r\n";

fn statuses(answers: &[Answer]) -> Vec<(u16, &str)> {
    answers
        .iter()
        .map(|answer| (answer.status, answer.text()))
        .collect()
}

#[tokio::test]
async fn one_connection_serves_answers_of_every_framing_that_ends() {
    let (answers, read) = calls(&[&[OK, CHUNKED, EMPTY, CHUNKED, OK]], &[1, 2, 3, 4, 5]).await;
    let ok = (200, "ok");
    assert_eq!(statuses(&answers), [ok, ok, (204, ""), ok, ok]);
    assert_eq!(read.len(), 5);
}

#[tokio::test]
async fn a_connection_that_the_vendor_closed_meanwhile_is_replaced() {
    for script in [OK, CHUNKED, UNTIL_CLOSE, LAST] {
        let scripts: &'static [Script] = match script {
            OK => &[&[OK], &[OK]],
            CHUNKED => &[&[CHUNKED], &[OK]],
            UNTIL_CLOSE => &[&[UNTIL_CLOSE], &[OK]],
            _ => &[&[LAST], &[OK]],
        };
        let (answers, read) = calls(scripts, &[1, 2]).await;
        assert_eq!(statuses(&answers), [(200, "ok"), (200, "ok")], "{script}");
        assert_eq!(read, ["GET /1 HTTP/1.1", "GET /2 HTTP/1.1"], "{script}");
    }
}

#[tokio::test]
async fn a_request_that_the_vendor_has_read_is_not_sent_again() {
    // The first connection is new, the second one comes from the pool when it breaks.
    let (answers, read) = calls(&[&[HANGS_UP], &[OK, HANGS_UP], &[OK]], &[1, 2, 3, 4]).await;
    let found: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(found, [502, 200, 502, 200]);
    assert_eq!(answers[2].refusal().1, "upstream");
    assert_eq!(
        read,
        [
            "GET /1 HTTP/1.1",
            "GET /2 HTTP/1.1",
            "GET /3 HTTP/1.1",
            "GET /4 HTTP/1.1"
        ]
    );
}

#[tokio::test]
async fn what_a_vendor_says_without_being_asked_is_nobodys_answer() {
    // The second answer stands in the connection before the second request is made.
    const TWO: &str =
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nbad";
    let (answers, read) = calls(&[&[TWO], &[OK]], &[1, 2]).await;
    assert_eq!(statuses(&answers), [(200, "ok"), (200, "ok")]);
    assert_eq!(read.len(), 2);
}
