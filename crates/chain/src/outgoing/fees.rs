//! What a transaction offers for its gas (EIP-1559), and what it must offer to replace another.

use serde::{Deserialize, Serialize};

/// Wei for a unit of gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fees {
    /// Most in all.
    pub max: u128,
    /// Of that, for who makes the block.
    pub tip: u128,
}

impl Fees {
    /// For the next blocks: twice the base fee, which covers six full blocks in a row, and the tip.
    #[must_use]
    pub const fn market(base: u128, tip: u128) -> Self {
        Self {
            max: base.saturating_mul(2).saturating_add(tip),
            tip,
        }
    }

    /// The same, within a limit.
    #[must_use]
    pub fn at_most(self, limit: u128) -> Self {
        let max = self.max.min(limit);
        Self {
            max,
            tip: self.tip.min(max),
        }
    }

    /// What replaces this: an eighth more of both, which pools ask for, or what the market asks if that is more. `None` when
    /// an eighth more is beyond the limit.
    #[must_use]
    pub fn bumped(self, market: Self, limit: u128) -> Option<Self> {
        let (max, tip) = (eighth_more(self.max), eighth_more(self.tip));
        (max <= limit).then(|| {
            let max = max.max(market.max).min(limit);
            Self {
                max,
                tip: tip.max(market.tip).min(max),
            }
        })
    }
}

const fn eighth_more(fee: u128) -> u128 {
    fee.saturating_add(fee.div_ceil(8)).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GWEI: u128 = 1_000_000_000;

    #[test]
    fn each_offer_is_an_eighth_above_the_one_before_and_never_above_the_limit() {
        let nothing = Fees { max: 0, tip: 0 };
        let mut fees = Fees::market(GWEI, 1).at_most(50 * GWEI);
        assert_eq!(
            fees,
            Fees {
                max: 2 * GWEI + 1,
                tip: 1
            }
        );
        let mut offers = 0;
        while let Some(next) = fees.bumped(nothing, 50 * GWEI) {
            assert!(
                next.max * 8 >= fees.max * 9 && next.tip * 8 >= fees.tip * 9,
                "{next:?} after {fees:?}"
            );
            assert!(next.max <= 50 * GWEI && next.tip <= next.max);
            fees = next;
            offers += 1;
        }
        assert_eq!(offers, 27);
    }

    #[test]
    fn the_market_counts_when_it_has_risen_above_an_eighth_and_the_limit_before_all() {
        let old = Fees { max: 10, tip: 2 };
        let risen = Fees { max: 40, tip: 9 };
        assert_eq!(old.bumped(risen, 100), Some(risen));
        assert_eq!(old.bumped(risen, 30), Some(Fees { max: 30, tip: 9 }));
        assert_eq!(old.bumped(risen, 12), None);
        assert_eq!(risen.at_most(5), Fees { max: 5, tip: 5 });
    }
}
