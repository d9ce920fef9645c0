//! The routes and their OpenAPI 3.1 document, from one declaration: a route that is not described cannot be added, and
//! what is described is served. `/openapi.json` answers the document.
//!
//! It is made here and not by a library since handlers are generic over the runtime and most fields of answers are of
//! foreign types, which derives of documents do not take; the shapes come from the declarations that serde reads
//! ([`rampart_protocol::shape`]).

use axum::handler::Handler;
use axum::http::StatusCode;
use axum::routing::{Router, get, post};
use rampart_protocol::api::ErrorBody;
use rampart_protocol::shape::{Shape, Shapes};
use serde_json::{Map, Value, json};

/// Statuses with which any route may answer: too many requests at a time, a failure, too slow.
const ALWAYS: [StatusCode; 3] = [
    StatusCode::INTERNAL_SERVER_ERROR,
    StatusCode::SERVICE_UNAVAILABLE,
    StatusCode::GATEWAY_TIMEOUT,
];

type ShapeOf = fn(&mut Shapes) -> Value;

/// A parameter in a path or a query.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameter {
    pub(super) place: &'static str,
    pub(super) name: &'static str,
    pub(super) doc: &'static str,
    pub(super) required: bool,
    pub(super) shape: ShapeOf,
}

/// What a query may ask, and how.
pub(super) trait Parameters {
    /// Each parameter.
    fn parameters() -> Vec<Parameter>;
}

