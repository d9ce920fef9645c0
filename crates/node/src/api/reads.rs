//! Questions about finalised state.

use super::error::ApiError;
use super::evaluate::evaluate;
use super::submit::now_ms;
use super::{MAX_PAGE, Shared};
use crate::engine::Runtime;
use crate::index::{IndexError, PurchasePlace, WithdrawalTree};
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use commonware_codec::Encode as _;
use rampart_ledger::{
    Account, Globals, Key, Params, Provider, Purchase, Record, Service, Standing, Status as Stage,
};
use rampart_protocol::api::{
    AccountView, CheckpointView, ProviderView, PurchaseView, Purchases, ServiceView, Services, Status,
    Totals, WithdrawalView,
};
use rampart_protocol::{
    Address, Amount, B256, Category, Confirmation, Nonce, OperatorSet, ProviderId, PurchaseId, ServiceId,
    Timestamp, merkle,
};
use serde::Deserialize;
use std::sync::Arc;

type PathOf<T> = Result<Path<T>, PathRejection>;
type QueryOf<T> = Result<Query<T>, QueryRejection>;
type Answer<T> = Result<Json<T>, ApiError>;

fn page(limit: Option<usize>) -> usize {
    limit.unwrap_or(50).clamp(1, MAX_PAGE)
}

macro_rules! record {
    ($context:expr, $kind:ident, $key:expr) => {
        match $context.state.get(&$key).await? {
            Some(Record::$kind(record)) => Some(record),
            _ => None,
        }
    };
}

pub(super) async fn status<E: Runtime>(State(context): State<Shared<E>>) -> Answer<Status> {
    let tip = context.chain.tip();
    let (pending, capacity) = context.mempool.load();
    Ok(Json(Status {
        chain_id: context.operators.domain.chain_id,
        settlement: context.operators.domain.settlement,
        height: tip.height,
        timestamp_ms: tip.timestamp_ms,
        epoch: tip.epoch,
        view: tip.view,
        state_root: tip.state_root,
        digest: tip.digest(),
        operator: context.operator,
        inbox_count: tip.inbox_count,
        checkpoint_height: context.checkpoints.accepted().height,
        pending: pending as u64,
        capacity: capacity as u64,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }))
}

pub(super) async fn totals<E: Runtime>(State(context): State<Shared<E>>) -> Answer<Totals> {
    let globals = globals(&context).await?;
    Ok(Json(Totals {
        balances: globals.balances,
        stakes: globals.stakes,
        escrow: globals.escrow,
        pool: globals.pool,
        treasury: globals.treasury,
        deposited: globals.deposited,
        withdrawn: globals.withdrawn,
    }))
}

pub(super) async fn operators<E: Runtime>(State(context): State<Shared<E>>) -> Json<OperatorSet> {
    Json(context.operators.clone())
}

pub(super) async fn account<E: Runtime>(
    State(context): State<Shared<E>>,
    address: PathOf<Address>,
) -> Answer<AccountView> {
    let Path(address) = address?;
    let account = record!(context, Account, Key::account(&address));
    let view = |account: &Account| AccountView {
        address,
        balance: account.balance,
        nonce: account.nonce,
        provider: account.owned_provider(),
    };
    let nobody = AccountView {
        address,
        balance: Amount::ZERO,
        nonce: Nonce(0),
        provider: None,
    };
    Ok(Json(account.as_ref().map_or(nobody, view)))
}

async fn params<E: Runtime>(context: &Shared<E>) -> Result<Params, ApiError> {
    record!(context, Params, Key::params()).ok_or_else(|| {
        ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "syncing",
            "the state has no parameters yet",
        )
    })
}

/// The time at which questions about standing are answered: that of the next block, as far as is known.
fn now<E: Runtime>(context: &Shared<E>) -> Timestamp {
    Timestamp::from_ms(context.chain.tip().timestamp_ms.max(now_ms()))
}

async fn standing<E: Runtime>(context: &Shared<E>, provider: &Provider) -> Result<Standing, ApiError> {
    let (params, now) = (params(context).await?, now(context));
    let oldest = vec![Key::escrow_page(provider.id, provider.escrow.first)];
    let standing = evaluate(&context.state, oldest, |view| {
        rampart_ledger::standing(view, &params, provider, now)
    })
    .await?;
    standing.map_err(|fault| ApiError::internal(&fault))
}

async fn provider_record<E: Runtime>(context: &Shared<E>, id: ProviderId) -> Result<Provider, ApiError> {
    record!(context, Provider, Key::provider(id))
        .ok_or_else(|| ApiError::not_found("provider", format!("there is no provider {id}")))
}

