//! What a block of 2,000 purchases costs the authenticated state: its new root, and writing it durably.
//!
//! Run by `cargo xtask bench ledger`; `-- --json FILE` writes the figure. The database is the operator's own, with its
//! configuration, on disk; the market is the ledger benchmark's, whose files this program shares.
#![recursion_limit = "256"]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_precision_loss,
    dead_code,
    reason = "a program that measures; it uses a part of what it shares"
)]

#[path = "../../ledger/benches/ledger/market.rs"]
mod market;
#[path = "../../ledger/benches/ledger/report.rs"]
mod report;
#[path = "../../ledger/benches/ledger/state.rs"]
mod state;

use commonware_glue::stateful::db::{DatabaseSet, Merkleized as _, Unmerkleized as _};
use commonware_runtime::{Runner as _, Supervisor as _, tokio};
use market::{DAY, Market, START, Size};
use rampart_ledger::{Input, Key, Record, apply};
use rampart_node::storage::{SharedState, StateKey, StateValue, StorageConfig, page_cache, state_config};
use report::{Goal, undisturbed};
use std::collections::BTreeMap;
use std::time::Instant;

/// What the state holds before: 1,000 providers, 10,000 services, 100,000 accounts, and the purchases of earlier blocks.
const SIZE: Size = Size {
    providers: 1_000,
    services: 10,
    consumers: 100_000,
};
const BLOCK: usize = 2_000;
const BLOCKS: usize = 30;

type Runtime = tokio::Context;
type Writes = BTreeMap<Key, Option<Record>>;

/// Milliseconds of one block.
struct Times {
    root: f64,
    durable: f64,
}

fn main() {
    if !std::env::args().any(|word| word == "--bench") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let config = tokio::Config::new().with_storage_directory(directory.path());
    let times = tokio::Runner::new(config).start(measure);
    let root = undisturbed(times.iter().map(|times| times.root).collect());
    let durable = undisturbed(times.iter().map(|times| times.durable).collect());
    report::title();
    report::line("state root of a block of 2,000 purchases", root, "ms", Goal::None);
    report::line("  writing that block durably", durable, "ms", Goal::None);
    let words: Vec<String> = std::env::args().collect();
    if let Some(at) = words.iter().position(|word| word == "--json") {
        let path = words.get(at + 1).expect("--json needs a file");
        std::fs::write(path, format!("{{\"root_update_ms\":{root:.3}}}")).unwrap();
    }
}

async fn measure(runtime: Runtime) -> Vec<Times> {
    let storage = StorageConfig::new("bench");
    let configuration = state_config(&storage, page_cache(&storage));
    let state = SharedState::<Runtime>::init(runtime.child("state"), configuration, None).await;
    let mut market = Market::new(SIZE, &[]);
    let founded: Writes = market
        .state
        .records()
        .map(|(key, record)| (key, Some(record)))
        .collect();
    block(&state, &founded).await;
    let mut times = Vec::new();
    for number in 0..BLOCKS {
        market.at(START + DAY + number as u64);
        let writes = purchases(&mut market);
        times.push(block(&state, &writes).await);
    }
    times
}

/// What a block of purchases changes, each record once.
fn purchases(market: &mut Market) -> Writes {
    let mut writes = Writes::new();
    for _ in 0..BLOCK {
        let purchase = market.any_purchase();
        let input: Input = market.input(purchase.consumer, purchase);
        let changes = apply(&market.state, &market.env, &input).unwrap();
        writes.extend(changes.writes.clone());
        market.state.commit(changes);
    }
    writes
}

/// Encodes the records, works out the root that they lead to, and makes them durable.
async fn block(state: &SharedState<Runtime>, writes: &Writes) -> Times {
    let began = Instant::now();
    let mut batch = DatabaseSet::<Runtime>::new_batches(state).await;
    for (key, record) in writes {
        let value = record
            .as_ref()
            .map(|record| StateValue::new(record.to_bytes()).unwrap());
        batch = batch.write(StateKey::new(*key.as_bytes()), value);
    }
    let sealed = batch.merkleize().await.unwrap();
    std::hint::black_box(sealed.root());
    let root = began.elapsed().as_secs_f64() * 1e3;
    let began = Instant::now();
    DatabaseSet::<Runtime>::apply(state, sealed).await;
    assert!(DatabaseSet::<Runtime>::finalize(state).await.durable().await);
    Times {
        root,
        durable: began.elapsed().as_secs_f64() * 1e3,
    }
}
