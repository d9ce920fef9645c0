//! The node's HTTP API (JSON; `rampart_protocol::api` has the shapes, this has the routes).
//!
//! Answers come from finalised state only. Nothing here decides anything about money: a client that matters verifies
//! confirmations and proofs itself (X1).
//!
//! Limits, per listener. They bound what all clients together can take; limits per client are for a reverse proxy in
//! front, since operators are reached through one.
//!
//! | what | limit |
//! |---|---|
//! | connections | [`MAX_CONNECTIONS`]; more wait to be accepted |
//! | request head | 16 KiB, 64 fields, within [`HEAD_TIMEOUT`], which also ends idle connections |
//! | request body | [`MAX_BODY`] bytes within [`BODY_TIMEOUT`] |
//! | requests at a time | [`MAX_CONCURRENT`] questions and [`MAX_SUBMISSIONS`] submissions; more are answered 503 |
//! | time to answer | [`REQUEST_TIMEOUT`]; [`MAX_WAIT`] more for a submission that waits to be final |
//! | reading the answer | each write is taken within [`STALL_TIMEOUT`] |
//! | age of a connection | [`MAX_AGE`], then it ends after the request in hand |
//! | rows of a page | [`MAX_PAGE`]; [`MAX_HANDOVERS`] proofs of operator sets |
//! | archives of exits at a time | [`MAX_EXPORTS`], until the last byte is taken; more are answered 503 |
//! | size and time of one | 36 bytes an account and some; its connection's age and one request more, 680 s |

mod chains;
mod error;
mod evaluate;
mod exits;
mod judging;
mod market;
mod reads;
mod rewards;
mod serve;
mod stall;
pub(crate) mod submit;

pub use chains::Accounts;
pub use error::ApiError;
pub use serve::{PortLimits, serve};

use crate::application::Senders;
use crate::checkpoint::Checkpoints;
use crate::engine::{Chain, Runtime};
use crate::exits::ExitStore;
use crate::feed::ChainFeed;
use crate::hatch::Hatch;
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
/// Connections at a time.
pub const MAX_CONNECTIONS: usize = 2048;
/// Questions answered at a time.
pub const MAX_CONCURRENT: usize = 512;
/// Submissions at a time, those included that wait to be final. Apart, so that waiting does not shut out questions.
pub const MAX_SUBMISSIONS: usize = 512;
/// Longest wait for a submission to become final.
pub const MAX_WAIT: Duration = Duration::from_secs(60);
/// Longest time for a request, waits aside.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time for a request's head to arrive, and for a connection to be idle.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// Longest time for a request's body to arrive.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time that a client takes no bytes of an answer.
pub const STALL_TIMEOUT: Duration = Duration::from_secs(15);
/// Age at which a connection is ended.
pub const MAX_AGE: Duration = Duration::from_secs(600);
/// Most rows on a page.
pub const MAX_PAGE: usize = 200;
/// Most proofs of operator sets on a page: with 256 operators one takes 100 KiB.
pub const MAX_HANDOVERS: usize = 16;
/// Archives of exits that are being written at a time: each may take a client as long as its connection lasts.
pub const MAX_EXPORTS: usize = 4;

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
    /// What accounts could leave with.
    pub exits: ExitStore,
    /// Whether they have to.
    pub hatch: Hatch,
    /// What is seen of the chains, and through which endpoints.
    pub feed: ChainFeed,
    /// The accounts that pay on the L2 and on the L1.
    pub accounts: chains::Accounts,
    /// Transactions to pass on to the other operators.
    pub gossip: mpsc::Sender<Vec<u8>>,
    /// What this operator does beside consensus.
    pub duties: Vec<&'static str>,
}

pub(crate) type Shared<E> = Arc<Context<E>>;

/// Every route.
pub fn router<E: Runtime>(context: Context<E>) -> Router {
    let submissions = Router::new()
        .route("/v1/transactions", post(submit::submit::<E>))
        .route("/v1/evidence", post(chains::accuse::<E>));
    let exports = Arc::new(Semaphore::new(MAX_EXPORTS));
    let archive = move |context: State<Shared<E>>| exits::archive(context, exports.clone());
    let questions = Router::new()
        .route("/v1/status", get(reads::status::<E>))
        .route("/v1/chains", get(chains::chains::<E>))
        .route("/v1/evidence", get(chains::evidence::<E>))
        .route("/v1/totals", get(reads::totals::<E>))
        .route("/v1/operator-set", get(reads::operator_set::<E>))
        .route("/v1/operator-sets", get(reads::operator_sets::<E>))
        .route("/v1/operators", get(rewards::operators::<E>))
        .route("/v1/operators/{address}", get(rewards::operator::<E>))
        .route(
            "/v1/operators/{address}/investors/{investor}",
            get(rewards::investor::<E>),
        )
        .route("/v1/epochs/current", get(rewards::current_epoch::<E>))
        .route("/v1/epochs/{number}", get(rewards::epoch::<E>))
        .route("/v1/params", get(rewards::parameters::<E>))
        .route("/v1/transactions/{hash}", get(submit::transaction::<E>))
        .route("/v1/accounts/{address}", get(reads::account::<E>))
        .route("/v1/accounts/{address}/exit", get(exits::exit::<E>))
        .route("/v1/exits", get(archive))
        .route("/v1/providers/{id}", get(market::provider::<E>))
        .route("/v1/providers/{id}/purchases", get(market::purchases_of::<E>))
        .route("/v1/providers/{id}/reviews", get(judging::reviews_of::<E>))
        .route("/v1/services", get(market::services::<E>))
        .route("/v1/services/{id}", get(market::service::<E>))
        .route("/v1/services/{id}/versions/{version}", get(market::terms::<E>))
        .route("/v1/cases", get(judging::cases::<E>))
        .route("/v1/cases/{id}", get(judging::case::<E>))
        .route("/v1/purchases/{id}", get(market::purchase::<E>))
        .route("/v1/purchases/{id}/review", get(judging::review::<E>))
        .route("/v1/purchases/{id}/confirmation", get(reads::confirmation::<E>))
        .route("/v1/withdrawals", get(reads::withdrawals::<E>))
        .route("/v1/withdrawals/{index}", get(reads::withdrawal::<E>))
        .route("/v1/checkpoints/latest", get(reads::checkpoint::<E>));
    gated(questions, MAX_CONCURRENT, REQUEST_TIMEOUT)
        .merge(gated(submissions, MAX_SUBMISSIONS, MAX_WAIT + REQUEST_TIMEOUT))
        .fallback(|| async { ApiError::not_found("route", "no such route; see /v1/status") })
        .method_not_allowed_fallback(|| async { ApiError::method_not_allowed() })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(Arc::new(context))
}

/// At most so many requests at a time, each for at most so long.
#[derive(Clone)]
struct Gate {
    places: Arc<Semaphore>,
    time: Duration,
}

fn gated<S: Clone + Send + Sync + 'static>(routes: Router<S>, places: usize, time: Duration) -> Router<S> {
    let places = Arc::new(Semaphore::new(places));
    routes.layer(middleware::from_fn_with_state(Gate { places, time }, pass))
}

/// Sheds load beyond the gate's places and bounds the time of what is served.
async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let Ok(_place) = gate.places.try_acquire() else {
        return ApiError::overloaded().into_response();
    };
    match tokio::time::timeout(gate.time, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::timeout().into_response(),
    }
}
