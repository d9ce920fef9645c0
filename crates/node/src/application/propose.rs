//! Building a block.

use super::clock::{child_timestamp, moment, now_ms};
use super::commitments::Commitments;
use super::execute::{Batch, Broken, ExecuteError, Executor, Subject, restaking_count, write};
use super::ledger::{LedgerApplication, Pacing, Sealed, root_bytes};
use super::seams::{Candidates, Feed, Refused, Request, Sink, Source};
use crate::block::{Block, BlockContext, BlockError, key_bytes};
use crate::engine::Runtime;
use commonware_consensus::{Epochable as _, Viewable as _};
use commonware_glue::stateful::db::{Merkleized as _, Unmerkleized as _};
use commonware_macros::boxed;
use commonware_storage::{mmr, qmdb};
use futures::future::select;
use rampart_ledger::Input;
use rampart_protocol::{B256, Body, Header};
use std::{collections::BTreeSet, pin::pin};

/// Bytes of an encoded block that are not its items: the header and the lists' prefixes.
const OVERHEAD: usize = 1024;

/// Accounts whose transactions may be refused while one block is built: what bounds the work that is not paid for.
const MAX_REFUSALS: usize = 1024;

/// A block to build.
pub(super) struct Proposal<'a> {
    pub(super) parent: &'a Block,
    pub(super) context: BlockContext,
    pub(super) in_flight: BTreeSet<B256>,
}

/// Why no block was built.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProposeError {
    #[error("the items could not be executed")]
    Broken(#[from] Broken),
    #[error("the state could not be sealed")]
    Seal(#[source] qmdb::Error<mmr::Family>),
    #[error("the block is inconsistent")]
    Block(#[from] BlockError),
}

/// Builds a block on a parent, when it is time and there is work, or when the parent is old.
///
/// On the heap, because the engine moves the futures of its tasks over the stack when it spawns them.
#[tracing::instrument(level = "debug", skip_all, fields(height = proposal.parent.header().height + 1))]
#[boxed]
pub(super) async fn propose<E: Runtime, I: Source, F: Feed, K: Sink>(
    app: &LedgerApplication<I, F, K>,
    runtime: &E,
    proposal: Proposal<'_>,
    batch: Batch<E>,
    source: &I,
) -> Result<(Block, Sealed<E>), ProposeError> {
    let Proposal {
        parent,
        context,
        in_flight,
    } = proposal;
    let parent = parent.header();
    let max_bytes = app.shared.limits.max_bytes.saturating_sub(OVERHEAD);
    let request = Request {
        parent: parent.clone(),
        restaking_count: restaking_count::<E>(&batch).await?,
        in_flight,
        max_bytes,
    };
    pace(runtime, &app.shared.pacing, &request, source).await;

    let header = Header {
        epoch: context.epoch().get(),
        view: context.view().get(),
        leader: key_bytes(&context.leader),
        parent_view: context.parent.0.get(),
        parent: root_bytes(context.parent.1),
        height: parent.height + 1,
        timestamp_ms: child_timestamp(parent.timestamp_ms, now_ms(runtime)),
        ..Header::default()
    };
    let candidates = source.candidates(&request).await;
    let mut executor = app.executor(&header, &batch);
    executor.begin().await?;
    let (body, refused) = fill(app, runtime, &mut executor, candidates, &request).await?;
    let commitments = Commitments::of(&mut executor).await?;
    let executed = executor.finish();
    let sealed = write::<E>(batch, &executed)
        .map_err(Broken::from)?
        .merkleize()
        .await
        .map_err(ProposeError::Seal)?;
    let bounds = sealed.bounds();
    let header = Header {
        transactions_root: body.root(),
        confirmations_root: commitments.confirmations_root,
        state_root: root_bytes(sealed.root()),
        state_start: *bounds.inactivity_floor,
        state_end: *bounds.tip.size,
        withdrawals_root: commitments.withdrawals_root,
        inbox_count: commitments.inbox_count,
        next_operators: commitments.next_operators,
        ..header
    };
    app.remember(&header, executed);
    if !refused.is_empty() {
        source.refused(refused).await;
    }
    Ok((Block::new(header, body)?, sealed))
}

/// Waits until a block may be built, and then for work, but not past the idle interval.
#[tracing::instrument(level = "debug", skip_all)]
async fn pace<E: Runtime>(runtime: &E, pacing: &Pacing, request: &Request, source: &impl Source) {
    let Some(parent) = moment(request.parent.timestamp_ms) else {
        return;
    };
    runtime.sleep_until(parent + pacing.min_interval).await;
    let idle = pin!(runtime.sleep_until(parent + pacing.idle_interval));
    let work = pin!(source.ready(request));
    select(work, idle).await;
}

/// Executes what fits and what the ledger takes. Returns the body and what was refused.
#[tracing::instrument(level = "debug", skip_all)]
async fn fill<E: Runtime, I: Source, F: Feed, K: Sink>(
    app: &LedgerApplication<I, F, K>,
    runtime: &E,
    executor: &mut Executor<'_, E>,
    candidates: Candidates,
    request: &Request,
) -> Result<(Body, Vec<Refused>), ProposeError> {
    let (mut body, mut refused, mut bytes) = (Body::default(), Vec::new(), 0usize);
    let deadline = runtime.current() + app.shared.pacing.max_build;
    // What follows a refused transaction of its lane cannot be taken either, and is not to blame.
    let mut blocked = BTreeSet::new();
    // Observations of one source only follow one another, so nothing after a refused one can be taken either.
    let mut stopped = BTreeSet::new();
    for observation in candidates.observations {
        if stopped.contains(&observation.source()) {
            continue;
        }
        let length = observation.to_bytes().len() + 4;
        if bytes.saturating_add(length) > request.max_bytes || runtime.current() > deadline {
            return Ok((body, refused));
        }
        bytes += length;
        let subject = Subject::Observation(observation.source(), observation.index());
        match executor
            .execute(subject, &Input::Observation(observation.clone()))
            .await
        {
            Ok(()) => body.observations.push(observation),
            Err(ExecuteError::Rejected(reject)) => {
                tracing::warn!(
                    ?subject,
                    ?reject,
                    "the ledger refuses an observation of the local feed"
                );
                stopped.insert(observation.source());
            }
            Err(ExecuteError::Broken(broken)) => return Err(broken.into()),
        }
    }
    for candidate in candidates.transactions {
        if request.in_flight.contains(&candidate.hash()) || blocked.contains(&candidate.lane()) {
            continue;
        }
        let length = candidate.transaction().to_bytes().len() + 4;
        if bytes.saturating_add(length) > request.max_bytes
            || runtime.current() > deadline
            || blocked.len() >= MAX_REFUSALS
        {
            break;
        }
        match executor
            .execute(Subject::Transaction(candidate.hash()), &candidate.input())
            .await
        {
            Ok(()) => {
                bytes += length;
                body.transactions.push(candidate.transaction().clone());
            }
            Err(ExecuteError::Rejected(reject)) => {
                blocked.insert(candidate.lane());
                refused.push(Refused {
                    hash: candidate.hash(),
                    reject,
                    parent: request.parent.clone(),
                });
            }
            // One transaction that cannot be executed must not keep all others out of every block.
            Err(ExecuteError::Broken(broken @ (Broken::Unsatisfiable(_) | Broken::Value(_)))) => {
                tracing::error!(hash = %candidate.hash(), %broken, "a transaction is left out");
                blocked.insert(candidate.lane());
            }
            Err(ExecuteError::Broken(broken)) => return Err(broken.into()),
        }
    }
    Ok((body, refused))
}
