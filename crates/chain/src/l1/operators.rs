//! What operators do on the L1: register on EigenLayer, allocate stake to the service, join its set with their keys, and
//! answer for conflicting checkpoints (O1, O6, X3).

use super::L1Contracts;
use super::calls::{IAllocationManager, IDelegationManager, KeyRegistration, OperatorSet};
use super::vault::event;
use crate::bindings::ServiceManager::Keys as ContractKeys;
use crate::bindings::ServiceManagerContract;
use crate::bindings::ServiceManagerContract::{
    BountyPaid, Checkpoint as ContractCheckpoint, OperatorSlashed, ServiceManagerContractInstance,
};
use crate::connection;
use crate::error::ChainError;
use crate::outgoing::plan::Call;
use crate::settlement::{mined, receipt};
use alloy::network::Ethereum;
use alloy::primitives::{Address, B256, Bytes, TxHash, U256, keccak256};
use alloy::providers::DynProvider;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::{SolCall as _, SolValue as _};
use rampart_protocol::{Checkpoint, Ppm, SignedCheckpoint};

/// Of the service: it has one operator set.
const SET: u32 = 0;

/// The keys of an operator, and the proofs that it has them (P2): both sign [`Operators::keys_digest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyProofs {
    /// Its Ed25519 key, of the consensus.
    pub consensus_key: B256,
    /// That key's signature, which readers of the chain verify, 64 bytes.
    pub consensus_signature: Bytes,
    /// Its secp256k1 key, of checkpoints.
    pub checkpoint_key: Address,
    /// That key's signature, which the contract verifies, 65 bytes.
    pub checkpoint_signature: Bytes,
}

/// An operator's place on EigenLayer and in the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperatorStatus {
    /// Whether it is an operator of EigenLayer.
    pub registered: bool,
    /// Whether its allocation delay is in effect, without which it cannot allocate.
    pub can_allocate: bool,
    /// Whether it is in the service's set.
    pub member: bool,
    /// Its slashable stake now, base units.
    pub stake: U256,
    /// Its stake as the ledger was told last.
    pub told: U256,
}

/// What a proof of equivocation brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Punished {
    /// The stake that the operator lost, base units.
    pub slashed: U256,
    /// Wei paid to the reporter.
    pub bounty: U256,
    /// The transaction.
    pub transaction: TxHash,
}

/// A caller of the service manager and of EigenLayer's core.
#[derive(Clone, Debug)]
pub struct Operators {
    manager: ServiceManagerContractInstance<DynProvider<Ethereum>>,
    contracts: L1Contracts,
}

impl Operators {
    /// Connects for reading, and for sending when a signer is given, as the operator itself. Send one transaction at a
    /// time.
    ///
    /// # Errors
    /// When the URL is not one.
    pub fn new(
        rpc: &str,
        contracts: L1Contracts,
        signer: Option<PrivateKeySigner>,
    ) -> Result<Self, ChainError> {
        let (provider, _) = connection::connect(rpc, signer)?;
        Ok(Self {
            manager: ServiceManagerContract::new(contracts.service_manager, provider),
            contracts,
        })
    }

    fn provider(&self) -> &DynProvider<Ethereum> {
        self.manager.provider()
    }

    fn set(&self) -> OperatorSet {
        OperatorSet {
            avs: self.contracts.service_manager,
            id: SET,
        }
    }

    /// Checks that the endpoint serves the contracts' chain.
    ///
    /// # Errors
    /// When it does not answer or serves another chain.
    pub async fn check_chain(&self) -> Result<(), ChainError> {
        connection::check_chain(self.provider(), self.contracts.chain_id).await
    }

    /// Makes the sender an operator of EigenLayer that anyone may delegate to, with an allocation delay in blocks. The delay
    /// takes effect after the core's configuration delay; until then nothing can be allocated.
    ///
    /// # Errors
    /// When the RPC fails or the core refuses.
    pub async fn register_on_core(
        &self,
        allocation_delay: u32,
        metadata_uri: &str,
    ) -> Result<TxHash, ChainError> {
        let core = IDelegationManager::new(self.contracts.delegation_manager, self.provider());
        let call = core.registerAsOperator(Address::ZERO, allocation_delay, metadata_uri.to_owned());
        Ok(mined(call.send().await?).await?.0)
    }

