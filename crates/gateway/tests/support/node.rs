//! A node that records the bodies that reach it and answers each call with its method.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::post;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
pub struct Node {
    pub url: String,
    bodies: Arc<Mutex<Vec<String>>>,
    about: Arc<Mutex<About>>,
}

/// What it answers about itself.
#[derive(Clone, Copy, Default)]
struct About {
    /// None: it does not know the method.
    height: Option<u64>,
    chain: Option<u64>,
    hangs: bool,
}

impl Node {
    pub async fn start() -> Self {
        let mut node = Self::default();
        let router = Router::new().route("/", post(answer)).with_state(node.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        node.url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        node
    }

    pub fn set_height(&self, height: u64) {
        self.about.lock().unwrap().height = Some(height);
    }

    pub fn set_chain(&self, chain: u64) {
        self.about.lock().unwrap().chain = Some(chain);
    }

    /// Takes every request from now on and answers none.
    pub fn hang(&self) {
        self.about.lock().unwrap().hangs = true;
    }

    /// Answers again.
    pub fn answer(&self) {
        self.about.lock().unwrap().hangs = false;
    }

    /// Every body that reached it, the gateway's own questions left out.
    pub fn bodies(&self) -> Vec<String> {
        self.bodies.lock().unwrap().clone()
    }
}

async fn answer(State(node): State<Node>, body: Bytes) -> impl IntoResponse {
    let text = String::from_utf8(body.to_vec()).unwrap();
    let calls: Value = serde_json::from_str(&text).unwrap();
    let about = *node.about.lock().unwrap();
    if about.hangs {
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    }
    if !["eth_chainId", "eth_blockNumber"].contains(&calls["method"].as_str().unwrap_or_default()) {
        node.bodies.lock().unwrap().push(text);
    }
    let answer = match &calls {
        // Nodes may answer a batch in any order.
        Value::Array(calls) => {
            let answers = calls.iter().rev().filter_map(|call| answer_one(call, about));
            Value::from(answers.collect::<Vec<_>>())
        }
        call => answer_one(call, about).unwrap_or_default(),
    };
    ([(CONTENT_TYPE, "application/json")], format!("{answer}\n"))
}

fn answer_one(call: &Value, about: About) -> Option<Value> {
    let id = call.get("id")?;
    let result = match call["method"].as_str()? {
        "eth_chainId" => json!(format!("{:#x}", about.chain.unwrap_or(0x7a69))),
        "eth_blockNumber" if about.height.is_some() => json!(format!("{:#x}", about.height.unwrap())),
        "nope" => {
            return Some(json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32601, "message": "no"}}));
        }
        method => json!(method),
    };
    Some(json!({"jsonrpc": "2.0", "id": id, "result": result}))
}
