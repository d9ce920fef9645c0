//! The restaking vault as investors call it: restake, withdraw, keep positions up to date (I1, G3 to G5).
//!
//! Amounts are base units: of the asset where it moves, of the strategy's shares where a position is meant. The two are
//! the same unless someone gave the strategy assets.

use super::L1Contracts;
use super::calls::IDelegationManager;
use crate::bindings::RestakingVaultContract::{
    self, Restaked, RestakingVaultContractInstance, WithdrawalCompleted, WithdrawalRequested,
};
use crate::bindings::{GovernanceTokenContract, UtilityTokenContract as Erc20};
use crate::connection;
use crate::error::ChainError;
use crate::settlement::{mined, receipt};
use alloy::network::Ethereum;
use alloy::primitives::{Address, B256, TxHash, U256};
use alloy::providers::{DynProvider, Provider as _};
use alloy::rpc::types::TransactionReceipt;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolEvent;
use serde::Serialize;

/// Where an investor stands with one operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stake {
    /// Its position with the operator, without losses that the vault has not seen yet.
    #[serde(with = "rampart_protocol::units::decimal")]
    pub position: u128,
    /// Its effective weight at the operator, as the ledger was told last (G4).
    #[serde(with = "rampart_protocol::units::decimal")]
    pub weight: u128,
    /// Its positions with all operators, as last touched.
    #[serde(with = "rampart_protocol::units::decimal")]
    pub total: u128,
    /// The governance tokens that it holds.
    #[serde(with = "rampart_protocol::units::decimal")]
    pub tokens: u128,
    /// The governance tokens that it must return before it can withdraw (G5).
    #[serde(with = "rampart_protocol::units::decimal")]
    pub debt: u128,
}

/// A withdrawal that is not paid yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// Who will be paid.
    pub investor: Address,
    /// EigenLayer's name of it.
    pub root: B256,
    /// The first block of the L1 in which it can be paid.
    pub ready_at: u64,
}

/// A caller of the vault.
#[derive(Clone, Debug)]
pub struct Vault {
    vault: RestakingVaultContractInstance<DynProvider<Ethereum>>,
    contracts: L1Contracts,
    sender: Option<Address>,
}

impl Vault {
    /// Connects for reading, and for sending when a signer is given, as the investor. Send one transaction at a time.
    ///
    /// # Errors
    /// When the URL is not one.
    pub fn new(
        rpc: &str,
        contracts: L1Contracts,
        signer: Option<PrivateKeySigner>,
    ) -> Result<Self, ChainError> {
        let (provider, sender) = connection::connect(rpc, signer)?;
        Ok(Self {
            vault: RestakingVaultContract::new(contracts.vault, provider),
            contracts,
            sender,
        })
    }

    fn provider(&self) -> &DynProvider<Ethereum> {
        self.vault.provider()
    }

    /// Checks that the endpoint serves the contracts' chain.
    ///
    /// # Errors
    /// When it does not answer or serves another chain.
    pub async fn check_chain(&self) -> Result<(), ChainError> {
        connection::check_chain(self.provider(), self.contracts.chain_id).await
    }

    /// The number of the latest block.
    ///
    /// # Errors
    /// When the RPC fails.
    pub async fn block(&self) -> Result<u64, ChainError> {
        Ok(self.provider().get_block_number().await?)
    }

    /// Restakes the sender's tokens to an operator; approves so many before, if fewer are approved. Returns what the
    /// position grew by: as many governance tokens were minted.
    ///
    /// # Errors
    /// When the RPC fails or a contract refuses: the operator is not of the service or turned the vault away, the amount is
    /// below the minimum or more than the sender has.
    pub async fn restake(&self, operator: Address, amount: u128) -> Result<(u128, TxHash), ChainError> {
        let owner = self.sender.ok_or(ChainError::NoSigner)?;
        let asset = Erc20::new(self.contracts.asset, self.provider());
        let amount = U256::from(amount);
        if asset.allowance(owner, self.contracts.vault).call().await? < amount {
            mined(asset.approve(self.contracts.vault, amount).send().await?).await?;
        }
        let receipt = receipt(self.vault.restake(operator, amount).send().await?).await?;
        Ok((event::<Restaked>(&receipt)?.amount, receipt.transaction_hash))
    }

    /// As [`Self::restake`], with ether, where the asset wraps it.
    ///
    /// # Errors
    /// As there, and when the asset is another.
    pub async fn restake_ether(&self, operator: Address, wei: u128) -> Result<(u128, TxHash), ChainError> {
        let call = self.vault.restakeEther(operator).value(U256::from(wei));
        let receipt = receipt(call.send().await?).await?;
        Ok((event::<Restaked>(&receipt)?.amount, receipt.transaction_hash))
    }

