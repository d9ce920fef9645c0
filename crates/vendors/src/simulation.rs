//! The simulation vendor: what would a transaction do if it ran now?
//!
//! It runs the transaction on an Ethereum node at the latest block (`node`), reads what it would move and grant
//! (`effects`), and judges that by the administrator's policy (`rules`). It keeps no state and trusts its node.

mod effects;
mod node;
mod rules;

use crate::VendorError;
use crate::config::{SimulationConfig, SimulationPolicy};
use crate::http::{ApiError, openapi, parse, with_common};
use crate::listener::Bound;
use crate::request::{Candidate, ScreenRequest};
use crate::verdict::{Finding, Verdict};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::Json;
use axum::routing::post;
use node::{Node, NodeError};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// Listens. The node is first asked by the first request.
///
/// # Errors
/// When the node's URL cannot be used or the address cannot be bound.
pub async fn bind_simulation(config: SimulationConfig) -> Result<Bound, VendorError> {
    let node = Node::new(&config.node, Duration::from_millis(config.node_timeout_ms))?;
    let vendor = Arc::new(Simulation {
        name: config.name.clone(),
        policy: config.policy,
        node,
    });
    let router = Router::new().route("/v1/screen", post(screen)).with_state(vendor);
    let document = openapi(
        "Transaction simulation",
        "Runs a transaction on an Ethereum node and flags unlimited approvals, transfers of everything and reverts.",
        json!({}),
    );
    let router = with_common(router, &config.name, document, config.limits.body_bytes);
    Bound::new(config.listen, router, config.limits).await
}

/// Serves the simulation vendor until `shutdown` completes.
///
/// # Errors
/// As [`bind_simulation`].
pub async fn run_simulation(
    config: SimulationConfig,
    shutdown: impl Future<Output = ()>,
) -> Result<(), VendorError> {
    let bound = bind_simulation(config).await?;
    tracing::info!(address = %bound.local_addr(), "simulation vendor listens");
    bound.serve(shutdown).await;
    Ok(())
}

#[derive(Debug)]
struct Simulation {
    name: String,
    policy: SimulationPolicy,
    node: Node,
}

async fn screen(
    State(vendor): State<Arc<Simulation>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Verdict>, ApiError> {
    let request: ScreenRequest = parse(body)?;
    let candidate = request
        .candidate()
        .map_err(|error| ApiError::bad_request(error.code(), error.to_string()))?;
    let findings = vendor.judge(&candidate).await.map_err(|error| {
        tracing::warn!(%error, "cannot simulate");
        ApiError::from(error)
    })?;
    Ok(Json(Verdict::of(&vendor.name, findings)))
}

impl Simulation {
    async fn judge(&self, candidate: &Candidate) -> Result<Vec<Finding>, NodeError> {
        let chain_id = self.node.chain_id().await?;
        if chain_id != candidate.chain_id {
            return Err(NodeError::OtherChain {
                ours: chain_id,
                theirs: candidate.chain_id,
            });
        }
        let outcome = self.node.simulate(candidate).await?;
        let effects = effects::Effects::of(candidate, outcome.logs());
        let facts = self.node.facts(candidate, &effects).await?;
        Ok(rules::judge(&self.policy, candidate, &outcome, &effects, &facts))
    }
}

impl From<NodeError> for ApiError {
    fn from(error: NodeError) -> Self {
        match error {
            NodeError::OtherChain { .. } => Self::bad_request("wrong_chain", error.to_string()),
            NodeError::Unsupported => {
                Self::new(StatusCode::BAD_GATEWAY, "node_unsupported", error.to_string())
            }
            // The node's own words may name its URL, which can hold a key; they are in the log only.
            NodeError::Call(_) => Self::new(
                StatusCode::BAD_GATEWAY,
                "node_unavailable",
                "the node did not answer",
            ),
        }
    }
}
