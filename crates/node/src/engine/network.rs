//! Production connections: authenticated, encrypted, between operators whose keys and addresses are configured.
//!
//! Decides the connection limits and registers every channel. Peers outside the operator set are refused at the
//! handshake; a peer that sends malformed or oversize messages is blocked for [`BLOCK_DURATION`].

use super::channels::{CHECKPOINT_CHANNEL, Channels, ENGINE_CHANNELS, MEMPOOL_CHANNEL, max_message_size};
use super::scheme::{SchemeError, participants};
use crate::block::{BlockLimits, key_bytes};
use commonware_cryptography::{
    ChaCha20Poly1305,
    ed25519::{PrivateKey, PublicKey},
};
use commonware_p2p::{
    Address, AddressableManager as _,
    authenticated::lookup::{self, Network, Oracle},
};
use commonware_runtime::{Clock, Handle, Metrics, Network as RuntimeNetwork, Quota, Resolver, Spawner};
use commonware_stream::{
    cups::{self, Cups},
    sake::{self, Sake},
};
use commonware_utils::{NZU32, NZUsize, ordered::Map};
use rampart_protocol::{B256, OperatorSet};
use rand::CryptoRng;
use std::{collections::BTreeMap, net::SocketAddr, num::NonZeroUsize, time::Duration};

/// How long a misbehaving peer is refused.
pub const BLOCK_DURATION: Duration = Duration::from_secs(10 * 60);

/// Largest difference of two operators' clocks at a handshake.
const SYNCHRONY_BOUND: Duration = Duration::from_secs(5);

/// Capacity of each internal mailbox.
const MAILBOX: NonZeroUsize = NZUsize!(1024);

/// A sender of one channel.
pub type Sender<E> = lookup::Sender<PublicKey, E>;

/// A receiver of one channel.
pub type Receiver = lookup::Receiver<PublicKey>;

/// How an operator connects.
#[derive(Clone, Debug)]
pub struct NetworkConfig {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Address of every operator, this one included, by consensus key. Entries of strangers are ignored.
    pub peers: BTreeMap<PublicKey, SocketAddr>,
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

/// Why no network can be set up.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The operator set is malformed.
    #[error("the operator set cannot be used")]
    Operators(#[from] SchemeError),
    /// An operator's address is not configured.
    #[error("no address is configured for the operator {0}")]
    NoAddress(B256),
}

/// Starts listening and dialling.
///
/// # Errors
/// When the operator set is malformed or an operator has no address.
pub fn connect<E>(
    context: E,
    key: PrivateKey,
    operators: &OperatorSet,
    limits: &BlockLimits,
    config: &NetworkConfig,
) -> Result<Connected<E>, NetworkError>
where
    E: Spawner + Clock + CryptoRng + RuntimeNetwork + Resolver + Metrics,
{
    let peers = addresses(operators, config)?;
    let (mut network, mut oracle) = Network::new(context, lookup_config(key, operators, limits, config));
    oracle.track(0, peers);

    let channels = ENGINE_CHANNELS.map(|(id, quota)| network.register(id, quota));
    let mempool = network.register(MEMPOOL_CHANNEL.0, MEMPOOL_CHANNEL.1);
    let checkpoints = network.register(CHECKPOINT_CHANNEL.0, CHECKPOINT_CHANNEL.1);
    let handle = network.start();
    Ok(Connected {
        channels: channels.into(),
        mempool,
        checkpoints,
        oracle,
        handle,
    })
}

/// The address of every operator of the set, which decides whom we speak to.
fn addresses(
    operators: &OperatorSet,
    config: &NetworkConfig,
) -> Result<Map<PublicKey, Address>, NetworkError> {
    participants(operators)?
        .into_iter()
        .map(|key| {
            let address = config
                .peers
                .get(&key)
                .ok_or_else(|| NetworkError::NoAddress(key_bytes(&key)))?;
            Ok((key, Address::Symmetric(*address)))
        })
        .collect::<Result<Vec<_>, NetworkError>>()?
        .try_into()
        .map_err(|_| NetworkError::Operators(SchemeError::Duplicate))
}

fn lookup_config(
    key: PrivateKey,
    operators: &OperatorSet,
    limits: &BlockLimits,
    config: &NetworkConfig,
) -> lookup::Config<Cups<Sake<PrivateKey>, ChaCha20Poly1305>> {
    let handshake = Cups::<_, ChaCha20Poly1305>::new(
        Sake {
            signer: key,
            synchrony_bound: SYNCHRONY_BOUND,
            max_handshake_age: 2 * SYNCHRONY_BOUND,
            version: sake::Version::V1,
        },
        cups::Version::V1,
    );
    let mut namespace = operators.consensus_namespace();
    namespace.extend_from_slice(b"-p2p");
    let recommended = lookup::Config::recommended(
        handshake,
        &namespace,
        config.listen,
        NonZeroUsize::MIN.saturating_add(operators.operators.len()),
        max_message_size(limits),
        MAILBOX,
    );
    lookup::Config {
        allow_private_ips: config.allow_private_addresses,
        allow_dns: false,
        // A restarted operator must be back within a view or two, and on a development network all share one IP.
        peer_connection_cooldown: Duration::from_secs(1),
        dial_frequency: Duration::from_millis(500),
        dial_timeout: Duration::from_secs(5),
        ping_frequency: Duration::from_secs(5),
        max_concurrent_handshakes: NZU32!(64),
        allowed_handshake_rate_per_ip: Quota::per_second(NZU32!(16)),
        allowed_handshake_rate_per_subnet: Quota::per_second(NZU32!(32)),
        tracked_peer_sets: NZUsize!(1),
        block_duration: BLOCK_DURATION,
        ..recommended
    }
}
