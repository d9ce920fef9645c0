//! What an operator configures: its own file (TOML), and the network's file (JSON) that all operators share.

mod follower;
mod layers;
mod telemetry;

pub use follower::FollowerConfig;
pub use layers::{ENV_PREFIX, NotASetting, Override};
pub use telemetry::{DEFAULT_SAMPLE_RATIO, Telemetry};

use crate::application::Pacing;
use crate::checkpoint::Schedule;
use crate::engine::{MIN_EPOCH_BLOCKS, Timeouts};
use crate::monitor::DutiesConfig;
use rampart_chain::outgoing::plan::Rules;
use rampart_chain::{ChainError, Endpoints, Finality};
use rampart_ledger::{GenesisOperator, GenesisSeat, Params};
use rampart_protocol::operator_keys::Registry;
use rampart_protocol::{Address, B256, Operator, OperatorSet, Ppm};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Read as _;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An operator's own configuration. Relative paths are relative to the file.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeConfig {
    /// Where everything is stored; no other process may use it.
    pub state_dir: PathBuf,
    /// The network's file.
    pub network_file: PathBuf,
    /// File with the Ed25519 consensus key: a Web3 keystore, or 64 hex digits; readable by its owner only.
    pub consensus_key_file: PathBuf,
    /// Web3 keystore with the secp256k1 checkpoint key, which also pays for checkpoints on the L2.
    pub checkpoint_keystore: PathBuf,
    /// File with the keystores' password, readable by its owner only. Left out, it is asked for at the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint_password_file: Option<PathBuf>,
    /// Where other operators connect.
    pub listen: SocketAddr,
    /// Where other operators reach this one, if that is neither the address in the network's file nor `listen`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reachable_at: Option<SocketAddr>,
    /// Addresses of operators to start from, by consensus key, besides those of the network's file. One that is
    /// connected is enough: it knows the others'.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bootstrappers: BTreeMap<B256, SocketAddr>,
    /// Fetch the state of a recent block from the other operators instead of executing the chain from its beginning.
    /// Takes effect on an empty state directory only. What an operator skips it cannot serve, and it certifies no exits.
    #[serde(default)]
    pub state_sync: bool,
    /// Where clients connect.
    pub api_listen: SocketAddr,
    /// Where metrics and health are asked for; left out, nowhere. Keep it private.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics_listen: Option<SocketAddr>,
    /// RPC endpoints of the L2, one or a list. Such URLs carry keys: they are neither logged nor shown.
    pub l2_rpc: Rpc,
    /// How many endpoints of the L2 must agree; more than half unless it is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub l2_quorum: Option<usize>,
    /// Which blocks of the L2 are final.
    #[serde(default)]
    pub l2_finality: Finality,
    /// RPC endpoints of the L1, as secret as the others. Needed when the network's file names an outbox there, and refused
    /// when it names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub l1_rpc: Option<Rpc>,
    /// How many endpoints of the L1 must agree; more than half unless it is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub l1_quorum: Option<usize>,
    /// Which blocks of the L1 are final.
    #[serde(default)]
    pub l1_finality: Finality,
    /// Most gwei for a unit of gas that may be offered on the L2 for a checkpoint, however long it is stuck.
    #[serde(default = "default_max_fee_gwei")]
    pub l2_max_fee_gwei: u64,
    /// Most gwei for a unit of gas that may be offered on the L1 for a proof of equivocation.
    #[serde(default = "default_max_fee_gwei")]
    pub l1_max_fee_gwei: u64,
    /// Time after which a transaction that is not mined is outbid, seconds.
    #[serde(default = "default_stuck_after_s")]
    pub stuck_after_s: u64,
    /// Accept peers at loopback and private addresses: for development networks.
    #[serde(default)]
    pub allow_private_addresses: bool,
    /// Pause between questions to the RPC, milliseconds.
    #[serde(default = "default_poll_ms")]
    pub poll_ms: u64,
    /// Mebibytes that must stay free where the state is; with less the operator stops, before storage fails.
    #[serde(default = "default_min_free_mib")]
    pub min_free_mib: u64,
    /// Final blocks to keep, with their certificates, for other operators and for confirmations; left out, all. At least
    /// [`MIN_RETAINED_EPOCHS`] epochs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retain_blocks: Option<u64>,
    /// Worker threads.
    #[serde(default = "default_threads")]
    pub threads: usize,
    /// Pages of 4 KiB that the storage keeps in memory.
    #[serde(default = "default_cache_pages")]
    pub cache_pages: usize,
    /// Entries of the cache that rebuilds the state's index at start-up.
    #[serde(default = "default_index_cache")]
    pub index_cache: usize,
    /// What the operator does beside consensus; left out, nothing, and it earns nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duties: Option<DutiesConfig>,
    /// Where traces go; left out, nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telemetry: Option<Telemetry>,
}

