//! The way of one request through the sidecar: claim, entitlement, admission, body, meter, upstream.
//!
//! This file only puts the steps in order; each step decides in its own module. Nothing reaches the upstream before its use
//! is durable, and nothing of a body before its digest is checked.

use crate::claim::{self, Claim, Proof};
use crate::confirmations;
use crate::headers;
use crate::meter::{Reservation, Voucher};
use crate::own_paths;
use crate::refusal::{Refusal, Refused};
use crate::reply::{self, Reply, ReplyBody};
use crate::routes::Route;
use crate::shared::Core;
use crate::upstream::{Upstream, UpstreamError, UpstreamRequest};
use crate::window::Replay;
use crate::{admission, body};
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::http::request::Parts;
use hyper::{Request, Uri};
use rampart_protocol::http_signature::Parameters;
use rampart_protocol::{Bytes, PurchaseRecord, ServiceId, Timestamp};
use std::sync::Arc;
use std::time::Instant;

/// Answers one request; never fails.
#[tracing::instrument(
    level = "debug",
    name = "request",
    skip_all,
    fields(otel.kind = "server", http.response.status_code = tracing::field::Empty)
)]
pub async fn handle(core: Arc<Core>, request: Request<Incoming>) -> Reply {
    core.counters.requests.inc();
    let reply = match serve(&core, request).await {
        Ok(reply) => reply,
        Err(refused) => {
            core.counters.refused(refused.refusal);
            reply::refusal(&refused)
        }
    };
    tracing::Span::current().record("http.response.status_code", reply.status().as_u16());
    reply
}

async fn serve(core: &Core, request: Request<Incoming>) -> Result<Reply, Refused> {
    let (head, body) = request.into_parts();
    let target = claim::target(&head)?;
    headers::check_coding(&head.headers)?;
    if own_paths::is_own(target.path) {
        return own_paths::handle(core, &head, target, body).await;
    }
    claim::check_authority(&head.headers, &core.authority)?;
    let (position, route) = core.routes.find(target.path).ok_or(Refusal::UnknownPath)?;
    if !claim::has_token(&head.headers) {
        core.counters.refused(Refusal::PaymentRequired);
        return Ok(core.offers.payment_required(route.service));
    }
    let now = (core.clock)();
    let claim = claim::read(&head, target, &core.authority, !body.is_end_stream())?;
    claim::check_time(&claim.parameters, now, core.policy)?;
    if body.size_hint().lower() > core.limits.max_body_bytes as u64 {
        return Err(Refusal::TooLarge.into());
    }
    let record = match claim.proof {
        Proof::Signature(signature) => {
            let (record, window) = entitlement(core, &head, &claim, now).await?;
            admission::check(&claim, &record, window, Some(route.service), now)?;
            prove(core, &record, &claim.base, &signature).await?;
            record
        }
        Proof::Mac(mac) => by_mac(core, &claim, &mac, route.service, now)?,
    };
    if !core.rates.take(record.id, Instant::now()) {
        return Err(Refusal::RateLimited.into());
    }
    let bytes = body::read(body, &claim, core.limits.max_body_bytes, &core.limits).await?;
    let target = route.target(target.path, target.query);
    let request = upstream_request(head, &target, route, Some(&record), bytes)?;
    let reservation = reserve(core, claim, now).await?;
    forward(core, &core.upstreams[position], request, &record, reservation).await
}

/// Passes a request on without a look at who asks: what the rest costs, for the benchmark.
pub async fn relay(core: Arc<Core>, request: Request<Incoming>) -> Reply {
    match pass(&core, request).await {
        Ok(reply) => reply,
        Err(refused) => reply::refusal(&refused),
    }
}

async fn pass(core: &Core, request: Request<Incoming>) -> Result<Reply, Refused> {
    let (head, body) = request.into_parts();
    let target = claim::target(&head)?;
    let (position, route) = core.routes.find(target.path).ok_or(Refusal::UnknownPath)?;
    let bytes = body::collect(body, core.limits.max_body_bytes, &core.limits).await?;
    let target = route.target(target.path, target.query);
    let request = upstream_request(head, &target, route, None, bytes)?;
    let response = core.upstreams[position].send(request).await;
    let mut response = response.map_err(|_| Refusal::Upstream)?;
    headers::to_consumer(response.headers_mut(), 0, 0);
    Ok(response.map(|body| ReplyBody::Upstream(Box::new(body))))
}

