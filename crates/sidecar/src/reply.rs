//! Responses: the sidecar's own JSON, and the body type that carries either that or the upstream's stream.

use crate::headers;
use crate::refusal::{Refusal, Refused};
use crate::upstream::{BodyError, UpstreamBody};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde::Serialize;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A response of the sidecar.
pub type Reply = Response<ReplyBody>;

/// Its body.
#[derive(Debug)]
pub enum ReplyBody {
    /// Ours.
    Own(Full<Bytes>),
    /// The upstream's.
    Upstream(Box<UpstreamBody>),
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Own(body) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
            Self::Upstream(body) => Pin::new(body.as_mut()).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own(body) => body.is_end_stream(),
            Self::Upstream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own(body) => body.size_hint(),
            Self::Upstream(body) => body.size_hint(),
        }
    }
}

/// A JSON response.
#[must_use]
pub fn json(status: StatusCode, value: &impl Serialize) -> Reply {
    let body = serde_json::to_vec(value).expect("our own types have string keys and no failing serializer");
    let mut reply = own("application/json", body);
    *reply.status_mut() = status;
    reply
}

/// What the sidecar says itself, in that media type, with status 200.
#[must_use]
pub fn own(media_type: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(ReplyBody::Own(Full::new(body.into())));
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

/// The response of a refusal: `{"error":{"code","message"}}`.
#[must_use]
pub fn refusal(refused: &Refused) -> Reply {
    let body = serde_json::json!({
        "error": { "code": refused.refusal.code(), "message": refused.message },
    });
    let mut reply = with_refusal(json(status(refused), &body), refused);
    if refused.refusal == Refusal::BadRequest {
        // What comes behind a request that is malformed may be a part of it.
        reply
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if refused.refusal == Refusal::RateLimited {
        reply
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    reply
}

/// Marks a response as that refusal's.
#[must_use]
pub fn with_refusal(mut reply: Reply, refused: &Refused) -> Reply {
    let code = HeaderValue::from_static(refused.refusal.code());
    reply.headers_mut().insert(headers::REFUSAL, code);
    reply
}

/// The status of a refusal.
#[must_use]
pub fn status(refused: &Refused) -> StatusCode {
    StatusCode::from_u16(refused.refusal.status()).expect("every refusal's status is between 400 and 599")
}
