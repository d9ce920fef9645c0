//! `rampart account force`, `freeze`, `exit` and `recover-deposit` against a real EVM node with the real contracts: what
//! each does, says, and exits with. No operator runs.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../../chain/tests/support/anvil.rs"]
mod node;

use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use node::{Anvil, funded};
use rampart_chain::Settlement;
use rampart_chain::deploy::{Deployer, Hatch, L2Contracts};
use rampart_protocol::message::Claim;
use rampart_protocol::{
    Address, Amount, B256, Checkpoint, Domain, Message, Nonce, Operator, OperatorSet, ProviderId, Seconds,
    SignedCheckpoint, merkle,
};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const CHAIN: u64 = 59_144;
const HATCH: Hatch = Hatch {
    exit_delay: Seconds(7_200),
    force_delay: Seconds(3_600),
    guardian: Address::ZERO,
};

struct World {
    anvil: Anvil,
    contracts: L2Contracts,
    operators: OperatorSet,
    folder: tempfile::TempDir,
}

fn secret(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn rampart(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rampart"));
    for name in ["NODE", "OPERATORS", "KEYSTORE", "PASSWORD_FILE", "L2_RPC"] {
        command.env_remove(format!("RAMPART_{name}"));
    }
    command.args(args).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn operator_key() -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(1)).unwrap()
}

