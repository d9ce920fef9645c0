//! A real EVM node with EigenLayer's real core and our real contracts of the L1, and an operator that joins.
#![allow(dead_code, reason = "not every test uses all of it")]

use super::node::{Anvil, funded};
use alloy::primitives::{Address, B256};
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use ed25519_dalek::{Signer as _, SigningKey};
use rampart_chain::deploy::Deployer;
use rampart_chain::l1::eigenlayer::CoreDelays;
use rampart_chain::l1::{
    CoreBytecode, CoreVersion, Governance, KeyProofs, L1Contracts, L1Settings, Operators, Vault,
};
use rampart_protocol::{Amount, Domain, Ppm, Seconds, Timestamp};
use std::path::PathBuf;

pub const WHOLE: u64 = 1_000_000_000_000_000_000;
/// A whole one of the asset, or of the governance token.
pub const ONE: u128 = 1_000_000_000_000_000_000;
pub const DELAYS: CoreDelays = CoreDelays {
    withdrawal: 8,
    deallocation: 8,
    configuration: 1,
};
pub const TIMELOCK_DELAY: Seconds = Seconds(60);
pub const VOTING_DELAY: Seconds = Seconds(10);
pub const VOTING_PERIOD: Seconds = Seconds(100);
/// What operators keep of their rewards.
pub const COMMISSION: Ppm = Ppm(100_000);
/// Wei.
pub const BOUNTY: u128 = ONE / 100;

pub struct Restaking {
    pub anvil: Anvil,
    pub contracts: L1Contracts,
}

fn bytecode() -> CoreBytecode {
    let path = std::env::var_os("RAMPART_EIGENLAYER_CORE").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/eigenlayer-core.json"),
        PathBuf::from,
    );
    CoreBytecode::load(&path).unwrap()
}

pub fn settings(settlement: Domain) -> L1Settings {
    L1Settings {
        core_version: CoreVersion::V13,
        settlement,
        wraps_ether: false,
        timelock_delay: TIMELOCK_DELAY,
        voting_delay: VOTING_DELAY,
        voting_period: VOTING_PERIOD,
        proposal_threshold: ONE,
        quorum_percent: 10,
        age_boost: Ppm(1_000_000),
        age_half: Seconds(180 * 86_400),
        allocations: vec![rampart_chain::l1::Allocation {
            beneficiary: Address::repeat_byte(0xde),
            amount: 5 * ONE,
            start: Timestamp(1_800_000_000),
            duration: Seconds(86_400),
        }],
        equivocation_wad: WHOLE / 2,
        bounty: BOUNTY,
        metadata_uri: "https://rampart.example/service.json".to_owned(),
    }
}

impl Restaking {
    /// The contracts, an asset of which the accounts 2 and 3 hold a thousand each, and no operator.
    pub async fn start(settlement: Domain) -> Self {
        let anvil = Anvil::start(31_337);
        let deployer = Deployer::new(&anvil.url, funded(0)).unwrap();
        let code = bytecode();
        let core = deployer.deploy_core(&code, DELAYS).await.unwrap();
        let asset = deployer.deploy_dev_token(Amount(1_000_000 * ONE)).await.unwrap();
        for investor in [2, 3] {
            let to = funded(investor).address();
            deployer
                .transfer_token(asset, to, Amount(1_000 * ONE))
                .await
                .unwrap();
        }
        let strategy = deployer.deploy_strategy(&code, &core, asset).await.unwrap();
        let contracts = deployer
            .deploy_l1(&core, strategy, &settings(settlement))
            .await
            .unwrap();
        Self { anvil, contracts }
    }

    pub fn vault(&self, account: usize) -> Vault {
        Vault::new(&self.anvil.url, self.contracts, Some(funded(account))).unwrap()
    }

    pub fn operators(&self, account: usize) -> Operators {
        Operators::new(&self.anvil.url, self.contracts, Some(funded(account))).unwrap()
    }

    pub fn governance(&self, account: usize) -> Governance {
        Governance::new(&self.anvil.url, self.contracts, Some(funded(account))).unwrap()
    }

    /// The account's keys, this checkpoint key among them, with the proofs.
    pub async fn proofs(&self, account: usize, checkpoint: &PrivateKeySigner) -> KeyProofs {
        let operator = funded(account).address();
        let consensus = consensus_key(account);
        let consensus_key = B256::new(consensus.verifying_key().to_bytes());
        let digest = self
            .operators(account)
            .keys_digest(operator, consensus_key, checkpoint.address())
            .await
            .unwrap();
        let registry = self.contracts.registry();
        assert_eq!(
            digest,
            registry.digest(operator, consensus_key, checkpoint.address())
        );
        let checkpoint_signature = checkpoint.sign_hash_sync(&digest).unwrap();
        KeyProofs {
            consensus_key,
            consensus_signature: consensus.sign(digest.as_slice()).to_bytes().to_vec().into(),
            checkpoint_key: checkpoint.address(),
            checkpoint_signature: checkpoint_signature.as_bytes().to_vec().into(),
        }
    }

    /// Makes the account an operator of EigenLayer and of the service, with all of its stake allocated.
    pub async fn join(&self, account: usize, checkpoint: &PrivateKeySigner) {
        let (operators, operator) = (self.operators(account), funded(account).address());
        operators.register_on_core(0, "").await.unwrap();
        self.anvil.mine(u64::from(DELAYS.configuration) + 1).await;
        operators.allocate(operator, WHOLE).await.unwrap();
        let proofs = self.proofs(account, checkpoint).await;
        operators.join(operator, &proofs, COMMISSION).await.unwrap();
    }
}

/// The consensus key of an account.
pub fn consensus_key(account: usize) -> SigningKey {
    SigningKey::from_bytes(&[u8::try_from(account).unwrap() + 1; 32])
}
