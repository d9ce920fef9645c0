//! `rampart provider`: register, stake, offer services, serve them, report usage, claim fees.

use crate::args::{NodeArgs, OutputArgs, SendArgs, tokens};
use crate::consumer::{CategoryArg, purchase_id};
use crate::session::{Session, applied, open};
use crate::{output, serve};
use alloy::signers::local::PrivateKeySigner;
use anyhow::Context;
use clap::{Args, Subcommand};
use rampart_protocol::message::{
    AddStake, Claim, RegisterProvider, RegisterService, ReportUsage, UpdateProvider, UpdateService,
};
use rampart_protocol::{Amount, Message, ProviderId, PurchaseId, Seconds, ServiceId};
use rampart_sidecar::admin::{UsagePage, UsageView};
use serde_json::json;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Register as a provider and transfer its stake.
    Register {
        /// Name shown to consumers.
        #[arg(long)]
        name: String,
        /// Base URL where consumers call: the sidecar.
        #[arg(long)]
        endpoint: String,
        /// Whole tokens to stake.
        #[arg(long, value_parser = tokens)]
        stake: Amount,
        #[command(flatten)]
        send: SendArgs,
    },
    /// Change name and endpoint.
    Update {
        /// The provider.
        #[arg(long)]
        provider: u64,
        /// New name.
        #[arg(long)]
        name: String,
        /// New base URL.
        #[arg(long)]
        endpoint: String,
        #[command(flatten)]
        send: SendArgs,
    },
    /// Add to the stake.
    Stake {
        /// The provider.
        #[arg(long)]
        provider: u64,
        /// Whole tokens to add.
        #[arg(value_parser = tokens)]
        amount: Amount,
        #[command(flatten)]
        send: SendArgs,
    },
    /// Offer a service.
    Offer {
        /// The provider.
        #[arg(long)]
        provider: u64,
        #[command(flatten)]
        terms: Terms,
        #[command(flatten)]
        send: SendArgs,
    },
    /// Replace a service's terms; purchases keep those they were bought on.
    UpdateService {
        /// The service.
        #[arg(long)]
        service: u64,
        #[command(flatten)]
        terms: Terms,
        /// Take it off the market.
        #[arg(long)]
        retire: bool,
        #[command(flatten)]
        send: SendArgs,
    },
    /// Show stake, score, escrow and what can be claimed.
    Show {
        /// The provider.
        provider: u64,
        #[command(flatten)]
        node: NodeArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// List the purchases of a provider's services.
    Purchases {
        /// The provider.
        provider: u64,
        /// Cursor of the last row seen.
        #[arg(long)]
        after: Option<u64>,
        #[command(flatten)]
        node: NodeArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Run the sidecar that serves and meters purchases.
    Serve {
        /// Its configuration (TOML).
        #[arg(long)]
        config: PathBuf,
    },
    /// Report what the sidecar metered, proven by the consumers' signatures.
    Report {
        /// The sidecar's admin address.
        #[arg(long, default_value = "http://127.0.0.1:8601")]
        sidecar_admin: String,
        /// Only this purchase.
        #[arg(long, value_parser = purchase_id)]
        purchase: Option<PurchaseId>,
        #[command(flatten)]
        send: SendArgs,
    },
    /// Claim the fees whose waiting period is over.
    Claim {
        /// The provider.
        #[arg(long)]
        provider: u64,
        #[command(flatten)]
        send: SendArgs,
    },
}

/// The terms of a service.
#[derive(Clone, Debug, Args)]
pub struct Terms {
    /// Category.
    #[arg(long, default_value = "transaction-security")]
    pub category: CategoryArg,
    /// What it does.
    #[arg(long)]
    pub description: String,
    /// Requests in a package.
    #[arg(long)]
    pub requests: u64,
    /// Whole tokens for a package.
    #[arg(long, value_parser = tokens)]
    pub fee: Amount,
    /// Shortest duration on sale, seconds.
    #[arg(long, default_value_t = 86_400)]
    pub min_duration: u64,
    /// Longest duration on sale, seconds.
    #[arg(long, default_value_t = 30 * 86_400)]
    pub max_duration: u64,
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Register {
            name,
            endpoint,
            stake,
            send,
        } => {
            let (session, signer) = open(&send.node, &send.key).await?;
            let nonce = session.nonce(&signer).await?;
            let message = RegisterProvider {
                name,
                endpoint,
                stake,
                nonce,
            }
            .into();
            let height = applied(&session.send(&signer, message, send.wait).await?)?;
            let provider = session.client.account(signer.address()).await?.provider;
            let id = provider.context("the registration is applied, but the account owns no provider")?;
            output::print(send.output, &json!({ "provider": id, "height": height }), |_| {
                vec![format!("provider {id} at height {height}")]
            })
        }
        Command::Update {
            provider,
            name,
            endpoint,
            send,
        } => {
            submit(send, |nonce| {
                UpdateProvider {
                    provider: ProviderId(provider),
                    name,
                    endpoint,
                    nonce,
                }
                .into()
            })
            .await
        }
        Command::Stake {
            provider,
            amount,
            send,
        } => {
            submit(send, |nonce| {
                AddStake {
                    provider: ProviderId(provider),
                    amount,
                    nonce,
                }
                .into()
            })
            .await
        }
        Command::Offer {
            provider,
            terms,
            send,
        } => offer(ProviderId(provider), terms, send).await,
        Command::UpdateService {
            service,
            terms,
            retire,
            send,
        } => {
            let message = |nonce| UpdateService {
                service: ServiceId(service),
                category: terms.category.into(),
                description: terms.description,
                requests: terms.requests,
                fee: terms.fee,
                min_duration: Seconds(terms.min_duration),
                max_duration: Seconds(terms.max_duration),
                active: !retire,
                nonce,
            };
            submit(send, |nonce| message(nonce).into()).await
        }
        Command::Show {
            provider,
            node,
            output,
        } => show(ProviderId(provider), &node, output).await,
        Command::Purchases {
            provider,
            after,
            node,
            output,
        } => {
            let session = Session::open(&node).await?;
            let page = session
                .client
                .purchases_of(ProviderId(provider), after, 200)
                .await?;
            output::print(output, &page, |page| {
                let line = |purchase: &rampart_protocol::api::PurchaseView| {
                    let record = &purchase.record;
                    format!(
                        "{}  service {} by {}, used {} of {}, expires {}",
                        record.id,
                        record.service,
                        record.consumer,
                        purchase.used,
                        record.requests,
                        record.expires_at
                    )
                };
                page.purchases
                    .iter()
                    .map(line)
                    .chain(page.next.map(|next| format!("more: --after {next}")))
                    .collect()
            })
        }
        Command::Serve { config } => serve::sidecar(serve::ServiceCommand::Run { config }).await,
        Command::Report {
            sidecar_admin,
            purchase,
            send,
        } => {
            let (session, signer) = open(&send.node, &send.key).await?;
            let reports = report(&session, &signer, &sidecar_admin, purchase, send.wait).await?;
            output::print(send.output, &reports, |reports| {
                reports
                    .iter()
                    .map(|(id, used)| format!("{id}  {used} used"))
                    .collect()
            })
        }
        Command::Claim { provider, send } => {
            submit(send, |nonce| {
                Claim {
                    provider: ProviderId(provider),
                    nonce,
                }
                .into()
            })
            .await
        }
    }
}

