//! One HTTP request: its path, method, type and size, before anything in it is read as JSON-RPC.

use crate::access::{AccessError, Credentials};
use crate::clock::since_epoch;
use crate::gateway::{Asked, Gateway, Refused, Reply, Terms};
use crate::jsonrpc::{self, RpcError, code};
use crate::upstream::UpstreamError;
use crate::websocket::{Session, SocketLimits};
use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::{
    ALLOW, CONNECTION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, ORIGIN, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::http::uri::Authority;
use hyper::{Method, Request, Response, StatusCode};
use serde_json::json;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// A response's body.
pub type ResponseBody = BoxBody<Bytes, hyper::Error>;

/// Longest origin that is passed on to vendors, bytes.
const MAX_ORIGIN: usize = 512;

/// Limits of one request.
#[derive(Clone, Copy, Debug)]
pub struct RequestLimits {
    pub body_bytes: usize,
    pub body_timeout: Duration,
    pub batch: usize,
    pub socket: SocketLimits,
}

/// Answers a request.
#[tracing::instrument(
    level = "debug",
    name = "request",
    skip_all,
    fields(otel.kind = "server", http.response.status_code = tracing::field::Empty)
)]
pub async fn answer(
    gateway: &Arc<Gateway>,
    limits: RequestLimits,
    request: Request<Incoming>,
) -> Response<ResponseBody> {
    let response = route(gateway, limits, request).await;
    tracing::Span::current().record("http.response.status_code", response.status().as_u16());
    response
}

async fn route(
    gateway: &Arc<Gateway>,
    limits: RequestLimits,
    request: Request<Incoming>,
) -> Response<ResponseBody> {
    let terms = gateway.terms();
    if !is_ours(&terms.hosts, request.headers()) {
        return refusal(
            StatusCode::FORBIDDEN,
            "this gateway does not answer for that host",
        );
    }
    let credentials = match (request.method(), request.uri().path()) {
        (&Method::GET, "/health") => return health(gateway).await,
        (_, "/health") => return not_allowed("GET"),
        (_, path) => match Credentials::read(path, request.headers()) {
            Ok(credentials) => credentials,
            Err(error) => return denied(Refused::Access(error)),
        },
    };
    match *request.method() {
        Method::GET if asks_for_websocket(request.headers()) => {
            websocket(gateway, &terms, credentials, limits.socket, request).await
        }
        Method::POST => rpc(gateway, &terms, &credentials, limits, request).await,
        _ => not_allowed("POST"),
    }
}

/// The answer to a request that is not taken from this client.
fn denied(refused: Refused) -> Response<ResponseBody> {
    let status = match refused {
        Refused::Access(AccessError::Path) => StatusCode::NOT_FOUND,
        Refused::Access(AccessError::Ambiguous(_)) => StatusCode::BAD_REQUEST,
        Refused::Access(AccessError::Key) => StatusCode::UNAUTHORIZED,
        Refused::Access(_) => StatusCode::FORBIDDEN,
        Refused::Limited => StatusCode::TOO_MANY_REQUESTS,
    };
    json_response(status, RpcError::from(refused).response(None))
}

async fn rpc(
    gateway: &Gateway,
    terms: &Terms,
    credentials: &Credentials,
    limits: RequestLimits,
    request: Request<Incoming>,
) -> Response<ResponseBody> {
    if !is_json(request.headers()) {
        return refusal(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the content type must be application/json",
        );
    }
    let origin = origin(request.headers());
    let body = match read_body(limits, request.into_body()).await {
        Ok(body) => body,
        Err(response) => return *response,
    };
    let now = since_epoch();
    let reply = match jsonrpc::read(&body, limits.batch) {
        Ok(calls) => {
            let caller = match gateway.admit(terms, credentials, calls.calls(), now) {
                Ok(caller) => caller,
                Err(refused) => return denied(refused),
            };
            let asked = Asked {
                terms,
                caller: &caller,
                origin: origin.as_deref(),
                now,
            };
            gateway.handle(&body, calls, asked).await
        }
        Err(error) => Reply::Text(error.response(None)),
    };
    match reply {
        Reply::Text(text) => json_response(StatusCode::OK, text),
        Reply::Nothing => with_status(
            StatusCode::NO_CONTENT,
            Empty::new().map_err(|never| match never {}).boxed(),
        ),
        Reply::Relayed(response) => {
            let (head, body) = response.into_parts();
            let mut relayed = with_status(head.status, body.boxed());
            if let Some(content_type) = head.headers.get(CONTENT_TYPE) {
                relayed.headers_mut().insert(CONTENT_TYPE, content_type.clone());
            }
            relayed
        }
    }
}

