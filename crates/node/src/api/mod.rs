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
//! | batch of transactions | [`MAX_BATCH`] in [`MAX_BATCH_BODY`] bytes; [`MAX_BATCHES`] at a time, the reading included; more are answered 503 |
//! | requests at a time | [`MAX_CONCURRENT`] questions and [`MAX_SUBMISSIONS`] submissions; more are answered 503 |
//! | time to answer | [`REQUEST_TIMEOUT`]; [`MAX_WAIT`] more for a submission that waits to be final |
//! | reading the answer | each write is taken within [`STALL_TIMEOUT`] |
//! | age of a connection | [`MAX_AGE`], then it ends after the request in hand |
//! | rows of a page | [`MAX_PAGE`]; [`MAX_HANDOVERS`] proofs of operator sets |
//! | entries looked at for a page of services or purchases | [`MAX_LOOKED_AT`], however few match; text of [`MAX_TEXT`] bytes |
//! | order by score | the first [`MAX_RANKED`] services, made at most every 5 s for all |
//! | streams of events | [`MAX_STREAMS`], and [`MAX_STREAMS_PER_ADDRESS`] an address; more are answered 503 |
//! | age and lag of a stream | its connection's age; live, [`MAX_LAG`] blocks behind; then it ends and says why |
//! | idle stream | a comment every [`KEEP_ALIVE`] |
//! | blocks at a time | [`MAX_BLOCKS`], until the last byte is taken; more are answered 503 |
//! | archives of exits at a time | [`MAX_EXPORTS`], until the last byte is taken; more are answered 503 |
//! | size and time of one | 36 bytes an account and some; its connection's age and one request more, 680 s |

mod batch;
mod blocks;
mod catalogue;
mod chains;
mod error;
mod evaluate;
mod events;
mod exits;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod health;
mod judging;
mod market;
mod metrics;
mod openapi;
mod reads;
mod relay;
mod requests;
mod rewards;
mod routes;
mod serve;
mod stall;
pub(crate) mod submit;

pub use catalogue::{MAX_LOOKED_AT, MAX_RANKED, MAX_TEXT};
pub use chains::Accounts;
pub use error::ApiError;
pub use events::{KEEP_ALIVE, MAX_LAG, MAX_STREAMS, MAX_STREAMS_PER_ADDRESS};
pub use health::STALE;
pub use metrics::EngineMetrics;
pub use serve::{PortLimits, serve};

