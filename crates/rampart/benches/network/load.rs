//! Submitting purchases to all operators, as fast as they are confirmed or at a rate, and timing some until their confirmation
//! is verified.

use crate::buyers::Order;
use crate::operators::{Node, World};
use rampart_client::events::Start;
use rampart_client::{NodeClient, verify_confirmation};
use rampart_protocol::api::{EventFilter, EventKind, EventView, TransactionStatus};
use rampart_protocol::{Domain, Message, OperatorSet, PurchaseId, SignedTransaction};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// Purchases that are submitted and not confirmed yet, at most: some blocks' worth, and less than operators hold.
const OUTSTANDING: usize = 9_000;
/// Transactions of a request.
const BATCH: usize = 200;
/// One of so many batches has a purchase whose time is taken.
const SAMPLED: usize = 4;
/// Pause before what an operator did not take is submitted again.
const AGAIN: Duration = Duration::from_millis(20);
/// Blocks without a purchase after which something is wrong.
const STALLED: usize = 15;
/// Longest time without a block.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a phase came to.
pub struct Outcome {
    purchases: usize,
    time: Duration,
    /// From submission to a verified confirmation, milliseconds, in order.
    latencies: Vec<f64>,
    /// Processor time of an operator for a purchase, microseconds.
    pub cpu_us: f64,
    /// Resident memory of the largest operator, megabytes.
    pub memory_mb: f64,
}

impl Outcome {
    pub fn per_second(&self) -> f64 {
        self.purchases as f64 / self.time.as_secs_f64()
    }

    pub fn percentile(&self, part: f64) -> f64 {
        let last = self.latencies.len() - 1;
        self.latencies[(last as f64 * part).round() as usize]
    }

    pub fn tell(&self, what: &str) {
        println!(
            "  {what}: {} purchases in {:.1} s, {:.0} a second; {} confirmations verified, p50 {:.0} ms, p99 {:.0} ms; {:.1} us an operator; \
             {:.0} MB",
            self.purchases,
            self.time.as_secs_f64(),
            self.per_second(),
            self.latencies.len(),
            self.percentile(0.5),
            self.percentile(0.99),
            self.cpu_us,
            self.memory_mb,
        );
    }
}

/// As fast as they are confirmed.
pub async fn peak(world: &World, orders: Vec<Order>) -> Outcome {
    run(world, orders, None).await
}

/// So many a second.
pub async fn at_rate(world: &World, orders: Vec<Order>, rate: f64) -> Outcome {
    run(world, orders, Some(rate)).await
}

struct Shared {
    domain: Domain,
    begun: Instant,
    rate: Option<f64>,
    submitted: AtomicUsize,
    confirmed: watch::Receiver<usize>,
    samples: mpsc::Sender<(PurchaseId, Instant)>,
}

async fn run(world: &World, orders: Vec<Order>, rate: Option<f64>) -> Outcome {
    let purchases = orders.len();
    let (confirm, confirmed) = watch::channel(0);
    let (samples, taken) = mpsc::channel(1_000);
    let filter = EventFilter {
        kinds: vec![EventKind::Block],
        ..EventFilter::default()
    };
    let height = world.client(0).status().await.unwrap().height;
    let mut blocks = NodeClient::new(vec![world.nodes[0].url()]).events(filter, Start::Height(height + 1));
    let before = processor_time(world);
    let shared = Arc::new(Shared {
        domain: world.operators.domain,
        begun: Instant::now(),
        rate,
        submitted: AtomicUsize::new(0),
        confirmed: confirmed.clone(),
        samples,
    });
    let all: Vec<SignedTransaction> = orders.iter().map(|order| order.transaction.clone()).collect();
    let mut tasks = JoinSet::new();
    for (place, orders) in shares(orders, world.nodes.len()).into_iter().enumerate() {
        let client = NodeClient::new(vec![world.nodes[place].url()]);
        tasks.spawn(submit(client, orders, Arc::clone(&shared)));
    }
    // The operator that tells of blocks is not the one that is asked for confirmations.
    let timing = tokio::spawn(time_some(
        world.client(1),
        world.operators.clone(),
        taken,
        confirmed,
    ));
    let (mut seen, mut idle) = (0, 0);
    while seen < purchases {
        let next = tokio::time::timeout(PATIENCE, blocks.next()).await;
        let (_, event) = next.expect("blocks come").unwrap();
        if let EventView::Block(block) = event {
            idle = if block.purchases == 0 { idle + 1 } else { 0 };
            if idle == STALLED {
                stuck(world, &all).await;
            }
            seen += block.purchases as usize;
            confirm.send_replace(seen);
        }
    }
    let time = shared.begun.elapsed();
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    drop(shared);
    let mut latencies = timing.await.unwrap();
    latencies.sort_by(f64::total_cmp);
    let spent = processor_time(world) - before;
    Outcome {
        purchases,
        time,
        latencies,
        cpu_us: spent.as_secs_f64() * 1e6 / purchases as f64 / world.nodes.len() as f64,
        memory_mb: memory(world),
    }
}