/// Whether a client would go on with WebSocket (RFC 6455, section 4.2.1).
fn asks_for_websocket(headers: &HeaderMap) -> bool {
    let names = |name, wanted: &str| {
        let values = headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok());
        values
            .flat_map(|value| value.split(','))
            .any(|token| token.trim().eq_ignore_ascii_case(wanted))
    };
    names(CONNECTION, "upgrade") && names(UPGRADE, "websocket")
}

/// Answers 101 once the node's socket is open, and serves the client's from then on.
async fn websocket(
    gateway: &Arc<Gateway>,
    terms: &Terms,
    credentials: Credentials,
    limits: SocketLimits,
    mut request: Request<Incoming>,
) -> Response<ResponseBody> {
    let headers = request.headers();
    let key = match (headers.get(SEC_WEBSOCKET_KEY), headers.get(SEC_WEBSOCKET_VERSION)) {
        (Some(key), Some(version)) if version == "13" => derive_accept_key(key.as_bytes()),
        _ => {
            let mut response = refusal(
                StatusCode::UPGRADE_REQUIRED,
                "WebSocket version 13 is spoken here",
            );
            let version = HeaderValue::from_static("13");
            response.headers_mut().insert(SEC_WEBSOCKET_VERSION, version);
            return response;
        }
    };
    if let Some(page) = headers.get(ORIGIN) {
        let listed = page.to_str().is_ok_and(|page| terms.origins.contains(page));
        if !listed && !terms.origins.contains("*") {
            let message = "this gateway takes no WebSocket from that origin";
            return refusal(StatusCode::FORBIDDEN, message);
        }
    }
    // No call yet, but a client that may make none gets no socket.
    if let Err(refused) = gateway.admit(terms, &credentials, 0, since_epoch()) {
        return denied(refused);
    }
    let Ok(permit) = Arc::clone(&gateway.websockets).try_acquire_owned() else {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "there are too many WebSockets");
    };
    let node = match gateway.upstream.websocket().await {
        Ok(node) => node,
        Err(error) => {
            let status = match error {
                UpstreamError::NoWebSocket => StatusCode::NOT_IMPLEMENTED,
                _ => StatusCode::BAD_GATEWAY,
            };
            return json_response(status, RpcError::from(error).response(None));
        }
    };
    let session = Session {
        gateway: Arc::clone(gateway),
        limits,
        origin: origin(headers),
        credentials,
        permit,
        stopping: gateway.stopping.subscribe(),
    };
    tokio::spawn(session.run(hyper::upgrade::on(&mut request), node));
    let body = Empty::new().map_err(|never| match never {}).boxed();
    let mut response = with_status(StatusCode::SWITCHING_PROTOCOLS, body);
    let fields = response.headers_mut();
    fields.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    fields.insert(UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(key) = HeaderValue::from_str(&key) {
        fields.insert(SEC_WEBSOCKET_ACCEPT, key);
    }
    response
}

