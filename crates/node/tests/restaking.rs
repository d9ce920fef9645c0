//! What the L1 tells the ledger (O1, G1, G4): an operator's stake, an investor's weight and a decision of governance, read
//! by a real operator from a real `Outbox` on a chain of its own, beside the inbox on the L2.
#![allow(
    clippy::result_large_err,
    dead_code,
    reason = "a test fails once; not every test uses all of the stage"
)]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod operator;

use alloy::network::{Ethereum, EthereumWallet};
use alloy::providers::{DynProvider, Provider as _, ProviderBuilder};
use operator::node::{Anvil, funded};
use operator::{Running, Stage, account, eventually, tokens};
use rampart_chain::bindings::OutboxContract::{self, OutboxContractInstance, Parameter};
use rampart_node::Restaking;
use rampart_protocol::Address;
use rampart_protocol::api::Quantity;

const L1_CHAIN: u64 = 31_337;
const OPERATOR: Address = Address::repeat_byte(0x0a);
const INVESTOR: Address = Address::repeat_byte(0x1b);

/// The L1 with an outbox whose writers are ordinary accounts.
struct Layer1 {
    anvil: Anvil,
    restaking: Restaking,
}

type Outbox = OutboxContractInstance<DynProvider<Ethereum>>;

impl Layer1 {
    async fn new() -> Self {
        let anvil = Anvil::start(L1_CHAIN);
        let [manager, vault, timelock] = [0, 1, 2].map(|writer| funded(writer).address());
        let provider = provider(&anvil, 0);
        let outbox = OutboxContract::deploy(provider.clone(), manager, vault, timelock)
            .await
            .unwrap();
        let restaking = Restaking {
            chain_id: L1_CHAIN,
            outbox: *outbox.address(),
            service_manager: manager,
            deployed_at: provider.get_block_number().await.unwrap(),
        };
        Self { anvil, restaking }
    }

    fn outbox(&self, writer: usize) -> Outbox {
        OutboxContract::new(self.restaking.outbox, provider(&self.anvil, writer))
    }

    async fn tell_stake(&self, operator: Address, stake: u128) {
        let outbox = self.outbox(0);
        let call = outbox.tellOperatorStake(operator, stake, 50_000);
        call.send().await.unwrap().get_receipt().await.unwrap();
    }

    async fn tell_weight(&self, operator: Address, investor: Address, weight: u128) {
        let outbox = self.outbox(1);
        let call = outbox.tellInvestorWeight(operator, investor, weight);
        call.send().await.unwrap().get_receipt().await.unwrap();
    }

    async fn decide(&self, name: &str, value: u128) {
        let outbox = self.outbox(2);
        let change = Parameter {
            name: name.to_owned(),
            value,
        };
        let call = outbox.setParameters(vec![change]);
        call.send().await.unwrap().get_receipt().await.unwrap();
    }
}

fn provider(anvil: &Anvil, signer: usize) -> DynProvider<Ethereum> {
    ProviderBuilder::new()
        .wallet(EthereumWallet::from(funded(signer)))
        .connect_http(anvil.url.parse().unwrap())
        .erased()
}

/// A stage whose network has an outbox on an L1, which the operator reads from `rpc`.
async fn stage(restaking: Restaking, rpc: &str) -> Stage {
    let mut stage = Stage::new().await;
    let path = &stage.config.network_file;
    let mut network: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    network["restaking"] = serde_json::to_value(restaking).unwrap();
    std::fs::write(path, network.to_string()).unwrap();
    stage.config.l1_rpc = Some(rpc.to_owned().into());
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
    let stage = stage(l1.restaking, &l1.anvil.url).await;
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
    let mut stage = stage(l1.restaking, &other.url).await;
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
    let mut stage = stage(l1.restaking, &l1.anvil.url).await;
    stage.config.l1_rpc = None;
    let mut running = Running::spawn(stage.config.clone());
    let ended = tokio::task::spawn_blocking(move || running.join()).await.unwrap();
    let error = ended.unwrap_err().to_string();
    assert!(error.contains("l1_rpc") && error.contains("31337"), "{error}");
}
