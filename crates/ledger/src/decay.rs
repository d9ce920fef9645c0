//! Sums that halve every half-life, exactly the same whoever looked at them before (S1, S2, V4).
//!
//! Time is told by a [`DecayClock`] in [`Steps`], 65,536 to a half-life (40 seconds at 30 days). A contribution `x` made
//! at step `t` counts `x * 2^-((now - t) / 65536)` at step `now`. Storing the decayed sum would round at each touch, so
//! the result would depend on who touched it. Instead the sum is stored as it would stand at the start of a *period*, a
//! whole half-life on the clock: a contribution within a period is scaled *up* by `2^phase` once, when it is made,
//! and a read scales *down* by `2^-phase` without storing. Passing into a later period shifts the sum right by the
//! number of periods, and shifts compose exactly: `(v >> a) >> b == v >> (a + b)`. So a touch that adds nothing never
//! changes a later value.
//!
//! Sums carry 64 fractional bits, and contributions none, so that a shift by up to 64 periods loses nothing: a contribution
//! can be taken out again exactly, as if it had never been made, for 64 half-lives.
//!
//! A change of the half-life restarts the clock's rate at the step that it has reached ([`DecayClock::rebased`]), so all
//! sums decay at the old rate before and at the new one after, touched or not.

use alloy_primitives::U256;
use alloy_rlp::{RlpDecodable, RlpEncodable};
use rampart_protocol::{Seconds, Timestamp};

/// Steps in one half-life.
const STEPS: u64 = 1 << 16;

/// Fractional bits of a stored sum.
const FRACTION: usize = 64;

/// `2^(-1/2^i)` for i = 1..=16, in units of 2^-64, rounded down.
const ROOTS: [u64; 16] = [
    0xb504_f333_f9de_6484,
    0xd744_fcca_d69d_6af4,
    0xeac0_c6e7_dd24_392e,
    0xf525_7d15_2486_cc2c,
    0xfa83_b2db_722a_033a,
    0xfd3e_0c0c_f486_c174,
    0xfe9e_115c_7b8f_884b,
    0xff4e_cb59_511e_c8a5,
    0xffa7_5652_1c8d_aed1,
    0xffd3_a751_c0f7_e10b,
    0xffe9_d2b2_f7db_2755,
    0xfff4_e91b_ff1b_8c3d,
    0xfffa_747e_a004_0664,
    0xfffd_3a3b_7814_eb53,
    0xfffe_9d1c_c60d_dab1,
    0xffff_4e8e_2587_9bfa,
];

/// A moment on a decay clock, in 1/65,536 of a half-life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Steps(pub u64);

impl Steps {
    const fn period(self) -> u64 {
        self.0 / STEPS
    }

    const fn phase(self) -> u64 {
        self.0 % STEPS
    }
}

/// How block time becomes [`Steps`]: since `since`, one half-life of the parameter is 65,536 steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct DecayClock {
    since: Timestamp,
    steps: u64,
}

impl DecayClock {
    /// The clock's reading at `now`; a moment before the last change of the rate reads as that.
    #[must_use]
    pub fn at(&self, now: Timestamp, half_life: Seconds) -> Steps {
        // A half-life of zero is refused by `Params::validate`; read as one second it still cannot divide by zero.
        let passed = u128::from(now.since(self.since).0) * u128::from(STEPS) / u128::from(half_life.0.max(1));
        Steps(
            self.steps
                .saturating_add(u64::try_from(passed).unwrap_or(u64::MAX)),
        )
    }

    /// The clock from `now` on, when another half-life begins to hold; `half_life` is the one that held so far.
    #[must_use]
    pub fn rebased(&self, now: Timestamp, half_life: Seconds) -> Self {
        Self {
            since: now,
            steps: self.at(now, half_life).0,
        }
    }
}

/// A sum of contributions, each of which halves every half-life of one clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct Decaying {
    /// The sum at the start of `period`, in units of 2^-64; below 2^192.
    scaled: U256,
    period: u64,
}

impl Decaying {
    /// A sum without contributions.
    pub const NOTHING: Self = Self {
        scaled: U256::ZERO,
        period: 0,
    };

    /// One contribution; `None` past 128 bits.
    #[must_use]
    pub fn of(contribution: u128, at: Steps) -> Option<Self> {
        let contribution = U256::from(contribution);
        let at_start = match at.phase() {
            0 => contribution,
            // 2^phase = 2 * 2^-(1 - phase), so one table serves both directions.
            phase => scaled_by(contribution << 1, factor(STEPS - phase)),
        };
        let whole = Self {
            scaled: at_start << FRACTION,
            period: at.period(),
        };
        whole.fits().then_some(whole)
    }

