//! The sliding window over a purchase's sequence numbers: which of them were used, and which can still be.
//!
//! A sequence number is accepted once, and only while it is less than [`WIDTH`] below the highest one used. So
//! parallel callers may arrive in any order within the window, and the memory for a purchase is constant (C6, V6).
//! Whether the caller may use the number at all is decided elsewhere.

/// Sequence numbers that the window spans.
pub const WIDTH: u64 = 4096;
const WORDS: usize = 64;

/// Why a sequence number can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Replay {
    /// It was used.
    #[error("this sequence number was used")]
    Seen,
    /// It is so far below the highest one that its use is no longer remembered.
    #[error("this sequence number is 4096 or more below the highest one used")]
    Below,
}

/// The used numbers among the last [`WIDTH`]; bit `n % WIDTH` stands for the number n.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    high: u64,
    words: Box<[u64; WORDS]>,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            high: 0,
            words: Box::new([0; WORDS]),
        }
    }
}

impl Window {
    /// The highest number ever used, released or not; 0 for none.
    #[must_use]
    pub const fn high(&self) -> u64 {
        self.high
    }

    /// Whether `n` can be used.
    ///
    /// # Errors
    /// When it was used, or is below the window.
    pub fn check(&self, n: u64) -> Result<(), Replay> {
        if n > self.high {
            return Ok(());
        }
        if self.high - n >= WIDTH {
            return Err(Replay::Below);
        }
        let (word, bit) = place(n);
        if self.words[word] & bit == 0 {
            Ok(())
        } else {
            Err(Replay::Seen)
        }
    }

    /// Marks `n` as used and moves the window up to it. A number below the window has no place and is ignored.
    pub fn set(&mut self, n: u64) {
        if n > self.high {
            if n - self.high >= WIDTH {
                self.words.fill(0);
            } else {
                for passed in self.high + 1..n {
                    self.unmark(passed);
                }
            }
            self.high = n;
        } else if self.high - n >= WIDTH {
            return;
        }
        let (word, bit) = place(n);
        self.words[word] |= bit;
    }

    /// Marks `n` as unused again. A number that the window has passed stays used.
    pub fn clear(&mut self, n: u64) {
        if n <= self.high && self.high - n < WIDTH {
            self.unmark(n);
        }
    }

    fn unmark(&mut self, n: u64) {
        let (word, bit) = place(n);
        self.words[word] &= !bit;
    }

    /// The bits as bytes, little endian, without the zero bytes at the end.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let used = bytes
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |last| last + 1);
        bytes.truncate(used);
        bytes
    }

    /// The reverse of [`Self::high`] and [`Self::to_bytes`]; `None` when there are more bytes than bits.
    #[must_use]
    pub fn from_parts(high: u64, bytes: &[u8]) -> Option<Self> {
        let mut window = Self {
            high,
            ..Self::default()
        };
        if bytes.len() > WORDS * 8 {
            return None;
        }
        for (word, chunk) in window.words.iter_mut().zip(bytes.chunks(8)) {
            let mut full = [0; 8];
            full[..chunk.len()].copy_from_slice(chunk);
            *word = u64::from_le_bytes(full);
        }
        Some(window)
    }
}

fn place(n: u64) -> (usize, u64) {
    let position = n % WIDTH;
    let word = usize::try_from(position / 64).expect("less than 64");
    (word, 1 << (position % 64))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn accepts_each_number_once_in_any_order() {
        let mut window = Window::default();
        for n in [5, 1, 3, 2, 4] {
            assert_eq!(window.check(n), Ok(()));
            window.set(n);
            assert_eq!(window.check(n), Err(Replay::Seen));
        }
    }

    #[test]
    fn forgets_what_falls_below_but_never_accepts_it_again() {
        let mut window = Window::default();
        window.set(1);
        window.set(WIDTH);
        assert_eq!(window.check(1), Err(Replay::Seen));
        window.set(WIDTH + 1);
        assert_eq!(window.check(1), Err(Replay::Below));
        assert_eq!(window.check(2), Ok(()));
        window.set(u64::MAX);
        assert_eq!(window.check(u64::MAX), Err(Replay::Seen));
        assert_eq!(window.check(u64::MAX - WIDTH), Err(Replay::Below));
        assert_eq!(window.check(u64::MAX - 1), Ok(()));
    }

    #[test]
    fn a_released_number_can_be_used_again_while_it_is_in_the_window() {
        let mut window = Window::default();
        window.set(7);
        window.clear(7);
        assert_eq!(window.check(7), Ok(()));
        window.set(7 + WIDTH);
        window.clear(7);
        assert_eq!(window.check(7), Err(Replay::Below));
        assert_eq!(
            window.check(7 + WIDTH),
            Err(Replay::Seen),
            "clearing 7 left its neighbour alone"
        );
    }

    proptest! {
        #[test]
        fn agrees_with_a_set_that_remembers_everything(steps in prop::collection::vec((1u64..20_000, any::<bool>()), 1..300)) {
            let (mut window, mut used, mut high) = (Window::default(), BTreeSet::new(), 0u64);
            for (n, release) in steps {
                let expected = if n <= high && high - n >= WIDTH {
                    Err(Replay::Below)
                } else if used.contains(&n) {
                    Err(Replay::Seen)
                } else {
                    Ok(())
                };
                prop_assert_eq!(window.check(n), expected);
                if expected.is_ok() {
                    window.set(n);
                    used.insert(n);
                    high = high.max(n);
                    if release {
                        window.clear(n);
                        used.remove(&n);
                    }
                }
                let copy = Window::from_parts(window.high(), &window.to_bytes()).unwrap();
                prop_assert_eq!(&copy, &window);
            }
        }
    }
}
