//! The logical channels between operators, their rates, and the largest message.
//!
//! A receiver's mailbox has a place for one burst of every peer that may ever be connected, and so has the mailbox that all
//! senders share. They are allocated at the start, so bursts decide what an idle operator occupies (a test bounds it), while
//! rates decide what a peer may send in the long run. A burst is what the engine sends at once: votes and certificates of
//! several views, the requests that are in flight together, some proposals. What comes faster than its rate is delayed by the
//! receiver; what the own limit does not let out is asked for or sent again.

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
use std::num::NonZeroU32;

/// Messages between operators' mempools and signatures of checkpoints are at most this long, bytes.
pub const MAX_GOSSIP: usize = 128 * 1024;

/// Identifier and quota (messages a second from each peer) of the engine's channels, in the order of [`Channels`].
pub const ENGINE_CHANNELS: [(u64, Quota); 8] = [
    (0, quota(NZU32!(256), NZU32!(32))),
    (1, quota(NZU32!(256), NZU32!(32))),
    (2, quota(NZU32!(128), NZU32!(16))),
    (3, quota(NZU32!(64), NZU32!(32))),
    (4, quota(NZU32!(32), NZU32!(16))),
    (5, quota(NZU32!(64), NZU32!(16))),
    (6, quota(NZU32!(16), NZU32!(4))),
    (9, quota(NZU32!(16), NZU32!(8))),
];

/// The mempool's channel: messages are full, or some milliseconds apart.
pub const MEMPOOL_CHANNEL: (u64, Quota) = (7, quota(NZU32!(256), NZU32!(16)));

/// The channel of checkpoint signatures.
pub const CHECKPOINT_CHANNEL: (u64, Quota) = (8, quota(NZU32!(32), NZU32!(16)));

/// So many messages a second, and so many at once.
const fn quota(rate: NonZeroU32, burst: NonZeroU32) -> Quota {
    Quota::per_second(rate).allow_burst(burst)
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::network::TRACKED_EPOCHS;

    /// Blocks a second under load, see `Pacing`.
    const BLOCKS: u32 = 10;

    #[test]
    fn mailboxes_of_the_largest_network_take_less_than_100_mib() {
        // Measured: some 640 bytes for a place in both mailboxes.
        const PLACE: u64 = 640;
        let peers = TRACKED_EPOCHS * u64::from(MAX_SEATS + 1);
        let all = ENGINE_CHANNELS
            .into_iter()
            .chain([MEMPOOL_CHANNEL, CHECKPOINT_CHANNEL]);
        let bursts: u64 = all.map(|(_, quota)| u64::from(quota.burst_size().get())).sum();
        assert!(
            bursts * peers * PLACE < 100 << 20,
            "{bursts} places for each peer"
        );
    }

    #[test]
    fn an_honest_operator_is_never_delayed_at_full_load() {
        let [votes, certificates, resolver, backfill, blocks, ..] = ENGINE_CHANNELS.map(|(_, quota)| quota);
        let rate =
            |quota: Quota| 1_000_000_000 / u32::try_from(quota.replenish_interval().as_nanos()).unwrap();
        // Three votes and three certificates a view, of two instances at an epoch's end, and everything repeated once.
        assert!(rate(votes) >= 3 * 2 * 2 * BLOCKS && votes.burst_size().get() >= 3 * 2 * 2);
        assert!(rate(certificates) >= 3 * 2 * 2 * BLOCKS && certificates.burst_size().get() >= 3 * 2 * 2);
        // One proposal and its repetition a view.
        assert!(rate(blocks) >= 2 * BLOCKS && blocks.burst_size().get() >= 2 * 2);
        // Whoever lags catches up: more than is made is fetched.
        assert!(rate(resolver) >= 2 * 3 * BLOCKS && rate(backfill) >= 4 * BLOCKS);
    }
}
