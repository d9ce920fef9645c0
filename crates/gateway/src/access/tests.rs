#![allow(clippy::unwrap_used)]
use super::*;
use crate::Config;
use hyper::header::{HeaderName, HeaderValue};

const CONFIG: &str = r#"
    listen = "127.0.0.1:0"
    upstream = "http://127.0.0.1:8545"
    state = "state"
    wallet = "purchases"
    [policies.fast]
    services = ["a"]
    [policies.strict]
    mode = { at_least = 2 }
    warn = "block"
    [[services]]
    name = "a"
    service = 1
    [[services]]
    name = "b"
    service = 2
"#;

fn config(clients: &str) -> Config {
    Config::parse(&format!("{CONFIG}\n{clients}")).unwrap()
}

fn digest(key: &str) -> String {
    B256::from_slice(&Sha256::digest(key)).to_string()
}

fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
    let fields = fields.iter().map(|(name, value)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        )
    });
    fields.collect()
}

fn read(path: &str, fields: &[(&'static str, &str)]) -> Result<Credentials, AccessError> {
    Credentials::read(path, &headers(fields))
}

#[test]
fn path_and_fields_say_the_same() {
    let by_path = read("/key/k/policy/fast", &[]).unwrap();
    for (path, fields) in [
        (
            "/",
            &[("authorization", "Bearer k"), ("rampart-policy", "fast")][..],
        ),
        ("/key/k", &[("rampart-policy", "fast")]),
        ("/policy/fast", &[("x-api-key", "k")]),
        (
            "/policy/fast/",
            &[("authorization", "bearer k"), ("x-api-key", "k")],
        ),
    ] {
        assert!(read(path, fields).unwrap() == by_path, "{path}");
    }
    assert!(!format!("{by_path:?}").contains("\"k\""), "keys are not shown");
    let none = read("/", &[("authorization", "Basic eDp5")]).unwrap();
    assert!(none == Credentials::default());
    for path in [
        "",
        "/x",
        "/key",
        "/key/",
        "/policy//",
        "/key/k/x",
        "/policy/a/b",
        "/policy/a/key/k",
    ] {
        assert_eq!(read(path, &[]), Err(AccessError::Path), "{path}");
    }
    assert_eq!(
        read("/key/k", &[("x-api-key", "l")]),
        Err(AccessError::Ambiguous("the API key"))
    );
    assert_eq!(
        read("/policy/a", &[("rampart-policy", "b")]),
        Err(AccessError::Ambiguous("the policy"))
    );
}

#[test]
fn without_clients_there_is_nothing_to_choose() {
    let config = config("");
    let (rules, clients) = (config.all_rules().unwrap(), config.all_clients().unwrap());
    let caller = clients.caller(&rules, &read("/", &[]).unwrap()).unwrap();
    assert_eq!((caller.client, caller.policy.name.as_str()), (None, "policy"));
    for (fields, error) in [
        (("rampart-policy", "fast"), AccessError::Policy),
        (("rampart-services", "a"), AccessError::Services),
    ] {
        assert_eq!(
            clients
                .caller(&rules, &read("/", &[fields]).unwrap())
                .unwrap_err(),
            error
        );
    }
}

#[test]
fn a_client_chooses_within_what_it_is_allowed() {
    let config = config(&format!(
        "[[clients]]\nname = \"desk\"\nkey_sha256 = \"{}\"\npolicies = [\"strict\", \"fast\"]\nservices = [\"a\", \"b\"]\n\
         [[clients]]\nname = \"bot\"\nkey_sha256 = \"{}\"\n",
        digest("desk's"),
        digest("bot's"),
    ));
    let (rules, clients) = (config.all_rules().unwrap(), config.all_clients().unwrap());
    let chosen = |path: &str, fields: &[(&'static str, &str)]| {
        let caller = clients.caller(&rules, &read(path, fields)?)?;
        let services: Vec<_> = caller.policy.services.iter().cloned().collect();
        Ok((
            caller.client.unwrap().name.clone(),
            caller.policy.name.clone(),
            services.join(" "),
        ))
    };
    let told = |client: &str, policy: &str, services: &str| {
        Ok((client.to_owned(), policy.to_owned(), services.to_owned()))
    };
    assert_eq!(chosen("/key/desk's", &[]), told("desk", "policies.strict", "a b"));
    assert_eq!(
        chosen("/key/desk's/policy/fast", &[]),
        told("desk", "policies.fast", "a")
    );
    assert_eq!(
        chosen("/key/desk's/policy/fast", &[("rampart-services", "b")]),
        told("desk", "policies.fast", "b")
    );
    assert_eq!(chosen("/key/bot's", &[]), told("bot", "policy", "a b"));
    // Two must agree under "strict", so one service cannot be chosen.
    assert_eq!(
        chosen("/key/desk's", &[("rampart-services", "b")]),
        Err(AccessError::Services)
    );
    assert_eq!(
        chosen("/key/desk's", &[("rampart-services", "a, c")]),
        Err(AccessError::Services)
    );
    assert_eq!(chosen("/key/bot's/policy/fast", &[]), Err(AccessError::Policy));
    assert_eq!(
        chosen("/key/bot's", &[("rampart-services", "a")]),
        Err(AccessError::Services)
    );
    assert_eq!(chosen("/", &[]), Err(AccessError::Key));
    assert_eq!(chosen("/key/other", &[]), Err(AccessError::Key));
}

#[test]
fn limits_are_each_clients_own_and_fill_steadily() {
    let client = |name: &str| ClientConfig {
        name: name.to_owned(),
        key_sha256: None,
        policies: Vec::new(),
        services: BTreeSet::new(),
        calls_per_second: Some(10),
        screenings_per_minute: Some(60),
    };
    let usage = Usage::default();
    let (one, two) = (client("one"), client("two"));
    let at = Duration::from_millis;
    let calls = |client, amount, ms| usage.take(client, Counted::Calls, amount, 20, at(ms));
    assert!(calls(&one, 20, 1000) && !calls(&one, 1, 1000) && calls(&two, 1, 1000));
    assert!(!calls(&one, 1, 1099) && calls(&one, 1, 1100) && !calls(&one, 1, 1100));
    // A clock that steps back gives nothing and takes nothing.
    assert!(!calls(&one, 1, 0));
    assert!(
        calls(&one, 20, 60_000) && !calls(&one, 1, 60_000),
        "it never holds more than its size"
    );
    let screenings = |amount, ms| usage.take(&one, Counted::Screenings, amount, 0, at(ms));
    assert!(screenings(60, 0) && !screenings(1, 999) && screenings(1, 1000));
    let free = ClientConfig {
        calls_per_second: None,
        ..one.clone()
    };
    assert!(usage.take(&free, Counted::Calls, usize::MAX, 0, at(0)));
}

#[test]
fn clients_that_make_no_sense_are_refused() {
    for client in [
        "name = \"\"",
        "name = \"a\"\npolicies = [\"slow\"]",
        "name = \"a\"\nservices = [\"c\"]",
        "name = \"a\"\ncalls_per_second = 0",
        "name = \"a\"\n[[clients]]\nname = \"b\"",
        "name = \"a\"\n[[clients]]\nname = \"a\"\nkey_sha256 = \"0x0101010101010101010101010101010101010101010101010101010101010101\"",
        "name = \"a\"\nkey = \"secret\"",
    ] {
        assert!(
            Config::parse(&format!("{CONFIG}\n[[clients]]\n{client}")).is_err(),
            "{client}"
        );
    }
}
