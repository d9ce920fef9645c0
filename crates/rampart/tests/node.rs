//! An operator from nothing: the folder that `rampart node init` makes, what `rampart node check` finds in it, and a process
//! that runs on it, with settings from the environment and a password from standard input.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "node/collector.rs"]
mod collector;
#[path = "../../chain/tests/support/anvil.rs"]
mod node;

use collector::{Collector, Received};
use node::{Anvil, funded};
use rampart_chain::deploy::{Deployer, Hatch};
use rampart_node::{NetworkFile, Params};
use rampart_protocol::{Address, Amount, B256, Domain, Operator, OperatorSet, Seconds};
use serde_json::Value;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const CHAIN: u64 = 59_144;
const PATIENCE: Duration = Duration::from_secs(120);

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rampart"));
    for name in [
        "NODE",
        "NODE_CONFIG",
        "OPERATORS",
        "PASSWORD_FILE",
        "L1_RPC",
        "L2_RPC",
    ] {
        command.env_remove(format!("RAMPART_{name}"));
    }
    command.args(args).stdin(Stdio::null());
    command
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn secret(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[expect(
    clippy::disallowed_methods,
    reason = "this test is the program that reads the clock"
)]
fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

fn network(settlement: Address, deployed_at: u64, operator: Operator, listen: SocketAddr) -> NetworkFile {
    NetworkFile {
        addresses: [(operator.public_key, listen)].into(),
        operator_set: OperatorSet {
            domain: Domain {
                chain_id: CHAIN,
                settlement,
            },
            operators: vec![operator],
        },
        genesis_timestamp_ms: now_ms(),
        settlement_deployed_at: deployed_at,
        restaking: None,
        checkpoint_interval: 5,
        epoch_blocks: 300,
        params: Params::default(),
        operators: Vec::new(),
        min_interval_ms: 50,
        idle_interval_ms: 250,
    }
}

fn write_network(path: &Path, network: &NetworkFile) {
    std::fs::write(path, serde_json::to_string(network).unwrap()).unwrap();
}

/// A folder made by `node init`, and what it said.
struct Made {
    folder: tempfile::TempDir,
    consensus_key: B256,
    checkpoint_key: Address,
}

impl Made {
    fn new(l2_rpc: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let somebody = Operator {
            public_key: B256::repeat_byte(1),
            checkpoint_key: Address::repeat_byte(1),
            weight: 1,
        };
        write_network(
            &folder.path().join("network.json"),
            &network(Address::repeat_byte(5), 0, somebody, free()),
        );
        secret(&folder.path().join("password"), "correct horse");
        let made = Self {
            folder,
            consensus_key: B256::ZERO,
            checkpoint_key: Address::ZERO,
        };
        let output = made.init(l2_rpc);
        assert!(output.status.success(), "{}", stderr(&output));
        let said = String::from_utf8(output.stdout).unwrap();
        let word = |name: &str| {
            let line = said.lines().find(|line| line.starts_with(name)).unwrap();
            line[name.len()..]
                .trim()
                .split([' ', ':'])
                .next()
                .unwrap()
                .to_owned()
        };
        Self {
            consensus_key: word("consensus key").parse().unwrap(),
            checkpoint_key: word("checkpoint key").parse().unwrap(),
            ..made
        }
    }

    fn init(&self, l2_rpc: &str) -> Output {
        let [dir, network, password] = ["operator", "network.json", "password"].map(|name| self.text(name));
        command(&[
            "node",
            "init",
            "--dir",
            &dir,
            "--network",
            &network,
            "--l2-rpc",
            l2_rpc,
        ])
        .args(["--password-file", &password])
        .output()
        .unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn node(&self, does: &str, listen: SocketAddr, api: SocketAddr) -> Command {
        let config = self.text("operator/node.toml");
        let mut command = command(&["node", does, "--config", &config]);
        command
            .args(["--set", &format!("listen={listen}")])
            .args([
                "--set",
                "allow_private_addresses=true",
                "--set",
                "min_free_mib=64",
            ])
            .env("RAMPART_NODE__API_LISTEN", api.to_string());
        command
    }
}

/// The outcome of each check, and what it says.
fn findings(output: &Output) -> Vec<(String, String, String)> {
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    let list = found.as_array().unwrap().iter();
    list.map(|finding| {
        (
            text(finding, "check"),
            text(finding, "outcome"),
            text(finding, "says"),
        )
    })
    .collect()
}

#[track_caller]
fn outcome(found: &[(String, String, String)], check: &str) -> String {
    let finding = found.iter().find(|(name, _, _)| name == check);
    assert!(finding.is_some(), "no {check} in {found:?}");
    finding.unwrap().1.clone()
}

#[test]
fn a_new_folder_is_its_owners_alone_and_is_never_overwritten() {
    let made = Made::new("https://rpc.example/v2/SECRETKEY");
    for (name, mode) in [
        ("operator", 0o700),
        ("operator/node.toml", 0o600),
        ("operator/consensus.json", 0o600),
        ("operator/checkpoint.json", 0o600),
    ] {
        let permissions = made.path(name).metadata().unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, mode, "{name}");
    }
    let before = std::fs::read(made.path("operator/consensus.json")).unwrap();
    let again = made.init("http://127.0.0.1:1");
    assert_eq!(again.status.code(), Some(1));
    assert!(stderr(&again).contains("not empty"), "{}", stderr(&again));
    assert_eq!(
        std::fs::read(made.path("operator/consensus.json")).unwrap(),
        before
    );
}

#[test]
fn a_check_without_an_rpc_fails_and_shows_no_secret() {
    let made = Made::new(&format!("http://{}/SECRETKEY", free()));
    let mut checked = made.node("check", free(), free());
    let output = checked.arg("--json").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let found = findings(&output);
    for check in ["configuration", "network", "retention", "state", "keys"] {
        assert_eq!(outcome(&found, check), "ok", "{found:?}");
    }
    assert_eq!(outcome(&found, "L2"), "failed");
    let shown = format!("{found:?}{}", stderr(&output));
    assert!(
        !shown.contains("SECRETKEY") && !shown.contains("correct horse"),
        "{shown}"
    );
    assert!(stderr(&output).contains("checks failed"), "{}", stderr(&output));

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let output = made
        .node("check", free(), address)
        .arg("--json")
        .output()
        .unwrap();
    assert_eq!(outcome(&findings(&output), "API's port"), "failed");

    secret(&made.path("password"), "wrong horse");
    let mut checked = made.node("check", free(), free());
    // Less than two epochs of 300 blocks.
    let output = checked
        .args(["--json", "--set", "retain_blocks=599"])
        .output()
        .unwrap();
    let found = findings(&output);
    assert_eq!(
        (outcome(&found, "keys"), outcome(&found, "retention")),
        ("failed".into(), "failed".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_from_nothing_passes_the_check_runs_and_stops_when_told() {
    let anvil = Anvil::start(CHAIN);
    let made = Made::new(&anvil.url);
    let operator = Operator {
        public_key: made.consensus_key,
        checkpoint_key: made.checkpoint_key,
        weight: 100,
    };
    let (listen, api) = (free(), free());
    let mut file = network(Address::ZERO, 0, operator, listen);
    let hatch = Hatch {
        exit_delay: Seconds(7_200),
        force_delay: Seconds(3_600),
        guardian: Address::ZERO,
    };
    let deployer = Deployer::new(&anvil.url, funded(0)).unwrap();
    let supply = Amount(1_000 * Amount::TOKEN.0);
    let contracts = deployer.deploy_l2(supply, file.operator_set.seats(), hatch);
    let contracts = contracts.await.unwrap();
    file.operator_set.domain.settlement = contracts.settlement;
    file.settlement_deployed_at = contracts.deployed_at;
    write_network(&made.path("operator/network.json"), &file);
    anvil.mine(3).await;

    let output = made.node("check", listen, api).arg("--json").output().unwrap();
    let found = findings(&output);
    assert!(output.status.success(), "{found:?}");
    assert_eq!(outcome(&found, "L2"), "ok");
    assert_eq!(
        outcome(&found, "gas"),
        "warning",
        "a new key has no ether: {found:?}"
    );

    // Without a password file, the password comes from standard input.
    let config = std::fs::read_to_string(made.path("operator/node.toml")).unwrap();
    let asking: Vec<&str> = config
        .lines()
        .filter(|line| !line.starts_with("checkpoint_password_file"))
        .collect();
    secret(&made.path("operator/node.toml"), &asking.join("\n"));
    let collector = Collector::start().await;
    let mut process = started(&made, listen, api, collector.address);
    assert!(answers(api, &mut process).await);
    // Its keys cannot be unlocked by who does not know the password; that it runs is seen all the same.
    let output = made.node("check", listen, api).arg("--json").output().unwrap();
    let found = findings(&output);
    assert_eq!(
        (outcome(&found, "state"), outcome(&found, "keys")),
        ("warning".into(), "failed".into())
    );
    terminate(&process);
    let ended = process.wait().unwrap();
    assert_eq!(ended.code(), Some(0), "a signal ends it in order");
    are_traces_of_an_operator(&collector.received());

    // Nobody collects: the operator runs all the same, and says so once.
    let mut process = started(&made, listen, api, free());
    assert!(answers(api, &mut process).await);
    let log = || std::fs::read_to_string(made.path("log")).unwrap();
    let told = || log().matches("collector of traces does not take them").count();
    let until = Instant::now() + PATIENCE;
    while told() == 0 && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    terminate(&process);
    assert_eq!(process.wait().unwrap().code(), Some(0));
    assert_eq!(told(), 1, "{}", log());

    // What it has made is copied, lost, and put back under another key; the old one votes no more.
    let copied = copy(&made, &["backup", "--to", &made.text("copy")]);
    assert!(copied.status.success(), "{}", stderr(&copied));
    let back = |from: &str| {
        let (from, key) = (made.text(from), made.text("operator/new.key"));
        copy(&made, &["restore", "--from", &from, "--new-consensus-key", &key])
    };
    let onto = back("copy");
    assert_eq!(onto.status.code(), Some(1), "there is a state already");
    assert!(!made.path("operator/new.key").exists());
    std::fs::rename(made.path("operator/state"), made.path("lost")).unwrap();
    let nowhere = back("nowhere");
    assert!(stderr(&nowhere).contains("nowhere"), "{}", stderr(&nowhere));
    assert!(!made.path("operator/new.key").exists());
    let restored = back("copy");
    assert!(restored.status.success(), "{}", stderr(&restored));
    assert!(made.path("operator/new.key").exists());
    let mut process = started(&made, listen, api, free());
    assert_eq!(process.wait().unwrap().code(), Some(1));
    assert!(log().contains("belongs to a state that was lost"), "{}", log());
}

/// `rampart node backup` or `restore`, with the password from its file.
fn copy(made: &Made, args: &[&str]) -> Output {
    let password = format!("checkpoint_password_file={}", made.text("password"));
    let config = made.text("operator/node.toml");
    command(&["node"])
        .args(args)
        .args(["--config", &config, "--set", &password])
        .output()
        .unwrap()
}

/// What is exported: which service it is, what it did, what was part of what, and no secret.
fn are_traces_of_an_operator(spans: &[Received]) {
    assert!(spans.iter().all(|received| received.service == "rampart-node"));
    let named = |name: &'static str| spans.iter().filter(move |received| received.span.name == name);
    for (child, parent) in [("fill", "propose"), ("index", "record")] {
        let within = named(child).find(|child| {
            named(parent).any(|parent| {
                parent.span.span_id == child.span.parent_span_id
                    && parent.span.trace_id == child.span.trace_id
            })
        });
        assert!(within.is_some(), "no {child} within a {parent}");
    }
    assert!(named("propose").any(|propose| propose.attribute("height").as_deref() == Some("1")));
    let status =
        named("request").find(|request| request.attribute("http.route").as_deref() == Some("/v1/status"));
    let code = status.and_then(|status| status.attribute("http.response.status_code"));
    assert_eq!(code.as_deref(), Some("200"));
    let call = named("rpc").find(|call| call.attribute("rpc.method").as_deref() == Some("eth_call"));
    let host = call.and_then(|call| call.attribute("server.address"));
    assert_eq!(host.as_deref(), Some("127.0.0.1"));
    let all = format!("{spans:?}");
    assert!(
        !all.contains("correct horse") && !all.contains("http://"),
        "{all}"
    );
}

fn started(made: &Made, listen: SocketAddr, api: SocketAddr, collector: SocketAddr) -> Child {
    let mut process = made
        .node("run", listen, api)
        .args(["--set", "telemetry.sample_ratio=1"])
        .env(
            "RAMPART_NODE__TELEMETRY__OTLP_ENDPOINT",
            format!("http://{collector}"),
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(made.path("log")).unwrap())
        .spawn()
        .unwrap();
    process
        .stdin
        .take()
        .unwrap()
        .write_all(b"correct horse\n")
        .unwrap();
    process
}

/// Whether the operator answers with a block that it made.
async fn answers(api: SocketAddr, process: &mut Child) -> bool {
    let client = rampart_client::NodeClient::new(vec![format!("http://{api}")]);
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        assert!(process.try_wait().unwrap().is_none(), "it ended by itself");
        if client.status().await.is_ok_and(|status| status.height > 2) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    false
}

fn terminate(process: &Child) {
    let id = i32::try_from(process.id()).unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), nix::sys::signal::Signal::SIGTERM).unwrap();
}
