//! What the settlement contract offers whom the operators ignore: forced messages, the freeze, and the ways out after
//! it (X2).

use crate::error::ChainError;
use crate::settlement::{Settlement, mined};
use alloy::eips::BlockNumberOrTag;
use alloy::primitives::{Address, B256, Bytes, TxHash};
use alloy::providers::Provider as _;
use rampart_protocol::{Amount, Seconds, Timestamp};

impl Settlement {
    /// Forces a message into the ledger as one of the sender, whose signature is not needed: [`rampart_protocol::Message`]
    /// in its canonical encoding, or anything, which is consumed without effect. Returns its position in the inbox too.
    ///
    /// # Errors
    /// When the RPC fails, or the contract refuses: the message is too long, or the settlement is frozen.
    pub async fn force(&self, message: Bytes) -> Result<Forced, ChainError> {
        let pending = self.contract.force(message).send().await?;
        let receipt = crate::settlement::receipt(pending).await?;
        let event = receipt
            .decoded_log::<crate::bindings::SettlementContract::Forced>()
            .ok_or_else(|| ChainError::Inconsistent("a forced message left no log".to_owned()))?;
        Ok(Forced {
            index: event.index,
            transaction: receipt.transaction_hash,
            block: receipt.block_number.unwrap_or_default(),
        })
    }

    /// Freezes the settlement for ever because no checkpoint was accepted for its exit delay.
    ///
    /// # Errors
    /// When the RPC fails, or the contract refuses.
    pub async fn freeze(&self) -> Result<(TxHash, u64), ChainError> {
        mined(self.contract.freeze().send().await?).await
    }

    /// Freezes the settlement for ever because the forced message `index` was not consumed for its force delay.
    ///
    /// # Errors
    /// When the RPC fails, or the contract refuses.
    pub async fn freeze_over_ignored(&self, index: u64) -> Result<(TxHash, u64), ChainError> {
        mined(self.contract.freezeOverIgnored(index).send().await?).await
    }

    /// Pays an account of a frozen settlement what the last checkpoint gives it. The roots are looked up here.
    ///
    /// # Errors
    /// When the RPC fails, or the contract refuses.
    pub async fn exit(
        &self,
        account: Address,
        amount: Amount,
        proof: Vec<B256>,
    ) -> Result<(TxHash, u64), ChainError> {
        let roots = self.roots().await?;
        mined(
            self.contract
                .exit(roots.into(), account, amount.0, proof)
                .send()
                .await?,
        )
        .await
    }

    /// Pays a deposit that the ledger of a frozen settlement never consumed back to its account.
    ///
    /// # Errors
    /// When the RPC fails, or the contract refuses.
    pub async fn recover_deposit(
        &self,
        index: u64,
        account: Address,
        amount: Amount,
    ) -> Result<(TxHash, u64), ChainError> {
        mined(
            self.contract
                .recoverDeposit(index, account, amount.0)
                .send()
                .await?,
        )
        .await
    }

    /// How long the ledger may leave a forced message before anyone may freeze.
    ///
    /// # Errors
    /// When the RPC fails.
    pub async fn force_delay(&self) -> Result<Seconds, ChainError> {
        Ok(Seconds(self.contract.forceDelay().call().await?))
    }

    /// When an entry of the inbox was forced; `None` when it is no forced message.
    ///
    /// # Errors
    /// When the RPC fails.
    pub async fn forced_at(&self, index: u64) -> Result<Option<Timestamp>, ChainError> {
        let at = self.contract.forcedAt(index).call().await?;
        Ok(Some(Timestamp(at)).filter(|at| at.0 != 0))
    }

    /// Entries that the inbox has received, and how many of them the last checkpoint accepted has consumed.
    ///
    /// # Errors
    /// When the RPC fails.
    pub async fn inbox(&self) -> Result<(u64, u64), ChainError> {
        let received = self.contract.inboxCount().call().await?;
        let consumed = self.contract.latestCheckpoint().call().await?.inboxCount;
        Ok((received, consumed))
    }

    /// The time of the chain's latest block, by which the hatch opens.
    ///
    /// # Errors
    /// When the RPC fails.
    pub async fn time(&self) -> Result<Timestamp, ChainError> {
        let provider = self.contract.provider();
        let block = provider.get_block_by_number(BlockNumberOrTag::Latest).await?;
        let block =
            block.ok_or_else(|| ChainError::Inconsistent("the RPC has no latest block".to_owned()))?;
        Ok(Timestamp(block.header.timestamp))
    }

    /// Whether the settlement is frozen for ever.
    ///
    /// # Errors
    /// When the RPC fails.
    pub async fn is_frozen(&self) -> Result<bool, ChainError> {
        Ok(self.contract.isFrozen().call().await?)
    }

    /// Whether an account was paid its exit.
    ///
    /// # Errors
    /// When the RPC fails.
    pub async fn has_exited(&self, account: Address) -> Result<bool, ChainError> {
        Ok(self.contract.hasExited(account).call().await?)
    }
}

/// A message that was forced in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forced {
    /// Its position in the inbox.
    pub index: u64,
    /// The transaction that carried it.
    pub transaction: TxHash,
    /// That transaction's block.
    pub block: u64,
}
