//! What a follower does with submissions: it passes them on to an operator, as they are, and its answer back.
//!
//! Bodies and answers are not read, but for the heights that an answer names: whoever is told that a transaction is final reads it
//! here next, so the answer waits a moment for the block. That a transaction was taken is the operator's word; that it is final,
//! the block proves.

use super::error::ApiError;
use super::{MAX_BATCH_BODY, MAX_WAIT, REQUEST_TIMEOUT, Shared};
use crate::engine::Runtime;
use crate::follower::Endpoints;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use rampart_protocol::B256;
use rampart_protocol::api::TransactionView;
use serde_json::Value;
use std::time::Duration;
use tokio::sync::watch;

/// Longest wait for a block that an operator has and this follower has not.
const CATCH_UP: Duration = Duration::from_secs(5);

#[derive(Clone)]
struct Relay {
    operators: Endpoints,
    /// The height that the index knows.
    heights: watch::Receiver<u64>,
}

/// Has a follower pass on what these routes take; an operator's are as they were.
pub(super) fn instead<E: Runtime>(submissions: Router<Shared<E>>, shared: &Shared<E>) -> Router<Shared<E>> {
    let Some(operators) = shared.upstream.clone() else {
        return submissions;
    };
    let heights = shared.index.heights();
    let relay = Relay { operators, heights };
    submissions.layer(middleware::from_fn_with_state(relay, pass_on))
}

async fn pass_on(State(mut relay): State<Relay>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    let path = head
        .uri
        .path_and_query()
        .map_or("/", |path| path.as_str())
        .to_owned();
    let media = head
        .headers
        .get(CONTENT_TYPE)
        .and_then(|media| media.to_str().ok());
    let Ok(body) = to_bytes(body, MAX_BATCH_BODY).await else {
        return ApiError::too_large(MAX_BATCH_BODY).into_response();
    };
    let time = MAX_WAIT + REQUEST_TIMEOUT;
    for operator in relay.operators.clients() {
        match operator.pass_on(&path, media, body.to_vec(), time).await {
            Ok((status, answer)) => {
                relay.catch_up(&answer).await;
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
                return (status, [(CONTENT_TYPE, "application/json")], Body::from(answer)).into_response();
            }
            Err(error) => tracing::debug!(%error, "a submission is passed on to another operator"),
        }
    }
    ApiError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "no_operator",
        "this follower takes nothing itself, and no operator that it knows answers; try again, or ask one",
    )
    .into_response()
}

impl Relay {
    /// Waits until the blocks that an answer names are here.
    async fn catch_up(&mut self, answer: &[u8]) {
        let Some(height) = height(answer) else {
            return;
        };
        let here = self.heights.wait_for(|known| *known >= height);
        // Later is late, not wrong.
        let _ = tokio::time::timeout(CATCH_UP, here).await;
    }
}

/// The greatest height that an answer, or one of a list of answers, names.
fn height(answer: &[u8]) -> Option<u64> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let of = |one: &Value| one.get("height").and_then(Value::as_u64);
    match &answer {
        Value::Array(all) => all.iter().filter_map(of).max(),
        one => of(one),
    }
}

/// What an operator says of a transaction.
pub(super) async fn ask(operators: &Endpoints, hash: B256) -> Option<TransactionView> {
    let first = operators.clients().into_iter().next()?;
    first
        .transaction(hash)
        .await
        .ok()
        .filter(|view| view.hash == hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_height_of_an_answer_is_the_greatest_that_it_names() {
        assert_eq!(height(br#"{"hash":"0x","height":7}"#), Some(7));
        assert_eq!(height(br#"[{"height":7},{"error":{}},{"height":9}]"#), Some(9));
        for none in [
            &br#"{"error":{"name":"x"}}"#[..],
            b"{}",
            b"[]",
            b"",
            b"no JSON",
            br#"{"height":"7"}"#,
        ] {
            assert_eq!(height(none), None);
        }
    }
}
