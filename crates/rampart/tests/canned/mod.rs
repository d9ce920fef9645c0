//! A node that answers what it was told to, and remembers what it was sent. It stands for an operator where a test is about
//! the command line: what it asks, signs and keeps, and how it tells what comes back.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Answers by method and path, `GET /v1/status`.
type Answers = BTreeMap<String, (u16, Value)>;

/// The node. Its thread ends with the test's process.
pub struct Node {
    address: SocketAddr,
    sent: Arc<Mutex<Vec<Value>>>,
}

impl Node {
    /// Starts it with the operator set of a deployment and these answers.
    pub fn start(answers: impl IntoIterator<Item = (&'static str, u16, Value)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut known = Answers::from([("GET /v1/operator-set".to_owned(), (200, operator_set()))]);
        let answers = answers.into_iter();
        known.extend(answers.map(|(route, status, body)| (route.to_owned(), (status, body))));
        let sent = Arc::new(Mutex::new(Vec::new()));
        let remembered = Arc::clone(&sent);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // One request after another suffices for one client.
                let _ = answer(stream, &known, &remembered);
            }
        });
        Self { address, sent }
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The transactions that it was sent.
    pub fn sent(&self) -> Vec<Value> {
        self.sent.lock().unwrap().clone()
    }
}

/// A set of one operator.
fn operator_set() -> Value {
    let key = |byte: &str| format!("0x{}", byte.repeat(32));
    json!({
        "chainId": 59_144,
        "settlement": format!("0x{}", "33".repeat(20)),
        "operators": [{ "publicKey": key("01"), "checkpointKey": format!("0x{}", "02".repeat(20)), "weight": 1 }],
    })
}

fn answer(stream: TcpStream, known: &Answers, sent: &Mutex<Vec<Value>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut line, mut length) = (String::new(), 0);
    reader.read_line(&mut line)?;
    let mut words = line.split(' ');
    let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let route = format!("{method} {}", path.split('?').next().unwrap_or(""));
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        if header.trim().is_empty() {
            break;
        }
        if let Some(value) = header.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    if method == "POST" {
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        sent.lock().unwrap().push(body);
    }
    let missing = json!({ "error": { "name": "unknown_route", "message": route } });
    // An account's address is the test's own, so its route cannot be written down.
    let account = route
        .starts_with("GET /v1/accounts/")
        .then_some("GET /v1/accounts");
    let found = known.get(account.unwrap_or(&route));
    let (status, body) = found.cloned().unwrap_or((404, missing));
    let body = body.to_string();
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}
