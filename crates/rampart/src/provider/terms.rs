//! The terms of a service as the command line tells them, bundles included.

use crate::args::{SendArgs, tokens};
use crate::consumer::CategoryArg;
use crate::output;
use crate::session::{Session, applied, open};
use crate::submit::{digest, submit};
use alloy::signers::local::PrivateKeySigner;
use anyhow::Context;
use clap::Args;
use rampart_protocol::message::{Component, RegisterService, UpdateService};
use rampart_protocol::{AccessKey, Amount, B256, ProviderId, Seconds, ServiceId};
use serde_json::json;
use std::path::PathBuf;

/// The terms of a service.
#[derive(Clone, Debug, Args)]
pub struct Terms {
    /// Category.
    #[arg(long, default_value = "transaction-security")]
    pub category: CategoryArg,
    /// What it does.
    #[arg(long)]
    pub description: String,
    /// Base URL where this service is consumed; the provider's without it.
    #[arg(long, default_value = "")]
    pub endpoint: String,
    /// The service's OpenAPI document. Its keccak-256 digest is published, so that buyers can check the document that
    /// they are given.
    #[arg(long)]
    pub openapi: Option<PathBuf>,
    /// Requests in a package.
    #[arg(long)]
    pub requests: u64,
    /// Whole tokens for a package. A bundle's fee covers those of its components; what is left is the provider's.
    #[arg(long, value_parser = tokens)]
    pub fee: Amount,
    /// Shortest duration on sale, seconds.
    #[arg(long, default_value_t = 86_400)]
    pub min_duration: u64,
    /// Longest duration on sale, seconds.
    #[arg(long, default_value_t = 30 * 86_400)]
    pub max_duration: u64,
    /// A service to bundle, as SERVICE:VERSION:PACKAGES:USES; repeat it for several. Each purchase of the bundle buys
    /// PACKAGES packages of it in the provider's name, in the same transaction, and one request of the bundle may take
    /// USES of its requests. The version is pinned: when its provider changes the terms, the bundle cannot be bought
    /// until it is updated.
    #[arg(long = "component", value_name = "SERVICE:VERSION:PACKAGES:USES", value_parser = component, requires = "upstream_key")]
    pub components: Vec<Component>,
    /// Public Ed25519 key, 32 bytes in hexadecimal, with which the provider will sign its requests to the bundled
    /// services (see `rampart provider upstream-key`).
    #[arg(long, value_parser = access_key, requires = "components")]
    pub upstream_key: Option<AccessKey>,
}

/// One bundled service, `SERVICE:VERSION:PACKAGES:USES`.
fn component(text: &str) -> Result<Component, String> {
    let wrong =
        || format!("{text:?} is not SERVICE:VERSION:PACKAGES:USES, four numbers from 1 on, such as 3:1:1:2");
    let parts: Vec<&str> = text.split(':').collect();
    let [service, version, packages, uses] = parts[..] else {
        return Err(wrong());
    };
    let number = |text: &str| text.parse::<u32>().ok().filter(|n| *n > 0).ok_or_else(wrong);
    Ok(Component {
        service: ServiceId(service.parse().ok().filter(|id| *id > 0).ok_or_else(wrong)?),
        version: number(version)?,
        packages: number(packages)?,
        uses: number(uses)?,
    })
}

/// A public key on the command line. Whether it is a point of the curve, the ledger says.
fn access_key(text: &str) -> Result<AccessKey, String> {
    text.parse::<B256>()
        .map(AccessKey)
        .map_err(|error| format!("a public key is 32 bytes in hexadecimal: {error}"))
}

impl Terms {
    fn key(&self) -> AccessKey {
        self.upstream_key.unwrap_or_default()
    }
}

/// Offers a service and shows its id.
pub async fn offer(provider: ProviderId, terms: Terms, send: SendArgs) -> anyhow::Result<()> {
    let (session, signer) = open(&send.node, &send.key).await?;
    let id = register_service(&session, &signer, provider, terms, send.wait).await?;
    output::print(send.output, &json!({ "service": id }), |_| {
        vec![format!("service {id}")]
    })
}

/// Replaces a service's terms.
pub async fn update(service: ServiceId, terms: Terms, retire: bool, send: SendArgs) -> anyhow::Result<()> {
    let (openapi, upstream_key) = (digest(terms.openapi.as_deref())?, terms.key());
    let message = |nonce| UpdateService {
        service,
        category: terms.category.into(),
        description: terms.description,
        endpoint: terms.endpoint,
        openapi,
        requests: terms.requests,
        fee: terms.fee,
        min_duration: Seconds(terms.min_duration),
        max_duration: Seconds(terms.max_duration),
        components: terms.components,
        upstream_key,
        active: !retire,
        nonce,
    };
    submit(send, |nonce| message(nonce).into()).await
}

/// Registers a service and returns its id.
pub async fn register_service(
    session: &Session,
    signer: &PrivateKeySigner,
    provider: ProviderId,
    terms: Terms,
    wait: u64,
) -> anyhow::Result<ServiceId> {
    let (openapi, upstream_key) = (digest(terms.openapi.as_deref())?, terms.key());
    let message = RegisterService {
        provider,
        category: terms.category.into(),
        description: terms.description,
        endpoint: terms.endpoint,
        openapi,
        requests: terms.requests,
        fee: terms.fee,
        min_duration: Seconds(terms.min_duration),
        max_duration: Seconds(terms.max_duration),
        components: terms.components,
        upstream_key,
        nonce: session.nonce(signer).await?,
    };
    applied(&session.send(signer, message.into(), wait).await?)?;
    // A provider's newest service is its last; ids only grow.
    let (mut last, mut after) = (None, None::<String>);
    loop {
        let page = session
            .client
            .services(Some(provider), after.as_deref(), 200)
            .await?;
        last = page.services.last().map(|service| service.id).or(last);
        match page.next {
            Some(next) => after = Some(next),
            None => return last.context("the service is registered, but not listed"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_component_is_four_numbers_from_1_on() {
        let expected = Component {
            service: ServiceId(3),
            version: 1,
            packages: 2,
            uses: 4,
        };
        assert_eq!(component("3:1:2:4").unwrap(), expected);
        for wrong in [
            "",
            "3",
            "3:1:2",
            "3:1:2:4:5",
            "0:1:1:1",
            "3:0:1:1",
            "3:1:0:1",
            "3:1:1:0",
            "3:1:1:4294967296",
            "a:1:1:1",
            "3:-1:1:1",
            "3: 1:1:1",
        ] {
            let error = component(wrong).unwrap_err();
            assert!(
                error.contains("SERVICE:VERSION:PACKAGES:USES"),
                "{wrong}: {error}"
            );
        }
    }
}