async fn submit(
    send: SendArgs,
    message: impl FnOnce(rampart_protocol::Nonce) -> Message,
) -> anyhow::Result<()> {
    let (session, signer) = open(&send.node, &send.key).await?;
    let message = message(session.nonce(&signer).await?);
    let name = message.name();
    let submitted = session.send(&signer, message, send.wait).await?;
    let height = applied(&submitted)?;
    output::print(send.output, &submitted, |_| {
        vec![format!("{name} applied at height {height}")]
    })
}

async fn offer(provider: ProviderId, terms: Terms, send: SendArgs) -> anyhow::Result<()> {
    let (session, signer) = open(&send.node, &send.key).await?;
    let id = register_service(&session, &signer, provider, terms, send.wait).await?;
    output::print(send.output, &json!({ "service": id }), |_| {
        vec![format!("service {id}")]
    })
}

/// Registers a service and returns its id.
pub async fn register_service(
    session: &Session,
    signer: &PrivateKeySigner,
    provider: ProviderId,
    terms: Terms,
    wait: u64,
) -> anyhow::Result<ServiceId> {
    let message = RegisterService {
        provider,
        category: terms.category.into(),
        description: terms.description,
        requests: terms.requests,
        fee: terms.fee,
        min_duration: Seconds(terms.min_duration),
        max_duration: Seconds(terms.max_duration),
        nonce: session.nonce(signer).await?,
    };
    applied(&session.send(signer, message.into(), wait).await?)?;
    // A provider's newest service is its last; ids only grow.
    let (mut last, mut after) = (None, None);
    loop {
        let page = session.client.services(Some(provider), after, 200).await?;
        last = page.services.last().map(|service| service.id).or(last);
        match page.next {
            Some(next) => after = Some(next),
            None => return last.context("the service is registered, but not listed"),
        }
    }
}

