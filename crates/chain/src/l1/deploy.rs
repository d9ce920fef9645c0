//! Deployment of our contracts on the L1, in the order of `contracts/src/l1/README.md`. Three of them name each other at
//! construction, so their addresses are computed ahead from the deployer's nonce.

use super::L1Contracts;
use super::eigenlayer::Core;
use super::settings::{Allocation, CoreVersion, L1Settings};
use crate::bindings::core_v13::CoreV13AdapterContract;
use crate::bindings::core_v19::CoreV19AdapterContract;
use crate::bindings::{
    GovernanceTokenContract, GovernorContract, OutboxContract, RestakingVaultContract, ServiceManager,
    ServiceManagerContract, TimelockContract,
};
use crate::deploy::Deployer;
use crate::error::ChainError;
use crate::settlement::mined;
use alloy::contract::CallBuilder;
use alloy::network::Ethereum;
use alloy::primitives::{Address, U256};
use alloy::providers::{DynProvider, Provider};
use rampart_protocol::Seconds;

type Deployment = CallBuilder<DynProvider<Ethereum>, ()>;

/// Addresses that the contracts are told before they are there.
struct Ahead {
    outbox: Address,
    token: Address,
    manager: Address,
    vault: Address,
}

impl Ahead {
    fn of(deployer: Address, nonce: u64) -> Self {
        Self {
            outbox: deployer.create(nonce),
            token: deployer.create(nonce + 1),
            manager: deployer.create(nonce + 2),
            vault: deployer.create(nonce + 3),
        }
    }
}

impl Deployer {
    /// Deploys our contracts beside a core, for one strategy of it, hands the timelock to the governor, and checks that the
    /// contracts name each other and the deployer kept no role.
    ///
    /// # Errors
    /// When the RPC fails, a constructor refuses a setting, or the account sent something else meanwhile, so that the
    /// contracts do not name each other: then they are worthless, and another deployment is needed.
    pub async fn deploy_l1(
        &self,
        core: &Core,
        strategy: Address,
        settings: &L1Settings,
    ) -> Result<L1Contracts, ChainError> {
        let adapter = self.deploy_adapter(core, settings.core_version).await?;
        let timelock = self.deploy_timelock(settings.timelock_delay).await?;
        let ahead = Ahead::of(self.address(), self.nonce().await?);

        let (outbox, deployed_at) = self
            .deployed(OutboxContract::deploy_builder(
                self.provider().clone(),
                ahead.manager,
                ahead.vault,
                timelock,
            ))
            .await?;
        let token = self.deploy_governance_token(ahead.vault, settings).await?;
        let deployment = deployment(core, strategy, settings, adapter, outbox, timelock);
        let (manager, _) = self
            .deployed(ServiceManagerContract::deploy_builder(
                self.provider().clone(),
                deployment,
            ))
            .await?;
        let (vault, _) = self
            .deployed(RestakingVaultContract::deploy_builder(
                self.provider().clone(),
                token,
                outbox,
                manager,
                core.delegation_manager,
                core.strategy_manager,
                strategy,
                settings.wraps_ether,
            ))
            .await?;
        let actual = Ahead {
            outbox,
            token,
            manager,
            vault,
        };
        agree(&ahead, &actual)?;
        let governor = self.deploy_governor(token, timelock, settings).await?;
        let asset = RestakingVaultContract::new(vault, self.provider().clone())
            .asset()
            .call()
            .await?;
        let contracts = L1Contracts {
            chain_id: self.provider().get_chain_id().await?,
            allocation_manager: core.allocation_manager,
            delegation_manager: core.delegation_manager,
            strategy_manager: core.strategy_manager,
            permission_controller: core.permission_controller,
            strategy,
            asset,
            timelock,
            outbox,
            governance_token: token,
            service_manager: manager,
            vault,
            governor,
            deployed_at,
        };
        self.hand_over(&contracts).await?;
        self.check(&contracts).await?;
        Ok(contracts)
    }

