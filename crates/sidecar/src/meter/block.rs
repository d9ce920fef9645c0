//! A block of sequence numbers that one signature authorised (`rampart_protocol::request_block`), while its numbers are in
//! use. Pure.

use super::record::Voucher;
use rampart_protocol::mac::MacKey;

/// An open block. It is in memory only: what the journal knows is that the whole of it may have been used.
#[derive(Clone, Debug)]
pub struct Block {
    from: u64,
    to: u64,
    voucher: Voucher,
    key: MacKey,
    /// Bit `n - from` of the number n.
    used: Vec<u64>,
    left: u64,
    in_flight: usize,
}

impl Block {
    /// The numbers `from` to that of the voucher, all unused; `from` is at least 1 and not above it.
    pub fn new(from: u64, voucher: Voucher, key: MacKey) -> Self {
        let to = voucher.sequence.0;
        let left = to - from + 1;
        Self {
            from,
            to,
            voucher,
            key,
            used: vec![0; usize::try_from(left.div_ceil(64)).unwrap_or_default()],
            left,
            in_flight: 0,
        }
    }

    pub const fn from(&self) -> u64 {
        self.from
    }

    pub const fn voucher(&self) -> &Voucher {
        &self.voucher
    }

    pub const fn key(&self) -> &MacKey {
        &self.key
    }

    /// How many numbers are unused.
    pub const fn left(&self) -> u64 {
        self.left
    }

    /// Requests whose answer is outstanding.
    pub const fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub const fn contains(&self, sequence: u64) -> bool {
        self.from <= sequence && sequence <= self.to
    }

    /// Whether nothing of the block is to be waited for any more.
    pub const fn is_finished(&self) -> bool {
        self.left == 0 && self.in_flight == 0
    }

    pub fn is_unused(&self, sequence: u64) -> bool {
        self.contains(sequence)
            && self
                .bit(sequence)
                .is_some_and(|(word, bit)| self.used[word] & bit == 0)
    }

    /// Takes an unused number into use.
    pub fn take(&mut self, sequence: u64) {
        if let Some((word, bit)) = self.bit(sequence).filter(|_| self.is_unused(sequence)) {
            self.used[word] |= bit;
            self.left -= 1;
            self.in_flight += 1;
        }
    }

    /// A number in use counts for good.
    pub const fn settle(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// A number in use becomes unused.
    pub fn release(&mut self, sequence: u64) {
        if let Some((word, bit)) = self.bit(sequence) {
            self.used[word] &= !bit;
            self.left += 1;
            self.in_flight = self.in_flight.saturating_sub(1);
        }
    }

    /// All unused numbers.
    pub fn unused(&self) -> impl Iterator<Item = u64> + '_ {
        (self.from..=self.to).filter(|sequence| self.is_unused(*sequence))
    }

    fn bit(&self, sequence: u64) -> Option<(usize, u64)> {
        let place = sequence.checked_sub(self.from)?;
        let word = usize::try_from(place / 64).ok()?;
        (word < self.used.len()).then_some((word, 1 << (place % 64)))
    }
}
