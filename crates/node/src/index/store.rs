//! Writing the index: one finalised block at a time.

use super::purchases::Purchases;
use super::withdrawals::Certified;
use super::{catalogue, events, exits, generations, handovers, judging};
use crate::application::{Finalized, Subject};
use rampart_ledger::{Event, Record};
use rampart_protocol::B256;
use redb::{Builder, Database, ReadableDatabase, ReadableTable, Table, TableDefinition, WriteTransaction};
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// Memory for the database's cache, bytes; its default is a gigabyte.
const CACHE: usize = 64 * 1024 * 1024;

pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// One row: the deployment that the index is of.
const IDENTITY: TableDefinition<'_, (), [u8; 32]> = TableDefinition::new("identity");
/// Transaction hash, in its generation -> height.
pub(super) const TRANSACTIONS: TableDefinition<'_, generations::Key, u64> =
    TableDefinition::new("transactions");
/// Purchase id, in its generation -> (height, position in the block).
pub(super) const PURCHASES: TableDefinition<'_, generations::Key, (u64, u32)> =
    TableDefinition::new("purchases");
/// (height, position) -> RLP of the record.
pub(super) const RECORDS: TableDefinition<'_, (u64, u32), &[u8]> = TableDefinition::new("records");
/// (provider, cursor) -> purchase id.
pub(super) const BY_PROVIDER: TableDefinition<'_, (u64, u64), [u8; 32]> = TableDefinition::new("by-provider");
/// (provider, cursor) -> purchase id of a review.
pub(super) const REVIEWS: TableDefinition<'_, (u64, u64), [u8; 32]> = TableDefinition::new("reviews");
/// Cursor -> open case.
pub(super) const CASES: TableDefinition<'_, u64, [u8; 32]> = TableDefinition::new("cases");
/// Open case -> its cursor.
pub(super) const CASE_CURSORS: TableDefinition<'_, [u8; 32], u64> = TableDefinition::new("case-cursors");
/// Withdrawal index -> (leaf, height).
pub(super) const WITHDRAWALS: TableDefinition<'_, u64, ([u8; 32], u64)> = TableDefinition::new("withdrawals");
/// (recipient, withdrawal index) -> nothing.
pub(super) const BY_RECIPIENT: TableDefinition<'_, ([u8; 20], u64), ()> =
    TableDefinition::new("by-recipient");
/// Account -> its dense index.
pub(super) const ACCOUNTS: TableDefinition<'_, [u8; 20], u64> = TableDefinition::new("accounts");
/// Account index -> (account, balance and deposits, provider's holdings).
pub(super) const EXITS: TableDefinition<'_, u64, ([u8; 20], u128, u128)> = TableDefinition::new("exits");

/// Epoch -> (height that settled its committee, the committee's record), until it is proved.
pub(super) const COMMITTEES: TableDefinition<'_, u64, (u64, &[u8])> = TableDefinition::new("committees");
/// Epoch -> JSON of the proof of the next epoch's operators.
pub(super) const HANDOVERS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("handovers");

const HEIGHT: &str = "height";
/// Which tables there are.
const FORMAT: &str = "format";
/// An index of another format lacks entries of the past.
const THIS_FORMAT: u64 = 2;
/// Set when blocks were skipped (state sync): some tables are then incomplete for ever.
const GAP: &str = "gap";

