//! `rampart operator register …`, `investor restake …` and `governance …` against a real EVM node with EigenLayer's real
//! core: what each does, says, and exits with. No operator runs.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "../../chain/tests/support/anvil.rs"]
mod node;
#[path = "../../chain/tests/support/restaking.rs"]
mod restaking;

use alloy::primitives::U256;
use alloy::signers::SignerSync as _;
use node::funded;
use rampart_chain::deploy::Deployer;
use rampart_protocol::eip712::EcdsaSignature;
use rampart_protocol::{Address, B256, Checkpoint, Domain, SignedCheckpoint};
use restaking::{DELAYS, ONE, Restaking, TIMELOCK_DELAY, VOTING_DELAY, VOTING_PERIOD};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

const SETTLEMENT: Domain = Domain {
    chain_id: 59_144,
    settlement: Address::repeat_byte(0x5e),
};
const OPERATOR: usize = 1;
const INVESTOR: usize = 2;

struct World {
    chain: Restaking,
    folder: tempfile::TempDir,
}

fn rampart(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rampart"));
    for name in ["KEYSTORE", "PASSWORD_FILE", "L1_RPC", "L1_CONTRACTS"] {
        command.env_remove(format!("RAMPART_{name}"));
    }
    command.args(args).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

impl World {
    /// Nobody has done anything; the command line has the keys of an operator and of an investor.
    async fn start() -> Self {
        let chain = Restaking::start(SETTLEMENT).await;
        let folder = tempfile::tempdir().unwrap();
        let world = Self { chain, folder };
        let contracts = serde_json::to_string(&world.chain.contracts).unwrap();
        std::fs::write(world.text("l1.json"), contracts).unwrap();
        world.secret("password", "correct horse");
        world.secret("consensus.key", &format!("{:x}", B256::repeat_byte(3)));
        for account in [0, OPERATOR, INVESTOR] {
            world.secret("secret", &format!("{:x}", funded(account).to_bytes()));
            let [key, secret, password] =
                [&format!("{account}.json"), "secret", "password"].map(|name| world.text(name));
            let import = ["account", "import", &key, "--private-key-file", &secret];
            let made = rampart(&[&import[..], &["--password-file", &password]].concat());
            assert!(made.status.success(), "{}", stderr(&made));
            std::fs::remove_file(&secret).unwrap();
        }
        world
    }

    fn text(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn secret(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Asks about the L1.
    fn read(&self, args: &[&str]) -> Value {
        let contracts = self.text("l1.json");
        let l1 = [
            "--l1-rpc",
            &self.chain.anvil.url,
            "--l1-contracts",
            &contracts,
            "--json",
        ];
        let output = rampart(&[args, &l1].concat());
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn run(&self, account: usize, args: &[&str]) -> Output {
        let [contracts, key, password] =
            ["l1.json", &format!("{account}.json"), "password"].map(|name| self.text(name));
        let l1 = [
            "--l1-rpc",
            &self.chain.anvil.url,
            "--l1-contracts",
            &contracts,
            "--json",
        ];
        rampart(&[args, &l1, &["--keystore", &key, "--password-file", &password]].concat())
    }

    #[track_caller]
    fn done(&self, account: usize, args: &[&str]) -> Value {
        let output = self.run(account, args);
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    #[track_caller]
    fn refused(&self, account: usize, args: &[&str], says: &str) {
        let output = self.run(account, args);
        assert_eq!(output.status.code(), Some(3), "{args:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(says), "{args:?}: {}", stderr(&output));
    }

    async fn join(&self) {
        self.done(OPERATOR, &["operator", "register"]);
        self.chain.anvil.mine(u64::from(DELAYS.configuration) + 1).await;
        self.done(OPERATOR, &["operator", "allocate", "100"]);
        let key = self.text("consensus.key");
        let join = ["operator", "join", "--consensus-key", &key, "--commission"];
        self.refused(OPERATOR, &[&join[..], &["21"]].concat(), "commission");
        self.done(OPERATOR, &[&join[..], &["7.5"]].concat());
    }
}

fn signed(state: u8) -> Value {
    let checkpoint = Checkpoint {
        epoch: 0,
        height: 70,
        state_root: B256::repeat_byte(state),
        withdrawals_root: B256::ZERO,
        exit_root: B256::ZERO,
        inbox_count: 0,
        next_operator_set: B256::repeat_byte(9),
    };
    let signature = funded(OPERATOR)
        .sign_hash_sync(&checkpoint.signing_hash(&SETTLEMENT))
        .unwrap();
    let signed = SignedCheckpoint {
        checkpoint,
        signature: EcdsaSignature::new(signature.as_bytes()),
    };
    serde_json::to_value(signed).unwrap()
}

#[tokio::test]
async fn an_operator_joins_an_investor_restakes_the_operator_is_accused_and_the_investor_leaves() {
    let world = World::start().await;
    let operator = funded(OPERATOR).address().to_string();
    let investor = funded(INVESTOR).address().to_string();
    let to_it = ["--operator", &operator];
    let restake = [&["investor", "restake", "40"], &to_it[..]].concat();
    world.refused(INVESTOR, &restake, "operator");
    world.join().await;
    let restaked = world.done(INVESTOR, &restake);
    assert_eq!(restaked["credited"], (40 * ONE).to_string());
    world.done(INVESTOR, &[&["operator", "sync"], &to_it[..]].concat());
    let stake = world.read(&["operator", "stake", &operator]);
    assert_eq!(stake["told"], (40 * ONE).to_string());
    assert_eq!(
        (&stake["member"], &stake["registered"]),
        (&true.into(), &true.into())
    );
    let position = [&["investor", "position", &investor], &to_it[..]].concat();
    assert_eq!(world.read(&position)["weight"], (40 * ONE).to_string());

    let deployer = Deployer::new(&world.chain.anvil.url, funded(0)).unwrap();
    let manager = world.chain.contracts.service_manager;
    deployer.transfer_coin(manager, U256::from(ONE)).await.unwrap();
    let evidence = world.text("evidence.json");
    let accuse = ["operator", "accuse", &evidence];
    std::fs::write(&evidence, Value::from(vec![signed(1), signed(1)]).to_string()).unwrap();
    world.refused(0, &accuse, "conflict");
    std::fs::write(&evidence, "[]").unwrap();
    assert_eq!(world.run(0, &accuse).status.code(), Some(1));
    std::fs::write(&evidence, Value::from(vec![signed(1), signed(2)]).to_string()).unwrap();
    let punished = world.done(0, &accuse);
    assert_eq!(punished["slashed"], (20 * ONE).to_string());
    assert_ne!(punished["bounty"], "0");
    world.refused(0, &accuse, "already");
    let poke = [&["investor", "poke", "--investor", &investor], &to_it[..]].concat();
    assert_eq!(world.done(0, &poke)["stake"]["position"], (20 * ONE).to_string());

    let withdraw = [&["investor", "withdraw", "20"], &to_it[..]].concat();
    let id = world.done(INVESTOR, &withdraw)["id"].as_str().unwrap().to_owned();
    let early = world.run(INVESTOR, &["investor", "complete", &id]);
    assert_eq!(early.status.code(), Some(1));
    assert!(stderr(&early).contains("from block"), "{}", stderr(&early));
    world.chain.anvil.mine(u64::from(DELAYS.withdrawal) + 1).await;
    let paid = world.done(0, &["investor", "complete", &id]);
    assert_eq!(paid["paid"], (20 * ONE).to_string());
    assert_eq!(
        paid["investor"].as_str().unwrap().to_lowercase(),
        investor.to_lowercase()
    );
    world.done(OPERATOR, &["operator", "commission", "3"]);
    world.done(OPERATOR, &["operator", "leave"]);
    assert_eq!(world.read(&["operator", "stake", &operator])["member"], false);
}

#[tokio::test]
async fn a_decision_goes_from_its_proposal_over_the_vote_to_its_execution() {
    let world = World::start().await;
    world.join().await;
    let operator = funded(OPERATOR).address().to_string();
    world.done(INVESTOR, &["investor", "restake", "40", "--operator", &operator]);
    let propose = [
        "governance",
        "propose",
        "set",
        "storage_fee=5",
        "wait_max=9",
        "--description",
        "cheaper",
    ];
    world.refused(INVESTOR, &propose, "voting weight of 0");
    world.done(INVESTOR, &["governance", "delegate"]);
    world.chain.anvil.pass(1).await;
    let investor = funded(INVESTOR).address().to_string();
    assert_ne!(world.read(&["governance", "votes", &investor])["votes"], "0");
    let proposal = world.done(INVESTOR, &propose);
    let id = proposal["id"].as_str().unwrap();
    let vote = ["governance", "vote", id, "for", "--reason", "yes"];
    world.refused(INVESTOR, &vote, "proposal");
    world.chain.anvil.pass(VOTING_DELAY.0 + 1).await;
    world.done(INVESTOR, &vote);
    world.refused(0, &["governance", "queue", id], "proposal");
    world.chain.anvil.pass(VOTING_PERIOD.0).await;
    let shown = world.read(&["governance", "show", id]);
    assert_eq!(
        (&shown["state"], &shown["description"]),
        (&"succeeded".into(), &"cheaper".into())
    );
    world.done(0, &["governance", "queue", id]);
    world.refused(0, &["governance", "execute", id], "timelock");
    world.chain.anvil.pass(TIMELOCK_DELAY.0 + 1).await;
    world.done(0, &["governance", "execute", id]);
    assert_eq!(world.read(&["governance", "show", id])["state"], "executed");
    let unknown = world.run(0, &["governance", "queue", "7"]);
    assert!(stderr(&unknown).contains("no proposal 7"), "{}", stderr(&unknown));
}

#[tokio::test]
async fn another_chain_and_a_wrong_file_are_refused_before_anything_is_sent() {
    let world = World::start().await;
    let mut contracts = serde_json::to_value(world.chain.contracts).unwrap();
    contracts["chainId"] = 1.into();
    std::fs::write(world.text("l1.json"), contracts.to_string()).unwrap();
    let wrong = world.run(OPERATOR, &["operator", "register"]);
    assert!(
        stderr(&wrong).contains("serves chain 31337, 1 is configured"),
        "{}",
        stderr(&wrong)
    );
    std::fs::write(world.text("l1.json"), "{}").unwrap();
    let wrong = world.run(OPERATOR, &["operator", "register"]);
    assert!(
        stderr(&wrong).contains("holds no contracts of the L1"),
        "{}",
        stderr(&wrong)
    );
}
