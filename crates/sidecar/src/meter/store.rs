//! The store: every purchase that this sidecar serves, in memory and in the journal.
//!
//! One lock orders the changes and hands them to the journal in that order; waiting for the disk happens outside it.

use super::journal::{Ack, Failure, Journal};
use super::record::{Record, Use, Voucher};
use super::state::PurchaseState;
use super::{MeterError, MeterOptions};
use crate::window::Replay;
use rampart_protocol::mac::MacKey;
use rampart_protocol::{PurchaseId, PurchaseRecord, Sequence, Timestamp};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

/// Why a use was not recorded.
#[derive(Debug, thiserror::Error)]
pub enum UseError {
    /// The purchase is not in the store.
    #[error("the purchase is unknown")]
    Unknown,
    /// The number is in no open block.
    #[error("the number is in no open block")]
    NoBlock,
    /// The number was used.
    #[error(transparent)]
    Replay(#[from] Replay),
    /// The disk failed.
    #[error(transparent)]
    Meter(#[from] MeterError),
}

/// What a purchase has used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Its terms.
    pub record: PurchaseRecord,
    /// Requests counted, those in flight included.
    pub served: u64,
    /// Requests whose answer is outstanding.
    pub in_flight: usize,
    /// The highest voucher of a request that was served: what a `ReportUsage` message takes.
    pub voucher: Option<Voucher>,
}

/// Sizes of the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Purchases held.
    pub purchases: usize,
    /// Bytes of records since the last snapshot.
    pub log_bytes: usize,
}

/// The durable meter of one sidecar.
#[derive(Debug)]
pub struct MeterStore {
    options: MeterOptions,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    purchases: BTreeMap<PurchaseId, PurchaseState>,
    journal: Journal,
    log_bytes: usize,
    snapshot_bytes: usize,
}

impl MeterStore {
    /// Opens the store in `dir`, which it has to itself. Blocks. The second value resolves when the disk fails.
    ///
    /// # Errors
    /// See [`MeterError`].
    pub fn open(dir: &Path, options: MeterOptions) -> Result<(Arc<Self>, Failure), MeterError> {
        let mut purchases = BTreeMap::new();
        let (mut log_bytes, mut snapshot_bytes) = (0, 0);
        let (journal, failure) = Journal::open(dir, &mut |record| {
            let bytes = if matches!(record, Record::Entry(_)) {
                &mut snapshot_bytes
            } else {
                &mut log_bytes
            };
            *bytes += estimate(&record);
            replay(&mut purchases, record)
        })?;
        let inner = Inner {
            purchases,
            journal,
            log_bytes,
            snapshot_bytes,
        };
        let store = Self {
            options,
            inner: Mutex::new(inner),
        };
        Ok((Arc::new(store), failure))
    }

    /// The terms of a purchase, and whether `sequence` is unused. For a first look: only [`Self::reserve`] decides.
    #[must_use]
    pub fn look_up(
        &self,
        id: PurchaseId,
        sequence: Sequence,
    ) -> Option<(PurchaseRecord, Result<(), Replay>)> {
        let inner = self.lock();
        let state = inner.purchases.get(&id)?;
        Some((state.record, state.check(sequence.0)))
    }

    /// The terms of a purchase.
    #[must_use]
    pub fn purchase(&self, id: PurchaseId) -> Option<PurchaseRecord> {
        self.lock().purchases.get(&id).map(|state| state.record)
    }

