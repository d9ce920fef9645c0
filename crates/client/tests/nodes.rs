//! Which of several nodes is asked: who cannot answer is passed over, and a true answer of any is the answer.
#![allow(clippy::unwrap_used, reason = "tests")]

use rampart_client::{ClientError, NodeClient};
use rampart_protocol::{B256, PurchaseId};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// A node that answers everything alike.
async fn node(status: &'static str, name: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await.unwrap();
            let body = format!(r#"{{"error":{{"name":"{name}","message":"no"}}}}"#);
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    url
}

async fn confirmation(nodes: Vec<String>) -> (u16, String) {
    let id = PurchaseId(B256::repeat_byte(1));
    match NodeClient::new(nodes).confirmation(id).await {
        Err(ClientError::Refused { status, error }) => (status, error.name),
        other => unreachable!("no node answers so: {other:?}"),
    }
}

#[tokio::test]
async fn a_node_that_pruned_what_is_asked_for_is_passed_over() {
    let pruned = node("410 Gone", "pruned").await;
    let keeps = node("404 Not Found", "unknown_purchase").await;
    let (status, name) = confirmation(vec![pruned.clone(), keeps]).await;
    assert_eq!((status, name.as_str()), (404, "unknown_purchase"));
    let (status, name) = confirmation(vec![pruned.clone(), pruned]).await;
    assert_eq!((status, name.as_str()), (410, "pruned"));
}

#[tokio::test]
async fn that_the_network_has_ended_is_an_answer() {
    let frozen = node("410 Gone", "settlement_frozen").await;
    let other = node("404 Not Found", "unknown_purchase").await;
    let (status, name) = confirmation(vec![frozen, other]).await;
    assert_eq!((status, name.as_str()), (410, "settlement_frozen"));
}
