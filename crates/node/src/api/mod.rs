//! The node's HTTP API (JSON; `rampart_protocol::api` has the shapes, this has the routes).
//!
//! Answers come from finalised state only. Nothing here decides anything about money: a client that matters verifies
//! confirmations and proofs itself (X1).
//!
//! Limits, per listener: bodies of [`MAX_BODY`] bytes, [`MAX_CONCURRENT`] requests at a time (more are answered 503),
//! [`MAX_WAIT`] for a submission to become final, [`REQUEST_TIMEOUT`] for anything else, pages of [`MAX_PAGE`] rows.

mod error;
mod evaluate;
mod reads;
pub(crate) mod submit;

pub use error::ApiError;

use crate::application::Senders;
use crate::checkpoint::Checkpoints;
use crate::engine::{Chain, Runtime};
use crate::index::Index;
use crate::mempool::Mempool;
use crate::storage::StateReader;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use rampart_protocol::{B256, OperatorSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};

/// Largest request body, bytes.
pub const MAX_BODY: usize = 16 * 1024;
/// Requests served at a time.
pub const MAX_CONCURRENT: usize = 512;
/// Longest wait for a submission to become final.
pub const MAX_WAIT: Duration = Duration::from_secs(60);
/// Longest time for a request, waits aside.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Most rows on a page.
pub const MAX_PAGE: usize = 200;

/// What the routes draw on.
pub struct Context<E: Runtime> {
    /// The deployment and its operators.
    pub operators: OperatorSet,
    /// This operator's consensus key.
    pub operator: B256,
    /// Finalised state.
    pub state: StateReader<E>,
    /// Finalised blocks.
    pub chain: Chain,
    /// The index over them.
    pub index: Index,
    /// Waiting transactions.
    pub mempool: Mempool,
    /// Recovers accounts.
    pub senders: Senders,
    /// Checkpoints.
    pub checkpoints: Checkpoints,
    /// Transactions to pass on to the other operators.
    pub gossip: mpsc::Sender<Vec<u8>>,
}

pub(crate) type Shared<E> = Arc<Context<E>>;

/// Every route.
pub fn router<E: Runtime>(context: Context<E>) -> Router {
    let permits = Arc::new(Semaphore::new(MAX_CONCURRENT));
    Router::new()
        .route("/v1/status", get(reads::status::<E>))
        .route("/v1/totals", get(reads::totals::<E>))
        .route("/v1/operators", get(reads::operators::<E>))
        .route("/v1/transactions", post(submit::submit::<E>))
        .route("/v1/transactions/{hash}", get(submit::transaction::<E>))
        .route("/v1/accounts/{address}", get(reads::account::<E>))
        .route("/v1/providers/{id}", get(reads::provider::<E>))
        .route("/v1/providers/{id}/purchases", get(reads::purchases_of::<E>))
        .route("/v1/services", get(reads::services::<E>))
        .route("/v1/services/{id}", get(reads::service::<E>))
        .route("/v1/purchases/{id}", get(reads::purchase::<E>))
        .route("/v1/purchases/{id}/confirmation", get(reads::confirmation::<E>))
        .route("/v1/withdrawals", get(reads::withdrawals::<E>))
        .route("/v1/withdrawals/{index}", get(reads::withdrawal::<E>))
        .route("/v1/checkpoints/latest", get(reads::checkpoint::<E>))
        .fallback(|| async { ApiError::not_found("route", "no such route; see /v1/status") })
        .method_not_allowed_fallback(|| async { ApiError::method_not_allowed() })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(permits, limit))
        .with_state(Arc::new(context))
}

/// Sheds load beyond [`MAX_CONCURRENT`] and bounds the time of what is served.
async fn limit(State(permits): State<Arc<Semaphore>>, request: Request, next: Next) -> Response {
    let Ok(_permit) = permits.try_acquire() else {
        return ApiError::overloaded().into_response();
    };
    match tokio::time::timeout(MAX_WAIT + REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::timeout().into_response(),
    }
}

/// Serves the routes over HTTP/1.1 until the listener fails.
///
/// # Errors
/// When the listener fails.
pub async fn serve(listener: tokio::net::TcpListener, router: Router) -> std::io::Result<()> {
    axum::serve(listener, router).await
}
