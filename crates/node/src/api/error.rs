//! Errors as clients see them.

use crate::index::IndexError;
use crate::mempool::{PoolError, rejection};
use crate::storage::StateError;
use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rampart_ledger::Reject;
use rampart_protocol::TransactionError;
use rampart_protocol::api::{ErrorBody, ErrorView, Rejection};

/// An HTTP status and the body that explains it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// The status.
    pub status: StatusCode,
    /// The explanation.
    pub error: ErrorView,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, name: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            error: ErrorView {
                name: name.to_owned(),
                code: None,
                message: message.into(),
            },
        }
    }

    pub(super) fn not_found(what: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, &format!("unknown_{what}"), message)
    }

    /// What is asked for was in a block that is not kept any more.
    pub(super) fn pruned(height: u64) -> Self {
        let message = format!("block {height} is not kept here any more; ask an operator that keeps more");
        Self::new(StatusCode::GONE, "pruned", message)
    }

    pub(super) fn bad_request(name: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, name, message)
    }

    pub(super) fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "this route does not take that method",
        )
    }

    pub(super) fn overloaded() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "overloaded",
            "too many requests at a time; try again",
        )
    }

    pub(super) fn too_large(limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            format!("a request body has at most {limit} bytes"),
        )
    }

    pub(super) fn broken_body() -> Self {
        Self::bad_request("broken_body", "the request body could not be read")
    }

    pub(super) fn slow_body() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "slow_body",
            "the request body took too long to arrive",
        )
    }

    pub(super) fn timeout() -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            "timeout",
            "the request took too long",
        )
    }

    /// The ledger's answer to a transaction.
    pub(super) fn rejected(rejection: Rejection) -> Self {
        let error = ErrorView {
            name: rejection.name,
            code: Some(rejection.code),
            message: rejection.message,
        };
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            error,
        }
    }

    /// The same, as the ledger says it.
    pub(super) fn refused(reject: &Reject) -> Self {
        Self::rejected(rejection(reject))
    }

    /// A failure of this operator; what exactly is for its log, not for the client.
    pub(super) fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error, "a request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "this operator failed; ask another",
        )
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(ErrorBody { error: self.error })).into_response()
    }
}

impl From<StateError> for ApiError {
    fn from(error: StateError) -> Self {
        match error {
            StateError::Syncing => Self::new(StatusCode::SERVICE_UNAVAILABLE, "syncing", error.to_string()),
            error => Self::internal(&error),
        }
    }
}

impl From<IndexError> for ApiError {
    fn from(error: IndexError) -> Self {
        match error {
            IndexError::Incomplete => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "incomplete_index",
                format!("{error}; ask another"),
            ),
            error => Self::internal(&error),
        }
    }
}

impl From<PoolError> for ApiError {
    fn from(error: PoolError) -> Self {
        let status = match error {
            // One condition has one name, whether the pool or the ledger meets it first.
            PoolError::StaleNonce { got, expected } => {
                return Self::refused(&Reject::StaleNonce { got, expected });
            }
            PoolError::Full(_) => StatusCode::SERVICE_UNAVAILABLE,
            PoolError::Frozen => StatusCode::GONE,
            PoolError::Known | PoolError::NonceTaken(_) => StatusCode::CONFLICT,
            PoolError::FarNonce { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self::new(status, error.name(), error.to_string())
    }
}

impl From<TransactionError> for ApiError {
    fn from(error: TransactionError) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "bad_signature",
            error.to_string(),
        )
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        let name = match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => "too_large",
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "not_json",
            _ => "malformed_json",
        };
        Self::new(rejection.status(), name, rejection.body_text())
    }
}

impl From<PathRejection> for ApiError {
    fn from(rejection: PathRejection) -> Self {
        Self::bad_request("malformed_path", rejection.body_text())
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        Self::bad_request("malformed_query", rejection.body_text())
    }
}
