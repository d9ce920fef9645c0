//! Which reviews a provider has, and which cases are open. Where they stand is in the ledger's records.

use super::store::{CASE_CURSORS, CASES, Index, IndexError, META, REVIEWS, append};
use rampart_ledger::Event;
use rampart_protocol::{B256, CaseId, ProviderId, PurchaseId};
use redb::{ReadableDatabase, ReadableTable, WriteTransaction};

/// The last cursor given to a case.
const LAST_CASE: &str = "last-case";

/// An entry of a list with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<T> {
    /// Position in the list, from 1.
    pub cursor: u64,
    /// What it is.
    pub id: T,
}

/// Takes in what happened to reviews and cases.
pub(super) fn event(write: &WriteTransaction, event: &Event) -> Result<(), IndexError> {
    match event {
        Event::Reviewed {
            purchase, provider, ..
        } => append(&mut write.open_table(REVIEWS)?, provider.0, purchase.0.0),
        // A second round of a case is the same case.
        Event::BallotOpened { case, .. } => open(write, case),
        Event::CaseDecided { case, .. } | Event::CaseDropped { case, .. } => close(write, case),
        _ => Ok(()),
    }
}

fn open(write: &WriteTransaction, case: &CaseId) -> Result<(), IndexError> {
    let mut cursors = write.open_table(CASE_CURSORS)?;
    if cursors.get(case.0.0)?.is_some() {
        return Ok(());
    }
    // A cursor is never used again, or a client that pages while cases close would miss one.
    let mut meta = write.open_table(META)?;
    let cursor = meta.get(LAST_CASE)?.map_or(0, |last| last.value()) + 1;
    meta.insert(LAST_CASE, cursor)?;
    write.open_table(CASES)?.insert(cursor, case.0.0)?;
    cursors.insert(case.0.0, cursor)?;
    Ok(())
}

fn close(write: &WriteTransaction, case: &CaseId) -> Result<(), IndexError> {
    let cursor = write
        .open_table(CASE_CURSORS)?
        .remove(case.0.0)?
        .map(|row| row.value());
    if let Some(cursor) = cursor {
        write.open_table(CASES)?.remove(cursor)?;
    }
    Ok(())
}

impl Index {
    /// At most `limit` reviews of a provider behind the cursor `after`, in the order in which they were published.
    ///
    /// # Errors
    /// When the index cannot be read, or does not know all of them.
    pub fn reviews_of(
        &self,
        provider: ProviderId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Row<PurchaseId>>, IndexError> {
        self.must_be_complete()?;
        let read = self.database.begin_read()?;
        let table = read.open_table(REVIEWS)?;
        let range = table.range((provider.0, after.saturating_add(1))..=(provider.0, u64::MAX))?;
        range
            .take(limit)
            .map(|row| {
                let (key, id) = row?;
                Ok(Row {
                    cursor: key.value().1,
                    id: PurchaseId(B256::new(id.value())),
                })
            })
            .collect()
    }

    /// At most `limit` open cases behind the cursor `after`, in the order in which they were opened.
    ///
    /// # Errors
    /// When the index cannot be read, or does not know all of them.
    pub fn open_cases(&self, after: u64, limit: usize) -> Result<Vec<Row<CaseId>>, IndexError> {
        self.must_be_complete()?;
        let read = self.database.begin_read()?;
        let table = read.open_table(CASES)?;
        let range = table.range(after.saturating_add(1)..)?;
        range
            .take(limit)
            .map(|row| {
                let (key, id) = row?;
                Ok(Row {
                    cursor: key.value(),
                    id: CaseId(B256::new(id.value())),
                })
            })
            .collect()
    }
}
