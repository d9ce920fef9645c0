//! Questions about the market: providers, their services, and what was bought of them.

use super::Shared;
use super::error::ApiError;
use super::evaluate::evaluate;
use super::reads::{
    Answer, Cursor, PathOf, QueryOf, find, globals, now, page, params, some_digest, some_key, some_time,
};
use crate::engine::Runtime;
use axum::Json;
use axum::extract::{Path, Query, State};
use rampart_ledger::{
    Globals, Key, Params, Profile, Provider, Purchase, Service, Standing, Status as Stage, Terms, review_fee,
};
use rampart_protocol::api::{
    ProviderView, PurchaseView, Purchases, Quantity, ServiceView, TermsView, UnbondingView,
};
use rampart_protocol::{Amount, B256, CaseId, ProviderId, PurchaseId, ServiceId};
use std::sync::Arc;

async fn standing<E: Runtime>(context: &Shared<E>, provider: &Provider) -> Result<Standing, ApiError> {
    let (params, globals, now) = (params(context).await?, globals(context).await?, now(context));
    let oldest = vec![Key::escrow_page(provider.id, provider.escrow.first)];
    let standing = evaluate(&context.state, oldest, |view| {
        rampart_ledger::standing(view, &params, &globals, provider, now)
    })
    .await?;
    standing.map_err(|fault| ApiError::internal(&fault))
}

pub(super) async fn provider_record<E: Runtime>(
    context: &Shared<E>,
    id: ProviderId,
) -> Result<Arc<Provider>, ApiError> {
    find(context, Key::provider(id))
        .await?
        .ok_or_else(|| ApiError::not_found("provider", format!("there is no provider {id}")))
}

/// Every provider has a profile.
async fn profile<E: Runtime>(context: &Shared<E>, id: ProviderId) -> Result<Arc<Profile>, ApiError> {
    find(context, Key::profile(id))
        .await?
        .ok_or_else(|| ApiError::not_found("provider", format!("provider {id} has no profile")))
}

pub(super) async fn provider<E: Runtime>(
    State(context): State<Shared<E>>,
    id: PathOf<u64>,
) -> Answer<ProviderView> {
    let Path(id) = id?;
    let provider = provider_record(&context, ProviderId(id)).await?;
    let profile = profile(&context, provider.id).await?;
    let standing = standing(&context, &provider).await?;
    let unbonding = provider.unbonding.iter().map(|part| UnbondingView {
        amount: part.amount,
        release_at: part.release_at,
    });
    Ok(Json(ProviderView {
        id: provider.id,
        owner: provider.owner,
        name: profile.name.clone(),
        endpoint: profile.endpoint.clone(),
        status: match provider.status {
            Stage::Active => "active",
            Stage::Suspended => "suspended",
            Stage::Expelled => "expelled",
        }
        .to_owned(),
        stake: provider.stake,
        required_stake: standing.required_stake,
        score: standing.score,
        escrow: provider.escrow.total,
        claimable: standing.claimable,
        wait: standing.wait,
        next_claim_at: standing.next_claim_at,
        claimed: provider.claimed,
        purchases: provider.purchases,
        status_since: some_time(provider.status_since),
        open_case: some_digest(provider.case.0).map(CaseId),
        unbonding: unbonding.collect(),
        auto_stake: provider.auto_stake,
        bonds: provider.bonds,
        compensation: provider.compensation,
        positive_evidence: Quantity(standing.positive.0),
        negative_evidence: Quantity(standing.negative.0),
        active_services: provider.active_services,
        obliged_until: some_time(provider.obliged_until),
        registered_at: provider.registered_at,
    }))
}

async fn terms_record<E: Runtime>(
    context: &Shared<E>,
    service: ServiceId,
    version: u32,
) -> Result<Arc<Terms>, ApiError> {
    find(context, Key::terms(service, version)).await?.ok_or_else(|| {
        ApiError::not_found(
            "version",
            format!("service {service} has no version {version} of its terms"),
        )
    })
}

async fn service_view<E: Runtime>(
    context: &Shared<E>,
    service: &Service,
    terms: &Terms,
) -> Result<ServiceView, ApiError> {
    let provider = provider_record(context, service.provider).await?;
    let profile = profile(context, service.provider).await?;
    let (params, globals) = (params(context).await?, globals(context).await?);
    let endpoint = if terms.endpoint.is_empty() {
        &profile.endpoint
    } else {
        &terms.endpoint
    };
    Ok(ServiceView {
        id: service.id,
        provider: service.provider,
        provider_name: profile.name.clone(),
        endpoint: endpoint.clone(),
        openapi: some_digest(terms.openapi),
        category: terms.category,
        description: terms.description.clone(),
        version: service.version,
        requests: service.requests,
        fee: service.fee,
        min_duration: service.min_duration,
        max_duration: service.max_duration,
        active: service.active,
        score: rampart_ledger::score(&params, &globals, &provider, now(context)),
        components: service.components.clone(),
        upstream_key: some_key(service.upstream_key),
        outages: outages(service, &globals),
    })
}

