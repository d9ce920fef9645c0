//! An operator's vote on a case: sealed first, opened when all have committed (V8).

use crate::session::{Session, applied};
use alloy::signers::local::PrivateKeySigner;
use anyhow::ensure;
use rampart_node::monitor::sealed::{Folder, Sealed, Vote};
use rampart_protocol::api::{CasePhase, CaseView};
use rampart_protocol::message::{CommitVerdict, RevealVerdict};
use rampart_protocol::{Address, B256, CaseId};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// A vote that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Voted {
    /// The case.
    pub case: CaseId,
    /// Its round.
    pub round: u32,
    /// What was committed to.
    pub commitment: B256,
    /// Where verdict and salt are kept.
    pub file: PathBuf,
    /// Height at which it was applied.
    pub height: u64,
}

/// Commits to a verdict in the case's present round. Verdict and salt are on disk before anything is sent.
pub async fn commit(
    session: &Session,
    signer: &PrivateKeySigner,
    state: &Path,
    case: CaseId,
    upheld: bool,
    wait: u64,
) -> anyhow::Result<Voted> {
    let vote = vote(&session.client.case(case).await?, signer.address())?;
    let folder = Folder::new(state, &session.domain);
    let sealed = folder.seal(vote, upheld, rand::random::<[u8; 32]>().into(), &[])?;
    let message = CommitVerdict {
        case,
        round: vote.round,
        commitment: sealed.commitment(),
        nonce: session.nonce(signer).await?,
    };
    let height = applied(&session.send(signer, message.into(), wait).await?)?;
    Ok(voted(vote, &sealed, &folder, height))
}

/// Opens the verdict that was committed to in the case's present round.
pub async fn reveal(
    session: &Session,
    signer: &PrivateKeySigner,
    state: &Path,
    case: CaseId,
    wait: u64,
) -> anyhow::Result<Voted> {
    let vote = vote(&session.client.case(case).await?, signer.address())?;
    let folder = Folder::new(state, &session.domain);
    let sealed = folder.open(&vote)?;
    let message = RevealVerdict {
        case,
        round: vote.round,
        upheld: sealed.upheld,
        salt: sealed.salt,
        nonce: session.nonce(signer).await?,
    };
    let height = applied(&session.send(signer, message.into(), wait).await?)?;
    Ok(voted(vote, &sealed, &folder, height))
}

/// The operator's vote in the round that is open.
fn vote(case: &CaseView, operator: Address) -> anyhow::Result<Vote> {
    ensure!(
        case.phase != CasePhase::Governance,
        "case {} went to governance: operators cannot vote on it any more",
        case.case
    );
    Ok(Vote {
        case: case.case,
        round: case.round,
        operator,
    })
}

fn voted(vote: Vote, sealed: &Sealed, folder: &Folder, height: u64) -> Voted {
    Voted {
        case: vote.case,
        round: vote.round,
        commitment: sealed.commitment(),
        file: folder.file(&vote),
        height,
    }
}