/// Why the index cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The file cannot be opened or created.
    #[error("the index cannot be opened")]
    Open(#[from] redb::DatabaseError),
    /// A transaction cannot begin.
    #[error("the index cannot begin a transaction")]
    Transaction(#[source] Box<redb::TransactionError>),
    /// A table cannot be opened.
    #[error("a table of the index cannot be opened")]
    Table(#[from] redb::TableError),
    /// Reading or writing failed.
    #[error("the index cannot be read or written")]
    Storage(#[from] redb::StorageError),
    /// A block's entries could not be made durable.
    #[error("the index cannot be committed")]
    Commit(#[from] redb::CommitError),
    /// A stored value does not decode, or contradicts another.
    #[error("the index holds a value that does not decode, or contradicts another")]
    Corrupt,
    /// The file is of another network.
    #[error("the index is of another network ({found}, this one is {expected}); use another state directory")]
    OtherDeployment {
        /// Whose index it is.
        found: B256,
        /// Whose it should be.
        expected: B256,
    },
    /// The process is ending.
    #[error("the process is ending")]
    Stopped,
    /// The file is of another version of this software.
    #[error(
        "the index is of another version of this software (format {found}); start with a new state directory"
    )]
    OtherFormat {
        /// The file's format.
        found: u64,
    },
    /// Blocks were skipped, so the answer is not known here.
    #[error("blocks were skipped by state sync: this operator does not know all of them")]
    Incomplete,
}

impl From<redb::TransactionError> for IndexError {
    fn from(error: redb::TransactionError) -> Self {
        Self::Transaction(Box::new(error))
    }
}

/// The index. Clones share one database.
#[derive(Clone)]
pub struct Index {
    pub(super) database: Arc<Database>,
    pub(super) certified: Arc<Mutex<Option<Certified>>>,
    /// The height of the last block taken in.
    heights: Arc<watch::Sender<u64>>,
}

impl core::fmt::Debug for Index {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Index")
    }
}

impl Index {
    /// Opens or creates the index of a deployment in a file. `deployment` is any value that no two networks share.
    ///
    /// # Errors
    /// When the file cannot be opened, is damaged, is another network's, or another process holds it.
    pub fn open(path: &Path, deployment: B256) -> Result<Self, IndexError> {
        let database = Builder::new().set_cache_size(CACHE).create(path)?;
        let write = database.begin_write()?;
        // Opening creates, so that later reads always find their tables.
        write.open_table(META)?;
        write.open_table(TRANSACTIONS)?;
        write.open_table(PURCHASES)?;
        write.open_table(RECORDS)?;
        write.open_table(BY_PROVIDER)?;
        write.open_table(REVIEWS)?;
        write.open_table(CASES)?;
        write.open_table(CASE_CURSORS)?;
        write.open_table(WITHDRAWALS)?;
        write.open_table(BY_RECIPIENT)?;
        write.open_table(ACCOUNTS)?;
        write.open_table(EXITS)?;
        write.open_table(COMMITTEES)?;
        write.open_table(HANDOVERS)?;
        write.open_table(catalogue::SERVICES)?;
        write.open_table(catalogue::TEXTS)?;
        write.open_table(catalogue::NAMES)?;
        write.open_table(catalogue::OF_PROVIDER)?;
        write.open_table(catalogue::OF_CATEGORY)?;
        write.open_table(catalogue::BY_PRICE)?;
        write.open_table(catalogue::BY_CONSUMER)?;
        write.open_table(catalogue::BY_SERVICE)?;
        write.open_table(events::BLOCKS)?;
        write.open_table(events::EVENTS)?;
        let height = known_format(&write)?;
        let found = {
            let mut identity = write.open_table(IDENTITY)?;
            let found = identity.get(())?.map(|found| B256::new(found.value()));
            if found.is_none() {
                identity.insert((), deployment.0)?;
            }
            found.unwrap_or(deployment)
        };
        if found != deployment {
            return Err(IndexError::OtherDeployment {
                found,
                expected: deployment,
            });
        }
        write.commit()?;
        Ok(Self {
            database: Arc::new(database),
            certified: Arc::default(),
            heights: Arc::new(watch::Sender::new(height)),
        })
    }

    /// Height of the last block taken in; 0 before the first.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn height(&self) -> Result<u64, IndexError> {
        self.meta(HEIGHT)
    }

    /// Whether blocks were skipped, so that this index is incomplete.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn has_gap(&self) -> Result<bool, IndexError> {
        Ok(self.meta(GAP)? != 0)
    }

    /// Fails when blocks were skipped, for answers that need all of them.
    pub(super) fn must_be_complete(&self) -> Result<(), IndexError> {
        if self.has_gap()? {
            return Err(IndexError::Incomplete);
        }
        Ok(())
    }

    fn meta(&self, name: &str) -> Result<u64, IndexError> {
        let read = self.database.begin_read()?;
        Ok(read.open_table(META)?.get(name)?.map_or(0, |value| value.value()))
    }

    /// Takes in a finalised block, durably; returns whether it was new.
    ///
    /// # Errors
    /// When the index cannot be written; it is then as before.
    pub fn apply(&self, finalized: &Finalized) -> Result<bool, IndexError> {
        let height = finalized.block.header().height;
        let last = self.height()?;
        if height <= last {
            return Ok(false);
        }
        let mut write = self.database.begin_write()?;
        // With the allocator's state in the commit a killed node opens the index at once, however long the history; without
        // it redb walks every page first: a minute with ten million purchases.
        write.set_quick_repair(true);
        let mut complete = self.meta(GAP)? == 0;
        let skipped = height > last + 1;
        {
            let mut meta = write.open_table(META)?;
            meta.insert(HEIGHT, height)?;
            if complete && skipped {
                tracing::error!(
                    last,
                    height,
                    "blocks were skipped: the index is incomplete from here on"
                );
                meta.insert(GAP, 1)?;
                complete = false;
            }
        }
        self.apply_receipts(&write, finalized, height)?;
        events::block(&write, finalized, skipped)?;
        for record in finalized.executed.writes.values().flatten() {
            match record {
                Record::Account(account) => exits::account(&write, account)?,
                Record::Committee(committee) => handovers::settled(&write, committee, height)?,
                Record::Withdrawal(withdrawal) => {
                    let value = (withdrawal.leaf().0, withdrawal.height);
                    write.open_table(WITHDRAWALS)?.insert(withdrawal.index, value)?;
                    let key = (withdrawal.recipient.into_array(), withdrawal.index);
                    write.open_table(BY_RECIPIENT)?.insert(key, ())?;
                }
                other => catalogue::record(&write, other)?,
            }
        }
        // Accounts first: a provider's holdings go to its owner's entry.
        for record in finalized.executed.writes.values().flatten() {
            if let Record::Provider(provider) = record {
                exits::provider(&write, provider, complete)?;
            }
        }
        write.commit()?;
        self.heights.send_replace(height);
        Ok(true)
    }

    /// Tells the height of each block as it is taken in.
    #[must_use]
    pub fn heights(&self) -> watch::Receiver<u64> {
        self.heights.subscribe()
    }

    fn apply_receipts(
        &self,
        write: &WriteTransaction,
        finalized: &Finalized,
        height: u64,
    ) -> Result<(), IndexError> {
        let mut transactions = generations::Writer::open(write, TRANSACTIONS)?;
        let mut purchases = Purchases::open(write, height)?;
        for receipt in &finalized.executed.receipts {
            if let Subject::Transaction(hash) = receipt.subject {
                transactions.push(hash.0, height)?;
            }
            for event in &receipt.events {
                if let Event::Purchased(record) = event {
                    purchases.push(record)?;
                }
                judging::event(write, event)?;
            }
        }
        Ok(())
    }
}

