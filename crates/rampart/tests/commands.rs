//! The commands of the economy: what wrong input answers before anything is sent, how the ledger's rejections are told,
//! and that an operator's sealed verdict outlives the command and stays secret. The rules themselves are the ledger's,
//! and `cargo xtask devnet --demo` shows them at work.
#![allow(clippy::unwrap_used, missing_docs)]

mod canned;

use canned::Node;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A case, or a purchase.
const ID: &str = "0x1111111111111111111111111111111111111111111111111111111111111111";

fn rampart(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rampart"));
    for name in [
        "NODE",
        "OPERATORS",
        "KEYSTORE",
        "PASSWORD_FILE",
        "WALLET",
        "VERDICTS",
    ] {
        command.env_remove(format!("RAMPART_{name}"));
    }
    command.args(args).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn all(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap() + &stderr(output)
}

/// A folder with an account's key.
struct Signer {
    folder: tempfile::TempDir,
}

impl Signer {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let signer = Self { folder };
        let (password, key) = (signer.path("password"), signer.path("secret"));
        for (path, text) in [(&password, "correct horse"), (&key, &"59".repeat(32))] {
            std::fs::write(path, text).unwrap();
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        let keystore = signer.path("key.json");
        let [password, key, keystore] = [&password, &key, &keystore].map(|path| path.to_str().unwrap());
        let made = rampart(&[
            "account",
            "import",
            keystore,
            "--private-key-file",
            key,
            "--password-file",
            password,
        ]);
        assert!(made.status.success(), "{}", stderr(&made));
        signer
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a command with the key, at a node.
    fn run(&self, node: &Node, args: &[&str]) -> Output {
        let (keystore, password) = (self.path("key.json"), self.path("password"));
        let (url, keystore, password) = (
            node.url(),
            keystore.to_str().unwrap().to_owned(),
            password.to_str().unwrap().to_owned(),
        );
        let key = [
            "--node",
            &url,
            "--keystore",
            &keystore,
            "--password-file",
            &password,
        ];
        rampart(&[args, &key].concat())
    }
}

fn account(balance: &str) -> (&'static str, u16, Value) {
    let address = format!("0x{}", "00".repeat(20));
    let view = json!({ "address": address, "balance": balance, "deposits": "0", "nonce": 7 });
    ("GET /v1/accounts", 200, view)
}

fn rejection(code: u16, name: &str, message: &str) -> (&'static str, u16, Value) {
    let error = json!({ "error": { "name": name, "code": code, "message": message } });
    ("POST /v1/transactions", 422, error)
}

fn applied() -> (&'static str, u16, Value) {
    (
        "POST /v1/transactions",
        200,
        json!({ "hash": ID, "status": "applied", "height": 12 }),
    )
}

fn case() -> (&'static str, u16, Value) {
    let view = json!({
        "case": ID, "subject": "review", "provider": 1, "round": 1, "phase": "commit", "openedAt": 1,
        "commitUntil": 2, "revealUntil": 3, "totalStake": "400", "votes": [],
    });
    (
        "GET /v1/cases/0x1111111111111111111111111111111111111111111111111111111111111111",
        200,
        view,
    )
}

#[test]
fn wrong_usage_of_the_new_commands_exits_with_2_and_says_what_is_wrong() {
    let offer = |component: &'static str| {
        vec![
            "provider",
            "offer",
            "--provider",
            "1",
            "--description",
            "d",
            "--requests",
            "1",
            "--fee",
            "1",
            "--keystore",
            "k",
            "--upstream-key",
            ID,
            "--component",
            component,
        ]
    };
    let alone = offer("1:1:1:1")
        .into_iter()
        .filter(|arg| *arg != ID && *arg != "--upstream-key");
    for (args, says) in [
        (vec!["account", "transfer", "5", "--keystore", "k"], "--to"),
        (
            vec!["account", "transfer", "--to", "0x12", "5", "--keystore", "k"],
            "invalid",
        ),
        (vec!["account", "withdraw", "--keystore", "k"], "AMOUNT"),
        (
            vec!["account", "withdraw", "5", "--all", "--keystore", "k"],
            "cannot be used with",
        ),
        (
            vec![
                "provider",
                "auto-stake",
                "--provider",
                "1",
                "101",
                "--keystore",
                "k",
            ],
            "percent from 0 to 100",
        ),
        (
            vec!["provider", "unbond", "--provider", "1", "1e3", "--keystore", "k"],
            "tokens with up to 18",
        ),
        (
            vec!["provider", "challenge", "0x12", "--keystore", "k"],
            "32 bytes in hexadecimal",
        ),
        (offer("1:1:1"), "SERVICE:VERSION:PACKAGES:USES"),
        (offer("1:1:0:1"), "four numbers from 1 on"),
        (alone.collect(), "--upstream-key"),
        (
            vec!["consumer", "review", "seven", "--comment", "c", "--keystore", "k"],
            "32 bytes in hexadecimal",
        ),
        (vec!["consumer", "review", ID, "--keystore", "k"], "--comment"),
        (vec!["operator", "commit", ID, "--keystore", "k"], "--verdict"),
        (
            vec!["operator", "commit", ID, "--verdict", "yes", "--keystore", "k"],
            "uphold, overturn",
        ),
        (
            vec![
                "operator",
                "report-availability",
                "--down",
                "3,x",
                "--keystore",
                "k",
            ],
            "invalid value 'x'",
        ),
        (vec!["investor", "show", "0x12"], "invalid"),
        (vec!["network", "epoch", "-1"], "-1"),
        (vec!["consumer", "terms", "1", "first"], "invalid value 'first'"),
    ] {
        let output = rampart(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", all(&output));
        assert!(stderr(&output).contains(says), "{args:?}: {}", stderr(&output));
    }
}

#[test]
fn what_an_operator_seals_is_on_disk_when_the_commitment_is_sent_and_its_salt_in_no_output() {
    let signer = Signer::new();
    let state = signer.path("verdicts");
    let state = state.to_str().unwrap();
    // The node takes the commitment and never answers about it: the command fails, and the verdict is kept.
    let lost = (
        "POST /v1/transactions",
        503,
        json!({ "error": { "name": "syncing", "message": "later" } }),
    );
    let node = Node::start([account("0"), case(), lost]);
    let args = ["operator", "commit", ID, "--verdict", "uphold", "--state", state];
    let failed = signer.run(&node, &args);
    assert_eq!(failed.status.code(), Some(4), "{}", all(&failed));
    let file = only_file(Path::new(state));
    assert_eq!(
        std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let sealed: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let salt = sealed["salt"].as_str().unwrap();

    // Sent again, it is the same commitment; and what is revealed is what was sealed.
    let node = Node::start([account("0"), case(), applied()]);
    let again = signer.run(&node, &args);
    assert!(again.status.success(), "{}", stderr(&again));
    let shown = rampart(&["operator", "cases", ID, "--node", &node.url()]);
    assert!(shown.status.success(), "{}", stderr(&shown));
    let revealed = signer.run(&node, &["operator", "reveal", ID, "--state", state, "--json"]);
    assert!(revealed.status.success(), "{}", stderr(&revealed));
    let [commit, reveal] = &node.sent()[..] else {
        panic!("{:?}", node.sent());
    };
    assert_eq!(commit["type"], "CommitVerdict");
    assert_eq!(reveal["type"], "RevealVerdict");
    assert_eq!(reveal["message"]["salt"], salt);
    assert_eq!(reveal["message"]["upheld"], true);
    let told: Value = serde_json::from_slice(&revealed.stdout).unwrap();
    assert_eq!(commit["message"]["commitment"], told["commitment"]);
    for output in [&failed, &again, &shown, &revealed] {
        let digits = salt.trim_start_matches("0x");
        assert!(!all(output).contains(digits), "{}", all(output));
    }
}

#[test]
fn a_decision_by_hand_is_left_for_the_node_unless_the_opposite_is_sealed() {
    let signer = Signer::new();
    let state = signer.path("verdicts");
    let state = state.to_str().unwrap();
    let node = Node::start([account("0"), case(), applied()]);
    let url = node.url();
    let decide = |verdict, note| {
        let args = ["operator", "decide", ID, "--verdict", verdict, "--note", note];
        rampart(&[&args[..], &["--state", state, "--node", &url]].concat())
    };
    let nothing = rampart(&["operator", "opinion", ID, "--state", state, "--node", &url]);
    assert_eq!(nothing.status.code(), Some(1), "{}", all(&nothing));
    assert!(decide("overturn", "").status.success());
    let second_thought = decide("uphold", "we called them");
    assert!(second_thought.status.success(), "{}", stderr(&second_thought));
    let decision: Value =
        serde_json::from_slice(&std::fs::read(only_file(Path::new(state))).unwrap()).unwrap();
    assert_eq!(
        (&decision["upheld"], &decision["note"]),
        (&json!(true), &json!("we called them"))
    );
    assert!(node.sent().is_empty());

    let args = ["operator", "commit", ID, "--verdict", "uphold", "--state", state];
    assert!(signer.run(&node, &args).status.success());
    let late = decide("overturn", "");
    assert_eq!(late.status.code(), Some(1));
    assert!(
        stderr(&late).contains("a commitment cannot be changed"),
        "{}",
        stderr(&late)
    );
    let shown = rampart(&["operator", "opinion", ID, "--state", state, "--node", &url]);
    assert!(shown.status.success(), "{}", stderr(&shown));
    assert!(all(&shown).contains("round 1: uphold"), "{}", all(&shown));
}

/// The one file somewhere below a folder.
fn only_file(folder: &Path) -> PathBuf {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().flatten().collect();
    assert_eq!(entries.len(), 1, "{entries:?}");
    let path = entries.remove(0).path();
    if path.is_dir() { only_file(&path) } else { path }
}

#[test]
fn a_verdict_that_was_sealed_is_not_replaced_and_one_that_was_not_cannot_be_revealed() {
    let signer = Signer::new();
    let state = signer.path("verdicts");
    let state = state.to_str().unwrap();
    let node = Node::start([account("0"), case(), applied()]);
    let missing = signer.run(&node, &["operator", "reveal", ID, "--state", state]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(
        stderr(&missing).contains("committed in no such round"),
        "{}",
        stderr(&missing)
    );
    assert!(node.sent().is_empty());

    let commit = |verdict| {
        signer.run(
            &node,
            &["operator", "commit", ID, "--verdict", verdict, "--state", state],
        )
    };
    assert!(commit("overturn").status.success());
    let opposite = commit("uphold");
    assert_eq!(opposite.status.code(), Some(1));
    assert!(
        stderr(&opposite).contains("opposite verdict"),
        "{}",
        stderr(&opposite)
    );
    assert_eq!(node.sent().len(), 1);
}

#[test]
fn a_report_names_the_service_that_the_epoch_does_not_have_before_anything_is_sent() {
    let signer = Signer::new();
    let epoch = |number, pages| {
        let view = json!({
            "number": number, "startedAt": 1, "endsAt": 2, "pool": "0", "sellers": 0, "verdicts": 0, "pages": pages,
        });
        ("GET /v1/epochs/current", 200, view)
    };
    for (number, pages, says) in [
        (0, 0, "no epoch has ended yet"),
        (1, 0, "there was no service"),
        (4, 1, "service 257 is not among the 256"),
    ] {
        let node = Node::start([account("0"), epoch(number, pages), applied()]);
        let refused = signer.run(&node, &["operator", "report-availability", "--down", "3,257"]);
        assert_eq!(refused.status.code(), Some(1), "{}", all(&refused));
        assert!(stderr(&refused).contains(says), "{}", stderr(&refused));
        assert!(node.sent().is_empty());
    }

    let node = Node::start([account("0"), epoch(4, 2), applied()]);
    let reported = signer.run(&node, &["operator", "report-availability", "--down", "3,257"]);
    assert!(reported.status.success(), "{}", stderr(&reported));
    let bitmap = |byte: &str| format!("0x{byte}{}", "00".repeat(31));
    let sent = node.sent();
    let sent: Vec<_> = sent.iter().map(|sent| &sent["message"]).collect();
    assert_eq!(sent.len(), 2);
    assert_eq!((&sent[0]["epoch"], &sent[0]["page"]), (&json!(3), &json!(0)));
    assert_eq!(sent[0]["down"], bitmap("04"));
    assert_eq!(sent[1]["down"], bitmap("01"));
}

#[test]
fn a_page_that_was_reported_before_is_no_failure_and_any_other_rejection_is() {
    let signer = Signer::new();
    let epoch = json!({
        "number": 4, "startedAt": 1, "endsAt": 2, "pool": "0", "sellers": 0, "verdicts": 0, "pages": 1,
    });
    for (code, name, exit) in [(58, "AlreadyReported", 0), (77, "WrongEpoch", 3)] {
        let node = Node::start([
            account("0"),
            ("GET /v1/epochs/current", 200, epoch.clone()),
            rejection(code, name, "the ledger's sentence"),
        ]);
        let output = signer.run(&node, &["operator", "report-availability"]);
        assert_eq!(output.status.code(), Some(exit), "{}", all(&output));
    }
}

#[test]
fn a_rejection_of_the_ledger_exits_with_3_and_is_told_with_its_name_and_sentence() {
    let signer = Signer::new();
    let to = format!("0x{}", "44".repeat(20));
    for args in [
        vec!["account", "transfer", "--to", &to, "5"],
        vec!["account", "withdraw", "5"],
        vec!["provider", "unbond", "--provider", "1", "5"],
        vec!["provider", "release", "--provider", "1"],
        vec!["provider", "auto-stake", "--provider", "1", "12.5"],
        vec!["provider", "reinstate", "--provider", "1"],
        vec!["consumer", "refund", ID],
        vec!["operator", "claim"],
        vec!["investor", "claim", "--operator", &to],
    ] {
        let node = Node::start([
            account("0"),
            rejection(100, "InsufficientBalance", "the balance is 0 tokens"),
        ]);
        let output = signer.run(&node, &args);
        assert_eq!(output.status.code(), Some(3), "{args:?}: {}", all(&output));
        assert!(
            stderr(&output).contains("InsufficientBalance: the balance is 0 tokens"),
            "{args:?}: {}",
            stderr(&output)
        );
        assert_eq!(node.sent().len(), 1, "{args:?}");
    }
}

#[test]
fn everything_is_withdrawn_but_the_storage_fee_and_nothing_when_there_is_no_more() {
    let signer = Signer::new();
    let fee = json!({ "params": [{
        "name": "storage_fee", "unit": "base units", "value": "10", "default": "10", "min": "0", "max": "99", "reason": "",
    }]});
    let params = || ("GET /v1/params", 200, fee.clone());
    let node = Node::start([account("10"), params(), applied()]);
    let poor = signer.run(&node, &["account", "withdraw", "--all"]);
    assert_eq!(poor.status.code(), Some(1), "{}", all(&poor));
    assert!(stderr(&poor).contains("nothing is left"), "{}", stderr(&poor));
    assert!(node.sent().is_empty());

    let node = Node::start([
        account("25"),
        params(),
        applied(),
        ("GET /v1/withdrawals", 200, json!([])),
    ]);
    let all_of_it = signer.run(&node, &["account", "withdraw", "--all"]);
    assert!(all_of_it.status.success(), "{}", all(&all_of_it));
    assert_eq!(node.sent()[0]["message"]["amount"], "15");
}

#[test]
fn a_digest_of_a_file_that_is_not_there_is_never_published() {
    let signer = Signer::new();
    let node = Node::start([account("0"), applied()]);
    let gone = "/nonexistent/openapi.json";
    for args in [
        vec!["consumer", "review", ID, "--comment", "c", "--evidence", gone],
        vec!["provider", "challenge", ID, "--evidence", gone],
        vec![
            "provider",
            "offer",
            "--provider",
            "1",
            "--description",
            "d",
            "--requests",
            "1",
            "--fee",
            "1",
            "--openapi",
            gone,
        ],
    ] {
        let output = signer.run(&node, &args);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {}", all(&output));
        assert!(stderr(&output).contains(gone), "{args:?}: {}", stderr(&output));
    }
    assert!(node.sent().is_empty());
}
