//! Four operators as processes of the real program, on one machine with one EVM node: what tests and benchmarks of whole
//! networks stand on.

use alloy::signers::{SignerSync as _, local::PrivateKeySigner};
use rampart_chain::Settlement;
use rampart_chain::deploy::{Deployer, Hatch};
use rampart_client::NodeClient;
use rampart_protocol::message::{RegisterProvider, RegisterService};
use rampart_protocol::{
    AccessKey, Address, Amount, B256, Category, Domain, Message, Nonce, Operator, OperatorSet, ProviderId,
    Seconds, ServiceId, SignedTransaction,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

use super::node::{Anvil, funded};

const CHAIN: u64 = 59_144;
/// Operators of the network.
pub const OPERATORS: usize = 4;
/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often a consumer asks again.
pub const ASK: Duration = Duration::from_millis(50);
/// What a package costs.
pub const FEE: Amount = Amount(Amount::TOKEN.0 * 2);

/// Whole tokens.
pub const fn tokens(whole: u128) -> Amount {
    Amount(whole * Amount::TOKEN.0)
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[expect(
    clippy::disallowed_methods,
    reason = "this test is the program that reads the clock"
)]
/// Unix time.
pub fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

fn rampart(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rampart"));
    for name in ["NODE", "NODE_CONFIG", "PASSWORD_FILE", "L1_RPC", "L2_RPC"] {
        command.env_remove(format!("RAMPART_{name}"));
    }
    command.args(args).stdin(Stdio::null());
    command
}

/// An operator or a follower: its configuration, and its process while it runs.
pub struct Node {
    command: &'static str,
    config: String,
    api: SocketAddr,
    process: Option<Child>,
    settings: Vec<String>,
}

impl Node {
    pub fn start(&mut self) {
        let mut command = rampart(&["node", self.command, "--config", &self.config]);
        for setting in &self.settings {
            command.args(["--set", setting]);
        }
        command.stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(command.spawn().unwrap());
    }

    /// Its process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// SIGKILL: nothing that it had in hand is put away.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.api)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// How a network is set up.
pub struct Setup {
    /// Fields of the network's file besides those that follow from the keys and the contracts.
    pub network: Value,
    /// Settings of each operator, `name=value`.
    pub settings: &'static [&'static str],
    /// How many operators.
    pub operators: usize,
    /// Tokens that exist.
    pub supply: Amount,
}

/// The network.
pub struct World {
    pub anvil: Anvil,
    pub nodes: Vec<Node>,
    pub operators: OperatorSet,
    pub folder: TempDir,
}

/// What an operator's folder said about its keys.
fn init(
    folder: &TempDir,
    index: usize,
    l2_rpc: &str,
    api: SocketAddr,
    listen: SocketAddr,
) -> (B256, Address) {
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (listen, api) = (listen.to_string(), api.to_string());
    let output = rampart(&["node", "init", "--dir", &path(&format!("operator-{index}"))])
        .args(["--network", &path("network.json"), "--l2-rpc", l2_rpc])
        .args(["--listen", &listen, "--api-listen", &api])
        .args(["--password-file", &path("password")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let word = |name: &str| {
        let line = said.lines().find(|line| line.starts_with(name)).unwrap();
        line[name.len()..]
            .trim()
            .split([' ', ':'])
            .next()
            .unwrap()
            .to_owned()
    };
    (
        word("consensus key").parse().unwrap(),
        word("checkpoint key").parse().unwrap(),
    )
}

/// A network's file as people write it.
fn network(
    setup: &Setup,
    operators: &OperatorSet,
    addresses: &[(B256, SocketAddr)],
    deployed_at: u64,
) -> String {
    let addresses: BTreeMap<String, String> = addresses
        .iter()
        .map(|(key, address)| (key.to_string(), address.to_string()))
        .collect();
    let mut network = setup.network.clone();
    network["operatorSet"] = json!(operators);
    network["addresses"] = json!(addresses);
    network["genesisTimestampMs"] = json!(u64::try_from(now().as_millis()).unwrap());
    network["settlementDeployedAt"] = json!(deployed_at);
    network.to_string()
}

impl World {
    pub async fn new(setup: &Setup) -> Self {
        let (anvil, folder) = (Anvil::start(CHAIN), tempfile::tempdir().unwrap());
        let password = folder.path().join("password");
        std::fs::write(&password, "correct horse").unwrap();
        std::fs::set_permissions(&password, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let mut operators = OperatorSet {
            domain: Domain {
                chain_id: CHAIN,
                settlement: Address::repeat_byte(5),
            },
            operators: vec![Operator {
                public_key: B256::repeat_byte(1),
                checkpoint_key: Address::repeat_byte(1),
                weight: 1,
            }],
        };
        let provisional = network(setup, &operators, &[(B256::repeat_byte(1), free())], 0);
        std::fs::write(folder.path().join("network.json"), provisional).unwrap();

        let (mut nodes, mut addresses) = (Vec::new(), Vec::new());
        operators.operators.clear();
        for index in 0..setup.operators {
            let (listen, api) = (free(), free());
            let (public_key, checkpoint_key) = init(&folder, index, &anvil.url, api, listen);
            operators.operators.push(Operator {
                public_key,
                checkpoint_key,
                weight: 100,
            });
            addresses.push((public_key, listen));
            let config = folder.path().join(format!("operator-{index}/node.toml"));
            let own = ["allow_private_addresses=true", "min_free_mib=64", "poll_ms=100"];
            nodes.push(Node {
                command: "run",
                config: config.to_str().unwrap().to_owned(),
                api,
                process: None,
                settings: own
                    .iter()
                    .chain(setup.settings)
                    .map(|&setting| setting.to_owned())
                    .collect(),
            });
        }
        let hatch = Hatch {
            exit_delay: Seconds(7_200),
            force_delay: Seconds(3_600),
            guardian: Address::ZERO,
        };
        let deployer = Deployer::new(&anvil.url, funded(0)).unwrap();
        let contracts = deployer.deploy_l2(setup.supply, operators.seats(), hatch);
        let contracts = contracts.await.unwrap();
        operators.domain.settlement = contracts.settlement;
        let text = network(setup, &operators, &addresses, contracts.deployed_at);
        for index in 0..setup.operators {
            let path: PathBuf = folder.path().join(format!("operator-{index}/network.json"));
            std::fs::write(path, &text).unwrap();
        }
        nodes.iter_mut().for_each(Node::start);
        Self {
            anvil,
            nodes,
            operators,
            folder,
        }
    }

    /// A follower of all of them, not started yet.
    pub fn follower(&self) -> Node {
        let (folder, api) = (self.folder.path().join("follower"), free());
        std::fs::create_dir(&folder).unwrap();
        let config = folder.join("follower.toml");
        let operators: Vec<String> = self.nodes.iter().map(Node::url).collect();
        let text = format!(
            "state_dir = {:?}\nnetwork_file = {:?}\noperators = {operators:?}\napi_listen = \"{api}\"\nl2_rpc = {:?}\n",
            folder.join("state"),
            self.folder.path().join("operator-0/network.json"),
            self.anvil.url,
        );
        std::fs::write(&config, text).unwrap();
        Node {
            command: "follow",
            config: config.to_str().unwrap().to_owned(),
            api,
            process: None,
            settings: ["min_free_mib=64", "poll_ms=100", "index_cache=4096"]
                .map(str::to_owned)
                .to_vec(),
        }
    }

    /// A client that asks any operator, the one at `first` before the others.
    pub fn client(&self, first: usize) -> NodeClient {
        let order = (0..self.nodes.len()).map(|index| self.nodes[(first + index) % self.nodes.len()].url());
        NodeClient::new(order.collect())
    }

    /// Gives each of these accounts so much in the ledger.
    pub async fn deposit(&self, accounts: &[Address], amount: Amount) {
        let settlement = Settlement::new(&self.anvil.url, self.operators.domain.settlement, Some(funded(0)));
        let settlement = settlement.unwrap();
        for account in accounts {
            settlement.deposit(*account, amount).await.unwrap();
        }
        self.anvil.mine(2).await;
        for account in accounts {
            eventually("the credit", || async {
                let view = self.client(0).account(*account).await.ok()?;
                (view.balance == amount).then_some(())
            })
            .await;
        }
    }

    /// Signs with an account's wallet.
    pub fn sign(&self, signer: &PrivateKeySigner, message: impl Into<Message>) -> SignedTransaction {
        let message = message.into();
        let signature = signer
            .sign_hash_sync(&message.signing_hash(&self.operators.domain))
            .unwrap();
        SignedTransaction {
            message,
            signature: signature.as_bytes().into(),
        }
    }

    /// A provider with one service.
    pub async fn open_shop(&self, provider: &PrivateKeySigner, stake: Amount) {
        let register = self.sign(
            provider,
            RegisterProvider {
                name: "Screening".into(),
                endpoint: "https://screening.example".into(),
                stake,
                nonce: Nonce(0),
            },
        );
        let offer = self.sign(
            provider,
            RegisterService {
                provider: ProviderId(1),
                category: Category::General,
                description: "Screens transactions".into(),
                requests: 100,
                fee: FEE,
                components: Vec::new(),
                upstream_key: AccessKey::default(),
                endpoint: String::new(),
                openapi: B256::ZERO,
                min_duration: Seconds(3_600),
                max_duration: Seconds(86_400),
                nonce: Nonce(1),
            },
        );
        for transaction in [register, offer] {
            self.client(0)
                .submit(&transaction, Some(Duration::from_secs(20)))
                .await
                .unwrap();
        }
        eventually("the service", || async {
            self.client(0).service(ServiceId(1)).await.ok()
        })
        .await;
    }
}

/// Asks until there is an answer.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        let late = tokio::time::Instant::now() > deadline;
        assert!(!late, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(ASK).await;
    }
}