/// One endpoint's URL, or several.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Rpc {
    /// One.
    One(String),
    /// Several, of which a quorum must agree.
    Several(Vec<String>),
}

impl From<String> for Rpc {
    fn from(url: String) -> Self {
        Self::One(url)
    }
}

impl Rpc {
    fn endpoints(&self, name: &'static str, quorum: Option<usize>) -> Result<Endpoints, ConfigError> {
        let urls = match self {
            Self::One(url) => vec![url.clone()],
            Self::Several(urls) => urls.clone(),
        };
        Endpoints::new(urls, quorum).map_err(|source| ConfigError::Endpoints {
            name,
            source: Box::new(source),
        })
    }
}

impl fmt::Debug for Rpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rpc")
    }
}

impl fmt::Debug for NodeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeConfig")
            .field("state_dir", &self.state_dir)
            .field("network_file", &self.network_file)
            .field("listen", &self.listen)
            .field("api_listen", &self.api_listen)
            .finish_non_exhaustive()
    }
}

const fn default_max_fee_gwei() -> u64 {
    200
}
const fn default_stuck_after_s() -> u64 {
    30
}
const fn default_poll_ms() -> u64 {
    500
}
const fn default_min_free_mib() -> u64 {
    512
}
const fn default_threads() -> usize {
    2
}
const fn default_cache_pages() -> usize {
    1 << 14
}
const fn default_index_cache() -> usize {
    1 << 22
}

/// What all operators of a deployment share. Changing anything here makes another network.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NetworkFile {
    /// The deployment and its operators.
    pub operator_set: OperatorSet,
    /// Address of every operator of the first committee, by consensus key. Those of later ones are learnt from them.
    pub addresses: BTreeMap<B256, SocketAddr>,
    /// Time of the genesis block, Unix milliseconds.
    pub genesis_timestamp_ms: u64,
    /// Block of the L2 that carries the settlement contract's deployment.
    pub settlement_deployed_at: u64,
    /// Where the L1 tells stakes, investors' weights and decisions of governance; left out where nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restaking: Option<Restaking>,
    /// Blocks between checkpoints.
    pub checkpoint_interval: u64,
    /// Blocks of an epoch, a multiple of `checkpointInterval`: each epoch has its operators.
    #[serde(default = "default_epoch_blocks")]
    pub epoch_blocks: u64,
    /// Economic parameters at genesis.
    #[serde(default)]
    pub params: Params,
    /// The ledger's operators at genesis; left out, they are those of the operator set, see
    /// [`Self::genesis_operators`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operators: Vec<GenesisOperator>,
    /// Least time between blocks, milliseconds.
    #[serde(default = "default_min_interval_ms")]
    pub min_interval_ms: u64,
    /// Time after which an empty block is built, milliseconds.
    #[serde(default = "default_idle_interval_ms")]
    pub idle_interval_ms: u64,
}

/// The contracts on the L1, as far as operators read them (O1, G1, G4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Restaking {
    /// Chain id of the L1.
    pub chain_id: u64,
    /// The `Outbox`, which numbers what the ledger is told.
    pub outbox: Address,
    /// The `ServiceManager`, which operators prove their keys to, and which punishes equivocation.
    pub service_manager: Address,
    /// Block of the L1 that carries the outbox's deployment.
    pub deployed_at: u64,
}

