//! The private decoders of what strangers send an operator, for the fuzz targets (`crates/fuzz`). No part of the API.

pub use crate::api::fuzzing::query;
pub use crate::engine::fuzzing::{handover, handover_bytes, state, votes};

use crate::NetworkFile;
use crate::monitor::probe;
use crate::monitor::target::Target;
use rampart_protocol::SignedTransaction;
use std::path::Path;
use tokio::io::AsyncWriteExt as _;

/// Status and body of what a service answers a probe, when it answers these bytes.
pub fn probed(bytes: &[u8], max_body: usize) -> Option<(u16, bytes::Bytes)> {
    let target = Target::parse("http://service.example/").expect("a URL");
    let runtime = tokio::runtime::Builder::new_current_thread().build().ok()?;
    runtime.block_on(async {
        let (ours, mut theirs) = tokio::io::duplex(bytes.len() + 4096);
        theirs.write_all(bytes).await.ok()?;
        theirs.shutdown().await.ok()?;
        probe::ask(ours, &target, max_body).await.ok()
    })
}

/// What peers pass on between mempools.
pub fn gossip(bytes: &[u8]) -> Option<Vec<SignedTransaction>> {
    crate::gossip::read(bytes).ok()
}

/// A network's file.
pub fn network_file(text: &str) -> Option<NetworkFile> {
    NetworkFile::parse(Path::new("network.json"), text).ok()
}
