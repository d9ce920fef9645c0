//! Operators that are killed without warning, as processes, while consumers buy: what was confirmed stays, and nobody ever sees
//! another chain.
//!
//! The ordinary tests kill a few times; `cargo xtask kill` as often as one likes.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../../chain/tests/support/anvil.rs"]
mod node;

use alloy::signers::{SignerSync as _, local::PrivateKeySigner};
use node::{Anvil, funded};
use rampart_chain::Settlement;
use rampart_chain::deploy::{Deployer, Hatch};
use rampart_client::{NodeClient, verify_confirmation};
use rampart_protocol::message::{Purchase, RegisterProvider, RegisterService};
use rampart_protocol::{
    AccessKey, Address, Amount, B256, Category, Confirmation, Domain, Message, Nonce, Operator, OperatorSet,
    ProviderId, PurchaseId, Seconds, ServiceId, SignedTransaction, Timestamp,
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::json;
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

const CHAIN: u64 = 59_144;
const OPERATORS: usize = 4;
/// Kills of the ordinary tests.
const KILLS: usize = 5;
/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often a consumer asks again.
const ASK: Duration = Duration::from_millis(50);
const FEE: Amount = Amount(Amount::TOKEN.0 * 2);

const fn tokens(whole: u128) -> Amount {
    Amount(whole * Amount::TOKEN.0)
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[expect(
    clippy::disallowed_methods,
    reason = "this test is the program that reads the clock"
)]
fn now() -> Duration {
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

/// An operator: its folder, and its process while it runs.
struct Node {
    config: String,
    api: SocketAddr,
    process: Option<Child>,
}

impl Node {
    fn start(&mut self) {
        let mut command = rampart(&["node", "run", "--config", &self.config]);
        command.args([
            "--set",
            "allow_private_addresses=true",
            "--set",
            "min_free_mib=64",
        ]);
        command.args(["--set", "poll_ms=100", "--set", "index_cache=4096"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(command.spawn().unwrap());
    }

    /// SIGKILL: nothing that it had in hand is put away.
    fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    fn url(&self) -> String {
        format!("http://{}", self.api)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

struct World {
    anvil: Anvil,
    nodes: Vec<Node>,
    operators: OperatorSet,
    _folder: TempDir,
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
fn network(operators: &OperatorSet, addresses: &[(B256, SocketAddr)], deployed_at: u64) -> String {
    let addresses: BTreeMap<String, String> = addresses
        .iter()
        .map(|(key, address)| (key.to_string(), address.to_string()))
        .collect();
    json!({
        "operatorSet": operators,
        "addresses": addresses,
        "genesisTimestampMs": u64::try_from(now().as_millis()).unwrap(),
        "settlementDeployedAt": deployed_at,
        "checkpointInterval": 10,
        "epochBlocks": 40,
        "minIntervalMs": 50,
        "idleIntervalMs": 500,
    })
    .to_string()
}

impl World {
    async fn new() -> Self {
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
        let provisional = network(&operators, &[(B256::repeat_byte(1), free())], 0);
        std::fs::write(folder.path().join("network.json"), provisional).unwrap();

        let (mut nodes, mut addresses) = (Vec::new(), Vec::new());
        operators.operators.clear();
        for index in 0..OPERATORS {
            let (listen, api) = (free(), free());
            let (public_key, checkpoint_key) = init(&folder, index, &anvil.url, api, listen);
            operators.operators.push(Operator {
                public_key,
                checkpoint_key,
                weight: 100,
            });
            addresses.push((public_key, listen));
            let config = folder.path().join(format!("operator-{index}/node.toml"));
            nodes.push(Node {
                config: config.to_str().unwrap().to_owned(),
                api,
                process: None,
            });
        }
        let hatch = Hatch {
            exit_delay: Seconds(7_200),
            force_delay: Seconds(3_600),
            guardian: Address::ZERO,
        };
        let deployer = Deployer::new(&anvil.url, funded(0)).unwrap();
        let contracts = deployer.deploy_l2(tokens(10_000_000), operators.seats(), hatch);
        let contracts = contracts.await.unwrap();
        operators.domain.settlement = contracts.settlement;
        let text = network(&operators, &addresses, contracts.deployed_at);
        for index in 0..OPERATORS {
            let path: PathBuf = folder.path().join(format!("operator-{index}/network.json"));
            std::fs::write(path, &text).unwrap();
        }
        nodes.iter_mut().for_each(Node::start);
        Self {
            anvil,
            nodes,
            operators,
            _folder: folder,
        }
    }

    /// A client that asks any operator, the one at `first` before the others.
    fn client(&self, first: usize) -> NodeClient {
        let order = (0..OPERATORS).map(|index| self.nodes[(first + index) % OPERATORS].url());
        NodeClient::new(order.collect())
    }

    async fn deposit(&self, accounts: &[Address]) {
        let settlement = Settlement::new(&self.anvil.url, self.operators.domain.settlement, Some(funded(0)));
        let settlement = settlement.unwrap();
        for account in accounts {
            settlement.deposit(*account, tokens(100_000)).await.unwrap();
        }
        self.anvil.mine(2).await;
        for account in accounts {
            eventually("the credit", || async {
                let view = self.client(0).account(*account).await.ok()?;
                (view.balance == tokens(100_000)).then_some(())
            })
            .await;
        }
    }

    fn sign(&self, signer: &PrivateKeySigner, message: impl Into<Message>) -> SignedTransaction {
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
    async fn open_shop(&self, provider: &PrivateKeySigner) {
        let register = self.sign(
            provider,
            RegisterProvider {
                name: "Screening".into(),
                endpoint: "https://screening.example".into(),
                stake: tokens(50_000),
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

async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
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

/// Digest and state root by height, and the heights at which another was seen.
type Roots = (BTreeMap<u64, (B256, B256)>, Vec<u64>);

/// What consumers and observers hold against the operators at the end.
#[derive(Clone, Default)]
struct Seen {
    /// Confirmations that a consumer verified.
    confirmed: Arc<Mutex<BTreeMap<PurchaseId, Confirmation>>>,
    /// The block and the state root that were seen first at a height, and heights at which another was seen.
    roots: Arc<Mutex<Roots>>,
}

/// Buys one package after another, and again whatever is not confirmed soon: the same message is the same purchase.
async fn buy(client: NodeClient, signer: PrivateKeySigner, operators: OperatorSet, seen: Seen) {
    let domain = operators.domain;
    for nonce in 0.. {
        let purchase = Purchase {
            consumer: signer.address(),
            provider: ProviderId(1),
            service: ServiceId(1),
            version: 1,
            fee: FEE,
            access_key: AccessKey(B256::repeat_byte(0x11)),
            expires_at: Timestamp(now().as_secs() + 7_200),
            nonce: Nonce(nonce),
        };
        let id = purchase.id(&domain);
        let message = Message::from(purchase);
        let signature = signer.sign_hash_sync(&message.signing_hash(&domain)).unwrap();
        let transaction = SignedTransaction {
            message,
            signature: signature.as_bytes().into(),
        };
        let confirmation = loop {
            // Whatever it answers: only a confirmation counts.
            let _ = client.submit(&transaction, None).await;
            let asked = async {
                loop {
                    match client.confirmation(id).await {
                        Ok(confirmation) => break confirmation,
                        Err(_) => tokio::time::sleep(ASK).await,
                    }
                }
            };
            if let Ok(confirmation) = tokio::time::timeout(Duration::from_secs(2), asked).await {
                break confirmation;
            }
        };
        verify_confirmation(&confirmation, &operators).unwrap();
        seen.confirmed.lock().unwrap().insert(id, confirmation);
    }
}

/// Compares what operators say of their state, whenever two speak of one height.
async fn compare(urls: Vec<String>, seen: Seen) {
    let clients: Vec<NodeClient> = urls.into_iter().map(|url| NodeClient::new(vec![url])).collect();
    loop {
        for client in &clients {
            if let Ok(status) = client.status().await {
                let mut roots = seen.roots.lock().unwrap();
                let here = (status.digest, status.state_root);
                if *roots.0.entry(status.height).or_insert(here) != here {
                    roots.1.push(status.height);
                }
            }
        }
        tokio::time::sleep(ASK).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_that_are_killed_lose_no_confirmed_purchase_and_make_no_fork() {
    kill(KILLS, 1).await;
}

/// `cargo xtask kill --times N`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "as often as one likes: cargo xtask kill"]
async fn many_kills() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let times = usize::try_from(number("RAMPART_KILL_TIMES").unwrap_or(100)).unwrap();
    kill(times, number("RAMPART_KILL_SEED").unwrap_or(1)).await;
}

async fn kill(times: usize, seed: u64) {
    let mut world = World::new().await;
    let provider = funded(1);
    let buyers = [funded(2), funded(3)];
    let accounts = [provider.address(), buyers[0].address(), buyers[1].address()];
    world.deposit(&accounts).await;
    world.open_shop(&provider).await;

    let seen = Seen::default();
    let mut tasks = tokio::task::JoinSet::new();
    for (first, buyer) in buyers.into_iter().enumerate() {
        tasks.spawn(buy(
            world.client(first),
            buyer,
            world.operators.clone(),
            seen.clone(),
        ));
    }
    let urls = world.nodes.iter().map(Node::url).collect();
    tasks.spawn(compare(urls, seen.clone()));

    let mut random = StdRng::seed_from_u64(seed);
    for time in 0..times {
        tokio::time::sleep(Duration::from_millis(random.random_range(0..1_500))).await;
        let before = seen.confirmed.lock().unwrap().len();
        let victim = random.random_range(0..OPERATORS);
        world.nodes[victim].kill();
        tokio::time::sleep(Duration::from_millis(random.random_range(0..1_500))).await;
        world.nodes[victim].start();
        let client = NodeClient::new(vec![world.nodes[victim].url()]);
        eventually("the operator that was killed", || async {
            client.totals().await.ok()
        })
        .await;
        // The next is killed only when this one is a part of the quorum again, or more than f would be missing.
        eventually("a purchase after the kill", || async {
            (seen.confirmed.lock().unwrap().len() > before).then_some(())
        })
        .await;
        let heights = heights(&world).await;
        assert!(heights.iter().all(Option::is_some), "kill {time}: {heights:?}");
    }
    tasks.shutdown().await;
    check(&world, &seen, times).await;
}

async fn heights(world: &World) -> Vec<Option<u64>> {
    let mut heights = Vec::new();
    for node in &world.nodes {
        let status = NodeClient::new(vec![node.url()]).status().await;
        heights.push(status.ok().map(|status| status.height));
    }
    heights
}

/// Every operator has every confirmed purchase, with the record that was confirmed; and no two spoke of different states.
async fn check(world: &World, seen: &Seen, times: usize) {
    let confirmed = seen.confirmed.lock().unwrap().clone();
    for node in &world.nodes {
        let client = NodeClient::new(vec![node.url()]);
        for (id, confirmation) in &confirmed {
            let found = eventually("a confirmed purchase", || async {
                client.confirmation(*id).await.ok()
            })
            .await;
            assert_eq!(
                found.record,
                confirmation.record,
                "purchase {id} at {}",
                node.url()
            );
        }
    }
    let totals = eventually("equal totals", || async {
        let mut all = Vec::new();
        for node in &world.nodes {
            all.push(NodeClient::new(vec![node.url()]).totals().await.ok()?);
        }
        all.windows(2).all(|two| two[0] == two[1]).then(|| all.remove(0))
    })
    .await;
    let roots = seen.roots.lock().unwrap();
    assert!(roots.1.is_empty(), "different states at heights {:?}", roots.1);
    println!(
        "{times} kills, {} confirmed purchases at all operators, {} heights compared, {} deposited",
        confirmed.len(),
        roots.0.len(),
        totals.deposited.to_tokens()
    );
}