/// Gives up, and says why the first purchase that is not final is not.
async fn stuck(world: &World, all: &[SignedTransaction]) {
    let client = world.client(0);
    for transaction in all {
        let view = client.transaction(transaction.hash()).await.unwrap();
        assert_eq!(
            view.status,
            TransactionStatus::Applied,
            "no purchase becomes final: {view:?}"
        );
    }
}

/// Each operator's part: a lane goes to one operator, so its nonces come in order.
fn shares(orders: Vec<Order>, operators: usize) -> Vec<Vec<SignedTransaction>> {
    let mut shares = vec![Vec::new(); operators];
    for order in orders {
        shares[order.lane % operators].push(order.transaction);
    }
    shares
}

async fn submit(client: NodeClient, orders: Vec<SignedTransaction>, shared: Arc<Shared>) {
    let mut confirmed = shared.confirmed.clone();
    for (number, batch) in orders.chunks(BATCH).enumerate() {
        let before = shared.submitted.fetch_add(batch.len(), Ordering::Relaxed);
        match shared.rate {
            Some(rate) => {
                let due = shared.begun + Duration::from_secs_f64(before as f64 / rate);
                tokio::time::sleep_until(due.into()).await;
            }
            None => {
                let room = |seen: &usize| before + batch.len() < seen + OUTSTANDING;
                confirmed.wait_for(room).await.unwrap();
            }
        }
        if number % SAMPLED == 0 {
            let Message::Purchase(purchase) = &batch[batch.len() / 2].message else {
                panic!("orders are purchases");
            };
            let id = purchase.id(&shared.domain);
            let _ = shared.samples.send((id, Instant::now())).await;
        }
        let mut left = batch.to_vec();
        while !left.is_empty() {
            match client.submit_batch(&left).await {
                Ok(entries) => {
                    let refused: Vec<_> = entries.iter().map(|entry| entry.error.is_some()).collect();
                    let mut refused = refused.into_iter();
                    left.retain(|_| refused.next().unwrap());
                }
                Err(error) => println!("  a batch again: {error}"),
            }
            if !left.is_empty() {
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

/// Asks for the confirmations of what was sampled after each block, and verifies them.
async fn time_some(
    client: NodeClient,
    operators: OperatorSet,
    mut taken: mpsc::Receiver<(PurchaseId, Instant)>,
    mut blocks: watch::Receiver<usize>,
) -> Vec<f64> {
    let (mut waiting, mut times) = (Vec::new(), Vec::new());
    let mut more = true;
    while more || !waiting.is_empty() {
        tokio::select! {
            sample = taken.recv(), if more => match sample {
                Some(sample) => waiting.push(sample),
                None => more = false,
            },
            _ = blocks.changed(), if !waiting.is_empty() => {}
            () = tokio::time::sleep(AGAIN), if !waiting.is_empty() => {}
        }
        let mut still = Vec::new();
        for (id, since) in waiting {
            match client.confirmation(id).await {
                Ok(confirmation) => {
                    verify_confirmation(&confirmation, &operators).unwrap();
                    times.push(since.elapsed().as_secs_f64() * 1e3);
                }
                Err(error) if error.is_not_found() => still.push((id, since)),
                Err(error) => panic!("{error}"),
            }
        }
        waiting = still;
    }
    times
}

fn pids(world: &World) -> impl Iterator<Item = u32> + '_ {
    world.nodes.iter().filter_map(Node::pid)
}

/// User and system time of all operators so far (`man 5 proc`).
fn processor_time(world: &World) -> Duration {
    let ticks: u64 = pids(world)
        .map(|pid| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
            let fields: Vec<&str> = stat[stat.rfind(')').unwrap()..].split(' ').collect();
            fields[12].parse::<u64>().unwrap() + fields[13].parse::<u64>().unwrap()
        })
        .sum();
    // USER_HZ is 100 on every Linux that matters.
    Duration::from_millis(ticks * 10)
}

fn memory(world: &World) -> f64 {
    let resident = |pid: u32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1e3
    };
    pids(world).map(resident).fold(0.0, f64::max)
}
