//! What an endpoint and the contracts behind it look like from outside, for an operator that checks its configuration
//! before it starts. Reads only; decides nothing about what is good enough.

use crate::bindings::{OutboxContract, ServiceManagerContract};
use crate::connection;
use crate::error::ChainError;
use alloy::eips::BlockNumberOrTag;
use alloy::network::Ethereum;
use alloy::primitives::{Address, B256, U256};
use alloy::providers::{DynProvider, Provider};
use rampart_protocol::Timestamp;

/// An endpoint under examination.
#[derive(Clone, Debug)]
pub struct Examination {
    provider: DynProvider<Ethereum>,
}

/// A block, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its number.
    pub number: u64,
    /// Its time.
    pub time: Timestamp,
}

/// How an operator is registered with the service manager (O1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The operator's account.
    pub operator: Address,
    /// Whether it is in the operator set now.
    pub member: bool,
    /// Its slashable stake now, base units.
    pub stake: U256,
    /// The consensus key that it registered last.
    pub consensus_key: B256,
    /// The checkpoint key that it registered last.
    pub checkpoint_key: Address,
}

impl Examination {
    /// Of an endpoint; nothing is asked yet.
    ///
    /// # Errors
    /// When the URL is not one.
    pub fn new(rpc: &str) -> Result<Self, ChainError> {
        Ok(Self {
            provider: connection::reader(rpc)?,
        })
    }

    /// The chain that it serves.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn chain_id(&self) -> Result<u64, ChainError> {
        Ok(self.provider.get_chain_id().await?)
    }

    /// The last block, or the last final one; `None` when there is none.
    ///
    /// # Errors
    /// When it does not answer or does not know the tag.
    pub async fn block(&self, tag: BlockNumberOrTag) -> Result<Option<Seen>, ChainError> {
        let block = self.provider.get_block_by_number(tag).await?;
        Ok(block.map(|block| Seen {
            number: block.header.number,
            time: Timestamp(block.header.timestamp),
        }))
    }

    /// Whether there is code at an address.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn has_code(&self, contract: Address) -> Result<bool, ChainError> {
        Ok(!self.provider.get_code_at(contract).await?.is_empty())
    }

    /// What an account has to pay for gas with, wei.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn balance(&self, account: Address) -> Result<U256, ChainError> {
        Ok(self.provider.get_balance(account).await?)
    }

    /// How the holder of a checkpoint key is registered with the service manager that an outbox belongs to; `None` when
    /// nobody ever registered the key.
    ///
    /// # Errors
    /// When it does not answer or the outbox is none.
    pub async fn registered(
        &self,
        outbox: Address,
        checkpoint_key: Address,
    ) -> Result<Option<Registered>, ChainError> {
        let outbox = OutboxContract::new(outbox, &self.provider);
        let manager = ServiceManagerContract::new(outbox.serviceManager().call().await?, &self.provider);
        let operator = manager.operatorOfCheckpointKey(checkpoint_key).call().await?;
        if operator.is_zero() {
            return Ok(None);
        }
        let keys = manager.operatorOf(operator).call().await?;
        Ok(Some(Registered {
            operator,
            member: manager.isMember(operator).call().await?,
            stake: manager.stakeOf(operator).call().await?,
            consensus_key: keys.consensusKey,
            checkpoint_key: keys.checkpointKey,
        }))
    }
}
