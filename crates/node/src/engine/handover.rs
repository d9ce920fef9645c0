//! Learning who votes from other operators, by proof: each committee certifies who comes after it (X1).
//!
//! An operator that fetches the state instead of executing the chain must know the committee of the block that it starts
//! from, and the state that would tell it is what it has not got. It starts from a committee that it trusts, genesis or a
//! later one, and asks for one handover after the other: a header of an epoch, which commits to the committee of the next,
//! a certificate of it, and that committee. This decides what such a proof is; any operator that has the blocks of an epoch
//! and knows the committee after it gives it, and any that keeps proofs longer than blocks.

use super::committees::Committees;
use super::runtime::Runtime;
use super::scheme::{Finalization, Scheme};
use super::state_sync::Peers;
use crate::block::Block;
use alloy_rlp::{Decodable as _, RlpDecodable, RlpEncodable};
use bytes::Bytes;
use commonware_codec::{Decode as _, Encode as _};
use commonware_consensus::{
    Epochable as _,
    marshal::{Identifier, core::Mailbox as MarshalMailbox, standard::Standard},
    types::{Epoch, Epocher as _, FixedEpocher, Height},
};
use commonware_cryptography::{certificate::Verifier as _, ed25519::PublicKey};
use commonware_p2p::{Blocker, Provider, Receiver, Sender};
use commonware_parallel::Sequential;
use commonware_resolver::{Consumer, Delivery, Fetch, Resolver as _, p2p};
use commonware_runtime::Handle;
use commonware_utils::channel::oneshot;
use futures::future::{Either, select};
use rampart_protocol::{Domain, Header, Operator, OperatorSet};
use std::{
    pin::pin,
    sync::{Arc, OnceLock},
    time::Duration,
};

/// How long nobody must have had a newer proof until the newest committee known counts as the newest there is, for now.
const PATIENCE: Duration = Duration::from_secs(1);

/// Heights that are looked through for a certificate: a block that was overtaken before its own quorum formed has none.
const SEARCHED: usize = 64;

/// A committee's word for the next.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub(super) struct Handover {
    /// A block of the epoch.
    pub(super) header: Header,
    /// Its finalization, in the engine's encoding.
    pub(super) certificate: alloy_primitives::Bytes,
    /// The operators of the epoch after.
    pub(super) operators: Vec<Operator>,
}

impl Handover {
    /// The same from a proof that was kept.
    fn of(kept: &rampart_protocol::Handover) -> Option<Self> {
        Some(Self {
            header: kept.certified()?.clone(),
            certificate: kept.finalization.clone(),
            operators: kept.next.operators.clone(),
        })
    }

    /// What a peer sent, if nothing else came with it.
    pub(super) fn read(mut bytes: &[u8]) -> Option<Self> {
        Self::decode(&mut bytes).ok().filter(|_| bytes.is_empty())
    }

    /// The next epoch's operators, if the committee of `epoch` certified them.
    pub(super) fn verify<R: rand::CryptoRng>(
        self,
        random: &mut R,
        (epoch, scheme): (u64, &Scheme),
        domain: Domain,
    ) -> Option<OperatorSet> {
        let config = scheme.certificate_codec_config();
        let finalization = Finalization::decode_cfg(Bytes::from(self.certificate.to_vec()), &config).ok()?;
        let next = OperatorSet {
            domain,
            operators: self.operators,
        };
        let certified = self.header.epoch == epoch
            && finalization.epoch() == Epoch::new(epoch)
            && finalization.proposal.payload.0 == self.header.digest().0
            && next.commitment() == self.header.next_operators
            && finalization.verify(random, scheme, &Sequential);
        certified.then_some(next)
    }
}

/// Finds the proof of the committee after an epoch's among those that outlive blocks.
pub(super) type Kept = Arc<dyn Fn(u64) -> Option<rampart_protocol::Handover> + Send + Sync>;

/// Asks for handovers and gives them. Clones share one network.
pub(super) struct Handovers<E: Runtime> {
    committees: Committees,
    resolver: p2p::Mailbox<u64, PublicKey, ()>,
    archive: Archive<E>,
}

impl<E: Runtime> Clone for Handovers<E> {
    fn clone(&self) -> Self {
        Self {
            committees: self.committees.clone(),
            resolver: self.resolver.clone(),
            archive: self.archive.clone(),
        }
    }
}

/// Where handovers come from and go to.
struct Archive<E: Runtime> {
    context: Arc<E>,
    committees: Committees,
    epocher: FixedEpocher,
    domain: Domain,
    /// The blocks, as soon as they are open.
    marshal: Arc<OnceLock<MarshalMailbox<Scheme, Standard<Block>>>>,
    kept: Kept,
}

impl<E: Runtime> Clone for Archive<E> {
    fn clone(&self) -> Self {
        Self {
            context: self.context.clone(),
            committees: self.committees.clone(),
            epocher: self.epocher.clone(),
            domain: self.domain,
            marshal: self.marshal.clone(),
            kept: self.kept.clone(),
        }
    }
}