    /// Allocates `magnitude`, of 10^18, of what `operator` was restaked to the service's set, slashable there.
    ///
    /// # Errors
    /// When the RPC fails or the core refuses: the allocation delay is not in effect, or too little is left.
    pub async fn allocate(&self, operator: Address, magnitude: u64) -> Result<TxHash, ChainError> {
        let core = IAllocationManager::new(self.contracts.allocation_manager, self.provider());
        let params = IAllocationManager::AllocateParams {
            operatorSet: self.set(),
            strategies: vec![self.contracts.strategy],
            newMagnitudes: vec![magnitude],
        };
        let call = core.modifyAllocations(operator, vec![params]);
        Ok(mined(call.send().await?).await?.0)
    }

    /// What both keys of an operator sign: EIP-712, of the service manager's domain.
    ///
    /// # Errors
    /// When the RPC fails.
    pub async fn keys_digest(
        &self,
        operator: Address,
        consensus_key: B256,
        checkpoint_key: Address,
    ) -> Result<B256, ChainError> {
        let call = self
            .manager
            .operatorKeysDigest(operator, consensus_key, checkpoint_key);
        Ok(call.call().await?)
    }

    /// Joins the service's set, keeping that share of the rewards, at most a fifth. The ledger is told of keys and stake at once.
    ///
    /// # Errors
    /// When the RPC fails or a contract refuses: a proof is wrong, a key is another's, the commission is too high.
    pub async fn join(
        &self,
        operator: Address,
        proofs: &KeyProofs,
        commission: Ppm,
    ) -> Result<TxHash, ChainError> {
        let core = IAllocationManager::new(self.contracts.allocation_manager, self.provider());
        let keys = KeyRegistration {
            consensusKey: proofs.consensus_key,
            consensusSignature: proofs.consensus_signature.clone(),
            checkpointKey: proofs.checkpoint_key,
            checkpointSignature: proofs.checkpoint_signature.clone(),
            commission: commission.0,
        };
        let params = IAllocationManager::RegisterParams {
            avs: self.contracts.service_manager,
            operatorSetIds: vec![SET],
            // The contract decodes one dynamic tuple.
            data: keys.abi_encode().into(),
        };
        let call = core.registerForOperatorSets(operator, params);
        Ok(mined(call.send().await?).await?.0)
    }

    /// Replaces the sender's keys; the ledger is told at once, and the committee has them from the epoch after next at the
    /// latest. The old keys are needed until then.
    ///
    /// # Errors
    /// When the RPC fails or the contract refuses: a proof is wrong, a key is another's, or the sender is not in the set.
    pub async fn set_keys(&self, proofs: &KeyProofs) -> Result<TxHash, ChainError> {
        let keys = ContractKeys {
            consensusKey: proofs.consensus_key,
            consensusSignature: proofs.consensus_signature.clone(),
            checkpointKey: proofs.checkpoint_key,
            checkpointSignature: proofs.checkpoint_signature.clone(),
        };
        Ok(mined(self.manager.setKeys(keys).send().await?).await?.0)
    }

    /// Leaves the service's set. The stake stays slashable for EigenLayer's delay.
    ///
    /// # Errors
    /// When the RPC fails or a contract refuses.
    pub async fn leave(&self, operator: Address) -> Result<TxHash, ChainError> {
        let core = IAllocationManager::new(self.contracts.allocation_manager, self.provider());
        let params = IAllocationManager::DeregisterParams {
            operator,
            avs: self.contracts.service_manager,
            operatorSetIds: vec![SET],
        };
        let call = core.deregisterFromOperatorSets(params);
        Ok(mined(call.send().await?).await?.0)
    }

    /// Tells the ledger an operator's stake, if it changed. Anyone may.
    ///
    /// # Errors
    /// When the RPC fails.
    pub async fn sync(&self, operator: Address) -> Result<TxHash, ChainError> {
        Ok(mined(self.manager.sync(operator).send().await?).await?.0)
    }

