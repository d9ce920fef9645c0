//! Whether this operator is well, for those who watch it: the AVS node API of EigenLayer's specification (v0.0.1,
//! docs.eigenlayer.xyz, "AVS Node API"), and the judgement that metrics share.
//!
//! | backing service | up | initializing | down |
//! |---|---|---|---|
//! | `consensus` | the last block is at most [`STALE`] old | no block yet | older |
//! | `ledger` | its state is read | it is being restored | it cannot be read |
//! | `index` | it knows the last block | it is behind | blocks were skipped, or it cannot be read |
//! | `mempool`, which a follower has not | it takes transactions | | it is full, or the settlement is frozen |
//!
//! The node is healthy when all are up, unhealthy when consensus or ledger is down, else partially healthy.

use super::Shared;
use super::openapi::{Operation, Routes, query};
use super::reads::{PathOf, QueryOf, globals};
use super::submit::now_ms;
use crate::engine::Runtime;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rampart_protocol::api::{AvsNode, AvsService, AvsServices, AvsStatus};
use serde_json::json;
use std::time::Duration;

/// The version of the specification.
const SPEC: &str = "v0.0.1";
/// Age of the last block from which on consensus counts as down. Empty blocks come every second or so.
pub const STALE: Duration = Duration::from_secs(60);
/// Blocks that the index may be behind.
const INDEX_LAG: u64 = 2;

query! {
    /// Of the AVS node API.
    VersionQuery {
        /// The version of the specification; the latest unless told.
        version: Option<String>,
    }
}

/// How well an operator is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    Healthy,
    Partial,
    Unhealthy,
}

