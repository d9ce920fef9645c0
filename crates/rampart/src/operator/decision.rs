//! What an operator's people decide on a case, and what its node has sealed (V8): files that both use.

use crate::args::{NodeArgs, OutputArgs};
use crate::output;
use crate::session::Session;
use anyhow::ensure;
use rampart_node::monitor::judge::Decisions;
use rampart_node::monitor::sealed::Folder;
use rampart_protocol::api::CasePhase;
use rampart_protocol::{Address, CaseId};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// A decision that was left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Decided {
    case: CaseId,
    upheld: bool,
    file: PathBuf,
    /// Whether the present round can still take it.
    in_time: bool,
}

/// A sealed verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Opinion {
    case: CaseId,
    round: u32,
    operator: Address,
    upheld: bool,
    reasons: Vec<String>,
}

/// Leaves a decision for the node. Refuses when the opposite is sealed for the present round.
pub async fn decide(
    case: CaseId,
    upheld: bool,
    note: String,
    state: &Path,
    node: &NodeArgs,
    format: OutputArgs,
) -> anyhow::Result<()> {
    let session = Session::open(node).await?;
    let view = session.client.case(case).await?;
    let domain = &session.domain;
    let sealed = Folder::new(state, domain).of_case(case)?;
    let opposite = sealed
        .iter()
        .any(|sealed| sealed.vote().round == view.round && sealed.upheld != upheld);
    ensure!(
        !opposite,
        "the opposite verdict is sealed in round {}, and a commitment cannot be changed",
        view.round
    );
    let decided = Decided {
        case,
        upheld,
        file: Decisions::new(state, domain).decide(case, upheld, note)?,
        in_time: view.phase == CasePhase::Commit,
    };
    output::print(format, &decided, |decided| {
        let mut lines = vec![format!("decided: {}", word(decided.upheld))];
        if !decided.in_time {
            lines.push(
                "round's commitments are over: it counts in the next round, if there is one".to_owned(),
            );
        }
        lines.push(format!("kept in {}", decided.file.display()));
        lines
    })
}

/// Shows what is sealed on a case, and why.
pub async fn opinion(case: CaseId, state: &Path, node: &NodeArgs, format: OutputArgs) -> anyhow::Result<()> {
    let session = Session::open(node).await?;
    let folder = Folder::new(state, &session.domain);
    let opinions: Vec<Opinion> = folder
        .of_case(case)?
        .into_iter()
        .map(|sealed| Opinion {
            case,
            round: sealed.vote().round,
            operator: sealed.vote().operator,
            upheld: sealed.upheld,
            reasons: sealed.reasons,
        })
        .collect();
    ensure!(
        !opinions.is_empty(),
        "nothing is sealed on case {case} in {}",
        state.display()
    );
    output::print(format, &opinions, |opinions| {
        let lines = opinions.iter().flat_map(|opinion| {
            let head = format!("round {}: {}", opinion.round, word(opinion.upheld));
            let reasons = opinion.reasons.iter().map(|reason| format!("  {reason}"));
            std::iter::once(head).chain(reasons)
        });
        lines.collect()
    })
}

const fn word(upheld: bool) -> &'static str {
    if upheld { "uphold" } else { "overturn" }
}
