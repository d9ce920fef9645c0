//! A real L1 with a real `Outbox`, whose writers are ordinary accounts.

use super::operator::node::{Anvil, funded};
use alloy::network::{Ethereum, EthereumWallet};
use alloy::providers::{DynProvider, Provider as _, ProviderBuilder};
use rampart_chain::bindings::OutboxContract::{self, OutboxContractInstance, Parameter};
use rampart_node::{NodeConfig, Restaking};
use rampart_protocol::Address;

pub const L1_CHAIN: u64 = 31_337;

/// The L1 with an outbox whose writers are ordinary accounts.
pub struct Layer1 {
    pub anvil: Anvil,
    pub restaking: Restaking,
}

type Outbox = OutboxContractInstance<DynProvider<Ethereum>>;

impl Layer1 {
    pub async fn new() -> Self {
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

    /// Has an operator's network read this outbox, through `rpc`. The network's file must not be in use yet.
    pub fn tells(&self, config: &mut NodeConfig, rpc: &str) {
        let path = &config.network_file;
        let mut network: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        network["restaking"] = serde_json::to_value(self.restaking).unwrap();
        std::fs::write(path, network.to_string()).unwrap();
        config.l1_rpc = Some(rpc.to_owned().into());
    }

    fn outbox(&self, writer: usize) -> Outbox {
        OutboxContract::new(self.restaking.outbox, provider(&self.anvil, writer))
    }

    pub async fn tell_stake(&self, operator: Address, stake: u128) {
        let outbox = self.outbox(0);
        let call = outbox.tellOperatorStake(operator, stake, 50_000);
        call.send().await.unwrap().get_receipt().await.unwrap();
    }

    pub async fn tell_weight(&self, operator: Address, investor: Address, weight: u128) {
        let outbox = self.outbox(1);
        let call = outbox.tellInvestorWeight(operator, investor, weight);
        call.send().await.unwrap().get_receipt().await.unwrap();
    }

    pub async fn decide(&self, name: &str, value: u128) {
        let outbox = self.outbox(2);
        let change = Parameter {
            name: name.to_owned(),
            value,
        };
        let call = outbox.setParameters(vec![change]);
        call.send().await.unwrap().get_receipt().await.unwrap();
    }
}

pub fn provider(anvil: &Anvil, signer: usize) -> DynProvider<Ethereum> {
    ProviderBuilder::new()
        .wallet(EthereumWallet::from(funded(signer)))
        .connect_http(anvil.url.parse().unwrap())
        .erased()
}
