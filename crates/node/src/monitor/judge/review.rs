//! Whether a challenged review is upheld: points for and against the complaint. Pure.
//!
//! | what is known | points |
//! |---|---|
//! | the ledger established an outage of the service while the purchase could be used | +4 |
//! | this operator's own probes in that time found it down, by the rule of its availability reports | +3 |
//! | ... or found it available | -1 |
//! | no request was proven to have been made | +1 |
//! | at least half of the package was proven to have been used | -2 |
//! | all of it was | -3 instead |
//!
//! Upheld with [`UPHELD_FROM`] points or more. Without evidence either way a complaint has at most one, and is overturned:
//! an upheld one slashes, and a slash needs a proof.

use super::Opinion;
use crate::monitor::tally::{Count, Rule};
use rampart_protocol::Timestamp;

/// Points that uphold a complaint.
const UPHELD_FROM: i32 = 2;
/// The part of a package from which on it counts as used: one of so many.
pub const SHARE_USED_UP: u64 = 2;

/// What is known of a purchase whose review was challenged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewCase {
    /// When it was bought.
    pub purchased_at: Timestamp,
    /// Until when what happened counts: its expiry, or the review if that came first.
    pub until: Timestamp,
    /// Requests in the package.
    pub requests: u64,
    /// Requests that the provider has proven by the consumer's own signatures (vouchers).
    pub used: u64,
    /// An epoch in between of which the ledger established that the service was down.
    pub outage: Option<u64>,
    /// This operator's probes of the service in between.
    pub probes: Count,
    /// When probes mean that it was down.
    pub rule: Rule,
}

impl ReviewCase {
    /// Weighs it.
    #[must_use]
    pub fn weigh(&self) -> Opinion {
        let parts = [self.outage(), self.probed(), self.vouchers()];
        let points: i32 = parts.iter().flatten().map(|(points, _)| points).sum();
        let mut reasons: Vec<String> = parts
            .into_iter()
            .flatten()
            .map(|(points, reason)| format!("{points:+}: {reason}"))
            .collect();
        let upheld = points >= UPHELD_FROM;
        let verdict = if upheld { "upheld" } else { "overturned" };
        reasons.push(format!("{verdict} with {points} points, {UPHELD_FROM} uphold"));
        Opinion { upheld, reasons }
    }

    fn outage(&self) -> Option<(i32, String)> {
        let epoch = self.outage?;
        Some((
            4,
            format!("the operators established that the service was down in epoch {epoch}"),
        ))
    }

    fn probed(&self) -> Option<(i32, String)> {
        let Count { probes, failures } = self.probes;
        let seen = format!("{failures} of this operator's {probes} probes failed");
        if self.rule.is_down(&self.probes) {
            Some((3, seen))
        } else if probes >= self.rule.min_probes.max(1) && !self.probes.is_below(self.rule.availability_min) {
            Some((-1, seen))
        } else {
            None
        }
    }

    fn vouchers(&self) -> Option<(i32, String)> {
        let (used, all) = (self.used, self.requests);
        if used == 0 {
            Some((
                1,
                format!("none of the {all} requests was proven to have been made"),
            ))
        } else if used >= all {
            Some((-3, format!("the consumer signed for all {all} requests")))
        } else if used >= all.div_ceil(SHARE_USED_UP) {
            Some((-2, format!("the consumer signed for {used} of {all} requests")))
        } else {
            None
        }
    }
}
