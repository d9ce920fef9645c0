//! Verdicts that are used again for a while, by what they depend on: the provider and the version of its terms that the
//! purchase is of, and every byte of the question. The path and the service's id are the same for all questions of one service.
//!
//! What they also depend on, and nobody can name, is the state of chain and vendor: hence the time, which the administrator sets.

use crate::verdict::Verdict;
use alloy::primitives::B256;
use lru::LruCache;
use rampart_protocol::{ProviderId, PurchaseRecord};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Most verdicts that are kept of one service; the longest unused goes first. A verdict is at most 64 KiB.
const CAPACITY: usize = 1024;

/// What a verdict depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    provider: ProviderId,
    version: u32,
    body: B256,
}

impl Question {
    /// The question whose body has that Keccak-256 digest, asked by that purchase.
    pub const fn new(purchase: &PurchaseRecord, body: B256) -> Self {
        Self {
            provider: purchase.provider,
            version: purchase.version,
            body,
        }
    }
}

/// The verdicts of one service.
#[derive(Debug)]
pub struct Kept {
    time: Duration,
    verdicts: Mutex<LruCache<Question, (Verdict, Instant)>>,
}

impl Kept {
    /// Verdicts are used for so long.
    pub fn new(time: Duration) -> Self {
        Self {
            time,
            // Its table grows with what is kept.
            verdicts: Mutex::new(LruCache::unbounded()),
        }
    }

    /// The verdict on that question, if it is young enough at `now`; it says that it was kept.
    pub fn get(&self, question: &Question, now: Instant) -> Option<Verdict> {
        let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        let (verdict, until) = verdicts.get(question)?;
        if now < *until {
            return Some(Verdict {
                cached: true,
                ..verdict.clone()
            });
        }
        verdicts.pop(question);
        None
    }

    /// Keeps a verdict that was given at `now`.
    pub fn keep(&self, question: Question, verdict: &Verdict, now: Instant) {
        let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        verdicts.put(question, (verdict.clone(), now + self.time));
        if verdicts.len() > CAPACITY {
            verdicts.pop_lru();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use alloy::primitives::U256;
    use rampart_protocol::{Address, Amount, PurchaseId, ServiceId, Timestamp};

    fn purchase(provider: u64, version: u32) -> PurchaseRecord {
        PurchaseRecord {
            id: PurchaseId(B256::ZERO),
            consumer: Address::ZERO,
            provider: ProviderId(provider),
            service: ServiceId(1),
            version,
            fee: Amount::TOKEN,
            requests: 1,
            access_key: Default::default(),
            purchased_at: Timestamp(1),
            expires_at: Timestamp(2),
        }
    }

    fn verdict() -> Verdict {
        Verdict::parse(br#"{"verdict":"warn","score":7,"cached":true}"#).unwrap()
    }

    #[test]
    fn a_verdict_answers_the_same_question_for_its_time() {
        let (kept, start) = (Kept::new(Duration::from_secs(2)), Instant::now());
        let question = Question::new(&purchase(1, 1), B256::repeat_byte(1));
        assert!(!verdict().cached, "what a vendor says of it counts for nothing");
        kept.keep(question, &verdict(), start);
        let again = kept.get(&question, start + Duration::from_millis(1999)).unwrap();
        assert!(again.cached);
        assert_eq!((again.verdict, again.score), (verdict().verdict, 7));
        for other in [
            Question::new(&purchase(2, 1), B256::repeat_byte(1)),
            Question::new(&purchase(1, 2), B256::repeat_byte(1)),
            Question::new(&purchase(1, 1), B256::repeat_byte(2)),
        ] {
            assert!(kept.get(&other, start).is_none(), "{other:?}");
        }
        assert!(kept.get(&question, start + Duration::from_secs(2)).is_none());
        assert!(kept.get(&question, start).is_none(), "it is gone for good");
    }

    #[test]
    fn keeps_no_more_than_its_room() {
        let (kept, now) = (Kept::new(Duration::from_secs(2)), Instant::now());
        let question = |n: usize| Question::new(&purchase(1, 1), U256::from(n).into());
        (0..CAPACITY).for_each(|n| kept.keep(question(n), &verdict(), now));
        assert!(kept.get(&question(0), now).is_some());
        kept.keep(question(CAPACITY), &verdict(), now);
        assert!(kept.get(&question(0), now).is_some(), "it was used last");
        assert!(kept.get(&question(1), now).is_none());
    }
}