pub(super) async fn provider<E: Runtime>(
    State(context): State<Shared<E>>,
    id: PathOf<u64>,
) -> Answer<ProviderView> {
    let Path(id) = id?;
    let provider = provider_record(&context, ProviderId(id)).await?;
    let standing = standing(&context, &provider).await?;
    Ok(Json(ProviderView {
        id: provider.id,
        owner: provider.owner,
        status: match provider.status {
            Stage::Active => "active",
            Stage::Suspended => "suspended",
            Stage::Expelled => "expelled",
        }
        .to_owned(),
        name: provider.name,
        endpoint: provider.endpoint,
        stake: provider.stake,
        required_stake: standing.required_stake,
        score: standing.score,
        escrow: provider.escrow.total,
        claimable: standing.claimable,
        wait: standing.wait,
        purchases: provider.purchases,
    }))
}

async fn service_view<E: Runtime>(context: &Shared<E>, service: Service) -> Result<ServiceView, ApiError> {
    let provider = provider_record(context, service.provider).await?;
    let params = params(context).await?;
    Ok(ServiceView {
        id: service.id,
        provider: service.provider,
        score: rampart_ledger::score(&params, &provider, now(context)),
        provider_name: provider.name,
        endpoint: provider.endpoint,
        category: service.category,
        description: service.description,
        version: service.version,
        requests: service.requests,
        fee: service.fee,
        min_duration: service.min_duration,
        max_duration: service.max_duration,
        active: service.active,
    })
}

pub(super) async fn service<E: Runtime>(
    State(context): State<Shared<E>>,
    id: PathOf<u64>,
) -> Answer<ServiceView> {
    let Path(id) = id?;
    let service = record!(context, Service, Key::service(ServiceId(id)))
        .ok_or_else(|| ApiError::not_found("service", format!("there is no service {id}")))?;
    Ok(Json(service_view(&context, service).await?))
}

/// Filters of `GET /v1/services`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServicesQuery {
    provider: Option<u64>,
    category: Option<Category>,
    after: Option<u64>,
    limit: Option<usize>,
}

pub(super) async fn services<E: Runtime>(
    State(context): State<Shared<E>>,
    query: QueryOf<ServicesQuery>,
) -> Answer<Services> {
    let Query(query) = query?;
    let limit = page(query.limit);
    let end = globals(&context).await?.next_service.0;
    let mut found = Vec::new();
    let mut id = query.after.unwrap_or(0).saturating_add(1);
    // A page never looks at more than a bounded number of services, however few match.
    let stop = id.saturating_add(MAX_PAGE as u64 * 10).min(end);
    while id < stop && found.len() < limit {
        if let Some(service) = record!(context, Service, Key::service(ServiceId(id))) {
            let wanted = query
                .provider
                .is_none_or(|provider| provider == service.provider.0)
                && query.category.is_none_or(|category| category == service.category);
            if wanted {
                found.push(service_view(&context, service).await?);
            }
        }
        id += 1;
    }
    let next = (id < end).then(|| ServiceId(id - 1));
    Ok(Json(Services {
        services: found,
        next,
    }))
}

async fn globals<E: Runtime>(context: &Shared<E>) -> Result<Globals, ApiError> {
    Ok(record!(context, Globals, Key::globals()).unwrap_or_default())
}

async fn purchase_view<E: Runtime>(context: &Shared<E>, id: PurchaseId) -> Result<PurchaseView, ApiError> {
    let purchase: Purchase = record!(context, Purchase, Key::purchase(&id))
        .ok_or_else(|| ApiError::not_found("purchase", format!("there is no purchase {id}")))?;
    Ok(PurchaseView {
        used: purchase.used.0,
        record: purchase.record,
    })
}

pub(super) async fn purchase<E: Runtime>(
    State(context): State<Shared<E>>,
    id: PathOf<B256>,
) -> Answer<PurchaseView> {
    let Path(id) = id?;
    Ok(Json(purchase_view(&context, PurchaseId(id)).await?))
}

/// Paging by an opaque cursor.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cursor {
    after: Option<u64>,
    limit: Option<usize>,
}

