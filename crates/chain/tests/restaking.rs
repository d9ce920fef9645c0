//! Restaking, slashing and governance on a real EVM node, with the real bytecode of EigenLayer's core (v1.3.0): O1, O6, I1,
//! G1 to G5, X3.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "support/anvil.rs"]
mod node;
#[path = "support/restaking.rs"]
mod restaking;
#[path = "support/stage.rs"]
mod stage;

use alloy::primitives::{Address, B256, U256};
use alloy::providers::Provider as _;
use alloy::signers::local::PrivateKeySigner;
use node::funded;
use rampart_chain::l1::operators::equivocation_call;
use rampart_chain::l1::{Decision, ProposalState, Support};
use rampart_chain::outgoing::Progress;
use rampart_chain::outgoing::plan::{Rules, Wish};
use rampart_chain::{Endpoints, Outgoing};
use rampart_chain::{EventCursor, EventReader};
use rampart_protocol::observation::{GovernanceAction, Observation, ParameterChange, SetParameters};
use restaking::{
    BOUNTY, COMMISSION, DELAYS, ONE, Restaking, TIMELOCK_DELAY, VOTING_DELAY, VOTING_PERIOD, WHOLE,
};
use stage::{SETTLEMENT, checkpoint_key, refused, signed};

/// Everything that the outbox told so far and that is final.
async fn told(world: &Restaking) -> Vec<Observation> {
    world.anvil.mine(3).await;
    let reader = EventReader::outbox(
        &world.anvil.url,
        world.contracts.outbox,
        world.contracts.registry(),
    )
    .unwrap();
    let mut cursor = EventCursor::new(world.contracts.deployed_at);
    let mut all = Vec::new();
    while cursor.next_range(reader.head().await.unwrap().number).is_some() {
        all.extend(reader.read(&mut cursor).await.unwrap());
    }
    all
}

/// The operator's stake and the investors' weights, as the ledger knows them after all of that.
fn ledger(told: &[Observation], investor: Address) -> (u128, u128) {
    let (mut stake, mut weight) = (0, 0);
    for observation in told {
        match observation {
            Observation::OperatorStake(seen) => stake = seen.stake,
            Observation::InvestorWeight(seen) if seen.investor == investor => weight = seen.weight,
            _ => {}
        }
    }
    (stake, weight)
}

#[tokio::test]
async fn the_whole_life_of_a_stake_from_restaking_over_a_slashing_to_its_withdrawal() {
    let world = Restaking::start(SETTLEMENT).await;
    let (operator, ann, bob) = (funded(1).address(), funded(2).address(), funded(3).address());
    let key = checkpoint_key();

    // Nobody restakes to who is not in the set.
    refused(
        world.vault(2).restake(operator, 10 * ONE).await,
        "not in the service's operator set",
    );
    world.join(1, &key).await;
    let status = world.operators(2).status(operator).await.unwrap();
    assert!(status.registered && status.can_allocate && status.member);
    assert_eq!(status.stake, U256::ZERO);

    for (account, amount) in [(2, 100 * ONE), (3, 50 * ONE)] {
        let (credited, _) = world.vault(account).restake(operator, amount).await.unwrap();
        assert_eq!(credited, amount);
    }
    world.operators(3).sync(operator).await.unwrap();
    let stake = world.operators(3).status(operator).await.unwrap();
    assert_eq!(
        (stake.stake, stake.told),
        (U256::from(150 * ONE), U256::from(150 * ONE))
    );
    let seen = told(&world).await;
    assert_eq!(ledger(&seen, ann), (150 * ONE, 100 * ONE));
    assert_eq!(ledger(&seen, bob), (150 * ONE, 50 * ONE));
    let indices: Vec<u64> = seen.iter().map(Observation::index).collect();
    assert_eq!(indices, (0..seen.len() as u64).collect::<Vec<_>>());

    // Bob moves half of his tokens away before the slashing.
    world
        .governance(3)
        .transfer(Address::repeat_byte(0xab), 40 * ONE)
        .await
        .unwrap();
    equivocate(&world, &key).await;

    // Half of the stake is gone; who is poked loses as much of position and tokens, or owes it.
    let status = world.operators(2).status(operator).await.unwrap();
    assert_eq!(status.stake, U256::from(75 * ONE));
    assert_eq!(world.operators(2).magnitude(operator).await.unwrap(), WHOLE / 2);
    for investor in [ann, bob] {
        world.vault(0).poke(operator, investor).await.unwrap();
    }
    let stake = world.vault(2).stake(operator, ann).await.unwrap();
    assert_eq!(
        (stake.position, stake.tokens, stake.debt),
        (50 * ONE, 50 * ONE, 0)
    );
    let stake = world.vault(3).stake(operator, bob).await.unwrap();
    assert_eq!(
        (stake.position, stake.tokens, stake.debt),
        (25 * ONE, 0, 15 * ONE)
    );
    let seen = told(&world).await;
    assert_eq!(ledger(&seen, ann), (75 * ONE, 50 * ONE));
    assert_eq!(ledger(&seen, bob), (75 * ONE, 0));
    refused(
        world.vault(3).request_withdrawal(operator, 25 * ONE).await,
        "15 governance tokens are owed",
    );

    withdraw(&world, ann).await;
    let seen = told(&world).await;
    assert_eq!(ledger(&seen, ann).1, 0);
}

