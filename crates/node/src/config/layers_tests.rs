#![allow(clippy::unwrap_used)]
use super::*;
use serde::Deserialize;

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Config {
    name: String,
    #[serde(default)]
    count: u32,
    #[serde(default)]
    below: Below,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Below {
    #[serde(default)]
    list: Vec<String>,
    #[serde(default)]
    on: bool,
}

fn read(text: &str, settings: &[&str]) -> Result<Config, String> {
    let settings: Vec<Override> = settings.iter().map(|text| text.parse().unwrap()).collect();
    parse(Path::new("node.toml"), text, &settings).map_err(|error| error.to_string())
}

#[test]
fn a_setting_comes_before_the_files_and_a_later_one_before_an_earlier() {
    let config = read(
        "name = \"file\"\ncount = 1\n[below]\non = false",
        &["count=2", "below.on=true", "count=3", "below.list=[\"a\", \"b\"]"],
    );
    assert_eq!(
        config.unwrap(),
        Config {
            name: "file".to_owned(),
            count: 3,
            below: Below {
                list: vec!["a".to_owned(), "b".to_owned()],
                on: true
            },
        }
    );
}

#[test]
fn what_toml_makes_nothing_of_is_a_string() {
    for text in [
        "127.0.0.1:8100",
        "a b",
        "https://host/?x=1",
        "1\ncount = 7",
        "",
        "\"quoted\"",
    ] {
        let config = read("", &[&format!("name={text}")]).unwrap();
        assert_eq!((config.name.as_str(), config.count), (text.trim_matches('"'), 0));
    }
}

#[test]
fn the_environment_names_levels_by_two_underscores_and_ignores_other_variables() {
    let variables = [
        ("RAMPART_NODE__BELOW__ON", "true"),
        ("RAMPART_NODE", "http://elsewhere"),
        ("RAMPART_NODE__", "x"),
        ("HOME", "/root"),
        ("RAMPART_NODE__NAME", "from the environment"),
    ];
    let settings = Override::of_environment(variables.map(|(n, v)| (n.to_owned(), v.to_owned())));
    let config: Config = parse(Path::new("node.toml"), "name = \"file\"", &settings).unwrap();
    assert_eq!(
        (config.name.as_str(), config.below.on),
        ("from the environment", true)
    );
    assert_eq!(settings.len(), 2);
}

#[test]
fn faults_name_the_setting_and_never_its_value() {
    for (setting, expected) in [
        ("cuont=SECRET", "cuont"),
        ("count=SECRET", "count"),
        ("name.first=SECRET", "name has no settings below it"),
        ("below.no=SECRET", "no"),
    ] {
        let error = read("name = \"file\"", &[setting]).unwrap_err();
        assert!(
            error.starts_with("node.toml: ") && error.contains(expected),
            "{error}"
        );
        assert!(!error.contains("SECRET"), "{error}");
    }
    let error = read("count = 1\nname = \"SECRET", &[]).unwrap_err();
    assert!(error.contains("line 2") && !error.contains("SECRET"), "{error}");
    let setting: Override = "name=SECRET".parse().unwrap();
    assert!(!format!("{setting:?}").contains("SECRET"));
}

#[test]
fn what_is_no_setting_is_refused() {
    for text in ["name", "=x", "a..b=1", ".=1", ""] {
        assert_eq!(text.parse::<Override>(), Err(NotASetting), "{text}");
    }
}
