//! Taking transactions in, and telling what became of them.

use super::error::ApiError;
use super::evaluate::evaluate;
use super::openapi::query;
use super::{MAX_WAIT, Shared, relay};
use crate::application::{Lane, Verified};
use crate::engine::Runtime;
use crate::mempool::{PoolError, rejection};
use crate::storage::StateReader;
use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rampart_ledger::{BlockEnv, Fault, Input, Key, Record, Reject};
use rampart_protocol::api::{Rejection, TransactionStatus, TransactionView};
use rampart_protocol::{B256, Domain, Header, Nonce, SignedTransaction, Timestamp};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

query! {
    /// `?wait=SECONDS`
    Wait {
        /// Seconds to wait until the transaction is final, 60 at most.
        wait: Option<u64>,
    }
}

/// `POST /v1/transactions`
pub(super) async fn submit<E: Runtime>(
    State(context): State<Shared<E>>,
    wait: Result<Query<Wait>, QueryRejection>,
    body: Result<Json<SignedTransaction>, JsonRejection>,
) -> Result<Response, ApiError> {
    let Query(Wait { wait }) = wait?;
    let Json(transaction) = body?;
    transaction
        .message
        .check_limits()
        .map_err(|error| ApiError::bad_request("field_too_long", error.to_string()))?;
    let bytes = transaction.to_bytes();
    let senders = context.senders.clone();
    let verified = tokio::task::spawn_blocking(move || senders.verify(transaction))
        .await
        .map_err(|error| ApiError::internal(&error))??;
    let hash = verified.hash();
    // Watch before looking, so that no change is missed.
    let changes = context.mempool.watch();
    let next = next_nonce(&context.state, verified.lane()).await?;
    let mut known = find_submitted(&context, &verified, next.as_ref().ok())?;
    if known.status == TransactionStatus::Unknown || known.status == TransactionStatus::Rejected {
        if context.mempool.is_frozen() {
            return Err(PoolError::Frozen.into());
        }
        // Whoever never had a deposit, or no delegation, has paid for no place in the pool.
        let next = next.map_err(|reject| ApiError::refused(&reject))?;
        enter(&context, verified, next).await?;
        // When the queue of the gossip is full the others learn of it from the block, or from the next submission.
        let _ = context.gossip.try_send(bytes);
        known = view(hash, TransactionStatus::Pending, None, None);
    }
    if let Some(wait) = wait {
        let wait = Duration::from_secs(wait).min(MAX_WAIT);
        known = outcome(&context, hash, changes, wait).await?;
    }
    match (known.status, known.rejection.clone()) {
        (TransactionStatus::Rejected, Some(rejection)) => Err(ApiError::rejected(rejection)),
        // It was taken before, and waits in vain.
        (TransactionStatus::Pending, _) if context.mempool.is_frozen() => Err(PoolError::Frozen.into()),
        (TransactionStatus::Applied, _) => Ok((StatusCode::OK, Json(known)).into_response()),
        _ => Ok((StatusCode::ACCEPTED, Json(known)).into_response()),
    }
}

/// `GET /v1/transactions/{hash}`
pub(super) async fn transaction<E: Runtime>(
    State(context): State<Shared<E>>,
    hash: Result<Path<B256>, PathRejection>,
) -> Result<Json<TransactionView>, ApiError> {
    let Path(hash) = hash?;
    let found = find(&context, hash)?;
    match &context.upstream {
        // Where it waits, and why it was rejected, operators know.
        Some(operators) if found.status == TransactionStatus::Unknown => {
            Ok(Json(relay::ask(operators, hash).await.unwrap_or(found)))
        }
        _ => Ok(Json(found)),
    }
}

/// What is known of a transaction.
pub(super) fn find<E: Runtime>(context: &Shared<E>, hash: B256) -> Result<TransactionView, ApiError> {
    // The index learns of a block before the pool lets go of its transactions. Asked in the other order, one that is
    // made final in between would be in neither.
    let waits = context.mempool.contains(&hash);
    if let Some(height) = context.index.transaction(&hash)? {
        return Ok(view(hash, TransactionStatus::Applied, Some(height), None));
    }
    Ok(unapplied(context, hash, waits))
}

/// The same of one that comes in, when the next nonce of its lane in the final state is known. What the lane has not come to
/// is not applied: then the whole history, which is long to search for what is not there, is not asked.
pub(super) fn find_submitted<E: Runtime>(
    context: &Shared<E>,
    verified: &Verified,
    next: Option<&Nonce>,
) -> Result<TransactionView, ApiError> {
    let hash = verified.hash();
    let ahead = next.is_some_and(|next| verified.transaction().message.nonce() >= *next);
    if ahead && !context.mempool.contains(&hash) {
        return Ok(unapplied(context, hash, false));
    }
    find(context, hash)
}

