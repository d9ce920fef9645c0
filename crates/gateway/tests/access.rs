//! Clients with keys: what each may choose and how much, over HTTP and WebSocket, and what happens when a key is taken away.
#![allow(clippy::unwrap_used)]

mod support;

use rampart_gateway::decisions::{Wanted, find};
use rampart_gateway::{Config, Reloader, bind};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::Path;
use support::node::Node;
use support::sidecar::{Sidecar, allow, says};
use support::{buy, now, send_raw, transfer};

const KEY: &str = "the desk's key";

struct Stage {
    node: Node,
    /// The first refuses, the second allows.
    sidecars: [Sidecar; 2],
    url: String,
    reloader: Reloader,
    directory: tempfile::TempDir,
}

fn config(directory: &Path, node: &str, clients: &str) -> Config {
    let digest = alloy::hex::encode(Sha256::digest(KEY));
    let text = format!(
        "listen = \"127.0.0.1:0\"\nupstream = \"{node}\"\nstate = \"state\"\nwallet = \"wallet\"\n\
         [policies.lenient]\nservices = [\"two\"]\n\
         [[services]]\nname = \"one\"\nservice = 1\n[[services]]\nname = \"two\"\nservice = 2\n{}\n",
        clients.replace("DIGEST", &digest)
    );
    let path = directory.join("gateway.toml");
    std::fs::write(&path, text).unwrap();
    Config::read(&path).unwrap()
}

async fn setup(clients: &str) -> Stage {
    let node = Node::start().await;
    let sidecars = [Sidecar::start(says("block")).await, Sidecar::start(allow()).await];
    let directory = tempfile::tempdir().unwrap();
    for (service, sidecar) in (1..).zip(&sidecars) {
        buy(
            &directory.path().join("wallet"),
            service,
            100,
            now() + 3600,
            &sidecar.url,
        );
    }
    let bound = bind(config(directory.path(), &node.url, clients)).await.unwrap();
    let url = format!("http://{}", bound.local_addr());
    let reloader = bound.reloader();
    tokio::spawn(bound.serve(std::future::pending()));
    Stage {
        node,
        sidecars,
        url,
        reloader,
        directory,
    }
}

/// Posts to a path with fields; the status and the answer.
async fn post(stage: &Stage, path: &str, fields: &[(&str, &str)], body: &Value) -> (u16, Value) {
    let mut request = reqwest::Client::new()
        .post(format!("{}{path}", stage.url))
        .json(body);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

fn read() -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": "eth_call"})
}

const DESK: &str = "[[clients]]\nname = \"desk\"\nkey_sha256 = \"DIGEST\"\npolicies = [\"lenient\"]\nservices = [\"one\", \"two\"]\n";

#[tokio::test]
async fn a_client_chooses_a_policy_or_services_and_nobody_else_may() {
    // Who shows no key is served too, but chooses nothing.
    let stage = setup(&format!("{DESK}[[clients]]\nname = \"anyone\"\n")).await;
    let send = send_raw(1, &transfer(0).0);
    let (_, refused) = post(&stage, "/", &[], &send).await;
    assert_eq!(refused["error"]["data"]["rule"], "policy", "{refused}");
    let bearer = format!("Bearer {KEY}");
    let path = "/key/the%20desk's%20key";
    let (_, relayed) = post(&stage, "/", &[("authorization", &bearer)], &send).await;
    assert_eq!(relayed["result"], "eth_sendRawTransaction", "{relayed}");
    let (_, relayed) = post(&stage, "/policy/lenient", &[("x-api-key", KEY)], &send).await;
    assert_eq!(relayed["result"], "eth_sendRawTransaction", "{relayed}");
    let (_, refused) = post(
        &stage,
        "/",
        &[("x-api-key", KEY), ("rampart-services", "one")],
        &send,
    )
    .await;
    assert_eq!(refused["error"]["data"]["rule"], "policies.lenient", "{refused}");
    assert_eq!(refused["error"]["data"]["vendors"][0]["name"], "one");
    let asked = [stage.sidecars[0].served().len(), stage.sidecars[1].served().len()];
    assert_eq!(asked, [2, 3], "the policy's two, then one each");
    for (path, fields, status, reason) in [
        ("/policy/lenient", &[][..], 403, "POLICY_NOT_ALLOWED"),
        ("/", &[("rampart-services", "two")], 403, "SERVICES_NOT_ALLOWED"),
        ("/", &[("x-api-key", "wrong")], 401, "API_KEY"),
        (path, &[("x-api-key", KEY)], 400, "AMBIGUOUS_CHOICE"),
        ("/nothing", &[], 404, "NOT_FOUND"),
    ] {
        let (told, answer) = post(&stage, path, fields, &send).await;
        assert_eq!(
            (told, &answer["error"]["data"]["reason"]),
            (status, &json!(reason)),
            "{answer}"
        );
    }
    let mut clients = Vec::new();
    for _ in 0..100 {
        clients.clear();
        let state = stage.directory.path().join("state");
        find(&state, &Wanted::default(), |decision| {
            clients.extend(decision.client)
        })
        .unwrap();
        if clients.len() == 4 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(clients, ["anyone", "desk", "desk", "desk"]);
}

#[tokio::test]
async fn limits_hold_over_batches_and_screenings() {
    let limits = "calls_per_second = 1\nscreenings_per_minute = 1\n";
    let stage = setup(&format!("{DESK}{limits}")).await;
    let fields = [("x-api-key", KEY)];
    assert_eq!(post(&stage, "/", &[], &read()).await.0, 401);
    let send = send_raw(1, &transfer(0).0);
    let (_, answers) = post(&stage, "/", &fields, &json!([send, send])).await;
    assert_eq!(answers[0]["result"], "eth_sendRawTransaction", "{answers}");
    assert_eq!(answers[1]["error"]["code"], -32005, "{answers}");
    // A batch may be full, and what it took is gone.
    assert_eq!(post(&stage, "/", &fields, &json!(vec![read(); 98])).await.0, 200);
    let (status, answer) = post(&stage, "/", &fields, &json!(vec![read(); 10])).await;
    assert_eq!(
        (status, &answer["error"]["data"]["reason"]),
        (429, &json!("RATE_LIMIT"))
    );
}

#[tokio::test]
async fn a_key_that_is_taken_away_is_of_no_use_at_once() {
    let stage = setup(DESK).await;
    let fields = [("x-api-key", KEY)];
    assert_eq!(post(&stage, "/", &fields, &read()).await.0, 200);
    let other = "[[clients]]\nname = \"other\"\nkey_sha256 = \"0x0101010101010101010101010101010101010101010101010101010101010101\"";
    let changed = config(stage.directory.path(), &stage.node.url, other);
    stage.reloader.apply(&changed).unwrap();
    assert_eq!(post(&stage, "/", &fields, &read()).await.0, 401);
}
