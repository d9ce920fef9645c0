//! Sums that halve every half-life, exactly the same whoever looked at them before (S1, S2, V4).
//!
//! A contribution `x` made at time `t` counts `x * 2^-((now - t) / H)` at time `now`. Storing the decayed sum would
//! round at each touch, so the result would depend on who touched it. Instead the sum is stored as it would stand
//! at `origin`, a whole multiple of H on the Unix clock: a contribution within the current period is scaled *up* by
//! `2^(phase)` once, when it is made, and a read scales *down* by `2^-phase` without storing. Passing into a later
//! period shifts the sum right by the number of periods, and shifts compose exactly:
//! `(v >> a) >> b == v >> (a + b)`. So a touch that adds nothing never changes a later value.
//!
//! The phase is a multiple of 1/65536 of a half-life (40 seconds at 30 days), and `2^-phase` is the product of at
//! most 16 constants, one for each bit. Each step rounds down.
//!
//! Should the half-life parameter change, what was written before keeps its origin and decays at the new rate from
//! there; new sums align to the new multiples.

use crate::math::mul_div;
use alloy_rlp::{RlpDecodable, RlpEncodable};
use rampart_protocol::{Seconds, Timestamp};

/// Steps in one half-life.
const STEPS: u128 = 1 << 16;

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

/// A sum of contributions, each of which halves every half-life.
///
/// The half-life is not part of it: the same one must be given at each call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct Decaying {
    scaled: u128,
    origin: Timestamp,
}

impl Decaying {
    /// What the sum is worth at `now`. A moment before the origin reads as the origin.
    #[must_use]
    pub fn value(&self, now: Timestamp, half_life: Seconds) -> u128 {
        let here = self.at(now, half_life);
        decayed(here.scaled, phase(now.since(here.origin), half_life))
    }

    /// The sum with a contribution made at `now`; `None` when it exceeds 128 bits.
    #[must_use]
    pub fn add(&self, contribution: u128, now: Timestamp, half_life: Seconds) -> Option<Self> {
        let here = self.at(now, half_life);
        let added = match phase(now.since(here.origin), half_life) {
            0 => contribution,
            // 2^phase = 2 * 2^-(1 - phase), so one table serves both directions.
            phase => decayed(contribution.checked_mul(2)?, STEPS - phase),
        };
        Some(Self {
            scaled: here.scaled.checked_add(added)?,
            ..here
        })
    }

    /// The same sum told from the last multiple of the half-life at or before `now`.
    fn at(&self, now: Timestamp, half_life: Seconds) -> Self {
        // A half-life of zero is refused by `Params::validate`; read as one second it still cannot divide by zero.
        let half_life = half_life.0.max(1);
        if self.scaled == 0 {
            return Self {
                scaled: 0,
                origin: Timestamp(now.0 - now.0 % half_life),
            };
        }
        let periods = now.since(self.origin).0 / half_life;
        let shift = u32::try_from(periods).unwrap_or(u32::MAX);
        Self {
            scaled: self.scaled.checked_shr(shift).unwrap_or(0),
            origin: Timestamp(self.origin.0 + periods * half_life),
        }
    }
}

/// The steps since the origin, less than [`STEPS`] when less than a half-life has passed.
fn phase(elapsed: Seconds, half_life: Seconds) -> u128 {
    u128::from(elapsed.0) * STEPS / u128::from(half_life.0.max(1))
}

/// `value * 2^(-phase / STEPS)`, rounded down, for a phase under [`STEPS`].
fn decayed(value: u128, phase: u128) -> u128 {
    let mut factor: u128 = 1 << 64;
    for (bit, root) in (0..16).rev().zip(ROOTS) {
        if phase >> bit & 1 == 1 {
            factor = (factor * u128::from(root)) >> 64;
        }
    }
    mul_div(value, factor, 1 << 64).expect("the factor is at most one, so the product fits")
}
