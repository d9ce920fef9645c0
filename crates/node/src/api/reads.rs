//! Questions about finalised state: the node, accounts, withdrawals, proofs; and what all questions have in common.

use super::error::ApiError;
use super::openapi::query;
use super::submit::now_ms;
use super::{MAX_HANDOVERS, MAX_PAGE, Shared};
use crate::engine::Runtime;
use crate::index::{IndexError, PurchasePlace};
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use commonware_codec::Encode as _;
use rampart_ledger::{Account, Globals, Key, Params, Purchasers, Record, Stored, Withdrawal};
use rampart_protocol::api::{
    AccountView, CheckpointView, ForcedView, OperatorSets, PurchaserView, Role, Status, Totals,
    WithdrawalView,
};
use rampart_protocol::merkle::Tree;
use rampart_protocol::{
    AccessKey, Address, Amount, B256, Confirmation, Nonce, OperatorSet, PurchaseId, Timestamp, merkle,
};
use std::sync::Arc;

pub(super) type PathOf<T> = Result<Path<T>, PathRejection>;
pub(super) type QueryOf<T> = Result<Query<T>, QueryRejection>;
pub(super) type Answer<T> = Result<Json<T>, ApiError>;

query! {
    /// Paging by an opaque cursor.
    Cursor {
        /// The cursor that the page before ended with, as `next`; none for the first page.
        after: Option<u64>,
        /// Most rows on the page, 50 unless told, 200 at most.
        limit: Option<usize>,
    }
}

/// Rows on a page.
pub(super) fn page(limit: Option<usize>) -> usize {
    limit.unwrap_or(50).clamp(1, MAX_PAGE)
}

/// A record of a known kind, if it is there.
pub(super) async fn find<E: Runtime, T: Stored>(
    context: &Shared<E>,
    key: Key,
) -> Result<Option<Arc<T>>, ApiError> {
    let record: Option<Record> = context.state.get(&key).await?;
    Ok(record.and_then(T::from_record))
}

/// Records that exist from the first block on.
pub(super) async fn founding<E: Runtime, T: Stored>(
    context: &Shared<E>,
    key: Key,
) -> Result<Arc<T>, ApiError> {
    find(context, key).await?.ok_or_else(|| {
        ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "syncing",
            "the state has no first block yet",
        )
    })
}

pub(super) async fn globals<E: Runtime>(context: &Shared<E>) -> Result<Arc<Globals>, ApiError> {
    founding(context, Key::globals()).await
}

pub(super) async fn params<E: Runtime>(context: &Shared<E>) -> Result<Arc<Params>, ApiError> {
    founding(context, Key::params()).await
}

/// The time at which questions about standing are answered: that of the next block, as far as is known.
pub(super) fn now<E: Runtime>(context: &Shared<E>) -> Timestamp {
    Timestamp::from_ms(context.chain.tip().timestamp_ms.max(now_ms()))
}

/// A digest of which zero means none.
pub(super) fn some_digest(digest: B256) -> Option<B256> {
    Some(digest).filter(|digest| !digest.is_zero())
}

/// A key of which zero means none.
pub(super) fn some_key(key: AccessKey) -> Option<AccessKey> {
    Some(key).filter(|key| !key.0.is_zero())
}

/// A time of which zero means never.
pub(super) fn some_time(time: Timestamp) -> Option<Timestamp> {
    Some(time).filter(|time| time.0 != 0)
}

pub(super) async fn status<E: Runtime>(State(context): State<Shared<E>>) -> Answer<Status> {
    let tip = context.chain.tip();
    let (pending, capacity) = context.mempool.load();
    // After a start the state opens later than this port.
    let globals = globals(&context).await.ok();
    let hatch = context.hatch.seen();
    Ok(Json(Status {
        chain_id: context.operators.domain.chain_id,
        settlement: context.operators.domain.settlement,
        height: tip.height,
        timestamp_ms: tip.timestamp_ms,
        epoch: tip.epoch,
        view: tip.view,
        state_root: tip.state_root,
        digest: tip.digest(),
        role: match &context.upstream {
            None => Role::Operator,
            Some(_) => Role::Follower,
        },
        seated: context.committees.is_seated(tip.epoch),
        operator: context.operator,
        inbox_count: tip.inbox_count,
        restaking_count: globals.map(|globals| globals.restaking_count),
        checkpoint_height: context.checkpoints.accepted().height,
        frozen: hatch.frozen,
        oldest_forced: hatch.oldest.map(|forced| ForcedView {
            index: forced.index,
            forced_at: forced.at,
            freezable_at: forced.freezable_at,
        }),
        duties: context.duties.iter().map(|name| (*name).to_owned()).collect(),
        pending: pending as u64,
        capacity: capacity as u64,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }))
}

