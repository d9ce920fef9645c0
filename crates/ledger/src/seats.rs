//! Who gets a seat in consensus: a pure function of stakes and of who sits now (O1, P2).
//!
//! A seat is one consensus key and one vote, because consensus counts keys and not stake. So seats go by largest remainder with
//! a cap of one for each operator, which amounts to the largest stakes; what keeps votes near to stakes is the least stake of
//! a seat, told in parts of the mean stake of all seats. Let that part be m. Then
//!
//! - n seats that satisfy the rule have a least share of m/n each, so any q of them hold at least m * q/n of the seated stake;
//! - an operator that splits a share s over k identities needs k * m/n <= s: it gets at most s/m of the seats.
//!
//! What this means for quorums is told in docs/economics.md. A key that did not vote in the epoch before may belong to a machine
//! that is not running yet. So fewer than a third of a committee has such keys, and even if none of them runs, it makes blocks.
//!
//! Left to `rules`: who is a candidate at all, and what its keys are.

use alloc::vec::Vec;
use alloy_primitives::U256;
use core::cmp::Reverse;
use rampart_protocol::{Address, Ppm};

/// The rule's parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeatRule {
    /// Most seats.
    pub max: usize,
    /// Fewer seats than these are not given, unless there were fewer before; then not fewer than those.
    pub min: usize,
    /// Least stake of a seat, in parts of the mean stake of the seats.
    pub least: Ppm,
}

/// What a candidate has in the committee that sits now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sits {
    /// A seat with the key that it has now.
    WithItsKey,
    /// A seat with another key.
    WithAnotherKey,
    /// A seat, but no stake or no keys any more: it can only keep what it has, where too few others are left.
    Left,
    /// None.
    Not,
}

/// An operator that can have a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The operator.
    pub operator: Address,
    /// Its stake; zero of one that has left.
    pub stake: u128,
    /// Its part in the committee that sits now.
    pub sits: Sits,
}

/// A seat that is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
    /// To whom.
    pub operator: Address,
    /// Whether it sits with the key that it has now; else with the one of the committee before, until its turn comes.
    pub with_its_key: bool,
}

/// Candidates by what they are now, each by descending stake.
struct Ranked {
    /// Those who sit.
    sitting: Vec<Candidate>,
    /// Those of them whose stake is enough.
    above: usize,
    /// Those who have left.
    left: Vec<Candidate>,
    /// Those whose stake is enough, and who do not sit.
    joining: Vec<Candidate>,
    /// Seats for which stakes are enough.
    size: usize,
}

/// Gives the seats of the next committee, in the order of addresses. Among the candidates are all who sit now.
#[must_use]
pub fn allot(rule: &SeatRule, candidates: &[Candidate]) -> Vec<Given> {
    let ranked = rank(rule, candidates);
    let least = rule.min.min(ranked.sitting.len() + ranked.left.len());
    let (mut staying, mut joining) = compose(rule, least, &ranked);
    let mut seated: Vec<Candidate> = Vec::with_capacity(staying + joining);
    if staying + joining < least {
        // Too few to bear a failure: who has left keeps its seat, but for those that others can take.
        staying = ranked.sitting.len();
        joining = ranked.joining.len().min(spare(least));
        seated.extend(ranked.left.iter().take(least.saturating_sub(staying + joining)));
    }
    seated.extend(ranked.sitting.iter().take(staying));
    seated.extend(ranked.joining.iter().take(joining));
    give(&seated, joining)
}

