//! The operators that a follower asks: who may be asked now, and for which heights.
//!
//! Nothing that an endpoint says is believed before it is verified, so all that is decided here is whom to ask next. One that
//! told what does not verify is left alone for a growing while, for as long as the process runs; one that fails or is silent for
//! a short one, until it answers again. How far an endpoint says that it is decides only what it is asked for.

use rampart_client::{ClientError, NodeClient};
use rampart_protocol::{Domain, api::Status};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// First time for which an endpoint that told something false is not asked; each further time doubles it.
const DISTRUST: Duration = Duration::from_secs(5);
/// Longest such time.
const MAX_DISTRUST: Duration = Duration::from_secs(10 * 60);
/// First time for which an endpoint that failed is not asked; each further failure in a row doubles it.
const PAUSE: Duration = Duration::from_millis(250);
/// Longest such time.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// How often it is looked whether somebody may be asked, when nobody may.
const LOOK: Duration = Duration::from_millis(100);

/// What is held against an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Standing {
    /// How often it told something false.
    lies: u32,
    /// How often in a row it failed.
    failures: u32,
    /// Not asked before.
    until: Option<Instant>,
    /// The height that it says it has.
    height: u64,
}

impl Standing {
    fn is_asked(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| until <= now)
    }

    fn lied(&mut self, now: Instant) -> Duration {
        let pause = doubled(DISTRUST, self.lies, MAX_DISTRUST);
        self.lies = self.lies.saturating_add(1);
        self.rest(now + pause);
        pause
    }

    fn failed(&mut self, now: Instant) {
        let pause = doubled(PAUSE, self.failures, MAX_PAUSE);
        self.failures = self.failures.saturating_add(1);
        self.rest(now + pause);
    }

    /// A shorter rest never ends a longer one.
    fn rest(&mut self, until: Instant) {
        self.until = self.until.max(Some(until));
    }
}

fn doubled(first: Duration, times: u32, most: Duration) -> Duration {
    first.saturating_mul(1 << times.min(16)).min(most)
}

/// One operator's API.
#[derive(Debug)]
struct Endpoint {
    url: String,
    client: NodeClient,
    standing: Standing,
}

/// The endpoints. Clones share what is known of them.
#[derive(Clone, Debug)]
pub struct Endpoints {
    all: Arc<Mutex<Vec<Endpoint>>>,
    domain: Domain,
    /// The greatest height that an endpoint which may be asked says it has.
    known: watch::Sender<u64>,
}

/// An endpoint to ask.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    index: usize,
    pub(super) client: NodeClient,
}

impl Endpoints {
    /// The endpoints of a deployment's operators, by the bases of their URLs.
    #[must_use]
    pub fn new(urls: &[String], domain: Domain) -> Self {
        let endpoint = |url: &String| Endpoint {
            client: NodeClient::new(vec![url.clone()]),
            url: url.clone(),
            standing: Standing::default(),
        };
        Self {
            all: Arc::new(Mutex::new(urls.iter().map(endpoint).collect())),
            domain,
            known: watch::Sender::new(0),
        }
    }

    fn all(&self) -> MutexGuard<'_, Vec<Endpoint>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows how far the chain is said to be.
    pub(super) fn known(&self) -> watch::Receiver<u64> {
        self.known.subscribe()
    }

    /// Those that may be asked now, the least busy with lies and failures first.
    pub(crate) fn clients(&self) -> Vec<NodeClient> {
        let now = Instant::now();
        let all = self.all();
        let mut able: Vec<&Endpoint> = all.iter().filter(|one| one.standing.is_asked(now)).collect();
        able.sort_by_key(|one| (one.standing.lies, one.standing.failures));
        able.into_iter().map(|one| one.client.clone()).collect()
    }

