//! The offer: what a request without a token is answered with, in the shape of x402 version 2 where it fits.
//!
//! Terms come from the nodes and are refreshed; they bind nobody (the ledger checks what the consumer signs), so a node
//! is believed here.

use crate::config::Config;
use crate::headers::visible;
use crate::refusal::{Refusal, Refused};
use crate::reply::{self, Reply};
use base64ct::{Base64, Encoding};
use hyper::StatusCode;
use hyper::header::{HeaderName, HeaderValue};
use rampart_client::NodeClient;
use rampart_protocol::api::ServiceView;
use rampart_protocol::{Address, Domain, ServiceId};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::RwLock;
use std::time::Duration;

/// The scheme's name in x402.
pub const SCHEME: &str = "rampart-purchase";
/// x402's field for the offer, in base64 of its JSON.
const PAYMENT_REQUIRED: HeaderName = HeaderName::from_static("payment-required");
/// How often the nodes are asked while some offer is missing.
const RETRY: Duration = Duration::from_secs(2);

/// The offers of one sidecar.
#[derive(Debug)]
pub struct Offers {
    nodes: Option<NodeClient>,
    node_urls: Vec<String>,
    domain: Domain,
    asset: Option<Address>,
    refresh: Duration,
    services: Vec<ServiceId>,
    terms: RwLock<BTreeMap<ServiceId, ServiceView>>,
}

impl Offers {
    /// Offers of the configured services; without terms until [`Self::keep_fresh`] has run.
    #[must_use]
    pub fn new(config: &Config, domain: Domain) -> Self {
        Self {
            nodes: (!config.nodes.is_empty()).then(|| NodeClient::new(config.nodes.clone())),
            node_urls: config.nodes.clone(),
            domain,
            asset: config.asset,
            refresh: Duration::from_secs(config.offer_refresh_seconds),
            services: config.services.iter().map(|service| service.id).collect(),
            terms: RwLock::new(BTreeMap::new()),
        }
    }

    /// Reads the terms from the nodes again and again, until it is dropped.
    pub async fn keep_fresh(&self) -> Infallible {
        let Some(nodes) = &self.nodes else {
            return std::future::pending().await;
        };
        loop {
            let mut missing = false;
            for service in &self.services {
                match nodes.service(*service).await {
                    Ok(terms) => self.set(terms),
                    Err(error) => {
                        missing |= self.terms(*service).is_none();
                        tracing::debug!(%service, %error, "no terms from the operators");
                    }
                }
            }
            tokio::time::sleep(if missing {
                RETRY.min(self.refresh)
            } else {
                self.refresh
            })
            .await;
        }
    }

    /// Takes new terms of a service.
    pub fn set(&self, terms: ServiceView) {
        let mut all = self
            .terms
            .write()
            .expect("nothing panics while it holds this lock");
        all.insert(terms.id, terms);
    }

    fn terms(&self, service: ServiceId) -> Option<ServiceView> {
        let all = self
            .terms
            .read()
            .expect("nothing panics while it holds this lock");
        all.get(&service).cloned()
    }

    /// The answer to a request of `service` without a token: 402 and the offer.
    #[must_use]
    pub fn payment_required(&self, service: ServiceId) -> Reply {
        let refused = Refused::from(Refusal::PaymentRequired);
        let offer = self.to_json(&[service]);
        let encoded = Base64::encode_string(offer.to_string().as_bytes());
        let mut reply = reply::with_refusal(reply::json(reply::status(&refused), &offer), &refused);
        reply.headers_mut().insert(PAYMENT_REQUIRED, visible(&encoded));
        reply.headers_mut().insert(
            "link",
            HeaderValue::from_static("</.rampart/offer>; rel=\"payment\""),
        );
        reply
    }

    /// Every offer, for a caller that asks for it: 200.
    #[must_use]
    pub fn all(&self) -> Reply {
        reply::json(StatusCode::OK, &self.to_json(&self.services))
    }

    fn to_json(&self, services: &[ServiceId]) -> Value {
        let accepts: Vec<Value> = services
            .iter()
            .filter_map(|service| self.terms(*service))
            .filter(|terms| terms.active)
            .map(|terms| self.accepted(&terms))
            .collect();
        let error = if accepts.is_empty() {
            "payment_required: this service cannot be bought at the moment"
        } else {
            "payment_required: buy a package of this service and sign the request with its access key"
        };
        json!({ "x402Version": 2, "error": error, "accepts": accepts })
    }

    fn accepted(&self, terms: &ServiceView) -> Value {
        let fee = terms.fee.to_string();
        let mut accepted = json!({
            "scheme": SCHEME,
            "network": format!("eip155:{}", self.domain.chain_id),
            "payTo": self.domain.settlement,
            "amount": fee,
            "maxAmountRequired": fee,
            "resource": terms.endpoint,
            "description": terms.description,
            "mimeType": "application/json",
            "extra": {
                "provider": terms.provider,
                "providerName": terms.provider_name,
                "service": terms.id,
                "category": terms.category,
                "version": terms.version,
                "requests": terms.requests,
                "fee": fee,
                "minDuration": terms.min_duration,
                "maxDuration": terms.max_duration,
                "settlement": self.domain.settlement,
                "howToBuy": self.how_to_buy(),
            },
        });
        if let Some(asset) = self.asset {
            accepted["asset"] = json!(asset);
        }
        accepted
    }

    fn how_to_buy(&self) -> Value {
        json!({
            "nodes": self.node_urls,
            "submit": "POST /v1/transactions",
            "domain": {
                "name": "Rampart",
                "version": "1",
                "chainId": self.domain.chain_id,
                "verifyingContract": self.domain.settlement,
            },
            "message": "Purchase(address consumer,uint64 provider,uint64 service,uint32 version,uint128 fee,bytes32 accessKey,uint64 expiresAt,uint64 nonce)",
            "confirmation": "GET /v1/purchases/{id}/confirmation, then once: Rampart-Confirmation: :base64:, or POST /.rampart/confirmations",
            "requests": "sign each one with the access key: RFC 9421, tag \"rampart-v1\", keyid = purchase id, nonce = 1, 2, 3, ...",
        })
    }
}
