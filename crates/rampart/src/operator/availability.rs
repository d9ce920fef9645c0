//! An operator's availability report: which services were down in the epoch that ended, as bitmaps of 256 services.

use crate::session::{Session, applied};
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, ensure};
use rampart_client::ClientError;
use rampart_protocol::message::ReportAvailability;
use rampart_protocol::{B256, ServiceId};
use serde::Serialize;

/// Services that one page covers; the message's format.
const SERVICES_PER_PAGE: u64 = 256;
/// The ledger's rejection of a page that the operator has reported before.
const ALREADY_REPORTED: u16 = 58;

/// Why services cannot be told in bitmaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BitmapError {
    /// There is no such service among those that are reported.
    #[error("service {service} is not among the {services} services that the epoch's reports have room for")]
    Unknown {
        /// The service.
        service: ServiceId,
        /// The last service of the last page.
        services: u64,
    },
}

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

/// The bitmap of each page: bit `i` of page `p`, counted from the lowest bit of the first byte, stands for the service
/// `256 * p + 1 + i`.
///
/// # Errors
/// When a service is on none of the pages.
pub fn bitmaps(down: &[ServiceId], pages: u32) -> Result<Vec<B256>, BitmapError> {
    let services = u64::from(pages) * SERVICES_PER_PAGE;
    let mut bitmaps: Vec<B256> = (0..pages).map(|_| B256::ZERO).collect();
    for service in down {
        let unknown = BitmapError::Unknown {
            service: *service,
            services,
        };
        let place = service.0.checked_sub(1).ok_or(unknown)?;
        let page = usize::try_from(place / SERVICES_PER_PAGE).map_err(|_| unknown)?;
        let byte = usize::try_from(place % SERVICES_PER_PAGE / 8).map_err(|_| unknown)?;
        let bitmap = bitmaps.get_mut(page).ok_or(unknown)?;
        bitmap.0[byte] |= 1 << (place % 8);
    }
    Ok(bitmaps)
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
    for (page, down) in (0..).zip(bitmaps(down, pages)?) {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn services(ids: &[u64]) -> Vec<ServiceId> {
        ids.iter().copied().map(ServiceId).collect()
    }

    #[test]
    fn a_service_is_a_bit_of_its_page() {
        let pages = bitmaps(&services(&[1, 3, 17, 256, 257]), 2).unwrap();
        let mut first = [0; 32];
        (first[0], first[2], first[31]) = (0b101, 1, 0x80);
        let mut second = [0; 32];
        second[0] = 1;
        assert_eq!(pages, [B256::new(first), B256::new(second)]);
    }

    #[test]
    fn pages_without_an_outage_are_reported_too() {
        assert_eq!(bitmaps(&[], 3).unwrap(), [B256::ZERO; 3]);
        assert!(bitmaps(&[], 0).unwrap().is_empty());
        assert_eq!(
            bitmaps(&services(&[5, 5]), 1).unwrap(),
            bitmaps(&services(&[5]), 1).unwrap()
        );
    }

    #[test]
    fn a_service_on_no_page_is_refused() {
        for (id, pages) in [(0, 1), (257, 1), (1, 0), (u64::MAX, 2)] {
            let error = bitmaps(&services(&[id]), pages).unwrap_err();
            let services = u64::from(pages) * 256;
            assert_eq!(
                error,
                BitmapError::Unknown {
                    service: ServiceId(id),
                    services
                }
            );
        }
    }
}