pub(super) async fn totals<E: Runtime>(State(context): State<Shared<E>>) -> Answer<Totals> {
    let globals = globals(&context).await?;
    Ok(Json(Totals {
        balances: globals.balances,
        deposits: globals.deposits,
        escrow: globals.escrow,
        stakes: globals.stakes,
        unbonding: globals.unbonding,
        bonds: globals.bonds,
        compensation: globals.compensation,
        pool: globals.pool,
        rewards: globals.rewards,
        treasury: globals.treasury,
        deposited: globals.deposited,
        withdrawn: globals.withdrawn,
    }))
}

/// Whose signatures count.
pub(super) async fn operator_set<E: Runtime>(State(context): State<Shared<E>>) -> Json<OperatorSet> {
    Json(context.operators.clone())
}

query! {
    /// From which epoch on to prove operator sets.
    From {
        /// The epoch whose operators are known; the first unless told.
        from: Option<u64>,
    }
}

/// Proofs of the operators of later epochs, for whoever knows those of `from`.
pub(super) async fn operator_sets<E: Runtime>(
    State(context): State<Shared<E>>,
    query: QueryOf<From>,
) -> Answer<OperatorSets> {
    let from = query?.0.from.unwrap_or(0);
    let handovers = context.index.handovers(from, MAX_HANDOVERS)?;
    if handovers.is_empty() && from < context.chain.tip().epoch {
        let message = format!("this operator cannot prove the operators of the epoch after {from}");
        return Err(ApiError::not_found("operator_set", message));
    }
    let next = handovers.last().map(|last| last.header.epoch.saturating_add(1));
    let next = next.filter(|_| handovers.len() == MAX_HANDOVERS);
    Ok(Json(OperatorSets { handovers, next }))
}

pub(super) async fn account<E: Runtime>(
    State(context): State<Shared<E>>,
    address: PathOf<Address>,
) -> Answer<AccountView> {
    let Path(address) = address?;
    let account: Option<Arc<Account>> = find(&context, Key::account(&address)).await?;
    let delegated: Option<Arc<Purchasers>> = find(&context, Key::purchasers(&address)).await?;
    let purchasers = delegated
        .iter()
        .flat_map(|all| &all.keys)
        .map(|one| PurchaserView {
            key: one.key,
            left: one.left,
            expires_at: one.expires_at,
            nonce: one.nonce,
        });
    let view = |account: &Arc<Account>| AccountView {
        address,
        balance: account.balance,
        deposits: account.deposits,
        nonce: account.nonce,
        provider: account.owned_provider(),
        purchasers: purchasers.collect(),
    };
    let nobody = AccountView {
        address,
        balance: Amount::ZERO,
        deposits: Amount::ZERO,
        nonce: Nonce(0),
        provider: None,
        purchasers: Vec::new(),
    };
    Ok(Json(account.as_ref().map_or(nobody, view)))
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
    // The index tells of blocks only that were final and stored here.
    let block = context.chain.block(height).await;
    let block = block.ok_or_else(|| ApiError::pruned(height))?;
    let Some(certificate) = context.chain.certificate(height).await else {
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
async fn certified<E: Runtime>(context: &Shared<E>) -> Result<Arc<Tree>, ApiError> {
    let (index, accepted) = (context.index.clone(), context.checkpoints.accepted().height);
    let tree = tokio::task::spawn_blocking(move || index.withdrawal_tree(accepted))
        .await
        .map_err(|error| ApiError::internal(&error))??;
    Ok(tree.unwrap_or_else(|| Arc::new(Tree::default())))
}

async fn withdrawal_view<E: Runtime>(
    context: &Shared<E>,
    index: u64,
    tree: &Tree,
) -> Result<WithdrawalView, ApiError> {
    let withdrawal: Option<Arc<Withdrawal>> = find(context, Key::withdrawal(index)).await?;
    let withdrawal = withdrawal
        .ok_or_else(|| ApiError::not_found("withdrawal", format!("there is no withdrawal {index}")))?;
    let proof = usize::try_from(index).ok().and_then(|index| tree.proof(index));
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

query! {
    /// `?recipient=ADDRESS`
    Recipient {
        /// Who is paid.
        recipient: Address,
    }
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
