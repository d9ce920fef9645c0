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
        finality: Finality::Finalized,
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

mod any_answer {
    //! Whatever an endpoint sends is read or refused, and what is read is what an operator can propose.
    use super::*;
    use crate::transport;
    use alloy::rpc::json_rpc::{ResponsePacket, ResponsePayload};
    use proptest::prelude::*;

    const CONTRACT: Address = Address::repeat_byte(9);
    const INBOX_AND_OUTBOX: usize = entries::INBOX.len() + entries::OUTBOX.len();

    fn read(body: &[u8]) {
        let Ok(ResponsePacket::Single(response)) = transport::decode(body, 200, true) else {
            return;
        };
        let ResponsePayload::Success(payload) = response.payload else {
            return;
        };
        let Ok(logs) = serde_json::from_str::<Vec<Log>>(payload.get()) else {
            return;
        };
        let registry = Registry {
            chain_id: 1,
            service_manager: Address::repeat_byte(8),
        };
        for sequence in [Sequence::Inbox, Sequence::Outbox(registry)] {
            for observation in decode(&sequence, CONTRACT, &logs).unwrap_or_default() {
                assert_eq!(observation.source(), sequence.source());
                assert_eq!(Observation::from_bytes(&observation.to_bytes()), Ok(observation));
            }
        }
    }

    /// Logs with the right topics and any words after them.
    fn answer(signature: B256, topics: &[B256], data: &[u8]) -> String {
        let mut all = vec![signature];
        all.extend(topics);
        let log = serde_json::json!({
            "address": CONTRACT, "topics": all, "data": alloy::primitives::hex::encode_prefixed(data),
            "blockNumber": "0x7", "blockHash": B256::repeat_byte(7), "transactionHash": B256::ZERO,
            "transactionIndex": "0x0", "logIndex": "0x0", "removed": false,
        });
        serde_json::json!({"jsonrpc": "2.0", "id": 1, "result": [log]}).to_string()
    }

    /// Words as encodings have them: small numbers, offsets, and anything.
    fn words() -> impl Strategy<Value = Vec<u8>> {
        let word = prop_oneof![
            3 => (0u8..=255).prop_map(B256::with_last_byte),
            2 => (0u8..8).prop_map(|n| B256::with_last_byte(32 * n)),
            1 => any::<[u8; 32]>().prop_map(B256::new),
            1 => Just(B256::repeat_byte(0xff)),
        ];
        proptest::collection::vec(word, 0..24).prop_map(|words| words.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn any_bytes(body in proptest::collection::vec(any::<u8>(), 0..400)) {
            read(&body);
        }

        #[test]
        fn any_words_in_logs_of_the_contracts(
            event in 0usize..INBOX_AND_OUTBOX,
            topics in proptest::collection::vec(any::<u8>().prop_map(B256::with_last_byte), 0..4),
            data in words(),
            cut in 0usize..2_000,
            flip in any::<(u16, u8)>(),
        ) {
            let signature = [entries::INBOX.as_slice(), entries::OUTBOX.as_slice()].concat()[event];
            let whole = answer(signature, &topics, &data).into_bytes();
            read(&whole);
            read(&whole[..cut.min(whole.len())]);
            let mut flipped = whole.clone();
            let place = usize::from(flip.0) % flipped.len();
            flipped[place] ^= flip.1;
            read(&flipped);
        }
    }
}
