//! Configurations as files: what starts, and what is refused at the start with a typed error.
#![allow(clippy::unwrap_used)]

mod support;

use rampart_gateway::wallet::Wallet;
use rampart_gateway::{Config, GatewayError, bind};
use std::path::Path;
use support::node::Node;
use support::sidecar::{Sidecar, allow};
use support::{buy, now, send_raw, transfer};

/// A configuration that names key and confirmation as files, with `change` applied to its text.
fn explicit(directory: &Path, node: &str, sidecar: &str, change: impl Fn(&str) -> String) -> Config {
    let path = directory.join("wallet");
    let record = buy(&path, 1, 10, now() + 3600, sidecar);
    let stored = Wallet::new(&path).load(record.id).unwrap();
    std::fs::write(
        directory.join("confirmation"),
        stored.confirmation.unwrap().to_bytes(),
    )
    .unwrap();
    let key = format!("wallet/keys/{:#x}.seed", record.access_key.0);
    let text = format!(
        "listen = \"127.0.0.1:0\"\nupstream = \"{node}\"\nstate = \"state\"\n[[services]]\nname = \"threat\"\n\
         service = 1\nprovider = 1\nsidecar = \"{sidecar}\"\naccess_key_file = \"{key}\"\n\
         confirmation_file = \"confirmation\"\nrequests = 2\n"
    );
    let file = directory.join("gateway.toml");
    std::fs::write(&file, change(&text)).unwrap();
    Config::read(&file).unwrap()
}

#[tokio::test]
async fn key_and_confirmation_may_be_files_and_a_share_of_the_package_is_kept_to() {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::start().await;
    let sidecar = Sidecar::start(allow()).await;
    let config = explicit(directory.path(), &node.url, &sidecar.url, str::to_owned);
    let bound = bind(config).await.unwrap();
    let url = format!("http://{}", bound.local_addr());
    tokio::spawn(bound.serve(std::future::pending()));
    for relayed in [true, true, false] {
        let call = reqwest::Client::new()
            .post(&url)
            .header("content-type", "application/json");
        let answer = call
            .body(send_raw(1, &transfer(0).0).to_string())
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        assert_eq!(answer.contains("result"), relayed, "{answer}");
    }
    assert_eq!(sidecar.used(), [1, 2]);
}

#[tokio::test]
async fn a_purchase_that_does_not_fit_its_service_is_refused_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    for (from, to) in [("service = 1", "service = 2"), ("provider = 1", "provider = 2")] {
        let config = explicit(
            directory.path(),
            "http://127.0.0.1:1",
            "http://127.0.0.1:1",
            |text| text.replace(from, to),
        );
        assert!(
            matches!(bind(config).await, Err(GatewayError::Purchase { .. })),
            "{to}"
        );
    }
}

#[tokio::test]
async fn files_that_are_missing_or_something_else_are_refused_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let config = |change: &dyn Fn(&str) -> String| {
        explicit(
            directory.path(),
            "http://127.0.0.1:1",
            "http://127.0.0.1:1",
            change,
        )
    };
    let missing = config(&|text| text.replace("\"confirmation\"", "\"nothing\""));
    assert!(matches!(bind(missing).await, Err(GatewayError::Read { .. })));
    let other = config(&|text| text.replace("\"confirmation\"", "\"gateway.toml\""));
    assert!(matches!(
        bind(other).await,
        Err(GatewayError::Confirmation { .. })
    ));
    let no_key = config(&|text| text.replace(".seed", ".none"));
    assert!(matches!(bind(no_key).await, Err(GatewayError::Wallet(_))));
    let operators = config(&|text| text.replace("state = ", "operators = \"confirmation\"\nstate = "));
    assert!(matches!(
        bind(operators).await,
        Err(GatewayError::Operators { .. })
    ));
}

#[tokio::test]
async fn two_gateways_cannot_share_a_state_directory_and_a_taken_port_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let config = explicit(
        directory.path(),
        "http://127.0.0.1:1",
        "http://127.0.0.1:1",
        str::to_owned,
    );
    let first = bind(config.clone()).await.unwrap();
    assert!(matches!(bind(config.clone()).await, Err(GatewayError::State(_))));
    let mut other = config;
    other.state = directory.path().join("other");
    other.listen = first.local_addr();
    assert!(matches!(bind(other).await, Err(GatewayError::Listen { .. })));
}