    /// Somebody to ask for a height, another for each `turn`; waits until there is one.
    pub(super) async fn pick(&self, height: u64, turn: usize) -> Asked {
        loop {
            if let Some(asked) = self.able(height, turn, Instant::now()) {
                return asked;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn able(&self, height: u64, turn: usize, now: Instant) -> Option<Asked> {
        let all = self.all();
        let able = |one: &&Endpoint| one.standing.height >= height && one.standing.is_asked(now);
        let count = all.iter().filter(able).count();
        let nth = turn.checked_rem(count)?;
        let of_them = all.iter().enumerate().filter(|(_, one)| able(one));
        let (index, one) = of_them.into_iter().nth(nth)?;
        Some(Asked {
            index,
            client: one.client.clone(),
        })
    }

    fn change(&self, asked: &Asked, change: impl FnOnce(&mut Endpoint)) {
        if let Some(endpoint) = self.all().get_mut(asked.index) {
            change(endpoint);
        }
    }

    /// It told what is verified.
    pub(super) fn answered(&self, asked: &Asked) {
        self.change(asked, |one| one.standing.failures = 0);
    }

    /// It gave no answer, or not the one that it said it has.
    pub(super) fn failed(&self, asked: &Asked, error: &ClientError) {
        self.change(asked, |one| {
            tracing::debug!(operator = %one.url, %error, "no answer");
            one.standing.failed(Instant::now());
        });
    }

    /// It told something false.
    pub(super) fn lied(&self, asked: &Asked, height: u64, what: &str) {
        self.change(asked, |one| {
            let pause = one.standing.lied(Instant::now());
            tracing::warn!(operator = %one.url, height, what, ?pause, "refused: it is not asked for a while");
        });
    }

    /// Asks everybody how far the chain is, for ever. Each by itself: one that keeps its questioner waiting delays no other.
    pub(super) async fn watch(self, interval: Duration) {
        let count = self.all().len();
        let all = (0..count).map(|index| self.watch_one(index, interval));
        futures::future::join_all(all).await;
    }

    async fn watch_one(&self, index: usize, interval: Duration) {
        loop {
            let asked = {
                let all = self.all();
                let able = all.get(index).filter(|one| one.standing.is_asked(Instant::now()));
                able.map(|one| Asked {
                    index,
                    client: one.client.clone(),
                })
            };
            if let Some(asked) = asked {
                self.look(&asked).await;
                self.settle(Instant::now());
            }
            tokio::time::sleep(interval).await;
        }
    }

    async fn look(&self, asked: &Asked) {
        match asked.client.status().await {
            Ok(status) if !self.is_ours(&status) => self.lied(asked, status.height, "another network"),
            Ok(status) => self.change(asked, |one| {
                one.standing.failures = 0;
                one.standing.height = status.height;
            }),
            Err(error) => self.failed(asked, &error),
        }
    }

    fn is_ours(&self, status: &Status) -> bool {
        (status.chain_id, status.settlement) == (self.domain.chain_id, self.domain.settlement)
    }

    fn settle(&self, now: Instant) {
        let told = self.all();
        let able = told.iter().filter(|one| one.standing.is_asked(now));
        let known = able.map(|one| one.standing.height).max();
        drop(told);
        if let Some(known) = known {
            self.known
                .send_if_modified(|last| std::mem::replace(last, known) != known);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rampart_protocol::Address;

    fn endpoints(heights: &[u64]) -> Endpoints {
        let urls: Vec<String> = (0..heights.len())
            .map(|n| format!("http://127.0.0.1:{n}"))
            .collect();
        let domain = Domain {
            chain_id: 1,
            settlement: Address::ZERO,
        };
        let endpoints = Endpoints::new(&urls, domain);
        for (one, height) in endpoints.all().iter_mut().zip(heights) {
            one.standing.height = *height;
        }
        endpoints
    }

    fn indexes(endpoints: &Endpoints, height: u64, now: Instant) -> Vec<usize> {
        let turns = (0..4).filter_map(|turn| endpoints.able(height, turn, now));
        turns.map(|asked| asked.index).collect()
    }

    #[tokio::test]
    async fn those_that_say_they_have_a_height_are_asked_for_it_in_turn() {
        let (endpoints, now) = (endpoints(&[5, 9, 7]), Instant::now());
        assert_eq!(indexes(&endpoints, 5, now), [0, 1, 2, 0]);
        assert_eq!(indexes(&endpoints, 6, now), [1, 2, 1, 2]);
        assert_eq!(indexes(&endpoints, 9, now), [1, 1, 1, 1]);
        assert!(indexes(&endpoints, 10, now).is_empty());
    }

    #[test]
    fn each_lie_costs_twice_as_long_as_the_one_before_and_truth_in_between_forgives_none() {
        let (mut standing, now) = (Standing::default(), Instant::now());
        assert_eq!(standing.lied(now), DISTRUST);
        assert!(!standing.is_asked(now + DISTRUST - LOOK) && standing.is_asked(now + DISTRUST));
        standing.failures = 0;
        assert_eq!(standing.lied(now), 2 * DISTRUST);
        for _ in 0..40 {
            standing.lied(now);
        }
        assert_eq!(standing.lied(now), MAX_DISTRUST);
    }

    #[test]
    fn a_failure_costs_little_and_shortens_no_distrust() {
        let (mut standing, now) = (Standing::default(), Instant::now());
        standing.failed(now);
        assert!(!standing.is_asked(now) && standing.is_asked(now + PAUSE));
        standing.failed(now);
        assert!(!standing.is_asked(now + PAUSE) && standing.is_asked(now + 2 * PAUSE));
        standing.lied(now);
        standing.failed(now);
        assert!(!standing.is_asked(now + DISTRUST - LOOK));
    }
}
