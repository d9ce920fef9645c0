//! What EigenLayer's real core (v1.3.0) does at the edges that our contracts rely on: stake turned away, slashing of what
//! is on its way out, slashing to nothing and by odd parts, operators that left, callers without a right.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "support/anvil.rs"]
mod node;
#[path = "support/restaking.rs"]
mod restaking;
#[path = "support/stage.rs"]
mod stage;

use alloy::primitives::{Address, B256, U256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use node::funded;
use rampart_chain::ChainError;
use rampart_chain::bindings::{
    DevTokenContract, GovernanceTokenContract, OutboxContract, ServiceManagerContract,
};
use rampart_chain::deploy::Deployer;
use rampart_chain::l1::{Core, CoreVersion, Decision, L1Settings};
use restaking::{COMMISSION, DELAYS, ONE, Restaking, WHOLE};
use stage::{ANN, BOB, OPERATOR, SETTLEMENT, address, checkpoint_key, decide, refused, restaked, signed};

alloy::sol! {
    #[sol(rpc)]
    interface IDelegation {
        function undelegate(address staker) external returns (bytes32[] memory withdrawalRoots);
    }

    #[sol(rpc)]
    interface IPermissions {
        function acceptAdmin(address account) external;
        function isAdmin(address account, address caller) external view returns (bool);
    }
}

fn provider(world: &Restaking, account: usize) -> DynProvider {
    ProviderBuilder::new()
        .wallet(funded(account))
        .connect_http(world.anvil.url.parse().unwrap())
        .erased()
}

fn slash(wad: u64) -> Decision {
    Decision::SlashOperator {
        operator: address(OPERATOR),
        wad: U256::from(wad),
        description: "decided".to_owned(),
    }
}

async fn equivocate(world: &Restaking, height: u64) -> Result<U256, ChainError> {
    let reporter = world.operators(0);
    let key = checkpoint_key();
    let proof = (signed(&key, height, 1), signed(&key, height, 2));
    let punished = reporter
        .slash_equivocation(&proof.0, &proof.1, Address::repeat_byte(0xb0))
        .await?;
    Ok(punished.slashed)
}

async fn position(world: &Restaking, account: usize) -> u128 {
    world
        .vault(0)
        .poke(address(OPERATOR), address(account))
        .await
        .unwrap();
    let stake = world.vault(0).stake(address(OPERATOR), address(account)).await;
    stake.unwrap().position
}

async fn holds(world: &Restaking, account: usize) -> U256 {
    let asset = DevTokenContract::new(world.contracts.asset, provider(world, 0));
    asset.balanceOf(address(account)).call().await.unwrap()
}

/// Withdraws all of a position; what was paid.
async fn leave(world: &Restaking, account: usize) -> u128 {
    let vault = world.vault(account);
    let all = position(world, account).await;
    let before = holds(world, account).await;
    let (id, _) = vault.request_withdrawal(address(OPERATOR), all).await.unwrap();
    world.anvil.mine(u64::from(DELAYS.withdrawal) + 1).await;
    let (paid, _) = vault.complete_withdrawal(id).await.unwrap();
    assert_eq!(holds(world, account).await - before, paid);
    u128::try_from(paid).unwrap()
}

/// The operator undelegates the vault's account, on EigenLayer.
async fn turn_away(world: &Restaking) {
    let account = world.vault(0).account(address(OPERATOR)).await.unwrap();
    let core = IDelegation::new(world.contracts.delegation_manager, provider(world, OPERATOR));
    let pending = core.undelegate(account).send().await.unwrap();
    assert!(pending.get_receipt().await.unwrap().status());
}

#[tokio::test]
async fn dust_of_an_earlier_delegation_cannot_stand_for_stake_that_is_turned_away_later() {
    const MINIMUM: u128 = 1_000_000_000_000;
    let world = Restaking::start(SETTLEMENT).await;
    world.join(OPERATOR, &checkpoint_key()).await;
    let (operator, ann) = (address(OPERATOR), world.vault(ANN));
    world.vault(BOB).restake(operator, MINIMUM).await.unwrap();
    equivocate(&world, 7).await.unwrap();
    assert_eq!(position(&world, BOB).await, MINIMUM / 2);
    turn_away(&world).await;
    let dust = ann.queued(operator).await.unwrap()[0];
    // So little does not keep the operator from taking stake again.
    assert_eq!(ann.restake(operator, 100 * ONE).await.unwrap().0, 100 * ONE);
    turn_away(&world).await;
    world.anvil.mine(u64::from(DELAYS.withdrawal) + 1).await;
    refused(ann.reclaim(operator, dust).await, "is no stake that");
    let queued = ann.queued(operator).await.unwrap();
    let stake = queued.into_iter().find(|root| *root != dust).unwrap();
    world.vault(0).reclaim(operator, stake).await.unwrap();
    assert_eq!(leave(&world, ANN).await, 100 * ONE);
}

#[tokio::test]
async fn stake_that_an_operator_turns_away_is_brought_back_and_withdrawn_in_full() {
    let world = restaked().await;
    let (operator, ann) = (address(OPERATOR), world.vault(ANN));
    turn_away(&world).await;

    refused(
        ann.request_withdrawal(operator, 100 * ONE).await,
        "must be reclaimed",
    );
    refused(ann.restake(operator, ONE).await, "turned the vault's stake away");
    assert_eq!(position(&world, ANN).await, 100 * ONE, "it is not lost");
    let stake = ann.stake(operator, address(ANN)).await.unwrap();
    assert_eq!((stake.weight, stake.tokens), (0, 100 * ONE), "but weighs nothing");

    let roots = ann.queued(operator).await.unwrap();
    assert_eq!(roots.len(), 1);
    refused(ann.reclaim(operator, roots[0]).await, "delay is not over");
    world.anvil.mine(u64::from(DELAYS.withdrawal) + 1).await;
    refused(
        ann.reclaim(operator, B256::repeat_byte(1)).await,
        "is no stake that",
    );
    world.vault(0).reclaim(operator, roots[0]).await.unwrap();
    refused(ann.reclaim(operator, roots[0]).await, "is no stake that");

    assert_eq!(leave(&world, ANN).await, 100 * ONE);
    assert_eq!(leave(&world, BOB).await, 50 * ONE);
    // When all have left, the operator can take stake again.
    assert_eq!(ann.restake(operator, 10 * ONE).await.unwrap().0, 10 * ONE);
    assert_eq!(leave(&world, ANN).await, 10 * ONE);
}

#[tokio::test]
async fn what_is_on_its_way_out_is_slashed_with_the_rest() {
    let world = restaked().await;
    let (operator, ann) = (address(OPERATOR), world.vault(ANN));
    let (id, _) = ann.request_withdrawal(operator, 100 * ONE).await.unwrap();
    // Only what still weighs counts as slashed; what is queued loses the same part.
    assert_eq!(equivocate(&world, 7).await.unwrap(), U256::from(25 * ONE));
    world.anvil.mine(u64::from(DELAYS.withdrawal) + 1).await;
    let (paid, _) = ann.complete_withdrawal(id).await.unwrap();
    assert_eq!(paid, U256::from(50 * ONE));
    assert_eq!(leave(&world, BOB).await, 25 * ONE);
}

#[tokio::test]
async fn governance_slashes_and_ejects_an_operator_who_stays_slashable_for_the_delay() {
    let world = restaked().await;
    let operator = address(OPERATOR);
    decide(&world, &[slash(WHOLE / 4), Decision::EjectOperator(operator)]).await;
    let status = world.operators(0).status(operator).await.unwrap();
    assert!(!status.member);
    assert_eq!((status.stake, status.told), (U256::ZERO, U256::ZERO));
    let magnitude = world.operators(0).magnitude(operator).await.unwrap();
    assert_eq!(magnitude, WHOLE / 4 * 3);
    refused(
        world.vault(ANN).restake(operator, ONE).await,
        "is not in the service's operator set",
    );

    // An equivocation is punished after the operator has left, as long as EigenLayer keeps its stake slashable.
    let slashed = equivocate(&world, 7).await.unwrap();
    assert_eq!(
        slashed,
        U256::from(1125 * ONE / 20),
        "half of three quarters of 150"
    );
    world.anvil.mine(u64::from(DELAYS.deallocation) + 1).await;
    refused(equivocate(&world, 8).await, "too long ago");
    // In 10^18 parts of parts EigenLayer rounds; Bob's and Ann's parts of what is left are exact here.
    assert_eq!(leave(&world, ANN).await, 375 * ONE / 10);
    assert_eq!(leave(&world, BOB).await, 1875 * ONE / 100);
}

#[tokio::test]
async fn an_operator_that_is_slashed_to_nothing_leaves_nothing_and_takes_nothing() {
    let world = restaked().await;
    let operator = address(OPERATOR);
    world
        .governance(BOB)
        .transfer(Address::repeat_byte(0xab), 20 * ONE)
        .await
        .unwrap();
    decide(&world, &[slash(WHOLE)]).await;
    assert_eq!(position(&world, ANN).await, 0);
    assert_eq!(position(&world, BOB).await, 0);
    let bob = world.vault(BOB).stake(operator, address(BOB)).await.unwrap();
    assert_eq!((bob.tokens, bob.total, bob.debt), (0, 0, 20 * ONE));
    let supply = world.governance(0).supply().await.unwrap();
    assert_eq!(
        supply,
        U256::from((5 + 20) * ONE),
        "allocations, and what is owed"
    );
    refused(
        world.vault(ANN).restake(operator, ONE).await,
        "everything of this stake was slashed",
    );
    refused(equivocate(&world, 7).await, "has nothing allocated");
}

#[tokio::test]
async fn slashings_by_odd_parts_never_leave_the_vault_owing_more_than_it_can_pay() {
    let world = restaked().await;
    let operator = address(OPERATOR);
    let odd = [
        333_333_333_333_333_333,
        1,
        999_999_999_999_999_999 / 7,
        123_456_789_012_345_678,
    ];
    for (round, wad) in (1u128..).zip(odd) {
        decide(&world, &[slash(wad)]).await;
        for account in [ANN, BOB] {
            let amount = 7 * ONE + 1_000_003 * round + account as u128;
            let (credited, _) = world.vault(account).restake(operator, amount).await.unwrap();
            assert!(
                credited <= amount && amount - credited <= amount / 1_000_000,
                "{credited} of {amount}"
            );
        }
        let owed = position(&world, ANN).await + position(&world, BOB).await;
        let held = world.vault(0).withdrawable(operator).await.unwrap();
        assert!(
            U256::from(owed) <= held,
            "{owed} are owed, {held} can be withdrawn"
        );
    }
    for account in [ANN, BOB] {
        let due = position(&world, account).await;
        let paid = leave(&world, account).await;
        assert!(paid.abs_diff(due) <= 10, "{paid} were paid for {due}");
    }
    let rest = world.vault(0).withdrawable(operator).await.unwrap();
    assert!(rest <= U256::from(10), "{rest} are left behind");
}

#[tokio::test]
async fn who_leaves_can_join_again_when_its_stake_is_slashable_no_more() {
    let world = restaked().await;
    let (operators, operator) = (world.operators(OPERATOR), address(OPERATOR));
    let proofs = world.proofs(OPERATOR, &checkpoint_key()).await;
    operators.leave(operator).await.unwrap();
    refused(operators.leave(operator).await, "not in the set");
    refused(
        operators.join(operator, &proofs, COMMISSION).await,
        "left it and is still slashable",
    );
    world.anvil.mine(u64::from(DELAYS.deallocation) + 1).await;
    operators.join(operator, &proofs, COMMISSION).await.unwrap();
    let status = operators.status(operator).await.unwrap();
    assert!(status.member);
    assert_eq!(status.told, U256::from(150 * ONE));
}

#[tokio::test]
async fn stake_that_is_deallocated_counts_until_the_delay_is_over() {
    let world = restaked().await;
    let (operators, operator) = (world.operators(OPERATOR), address(OPERATOR));
    operators.sync(operator).await.unwrap();
    operators.allocate(operator, WHOLE / 2).await.unwrap();
    refused(
        operators.allocate(operator, WHOLE / 4).await,
        "waits to take effect",
    );
    operators.sync(operator).await.unwrap();
    let status = operators.status(operator).await.unwrap();
    assert_eq!(status.told, U256::from(150 * ONE));
    world.anvil.mine(u64::from(DELAYS.deallocation) + 1).await;
    operators.sync(operator).await.unwrap();
    let status = operators.status(operator).await.unwrap();
    assert_eq!(status.told, U256::from(75 * ONE));
    // Half of half: what is not allocated cannot be taken. EigenLayer tells the stake that is left, a third of what is, in
    // parts of 10^18 rounded down, so a few units more than were taken seem to be gone.
    let slashed = equivocate(&world, 7).await.unwrap() - U256::from(375 * ONE / 10);
    assert!(slashed <= U256::from(150), "{slashed}");
    assert_eq!(position(&world, ANN).await, 75 * ONE);
}

#[tokio::test]
async fn an_account_that_was_handed_over_obeys_its_successor_and_equivocations_are_still_punished() {
    let world = restaked().await;
    let account = world.contracts.service_manager;
    decide(&world, &[Decision::HandOver(address(BOB))]).await;
    let permissions = IPermissions::new(world.contracts.permission_controller, provider(&world, BOB));
    assert!(!permissions.isAdmin(account, address(BOB)).call().await.unwrap());
    let pending = permissions.acceptAdmin(account).send().await.unwrap();
    assert!(pending.get_receipt().await.unwrap().status());
    assert!(permissions.isAdmin(account, address(BOB)).call().await.unwrap());
    assert!(!permissions.isAdmin(account, account).call().await.unwrap());
    assert_eq!(equivocate(&world, 7).await.unwrap(), U256::from(75 * ONE));
}

#[tokio::test]
async fn the_adapter_of_another_version_of_the_core_deploys_nothing() {
    let world = restaked().await;
    let contracts = world.contracts;
    let core = Core {
        allocation_manager: contracts.allocation_manager,
        delegation_manager: contracts.delegation_manager,
        strategy_manager: contracts.strategy_manager,
        permission_controller: contracts.permission_controller,
        pauser_registry: Address::ZERO,
    };
    let deployer = Deployer::new(&world.anvil.url, funded(0)).unwrap();
    let settings = |core_version| L1Settings {
        core_version,
        ..restaking::settings(SETTLEMENT)
    };
    let strategy = contracts.strategy;
    let other = deployer
        .deploy_l1(&core, strategy, &settings(CoreVersion::V19))
        .await;
    assert!(other.is_err(), "{other:?}");
    // A second service beside the first is another one.
    let second = deployer
        .deploy_l1(&core, strategy, &settings(CoreVersion::V13))
        .await
        .unwrap();
    assert_eq!(
        (second.asset, second.chain_id),
        (contracts.asset, contracts.chain_id)
    );
    assert_ne!(second.service_manager, contracts.service_manager);
}

#[tokio::test]
async fn callers_without_a_right_are_refused_with_who_has_it() {
    let world = restaked().await;
    let contracts = &world.contracts;
    let stranger = provider(&world, 0);
    let outbox = OutboxContract::new(contracts.outbox, &stranger);
    let manager = ServiceManagerContract::new(contracts.service_manager, &stranger);
    let token = GovernanceTokenContract::new(contracts.governance_token, &stranger);
    let only = |who: Address| format!("only {who} may");
    let tried = outbox.suspend(1).send().await.map(drop);
    refused(tried.map_err(ChainError::from), &only(contracts.timelock));
    let tried = outbox.tellOperatorStake(address(0), 1, 0).send().await.map(drop);
    refused(tried.map_err(ChainError::from), &only(contracts.service_manager));
    let tried = manager.slash(address(OPERATOR), U256::from(WHOLE), String::new());
    refused(
        tried.send().await.map(drop).map_err(ChainError::from),
        &only(contracts.timelock),
    );
    let tried = manager.deregisterOperator(address(OPERATOR), contracts.service_manager, vec![0]);
    refused(
        tried.send().await.map(drop).map_err(ChainError::from),
        &only(contracts.allocation_manager),
    );
    let tried = token.mint(address(0), U256::from(ONE)).send().await.map(drop);
    refused(tried.map_err(ChainError::from), &only(contracts.vault));
    refused(
        world.operators(0).allocate(address(OPERATOR), WHOLE / 2).await,
        "EigenLayer: the sender",
    );
}
