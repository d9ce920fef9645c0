//! The provider's own port, on a loopback address: usage with the vouchers that prove it, and metrics.
//!
//! `GET /.rampart/usage/{purchase}`, `GET /.rampart/usage?after={purchase}&limit={n}`, `GET /.rampart/health`, and for
//! Prometheus `GET /metrics`. A `Host` that is not an IP address or `localhost` is refused, so that no web page can read it
//! through a name of its own.

use crate::counters;
use crate::meter::{Usage, Voucher};
use crate::reply::{self, Reply};
use crate::shared::Core;
use hyper::body::Incoming;
use hyper::header::HOST;
use hyper::{Method, Request, StatusCode};
use rampart_protocol::{Address, B256, Bytes, ProviderId, PurchaseId, Sequence, ServiceId, Timestamp};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Most purchases in one answer.
pub const MAX_PAGE: usize = 1000;

/// Usage of one purchase, as the admin port tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageView {
    /// The purchase.
    pub purchase: PurchaseId,
    /// Who bought.
    pub consumer: Address,
    /// From whom.
    pub provider: ProviderId,
    /// What.
    pub service: ServiceId,
    /// Requests bought.
    pub requests: u64,
    /// When the right to consume ends.
    pub expires_at: Timestamp,
    /// Requests counted, those in flight included.
    pub served: u64,
    /// Requests whose answer is outstanding.
    pub in_flight: usize,
    /// The fields of a `ReportUsage` message; absent before the first request is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<Report>,
}

/// What proves the usage to the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// `used`: the number that the voucher authorises.
    pub used: Sequence,
    /// `voucher`: the signature base.
    pub voucher: Bytes,
    /// `signature`: 64 bytes.
    pub signature: Bytes,
}

/// A page of usage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsagePage {
    /// In the order of purchase ids.
    pub usage: Vec<UsageView>,
    /// `after` of the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<PurchaseId>,
}

impl From<Usage> for UsageView {
    fn from(usage: Usage) -> Self {
        let Usage {
            record,
            served,
            in_flight,
            voucher,
        } = usage;
        Self {
            purchase: record.id,
            consumer: record.consumer,
            provider: record.provider,
            service: record.service,
            requests: record.requests,
            expires_at: record.expires_at,
            served,
            in_flight,
            report: voucher.map(
                |Voucher {
                     sequence,
                     base,
                     signature,
                 }| Report {
                    used: sequence,
                    voucher: base,
                    signature,
                },
            ),
        }
    }
}

/// Answers one request; never fails.
pub async fn handle(core: Arc<Core>, request: Request<Incoming>) -> Reply {
    if !is_local(&request) {
        return error(
            StatusCode::MISDIRECTED_REQUEST,
            "wrong_authority",
            "call this port by its address",
        );
    }
    if request.method() != Method::GET {
        return error(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "this port is read only",
        );
    }
    let query = request.uri().query().unwrap_or_default();
    match request.uri().path() {
        "/metrics" => metrics(&core),
        "/.rampart/health" => reply::json(StatusCode::OK, &serde_json::json!({ "status": "ok" })),
        "/.rampart/usage" => page(&core, query),
        path => match path.strip_prefix("/.rampart/usage/") {
            Some(id) => one(&core, id),
            None => error(
                StatusCode::NOT_FOUND,
                "unknown_path",
                "usage, metrics and health are all there is",
            ),
        },
    }
}

fn is_local(request: &Request<Incoming>) -> bool {
    let Some(host) = request.headers().get(HOST).and_then(|host| host.to_str().ok()) else {
        return false;
    };
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    host.parse::<SocketAddr>().is_ok() || name.parse::<IpAddr>().is_ok() || name == "localhost"
}

fn one(core: &Core, id: &str) -> Reply {
    let Ok(id) = id.parse::<B256>() else {
        return error(
            StatusCode::BAD_REQUEST,
            "bad_request",
            "a purchase id is 32 bytes in hex",
        );
    };
    match core.store.usage(PurchaseId(id)) {
        Some(usage) => reply::json(StatusCode::OK, &UsageView::from(usage)),
        None => error(
            StatusCode::NOT_FOUND,
            "unknown_purchase",
            "the purchase is not known here",
        ),
    }
}

fn page(core: &Core, query: &str) -> Reply {
    let (mut after, mut limit) = (None, MAX_PAGE);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let parsed = match pair.split_once('=') {
            Some(("after", id)) => id.parse::<B256>().map(|id| after = Some(PurchaseId(id))).is_ok(),
            Some(("limit", n)) => n.parse::<usize>().map(|n| limit = n.clamp(1, MAX_PAGE)).is_ok(),
            _ => false,
        };
        if !parsed {
            return error(
                StatusCode::BAD_REQUEST,
                "bad_request",
                "the query takes after={id} and limit={number}",
            );
        }
    }
    let mut found = core.store.usages(after, limit + 1);
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| last.record.id);
    let usage = found.into_iter().map(UsageView::from).collect();
    reply::json(StatusCode::OK, &UsagePage { usage, next })
}

fn metrics(core: &Core) -> Reply {
    reply::own(counters::MEDIA_TYPE, core.counters.encode(core.store.totals()))
}

fn error(status: StatusCode, code: &str, message: &str) -> Reply {
    reply::json(
        status,
        &serde_json::json!({ "error": { "code": code, "message": message } }),
    )
}
