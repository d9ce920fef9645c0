//! The roots of the latest checkpoint. The settlement contract keeps their hash only; the roots themselves are in the log
//! of the checkpoint, which is found here and checked against that hash.

use crate::bindings::SettlementContract::{CheckpointAccepted, SettlementContractInstance};
use crate::error::ChainError;
use crate::events::MAX_RANGE;
use alloy::eips::BlockNumberOrTag;
use alloy::network::Ethereum;
use alloy::primitives::B256;
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::Filter;
use alloy::sol_types::SolEvent;
use rampart_protocol::Roots;

type Contract = SettlementContractInstance<DynProvider<Ethereum>>;

/// The roots of the latest checkpoint; zeros before the first one.
///
/// Asks for one range of logs when the checkpoint is recent; otherwise its block is searched by its time first, in as
/// many questions as the number of blocks has bits.
pub(crate) async fn latest(contract: &Contract) -> Result<Roots, ChainError> {
    let latest = contract.latestCheckpoint().call().await?;
    if latest.height == 0 {
        return checked(Roots::default(), latest.rootsHash);
    }
    let provider = contract.provider();
    let head = provider.get_block_number().await?;
    let recent = head.saturating_sub(MAX_RANGE - 1);
    let found = match logged(contract, latest.height, recent, head).await? {
        Some(roots) => Some(roots),
        None => {
            let from = first_block_at(provider, latest.acceptedAt, recent).await?;
            let to = from.saturating_add(MAX_RANGE - 1).min(head);
            logged(contract, latest.height, from, to).await?
        }
    };
    let roots = found.ok_or_else(|| {
        ChainError::Inconsistent(format!(
            "the log of the checkpoint of height {} cannot be found",
            latest.height
        ))
    })?;
    checked(roots, latest.rootsHash)
}

fn checked(roots: Roots, hash: B256) -> Result<Roots, ChainError> {
    if roots.hash() == hash {
        Ok(roots)
    } else {
        Err(ChainError::Inconsistent(format!(
            "the roots logged hash to {}, those of the latest checkpoint to {hash}",
            roots.hash()
        )))
    }
}

/// The roots that the checkpoint of `height` was logged with, if it is in these blocks. Heights increase, so there is one
/// log at most.
async fn logged(contract: &Contract, height: u64, from: u64, to: u64) -> Result<Option<Roots>, ChainError> {
    let filter = Filter::new()
        .address(*contract.address())
        .event_signature(CheckpointAccepted::SIGNATURE_HASH)
        .topic1(alloy::primitives::U256::from(height))
        .from_block(from)
        .to_block(to);
    let logs = contract.provider().get_logs(&filter).await?;
    let Some(log) = logs.iter().find(|log| !log.removed) else {
        return Ok(None);
    };
    let event = log.log_decode_validate::<CheckpointAccepted>().map_err(|error| {
        ChainError::Inconsistent(format!("a CheckpointAccepted log cannot be decoded: {error}"))
    })?;
    let event = event.inner.data;
    Ok(Some(Roots {
        state_root: event.stateRoot,
        withdrawals_root: event.withdrawalsRoot,
        exit_root: event.exitRoot,
    }))
}

/// The first block of a time not before `time`, or `limit` if none below it is.
async fn first_block_at(provider: &DynProvider<Ethereum>, time: u64, limit: u64) -> Result<u64, ChainError> {
    let (mut low, mut high) = (0, limit);
    while low < high {
        let middle = low.midpoint(high);
        let block = provider
            .get_block_by_number(BlockNumberOrTag::Number(middle))
            .await?;
        let block =
            block.ok_or_else(|| ChainError::Inconsistent(format!("the RPC does not have block {middle}")))?;
        if block.header.timestamp < time {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}
