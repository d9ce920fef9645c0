//! Probes over real sockets: a sidecar's answer is up; slow, huge, redirecting and talkative servers, refused ports, foreign
//! certificates and private addresses are told apart, and none of them costs more than the limits.
#![allow(clippy::unwrap_used, missing_docs)]

use rampart_node::monitor::answer::Asked;
use rampart_node::monitor::probe::{Outcome, ProbeLimits, Prober, public_roots};
use rampart_protocol::{Address, Domain, ProviderId, ServiceId};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, ServerConfig};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

const ASKED: Asked = Asked {
    domain: Domain {
        chain_id: 59_144,
        settlement: Address::repeat_byte(7),
    },
    provider: ProviderId(3),
    service: ServiceId(12),
};
const TIMEOUT: Duration = Duration::from_millis(600);

fn prober(allow_private_addresses: bool) -> Prober {
    with_roots(allow_private_addresses, public_roots())
}

fn with_roots(allow_private_addresses: bool, roots: RootCertStore) -> Prober {
    let limits = ProbeLimits {
        timeout: TIMEOUT,
        max_body: 16 * 1024,
        allow_private_addresses,
    };
    Prober::new(limits, roots).unwrap()
}

fn offer() -> String {
    let extra = json!({ "provider": 3, "service": 12, "settlement": ASKED.domain.settlement });
    let accepted = json!({ "scheme": "rampart-purchase", "network": "eip155:59144", "extra": extra });
    json!({ "x402Version": 2, "accepts": [accepted] }).to_string()
}

fn http(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A request's head; nothing when the peer left.
async fn head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let (mut head, mut buffer) = (Vec::new(), [0; 1024]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(read) if read > 0 => head.extend_from_slice(&buffer[..read]),
            _ => break,
        }
    }
    String::from_utf8(head).unwrap()
}

/// A server that answers each connection by a function; its address, and how many connections it had.
async fn server<F, W>(answer: F) -> (SocketAddr, Arc<AtomicUsize>)
where
    F: Fn(TcpStream) -> W + Send + 'static,
    W: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let seen = count.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            seen.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(answer(stream));
        }
    });
    (address, count)
}

/// A server that always says the same.
async fn saying(text: String) -> SocketAddr {
    let answer = move |mut stream: TcpStream| {
        let text = text.clone();
        async move {
            head(&mut stream).await;
            let _ = stream.write_all(text.as_bytes()).await;
        }
    };
    server(answer).await.0
}

async fn probe(address: SocketAddr) -> Outcome {
    prober(true)
        .probe(&format!("http://{address}/screen"), &ASKED)
        .await
}

