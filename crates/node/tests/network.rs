//! The production network and runtime: four operators over TCP on one machine.

#![allow(clippy::unwrap_used)]

#[path = "cluster/workload.rs"]
#[allow(dead_code, reason = "the simulation uses the rest")]
mod workload;

use commonware_cryptography::{Signer as _, ed25519::PrivateKey};
use commonware_runtime::{
    Runner as _, Spawner as _, Supervisor as _,
    tokio::{Config as RuntimeConfig, Context, Runner},
};
use commonware_utils::NZUsize;
use rampart_ledger::{Key, Record};
use rampart_node::{
    application::{Pacing, Seams, Senders},
    block::BlockLimits,
    engine::{
        self, Committees, Engine, EngineConfig, Network, Timeouts,
        network::{NetworkConfig, connect, follow},
    },
    storage::StorageConfig,
};
use rampart_protocol::{Address, B256, Operator as Seat, OperatorSet, Timestamp};
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use workload::{Conduct, Operator, Script};

const OPERATORS: usize = 4;

fn keys() -> Vec<PrivateKey> {
    (1..=4).map(PrivateKey::from_seed).collect()
}

fn operator_set() -> OperatorSet {
    let seats = keys().into_iter().zip(1u8..).map(|(key, n)| Seat {
        public_key: B256::from_slice(key.public_key().as_ref()),
        checkpoint_key: Address::repeat_byte(n),
        weight: 1,
    });
    OperatorSet {
        domain: workload::domain(),
        operators: seats.collect(),
    }
}

/// Unix seconds.
#[expect(
    clippy::disallowed_methods,
    reason = "this test is the program that reads the clock"
)]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Addresses that were free a moment ago.
fn addresses() -> Vec<SocketAddr> {
    let listeners: Vec<_> = (0..OPERATORS)
        .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap())
        .collect();
    listeners
        .iter()
        .map(|listener| listener.local_addr().unwrap())
        .collect()
}

/// Operators know the address of the first, and learn those of the others from it.
fn network_config(addresses: &[SocketAddr], index: usize) -> NetworkConfig {
    NetworkConfig {
        listen: addresses[index],
        reachable_at: addresses[index],
        bootstrappers: [(keys()[0].public_key(), addresses[0])].into(),
        allow_private_addresses: true,
    }
}

async fn operator(
    context: Context,
    genesis: Timestamp,
    index: usize,
    addresses: &[SocketAddr],
    operator: Operator,
) -> Engine<Context> {
    let (operators, limits, key) = (operator_set(), BlockLimits::default(), keys()[index].clone());
    let config = network_config(addresses, index);
    let connected = connect(
        context.child("network"),
        key.clone(),
        &operators.domain,
        &limits,
        &config,
    );
    let committees = Committees::new(key, 0, &operators).unwrap();
    let follow = follow(committees.clone(), connected.oracle.clone());
    context.child("follow").spawn(move |_| follow);
    let config = EngineConfig {
        genesis_timestamp_ms: genesis.0 * 1_000,
        operators: operators.clone(),
        params: workload::params(),
        genesis_operators: workload::operators(&operators),
        epoch_blocks: 8,
        limits,
        pacing: Pacing {
            idle_interval: Duration::from_millis(300),
            ..Pacing::default()
        },
        timeouts: Timeouts::default(),
        storage: StorageConfig {
            cache_pages: NZUsize!(256),
            index_cache: NZUsize!(1024),
            ..StorageConfig::new(format!("operator-{index}"))
        },
        state_sync: false,
    };
    let seams = Seams {
        source: operator.clone(),
        feed: operator.clone(),
        sink: operator,
        senders: Senders::new(operators.domain, 1024),
    };
    let network = Network {
        channels: connected.channels,
        peers: connected.oracle.clone(),
        blocker: connected.oracle,
    };
    engine::start(context.child("engine"), config, committees, network, seams)
        .await
        .unwrap()
}

#[test]
fn four_operators_that_know_one_address_find_each_other_and_agree_over_tcp() {
    const HEIGHT: u64 = 20;
    let directory = tempfile::tempdir().unwrap();
    let config = RuntimeConfig::new().with_storage_directory(directory.path());
    Runner::new(config).start(|context| async move {
        let genesis = Timestamp(now() - 1);
        let (script, addresses) = (Script::new(1, 3, genesis), addresses());
        let mut engines = Vec::new();
        for index in 0..OPERATORS {
            let context = context.child("operator").with_attribute("index", index);
            let seen = Operator::new(script.clone(), 1, Conduct::Honest);
            engines.push((
                operator(context, genesis, index, &addresses, seen.clone()).await,
                seen,
            ));
        }
        let mut roots = BTreeMap::new();
        for (engine, seen) in &engines {
            let mut tip = engine.chain().watch();
            let high = tip.wait_for(|header| header.height >= HEIGHT);
            tokio::time::timeout(Duration::from_secs(30), high)
                .await
                .unwrap()
                .unwrap();
            let root = seen.seen(|seen| seen.headers[&HEIGHT].state_root);
            assert_eq!(*roots.entry(HEIGHT).or_insert(root), root);
            let Some(Record::Globals(globals)) = engine.state().get(&Key::globals()).await.unwrap() else {
                panic!("an operator has no totals")
            };
            globals.check().unwrap();
            assert_eq!(globals.purchases, 4);
        }
    });
}
