#![allow(clippy::unwrap_used)]
use super::*;
use rampart_protocol::{Address, Amount, Domain, Operator};
use std::os::unix::fs::PermissionsExt as _;
use tempfile::TempDir;

const NODE: &str = r#"
state_dir = "state"
network_file = "network.json"
consensus_key_file = "/etc/rampart/consensus.key"
checkpoint_keystore = "checkpoint.json"
checkpoint_password_file = "password"
listen = "127.0.0.1:7000"
api_listen = "127.0.0.1:7001"
l2_rpc = "https://rpc.example/v2/SECRETKEY"
"#;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn secret(&self, mode: u32) -> PathBuf {
        let path = self.write("secret", "  hush\n");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }
}

fn network() -> NetworkFile {
    let operator = |n: u8| Operator {
        public_key: B256::repeat_byte(n),
        checkpoint_key: Address::repeat_byte(n),
        weight: 1,
    };
    let operators: Vec<Operator> = (1..=2).map(operator).collect();
    NetworkFile {
        addresses: operators
            .iter()
            .map(|operator| (operator.public_key, "127.0.0.1:7000".parse().unwrap()))
            .collect(),
        operator_set: OperatorSet {
            domain: Domain {
                chain_id: 5,
                settlement: Address::repeat_byte(5),
            },
            operators,
        },
        genesis_timestamp_ms: 1,
        settlement_deployed_at: 2,
        restaking: None,
        checkpoint_interval: 10,
        epoch_blocks: 100,
        params: Params::default(),
        operators: Vec::new(),
        min_interval_ms: 100,
        idle_interval_ms: 1_000,
    }
}

/// The message for a network's file that was changed, checked to name the file.
#[track_caller]
fn refused(change: impl FnOnce(&mut serde_json::Value)) -> String {
    let folder = Folder::new();
    let mut json = serde_json::to_value(network()).unwrap();
    change(&mut json);
    let path = folder.write("network.json", &json.to_string());
    let error = NetworkFile::load(&path).unwrap_err().to_string();
    assert!(error.starts_with(path.to_str().unwrap()), "{error}");
    error
}

#[test]
fn an_operators_file_has_defaults_and_paths_relative_to_itself() {
    let folder = Folder::new();
    let config = NodeConfig::load(&folder.write("node.toml", NODE)).unwrap();
    assert_eq!(config.state_dir, folder.0.path().join("state"));
    assert_eq!(config.network_file, folder.0.path().join("network.json"));
    assert_eq!(config.consensus_key_file, Path::new("/etc/rampart/consensus.key"));
    assert_eq!((config.poll_ms, config.threads), (500, 2));
    assert!(!config.allow_private_addresses);
    let overrides = [
        "state_dir=/var/lib/rampart".parse().unwrap(),
        "poll_ms=9".parse().unwrap(),
    ];
    let config = NodeConfig::load_with(&folder.write("node.toml", NODE), &overrides).unwrap();
    assert_eq!(
        (config.state_dir.as_path(), config.poll_ms),
        (Path::new("/var/lib/rampart"), 9)
    );
}

#[test]
fn all_blocks_are_kept_unless_a_retention_of_two_epochs_or_more_is_set() {
    let folder = Folder::new();
    let file = folder.write("node.toml", NODE);
    let with = |setting: &str| NodeConfig::load_with(&file, &[setting.parse().unwrap()]).unwrap();
    assert_eq!(
        NodeConfig::load(&file).unwrap().retention(&network()).unwrap(),
        None
    );
    let kept = with("retain_blocks=200").retention(&network()).unwrap();
    assert_eq!(kept, NonZeroUsize::new(200));
    for few in ["retain_blocks=0", "retain_blocks=199"] {
        let error = with(few).retention(&network()).unwrap_err();
        assert!(
            matches!(error, ConfigError::RetainBlocks { least: 200, .. }),
            "{error}"
        );
        assert!(error.to_string().contains("retain_blocks"), "{error}");
    }
}

