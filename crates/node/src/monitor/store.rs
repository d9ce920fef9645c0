//! What the duties must not forget (redb): counts of probes by epoch, and the bitmaps that were decided.
//!
//! A bitmap is decided once for each epoch and page, and is on disk before it is sent: whatever happens then, the same one is
//! sent again until the ledger has it. Counts are kept for [`KEEP_EPOCHS`], which is what a case can go by; a crash loses the
//! counts of one window at most. The file is bound to its deployment.

use super::tally::{Count, Counts};
use rampart_protocol::{B256, ProviderId, ServiceId, Timestamp};
use redb::{Builder, Database, ReadableDatabase, ReadableTable, TableDefinition};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;

/// Epochs of which counts are kept: about a year and a month of days, as long as a purchase with its review.
pub const KEEP_EPOCHS: u64 = 400;
/// Most services that are counted in one epoch; more are probed and not counted.
pub const MAX_SERVICES: usize = 100_000;
/// Memory for the database's cache, bytes.
const CACHE: usize = 8 * 1024 * 1024;

const IDENTITY: TableDefinition<'_, (), [u8; 32]> = TableDefinition::new("identity");
/// (epoch, service) -> (provider, probes, failures).
const COUNTS: TableDefinition<'_, (u64, u64), (u64, u64, u64)> = TableDefinition::new("counts");
/// Epoch -> when its first window and its last one were closed, Unix seconds.
const EPOCHS: TableDefinition<'_, u64, (u64, u64)> = TableDefinition::new("epochs");
/// (epoch, page) -> bitmap.
const REPORTS: TableDefinition<'_, (u64, u32), [u8; 32]> = TableDefinition::new("reports");

