//! One whole operator for a test: a real EVM node with the real contracts, and a network of one operator started as
//! the binary starts it, on its own thread, with real sockets and files.

#[path = "../../../chain/tests/support/anvil.rs"]
pub mod node;

use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use commonware_cryptography::Signer as _;
use commonware_cryptography::ed25519::PrivateKey;
use node::{Anvil, funded};
use rampart_chain::deploy::{Deployer, Hatch, L2Contracts};
use rampart_chain::{Finality, Settlement};
use rampart_client::NodeClient;
use rampart_node::{FollowerConfig, Keys, NetworkFile, NodeConfig, NodeError, Params};
use rampart_protocol::{
    AccessKey, Address, Amount, B256, Domain, Message, Operator as Seat, OperatorSet, Seconds,
    SignedTransaction,
};
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tokio::sync::oneshot;

pub const CHAIN: u64 = 59_144;
/// Blocks between checkpoints.
pub const INTERVAL: u64 = 5;
/// Longer than any of these tests, unless it moves the chain's clock.
pub const HATCH: Hatch = Hatch {
    exit_delay: Seconds(7_200),
    force_delay: Seconds(3_600),
    guardian: Address::ZERO,
};
const PASSWORD: &str = "for tests";
const PATIENCE: Duration = Duration::from_secs(120);

pub const fn tokens(whole: u128) -> Amount {
    Amount(whole * Amount::TOKEN.0)
}

/// Unix seconds.
#[expect(
    clippy::disallowed_methods,
    reason = "this test is the program that reads the clock"
)]
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Somebody's ledger account.
pub fn account(n: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(n)).unwrap()
}

pub fn access_key() -> AccessKey {
    AccessKey(B256::from_slice(PrivateKey::from_seed(77).public_key().as_ref()))
}

pub fn sign(signer: &PrivateKeySigner, message: impl Into<Message>, domain: &Domain) -> SignedTransaction {
    let message = message.into();
    let signature = signer.sign_hash_sync(&message.signing_hash(domain)).unwrap();
    SignedTransaction {
        message,
        signature: signature.as_bytes().into(),
    }
}

/// Waits for something to become so.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "{what}: not within {PATIENCE:?}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The chain, and the operators' files: of the one, or the first of several.
pub struct Stage {
    pub config: NodeConfig,
    /// Those of the others.
    pub others: Vec<NodeConfig>,
    pub anvil: Anvil,
    pub contracts: L2Contracts,
    pub operators: OperatorSet,
    pub folder: TempDir,
}

/// An operator's keys.
struct OwnKeys {
    seed: B256,
    checkpoint: PrivateKeySigner,
}

/// The key with which an operator votes.
pub fn consensus_key(operator: u8) -> PrivateKey {
    // A consensus key is a seed; the library's own test seeds are other bytes, so the key is made from bytes here.
    let seed = B256::repeat_byte(0x51 + operator);
    commonware_codec::DecodeExt::decode(seed.as_slice().to_vec()).unwrap()
}

impl OwnKeys {
    fn new(operator: u8) -> Self {
        Self {
            seed: B256::repeat_byte(0x51 + operator),
            // The checkpoint key pays on the chain, so it is one that has coins.
            checkpoint: funded(usize::from(operator) + 1),
        }
    }

    fn public_key(&self) -> B256 {
        let key = consensus_key(self.seed[0] - 0x51);
        B256::from_slice(key.public_key().as_ref())
    }

    fn seat(&self) -> Seat {
        Seat {
            public_key: self.public_key(),
            checkpoint_key: self.checkpoint.address(),
            weight: 100,
        }
    }

    /// Puts the files into a new folder.
    fn write(&self, path: &Path) {
        fs::create_dir(path).unwrap();
        write_secret(&path.join("consensus.key"), &format!("{:x}", self.seed));
        write_secret(&path.join("password"), PASSWORD);
        let mut random = alloy::signers::k256::elliptic_curve::rand_core::OsRng;
        let private = self.checkpoint.to_bytes();
        PrivateKeySigner::encrypt_keystore(path, &mut random, private, PASSWORD, Some("checkpoint.json"))
            .unwrap();
    }
}

/// What the operator with its keys in a folder configures.
fn config(path: &Path, network: &Path, place: [SocketAddr; 3], l2: &str) -> NodeConfig {
    let [listen, api_listen, metrics_listen] = place;
    NodeConfig {
        state_dir: path.join("state"),
        network_file: network.to_owned(),
        consensus_key_file: path.join("consensus.key"),
        checkpoint_keystore: path.join("checkpoint.json"),
        checkpoint_password_file: Some(path.join("password")),
        listen,
        reachable_at: None,
        bootstrappers: std::collections::BTreeMap::new(),
        state_sync: false,
        api_listen,
        metrics_listen: Some(metrics_listen),
        l2_rpc: l2.to_owned().into(),
        l2_quorum: None,
        l2_finality: Finality::Finalized,
        l1_rpc: None,
        l1_quorum: None,
        l1_finality: Finality::Finalized,
        l2_max_fee_gwei: 200,
        l1_max_fee_gwei: 200,
        stuck_after_s: 30,
        allow_private_addresses: true,
        poll_ms: 50,
        min_free_mib: 64,
        retain_blocks: None,
        telemetry: None,
        threads: 2,
        cache_pages: 1 << 10,
        index_cache: 1 << 12,
        duties: None,
    }
}

/// An operator that runs.
pub struct Running {
    pub api: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), NodeError>>>,
}

/// Addresses that were free a moment ago.
pub fn free_addresses() -> [SocketAddr; 3] {
    [(); 3]
        .map(|()| TcpListener::bind("127.0.0.1:0").unwrap())
        .map(|listener| listener.local_addr().unwrap())
}

