//! Whether a provider that its score suspended is expelled: an ordered list of rules over facts of the ledger alone, so that
//! operators agree. Pure.
//!
//! 1. Its score is no longer under `expel_score`: it stays.
//! 2. Reviews of [`CONSUMERS`] different consumers stand against it, upheld or never challenged: expelled.
//! 3. One of its services was down for `outage_epochs` in a row: expelled.
//! 4. Otherwise the score fell by one dispute, or by what a pardon or a verdict may still undo: it stays.

use super::Opinion;
use rampart_protocol::{Ppm, ServiceId};

/// Different consumers whose reviews stand, from whom on a provider is expelled: no single enemy is enough.
pub const CONSUMERS: u64 = 3;

/// What is known of a suspended provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpulsionCase {
    /// Its score now.
    pub score: Ppm,
    /// The parameter `expel_score`.
    pub expel_score: Ppm,
    /// Different consumers of whom a review stands, within two half-lives of evidence.
    pub consumers: u64,
    /// Of its services, the one that was down for the most epochs in a row, up to the last one reported on.
    pub outage: Option<(ServiceId, u32)>,
    /// The parameter `outage_epochs`.
    pub outage_epochs: u32,
}

impl ExpulsionCase {
    /// Weighs it.
    #[must_use]
    pub fn weigh(&self) -> Opinion {
        let opinion = |upheld, reason: String| Opinion {
            upheld,
            reasons: vec![reason],
        };
        if self.score >= self.expel_score {
            return opinion(
                false,
                format!(
                    "its score has recovered to {} ppm, {} are needed",
                    self.score, self.expel_score
                ),
            );
        }
        if self.consumers >= CONSUMERS {
            return opinion(
                true,
                format!(
                    "reviews of {} different consumers stand against it",
                    self.consumers
                ),
            );
        }
        if let Some((service, row)) = self.outage.filter(|(_, row)| *row >= self.outage_epochs) {
            return opinion(
                true,
                format!("its service {service} was down for {row} epochs in a row"),
            );
        }
        opinion(
            false,
            format!(
                "reviews of {} consumers stand, {CONSUMERS} are needed; no service was down for {} epochs in a row",
                self.consumers, self.outage_epochs
            ),
        )
    }
}
