//! Counters and totals of the whole ledger, and the O(1) form of conservation.

use super::queue::{Queue, QueueKind};
use crate::decay::{DecayClock, Steps};
use crate::key::Key;
use crate::params::Params;
use alloc::vec::Vec;
use alloy_rlp::{RlpDecodable, RlpEncodable};
use rampart_protocol::{Amount, B256, ProviderId, ServiceId, Timestamp, merkle};

/// The clocks by which evidence and revenue decay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct Clocks {
    /// For evidence about providers.
    pub score: DecayClock,
    /// For their revenue.
    pub revenue: DecayClock,
}

/// The running epoch, by which rewards are counted and availability is reported. It ends by time, and is not the
/// consensus epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct EpochState {
    /// Its number, from 0.
    pub number: u64,
    /// When it began; zero before the first block.
    pub started_at: Timestamp,
    /// Providers that sold something in it (U2).
    pub sellers: u64,
    /// Cases that operators decided in it, either way (U2).
    pub verdicts: u64,
    /// Pages of services whose availability each operator owes a report of in it, for the epoch before.
    pub pages: u64,
}

/// Counters, pools and totals.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct Globals {
    /// Inbox messages of the settlement contract consumed so far.
    pub inbox_count: u64,
    /// Events of the L1 contracts consumed so far.
    pub restaking_count: u64,
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
    /// Sum of all stake that is being unbonded.
    pub unbonding: Amount,
    /// Sum of the fees of reviews that are not decided.
    pub deposits: Amount,
    /// Sum of the bonds of challenges that are not decided.
    pub bonds: Amount,
    /// Sum of what expelled providers left for their consumers.
    pub compensation: Amount,
    /// What operators and investors are owed, with what rounding leaves between them.
    pub rewards: Amount,
    /// Everything ever deposited.
    pub deposited: Amount,
    /// Everything ever withdrawn.
    pub withdrawn: Amount,
    /// The running epoch.
    pub epoch: EpochState,
    /// The clocks of decay.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub clocks: Clocks,
    /// The last consensus epoch whose committee is drawn; the one before it is kept too.
    pub committee: u64,
    /// Deadlines, one queue for each [`QueueKind`] in its order.
    pub queues: Vec<Queue>,
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
            restaking_count: 0,
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
            unbonding: Amount::ZERO,
            deposits: Amount::ZERO,
            bonds: Amount::ZERO,
            compensation: Amount::ZERO,
            rewards: Amount::ZERO,
            deposited: Amount::ZERO,
            withdrawn: Amount::ZERO,
            epoch: EpochState::default(),
            clocks: Clocks::default(),
            committee: 1,
            queues: alloc::vec![Queue::default(); QueueKind::ALL.len()],
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

    /// The reading of the evidence's clock.
    #[must_use]
    pub fn score_steps(&self, params: &Params, now: Timestamp) -> Steps {
        self.clocks.score.at(now, params.score_half_life)
    }

    /// The reading of the revenue's clock.
    #[must_use]
    pub fn revenue_steps(&self, params: &Params, now: Timestamp) -> Steps {
        self.clocks.revenue.at(now, params.revenue_half_life)
    }

    /// Checks conservation over the totals: what is held equals deposits less withdrawals, to the unit.
    ///
    /// # Errors
    /// [`Imbalance`] with both sums.
    pub fn check(&self) -> Result<(), Imbalance> {
        let pools = [
            self.balances,
            self.deposits,
            self.escrow,
            self.stakes,
            self.unbonding,
            self.bonds,
            self.compensation,
            self.pool,
            self.rewards,
            self.treasury,
        ];
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
