//! Availability (P3, V4): operators' bitmaps, their median by stake, and what an outage costs.
//!
//! An operator's bit says that the service answered less than `availability_min` of its probes. The median, by stake, of the
//! operators' figures is under that bar exactly when operators with more than half of the stake say so, and an operator
//! that says nothing counts as having seen no fault. So the bit is all that the ledger needs of a figure, and the
//! outage is established by the report that passes one half.

use super::expulsion;
use super::rewards::Beneficiary;
use super::slash::slash_to_pool;
use crate::draft::Draft;
use crate::event::Event;
use crate::fault::Fault;
use crate::key::Key;
use crate::math::ppm_of_up;
use crate::record::{
    AvailabilityPage, AvailabilityReport, OperatorSet, Provider, SERVICES_PER_PAGE, Service, Status,
};
use crate::reject::Reject;
use crate::view::{View, read};
use alloc::sync::Arc;
use alloc::vec::Vec;
use rampart_protocol::message::ReportAvailability;
use rampart_protocol::{Address, ServiceId};

/// Takes an operator's bitmap of one page.
pub(super) fn report<V: View>(
    draft: &mut Draft<'_, V>,
    signer: Address,
    m: &ReportAvailability,
) -> Result<(), Fault> {
    let operator = draft.operator(&signer)?.filter(|operator| operator.stake > 0);
    let mut operator = operator.ok_or(Reject::NotOperator { signer })?;
    let known: Option<AvailabilityPage> = draft.find(&Key::availability(m.epoch, m.page))?;
    let reported = |page: &AvailabilityPage| page.reports.iter().any(|r| r.operator == signer);
    if known.as_ref().is_some_and(reported) {
        return Err(Reject::AlreadyReported {
            signer,
            epoch: m.epoch,
            page: m.page,
        }
        .into());
    }
    let epoch = draft.globals.epoch;
    if u64::from(m.page) >= epoch.pages {
        return Err(Reject::UnknownPage {
            page: m.page,
            pages: epoch.pages,
        }
        .into());
    }
    let reportable = epoch.number.saturating_sub(1);
    if epoch.number == 0 || m.epoch != reportable {
        return Err(Reject::WrongEpoch {
            got: m.epoch,
            reportable,
        }
        .into());
    }
    let mut page = match known {
        Some(page) => page,
        None => AvailabilityPage {
            epoch: m.epoch,
            page: m.page,
            total_stake: 0,
            reports: Vec::new(),
        },
    };
    let set: OperatorSet = draft.existing(&Key::operator_set(), "genesis was not applied")?;
    page.total_stake = page.total_stake.max(set.total_stake());
    let this = epoch.number.saturating_add(1);
    operator.reports = if operator.reporting == this {
        operator.reports
    } else {
        0
    };
    operator.reports = operator.reports.saturating_add(1);
    operator.reporting = this;
    let report = AvailabilityReport {
        operator: signer,
        stake: operator.stake,
        down: m.down,
    };
    draft.put(operator);
    page.reports.push(report);
    draft.emit(Event::AvailabilityReported {
        operator: signer,
        epoch: m.epoch,
        page: m.page,
        down: m.down.iter().map(|byte| byte.count_ones()).sum(),
    });
    for place in (0..SERVICES_PER_PAGE).filter(|place| report.is_down(*place)) {
        if let Some(enforcers) = majority(&page, &set, place) {
            let id = u64::from(m.page) * SERVICES_PER_PAGE + place + 1;
            fail(draft, ServiceId(id), m.epoch, &enforcers)?;
        }
    }
    draft.put(page);
    Ok(())
}

/// Those who say that a service was down, if they have more than half of the stake. Stake that has left since an operator
/// reported counts no more, or stake that moves on to the next reporter would count twice.
fn majority(page: &AvailabilityPage, set: &OperatorSet, place: u64) -> Option<Vec<Beneficiary>> {
    let says = page.reports.iter().filter(|report| report.is_down(place));
    let says: Vec<Beneficiary> = says
        .map(|report| Beneficiary {
            operator: report.operator,
            stake: report.stake.min(set.stake_of(&report.operator)),
        })
        .collect();
    let stake = says.iter().fold(0u128, |sum, b| sum.saturating_add(b.stake));
    (stake > page.total_stake / 2).then_some(says)
}

/// A service was down for an epoch, which counts once. One that does not exist, is retired, or whose provider does not
/// sell, cannot be.
fn fail<V: View>(
    draft: &mut Draft<'_, V>,
    id: ServiceId,
    epoch: u64,
    enforcers: &[Beneficiary],
) -> Result<(), Fault> {
    let found: Option<Arc<Service>> = read(draft, &Key::service(id))?;
    let this = epoch.saturating_add(1);
    let Some(service) = found.filter(|service| service.active && service.down != this) else {
        return Ok(());
    };
    let mut service = Arc::unwrap_or_clone(service);
    let mut provider: Provider = draft.existing(
        &Key::provider(service.provider),
        "a service names a provider that does not exist",
    )?;
    if provider.status != Status::Active {
        return Ok(());
    }
    let row = if service.down == epoch { service.outages } else { 0 };
    service.outages = row.saturating_add(1);
    service.down = this;
    let overflow = |what| Reject::Overflow { what };
    let weight = draft.params.outage_weight.0;
    provider.negative =
        (provider.negative.add(weight, draft.score_steps())).ok_or(overflow("the provider's evidence"))?;
    draft.emit(Event::Outage {
        service: id,
        provider: provider.id,
        epoch,
        row: service.outages,
    });
    if service.outages >= draft.params.outage_epochs.0 {
        let amount = ppm_of_up(provider.stake, draft.params.slash_outage).ok_or(overflow("the slash"))?;
        slash_to_pool(draft, &mut provider, amount, enforcers)?;
    }
    draft.put(service);
    expulsion::accuse(draft, &mut provider)?;
    draft.put(provider);
    Ok(())
}