impl<E: Runtime> Handovers<E> {
    /// Starts asking and giving over a channel.
    pub(super) fn start<P, B, S, R>(
        context: E,
        committees: Committees,
        (epocher, domain): (FixedEpocher, Domain),
        peers: Peers<P, B>,
        channel: (S, R),
        kept: Kept,
    ) -> (Self, Handle<()>)
    where
        P: Provider<PublicKey = PublicKey>,
        B: Blocker<PublicKey = PublicKey>,
        S: Sender<PublicKey = PublicKey>,
        R: Receiver<PublicKey = PublicKey>,
    {
        let resolver_context = context.child("resolver");
        let archive = Archive {
            context: Arc::new(context),
            committees: committees.clone(),
            epocher,
            domain,
            marshal: Arc::default(),
            kept,
        };
        let (engine, resolver) = p2p::Engine::new(
            resolver_context,
            p2p::Config {
                peer_provider: peers.peers,
                blocker: peers.blocker,
                consumer: archive.clone(),
                producer: archive.clone(),
                mailbox_size: peers.mailbox,
                me: Some(peers.me),
                fetch_timeout: peers.fetch_timeout,
                fetch_retry_delay: peers.fetch_retry,
                priority_requests: false,
                priority_responses: false,
            },
        );
        let handle = engine.start(channel);
        let handovers = Self {
            committees,
            resolver,
            archive,
        };
        (handovers, handle)
    }

    /// Gives handovers from these blocks from now on.
    pub(super) fn attach(&self, marshal: MarshalMailbox<Scheme, Standard<Block>>) {
        // The engine has one marshal and attaches it once.
        let _ = self.archive.marshal.set(marshal);
    }

    /// Learns committees until something else happens.
    pub(super) async fn catch_up_until<T>(&mut self, until: impl Future<Output = T>) -> T {
        let mut until = pin!(until);
        loop {
            let step = pin!(self.catch_up());
            if let Either::Left((value, _)) = select(until.as_mut(), step).await {
                return value;
            }
        }
    }

    /// Learns one committee after the other, until nobody who is reached has a newer one.
    pub(super) async fn catch_up(&mut self) {
        loop {
            let newest = self.committees.newest();
            let _ = self.resolver.fetch(Fetch {
                key: newest,
                subscriber: (),
                span: tracing::Span::none(),
            });
            let learnt = pin!(self.committees.wait(newest.saturating_add(1)));
            let patience = pin!(self.archive.context.sleep(PATIENCE));
            if let Either::Right(_) = select(learnt, patience).await {
                let _ = self.resolver.retain(|_, ()| false);
                return;
            }
        }
    }
}

impl<E: Runtime> Archive<E> {
    /// The proof of the committee after an epoch's.
    async fn prove(&self, epoch: u64) -> Option<Handover> {
        match self.prove_by_blocks(epoch).await {
            Some(handover) => Some(handover),
            None => Handover::of(&(self.kept)(epoch)?),
        }
    }

    async fn prove_by_blocks(&self, epoch: u64) -> Option<Handover> {
        let marshal = self.marshal.get()?;
        let next = self.committees.get(epoch.checked_add(1)?)?;
        let (first, last) = (
            self.epocher.first(Epoch::new(epoch))?,
            self.epocher.last(Epoch::new(epoch))?,
        );
        let (latest, _) = marshal.get_info(Identifier::Latest).await?;
        let newest_first = (first.get()..=last.min(latest).get()).rev();
        for height in newest_first.take(SEARCHED).map(Height::new) {
            let Some(finalization) = marshal.get_finalization(height).await else {
                continue;
            };
            if finalization.epoch() != Epoch::new(epoch) {
                continue;
            }
            let block = marshal.get_block(height).await?;
            return Some(Handover {
                header: block.inner().header().clone(),
                certificate: finalization.encode().to_vec().into(),
                operators: next.operators.clone(),
            });
        }
        None
    }
}

impl<E: Runtime> Consumer for Archive<E> {
    type Key = u64;
    type Value = Bytes;
    type Subscriber = ();
    type Outcome = bool;

    fn deliver(&mut self, delivery: Delivery<u64, ()>, value: Bytes) -> oneshot::Receiver<bool> {
        let (verdict, receiver) = oneshot::channel();
        let (epoch, archive) = (delivery.key, self.clone());
        self.context
            .child("verdict")
            .spawn(move |mut context| async move {
                let scheme = archive.committees.wait(epoch).await;
                let next = Handover::read(&value)
                    .and_then(|handover| handover.verify(&mut context, (epoch, &scheme), archive.domain));
                let learnt = next.map(|next| archive.committees.learn(epoch.saturating_add(1), next));
                let _ = verdict.send(matches!(learnt, Some(Ok(()))));
            });
        receiver
    }
}

impl<E: Runtime> p2p::Producer for Archive<E> {
    type Key = u64;

    fn produce(&mut self, epoch: u64) -> oneshot::Receiver<Bytes> {
        let (answer, receiver) = oneshot::channel();
        let archive = self.clone();
        self.context.child("answer").spawn(move |_| async move {
            // Dropping the sender is the refusal: the peer asks someone else.
            if let Some(handover) = archive.prove(epoch).await {
                let _ = answer.send(alloy_rlp::encode(handover).into());
            }
        });
        receiver
    }
}

#[cfg(test)]
#[path = "handover_tests.rs"]
mod tests;