#[test]
fn an_epoch_ends_at_a_checkpoint() {
    for blocks in [0, 5, 95, 105] {
        let error = refused(|json| json["epochBlocks"] = blocks.into());
        assert!(error.contains("epochBlocks"), "{blocks}: {error}");
    }
    let folder = Folder::new();
    let mut json = serde_json::to_value(network()).unwrap();
    json.as_object_mut().unwrap().remove("epochBlocks");
    let file = NetworkFile::load(&folder.write("network.json", &json.to_string())).unwrap();
    assert_eq!(file.epoch_blocks, 3_600);
}

#[test]
fn the_rpc_url_is_not_shown() {
    let folder = Folder::new();
    let text = format!("{NODE}\nl1_rpc = \"https://rpc.example/v2/OTHERSECRET\"");
    let config = NodeConfig::load(&folder.write("node.toml", &text)).unwrap();
    let secret = |rpc: &Rpc| matches!(rpc, Rpc::One(url) if url.contains("SECRET"));
    assert!(secret(&config.l2_rpc) && config.l1_rpc.as_ref().is_some_and(secret));
    assert!(!format!("{:?} {:?}", config.l2_rpc, config.l2()).contains("SECRET"));
    assert!(!format!("{config:?}").contains("SECRET"));
}

#[test]
fn an_endpoint_of_the_l1_is_needed_exactly_when_the_network_has_an_outbox_there() {
    let folder = Folder::new();
    let mut config = NodeConfig::load(&folder.write("node.toml", NODE)).unwrap();
    let mut file = network();
    assert!(config.restaking(&file).unwrap().is_none());
    let restaking = Restaking {
        chain_id: 1,
        outbox: Address::repeat_byte(9),
        service_manager: Address::repeat_byte(8),
        deployed_at: 17,
    };
    file.restaking = Some(restaking);
    let path = folder.write("network.json", &serde_json::to_string(&file).unwrap());
    let file = NetworkFile::load(&path).unwrap();
    let error = config.restaking(&file).unwrap_err();
    assert!(matches!(error, ConfigError::NoL1Rpc(1)), "{error}");
    assert!(error.to_string().contains("l1_rpc"), "{error}");
    config.l1_rpc = Some("http://l1.example".to_owned().into());
    let (endpoints, told) = config.restaking(&file).unwrap().unwrap();
    assert_eq!(
        (endpoints.label(0), told),
        ("endpoint 1 (l1.example)".to_owned(), restaking)
    );
    let error = config.restaking(&network()).unwrap_err();
    assert!(matches!(error, ConfigError::UnusedL1Rpc), "{error}");
    let error = refused(|json| {
        json["restaking"] = serde_json::json!({"chainId": 1, "outbox": Address::ZERO, "serviceManager": Address::repeat_byte(8), "deployedAt": 0});
    });
    assert!(error.contains("outbox"), "{error}");
    refused(|json| json["restaking"] = serde_json::json!({"chainId": 1}));
}

#[test]
fn faults_of_an_operators_file_name_the_file_and_the_field() {
    let folder = Folder::new();
    for (text, expected) in [
        (format!("{NODE}\nl2_rcp = \"x\""), "l2_rcp"),
        (NODE.replace("api_listen", "api"), "api"),
        (NODE.replace("listen = \"127.0.0.1:7000\"", ""), "listen"),
        (NODE.replace("\"127.0.0.1:7001\"", "\"localhost\""), "api_listen"),
        (format!("{NODE}\npoll_ms = -1"), "poll_ms"),
        ("= =".to_owned(), "line 1"),
    ] {
        let path = folder.write("node.toml", &text);
        let error = NodeConfig::load(&path).unwrap_err();
        assert!(matches!(error, ConfigError::Invalid { .. }), "{error:?}");
        let error = error.to_string();
        assert!(error.contains(path.to_str().unwrap()), "{error}");
        assert!(error.contains(expected), "{error}");
    }
    let missing = folder.0.path().join("none.toml");
    let error = NodeConfig::load(&missing).unwrap_err();
    assert!(matches!(error, ConfigError::Read { .. }));
    assert!(error.to_string().contains("none.toml"), "{error}");
}

