//! Questions about reviews and the cases that operators judge (C7, V8).

use super::Shared;
use super::error::ApiError;
use super::market::provider_record;
use super::reads::{Answer, Cursor, PathOf, QueryOf, find, now, page, some_digest};
use crate::engine::Runtime;
use axum::Json;
use axum::extract::{Path, Query, State};
use rampart_ledger::{Ballot, Key, Review, ReviewState, Subject, Vote};
use rampart_protocol::api::{
    CasePhase, CaseSubject, CaseView, Cases, Quantity, ReviewStage, ReviewView, Reviews, VoteView,
};
use rampart_protocol::{B256, CaseId, ProviderId, PurchaseId, Timestamp, verdict};
use std::sync::Arc;

fn review_view(review: &Review) -> ReviewView {
    ReviewView {
        purchase: review.purchase,
        provider: review.provider,
        consumer: review.consumer,
        stage: match review.state {
            ReviewState::Open => ReviewStage::Open,
            ReviewState::Challenged => ReviewStage::Challenged,
            ReviewState::Escalated => ReviewStage::Escalated,
            ReviewState::Stood => ReviewStage::Stood,
            ReviewState::Upheld => ReviewStage::Upheld,
            ReviewState::Overturned => ReviewStage::Overturned,
            ReviewState::Dropped => ReviewStage::Dropped,
        },
        fee: review.fee,
        bond: review.bond,
        comment: review.comment.clone(),
        consumer_evidence: some_digest(review.consumer_evidence),
        provider_evidence: some_digest(review.provider_evidence),
        filed_at: review.filed_at,
        challenge_until: review.challenge_until,
        case: (review.round != 0).then(|| verdict::review(review.purchase)),
        round: review.round,
    }
}

async fn find_review<E: Runtime>(context: &Shared<E>, id: PurchaseId) -> Result<ReviewView, ApiError> {
    let review: Option<Arc<Review>> = find(context, Key::review(&id)).await?;
    let review = review
        .filter(|review| review.purchase == id)
        .ok_or_else(|| ApiError::not_found("review", format!("there is no review of purchase {id}")))?;
    Ok(review_view(&review))
}

pub(super) async fn review<E: Runtime>(
    State(context): State<Shared<E>>,
    id: PathOf<B256>,
) -> Answer<ReviewView> {
    let Path(id) = id?;
    Ok(Json(find_review(&context, PurchaseId(id)).await?))
}

pub(super) async fn reviews_of<E: Runtime>(
    State(context): State<Shared<E>>,
    id: PathOf<u64>,
    cursor: QueryOf<Cursor>,
) -> Answer<Reviews> {
    let (Path(id), Query(cursor)) = (id?, cursor?);
    provider_record(&context, ProviderId(id)).await?;
    let limit = page(cursor.limit);
    let rows = context
        .index
        .reviews_of(ProviderId(id), cursor.after.unwrap_or(0), limit)?;
    let next = rows.last().filter(|_| rows.len() == limit).map(|row| row.cursor);
    let mut reviews = Vec::with_capacity(rows.len());
    for row in rows {
        reviews.push(find_review(&context, row.id).await?);
    }
    Ok(Json(Reviews { reviews, next }))
}

fn vote_view(vote: &Vote) -> VoteView {
    VoteView {
        operator: vote.operator,
        stake: Quantity(vote.stake),
        committed: !vote.commitment.is_zero(),
        upheld: vote.revealed.then_some(vote.upheld),
    }
}

fn case_view(ballot: &Ballot, now: Timestamp) -> CaseView {
    CaseView {
        case: ballot.case,
        subject: match ballot.subject {
            Subject::Review => CaseSubject::Review,
            Subject::Expulsion => CaseSubject::Expulsion,
        },
        provider: ballot.provider,
        purchase: (ballot.subject == Subject::Review).then_some(PurchaseId(ballot.case.0)),
        round: ballot.round,
        phase: if ballot.escalated {
            CasePhase::Governance
        } else if now <= ballot.commit_until {
            CasePhase::Commit
        } else if now <= ballot.reveal_until {
            CasePhase::Reveal
        } else {
            CasePhase::Count
        },
        opened_at: ballot.opened_at,
        commit_until: ballot.commit_until,
        reveal_until: ballot.reveal_until,
        total_stake: Quantity(ballot.total_stake),
        votes: ballot.votes.iter().map(vote_view).collect(),
    }
}

async fn find_case<E: Runtime>(context: &Shared<E>, id: CaseId) -> Result<Option<CaseView>, ApiError> {
    let ballot: Option<Arc<Ballot>> = find(context, Key::ballot(&id)).await?;
    let ballot = ballot.filter(|ballot| ballot.case == id);
    Ok(ballot.map(|ballot| case_view(&ballot, now(context))))
}

pub(super) async fn case<E: Runtime>(State(context): State<Shared<E>>, id: PathOf<B256>) -> Answer<CaseView> {
    let Path(id) = id?;
    let case = find_case(&context, CaseId(id)).await?;
    let case = case.ok_or_else(|| ApiError::not_found("case", format!("there is no open case {id}")))?;
    Ok(Json(case))
}

pub(super) async fn cases<E: Runtime>(
    State(context): State<Shared<E>>,
    cursor: QueryOf<Cursor>,
) -> Answer<Cases> {
    let Query(cursor) = cursor?;
    let limit = page(cursor.limit);
    let rows = context.index.open_cases(cursor.after.unwrap_or(0), limit)?;
    let next = rows.last().filter(|_| rows.len() == limit).map(|row| row.cursor);
    let mut cases = Vec::with_capacity(rows.len());
    for row in rows {
        // The state is a block ahead of the index at times, and the case then gone.
        cases.extend(find_case(&context, row.id).await?);
    }
    Ok(Json(Cases { cases, next }))
}