/// The operator signs two checkpoints of one height; somebody else proves it.
async fn equivocate(world: &Restaking, key: &PrivateKeySigner) {
    let (first, second) = (signed(key, 7, 1), signed(key, 7, 2));
    let reporter = world.operators(0);
    let recipient = Address::repeat_byte(0xb0);
    rampart_chain::deploy::Deployer::new(&world.anvil.url, funded(0))
        .unwrap()
        .transfer_coin(world.contracts.service_manager, U256::from(ONE))
        .await
        .unwrap();
    for (a, b, says) in [
        (&first, &first, "do not conflict"),
        (&first, &signed(key, 8, 2), "do not conflict"),
        (&first, &signed(&funded(3), 7, 2), "signed by two keys"),
        (
            &signed(&funded(3), 7, 1),
            &signed(&funded(3), 7, 2),
            "no operator ever had",
        ),
    ] {
        refused(reporter.slash_equivocation(a, b, recipient).await, says);
    }
    // As an operator brings it: kept on the disk, and outbid when it is stuck.
    let operator = funded(1).address();
    let before = reporter.status(operator).await.unwrap().stake;
    let folder = tempfile::tempdir().unwrap();
    let endpoints = Endpoints::new(vec![world.anvil.url.clone()], None).unwrap();
    let rules = Rules {
        stuck_after_ms: 10_000,
        max_fee: 100_000_000_000,
    };
    let path = folder.path().join("outgoing.json");
    let chain = world.contracts.chain_id;
    let mut outgoing = Outgoing::new(&endpoints, chain, funded(3), rules, &path).unwrap();
    let call = equivocation_call(world.contracts.service_manager, &first, &second, recipient);
    let wish = Wish::Do(call.clone());
    assert!(matches!(outgoing.drive(&wish, 0).await, Ok(Progress::Sent(_))));
    // Mined at once, but in a task of the chain's own.
    let mut mined = outgoing.drive(&wish, 1).await.unwrap();
    for _ in 0..100 {
        if mined != Progress::Waiting {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        mined = outgoing.drive(&wish, 1).await.unwrap();
    }
    assert!(
        matches!(mined, Progress::Mined { subject, outcome: Some((_, true)) } if subject == call.subject),
        "{mined:?}"
    );
    let after = reporter.status(operator).await.unwrap().stake;
    // Half of the magnitude is what an equivocation costs here.
    assert_eq!(before - after, before / U256::from(2));
    let provider = alloy::providers::ProviderBuilder::new().connect_http(world.anvil.url.parse().unwrap());
    assert_eq!(provider.get_balance(recipient).await.unwrap(), U256::from(BOUNTY));
    let again = outgoing.drive(&wish, 2).await.unwrap_err();
    assert!(
        again
            .refusal()
            .is_some_and(rampart_chain::Refusal::is_already_punished),
        "{again}"
    );
    refused(
        reporter.slash_equivocation(&second, &first, recipient).await,
        "of height 7 already",
    );
}

/// Ann takes all that is left, after EigenLayer's delay and to the last unit.
async fn withdraw(world: &Restaking, ann: Address) {
    let (vault, operator) = (world.vault(2), funded(1).address());
    let asset = rampart_chain::bindings::DevTokenContract::new(
        world.contracts.asset,
        alloy::providers::ProviderBuilder::new().connect_http(world.anvil.url.parse().unwrap()),
    );
    let before = asset.balanceOf(ann).call().await.unwrap();
    let (id, _) = vault.request_withdrawal(operator, 50 * ONE).await.unwrap();
    let stake = vault.stake(operator, ann).await.unwrap();
    assert_eq!((stake.position, stake.tokens), (0, 0));
    let queued = vault.withdrawal(id).await.unwrap().unwrap();
    assert_eq!(queued.investor, ann);
    // One block too early, whatever mines it.
    world.anvil.mine(u64::from(DELAYS.withdrawal) - 1).await;
    assert_eq!(vault.block().await.unwrap() + 2, queued.ready_at);
    refused(vault.complete_withdrawal(id).await, "delay is not over yet");
    world.anvil.mine(1).await;
    let (paid, _) = world.vault(0).complete_withdrawal(id).await.unwrap();
    assert_eq!(paid, U256::from(50 * ONE));
    let after = asset.balanceOf(ann).call().await.unwrap();
    assert_eq!(after - before, paid);
    assert_eq!(vault.withdrawal(id).await.unwrap(), None);
    refused(vault.complete_withdrawal(id).await, "no withdrawal 0");
}

#[tokio::test]
async fn a_proposal_becomes_a_decision_that_the_ledger_is_told() {
    let world = Restaking::start(SETTLEMENT).await;
    let operator = funded(1).address();
    world.join(1, &checkpoint_key()).await;
    world.vault(2).restake(operator, 100 * ONE).await.unwrap();
    let (ann, bob) = (world.governance(2), world.governance(3));
    let action: GovernanceAction = SetParameters {
        changes: vec![ParameterChange {
            name: "storage_fee".to_owned(),
            value: 12_345,
        }],
    }
    .into();
    let decisions = [Decision::Ledger(action.clone())];
    let description = "a higher storage fee";
    // Tokens whose votes were never given do not vote.
    refused(ann.propose(&decisions, description).await, "a voting weight of 0");
    ann.delegate(funded(2).address()).await.unwrap();
    // The soft cap: she holds nearly all that there is.
    let votes = ann.votes(funded(2).address()).await.unwrap();
    assert!(
        votes > U256::from(20 * ONE) && votes < U256::from(30 * ONE),
        "{votes}"
    );
    world.anvil.pass(1).await;

    let (proposal, _) = ann.propose(&decisions, description).await.unwrap();
    assert_eq!(ann.state(proposal.id).await.unwrap(), ProposalState::Pending);
    assert_eq!(bob.proposal(proposal.id).await.unwrap().as_ref(), Some(&proposal));
    assert_eq!(bob.proposal(U256::from(1)).await.unwrap(), None);
    refused(ann.vote(proposal.id, Support::For, "").await, "must be active");
    world.anvil.pass(VOTING_DELAY.0 + 1).await;
    ann.vote(proposal.id, Support::For, "it is too low")
        .await
        .unwrap();
    refused(ann.vote(proposal.id, Support::For, "").await, "has voted");
    // Without tokens a vote weighs nothing.
    bob.vote(proposal.id, Support::Against, "").await.unwrap();
    let tally = bob.tally(&proposal).await.unwrap();
    assert!(tally.in_favour >= votes && tally.against == U256::ZERO);
    // A tenth of the supply, of which five are still vesting.
    assert_eq!(tally.quorum, Some(U256::from(105 * ONE / 10)));
    refused(bob.queue(&proposal).await, "must be succeeded");
    world.anvil.pass(VOTING_PERIOD.0).await;
    assert_eq!(bob.state(proposal.id).await.unwrap(), ProposalState::Succeeded);
    bob.queue(&proposal).await.unwrap();
    refused(bob.execute(&proposal).await, "not ready yet");
    world.anvil.pass(TIMELOCK_DELAY.0 + 1).await;
    bob.execute(&proposal).await.unwrap();
    assert_eq!(bob.state(proposal.id).await.unwrap(), ProposalState::Executed);

    let seen = told(&world).await;
    let decided = seen.iter().filter_map(|observation| match observation {
        Observation::Governance(seen) => Some(&seen.action),
        _ => None,
    });
    assert_eq!(decided.collect::<Vec<_>>(), [&action]);
    assert_eq!(ledger(&seen, funded(2).address()).1, 100 * ONE);
}

#[tokio::test]
async fn keys_are_taken_only_with_their_proof_and_once() {
    let world = Restaking::start(SETTLEMENT).await;
    let key = checkpoint_key();
    let (operator, operators) = (funded(1).address(), world.operators(1));
    let proofs = world.proofs(1, &key).await;
    // Not an operator of EigenLayer yet.
    refused(operators.allocate(operator, WHOLE).await, "EigenLayer");
    operators.register_on_core(0, "").await.unwrap();
    refused(operators.register_on_core(0, "").await, "or is one");
    let forged = rampart_chain::l1::KeyProofs {
        checkpoint_key: funded(3).address(),
        ..proofs.clone()
    };
    refused(
        operators.join(operator, &forged, COMMISSION).await,
        "should be signed by",
    );
    operators.join(operator, &proofs, COMMISSION).await.unwrap();
    refused(
        operators.join(operator, &proofs, COMMISSION).await,
        "is in the set",
    );
    // Another operator cannot take the key over.
    let other = world.operators(2);
    other.register_on_core(0, "").await.unwrap();
    let taken = world.proofs(2, &key).await;
    refused(
        other.join(funded(2).address(), &taken, COMMISSION).await,
        "is or was that of",
    );
    operators.leave(operator).await.unwrap();
    assert!(!operators.status(operator).await.unwrap().member);
}

/// The keys that the ledger is told of, with whether they are proven.
async fn keys_told(world: &Restaking) -> Vec<(B256, Address, bool)> {
    let keys = told(world)
        .await
        .into_iter()
        .filter_map(|observation| match observation {
            Observation::OperatorKeys(seen) => Some((seen.consensus_key, seen.checkpoint_key, seen.proven)),
            _ => None,
        });
    keys.collect()
}

#[tokio::test]
async fn an_operator_rotates_its_keys_and_an_unproven_one_is_told_as_such() {
    let world = Restaking::start(SETTLEMENT).await;
    // It signs proofs and sends nothing.
    let new: PrivateKeySigner = PrivateKeySigner::from_bytes(&B256::repeat_byte(0x55)).unwrap();
    let old = checkpoint_key();
    refused(
        world.operators(1).set_keys(&world.proofs(1, &old).await).await,
        "not in the service's operator set",
    );
    world.join(1, &old).await;
    let first = world.proofs(1, &old).await;
    let mut unproven = world.proofs(1, &new).await;
    unproven.consensus_signature = first.consensus_signature.clone();
    world.operators(1).set_keys(&unproven).await.unwrap();
    let second = world.proofs(1, &new).await;
    world.operators(1).set_keys(&second).await.unwrap();
    assert_eq!(
        keys_told(&world).await,
        [
            (first.consensus_key, old.address(), true),
            (first.consensus_key, new.address(), false),
            (first.consensus_key, new.address(), true),
        ]
    );
    // The old key is the operator's for ever, and what it signs is punished.
    let other = world.operators(2);
    other.register_on_core(0, "").await.unwrap();
    let taken = world.proofs(2, &old).await;
    refused(
        other.join(funded(2).address(), &taken, COMMISSION).await,
        "is or was that of",
    );
    world
        .vault(2)
        .restake(funded(1).address(), 100 * ONE)
        .await
        .unwrap();
    equivocate(&world, &old).await;
    assert_eq!(
        world
            .operators(2)
            .status(funded(1).address())
            .await
            .unwrap()
            .stake,
        U256::from(50 * ONE)
    );
}
