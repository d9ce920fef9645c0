//! Everything that governance can decide, from the proposal on the L1 to what the ledger is told (G1, G2).
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "support/anvil.rs"]
mod node;
#[path = "support/restaking.rs"]
mod restaking;
#[path = "support/stage.rs"]
mod stage;

use alloy::primitives::B256;
use rampart_chain::l1::{Decision, Support};
use rampart_chain::{EventCursor, EventReader};
use rampart_protocol::observation::{
    Expel, GovernanceAction, Judge, MAX_CHANGES, Observation, ParameterChange, Pardon, SetParameters, Slash,
    Spend, Suspend,
};
use rampart_protocol::{Amount, CaseId, ProviderId};
use restaking::{TIMELOCK_DELAY, VOTING_DELAY, VOTING_PERIOD};
use stage::{ANN, address, decide, refused, restaked};

fn changes(count: usize) -> SetParameters {
    let change = |n: usize| ParameterChange {
        name: format!("parameter_{n}"),
        value: u128::MAX - n as u128,
    };
    SetParameters {
        changes: (0..count).map(change).collect(),
    }
}

#[tokio::test]
async fn every_kind_of_decision_reaches_the_ledger_as_it_was_decided() {
    let world = restaked().await;
    let provider = ProviderId(u64::MAX);
    let actions: Vec<GovernanceAction> = vec![
        changes(MAX_CHANGES).into(),
        Suspend { provider }.into(),
        Expel { provider }.into(),
        Pardon { provider }.into(),
        Slash {
            provider,
            amount: Amount(u128::MAX),
        }
        .into(),
        Judge {
            case: CaseId(B256::repeat_byte(7)),
            upheld: true,
        }
        .into(),
        Judge {
            case: CaseId(B256::ZERO),
            upheld: false,
        }
        .into(),
        Spend {
            recipient: address(ANN),
            amount: Amount(1),
        }
        .into(),
    ];
    let decisions: Vec<Decision> = actions.iter().cloned().map(Decision::Ledger).collect();
    decide(&world, &decisions).await;
    world.anvil.mine(3).await;
    let reader = EventReader::outbox(
        &world.anvil.url,
        world.contracts.outbox,
        world.contracts.registry(),
    )
    .unwrap();
    let mut cursor = EventCursor::new(world.contracts.deployed_at);
    let seen = reader.read(&mut cursor).await.unwrap();
    let decided: Vec<GovernanceAction> = seen
        .into_iter()
        .filter_map(|observation| match observation {
            Observation::Governance(seen) => Some(seen.action),
            _ => None,
        })
        .collect();
    assert_eq!(decided, actions);
}

#[tokio::test]
async fn a_decision_that_the_ledger_could_not_read_is_never_told() {
    let world = restaked().await;
    let ann = world.governance(ANN);
    ann.delegate(address(ANN)).await.unwrap();
    world.anvil.pass(1).await;
    let mut named = changes(1);
    named.changes[0].name = "Storage Fee".to_owned();
    let wrong = [
        (changes(0), "changes 0 parameters"),
        (changes(MAX_CHANGES + 1), "changes 65 parameters"),
        (named, "`Storage Fee` cannot be"),
    ];
    let mut proposals = Vec::new();
    for (change, says) in wrong {
        let (proposal, _) = ann
            .propose(&[Decision::Ledger(change.into())], "wrong")
            .await
            .unwrap();
        proposals.push((proposal, says));
    }
    world.anvil.pass(VOTING_DELAY.0 + 1).await;
    for (proposal, _) in &proposals {
        ann.vote(proposal.id, Support::For, "").await.unwrap();
    }
    world.anvil.pass(VOTING_PERIOD.0).await;
    for (proposal, _) in &proposals {
        ann.queue(proposal).await.unwrap();
    }
    world.anvil.pass(TIMELOCK_DELAY.0 + 1).await;
    for (proposal, says) in &proposals {
        refused(ann.execute(proposal).await, says);
    }
    let listed: Vec<_> = ann.proposals().await.unwrap();
    assert_eq!(
        listed,
        proposals
            .into_iter()
            .map(|(proposal, _)| proposal)
            .collect::<Vec<_>>()
    );
}