/// Reads a body within its limits; the error is the answer.
async fn read_body(limits: RequestLimits, body: Incoming) -> Result<Bytes, Box<Response<ResponseBody>>> {
    let too_large = || {
        let message = format!("the request body exceeds {} bytes", limits.body_bytes);
        Box::new(refusal(StatusCode::PAYLOAD_TOO_LARGE, &message))
    };
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limits.body_bytes {
        return Err(too_large());
    }
    let collected = timeout(
        limits.body_timeout,
        Limited::new(body, limits.body_bytes).collect(),
    )
    .await;
    match collected {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Box::new(refusal(
            StatusCode::BAD_REQUEST,
            "the request body broke off",
        ))),
        Err(_) => Err(Box::new(refusal(
            StatusCode::REQUEST_TIMEOUT,
            "the request body took too long",
        ))),
    }
}

/// Nodes demand the same. A web page of another origin cannot send this type without asking first (CORS), and is
/// never given leave.
fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next()).map(str::trim);
    essence.is_some_and(|essence| {
        [
            "application/json",
            "application/json-rpc",
            "application/jsonrequest",
        ]
        .iter()
        .any(|accepted| essence.eq_ignore_ascii_case(accepted))
    })
}

/// Whether the `Host` is an IP address, `localhost`, or a configured name.
fn is_ours(hosts: &BTreeSet<String>, headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else {
        return false;
    };
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let name = authority.host().to_ascii_lowercase();
    let address = name
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>();
    address.is_ok() || name == "localhost" || hosts.contains(&name) || hosts.contains("*")
}

fn origin(headers: &HeaderMap) -> Option<String> {
    let origin = headers.get(ORIGIN)?.to_str().ok()?;
    (origin.len() <= MAX_ORIGIN && origin != "null").then(|| origin.to_owned())
}

async fn health(gateway: &Gateway) -> Response<ResponseBody> {
    let now = since_epoch().as_secs();
    let mut services = Vec::new();
    for service in &gateway.screener.services {
        let mut remaining = 0_u64;
        for purchase in service.purchases() {
            if purchase.spent(now).await.is_none() {
                remaining = remaining.saturating_add(purchase.remaining().await);
            }
        }
        services.push(json!({
            "name": service.config.name, "service": service.config.service, "remaining": remaining,
        }));
    }
    let body = json!({"status": "ok", "version": env!("CARGO_PKG_VERSION"), "services": services,
        "nodes": gateway.upstream.describe(), "decisionsLost": gateway.screener.log.lost()});
    json_response(StatusCode::OK, body.to_string())
}

/// The answer to a request that cannot be read as JSON-RPC; a JSON-RPC client understands its body all the same.
fn refusal(status: StatusCode, message: &str) -> Response<ResponseBody> {
    json_response(
        status,
        RpcError::new(code::INVALID_REQUEST, message).response(None),
    )
}

fn not_allowed(allowed: &'static str) -> Response<ResponseBody> {
    let mut response = refusal(
        StatusCode::METHOD_NOT_ALLOWED,
        "this path does not take this method",
    );
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

fn json_response(status: StatusCode, text: String) -> Response<ResponseBody> {
    let body = Full::new(Bytes::from(text))
        .map_err(|never| match never {})
        .boxed();
    let mut response = with_status(status, body);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn with_status(status: StatusCode, body: ResponseBody) -> Response<ResponseBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn answers_for_addresses_localhost_and_configured_names_only() {
        let hosts = BTreeSet::from(["gateway.example".to_owned()]);
        let asked = |hosts: &BTreeSet<String>, host: &str| {
            let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_str(host).unwrap())]);
            is_ours(hosts, &headers)
        };
        for host in [
            "127.0.0.1:8547",
            "[::1]:8547",
            "10.0.0.1",
            "localhost:1",
            "Gateway.Example:80",
        ] {
            assert!(asked(&hosts, host), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "",
            "a b",
        ] {
            assert!(!asked(&hosts, host), "{host}");
        }
        assert!(asked(&BTreeSet::from(["*".to_owned()]), "evil.example"));
        assert!(!is_ours(&hosts, &HeaderMap::new()));
    }

    #[test]
    fn takes_json_types_only() {
        for (value, accepted) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/json-rpc", true),
            ("text/plain", false),
            ("application/jsonx", false),
        ] {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))]);
            assert_eq!(is_json(&headers), accepted, "{value}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
