//! The sidecar's own paths on the public port: health, offer, confirmations and blocks. Only the last needs a token.

use crate::blocks;
use crate::claim::Target;
use crate::refusal::{Refusal, Refused};
use crate::reply::{self, Reply};
use crate::shared::Core;
use crate::{body, headers};
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use rampart_protocol::confirmation::MAX_CONFIRMATION;
use rampart_protocol::request_block;
use serde_json::json;

const PREFIX: &str = "/.rampart/";

/// Whether a path is the sidecar's own.
#[must_use]
pub fn is_own(path: &str) -> bool {
    path.starts_with(PREFIX)
}

/// Answers a request of an own path.
///
/// # Errors
/// Why it is refused.
pub async fn handle(core: &Core, head: &Parts, target: Target<'_>, body: Incoming) -> Result<Reply, Refused> {
    match (&head.method, target.path.strip_prefix(PREFIX).unwrap_or_default()) {
        (&Method::GET, "health") => Ok(health(core)),
        (&Method::GET, "offer") => Ok(core.offers.all()),
        (&Method::POST, "confirmations") => confirm(core, body).await,
        (&Method::POST, _) if target.path == request_block::PATH => {
            blocks::open(core, head, target, body).await
        }
        _ => Err(Refusal::UnknownPath
            .because("GET health, GET offer, POST confirmations and POST blocks are all there is")),
    }
}

fn health(core: &Core) -> Reply {
    let services: Vec<_> = core.routes.iter().map(|route| route.service).collect();
    let health = json!({
        "status": "ok",
        "provider": core.provider,
        "services": services,
        "authority": core.authority,
        "version": env!("CARGO_PKG_VERSION"),
    });
    reply::json(StatusCode::OK, &health)
}

/// Takes a confirmation as RLP bytes: 201 when the purchase is new, 200 when it was known.
async fn confirm(core: &Core, body: Incoming) -> Result<Reply, Refused> {
    let bytes = body::collect(body, MAX_CONFIRMATION, &core.limits).await?;
    let (record, added) = core.confirmations.accept(&bytes, None, (core.clock)()).await?;
    let status = if added {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let authorised = core.store.authorised(record.id);
    let accepted = json!({
        "purchase": record.id,
        "service": record.service,
        "requests": record.requests,
        "authorised": authorised,
        "expiresAt": record.expires_at,
    });
    let mut reply = reply::json(status, &accepted);
    let used = headers::visible(&format!("{authorised}/{}", record.requests));
    reply.headers_mut().insert(headers::USED, used);
    Ok(reply)
}
