//! Production connections: authenticated, encrypted, between the operators of the last, this and the next epoch.
//!
//! Decides the connection limits and registers every channel. Strangers are refused at the handshake; a peer that sends
//! malformed or oversize messages is blocked for [`BLOCK_DURATION`]. Operators sign their own addresses and pass on those
//! of others, so the committee changes without anybody's configuration; a new operator needs the address of one that is
//! connected. A channel's mailbox has places for one burst of all members of [`TRACKED_EPOCHS`] committees, as large as the
//! contracts allow, and of the bootstrappers: how many seats there are is decided by governance while operators run, and the network
//! ends in a panic when it is told more peers than it was made for.

use super::channels::{
    CHECKPOINT_CHANNEL, Channels, ENGINE_CHANNELS, MAX_SEATS, MEMPOOL_CHANNEL, max_message_size,
};
use super::committees::Committees;
use crate::block::BlockLimits;
use commonware_cryptography::{
    ChaCha20Poly1305, Signer as _,
    ed25519::{PrivateKey, PublicKey},
};
use commonware_p2p::{
    Ingress, Manager as _,
    authenticated::discovery::{self, Network, Oracle},
};
use commonware_runtime::{Clock, Handle, Metrics, Network as RuntimeNetwork, Quota, Resolver, Spawner};
use commonware_stream::{
    cups::{self, Cups},
    sake::{self, Sake},
};
use commonware_utils::{NZU32, NZUsize};
use rampart_protocol::{Domain, OperatorSet};
use rand::CryptoRng;
use std::{collections::BTreeMap, net::SocketAddr, num::NonZeroUsize, time::Duration};

/// Epochs whose committees are spoken to: the last, this and the next one.
pub const TRACKED_EPOCHS: u64 = 3;

/// The same for the network.
const TRACKED_SETS: NonZeroUsize = NZUsize!(3);

/// Most members of a committee, and this operator.
const MAX_SET: NonZeroUsize = NZUsize!(MAX_SEATS as usize + 1);

/// How long a misbehaving peer is refused.
pub const BLOCK_DURATION: Duration = Duration::from_secs(10 * 60);

/// Largest difference of two operators' clocks at a handshake.
const SYNCHRONY_BOUND: Duration = Duration::from_secs(5);

/// Capacity of each internal mailbox.
const MAILBOX: NonZeroUsize = NZUsize!(1024);

/// A sender of one channel.
pub type Sender<E> = discovery::Sender<PublicKey, E>;

/// A receiver of one channel.
pub type Receiver = discovery::Receiver<PublicKey>;

/// How an operator connects.
#[derive(Clone, Debug)]
pub struct NetworkConfig {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where others reach this operator; it signs this address, and peers pass it on.
    pub reachable_at: SocketAddr,
    /// Addresses of operators to start from, by consensus key. Those of all others are learnt from these.
    pub bootstrappers: BTreeMap<PublicKey, SocketAddr>,
    /// Accept loopback and private addresses: for development networks.
    pub allow_private_addresses: bool,
}

/// A running network.
pub struct Connected<E: Clock> {
    /// The engine's channels.
    pub channels: Channels<Sender<E>, Receiver>,
    /// Raw messages between mempools, at most [`super::MAX_GOSSIP`] bytes each.
    pub mempool: (Sender<E>, Receiver),
    /// Raw messages with signatures of checkpoints, at most [`super::MAX_GOSSIP`] bytes each.
    pub checkpoints: (Sender<E>, Receiver),
    /// Knows the peers, and blocks those that misbehave.
    pub oracle: Oracle<PublicKey>,
    /// Ends when the network does.
    pub handle: Handle<()>,
}

/// Starts listening and dialling. Only members of committees that [`follow`] tells of are let in.
pub fn connect<E>(
    context: E,
    key: PrivateKey,
    domain: &Domain,
    limits: &BlockLimits,
    config: &NetworkConfig,
) -> Connected<E>
where
    E: Spawner + Clock + CryptoRng + RuntimeNetwork + Resolver + Metrics,
{
    let (mut network, oracle) = Network::new(context, discovery_config(key, domain, limits, config));
    let channels = ENGINE_CHANNELS.map(|(id, quota)| network.register(id, quota));
    let mempool = network.register(MEMPOOL_CHANNEL.0, MEMPOOL_CHANNEL.1);
    let checkpoints = network.register(CHECKPOINT_CHANNEL.0, CHECKPOINT_CHANNEL.1);
    let handle = network.start();
    Connected {
        channels: channels.into(),
        mempool,
        checkpoints,
        oracle,
        handle,
    }
}

/// Speaks to the members of each epoch's committee as soon as it is known: an epoch ahead, so that whoever joins can
/// fetch what it needs; and for an epoch after, so that whoever leaves can hand over.
pub async fn follow(committees: Committees, mut oracle: Oracle<PublicKey>) {
    let mut newest = committees.watch();
    let mut next = 0;
    loop {
        let known = *newest.borrow_and_update();
        for epoch in next.max(known.saturating_sub(TRACKED_EPOCHS))..=known {
            if let Some(keys) = committees.keys(epoch) {
                oracle.track(epoch, keys);
            }
        }
        next = known.saturating_add(1);
        if newest.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

fn discovery_config(
    key: PrivateKey,
    domain: &Domain,
    limits: &BlockLimits,
    config: &NetworkConfig,
) -> discovery::Config<Cups<Sake<PrivateKey>, ChaCha20Poly1305>> {
    let me = key.public_key();
    let handshake = Cups::<_, ChaCha20Poly1305>::new(
        Sake {
            signer: key,
            synchrony_bound: SYNCHRONY_BOUND,
            max_handshake_age: 2 * SYNCHRONY_BOUND,
            version: sake::Version::V1,
        },
        cups::Version::V1,
    );
    let no_operators = OperatorSet {
        domain: *domain,
        operators: Vec::new(),
    };
    let mut namespace = no_operators.consensus_namespace();
    namespace.extend_from_slice(b"-p2p");
    let others = config.bootstrappers.iter().filter(|(key, _)| **key != me);
    let recommended = discovery::Config::recommended(
        handshake,
        &namespace,
        config.listen,
        config.reachable_at,
        others
            .map(|(key, address)| (key.clone(), Ingress::Socket(*address)))
            .collect(),
        MAX_SET,
        max_message_size(limits),
        MAILBOX,
    );
    discovery::Config {
        allow_private_ips: config.allow_private_addresses,
        allow_dns: false,
        // A restarted operator must be back within a view or two, and on a development network all share one IP.
        peer_connection_cooldown: Duration::from_secs(1),
        dial_frequency: Duration::from_millis(500),
        dial_timeout: Duration::from_secs(5),
        gossip_bit_vec_frequency: Duration::from_secs(5),
        max_concurrent_handshakes: NZU32!(64),
        allowed_handshake_rate_per_ip: Quota::per_second(NZU32!(16)),
        allowed_handshake_rate_per_subnet: Quota::per_second(NZU32!(32)),
        tracked_peer_sets: TRACKED_SETS,
        block_duration: BLOCK_DURATION,
        ..recommended
    }
}
