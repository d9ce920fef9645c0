//! What a provider makes operators read: its endpoint, and what answers there.

use crate::stage::DOMAIN;
use crate::{shape, shaped};
use rampart_node::fuzzing::probed;
use rampart_node::monitor::answer::{Asked, Finding};
use rampart_node::monitor::target::Target;
use rampart_protocol::{ProviderId, ServiceId};

const ASKED: Asked = Asked {
    domain: DOMAIN,
    provider: ProviderId(3),
    service: ServiceId(12),
};
const MAX_BODY: usize = 512;

pub fn run(bytes: &[u8]) {
    match shape(bytes, 3) {
        Some((0, bytes)) => {
            if let Some((status, body)) = probed(bytes, MAX_BODY) {
                assert!(body.len() <= MAX_BODY);
                let _ = (ASKED.offer(status, &body), ASKED.health(status, &body));
            }
        }
        Some((1, bytes)) => {
            let (offer, health) = (ASKED.offer(402, bytes), ASKED.health(200, bytes));
            // Only what names this service in this deployment counts as it.
            let names = String::from_utf8_lossy(bytes).contains("12");
            assert!(names || (offer != Finding::Up && health != Finding::Up));
        }
        Some((_, bytes)) => {
            if let Ok(text) = std::str::from_utf8(bytes) {
                endpoint(text);
            }
        }
        None => {}
    }
}

/// What is sent to an endpoint stays on its line of the request, and means the same when it is read again.
fn endpoint(text: &str) {
    let Ok(target) = Target::parse(text) else {
        return;
    };
    for part in [&target.path, &target.authority, &target.host] {
        assert!(part.bytes().all(|byte| byte.is_ascii_graphic()), "{part:?}");
    }
    let scheme = if target.tls { "https" } else { "http" };
    let again = Target::parse(&format!("{scheme}://{}{}", target.authority, target.path));
    assert_eq!(again, Ok(target));
}

pub fn seeds() -> Vec<Vec<u8>> {
    let network = format!("eip155:{}", DOMAIN.chain_id);
    let offer = serde_json::json!({
        "x402Version": 2,
        "accepts": [{
            "scheme": "rampart-purchase", "network": network,
            "extra": { "provider": 3, "service": 12, "settlement": DOMAIN.settlement },
        }],
    })
    .to_string();
    let health = r#"{"status":"ok","provider":3,"services":[12]}"#;
    let plain = format!(
        "HTTP/1.1 402 Payment Required\r\ncontent-length: {}\r\n\r\n{offer}",
        offer.len()
    );
    let chunked = format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{health}\r\n0\r\n\r\n",
        health.len()
    );
    vec![
        shaped(0, plain),
        shaped(0, chunked),
        shaped(1, offer),
        shaped(1, health),
        shaped(2, "https://Vendor.Example.:8443/a b?q=ü#f"),
        shaped(2, "http://[2001:db8::1]/"),
    ]
}