fn write_secret(path: &Path, text: &str) {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

impl Stage {
    pub async fn new() -> Self {
        Self::with(Params::default()).await
    }

    /// A network with these parameters.
    pub async fn with(params: Params) -> Self {
        Self::of(1, params, 20 * INTERVAL).await
    }

    /// A network of so many operators, and epochs of so many blocks.
    pub async fn of(operators: u8, params: Params, epoch_blocks: u64) -> Self {
        let anvil = Anvil::start(CHAIN);
        let keys: Vec<OwnKeys> = (0..operators).map(OwnKeys::new).collect();
        let mut operators = OperatorSet {
            domain: Domain {
                chain_id: CHAIN,
                settlement: Address::ZERO,
            },
            operators: keys.iter().map(OwnKeys::seat).collect(),
        };
        let deployer = Deployer::new(&anvil.url, funded(0)).unwrap();
        let contracts = deployer
            .deploy_l2(tokens(10_000_000), operators.seats(), HATCH)
            .await
            .unwrap();
        operators.domain.settlement = contracts.settlement;

        let folder = TempDir::new().unwrap();
        // Keystores take long to write, and addresses do not stay free.
        let folders: Vec<PathBuf> = (0..keys.len())
            .map(|n| folder.path().join(n.to_string()))
            .collect();
        for (keys, path) in keys.iter().zip(&folders) {
            keys.write(path);
        }
        let places: Vec<[SocketAddr; 3]> = keys.iter().map(|_| free_addresses()).collect();
        let addresses = keys.iter().zip(&places);
        let network = NetworkFile {
            addresses: addresses
                .map(|(keys, place)| (keys.public_key(), place[0]))
                .collect(),
            operator_set: operators.clone(),
            genesis_timestamp_ms: now() * 1_000,
            settlement_deployed_at: contracts.deployed_at,
            restaking: None,
            checkpoint_interval: INTERVAL,
            epoch_blocks,
            params,
            operators: Vec::new(),
            min_interval_ms: 50,
            idle_interval_ms: 250,
        };
        let file = folder.path().join("network.json");
        fs::write(&file, serde_json::to_string(&network).unwrap()).unwrap();
        let all = folders.iter().zip(places);
        let mut configs = all.map(|(path, place)| config(path, &file, place, &anvil.url));
        Self {
            config: configs.next().unwrap(),
            others: configs.collect(),
            anvil,
            contracts,
            operators,
            folder,
        }
    }

    pub const fn domain(&self) -> &Domain {
        &self.operators.domain
    }

    pub fn settlement(&self, signer: usize) -> Settlement {
        Settlement::new(&self.anvil.url, self.contracts.settlement, Some(funded(signer))).unwrap()
    }

    /// Starts the operator and waits until it answers and makes blocks.
    pub async fn start(&self) -> Running {
        let mut running = Running::spawn(self.config.clone());
        let runs = eventually("the operator's first block", || async {
            let status = running.client().status().await.ok();
            // After a restart the tip is known before the state is open.
            let open = running.client().totals().await.is_ok();
            let made = status.filter(|status| status.height > 0 && open).map(|_| true);
            made.or_else(|| running.has_ended().then_some(false))
        })
        .await;
        assert!(runs, "{:?}", running.join());
        running
    }

    /// Deposits for accounts, and waits until the operator has credited them.
    pub async fn fund(&self, running: &Running, accounts: &[(Address, Amount)]) {
        let depositor = self.settlement(0);
        let mut before = Vec::new();
        for (account, amount) in accounts {
            let balance = running.client().account(*account).await.unwrap().balance;
            before.push((*account, Amount(balance.0 + amount.0)));
            depositor.deposit(*account, *amount).await.unwrap();
        }
        // Finality on this chain is two blocks on top.
        self.anvil.mine(2).await;
        for (account, balance) in before {
            eventually("the credit", || async {
                let view = running.client().account(account).await.unwrap();
                (view.balance == balance).then_some(())
            })
            .await;
        }
    }
}

impl Running {
    /// A client of its own for each use: its connections end with the runtime of the test that made them.
    pub fn client(&self) -> NodeClient {
        NodeClient::new(vec![format!("http://{}", self.api)])
    }

    pub fn spawn(config: NodeConfig) -> Self {
        Self::spawn_with(config.api_listen, move |stopped| {
            let keys = Keys::from_files(&config)?;
            rampart_node::run(config, keys, move || async move {
                let _ = stopped.await;
            })
        })
    }

    /// A follower that runs.
    pub fn following(config: FollowerConfig) -> Self {
        Self::spawn_with(config.api_listen, move |stopped| {
            rampart_node::follow(config, move || async move {
                let _ = stopped.await;
            })
        })
    }

    fn spawn_with(
        api: SocketAddr,
        process: impl FnOnce(oneshot::Receiver<()>) -> Result<(), NodeError> + Send + 'static,
    ) -> Self {
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || process(stopped));
        Self {
            api,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    pub fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// What the operator ended with.
    pub fn join(&mut self) -> Result<(), NodeError> {
        self.thread.take().unwrap().join().unwrap()
    }

    /// Stops the operator as a signal would.
    pub async fn stop(mut self) {
        let _ = self.stop.take().unwrap().send(());
        let ended = tokio::task::spawn_blocking(move || self.join());
        tokio::time::timeout(PATIENCE, ended)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
    }

    /// Waits for two more blocks.
    pub async fn advances(&self) {
        let height = self.client().status().await.unwrap().height;
        eventually("two more blocks", || async {
            let status = self.client().status().await.unwrap();
            (status.height >= height + 2).then_some(())
        })
        .await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
