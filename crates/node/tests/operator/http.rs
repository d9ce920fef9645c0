//! Requests written by hand, so that they can be wrong in every way.

use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Longest time for an answer, or for the end of a connection.
const PATIENCE: Duration = Duration::from_secs(100);

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Answer {
    pub fn name(&self) -> &str {
        self.body["error"]["name"].as_str().unwrap_or_default()
    }

    pub fn message(&self) -> &str {
        self.body["error"]["message"].as_str().unwrap_or_default()
    }

    /// Checks an error's status and name, and that it explains itself.
    #[track_caller]
    pub fn is_error(&self, status: u16, name: &str) {
        assert_eq!((self.status, self.name()), (status, name), "{self:?}");
        assert!(self.message().len() > 8, "{self:?}");
    }

    /// Checks a ledger's rejection.
    #[track_caller]
    pub fn is_rejection(&self, code: u16, name: &str) {
        self.is_error(422, name);
        assert_eq!(self.body["error"]["code"], code, "{self:?}");
    }
}

/// Opens a connection and writes bytes.
pub async fn open(api: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(api).await.unwrap();
    // A server that refuses may close before everything is written.
    let _ = stream.write_all(bytes).await;
    stream
}

/// Everything up to the end of the connection.
pub async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut said = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut said)).await;
    // A reset ends the connection as well.
    let _ = read.expect("the connection never ends");
    said
}

pub fn parse(answer: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer: {text:?}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Answer {
        status: status.unwrap_or_else(|| panic!("no status: {head:?}")),
        body: serde_json::from_str(body).unwrap_or(Value::Null),
    }
}

/// One request on its own connection.
pub async fn request(
    api: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {api}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    let mut stream = open(api, &bytes).await;
    parse(&rest(&mut stream).await)
}

pub async fn get(api: SocketAddr, path: &str) -> Answer {
    request(api, "GET", path, &[], b"").await
}

/// Submits bytes as JSON.
pub async fn post(api: SocketAddr, path: &str, body: impl AsRef<[u8]>) -> Answer {
    let json = [("Content-Type", "application/json")];
    request(api, "POST", path, &json, body.as_ref()).await
}
