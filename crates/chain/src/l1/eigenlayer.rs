//! EigenLayer's core: where its contracts are, and its deployment on a development network.

use super::bytecode::CoreBytecode;
use super::calls::{
    IAllocationManager, IDelegationManager, IEigenPodManager, IPauserRegistry, IPermissionController, IProxy,
    IStrategy, IStrategyManager,
};
use crate::deploy::Deployer;
use crate::error::ChainError;
use crate::settlement::receipt;
use alloy::contract::RawCallBuilder;
use alloy::primitives::{Address, Bytes, U256};
use alloy::sol_types::{SolCall as _, SolConstructor};

/// What stands for the contracts of native restaking, of which we use none.
const NOBODY: Address = Address::repeat_byte(0xee);

/// The contracts of EigenLayer's core that we call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Core {
    /// Sets of operators, allocations, slashing.
    pub allocation_manager: Address,
    /// Operators, delegation, withdrawals.
    pub delegation_manager: Address,
    /// Deposits.
    pub strategy_manager: Address,
    /// Who acts for whom.
    pub permission_controller: Address,
    /// Who may pause the core; strategies are told.
    pub pauser_registry: Address,
}

/// The core's delays in blocks, fixed at its deployment. On Ethereum each is about two weeks of blocks, or 17.5 days for
/// the configuration of allocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoreDelays {
    /// From the request of a withdrawal to its completion, during which it stays slashable.
    pub withdrawal: u32,
    /// From an operator's deallocation to its effect.
    pub deallocation: u32,
    /// From an operator's setting of its allocation delay to its effect.
    pub configuration: u32,
}

/// The addresses at which the core's proxies will be, known ahead since they name each other at construction.
struct Plan {
    pauser_registry: Address,
    permission_controller: Address,
    strategy_manager: Address,
    eigen_pod_manager: Address,
    allocation_manager: Address,
    delegation_manager: Address,
}

impl Plan {
    /// The registry is deployed first; then, for each of the others, the implementation and its proxy.
    fn new(deployer: Address, nonce: u64) -> Self {
        let proxy = |position: u64| deployer.create(nonce + 2 * position);
        Self {
            pauser_registry: deployer.create(nonce),
            permission_controller: proxy(1),
            strategy_manager: proxy(2),
            eigen_pod_manager: proxy(3),
            allocation_manager: proxy(4),
            delegation_manager: proxy(5),
        }
    }
}

impl Deployer {
    /// Deploys EigenLayer's core from its real bytecode, for development networks: the deployer owns it. Native restaking
    /// is left out.
    ///
    /// # Errors
    /// When the bytecode lacks a contract, the RPC fails or a constructor reverts.
    pub async fn deploy_core(&self, code: &CoreBytecode, delays: CoreDelays) -> Result<Core, ChainError> {
        let plan = Plan::new(self.address(), self.nonce().await?);
        let (owner, running) = (self.address(), U256::ZERO);
        let version = code.version();
        let registry = IPauserRegistry::constructorCall {
            pausers: vec![owner],
            unpauser: owner,
        };
        self.create(code.of("PauserRegistry")?, &registry).await?;

        let made = IPermissionController::constructorCall {
            version: version.clone(),
        };
        self.behind_proxy(code, "PermissionController", &made, Bytes::new())
            .await?;
        let made = IStrategyManager::constructorCall {
            delegation: plan.delegation_manager,
            pauserRegistry: plan.pauser_registry,
            version: version.clone(),
        };
        let start = IStrategyManager::initializeCall {
            initialOwner: owner,
            initialStrategyWhitelister: owner,
            initialPausedStatus: running,
        };
        self.behind_proxy(code, "StrategyManager", &made, start.abi_encode().into())
            .await?;
        let made = IEigenPodManager::constructorCall {
            ethPOS: NOBODY,
            eigenPodBeacon: NOBODY,
            delegationManager: plan.delegation_manager,
            pauserRegistry: plan.pauser_registry,
            version: version.clone(),
        };
        let start = IEigenPodManager::initializeCall {
            initialOwner: owner,
            initPausedStatus: running,
        };
        self.behind_proxy(code, "EigenPodManager", &made, start.abi_encode().into())
            .await?;
        self.deploy_managers(code, &plan, delays).await?;
        Ok(Core {
            allocation_manager: plan.allocation_manager,
            delegation_manager: plan.delegation_manager,
            strategy_manager: plan.strategy_manager,
            permission_controller: plan.permission_controller,
            pauser_registry: plan.pauser_registry,
        })
    }

