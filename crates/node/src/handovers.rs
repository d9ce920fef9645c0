//! Proves each committee that was settled, as soon as the block that settled it has its certificate (X1).

use crate::engine::Chain;
use crate::index::{Index, IndexError, Unproved};
use commonware_codec::Encode as _;
use rampart_protocol::{Domain, Handover};

/// Keeps a proof for each committee, until the engine ends.
///
/// # Errors
/// When the index cannot be read or written.
pub async fn keep(index: Index, chain: Chain, domain: Domain) -> Result<(), IndexError> {
    let mut tip = chain.watch();
    loop {
        while let Some(unproved) = blocking(&index, Index::unproved).await? {
            let Some(outcome) = prove(&chain, &unproved, domain).await else {
                break;
            };
            let epoch = unproved.committee.epoch;
            if outcome.is_none() {
                tracing::warn!(epoch, "the operators of this epoch cannot be proved here");
            }
            blocking(&index, move |index| index.prove(epoch, outcome.as_ref())).await?;
        }
        if tip.changed().await.is_err() {
            return Ok(());
        }
    }
}

/// As [`keep`]; a failure is told, and stops nothing else.
pub(crate) async fn keep_or_tell(index: Index, chain: Chain, domain: Domain) {
    if let Err(error) = keep(index, chain, domain).await {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "no proofs of operator sets are kept"
        );
    }
}

/// The proof of a committee; `None` while it is not there, `Some(None)` when there will be none here.
pub async fn prove(chain: &Chain, unproved: &Unproved, domain: Domain) -> Option<Option<Handover>> {
    if chain.tip().height < unproved.height {
        return None;
    }
    let Some(block) = chain.block(unproved.height).await else {
        return Some(None);
    };
    let certificate = chain.certificate(unproved.height).await?;
    let handover = Handover {
        header: block.header().clone(),
        descendants: certificate.descendants,
        finalization: certificate.finalization.encode().to_vec().into(),
        next: unproved.committee.operator_set(domain),
    };
    // Where certificates were skipped, the first one may be of a later epoch, which proves nothing to who knows this one.
    let proves = handover.certified().is_some();
    Some(proves.then_some(handover))
}

async fn blocking<T: Send + 'static>(
    index: &Index,
    work: impl FnOnce(&Index) -> Result<T, IndexError> + Send + 'static,
) -> Result<T, IndexError> {
    let index = index.clone();
    let done = tokio::task::spawn_blocking(move || work(&index)).await;
    done.unwrap_or(Err(IndexError::Stopped))
}
