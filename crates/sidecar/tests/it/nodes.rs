//! What the sidecar asks the nodes, and that it does not believe them.

use crate::buyer::Buyer;
use crate::operators::Operators;
use crate::running::{Running, Setting, config};
use crate::vendor::Vendor;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use base64ct::{Base64, Encoding};
use rampart_protocol::api::{ErrorBody, ErrorView, ServiceView};
use rampart_protocol::{Address, Amount, Category, Confirmation, Ppm, ProviderId, Seconds, ServiceId};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;

/// A node's API with just what a sidecar asks for.
#[derive(Clone, Default)]
struct Node {
    confirmations: Arc<Mutex<BTreeMap<String, Confirmation>>>,
    asked: Arc<Mutex<u32>>,
}

impl Node {
    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new()
            .route("/v1/services/{id}", get(service))
            .route("/v1/purchases/{id}/confirmation", get(confirmation))
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        format!("http://{address}")
    }

    fn knows(&self, asked: &Buyer, confirmation: Confirmation) {
        self.confirmations
            .lock()
            .unwrap()
            .insert(format!("{:#x}", asked.record.id.0), confirmation);
    }
}

type NotFound = (StatusCode, Json<ErrorBody>);

fn not_found() -> NotFound {
    let error = ErrorView {
        name: "not_found".to_owned(),
        code: None,
        message: "there is none".to_owned(),
    };
    (StatusCode::NOT_FOUND, Json(ErrorBody { error }))
}

async fn service(Path(id): Path<u64>) -> Result<Json<ServiceView>, NotFound> {
    if id != 1 {
        return Err(not_found());
    }
    Ok(Json(ServiceView {
        id: ServiceId(1),
        provider: ProviderId(1),
        provider_name: "Screener".to_owned(),
        endpoint: "https://api.vendor.example".to_owned(),
        category: Category::TransactionSecurity,
        description: "Screens transactions – really".to_owned(),
        version: 3,
        requests: 100,
        fee: Amount::TOKEN,
        min_duration: Seconds(60),
        max_duration: Seconds(3600),
        active: true,
        score: Ppm(500_000),
        openapi: None,
        components: Vec::new(),
        upstream_key: None,
        outages: 0,
    }))
}

async fn confirmation(
    State(node): State<Node>,
    Path(id): Path<String>,
) -> Result<Json<Confirmation>, NotFound> {
    *node.asked.lock().unwrap() += 1;
    tokio::time::sleep(Duration::from_millis(20)).await;
    node.confirmations
        .lock()
        .unwrap()
        .get(&id)
        .cloned()
        .map(Json)
        .ok_or_else(not_found)
}

async fn start(fetch: bool) -> (Setting, Node) {
    let node = Node::default();
    let url = node.start().await;
    let setting = Setting::start_with(|config| {
        config.nodes = vec![url];
        config.fetch_confirmations = fetch;
        config.asset = Some(Address::repeat_byte(0xcc));
    })
    .await;
    (setting, node)
}

#[tokio::test]
async fn a_request_without_token_is_answered_with_the_offer() {
    let (setting, _node) = start(true).await;
    let mut answer = setting.sidecar.get("/v1/screen").await;
    while answer.json()["accepts"] == Value::Array(vec![]) {
        tokio::time::sleep(Duration::from_millis(20)).await;
        answer = setting.sidecar.get("/v1/screen").await;
    }
    assert_eq!(answer.refusal(), (402, "payment_required".to_owned()));
    let offer = answer.json();
    assert_eq!(offer["x402Version"], 2);
    let accepted = &offer["accepts"][0];
    assert_eq!(
        (
            &accepted["scheme"],
            &accepted["network"],
            &accepted["maxAmountRequired"]
        ),
        (
            &"rampart-purchase".into(),
            &"eip155:59144".into(),
            &"1000000000000000000".into()
        )
    );
    assert_eq!(accepted["asset"], format!("{:#x}", Address::repeat_byte(0xcc)));
    let extra = &accepted["extra"];
    assert_eq!(
        (&extra["service"], &extra["version"], &extra["requests"]),
        (&1.into(), &3.into(), &100.into())
    );
    assert_eq!(extra["howToBuy"]["domain"]["chainId"], 59144);
    let header = Base64::decode_vec(answer.headers["payment-required"].to_str().unwrap()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&header).unwrap(), offer);
    assert_eq!(
        setting.sidecar.get("/.rampart/offer").await.json()["accepts"][0],
        *accepted
    );
    let unsold = setting.sidecar.get("/two").await;
    assert_eq!(
        (unsold.status, &unsold.json()["accepts"]),
        (402, &Value::Array(vec![]))
    );
}

