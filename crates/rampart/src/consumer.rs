//! `rampart consumer`: find services, buy packages, keep and verify their confirmations.

use crate::args::{NodeArgs, OutputArgs, SendArgs};
use crate::session::{Session, applied, open, read_operators};
use crate::{clock, output};
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, bail, ensure};
use clap::{Subcommand, ValueEnum};
use rampart_client::{ClientError, verify_confirmation};
use rampart_gateway::wallet::Wallet;
use rampart_protocol::PurchaseRecord;
use rampart_protocol::api::ServiceView;
use rampart_protocol::message::Purchase;
use rampart_protocol::{B256, Confirmation, Message, ProviderId, PurchaseId, Seconds, ServiceId, Timestamp};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List services on offer.
    Services {
        /// Only of this provider.
        #[arg(long)]
        provider: Option<u64>,
        /// Only of this category.
        #[arg(long)]
        category: Option<CategoryArg>,
        #[command(flatten)]
        node: NodeArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Buy one package of a service; its confirmation and access key go to the wallet directory.
    Buy {
        /// The service.
        #[arg(long)]
        service: u64,
        /// Seconds until it expires; the longest on offer without it.
        #[arg(long)]
        duration: Option<u64>,
        /// Directory of purchases, which a gateway reads.
        #[arg(long, env = "RAMPART_WALLET", default_value = "purchases")]
        wallet: PathBuf,
        #[command(flatten)]
        send: SendArgs,
    },
    /// List the purchases in a wallet directory, with what the ledger knows of their use.
    List {
        /// Directory of purchases.
        #[arg(long, env = "RAMPART_WALLET", default_value = "purchases")]
        wallet: PathBuf,
        #[command(flatten)]
        node: NodeArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Fetch the confirmations of purchases that were sent before something went wrong.
    Resume {
        /// Directory of purchases.
        #[arg(long, env = "RAMPART_WALLET", default_value = "purchases")]
        wallet: PathBuf,
        #[command(flatten)]
        node: NodeArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Verify a confirmation offline against an operator set: a purchase file, or the JSON of a confirmation.
    Verify {
        /// The file.
        file: PathBuf,
        /// JSON file with the operator set.
        #[arg(long, env = "RAMPART_OPERATORS")]
        operators: PathBuf,
        #[command(flatten)]
        output: OutputArgs,
    },
}

/// A category on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CategoryArg {
    /// Anything else with an API.
    General,
    /// dApp scanning, event engines, phishing detection.
    ProactiveMeasures,
    /// Simulation, malicious-transaction and malicious-address detection.
    TransactionSecurity,
    /// Asset recovery, victim support, revocation.
    IncidentResponse,
    /// Insurance, privacy, wallet health.
    UserProtection,
}

impl From<CategoryArg> for rampart_protocol::Category {
    fn from(category: CategoryArg) -> Self {
        match category {
            CategoryArg::General => Self::General,
            CategoryArg::ProactiveMeasures => Self::ProactiveMeasures,
            CategoryArg::TransactionSecurity => Self::TransactionSecurity,
            CategoryArg::IncidentResponse => Self::IncidentResponse,
            CategoryArg::UserProtection => Self::UserProtection,
        }
    }
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Services {
            provider,
            category,
            node,
            output,
        } => {
            let session = Session::open(&node).await?;
            let services = all_services(&session, provider.map(ProviderId), category).await?;
            output::print(output, &services, |services| {
                services.iter().flat_map(describe).collect()
            })
        }
        Command::Buy {
            service,
            duration,
            wallet,
            send,
        } => {
            let (session, signer) = open(&send.node, &send.key).await?;
            let wallet = Wallet::new(wallet);
            let order = Order {
                service: ServiceId(service),
                duration: duration.map(Seconds),
            };
            let bought = buy(&session, &signer, &wallet, order, send.wait).await?;
            output::print(send.output, &bought.confirmation.record, |record| {
                vec![
                    format!("purchase {}", record.id),
                    format!(
                        "service  {} of provider {}, {} requests for {} tokens, until {}",
                        record.service,
                        record.provider,
                        record.requests,
                        record.fee.to_tokens(),
                        record.expires_at
                    ),
                    format!("stored   {}", bought.file.display()),
                ]
            })
        }
        Command::List { wallet, node, output } => list(&Wallet::new(wallet), &node, output).await,
        Command::Resume { wallet, node, output } => {
            let session = Session::open(&node).await?;
            let outcomes = resume(&session, &Wallet::new(wallet)).await?;
            output::print(output, &outcomes, |outcomes| {
                outcomes
                    .iter()
                    .map(|(id, outcome)| format!("{id}  {outcome}"))
                    .collect()
            })
        }
        Command::Verify {
            file,
            operators,
            output,
        } => {
            let confirmation = read_confirmation(&file)?;
            verify_confirmation(&confirmation, &read_operators(&operators)?)?;
            output::print(output, &confirmation.record, |record| {
                vec![format!(
                    "valid: {} bought {} requests of service {} for {} tokens at height {}",
                    record.consumer,
                    record.requests,
                    record.service,
                    record.fee.to_tokens(),
                    confirmation.header.height
                )]
            })
        }
    }
}

