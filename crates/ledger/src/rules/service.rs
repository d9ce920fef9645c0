//! Services and their terms (V3, O2).

use super::{Tx, check_text, next};
use crate::draft::Draft;
use crate::event::Event;
use crate::fault::Fault;
use crate::key::Key;
use crate::params::Params;
use crate::record::{Provider, Service};
use crate::reject::Reject;
use crate::view::View;
use rampart_protocol::message::{RegisterService, UpdateService};
use rampart_protocol::{Amount, Seconds, ServiceId};

/// Offers a service of the signer's provider.
pub(super) fn register<V: View>(
    draft: &mut Draft<'_, V>,
    tx: &mut Tx<'_>,
    m: &RegisterService,
) -> Result<(), Fault> {
    check_terms(
        &tx.params,
        &m.description,
        m.requests,
        m.fee,
        (m.min_duration, m.max_duration),
    )?;
    let mut provider = tx.own_provider(draft, m.provider)?;
    let limit = tx.params.services_max.0;
    if provider.services >= limit {
        return Err(Reject::TooManyServices { limit }.into());
    }
    provider.services += 1;
    let id = tx.globals.next_service;
    tx.globals.next_service = ServiceId(next(id.0, "the number of services")?);
    draft.put(provider);
    draft.put(Service {
        id,
        provider: m.provider,
        version: 1,
        category: m.category,
        description: m.description.clone(),
        requests: m.requests,
        fee: m.fee,
        min_duration: m.min_duration,
        max_duration: m.max_duration,
        active: true,
    });
    draft.emit(Event::ServiceRegistered {
        service: id,
        provider: m.provider,
    });
    Ok(())
}

/// Replaces a service's terms; whoever signed a purchase of the earlier version is refused, not surprised.
pub(super) fn update<V: View>(draft: &mut Draft<'_, V>, tx: &Tx<'_>, m: &UpdateService) -> Result<(), Fault> {
    check_terms(
        &tx.params,
        &m.description,
        m.requests,
        m.fee,
        (m.min_duration, m.max_duration),
    )?;
    let before = draft.service(m.service)?;
    let provider: Provider = draft.existing(
        &Key::provider(before.provider),
        "a service names a provider that does not exist",
    )?;
    tx.check_owner(&provider)?;
    let version = before.version.checked_add(1).ok_or(Reject::Overflow {
        what: "the service's version",
    })?;
    draft.put(Service {
        id: before.id,
        provider: before.provider,
        version,
        category: m.category,
        description: m.description.clone(),
        requests: m.requests,
        fee: m.fee,
        min_duration: m.min_duration,
        max_duration: m.max_duration,
        active: m.active,
    });
    draft.emit(Event::ServiceUpdated {
        service: before.id,
        provider: before.provider,
        version,
        active: m.active,
    });
    Ok(())
}

fn check_terms(
    params: &Params,
    description: &str,
    requests: u64,
    fee: Amount,
    (min, max): (Seconds, Seconds),
) -> Result<(), Reject> {
    check_text("the description", description, true)?;
    if requests == 0 {
        return Err(Reject::NoRequests {});
    }
    if fee < params.fee_min {
        return Err(Reject::FeeTooLow {
            fee,
            least: params.fee_min,
        });
    }
    let (least, most) = (params.duration_min, params.duration_max);
    if min < least || max > most || min > max {
        return Err(Reject::BadDurations {
            min,
            max,
            least,
            most,
        });
    }
    Ok(())
}
