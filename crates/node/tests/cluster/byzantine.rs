//! Operators that do what they should not, on the wire: what others hear of them is theirs, and signed by their key.
//!
//! The engine behind is honest, where there is one; what it sends is kept back or replaced. An operator that equivocates is in
//! [`super::twins`], one that makes up deposits in [`super::workload`].

use bytes::Bytes;
use commonware_actor::{Feedback, Unreliable};
use commonware_codec::{DecodeExt as _, Encode as _, Read as _, varint::UInt};
use commonware_consensus::simplex::types::{Notarize, Proposal, Vote};
use commonware_cryptography::{Digestible as _, ed25519::PublicKey};
use commonware_glue::simulate::engine::ChannelPair;
use commonware_p2p::{
    CheckedSender, LimitedSender, Recipients,
    simulated::{Receiver, Sender},
};
use commonware_runtime::{IoBufs, deterministic::Context};
use rampart_node::block::{Block, BlockLimits};
use rampart_node::engine::Scheme;
use rampart_node::storage::Digest;
use rampart_protocol::{B256, Header, keccak256};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::SystemTime,
};

/// What an operator does that it should not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduct {
    /// Proposes two blocks in one view and votes for both.
    Equivocates,
    /// Votes, but keeps its blocks and its answers to itself.
    Withholds,
    /// Sends noise in the place of every message.
    Garbage,
    /// Proposes blocks whose header has another state root than execution gives.
    WrongRoot,
    /// Proposes deposits that nobody made.
    Forges,
}

/// Places of channels in the engine's order.
const VOTES: usize = 0;
const BACKFILL: usize = 3;
const BLOCKS: usize = 4;
const STATE: usize = 5;

type Inner = Sender<PublicKey, Context>;

/// What was done to what an engine sent. Shared by its channels.
#[derive(Clone)]
pub struct Tampering {
    conduct: Conduct,
    scheme: Scheme,
    limits: BlockLimits,
    /// The digest that stands in the place of each of its own.
    replaced: Arc<Mutex<BTreeMap<Digest, Digest>>>,
}

/// A channel's sending half under a [`Conduct`].
#[derive(Clone)]
pub struct Tampered {
    inner: Inner,
    channel: usize,
    tampering: Tampering,
}

impl Tampering {
    /// For an operator that signs with `scheme`.
    pub fn new(conduct: Conduct, scheme: Scheme, limits: BlockLimits) -> Self {
        Self {
            conduct,
            scheme,
            limits,
            replaced: Arc::default(),
        }
    }

    /// How many blocks were replaced by others.
    pub fn replaced(&self) -> usize {
        self.replaced.lock().unwrap().len()
    }

    /// Puts it before every channel.
    pub fn before(&self, channels: [ChannelPair<PublicKey>; 8]) -> [(Tampered, Receiver<PublicKey>); 8] {
        let mut places = 0..;
        channels.map(|(inner, receiver)| {
            let channel = places.next().unwrap_or_default();
            let tampering = self.clone();
            (
                Tampered {
                    inner,
                    channel,
                    tampering,
                },
                receiver,
            )
        })
    }

    /// What goes out in the place of a message; `None` for nothing.
    fn sent(&self, channel: usize, message: Bytes) -> Option<Bytes> {
        match (self.conduct, channel) {
            (Conduct::Withholds, BLOCKS | BACKFILL | STATE) => None,
            (Conduct::WrongRoot, BLOCKS) => Some(self.block(&message).unwrap_or(message)),
            (Conduct::WrongRoot, VOTES) => Some(self.vote(&message).unwrap_or(message)),
            (Conduct::Garbage, _) => Some(noise(&message)),
            _ => Some(message),
        }
    }

    /// Its own block with another state root.
    fn block(&self, message: &Bytes) -> Option<Bytes> {
        let block = Block::read_cfg(&mut message.clone(), &self.limits).ok()?;
        let header = Header {
            state_root: B256::repeat_byte(0xbb),
            ..block.header().clone()
        };
        let false_block = Block::new(header, block.body().clone()).ok()?;
        let mut replaced = self.replaced.lock().unwrap();
        replaced.insert(block.digest(), false_block.digest());
        Some(false_block.encode())
    }

    /// Its vote for its own block, for the other one. What goes before a vote is the number of its epoch's channel.
    fn vote(&self, message: &Bytes) -> Option<Bytes> {
        let mut rest = message.clone();
        let channel = UInt::<u64>::read_cfg(&mut rest, &()).ok()?;
        let Ok(Vote::Notarize(Notarize { proposal, .. })) = Vote::<Scheme, Digest>::decode(rest) else {
            return None;
        };
        let payload = *self.replaced.lock().unwrap().get(&proposal.payload)?;
        let proposal = Proposal { payload, ..proposal };
        let vote = Vote::Notarize(Notarize::sign(&self.scheme, proposal)?);
        Some([channel.encode(), vote.encode()].concat().into())
    }
}

/// As many bytes that mean nothing, the same for the same message.
fn noise(message: &Bytes) -> Bytes {
    let seed = keccak256(message);
    seed.iter().copied().cycle().take(message.len()).collect()
}

impl LimitedSender for Tampered {
    type PublicKey = PublicKey;
    type Checked<'a> = Checked<'a>;

    fn check(&mut self, recipients: Recipients<PublicKey>) -> Result<Checked<'_>, SystemTime> {
        Ok(Checked {
            checked: self.inner.check(recipients)?,
            channel: self.channel,
            tampering: &self.tampering,
        })
    }
}

/// A message that may be sent.
pub struct Checked<'a> {
    checked: <Inner as LimitedSender>::Checked<'a>,
    channel: usize,
    tampering: &'a Tampering,
}

impl CheckedSender for Checked<'_> {
    type PublicKey = PublicKey;

    fn recipients(&self) -> Vec<PublicKey> {
        self.checked.recipients()
    }

    fn send(self, message: impl Into<IoBufs> + Send, priority: bool) -> Unreliable<Feedback> {
        let message: Bytes = message.into().coalesce().into();
        match self.tampering.sent(self.channel, message) {
            Some(message) => self.checked.send(message, priority),
            None => Unreliable::new(Feedback::Ok),
        }
    }
}
