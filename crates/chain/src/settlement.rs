//! The settlement contract as its users call it: deposits, withdrawals, checkpoints.

use crate::bindings::SettlementContract::SettlementContractErrors;
use crate::bindings::{SettlementContract, UtilityTokenContract};
use crate::connection;
use crate::endpoints::{Endpoints, Finality};
use crate::error::ChainError;
use crate::outgoing::plan::Call;
use crate::refusal::Refusal;
use crate::roots;
use alloy::eips::BlockId;
use alloy::network::Ethereum;
use alloy::primitives::{Address, B256, Bytes, TxHash, U256};
use alloy::providers::{DynProvider, PendingTransactionBuilder, Provider as _};
use alloy::rpc::types::TransactionReceipt;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolCall as _;
use rampart_protocol::{Amount, Checkpoint, OperatorSet, Roots, SignedCheckpoint};
use std::time::Duration;

/// Time within which a transaction must be mined.
const MINED_WITHIN: Duration = Duration::from_secs(60);

/// How often a payment is tried that a new checkpoint overtakes each time.
const ATTEMPTS: usize = 3;
/// How often newer roots are looked for that a waiting checkpoint will bring: for 15 seconds, a slow block.
const LOOKS: u32 = 31;
/// Time between two such looks.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// A caller of the settlement contract.
#[derive(Clone, Debug)]
pub struct Settlement {
    pub(crate) contract: SettlementContract::SettlementContractInstance<DynProvider<Ethereum>>,
    sender: Option<Address>,
}

impl Settlement {
    /// Connects for reading, and for sending when a signer is given. Send one transaction at a time: its nonce is
    /// what the endpoint counts, those that wait included.
    ///
    /// # Errors
    /// When the URL is not one.
    pub fn new(rpc: &str, address: Address, signer: Option<PrivateKeySigner>) -> Result<Self, ChainError> {
        let (provider, sender) = connection::connect(rpc, signer)?;
        Ok(Self {
            contract: SettlementContract::new(address, provider),
            sender,
        })
    }