impl World {
    /// One operator; the account of the command line has coins and no tokens.
    async fn start() -> Self {
        let anvil = Anvil::start(CHAIN);
        let mut operators = OperatorSet {
            domain: Domain {
                chain_id: CHAIN,
                settlement: Address::ZERO,
            },
            operators: vec![Operator {
                public_key: B256::repeat_byte(1),
                checkpoint_key: operator_key().address(),
                weight: 100,
            }],
        };
        let deployer = Deployer::new(&anvil.url, funded(0)).unwrap();
        let contracts = deployer.deploy_l2(Amount(1 << 100), operators.seats(), HATCH);
        let contracts = contracts.await.unwrap();
        operators.domain.settlement = contracts.settlement;
        let world = Self {
            anvil,
            contracts,
            operators,
            folder: tempfile::tempdir().unwrap(),
        };
        let file = |name| world.path(name);
        std::fs::write(
            file("operators.json"),
            serde_json::to_string(&world.operators).unwrap(),
        )
        .unwrap();
        secret(&file("password"), "correct horse");
        secret(&file("secret"), &format!("{:x}", funded(1).to_bytes()));
        let [key, secret, password] = ["key.json", "secret", "password"].map(|name| world.text(name));
        let import = ["account", "import", &key, "--private-key-file", &secret];
        let made = rampart(&[&import[..], &["--password-file", &password]].concat());
        assert!(made.status.success(), "{}", stderr(&made));
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn settlement(&self, signer: usize) -> Settlement {
        Settlement::new(&self.anvil.url, self.contracts.settlement, Some(funded(signer))).unwrap()
    }

    fn run(&self, args: &[&str]) -> Output {
        let [key, password, operators] =
            ["key.json", "password", "operators.json"].map(|name| self.text(name));
        let account = ["--keystore", &key, "--password-file", &password];
        let chain = ["--l2-rpc", &self.anvil.url, "--operators", &operators];
        rampart(&[&["account"], args, &account, &chain, &["--json"]].concat())
    }

    #[track_caller]
    fn done(&self, args: &[&str]) -> Value {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    #[track_caller]
    fn refused(&self, args: &[&str], says: &str) {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(3), "{args:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(says), "{args:?}: {}", stderr(&output));
    }

    async fn certify(&self, exit_root: B256, inbox_count: u64) {
        let checkpoint = Checkpoint {
            epoch: 0,
            height: 10,
            state_root: B256::repeat_byte(7),
            withdrawals_root: B256::ZERO,
            exit_root,
            inbox_count,
            next_operator_set: self.operators.hash(),
        };
        let digest = checkpoint.signing_hash(&self.operators.domain);
        let signed = SignedCheckpoint {
            checkpoint,
            signature: operator_key().sign_hash_sync(&digest).unwrap().as_bytes().into(),
        };
        let submitted = self
            .settlement(2)
            .submit_checkpoint(&checkpoint, &self.operators, &[signed])
            .await;
        submitted.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_ignored_forces_freezes_and_leaves() {
    let world = World::start().await;
    let (someone, account) = (Address::repeat_byte(0xee).to_string(), funded(1).address());
    world.settlement(0).deposit(account, Amount::TOKEN).await.unwrap();
    let forced = world.done(&["force", "transfer", "0.5", "--to", &someone]);
    assert_eq!(
        (&forced["index"], &forced["message"]),
        (&1.into(), &"Transfer".into())
    );
    let forced = world.done(&["force", "withdraw", "0.5"]);
    assert_eq!(
        (&forced["index"], &forced["message"]),
        (&2.into(), &"Withdraw".into())
    );
    let claim = Message::from(Claim {
        provider: ProviderId(1),
        nonce: Nonce(0),
    });
    let bytes = alloy::hex::encode_prefixed(claim.to_bytes());
    let forced = world.done(&["force", "message", &bytes]);
    assert_eq!(
        (&forced["index"], &forced["message"]),
        (&3.into(), &"Claim".into())
    );
    world
        .settlement(0)
        .deposit(account, Amount(2 * Amount::TOKEN.0))
        .await
        .unwrap();

    let leaf = merkle::exit_leaf(account, Amount::TOKEN);
    world.certify(leaf, 1).await;
    let proof = format!(
        r#"{{"account":"{account}","amount":"{}","proof":[]}}"#,
        Amount::TOKEN.0
    );
    std::fs::write(world.path("exit.json"), proof).unwrap();
    let proof = world.text("exit.json");
    let exit = ["exit", "--proof", &proof];

    world.refused(&["freeze"], "the operators are not silent for long enough");
    world.refused(&["freeze", "--ignored", "1"], "does not wait for long enough");
    world.refused(&exit, "the settlement is not frozen");
    world.anvil.pass(HATCH.force_delay.0).await;
    world.refused(&["freeze"], "the operators are not silent for long enough");
    world.refused(&["freeze", "--ignored", "4"], "is no forced message");
    world.done(&["freeze", "--ignored", "3"]);
    world.refused(&["force", "withdraw", "0.5"], "frozen for ever");

    assert_eq!(world.done(&exit)["amount"], Amount::TOKEN.0.to_string());
    world.refused(&exit, "was paid already");
    world.refused(&["recover-deposit", "0", "1"], "the ledger has consumed entry 0");
    world.refused(
        &["recover-deposit", "4", "1"],
        "no deposit of this account and amount",
    );
    world.done(&["recover-deposit", "4", "2"]);
    let paid = world.settlement(1).token_balance(account).await.unwrap();
    assert_eq!(paid, Amount(3 * Amount::TOKEN.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_to_another_chain_or_without_an_operator_set_to_trust() {
    let mut world = World::start().await;
    let without = [
        "account",
        "freeze",
        "--keystore",
        "key",
        "--l2-rpc",
        &world.anvil.url,
    ];
    let without = rampart(&without);
    assert_eq!(without.status.code(), Some(2));
    assert!(stderr(&without).contains("--operators"), "{}", stderr(&without));
    let wrong = world.run(&["force", "message", "0x00"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(
        stderr(&wrong).contains("no message of the ledger"),
        "{}",
        stderr(&wrong)
    );

    world.anvil = Anvil::start(CHAIN + 1);
    let other = world.run(&["force", "withdraw", "0.5"]);
    assert_eq!(other.status.code(), Some(1));
    assert!(
        stderr(&other).contains("serves chain 59145, 59144 is configured"),
        "{}",
        stderr(&other)
    );
}