#[tokio::test]
async fn an_unknown_purchase_is_fetched_from_the_operators_once() {
    let (setting, node) = start(true).await;
    let Setting {
        operators, sidecar, ..
    } = &setting;
    let buyer = Buyer::new(1);
    node.knows(&buyer, operators.confirm(&buyer.record));
    let requests: Vec<_> = (1..=8).map(|n| buyer.get(&sidecar.authority, "/v1", n)).collect();
    let answers = futures::future::join_all(requests.iter().map(|request| sidecar.send(request))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert!(
        *node.asked.lock().unwrap() <= 4,
        "requests that came together share the question"
    );
}

#[tokio::test]
async fn a_fruitless_question_is_not_repeated_at_once() {
    let (setting, node) = start(true).await;
    let buyer = Buyer::new(1);
    let request = buyer.get(&setting.sidecar.authority, "/v1", 1);
    for _ in 0..5 {
        assert_eq!(
            setting.sidecar.send(&request).await.refusal(),
            (404, "unknown_purchase".to_owned())
        );
    }
    assert_eq!(*node.asked.lock().unwrap(), 1);
    node.knows(&buyer, setting.operators.confirm(&buyer.record));
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    assert_eq!(
        setting.sidecar.send(&request).await.status,
        200,
        "it became final meanwhile"
    );
}

#[tokio::test]
async fn a_lying_node_gains_nothing() {
    let (setting, node) = start(true).await;
    let us = setting.sidecar.authority.clone();
    let (forged, swapped, foreign) = (
        Buyer::new(1),
        Buyer::new(2),
        Buyer::new(3).with(|record| record.provider = ProviderId(2)),
    );
    node.knows(&forged, Operators::new(100).confirm(&forged.record));
    node.knows(&swapped, setting.operators.confirm(&Buyer::new(9).record));
    node.knows(&foreign, setting.operators.confirm(&foreign.record));
    for (buyer, status, code) in [
        (&forged, 403, "unproven_confirmation"),
        (&swapped, 404, "unknown_purchase"),
        (&foreign, 403, "wrong_provider"),
    ] {
        let answer = setting.sidecar.send(&buyer.get(&us, "/v1", 1)).await;
        assert_eq!(answer.refusal(), (status, code.to_owned()));
    }
    assert!(setting.vendor.seen().is_empty());
}

#[tokio::test]
async fn fetching_can_be_turned_off() {
    let (setting, node) = start(false).await;
    let buyer = Buyer::new(1);
    node.knows(&buyer, setting.operators.confirm(&buyer.record));
    let answer = setting
        .sidecar
        .send(&buyer.get(&setting.sidecar.authority, "/v1", 1))
        .await;
    assert_eq!(answer.refusal(), (404, "unknown_purchase".to_owned()));
    assert_eq!(*node.asked.lock().unwrap(), 0);
}

#[tokio::test]
async fn nodes_that_are_down_do_not_stop_a_sidecar() {
    let (operators, vendor, dir) = (Operators::new(1), Vendor::default(), tempfile::tempdir().unwrap());
    let mut config = config(&operators, &vendor.start().await, dir.path());
    config.nodes = vec!["http://127.0.0.1:9".to_owned()];
    let sidecar = Running::start(config).await;
    assert_eq!(sidecar.get("/v1").await.status, 402);
    let buyer = Buyer::new(1);
    let request = buyer.get(&sidecar.authority, "/v1", 1);
    assert_eq!(sidecar.send(&request).await.status, 404);
    let request = request.confirmed_by(&operators.confirm(&buyer.record));
    assert_eq!(sidecar.send(&request).await.status, 200);
}
