//! Operators and a follower that are killed without warning, as processes, while consumers buy: what was confirmed stays, and
//! nobody ever sees another chain.
//!
//! The ordinary tests kill a few times; `cargo xtask kill` as often as one likes.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../../chain/tests/support/anvil.rs"]
mod node;
#[path = "support/operators.rs"]
#[allow(dead_code, reason = "benchmarks use the rest")]
mod operators;

use alloy::signers::{SignerSync as _, local::PrivateKeySigner};
use node::funded;
use operators::{ASK, FEE, Node, OPERATORS, Setup, World, eventually, now, tokens};
use rampart_client::{NodeClient, verify_confirmation};
use rampart_protocol::message::Purchase;
use rampart_protocol::{
    AccessKey, B256, Confirmation, Message, Nonce, OperatorSet, ProviderId, PurchaseId, ServiceId,
    SignedTransaction, Timestamp,
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Kills of the ordinary tests.
const KILLS: usize = 5;

fn setup() -> Setup {
    Setup {
        network: json!({
            "checkpointInterval": 10,
            "epochBlocks": 40,
            "minIntervalMs": 50,
            "idleIntervalMs": 500,
        }),
        settings: &["index_cache=4096"],
        operators: OPERATORS,
        supply: tokens(10_000_000),
    }
}

/// Digest and state root by height, and the heights at which another was seen.
type Roots = (BTreeMap<u64, (B256, B256)>, Vec<u64>);

/// What consumers and observers hold against the operators at the end.
#[derive(Clone, Default)]
struct Seen {
    /// Confirmations that a consumer verified.
    confirmed: Arc<Mutex<BTreeMap<PurchaseId, Confirmation>>>,
    /// The block and the state root that were seen first at a height, and heights at which another was seen.
    roots: Arc<Mutex<Roots>>,
}

/// Buys one package after another, and again whatever is not confirmed soon: the same message is the same purchase.
async fn buy(client: NodeClient, signer: PrivateKeySigner, operators: OperatorSet, seen: Seen) {
    let domain = operators.domain;
    for nonce in 0.. {
        let purchase = Purchase {
            consumer: signer.address(),
            provider: ProviderId(1),
            service: ServiceId(1),
            version: 1,
            fee: FEE,
            access_key: AccessKey(B256::repeat_byte(0x11)),
            expires_at: Timestamp(now().as_secs() + 7_200),
            nonce: Nonce(nonce),
        };
        let id = purchase.id(&domain);
        let message = Message::from(purchase);
        let signature = signer.sign_hash_sync(&message.signing_hash(&domain)).unwrap();
        let transaction = SignedTransaction {
            message,
            signature: signature.as_bytes().into(),
        };
        let confirmation = loop {
            // Whatever it answers: only a confirmation counts.
            let _ = client.submit(&transaction, None).await;
            let asked = async {
                loop {
                    match client.confirmation(id).await {
                        Ok(confirmation) => break confirmation,
                        Err(_) => tokio::time::sleep(ASK).await,
                    }
                }
            };
            if let Ok(confirmation) = tokio::time::timeout(Duration::from_secs(2), asked).await {
                break confirmation;
            }
        };
        verify_confirmation(&confirmation, &operators).unwrap();
        seen.confirmed.lock().unwrap().insert(id, confirmation);
    }
}

/// Compares what operators say of their state, whenever two speak of one height.
async fn compare(urls: Vec<String>, seen: Seen) {
    let clients: Vec<NodeClient> = urls.into_iter().map(|url| NodeClient::new(vec![url])).collect();
    loop {
        for client in &clients {
            if let Ok(status) = client.status().await {
                let mut roots = seen.roots.lock().unwrap();
                let here = (status.digest, status.state_root);
                if *roots.0.entry(status.height).or_insert(here) != here {
                    roots.1.push(status.height);
                }
            }
        }
        tokio::time::sleep(ASK).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_that_are_killed_lose_no_confirmed_purchase_and_make_no_fork() {
    kill(KILLS, 1).await;
}

/// `cargo xtask kill --times N`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "as often as one likes: cargo xtask kill"]
async fn many_kills() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let times = usize::try_from(number("RAMPART_KILL_TIMES").unwrap_or(100)).unwrap();
    kill(times, number("RAMPART_KILL_SEED").unwrap_or(1)).await;
}

async fn kill(times: usize, seed: u64) {
    let mut world = World::new(&setup()).await;
    let provider = funded(1);
    let buyers = [funded(2), funded(3)];
    let accounts = [provider.address(), buyers[0].address(), buyers[1].address()];
    world.deposit(&accounts, tokens(100_000)).await;
    world.open_shop(&provider, tokens(50_000)).await;

    let seen = Seen::default();
    let mut tasks = tokio::task::JoinSet::new();
    for (first, buyer) in buyers.into_iter().enumerate() {
        tasks.spawn(buy(
            world.client(first),
            buyer,
            world.operators.clone(),
            seen.clone(),
        ));
    }
    let mut follower = world.follower();
    follower.start();
    let urls = world.nodes.iter().chain([&follower]).map(Node::url).collect();
    tasks.spawn(compare(urls, seen.clone()));

    let mut random = StdRng::seed_from_u64(seed);
    for time in 0..times {
        tokio::time::sleep(Duration::from_millis(random.random_range(0..1_500))).await;
        let before = seen.confirmed.lock().unwrap().len();
        let victim = random.random_range(0..OPERATORS);
        world.nodes[victim].kill();
        follower.kill();
        tokio::time::sleep(Duration::from_millis(random.random_range(0..1_500))).await;
        world.nodes[victim].start();
        follower.start();
        let client = NodeClient::new(vec![world.nodes[victim].url()]);
        eventually("the operator that was killed", || async {
            client.totals().await.ok()
        })
        .await;
        // The next is killed only when this one is a part of the quorum again, or more than f would be missing.
        eventually("a purchase after the kill", || async {
            (seen.confirmed.lock().unwrap().len() > before).then_some(())
        })
        .await;
        let heights = heights(&world).await;
        assert!(heights.iter().all(Option::is_some), "kill {time}: {heights:?}");
    }
    tasks.shutdown().await;
    world.nodes.push(follower);
    check(&world, &seen, times).await;
}

async fn heights(world: &World) -> Vec<Option<u64>> {
    let mut heights = Vec::new();
    for node in &world.nodes {
        let status = NodeClient::new(vec![node.url()]).status().await;
        heights.push(status.ok().map(|status| status.height));
    }
    heights
}

/// Every one has every confirmed purchase, with the record that was confirmed; and no two spoke of different states.
async fn check(world: &World, seen: &Seen, times: usize) {
    let confirmed = seen.confirmed.lock().unwrap().clone();
    for node in &world.nodes {
        let client = NodeClient::new(vec![node.url()]);
        for (id, confirmation) in &confirmed {
            let found = eventually("a confirmed purchase", || async {
                client.confirmation(*id).await.ok()
            })
            .await;
            assert_eq!(
                found.record,
                confirmation.record,
                "purchase {id} at {}",
                node.url()
            );
        }
    }
    let totals = eventually("equal totals", || async {
        let mut all = Vec::new();
        for node in &world.nodes {
            all.push(NodeClient::new(vec![node.url()]).totals().await.ok()?);
        }
        all.windows(2).all(|two| two[0] == two[1]).then(|| all.remove(0))
    })
    .await;
    let roots = seen.roots.lock().unwrap();
    assert!(roots.1.is_empty(), "different states at heights {:?}", roots.1);
    println!(
        "{times} kills, {} confirmed purchases at all operators and the follower, {} heights compared, {} deposited",
        confirmed.len(),
        roots.0.len(),
        totals.deposited.to_tokens()
    );
}