    /// As [`Self::new`], through several endpoints, of which a quorum must give the same answer to what is asked of the
    /// contract.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn through(
        endpoints: &Endpoints,
        address: Address,
        signer: Option<PrivateKeySigner>,
    ) -> Result<Self, ChainError> {
        let sender = signer.as_ref().map(PrivateKeySigner::address);
        Ok(Self {
            contract: SettlementContract::new(address, connection::several(endpoints, signer)?),
            sender,
        })
    }

    /// Checks that the endpoint serves the chain expected.
    ///
    /// # Errors
    /// When it does not answer or serves another chain.
    pub async fn check_chain(&self, expected: u64) -> Result<(), ChainError> {
        connection::check_chain(self.contract.provider(), expected).await
    }

    /// The utility token's address.
    ///
    /// # Errors
    /// When the RPC fails.
    pub async fn token(&self) -> Result<Address, ChainError> {
        Ok(self.contract.token().call().await?)
    }

    /// Base units of the utility token that `account` holds on the L2.
    ///
    /// # Errors
    /// When the RPC fails or the balance exceeds 128 bits.
    pub async fn token_balance(&self, account: Address) -> Result<Amount, ChainError> {
        let token = UtilityTokenContract::new(self.token().await?, self.contract.provider());
        let balance = token.balanceOf(account).call().await?;
        u128::try_from(balance)
            .map(Amount)
            .map_err(|_| ChainError::Inconsistent("a token balance exceeds 128 bits".to_owned()))
    }

    /// Approves and deposits in two transactions; returns the deposit's transaction and block.
    ///
    /// # Errors
    /// When the RPC fails, or a transaction reverts.
    pub async fn deposit(&self, account: Address, amount: Amount) -> Result<(TxHash, u64), ChainError> {
        let token = UtilityTokenContract::new(self.token().await?, self.contract.provider());
        mined(
            token
                .approve(*self.contract.address(), U256::from(amount.0))
                .send()
                .await?,
        )
        .await?;
        mined(self.contract.deposit(account, amount.0).send().await?).await
    }

    /// Pays a certified withdrawal out to its recipient. The proof is against the latest checkpoint accepted, whose roots
    /// are looked up here; when a newer one comes in between, it is tried again with that one's.
    ///
    /// # Errors
    /// When the RPC fails, or the contract refuses: with `InvalidProof` when a newer checkpoint certifies more withdrawals.
    pub async fn withdraw(
        &self,
        index: u64,
        recipient: Address,
        amount: Amount,
        proof: Vec<B256>,
    ) -> Result<(TxHash, u64), ChainError> {
        let mut roots = self.roots().await?;
        for _ in 1..ATTEMPTS {
            match self.pay(roots, index, recipient, amount, proof.clone()).await {
                Err(error) => match self.newer_roots(roots, looks(&error)).await? {
                    Some(newer) => roots = newer,
                    None => return Err(error),
                },
                result => return result,
            }
        }
        self.pay(roots, index, recipient, amount, proof).await
    }

    /// The roots of a newer checkpoint, looked for so many times.
    async fn newer_roots(&self, than: Roots, looks: u32) -> Result<Option<Roots>, ChainError> {
        for look in 0..looks {
            if look > 0 {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            let roots = self.roots().await?;
            if roots != than {
                return Ok(Some(roots));
            }
        }
        Ok(None)
    }

    async fn pay(
        &self,
        roots: Roots,
        index: u64,
        recipient: Address,
        amount: Amount,
        proof: Vec<B256>,
    ) -> Result<(TxHash, u64), ChainError> {
        let call = self
            .contract
            .withdraw(roots.into(), index, recipient, amount.0, proof);
        mined(call.send().await?).await
    }

    /// Height of the last checkpoint accepted, 0 for none, as of the latest block.
    ///
    /// # Errors
    /// When the RPC fails.
    pub async fn accepted_height(&self) -> Result<u64, ChainError> {
        Ok(self.contract.latestCheckpoint().call().await?.height)
    }

    /// Height of the last checkpoint whose acceptance is final, 0 for none.
    ///
    /// # Errors
    /// When the RPC fails, or does not keep the state of that block: many keep a hundred blocks or so.
    pub async fn final_height(&self, finality: Finality) -> Result<u64, ChainError> {
        let block = match finality {
            Finality::Finalized => BlockId::finalized(),
            Finality::Safe => BlockId::safe(),
            Finality::Confirmations(blocks) => {
                let latest = self.contract.provider().get_block_number().await?;
                BlockId::number(latest.saturating_sub(blocks))
            }
        };
        Ok(self.contract.latestCheckpoint().block(block).call().await?.height)
    }

    /// The call that submits a checkpoint, about its height. Signatures of keys outside `operators` are left out.
    #[must_use]
    pub fn checkpoint_call(
        &self,
        checkpoint: &Checkpoint,
        operators: &OperatorSet,
        signatures: &[SignedCheckpoint],
    ) -> Call {
        let (signers, packed) = pack_signatures(operators, signatures);
        let call = SettlementContract::submitCheckpointCall {
            checkpoint: contract_checkpoint(checkpoint),
            operatorSet: operators.seats(),
            signers,
            signatures: packed,
        };
        Call {
            subject: U256::from(checkpoint.height).into(),
            to: *self.contract.address(),
            data: call.abi_encode().into(),
        }
    }

    /// The roots of the last checkpoint accepted, as its log has them and the contract's hash confirms; zeros for none.
    ///
    /// # Errors
    /// When the RPC fails, or has no such log.
    pub async fn roots(&self) -> Result<Roots, ChainError> {
        roots::latest(&self.contract).await
    }

    /// Whether a withdrawal has been paid.
    ///
    /// # Errors
    /// When the RPC fails.
    pub async fn is_withdrawn(&self, index: u64) -> Result<bool, ChainError> {
        Ok(self.contract.isWithdrawn(index).call().await?)
    }

    /// Submits a checkpoint with the signatures collected. Signatures of keys outside `operators` are left out.
    ///
    /// # Errors
    /// When the RPC fails, or the contract refuses.
    pub async fn submit_checkpoint(
        &self,
        checkpoint: &Checkpoint,
        operators: &OperatorSet,
        signatures: &[SignedCheckpoint],
    ) -> Result<(TxHash, u64), ChainError> {
        let (signers, packed) = pack_signatures(operators, signatures);
        let checkpoint = contract_checkpoint(checkpoint);
        let call = self
            .contract
            .submitCheckpoint(checkpoint, operators.seats(), signers, packed);
        mined(call.send().await?).await
    }

    /// The account that pays for transactions.
    #[must_use]
    pub const fn sender(&self) -> Option<Address> {
        self.sender
    }
}

