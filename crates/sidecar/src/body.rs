//! Request bodies: read in full within limits of size and time, and compared with what was signed.

use crate::claim::Claim;
use crate::config::Limits;
use crate::refusal::{Refusal, Refused};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use sha2::{Digest, Sha256};
use tokio::time::timeout;

/// The body of a signed request, at most `limit` bytes, if it is the one that was signed.
///
/// # Errors
/// [`Refusal::TooLarge`], [`Refusal::SlowBody`], [`Refusal::DigestMismatch`].
pub async fn read(body: Incoming, claim: &Claim, limit: usize, limits: &Limits) -> Result<Bytes, Refused> {
    let Some(signed) = claim.body_sha256 else {
        return Ok(Bytes::new());
    };
    let bytes = collect(body, limit, limits).await?;
    let actual: [u8; 32] = Sha256::digest(&bytes).into();
    if actual == signed {
        Ok(bytes)
    } else {
        Err(Refusal::DigestMismatch.into())
    }
}

/// A body of at most `limit` bytes.
///
/// # Errors
/// [`Refusal::TooLarge`], [`Refusal::SlowBody`], or [`Refusal::BadRequest`] when it breaks off.
pub async fn collect(mut body: Incoming, limit: usize, limits: &Limits) -> Result<Bytes, Refused> {
    if body.size_hint().lower() > limit as u64 {
        return Err(Refusal::TooLarge.into());
    }
    let read_all = async {
        // Most bodies come in one piece, which need not be copied.
        let (mut first, mut all) = (Bytes::new(), BytesMut::new());
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Refusal::BadRequest.because("the body broke off"))?;
            // Trailers are not signed, so they are not forwarded.
            let Ok(data) = frame.into_data() else { continue };
            if first.len().max(all.len()) + data.len() > limit {
                return Err(Refusal::TooLarge.into());
            }
            if first.is_empty() {
                first = data;
                continue;
            }
            if all.is_empty() {
                all.extend_from_slice(&first);
            }
            all.extend_from_slice(&data);
        }
        Ok(if all.is_empty() { first } else { all.freeze() })
    };
    let finished = timeout(limits.body_timeout(), read_all).await;
    finished.unwrap_or_else(|_| Err(Refusal::SlowBody.into()))
}
