//! Deployment of our contracts.

use crate::bindings::{DevTokenContract, SettlementContract, UtilityTokenContract};
use crate::connection;
use crate::error::ChainError;
use alloy::network::Ethereum;
use alloy::primitives::{Address, B256, TxHash, U256};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use rampart_protocol::{Amount, Seconds};

/// The contracts on the L2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct L2Contracts {
    /// `UtilityToken`.
    pub utility_token: Address,
    /// `Settlement`.
    pub settlement: Address,
    /// Block that carries `Settlement`'s deployment: where reading its inbox starts.
    pub deployed_at: u64,
}

/// What a settlement contract is told for good: when its escape hatch opens, and who may pause its deposits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hatch {
    /// How long the operators may be silent before anyone may freeze it; from a second to 90 days.
    pub exit_delay: Seconds,
    /// How long the ledger may leave a forced message before anyone may freeze it; from a second to 90 days.
    pub force_delay: Seconds,
    /// The executor of governance on the L2; zero for nobody.
    pub guardian: Address,
}

/// Someone who deploys and hands out tokens on one chain.
#[derive(Clone, Debug)]
pub struct Deployer {
    pub(crate) provider: DynProvider<Ethereum>,
    pub(crate) address: Address,
}

impl Deployer {
    /// Connects to an RPC endpoint with a funded key.
    ///
    /// # Errors
    /// When the URL is not one.
    pub fn new(rpc: &str, signer: PrivateKeySigner) -> Result<Self, ChainError> {
        let address = signer.address();
        Ok(Self {
            provider: connection::sender(rpc, signer)?,
            address,
        })
    }

    /// Whose account deploys.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.address
    }

    pub(crate) const fn provider(&self) -> &DynProvider<Ethereum> {
        &self.provider
    }

    /// The number of the account's next transaction.
    pub(crate) async fn nonce(&self) -> Result<u64, ChainError> {
        Ok(self
            .provider
            .get_transaction_count(self.address)
            .pending()
            .await?)
    }

    /// Deploys the token, its whole supply held by the deployer, and the settlement contract.
    ///
    /// `seats` is the first operator set ([`rampart_protocol::OperatorSet::seats`]). The contract's address cannot be
    /// part of that set's hash, so the set can be made before the contract.
    ///
    /// # Errors
    /// When the RPC fails or a constructor reverts.
    pub async fn deploy_l2(
        &self,
        supply: Amount,
        seats: Vec<B256>,
        hatch: Hatch,
    ) -> Result<L2Contracts, ChainError> {
        let token =
            UtilityTokenContract::deploy(self.provider.clone(), self.address, U256::from(supply.0)).await?;
        let deployment = SettlementContract::deploy_builder(
            self.provider.clone(),
            *token.address(),
            seats,
            hatch.exit_delay.0,
            hatch.force_delay.0,
            hatch.guardian,
        );
        let receipt = deployment.send().await?.get_receipt().await?;
        match (receipt.status(), receipt.contract_address, receipt.block_number) {
            (true, Some(settlement), Some(deployed_at)) => Ok(L2Contracts {
                utility_token: *token.address(),
                settlement,
                deployed_at,
            }),
            _ => Err(ChainError::Reverted(receipt.transaction_hash)),
        }
    }

    /// Deploys a plain ERC-20 for demonstrations, its supply held by the deployer.
    ///
    /// # Errors
    /// When the RPC fails or the constructor reverts.
    pub async fn deploy_dev_token(&self, supply: Amount) -> Result<Address, ChainError> {
        let token = DevTokenContract::deploy(self.provider.clone(), U256::from(supply.0)).await?;
        Ok(*token.address())
    }

    /// Sends ERC-20 tokens from the deployer.
    ///
    /// # Errors
    /// When the RPC fails or the transfer reverts.
    pub async fn transfer_token(
        &self,
        token: Address,
        to: Address,
        amount: Amount,
    ) -> Result<TxHash, ChainError> {
        let token = DevTokenContract::new(token, self.provider.clone());
        let (hash, _) =
            crate::settlement::mined(token.transfer(to, U256::from(amount.0)).send().await?).await?;
        Ok(hash)
    }

    /// Sends the chain's own coin from the deployer.
    ///
    /// # Errors
    /// When the RPC fails or the transfer fails.
    pub async fn transfer_coin(&self, to: Address, wei: U256) -> Result<TxHash, ChainError> {
        let request = TransactionRequest::default().to(to).value(wei);
        let (hash, _) = crate::settlement::mined(self.provider.send_transaction(request).await?).await?;
        Ok(hash)
    }
}
