//! Integer arithmetic that neither overflows silently nor rounds in a claimant's favour.

use alloy_primitives::U256;
use rampart_protocol::{Amount, Ppm};

/// `a * b / c` rounded down, with the product in 256 bits; `None` when the result exceeds 128 bits or `c` is zero.
pub(crate) fn mul_div(a: u128, b: u128, c: u128) -> Option<u128> {
    // Most amounts times most fractions fit 128 bits, where a division is several times cheaper.
    if let Some(product) = a.checked_mul(b) {
        return product.checked_div(c);
    }
    let product = U256::from(a).checked_mul(U256::from(b))?;
    let quotient = product.checked_div(U256::from(c))?;
    u128::try_from(quotient).ok()
}

/// `a * b`, which always fits 256 bits.
pub(crate) fn product(a: u128, b: u128) -> U256 {
    U256::from(a).wrapping_mul(U256::from(b))
}

/// `value * factor`; `None` past 256 bits.
pub(crate) fn times(value: U256, factor: u64) -> Option<U256> {
    let mut carry = 0;
    let limbs = value.into_limbs().map(|limb| {
        let (low, high) = limb.carrying_mul(factor, carry);
        carry = high;
        low
    });
    (carry == 0).then(|| U256::from_limbs(limbs))
}

/// A fraction of a number, rounded down; `None` past 128 bits.
pub(crate) fn ppm_of(value: u128, fraction: Ppm) -> Option<u128> {
    mul_div(value, u128::from(fraction.0), u128::from(Ppm::ONE.0))
}

/// A fraction of an amount, rounded up; `None` past 128 bits.
pub(crate) fn ppm_of_up(amount: Amount, fraction: Ppm) -> Option<Amount> {
    let down = ppm_of(amount.0, fraction)?;
    // What is left is below one million, so the products need to be known modulo 2^128 only.
    let product = amount.0.wrapping_mul(u128::from(fraction.0));
    let exact = product == down.wrapping_mul(u128::from(Ppm::ONE.0));
    Some(Amount(if exact { down } else { down.checked_add(1)? }))
}

/// The point `score` of the way down from `high` to `low`, rounded towards `high`.
///
/// `high >= low` and `score <= 1_000_000` are the callers' invariants; out of them it saturates.
pub(crate) fn interpolate_down(high: u64, low: u64, score: Ppm) -> u64 {
    let span = u128::from(high.saturating_sub(low));
    let fall = span * u128::from(score.0.min(Ppm::ONE.0)) / u128::from(Ppm::ONE.0);
    // The fall is at most the span, so it fits and never passes `low`.
    high.saturating_sub(u64::try_from(fall).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mul_div_holds_the_product_in_256_bits() {
        assert_eq!(mul_div(u128::MAX, u128::MAX, u128::MAX), Some(u128::MAX));
        assert_eq!(mul_div(7, 3, 2), Some(10));
        assert_eq!(mul_div(u128::MAX, 2, 1), None);
        assert_eq!(mul_div(1, 1, 0), None);
    }

    #[test]
    fn products_are_those_of_general_multiplication_at_every_size() {
        let numbers = [0, 1, 3, u128::from(u64::MAX), 1 << 64, u128::MAX - 1, u128::MAX];
        for (a, b) in numbers.iter().flat_map(|a| numbers.map(|b| (*a, b))) {
            let whole = U256::from(a).checked_mul(U256::from(b)).unwrap();
            assert_eq!(product(a, b), whole, "{a} * {b}");
            for factor in [0, 1, 2_000_000, u64::MAX] {
                assert_eq!(
                    times(whole, factor),
                    whole.checked_mul(U256::from(factor)),
                    "{a} * {b} * {factor}"
                );
            }
        }
    }

    #[test]
    fn a_fraction_rounds_as_its_name_says() {
        for (amount, fraction, down, up) in [
            (0, 50_000, 0, 0),
            (1, 50_000, 0, 1),
            (20, 50_000, 1, 1),
            (21, 50_000, 1, 2),
            (u128::MAX, 1_000_000, u128::MAX, u128::MAX),
        ] {
            assert_eq!(ppm_of(amount, Ppm(fraction)), Some(down), "{amount}");
            assert_eq!(
                ppm_of_up(Amount(amount), Ppm(fraction)),
                Some(Amount(up)),
                "{amount}"
            );
        }
        assert_eq!(ppm_of_up(Amount(u128::MAX), Ppm(1_000_001)), None);
    }

    #[test]
    fn interpolation_rounds_towards_the_high_end_and_stays_within_the_ends() {
        for (score, expected) in [
            (0, 10),
            (1, 10),
            (99_999, 10),
            (100_000, 9),
            (999_999, 1),
            (1_000_000, 0),
        ] {
            assert_eq!(interpolate_down(10, 0, Ppm(score)), expected, "{score}");
        }
        assert_eq!(interpolate_down(u64::MAX, 0, Ppm::ONE), 0);
        assert_eq!(interpolate_down(5, 9, Ppm::ONE), 5);
        assert_eq!(interpolate_down(10, 4, Ppm(u32::MAX)), 4);
    }
}