/// Marks a new file, and refuses one with other tables; returns its height.
fn known_format(write: &WriteTransaction) -> Result<u64, IndexError> {
    let mut meta = write.open_table(META)?;
    let height = meta.get(HEIGHT)?.map_or(0, |height| height.value());
    let found = meta.get(FORMAT)?.map_or(0, |format| format.value());
    if height > 0 && found != THIS_FORMAT {
        return Err(IndexError::OtherFormat { found });
    }
    meta.insert(FORMAT, THIS_FORMAT)?;
    Ok(height)
}

/// Puts an id at the end of a provider's list.
pub(super) fn append(
    list: &mut Table<'_, (u64, u64), [u8; 32]>,
    provider: u64,
    id: [u8; 32],
) -> Result<(), IndexError> {
    let cursor = last_cursor(list, provider)? + 1;
    list.insert((provider, cursor), id)?;
    Ok(())
}

/// The last cursor of a provider's list; 0 when it is empty.
pub(super) fn last_cursor(list: &Table<'_, (u64, u64), [u8; 32]>, provider: u64) -> Result<u64, IndexError> {
    let last = list.range((provider, 0)..=(provider, u64::MAX))?.next_back();
    Ok(last.transpose()?.map_or(0, |(key, _)| key.value().1))
}

impl Index {
    /// The height of the block with a transaction, `None` when no final block has it.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn transaction(&self, hash: &B256) -> Result<Option<u64>, IndexError> {
        let read = self.database.begin_read()?;
        let height = generations::find(&read.open_table(TRANSACTIONS)?, hash.0)?.map(|height| height.value());
        Ok(height)
    }
}

#[cfg(test)]
#[path = "tests.rs"]
pub(super) mod tests;
