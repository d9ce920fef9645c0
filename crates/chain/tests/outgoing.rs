//! Checkpoints that reach a real chain although it does not mine, forgets transactions, takes them back, and the submitter is
//! restarted meanwhile.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "support/world.rs"]
mod world;

use alloy::primitives::{B256, U256};
use alloy::providers::{Provider, ProviderBuilder};
use rampart_chain::outgoing::Progress;
use rampart_chain::outgoing::plan::{Call, Rules, Wish};
use rampart_chain::{ChainError, Endpoints, Outgoing};
use std::path::PathBuf;
use std::time::Duration;
use world::node::funded;
use world::{CHAIN, World};

const GWEI: u128 = 1_000_000_000;
const STUCK: u64 = 10_000;
/// In which a node that mines by itself has mined.
const MOMENT: Duration = Duration::from_millis(20);

struct Stage {
    world: World,
    folder: tempfile::TempDir,
}

impl Stage {
    async fn new() -> Self {
        Self {
            world: World::start().await,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("outgoing.json")
    }

    /// A submitter as after a start.
    fn outgoing(&self, max_fee: u128) -> Outgoing {
        let endpoints = Endpoints::new(vec![self.world.anvil.url.clone()], None).unwrap();
        let rules = Rules {
            stuck_after_ms: STUCK,
            max_fee,
        };
        Outgoing::new(&endpoints, CHAIN, funded(1), rules, &self.path()).unwrap()
    }

    fn wish(&self, height: u64) -> Wish {
        let checkpoint = self.world.checkpoint(height);
        let signatures = self.world.sign(checkpoint, &[0, 1, 2]);
        let settlement = self.world.settlement(0);
        Wish::Do(settlement.checkpoint_call(&checkpoint, &self.world.operators, &signatures))
    }

    async fn accepted(&self) -> u64 {
        self.world.settlement(0).accepted_height().await.unwrap()
    }

    async fn ask(&self, method: &'static str, params: serde_json::Value) -> serde_json::Value {
        let provider = ProviderBuilder::new().connect_http(self.world.anvil.url.parse().unwrap());
        provider.raw_request(method.into(), params).await.unwrap()
    }

    /// What a waiting transaction offers, wei for a unit of gas.
    async fn offer(&self, hash: B256) -> u128 {
        let transaction = self
            .ask("eth_getTransactionByHash", serde_json::json!([hash]))
            .await;
        let fee: U256 = serde_json::from_value(transaction["maxFeePerGas"].clone()).unwrap();
        u128::try_from(fee).unwrap()
    }
}

fn subject(height: u64) -> B256 {
    U256::from(height).into()
}

#[tokio::test]
async fn a_stuck_transaction_is_outbid_over_a_restart_and_lands() {
    let stage = Stage::new().await;
    stage.world.anvil.set_automine(false).await;
    let mut outgoing = stage.outgoing(100 * GWEI);
    let wish = stage.wish(10);
    let Progress::Sent(first) = outgoing.drive(&wish, 0).await.unwrap() else {
        panic!("not sent")
    };
    assert_eq!(outgoing.drive(&wish, STUCK - 1).await.unwrap(), Progress::Waiting);
    let Progress::Replaced(second) = outgoing.drive(&wish, STUCK).await.unwrap() else {
        panic!("not outbid")
    };
    drop(outgoing);

    // After the restart nobody has signatures for it yet, but it is still wanted.
    let mut outgoing = stage.outgoing(100 * GWEI);
    assert_eq!(outgoing.subject(), Some(subject(10)));
    assert_eq!(outgoing.drive(&Wish::Keep, 0).await.unwrap(), Progress::Waiting);
    let Progress::Replaced(third) = outgoing.drive(&Wish::Keep, STUCK).await.unwrap() else {
        panic!("not outbid")
    };
    assert!(first != second && second != third);
    let status = outgoing.status();
    assert_eq!((status.replaced, status.low), (2, false));
    assert_eq!(status.max_fee, Some(stage.offer(third).await));
    let pool = stage.ask("txpool_status", serde_json::json!([])).await;
    assert_eq!(pool["pending"], "0x1", "there is one at any time");

    stage.world.anvil.mine(1).await;
    let mined = Progress::Mined {
        subject: subject(10),
        outcome: Some((third, true)),
    };
    assert_eq!(outgoing.drive(&Wish::Keep, STUCK + 1).await.unwrap(), mined);
    assert_eq!(stage.accepted().await, 10);
    assert_eq!(
        outgoing.drive(&Wish::Nothing, STUCK + 2).await.unwrap(),
        Progress::Idle
    );
    // What is accepted is not sent again: the contract says so before it costs anything.
    let again = outgoing.drive(&wish, STUCK + 3).await;
    assert!(matches!(again, Err(ChainError::Refused(_))), "{again:?}");
}

#[tokio::test]
async fn a_transaction_that_pools_forget_is_sent_again_as_it_was() {
    let stage = Stage::new().await;
    stage.world.anvil.set_automine(false).await;
    let mut outgoing = stage.outgoing(100 * GWEI);
    let wish = stage.wish(10);
    let Progress::Sent(hash) = outgoing.drive(&wish, 0).await.unwrap() else {
        panic!("not sent")
    };
    stage
        .ask("anvil_dropTransaction", serde_json::json!([hash]))
        .await;
    let mut outgoing = stage.outgoing(100 * GWEI);
    assert_eq!(
        outgoing.drive(&Wish::Keep, 0).await.unwrap(),
        Progress::Repeated(hash)
    );
    stage.world.anvil.mine(1).await;
    assert_eq!(stage.accepted().await, 10);
}

#[tokio::test]
async fn what_a_reorganisation_takes_back_is_sent_again() {
    let stage = Stage::new().await;
    let mut outgoing = stage.outgoing(100 * GWEI);
    let wish = stage.wish(10);
    let Progress::Sent(_) = outgoing.drive(&wish, 0).await.unwrap() else {
        panic!("not sent")
    };
    // The node mines it by itself, a moment after it has answered.
    let mut mined = Progress::Waiting;
    for _ in 0..500 {
        mined = outgoing.drive(&wish, 1).await.unwrap();
        if !matches!(mined, Progress::Waiting | Progress::Repeated(_)) {
            break;
        }
        tokio::time::sleep(MOMENT).await;
    }
    assert!(
        matches!(
            mined,
            Progress::Mined {
                outcome: Some((_, true)),
                ..
            }
        ),
        "{mined:?}"
    );
    assert_eq!(stage.accepted().await, 10);
    stage.world.anvil.reorganise(1).await;
    assert_eq!(stage.accepted().await, 0);
    let mut now = 2;
    while stage.accepted().await != 10 {
        outgoing.drive(&wish, now).await.unwrap();
        tokio::time::sleep(MOMENT).await;
        now += STUCK;
        assert!(now < 10 * STUCK, "it never landed");
    }
}

#[tokio::test]
async fn a_newer_checkpoint_takes_the_place_of_a_stuck_one_and_no_more_is_offered_than_allowed() {
    let stage = Stage::new().await;
    stage.world.anvil.set_automine(false).await;
    let mut outgoing = stage.outgoing(9 * GWEI);
    outgoing.drive(&stage.wish(10), 0).await.unwrap();
    let mut now = 0;
    let newer = stage.wish(20);
    loop {
        now += STUCK;
        match outgoing.drive(&newer, now).await.unwrap() {
            Progress::Replaced(hash) => assert!(stage.offer(hash).await <= 9 * GWEI),
            Progress::AtLimit => break,
            other => panic!("{other:?}"),
        }
        assert_eq!(outgoing.subject().and_then(Call::number), Some(20));
    }
    assert!(outgoing.status().at_limit);
    stage.world.anvil.mine(1).await;
    assert_eq!(stage.accepted().await, 20);
}

#[tokio::test]
async fn what_another_program_left_in_the_pool_with_the_same_nonce_is_outbid() {
    let stage = Stage::new().await;
    stage.world.anvil.set_automine(false).await;
    let mut other = stage.outgoing(100 * GWEI);
    other.drive(&stage.wish(10), 0).await.unwrap();
    std::fs::remove_file(stage.path()).unwrap();

    let mut outgoing = stage.outgoing(100 * GWEI);
    let wish = stage.wish(20);
    for now in 1..6 {
        outgoing.drive(&wish, now * STUCK).await.unwrap();
    }
    stage.world.anvil.mine(1).await;
    assert_eq!(stage.accepted().await, 20);
}

#[tokio::test]
async fn an_account_that_runs_out_of_ether_is_said_to_be_low() {
    let stage = Stage::new().await;
    let account = funded(1).address();
    stage
        .ask(
            "anvil_setBalance",
            serde_json::json!([account, "0x2386f26fc10000"]),
        )
        .await;
    let mut outgoing = stage.outgoing(100 * GWEI);
    outgoing.drive(&stage.wish(10), 0).await.unwrap();
    let status = outgoing.status();
    assert!(status.low, "{status:?}");
    assert_eq!(status.account, account);
}