/// Declares a query's parameters: any other is refused, and the document names each.
macro_rules! query {
    ($(#[doc = $doc:literal])* $name:ident {
        $($(#[doc = $field_doc:literal])* $(#[serde($($serde:tt)*)])? $field:ident: $ty:ty,)+
    }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name { $($(#[doc = $field_doc])* $(#[serde($($serde)*)])? pub(super) $field: $ty,)+ }

        impl $crate::api::openapi::Parameters for $name {
            fn parameters() -> Vec<$crate::api::openapi::Parameter> {
                vec![$($crate::api::openapi::Parameter {
                    place: "query",
                    name: stringify!($field),
                    doc: concat!($($field_doc),*),
                    required: !stringify!($ty).starts_with("Option"),
                    shape: <$ty as rampart_protocol::shape::Shape>::shape,
                }),+]
            }
        }
    };
}
pub(super) use query;

/// What a route takes and answers.
#[derive(Debug)]
pub(super) struct Operation {
    summary: &'static str,
    parameters: Vec<Parameter>,
    body: Option<ShapeOf>,
    answers: Vec<(StatusCode, &'static str, Value)>,
    text: Option<(&'static str, ShapeOf)>,
    empty: Vec<StatusCode>,
    shapes: Vec<(StatusCode, ShapeOf)>,
    errors: Vec<StatusCode>,
}

impl Operation {
    /// A route with no answers yet.
    pub(super) const fn new(summary: &'static str) -> Self {
        Self {
            summary,
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
            text: None,
            empty: Vec::new(),
            shapes: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// A route that answers 200 with JSON of a type.
    pub(super) fn json<T: Shape>(summary: &'static str) -> Self {
        Self::new(summary).answer::<T>(StatusCode::OK)
    }

    /// It answers JSON of a type.
    pub(super) fn answer<T: Shape>(mut self, status: StatusCode) -> Self {
        self.shapes.push((status, T::shape));
        self
    }

    /// It answers something that is not JSON of a type.
    pub(super) fn content(mut self, status: StatusCode, media: &'static str, schema: Value) -> Self {
        self.answers.push((status, media, schema));
        self
    }

    /// It answers a status without a body.
    pub(super) fn empty(mut self, status: StatusCode) -> Self {
        self.empty.push(status);
        self
    }

    /// It answers text that carries JSON of a type.
    pub(super) fn text<T: Shape>(mut self, media: &'static str) -> Self {
        self.text = Some((media, T::shape));
        self
    }

    /// It has a parameter in its path; one that does not parse is answered 400.
    pub(super) fn path<T: Shape>(mut self, name: &'static str, doc: &'static str) -> Self {
        self.parameters.push(Parameter {
            place: "path",
            name,
            doc,
            required: true,
            shape: T::shape,
        });
        self.error(StatusCode::BAD_REQUEST)
    }

    /// It has a query; one that does not parse is answered 400.
    pub(super) fn query<T: Parameters>(mut self) -> Self {
        self.parameters.extend(T::parameters());
        self.error(StatusCode::BAD_REQUEST)
    }

    /// It takes a JSON body of a type.
    pub(super) fn body<T: Shape>(mut self) -> Self {
        self.body = Some(T::shape);
        [
            StatusCode::BAD_REQUEST,
            StatusCode::REQUEST_TIMEOUT,
            StatusCode::PAYLOAD_TOO_LARGE,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            StatusCode::UNPROCESSABLE_ENTITY,
        ]
        .into_iter()
        .fold(self, Self::error)
    }

    /// It may answer this error.
    pub(super) fn error(mut self, status: StatusCode) -> Self {
        self.errors.push(status);
        self
    }

    /// It may answer that what is asked for is not there.
    pub(super) fn or_not_found(self) -> Self {
        self.error(StatusCode::NOT_FOUND)
    }

    fn describe(self, path: &str, method: &str, shapes: &mut Shapes) -> Value {
        let parameters: Vec<Value> = self
            .parameters
            .iter()
            .map(|parameter| {
                json!({
                    "name": parameter.name,
                    "in": parameter.place,
                    "required": parameter.required,
                    "description": parameter.doc.trim(),
                    "schema": (parameter.shape)(shapes),
                })
            })
            .collect();
        let mut responses = Map::new();
        let reason = |status: StatusCode| status.canonical_reason().unwrap_or("See the body.").to_owned();
        for status in self.errors.iter().chain(&ALWAYS) {
            let answer = json!({ "$ref": "#/components/responses/Error" });
            responses.insert(status.as_str().to_owned(), answer);
        }
        for (status, shape) in self.shapes {
            let content = json!({ "application/json": { "schema": shape(shapes) } });
            let answer = json!({ "description": reason(status), "content": content });
            responses.insert(status.as_str().to_owned(), answer);
        }
        for (status, media, schema) in self.answers {
            let content = json!({ media: { "schema": schema } });
            let answer = json!({ "description": reason(status), "content": content });
            responses.insert(status.as_str().to_owned(), answer);
        }
        for status in self.empty {
            responses.insert(
                status.as_str().to_owned(),
                json!({ "description": reason(status) }),
            );
        }
        if let Some((media, shape)) = self.text {
            let schema = json!({ "type": "string", "contentMediaType": "application/json", "contentSchema": shape(shapes) });
            let answer =
                json!({ "description": reason(StatusCode::OK), "content": { media: { "schema": schema } } });
            responses.insert("200".to_owned(), answer);
        }
        let mut operation = json!({
            "operationId": operation_id(path, method),
            "summary": self.summary,
            "parameters": parameters,
            "responses": responses,
        });
        if let Some(body) = self.body {
            operation["requestBody"] = json!({
                "required": true,
                "content": { "application/json": { "schema": body(shapes) } },
            });
        }
        operation
    }
}

/// `GET /v1/providers/{id}/purchases` -> `get_v1_providers_id_purchases`.
fn operation_id(path: &str, method: &str) -> String {
    let parts = path
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|part| !part.is_empty());
    std::iter::once(method).chain(parts).collect::<Vec<_>>().join("_")
}

/// The document while it grows.
#[derive(Debug, Default)]
pub(super) struct Document {
    paths: Map<String, Value>,
    shapes: Shapes,
}

impl Document {
    pub(super) fn add(&mut self, path: &str, method: &str, operation: Operation) {
        let described = operation.describe(path, method, &mut self.shapes);
        let entry = self.paths.entry(path.to_owned()).or_insert_with(|| json!({}));
        entry[method] = described;
    }

    /// The whole document.
    pub(super) fn finish(mut self) -> Value {
        let error = ErrorBody::shape(&mut self.shapes);
        let mut schemas = self.shapes.into_components();
        schemas["ErrorBody"]["description"] =
            "Every error. `error.name` is stable, `error.code` is there when the ledger rejected.".into();
        json!({
            "openapi": "3.1.0",
            "info": {
                "title": "Rampart operator",
                "version": env!("CARGO_PKG_VERSION"),
                "description": "Answers come from finalised state. Amounts are decimal strings of base units, byte \
                    strings are 0x-hex, times are Unix seconds. Verify confirmations and proofs: do not trust a node.",
                "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
            },
            "paths": self.paths,
            "components": {
                "schemas": schemas,
                "responses": {
                    "Error": {
                        "description": "The request cannot be answered.",
                        "content": { "application/json": { "schema": error } },
                    },
                },
            },
        })
    }
}

/// Routes that share a state, and the document that they enter.
pub(super) struct Routes<'a, S> {
    router: Router<S>,
    document: &'a mut Document,
}

impl<'a, S: Clone + Send + Sync + 'static> Routes<'a, S> {
    pub(super) fn new(document: &'a mut Document) -> Self {
        Self {
            router: Router::new(),
            document,
        }
    }

    /// Adds a route that is asked.
    pub(super) fn get<H, T>(mut self, path: &'static str, handler: H, operation: Operation) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.document.add(path, "get", operation);
        self.router = self.router.route(path, get(handler));
        self
    }

    /// Adds a route that is posted to.
    pub(super) fn post<H, T>(mut self, path: &'static str, handler: H, operation: Operation) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.document.add(path, "post", operation);
        self.router = self.router.route(path, post(handler));
        self
    }

    pub(super) fn into_router(self) -> Router<S> {
        self.router
    }
}
