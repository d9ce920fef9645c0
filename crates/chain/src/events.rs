//! What two contracts number for the ledger, as observations: the inbox of `Settlement` on the L2 and `Outbox` on the L1.
//! Decides which blocks to read next, and whether the logs read are what the contract must have emitted.
//!
//! [`EventCursor`] is pure; [`EventReader`] asks an RPC. What a log means is decided in `logs`.

use crate::bindings::{OutboxContract, SettlementContract};
use crate::connection;
use crate::endpoints::Finality;
use crate::error::ChainError;
use crate::logs as entries;
use crate::tracker::BlockRef;
use crate::transport::is_too_large;
use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::network::Ethereum;
use alloy::primitives::{Address, B256};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::{Filter, Log};
use rampart_protocol::observation::{Observation, Source};
use rampart_protocol::operator_keys::Registry;

/// Most blocks asked for in one query; providers commonly cap this at a few thousand.
pub const MAX_RANGE: u64 = 1000;
/// Most logs of one answer that are taken; of more, half of the blocks are asked for, down to one block.
pub const MAX_LOGS: usize = 20_000;

/// How far a contract's sequence has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventCursor {
    /// First block not read yet.
    pub next_block: u64,
    /// Index that the next entry must have.
    pub next_index: u64,
}

impl EventCursor {
    /// From the block of the contract's deployment.
    #[must_use]
    pub const fn new(deployed_at: u64) -> Self {
        Self {
            next_block: deployed_at,
            next_index: 0,
        }
    }

    /// The inclusive block range to read next, when the chain is final up to `finalized`.
    #[must_use]
    pub fn next_range(&self, finalized: u64) -> Option<(u64, u64)> {
        (self.next_block <= finalized).then(|| {
            (
                self.next_block,
                finalized.min(self.next_block.saturating_add(MAX_RANGE - 1)),
            )
        })
    }

    /// Takes the observations of the range that ends with `last_block`, and moves on.
    ///
    /// # Errors
    /// When an index is missing, repeated or out of order, or an entry lies outside the range: then the RPC lies or has
    /// lost data, and the cursor stays where it was.
    pub fn advance(&mut self, last_block: u64, observations: &[Observation]) -> Result<(), ChainError> {
        let (mut index, mut block) = (self.next_index, self.next_block);
        for observation in observations {
            let (given, at) = (observation.index(), observation.block_number());
            if given != index {
                return Err(ChainError::Inconsistent(format!(
                    "expected entry {index} of the contract's sequence, got entry {given}"
                )));
            }
            if at < block || at > last_block {
                return Err(ChainError::Inconsistent(format!(
                    "entry {index} of the contract's sequence is said to be in block {at}, outside {block}..={last_block}"
                )));
            }
            block = at;
            index = index.saturating_add(1);
        }
        *self = Self {
            next_block: last_block.saturating_add(1),
            next_index: index,
        };
        Ok(())
    }
}

/// Reads one contract's sequence from an RPC endpoint.
#[derive(Clone, Debug)]
pub struct EventReader {
    provider: DynProvider<Ethereum>,
    contract: Address,
    sequence: Sequence,
    finality: Finality,
}

/// Whose entries they are, and what it takes to read them.
#[derive(Clone, Copy, Debug)]
pub enum Sequence {
    /// Of `Settlement` on the L2.
    Inbox,
    /// Of `Outbox` on the L1. Operators prove their keys to the registry, which the outbox tells of: the proofs of consensus
    /// keys are verified here.
    Outbox(Registry),
}

impl Sequence {
    /// Whose sequence it is, for the ledger.
    #[must_use]
    pub const fn source(&self) -> Source {
        match self {
            Self::Inbox => Source::Inbox,
            Self::Outbox(_) => Source::Restaking,
        }
    }
}

impl EventReader {
    /// Connects to an RPC endpoint of the L2, for the inbox of a settlement contract; nothing is asked yet.
    ///
    /// # Errors
    /// When the URL is not one.
    pub fn inbox(rpc: &str, settlement: Address) -> Result<Self, ChainError> {
        Self::new(rpc, settlement, Sequence::Inbox, Finality::Finalized)
    }

    /// Connects to an RPC endpoint of the L1, for an outbox; nothing is asked yet. Operators prove their keys to the registry,
    /// which the outbox tells of: the proofs of consensus keys are verified here.
    ///
    /// # Errors
    /// When the URL is not one.
    pub fn outbox(rpc: &str, outbox: Address, registry: Registry) -> Result<Self, ChainError> {
        Self::new(rpc, outbox, Sequence::Outbox(registry), Finality::Finalized)
    }

    /// Connects to an RPC endpoint for a contract's sequence; nothing is asked yet.
    ///
    /// # Errors
    /// When the URL is not one.
    pub fn new(
        rpc: &str,
        contract: Address,
        sequence: Sequence,
        finality: Finality,
    ) -> Result<Self, ChainError> {
        Ok(Self {
            provider: connection::reader(rpc)?,
            contract,
            sequence,
            finality,
        })
    }

    /// Whose sequence it reads.
    #[must_use]
    pub const fn source(&self) -> Source {
        self.sequence.source()
    }