pub(super) async fn purchases_of<E: Runtime>(
    State(context): State<Shared<E>>,
    id: PathOf<u64>,
    cursor: QueryOf<Cursor>,
) -> Answer<Purchases> {
    let (Path(id), Query(cursor)) = (id?, cursor?);
    provider_record(&context, ProviderId(id)).await?;
    let limit = page(cursor.limit);
    let rows = context
        .index
        .purchases_of(ProviderId(id), cursor.after.unwrap_or(0), limit)?;
    let next = rows.last().filter(|_| rows.len() == limit).map(|row| row.cursor);
    let mut purchases = Vec::with_capacity(rows.len());
    for row in rows {
        purchases.push(purchase_view(&context, row.id).await?);
    }
    Ok(Json(Purchases { purchases, next }))
}

pub(super) async fn confirmation<E: Runtime>(
    State(context): State<Shared<E>>,
    id: PathOf<B256>,
) -> Answer<Confirmation> {
    let Path(id) = id?;
    let not_yet = || ApiError::not_found("purchase", format!("purchase {id} is not final"));
    let place = context.index.purchase(&PurchaseId(id))?.ok_or_else(not_yet)?;
    Ok(Json(confirm(&context, place).await?.ok_or_else(not_yet)?))
}

/// Puts a confirmation together; `None` while the certificate is not there.
async fn confirm<E: Runtime>(
    context: &Shared<E>,
    PurchasePlace {
        height,
        position,
        records,
    }: PurchasePlace,
) -> Result<Option<Confirmation>, ApiError> {
    let (Some(block), Some(certificate)) = (
        context.chain.block(height).await,
        context.chain.certificate(height).await,
    ) else {
        return Ok(None);
    };
    let leaves: Vec<B256> = records.iter().map(|record| record.leaf()).collect();
    let (Some(record), Some(proof)) = (records.get(position), merkle::proof(&leaves, position)) else {
        return Err(IndexError::Corrupt.into());
    };
    Ok(Some(Confirmation {
        record: *record,
        proof,
        header: block.header().clone(),
        descendants: certificate.descendants,
        finalization: certificate.finalization.encode().to_vec().into(),
    }))
}

/// The tree of withdrawals under the last checkpoint on chain; empty while this operator has not come that far.
async fn certified<E: Runtime>(context: &Shared<E>) -> Result<Arc<WithdrawalTree>, ApiError> {
    let (index, accepted) = (context.index.clone(), context.checkpoints.accepted().height);
    let tree = tokio::task::spawn_blocking(move || index.withdrawal_tree(accepted))
        .await
        .map_err(|error| ApiError::internal(&error))??;
    Ok(tree.unwrap_or_else(|| Arc::new(WithdrawalTree::new(Vec::new()))))
}

async fn withdrawal_view<E: Runtime>(
    context: &Shared<E>,
    index: u64,
    tree: &WithdrawalTree,
) -> Result<WithdrawalView, ApiError> {
    let withdrawal = record!(context, Withdrawal, Key::withdrawal(index))
        .ok_or_else(|| ApiError::not_found("withdrawal", format!("there is no withdrawal {index}")))?;
    let proof = tree.proof(index);
    Ok(WithdrawalView {
        index,
        recipient: withdrawal.recipient,
        amount: withdrawal.amount,
        certified: proof.is_some(),
        proof: proof.unwrap_or_default(),
        root: tree.root(),
    })
}

pub(super) async fn withdrawal<E: Runtime>(
    State(context): State<Shared<E>>,
    index: PathOf<u64>,
) -> Answer<WithdrawalView> {
    let Path(index) = index?;
    let tree = certified(&context).await?;
    Ok(Json(withdrawal_view(&context, index, &tree).await?))
}

/// `?recipient=ADDRESS`
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Recipient {
    recipient: Address,
}

pub(super) async fn withdrawals<E: Runtime>(
    State(context): State<Shared<E>>,
    query: QueryOf<Recipient>,
) -> Answer<Vec<WithdrawalView>> {
    let Query(Recipient { recipient }) = query?;
    let tree = certified(&context).await?;
    let mut views = Vec::new();
    for index in context.index.withdrawals_to(recipient, MAX_PAGE)? {
        views.push(withdrawal_view(&context, index, &tree).await?);
    }
    Ok(Json(views))
}

pub(super) async fn checkpoint<E: Runtime>(State(context): State<Shared<E>>) -> Answer<CheckpointView> {
    let (checkpoint, signatures, quorum) = context.checkpoints.newest().ok_or_else(|| {
        ApiError::not_found(
            "checkpoint",
            "this operator has signed no checkpoint since it started",
        )
    })?;
    let accepted = checkpoint.height <= context.checkpoints.accepted().height;
    Ok(Json(CheckpointView {
        checkpoint,
        signatures,
        quorum,
        accepted,
    }))
}