fn rank(rule: &SeatRule, candidates: &[Candidate]) -> Ranked {
    let (mut left, mut ranked): (Vec<Candidate>, Vec<Candidate>) = candidates
        .iter()
        .partition(|c| c.sits == Sits::Left || c.stake == 0);
    left.sort_unstable_by_key(|c| c.operator);
    // Of equal stakes, who sits comes first: nothing is gained by a change.
    ranked.sort_unstable_by_key(|c| (Reverse(c.stake), c.sits == Sits::Not, c.operator));
    let (size, bar) = size(rule, &ranked);
    let sits = |c: &&Candidate| c.sits != Sits::Not;
    let sitting: Vec<Candidate> = ranked.iter().filter(sits).copied().collect();
    Ranked {
        above: sitting.iter().filter(|c| bar.admits(c.stake)).count(),
        sitting,
        left: left.into_iter().filter(|c| c.sits != Sits::Not).collect(),
        joining: ranked.iter().take(size).filter(|c| !sits(c)).copied().collect(),
        size,
    }
}

/// How many of those who sit stay, and how many join: as many as are spare, together no more than have enough stake. Where too
/// few of those who sit have enough, as when others have outbid them, all go on for now, or nobody could ever join.
fn compose(rule: &SeatRule, least: usize, ranked: &Ranked) -> (usize, usize) {
    let stay = |join: usize| {
        let enough = ranked.above.min(ranked.size.saturating_sub(join));
        if enough + join >= least && join <= spare(enough + join) {
            return enough;
        }
        ranked.sitting.len().min(rule.max.saturating_sub(join))
    };
    let join = (1..=ranked.joining.len())
        .rev()
        .find(|join| *join <= spare(stay(*join) + join));
    let join = join.unwrap_or(0);
    (stay(join), join)
}

/// Keys that may be new in a committee: those that it can do without.
const fn spare(seats: usize) -> usize {
    seats.saturating_sub(1) / 3
}

/// The least stake of a seat, as the fraction `sum * least / (count * 10^6)` without its rounding.
struct Bar {
    sum: U256,
    count: U256,
}

impl Bar {
    fn admits(&self, stake: u128) -> bool {
        U256::from(stake).saturating_mul(self.count) >= self.sum
    }
}

/// The most seats, by descending stake, of which the last has enough; one always has, where there is a candidate.
fn size(rule: &SeatRule, ranked: &[Candidate]) -> (usize, Bar) {
    let mut sum = U256::ZERO;
    let mut best = (
        0,
        Bar {
            sum,
            count: U256::ZERO,
        },
    );
    for (seats, candidate) in (1..=rule.max).zip(ranked) {
        sum = sum.saturating_add(U256::from(candidate.stake));
        let bar = Bar {
            sum: sum.saturating_mul(U256::from(rule.least.0)),
            count: U256::from(seats).saturating_mul(U256::from(Ppm::ONE.0)),
        };
        if bar.admits(candidate.stake) {
            best = (seats, bar);
        }
    }
    best
}

/// Lets as many take their new keys as are spare after those who join, the largest stakes first.
fn give(seated: &[Candidate], joined: usize) -> Vec<Given> {
    let mut changes = spare(seated.len()).saturating_sub(joined);
    let mut given: Vec<Given> = Vec::with_capacity(seated.len());
    for candidate in seated {
        let with_its_key = match candidate.sits {
            Sits::WithItsKey | Sits::Not => true,
            Sits::Left => false,
            Sits::WithAnotherKey => {
                let may = changes > 0;
                changes = changes.saturating_sub(1);
                may
            }
        };
        given.push(Given {
            operator: candidate.operator,
            with_its_key,
        });
    }
    given.sort_unstable_by_key(|seat| seat.operator);
    given
}

/// Weights on chain for stakes: the stakes in units of the least power of two in which their sum fits 63 bits, rounded down,
/// and at least 1.
#[must_use]
pub fn weights(stakes: &[u128]) -> Vec<u64> {
    let total = stakes
        .iter()
        .fold(U256::ZERO, |sum, stake| sum.saturating_add(U256::from(*stake)));
    let shift = total.bit_len().saturating_sub(63);
    let scaled = stakes.iter().map(|stake| {
        let stake = stake
            .checked_shr(u32::try_from(shift).unwrap_or(u32::MAX))
            .unwrap_or(0);
        u64::try_from(stake).unwrap_or(u64::MAX).max(1)
    });
    scaled.collect()
}
