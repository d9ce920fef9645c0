//! The threat vendor: phishing domains and malicious addresses, from lists.
//!
//! It flags a listed recipient, listed addresses inside calldata and EIP-7702 authorizations, a listed sender, and the
//! application's domain. It looks at nothing on a chain: what a transaction does is the simulation vendor's question.

use crate::VendorError;
use crate::addresses::AddressBook;
use crate::calldata::{Calls, windows};
use crate::config::ThreatConfig;
use crate::http::{ApiError, openapi, parse, with_common};
use crate::listener::Bound;
use crate::phishing::{DomainVerdict, PhishingList, normalise};
use crate::request::{Candidate, ScreenRequest};
use crate::verdict::{Action, Finding, Severity, Verdict};
use alloy::primitives::Address;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::Json;
use axum::routing::post;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Loads the lists and listens.
///
/// # Errors
/// When a list cannot be used or the address cannot be bound.
pub async fn bind_threat(config: ThreatConfig) -> Result<Bound, VendorError> {
    let phishing = config
        .phishing_list
        .as_deref()
        .map(PhishingList::read)
        .transpose()?;
    let mut addresses = AddressBook::default();
    for path in &config.address_lists {
        addresses.add_file(path)?;
    }
    if config.reference_addresses {
        addresses.add_reference()?;
    }
    tracing::info!(
        addresses = addresses.len(),
        domains = phishing.as_ref().map_or(0, PhishingList::len),
        "threat lists loaded"
    );
    let vendor = Arc::new(Threat {
        name: config.name.clone(),
        phishing,
        addresses,
        similar_domain: config.similar_domain,
    });
    let router = Router::new()
        .route("/v1/screen", post(screen))
        .route("/v1/domain", post(domain))
        .with_state(vendor);
    let router = with_common(router, &config.name, document(), config.limits.body_bytes);
    Bound::new(config.listen, router, config.limits).await
}

/// Serves the threat vendor until `shutdown` completes.
///
/// # Errors
/// As [`bind_threat`].
pub async fn run_threat(config: ThreatConfig, shutdown: impl Future<Output = ()>) -> Result<(), VendorError> {
    let bound = bind_threat(config).await?;
    tracing::info!(address = %bound.local_addr(), "threat vendor listens");
    bound.serve(shutdown).await;
    Ok(())
}

#[derive(Debug)]
struct Threat {
    name: String,
    phishing: Option<PhishingList>,
    addresses: AddressBook,
    similar_domain: Action,
}

#[derive(Deserialize)]
struct DomainRequest {
    domain: String,
}

async fn screen(
    State(vendor): State<Arc<Threat>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Verdict>, ApiError> {
    let request: ScreenRequest = parse(body)?;
    let candidate = request
        .candidate()
        .map_err(|error| ApiError::bad_request(error.code(), error.to_string()))?;
    let mut findings = vendor.transaction(&candidate);
    // An origin without a domain (a wallet's own, or an address) is not a domain that could be listed.
    if let Some(Ok(domain)) = request.origin.as_deref().map(normalise) {
        findings.extend(vendor.domain(&domain));
    }
    Ok(Json(Verdict::of(&vendor.name, findings)))
}

async fn domain(
    State(vendor): State<Arc<Threat>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Verdict>, ApiError> {
    let request: DomainRequest = parse(body)?;
    let domain = normalise(&request.domain)
        .map_err(|error| ApiError::bad_request("malformed_domain", error.to_string()))?;
    Ok(Json(Verdict::of(
        &vendor.name,
        vendor.domain(&domain).into_iter().collect(),
    )))
}

impl Threat {
    fn transaction(&self, candidate: &Candidate) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut seen = BTreeSet::new();
        let mut check = |address: Address, path: &str, action| {
            let finding = self.listed(address, path, action)?;
            seen.insert(address).then_some(finding)
        };
        findings.extend(check(candidate.from, "from", Action::Block));
        for authorization in &candidate.authorizations {
            findings.extend(check(
                authorization.address,
                "authorization.address",
                Action::Block,
            ));
        }
        if let Some(to) = candidate.to {
            findings.extend(check(to, "to", Action::Block));
            let calls = Calls::of(to, &candidate.data);
            for mention in calls.mentions() {
                findings.extend(check(mention.address, &mention.path, Action::Block));
            }
            if calls.truncated {
                findings.push(not_fully_read());
            }
        }
        for address in windows(&candidate.data) {
            findings.extend(check(address, "data", Action::Block));
        }
        findings
    }

    fn listed(&self, address: Address, path: &str, action: Action) -> Option<Finding> {
        let entry = self.addresses.get(&address)?;
        let severity = if action == Action::Block {
            Severity::Critical
        } else {
            Severity::Medium
        };
        Some(Finding::new(
            action,
            severity,
            "LISTED_ADDRESS",
            format!(
                "{path} is {address}, listed as {} ({})",
                entry.label, entry.category
            ),
            json!({"address": address, "at": path, "entry": entry}),
        ))
    }

    fn domain(&self, domain: &str) -> Option<Finding> {
        let list = self.phishing.as_ref()?;
        let name = format!("eth-phishing-detect version {}", list.version());
        match list.check(domain) {
            DomainVerdict::Listed(entry) => Some(Finding::new(
                Action::Block,
                Severity::Critical,
                "PHISHING_DOMAIN",
                format!("{domain} is a listed phishing site"),
                json!({"domain": domain, "entry": entry, "list": name}),
            )),
            DomainVerdict::Similar { target, distance } => Some(Finding::new(
                self.similar_domain,
                Severity::High,
                "SIMILAR_DOMAIN",
                format!("{domain} resembles {target}"),
                json!({"domain": domain, "target": target, "distance": distance, "list": name}),
            )),
            DomainVerdict::Good(_) | DomainVerdict::Unknown => None,
        }
    }
}

fn not_fully_read() -> Finding {
    // What hides behind more calls than anyone needs is not let through for it.
    Finding::new(
        Action::Block,
        Severity::High,
        "NOT_FULLY_READ",
        "the transaction bundles more calls than were read".to_owned(),
        json!({"maxDepth": crate::calldata::MAX_DEPTH, "maxCalls": crate::calldata::MAX_CALLS}),
    )
}

fn document() -> serde_json::Value {
    let extra = json!({"/v1/domain": {"post": {
        "summary": "Screen one domain or origin",
        "requestBody": {"required": true, "content": {"application/json": {"schema":
            {"type": "object", "required": ["domain"], "properties": {"domain": {"type": "string"}}}}}},
        "responses": {
            "200": {"description": "A verdict", "content": {"application/json":
                {"schema": {"$ref": "#/components/schemas/Verdict"}}}},
            "400": {"description": "Not a domain"},
        },
    }}});
    openapi(
        "Threat intelligence",
        "Phishing domains and malicious addresses, from lists with provenance.",
        extra,
    )
}
