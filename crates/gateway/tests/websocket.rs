//! JSON-RPC over WebSocket: the same screening, subscriptions as the node sends them, and the limits of a socket.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::node::Node;
use support::sidecar::{Behaviour, Sidecar, allow, says};
use support::{Settings, TestGateway, buy, now, send_raw, transfer};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_async, client_async};

type Socket = WebSocketStream<TcpStream>;

/// The WebSocket side of a node: it records what it is sent, answers with the method, and tells three heads to who subscribes.
#[derive(Clone, Default)]
struct Heads {
    url: String,
    messages: Arc<Mutex<Vec<String>>>,
}

impl Heads {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let node = Self {
            url: format!("ws://{}/key", listener.local_addr().unwrap()),
            ..Self::default()
        };
        let serving = node.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let node = serving.clone();
                tokio::spawn(async move { node.serve(accept_async(stream).await.unwrap()).await });
            }
        });
        node
    }

    async fn serve(self, mut socket: Socket) {
        while let Some(Ok(message)) = socket.next().await {
            let Message::Text(text) = message else { continue };
            self.messages.lock().unwrap().push(text.to_string());
            let call: Value = serde_json::from_str(&text).unwrap();
            match call["method"].as_str() {
                Some("eth_subscribe") => {
                    let answer = json!({"jsonrpc": "2.0", "id": call["id"], "result": "0x5"});
                    socket.send(Message::text(answer.to_string())).await.unwrap();
                    for number in 1..=3 {
                        socket.send(Message::text(head(number))).await.unwrap();
                    }
                }
                Some("bye") => return,
                _ => socket
                    .send(Message::text(format!("{{\"to\": {text}}}")))
                    .await
                    .unwrap(),
            }
        }
    }

    fn messages(&self) -> Vec<String> {
        self.messages.lock().unwrap().clone()
    }
}

/// A notification with a spelling of its own, which must survive.
fn head(number: u64) -> String {
    format!(
        "{{ \"jsonrpc\":\"2.0\",\"method\":\"eth_subscription\",\"params\":{{\"subscription\":\"0x5\",\"result\":{{\"number\":\"0x{number}\"}}}} }}"
    )
}

struct Stage {
    node: Node,
    heads: Heads,
    sidecar: Sidecar,
    gateway: TestGateway,
}

async fn setup(limits: &str) -> Stage {
    let (node, heads) = (Node::start().await, Heads::start().await);
    let sidecar = Sidecar::start(allow()).await;
    let directory = tempfile::tempdir().unwrap();
    buy(
        &directory.path().join("wallet"),
        1,
        1000,
        now() + 3600,
        &sidecar.url,
    );
    let upstream = format!("{{ http = \"{}\", ws = \"{}\" }}", node.url, heads.url);
    let settings = Settings {
        top: "origins = [\"https://dapp.example\"]",
        limits,
        ..Default::default()
    };
    let gateway = TestGateway::start_in_front_of(directory, &upstream, 1, settings).await;
    Stage {
        node,
        heads,
        sidecar,
        gateway,
    }
}

async fn open_from(gateway: &TestGateway, origin: Option<&str>) -> Result<Socket, Error> {
    let address = gateway.url.trim_start_matches("http://");
    let mut request = format!("ws://{address}/").into_client_request().unwrap();
    if let Some(origin) = origin {
        request
            .headers_mut()
            .insert("origin", HeaderValue::from_str(origin).unwrap());
    }
    let stream = TcpStream::connect(address).await.unwrap();
    client_async(request, stream).await.map(|(socket, _)| socket)
}

async fn open(gateway: &TestGateway) -> Socket {
    open_from(gateway, None).await.unwrap()
}

fn status(refused: Result<Socket, Error>) -> u16 {
    match refused {
        Err(Error::Http(response)) => response.status().as_u16(),
        other => panic!("{other:?}"),
    }
}

async fn next(socket: &mut Socket) -> Message {
    let next = async {
        loop {
            match socket.next().await.expect("the socket is open").unwrap() {
                Message::Ping(_) | Message::Pong(_) => {}
                message => return message,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), next)
        .await
        .expect("a message comes")
}

async fn next_json(socket: &mut Socket) -> Value {
    serde_json::from_str(next(socket).await.to_text().unwrap()).unwrap()
}

async fn close_code(socket: &mut Socket) -> CloseCode {
    match next(socket).await {
        Message::Close(Some(frame)) => frame.code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn reads_and_subscriptions_pass_through_as_they_are() {
    let stage = setup("").await;
    let mut socket = open(&stage.gateway).await;
    let odd = "{ \"id\" : 7,\"jsonrpc\":\"2.0\", \"method\":\"eth_call\"}";
    let batch = format!("[{odd},\n{odd}]");
    for text in [odd, &batch] {
        socket.send(Message::text(text)).await.unwrap();
        assert_eq!(
            next(&mut socket).await.to_text().unwrap(),
            format!("{{\"to\": {text}}}")
        );
    }
    let subscribe =
        json!({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]}).to_string();
    socket.send(Message::text(subscribe.clone())).await.unwrap();
    assert_eq!(next_json(&mut socket).await["result"], "0x5");
    for number in 1..=3 {
        assert_eq!(next(&mut socket).await.to_text().unwrap(), head(number));
    }
    assert_eq!(stage.heads.messages(), [odd, &batch, &subscribe]);
    assert!(stage.node.bodies().is_empty());
}

#[tokio::test]
async fn what_sends_is_screened_as_over_http() {
    let stage = setup("").await;
    let mut socket = open(&stage.gateway).await;
    socket
        .send(Message::text(send_raw(1, &transfer(0).0).to_string()))
        .await
        .unwrap();
    assert_eq!(next_json(&mut socket).await["result"], "eth_sendRawTransaction");
    assert_eq!(stage.sidecar.served().len(), 1);
    stage.sidecar.set(says("block"));
    let read = json!({"jsonrpc": "2.0", "id": 3, "method": "eth_call", "params": []});
    let batch = json!([send_raw(2, &transfer(1).0), read]).to_string();
    // A binary message is read no otherwise.
    socket.send(Message::binary(batch.into_bytes())).await.unwrap();
    let answers = next_json(&mut socket).await;
    assert_eq!(answers[0]["error"]["code"], -32099, "{answers}");
    assert_eq!(answers[1]["result"], "eth_call", "{answers}");
    for (message, code) in [
        ("{", -32700),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"eth_sendTransaction","params":[{}]}"#,
            -32601,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"eth_call","Method":"eth_sendRawTransaction"}"#,
            -32600,
        ),
    ] {
        socket.send(Message::text(message)).await.unwrap();
        assert_eq!(next_json(&mut socket).await["error"]["code"], code, "{message}");
    }
    assert!(stage.heads.messages().is_empty());
    assert_eq!(
        stage.node.bodies().len(),
        2,
        "the transaction and the read of the batch"
    );
}

