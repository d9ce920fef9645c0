//! What both vendors' HTTP interfaces share: reading a JSON body, typed errors, health, and unknown paths.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use axum::{Router, extract::DefaultBodyLimit};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// An answer that is no verdict: a status, a stable code and a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ApiError {
    pub status: StatusCode,
    pub code: &'static str,
    pub message: String,
}

impl ApiError {
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    pub fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({"error": {"code": self.code, "message": self.message}});
        (self.status, Json(body)).into_response()
    }
}

/// Reads a JSON body; the router's body limit has been applied by the extractor.
pub fn parse<T: DeserializeOwned>(body: Result<Bytes, BytesRejection>) -> Result<T, ApiError> {
    let body = body.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            ApiError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too_large",
                "the request body exceeds the limit",
            )
        } else {
            ApiError::bad_request("unreadable_body", "the request body could not be read")
        }
    })?;
    serde_json::from_slice(&body)
        .map_err(|error| ApiError::bad_request("malformed_request", error.to_string()))
}

/// Adds health, the OpenAPI document, the body limit and typed answers to unknown paths and methods.
pub fn with_common(router: Router, vendor: &str, openapi: Value, body_bytes: usize) -> Router {
    let health = json!({"status": "ok", "vendor": vendor, "version": env!("CARGO_PKG_VERSION")});
    router
        .route("/v1/health", get(move || async move { Json(health) }))
        .route("/openapi.json", get(move || async move { Json(openapi) }))
        .fallback(|| async {
            ApiError::new(
                StatusCode::NOT_FOUND,
                "not_found",
                "there is nothing at this path",
            )
        })
        .method_not_allowed_fallback(|| async {
            ApiError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "this path does not take this method",
            )
        })
        .layer(DefaultBodyLimit::max(body_bytes))
}

/// The OpenAPI 3.1 document of a vendor: the common parts, and `extra` paths.
pub fn openapi(title: &str, description: &str, extra: Value) -> Value {
    let verdict = json!({"description": "A verdict", "content": {"application/json":
        {"schema": {"$ref": "#/components/schemas/Verdict"}}}});
    let error = json!({"description": "A typed error", "content": {"application/json":
        {"schema": {"$ref": "#/components/schemas/Error"}}}});
    let mut paths = json!({
        "/v1/screen": {"post": {
            "summary": "Screen one transaction",
            "requestBody": {"required": true, "content": {"application/json":
                {"schema": {"$ref": "#/components/schemas/ScreenRequest"}}}},
            "responses": {"200": verdict, "400": error, "413": error, "502": error, "503": error, "504": error},
        }},
        "/v1/health": {"get": {"summary": "Liveness", "responses": {"200": {"description": "Alive"}}}},
    });
    if let (Some(paths), Value::Object(extra)) = (paths.as_object_mut(), extra) {
        paths.extend(extra);
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": title, "description": description, "version": env!("CARGO_PKG_VERSION")},
        "paths": paths,
        "components": {"schemas": schemas()},
    })
}

fn schemas() -> Value {
    let hex = json!({"type": "string", "pattern": "^0x[0-9a-fA-F]*$"});
    json!({
        "ScreenRequest": {
            "type": "object",
            "required": ["chainId", "transaction"],
            "properties": {
                "chainId": hex,
                "transaction": {
                    "type": "object",
                    "required": ["from"],
                    "properties": {
                        "from": hex, "to": {"oneOf": [hex, {"type": "null"}]},
                        "value": hex, "data": hex, "gas": hex, "raw": hex,
                    },
                },
                "origin": {"type": "string", "description": "Origin of the application that asked for it"},
            },
        },
        "Verdict": {
            "type": "object",
            "required": ["verdict", "score", "reasons", "vendor", "version"],
            "properties": {
                "verdict": {"enum": ["allow", "warn", "block"]},
                "score": {"type": "integer", "minimum": 0, "maximum": 100},
                "vendor": {"type": "string"},
                "version": {"type": "string"},
                "reasons": {"type": "array", "items": {
                    "type": "object",
                    "required": ["code", "message", "severity", "evidence"],
                    "properties": {
                        "code": {"type": "string"},
                        "message": {"type": "string"},
                        "severity": {"enum": ["info", "low", "medium", "high", "critical"]},
                        "evidence": {},
                    },
                }},
            },
        },
        "Error": {
            "type": "object",
            "properties": {"error": {"type": "object", "properties": {
                "code": {"type": "string"}, "message": {"type": "string"}}}},
        },
    })
}
