//! An endpoint that passes questions on to a real node and spoils the answers as a test wants.

use alloy::transports::http::reqwest;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What is done to the answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    Honest,
    /// Closes each connection.
    Away,
    /// Says that what is final is so many blocks behind.
    Lags(u64),
    /// Gives every deposit to somebody else.
    Steals,
    /// Leaves the last log out.
    Hides,
    /// Answers with no JSON.
    Babbles,
    /// Has another hash for every block.
    Forks,
}

/// A running proxy. It ends with the runtime of its test.
pub struct Proxy {
    pub url: String,
    manner: Arc<Mutex<Manner>>,
}

impl Proxy {
    /// An endpoint over a real one.
    pub async fn start(node: &str, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v2/SECRETKEY", listener.local_addr().unwrap());
        let manner = Arc::new(Mutex::new(manner));
        let (node, shared) = (node.to_owned(), manner.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, node.clone(), shared.clone()));
            }
        });
        Self { url, manner }
    }

    /// From now on it behaves so.
    pub fn becomes(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }
}

async fn serve(stream: TcpStream, node: String, manner: Arc<Mutex<Manner>>) -> Option<()> {
    let client = reqwest::Client::new();
    let mut stream = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            let line = line.trim().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.ok()?;
        let manner = *manner.lock().unwrap();
        if manner == Manner::Away {
            return None;
        }
        let question: Value = serde_json::from_slice(&body).ok()?;
        let mut answer = ask(&client, &node, &question).await?;
        spoil(&client, &node, manner, &question, &mut answer).await;
        let mut text = answer.to_string();
        if manner == Manner::Babbles {
            text = "<html>out of order</html>".to_owned();
        }
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            text.len()
        );
        stream.write_all((head + &text).as_bytes()).await.ok()?;
    }
}

async fn ask(client: &reqwest::Client, node: &str, question: &Value) -> Option<Value> {
    client
        .post(node)
        .json(question)
        .send()
        .await
        .ok()?
        .json()
        .await
        .ok()
}

async fn spoil(client: &reqwest::Client, node: &str, manner: Manner, question: &Value, answer: &mut Value) {
    let method = question["method"].as_str().unwrap_or_default();
    match (manner, method) {
        (Manner::Lags(by), "eth_getBlockByNumber") if question["params"][0] == "finalized" => {
            let number = answer["result"]["number"]
                .as_str()
                .unwrap_or("0x0")
                .trim_start_matches("0x");
            let number = u64::from_str_radix(number, 16).unwrap().saturating_sub(by);
            let mut behind = question.clone();
            behind["params"][0] = json!(format!("{number:#x}"));
            *answer = ask(client, node, &behind).await.unwrap();
        }
        (Manner::Steals, "eth_getLogs") => {
            for log in answer["result"].as_array_mut().into_iter().flatten() {
                log["topics"][2] = json!(format!("0x{:0>64}", "bad"));
            }
        }
        (Manner::Hides, "eth_getLogs") => {
            answer["result"].as_array_mut().map(Vec::pop);
        }
        (Manner::Forks, "eth_getBlockByNumber") => {
            answer["result"]["hash"] = json!(format!("0x{}", "ab".repeat(32)));
        }
        _ => {}
    }
}
