//! The settlement contract's inbox as observations: which blocks to read next, and whether the logs read are what the
//! contract must have emitted. [`InboxCursor`] is pure; [`InboxReader`] asks an RPC.

use crate::bindings::SettlementContract::Deposited;
use crate::connection;
use crate::error::ChainError;
use alloy::eips::BlockNumberOrTag;
use alloy::network::Ethereum;
use alloy::primitives::{Address, B256};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent;
use rampart_protocol::Amount;
use rampart_protocol::observation::{Deposit, Observation};

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

/// One `Deposited` log, as far as the ledger cares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DepositLog {
    /// Position in the inbox.
    pub index: u64,
    /// Credited account.
    pub account: Address,
    /// Base units.
    pub amount: u128,
    /// Its block.
    pub block_number: u64,
    /// Its block's hash.
    pub block_hash: B256,
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
    pub fn advance(&mut self, last_block: u64, logs: &[DepositLog]) -> Result<Vec<Observation>, ChainError> {
        let mut observations = Vec::with_capacity(logs.len());
        let (mut index, mut block) = (self.next_index, self.next_block);
        for log in logs {
            if log.index != index {
                return Err(ChainError::Inconsistent(format!(
                    "expected deposit {index}, got deposit {}",
                    log.index
                )));
            }
            if log.block_number < block || log.block_number > last_block {
                return Err(ChainError::Inconsistent(format!(
                    "deposit {index} is said to be in block {}, outside {block}..={last_block}",
                    log.block_number
                )));
            }
            block = log.block_number;
            index += 1;
            observations.push(Observation::Deposit(Deposit {
                index: log.index,
                account: log.account,
                amount: Amount(log.amount),
                block_number: log.block_number,
                block_hash: log.block_hash,
            }));
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
        let actual = self.provider.get_chain_id().await?;
        if actual == expected {
            Ok(())
        } else {
            Err(ChainError::WrongChain { expected, actual })
        }
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
        let filter = Filter::new()
            .address(self.settlement)
            .event_signature(Deposited::SIGNATURE_HASH)
            .from_block(from)
            .to_block(to);
        let logs = self.provider.get_logs(&filter).await?;
        let deposits: Vec<DepositLog> = logs
            .iter()
            .filter(|log| !log.removed)
            .map(decode)
            .collect::<Result<_, _>>()?;
        cursor.advance(to, &deposits)
    }
}

fn decode(log: &Log) -> Result<DepositLog, ChainError> {
    let event = log
        .log_decode_validate::<Deposited>()
        .map_err(|error| ChainError::Inconsistent(format!("a Deposited log cannot be decoded: {error}")))?;
    let place = log.block_number.zip(log.block_hash);
    let (block_number, block_hash) =
        place.ok_or_else(|| ChainError::Inconsistent("a final log names no block".to_owned()))?;
    let data = event.inner.data;
    Ok(DepositLog {
        index: data.index,
        account: data.account,
        amount: data.amount,
        block_number,
        block_hash,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn log(index: u64, block_number: u64) -> DepositLog {
        DepositLog {
            index,
            account: Address::repeat_byte(1),
            amount: 5,
            block_number,
            block_hash: B256::ZERO,
        }
    }

    #[test]
    fn reads_in_bounded_ranges_up_to_finality() {
        let cursor = InboxCursor::new(10);
        assert_eq!(cursor.next_range(9), None);
        assert_eq!(cursor.next_range(10), Some((10, 10)));
        assert_eq!(cursor.next_range(5000), Some((10, 1009)));
    }

    #[test]
    fn numbers_observations_as_the_contract_does() {
        let mut cursor = InboxCursor::new(10);
        let seen = cursor.advance(20, &[log(0, 12), log(1, 12), log(2, 20)]).unwrap();
        assert_eq!(seen.iter().map(Observation::index).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(
            cursor,
            InboxCursor {
                next_block: 21,
                next_index: 3
            }
        );
        assert!(cursor.advance(30, &[]).unwrap().is_empty());
        assert_eq!(
            cursor,
            InboxCursor {
                next_block: 31,
                next_index: 3
            }
        );
    }

    #[test]
    fn refuses_gaps_repeats_and_foreign_blocks_and_stays_put() {
        for logs in [
            vec![log(1, 12)],
            vec![log(0, 12), log(0, 13)],
            vec![log(0, 13), log(1, 12)],
            vec![log(0, 21)],
        ] {
            let mut cursor = InboxCursor::new(10);
            assert!(matches!(
                cursor.advance(20, &logs),
                Err(ChainError::Inconsistent(_))
            ));
            assert_eq!(cursor, InboxCursor::new(10));
        }
    }
}