/// The row of outages, if it still runs: in epoch `n`, epoch `n - 1` is reported on, and one that is not reported yet
/// ends no row. The service keeps the number after the last epoch in which it was down.
fn outages(service: &Service, globals: &Globals) -> u32 {
    let runs = service.down != 0 && service.down.saturating_add(1) >= globals.epoch.number;
    if runs { service.outages } else { 0 }
}

pub(super) async fn service<E: Runtime>(
    State(context): State<Shared<E>>,
    id: PathOf<u64>,
) -> Answer<ServiceView> {
    let Path(id) = id?;
    Ok(Json(service_view_of(&context, ServiceId(id)).await?))
}

pub(super) async fn service_view_of<E: Runtime>(
    context: &Shared<E>,
    id: ServiceId,
) -> Result<ServiceView, ApiError> {
    let service: Option<Arc<Service>> = find(context, Key::service(id)).await?;
    let service =
        service.ok_or_else(|| ApiError::not_found("service", format!("there is no service {id}")))?;
    let terms = terms_record(context, service.id, service.version).await?;
    service_view(context, &service, &terms).await
}

pub(super) async fn terms<E: Runtime>(
    State(context): State<Shared<E>>,
    path: PathOf<(u64, u32)>,
) -> Answer<TermsView> {
    let Path((service, version)) = path?;
    let terms = terms_record(&context, ServiceId(service), version).await?;
    Ok(Json(TermsView {
        service: terms.service,
        version: terms.version,
        since: terms.since,
        category: terms.category,
        description: terms.description.clone(),
        endpoint: terms.endpoint.clone(),
        openapi: some_digest(terms.openapi),
        requests: terms.requests,
        fee: terms.fee,
        min_duration: terms.min_duration,
        max_duration: terms.max_duration,
        components: terms.components.clone(),
        upstream_key: some_key(terms.upstream_key),
        active: terms.active,
    }))
}

pub(super) async fn purchase_view<E: Runtime>(
    context: &Shared<E>,
    params: &Params,
    id: PurchaseId,
) -> Result<PurchaseView, ApiError> {
    // The key holds a part of the id, so the record must be asked for the rest.
    let purchase: Option<Arc<Purchase>> = find(context, Key::purchase(&id)).await?;
    let purchase = purchase
        .filter(|purchase| purchase.record.id == id)
        .ok_or_else(|| ApiError::not_found("purchase", format!("there is no purchase {id}")))?;
    Ok(PurchaseView {
        height: purchase.height,
        used: purchase.used.0,
        current_access_key: purchase.access_key(),
        reviewed: purchase.reviewed,
        review_fee: review_fee(params, purchase.record.fee).unwrap_or(Amount(u128::MAX)),
        closed: purchase.closed,
        refunded: purchase.refunded,
        evidence: Quantity(purchase.evidence.0),
        record: purchase.record,
    })
}

pub(super) async fn purchase<E: Runtime>(
    State(context): State<Shared<E>>,
    id: PathOf<B256>,
) -> Answer<PurchaseView> {
    let Path(id) = id?;
    let params = params(&context).await?;
    Ok(Json(purchase_view(&context, &params, PurchaseId(id)).await?))
}

pub(super) async fn purchases_of<E: Runtime>(
    State(context): State<Shared<E>>,
    id: PathOf<u64>,
    cursor: QueryOf<Cursor>,
) -> Answer<Purchases> {
    let (Path(id), Query(cursor)) = (id?, cursor?);
    provider_record(&context, ProviderId(id)).await?;
    let (params, limit) = (params(&context).await?, page(cursor.limit));
    let rows = context
        .index
        .purchases_of(ProviderId(id), cursor.after.unwrap_or(0), limit)?;
    let next = rows.last().filter(|_| rows.len() == limit).map(|row| row.cursor);
    let mut purchases = Vec::with_capacity(rows.len());
    for row in rows {
        purchases.push(purchase_view(&context, &params, row.id).await?);
    }
    Ok(Json(Purchases { purchases, next }))
}
