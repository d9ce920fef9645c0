#![allow(clippy::unwrap_used)]
use super::*;
use crate::error::ChainError;
use alloy::primitives::Address;
use alloy::providers::{DynProvider, Provider as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// An endpoint that gives one result to every question, for ever; `None` closes the connection.
async fn endpoint(result: Option<&str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/SECRETKEY", listener.local_addr().unwrap());
    let result = result.map(str::to_owned);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let result = result.clone();
            tokio::spawn(async move {
                let mut bytes = vec![0; 4096];
                let read = stream.read(&mut bytes).await.unwrap_or(0);
                let Some(result) = result.filter(|_| read > 0) else {
                    return;
                };
                let body = format!("{{\"jsonrpc\":\"2.0\",\"id\":0,{result}}}");
                let head = format!(
                    "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all((head + &body).as_bytes()).await;
            });
        }
    });
    url
}

async fn several(results: &[Option<&str>], quorum: usize) -> DynProvider {
    let mut urls = Vec::new();
    for result in results {
        urls.push(endpoint(*result).await);
    }
    crate::connection::several(&Endpoints::new(urls, Some(quorum)).unwrap(), None).unwrap()
}

const SEVEN: Option<&str> = Some("\"result\":\"0x7\"");
const EIGHT: Option<&str> = Some("\"result\":\"0x8\"");

#[tokio::test]
async fn a_number_counts_when_a_quorum_gives_it_whoever_lies_or_is_away() {
    for results in [[SEVEN, EIGHT, SEVEN], [None, SEVEN, SEVEN], [SEVEN, SEVEN, None]] {
        let provider = several(&results, 2).await;
        assert_eq!(provider.get_transaction_count(Address::ZERO).await.unwrap(), 7);
    }
    for results in [[SEVEN, EIGHT, None], [None, SEVEN, None]] {
        let provider = several(&results, 2).await;
        let error = ChainError::from(provider.get_transaction_count(Address::ZERO).await.unwrap_err());
        let said = format!("{error} {error:?}");
        assert!(
            said.contains("no 2 of 3 endpoints give one answer to eth_getTransactionCount"),
            "{said}"
        );
        assert!(!said.contains("SECRETKEY"), "{said}");
    }
}

#[tokio::test]
async fn a_refusal_counts_like_any_answer_and_is_compared_by_its_data() {
    let refused = |message: &'static str, data: &'static str| {
        format!("\"error\":{{\"code\":3,\"message\":\"{message}\",\"data\":\"{data}\"}}")
    };
    let (one, other, third) = (
        refused("execution reverted", "0x1"),
        refused("reverted", "0x1"),
        refused("no", "0x2"),
    );
    let provider = several(&[Some(&third), Some(&one), Some(&other)], 2).await;
    let error = provider.get_balance(Address::ZERO).await.unwrap_err();
    assert_eq!(
        error.as_error_resp().unwrap().data.as_ref().unwrap().get(),
        "\"0x1\""
    );
}

#[tokio::test]
async fn what_any_may_answer_comes_from_the_first_that_does_and_what_is_sent_goes_to_all() {
    let refused = Some("\"error\":{\"code\":-32000,\"message\":\"already known\"}");
    let provider = several(&[None, refused, EIGHT], 2).await;
    assert_eq!(provider.get_block_number().await.unwrap(), 8);
    let hash = format!("\"result\":\"{}\"", alloy::primitives::B256::repeat_byte(3));
    let provider = several(&[refused, Some(&hash), None], 2).await;
    let sent = provider.send_raw_transaction(&[1, 2, 3]).await.unwrap();
    assert_eq!(*sent.tx_hash(), alloy::primitives::B256::repeat_byte(3));
    let provider = several(&[None, refused], 1).await;
    let error = provider.send_raw_transaction(&[1]).await.unwrap_err();
    assert_eq!(error.as_error_resp().unwrap().message, "already known");
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let long = format!("\"result\":\"0x{}\"", "0".repeat(MAX_ANSWER));
    let provider = several(&[Some(&long)], 1).await;
    let error = provider.get_block_number().await.unwrap_err();
    assert!(is_too_large(&error), "{error:?}");
}

#[test]
fn what_is_no_json_rpc_is_an_error_of_a_few_words() {
    for (status, success) in [(200, true), (502, false)] {
        let error = decode("<html>".repeat(1_000).as_bytes(), status, success).unwrap_err();
        assert!(error.to_string().len() < 2 * QUOTED, "{error}");
    }
    let refused = br#"{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"limit exceeded"}}"#;
    assert!(decode(refused, 429, false).unwrap().is_error());
    assert!(decode(br#"{"jsonrpc":"2.0","id":1,"result":1}"#, 500, false).is_err());
}
