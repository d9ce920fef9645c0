//! Bundles (C8): a service composed of others' services. What may be composed, and what a purchase of it buys.
//!
//! A bundle pins the version of each service that it bundles. So its margin and its package hold as composed until a
//! component changes; then the bundle cannot be bought until its provider composes it anew, while purchases made keep
//! what they bought. Pins also make cycles unbuyable: each service of a cycle would have to be newer than the next.

use crate::draft::Draft;
use crate::fault::Fault;
use crate::key::Key;
use crate::record::{Provider, Service, Status, Terms};
use crate::reject::Reject;
use crate::view::{View, read};
use alloc::sync::Arc;
use alloc::vec::Vec;
use rampart_protocol::message::Component;
use rampart_protocol::{Amount, ServiceId};

/// Whether services can be bundled on these terms: each exists, is for sale in the version pinned, covers the bundle's
/// requests and durations, and is not, at any depth, the bundle itself; the fee covers theirs; and one purchase makes no
/// more than `components_max` others.
pub(super) fn check<V: View>(draft: &Draft<'_, V>, terms: &Terms) -> Result<(), Fault> {
    let mut upstream = Amount::ZERO;
    let mut seen: Vec<ServiceId> = Vec::new();
    for component in &terms.components {
        let bad = |reason| Reject::BadComponent {
            service: component.service,
            reason,
        };
        if seen.contains(&component.service) {
            return Err(bad("it is listed twice").into());
        }
        seen.push(component.service);
        if component.packages == 0 || component.uses == 0 {
            return Err(bad("packages and uses must be at least one").into());
        }
        let service = composable(draft, component)?;
        let needed = u128::from(terms.requests) * u128::from(component.uses);
        if needed > u128::from(service.requests) * u128::from(component.packages) {
            return Err(bad("its packages do not hold the bundle's requests").into());
        }
        if terms.min_duration < service.min_duration || terms.max_duration > service.max_duration {
            return Err(bad("it is not sold for the bundle's durations").into());
        }
        let fee = fee(component, &service).ok_or(bad("its fee exceeds what can be paid"))?;
        upstream = upstream
            .checked_add(fee)
            .filter(|sum| *sum <= terms.fee)
            .ok_or(bad("the bundle's fee is less than its components'"))?;
    }
    let mut count = 0;
    for component in &terms.components {
        walk(draft, component, terms.service, &mut count)?;
    }
    let limit = draft.params.components_max.0;
    if count > limit {
        return Err(Reject::TooManyComponents { limit }.into());
    }
    Ok(())
}

/// Follows a component to all that it bundles itself, and counts them. What is available as pinned is as it was composed,
/// so each component ends within the bound that was checked then.
fn walk<V: View>(
    draft: &Draft<'_, V>,
    component: &Component,
    root: ServiceId,
    count: &mut u32,
) -> Result<(), Fault> {
    *count = count.saturating_add(1);
    if component.service == root {
        return Err(Reject::BadComponent {
            service: component.service,
            reason: "the bundle would contain itself",
        }
        .into());
    }
    for inner in &composable(draft, component)?.components {
        walk(draft, inner, root, count)?;
    }
    Ok(())
}

/// A component that can be bought as pinned.
fn composable<V: View>(draft: &Draft<'_, V>, component: &Component) -> Result<Arc<Service>, Fault> {
    let bad = |reason| Reject::BadComponent {
        service: component.service,
        reason,
    };
    let found: Option<Arc<Service>> = read(draft, &Key::service(component.service))?;
    let service = found.ok_or(bad("there is no such service"))?;
    match unavailable(draft, component, &service)? {
        None => Ok(service),
        Some(reason) => Err(bad(reason).into()),
    }
}

/// Why a component cannot be bought as pinned, if it cannot.
fn unavailable<V: View>(
    draft: &Draft<'_, V>,
    component: &Component,
    service: &Service,
) -> Result<Option<&'static str>, Fault> {
    if !service.active {
        return Ok(Some("it is retired"));
    }
    if service.version != component.version {
        return Ok(Some("its terms are of another version than the one pinned"));
    }
    let provider: Provider = draft.existing(
        &Key::provider(service.provider),
        "a service names a provider that does not exist",
    )?;
    Ok(match provider.status {
        Status::Active => None,
        Status::Suspended => Some("its provider is suspended"),
        Status::Expelled => Some("its provider was expelled"),
    })
}

/// What a component costs one purchase of the bundle.
pub(super) fn fee(component: &Component, service: &Service) -> Option<Amount> {
    let packages = u128::from(component.packages);
    service.fee.0.checked_mul(packages).map(Amount)
}

/// A component that is about to be bought.
pub(super) fn available<V: View>(draft: &Draft<'_, V>, component: &Component) -> Result<Arc<Service>, Fault> {
    let service = draft.service(component.service)?;
    match unavailable(draft, component, &service)? {
        None => Ok(service),
        Some(reason) => Err(Reject::ComponentUnavailable {
            service: component.service,
            reason,
        }
        .into()),
    }
}
