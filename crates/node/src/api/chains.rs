//! What this operator sees of the chains and does there: its endpoints, the accounts that pay, evidence of equivocation.

use super::Shared;
use super::error::ApiError;
use crate::checkpoint::Proof;
use crate::engine::Runtime;
use crate::feed::SourceHealth;
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use rampart_chain::outgoing::OutgoingStatus;
use rampart_protocol::shape::{Shape, Shapes};
use rampart_protocol::{Address, SignedCheckpoint};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::watch;

/// The accounts that pay for this operator's transactions.
#[derive(Clone, Debug)]
pub struct Accounts {
    /// For checkpoints, on the L2.
    pub l2: watch::Receiver<Option<OutgoingStatus>>,
    /// For evidence, on the L1; nothing is ever told of it where no evidence is brought.
    pub l1: watch::Receiver<Option<OutgoingStatus>>,
}

/// `GET /v1/chains`
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChainsView {
    /// The contracts read, and the endpoints that they are read through.
    sources: Vec<SourceHealth>,
    /// The account that pays for checkpoints.
    l2_account: Option<OutgoingStatus>,
    /// The account that pays for evidence.
    l1_account: Option<OutgoingStatus>,
    /// The last checkpoint on the L2, by its latest block.
    accepted_height: u64,
    /// The last checkpoint whose acceptance is final.
    settled_height: u64,
}

/// A row of `GET /v1/evidence`
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EvidenceView {
    /// The checkpoint key that signed both.
    operator: Address,
    /// The height of both.
    height: u64,
    /// What it signed, as `rampart operator accuse` takes it.
    signed: [SignedCheckpoint; 2],
    /// Whether it was punished for it, finally.
    punished: bool,
}

impl Shape for ChainsView {
    fn shape(shapes: &mut Shapes) -> Value {
        let free = |description: &str| json!({ "description": description });
        let height = u64::shape(shapes);
        shapes.named("ChainsView", |_| {
            json!({
                "type": "object",
                "description": "What an operator sees of the chains and does there.",
                "required": ["sources", "l2Account", "l1Account", "acceptedHeight", "settledHeight"],
                "properties": {
                    "sources": { "type": "array", "items": free("A contract that is read, and the endpoints.") },
                    "l2Account": free("The account that pays for checkpoints; null where nothing is known."),
                    "l1Account": free("The account that pays for evidence; null where none is brought."),
                    "acceptedHeight": height,
                    "settledHeight": height,
                },
            })
        })
    }
}

impl Shape for EvidenceView {
    fn shape(shapes: &mut Shapes) -> Value {
        let (operator, signed) = (Address::shape(shapes), <Vec<SignedCheckpoint>>::shape(shapes));
        let height = u64::shape(shapes);
        shapes.named("EvidenceView", |_| {
            json!({
                "type": "object",
                "description": "Two checkpoints that one operator signed for one height (X3).",
                "required": ["operator", "height", "signed", "punished"],
                "properties": {
                    "operator": operator,
                    "height": height,
                    "signed": signed,
                    "punished": { "type": "boolean" },
                },
            })
        })
    }
}

impl From<Proof> for EvidenceView {
    fn from(proof: Proof) -> Self {
        let (operator, height) = proof.case();
        Self {
            operator,
            height,
            signed: proof.signed,
            punished: proof.punished,
        }
    }
}

pub(super) async fn chains<E: Runtime>(State(context): State<Shared<E>>) -> Json<ChainsView> {
    let accepted = context.checkpoints.accepted();
    Json(ChainsView {
        sources: context.feed.health(),
        l2_account: context.accounts.l2.borrow().clone(),
        l1_account: context.accounts.l1.borrow().clone(),
        accepted_height: accepted.height,
        settled_height: accepted.settled,
    })
}

/// At most [`crate::checkpoint::MAX_EVIDENCE`] rows.
pub(super) async fn evidence<E: Runtime>(State(context): State<Shared<E>>) -> Json<Vec<EvidenceView>> {
    Json(
        context
            .checkpoints
            .evidence()
            .into_iter()
            .map(EvidenceView::from)
            .collect(),
    )
}

/// Takes two checkpoints that one operator signed for one height.
pub(super) async fn accuse<E: Runtime>(
    State(context): State<Shared<E>>,
    body: Result<Json<[SignedCheckpoint; 2]>, JsonRejection>,
) -> Result<Json<Vec<EvidenceView>>, ApiError> {
    let Json(signed) = body?;
    let checkpoints = context.checkpoints.clone();
    let accused = tokio::task::spawn_blocking(move || checkpoints.accused(signed))
        .await
        .map_err(|error| ApiError::internal(&error))?;
    if !accused {
        return Err(ApiError::bad_request(
            "no_equivocation",
            "these are not two different checkpoints of one height that an operator signed, or the height is long past",
        ));
    }
    Ok(evidence(State(context)).await)
}
