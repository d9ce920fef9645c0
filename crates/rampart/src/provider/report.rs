//! Reports of use: what a sidecar metered, proven by the consumers' signatures, becomes known to the ledger.

use crate::session::{Session, applied};
use alloy::signers::local::PrivateKeySigner;
use anyhow::Context;
use rampart_protocol::PurchaseId;
use rampart_protocol::message::ReportUsage;
use rampart_sidecar::admin::{UsagePage, UsageView};

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
