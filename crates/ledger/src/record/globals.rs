//! Counters and totals of the whole ledger, and the O(1) form of conservation.

use crate::key::Key;
use alloc::vec::Vec;
use alloy_rlp::{RlpDecodable, RlpEncodable};
use rampart_protocol::{Amount, B256, ProviderId, ServiceId, merkle};

/// Counters, pools and totals.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct Globals {
    /// Inbox messages of the settlement contract consumed so far.
    pub inbox_count: u64,
    /// Accounts so far; the next one gets this index.
    pub accounts: u64,
    /// The id of the next provider.
    pub next_provider: ProviderId,
    /// The id of the next service.
    pub next_service: ServiceId,
    /// Purchases so far.
    pub purchases: u64,
    /// Withdrawals so far; the next one gets this index.
    pub withdrawals: u64,
    /// Peaks of the tree of all withdrawals, largest first (`merkle::push_peak`).
    pub withdrawal_peaks: Vec<B256>,
    /// The current epoch's pool: protocol cuts, with what rounding leaves (U2).
    pub pool: Amount,
    /// The treasury.
    pub treasury: Amount,
    /// Sum of all balances.
    pub balances: Amount,
    /// Sum of all escrow.
    pub escrow: Amount,
    /// Sum of all stakes.
    pub stakes: Amount,
    /// Everything ever deposited.
    pub deposited: Amount,
    /// Everything ever withdrawn.
    pub withdrawn: Amount,
}

/// The books do not balance: a fault of the ledger, never of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ledger holds {held} base units, deposits less withdrawals are {owed}")]
pub struct Imbalance {
    /// Sum of every pool; saturated when it exceeds 128 bits.
    pub held: Amount,
    /// Deposits less withdrawals; zero when withdrawals exceed deposits.
    pub owed: Amount,
}

impl Default for Globals {
    fn default() -> Self {
        Self {
            inbox_count: 0,
            accounts: 0,
            next_provider: ProviderId(1),
            next_service: ServiceId(1),
            purchases: 0,
            withdrawals: 0,
            withdrawal_peaks: Vec::new(),
            pool: Amount::ZERO,
            treasury: Amount::ZERO,
            balances: Amount::ZERO,
            escrow: Amount::ZERO,
            stakes: Amount::ZERO,
            deposited: Amount::ZERO,
            withdrawn: Amount::ZERO,
        }
    }
}

impl Globals {
    /// The key that they are kept under.
    #[must_use]
    pub const fn key(&self) -> Key {
        Key::globals()
    }

    /// The root over every withdrawal so far, zero when there are none.
    #[must_use]
    pub fn withdrawals_root(&self) -> B256 {
        merkle::bag_peaks(&self.withdrawal_peaks)
    }

    /// Checks conservation over the totals: what is held equals deposits less withdrawals, to the unit.
    ///
    /// # Errors
    /// [`Imbalance`] with both sums.
    pub fn check(&self) -> Result<(), Imbalance> {
        let pools = [self.balances, self.escrow, self.stakes, self.pool, self.treasury];
        let held = pools
            .iter()
            .try_fold(Amount::ZERO, |sum, part| sum.checked_add(*part));
        let owed = self.deposited.checked_sub(self.withdrawn);
        if held.is_some() && held == owed {
            return Ok(());
        }
        Err(Imbalance {
            held: held.unwrap_or(Amount(u128::MAX)),
            owed: owed.unwrap_or(Amount::ZERO),
        })
    }
}
