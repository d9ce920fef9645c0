#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

fn rules(text: &str) -> Result<Rules, RuleError> {
    #[derive(Deserialize)]
    struct File {
        #[serde(default)]
        policy: Policy,
        #[serde(default)]
        rules: Vec<RuleConfig>,
    }
    let file: File = toml::from_str(text).unwrap();
    Rules::new(
        &file.policy,
        &BTreeMap::new(),
        &file.rules,
        &["one", "two"].map(str::to_owned).into(),
    )
}

/// A call of `transfer(address,uint256)` with one wei.
fn call() -> Called {
    Called {
        sender: Address::repeat_byte(1),
        recipient: Some(Address::repeat_byte(2)),
        value: U256::from(1),
        input: [0xa9, 0x05, 0x9c, 0xbb, 0].into(),
    }
}

fn creation() -> Called {
    Called {
        recipient: None,
        ..call()
    }
}

fn facts(called: &Called) -> Facts<'_> {
    Facts {
        method: "eth_sendRawTransaction",
        chain_id: 1,
        form: Form::Transaction,
        kind: Some(2),
        called: Some(called),
    }
}

#[test]
fn each_condition_matches_what_it_names_and_nothing_else() {
    let [one, two] = [1, 2].map(|byte| format!("[\"{}\"]", Address::repeat_byte(byte)));
    for (when, matches, matches_creation) in [
        (String::new(), true, true),
        ("methods = [\"eth_sendRawTransaction\"]".into(), true, true),
        ("methods = [\"eth_sendRawTransactionSync\"]".into(), false, false),
        ("chains = [1, 5]".into(), true, true),
        ("chains = [5]".into(), false, false),
        ("types = [2]".into(), true, true),
        ("types = [0, 1, 3, 4]".into(), false, false),
        (format!("from = {one}"), true, true),
        (format!("from = {two}"), false, false),
        (format!("to = {two}"), true, false),
        (format!("to = {one}"), false, false),
        ("create = true".into(), false, true),
        ("create = false".into(), true, false),
        ("min_value = \"1\"".into(), true, true),
        ("min_value = \"2\"".into(), false, false),
        ("min_value = \"0x2\"".into(), false, false),
        ("max_value = \"1\"".into(), true, true),
        ("max_value = \"0\"".into(), false, false),
        ("selectors = [\"0xa9059cbb\"]".into(), true, false),
        ("selectors = [\"0x095ea7b3\"]".into(), false, false),
        (format!("from = {one}, max_value = \"0\""), false, false),
    ] {
        let when: When = toml::from_str(&when.replace(", max", "\nmax")).unwrap();
        assert_eq!(when.matches(&facts(&call())), matches, "{when:?}");
        assert_eq!(when.matches(&facts(&creation())), matches_creation, "{when:?}");
    }
    let short = Called {
        input: [0xa9, 0x05].into(),
        ..call()
    };
    let when: When = toml::from_str("selectors = [\"0xa9059cbb\"]").unwrap();
    assert!(!when.matches(&facts(&short)));
}

#[test]
fn the_first_rule_that_matches_applies_and_inherits_what_it_leaves_out() {
    let rules = rules(
        r#"
        [policy]
        mode = { at_least = 1 }
        timeout_ms = 700
        dry_run = true
        [[rules]]
        name = "creations"
        when = { create = true }
        action = "deny"
        [[rules]]
        name = "sync"
        when = { chains = [1] }
        services = ["two"]
        dry_run = false
        [[rules]]
        name = "never reached on chain 1"
        when = { chains = [1] }
        "#,
    )
    .unwrap();
    assert_eq!(
        rules.applying_by_default(&facts(&creation())).unwrap().name,
        "creations"
    );
    let call = call();
    let rule = rules.applying_by_default(&facts(&call)).unwrap();
    assert_eq!((rule.name.as_str(), rule.policy.timeout_ms), ("sync", 700));
    assert_eq!(rule.policy.mode, Mode::AtLeast(1));
    assert_eq!(rule.services, ["two".to_owned()].into());
    assert!(!rule.policy.dry_run);
    let other = Facts {
        chain_id: 5,
        ..facts(&call)
    };
    assert_eq!(rules.applying_by_default(&other).unwrap().name, DEFAULT);
    assert!(rules.applying_by_default(&other).unwrap().policy.dry_run);
    let told = rules.to_string();
    assert!(
        told.starts_with("1. creations: creating a contract; deny without asking; dry run"),
        "{told}"
    );
    assert!(
        told.contains("\notherwise policy: ask one, two; 1 must agree within 700 ms"),
        "{told}"
    );
}

