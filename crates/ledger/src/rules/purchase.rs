//! Purchases (C4, C5, C8, S1, O3): who may buy what, where the fee goes, and what evidence it makes.

use super::bundle;
use super::funds::{debit, give, next};
use crate::apply::Prepared;
use crate::decay::Decaying;
use crate::draft::Draft;
use crate::escrow;
use crate::event::Event;
use crate::fault::Fault;
use crate::key::Key;
use crate::math::ppm_of;
use crate::params::{Evidence, Params};
use crate::record::{Pair, Provider, Purchase, Service, Status};
use crate::reject::Reject;
use crate::standing::{purchase_evidence, required_stake};
use crate::view::{View, read};
use alloc::sync::Arc;
use alloc::vec::Vec;
use rampart_protocol::message::{self, Component};
use rampart_protocol::verdict::component as component_id;
use rampart_protocol::{Amount, Ppm, PurchaseId, PurchaseRecord, Sequence, Timestamp};

/// Buys one package, and what it bundles, or nothing.
pub(super) fn buy<V: View>(
    draft: &mut Draft<'_, V>,
    prepared: &Prepared,
    m: &message::Purchase,
) -> Result<(), Fault> {
    let id = PurchaseId(prepared.digest());
    let service = check_offer(draft, prepared, m, id)?;
    let record = PurchaseRecord {
        id,
        consumer: m.consumer,
        provider: m.provider,
        service: m.service,
        version: m.version,
        fee: m.fee,
        requests: service.requests,
        access_key: m.access_key,
        purchased_at: draft.now(),
        expires_at: m.expires_at,
    };
    // What is bundled is checked before any funds, as the order of rejections has it.
    let mut left = draft.params.components_max.0;
    let parts = parts(draft, &service, &mut left)?;
    debit(draft, m.consumer, m.fee)?;
    sell(draft, &service, &parts, record)
}

/// Whether the consumer may buy this, in the order of the rejections; funds and stake come after.
fn check_offer<V: View>(
    draft: &Draft<'_, V>,
    prepared: &Prepared,
    m: &message::Purchase,
    id: PurchaseId,
) -> Result<Arc<Service>, Fault> {
    if !prepared.key_is_good() {
        return Err(Reject::BadAccessKey {}.into());
    }
    let (named, signer) = (m.consumer, prepared.signer());
    if named != signer {
        return Err(Reject::WrongConsumer { named, signer }.into());
    }
    let provider = draft.shared_provider(m.provider)?;
    let service = draft.service(m.service)?;
    if service.provider != m.provider {
        let (service, actual) = (m.service, service.provider);
        return Err(Reject::WrongProvider {
            service,
            named: m.provider,
            actual,
        }
        .into());
    }
    let existing: Option<Arc<Purchase>> = read(draft, &Key::purchase(&id))?;
    if existing.is_some() {
        return Err(Reject::PurchaseExists { purchase: id }.into());
    }
    check_may_sell(&provider)?;
    check_terms(&service, m, draft.now())?;
    Ok(service)
}

/// Whether the provider's status permits a sale.
fn check_may_sell(provider: &Provider) -> Result<(), Reject> {
    let provider_id = provider.id;
    match provider.status {
        Status::Active => Ok(()),
        Status::Suspended => Err(Reject::ProviderSuspended {
            provider: provider_id,
        }),
        Status::Expelled => Err(Reject::ProviderExpelled {
            provider: provider_id,
        }),
    }
}

/// Whether the terms that were signed are the service's terms now.
fn check_terms(service: &Service, m: &message::Purchase, now: Timestamp) -> Result<(), Reject> {
    if !service.active {
        return Err(Reject::ServiceRetired { service: m.service });
    }
    if m.version != service.version {
        return Err(Reject::VersionMismatch {
            signed: m.version,
            current: service.version,
        });
    }
    if m.fee != service.fee {
        return Err(Reject::FeeMismatch {
            signed: m.fee,
            asked: service.fee,
        });
    }
    let expires_at = m.expires_at;
    let overflow = Reject::Overflow { what: "the expiry" };
    let earliest = now.checked_add(service.min_duration).ok_or(overflow.clone())?;
    if expires_at < earliest {
        return Err(Reject::ExpiryTooSoon { expires_at, earliest });
    }
    let latest = now.checked_add(service.max_duration).ok_or(overflow)?;
    if expires_at > latest {
        return Err(Reject::ExpiryTooLate { expires_at, latest });
    }
    Ok(())
}

/// One service that a bundle buys, and what that one bundles.
struct Part {
    component: Component,
    service: Arc<Service>,
    parts: Vec<Part>,
}

/// Everything that a service bundles, at all depths. Its size was bounded when each was composed, and the pins have kept
/// it since; but the bound may have been lowered.
fn parts<V: View>(draft: &Draft<'_, V>, service: &Service, left: &mut u32) -> Result<Vec<Part>, Fault> {
    let part = |component: &Component| {
        let service = bundle::available(draft, component)?;
        *left = left.checked_sub(1).ok_or(Reject::ComponentUnavailable {
            service: component.service,
            reason: "the bundle makes more purchases than one may",
        })?;
        Ok(Part {
            component: component.clone(),
            parts: parts(draft, &service, left)?,
            service,
        })
    };
    service.components.iter().map(part).collect()
}