fn describe(service: &ServiceView) -> Vec<String> {
    let state = if service.active { "" } else { "  (retired)" };
    let (shortest, longest) = (duration(service.min_duration), duration(service.max_duration));
    vec![
        format!(
            "{:>4}  {} requests for {} tokens, {} by {} (score {}.{:02}){state}",
            service.id,
            service.requests,
            service.fee.to_tokens(),
            service.category.name(),
            service.provider_name,
            service.score.0 / 1_000_000,
            service.score.0 % 1_000_000 / 10_000,
        ),
        format!(
            "      {}; valid {shortest} to {longest}; {}",
            service.description, service.endpoint
        ),
    ]
}

/// A duration in its largest whole unit.
pub fn duration(seconds: Seconds) -> String {
    let units = [(86_400, "day"), (3600, "hour"), (60, "minute")];
    let fitting = units
        .into_iter()
        .find(|(size, _)| seconds.0 >= *size && seconds.0.is_multiple_of(*size));
    let (size, name) = fitting.unwrap_or((1, "second"));
    let count = seconds.0 / size;
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
}

async fn all_services(
    session: &Session,
    provider: Option<ProviderId>,
    category: Option<CategoryArg>,
) -> anyhow::Result<Vec<ServiceView>> {
    let (mut services, mut after) = (Vec::new(), None);
    loop {
        let page = session.client.services(provider, after, 200).await?;
        services.extend(page.services);
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    services.retain(|service| category.is_none_or(|category| service.category == category.into()));
    Ok(services)
}

/// What is bought.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// The service.
    pub service: ServiceId,
    /// Time until expiry; the longest on offer when absent.
    pub duration: Option<Seconds>,
}

/// A purchase in the wallet.
#[derive(Clone, Debug)]
pub struct Bought {
    /// Its proof, verified.
    pub confirmation: Confirmation,
    /// Its file.
    pub file: PathBuf,
}

/// Buys a package, waits for its confirmation, verifies it against the session's operators and stores it.
pub async fn buy(
    session: &Session,
    signer: &PrivateKeySigner,
    wallet: &Wallet,
    order: Order,
    wait: u64,
) -> anyhow::Result<Bought> {
    let service = session.client.service(order.service).await?;
    ensure!(service.active, "service {} is retired", service.id);
    // The block that executes the purchase is a little later than now, and the longest duration counts from there.
    let duration = order.duration.unwrap_or(service.max_duration);
    let access_key = wallet.create_key(rand::random())?;
    let purchase = Purchase {
        consumer: signer.address(),
        provider: service.provider,
        service: service.id,
        version: service.version,
        fee: service.fee,
        access_key,
        expires_at: Timestamp(clock::now()?.as_secs().saturating_add(duration.0)),
        nonce: session.nonce(signer).await?,
    };
    let id = purchase.id(&session.operators.domain);
    // Known before it is sent: whatever happens to this process then, `resume` finds what was paid for.
    let intended = PurchaseRecord {
        id,
        consumer: purchase.consumer,
        provider: purchase.provider,
        service: purchase.service,
        version: purchase.version,
        fee: purchase.fee,
        requests: service.requests,
        access_key,
        purchased_at: Timestamp(0),
        expires_at: purchase.expires_at,
    };
    let draft = wallet.save(&intended, None, &service.endpoint)?;
    let submitted = match session.send(signer, Message::from(purchase), wait).await {
        Err(error) if matches!(error.downcast_ref(), Some(ClientError::Refused { .. })) => {
            // Refused for good: nothing was paid, so there is nothing to find again.
            std::fs::remove_file(&draft).with_context(|| format!("cannot remove {}", draft.display()))?;
            return Err(error);
        }
        submitted => submitted?,
    };
    applied(&submitted)?;
    complete(session, wallet, id, &service.endpoint, wait).await
}