/// Why something cannot be kept or found.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be opened or created.
    #[error("the record of duties cannot be opened")]
    Open(#[from] redb::DatabaseError),
    /// A transaction cannot begin.
    #[error("the record of duties cannot begin a transaction")]
    Transaction(#[source] Box<redb::TransactionError>),
    /// A table cannot be opened.
    #[error("a table of the record of duties cannot be opened")]
    Table(#[from] redb::TableError),
    /// Reading or writing failed.
    #[error("the record of duties cannot be read or written")]
    Storage(#[from] redb::StorageError),
    /// Something could not be made durable.
    #[error("the record of duties cannot be committed")]
    Commit(#[from] redb::CommitError),
    /// The file is of another network.
    #[error("the record of duties is of another network ({found}, this one is {expected})")]
    OtherDeployment {
        /// Whose it is.
        found: B256,
        /// Whose it should be.
        expected: B256,
    },
}

impl From<redb::TransactionError> for StoreError {
    fn from(error: redb::TransactionError) -> Self {
        Self::Transaction(Box::new(error))
    }
}

/// The record of duties. Clones share one database.
#[derive(Clone)]
pub struct Store {
    database: Arc<Database>,
}

impl core::fmt::Debug for Store {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Store")
    }
}

impl Store {
    /// Opens or creates the record of a deployment in a file.
    ///
    /// # Errors
    /// When the file cannot be opened, is damaged, is another network's, or another process holds it.
    pub fn open(path: &Path, deployment: B256) -> Result<Self, StoreError> {
        let database = Builder::new().set_cache_size(CACHE).create(path)?;
        let write = database.begin_write()?;
        write.open_table(COUNTS)?;
        write.open_table(EPOCHS)?;
        write.open_table(REPORTS)?;
        let found = {
            let mut identity = write.open_table(IDENTITY)?;
            let found = identity.get(())?.map(|found| B256::new(found.value()));
            if found.is_none() {
                identity.insert((), deployment.0)?;
            }
            found.unwrap_or(deployment)
        };
        if found != deployment {
            return Err(StoreError::OtherDeployment {
                found,
                expected: deployment,
            });
        }
        write.commit()?;
        Ok(Self {
            database: Arc::new(database),
        })
    }

    /// Adds a window's counts to an epoch, and forgets epochs that are too old.
    ///
    /// # Errors
    /// When it cannot be written; nothing is added then.
    pub fn add(&self, epoch: u64, counts: &Counts, now: Timestamp) -> Result<(), StoreError> {
        let write = self.database.begin_write()?;
        {
            let mut table = write.open_table(COUNTS)?;
            for (service, (provider, count)) in counts.iter().take(MAX_SERVICES) {
                let key = (epoch, service.0);
                let before = table.get(key)?.map(|row| row.value());
                let before = before.map_or(Count::default(), |(_, probes, failures)| Count {
                    probes,
                    failures,
                });
                let sum = before.plus(*count);
                table.insert(key, (provider.0, sum.probes, sum.failures))?;
            }
            let mut epochs = write.open_table(EPOCHS)?;
            let first = epochs.get(epoch)?.map_or(now.0, |row| row.value().0);
            epochs.insert(epoch, (first, now.0))?;
            if let Some(last) = epoch.checked_sub(KEEP_EPOCHS + 1) {
                table.retain_in((0, 0)..=(last, u64::MAX), |_, _| false)?;
                epochs.retain_in(0..=last, |_, _| false)?;
                let mut reports = write.open_table(REPORTS)?;
                reports.retain_in((0, 0)..=(last, u32::MAX), |_, _| false)?;
            }
        }
        Ok(write.commit()?)
    }

    /// All counts of an epoch.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn counts(&self, epoch: u64) -> Result<Counts, StoreError> {
        let read = self.database.begin_read()?;
        let table = read.open_table(COUNTS)?;
        let mut counts = Counts::new();
        for row in table.range((epoch, 0)..=(epoch, u64::MAX))? {
            let (key, row) = row?;
            let (provider, probes, failures) = row.value();
            let count = Count { probes, failures };
            counts.insert(ServiceId(key.value().1), (ProviderId(provider), count));
        }
        Ok(counts)
    }

    /// A service's counts of all epochs that overlap a time.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of_service(
        &self,
        service: ServiceId,
        during: &RangeInclusive<Timestamp>,
    ) -> Result<Count, StoreError> {
        let read = self.database.begin_read()?;
        let (counts, epochs) = (read.open_table(COUNTS)?, read.open_table(EPOCHS)?);
        let mut sum = Count::default();
        for row in epochs.range(0u64..)? {
            let (epoch, row) = row?;
            let (first, last) = row.value();
            if first > during.end().0 || last < during.start().0 {
                continue;
            }
            if let Some(row) = counts.get((epoch.value(), service.0))? {
                let (_, probes, failures) = row.value();
                sum = sum.plus(Count { probes, failures });
            }
        }
        Ok(sum)
    }

    /// The bitmaps decided on an epoch, by page.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn reports(&self, epoch: u64) -> Result<BTreeMap<u32, B256>, StoreError> {
        let read = self.database.begin_read()?;
        let table = read.open_table(REPORTS)?;
        let rows = table.range((epoch, 0)..=(epoch, u32::MAX))?;
        rows.map(|row| {
            let (key, bitmap) = row?;
            Ok((key.value().1, B256::new(bitmap.value())))
        })
        .collect()
    }

    /// Keeps an epoch's bitmaps, one a page. Those that are known stay as they are.
    ///
    /// # Errors
    /// When they cannot be written; none is kept then.
    pub fn decide(&self, epoch: u64, bitmaps: &[B256]) -> Result<(), StoreError> {
        let write = self.database.begin_write()?;
        {
            let mut table = write.open_table(REPORTS)?;
            for (page, bitmap) in (0u32..).zip(bitmaps) {
                if table.get((epoch, page))?.is_none() {
                    table.insert((epoch, page), bitmap.0)?;
                }
            }
        }
        Ok(write.commit()?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const DEPLOYMENT: B256 = B256::repeat_byte(1);

    fn counts(of: &[(u64, u64, u64)]) -> Counts {
        let row = |(service, probes, failures): &(u64, u64, u64)| {
            let (probes, failures) = (*probes, *failures);
            (ServiceId(*service), (ProviderId(9), Count { probes, failures }))
        };
        of.iter().map(row).collect()
    }

    #[test]
    fn counts_add_up_and_survive_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("duties.redb");
        let store = Store::open(&path, DEPLOYMENT).unwrap();
        store
            .add(3, &counts(&[(1, 2, 1), (2, 1, 0)]), Timestamp(100))
            .unwrap();
        store.add(3, &counts(&[(1, 3, 0)]), Timestamp(110)).unwrap();
        store.add(4, &counts(&[(1, 1, 1)]), Timestamp(120)).unwrap();
        drop(store);
        let store = Store::open(&path, DEPLOYMENT).unwrap();
        assert_eq!(store.counts(3).unwrap(), counts(&[(1, 5, 1), (2, 1, 0)]));
        assert_eq!(store.counts(5).unwrap(), Counts::new());
        let during = |from, to| {
            let count = store
                .of_service(ServiceId(1), &(Timestamp(from)..=Timestamp(to)))
                .unwrap();
            (count.probes, count.failures)
        };
        assert_eq!(during(0, 99), (0, 0));
        assert_eq!(during(105, 106), (5, 1));
        assert_eq!(during(110, 120), (6, 2));
        assert_eq!(during(121, 200), (0, 0));
    }

    #[test]
    fn a_bitmap_once_decided_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("duties.redb");
        let store = Store::open(&path, DEPLOYMENT).unwrap();
        assert!(store.reports(7).unwrap().is_empty());
        store.decide(7, &[B256::repeat_byte(1), B256::ZERO]).unwrap();
        drop(store);
        let store = Store::open(&path, DEPLOYMENT).unwrap();
        store
            .decide(7, &[B256::ZERO, B256::ZERO, B256::repeat_byte(3)])
            .unwrap();
        let expected = [
            (0, B256::repeat_byte(1)),
            (1, B256::ZERO),
            (2, B256::repeat_byte(3)),
        ];
        assert_eq!(store.reports(7).unwrap(), expected.into());
        assert!(store.reports(8).unwrap().is_empty());
    }

    #[test]
    fn old_epochs_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("duties.redb"), DEPLOYMENT).unwrap();
        store.add(3, &counts(&[(1, 1, 1)]), Timestamp(1)).unwrap();
        store.decide(3, &[B256::ZERO]).unwrap();
        store.add(3 + KEEP_EPOCHS, &Counts::new(), Timestamp(2)).unwrap();
        assert_eq!(store.counts(3).unwrap().len(), 1);
        store.add(4 + KEEP_EPOCHS, &Counts::new(), Timestamp(3)).unwrap();
        assert!(store.counts(3).unwrap().is_empty() && store.reports(3).unwrap().is_empty());
    }

    #[test]
    fn a_file_of_another_network_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("duties.redb");
        drop(Store::open(&path, DEPLOYMENT).unwrap());
        let error = Store::open(&path, B256::ZERO).unwrap_err();
        assert!(matches!(error, StoreError::OtherDeployment { .. }), "{error}");
    }
}