/// The contract's form of a set of signatures: a bitmap of seats, and 65 bytes for each in seat order.
#[must_use]
pub fn pack_signatures(operators: &OperatorSet, signatures: &[SignedCheckpoint]) -> (U256, Bytes) {
    let mut by_seat: Vec<(usize, &SignedCheckpoint)> = signatures
        .iter()
        .filter_map(|signed| {
            let signer = signed.signer(&operators.domain)?;
            operators.seat(signer).map(|(position, _)| (position, signed))
        })
        .collect();
    by_seat.sort_by_key(|(position, _)| *position);
    by_seat.dedup_by_key(|(position, _)| *position);
    let mut bitmap = U256::ZERO;
    let mut packed = Vec::with_capacity(65 * by_seat.len());
    for (position, signed) in by_seat {
        bitmap.set_bit(position, true);
        packed.extend_from_slice(signed.signature.as_slice());
    }
    (bitmap, packed.into())
}

const fn contract_checkpoint(checkpoint: &Checkpoint) -> SettlementContract::Checkpoint {
    SettlementContract::Checkpoint {
        epoch: checkpoint.epoch,
        height: checkpoint.height,
        stateRoot: checkpoint.state_root,
        withdrawalsRoot: checkpoint.withdrawals_root,
        exitRoot: checkpoint.exit_root,
        inboxCount: checkpoint.inbox_count,
        nextOperatorSet: checkpoint.next_operator_set,
    }
}

impl From<Roots> for SettlementContract::Roots {
    fn from(roots: Roots) -> Self {
        Self {
            stateRoot: roots.state_root,
            withdrawalsRoot: roots.withdrawals_root,
            exitRoot: roots.exit_root,
        }
    }
}

/// How often to look for newer roots after a payment failed: not at all, unless a checkpoint may have come in between.
fn looks(error: &ChainError) -> u32 {
    match error {
        // Estimated before that checkpoint's block, and mined after it: it is there.
        ChainError::Reverted(_) => 1,
        // Many nodes estimate on top of what waits for a block, so the checkpoint may have to be mined first.
        ChainError::Refused(refusal) => match **refusal {
            Refusal::Settlement(SettlementContractErrors::StaleRoots(_)) => LOOKS,
            _ => 0,
        },
        _ => 0,
    }
}

/// Waits for a transaction to be mined, and for it to have succeeded.
pub(crate) async fn mined(pending: PendingTransactionBuilder<Ethereum>) -> Result<(TxHash, u64), ChainError> {
    let receipt = receipt(pending).await?;
    Ok((receipt.transaction_hash, receipt.block_number.unwrap_or_default()))
}

/// As [`mined`], with all that is known of it.
pub(crate) async fn receipt(
    pending: PendingTransactionBuilder<Ethereum>,
) -> Result<TransactionReceipt, ChainError> {
    let receipt = pending.with_timeout(Some(MINED_WITHIN)).get_receipt().await?;
    if !receipt.status() {
        return Err(ChainError::Reverted(receipt.transaction_hash));
    }
    Ok(receipt)
}
