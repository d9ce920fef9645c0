//! Judging a candidate block.

use super::clock::{is_valid_step, moment};
use super::commitments::Commitments;
use super::execute::{Batch, Broken, ExecuteError, Executor, Subject, write};
use super::ledger::{LedgerApplication, Sealed, root_bytes};
use super::seams::{Feed, Sink, Source, Verdict};
use super::senders::SendersError;
use super::verified::Verified;
use crate::block::{Block, BlockContext};
use crate::engine::Runtime;
use commonware_consensus::CertifiableBlock as _;
use commonware_glue::stateful::{
    Finality,
    db::{Merkleized as _, Unmerkleized as _},
};
use commonware_macros::boxed;
use commonware_storage::{mmr, qmdb};
use futures::future::{try_join, try_join_all};
use rampart_ledger::{Input, Reject};
use rampart_protocol::{Header, Observation, observation};

/// A block to judge.
pub(super) struct Candidate<'a> {
    pub(super) block: &'a Block,
    pub(super) parent: &'a Header,
    pub(super) context: BlockContext,
    pub(super) finality: Finality,
}

/// Why a candidate is voted against.
#[derive(Debug, thiserror::Error)]
pub(super) enum Invalid {
    #[error("the block is not the child of its parent in the round that consensus assigned")]
    Link,
    #[error("the block's time {child} ms is no step from its parent's {parent} ms")]
    Step { parent: u64, child: u64 },
    #[error("a signature is bad")]
    Signature(#[from] SendersError),
    #[error("observation {1} of {0:?} is not what is final on the chain")]
    Refuted(observation::Source, u64),
    #[error("the ledger refuses {subject:?}")]
    Rejected {
        subject: Subject,
        #[source]
        reject: Reject,
    },
    #[error("the header commits to another {0} than execution gives")]
    Commitment(&'static str),
    #[error("the block could not be executed")]
    Broken(#[from] Broken),
    #[error("the state could not be sealed")]
    Seal(#[source] qmdb::Error<mmr::Family>),
}

impl Invalid {
    /// Whether this machine failed, which says nothing about the block.
    pub(super) const fn is_local(&self) -> bool {
        matches!(
            self,
            Self::Signature(SendersError::Stopped(_)) | Self::Broken(_) | Self::Seal(_)
        )
    }
}

/// Executes a block on its parent's state and checks all that a vote depends on.
///
/// A final block was checked by the quorum that certified it: only its execution is repeated.
/// On the heap, for the same reason as building.
#[tracing::instrument(
    level = "debug",
    name = "verify",
    skip_all,
    fields(
        height = candidate.block.header().height,
        transactions = candidate.block.body().transactions.len(),
    )
)]
#[boxed]
pub(super) async fn judge<E: Runtime, I: Source, F: Feed, K: Sink>(
    app: &LedgerApplication<I, F, K>,
    runtime: &E,
    candidate: Candidate<'_>,
    batch: Batch<E>,
) -> Result<Sealed<E>, Invalid> {
    let header = candidate.block.header();
    check_links(&candidate)?;
    let local = async {
        match candidate.finality {
            Finality::Finalized => Ok(()),
            Finality::Candidate => check_locally(app, runtime, candidate.block).await,
        }
    };
    let execution = async {
        let transactions = &candidate.block.body().transactions;
        let verified = app.shared.seams.senders.verify_all(runtime, transactions).await?;
        let mut executor = app.executor(header, &batch);
        let inputs = (&candidate.block.body().observations[..], &verified[..]);
        execute(&mut executor, inputs).await?;
        let commitments = Commitments::of(&mut executor).await?;
        commitments.check(header)?;
        Ok(executor.finish())
    };
    let ((), executed) = try_join(local, execution).await?;
    let sealed = write::<E>(batch, &executed)
        .map_err(Broken::from)?
        .merkleize()
        .await
        .map_err(Invalid::Seal)?;
    if root_bytes(sealed.root()) != header.state_root {
        return Err(Invalid::Commitment("state"));
    }
    app.remember(header, executed);
    Ok(sealed)
}

/// What the chain alone decides.
fn check_links(candidate: &Candidate<'_>) -> Result<(), Invalid> {
    let (header, parent) = (candidate.block.header(), candidate.parent);
    if header.parent != parent.digest()
        || header.height != parent.height.saturating_add(1)
        || candidate.block.context() != candidate.context
    {
        return Err(Invalid::Link);
    }
    if !is_valid_step(parent.timestamp_ms, header.timestamp_ms) {
        return Err(Invalid::Step {
            parent: parent.timestamp_ms,
            child: header.timestamp_ms,
        });
    }
    Ok(())
}

/// What waits for this operator's own clock and chain feed.
#[tracing::instrument(level = "debug", skip_all)]
async fn check_locally<E: Runtime, I: Source, F: Feed, K: Sink>(
    app: &LedgerApplication<I, F, K>,
    runtime: &E,
    block: &Block,
) -> Result<(), Invalid> {
    if let Some(moment) = moment(block.header().timestamp_ms) {
        runtime.sleep_until(moment).await;
    }
    let observations = &block.body().observations;
    if observations.is_empty() {
        return Ok(());
    }
    let feed = &app.shared.seams.feed;
    // However long the local feed lags: a vote against a block is for ever, and a lagging feed proves nothing against it.
    // Consensus gives the view up by itself, and drops this when another block is final.
    let checks = observations.iter().map(|observation| async move {
        match feed.check(observation).await {
            Verdict::Confirmed => Ok(()),
            Verdict::Refuted => Err(Invalid::Refuted(observation.source(), observation.index())),
        }
    });
    try_join_all(checks).await.map(|_| ())
}

/// The beginning, then every item, in order, none refused.
#[tracing::instrument(level = "debug", skip_all)]
async fn execute<E: Runtime>(
    executor: &mut Executor<'_, E>,
    (observations, transactions): (&[Observation], &[Verified]),
) -> Result<(), Invalid> {
    executor.begin().await?;
    for observation in observations {
        let subject = Subject::Observation(observation.source(), observation.index());
        let result = executor
            .execute(subject, &Input::Observation(observation.clone()))
            .await;
        result.map_err(|error| refused(subject, error))?;
    }
    for verified in transactions {
        let subject = Subject::Transaction(verified.hash());
        executor
            .execute(subject, &verified.input())
            .await
            .map_err(|error| refused(subject, error))?;
    }
    Ok(())
}

fn refused(subject: Subject, error: ExecuteError) -> Invalid {
    match error {
        ExecuteError::Rejected(reject) => Invalid::Rejected { subject, reject },
        ExecuteError::Broken(broken) => broken.into(),
    }
}
