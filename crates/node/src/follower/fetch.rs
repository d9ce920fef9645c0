//! The engine's way to blocks that it lacks, over the operators' HTTP: what its own resolver does over connections to peers.
//!
//! The engine says what it wants, by height or by digest, and judges what comes: certificate under the committee of the height's
//! epoch, digest of the block. This turns each wish into a question, and each verdict into what is held against the endpoint.

use super::endpoints::{Asked, Endpoints};
use crate::block::Block;
use crate::engine::Committees;
use crate::storage::Digest;
use bytes::Bytes;
use commonware_actor::Feedback;
use commonware_codec::Encode as _;
use commonware_consensus::marshal::resolver::handler::{Annotation, Finalized, Handler, Key};
use commonware_cryptography::ed25519::PublicKey;
use commonware_resolver::{Consumer as _, Delivery, Fetch, Outcome, Resolution, Resolver, TargetedResolver};
use commonware_utils::vec::NonEmptyVec;
use rampart_client::Verifier;
use rampart_protocol::FinalizedBlock;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tracing::Span;

/// Questions under way at a time: each may bring a whole block into memory.
const QUESTIONS: usize = 8;
/// Pause before a question whose answer settled nothing is asked again.
const AGAIN: Duration = Duration::from_millis(100);

type Wish = Key<Digest>;
type Wisher = (Annotation, Span);

/// What the engine waits for under one key.
struct Wanted {
    id: u64,
    wishers: Vec<Wisher>,
    task: AbortHandle,
}

#[derive(Default)]
struct Wishes {
    next_id: u64,
    open: BTreeMap<Wish, Wanted>,
}

struct Shared {
    endpoints: Endpoints,
    committees: Committees,
    engine: Handler<Digest>,
    questions: Semaphore,
    wishes: Mutex<Wishes>,
}

/// Fetches blocks from endpoints and hands them to the engine. Clones share the questions under way.
#[derive(Clone)]
pub(super) struct Fetches {
    shared: Arc<Shared>,
}

/// What an answer is good for.
enum Answer {
    /// The engine judges it.
    Judge(Bytes),
    /// The block is final by a descendant only: it is had from that one's height on, backwards.
    ByDescendant,
    /// It is false.
    False(&'static str),
}

impl Fetches {
    /// `engine` takes what comes.
    pub(super) fn new(endpoints: Endpoints, committees: Committees, engine: Handler<Digest>) -> Self {
        Self {
            shared: Arc::new(Shared {
                endpoints,
                committees,
                engine,
                questions: Semaphore::new(QUESTIONS),
                wishes: Mutex::default(),
            }),
        }
    }

    fn wish(&self, key: Wish, annotation: Annotation, span: Span) {
        let Some(height) = height(&key, &annotation) else {
            // Only of what is not final yet, which nobody here asks about.
            tracing::debug!(%key, "not fetched");
            return;
        };
        let mut wishes = self.shared.wishes();
        if let Some(wanted) = wishes.open.get_mut(&key) {
            if !wanted.wishers.iter().any(|(known, _)| *known == annotation) {
                wanted.wishers.push((annotation, span));
            }
            return;
        }
        let id = wishes.next_id;
        wishes.next_id = wishes.next_id.wrapping_add(1);
        // The task looks for its wish under the lock that is held here.
        let task = tokio::spawn(self.shared.clone().fetch(key, id, height)).abort_handle();
        let wishers = vec![(annotation, span)];
        wishes.open.insert(key, Wanted { id, wishers, task });
    }
}

/// The height to ask for.
const fn height(key: &Wish, annotation: &Annotation) -> Option<u64> {
    match (key, annotation) {
        (Key::Finalized { height }, _) => Some(height.get()),
        (
            Key::Block(_),
            Annotation::Untrusted { height }
            | Annotation::Certified { height }
            | Annotation::Finalized(Finalized::ByHeight { height }),
        ) => Some(height.get()),
        _ => None,
    }
}

impl Shared {
    fn wishes(&self) -> MutexGuard<'_, Wishes> {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wishers(&self, key: &Wish, id: u64) -> Option<NonEmptyVec<Wisher>> {
        let wishes = self.wishes();
        let wanted = wishes.open.get(key).filter(|wanted| wanted.id == id)?;
        NonEmptyVec::try_from(wanted.wishers.clone()).ok()
    }

    /// Forgets a wish, or those of its wishers; returns whether any are left.
    fn settle(&self, key: &Wish, id: u64, settled: Option<&[Wisher]>) -> bool {
        let mut wishes = self.wishes();
        let Some(wanted) = wishes.open.get_mut(key).filter(|wanted| wanted.id == id) else {
            return false;
        };
        let is_settled =
            |(one, _): &Wisher| settled.is_none_or(|all| all.iter().any(|(other, _)| one == other));
        wanted.wishers.retain(|one| !is_settled(one));
        let left = !wanted.wishers.is_empty();
        if !left {
            wishes.open.remove(key);
        }
        left
    }

