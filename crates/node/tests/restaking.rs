//! What the L1 tells the ledger (O1, G1, G4): an operator's stake, an investor's weight and a decision of governance, read
//! by a real operator from a real `Outbox` on a chain of its own, beside the inbox on the L2.
#![allow(
    clippy::result_large_err,
    dead_code,
    reason = "a test fails once; not every test uses all of the stage"
)]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "operator/layer1.rs"]
mod layer1;
mod operator;

use layer1::{L1_CHAIN, Layer1, provider};
use operator::node::{Anvil, funded};
use operator::{Running, Stage, account, eventually, tokens};
use rampart_chain::bindings::OutboxContract;
use rampart_protocol::Address;
use rampart_protocol::api::Quantity;

const OPERATOR: Address = Address::repeat_byte(0x0a);
const INVESTOR: Address = Address::repeat_byte(0x1b);

/// A stage whose network has an outbox on an L1, which the operator reads from `rpc`.
async fn stage(l1: &Layer1, rpc: &str) -> Stage {
    let mut stage = Stage::new().await;
    l1.tells(&mut stage.config, rpc);
    stage
}

/// Waits until the ledger has consumed so many entries of the outbox.
async fn consumed(running: &Running, count: u64) {
    eventually("the outbox to be consumed", || async {
        let status = running.client().status().await.unwrap();
        (status.restaking_count == Some(count)).then_some(())
    })
    .await;
}

async fn stake_of(running: &Running, operator: Address) -> Quantity {
    running.client().operator(operator).await.unwrap().stake
}

async fn storage_fee(running: &Running) -> Quantity {
    let params = running.client().params().await.unwrap().params;
    params
        .into_iter()
        .find(|param| param.name == "storage_fee")
        .unwrap()
        .value
}

#[tokio::test(flavor = "multi_thread")]
async fn stakes_weights_and_decisions_reach_the_ledger_in_order_beside_deposits_and_survive_a_restart() {
    let l1 = Layer1::new().await;
    l1.tell_stake(OPERATOR, 500).await;
    let stage = stage(&l1, &l1.anvil.url).await;
    let running = stage.start().await;
    l1.tell_weight(OPERATOR, INVESTOR, 300).await;
    l1.decide("storage_fee", 77).await;
    running.advances().await;
    // Finality on this chain is two blocks on top: only the first two entries are final.
    let told = eventually("what is final to be consumed", || async {
        let status = running.client().status().await.unwrap();
        status.restaking_count.filter(|count| *count > 0)
    })
    .await;
    assert!(told < 3, "an entry was taken before it was final");
    l1.anvil.mine(2).await;
    let consumer = account(1).address();
    stage.fund(&running, &[(consumer, tokens(9))]).await;
    consumed(&running, 3).await;
    let operator = running.client().operator(OPERATOR).await.unwrap();
    assert_eq!((operator.stake, operator.commission.0), (Quantity(500), 50_000));
    let investor = running.client().investor(OPERATOR, INVESTOR).await.unwrap();
    assert_eq!(investor.weight, Quantity(300));
    assert_eq!(storage_fee(&running).await, Quantity(77));
    running.stop().await;

    // The whole outbox is read again, and nothing happens twice.
    let running = stage.start().await;
    running.advances().await;
    consumed(&running, 3).await;
    l1.tell_stake(OPERATOR, 0).await;
    l1.decide("storage_fee", 78).await;
    l1.anvil.mine(2).await;
    consumed(&running, 5).await;
    assert_eq!(stake_of(&running, OPERATOR).await, Quantity(0));
    assert_eq!(storage_fee(&running).await, Quantity(78));
    assert_eq!(
        running.client().account(consumer).await.unwrap().balance,
        tokens(9)
    );
    assert_eq!(running.client().status().await.unwrap().inbox_count, 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_of_another_chain_or_one_that_is_away_is_not_believed_and_the_rest_goes_on() {
    let mut l1 = Layer1::new().await;
    l1.tell_stake(OPERATOR, 500).await;
    l1.anvil.mine(2).await;
    // An operator's endpoint of the wrong chain, which has a contract at the outbox's address and logs of its own.
    let other = Anvil::start(L1_CHAIN + 1);
    let deployed = OutboxContract::deploy(
        provider(&other, 0),
        funded(0).address(),
        funded(1).address(),
        funded(2).address(),
    );
    assert_eq!(*deployed.await.unwrap().address(), l1.restaking.outbox);
    let mut stage = stage(&l1, &other.url).await;
    let running = stage.start().await;
    stage.fund(&running, &[(account(1).address(), tokens(9))]).await;
    // The state that balances are read from may be a moment ahead of the header that the status tells.
    let status = eventually("the status of the deposit's block", || async {
        let status = running.client().status().await.unwrap();
        (status.inbox_count == 1).then_some(status)
    })
    .await;
    assert_eq!(status.restaking_count, Some(0));
    running.stop().await;

    stage.config.l1_rpc = Some(l1.anvil.url.clone().into());
    let running = stage.start().await;
    consumed(&running, 1).await;
    assert_eq!(stake_of(&running, OPERATOR).await, Quantity(500));
    l1.anvil.kill();
    stage.fund(&running, &[(account(2).address(), tokens(4))]).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_does_not_start_with_only_half_of_what_the_l1_needs() {
    let l1 = Layer1::new().await;
    let mut stage = stage(&l1, &l1.anvil.url).await;
    stage.config.l1_rpc = None;
    let mut running = Running::spawn(stage.config.clone());
    let ended = tokio::task::spawn_blocking(move || running.join()).await.unwrap();
    let error = ended.unwrap_err().to_string();
    assert!(error.contains("l1_rpc") && error.contains("31337"), "{error}");
}