impl Restaking {
    /// Where operators prove their keys.
    #[must_use]
    pub const fn registry(&self) -> Registry {
        Registry {
            chain_id: self.chain_id,
            service_manager: self.service_manager,
        }
    }
}

const fn default_epoch_blocks() -> u64 {
    3_600
}
const fn default_min_interval_ms() -> u64 {
    100
}
const fn default_idle_interval_ms() -> u64 {
    1000
}

/// Fewest epochs whose blocks are kept: a restart builds on the last block of the epoch before, and whoever lags by an epoch
/// finds the blocks to catch up.
pub const MIN_RETAINED_EPOCHS: u64 = 2;

/// The share of its rewards that an operator of the operator set keeps unless the network's file says otherwise.
pub const DEFAULT_COMMISSION: Ppm = Ppm(100_000);

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("{path} cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{path}: {reason}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The network has an outbox on the L1, which this operator cannot read.
    #[error("the network is told stakes and decisions by the L1: l1_rpc must name an endpoint of chain {0}")]
    NoL1Rpc(u64),
    /// An endpoint of the L1 is configured, and the network has nothing there.
    #[error("l1_rpc is set, but the network's file has no \"restaking\": nothing would be read there")]
    UnusedL1Rpc,
    /// The endpoints of a chain cannot be used.
    #[error("{name}: {source}")]
    Endpoints {
        /// The field.
        name: &'static str,
        /// Why.
        #[source]
        source: Box<ChainError>,
    },
    /// Too few blocks would be kept.
    #[error(
        "retain_blocks = {blocks}: at least {least} are needed, {MIN_RETAINED_EPOCHS} epochs; left out, all are kept"
    )]
    RetainBlocks {
        /// What is configured.
        blocks: u64,
        /// What is possible.
        least: u64,
    },
    /// Traces cannot be exported so.
    #[error("telemetry: {0}")]
    Telemetry(&'static str),
    /// A secret can be read by others.
    #[error("{path} holds a secret and can be read by others; run: chmod 600 {path}")]
    Exposed {
        /// The file.
        path: PathBuf,
    },
}

impl ConfigError {
    fn invalid(path: &Path, reason: impl ToString) -> Self {
        Self::Invalid {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }
}

impl NodeConfig {
    /// Reads an operator's file.
    ///
    /// # Errors
    /// When it cannot be read or a field is unknown, missing or malformed.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::load_with(path, &[])
    }

    /// Reads an operator's file, with settings before it. Relative paths in these are relative to the file, too.
    ///
    /// # Errors
    /// When it cannot be read or a setting is unknown, missing or malformed.
    pub fn load_with(path: &Path, overrides: &[Override]) -> Result<Self, ConfigError> {
        let mut config: Self = layers::parse(path, &read(path)?, overrides)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let paths = [
            &mut config.state_dir,
            &mut config.network_file,
            &mut config.consensus_key_file,
            &mut config.checkpoint_keystore,
        ];
        for path in paths.into_iter().chain(&mut config.checkpoint_password_file) {
            *path = folder.join(&path);
        }
        if let Some(duties) = &mut config.duties {
            duties.relative_to(folder);
        }
        Ok(config)
    }

    /// The endpoints of the L2.
    ///
    /// # Errors
    /// When they cannot be used together.
    pub fn l2(&self) -> Result<Endpoints, ConfigError> {
        self.l2_rpc.endpoints("l2_rpc", self.l2_quorum)
    }

    /// How many final blocks are kept; `None` for all.
    ///
    /// # Errors
    /// When they are less than [`MIN_RETAINED_EPOCHS`] epochs.
    pub fn retention(&self, network: &NetworkFile) -> Result<Option<NonZeroUsize>, ConfigError> {
        network.retention(self.retain_blocks)
    }

    /// When a transaction is outbid, and up to what.
    #[must_use]
    pub const fn fee_rules(&self, max_fee_gwei: u64) -> Rules {
        Rules {
            stuck_after_ms: self.stuck_after_s.saturating_mul(1_000),
            max_fee: (max_fee_gwei as u128).saturating_mul(1_000_000_000),
        }
    }

