//! Purchases (C4, C5, S1, O3): who may buy what, where the fee goes, and what evidence it makes.

use super::{Tx, give, next};
use crate::draft::Draft;
use crate::escrow;
use crate::event::Event;
use crate::fault::Fault;
use crate::key::Key;
use crate::math::{mul_div, ppm_of};
use crate::params::{Evidence, Params};
use crate::record::{Pair, Provider, Purchase, Service, Status};
use crate::reject::Reject;
use crate::standing::required_stake;
use crate::view::{View, read};
use alloc::vec::Vec;
use rampart_protocol::http_signature::is_acceptable_key;
use rampart_protocol::{Amount, Ppm, PurchaseId, PurchaseRecord, Sequence, Timestamp, message};

/// Buys one package.
pub(super) fn buy<V: View>(
    draft: &mut Draft<'_, V>,
    tx: &mut Tx<'_>,
    m: &message::Purchase,
) -> Result<(), Fault> {
    // Hashed once: the EIP-712 digest is the dearest step of a purchase.
    let id = m.id(&tx.env.domain);
    let (provider, service) = check_offer(draft, tx, m, id)?;
    tx.debit(m.fee)?;
    let record = PurchaseRecord {
        id,
        consumer: m.consumer,
        provider: m.provider,
        service: m.service,
        version: m.version,
        fee: m.fee,
        requests: service.requests,
        access_key: m.access_key,
        purchased_at: tx.env.timestamp,
        expires_at: m.expires_at,
    };
    settle(draft, tx, provider, record)
}

/// Whether the consumer may buy this, in the order of the rejections; funds and stake come after.
fn check_offer<V: View>(
    draft: &Draft<'_, V>,
    tx: &Tx<'_>,
    m: &message::Purchase,
    id: PurchaseId,
) -> Result<(Provider, Service), Fault> {
    if !is_acceptable_key(&m.access_key) {
        return Err(Reject::BadAccessKey {}.into());
    }
    let signer = tx.account.address;
    if m.consumer != signer {
        return Err(Reject::WrongConsumer {
            named: m.consumer,
            signer,
        }
        .into());
    }
    let provider = draft.provider(m.provider)?;
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
    let existing: Option<Purchase> = read(draft, &Key::purchase(&id))?;
    if existing.is_some() {
        return Err(Reject::PurchaseExists { purchase: id }.into());
    }
    check_may_sell(&provider)?;
    check_terms(&service, m, tx.env.timestamp)?;
    Ok((provider, service))
}

/// Whether the provider's status permits a sale.
fn check_may_sell(provider: &Provider) -> Result<(), Reject> {
    match provider.status {
        Status::Active => Ok(()),
        Status::Suspended => Err(Reject::ProviderSuspended {
            provider: provider.id,
        }),
        Status::Expelled => Err(Reject::ProviderExpelled {
            provider: provider.id,
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

/// Divides the fee, records the evidence, and checks that the stake still backs the revenue (V4).
fn settle<V: View>(
    draft: &mut Draft<'_, V>,
    tx: &mut Tx<'_>,
    mut provider: Provider,
    record: PurchaseRecord,
) -> Result<(), Fault> {
    let (params, now, fee) = (tx.params, tx.env.timestamp, record.fee);
    let (cut, share) = divide(&params, fee)?;
    let (pair, repeats) = remember(draft, &params, &record)?;
    let evidence = evidence(&params, cut, repeats).ok_or(Reject::Overflow { what: "the evidence" })?;

    let overflow = |what| Reject::Overflow { what };
    provider.purchases = next(provider.purchases, "the provider's purchases")?;
    provider.revenue = (provider.revenue.add(fee.0, now, params.revenue_half_life))
        .ok_or(overflow("the provider's revenue"))?;
    provider.positive = (provider.positive.add(evidence.0, now, params.score_half_life))
        .ok_or(overflow("the provider's evidence"))?;
    let need = required_stake(&params, &provider, now).ok_or(overflow("the deposit required"))?;
    if provider.stake < need {
        return Err(Reject::Undercollateralised {
            have: provider.stake,
            need,
        }
        .into());
    }
    give(&mut tx.globals.pool, cut, "the pool")?;
    give(&mut tx.globals.escrow, share, "the sum of escrow")?;
    escrow::add(draft, &mut provider, share, now, params.escrow_bucket)?;
    tx.globals.purchases = next(tx.globals.purchases, "the number of purchases")?;

    draft.put(provider);
    draft.put(pair);
    draft.put(Purchase {
        record,
        transaction: tx.id,
        height: tx.env.height,
        cut,
        evidence,
        used: Sequence(0),
        reported_at: Timestamp(0),
    });
    draft.emit(Event::Purchased(record));
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

/// Notes the purchase in the pair's memory, and says how many earlier ones of the last half-life count.
fn remember<V: View>(
    draft: &Draft<'_, V>,
    params: &Params,
    record: &PurchaseRecord,
) -> Result<(Pair, u32), Fault> {
    let (consumer, provider, now) = (record.consumer, record.provider, record.purchased_at);
    let known: Option<Pair> = read(draft, &Key::pair(&consumer, provider))?;
    let cap = params.repeat_cap.0;
    let mut recent: Vec<Timestamp> = known.map_or_else(Vec::new, |pair| pair.recent);
    recent.retain(|at| now.since(*at) < params.score_half_life);
    let repeats = u32::try_from(recent.len()).unwrap_or(u32::MAX).min(cap);
    recent.push(now);
    let excess = recent
        .len()
        .saturating_sub(usize::try_from(cap).unwrap_or(usize::MAX));
    recent.drain(..excess);
    Ok((
        Pair {
            consumer,
            provider,
            recent,
        },
        repeats,
    ))
}

/// `cut / evidence_unit * (1 + repeat_bonus * repeats)`, rounded down; `None` past 128 bits.
fn evidence(params: &Params, cut: Amount, repeats: u32) -> Option<Evidence> {
    let multiplier = u128::from(Ppm::ONE.0) + u128::from(params.repeat_bonus.0) * u128::from(repeats);
    // Evidence counts millionths and the multiplier is in millionths, so the two factors cancel.
    mul_div(cut.0, multiplier, params.evidence_unit.0).map(Evidence)
}