    /// Checks that the endpoint serves the chain expected.
    ///
    /// # Errors
    /// When it does not answer or serves another chain.
    pub async fn check_chain(&self, expected: u64) -> Result<(), ChainError> {
        connection::check_chain(&self.provider, expected).await
    }

    /// The last block that counts as final; block 0 where the endpoint knows of none.
    ///
    /// # Errors
    /// When the RPC fails.
    pub async fn head(&self) -> Result<BlockRef, ChainError> {
        let tag = match self.finality {
            Finality::Finalized => BlockNumberOrTag::Finalized,
            Finality::Safe => BlockNumberOrTag::Safe,
            Finality::Confirmations(blocks) => {
                let latest = self.provider.get_block_number().await?;
                BlockNumberOrTag::Number(latest.saturating_sub(blocks))
            }
        };
        match self.provider.get_block_by_number(tag).await? {
            Some(block) => Ok(BlockRef {
                number: block.header.number,
                hash: block.header.hash,
            }),
            None => self.block(0).await,
        }
    }

    /// A block by its number.
    ///
    /// # Errors
    /// When the RPC fails, does not have it or answers with another one.
    pub async fn block(&self, number: u64) -> Result<BlockRef, ChainError> {
        let block = self.provider.get_block_by_number(number.into()).await?;
        let block = block.ok_or(ChainError::NoBlock(number))?;
        if block.header.number != number {
            return Err(ChainError::Inconsistent(format!(
                "asked for block {number}, it sent block {}",
                block.header.number
            )));
        }
        Ok(BlockRef {
            number,
            hash: block.header.hash,
        })
    }

    /// The entries in a range of blocks, and the last block that was read: an earlier one where the endpoint refuses that
    /// many.
    ///
    /// # Errors
    /// When the RPC fails, or its logs are not what the contract emits.
    pub async fn entries(&self, from: u64, to: u64) -> Result<(u64, Vec<Observation>), ChainError> {
        let filter = Filter::new()
            .address(self.contract)
            .event_signature(self.signatures());
        let (to, logs) = logs(&self.provider, &filter, from, to).await?;
        Ok((to, decode(&self.sequence, self.contract, &logs)?))
    }

    /// How many entries the contract has counted at a block. `None` where the endpoint does not say, as many do of blocks
    /// older than a hundred or so.
    pub async fn count(&self, at: BlockRef) -> Option<u64> {
        let at = BlockId::hash(at.hash);
        match self.sequence {
            Sequence::Inbox => {
                let contract = SettlementContract::new(self.contract, &self.provider);
                contract.inboxCount().block(at).call().await.ok()
            }
            Sequence::Outbox(_) => {
                let contract = OutboxContract::new(self.contract, &self.provider);
                contract.next().block(at).call().await.ok()
            }
        }
    }

    /// Reads what has become final since `cursor`, at most one range, and moves the cursor: for who trusts this endpoint.
    ///
    /// # Errors
    /// When the RPC fails or its logs are not what the contract emits; the cursor then stays.
    pub async fn read(&self, cursor: &mut EventCursor) -> Result<Vec<Observation>, ChainError> {
        let Some((from, to)) = cursor.next_range(self.head().await?.number) else {
            return Ok(Vec::new());
        };
        let (to, observations) = self.entries(from, to).await?;
        cursor.advance(to, &observations)?;
        Ok(observations)
    }

    fn signatures(&self) -> Vec<B256> {
        match self.sequence {
            Sequence::Inbox => entries::INBOX.to_vec(),
            Sequence::Outbox(_) => entries::OUTBOX.to_vec(),
        }
    }
}

/// What logs of a contract say, as an endpoint sent them.
///
/// # Errors
/// When one is not the contract's, or not what it emits.
pub fn decode(sequence: &Sequence, contract: Address, logs: &[Log]) -> Result<Vec<Observation>, ChainError> {
    let decode = |log: &Log| {
        if log.address() != contract {
            return Err(ChainError::Inconsistent(format!(
                "asked for logs of {contract}, it sent one of {}",
                log.address()
            )));
        }
        match sequence {
            Sequence::Inbox => entries::inbox(log),
            Sequence::Outbox(registry) => entries::outbox(log, registry),
        }
    };
    logs.iter().filter(|log| !log.removed).map(decode).collect()
}

/// The logs of a filter from one block up to another, or up to an earlier one where the endpoint refuses: many limit the
/// logs of one answer, and anyone can put many into one range. Returns the last block that was read.
pub(crate) async fn logs(
    provider: &DynProvider<Ethereum>,
    filter: &Filter,
    from: u64,
    mut to: u64,
) -> Result<(u64, Vec<Log>), ChainError> {
    loop {
        let range = filter.clone().from_block(from).to_block(to);
        match provider.get_logs(&range).await {
            Ok(logs) if logs.len() > MAX_LOGS && to > from => to = from.midpoint(to),
            Ok(logs) => return Ok((to, logs)),
            Err(error) if (error.is_error_resp() || is_too_large(&error)) && to > from => {
                to = from.midpoint(to);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
