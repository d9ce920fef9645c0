//! A sidecar that is killed without warning, as a process, while several clients of several purchases use it: never is more served
//! than was bought, nothing twice, nothing billed without proof, and nothing lost but what was in flight.
//!
//! The ordinary tests kill a few times; `cargo xtask chaos sidecar` as often as one likes.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "../../sidecar/tests/it/buyer.rs"]
#[allow(dead_code, reason = "the sidecar's tests use the rest")]
mod buyer;
#[path = "sidecar_kills/client.rs"]
mod client;
#[path = "sidecar_kills/judged.rs"]
mod judged;
#[path = "sidecar_kills/ledger.rs"]
mod ledger;
#[path = "../../sidecar/tests/it/operators.rs"]
#[allow(dead_code, reason = "the sidecar's tests use the rest")]
mod operators;
#[path = "sidecar_kills/sidecar.rs"]
mod sidecar;
#[path = "sidecar_kills/vendor.rs"]
mod vendor;

use buyer::Buyer;
use client::{Bought, CLIENTS, Client, Mode, Shop};
use ledger::Ledger;
use operators::Operators;
use rampart_protocol::{B256, PurchaseId, Timestamp};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use sidecar::Sidecar;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;

/// Kills of the ordinary tests.
const KILLS: usize = 20;
/// Consumers at once, each with one purchase after another and [`CLIENTS`] clients of each.
const CONSUMERS: u64 = 3;
/// Longest time under load before a kill, milliseconds.
const LIFE_MS: u64 = 120;
/// Of so many kills, one comes while the sidecar starts.
const EARLY: u32 = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sidecar_that_is_killed_serves_nothing_twice_and_bills_nothing_unproven() {
    kill(KILLS, 1).await;
}

/// `cargo xtask chaos sidecar --times N`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "as often as one likes: cargo xtask chaos sidecar"]
async fn many_kills() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let times = usize::try_from(number("RAMPART_CHAOS_TIMES").unwrap_or(1000)).unwrap();
    kill(times, number("RAMPART_CHAOS_SEED").unwrap_or(1)).await;
}

async fn kill(times: usize, seed: u64) {
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let operators = Arc::new(Operators::new(1));
    let mut sidecar = Sidecar::new(&operators, &vendor::start(Arc::clone(&ledger)).await);
    let mut clients = Vec::new();
    for consumer in 0..CONSUMERS {
        let shop = shop(consumer, seed, Arc::clone(&operators));
        let mode = if consumer == 0 { Mode::Blocks } else { Mode::Singly };
        for place in 0..CLIENTS {
            let own_seed = seed ^ (consumer * CLIENTS + place + 1).rotate_right(8);
            let client = Client::new(place, mode, Arc::clone(&shop), Arc::clone(&ledger), own_seed);
            clients.push(client);
        }
    }
    let mut random = StdRng::seed_from_u64(seed);
    for time in 1..=times {
        sidecar.start();
        let life = Duration::from_millis(random.random_range(0..LIFE_MS));
        if random.random_ratio(1, EARLY) {
            tokio::time::sleep(life).await;
            sidecar.kill();
            continue;
        }
        let usage = sidecar.usage().await;
        compare(&ledger, &usage, false, time);
        let working = spawn(clients, sidecar.public, Client::work);
        tokio::time::sleep(life).await;
        sidecar.kill();
        clients = working.join_all().await;
    }
    sidecar.start();
    let usage = sidecar.usage().await;
    compare(&ledger, &usage, false, times);
    spawn(clients, sidecar.public, Client::settle).join_all().await;
    // What was sent again is metered in this life; the next one knows it from the disk alone.
    sidecar.kill();
    sidecar.start();
    let usage = sidecar.usage().await;
    compare(&ledger, &usage, true, times);
    tell(&ledger.lock().unwrap(), times, seed);
}

fn spawn<F>(
    clients: Vec<Client>,
    address: SocketAddr,
    task: impl Fn(Client, SocketAddr) -> F,
) -> JoinSet<Client>
where
    F: Future<Output = Client> + Send + 'static,
{
    clients.into_iter().map(|client| task(client, address)).collect()
}

fn compare(ledger: &Mutex<Ledger>, usage: &[rampart_sidecar::admin::UsageView], settled: bool, time: usize) {
    let mut ledger = ledger.lock().unwrap();
    ledger.compare(usage, settled);
    assert!(
        ledger.violations.is_empty(),
        "kill {time}, {} violations:\n{}",
        ledger.violations.len(),
        ledger.violations.join("\n")
    );
}

fn tell(ledger: &Ledger, times: usize, seed: u64) {
    let sums = ledger.sums();
    println!(
        "{times} kills (seed {seed}), {} requests of {} purchases: {} answered, {} lost in flight, of them {} burnt; {} violations",
        ledger.requests,
        sums.purchases,
        sums.answered,
        ledger.lost,
        sums.burnt,
        ledger.violations.len()
    );
    assert_eq!(sums.unknown, 0);
    // Or the clients did nothing while it was killed.
    assert!(
        sums.answered > times && ledger.lost > 0,
        "{sums:?}, {} lost",
        ledger.lost
    );
}

/// A consumer's purchases, of 50 to 400 requests each, the same for all of its clients.
fn shop(consumer: u64, seed: u64, operators: Arc<Operators>) -> Arc<Shop> {
    let shelf: Mutex<Vec<Arc<Bought>>> = Mutex::default();
    Arc::new(move |index| {
        let mut shelf = shelf.lock().unwrap();
        while shelf.len() <= index {
            let number = shelf.len() as u64;
            let mut random = StdRng::seed_from_u64(seed ^ (consumer << 56) ^ (number << 32));
            let requests = random.random_range(50..400);
            let mut id = [0; 32];
            random.fill(&mut id);
            let buyer = Buyer::new(random.random()).with(|record| {
                record.id = PurchaseId(B256::new(id));
                record.requests = requests;
                record.expires_at = Timestamp(u64::from(u32::MAX));
            });
            let confirmation = operators.confirm(&buyer.record);
            shelf.push(Arc::new(Bought { buyer, confirmation }));
        }
        Arc::clone(&shelf[index])
    })
}
