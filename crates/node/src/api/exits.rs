//! The exits under the last checkpoint accepted on chain: one account's with its proof, or all of them to keep (X2).
//!
//! An operator that has not kept them says so; clients then ask another.

use super::error::ApiError;
use super::reads::{Answer, PathOf};
use super::{Context, Shared};
use crate::engine::Runtime;
use crate::exits::{Certified, ExitError};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use rampart_protocol::Address;
use rampart_protocol::api::ExitView;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes handed to a connection at a time.
const CHUNK: usize = 64 * 1024;

async fn certified<E: Runtime>(context: &Context<E>) -> Result<Certified, ApiError> {
    let exits = context.exits.clone();
    let certified = tokio::task::spawn_blocking(move || exits.certified())
        .await
        .map_err(|error| ApiError::internal(&error))??;
    certified.ok_or_else(|| {
        ApiError::not_found(
            "checkpoint",
            "this operator knows of no checkpoint accepted on chain yet",
        )
    })
}

/// `GET /v1/accounts/{address}/exit`
pub(super) async fn exit<E: Runtime>(
    State(context): State<Shared<E>>,
    address: PathOf<Address>,
) -> Answer<ExitView> {
    let Path(address) = address?;
    let Certified { exits, signatures } = certified(&context).await?;
    let checkpoint = exits.archive().checkpoint;
    let proven = exits.of(address).ok_or_else(|| {
        let height = checkpoint.height;
        ApiError::not_found(
            "account",
            format!("the checkpoint of height {height} knows no account {address}"),
        )
    })?;
    Ok(Json(ExitView {
        account: proven.account,
        amount: proven.amount,
        proof: proven.proof,
        checkpoint,
        signatures,
    }))
}

/// `GET /v1/exits`: a [`rampart_protocol::ExitArchive`], 36 bytes an account. Each takes one of `places` until its last
/// byte is written, or its connection ends.
pub(super) async fn archive<E: Runtime>(
    State(context): State<Shared<E>>,
    places: Arc<Semaphore>,
) -> Result<Response, ApiError> {
    let Ok(place) = places.try_acquire_owned() else {
        return Err(ApiError::overloaded());
    };
    let Certified { exits, signatures } = certified(&context).await?;
    let (body, signatures) = exits.archive().clone().signed(signatures).to_parts();
    let length = body.len() + signatures.len();
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
    ];
    Ok((headers, stream_of([body.0, signatures.0], place)).into_response())
}

/// Bytes in pieces; the place is free when the last is taken, or nobody takes them any more.
pub(super) fn stream_of(parts: [Bytes; 2], place: OwnedSemaphorePermit) -> Body {
    Body::from_stream(stream::unfold((parts, place), |(mut parts, place)| async {
        let part = parts.iter_mut().find(|part| !part.is_empty())?;
        let chunk = part.split_to(part.len().min(CHUNK));
        Some((Ok::<_, Infallible>(chunk), (parts, place)))
    }))
}

impl From<ExitError> for ApiError {
    fn from(error: ExitError) -> Self {
        let name = match error {
            // The latter is an answer to a signer, never to a reader.
            ExitError::File { .. } | ExitError::Conflict(_) => return Self::internal(&error),
            ExitError::Unknown(_) => "unknown_exits",
            ExitError::Damaged { .. } | ExitError::Other(_) => {
                tracing::error!(error = &error as &dyn std::error::Error, "exits cannot be told");
                "damaged_exits"
            }
        };
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            name,
            format!("{error}; ask another"),
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use http_body_util::BodyExt as _;

    #[tokio::test]
    async fn an_archive_is_written_whole_in_pieces_and_frees_its_place_at_the_end() {
        let places = Arc::new(Semaphore::new(1));
        let place = places.clone().try_acquire_owned().unwrap();
        let body: Bytes = (0..CHUNK * 2 + 5).map(|i| i.to_le_bytes()[0]).collect();
        let mut stream = stream_of([body.clone(), Bytes::from_static(b"end")], place);
        let mut read = Vec::new();
        while let Some(frame) = stream.frame().await {
            assert_eq!(places.available_permits(), 0);
            let chunk = frame.unwrap().into_data().unwrap();
            assert!(!chunk.is_empty() && chunk.len() <= CHUNK);
            read.extend_from_slice(&chunk);
        }
        assert_eq!(read, [&body[..], b"end"].concat());
        drop(stream);
        assert_eq!(places.available_permits(), 1);
    }

    #[tokio::test]
    async fn a_client_that_goes_away_frees_its_place() {
        let places = Arc::new(Semaphore::new(1));
        let place = places.clone().try_acquire_owned().unwrap();
        let mut stream = stream_of([vec![0; CHUNK * 9].into(), Bytes::new()], place);
        assert!(stream.frame().await.is_some());
        drop(stream);
        assert_eq!(places.available_permits(), 1);
    }
}