    async fn deploy_managers(
        &self,
        code: &CoreBytecode,
        plan: &Plan,
        delays: CoreDelays,
    ) -> Result<(), ChainError> {
        let (owner, running) = (self.address(), U256::ZERO);
        let made = IAllocationManager::constructorCall {
            delegation: plan.delegation_manager,
            pauserRegistry: plan.pauser_registry,
            permissionController: plan.permission_controller,
            deallocationDelay: delays.deallocation,
            allocationConfigurationDelay: delays.configuration,
            version: code.version(),
        };
        let start = IAllocationManager::initializeCall {
            initialOwner: owner,
            initialPausedStatus: running,
        };
        self.behind_proxy(code, "AllocationManager", &made, start.abi_encode().into())
            .await?;
        let made = IDelegationManager::constructorCall {
            strategyManager: plan.strategy_manager,
            eigenPodManager: plan.eigen_pod_manager,
            allocationManager: plan.allocation_manager,
            pauserRegistry: plan.pauser_registry,
            permissionController: plan.permission_controller,
            minWithdrawalDelay: delays.withdrawal,
            version: code.version(),
        };
        let start = IDelegationManager::initializeCall {
            initialOwner: owner,
            initialPausedStatus: running,
        };
        let last = self
            .behind_proxy(code, "DelegationManager", &made, start.abi_encode().into())
            .await?;
        if last != plan.delegation_manager {
            return Err(ChainError::Inconsistent(
                "the deployer sent other transactions in between, so the core's contracts do not find each other".to_owned(),
            ));
        }
        Ok(())
    }

    /// Deploys a strategy of the core that takes `asset`, and admits it, for development networks.
    ///
    /// # Errors
    /// When the bytecode lacks a contract, the RPC fails or a call reverts.
    pub async fn deploy_strategy(
        &self,
        code: &CoreBytecode,
        core: &Core,
        asset: Address,
    ) -> Result<Address, ChainError> {
        let made = IStrategy::constructorCall {
            strategyManager: core.strategy_manager,
            pauserRegistry: core.pauser_registry,
            version: code.version(),
        };
        let start = IStrategy::initializeCall {
            underlyingToken: asset,
        };
        let strategy = self
            .behind_proxy(code, "StrategyBase", &made, start.abi_encode().into())
            .await?;
        let manager = IStrategyManager::new(core.strategy_manager, self.provider().clone());
        let admitted = manager.addStrategiesToDepositWhitelist(vec![strategy]);
        receipt(admitted.send().await?).await?;
        Ok(strategy)
    }

    /// An implementation, and a proxy to it that is initialised in the same transaction.
    async fn behind_proxy(
        &self,
        code: &CoreBytecode,
        name: &'static str,
        made: &impl SolConstructor,
        start: Bytes,
    ) -> Result<Address, ChainError> {
        let logic = self.create(code.of(name)?, made).await?;
        let proxy = IProxy::constructorCall {
            logic,
            // An admin's calls never reach the implementation, so it is none of the accounts in use.
            admin: NOBODY,
            data: start,
        };
        self.create(code.of("TransparentUpgradeableProxy")?, &proxy).await
    }

    async fn create(&self, code: Bytes, made: &impl SolConstructor) -> Result<Address, ChainError> {
        let code = [code.to_vec(), made.abi_encode()].concat();
        let deployment = RawCallBuilder::new_raw_deploy(self.provider().clone(), code.into());
        Ok(self.deployed(deployment).await?.0)
    }
}
