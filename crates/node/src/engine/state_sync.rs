//! Fetching state from peers, and serving it to them.
//!
//! An operator that lost its disk fetches the operations behind a certified state root instead of executing the
//! chain. The database verifies what arrives against that root; this decides only whom to ask, what to answer, and
//! that a peer which sends garbage is reported. The engine's own resolver serves databases of fixed-size values
//! only, hence this one over the same request protocol.

use super::runtime::Runtime;
use crate::storage::{Digest, SYNC_BATCH, SharedState, StateDb, StateOperation};
use bytes::Bytes;
use commonware_codec::{Decode as _, Encode as _};
use commonware_cryptography::ed25519::PublicKey;
use commonware_glue::stateful::db::{AttachableResolver, Shared};
use commonware_p2p::{Blocker, Provider, Receiver, Sender};
use commonware_resolver::{Consumer, Delivery, Fetch, Resolver as _, p2p};
use commonware_runtime::Handle;
use commonware_storage::{
    mmr,
    qmdb::sync::{Feedback, Request, Response, Source, source},
};
use commonware_utils::channel::{mpsc, oneshot};
use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering},
};

pub(super) type StateRequest = Request<mmr::Family>;
pub(super) type StateResponse = Response<mmr::Family, StateOperation, Digest>;

/// Answers to judge, each with the place for the verdict.
type Reply = mpsc::Sender<(StateResponse, oneshot::Sender<bool>)>;

/// Every request was abandoned by the network.
#[derive(Debug, thiserror::Error)]
#[error("the network stopped before a peer answered")]
pub struct Abandoned;

/// One waiting request. Several may wait for one answer.
#[derive(Clone)]
struct Waiting {
    id: u64,
    reply: Reply,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.id.cmp(&other.id)
    }
}

/// Fetches state from peers, and serves the database to them once it is attached. Clones share one network.
pub struct StateSource<E: Runtime> {
    context: Arc<E>,
    resolver: p2p::Mailbox<StateRequest, PublicKey, Waiting>,
    next_id: Arc<AtomicU64>,
    serving: Arc<OnceLock<SharedState<E>>>,
}

impl<E: Runtime> Clone for StateSource<E> {
    fn clone(&self) -> Self {
        Self {
            context: self.context.clone(),
            resolver: self.resolver.clone(),
            next_id: self.next_id.clone(),
            serving: self.serving.clone(),
        }
    }
}

/// The resolver's callbacks.
struct Callbacks<E: Runtime> {
    context: Arc<E>,
    serving: Arc<OnceLock<SharedState<E>>>,
}

impl<E: Runtime> Clone for Callbacks<E> {
    fn clone(&self) -> Self {
        Self {
            context: self.context.clone(),
            serving: self.serving.clone(),
        }
    }
}

/// How requests are sent.
pub(super) struct Peers<P, B> {
    pub(super) me: PublicKey,
    pub(super) peers: P,
    pub(super) blocker: B,
    pub(super) mailbox: std::num::NonZeroUsize,
    pub(super) fetch_timeout: commonware_utils::NonZeroDuration,
    pub(super) fetch_retry: std::time::Duration,
}

impl<E: Runtime> StateSource<E> {
    /// Starts fetching and serving over a channel. The database appears in `serving` when it is attached.
    pub(super) fn start<P, B, S, R>(
        context: E,
        peers: Peers<P, B>,
        serving: Arc<OnceLock<SharedState<E>>>,
        channel: (S, R),
    ) -> (Self, Handle<()>)
    where
        P: Provider<PublicKey = PublicKey>,
        B: Blocker<PublicKey = PublicKey>,
        S: Sender<PublicKey = PublicKey>,
        R: Receiver<PublicKey = PublicKey>,
    {
        let resolver_context = context.child("resolver");
        let context = Arc::new(context);
        let callbacks = Callbacks {
            context: context.clone(),
            serving: serving.clone(),
        };
        let (engine, resolver) = p2p::Engine::new(
            resolver_context,
            p2p::Config {
                peer_provider: peers.peers,
                blocker: peers.blocker,
                consumer: callbacks.clone(),
                producer: callbacks,
                mailbox_size: peers.mailbox,
                me: Some(peers.me),
                fetch_timeout: peers.fetch_timeout,
                fetch_retry_delay: peers.fetch_retry,
                priority_requests: false,
                priority_responses: false,
            },
        );
        let handle = engine.start(channel);
        (
            Self {
                context,
                resolver,
                next_id: Arc::default(),
                serving,
            },
            handle,
        )
    }
}

impl<E: Runtime> Source for StateSource<E> {
    type Family = mmr::Family;
    type Digest = Digest;
    type Op = StateOperation;
    type Error = Abandoned;

    async fn serve(&self, request: StateRequest) -> source::Result<Self> {
        let (reply, mut answers) = mpsc::channel(1);
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let mut resolver = self.resolver.clone();
        let _ = resolver.fetch(Fetch {
            key: request,
            subscriber: Waiting {
                id,
                reply: reply.clone(),
            },
            span: tracing::Span::none(),
        });
        // The database drops its end when it has what it needs, or needs it no more.
        self.context.child("request").spawn(move |_| async move {
            reply.closed().await;
            resolver.retain(move |_, waiting| waiting.id != id);
        });
        let (response, verdict) = answers.recv().await.ok_or(Abandoned)?;
        Ok((response, Some(Feedback::new(verdict, answers))))
    }
}

