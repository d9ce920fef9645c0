//! Whether what came back is the answer of a Rampart sidecar that sells the service (P3). Pure.
//!
//! A service is up when a request without a token is answered as every consumer's first one is: 402 with an offer (x402,
//! version 2) of this service in this deployment. A sidecar that has no terms from the operators yet offers nothing; its
//! status route then tells whether it serves the service. Everything else, a redirect included, is the answer of something
//! else.

use rampart_protocol::{Domain, ProviderId, ServiceId};
use serde::Deserialize;

/// The scheme of Rampart's offers in x402.
const SCHEME: &str = "rampart-purchase";
/// Where a sidecar tells its status.
pub const STATUS_PATH: &str = "/.rampart/health";

/// What is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The deployment.
    pub domain: Domain,
    /// Who sells it.
    pub provider: ProviderId,
    /// The service.
    pub service: ServiceId,
}

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The service is there.
    Up,
    /// A sidecar without terms: its status route is to be asked.
    NoTerms,
    /// Something else answers.
    Wrong(&'static str),
}

#[derive(Deserialize)]
struct Offer {
    #[serde(rename = "x402Version")]
    version: u64,
    accepts: Vec<Accepted>,
}

#[derive(Deserialize)]
struct Accepted {
    scheme: String,
    network: String,
    extra: Extra,
}

#[derive(Deserialize)]
struct Extra {
    provider: ProviderId,
    service: ServiceId,
    settlement: rampart_protocol::Address,
}

#[derive(Deserialize)]
struct Health {
    status: String,
    provider: ProviderId,
    services: Vec<ServiceId>,
}

impl Asked {
    /// Reads the answer of the service's endpoint.
    #[must_use]
    pub fn offer(&self, status: u16, body: &[u8]) -> Finding {
        match status {
            402 => {}
            300..400 => return Finding::Wrong("a redirect"),
            500.. => return Finding::Wrong("a server error"),
            _ => return Finding::Wrong("not 402: it asks for no payment"),
        }
        let Ok(offer) = serde_json::from_slice::<Offer>(body) else {
            return Finding::Wrong("402 without an offer");
        };
        if offer.version != 2 {
            return Finding::Wrong("an offer of another version of x402");
        }
        if offer.accepts.is_empty() {
            return Finding::NoTerms;
        }
        let network = format!("eip155:{}", self.domain.chain_id);
        let ours = |offer: &Accepted| {
            offer.scheme == SCHEME
                && offer.network == network
                && offer.extra.settlement == self.domain.settlement
                && offer.extra.provider == self.provider
                && offer.extra.service == self.service
        };
        if offer.accepts.iter().any(ours) {
            Finding::Up
        } else {
            Finding::Wrong("an offer of something else")
        }
    }

    /// Reads the answer of the status route.
    #[must_use]
    pub fn health(&self, status: u16, body: &[u8]) -> Finding {
        if status != 200 {
            return Finding::Wrong("an empty offer, and no status");
        }
        match serde_json::from_slice::<Health>(body) {
            Ok(health)
                if health.status == "ok"
                    && health.provider == self.provider
                    && health.services.contains(&self.service) =>
            {
                Finding::Up
            }
            Ok(_) => Finding::Wrong("a sidecar that does not serve this service"),
            Err(_) => Finding::Wrong("an empty offer, and a status in another form"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use rampart_protocol::Address;
    use serde_json::{Value, json};

    const ASKED: Asked = Asked {
        domain: Domain {
            chain_id: 59_144,
            settlement: Address::repeat_byte(7),
        },
        provider: ProviderId(3),
        service: ServiceId(12),
    };

    fn offer() -> Value {
        json!({
            "x402Version": 2,
            "error": "payment_required",
            "accepts": [{
                "scheme": "rampart-purchase",
                "network": "eip155:59144",
                "amount": "1",
                "extra": { "provider": 3, "service": 12, "settlement": Address::repeat_byte(7), "more": true },
            }],
        })
    }

    fn said(body: &Value) -> Finding {
        ASKED.offer(402, body.to_string().as_bytes())
    }

    #[test]
    fn an_offer_of_the_service_is_up() {
        assert_eq!(said(&offer()), Finding::Up);
    }

    #[test]
    fn another_scheme_network_settlement_provider_service_or_version_is_not() {
        let changes: [fn(&mut Value); 6] = [
            |offer| offer["x402Version"] = json!(1),
            |offer| offer["accepts"][0]["scheme"] = json!("exact"),
            |offer| offer["accepts"][0]["network"] = json!("eip155:1"),
            |offer| offer["accepts"][0]["extra"]["settlement"] = json!(Address::ZERO),
            |offer| offer["accepts"][0]["extra"]["provider"] = json!(4),
            |offer| offer["accepts"][0]["extra"]["service"] = json!(13),
        ];
        for change in changes {
            let mut offer = offer();
            change(&mut offer);
            assert!(matches!(said(&offer), Finding::Wrong(_)), "{offer}");
        }
    }

    #[test]
    fn a_sidecar_without_terms_is_asked_for_its_status() {
        let mut offer = offer();
        offer["accepts"] = json!([]);
        assert_eq!(said(&offer), Finding::NoTerms);
        let health = |provider: u64, services: Value, status: &str| {
            let body =
                json!({ "status": status, "provider": provider, "services": services, "version": "1" });
            ASKED.health(200, body.to_string().as_bytes())
        };
        assert_eq!(health(3, json!([11, 12]), "ok"), Finding::Up);
        for wrong in [
            health(4, json!([12]), "ok"),
            health(3, json!([11]), "ok"),
            health(3, json!([12]), "failing"),
            ASKED.health(404, b"{}"),
            ASKED.health(200, b"ok"),
        ] {
            assert!(matches!(wrong, Finding::Wrong(_)), "{wrong:?}");
        }
    }

    #[test]
    fn other_statuses_are_the_answers_of_something_else() {
        for status in [200, 204, 301, 302, 307, 404, 418, 500, 503] {
            let found = ASKED.offer(status, offer().to_string().as_bytes());
            assert!(matches!(found, Finding::Wrong(_)), "{status}: {found:?}");
        }
        assert!(matches!(ASKED.offer(402, b"pay me"), Finding::Wrong(_)));
        let deep = "[".repeat(100_000);
        assert!(matches!(ASKED.offer(402, deep.as_bytes()), Finding::Wrong(_)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(status in any::<u16>(), body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (ASKED.offer(status, &body), ASKED.health(status, &body));
        }
    }
}
