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

    /// Every body that reached it, questions about the chain left out.
    pub fn bodies(&self) -> Vec<String> {
        self.bodies.lock().unwrap().clone()
    }
}

async fn answer(State(node): State<Node>, body: Bytes) -> impl IntoResponse {
    let text = String::from_utf8(body.to_vec()).unwrap();
    let calls: Value = serde_json::from_str(&text).unwrap();
    if calls["method"] != "eth_chainId" {
        node.bodies.lock().unwrap().push(text);
    }
    let answer = match &calls {
        // Nodes may answer a batch in any order.
        Value::Array(calls) => Value::from(calls.iter().rev().filter_map(answer_one).collect::<Vec<_>>()),
        call => answer_one(call).unwrap_or_default(),
    };
    ([(CONTENT_TYPE, "application/json")], format!("{answer}\n"))
}

fn answer_one(call: &Value) -> Option<Value> {
    let id = call.get("id")?;
    let result = match call["method"].as_str()? {
        "eth_chainId" => json!("0x7a69"),
        "nope" => {
            return Some(json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32601, "message": "no"}}));
        }
        method => json!(method),
    };
    Some(json!({"jsonrpc": "2.0", "id": id, "result": result}))
}
