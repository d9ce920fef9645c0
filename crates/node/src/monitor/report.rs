//! Reporting availability (P3, V4): what an epoch's probes came to, as bitmaps, once for each page.
//!
//! A report is due in the epoch after the one that it is of, at a moment drawn from that epoch's first half, so that
//! operators do not all send at once and have half an epoch to try again. The bitmaps are decided then and kept; they are
//! wanted until the ledger has each.

use super::DutyError;
use super::counters::Counters;
use super::ledger::Ledger;
use super::outbox::Wanted;
use super::schedule::draw;
use super::store::Store;
use super::tally::{Rule, bitmaps};
use crate::engine::Runtime;
use rampart_ledger::{AvailabilityPage, EpochState, Key, SERVICES_PER_PAGE};
use rampart_protocol::{Address, B256, Seconds, ServiceId, Timestamp};
use std::sync::Arc;

/// When the report of the epoch before is sent.
#[must_use]
pub fn due_at(seed: &B256, epoch: &EpochState, epoch_length: Seconds) -> Timestamp {
    let within = draw(seed, b"report", &epoch.number.to_be_bytes(), epoch_length.0 / 2);
    Timestamp(epoch.started_at.0.saturating_add(within))
}

/// The duty.
pub(super) struct Reporter {
    pub(super) seed: B256,
    pub(super) store: Store,
    pub(super) counters: Counters,
    /// The epoch whose report the ledger has.
    pub(super) done: Option<u64>,
}

impl Reporter {
    /// What the ledger is still to know of the epoch that ended.
    pub(super) async fn wanted<E: Runtime>(
        &mut self,
        ledger: &Ledger<E>,
        operator: Address,
        epoch: &EpochState,
        epoch_length: Seconds,
        rule: Rule,
    ) -> Result<Vec<Wanted>, DutyError> {
        let Some(observed) = epoch.number.checked_sub(1) else {
            return Ok(Vec::new());
        };
        let is_due = epoch.pages > 0 && ledger.now() >= due_at(&self.seed, epoch, epoch_length);
        if !is_due || self.done == Some(observed) {
            return Ok(Vec::new());
        }
        let pages = u32::try_from(epoch.pages).unwrap_or(u32::MAX);
        let mut known = self.store.reports(observed)?;
        if known.len() < usize::try_from(pages).unwrap_or(usize::MAX) {
            self.decide(observed, pages, rule)?;
            known = self.store.reports(observed)?;
        }
        let mut wanted = Vec::new();
        for (page, down) in known {
            let reported: Option<Arc<AvailabilityPage>> =
                ledger.find(Key::availability(observed, page)).await?;
            let is_known =
                reported.is_some_and(|page| page.reports.iter().any(|report| report.operator == operator));
            if !is_known {
                wanted.push(Wanted::Report {
                    epoch: observed,
                    page,
                    down,
                });
            }
        }
        if wanted.is_empty() {
            self.done = Some(observed);
            self.counters.reported_pages(epoch.pages);
            tracing::info!(epoch = observed, pages, "availability reported");
        }
        Ok(wanted)
    }

    fn decide(&self, epoch: u64, pages: u32, rule: Rule) -> Result<(), DutyError> {
        let verdict = rule.verdict(&self.store.counts(epoch)?);
        if verdict.suspects_itself {
            self.counters.suspected_itself(1);
            tracing::warn!(
                epoch,
                "nearly all providers seemed down: this operator suspects its own connection, and reports no outage"
            );
        }
        // What was registered since is on no page of this epoch.
        let last = u64::from(pages) * SERVICES_PER_PAGE;
        let down: Vec<ServiceId> = verdict
            .down
            .into_iter()
            .filter(|service| service.0 <= last)
            .collect();
        if !down.is_empty() {
            let services: Vec<u64> = down.iter().map(|service| service.0).collect();
            tracing::info!(epoch, ?services, "services that were down");
            self.counters
                .reported_down(u64::try_from(down.len()).unwrap_or(u64::MAX));
        }
        self.store.decide(epoch, &bitmaps(down, pages)?)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_sent_in_the_first_half_of_the_next_epoch_each_operator_at_its_own_time() {
        let epoch = EpochState {
            number: 8,
            started_at: Timestamp(1_000_000),
            pages: 1,
            ..EpochState::default()
        };
        let moments: Vec<u64> = (0..50)
            .map(|seed| due_at(&B256::repeat_byte(seed), &epoch, Seconds(86_400)).0 - 1_000_000)
            .collect();
        assert!(moments.iter().all(|at| *at < 43_200), "{moments:?}");
        let early = moments.iter().filter(|at| **at < 21_600).count();
        assert!((10..=40).contains(&early), "{moments:?}");
        assert_eq!(due_at(&B256::ZERO, &epoch, Seconds(1)), Timestamp(1_000_000));
    }
}
