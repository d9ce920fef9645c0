//! An operator with a long history: what it stores for a purchase, how fast it still is, and how soon it serves again when it
//! is started anew.

use crate::buyers::Buyers;
use crate::load;
use crate::operators::{ASK, Setup, World, tokens};
use rampart_client::NodeClient;
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};

/// Purchases that are signed before they are timed.
const CHUNK: usize = 100_000;
/// With so many the operator's history is short.
const SHORT: usize = 10_000;

/// What is measured.
pub struct Figures {
    pub purchases: usize,
    /// Confirmed a second, with [`SHORT`] purchases in storage and with all.
    pub short_per_second: f64,
    pub long_per_second: f64,
    /// On the disk, bytes.
    pub bytes_per_purchase: f64,
    /// From the start of the process until it answers, and until a new purchase is final, seconds.
    pub restart_s: f64,
    pub buying_s: f64,
    /// Resident then, megabytes.
    pub memory_mb: f64,
}

/// Fills one operator's storage, restarts it, and buys again.
pub async fn measure(purchases: usize) -> Figures {
    let setup = Setup {
        network: json!({ "checkpointInterval": 100, "epochBlocks": 3_600 }),
        settings: &[],
        operators: 1,
        supply: tokens(1_000_000_000_000),
    };
    let mut world = World::new(&setup).await;
    let mut buyers = Buyers::new(&world).await;
    load::peak(&world, buyers.delegated(SHORT)).await;
    let empty = size(world.folder.path());
    let short = load::peak(&world, buyers.delegated(CHUNK)).await;
    short.tell("with a short history");
    let mut done = SHORT + CHUNK;
    let mut long = short.per_second();
    while done < purchases {
        let chunk = CHUNK.min(purchases - done);
        let outcome = load::peak(&world, buyers.delegated(chunk)).await;
        done += chunk;
        long = outcome.per_second();
        if done % 1_000_000 < chunk {
            outcome.tell(&format!("with {done}"));
        }
    }
    let stored = size(world.folder.path()) - empty;

    world.nodes[0].kill();
    let begun = Instant::now();
    world.nodes[0].start();
    let client = NodeClient::new(vec![world.nodes[0].url()]);
    while client.totals().await.is_err() {
        tokio::time::sleep(ASK).await;
    }
    let restart = begun.elapsed();
    let again = load::peak(&world, buyers.delegated(1)).await;
    let buying = begun.elapsed();
    Figures {
        purchases: done,
        short_per_second: short.per_second(),
        long_per_second: long,
        bytes_per_purchase: stored as f64 / (done - SHORT) as f64,
        restart_s: seconds(restart),
        buying_s: seconds(buying),
        memory_mb: again.memory_mb,
    }
}

fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 100.0).round() / 100.0
}

/// Bytes that the files under a folder take on the disk.
fn size(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => size(&entry.path()),
            Ok(found) => found.blocks() * 512,
            // A file that the operator removed meanwhile.
            Err(_) => 0,
        })
        .sum()
}