    /// Sets the sender's commission.
    ///
    /// # Errors
    /// When the RPC fails or the contract refuses: it is too high, or the sender is no operator.
    pub async fn set_commission(&self, commission: Ppm) -> Result<TxHash, ChainError> {
        Ok(mined(self.manager.setCommission(commission.0).send().await?)
            .await?
            .0)
    }

    /// Where an operator stands.
    ///
    /// # Errors
    /// When the RPC fails.
    pub async fn status(&self, operator: Address) -> Result<OperatorStatus, ChainError> {
        let core = IDelegationManager::new(self.contracts.delegation_manager, self.provider());
        let allocations = IAllocationManager::new(self.contracts.allocation_manager, self.provider());
        Ok(OperatorStatus {
            registered: core.isOperator(operator).call().await?,
            can_allocate: allocations.getAllocationDelay(operator).call().await?.isSet,
            member: self.manager.isMember(operator).call().await?,
            stake: self.manager.stakeOf(operator).call().await?,
            told: self.manager.lastStakeOf(operator).call().await?,
        })
    }

    /// What is left of an operator's magnitude in the strategy, of 10^18: each slashing takes its part.
    ///
    /// # Errors
    /// When the RPC fails.
    pub async fn magnitude(&self, operator: Address) -> Result<u64, ChainError> {
        let core = IAllocationManager::new(self.contracts.allocation_manager, self.provider());
        let call = core.getMaxMagnitude(operator, self.contracts.strategy);
        Ok(call.call().await?)
    }

    /// Has an operator slashed that signed two checkpoints of one height (X3). Anyone may; the recipient gets the bounty and
    /// must accept ether.
    ///
    /// # Errors
    /// When the RPC fails or the contract refuses: the checkpoints do not conflict, the signatures are of two keys or of
    /// nobody's, or the operator was punished for that height.
    pub async fn slash_equivocation(
        &self,
        first: &SignedCheckpoint,
        second: &SignedCheckpoint,
        recipient: Address,
    ) -> Result<Punished, ChainError> {
        let call = self.manager.slashEquivocation(
            contract_checkpoint(&first.checkpoint),
            Bytes::copy_from_slice(first.signature.as_slice()),
            contract_checkpoint(&second.checkpoint),
            Bytes::copy_from_slice(second.signature.as_slice()),
            recipient,
        );
        let receipt = receipt(call.send().await?).await?;
        let bounty = receipt.decoded_log::<BountyPaid>();
        Ok(Punished {
            slashed: event::<OperatorSlashed>(&receipt)?.stake,
            bounty: bounty.map_or(U256::ZERO, |paid| paid.amount),
            transaction: receipt.transaction_hash,
        })
    }
}

/// The call that has an operator slashed that signed two checkpoints of one height, about that height and both checkpoints.
/// The recipient gets the bounty and must accept ether.
#[must_use]
pub fn equivocation_call(
    service_manager: Address,
    first: &SignedCheckpoint,
    second: &SignedCheckpoint,
    recipient: Address,
) -> Call {
    let call = ServiceManagerContract::slashEquivocationCall {
        first: contract_checkpoint(&first.checkpoint),
        firstSignature: Bytes::copy_from_slice(first.signature.as_slice()),
        second: contract_checkpoint(&second.checkpoint),
        secondSignature: Bytes::copy_from_slice(second.signature.as_slice()),
        recipient,
    };
    let data = call.abi_encode();
    Call {
        subject: keccak256(&data),
        to: service_manager,
        data: data.into(),
    }
}

fn contract_checkpoint(checkpoint: &Checkpoint) -> ContractCheckpoint {
    ContractCheckpoint {
        epoch: checkpoint.epoch,
        height: checkpoint.height,
        stateRoot: checkpoint.state_root,
        withdrawalsRoot: checkpoint.withdrawals_root,
        exitRoot: checkpoint.exit_root,
        inboxCount: checkpoint.inbox_count,
        nextOperatorSet: checkpoint.next_operator_set,
    }
}
