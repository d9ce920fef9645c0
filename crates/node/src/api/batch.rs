//! Taking many transactions in at once: for those who sell to others and sign for many purchases a second. One request is
//! one reading, one check of signatures, and one answer that tells of each transaction apart.

use super::submit::{Lanes, enter, find_submitted};
use super::{ApiError, MAX_BATCH, Shared};
use crate::application::Verified;
use crate::engine::Runtime;
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use rampart_protocol::api::{BatchEntry, TransactionStatus};
use rampart_protocol::{B256, SignedTransaction};

/// `POST /v1/transactions/batch`
pub(super) async fn submit_batch<E: Runtime>(
    State(context): State<Shared<E>>,
    body: Result<Json<Vec<SignedTransaction>>, JsonRejection>,
) -> Result<Json<Vec<BatchEntry>>, ApiError> {
    let Json(transactions) = body?;
    if transactions.len() > MAX_BATCH {
        let message = format!(
            "{} transactions, a batch has at most {MAX_BATCH}",
            transactions.len()
        );
        return Err(ApiError::bad_request("too_many", message));
    }
    let senders = context.senders.clone();
    let verify = move || {
        let limits: Vec<_> = transactions
            .iter()
            .map(|one| one.message.check_limits())
            .collect();
        let verified = senders.verify_together(transactions, &mut rand::rng());
        verified.into_iter().zip(limits).collect::<Vec<_>>()
    };
    let verified = tokio::task::spawn_blocking(verify)
        .await
        .map_err(|error| ApiError::internal(&error))?;
    let (mut lanes, mut entries) = (Lanes::default(), Vec::with_capacity(verified.len()));
    for ((hash, verified), limits) in verified {
        let limits = limits.map_err(|error| ApiError::bad_request("field_too_long", error.to_string()));
        let outcome = match limits.and_then(|()| verified.map_err(ApiError::from)) {
            Ok(verified) => take(&context, &mut lanes, verified).await,
            Err(error) => Err(error),
        };
        entries.push(entry(hash, outcome));
    }
    Ok(Json(entries))
}

async fn take<E: Runtime>(
    context: &Shared<E>,
    lanes: &mut Lanes,
    verified: Verified,
) -> Result<TransactionStatus, ApiError> {
    let next = lanes.next(&context.state, verified.lane()).await?;
    let known = find_submitted(context, &verified, next.as_ref().ok())?.status;
    if known == TransactionStatus::Pending || known == TransactionStatus::Applied {
        return Ok(known);
    }
    let bytes = verified.transaction().to_bytes();
    enter(
        context,
        verified,
        next.map_err(|reject| ApiError::refused(&reject))?,
    )
    .await?;
    // As for a single one: when the queue is full the others learn of it from the block.
    let _ = context.gossip.try_send(bytes);
    Ok(TransactionStatus::Pending)
}

fn entry(hash: B256, outcome: Result<TransactionStatus, ApiError>) -> BatchEntry {
    let (status, error) = match outcome {
        Ok(status) => (status, None),
        Err(ApiError { error, .. }) if error.code.is_some() => (TransactionStatus::Rejected, Some(error)),
        Err(ApiError { error, .. }) => (TransactionStatus::Unknown, Some(error)),
    };
    BatchEntry { hash, status, error }
}
