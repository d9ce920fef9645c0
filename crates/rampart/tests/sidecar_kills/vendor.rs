//! A vendor that says for whom and for which number it worked, and fails now and then.

use super::ledger::Ledger;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use rampart_protocol::PurchaseId;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// Every number that this divides fails the first time.
const FAILS: u64 = 7;

#[derive(Clone)]
struct Vendor {
    ledger: Arc<Mutex<Ledger>>,
    failed: Arc<Mutex<BTreeSet<(PurchaseId, u64)>>>,
}

/// Starts it; returns its base URL.
pub async fn start(ledger: Arc<Mutex<Ledger>>) -> String {
    let vendor = Vendor {
        ledger,
        failed: Arc::default(),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new()
        .route("/{number}", axum::routing::post(work))
        .with_state(vendor);
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    format!("http://{address}")
}

async fn work(
    State(vendor): State<Vendor>,
    Path(number): Path<u64>,
    headers: HeaderMap,
) -> Result<String, StatusCode> {
    let purchase = headers["rampart-purchase"].to_str().unwrap();
    let id = PurchaseId(purchase.parse().unwrap());
    if number.is_multiple_of(FAILS) && vendor.failed.lock().unwrap().insert((id, number)) {
        return Err(StatusCode::INTERNAL_SERVER_ERROR);
    }
    vendor.ledger.lock().unwrap().worked(id, number);
    Ok(answer(id, number))
}

/// What a consumer must get.
pub fn answer(id: PurchaseId, number: u64) -> String {
    format!("{number} of {id}")
}
