//! Tables whose keys are hashes, written in order of time.
//!
//! Under a hash alone each entry of a long history would go to a page of its own, to be read and written anew. Here the
//! hash comes behind a generation of [`SIZE`] entries, so that what is written now lies together; whoever looks for an old entry
//! asks one generation after another, the newest first. So what is in none takes as long as the history is: nothing that comes in
//! often asks for that.

use super::store::IndexError;
use redb::{
    AccessGuard, ReadableTable, ReadableTableMetadata, Table, TableDefinition, Value, WriteTransaction,
};

/// Entries of a generation: at some 60 bytes each its pages stay in the database's cache.
const SIZE: u64 = 1 << 18;

/// (generation, hash)
pub(super) type Key = (u64, [u8; 32]);

/// A table while it is written.
pub(super) struct Writer<'a, V: Value + 'static> {
    table: Table<'a, Key, V>,
    length: u64,
}

impl<'a, V: Value + 'static> Writer<'a, V> {
    /// Opens the table.
    pub(super) fn open(
        write: &'a WriteTransaction,
        table: TableDefinition<'static, Key, V>,
    ) -> Result<Self, IndexError> {
        let table = write.open_table(table)?;
        let length = table.len()?;
        Ok(Self { table, length })
    }

    /// Adds an entry whose hash is in no generation yet.
    pub(super) fn push<'v>(
        &mut self,
        hash: [u8; 32],
        value: impl std::borrow::Borrow<V::SelfType<'v>>,
    ) -> Result<(), IndexError> {
        self.table.insert((self.length / SIZE, hash), value)?;
        self.length += 1;
        Ok(())
    }
}

/// The entry of a hash.
pub(super) fn find<V: Value + 'static>(
    table: &impl ReadableTable<Key, V>,
    hash: [u8; 32],
) -> Result<Option<AccessGuard<'_, V>>, IndexError> {
    for generation in (0..=table.len()? / SIZE).rev() {
        if let Some(found) = table.get((generation, hash))? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rampart_protocol::keccak256;
    use redb::{Database, ReadableDatabase, backends::InMemoryBackend};

    const TABLE: TableDefinition<'_, Key, u64> = TableDefinition::new("numbers");

    fn hash(number: u64) -> [u8; 32] {
        keccak256(number.to_be_bytes()).0
    }

    #[test]
    fn entries_of_every_generation_are_found_over_many_openings() {
        let database = Database::builder()
            .create_with_backend(InMemoryBackend::new())
            .unwrap();
        let all = 2 * SIZE + 3;
        for part in [0..10, 10..SIZE, SIZE..SIZE + 1, SIZE + 1..all] {
            let write = database.begin_write().unwrap();
            let mut writer = Writer::open(&write, TABLE).unwrap();
            part.for_each(|number| writer.push(hash(number), number).unwrap());
            drop(writer);
            write.commit().unwrap();
        }
        let read = database.begin_read().unwrap();
        let table = read.open_table(TABLE).unwrap();
        for number in [
            0,
            9,
            10,
            SIZE - 1,
            SIZE,
            SIZE + 1,
            2 * SIZE - 1,
            2 * SIZE,
            all - 1,
        ] {
            let found = find(&table, hash(number)).unwrap().unwrap().value();
            assert_eq!(found, number);
            assert!(table.get((number / SIZE, hash(number))).unwrap().is_some());
        }
        assert!(find(&table, hash(all)).unwrap().is_none());
    }
}