    async fn deploy_adapter(&self, core: &Core, version: CoreVersion) -> Result<Address, ChainError> {
        let provider = self.provider().clone();
        let deployment = match version {
            CoreVersion::V13 => CoreV13AdapterContract::deploy_builder(
                provider,
                core.allocation_manager,
                core.permission_controller,
            ),
            CoreVersion::V19 => CoreV19AdapterContract::deploy_builder(provider, core.allocation_manager),
        };
        Ok(self.deployed(deployment).await?.0)
    }

    /// Anyone executes, nobody proposes yet, and the deployer administers until it hands over.
    async fn deploy_timelock(&self, delay: Seconds) -> Result<Address, ChainError> {
        let deployment = TimelockContract::deploy_builder(
            self.provider().clone(),
            U256::from(delay.0),
            Vec::new(),
            vec![Address::ZERO],
            self.address(),
        );
        Ok(self.deployed(deployment).await?.0)
    }

    async fn deploy_governance_token(
        &self,
        vault: Address,
        settings: &L1Settings,
    ) -> Result<Address, ChainError> {
        let half = u32::try_from(settings.age_half.0)
            .map_err(|_| ChainError::Setting("half-time of age", settings.age_half.0))?;
        let deployment = GovernanceTokenContract::deploy_builder(
            self.provider().clone(),
            vault,
            settings.age_boost.0,
            half,
            settings.allocations.iter().map(vested).collect(),
        );
        Ok(self.deployed(deployment).await?.0)
    }

    async fn deploy_governor(
        &self,
        token: Address,
        timelock: Address,
        settings: &L1Settings,
    ) -> Result<Address, ChainError> {
        let period = u32::try_from(settings.voting_period.0)
            .map_err(|_| ChainError::Setting("voting period", settings.voting_period.0))?;
        let delay = alloy::primitives::aliases::U48::try_from(settings.voting_delay.0)
            .map_err(|_| ChainError::Setting("voting delay", settings.voting_delay.0))?;
        let deployment = GovernorContract::deploy_builder(
            self.provider().clone(),
            token,
            timelock,
            delay,
            period,
            U256::from(settings.proposal_threshold),
            U256::from(settings.quorum_percent),
        );
        Ok(self.deployed(deployment).await?.0)
    }

    /// The governor proposes and cancels; the deployer administers no more.
    async fn hand_over(&self, contracts: &L1Contracts) -> Result<(), ChainError> {
        let timelock = TimelockContract::new(contracts.timelock, self.provider().clone());
        for role in [
            timelock.PROPOSER_ROLE().call().await?,
            timelock.CANCELLER_ROLE().call().await?,
        ] {
            mined(timelock.grantRole(role, contracts.governor).send().await?).await?;
        }
        let admin = timelock.DEFAULT_ADMIN_ROLE().call().await?;
        mined(timelock.renounceRole(admin, self.address()).send().await?).await?;
        Ok(())
    }

    /// What the contracts say of each other, and of the deployer.
    async fn check(&self, contracts: &L1Contracts) -> Result<(), ChainError> {
        let provider = self.provider();
        let outbox = OutboxContract::new(contracts.outbox, provider);
        let manager = ServiceManagerContract::new(contracts.service_manager, provider);
        let vault = RestakingVaultContract::new(contracts.vault, provider);
        let token = GovernanceTokenContract::new(contracts.governance_token, provider);
        let governor = GovernorContract::new(contracts.governor, provider);
        for (name, said, meant) in [
            (
                "outbox of the service manager",
                manager.outbox().call().await?,
                contracts.outbox,
            ),
            (
                "timelock of the service manager",
                manager.timelock().call().await?,
                contracts.timelock,
            ),
            (
                "outbox of the vault",
                vault.outbox().call().await?,
                contracts.outbox,
            ),
            (
                "token of the vault",
                vault.token().call().await?,
                contracts.governance_token,
            ),
            (
                "service of the vault",
                vault.serviceManager().call().await?,
                contracts.service_manager,
            ),
            ("vault of the token", token.vault().call().await?, contracts.vault),
            (
                "vault of the outbox",
                outbox.vault().call().await?,
                contracts.vault,
            ),
            (
                "service of the outbox",
                outbox.serviceManager().call().await?,
                contracts.service_manager,
            ),
            (
                "timelock of the outbox",
                outbox.timelock().call().await?,
                contracts.timelock,
            ),
            (
                "timelock of the governor",
                governor.timelock().call().await?,
                contracts.timelock,
            ),
            (
                "token of the governor",
                governor.token().call().await?,
                contracts.governance_token,
            ),
        ] {
            same(name, said, meant)?;
        }
        self.check_roles(contracts).await
    }