#[test]
fn a_networks_file_is_read_as_it_is_written() {
    let folder = Folder::new();
    let path = folder.write("network.json", &serde_json::to_string(&network()).unwrap());
    let read = NetworkFile::load(&path).unwrap();
    assert_eq!(
        serde_json::to_value(read).unwrap(),
        serde_json::to_value(network()).unwrap()
    );
}

#[test]
fn a_networks_file_may_leave_out_parameters_and_pace() {
    let folder = Folder::new();
    let mut json = serde_json::to_value(network()).unwrap();
    for field in ["params", "minIntervalMs", "idleIntervalMs"] {
        json.as_object_mut().unwrap().remove(field);
    }
    let read = NetworkFile::load(&folder.write("network.json", &json.to_string())).unwrap();
    assert_eq!(read.params, Params::default());
    assert_eq!(read.pacing().min_interval, Duration::from_millis(100));
    assert_eq!(read.pacing().idle_interval, Duration::from_secs(1));
    assert!(read.timeouts().leader > read.pacing().idle_interval);
}

#[test]
fn impossible_operator_sets_are_refused() {
    let set =
        |change: fn(&mut serde_json::Value)| refused(|json| change(&mut json["operatorSet"]["operators"]));
    assert!(set(|operators| *operators = serde_json::json!([])).contains("empty"));
    assert!(set(|operators| operators[0]["weight"] = 0.into()).contains("zero"));
    assert!(
        set(|operators| operators[1]["publicKey"] = operators[0]["publicKey"].clone())
            .contains("share the consensus key")
    );
    assert!(
        set(|operators| operators[1]["checkpointKey"] = operators[0]["checkpointKey"].clone())
            .contains("share the checkpoint key")
    );
}

#[test]
fn every_operator_needs_an_address_and_nobody_else_has_one() {
    let own = B256::repeat_byte(2).to_string();
    let error = refused(|json| {
        json["addresses"].as_object_mut().unwrap().remove(&own).unwrap();
    });
    assert!(
        error.contains("none for operator") && error.contains(&own),
        "{error}"
    );
    let error = refused(|json| json["addresses"][B256::repeat_byte(9).to_string()] = "127.0.0.1:1".into());
    assert!(error.contains("no operator's key"), "{error}");
}

#[test]
fn impossible_intervals_and_parameters_are_refused() {
    assert!(refused(|json| json["checkpointInterval"] = 0.into()).contains("checkpointInterval"));
    assert!(refused(|json| json["minIntervalMs"] = 1_000.into()).contains("minIntervalMs"));
    refused(|json| json["minIntervalMs"] = "fast".into());
    let (name, _) = serde_json::to_value(Params::default())
        .unwrap()
        .as_object()
        .and_then(|params| {
            params
                .iter()
                .next()
                .map(|(name, value)| (name.clone(), value.clone()))
        })
        .unwrap();
    let error = refused(|json| json["params"][&name] = "nonsense".into());
    assert!(error.contains("network.json"), "{error}");
    let params = Params {
        deposit_fixed: Amount::ZERO,
        wait_min: rampart_protocol::Seconds(2),
        wait_max: rampart_protocol::Seconds(1),
        ..Params::default()
    };
    let error = refused(|json| json["params"] = serde_json::to_value(params).unwrap());
    assert!(error.contains("wait"), "{error}");
}

