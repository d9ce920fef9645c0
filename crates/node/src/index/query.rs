//! Reading the index.

use super::generations;
use super::store::{BY_PROVIDER, BY_RECIPIENT, Index, IndexError, PURCHASES, RECORDS, WITHDRAWALS};
use alloy_rlp::Decodable;
use rampart_protocol::{Address, B256, ProviderId, PurchaseId, PurchaseRecord};
use redb::ReadableDatabase;

/// Where a purchase was executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurchasePlace {
    /// Height of its block.
    pub height: u64,
    /// Its place among the block's purchases.
    pub position: usize,
    /// All purchases of that block, in order: the leaves of its confirmations root.
    pub records: Vec<PurchaseRecord>,
}

/// A provider's purchase with its cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PurchaseRow {
    /// Position in the provider's list, from 1.
    pub cursor: u64,
    /// The purchase.
    pub id: PurchaseId,
}

impl Index {
    /// Where a purchase is, with its whole block's purchases.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn purchase(&self, id: &PurchaseId) -> Result<Option<PurchasePlace>, IndexError> {
        let read = self.database.begin_read()?;
        let places = read.open_table(PURCHASES)?;
        let Some(place) = generations::find(&places, id.0.0)? else {
            return Ok(None);
        };
        let (height, position) = place.value();
        let mut records = Vec::new();
        for row in read
            .open_table(RECORDS)?
            .range((height, 0)..=(height, u32::MAX))?
        {
            let (_, bytes) = row?;
            records.push(PurchaseRecord::decode(&mut bytes.value()).map_err(|_| IndexError::Corrupt)?);
        }
        let position = usize::try_from(position).map_err(|_| IndexError::Corrupt)?;
        Ok(Some(PurchasePlace {
            height,
            position,
            records,
        }))
    }

    /// At most `limit` purchases of a provider behind the cursor `after`.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn purchases_of(
        &self,
        provider: ProviderId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<PurchaseRow>, IndexError> {
        let read = self.database.begin_read()?;
        let table = read.open_table(BY_PROVIDER)?;
        let range = table.range((provider.0, after.saturating_add(1))..=(provider.0, u64::MAX))?;
        range
            .take(limit)
            .map(|row| {
                let (key, id) = row?;
                Ok(PurchaseRow {
                    cursor: key.value().1,
                    id: PurchaseId(B256::new(id.value())),
                })
            })
            .collect()
    }

    /// The leaves of all withdrawals executed up to a height, in order.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn withdrawal_leaves(&self, up_to: u64) -> Result<Vec<B256>, IndexError> {
        let read = self.database.begin_read()?;
        let mut leaves = Vec::new();
        for row in read.open_table(WITHDRAWALS)?.range(0u64..)? {
            let (leaf, height) = row?.1.value();
            if height > up_to {
                break;
            }
            leaves.push(B256::new(leaf));
        }
        Ok(leaves)
    }

    /// Indices of the newest `limit` withdrawals to a recipient, oldest first.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn withdrawals_to(&self, recipient: Address, limit: usize) -> Result<Vec<u64>, IndexError> {
        let read = self.database.begin_read()?;
        let table = read.open_table(BY_RECIPIENT)?;
        let recipient = recipient.into_array();
        let rows = table
            .range((recipient, 0)..=(recipient, u64::MAX))?
            .rev()
            .take(limit);
        let mut indices: Vec<u64> = rows
            .map(|row| Ok(row?.0.value().1))
            .collect::<Result<_, IndexError>>()?;
        indices.reverse();
        Ok(indices)
    }
}
