#![allow(clippy::unwrap_used)]
use super::*;
use futures::FutureExt as _;
use rampart_protocol::observation::{Deposit, OperatorStake};
use rampart_protocol::{Address, Amount, Header, Observation, Ppm};
use std::collections::BTreeSet;

fn deposit(index: u64) -> Observation {
    Observation::Deposit(Deposit {
        index,
        account: Address::repeat_byte(1),
        amount: Amount(1),
        block_number: 7,
        block_hash: B256::repeat_byte(7),
    })
}

fn stake(index: u64) -> Observation {
    Observation::OperatorStake(OperatorStake {
        index,
        operator: Address::repeat_byte(2),
        stake: 5,
        commission: Ppm(6),
        block_number: 7,
        block_hash: B256::repeat_byte(7),
    })
}

fn work(observations: impl IntoIterator<Item = Observation>) -> Work {
    let feed = ChainFeed::default();
    feed.extend(observations.into_iter().collect());
    Work {
        mempool: Mempool::new(Limits::default()),
        feed,
    }
}

fn request(inbox_count: u64, restaking_count: u64) -> Request {
    Request {
        parent: Header {
            inbox_count,
            ..Header::default()
        },
        restaking_count,
        in_flight: BTreeSet::new(),
        max_bytes: 1 << 20,
    }
}

async fn offered(work: &Work, request: &Request) -> Vec<Observation> {
    work.candidates(request).await.observations
}

#[tokio::test]
async fn both_chains_are_offered_each_from_where_the_state_stands() {
    let work = work([deposit(0), deposit(1), deposit(3), stake(0), stake(1), stake(2)]);
    assert_eq!(
        offered(&work, &request(1, 1)).await,
        [stake(1), stake(2), deposit(1)]
    );
    assert_eq!(
        offered(&work, &request(3, 9)).await,
        [deposit(3)],
        "a gap or the end of one holds nothing of the other up"
    );
    assert_eq!(offered(&work, &request(2, 3)).await, []);
}

#[tokio::test]
async fn a_block_takes_so_many_observations_and_the_l1s_first() {
    let deposits = (0..MAX_OBSERVATIONS as u64).map(deposit);
    let work = work(deposits.chain([stake(0), stake(1)]));
    let offered = offered(&work, &request(0, 0)).await;
    assert_eq!(offered.len(), MAX_OBSERVATIONS);
    assert_eq!(offered[..3], [stake(0), stake(1), deposit(0)]);
}

#[tokio::test]
async fn something_final_on_either_chain_is_work() {
    for (observation, request) in [(deposit(4), request(4, 0)), (stake(4), request(0, 4))] {
        let work = work([]);
        let ready = work.ready(&request);
        let mut ready = std::pin::pin!(ready);
        assert_eq!(ready.as_mut().now_or_never(), None);
        work.feed.extend(vec![observation]);
        ready.await;
    }
}

#[tokio::test]
async fn a_frozen_settlement_leaves_nothing_to_do_and_is_noticed_by_who_waits() {
    let work = work([deposit(0), stake(0)]);
    let request = request(0, 0);
    assert_eq!(work.ready(&request).now_or_never(), Some(()));
    work.mempool.freeze(true);
    assert_eq!(offered(&work, &request).await, []);
    let ready = work.ready(&request);
    let mut ready = std::pin::pin!(ready);
    assert_eq!(ready.as_mut().now_or_never(), None);
    work.mempool.freeze(false);
    ready.await;
    assert_eq!(offered(&work, &request).await.len(), 2);
}