/// Buys what is bundled in the provider's name, and books the sale itself with what is left of the fee.
fn sell<V: View>(
    draft: &mut Draft<'_, V>,
    service: &Service,
    parts: &[Part],
    record: PurchaseRecord,
) -> Result<(), Fault> {
    let mut own = record.fee;
    for (position, part) in (0..).zip(parts) {
        let overflow = Reject::Overflow { what: "the fee" };
        let fee = bundle::fee(&part.component, &part.service).ok_or(overflow.clone())?;
        own = own.checked_sub(fee).ok_or(overflow)?;
        let packages = u64::from(part.component.packages);
        let upstream = PurchaseRecord {
            id: component_id(record.id, position),
            consumer: draft.shared_provider(record.provider)?.owner,
            provider: part.service.provider,
            service: part.service.id,
            version: part.service.version,
            fee,
            requests: part.service.requests.saturating_mul(packages),
            access_key: service.upstream_key,
            ..record
        };
        sell(draft, &part.service, &part.parts, upstream)?;
    }
    book(draft, record, own)
}

/// Books a sale: divides the provider's `own` part of the fee, records the evidence, and checks that the stake still
/// backs the revenue (V4). What was passed on to others was booked as their sales.
fn book<V: View>(draft: &mut Draft<'_, V>, record: PurchaseRecord, own: Amount) -> Result<(), Fault> {
    let (now, width) = (draft.now(), draft.params.escrow_bucket);
    let (cut, share) = divide(&draft.params, own)?;
    let (pair, evidence) = remember(draft, &record, own)?;
    let mut shared = draft.shared_provider(record.provider)?;
    let provider = Arc::make_mut(&mut shared);
    count_sale(draft, provider, &record, evidence)?;
    let overflow = |what| Reject::Overflow { what };
    let need = required_stake(&draft.params, &draft.globals, provider, now)
        .ok_or(overflow("the deposit required"))?;
    if provider.stake < need {
        return Err(Reject::Undercollateralised {
            have: provider.stake,
            need,
        }
        .into());
    }
    give(&mut draft.globals.pool, cut, "the pool")?;
    give(&mut draft.globals.escrow, share, "the sum of escrow")?;
    escrow::add(draft, provider, share, now, width)?;
    draft.globals.purchases = next(draft.globals.purchases, "the number of purchases")?;
    draft.put(shared);
    draft.put(pair);
    draft.put(Purchase {
        record,
        height: draft.env.height,
        evidence,
        used: Sequence(0),
        reported_at: Timestamp(0),
        rotations: Vec::new(),
        reviewed: false,
        closed: false,
        refunded: Amount::ZERO,
    });
    draft.emit(Event::Purchased(record));
    Ok(())
}

/// What a sale changes about its provider.
fn count_sale<V: View>(
    draft: &mut Draft<'_, V>,
    provider: &mut Provider,
    record: &PurchaseRecord,
    evidence: Evidence,
) -> Result<(), Reject> {
    let overflow = |what| Reject::Overflow { what };
    provider.purchases = next(provider.purchases, "the provider's purchases")?;
    provider.revenue = (provider.revenue.add(record.fee.0, draft.revenue_steps()))
        .ok_or(overflow("the provider's revenue"))?;
    provider.positive = (provider.positive.add(evidence.0, draft.score_steps()))
        .ok_or(overflow("the provider's evidence"))?;
    let window = draft.params.review_window;
    let obliged = Timestamp(record.expires_at.0.saturating_add(window.0));
    provider.obliged_until = provider.obliged_until.max(obliged);
    let epoch = draft.globals.epoch.number.saturating_add(1);
    if provider.sold != epoch {
        provider.sold = epoch;
        draft.globals.epoch.sellers = next(draft.globals.epoch.sellers, "the epoch's sellers")?;
    }
    Ok(())
}

/// The pool's cut and the provider's share. The share rounds down, what is left goes to the pool.
fn divide(params: &Params, fee: Amount) -> Result<(Amount, Amount), Reject> {
    let overflow = Reject::Overflow { what: "the fee" };
    let rest = Ppm(Ppm::ONE.0.saturating_sub(params.protocol_cut.0));
    let share = Amount(ppm_of(fee.0, rest).ok_or(overflow.clone())?);
    let cut = fee.checked_sub(share).ok_or(overflow)?;
    Ok((cut, share))
}

/// Notes the fee in the pair's memory, and works out the evidence that it makes after what was spent before.
fn remember<V: View>(
    draft: &Draft<'_, V>,
    record: &PurchaseRecord,
    own: Amount,
) -> Result<(Pair, Evidence), Fault> {
    let (consumer, provider, at) = (record.consumer, record.provider, draft.score_steps());
    let known: Option<Arc<Pair>> = read(draft, &Key::pair(&consumer, provider))?;
    let spent = known.map_or(Decaying::NOTHING, |pair| pair.spent);
    let overflow = |what| Reject::Overflow { what };
    let evidence = purchase_evidence(&draft.params, spent.value(at), own).ok_or(overflow("the evidence"))?;
    let spent = (spent.add(own.0, at)).ok_or(overflow("the consumer's spending"))?;
    let pair = Pair {
        consumer,
        provider,
        spent,
    };
    Ok((pair, evidence))
}
