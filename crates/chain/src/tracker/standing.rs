//! Where one endpoint stands: when it is asked again, and what was wrong with it.

use super::report::{BlockRef, Fault};
use serde::Serialize;

/// First time for which a distrusted endpoint is set aside; it doubles each time.
const DISTRUST_MS: u64 = 5_000;
const MAX_DISTRUST_MS: u64 = 600_000;
/// First pause for one that does not answer; it doubles each time. Short, since it delays and does no harm.
const SILENCE_MS: u64 = 500;
const MAX_SILENCE_MS: u64 = 30_000;
/// Good rounds in a row after which faults are forgotten.
const FORGIVEN: u32 = 1_000;

/// How an endpoint is seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// It was not asked yet.
    #[default]
    Unknown,
    /// It answers.
    Good,
    /// It does not answer.
    Silent,
    /// It lied, or behaves as if.
    Distrusted,
}

/// What is told about an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointStatus {
    /// How it is seen.
    pub standing: Standing,
    /// The number of the block that it called final last.
    pub head: Option<u64>,
    /// Times that it was distrusted and not forgiven.
    pub faults: u32,
    /// What was wrong last.
    pub reason: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Endpoint {
    standing: Standing,
    head: Option<BlockRef>,
    faults: u32,
    good: u32,
    silences: u32,
    not_before_ms: u64,
    reason: Option<String>,
}

impl Endpoint {
    pub(super) const fn is_due(&self, now_ms: u64) -> bool {
        now_ms >= self.not_before_ms
    }

    pub(super) const fn head(&self) -> Option<BlockRef> {
        self.head
    }

    /// It answered, and nothing is wrong with it. Returns whether that is news.
    pub(super) fn reported(&mut self, head: BlockRef) -> bool {
        let news = matches!(self.standing, Standing::Silent | Standing::Distrusted);
        self.standing = Standing::Good;
        self.head = Some(head);
        self.silences = 0;
        self.good = self.good.saturating_add(1);
        if self.good >= FORGIVEN {
            self.faults = 0;
        }
        if self.faults == 0 || news {
            self.reason = None;
        }
        news
    }

    /// It did not answer. Returns whether that is news.
    pub(super) fn silent(&mut self, reason: &str, now_ms: u64) -> bool {
        let news = self.standing != Standing::Silent;
        self.standing = Standing::Silent;
        self.not_before_ms = now_ms.saturating_add(doubled(SILENCE_MS, self.silences, MAX_SILENCE_MS));
        self.silences = self.silences.saturating_add(1);
        self.good = 0;
        self.reason = Some(reason.to_owned());
        news
    }

    /// It lied. Returns for how long it is set aside. What it called final is forgotten: it starts anew.
    pub(super) fn distrust(&mut self, fault: &Fault, now_ms: u64) -> u64 {
        let for_ms = doubled(DISTRUST_MS, self.faults, MAX_DISTRUST_MS);
        self.standing = Standing::Distrusted;
        self.head = None;
        self.faults = self.faults.saturating_add(1);
        self.good = 0;
        self.not_before_ms = now_ms.saturating_add(for_ms);
        self.reason = Some(fault.to_string());
        for_ms
    }

    pub(super) fn status(&self) -> EndpointStatus {
        EndpointStatus {
            standing: self.standing,
            head: self.head.map(|head| head.number),
            faults: self.faults,
            reason: self.reason.clone(),
        }
    }
}

fn doubled(first: u64, times: u32, most: u64) -> u64 {
    first.saturating_mul(1 << times.min(20)).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_lies_is_set_aside_for_twice_as_long_each_time_and_forgiven_after_many_good_rounds() {
        let mut endpoint = Endpoint::default();
        let fault = Fault::Changed { block: 7 };
        let times: Vec<u64> = (0..9).map(|_| endpoint.distrust(&fault, 100)).collect();
        assert_eq!(times[..3], [5_000, 10_000, 20_000]);
        assert_eq!(times[8], MAX_DISTRUST_MS);
        assert!(!endpoint.is_due(100 + MAX_DISTRUST_MS - 1) && endpoint.is_due(100 + MAX_DISTRUST_MS));
        let head = BlockRef {
            number: 9,
            hash: Default::default(),
        };
        assert!(endpoint.reported(head), "that it is back is news, once");
        assert!((1..FORGIVEN).all(|_| !endpoint.reported(head)));
        assert_eq!(endpoint.distrust(&fault, 0), DISTRUST_MS);
    }

    #[test]
    fn who_is_silent_is_asked_again_soon_and_is_news_once() {
        let mut endpoint = Endpoint::default();
        assert!(endpoint.silent("away", 0));
        assert!(endpoint.is_due(500) && !endpoint.is_due(499));
        assert!((0..9).all(|_| !endpoint.silent("away", 0)));
        assert!(endpoint.is_due(MAX_SILENCE_MS));
    }
}
