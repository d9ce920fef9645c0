//! What the meter knows of one purchase, and how each record changes it. Pure: no files, no clock, no locks.

use super::record::{Entry, Release, Voucher};
use crate::window::{Replay, Window};
use rampart_protocol::PurchaseRecord;
use std::collections::BTreeMap;

/// One purchase.
#[derive(Clone, Debug)]
pub struct PurchaseState {
    pub record: PurchaseRecord,
    window: Window,
    /// Requests counted, those in flight included.
    served: u64,
    /// The highest voucher of a request that counts for good.
    settled: Option<Voucher>,
    /// Vouchers of the requests whose answer is outstanding.
    in_flight: BTreeMap<u64, Voucher>,
}

impl PurchaseState {
    pub fn new(record: PurchaseRecord) -> Self {
        Self {
            record,
            window: Window::default(),
            served: 0,
            settled: None,
            in_flight: BTreeMap::new(),
        }
    }

    pub fn check(&self, sequence: u64) -> Result<(), Replay> {
        self.window.check(sequence)
    }

    /// Marks a request as admitted. The caller has checked the window.
    pub fn reserve(&mut self, voucher: Voucher) {
        self.window.set(voucher.sequence.0);
        self.served += 1;
        self.in_flight.insert(voucher.sequence.0, voucher);
    }

    /// The request counts for good.
    pub fn settle(&mut self, sequence: u64) {
        if let Some(voucher) = self.in_flight.remove(&sequence) {
            self.raise(voucher);
        }
    }

    /// The request does not count; returns the record that says so.
    pub fn release(&mut self, sequence: u64) -> Option<Release> {
        let voucher = self.in_flight.remove(&sequence)?;
        self.window.clear(sequence);
        self.served -= 1;
        Some(Release {
            purchase: self.record.id,
            sequence: voucher.sequence,
            fallback: self.highest().cloned().into_iter().collect(),
        })
    }

    /// Replays an admission: after a crash it counts.
    pub fn replay_use(&mut self, voucher: Voucher) -> Result<(), &'static str> {
        if self.check(voucher.sequence.0).is_err() {
            return Err("a sequence number is used twice");
        }
        self.window.set(voucher.sequence.0);
        self.served += 1;
        self.raise(voucher);
        Ok(())
    }

    /// Replays a release.
    pub fn replay_release(&mut self, release: Release) -> Result<(), &'static str> {
        self.window.clear(release.sequence.0);
        self.served = self.served.checked_sub(1).ok_or("more releases than uses")?;
        self.settled = release.fallback.into_iter().next();
        Ok(())
    }

    pub fn from_entry(entry: Entry) -> Option<Self> {
        Some(Self {
            window: Window::from_parts(entry.high, &entry.window)?,
            served: entry.served,
            settled: entry.voucher.into_iter().next(),
            ..Self::new(entry.record)
        })
    }

    /// The purchase in a snapshot; what is in flight counts there, as it would after a crash.
    pub fn to_entry(&self) -> Entry {
        Entry {
            record: self.record,
            served: self.served,
            high: self.window.high(),
            window: self.window.to_bytes().into(),
            voucher: self.highest().cloned().into_iter().collect(),
        }
    }

    /// The highest voucher, in flight or settled.
    pub fn highest(&self) -> Option<&Voucher> {
        let in_flight = self.in_flight.values().next_back();
        match (&self.settled, in_flight) {
            (Some(settled), Some(flying)) if settled.sequence > flying.sequence => Some(settled),
            (settled, flying) => flying.or(settled.as_ref()),
        }
    }

    pub const fn settled(&self) -> Option<&Voucher> {
        self.settled.as_ref()
    }

    pub const fn served(&self) -> u64 {
        self.served
    }

    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    fn raise(&mut self, voucher: Voucher) {
        if self
            .settled
            .as_ref()
            .is_none_or(|settled| settled.sequence < voucher.sequence)
        {
            self.settled = Some(voucher);
        }
    }
}