impl Health {
    const fn status(self) -> StatusCode {
        match self {
            Self::Healthy => StatusCode::OK,
            Self::Partial => StatusCode::PARTIAL_CONTENT,
            Self::Unhealthy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn of(services: &[AvsService]) -> Self {
        let down = |service: &AvsService| matches!(service.status, AvsStatus::Down);
        let vital = |service: &AvsService| ["consensus", "ledger"].contains(&service.id.as_str());
        if services.iter().any(|service| vital(service) && down(service)) {
            Self::Unhealthy
        } else if services.iter().all(|service| service.status == AvsStatus::Up) {
            Self::Healthy
        } else {
            Self::Partial
        }
    }
}

/// The backing services as they are now.
pub(super) async fn services<E: Runtime>(context: &Shared<E>) -> Vec<AvsService> {
    let tip = context.chain.tip();
    let consensus = consensus(tip.height, tip.timestamp_ms, now_ms());
    let ledger = match globals(context).await {
        Ok(_) => AvsStatus::Up,
        Err(error) if error.status == StatusCode::SERVICE_UNAVAILABLE => AvsStatus::Initializing,
        Err(_) => AvsStatus::Down,
    };
    let index = match (context.index.height(), context.index.has_gap()) {
        (Ok(height), Ok(false)) if height.saturating_add(INDEX_LAG) >= tip.height => AvsStatus::Up,
        (Ok(_), Ok(false)) => AvsStatus::Initializing,
        _ => AvsStatus::Down,
    };
    let (waiting, capacity) = context.mempool.load();
    let mempool = if waiting >= capacity || context.mempool.is_frozen() {
        AvsStatus::Down
    } else {
        AvsStatus::Up
    };
    let service = |id: &str, name: &str, description: &str, status| AvsService {
        id: id.to_owned(),
        name: name.to_owned(),
        description: description.to_owned(),
        status,
    };
    let mut services = vec![
        service(
            "consensus",
            "Consensus",
            "Agreement on blocks with the other operators",
            consensus,
        ),
        service("ledger", "Ledger", "The state that blocks lead to", ledger),
        service(
            "index",
            "Index",
            "What the API is asked and the state does not answer by key",
            index,
        ),
    ];
    if context.upstream.is_none() {
        let description = "Transactions that wait for a block";
        services.push(service("mempool", "Mempool", description, mempool));
    }
    services
}

fn consensus(height: u64, timestamp_ms: u64, now_ms: u64) -> AvsStatus {
    let age = Duration::from_millis(now_ms.saturating_sub(timestamp_ms));
    match height {
        0 => AvsStatus::Initializing,
        _ if age <= STALE => AvsStatus::Up,
        _ => AvsStatus::Down,
    }
}

/// How well the operator is now.
pub(super) async fn health<E: Runtime>(context: &Shared<E>) -> Health {
    Health::of(&services(context).await)
}

/// An error in the specification's own form; all are 404.
#[derive(Clone, Copy, Debug)]
struct Refusal(&'static str);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (StatusCode::NOT_FOUND, Json(json!({ "message": self.0 }))).into_response()
    }
}

fn known(query: QueryOf<VersionQuery>) -> Result<(), Refusal> {
    match query {
        Ok(Query(VersionQuery { version: None })) => Ok(()),
        Ok(Query(VersionQuery {
            version: Some(version),
        })) if version.trim_start_matches('v') == &SPEC[1..] => Ok(()),
        _ => Err(Refusal("API version not found")),
    }
}

async fn node(version: QueryOf<VersionQuery>) -> Result<Json<AvsNode>, Refusal> {
    known(version)?;
    Ok(Json(AvsNode {
        node_name: "rampart".to_owned(),
        spec_version: SPEC.to_owned(),
        node_version: format!("v{}", env!("CARGO_PKG_VERSION")),
    }))
}

async fn node_health<E: Runtime>(
    State(context): State<Shared<E>>,
    version: QueryOf<VersionQuery>,
) -> Result<StatusCode, Refusal> {
    known(version)?;
    Ok(health(&context).await.status())
}

async fn node_services<E: Runtime>(
    State(context): State<Shared<E>>,
    version: QueryOf<VersionQuery>,
) -> Result<Json<AvsServices>, Refusal> {
    known(version)?;
    Ok(Json(AvsServices {
        services: services(&context).await,
    }))
}

async fn service_health<E: Runtime>(
    State(context): State<Shared<E>>,
    id: PathOf<String>,
    version: QueryOf<VersionQuery>,
) -> Result<StatusCode, Refusal> {
    known(version)?;
    let missing = || Refusal("Service ID not found");
    let Path(id) = id.map_err(|_| missing())?;
    let services = services(&context).await;
    let service = services
        .iter()
        .find(|service| service.id == id)
        .ok_or_else(missing)?;
    Ok(match service.status {
        AvsStatus::Up => StatusCode::OK,
        AvsStatus::Initializing => StatusCode::PARTIAL_CONTENT,
        AvsStatus::Down => StatusCode::SERVICE_UNAVAILABLE,
    })
}

/// The routes of the specification.
pub(super) fn routes<E: Runtime>(routes: Routes<'_, Shared<E>>) -> Routes<'_, Shared<E>> {
    let refused = || json!({ "type": "object", "properties": { "message": { "type": "string" } } });
    let version = move |operation: Operation| {
        operation
            .query::<VersionQuery>()
            .content(StatusCode::NOT_FOUND, "application/json", refused())
    };
    let health = |operation: Operation| {
        operation
            .empty(StatusCode::OK)
            .empty(StatusCode::PARTIAL_CONTENT)
            .empty(StatusCode::SERVICE_UNAVAILABLE)
    };
    routes
        .get(
            "/eigen/node",
            node,
            version(Operation::json::<AvsNode>(
                "What runs here (EigenLayer's AVS node API).",
            )),
        )
        .get(
            "/eigen/node/health",
            node_health::<E>,
            version(health(Operation::new(
                "Healthy (200), partially (206), or not (503).",
            ))),
        )
        .get(
            "/eigen/node/services",
            node_services::<E>,
            version(Operation::json::<AvsServices>("What the node rests on.")),
        )
        .get(
            "/eigen/node/services/{id}/health",
            service_health::<E>,
            version(health(Operation::new(
                "Up (200), initializing (206), or down (503).",
            )))
            .path::<String>("id", "The backing service."),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(statuses: [AvsStatus; 4]) -> Health {
        let ids = ["consensus", "ledger", "index", "mempool"];
        let service = |(id, status): (&str, AvsStatus)| AvsService {
            id: id.to_owned(),
            name: String::new(),
            description: String::new(),
            status,
        };
        Health::of(&ids.into_iter().zip(statuses).map(service).collect::<Vec<_>>())
    }

    #[test]
    fn a_node_is_unhealthy_only_without_consensus_or_ledger() {
        use AvsStatus::{Down, Initializing, Up};
        assert_eq!(with([Up, Up, Up, Up]), Health::Healthy);
        assert_eq!(with([Up, Up, Down, Down]), Health::Partial);
        assert_eq!(with([Initializing, Initializing, Up, Up]), Health::Partial);
        assert_eq!(with([Down, Up, Up, Up]), Health::Unhealthy);
        assert_eq!(with([Up, Down, Up, Up]), Health::Unhealthy);
    }

    #[test]
    fn consensus_is_down_when_the_last_block_is_old() {
        assert_eq!(consensus(0, 0, 9_000_000), AvsStatus::Initializing);
        assert_eq!(consensus(1, 1_000, 61_000), AvsStatus::Up);
        assert_eq!(consensus(1, 1_000, 61_001), AvsStatus::Down);
        // A block of the near future.
        assert_eq!(consensus(1, 2_000, 1_000), AvsStatus::Up);
    }
}
