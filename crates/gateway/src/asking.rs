//! Asking one service for its verdict: the right purchase, a fresh sequence number, the signed request, and what the
//! sidecar's answers mean.
//!
//! A sidecar marks its own refusals with the field `Rampart-Refusal`; an error without it is the vendor's. Some
//! refusals have a cure, tried at most [`ATTEMPTS`] times: send the confirmation, skip numbers that were used by
//! someone else, take the next purchase.

use crate::blocks::Block;
use crate::client::{HttpClient, HttpError};
use crate::kept::Question;
use crate::policy::Opinion;
use crate::purchase::{Purchase, SignError, Spent};
use crate::sequence::TakeError;
use crate::service::{Service, Unpaid};
use crate::verdict::{Advice, MAX_VERDICT, Verdict, bounded};
use alloy::primitives::keccak256;
use bytes::Bytes;
use hyper::{Response, StatusCode};
use rampart_protocol::Sequence;
use serde::Deserialize;
use std::sync::Arc;
use tokio::time::Instant;

/// How often one service is asked about one transaction, cures included.
pub const ATTEMPTS: usize = 4;

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// There is no purchase of the service.
    #[error("there is no purchase of this service in the wallet")]
    Missing,
    /// The package is used up.
    #[error("all requests of the package are used")]
    Exhausted,
    /// The package has expired.
    #[error("the package has expired")]
    Expired,
    /// The service did not answer within the policy's time.
    #[error("there was no answer in time")]
    Timeout,
    /// It failed so often that it is not asked for a while.
    #[error("it failed too often and is not asked for a while")]
    Resting,
    /// The sidecar could not be reached.
    #[error("the provider's sidecar cannot be reached")]
    Unreachable(#[source] HttpError),
    /// The sidecar refused the request.
    #[error("the sidecar refused the request: {code}: {message}")]
    Refused {
        /// Of the refusal.
        status: StatusCode,
        /// The sidecar's code.
        code: String,
        /// The sidecar's text.
        message: String,
    },
    /// The vendor answered with an error.
    #[error("the vendor answered with HTTP {0}")]
    Vendor(StatusCode),
    /// The vendor's answer is no verdict.
    #[error("the vendor's answer is no verdict")]
    NoVerdict(#[source] serde_json::Error),
    /// A sequence number could not be reserved.
    #[error("no sequence number could be reserved")]
    Sequence(#[source] TakeError),
    /// The request could not be signed.
    #[error("the request could not be signed")]
    Sign(#[from] SignError),
}

impl Failure {
    /// The stable reason in the error's data.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Missing => "PURCHASE_MISSING",
            Self::Exhausted => "PURCHASE_EXHAUSTED",
            Self::Expired => "PURCHASE_EXPIRED",
            Self::Timeout => "VENDOR_TIMEOUT",
            Self::Resting => "VENDOR_RESTING",
            Self::Unreachable(_) => "SIDECAR_UNREACHABLE",
            Self::Refused { .. } => "SIDECAR_REFUSED",
            Self::Vendor(_) => "VENDOR_ERROR",
            Self::NoVerdict(_) => "VENDOR_MALFORMED",
            Self::Sequence(_) | Self::Sign(_) => "GATEWAY_ERROR",
        }
    }

    /// Whether the service, its sidecar included, works all the same; none if it was not asked. An error with 4xx is about
    /// the question: it must not keep the service from others.
    fn works(&self) -> Option<bool> {
        match self {
            Self::Timeout | Self::Unreachable(_) | Self::NoVerdict(_) => Some(false),
            Self::Refused { status, .. } | Self::Vendor(status) => Some(!status.is_server_error()),
            Self::Missing
            | Self::Exhausted
            | Self::Expired
            | Self::Resting
            | Self::Sequence(_)
            | Self::Sign(_) => None,
        }
    }

    /// What it is to the policy.
    pub const fn opinion(&self) -> Opinion {
        match self {
            Self::Missing | Self::Exhausted | Self::Expired => Opinion::Unpaid,
            _ => Opinion::Failed,
        }
    }
}

/// What an answer is to the policy.
pub const fn opinion(answer: &Result<Verdict, Failure>) -> Opinion {
    match answer {
        Ok(verdict) => match verdict.verdict {
            Advice::Allow => Opinion::Allow,
            Advice::Warn => Opinion::Warn,
            Advice::Block => Opinion::Block,
        },
        Err(failure) => failure.opinion(),
    }
}

/// What to do after an answer.
enum Next {
    Done(Result<Verdict, Failure>),
    /// Ask again; the failure stands if that was the last attempt.
    Again(Failure),
}

/// The verdict of a service on the transaction in `body`, at `now` (unix seconds), before the deadline: one that it has given
/// already, or a new one.
pub async fn ask(
    service: &Arc<Service>,
    client: &HttpClient,
    body: Bytes,
    now: u64,
    deadline: Instant,
) -> Result<Verdict, Failure> {
    let asked = tokio::time::timeout_at(deadline, kept_or_new(service, client, body, now));
    let answer = asked.await.unwrap_or(Err(Failure::Timeout));
    let works = match &answer {
        Ok(verdict) => (!verdict.cached).then_some(true),
        Err(failure) => failure.works(),
    };
    match works {
        Some(true) => service.breaker.succeeded(),
        Some(false) if service.breaker.failed(Instant::now()) => {
            tracing::warn!(
                service = service.config.name,
                "failed too often, is left alone for a while"
            );
        }
        Some(false) | None => {}
    }
    answer
}

async fn kept_or_new(
    service: &Arc<Service>,
    client: &HttpClient,
    body: Bytes,
    now: u64,
) -> Result<Verdict, Failure> {
    let purchase = usable(service, now).await?;
    let kept = service.kept.as_ref().map(|kept| (kept, keccak256(&body)));
    if let Some((kept, digest)) = kept
        && let Some(verdict) = kept.get(&Question::new(&purchase.record, digest), Instant::now())
    {
        return Ok(verdict);
    }
    if !service.breaker.admits(Instant::now()) {
        return Err(Failure::Resting);
    }
    let (verdict, purchase) = ask_anew(service, client, body, now).await?;
    if let Some((kept, digest)) = kept {
        kept.keep(Question::new(&purchase.record, digest), &verdict, Instant::now());
    }
    Ok(verdict)
}

async fn usable(service: &Arc<Service>, now: u64) -> Result<Arc<Purchase>, Failure> {
    service.usable(now).await.map_err(|unpaid| match unpaid {
        Unpaid::Missing => Failure::Missing,
        Unpaid::Spent(Spent::Exhausted) => Failure::Exhausted,
        Unpaid::Spent(Spent::Expired) => Failure::Expired,
    })
}

/// A new verdict, and the purchase that paid for it.
async fn ask_anew(
    service: &Arc<Service>,
    client: &HttpClient,
    body: Bytes,
    now: u64,
) -> Result<(Verdict, Arc<Purchase>), Failure> {
    let mut last = Failure::Missing;
    for _ in 0..ATTEMPTS {
        let purchase = usable(service, now).await?;
        if !purchase.is_known() && !purchase.has_confirmation() {
            service.fetch_confirmation(&purchase).await;
        }
        match ask_once(&purchase, client, body.clone(), now).await {
            Next::Done(answer) => return answer.map(|verdict| (verdict, purchase)),
            Next::Again(failure) => last = failure,
        }
    }
    Err(last)
}

async fn ask_once(purchase: &Purchase, client: &HttpClient, body: Bytes, now: u64) -> Next {
    let sequence = match purchase.take().await {
        Ok(sequence) => sequence,
        // Another task took the last number since the purchase was chosen.
        Err(TakeError::Exhausted) => return Next::Again(Failure::Exhausted),
        Err(error) => return Next::Done(Err(Failure::Sequence(error))),
    };
    match ask_with(purchase, client, body, sequence, now).await {
        Ok(response) => read_answer(purchase, &response).await,
        Err(failure) => Next::Done(Err(failure)),
    }
}

/// Sends the request with this number, by its block if there is one.
async fn ask_with(
    purchase: &Purchase,
    client: &HttpClient,
    body: Bytes,
    sequence: Sequence,
    now: u64,
) -> Result<Response<Bytes>, Failure> {
    let send = async |block: Option<&Block>| {
        let request = purchase.request(sequence, body.clone(), now, block.map(|block| &block.key))?;
        let answered = client.send_and_read(request, MAX_VERDICT).await;
        answered.map_err(Failure::Unreachable)
    };
    let block = purchase.block(client, sequence, now).await;
    let response = send(block.as_ref()).await?;
    match &block {
        // The sidecar was started anew. If it had ended in order, the number is still good.
        Some(unknown) if refusal(&response) == Some("unknown_block") => {
            purchase.forget_block(unknown).await;
            let block = purchase.block(client, sequence, now).await;
            send(block.as_ref()).await
        }
        _ => Ok(response),
    }
}

/// The sidecar's code, if it refused.
pub fn refusal(response: &Response<Bytes>) -> Option<&str> {
    let code = response.headers().get("rampart-refusal")?;
    code.to_str().ok()
}

async fn read_answer(purchase: &Purchase, response: &Response<Bytes>) -> Next {
    let Some(code) = refusal(response) else {
        purchase.set_known(true);
        let answer = if response.status().is_success() {
            Verdict::parse(response.body()).map_err(Failure::NoVerdict)
        } else {
            Err(Failure::Vendor(response.status()))
        };
        return Next::Done(answer);
    };
    match code {
        "exhausted" => {
            purchase.set_spent(Spent::Exhausted);
            Next::Again(Failure::Exhausted)
        }
        "expired" => {
            purchase.set_spent(Spent::Expired);
            Next::Again(Failure::Expired)
        }
        "replayed" => {
            purchase.skip_block().await;
            Next::Again(refused(code, response))
        }
        // It was restarted again meanwhile; the number is given up.
        "unknown_block" => Next::Again(refused(code, response)),
        // The sidecar lost the purchase: the next request carries the confirmation again.
        "unknown_purchase" if purchase.is_known() => {
            purchase.set_known(false);
            Next::Again(refused(code, response))
        }
        _ => Next::Done(Err(refused(code, response))),
    }
}

fn refused(code: &str, response: &Response<Bytes>) -> Failure {
    #[derive(Deserialize)]
    struct Body {
        error: Error,
    }
    #[derive(Deserialize)]
    struct Error {
        #[serde(default)]
        message: String,
    }
    let message = serde_json::from_slice::<Body>(response.body()).map(|body| body.error.message);
    Failure::Refused {
        status: response.status(),
        code: bounded(code),
        message: bounded(&message.unwrap_or_default()),
    }
}