use crate::application::Senders;
use crate::checkpoint::Checkpoints;
use crate::engine::{Chain, Committees, Runtime};
use crate::exits::ExitStore;
use crate::feed::ChainFeed;
use crate::follower::Endpoints;
use crate::hatch::Hatch;
use crate::index::Index;
use crate::mempool::Mempool;
use crate::storage::StateReader;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::{Extension, Router};

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use openapi::{Document, Operation, Routes};
use rampart_protocol::{B256, OperatorSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tracing::Instrument as _;

/// Largest request body, bytes.
pub const MAX_BODY: usize = 16 * 1024;
/// Most transactions of a batch.
pub const MAX_BATCH: usize = 256;
/// Largest body of a batch, bytes: with delegated signatures a purchase takes some 700.
pub const MAX_BATCH_BODY: usize = 256 * 1024;
/// Batches at a time, from the first byte of the body to the answer.
pub const MAX_BATCHES: usize = 32;
/// Where batches are posted to.
pub(crate) const BATCH_ROUTE: &str = "/v1/transactions/batch";
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
/// Requests at a time on the port of metrics.
pub const MAX_WATCHERS: usize = 4;
/// Most rows on a page.
pub const MAX_PAGE: usize = 200;
/// Most proofs of operator sets on a page: with 256 operators one takes 100 KiB.
pub const MAX_HANDOVERS: usize = 16;
/// Blocks that are being written at a time: each is in memory until its client has it.
pub const MAX_BLOCKS: usize = 32;
/// Archives of exits that are being written at a time: each may take a client as long as its connection lasts.
pub const MAX_EXPORTS: usize = 4;

/// What the routes draw on.
pub struct Context<E: Runtime> {
    /// The deployment and its operators.
    pub operators: OperatorSet,
    /// This operator's consensus key; a follower has none.
    pub operator: Option<B256>,
    /// Of a follower: the operators that submissions are passed on to, and asked what became of them.
    pub upstream: Option<Endpoints>,
    /// Finalised state.
    pub state: StateReader<E>,
    /// Finalised blocks.
    pub chain: Chain,
    /// Who votes in which epoch.
    pub committees: Committees,
    /// Where the state is, and bytes that must stay free there.
    pub disk: Disk,
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

/// Where the state is.
#[derive(Clone, Debug)]
pub struct Disk {
    /// A folder of its file system.
    pub folder: PathBuf,
    /// With fewer bytes free the operator stops.
    pub least_free: u64,
}

/// The context, and what the routes keep between requests.
pub(crate) struct Served<E: Runtime> {
    context: Context<E>,
    rankings: catalogue::Rankings,
    streams: events::Streams,
    requests: requests::Requests,
    engine: EngineMetrics,
}

impl<E: Runtime> core::ops::Deref for Served<E> {
    type Target = Context<E>;

    fn deref(&self) -> &Context<E> {
        &self.context
    }
}

pub(crate) type Shared<E> = Arc<Served<E>>;

/// What the two ports serve.
#[derive(Clone, Debug)]
pub struct Routers {
    /// For clients.
    pub public: Router,
    /// For those who watch the operator.
    pub metrics: Router,
}

/// Every route, and the document of the public ones at `/openapi.json`. `engine` tells the engine's metrics.
pub fn routers<E: Runtime>(context: Context<E>, engine: EngineMetrics) -> Routers {
    let shared = Arc::new(Served {
        context,
        rankings: catalogue::Rankings::default(),
        streams: events::Streams::default(),
        requests: requests::Requests::default(),
        engine,
    });
    Routers {
        public: public(&shared),
        metrics: watching(shared),
    }
}

fn watching<E: Runtime>(shared: Shared<E>) -> Router {
    let requests = shared.requests.clone();
    let mut unpublished = Document::default();
    let routes = health::routes::<E>(Routes::new(&mut unpublished)).into_router();
    let routes = routes.route("/metrics", get(metrics::metrics::<E>));
    finished(gated(routes, MAX_WATCHERS, REQUEST_TIMEOUT, &requests), shared)
}

fn public<E: Runtime>(shared: &Shared<E>) -> Router {
    let mut document = Document::default();
    let questions = routes::questions::<E>(&mut document);
    let submissions = routes::submissions::<E>(&mut document);
    let itself = Operation::new("This document.").content(StatusCode::OK, "application/json", true.into());
    document.add("/openapi.json", "get", itself);
    let document = bytes::Bytes::from(document.finish().to_string());
    let document = get(move || async move { ([(CONTENT_TYPE, "application/json")], document) });
    let requests = &shared.requests;
    let questions = questions.route("/openapi.json", document);
    let questions = gated(questions, MAX_CONCURRENT, REQUEST_TIMEOUT, requests);
    let submissions = relay::instead(submissions, shared);
    let submissions = gated(submissions, MAX_SUBMISSIONS, MAX_WAIT + REQUEST_TIMEOUT, requests);
    finished(questions.merge(submissions), Arc::clone(shared))
}

fn finished<E: Runtime>(routes: Router<Shared<E>>, shared: Shared<E>) -> Router {
    routes
        .fallback(|| async { ApiError::not_found("route", "no such route; see /openapi.json") })
        .method_not_allowed_fallback(|| async { ApiError::method_not_allowed() })
        // What arrives was measured before; see `serve`.
        .layer(DefaultBodyLimit::max(MAX_BATCH_BODY))
        .with_state(shared)
}

/// At most so many requests at a time, each for at most so long.
#[derive(Clone)]
struct Gate {
    places: Arc<Semaphore>,
    time: Duration,
    requests: requests::Requests,
}

fn gated<S: Clone + Send + Sync + 'static>(
    routes: Router<S>,
    places: usize,
    time: Duration,
    requests: &requests::Requests,
) -> Router<S> {
    let gate = Gate {
        places: Arc::new(Semaphore::new(places)),
        time,
        requests: requests.clone(),
    };
    routes.layer(middleware::from_fn_with_state(gate, pass))
}

/// Sheds load beyond the gate's places and bounds the time of what is served.
async fn pass(
    State(gate): State<Gate>,
    route: Option<Extension<MatchedPath>>,
    request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    // By the route, never by what a client wrote.
    let span = tracing::debug_span!(
        "request",
        otel.kind = "server",
        http.route = route.as_ref().map(|Extension(route)| route.as_str()),
        http.response.status_code = tracing::field::Empty,
    );
    let response = shed(&gate, request, next).instrument(span.clone()).await;
    let status = response.status().as_u16();
    span.record("http.response.status_code", status);
    if let Some(Extension(route)) = route {
        gate.requests.record(route.as_str(), status, began.elapsed());
    }
    response
}

async fn shed(gate: &Gate, request: Request, next: Next) -> Response {
    let Ok(_place) = gate.places.try_acquire() else {
        return ApiError::overloaded().into_response();
    };
    match tokio::time::timeout(gate.time, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::timeout().into_response(),
    }
}
