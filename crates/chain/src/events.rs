//! What two contracts number for the ledger, as observations: the inbox of `Settlement` on the L2 and `Outbox` on the L1.
//! Decides which blocks to read next, and whether the logs read are what the contract must have emitted.
//!
//! [`EventCursor`] is pure; [`EventReader`] asks an RPC. What a log means is decided in `logs`.

use crate::connection;
use crate::error::ChainError;
use crate::logs as entries;
use alloy::eips::BlockNumberOrTag;
use alloy::network::Ethereum;
use alloy::primitives::{Address, B256};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::{Filter, Log};
use rampart_protocol::observation::{Observation, Source};
use rampart_protocol::operator_keys::Registry;

/// Most blocks asked for in one query; providers commonly cap this at a few thousand.
pub const MAX_RANGE: u64 = 1000;

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
            index += 1;
        }
        *self = Self {
            next_block: last_block + 1,
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
}

/// Whose entries they are, and what it takes to read them.
#[derive(Clone, Copy, Debug)]
enum Sequence {
    Inbox,
    Outbox(Registry),
}

impl EventReader {
    /// Connects to an RPC endpoint of the L2, for the inbox of a settlement contract; nothing is asked yet.
    ///
    /// # Errors
    /// When the URL is not one.
    pub fn inbox(rpc: &str, settlement: Address) -> Result<Self, ChainError> {
        Self::new(rpc, settlement, Sequence::Inbox)
    }

    /// Connects to an RPC endpoint of the L1, for an outbox; nothing is asked yet. Operators prove their keys to the registry,
    /// which the outbox tells of: the proofs of consensus keys are verified here.
    ///
    /// # Errors
    /// When the URL is not one.
    pub fn outbox(rpc: &str, outbox: Address, registry: Registry) -> Result<Self, ChainError> {
        Self::new(rpc, outbox, Sequence::Outbox(registry))
    }

    fn new(rpc: &str, contract: Address, sequence: Sequence) -> Result<Self, ChainError> {
        Ok(Self {
            provider: connection::reader(rpc)?,
            contract,
            sequence,
        })
    }

    /// Whose sequence it reads.
    #[must_use]
    pub const fn source(&self) -> Source {
        match self.sequence {
            Sequence::Inbox => Source::Inbox,
            Sequence::Outbox(_) => Source::Restaking,
        }
    }

    /// Checks that the endpoint serves the chain expected.
    ///
    /// # Errors
    /// When it does not answer or serves another chain.
    pub async fn check_chain(&self, expected: u64) -> Result<(), ChainError> {
        connection::check_chain(&self.provider, expected).await
    }

    /// The number of the last final block.
    ///
    /// # Errors
    /// When the RPC fails.
    pub async fn finalized(&self) -> Result<u64, ChainError> {
        let block = self
            .provider
            .get_block_by_number(BlockNumberOrTag::Finalized)
            .await?;
        Ok(block.map_or(0, |block| block.header.number))
    }

    /// Reads what has become final since `cursor`, at most one range, and moves the cursor.
    ///
    /// # Errors
    /// When the RPC fails or its logs are not what the contract emits; the cursor then stays.
    pub async fn read(&self, cursor: &mut EventCursor) -> Result<Vec<Observation>, ChainError> {
        let Some((from, to)) = cursor.next_range(self.finalized().await?) else {
            return Ok(Vec::new());
        };
        let filter = Filter::new()
            .address(self.contract)
            .event_signature(self.signatures());
        let (to, logs) = logs(&self.provider, &filter, from, to).await?;
        let observations: Vec<Observation> = logs
            .iter()
            .filter(|log| !log.removed)
            .map(|log| self.decode(log))
            .collect::<Result<_, _>>()?;
        cursor.advance(to, &observations)?;
        Ok(observations)
    }

    fn signatures(&self) -> Vec<B256> {
        match self.sequence {
            Sequence::Inbox => entries::INBOX.to_vec(),
            Sequence::Outbox(_) => entries::OUTBOX.to_vec(),
        }
    }

    fn decode(&self, log: &Log) -> Result<Observation, ChainError> {
        match &self.sequence {
            Sequence::Inbox => entries::inbox(log),
            Sequence::Outbox(registry) => entries::outbox(log, registry),
        }
    }
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
            Ok(logs) => return Ok((to, logs)),
            Err(error) if error.is_error_resp() && to > from => to = from.midpoint(to),
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
