//! Proofs of operator sets: one for each epoch, kept for ever, because a verifier that was away follows them one by one (X1).
//!
//! A committee is noted with the block that settled it, in that block's own transaction. Its proof needs a certificate, which may
//! come later, so it is made apart (`crate::handovers`).

use super::store::{COMMITTEES, HANDOVERS, Index, IndexError};
use rampart_ledger::{Committee, Record, Stored as _};
use rampart_protocol::Handover;
use redb::{ReadableDatabase, ReadableTable, WriteTransaction};
use std::sync::Arc;

/// A committee that was settled, and is not proved yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unproved {
    /// The block that settled it, of the epoch before its own.
    pub height: u64,
    /// The committee.
    pub committee: Arc<Committee>,
}

/// Notes a committee that a block settled. That of epoch 0 is nobody's successor.
pub(super) fn settled(
    write: &WriteTransaction,
    committee: &Arc<Committee>,
    height: u64,
) -> Result<(), IndexError> {
    let bytes = Record::from(committee.clone()).to_bytes();
    if committee.epoch > 0 {
        write
            .open_table(COMMITTEES)?
            .insert(committee.epoch, (height, &bytes[..]))?;
    }
    Ok(())
}

impl Index {
    /// The first committee that is not proved yet.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn unproved(&self) -> Result<Option<Unproved>, IndexError> {
        let read = self.database.begin_read()?;
        let table = read.open_table(COMMITTEES)?;
        let Some((_, row)) = table.first()? else {
            return Ok(None);
        };
        let (height, bytes) = row.value();
        let record = Record::from_bytes(bytes).map_err(|_| IndexError::Corrupt)?;
        let committee = Committee::from_record(record).ok_or(IndexError::Corrupt)?;
        Ok(Some(Unproved { height, committee }))
    }

    /// Keeps the proof of a committee; without one the committee is forgotten, since nothing can prove it here any more.
    ///
    /// # Errors
    /// When the index cannot be written.
    pub fn prove(&self, committee: u64, handover: Option<&Handover>) -> Result<(), IndexError> {
        let write = self.database.begin_write()?;
        write.open_table(COMMITTEES)?.remove(committee)?;
        if let Some(handover) = handover {
            let bytes = serde_json::to_vec(handover).map_err(|_| IndexError::Corrupt)?;
            write
                .open_table(HANDOVERS)?
                .insert(handover.header.epoch, &bytes[..])?;
        }
        write.commit()?;
        Ok(())
    }

    /// The proofs that this epoch and those after it gave, without a gap, at most `limit`.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn handovers(&self, from: u64, limit: usize) -> Result<Vec<Handover>, IndexError> {
        let read = self.database.begin_read()?;
        let mut found = Vec::new();
        for (row, expected) in read.open_table(HANDOVERS)?.range(from..)?.zip(from..).take(limit) {
            let (epoch, bytes) = row?;
            if epoch.value() != expected {
                break;
            }
            found.push(serde_json::from_slice(bytes.value()).map_err(|_| IndexError::Corrupt)?);
        }
        Ok(found)
    }
}