/// Of one that is in no final block.
fn unapplied<E: Runtime>(context: &Shared<E>, hash: B256, waits: bool) -> TransactionView {
    if waits {
        return view(hash, TransactionStatus::Pending, None, None);
    }
    match context.mempool.rejection(&hash) {
        Some(rejection) => view(hash, TransactionStatus::Rejected, None, Some(rejection)),
        None => view(hash, TransactionStatus::Unknown, None, None),
    }
}

const fn view(
    hash: B256,
    status: TransactionStatus,
    height: Option<u64>,
    rejection: Option<Rejection>,
) -> TransactionView {
    TransactionView {
        hash,
        status,
        height,
        rejection,
    }
}

/// Waits until a transaction no longer waits, or the time is up.
async fn outcome<E: Runtime>(
    context: &Shared<E>,
    hash: B256,
    mut changes: tokio::sync::watch::Receiver<u64>,
    wait: Duration,
) -> Result<TransactionView, ApiError> {
    let deadline = tokio::time::Instant::now() + wait;
    loop {
        let found = find(context, hash)?;
        if found.status != TransactionStatus::Pending {
            return Ok(found);
        }
        match tokio::time::timeout_at(deadline, changes.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return Ok(found),
        }
    }
}

/// Puts a transaction into the mempool, `next` being the nonce that its lane has in the final state. If nothing of the lane is
/// ahead of it, it is tried on that state first, so that most rejections are told at once.
#[tracing::instrument(level = "debug", name = "admission", skip_all)]
pub(super) async fn enter<E: Runtime>(
    context: &Shared<E>,
    verified: Verified,
    next: Nonce,
) -> Result<(), ApiError> {
    let lane = verified.lane();
    let nonce = verified.transaction().message.nonce();
    if nonce <= next && context.mempool.is_idle(&lane) {
        let input = verified.input();
        let tip = context.chain.tip();
        if let Some(rejection) = try_on(&context.state, &tip, context.senders.domain(), &input).await? {
            return Err(ApiError::rejected(rejection));
        }
    }
    match context.mempool.add(verified, next, now_ms()) {
        Ok(()) | Err(PoolError::Known) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The nonce that the next transaction of a lane carries in the final state; or why there is no such lane.
pub(crate) async fn next_nonce<E: Runtime>(
    state: &StateReader<E>,
    lane: Lane,
) -> Result<Result<Nonce, Reject>, crate::storage::StateError> {
    let account = lane.account;
    let Some(Record::Account(found)) = state.get(&Key::account(&account)).await? else {
        return Ok(Err(Reject::UnknownAccount { account }));
    };
    let Some(purchaser) = lane.purchaser() else {
        return Ok(Ok(found.nonce));
    };
    let consumer = account;
    let unknown = Err(Reject::UnknownPurchaser { consumer, purchaser });
    Ok(match state.get(&Key::purchasers(&consumer)).await? {
        Some(Record::Purchasers(all)) => all.find(&purchaser).map_or(unknown, |one| Ok(one.nonce)),
        _ => unknown,
    })
}

/// Where lanes stand in the final state, each asked for once: for transactions that come in together.
#[derive(Debug, Default)]
pub(crate) struct Lanes(BTreeMap<Lane, Result<Nonce, Reject>>);

impl Lanes {
    /// As [`next_nonce`].
    pub(crate) async fn next<E: Runtime>(
        &mut self,
        state: &StateReader<E>,
        lane: Lane,
    ) -> Result<Result<Nonce, Reject>, crate::storage::StateError> {
        if let Some(known) = self.0.get(&lane) {
            return Ok(known.clone());
        }
        let next = next_nonce(state, lane).await?;
        self.0.insert(lane, next.clone());
        Ok(next)
    }
}

/// Runs an input on the final state as if a block were made now; returns why the ledger would reject it.
async fn try_on<E: Runtime>(
    state: &StateReader<E>,
    tip: &Header,
    domain: &Domain,
    input: &Input,
) -> Result<Option<Rejection>, ApiError> {
    let env = BlockEnv {
        domain: *domain,
        height: tip.height.saturating_add(1),
        timestamp: Timestamp::from_ms(tip.timestamp_ms.max(now_ms())),
        epoch: tip.epoch,
    };
    let answer = evaluate(state, rampart_ledger::reads(input), |view| {
        rampart_ledger::apply(view, &env, input)
    })
    .await?;
    match answer {
        Err(Fault::Reject(reject)) => Ok(Some(rejection(&reject))),
        Err(fault @ Fault::Corrupt(_)) => Err(ApiError::internal(&fault)),
        // Execution will tell; a trial run is a courtesy.
        Ok(_) | Err(Fault::Missing(_)) => Ok(None),
    }
}

/// Unix time of this machine, milliseconds.
#[expect(
    clippy::disallowed_methods,
    reason = "the process around the engine; nothing that operators must agree on"
)]
pub(crate) fn now_ms() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}
