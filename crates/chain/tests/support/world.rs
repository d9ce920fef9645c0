//! A real EVM node with the real contracts, and the keys of four operators who sign whatever a test wants.
#![allow(dead_code, reason = "not every test uses all of it")]

#[path = "anvil.rs"]
pub mod node;

use alloy::primitives::{Address, B256};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use node::{Anvil, funded};
use rampart_chain::deploy::{Deployer, Hatch, L2Contracts};
use rampart_chain::{ChainError, EventCursor, EventReader, Refusal, Settlement};
use rampart_protocol::operators::Operator;
use rampart_protocol::{Amount, Checkpoint, Domain, OperatorSet, Seconds, SignedCheckpoint};

pub const CHAIN: u64 = 59_144;
pub const TOKEN: u128 = 1_000_000_000_000_000_000;
/// Longer than any of these tests, unless it moves the clock.
pub const HATCH: Hatch = Hatch {
    exit_delay: Seconds(7_200),
    force_delay: Seconds(3_600),
    guardian: Address::ZERO,
};

pub struct World {
    pub anvil: Anvil,
    pub contracts: L2Contracts,
    pub operators: OperatorSet,
    pub keys: Vec<PrivateKeySigner>,
}

impl World {
    /// Four operators of equal weight; the whole supply is the deployer's.
    pub async fn start() -> Self {
        let anvil = Anvil::start(CHAIN);
        let keys: Vec<PrivateKeySigner> = (1..=4)
            .map(|n| PrivateKeySigner::from_bytes(&B256::repeat_byte(n)).unwrap())
            .collect();
        let operator = |(n, key): (u8, &PrivateKeySigner)| Operator {
            public_key: B256::repeat_byte(n),
            checkpoint_key: key.address(),
            weight: 100,
        };
        let mut operators = OperatorSet {
            domain: Domain {
                chain_id: CHAIN,
                settlement: Address::ZERO,
            },
            operators: (1u8..).zip(&keys).map(operator).collect(),
        };
        let deployer = Deployer::new(&anvil.url, funded(0)).unwrap();
        let contracts = deployer
            .deploy_l2(Amount(1_000_000 * TOKEN), operators.seats(), HATCH)
            .await
            .unwrap();
        operators.domain.settlement = contracts.settlement;
        Self {
            anvil,
            contracts,
            operators,
            keys,
        }
    }

    pub fn reader(&self) -> EventReader {
        EventReader::inbox(&self.anvil.url, self.contracts.settlement).unwrap()
    }

    pub fn cursor(&self) -> EventCursor {
        EventCursor::new(self.contracts.deployed_at)
    }

    pub fn settlement(&self, signer: usize) -> Settlement {
        Settlement::new(&self.anvil.url, self.contracts.settlement, Some(funded(signer))).unwrap()
    }

    pub fn checkpoint(&self, height: u64) -> Checkpoint {
        Checkpoint {
            epoch: 0,
            height,
            state_root: B256::with_last_byte(7),
            withdrawals_root: B256::ZERO,
            exit_root: B256::ZERO,
            inbox_count: 0,
            next_operator_set: self.operators.hash(),
        }
    }

    pub fn sign(&self, checkpoint: Checkpoint, signers: &[usize]) -> Vec<SignedCheckpoint> {
        let digest = checkpoint.signing_hash(&self.operators.domain);
        signers
            .iter()
            .map(|signer| SignedCheckpoint {
                checkpoint,
                signature: self.keys[*signer]
                    .sign_hash_sync(&digest)
                    .unwrap()
                    .as_bytes()
                    .into(),
            })
            .collect()
    }

    pub async fn submit(
        &self,
        from: &Settlement,
        checkpoint: Checkpoint,
        signers: &[usize],
    ) -> Result<(), ChainError> {
        let signatures = self.sign(checkpoint, signers);
        from.submit_checkpoint(&checkpoint, &self.operators, &signatures)
            .await
            .map(|_| ())
    }
}

#[track_caller]
pub fn refusal(result: Result<impl std::fmt::Debug, ChainError>) -> Refusal {
    match result {
        Err(ChainError::Refused(refusal)) => *refusal,
        other => panic!("expected a refusal, got {other:?}"),
    }
}
