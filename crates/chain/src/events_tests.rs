#![allow(clippy::unwrap_used)]
use super::*;
use alloy::providers::ProviderBuilder;
use alloy::providers::mock::Asserter;
use rampart_protocol::Amount;
use rampart_protocol::observation::{Deposit, Forced};

fn deposit(index: u64, block_number: u64) -> Observation {
    Observation::Deposit(Deposit {
        index,
        account: Address::repeat_byte(1),
        amount: Amount(5),
        block_number,
        block_hash: B256::ZERO,
    })
}

fn forced(index: u64, block_number: u64) -> Observation {
    Observation::Forced(Forced {
        index,
        account: Address::repeat_byte(1),
        message: vec![7].into(),
        block_number,
        block_hash: B256::ZERO,
    })
}

#[test]
fn reads_in_bounded_ranges_up_to_finality() {
    let cursor = EventCursor::new(10);
    assert_eq!(cursor.next_range(9), None);
    assert_eq!(cursor.next_range(10), Some((10, 10)));
    assert_eq!(cursor.next_range(5000), Some((10, 1009)));
}

#[test]
fn follows_the_contracts_numbering() {
    let mut cursor = EventCursor::new(10);
    let seen = [deposit(0, 12), forced(1, 12), deposit(2, 20)];
    cursor.advance(20, &seen).unwrap();
    let after = |next_block| EventCursor {
        next_block,
        next_index: 3,
    };
    assert_eq!(cursor, after(21));
    cursor.advance(30, &[]).unwrap();
    assert_eq!(cursor, after(31));
}

#[test]
fn refuses_gaps_repeats_and_foreign_blocks_and_stays_put() {
    for entries in [
        vec![deposit(1, 12)],
        vec![deposit(0, 12), deposit(0, 13)],
        vec![deposit(0, 12), forced(0, 12)],
        vec![deposit(0, 12), forced(2, 12)],
        vec![deposit(0, 13), deposit(1, 12)],
        vec![deposit(0, 21)],
    ] {
        let mut cursor = EventCursor::new(10);
        assert!(matches!(
            cursor.advance(20, &entries),
            Err(ChainError::Inconsistent(_))
        ));
        assert_eq!(cursor, EventCursor::new(10));
    }
}

/// A reader of an endpoint that gives these answers, one after the other.
fn reader(answers: &Asserter) -> EventReader {
    EventReader {
        provider: ProviderBuilder::new()
            .connect_mocked_client(answers.clone())
            .erased(),
        contract: Address::repeat_byte(9),
        sequence: Sequence::Inbox,
    }
}

#[tokio::test]
async fn a_range_that_is_too_much_for_the_endpoint_is_halved() {
    let answers = Asserter::new();
    answers.push_failure_msg("query returned more than 10000 results");
    answers.push_failure_msg("query returned more than 10000 results");
    answers.push_success(&Vec::<Log>::new());
    let provider = reader(&answers).provider;
    let (to, logs) = logs(&provider, &Filter::new(), 1_000, 1_999).await.unwrap();
    assert_eq!((to, logs.len()), (1_249, 0));
    assert!(answers.read_q().is_empty());
}

#[tokio::test]
async fn an_endpoint_that_refuses_a_single_block_has_failed() {
    let answers = Asserter::new();
    answers.push_failure_msg("no");
    answers.push_failure_msg("no");
    let provider = reader(&answers).provider;
    let error = logs(&provider, &Filter::new(), 7, 8).await.unwrap_err();
    assert!(matches!(error, ChainError::Rpc(_)), "{error:?}");
    assert!(answers.read_q().is_empty());
}