    /// Adds a purchase; durable when this returns. `false` when it was there already.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn add(&self, record: PurchaseRecord, now: Timestamp) -> Result<bool, MeterError> {
        let ack = {
            let mut inner = self.lock();
            if inner.purchases.contains_key(&record.id) {
                return Ok(false);
            }
            inner.purchases.insert(record.id, PurchaseState::new(record));
            self.append(&mut inner, &Record::Purchase(record), now)
        };
        ack.await.map_err(|_| MeterError::Stopped)?;
        Ok(true)
    }

    /// Marks the voucher's sequence number as used, once among all who try; durable when this returns.
    ///
    /// # Errors
    /// When the purchase is unknown, the number was used, or the disk fails.
    pub async fn reserve(
        self: &Arc<Self>,
        id: PurchaseId,
        voucher: Voucher,
        now: Timestamp,
    ) -> Result<Reservation, UseError> {
        let sequence = voucher.sequence.0;
        let ack = {
            let mut inner = self.lock();
            let state = inner.purchases.get_mut(&id).ok_or(UseError::Unknown)?;
            state.check(sequence)?;
            state.reserve(voucher.clone());
            let record = Record::Use(Use {
                purchase: id,
                voucher,
            });
            self.append(&mut inner, &record, now)
        };
        // Made before the wait: whoever gives up while waiting releases.
        let reservation = Reservation {
            store: Arc::clone(self),
            id,
            sequence,
            stage: Stage::Held,
            now,
        };
        ack.await.map_err(|_| MeterError::Stopped)?;
        Ok(reservation)
    }

    /// Opens the block of the numbers `from` to the voucher's, once among all who try; durable when this returns. The caller
    /// has checked that there are at most [`MAX_BLOCK`](rampart_protocol::request_block::MAX_BLOCK).
    ///
    /// # Errors
    /// When the purchase is unknown, a number was used, or the disk fails.
    pub async fn open_block(
        &self,
        id: PurchaseId,
        from: Sequence,
        voucher: Voucher,
        key: MacKey,
        now: Timestamp,
    ) -> Result<(), UseError> {
        let ack = {
            let mut inner = self.lock();
            let state = inner.purchases.get_mut(&id).ok_or(UseError::Unknown)?;
            state.check_block(from.0, voucher.sequence.0)?;
            let opened = state.open_block(from.0, voucher, key);
            self.append(&mut inner, &Record::OpenedBlock(opened), now)
        };
        Ok(ack.await.map_err(|_| MeterError::Stopped)?)
    }

    /// The terms of a purchase and the key of the open block with `sequence`. For a first look: only [`Self::take`]
    /// decides.
    #[must_use]
    pub fn look_up_block(
        &self,
        id: PurchaseId,
        sequence: Sequence,
    ) -> Option<(PurchaseRecord, Result<MacKey, UseError>)> {
        let inner = self.lock();
        let state = inner.purchases.get(&id)?;
        let key = match state.mac_key(sequence.0) {
            Some(Ok(key)) => Ok(key.clone()),
            Some(Err(replay)) => Err(replay.into()),
            None => Err(UseError::NoBlock),
        };
        Some((state.record, key))
    }

    /// Marks a number of an open block as used, once among all who try. The block's voucher is durable already.
    ///
    /// # Errors
    /// When the purchase is unknown, the number is in no open block, or it was used.
    pub fn take(
        self: &Arc<Self>,
        id: PurchaseId,
        sequence: Sequence,
        now: Timestamp,
    ) -> Result<Reservation, UseError> {
        let mut inner = self.lock();
        let state = inner.purchases.get_mut(&id).ok_or(UseError::Unknown)?;
        state.take(sequence.0).ok_or(UseError::NoBlock)??;
        drop(inner);
        Ok(Reservation {
            store: Arc::clone(self),
            id,
            sequence: sequence.0,
            stage: Stage::Held,
            now,
        })
    }

    /// Closes all open blocks, so that what is unused of them can be used again after an orderly stop; durable when this
    /// returns.
    ///
    /// # Errors
    /// When the disk fails: then they count as used.
    pub async fn close_blocks(&self, now: Timestamp) -> Result<(), MeterError> {
        let acks: Vec<Ack> = {
            let mut inner = self.lock();
            let returns: Vec<_> = inner
                .purchases
                .values_mut()
                .flat_map(PurchaseState::close_blocks)
                .collect();
            returns
                .into_iter()
                .map(|returned| self.append(&mut inner, &Record::Return(returned), now))
                .collect()
        };
        for ack in acks {
            ack.await.map_err(|_| MeterError::Stopped)?;
        }
        Ok(())
    }

    /// The usage of a purchase.
    #[must_use]
    pub fn usage(&self, id: PurchaseId) -> Option<Usage> {
        self.lock().purchases.get(&id).map(usage_of)
    }

    /// The usage of up to `limit` purchases behind `after`, in the order of their ids.
    #[must_use]
    pub fn usages(&self, after: Option<PurchaseId>, limit: usize) -> Vec<Usage> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = after.map_or(Unbounded, Excluded);
        let inner = self.lock();
        let range = inner.purchases.range((from, Unbounded));
        range.take(limit).map(|(_, state)| usage_of(state)).collect()
    }

    /// The cumulative number authorised, requests in flight included.
    #[must_use]
    pub fn authorised(&self, id: PurchaseId) -> u64 {
        let inner = self.lock();
        let highest = inner.purchases.get(&id).and_then(PurchaseState::highest);
        highest.map_or(0, |voucher| voucher.sequence.0)
    }

    /// Sizes.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let inner = self.lock();
        Totals {
            purchases: inner.purchases.len(),
            log_bytes: inner.log_bytes,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner
            .lock()
            .expect("nothing panics while it holds the meter's lock")
    }

    fn append(&self, inner: &mut Inner, record: &Record, now: Timestamp) -> Ack {
        let (length, ack) = inner.journal.append(record);
        inner.log_bytes += length;
        if inner.log_bytes > self.options.compact_bytes.max(2 * inner.snapshot_bytes) {
            self.compact(inner, now);
        }
        ack
    }

    /// Drops what is long expired and replaces the log by a snapshot. Cloning the state under the lock costs
    /// about a microsecond a purchase, once in `compact_bytes` of log.
    fn compact(&self, inner: &mut Inner, now: Timestamp) {
        let horizon = now.0.saturating_sub(self.options.retain_seconds);
        inner
            .purchases
            .retain(|_, state| state.record.expires_at.0 > horizon || state.in_flight() > 0);
        let entries: Vec<Record> = inner
            .purchases
            .values()
            .map(|state| Record::Entry(state.to_entry()))
            .collect();
        inner.snapshot_bytes = entries.iter().map(estimate).sum();
        inner.log_bytes = 0;
        inner.journal.snapshot(entries);
    }
}

