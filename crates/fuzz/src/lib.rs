//! Fuzz targets: every decoder that a peer, a client, a service or a chain's endpoint can reach, and what must hold of it
//! beyond not panicking: one encoding, nothing accepted that nobody signed, no more memory than the input justifies.
//!
//! The tests run each for some seconds; `cargo xtask fuzz` runs them under libFuzzer. The ledger's own two are the files
//! that its tests use.

mod chains;
mod clients;
#[path = "../../ledger/tests/economy/fuzzing.rs"]
#[allow(
    missing_docs,
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "tests"
)]
mod fuzzing;
#[path = "../../ledger/tests/economy/history/mod.rs"]
#[allow(
    missing_docs,
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "tests"
)]
mod history;
mod nodes;
mod peers;
mod services;
mod stage;

pub use history::Chance;

use cap::Cap;
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// Bytes that a decoder may allocate in all, whatever the input: for what it builds once, and for errors.
const ALLOWANCE: usize = 1 << 20;
/// Bytes that it may allocate for each byte of input. JSON is the worst: `[0,0,…]` as values.
const ALLOWANCE_PER_BYTE: usize = 512;

/// A fuzz target.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name, also of the folders of its inputs.
    pub name: &'static str,
    /// Inputs to begin with. None where the ledger's tests write them.
    pub seeds: fn() -> Vec<Vec<u8>>,
    body: fn(&[u8]),
    /// Whether what it allocates is bounded by the input.
    bounded: bool,
}

impl Target {
    const fn new(name: &'static str, seeds: fn() -> Vec<Vec<u8>>, body: fn(&[u8])) -> Self {
        Self {
            name,
            seeds,
            body,
            bounded: true,
        }
    }

    /// Tries an input; panics when something does not hold. Not beside other threads, whose memory would count too.
    pub fn run(&self, bytes: &[u8]) {
        let before = ALLOCATOR.total_allocated();
        (self.body)(bytes);
        let allocated = ALLOCATOR.total_allocated() - before;
        let bound = ALLOWANCE + ALLOWANCE_PER_BYTE * bytes.len();
        assert!(
            !self.bounded || allocated <= bound,
            "{allocated} bytes were allocated for an input of {}",
            bytes.len()
        );
    }
}

/// All of them.
#[must_use]
pub fn targets() -> Vec<Target> {
    let history = Target {
        bounded: false,
        ..Target::new("apply_history", Vec::new, fuzzing::apply_history)
    };
    vec![
        Target::new("decode_transaction", Vec::new, fuzzing::decode),
        history,
        Target::new("peer_message", peers::seeds, peers::run),
        Target::new("client_query", clients::query_seeds, clients::query),
        Target::new("client_body", clients::body_seeds, clients::body),
        Target::new("consumer_request", clients::request_seeds, clients::request),
        Target::new("meter_file", clients::meter_seeds, clients::meter),
        Target::new("wallet_request", clients::rpc_seeds, clients::rpc),
        Target::new("node_answer", nodes::seeds, nodes::run),
        Target::new("node_stream", nodes::stream_seeds, nodes::stream),
        Target::new("service_answer", services::seeds, services::run),
        Target::new("chain_answer", chains::seeds, chains::run),
        Target::new("chain_tracker", chains::tracker_seeds, chains::tracker),
    ]
}

/// The first byte says which of several decoders the others are for.
fn shape(bytes: &[u8], count: u8) -> Option<(u8, &[u8])> {
    let (shape, bytes) = bytes.split_first()?;
    Some((shape % count, bytes))
}

/// An input for one of several decoders.
fn shaped(shape: u8, bytes: impl AsRef<[u8]>) -> Vec<u8> {
    [&[shape], bytes.as_ref()].concat()
}
