//! Where choices come from: a seed, or the bytes of a fuzzer.
//!
//! Both make the same history from the same start, on every machine and with every version of every library.

/// A source of choices.
#[derive(Clone)]
pub struct Chance<'a> {
    state: u64,
    bytes: Option<&'a [u8]>,
}

impl<'a> Chance<'a> {
    /// Choices without end.
    pub fn seeded(seed: u64) -> Self {
        Self {
            state: seed,
            bytes: None,
        }
    }

    /// As many choices as the bytes hold; afterwards always the first.
    pub fn of(bytes: &'a [u8]) -> Self {
        Self {
            state: 0,
            bytes: Some(bytes),
        }
    }

    /// Whether the bytes are used up.
    pub fn is_over(&self) -> bool {
        self.bytes.is_some_and(<[u8]>::is_empty)
    }

    /// A number below `bound`, which is more than zero. Takes no more bytes than the bound needs.
    pub fn below(&mut self, bound: u64) -> u64 {
        let word = match &mut self.bytes {
            None => return splitmix(&mut self.state) % bound,
            Some(bytes) => {
                let wanted = match bound {
                    0..=0x100 => 1,
                    0x101..=0x1_0000 => 2,
                    _ => 8,
                };
                let (taken, rest) = bytes.split_at(bytes.len().min(wanted));
                *bytes = rest;
                taken.iter().fold(0, |word, byte| word << 8 | u64::from(*byte))
            }
        };
        word % bound
    }

    /// So many bytes.
    pub fn bytes(&mut self, count: u64) -> Vec<u8> {
        (0..count).map(|_| self.below(256) as u8).collect()
    }

    /// Changes a byte of several, if there are any.
    pub fn spoil(&mut self, bytes: &mut [u8]) {
        if let Some(last) = bytes.len().checked_sub(1) {
            bytes[self.between(0, last as u64) as usize] ^= self.between(1, 255) as u8;
        }
    }

    /// A number from `least` to `most`, both included.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == n - 1
    }

    /// True in so many of a hundred times.
    pub fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }

    /// One of several, if there is any.
    pub fn pick<'s, T>(&mut self, among: &'s [T]) -> Option<&'s T> {
        match among.len() as u64 {
            0 => None,
            many => among.get(self.below(many) as usize),
        }
    }

    /// One of several, mostly one of the last.
    pub fn pick_recent<'s, T>(&mut self, among: &'s [T]) -> Option<&'s T> {
        let from = if self.percent(80) {
            among.len().saturating_sub(64)
        } else {
            0
        };
        self.pick(&among[from..])
    }
}

/// SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
pub fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut word = *state;
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}