    async fn check_roles(&self, contracts: &L1Contracts) -> Result<(), ChainError> {
        let timelock = TimelockContract::new(contracts.timelock, self.provider());
        let admin = timelock.DEFAULT_ADMIN_ROLE().call().await?;
        let proposer = timelock.PROPOSER_ROLE().call().await?;
        let canceller = timelock.CANCELLER_ROLE().call().await?;
        let executor = timelock.EXECUTOR_ROLE().call().await?;
        for (role, holder, expected) in [
            (admin, self.address(), false),
            (proposer, self.address(), false),
            (canceller, self.address(), false),
            (admin, contracts.timelock, true),
            (proposer, contracts.governor, true),
            (canceller, contracts.governor, true),
            (executor, Address::ZERO, true),
        ] {
            if timelock.hasRole(role, holder).call().await? != expected {
                return Err(ChainError::Inconsistent(format!(
                    "{holder} and the role {role} of the timelock are not as they were deployed"
                )));
            }
        }
        Ok(())
    }

    /// Sends a deployment; the contract's address, and the block that carries it.
    pub(super) async fn deployed(&self, deployment: Deployment) -> Result<(Address, u64), ChainError> {
        let receipt = crate::settlement::receipt(deployment.send().await?).await?;
        receipt
            .contract_address
            .zip(receipt.block_number)
            .ok_or(ChainError::Reverted(receipt.transaction_hash))
    }
}

fn deployment(
    core: &Core,
    strategy: Address,
    settings: &L1Settings,
    adapter: Address,
    outbox: Address,
    timelock: Address,
) -> ServiceManager::Deployment {
    ServiceManager::Deployment {
        allocationManager: core.allocation_manager,
        permissionController: core.permission_controller,
        adapter,
        strategies: vec![strategy],
        outbox,
        timelock,
        settlementChainId: U256::from(settings.settlement.chain_id),
        settlement: settings.settlement.settlement,
        equivocationWad: settings.equivocation_wad,
        bounty: settings.bounty,
        metadataURI: settings.metadata_uri.clone(),
    }
}

fn vested(allocation: &Allocation) -> GovernanceTokenContract::Allocation {
    GovernanceTokenContract::Allocation {
        beneficiary: allocation.beneficiary,
        amount: allocation.amount,
        start: allocation.start.0,
        duration: allocation.duration.0,
    }
}

/// Something else that the account sent meanwhile would have moved them.
fn agree(ahead: &Ahead, actual: &Ahead) -> Result<(), ChainError> {
    same("outbox", actual.outbox, ahead.outbox)?;
    same("governance token", actual.token, ahead.token)?;
    same("service manager", actual.manager, ahead.manager)?;
    same("vault", actual.vault, ahead.vault)
}

fn same(name: &str, actual: Address, expected: Address) -> Result<(), ChainError> {
    if actual == expected {
        return Ok(());
    }
    Err(ChainError::Inconsistent(format!(
        "the {name} is {actual}, {expected} was meant: did the deploying account send something else meanwhile?"
    )))
}