    /// What the sum is worth. A moment before its period reads as the period's start.
    #[must_use]
    pub fn value(&self, at: Steps) -> u128 {
        if self.scaled.is_zero() {
            return 0;
        }
        let here = self.in_period(at.period());
        let phase = if at.period() < self.period { 0 } else { at.phase() };
        let scaled = match phase {
            0 => here,
            phase => scaled_by(here, factor(phase)),
        };
        // A stored sum is below 2^192 by `fits`, and scaling down does not raise it.
        let [_fraction, low, high, _none] = scaled.into_limbs();
        u128::from(high) << 64 | u128::from(low)
    }

    /// The sum with a contribution made at `at`; `None` past 128 bits.
    #[must_use]
    pub fn add(&self, contribution: u128, at: Steps) -> Option<Self> {
        self.plus(&Self::of(contribution, at)?)
    }

    /// The sum of two sums of one clock; `None` past 128 bits.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Option<Self> {
        let period = self.period.max(other.period);
        let sum = Self {
            scaled: self.in_period(period).checked_add(other.in_period(period))?,
            period,
        };
        sum.fits().then_some(sum)
    }

    /// The sum without a part that was added to it, exactly as if that had never been; `None` when it was not in it.
    /// Nothing that is left is [`Self::NOTHING`], whose bytes do not tell that there was something.
    #[must_use]
    pub fn minus(&self, part: &Self) -> Option<Self> {
        let period = self.period.max(part.period);
        let scaled = self.in_period(period).checked_sub(part.in_period(period))?;
        if scaled == U256::ZERO {
            return Some(Self::NOTHING);
        }
        Some(Self { scaled, period })
    }

    /// The scaled sum told from the start of a period; a period before its own leaves it as it is.
    fn in_period(&self, period: u64) -> U256 {
        let shift = period.saturating_sub(self.period);
        if shift == 0 {
            return self.scaled;
        }
        usize::try_from(shift).map_or(U256::ZERO, |shift| self.scaled.wrapping_shr(shift))
    }

    fn fits(&self) -> bool {
        let [_fraction, _low, _high, beyond] = self.scaled.into_limbs();
        beyond == 0
    }
}

/// `value * factor / 2^64`, rounded down, for a value below 2^192.
fn scaled_by(value: U256, factor: u64) -> U256 {
    let [fraction, low, high, _none] = value.into_limbs();
    let (_dropped, carry) = fraction.carrying_mul(factor, 0);
    let (fraction, carry) = low.carrying_mul(factor, carry);
    let (low, high) = high.carrying_mul(factor, carry);
    U256::from_limbs([fraction, low, high, 0])
}

/// `2^(-phase / STEPS)` in units of 2^-64, rounded down, for a phase between 1 and [`STEPS`] - 1.
fn factor(phase: u64) -> u64 {
    let (high, low) = (phase >> 8, phase & 0xff);
    let coarse = usize::try_from(high).ok().and_then(|high| COARSE.get(high));
    times_roots(coarse.copied().filter(|_| high != 0), low)
}

/// [`factor`] of the phases that end in eight zero bits, by the others; the first is not used, since one does not fit.
const COARSE: [u64; 256] = {
    let mut table = [u64::MAX; 256];
    let mut high = 1;
    while high < table.len() {
        table[high] = times_roots(None, (high as u64) << 8);
        high += 1;
    }
    table
};

/// A factor, or one, times the root of each bit of a phase, highest first, each product rounded down.
const fn times_roots(factor: Option<u64>, phase: u64) -> u64 {
    let mut product = factor;
    let mut rest = phase & (STEPS - 1);
    while rest != 0 {
        let bit = rest.ilog2();
        let root = ROOTS[15 - bit as usize];
        product = Some(match product {
            Some(product) => ((product as u128 * root as u128) >> 64) as u64,
            None => root,
        });
        rest ^= 1 << bit;
    }
    match product {
        Some(product) => product,
        None => u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::{ROOTS, STEPS, factor};

    #[test]
    fn the_table_changes_no_factor() {
        for phase in 1..STEPS {
            let plain = (0..16)
                .rev()
                .zip(ROOTS)
                .fold(1u128 << 64, |product, (bit, root)| {
                    if phase >> bit & 1 == 1 {
                        (product * u128::from(root)) >> 64
                    } else {
                        product
                    }
                });
            assert_eq!(u128::from(factor(phase)), plain, "{phase}");
        }
    }
}
