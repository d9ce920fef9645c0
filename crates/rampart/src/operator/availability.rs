//! An operator's availability report: which services were down in the epoch that ended, as bitmaps of 256 services.

use crate::session::{Session, applied};
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, ensure};
use rampart_client::ClientError;
use rampart_node::monitor::tally::bitmaps;
use rampart_protocol::message::ReportAvailability;
use rampart_protocol::{B256, ServiceId};
use serde::Serialize;

/// The ledger's rejection of a page that the operator has reported before.
const ALREADY_REPORTED: u16 = 58;

/// One page, as it was reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reported {
    /// The epoch that was observed.
    pub epoch: u64,
    /// The page.
    pub page: u32,
    /// The services that were down; none when the page had been reported before, and stays as it was.
    pub down: Option<B256>,
    /// Height at which it was applied; none likewise.
    pub height: Option<u64>,
}

/// Reports every page of the epoch that ended last. A page that was reported before stays as it was, so that a report
/// that was interrupted can be finished.
pub async fn report(
    session: &Session,
    signer: &PrivateKeySigner,
    down: &[ServiceId],
    wait: u64,
) -> anyhow::Result<Vec<Reported>> {
    let running = session.client.current_epoch().await?;
    let epoch = running.number.checked_sub(1);
    let epoch = epoch.context("no epoch has ended yet: there is nothing to report")?;
    let pages = u32::try_from(running.pages).context("the epoch has more pages than can be reported")?;
    ensure!(
        pages > 0,
        "there was no service when epoch {epoch} ended: nothing is to be reported of it"
    );
    let mut reported = Vec::new();
    for (page, down) in (0..).zip(bitmaps(down.iter().copied(), pages)?) {
        let message = ReportAvailability {
            epoch,
            page,
            down,
            nonce: session.nonce(signer).await?,
        };
        let height = match session.send(signer, message.into(), wait).await {
            Ok(submitted) => Some(applied(&submitted)?),
            Err(error) if is_known(&error) => None,
            Err(error) => return Err(error),
        };
        reported.push(Reported {
            epoch,
            page,
            down: height.map(|_| down),
            height,
        });
    }
    Ok(reported)
}

/// Whether the ledger has the page already.
fn is_known(error: &anyhow::Error) -> bool {
    let refused = error.downcast_ref::<ClientError>();
    matches!(refused, Some(ClientError::Refused { error, .. }) if error.code == Some(ALREADY_REPORTED))
}