    /// Takes `amount` out of the sender's position: burns as many governance tokens and starts EigenLayer's delay. Returns the
    /// withdrawal's id.
    ///
    /// # Errors
    /// When the RPC fails or the contract refuses: it is more than the position, leaves less than the minimum, governance
    /// tokens are missing or owed, or the operator turned the stake away and nobody brought it back.
    pub async fn request_withdrawal(
        &self,
        operator: Address,
        amount: u128,
    ) -> Result<(U256, TxHash), ChainError> {
        let receipt = receipt(self.vault.requestWithdrawal(operator, amount).send().await?).await?;
        let id = event::<WithdrawalRequested>(&receipt)?.id;
        Ok((id, receipt.transaction_hash))
    }

    /// A withdrawal that is not paid yet; `None` if there is none of this id, or it was paid.
    ///
    /// # Errors
    /// When the RPC fails.
    pub async fn withdrawal(&self, id: U256) -> Result<Option<Withdrawal>, ChainError> {
        let withdrawal = self.vault.withdrawalOf(id).call().await?;
        if withdrawal.investor.is_zero() {
            return Ok(None);
        }
        let core = IDelegationManager::new(self.contracts.delegation_manager, self.provider());
        let queued = core.queuedWithdrawals(withdrawal.root).call().await?;
        let delay = core.minWithdrawalDelayBlocks().call().await?;
        Ok(Some(Withdrawal {
            investor: withdrawal.investor,
            root: withdrawal.root,
            // The core wants the delay to be over in an earlier block than the payment's.
            ready_at: u64::from(queued.startBlock) + u64::from(delay) + 1,
        }))
    }

    /// Pays a withdrawal after EigenLayer's delay, to its investor whoever sends. Returns the tokens paid.
    ///
    /// # Errors
    /// When the RPC fails or a contract refuses: it is too early, or was paid.
    pub async fn complete_withdrawal(&self, id: U256) -> Result<(U256, TxHash), ChainError> {
        let receipt = receipt(self.vault.completeWithdrawal(id).send().await?).await?;
        let paid = event::<WithdrawalCompleted>(&receipt)?.tokens;
        Ok((paid, receipt.transaction_hash))
    }

    /// Brings an investor's position with an operator up to date: its losses, its debt, its weight. Anyone may.
    ///
    /// # Errors
    /// When the RPC fails.
    pub async fn poke(&self, operator: Address, investor: Address) -> Result<TxHash, ChainError> {
        Ok(mined(self.vault.poke(operator, investor).send().await?).await?.0)
    }

    /// Brings back the stake that an operator turned away, after EigenLayer's delay. Anyone may; [`Self::queued`] finds the
    /// root.
    ///
    /// # Errors
    /// When the RPC fails or a contract refuses: the root is another's, or it is too early.
    pub async fn reclaim(&self, operator: Address, root: B256) -> Result<TxHash, ChainError> {
        Ok(mined(self.vault.reclaim(operator, root).send().await?).await?.0)
    }

    /// Roots in EigenLayer's queue of the account that stakes with an operator: withdrawals that investors asked for, and
    /// what the operator turned away.
    ///
    /// # Errors
    /// When the RPC fails.
    pub async fn queued(&self, operator: Address) -> Result<Vec<B256>, ChainError> {
        let account = self.account(operator).await?;
        let core = IDelegationManager::new(self.contracts.delegation_manager, self.provider());
        Ok(core.getQueuedWithdrawalRoots(account).call().await?)
    }

    /// The account that stakes with an operator for all of its investors, also before it is opened.
    ///
    /// # Errors
    /// When the RPC fails.
    pub async fn account(&self, operator: Address) -> Result<Address, ChainError> {
        Ok(self.vault.accountOf(operator).call().await?)
    }

    /// What all investors could withdraw from the operator now, from EigenLayer.
    ///
    /// # Errors
    /// When the RPC fails.
    pub async fn withdrawable(&self, operator: Address) -> Result<U256, ChainError> {
        Ok(self.vault.withdrawable(operator).call().await?)
    }

    /// Where an investor stands with an operator.
    ///
    /// # Errors
    /// When the RPC fails.
    pub async fn stake(&self, operator: Address, investor: Address) -> Result<Stake, ChainError> {
        let token = GovernanceTokenContract::new(self.contracts.governance_token, self.provider());
        let tokens = token.balanceOf(investor).call().await?;
        Ok(Stake {
            position: self.vault.positionOf(operator, investor).call().await?,
            weight: self.vault.weightOf(operator, investor).call().await?,
            total: self.vault.totalOf(investor).call().await?,
            tokens: u128::try_from(tokens)
                .map_err(|_| ChainError::Inconsistent("a balance exceeds the token's supply".to_owned()))?,
            debt: self.vault.debtOf(investor).call().await?,
        })
    }
}

/// The first event of its kind in a receipt.
pub(super) fn event<E: SolEvent>(receipt: &TransactionReceipt) -> Result<E, ChainError> {
    let log = receipt
        .decoded_log::<E>()
        .ok_or_else(|| ChainError::Inconsistent(format!("a transaction left no log {}", E::SIGNATURE)))?;
    Ok(log.data)
}
