//! The settlement contract's inbox as observations: which blocks to read next, and whether the logs read are what the
//! contract must have emitted. [`InboxCursor`] is pure; [`InboxReader`] asks an RPC.

use crate::bindings::SettlementContract::{Deposited, Forced as ForcedLog};
use crate::connection;
use crate::error::ChainError;
use alloy::eips::BlockNumberOrTag;
use alloy::network::Ethereum;
use alloy::primitives::{Address, B256, Bytes};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent;
use rampart_protocol::Amount;
use rampart_protocol::observation::{Deposit, Forced, MAX_FORCED, Observation};

/// Most blocks asked for in one query; providers commonly cap this at a few thousand.
pub const MAX_RANGE: u64 = 1000;

/// How far the inbox has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InboxCursor {
    /// First block not read yet.
    pub next_block: u64,
    /// Index that the next message must have.
    pub next_index: u64,
}

/// One log of the inbox, as far as the ledger cares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxLog {
    /// Position in the inbox, which deposits and forced messages share.
    pub index: u64,
    /// The account credited, or the one that forced.
    pub account: Address,
    /// What came in.
    pub entry: Entry,
    /// Its block.
    pub block_number: u64,
    /// Its block's hash.
    pub block_hash: B256,
}

/// What an entry of the inbox holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A deposit of so much.
    Deposit(Amount),
    /// A forced message, whatever its bytes are.
    Forced(Bytes),
}

impl From<&InboxLog> for Observation {
    fn from(log: &InboxLog) -> Self {
        let InboxLog {
            index,
            account,
            ref entry,
            block_number,
            block_hash,
        } = *log;
        match entry {
            Entry::Deposit(amount) => Self::Deposit(Deposit {
                index,
                account,
                amount: *amount,
                block_number,
                block_hash,
            }),
            Entry::Forced(message) => Self::Forced(Forced {
                index,
                account,
                message: message.clone(),
                block_number,
                block_hash,
            }),
        }
    }
}

impl InboxCursor {
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

    /// Takes the logs of the range that ends with `last_block` and moves on.
    ///
    /// # Errors
    /// When an index is missing, repeated or out of order, or a log lies outside the range: then the RPC lies or has
    /// lost data, and the cursor stays where it was.
    pub fn advance(&mut self, last_block: u64, logs: &[InboxLog]) -> Result<Vec<Observation>, ChainError> {
        let mut observations = Vec::with_capacity(logs.len());
        let (mut index, mut block) = (self.next_index, self.next_block);
        for log in logs {
            if log.index != index {
                return Err(ChainError::Inconsistent(format!(
                    "expected entry {index} of the inbox, got entry {}",
                    log.index
                )));
            }
            if log.block_number < block || log.block_number > last_block {
                return Err(ChainError::Inconsistent(format!(
                    "entry {index} of the inbox is said to be in block {}, outside {block}..={last_block}",
                    log.block_number
                )));
            }
            block = log.block_number;
            index += 1;
            if let Entry::Forced(message) = &log.entry
                && message.len() > MAX_FORCED
            {
                return Err(ChainError::Inconsistent(format!(
                    "entry {} of the inbox is a message of {} bytes, the contract takes at most {MAX_FORCED}",
                    log.index,
                    message.len()
                )));
            }
            observations.push(log.into());
        }
        *self = Self {
            next_block: last_block + 1,
            next_index: index,
        };
        Ok(observations)
    }
}

/// Reads the inbox from an RPC endpoint.
#[derive(Clone, Debug)]
pub struct InboxReader {
    provider: DynProvider<Ethereum>,
    settlement: Address,
}

impl InboxReader {
    /// Connects to an RPC endpoint; nothing is asked yet.
    ///
    /// # Errors
    /// When the URL is not one.
    pub fn new(rpc: &str, settlement: Address) -> Result<Self, ChainError> {
        Ok(Self {
            provider: connection::reader(rpc)?,
            settlement,
        })
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
    pub async fn read(&self, cursor: &mut InboxCursor) -> Result<Vec<Observation>, ChainError> {
        let Some((from, to)) = cursor.next_range(self.finalized().await?) else {
            return Ok(Vec::new());
        };
        let (to, logs) = self.logs(from, to).await?;
        let entries: Vec<InboxLog> = logs
            .iter()
            .filter(|log| !log.removed)
            .map(decode)
            .collect::<Result<_, _>>()?;
        cursor.advance(to, &entries)
    }

    /// The inbox's logs from one block up to another, or up to an earlier one where the endpoint refuses: many limit the
    /// logs of one answer, and anyone can put many into one range.
    async fn logs(&self, from: u64, mut to: u64) -> Result<(u64, Vec<Log>), ChainError> {
        loop {
            let filter = Filter::new()
                .address(self.settlement)
                .event_signature(vec![Deposited::SIGNATURE_HASH, ForcedLog::SIGNATURE_HASH])
                .from_block(from)
                .to_block(to);
            match self.provider.get_logs(&filter).await {
                Ok(logs) => return Ok((to, logs)),
                Err(error) if error.is_error_resp() && to > from => to = from.midpoint(to),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn decode(log: &Log) -> Result<InboxLog, ChainError> {
    let place = log.block_number.zip(log.block_hash);
    let (block_number, block_hash) =
        place.ok_or_else(|| ChainError::Inconsistent("a final log names no block".to_owned()))?;
    let (index, account, entry) = if log.topic0() == Some(&ForcedLog::SIGNATURE_HASH) {
        let data = decoded::<ForcedLog>(log)?;
        (data.index, data.account, Entry::Forced(data.message))
    } else {
        let data = decoded::<Deposited>(log)?;
        (data.index, data.account, Entry::Deposit(Amount(data.amount)))
    };
    Ok(InboxLog {
        index,
        account,
        entry,
        block_number,
        block_hash,
    })
}

fn decoded<E: SolEvent>(log: &Log) -> Result<E, ChainError> {
    let event = log.log_decode_validate::<E>().map_err(|error| {
        ChainError::Inconsistent(format!("a log cannot be decoded as {}: {error}", E::SIGNATURE))
    })?;
    Ok(event.inner.data)
}

#[cfg(test)]
#[path = "inbox_tests.rs"]
mod tests;