/// A record's size on disk, roughly: for deciding when to compact.
fn estimate(record: &Record) -> usize {
    const FIXED: usize = 256;
    let voucher = |voucher: &Voucher| voucher.base.len() + voucher.signature.len();
    match record {
        Record::Purchase(_) | Record::End(_) => FIXED,
        Record::Use(used) => FIXED + voucher(&used.voucher),
        Record::Release(release) => FIXED + release.fallback.iter().map(voucher).sum::<usize>(),
        Record::OpenedBlock(opened) => FIXED + voucher(&opened.voucher),
        Record::Return(returned) => {
            FIXED + 9 * returned.unused.len() + returned.fallback.iter().map(voucher).sum::<usize>()
        }
        Record::Entry(entry) => FIXED + entry.window.len() + entry.voucher.iter().map(voucher).sum::<usize>(),
    }
}

fn replay(purchases: &mut BTreeMap<PurchaseId, PurchaseState>, record: Record) -> Result<(), &'static str> {
    const UNKNOWN: &str = "a record is for a purchase that was never added";
    match record {
        Record::Purchase(record) => {
            let before = purchases.insert(record.id, PurchaseState::new(record));
            before.is_none().then_some(()).ok_or("a purchase was added twice")
        }
        Record::Use(used) => purchases
            .get_mut(&used.purchase)
            .ok_or(UNKNOWN)?
            .replay_use(used.voucher),
        Record::Release(release) => purchases
            .get_mut(&release.purchase)
            .ok_or(UNKNOWN)?
            .replay_release(release),
        Record::Entry(entry) => {
            let id = entry.record.id;
            let state = PurchaseState::from_entry(entry).ok_or("a window has too many bits")?;
            let before = purchases.insert(id, state);
            before
                .is_none()
                .then_some(())
                .ok_or("a purchase is twice in the snapshot")
        }
        Record::OpenedBlock(opened) => purchases
            .get_mut(&opened.purchase)
            .ok_or(UNKNOWN)?
            .replay_block(opened),
        Record::Return(returned) => purchases
            .get_mut(&returned.purchase)
            .ok_or(UNKNOWN)?
            .replay_return(returned),
        Record::End(_) => Err("the end of a snapshot stands in a log"),
    }
}

fn usage_of(state: &PurchaseState) -> Usage {
    Usage {
        record: state.record,
        served: state.served(),
        in_flight: state.in_flight(),
        voucher: state.settled().cloned(),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Not yet forwarded: dropping it releases.
    Held,
    /// The upstream may act on it: dropping it counts.
    Forwarded,
    /// Decided.
    Done,
}

/// A use that is durable and not yet decided. Whoever drops it undecided loses nothing that was not served.
#[derive(Debug)]
pub struct Reservation {
    store: Arc<MeterStore>,
    id: PurchaseId,
    sequence: u64,
    stage: Stage,
    now: Timestamp,
}

impl Reservation {
    /// The request goes to the upstream now: if the caller disappears from here on, it counts.
    pub const fn forwarded(&mut self) {
        self.stage = Stage::Forwarded;
    }

    /// The request counts.
    pub fn settle(mut self) {
        self.finish_settled();
    }

    /// The request does not count; durable when this returns.
    ///
    /// # Errors
    /// When the disk fails: then it counts after a restart.
    pub async fn release(mut self) -> Result<(), MeterError> {
        match self.finish_released() {
            Some(ack) => ack.await.map_err(|_| MeterError::Stopped),
            None => Ok(()),
        }
    }

    fn finish_settled(&mut self) {
        self.stage = Stage::Done;
        if let Some(state) = self.store.lock().purchases.get_mut(&self.id) {
            state.settle(self.sequence);
        }
    }

    fn finish_released(&mut self) -> Option<Ack> {
        self.stage = Stage::Done;
        let mut inner = self.store.lock();
        let release = inner.purchases.get_mut(&self.id)?.release(self.sequence)?;
        Some(self.store.append(&mut inner, &Record::Release(release), self.now))
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        match self.stage {
            Stage::Held => drop(self.finish_released()),
            Stage::Forwarded => self.finish_settled(),
            Stage::Done => {}
        }
    }
}