async fn show(provider: ProviderId, node: &NodeArgs, output: OutputArgs) -> anyhow::Result<()> {
    let view = Session::open(node).await?.client.provider(provider).await?;
    output::print(output, &view, |view| {
        vec![
            format!("{} ({}), {}", view.name, view.id, view.status),
            format!("owner      {}", view.owner),
            format!("endpoint   {}", view.endpoint),
            format!("score      {} ppm", view.score),
            format!(
                "stake      {} tokens, {} required",
                view.stake.to_tokens(),
                view.required_stake.to_tokens()
            ),
            format!(
                "escrow     {} tokens, {} claimable",
                view.escrow.to_tokens(),
                view.claimable.to_tokens()
            ),
            format!("wait       {} seconds", view.wait),
            format!("purchases  {}", view.purchases),
        ]
    })
}

/// Reports what a sidecar metered and the ledger does not know yet; returns each purchase with its use.
pub async fn report(
    session: &Session,
    signer: &PrivateKeySigner,
    sidecar_admin: &str,
    only: Option<PurchaseId>,
    wait: u64,
) -> anyhow::Result<Vec<(PurchaseId, u64)>> {
    let mut reports = Vec::new();
    for usage in usage(sidecar_admin).await? {
        let Some(proof) = usage
            .report
            .filter(|_| only.is_none_or(|only| only == usage.purchase))
        else {
            continue;
        };
        let known = session.client.purchase(usage.purchase).await?.used;
        if proof.used.0 > known {
            let message = ReportUsage {
                purchase: usage.purchase,
                used: proof.used,
                voucher: proof.voucher,
                signature: proof.signature,
                nonce: session.nonce(signer).await?,
            };
            applied(&session.send(signer, message.into(), wait).await?)?;
        }
        reports.push((usage.purchase, proof.used.0));
    }
    Ok(reports)
}

/// Every purchase that a sidecar has metered.
pub async fn usage(sidecar_admin: &str) -> anyhow::Result<Vec<UsageView>> {
    let base = sidecar_admin.trim_end_matches('/');
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let url = format!("{base}/.rampart/usage?limit=1000{after}");
        let response = reqwest::get(&url)
            .await
            .with_context(|| format!("the sidecar's admin port {base} does not answer"))?;
        let page: UsagePage = response.error_for_status()?.json().await?;
        all.extend(page.usage);
        match page.next {
            Some(next) => after = format!("&after={next}"),
            None => return Ok(all),
        }
    }
}
