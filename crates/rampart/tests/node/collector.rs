//! A collector of traces as small as can be: it takes OTLP over HTTP, in protobuf, and keeps it.

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

/// A span, with the service that it is of.
#[derive(Clone, Debug)]
pub struct Received {
    pub service: String,
    pub span: Span,
}

impl Received {
    /// An attribute as text.
    pub fn attribute(&self, name: &str) -> Option<String> {
        text(&self.span.attributes, name)
    }
}

fn text(attributes: &[KeyValue], name: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == name)?;
    match found.value.clone()? {
        AnyValue {
            value: Some(Value::StringValue(text)),
        } => Some(text),
        AnyValue {
            value: Some(Value::IntValue(number)),
        } => Some(number.to_string()),
        _ => None,
    }
}

pub struct Collector {
    pub address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Collector {
    pub async fn start() -> Self {
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let kept = received.clone();
        let take = move |headers: HeaderMap, body: Bytes| async move {
            let protobuf = headers
                .get("content-type")
                .is_some_and(|kind| kind == "application/x-protobuf");
            let Ok(request) = ExportTraceServiceRequest::decode(body) else {
                return StatusCode::BAD_REQUEST;
            };
            for of_one in request.resource_spans {
                let resource = of_one.resource.unwrap_or_default();
                let service = text(&resource.attributes, "service.name").unwrap_or_default();
                let spans = of_one.scope_spans.into_iter().flat_map(|scope| scope.spans);
                kept.lock().unwrap().extend(spans.map(|span| Received {
                    service: service.clone(),
                    span,
                }));
            }
            if protobuf {
                StatusCode::OK
            } else {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new().route("/v1/traces", post(take));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { address, received }
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}
