//! Leaving without the operators (X2), from end to end with the programs that people run: an operator of a real EVM node,
//! proofs kept while it answers, and everyone paid after it has gone.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../../chain/tests/support/anvil.rs"]
mod node;

use ed25519_dalek::SigningKey;
use node::{Anvil, funded};
use rampart_chain::deploy::{Deployer, Hatch};
use rampart_chain::{Finality, Settlement};
use rampart_node::{NetworkFile, NodeConfig, Params};
use rampart_protocol::{Address, Amount, B256, Domain, Operator, OperatorSet, Seconds};
use serde_json::Value;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const CHAIN: u64 = 59_144;
const HATCH: Hatch = Hatch {
    exit_delay: Seconds(7_200),
    force_delay: Seconds(3_600),
    guardian: Address::ZERO,
};
/// Somebody who never did anything on the L2.
const OTHER: Address = Address::repeat_byte(0xee);
/// Longest wait for an operator.
const PATIENCE: Duration = Duration::from_secs(120);

const fn tokens(whole: u128) -> Amount {
    Amount(whole * Amount::TOKEN.0)
}

/// An operator that runs as its own process.
struct Node(Child);

impl Node {
    fn stop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop();
    }
}

struct World {
    anvil: Anvil,
    settlement: Address,
    api: SocketAddr,
    folder: tempfile::TempDir,
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rampart"));
    for name in ["NODE", "OPERATORS", "KEYSTORE", "PASSWORD_FILE", "L2_RPC"] {
        command.env_remove(format!("RAMPART_{name}"));
    }
    command.args(args);
    command
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn secret(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[expect(
    clippy::disallowed_methods,
    reason = "this test is the program that reads the clock"
)]
fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

impl World {
    /// The contracts, the operator's files, and the keystores of the operator (account 2) and of the user (account 1).
    async fn new() -> Self {
        let anvil = Anvil::start(CHAIN);
        let seed = B256::repeat_byte(0x51);
        let public_key = B256::from(SigningKey::from_bytes(&seed.0).verifying_key().to_bytes());
        let mut operators = OperatorSet {
            domain: Domain {
                chain_id: CHAIN,
                settlement: Address::ZERO,
            },
            operators: vec![Operator {
                public_key,
                checkpoint_key: funded(2).address(),
                weight: 100,
            }],
        };
        let deployer = Deployer::new(&anvil.url, funded(0)).unwrap();
        let contracts = deployer.deploy_l2(tokens(1_000_000), operators.seats(), HATCH);
        let contracts = contracts.await.unwrap();
        operators.domain.settlement = contracts.settlement;
        let world = Self {
            anvil,
            settlement: contracts.settlement,
            api: free(),
            folder: tempfile::tempdir().unwrap(),
        };
        let listen = free();
        let network = NetworkFile {
            addresses: [(public_key, listen)].into(),
            operator_set: operators,
            genesis_timestamp_ms: now_ms(),
            settlement_deployed_at: contracts.deployed_at,
            restaking: None,
            checkpoint_interval: 5,
            epoch_blocks: 20,
            params: Params::default(),
            operators: Vec::new(),
            min_interval_ms: 50,
            idle_interval_ms: 250,
        };
        let network = serde_json::to_string(&network).unwrap();
        std::fs::write(world.path("network.json"), network).unwrap();
        secret(&world.path("password"), "correct horse");
        secret(&world.path("consensus.key"), &format!("{seed:x}"));
        for (name, account) in [("key.json", 1), ("checkpoint.json", 2)] {
            secret(
                &world.path("secret"),
                &format!("{:x}", funded(account).to_bytes()),
            );
            let [key, secret, password] = [name, "secret", "password"].map(|name| world.text(name));
            let import = ["account", "import", &key, "--private-key-file", &secret];
            let made = command(&import)
                .args(["--password-file", &password])
                .output()
                .unwrap();
            assert!(made.status.success(), "{}", stderr(&made));
        }
        let config = NodeConfig {
            state_dir: "state".into(),
            network_file: "network.json".into(),
            consensus_key_file: "consensus.key".into(),
            checkpoint_keystore: "checkpoint.json".into(),
            checkpoint_password_file: Some("password".into()),
            listen,
            reachable_at: None,
            bootstrappers: std::collections::BTreeMap::new(),
            state_sync: false,
            api_listen: world.api,
            metrics_listen: None,
            l2_rpc: world.anvil.url.clone().into(),
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
        };
        let config = toml::to_string(&config).unwrap();
        std::fs::write(world.path("node.toml"), config).unwrap();
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn start(&self) -> Node {
        let config = self.text("node.toml");
        let mut node = command(&["node", "run", "--config", &config]);
        node.stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Node(node.spawn().unwrap())
    }

    fn settlement(&self) -> Settlement {
        Settlement::new(&self.anvil.url, self.settlement, Some(funded(0))).unwrap()
    }

    /// A command that asks the operator and knows whom to trust.
    fn asks(&self, args: &[&str]) -> Output {
        let (node, network) = (format!("http://{}", self.api), self.text("network.json"));
        let whom = ["--node", &node, "--operators", &network, "--json"];
        command(args).args(whom).output().unwrap()
    }

    /// A command on the L2 with the user's key.
    fn leaves(&self, args: &[&str]) -> Output {
        let [key, password, network] = ["key.json", "password", "network.json"].map(|name| self.text(name));
        let account = ["--keystore", &key, "--password-file", &password];
        let chain = ["--l2-rpc", &self.anvil.url, "--operators", &network, "--json"];
        let node = ["--node".to_owned(), format!("http://{}", self.api)];
        let asks = if args[0] == "exit" { &node[..] } else { &[] };
        let mut command = command(&["account"]);
        command.args(args).args(account).args(chain).args(asks);
        command.output().unwrap()
    }

    /// Waits until the last checkpoint on the chain gives an account so much.
    async fn gives(&self, account: Address, amount: Amount) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let account = account.to_string();
            let asked = ["account", "exit-proof", &account, "--l2-rpc", &self.anvil.url];
            let answer = self.asks(&asked);
            if answer.status.success() && json(&answer)["amount"] == amount.0.to_string() {
                return;
            }
            let late = tokio::time::Instant::now() > deadline;
            assert!(!late, "not within {PATIENCE:?}: {}", stderr(&answer));
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }
}

#[track_caller]
fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", stderr(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn fails(output: &Output, code: i32, says: &str) {
    assert_eq!(output.status.code(), Some(code), "{}", stderr(output));
    assert!(stderr(output).contains(says), "{}", stderr(output));
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_leaves_with_what_was_kept_while_the_operator_answered() {
    let world = World::new().await;
    let mut node = world.start();
    let (own, operator) = (funded(1).address(), funded(2).address());
    let settlement = world.settlement();
    settlement.deposit(own, tokens(7)).await.unwrap();
    settlement.deposit(OTHER, tokens(5)).await.unwrap();
    world.anvil.mine(2).await;
    world.gives(OTHER, tokens(5)).await;

    // One account's proof, checked by signatures alone; and everybody's, checked by the chain.
    let (proof, exits) = (world.text("proof.json"), world.text("all.exits"));
    let mine = own.to_string();
    let kept = json(&world.asks(&["account", "exit-proof", &mine, "--save", &proof]));
    assert_eq!(kept["amount"], tokens(7).0.to_string());
    let archived = world.asks(&["network", "exits", "--save", &exits, "--l2-rpc", &world.anvil.url]);
    let archived = json(&archived);
    assert_eq!(
        (&archived["accounts"], &archived["total"]),
        (&3.into(), &tokens(12).0.to_string().into())
    );
    let stranger = Address::repeat_byte(9).to_string();
    fails(
        &world.asks(&["account", "exit-proof", &stranger]),
        3,
        "knows no account",
    );
    fails(&world.leaves(&["exit"]), 3, "the settlement is not frozen");
    node.stop();

    world.anvil.pass(HATCH.exit_delay.0).await;
    json(&world.leaves(&["freeze"]));
    fails(
        &world.leaves(&["exit"]),
        4,
        "with one that was kept, name it with --proof or --exits",
    );
    let other = OTHER.to_string();
    fails(
        &world.leaves(&["exit", "--proof", &proof, "--account", &other]),
        1,
        "asked for was that of",
    );
    fails(
        &world.leaves(&["exit", "--exits", &proof]),
        1,
        "no archive of exits",
    );
    fails(
        &world.leaves(&["exit", "--exits", &exits, "--account", &stranger]),
        1,
        "knows no account",
    );
    let mut damaged = std::fs::read(&exits).unwrap();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    std::fs::write(world.path("damaged.exits"), damaged).unwrap();
    fails(
        &world.leaves(&["exit", "--exits", &world.text("damaged.exits")]),
        1,
        "damaged",
    );

    let paid = json(&world.leaves(&["exit", "--proof", &proof]));
    assert_eq!(
        (&paid["account"], &paid["amount"]),
        (&kept["account"], &kept["amount"])
    );
    fails(&world.leaves(&["exit", "--exits", &exits]), 3, "was paid already");
    for (account, amount) in [(OTHER, tokens(5)), (operator, Amount::ZERO)] {
        let account = account.to_string();
        let paid = json(&world.leaves(&["exit", "--exits", &exits, "--account", &account]));
        assert_eq!(paid["amount"], amount.0.to_string());
    }
    for (account, amount) in [(own, 7), (OTHER, 5), (operator, 0), (world.settlement, 0)] {
        let held = settlement.token_balance(account).await.unwrap();
        assert_eq!(held, tokens(amount), "{account}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_still_answers_is_asked_for_the_proof_and_says_that_it_is_over() {
    let world = World::new().await;
    let _node = world.start();
    let own = funded(1).address();
    world.settlement().deposit(own, tokens(7)).await.unwrap();
    world.anvil.mine(2).await;
    world.gives(own, tokens(7)).await;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        world.anvil.pass(HATCH.exit_delay.0).await;
        let frozen = world.leaves(&["freeze"]);
        if frozen.status.success() {
            break;
        }
        // A checkpoint came in between.
        fails(&frozen, 3, "the operators are not silent for long enough");
        assert!(tokio::time::Instant::now() < deadline);
    }
    let network = loop {
        let status = world.asks(&["network", "status"]);
        if json(&status)["frozen"] == true {
            break status;
        }
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(json(&network)["settlement"], format!("{:#x}", world.settlement));
    assert_eq!(json(&world.leaves(&["exit"]))["amount"], tokens(7).0.to_string());
    let [key, password] = ["key.json", "password"].map(|name| world.text(name));
    let keys = ["--keystore", &key, "--password-file", &password];
    let other = OTHER.to_string();
    let send = [&["account", "transfer", "--to", &other, "1"], &keys[..]].concat();
    fails(&world.asks(&send), 3, "settlement_frozen");
}