    /// Asks one endpoint after another until the engine has what it wants.
    async fn fetch(self: Arc<Self>, key: Wish, id: u64, height: u64) {
        let mut turn = usize::try_from(id).unwrap_or_default();
        loop {
            turn = turn.wrapping_add(1);
            let (asked, answer) = self.ask(height, turn).await;
            let answer = match answer {
                Some(block) => self.read(&key, height, block),
                None => continue,
            };
            let value = match answer {
                Answer::Judge(value) => value,
                Answer::False(what) => {
                    self.endpoints.lied(&asked, height, what);
                    continue;
                }
                Answer::ByDescendant => {
                    self.endpoints.answered(&asked);
                    self.settle(&key, id, None);
                    return;
                }
            };
            let Some(subscribers) = self.wishers(&key, id) else {
                return;
            };
            let wishers = subscribers.clone().into_vec();
            let verdict = self
                .engine
                .clone()
                .deliver(Delivery { key, subscribers }, value)
                .await;
            match verdict {
                Ok(Outcome::Invalid) => self.endpoints.lied(&asked, height, "certificate or block"),
                Ok(Outcome::Unresolved | Outcome::Resolved(Resolution::Partial)) => {
                    tokio::time::sleep(AGAIN).await;
                }
                Ok(outcome @ (Outcome::Resolved(Resolution::Complete) | Outcome::Ignored)) => {
                    if outcome != Outcome::Ignored {
                        self.endpoints.answered(&asked);
                    }
                    if !self.settle(&key, id, Some(&wishers)) {
                        return;
                    }
                }
                // They have it from elsewhere, or the engine ends.
                Err(_) => {
                    if !self.settle(&key, id, Some(&wishers)) {
                        return;
                    }
                }
            }
        }
    }

    /// One question to one endpoint.
    async fn ask(&self, height: u64, turn: usize) -> (Asked, Option<FinalizedBlock>) {
        let asked = self.endpoints.pick(height, turn).await;
        let Ok(_place) = self.questions.acquire().await else {
            // The semaphore is never closed.
            return std::future::pending().await;
        };
        match asked.client.block(height).await {
            Ok(block) => (asked, Some(block)),
            Err(error) => {
                self.endpoints.failed(&asked, &error);
                (asked, None)
            }
        }
    }

    /// What can be said of an answer before the engine judges it.
    fn read(&self, key: &Wish, height: u64, answer: FinalizedBlock) -> Answer {
        if answer.header.height != height {
            return Answer::False("another height");
        }
        let by_descendant = !answer.descendants.is_empty();
        if by_descendant && matches!(key, Key::Finalized { .. }) && !self.is_certified(&answer) {
            return Answer::False("descendants");
        }
        let FinalizedBlock {
            header,
            body,
            finalization,
            ..
        } = answer;
        if matches!(key, Key::Block(digest) if header.digest().0 != digest.0) {
            return Answer::False("another block");
        }
        let Ok(block) = Block::new(header, body) else {
            return Answer::False("another body");
        };
        match key {
            Key::Block(_) => Answer::Judge(block.encode()),
            Key::Finalized { .. } if by_descendant => Answer::ByDescendant,
            Key::Finalized { .. } => Answer::Judge([&finalization[..], &block.encode()].concat().into()),
            Key::Notarized { .. } => Answer::False("nobody asked"),
        }
    }

    /// Whether a descendant is certified by its own epoch's committee. Of an epoch that is not known yet nothing can be said:
    /// the block is asked for again when that is known.
    fn is_certified(&self, block: &FinalizedBlock) -> bool {
        let Some(certified) = block.certified() else {
            return false;
        };
        let Some(set) = self.committees.get(certified.epoch) else {
            return true;
        };
        Verifier::new(&set).is_ok_and(|verifier| verifier.verify_block(block).is_ok())
    }
}

impl Resolver for Fetches {
    type Key = Wish;
    type Subscriber = Annotation;

    fn fetch<F>(&mut self, fetch: F) -> Feedback
    where
        F: Into<Fetch<Wish, Annotation>> + Send,
    {
        let Fetch {
            key,
            subscriber,
            span,
        } = fetch.into();
        self.wish(key, subscriber, span);
        Feedback::Ok
    }

    fn fetch_all<F>(&mut self, fetches: Vec<F>) -> Feedback
    where
        F: Into<Fetch<Wish, Annotation>> + Send,
    {
        for fetch in fetches {
            self.fetch(fetch);
        }
        Feedback::Ok
    }

    fn retain(&mut self, predicate: impl Fn(&Wish, &Annotation) -> bool + Send + 'static) -> Feedback {
        self.shared.wishes().open.retain(|key, wanted| {
            wanted
                .wishers
                .retain(|(annotation, _)| predicate(key, annotation));
            if wanted.wishers.is_empty() {
                wanted.task.abort();
            }
            !wanted.wishers.is_empty()
        });
        Feedback::Ok
    }
}

/// A hint of whom to ask means nothing here: endpoints have no keys.
impl TargetedResolver for Fetches {
    type PublicKey = PublicKey;

    fn fetch_targeted(
        &mut self,
        fetch: impl Into<Fetch<Wish, Annotation>> + Send,
        _: NonEmptyVec<PublicKey>,
    ) -> Feedback {
        self.fetch(fetch)
    }

    fn fetch_all_targeted<F>(&mut self, fetches: Vec<(F, NonEmptyVec<PublicKey>)>) -> Feedback
    where
        F: Into<Fetch<Wish, Annotation>> + Send,
    {
        self.fetch_all(fetches.into_iter().map(|(fetch, _)| fetch).collect())
    }
}
