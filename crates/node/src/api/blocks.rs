//! Final blocks as they are, each with what proves it final: all that somebody needs who executes the chain without trust in
//! this node (`rampart node follow`).

use super::Shared;
use super::error::ApiError;
use super::exits::stream_of;
use super::reads::PathOf;
use crate::engine::Runtime;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use commonware_codec::Encode as _;
use rampart_protocol::FinalizedBlock;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// `GET /v1/blocks/{height}`: a [`FinalizedBlock`]. Each takes one of `places` until its last byte is written, or its
/// connection ends.
pub(super) async fn block<E: Runtime>(
    State(context): State<Shared<E>>,
    height: PathOf<u64>,
    places: Arc<Semaphore>,
) -> Result<Response, ApiError> {
    let Path(height) = height?;
    let Ok(place) = places.try_acquire_owned() else {
        return Err(ApiError::overloaded());
    };
    let found = finalized(&context, height).await?;
    let body = Bytes::from(found.to_bytes());
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, body.len().to_string()),
    ];
    Ok((headers, stream_of([body, Bytes::new()], place)).into_response())
}

/// Genesis is in no answer: nobody certified it, and everybody makes it from the network's file.
async fn finalized<E: Runtime>(context: &Shared<E>, height: u64) -> Result<FinalizedBlock, ApiError> {
    let tip = context.chain.tip().height;
    let unknown = || {
        let message = format!("this node has no final block {height}, only those from 1 to {tip}");
        ApiError::not_found("block", message)
    };
    if height == 0 || height > tip {
        return Err(unknown());
    }
    let block = context.chain.block(height).await;
    let block = block.ok_or_else(|| ApiError::pruned(height))?;
    let certificate = context.chain.certificate(height).await.ok_or_else(unknown)?;
    Ok(FinalizedBlock {
        header: block.header().clone(),
        body: block.body().clone(),
        descendants: certificate.descendants,
        finalization: certificate.finalization.encode().to_vec().into(),
    })
}
