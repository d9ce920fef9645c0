//! A tiny vendor's API that knows nothing of Rampart, and remembers what reached it.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;

#[derive(Clone, Debug)]
pub struct Seen {
    pub method: Method,
    pub target: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// The sidecar's end of the connection.
    pub peer: SocketAddr,
}

#[derive(Clone, Default)]
pub struct Vendor {
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Vendor {
    /// Starts it; returns its base URL.
    pub async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().fallback(answer).with_state(self.clone());
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        format!("http://{address}")
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn answer(State(vendor): State<Vendor>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let axum::extract::ConnectInfo(peer) = *head.extensions.get().unwrap();
    vendor.seen.lock().unwrap().push(Seen {
        method: head.method,
        target: head.uri.to_string(),
        headers: head.headers,
        body: body.clone(),
        peer,
    });
    match head.uri.path() {
        "/fails" => (StatusCode::INTERNAL_SERVER_ERROR, "vendor failed").into_response(),
        "/refuses" => (StatusCode::UNPROCESSABLE_ENTITY, "vendor refuses").into_response(),
        "/hangs" => std::future::pending().await,
        "/slow" => {
            tokio::time::sleep(Duration::from_millis(300)).await;
            "slow".into_response()
        }
        "/forges" => [
            ("rampart-used", "0/99"),
            ("connection", "x-hop"),
            ("x-hop", "1"),
            ("x-kept", "1"),
        ]
        .into_response(),
        "/empty" => StatusCode::NO_CONTENT.into_response(),
        "/large" => vec![b'x'; 3_000_000].into_response(),
        "/endless" => {
            let chunks =
                futures::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 64 * 1024])));
            Body::from_stream(chunks).into_response()
        }
        "/stalls" => {
            let first = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"first"))]);
            Body::from_stream(futures::StreamExt::chain(first, futures::stream::pending())).into_response()
        }
        _ => body.into_response(),
    }
}
