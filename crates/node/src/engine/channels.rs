//! The logical channels between operators, their rates, and the largest message.
//!
//! A receiver's mailbox holds one burst of every peer's quota, so quotas bound memory: channels that carry blocks
//! have small ones.

use super::scheme::Scheme;
use crate::block::{Block, BlockLimits};
use crate::storage::{Digest, MAX_OPERATION, SYNC_BATCH};
use commonware_consensus::{
    marshal::{self, standard::Standard},
    simplex,
};
use commonware_glue::stateful::{db::p2p as state_resolver, probe};
use commonware_p2p::utils::mux;
use commonware_runtime::Quota;
use commonware_storage::mmr;
use commonware_utils::NZU32;

/// Messages between operators' mempools and signatures of checkpoints are at most this long, bytes.
pub const MAX_GOSSIP: usize = 128 * 1024;

/// Identifier and quota (messages a second from each peer) of the engine's channels, in the order of [`Channels`].
pub const ENGINE_CHANNELS: [(u64, Quota); 8] = [
    (0, Quota::per_second(NZU32!(256))),
    (1, Quota::per_second(NZU32!(256))),
    (2, Quota::per_second(NZU32!(128))),
    (3, Quota::per_second(NZU32!(64))),
    (4, Quota::per_second(NZU32!(32))),
    (5, Quota::per_second(NZU32!(64))),
    (6, Quota::per_second(NZU32!(16))),
    (9, Quota::per_second(NZU32!(16))),
];

/// The mempool's channel.
pub const MEMPOOL_CHANNEL: (u64, Quota) = (7, Quota::per_second(NZU32!(256)));

/// The channel of checkpoint signatures.
pub const CHECKPOINT_CHANNEL: (u64, Quota) = (8, Quota::per_second(NZU32!(32)));

/// A sender and a receiver for each part of the engine.
#[derive(Debug)]
pub struct Channels<S, R> {
    /// Votes of `simplex`.
    pub votes: (S, R),
    /// Certificates of `simplex`.
    pub certificates: (S, R),
    /// Requests for missing certificates.
    pub resolver: (S, R),
    /// Requests for missing blocks.
    pub backfill: (S, R),
    /// Proposed blocks.
    pub blocks: (S, R),
    /// Requests for state, by operators that rejoin.
    pub state: (S, R),
    /// Requests for a recent certificate, by operators that rejoin.
    pub probe: (S, R),
    /// Requests for proofs of committees, by operators that join.
    pub handovers: (S, R),
}

impl<S, R> From<[(S, R); 8]> for Channels<S, R> {
    /// Names the channels registered in the order of [`ENGINE_CHANNELS`].
    fn from(channels: [(S, R); 8]) -> Self {
        let [
            votes,
            certificates,
            resolver,
            backfill,
            blocks,
            state,
            probe,
            handovers,
        ] = channels;
        Self {
            votes,
            certificates,
            resolver,
            backfill,
            blocks,
            state,
            probe,
            handovers,
        }
    }
}

/// Most seats of a committee: certificates up to this size fit into a message.
pub const MAX_SEATS: u32 = 256;

/// The largest message that any channel carries, bytes. Longer ones are refused by the network, and disconnect the peer
/// that sends them. It does not depend on who the operators are, since they change and the network goes on.
#[must_use]
pub fn max_message_size(limits: &BlockLimits) -> u32 {
    commonware_p2p::max_message_size(&[
        // Each epoch has a subchannel.
        mux::prefixed(simplex::max_payload_size::<Scheme, Digest>(MAX_SEATS)),
        marshal::max_payload_size::<Standard<Block>, Scheme>(MAX_SEATS, limits),
        probe::max_payload_size::<Standard<Block>, Scheme>(MAX_SEATS),
        state_resolver::max_payload_size::<mmr::Family, Digest>(SYNC_BATCH, MAX_OPERATION),
        MAX_GOSSIP,
    ])
}