impl<E: Runtime> AttachableResolver<StateDb<E>> for StateSource<E> {
    async fn attach_database(&self, database: Shared<StateDb<E>>) {
        // The engine attaches its one database once.
        let _ = self.serving.set(database);
    }
}

impl<E: Runtime> Consumer for Callbacks<E> {
    type Key = StateRequest;
    type Value = Bytes;
    type Subscriber = Waiting;
    type Outcome = bool;

    fn deliver(
        &mut self,
        delivery: Delivery<StateRequest, Waiting>,
        value: Bytes,
    ) -> oneshot::Receiver<bool> {
        let (verdict, receiver) = oneshot::channel();
        let Some(response) = decode(&delivery.key, value) else {
            let _ = verdict.send(false);
            return receiver;
        };
        let mut verdicts = Vec::new();
        for (waiting, _) in delivery.subscribers.into_vec() {
            let (sender, judged) = oneshot::channel();
            if waiting.reply.try_send((response.clone(), sender)).is_ok() {
                verdicts.push(judged);
            }
        }
        self.context.child("verdict").spawn(move |_| async move {
            // All judge against one history, so the first verdict holds for all; but each must have taken this
            // answer before another can be delivered.
            let mut first = None;
            for judged in verdicts {
                first = first.or(judged.await.ok());
            }
            if let Some(valid) = first {
                let _ = verdict.send(valid);
            }
        });
        receiver
    }
}

impl<E: Runtime> p2p::Producer for Callbacks<E> {
    type Key = StateRequest;

    fn produce(&mut self, request: StateRequest) -> oneshot::Receiver<Bytes> {
        let (answer, receiver) = oneshot::channel();
        // Dropping the sender is the refusal: the peer asks someone else.
        if let Some(database) = self.serving.get().filter(|_| request.max_ops() <= SYNC_BATCH) {
            let database = database.clone();
            self.context.child("answer").spawn(move |_| async move {
                match database.serve(request).await {
                    Ok((response, _)) => {
                        let _ = answer.send(response.encode());
                    }
                    Err(error) => tracing::debug!(%request, %error, "cannot serve state"),
                }
            });
        }
        receiver
    }
}

/// In the place of peers that give state, where there are none: the database is told, and nothing is fetched or served.
pub(super) struct NoPeers<E: Runtime> {
    serving: Arc<OnceLock<SharedState<E>>>,
}

impl<E: Runtime> NoPeers<E> {
    /// The database appears in `serving` when it is open.
    pub(super) const fn new(serving: Arc<OnceLock<SharedState<E>>>) -> Self {
        Self { serving }
    }
}

impl<E: Runtime> Clone for NoPeers<E> {
    fn clone(&self) -> Self {
        Self::new(self.serving.clone())
    }
}

impl<E: Runtime> Source for NoPeers<E> {
    type Family = mmr::Family;
    type Digest = Digest;
    type Op = StateOperation;
    type Error = Abandoned;

    async fn serve(&self, _: StateRequest) -> source::Result<Self> {
        Err(Abandoned)
    }
}

impl<E: Runtime> AttachableResolver<StateDb<E>> for NoPeers<E> {
    async fn attach_database(&self, database: Shared<StateDb<E>>) {
        // The engine attaches its one database once.
        let _ = self.serving.set(database);
    }
}

/// An answer that fits its request.
pub(super) fn decode(request: &StateRequest, value: Bytes) -> Option<StateResponse> {
    let max_ops = usize::try_from(request.max_ops().get()).ok()?;
    let response = StateResponse::decode_cfg(value, &(max_ops, ((), ()))).ok()?;
    let fits = matches!(
        (request, &response),
        (Request::Operations { .. }, Response::Operations { .. })
            | (Request::Boundary { .. }, Response::Boundary { .. })
    );
    fits.then_some(response)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use commonware_storage::mmr::{Location, Proof};
    use commonware_utils::NZU64;

    fn answer(operations: usize) -> Bytes {
        let proof = Proof {
            leaves: Location::new(40),
            inactive_peaks: 0,
            digests: Vec::new(),
        };
        let operation = StateOperation::Delete(crate::storage::StateKey::new([3; 32]));
        StateResponse::Operations {
            proof,
            operations: vec![operation; operations],
        }
        .encode()
    }

    #[test]
    fn takes_only_answers_that_fit_the_request() {
        let (size, start) = (Location::new(40), Location::new(8));
        let request = Request::Operations {
            size,
            start,
            max_ops: NZU64!(2),
        };
        assert!(decode(&request, answer(2)).is_some());
        assert!(decode(&request, answer(3)).is_none(), "more than was asked for");
        assert!(
            decode(&Request::Boundary { size, start }, answer(1)).is_none(),
            "another kind"
        );
        assert!(decode(&request, Bytes::from_static(b"garbage")).is_none());
    }
}