    /// The outbox of a network on the L1 and the endpoints to read it from, if the network has one.
    ///
    /// # Errors
    /// When only one of the two is configured: an operator that does not read what the others do could vote for no block
    /// with it, and one that believes it reads it is told at once. When the endpoints cannot be used together.
    pub fn restaking(&self, network: &NetworkFile) -> Result<Option<(Endpoints, Restaking)>, ConfigError> {
        match (&self.l1_rpc, network.restaking) {
            (Some(rpc), Some(restaking)) => Ok(Some((rpc.endpoints("l1_rpc", self.l1_quorum)?, restaking))),
            (None, None) => Ok(None),
            (None, Some(restaking)) => Err(ConfigError::NoL1Rpc(restaking.chain_id)),
            (Some(_), None) => Err(ConfigError::UnusedL1Rpc),
        }
    }
}

impl NetworkFile {
    /// Reads the network's file.
    ///
    /// # Errors
    /// When it cannot be read, is malformed, or its operators or parameters are impossible.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::parse(path, &read(path)?)
    }

    /// Reads the text of the file that is at `path`.
    ///
    /// # Errors
    /// When it is malformed, or its operators or parameters are impossible.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let network: Self = serde_json::from_str(text).map_err(|error| ConfigError::invalid(path, error))?;
        network
            .operator_set
            .validate()
            .map_err(|error| ConfigError::invalid(path, error))?;
        network
            .params
            .validate()
            .map_err(|error| ConfigError::invalid(path, error))?;
        network
            .check_addresses()
            .and_then(|()| network.check_operators())
            .and_then(|()| network.check_seats())
            .map_err(|reason| ConfigError::invalid(path, reason))?;
        if network.restaking.is_some_and(|l1| l1.outbox.is_zero()) {
            return Err(ConfigError::invalid(path, "restaking.outbox is the zero address"));
        }
        if network.checkpoint_interval == 0 {
            return Err(ConfigError::invalid(
                path,
                "checkpointInterval must be at least 1",
            ));
        }
        if network.epoch_blocks < MIN_EPOCH_BLOCKS
            || !network.epoch_blocks.is_multiple_of(network.checkpoint_interval)
        {
            return Err(ConfigError::invalid(
                path,
                format!(
                    "epochBlocks must be at least {MIN_EPOCH_BLOCKS}, and a multiple of checkpointInterval"
                ),
            ));
        }
        if network.min_interval_ms >= network.idle_interval_ms {
            return Err(ConfigError::invalid(
                path,
                "minIntervalMs must be less than idleIntervalMs",
            ));
        }
        Ok(network)
    }

    /// Every operator has an address, and nobody else.
    fn check_addresses(&self) -> Result<(), String> {
        let operators = &self.operator_set.operators;
        let missing = operators
            .iter()
            .find(|operator| !self.addresses.contains_key(&operator.public_key));
        if let Some(operator) = missing {
            return Err(format!("addresses has none for operator {}", operator.public_key));
        }
        let mut keys = self.addresses.keys();
        match keys.find(|key| !operators.iter().any(|operator| operator.public_key == **key)) {
            Some(key) => Err(format!("addresses has one for {key}, which is no operator's key")),
            None => Ok(()),
        }
    }

    /// The ledger's operators are distinct, and each has stake.
    fn check_operators(&self) -> Result<(), String> {
        let mut seen = BTreeSet::new();
        for operator in &self.operators {
            if operator.stake == 0 || !seen.insert(operator.address) {
                return Err(format!(
                    "operators: {} is named twice or has no stake",
                    operator.address
                ));
            }
        }
        Ok(())
    }

    /// Those of them that have seats are the operators of the set.
    fn check_seats(&self) -> Result<(), String> {
        let seats = self.genesis_operators().into_iter().filter_map(|operator| {
            operator.seat.map(|seat| Operator {
                public_key: seat.consensus_key,
                checkpoint_key: seat.checkpoint_key,
                weight: seat.weight,
            })
        });
        let seated = OperatorSet {
            domain: self.operator_set.domain,
            operators: seats.collect(),
        };
        if seated.commitment() == self.operator_set.commitment() {
            return Ok(());
        }
        Err("operators: those with seats are not the operators of operatorSet".to_owned())
    }

    /// The ledger's operators at genesis. Unless the file names them: an account for each of the operator set, that of
    /// its checkpoint key, with its weight for a stake and [`DEFAULT_COMMISSION`]. One that the file names without a
    /// seat has that of the operator set whose checkpoint key is its address, if there is one.
    #[must_use]
    pub fn genesis_operators(&self) -> Vec<GenesisOperator> {
        let set = &self.operator_set.operators;
        if self.operators.is_empty() {
            let of_the_set = set.iter().map(|operator| GenesisOperator {
                address: operator.checkpoint_key,
                stake: operator.weight.into(),
                commission: DEFAULT_COMMISSION,
                seat: Some(genesis_seat(operator)),
            });
            return of_the_set.collect();
        }
        let named = self.operators.iter().map(|named| GenesisOperator {
            seat: named.seat.or_else(|| {
                let own = set.iter().find(|own| own.checkpoint_key == named.address);
                own.map(genesis_seat)
            }),
            ..*named
        });
        named.collect()
    }

    /// How many final blocks are kept where so many are to be; `None` for all.
    ///
    /// # Errors
    /// When they are less than [`MIN_RETAINED_EPOCHS`] epochs.
    pub(crate) fn retention(&self, blocks: Option<u64>) -> Result<Option<NonZeroUsize>, ConfigError> {
        let Some(blocks) = blocks else {
            return Ok(None);
        };
        let least = self.epoch_blocks.saturating_mul(MIN_RETAINED_EPOCHS);
        let kept = usize::try_from(blocks).ok().and_then(NonZeroUsize::new);
        match kept.filter(|_| blocks >= least) {
            Some(kept) => Ok(Some(kept)),
            None => Err(ConfigError::RetainBlocks { blocks, least }),
        }
    }

    /// Which heights are certified for the settlement contract.
    #[must_use]
    pub const fn checkpoints(&self) -> Schedule {
        Schedule {
            interval: self.checkpoint_interval,
            epoch_blocks: self.epoch_blocks,
        }
    }

    /// The pace of blocks.
    #[must_use]
    pub fn pacing(&self) -> Pacing {
        Pacing {
            min_interval: Duration::from_millis(self.min_interval_ms),
            idle_interval: Duration::from_millis(self.idle_interval_ms),
            ..Pacing::default()
        }
    }

    /// When views are given up: a leader may use the idle interval on top of the defaults.
    #[must_use]
    pub fn timeouts(&self) -> Timeouts {
        let defaults = Timeouts::default();
        let idle = Duration::from_millis(self.idle_interval_ms);
        Timeouts {
            leader: defaults.leader + idle,
            certification: defaults.certification + idle,
            skip: defaults.skip + idle * 2,
            ..defaults
        }
    }
}

const fn genesis_seat(operator: &Operator) -> GenesisSeat {
    GenesisSeat {
        consensus_key: operator.public_key,
        checkpoint_key: operator.checkpoint_key,
        weight: operator.weight,
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
        path: path.to_owned(),
        source,
    })
}

/// Reads a secret, refusing a file that others can read.
///
/// # Errors
/// When it cannot be read or is exposed.
pub fn read_secret(path: &Path) -> Result<String, ConfigError> {
    use std::os::unix::fs::PermissionsExt as _;
    let unreadable = |source| ConfigError::Read {
        path: path.to_owned(),
        source,
    };
    // The file that is checked is the one that is read.
    let mut file = std::fs::File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.permissions().mode() & 0o077 != 0 {
        return Err(ConfigError::Exposed {
            path: path.to_owned(),
        });
    }
    let mut secret = String::new();
    file.read_to_string(&mut secret).map_err(unreadable)?;
    Ok(secret.trim().to_owned())
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
