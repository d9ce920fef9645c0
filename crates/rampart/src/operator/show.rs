//! What there is to see of operators and of the cases that they judge.

use crate::args::{NodeArgs, OutputArgs};
use crate::l1::whole;
use crate::output;
use crate::session::Session;
use rampart_protocol::api::{CasePhase, CaseView, OperatorView};
use rampart_protocol::{Address, CaseId};

/// Lists the operators.
pub async fn list(node: &NodeArgs, output: OutputArgs) -> anyhow::Result<()> {
    let operators = Session::open(node).await?.client.operators().await?;
    output::print(output, &operators, |all| {
        let line = |operator: &OperatorView| {
            format!(
                "{}  stake {} of {}, {}commission {} ppm, {} tokens to claim",
                operator.address,
                whole(operator.stake.0),
                whole(all.total_stake.0),
                if operator.seats.is_empty() {
                    "no seat, "
                } else {
                    ""
                },
                operator.commission,
                operator.owed.to_tokens()
            )
        };
        all.operators.iter().map(line).collect()
    })
}

fn keys(operator: &OperatorView) -> String {
    match &operator.keys {
        Some(keys) => format!(
            "keys        {} votes, {} signs checkpoints",
            keys.consensus_key, keys.checkpoint_key
        ),
        None => "keys        none proved, so no seat".to_owned(),
    }
}

fn seats(operator: &OperatorView) -> String {
    match operator.seats.as_slice() {
        [] => "seat        none in this consensus epoch nor in the next".to_owned(),
        [epoch] => format!("seat        in consensus epoch {epoch}"),
        [.., last] => format!("seat        in this consensus epoch and the next, {last}"),
    }
}

/// Shows one operator.
pub async fn operator(address: Address, node: &NodeArgs, output: OutputArgs) -> anyhow::Result<()> {
    let view = Session::open(node).await?.client.operator(address).await?;
    output::print(output, &view, |view| {
        let duty = &view.participation;
        let mut lines = vec![
            format!("operator    {}", view.address),
            format!("stake       {}", whole(view.stake.0)),
            format!("commission  {} ppm of its rewards", view.commission),
            format!("investors   {} of weight", whole(view.weight.0)),
            format!("to claim    {} tokens", view.owed.to_tokens()),
            format!("claimed     {} tokens", view.claimed.to_tokens()),
            keys(view),
            seats(view),
            format!(
                "epoch {}: {} of {} pages of availability reported",
                duty.epoch, duty.reported, duty.pages
            ),
        ];
        if duty.missed_vote {
            lines.push("it missed a vote, and earns nothing of this epoch".to_owned());
        }
        lines
    })
}

/// Lists all open cases.
pub async fn cases(node: &NodeArgs, output: OutputArgs) -> anyhow::Result<()> {
    let session = Session::open(node).await?;
    let (mut cases, mut after) = (Vec::new(), None);
    loop {
        let page = session.client.cases(after, 200).await?;
        cases.extend(page.cases);
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    output::print(output, &cases, |cases| cases.iter().map(headline).collect())
}

/// Shows one case with its votes.
pub async fn case(case: CaseId, node: &NodeArgs, output: OutputArgs) -> anyhow::Result<()> {
    let case = Session::open(node).await?.client.case(case).await?;
    output::print(output, &case, |case| {
        let mut lines = vec![headline(case)];
        for vote in &case.votes {
            let state = match (vote.committed, vote.upheld) {
                (false, _) => "not committed",
                (true, None) => "committed",
                (true, Some(true)) => "revealed: uphold",
                (true, Some(false)) => "revealed: overturn",
            };
            lines.push(format!(
                "  {}  stake {}, {state}",
                vote.operator,
                whole(vote.stake.0)
            ));
        }
        lines
    })
}

fn headline(case: &CaseView) -> String {
    let state = match case.phase {
        CasePhase::Commit => format!("commit until {}", case.commit_until),
        CasePhase::Reveal => format!("reveal until {}", case.reveal_until),
        CasePhase::Count => "about to be counted".to_owned(),
        CasePhase::Governance => "governance decides".to_owned(),
    };
    format!(
        "{}  {} of provider {}, round {}: {state}",
        case.case, case.subject, case.provider, case.round
    )
}
