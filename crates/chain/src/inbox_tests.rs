#![allow(clippy::unwrap_used)]
use super::*;
use alloy::providers::ProviderBuilder;
use alloy::providers::mock::Asserter;

fn log(index: u64, block_number: u64) -> InboxLog {
    InboxLog {
        index,
        account: Address::repeat_byte(1),
        entry: Entry::Deposit(Amount(5)),
        block_number,
        block_hash: B256::ZERO,
    }
}

fn forced(index: u64, block_number: u64, length: usize) -> InboxLog {
    InboxLog {
        entry: Entry::Forced(vec![7; length].into()),
        ..log(index, block_number)
    }
}

#[test]
fn reads_in_bounded_ranges_up_to_finality() {
    let cursor = InboxCursor::new(10);
    assert_eq!(cursor.next_range(9), None);
    assert_eq!(cursor.next_range(10), Some((10, 10)));
    assert_eq!(cursor.next_range(5000), Some((10, 1009)));
}

#[test]
fn numbers_observations_as_the_contract_does() {
    let mut cursor = InboxCursor::new(10);
    let seen = cursor.advance(20, &[log(0, 12), log(1, 12), log(2, 20)]).unwrap();
    assert_eq!(seen.iter().map(Observation::index).collect::<Vec<_>>(), [0, 1, 2]);
    let after = |next_block| InboxCursor {
        next_block,
        next_index: 3,
    };
    assert_eq!(cursor, after(21));
    assert!(cursor.advance(30, &[]).unwrap().is_empty());
    assert_eq!(cursor, after(31));
}

#[test]
fn deposits_and_forced_messages_share_one_numbering() {
    let mut cursor = InboxCursor::new(10);
    let logs = [
        forced(0, 12, 0),
        log(1, 12),
        forced(2, 12, MAX_FORCED),
        log(3, 14),
    ];
    let seen = cursor.advance(20, &logs).unwrap();
    assert_eq!(
        seen.iter().map(Observation::index).collect::<Vec<_>>(),
        [0, 1, 2, 3]
    );
    let forced_at = |at: usize| matches!(seen[at], Observation::Forced(_));
    assert_eq!([0, 1, 2, 3].map(forced_at), [true, false, true, false]);
}

#[test]
fn refuses_gaps_repeats_and_foreign_blocks_and_stays_put() {
    for logs in [
        vec![log(1, 12)],
        vec![log(0, 12), log(0, 13)],
        vec![log(0, 12), forced(0, 12, 1)],
        vec![log(0, 12), forced(2, 12, 1)],
        vec![log(0, 13), log(1, 12)],
        vec![log(0, 21)],
        vec![forced(0, 12, MAX_FORCED + 1)],
    ] {
        let mut cursor = InboxCursor::new(10);
        assert!(matches!(
            cursor.advance(20, &logs),
            Err(ChainError::Inconsistent(_))
        ));
        assert_eq!(cursor, InboxCursor::new(10));
    }
}

/// A reader of an endpoint that gives these answers, one after the other.
fn reader(answers: &Asserter) -> InboxReader {
    InboxReader {
        provider: ProviderBuilder::new()
            .connect_mocked_client(answers.clone())
            .erased(),
        settlement: Address::repeat_byte(9),
    }
}

#[tokio::test]
async fn a_range_that_is_too_much_for_the_endpoint_is_halved() {
    let answers = Asserter::new();
    answers.push_failure_msg("query returned more than 10000 results");
    answers.push_failure_msg("query returned more than 10000 results");
    answers.push_success(&Vec::<Log>::new());
    let (to, logs) = reader(&answers).logs(1_000, 1_999).await.unwrap();
    assert_eq!((to, logs.len()), (1_249, 0));
    assert!(answers.read_q().is_empty());
}

#[tokio::test]
async fn an_endpoint_that_refuses_a_single_block_has_failed() {
    let answers = Asserter::new();
    answers.push_failure_msg("no");
    answers.push_failure_msg("no");
    let error = reader(&answers).logs(7, 8).await.unwrap_err();
    assert!(matches!(error, ChainError::Rpc(_)), "{error:?}");
    assert!(answers.read_q().is_empty());
}