#[test]
fn the_ledgers_operators_are_those_of_the_set_unless_the_file_names_others() {
    let mut file = network();
    let derived = file.genesis_operators();
    assert_eq!(derived.len(), 2);
    assert_eq!(derived[0].address, Address::repeat_byte(1));
    assert_eq!((derived[0].stake, derived[0].commission), (1, DEFAULT_COMMISSION));
    let named = |address, seat| GenesisOperator {
        address,
        stake: u128::MAX,
        commission: Ppm(5),
        seat,
    };
    // One by its checkpoint key, one by the seat that is named, and one that has none.
    let (first, second) = (derived[0], derived[1]);
    file.operators = vec![
        named(first.address, None),
        named(Address::repeat_byte(7), second.seat),
        named(Address::repeat_byte(8), None),
    ];
    let folder = Folder::new();
    let path = folder.write("network.json", &serde_json::to_string(&file).unwrap());
    let seats = NetworkFile::load(&path).unwrap().genesis_operators();
    let seats: Vec<_> = seats.iter().map(|operator| operator.seat).collect();
    assert_eq!(seats, [first.seat, second.seat, None]);
    file.operators.pop();
    file.operators.pop();
    let path = folder.write("network.json", &serde_json::to_string(&file).unwrap());
    let error = NetworkFile::load(&path).unwrap_err().to_string();
    assert!(error.contains("seats"), "{error}");
    let error = refused(|json| {
        json["operators"] = serde_json::json!([
            {"address": Address::repeat_byte(7), "stake": "1", "commission": 5},
            {"address": Address::repeat_byte(7), "stake": "2", "commission": 5},
        ]);
    });
    assert!(error.contains("named twice"), "{error}");
    refused(|json| {
        json["operators"] =
            serde_json::json!([{"address": Address::repeat_byte(7), "stake": "0", "commission": 5}]);
    });
}

#[test]
fn unknown_fields_and_text_that_is_no_json_are_refused() {
    assert!(refused(|json| json["checkpointIntreval"] = 5.into()).contains("checkpointIntreval"));
    assert!(refused(|json| *json = serde_json::json!([])).contains("network.json"));
    let folder = Folder::new();
    let path = folder.write("network.json", "{");
    let error = NetworkFile::load(&path).unwrap_err().to_string();
    assert!(
        error.contains("network.json") && error.contains("line 1"),
        "{error}"
    );
    assert!(matches!(
        NetworkFile::load(&folder.0.path().join("none.json")),
        Err(ConfigError::Read { .. })
    ));
}

#[test]
fn a_secret_that_others_can_read_is_refused() {
    for mode in [0o644, 0o640, 0o604, 0o601, 0o660, 0o777] {
        let folder = Folder::new();
        let path = folder.secret(mode);
        let error = read_secret(&path).unwrap_err();
        assert!(matches!(error, ConfigError::Exposed { .. }), "{mode:o}");
        let error = error.to_string();
        assert!(
            error.contains(path.to_str().unwrap()) && error.contains("chmod 600"),
            "{error}"
        );
        assert!(!error.contains("hush"));
    }
}

#[test]
fn a_secret_is_read_without_the_line_end_and_its_absence_is_told() {
    for mode in [0o600, 0o400] {
        let folder = Folder::new();
        assert_eq!(read_secret(&folder.secret(mode)).unwrap(), "hush");
    }
    let error = read_secret(Path::new("/nonexistent/key")).unwrap_err();
    assert!(error.to_string().contains("/nonexistent/key"), "{error}");
}

#[test]
fn a_chain_may_have_several_endpoints_with_a_quorum_and_a_finality_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.toml");
    let several = NODE.replace(
        "l2_rpc = \"https://rpc.example/v2/SECRETKEY\"",
        "l2_rpc = [\"https://one.example/KEY\", \"https://two.example\", \"https://three.example\"]",
    );
    assert_ne!(several, NODE);
    let load = |more: &str| {
        std::fs::write(&path, format!("{several}\n{more}")).unwrap();
        NodeConfig::load(&path)
    };
    let config = load("").unwrap();
    let l2 = config.l2().unwrap();
    assert_eq!(
        (l2.count(), l2.quorum(), config.l2_finality),
        (3, 2, Finality::Finalized)
    );
    let config = load("l2_quorum = 3\nl2_finality = 12").unwrap();
    assert_eq!(config.l2().unwrap().quorum(), 3);
    assert_eq!(config.l2_finality, Finality::Confirmations(12));
    let error = load("l2_quorum = 4").unwrap().l2().unwrap_err();
    assert_eq!(
        error.to_string(),
        "l2_rpc: the RPC endpoints cannot be used: a quorum of 4 among 3 cannot be"
    );
    assert!(load("l2_finality = \"latest\"").is_err());
    let again: NodeConfig = toml::from_str(&toml::to_string(&config).unwrap()).unwrap();
    assert_eq!(
        (again.l2_rpc, again.l2_finality),
        (config.l2_rpc, config.l2_finality)
    );
}
