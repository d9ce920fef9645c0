//! Buying packages, and keeping and reading the confirmations that prove it.

use super::purchaser::Buyer;
use crate::args::{NodeArgs, OutputArgs};
use crate::session::{Session, applied};
use crate::{clock, output};
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, bail, ensure};
use rampart_client::ClientError;
use rampart_gateway::wallet::Wallet;
use rampart_protocol::message::Purchase;
use rampart_protocol::{Confirmation, Message, PurchaseId, PurchaseRecord, Seconds, ServiceId, Timestamp};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;

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
    buy_as(session, &Buyer::Wallet(signer), wallet, order, wait).await
}

/// As [`buy`], by the account's wallet or by a purchaser that it delegated to.
pub async fn buy_as(
    session: &Session,
    buyer: &Buyer<'_>,
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
        consumer: buyer.consumer(),
        provider: service.provider,
        service: service.id,
        version: service.version,
        fee: service.fee,
        access_key,
        expires_at: Timestamp(clock::now()?.as_secs().saturating_add(duration.0)),
        nonce: buyer.nonce(session).await?,
    };
    let id = purchase.id(&session.domain);
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
    let submitted = match buyer.send(session, Message::from(purchase), wait).await {
        Err(error) if is_final(&error) => {
            // Nothing was paid, so there is nothing to find again.
            std::fs::remove_file(&draft).with_context(|| format!("cannot remove {}", draft.display()))?;
            return Err(error);
        }
        submitted => submitted?,
    };
    applied(&submitted)?;
    complete(session, wallet, id, &service.endpoint, wait).await
}

/// The ledger's rejection of a nonce that was used: perhaps by this very purchase, sent through another operator before.
const STALE_NONCE: u16 = 3;

/// Whether the ledger has rejected a purchase for good. An operator that fails or is busy says nothing about it, nor does
/// one that knows the transaction already.
fn is_final(error: &anyhow::Error) -> bool {
    let refused = error.downcast_ref::<ClientError>();
    matches!(refused, Some(ClientError::Refused { error, .. }) if error.code.is_some_and(|code| code != STALE_NONCE))
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
    session.operators.verify(&confirmation).await?;
    let file = wallet.save(&confirmation.record, Some(&confirmation), sidecar)?;
    Ok(Bought { confirmation, file })
}

/// Completes the purchases in a wallet that were sent and whose confirmation never arrived.
pub async fn resume(session: &Session, wallet: &Wallet) -> anyhow::Result<Vec<(PurchaseId, String)>> {
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

/// Lists a wallet, with what the ledger knows of each purchase.
pub async fn list(wallet: &Wallet, node: &NodeArgs, output: OutputArgs) -> anyhow::Result<()> {
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
pub fn read_confirmation(path: &Path) -> anyhow::Result<Confirmation> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use rampart_protocol::api::ErrorView;

    #[test]
    fn only_a_rejection_of_the_ledger_makes_a_purchase_be_forgotten() {
        for (status, code, forgotten) in [
            (422, Some(100), true),
            (422, Some(STALE_NONCE), false),
            (409, None, false),
            (503, None, false),
            (504, None, false),
        ] {
            let error = ErrorView {
                name: String::new(),
                code,
                message: String::new(),
            };
            let error = anyhow::Error::from(ClientError::Refused { status, error });
            assert_eq!(is_final(&error), forgotten, "{status} {code:?}");
        }
        assert!(!is_final(&anyhow::anyhow!("the network is down")));
    }
}