#[tokio::test]
async fn a_sidecars_offer_is_up_and_asked_for_as_a_consumer_would() {
    let (heads, mut asked) = tokio::sync::mpsc::channel(1);
    let answer = move |mut stream: TcpStream| {
        let heads = heads.clone();
        async move {
            heads.send(head(&mut stream).await).await.unwrap();
            let _ = stream
                .write_all(http("402 Payment Required", &offer()).as_bytes())
                .await;
        }
    };
    let (address, _) = server(answer).await;
    let endpoint = format!("http://{address}/screen?chain=1");
    assert_eq!(prober(true).probe(&endpoint, &ASKED).await, Outcome::Up);
    let head = asked.recv().await.unwrap();
    assert!(head.starts_with("GET /screen?chain=1 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("host: {address}\r\n")), "{head}");
}

#[tokio::test]
async fn a_sidecar_without_terms_is_asked_for_its_status() {
    let answer = |mut stream: TcpStream| async move {
        let said = if head(&mut stream).await.starts_with("GET /.rampart/health ") {
            http(
                "200 OK",
                &json!({ "status": "ok", "provider": 3, "services": [12] }).to_string(),
            )
        } else {
            http(
                "402 Payment Required",
                &json!({ "x402Version": 2, "accepts": [] }).to_string(),
            )
        };
        let _ = stream.write_all(said.as_bytes()).await;
    };
    let (address, count) = server(answer).await;
    assert_eq!(probe(address).await, Outcome::Up);
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (elsewhere, count) = server(|_| async {}).await;
    let redirect =
        format!("HTTP/1.1 302 Found\r\nLocation: http://{elsewhere}/\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(probe(saying(redirect).await).await, Outcome::Wrong("a redirect"));
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn garbage_and_other_servers_are_told_apart() {
    let cases = [
        (
            http("200 OK", &offer()),
            Outcome::Wrong("not 402: it asks for no payment"),
        ),
        (
            http("402 Payment Required", "{}"),
            Outcome::Wrong("402 without an offer"),
        ),
        (
            http("503 Service Unavailable", ""),
            Outcome::Wrong("a server error"),
        ),
        ("SSH-2.0-OpenSSH_9.9\r\n".to_owned(), Outcome::Broken),
        (String::new(), Outcome::Broken),
        (
            "HTTP/1.1 402 Payment Required\r\nContent-Length: 50\r\n\r\n{".to_owned(),
            Outcome::Broken,
        ),
        (
            http("402 Payment Required", &"x".repeat(17 * 1024)),
            Outcome::TooLarge,
        ),
        (
            format!(
                "HTTP/1.1 402 Payment Required\r\nBig: {}\r\n\r\n",
                "x".repeat(20 * 1024)
            ),
            Outcome::TooLarge,
        ),
    ];
    for (text, expected) in cases {
        let shown: String = text.chars().take(60).collect();
        assert_eq!(probe(saying(text).await).await, expected, "{shown:?}");
    }
}

#[tokio::test]
async fn slow_and_endless_servers_cost_no_more_than_the_limits() {
    let silent = |mut stream: TcpStream| async move {
        head(&mut stream).await;
        std::future::pending::<()>().await;
    };
    let trickling = |mut stream: TcpStream| async move {
        let _ = stream.write_all(b"HTTP/1.1 402 Payment Required\r\n\r\n").await;
        while stream.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let continuing = |mut stream: TcpStream| async move {
        while stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let endless = |mut stream: TcpStream| async move {
        let _ = stream
            .write_all(b"HTTP/1.1 402 Payment Required\r\nTransfer-Encoding: chunked\r\n\r\n")
            .await;
        while stream
            .write_all(format!("1000\r\n{}\r\n", " ".repeat(0x1000)).as_bytes())
            .await
            .is_ok()
        {}
    };
    let started = Instant::now();
    assert_eq!(probe(server(silent).await.0).await, Outcome::Timeout);
    assert_eq!(probe(server(trickling).await.0).await, Outcome::Timeout);
    let answered = probe(server(continuing).await.0).await;
    assert!(
        matches!(answered, Outcome::Timeout | Outcome::Broken),
        "{answered:?}"
    );
    assert!(started.elapsed() < TIMEOUT * 3 + Duration::from_secs(2));
    let started = Instant::now();
    assert_eq!(probe(server(endless).await.0).await, Outcome::TooLarge);
    assert!(started.elapsed() < TIMEOUT, "cut off before the time is up");
}

#[tokio::test]
async fn a_port_without_a_server_refuses() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert_eq!(probe(address).await, Outcome::Refused);
}

#[tokio::test]
async fn no_private_address_is_connected_to_by_number_or_by_name() {
    let (address, count) = server(|_| async {}).await;
    let port = address.port();
    let hosts = [
        "127.0.0.1",
        "0x7f000001",
        "2130706433",
        "[::ffff:127.0.0.1]",
        "localhost",
        "0.0.0.0",
        "[::1]",
    ];
    for host in hosts {
        let outcome = prober(false)
            .probe(&format!("http://{host}:{port}/"), &ASKED)
            .await;
        assert_eq!(outcome, Outcome::Forbidden, "{host}");
    }
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_is_no_endpoint_is_not_asked() {
    for endpoint in ["", "file:///etc/passwd", "http://user:word@watch.example/"] {
        let outcome = prober(true).probe(endpoint, &ASKED).await;
        assert!(matches!(outcome, Outcome::Endpoint(_)), "{endpoint}: {outcome:?}");
    }
    let unknown = prober(true).probe("http://nothing.invalid/", &ASKED).await;
    assert!(
        matches!(unknown, Outcome::NotResolved | Outcome::Timeout),
        "{unknown:?}"
    );
}

/// A certificate for localhost that nobody but this test trusts.
fn certificate() -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("prober/certificate.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("prober/key.pem")).unwrap();
    (certificate, key)
}

async fn talk(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    head(&mut stream).await;
    let _ = stream
        .write_all(http("402 Payment Required", &offer()).as_bytes())
        .await;
    let _ = stream.shutdown().await;
}

#[tokio::test]
async fn tls_is_spoken_only_with_who_it_should_be() {
    let (certificate, key) = certificate();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let answer = move |stream: TcpStream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                talk(stream).await;
            }
        }
    };
    let (address, _) = server(answer).await;
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let (trusting, by_name) = (
        with_roots(true, roots),
        format!("https://localhost:{}/", address.port()),
    );
    assert_eq!(trusting.probe(&by_name, &ASKED).await, Outcome::Up);
    // The name on the certificate is another's; the certificate is nobody's whom the public trusts; no TLS at all.
    assert_eq!(
        trusting.probe(&format!("https://{address}/"), &ASKED).await,
        Outcome::Tls
    );
    assert_eq!(prober(true).probe(&by_name, &ASKED).await, Outcome::Tls);
    let talkative = |mut stream: TcpStream| async move {
        let _ = stream
            .write_all(http("402 Payment Required", &offer()).as_bytes())
            .await;
        head(&mut stream).await;
    };
    let (plain, _) = server(talkative).await;
    assert_eq!(
        trusting.probe(&format!("https://{plain}/"), &ASKED).await,
        Outcome::Tls
    );
    assert_eq!(probe(address).await, Outcome::Broken, "plain HTTP to a TLS port");
}
