//! What the meter knows of one purchase, and how each record changes it. Pure: no files, no clock, no locks.

use super::block::Block;
use super::record::{Entry, OpenedBlock, Release, Return, Voucher};
use crate::window::{Replay, Window};
use rampart_protocol::mac::MacKey;
use rampart_protocol::request_block::MAX_BLOCK;
use rampart_protocol::{PurchaseRecord, Sequence};
use std::collections::BTreeMap;

/// Blocks of one purchase that can be open at once. Another one closes the lowest, whose rest counts as used.
const MAX_BLOCKS: usize = 64;

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
    /// Open blocks by their first number. The window has all their numbers marked.
    blocks: BTreeMap<u64, Block>,
}

impl PurchaseState {
    pub fn new(record: PurchaseRecord) -> Self {
        Self {
            record,
            window: Window::default(),
            served: 0,
            settled: None,
            in_flight: BTreeMap::new(),
            blocks: BTreeMap::new(),
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
        } else if let Some(block) = self.block_mut(sequence) {
            block.settle();
            let (from, finished, voucher) = (block.from(), block.is_finished(), block.voucher().clone());
            self.raise(voucher);
            if finished {
                self.blocks.remove(&from);
            }
        }
    }

    /// The request does not count; returns the record that says so, if one is needed.
    pub fn release(&mut self, sequence: u64) -> Option<Release> {
        let Some(voucher) = self.in_flight.remove(&sequence) else {
            if let Some(block) = self.block_mut(sequence) {
                block.release(sequence);
                self.served -= 1;
            }
            return None;
        };
        self.window.clear(sequence);
        self.served -= 1;
        Some(Release {
            purchase: self.record.id,
            sequence: voucher.sequence,
            fallback: self.highest().cloned().into_iter().collect(),
        })
    }

    /// Whether all numbers of a block are unused.
    pub fn check_block(&self, from: u64, to: u64) -> Result<(), Replay> {
        (from..=to).try_for_each(|sequence| self.check(sequence))
    }

    /// Opens a block. The caller has checked that it is not too large and that its numbers are unused.
    pub fn open_block(&mut self, from: u64, voucher: Voucher, key: MacKey) -> OpenedBlock {
        if self.blocks.len() >= MAX_BLOCKS {
            // One with requests in flight stays: they will ask for it.
            let idle = self.blocks.values().find(|block| block.in_flight() == 0);
            if let Some(from) = idle.map(Block::from) {
                self.burn(from);
            }
        }
        for sequence in from..=voucher.sequence.0 {
            self.window.set(sequence);
        }
        self.blocks.insert(from, Block::new(from, voucher.clone(), key));
        OpenedBlock {
            purchase: self.record.id,
            from: Sequence(from),
            voucher,
        }
    }

    /// The key of the open block with a number, if the number is unused; nothing when it is in no open block.
    pub fn mac_key(&self, sequence: u64) -> Option<Result<&MacKey, Replay>> {
        let block = self.block(sequence)?;
        Some(block.is_unused(sequence).then(|| block.key()).ok_or(Replay::Seen))
    }

    /// Takes a number of an open block into use.
    pub fn take(&mut self, sequence: u64) -> Option<Result<(), Replay>> {
        if let Err(replay) = self.mac_key(sequence)? {
            return Some(Err(replay));
        }
        self.block_mut(sequence)?.take(sequence);
        self.served += 1;
        Some(Ok(()))
    }

    /// Closes all blocks and makes their unused numbers usable again; returns the records that say so.
    pub fn close_blocks(&mut self) -> Vec<Return> {
        let mut returns = Vec::new();
        while let Some((from, block)) = self.blocks.pop_first() {
            let unused: Vec<Sequence> = block.unused().map(Sequence).collect();
            for sequence in &unused {
                self.window.clear(sequence.0);
            }
            if block.in_flight() > 0 {
                self.raise(block.voucher().clone());
            }
            returns.push(Return {
                purchase: self.record.id,
                from: Sequence(from),
                unused,
                fallback: self.highest().cloned().into_iter().collect(),
            });
        }
        returns
    }

    fn block(&self, sequence: u64) -> Option<&Block> {
        let (_, block) = self.blocks.range(..=sequence).next_back()?;
        block.contains(sequence).then_some(block)
    }

    fn block_mut(&mut self, sequence: u64) -> Option<&mut Block> {
        let (_, block) = self.blocks.range_mut(..=sequence).next_back()?;
        block.contains(sequence).then_some(block)
    }

    /// Closes a block; what is left of it counts, as it would after a crash.
    fn burn(&mut self, from: u64) {
        if let Some(block) = self.blocks.remove(&from) {
            self.served += block.left();
            self.raise(block.voucher().clone());
        }
    }

    /// Replays the opening of a block: after a crash all of it counts.
    pub fn replay_block(&mut self, opened: OpenedBlock) -> Result<(), &'static str> {
        let (from, to) = (opened.from.0, opened.voucher.sequence.0);
        if from == 0 || to < from || to - from >= MAX_BLOCK {
            return Err("a block's numbers make no sense");
        }
        if self.check_block(from, to).is_err() {
            return Err("a number of a block was used before");
        }
        for sequence in from..=to {
            self.window.set(sequence);
        }
        self.served += to - from + 1;
        self.raise(opened.voucher);
        Ok(())
    }

    /// Replays the closing of a block.
    pub fn replay_return(&mut self, returned: Return) -> Result<(), &'static str> {
        for sequence in &returned.unused {
            self.window.clear(sequence.0);
        }
        let unused = returned.unused.len() as u64;
        self.served = self
            .served
            .checked_sub(unused)
            .ok_or("more is returned than was used")?;
        self.settled = returned.fallback.into_iter().next();
        Ok(())
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

    /// The purchase in a snapshot; what is in flight or in an open block counts there, as it would after a crash.
    pub fn to_entry(&self) -> Entry {
        Entry {
            record: self.record,
            served: self.served + self.blocks.values().map(Block::left).sum::<u64>(),
            high: self.window.high(),
            window: self.window.to_bytes().into(),
            voucher: self.highest().cloned().into_iter().collect(),
        }
    }

    /// The highest voucher: settled, in flight or of an open block.
    pub fn highest(&self) -> Option<&Voucher> {
        let in_flight = self.in_flight.values().next_back();
        let block = self.blocks.values().next_back().map(Block::voucher);
        [self.settled.as_ref(), in_flight, block]
            .into_iter()
            .flatten()
            .max_by_key(|voucher| voucher.sequence)
    }

    pub const fn settled(&self) -> Option<&Voucher> {
        self.settled.as_ref()
    }

    pub const fn served(&self) -> u64 {
        self.served
    }

    pub fn in_flight(&self) -> usize {
        self.in_flight.len() + self.blocks.values().map(Block::in_flight).sum::<usize>()
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