/// The purchase that the claim names, and whether its number is unused: from the meter, or else by a confirmation.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn entitlement(
    core: &Core,
    head: &Parts,
    claim: &Claim,
    now: Timestamp,
) -> Result<(PurchaseRecord, Result<(), Replay>), Refused> {
    let id = claim.parameters.purchase;
    if let Some(known) = core.store.look_up(id, claim.parameters.sequence) {
        return Ok(known);
    }
    let field = claim::single(&head.headers, &headers::CONFIRMATION, Refusal::BadConfirmation)?;
    let record = match field {
        Some(field) => {
            let bytes = confirmations::from_field(field)?;
            core.confirmations.accept(&bytes, Some(id), now).await?.0
        }
        None => core.confirmations.fetch(id, now).await?,
    };
    // Others may have used numbers since it was stored.
    Ok(core
        .store
        .look_up(id, claim.parameters.sequence)
        .unwrap_or((record, Ok(()))))
}

/// Checks that the purchase's access key signed.
///
/// # Errors
/// [`Refusal::BadSignature`].
#[tracing::instrument(level = "debug", skip_all)]
pub async fn prove(
    core: &Core,
    record: &PurchaseRecord,
    base: &Bytes,
    signature: &[u8; 64],
) -> Result<(), Refused> {
    let holds = core.verifier.verify(&record.access_key, base, signature).await;
    holds.then_some(()).ok_or(Refusal::BadSignature.into())
}

/// The purchase of a request by `hmac-sha256`: an open block has its number, and the MAC holds.
fn by_mac(
    core: &Core,
    claim: &Claim,
    mac: &[u8; 32],
    service: ServiceId,
    now: Timestamp,
) -> Result<PurchaseRecord, Refused> {
    let Parameters {
        purchase, sequence, ..
    } = claim.parameters;
    let (record, key) = core
        .store
        .look_up_block(purchase, sequence)
        .ok_or(Refusal::UnknownPurchase)?;
    admission::check(claim, &record, Ok(()), Some(service), now)?;
    let key = key.map_err(admission::unusable)?;
    let holds = key.verify(&claim.base, mac);
    holds.then_some(record).ok_or(Refusal::BadSignature.into())
}

fn upstream_request(
    head: Parts,
    target: &str,
    route: &Route,
    record: Option<&PurchaseRecord>,
    body: bytes::Bytes,
) -> Result<UpstreamRequest, Refused> {
    let uri: Uri = target
        .parse()
        .map_err(|_| Refusal::BadRequest.because("the target cannot be forwarded"))?;
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = head.method;
    *request.uri_mut() = uri;
    *request.headers_mut() = head.headers;
    headers::to_upstream(request.headers_mut(), &route.host, record);
    Ok(request)
}

/// Marks the claim's number as used, with a durable proof: its own signature, or that of its block.
#[tracing::instrument(level = "debug", skip_all)]
async fn reserve(core: &Core, claim: Claim, now: Timestamp) -> Result<Reservation, Refused> {
    let Parameters {
        purchase, sequence, ..
    } = claim.parameters;
    let reserved = match claim.proof {
        Proof::Signature(signature) => {
            let voucher = Voucher {
                sequence,
                base: claim.base,
                signature: signature.to_vec().into(),
            };
            core.store.reserve(purchase, voucher, now).await
        }
        Proof::Mac(_) => core.store.take(purchase, sequence, now),
    };
    reserved.map_err(admission::unusable)
}

#[tracing::instrument(level = "debug", skip_all)]
async fn forward(
    core: &Core,
    upstream: &Arc<Upstream>,
    request: UpstreamRequest,
    record: &PurchaseRecord,
    mut reservation: Reservation,
) -> Result<Reply, Refused> {
    reservation.forwarded();
    let began = Instant::now();
    let answer = upstream.send(request).await;
    core.counters
        .upstream_seconds
        .observe(began.elapsed().as_secs_f64());
    let mut response = match answer {
        Ok(response) if response.status().is_server_error() => {
            core.counters.upstream_server_errors.inc();
            release(reservation).await?;
            response
        }
        Ok(response) => {
            reservation.settle();
            core.counters.served.inc();
            response
        }
        Err(error) => {
            tracing::warn!(%error, service = %record.service, "the upstream failed");
            release(reservation).await?;
            let timeout = matches!(error, UpstreamError::Timeout);
            return Err(if timeout {
                Refusal::UpstreamTimeout
            } else {
                Refusal::Upstream
            }
            .into());
        }
    };
    headers::to_consumer(
        response.headers_mut(),
        core.store.authorised(record.id),
        record.requests,
    );
    Ok(response.map(|body| ReplyBody::Upstream(Box::new(body))))
}

async fn release(reservation: Reservation) -> Result<(), Refused> {
    reservation.release().await.map_err(|error| {
        tracing::error!(%error, "a release could not be recorded");
        Refusal::MeterUnavailable.into()
    })
}