#[test]
fn a_form_needs_a_rule_that_names_it() {
    let rules = rules(
        r#"
        [[rules]]
        name = "everything"
        action = "deny"
        [[rules]]
        name = "operations and bundles"
        when = { forms = ["user-operation", "bundle"], max_value = "5" }
        [[rules]]
        name = "unknown"
        when = { forms = ["unknown-type"], types = [126] }
        action = "allow"
        "#,
    )
    .unwrap();
    let call = call();
    let with = |form| Facts { form, ..facts(&call) };
    let name = |facts: &Facts<'_>| rules.applying_by_default(facts).map(|rule| rule.name.clone());
    assert_eq!(name(&with(Form::Transaction)).as_deref(), Some("everything"));
    assert_eq!(
        name(&with(Form::Bundle)).as_deref(),
        Some("operations and bundles")
    );
    assert_eq!(name(&with(Form::NodeSigned)), None);
    assert!(rules.take(Form::UserOperation) && !rules.take(Form::NodeSigned));
    let unknown = |kind| Facts {
        kind: Some(kind),
        called: None,
        ..with(Form::UnknownType)
    };
    assert_eq!(name(&unknown(126)).as_deref(), Some("unknown"));
    assert_eq!(name(&unknown(100)), None);
    // What cannot be told matches no condition, not even one that everything known would.
    let blind = Facts {
        called: None,
        ..with(Form::Bundle)
    };
    assert_eq!(name(&blind), None);
    for when in ["create = false", "create = true", "min_value = \"0\""] {
        let when: When = toml::from_str(&format!("forms = [\"bundle\"]\n{when}")).unwrap();
        assert!(!when.matches(&blind), "{when:?}");
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_its_key() {
    for (rule, key) in [
        ("name = \"\"", "rules: the name"),
        ("name = \"policy\"", "rules: the name"),
        ("name = \"r\"\n[[rules]]\nname = \"r\"", "rules: the name"),
        (
            "name = \"r\"\nservices = [\"three\"]",
            "rules.r.services: there is no service \"three\"",
        ),
        ("name = \"r\"\nservices = []", "rules.r.services: "),
        ("name = \"r\"\nweights = { three = 1 }", "rules.r.weights: "),
        (
            "name = \"r\"\nservices = [\"one\"]\nmode = { at_least = 2 }",
            "rules.r.mode: ",
        ),
        ("name = \"r\"\nmode = { weight = 3 }", "rules.r.mode: "),
        ("name = \"r\"\ntimeout_ms = 0", "rules.r.timeout_ms: "),
        (
            "name = \"r\"\naction = \"allow\"\nmode = \"all\"",
            "rules.r.mode: ",
        ),
        (
            "name = \"r\"\naction = \"deny\"\nservices = [\"one\"]",
            "rules.r.services: ",
        ),
        (
            "name = \"r\"\nwhen = { min_value = \"2\", max_value = \"1\" }",
            "rules.r.min_value: ",
        ),
        (
            "name = \"r\"\nwhen = { create = true, selectors = [\"0x00000000\"] }",
            "rules.r.create: ",
        ),
    ] {
        let error = rules(&format!("[[rules]]\n{rule}")).unwrap_err().to_string();
        assert!(error.starts_with(key), "{rule}: {error}");
    }
    let error = rules("[policy]\nmode = { at_least = 3 }")
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("policy.mode: "), "{error}");
}

proptest! {
    #[test]
    fn a_value_is_within_exactly_one_of_two_adjoining_ranges(value: u128, bound in 1_u128..) {
        let call = Called { value: U256::from(value), ..call() };
        let facts = facts(&call);
        let below = When { max_value: Some(U256::from(bound - 1)), ..Default::default() };
        let above = When { min_value: Some(U256::from(bound)), ..Default::default() };
        prop_assert!(below.matches(&facts) != above.matches(&facts));
    }
}
