//! Services and their terms (V3, O2). Each version's terms are kept, so that a purchase can be read on those that it was
//! made on.

use super::funds::{debit_with_storage, next};
use super::text::{check_endpoint, check_text};
use super::{bundle, check_owner, own_provider};
use crate::apply::Prepared;
use crate::draft::Draft;
use crate::event::Event;
use crate::fault::Fault;
use crate::key::Key;
use crate::params::Params;
use crate::record::{Provider, Service, Terms};
use crate::reject::Reject;
use crate::view::View;
use rampart_protocol::message::{RegisterService, UpdateService};
use rampart_protocol::{Amount, ServiceId};

/// Offers a service of the signer's provider.
pub(super) fn register<V: View>(
    draft: &mut Draft<'_, V>,
    prepared: &Prepared,
    m: &RegisterService,
) -> Result<(), Fault> {
    let id = draft.globals.next_service;
    let terms = Terms {
        service: id,
        version: 1,
        since: draft.now(),
        category: m.category,
        description: m.description.clone(),
        endpoint: m.endpoint.clone(),
        openapi: m.openapi,
        requests: m.requests,
        fee: m.fee,
        min_duration: m.min_duration,
        max_duration: m.max_duration,
        components: m.components.clone(),
        upstream_key: m.upstream_key,
        active: true,
    };
    check_terms(&draft.params, prepared, &terms)?;
    bundle::check(draft, &terms)?;
    let mut provider = own_provider(draft, prepared.signer(), m.provider)?;
    let limit = draft.params.services_max.0;
    if provider.services >= limit {
        return Err(Reject::TooManyServices { limit }.into());
    }
    provider.services += 1;
    provider.active_services += 1;
    draft.globals.next_service = ServiceId(next(id.0, "the number of services")?);
    draft.put(provider);
    draft.put(offer(&terms, m.provider));
    draft.put(terms);
    draft.emit(Event::ServiceRegistered {
        service: id,
        provider: m.provider,
    });
    Ok(())
}

/// Replaces a service's terms; whoever signed a purchase of the earlier version is refused, not surprised.
pub(super) fn update<V: View>(
    draft: &mut Draft<'_, V>,
    prepared: &Prepared,
    m: &UpdateService,
) -> Result<(), Fault> {
    let mut terms = Terms {
        service: m.service,
        version: 0,
        since: draft.now(),
        category: m.category,
        description: m.description.clone(),
        endpoint: m.endpoint.clone(),
        openapi: m.openapi,
        requests: m.requests,
        fee: m.fee,
        min_duration: m.min_duration,
        max_duration: m.max_duration,
        components: m.components.clone(),
        upstream_key: m.upstream_key,
        active: m.active,
    };
    check_terms(&draft.params, prepared, &terms)?;
    // A service that is retired needs nothing of what it bundled.
    if m.active {
        bundle::check(draft, &terms)?;
    }
    let before = draft.service(m.service)?;
    let mut provider: Provider = draft.existing(
        &Key::provider(before.provider),
        "a service names a provider that does not exist",
    )?;
    check_owner(&provider, prepared.signer())?;
    terms.version = before.version.checked_add(1).ok_or(Reject::Overflow {
        what: "the service's version",
    })?;
    debit_with_storage(draft, prepared.signer(), Amount::ZERO)?;
    if before.active != m.active {
        let others = provider.active_services.saturating_sub(u32::from(before.active));
        provider.active_services = others + u32::from(m.active);
        draft.put(provider);
    }
    draft.put(Service {
        down: before.down,
        outages: before.outages,
        ..offer(&terms, before.provider)
    });
    draft.emit(Event::ServiceUpdated {
        service: before.id,
        provider: before.provider,
        version: terms.version,
        active: m.active,
    });
    draft.put(terms);
    Ok(())
}

/// What a purchase needs of the terms.
fn offer(terms: &Terms, provider: rampart_protocol::ProviderId) -> Service {
    Service {
        id: terms.service,
        provider,
        version: terms.version,
        requests: terms.requests,
        fee: terms.fee,
        min_duration: terms.min_duration,
        max_duration: terms.max_duration,
        active: terms.active,
        components: terms.components.clone(),
        upstream_key: terms.upstream_key,
        down: 0,
        outages: 0,
    }
}

/// What is wrong with the terms by themselves, in the order of the rejections.
fn check_terms(params: &Params, prepared: &Prepared, terms: &Terms) -> Result<(), Reject> {
    check_text("the description", &terms.description, true)?;
    if !terms.endpoint.is_empty() {
        check_endpoint(&terms.endpoint)?;
    }
    if terms.requests == 0 {
        return Err(Reject::NoRequests {});
    }
    let (fee, least) = (terms.fee, params.fee_min);
    if fee < least {
        return Err(Reject::FeeTooLow { fee, least });
    }
    let (min, max) = (terms.min_duration, terms.max_duration);
    let (least, most) = (params.duration_min, params.duration_max);
    if min < least || max > most || min > max {
        return Err(Reject::BadDurations {
            min,
            max,
            least,
            most,
        });
    }
    if !prepared.key_is_good() {
        return Err(Reject::BadAccessKey {});
    }
    Ok(())
}