#[tokio::test]
async fn a_slow_vendor_does_not_hold_up_reads_on_the_same_socket() {
    let stage = setup("").await;
    stage.sidecar.set(Behaviour::Hang);
    let mut socket = open(&stage.gateway).await;
    socket
        .send(Message::text(send_raw(1, &transfer(0).0).to_string()))
        .await
        .unwrap();
    let read = json!({"jsonrpc": "2.0", "id": 2, "method": "eth_call"}).to_string();
    socket.send(Message::text(read)).await.unwrap();
    assert_eq!(next_json(&mut socket).await["to"]["id"], 2);
    assert_eq!(
        next_json(&mut socket).await["error"]["data"]["reason"],
        "VENDOR_TIMEOUT"
    );
}

#[tokio::test]
async fn web_pages_must_be_listed_and_sockets_are_counted() {
    let stage = setup("websockets = 1").await;
    assert_eq!(
        status(open_from(&stage.gateway, Some("https://evil.example")).await),
        403
    );
    let first = open_from(&stage.gateway, Some("https://dapp.example"))
        .await
        .unwrap();
    assert_eq!(status(open_from(&stage.gateway, None).await), 503);
    drop(first);
    let mut again = open_from(&stage.gateway, None).await;
    while again.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
        again = open_from(&stage.gateway, None).await;
    }
}

#[tokio::test]
async fn messages_are_bounded_and_silent_clients_are_cut_off() {
    let stage = setup("body_bytes = 4096\nwebsocket_idle_ms = 1000").await;
    let mut socket = open(&stage.gateway).await;
    socket.send(Message::text(" ".repeat(5000))).await.unwrap();
    assert_eq!(close_code(&mut socket).await, CloseCode::Size);

    // A client that answers pings stays; one that reads nothing does not.
    let mut lively = open(&stage.gateway).await;
    let silent = open(&stage.gateway).await;
    let until = tokio::time::Instant::now() + Duration::from_millis(2500);
    while let Ok(message) = tokio::time::timeout_at(until, lively.next()).await {
        assert!(message.unwrap().unwrap().is_ping());
    }
    lively
        .send(Message::text(
            json!({"jsonrpc": "2.0", "id": 2, "method": "eth_call"}).to_string(),
        ))
        .await
        .unwrap();
    assert_eq!(next_json(&mut lively).await["to"]["id"], 2);
    let mut silent = silent;
    assert_eq!(close_code(&mut silent).await, CloseCode::Policy);
}

#[tokio::test]
async fn a_socket_ends_with_the_nodes_and_with_the_gateway() {
    let stage = setup("").await;
    let mut socket = open(&stage.gateway).await;
    let bye = json!({"jsonrpc": "2.0", "id": 1, "method": "bye"}).to_string();
    socket.send(Message::text(bye)).await.unwrap();
    assert_eq!(close_code(&mut socket).await, CloseCode::Error);
    let mut socket = open(&stage.gateway).await;
    // A transaction that is being screened is answered before the gateway leaves.
    stage.sidecar.set(Behaviour::Hang);
    socket
        .send(Message::text(send_raw(1, &transfer(0).0).to_string()))
        .await
        .unwrap();
    while stage.sidecar.served().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let stopped = tokio::spawn(stage.gateway.stop());
    assert_eq!(
        next_json(&mut socket).await["error"]["data"]["reason"],
        "VENDOR_TIMEOUT"
    );
    assert_eq!(close_code(&mut socket).await, CloseCode::Away);
    stopped.await.unwrap();
}

#[tokio::test]
async fn without_a_nodes_websocket_there_is_none() {
    let node = Node::start().await;
    let sidecar = Sidecar::start(allow()).await;
    let gateway = TestGateway::start(&node.url, &[&sidecar.url], Settings::default()).await;
    assert_eq!(status(open_from(&gateway, None).await), 501);
    let client = reqwest::Client::new();
    let old = client
        .get(&gateway.url)
        .header("connection", "keep-alive, Upgrade")
        .header("upgrade", "WebSocket")
        .header("sec-websocket-version", "8")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (old.status().as_u16(), &old.headers()["sec-websocket-version"]),
        (426, &HeaderValue::from_static("13"))
    );
}