/// Puts the verified confirmation of an applied purchase into the wallet.
async fn complete(
    session: &Session,
    wallet: &Wallet,
    id: PurchaseId,
    sidecar: &str,
    wait: u64,
) -> anyhow::Result<Bought> {
    let confirmation = confirmation(session, id, wait).await?;
    verify_confirmation(&confirmation, &session.operators)?;
    let file = wallet.save(&confirmation.record, Some(&confirmation), sidecar)?;
    Ok(Bought { confirmation, file })
}

/// Completes the purchases in a wallet that were sent and whose confirmation never arrived.
async fn resume(session: &Session, wallet: &Wallet) -> anyhow::Result<Vec<(PurchaseId, String)>> {
    let mut outcomes = Vec::new();
    for id in wallet.list()? {
        let stored = wallet.load(id)?;
        if stored.confirmation.is_none() {
            let outcome = match complete(session, wallet, id, &stored.sidecar, 0).await {
                Ok(_) => "confirmed".to_owned(),
                Err(error) => format!("not confirmed: {error:#}"),
            };
            outcomes.push((id, outcome));
        }
    }
    Ok(outcomes)
}

/// The confirmation of an applied purchase; its certificate may come a moment later.
pub async fn confirmation(session: &Session, id: PurchaseId, wait: u64) -> anyhow::Result<Confirmation> {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(wait);
    loop {
        match session.client.confirmation(id).await {
            Ok(confirmation) => return Ok(confirmation),
            Err(error) if error.is_not_found() && tokio::time::Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(error) => {
                return Err(error).context("the purchase is applied, its confirmation cannot be had");
            }
        }
    }
}

async fn list(wallet: &Wallet, node: &NodeArgs, output: OutputArgs) -> anyhow::Result<()> {
    let session = Session::open(node).await?;
    let mut rows = Vec::new();
    for id in wallet.list()? {
        let stored = wallet.load(id)?;
        let used = session
            .client
            .purchase(id)
            .await
            .map(|purchase| purchase.used)
            .ok();
        rows.push(json!({ "record": stored.record, "sidecar": stored.sidecar, "reportedUsed": used }));
    }
    output::print(output, &rows, |rows| {
        let line = |row: &serde_json::Value| {
            let record = &row["record"];
            format!(
                "{}  service {}, {} requests, expires {}, used {} as reported",
                record["id"].as_str().unwrap_or_default(),
                record["service"],
                record["requests"],
                record["expiresAt"],
                row["reportedUsed"]
            )
        };
        rows.iter().map(line).collect()
    })
}

/// Reads a confirmation from a wallet's purchase file, or from its own JSON.
fn read_confirmation(path: &Path) -> anyhow::Result<Confirmation> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let value: serde_json::Value =
        serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))?;
    match value.get("confirmation") {
        Some(serde_json::Value::String(hex)) => {
            let bytes: rampart_protocol::Bytes =
                hex.parse().context("the confirmation is not hexadecimal")?;
            Ok(Confirmation::from_bytes(&bytes)?)
        }
        Some(_) => bail!("{} holds a purchase that is not confirmed yet", path.display()),
        None => {
            serde_json::from_value(value).with_context(|| format!("{} holds no confirmation", path.display()))
        }
    }
}

/// A purchase id on the command line.
pub fn purchase_id(text: &str) -> Result<PurchaseId, String> {
    text.parse::<B256>()
        .map(PurchaseId)
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_in_their_largest_whole_unit() {
        for (seconds, text) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (90, "90 seconds"),
            (120, "2 minutes"),
            (86_400, "1 day"),
        ] {
            assert_eq!(duration(Seconds(seconds)), text);
        }
    }
}
