//! Taking in a block's purchases: by id, by provider, by consumer, by service. A block may have thousands, so each table is
//! opened once for all of them.

use super::catalogue::{BY_CONSUMER, BY_SERVICE};
use super::generations::Writer;
use super::store::{BY_PROVIDER, IndexError, PURCHASES, RECORDS, last_cursor};
use rampart_protocol::PurchaseRecord;
use redb::{Table, WriteTransaction};
use std::collections::BTreeMap;

/// The tables, and where lists end.
pub(super) struct Purchases<'a> {
    height: u64,
    position: u32,
    places: Writer<'a, (u64, u32)>,
    records: Table<'a, (u64, u32), &'static [u8]>,
    by_provider: Table<'a, (u64, u64), [u8; 32]>,
    by_consumer: Table<'a, ([u8; 20], u64, u32), ()>,
    by_service: Table<'a, (u64, u64, u32), ()>,
    /// Last cursor of each provider's list.
    cursors: BTreeMap<u64, u64>,
}

impl<'a> Purchases<'a> {
    /// Opens the tables for the purchases of the block at a height.
    pub(super) fn open(write: &'a WriteTransaction, height: u64) -> Result<Self, IndexError> {
        Ok(Self {
            height,
            position: 0,
            places: Writer::open(write, PURCHASES)?,
            records: write.open_table(RECORDS)?,
            by_provider: write.open_table(BY_PROVIDER)?,
            by_consumer: write.open_table(BY_CONSUMER)?,
            by_service: write.open_table(BY_SERVICE)?,
            cursors: BTreeMap::new(),
        })
    }

    /// Takes in the block's next purchase. Their positions follow its receipts, as do the leaves under its confirmations
    /// root.
    pub(super) fn push(&mut self, record: &PurchaseRecord) -> Result<(), IndexError> {
        let (height, position, id) = (self.height, self.position, record.id.0.0);
        self.places.push(id, (height, position))?;
        self.records
            .insert((height, position), alloy_rlp::encode(record).as_slice())?;
        self.by_consumer
            .insert((record.consumer.into_array(), height, position), ())?;
        self.by_service.insert((record.service.0, height, position), ())?;
        let provider = record.provider.0;
        let last = match self.cursors.get(&provider) {
            Some(last) => *last,
            None => last_cursor(&self.by_provider, provider)?,
        };
        self.by_provider.insert((provider, last + 1), id)?;
        self.cursors.insert(provider, last + 1);
        self.position += 1;
        Ok(())
    }
}
