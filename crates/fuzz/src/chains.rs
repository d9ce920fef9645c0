//! What endpoints of chains answer: JSON-RPC, logs, revert data, and rounds of reports in any combination.

use crate::{shape, shaped};
use alloy::primitives::{Address, B256, Bytes, LogData};
use alloy::rpc::types::Log;
use alloy::sol_types::SolEvent as _;
use rampart_chain::bindings::OutboxContract::{Governance, InvestorWeight, OperatorKeys, OperatorStake};
use rampart_chain::bindings::SettlementContract::{Deposited, Forced};
use rampart_chain::tracker::{Answer, BlockRef, Report, Rules};
use rampart_chain::{Refusal, Sequence, Tracker, events, fuzzing};
use rampart_protocol::Observation;
use rampart_protocol::observation::Deposit;
use rampart_protocol::operator_keys::Registry;
use std::collections::BTreeMap;

const CONTRACT: Address = Address::repeat_byte(0x5e);
const REGISTRY: Registry = Registry {
    chain_id: 1,
    service_manager: Address::repeat_byte(6),
};

pub fn run(bytes: &[u8]) {
    match shape(bytes, 4) {
        Some((0, bytes)) => {
            for status in [200, 429] {
                if let Err(shown) = fuzzing::answer(bytes, status) {
                    assert!(shown.len() < 2_000, "an endpoint does not fill the log");
                }
            }
        }
        Some((1, bytes)) => {
            if let Ok(logs) = serde_json::from_slice::<Vec<Log>>(bytes) {
                observations(&logs);
            }
        }
        Some((2, bytes)) => {
            if let Some(log) = log(bytes) {
                observations(&[log]);
            }
        }
        Some((_, bytes)) => drop(Refusal::decode(bytes)),
        None => {}
    }
}

/// Whatever is read of a log, the ledger can take and every operator encodes alike.
fn observations(logs: &[Log]) {
    for sequence in [Sequence::Inbox, Sequence::Outbox(REGISTRY)] {
        let Ok(read) = events::decode(&sequence, CONTRACT, logs) else {
            continue;
        };
        for observation in read {
            let encoded = observation.to_bytes();
            assert_eq!(Observation::from_bytes(&encoded).as_ref(), Ok(&observation));
            assert_eq!(observation.source(), sequence.source());
            if let Observation::OperatorKeys(keys) = observation {
                assert!(!keys.proven, "nobody signed");
            }
        }
    }
}

/// One byte for the event, one for the number of indexed words, the words, and the data.
fn log(bytes: &[u8]) -> Option<Log> {
    let events = signatures();
    let (head, mut rest) = bytes.split_at_checked(2)?;
    let mut topics = vec![events[usize::from(head[0]) % events.len()]];
    for _ in 0..head[1] % 4 {
        let (word, after) = rest.split_at_checked(32)?;
        topics.push(B256::from_slice(word));
        rest = after;
    }
    Some(Log {
        inner: alloy::primitives::Log {
            address: CONTRACT,
            data: LogData::new_unchecked(topics, Bytes::copy_from_slice(rest)),
        },
        block_number: Some(7),
        block_hash: Some(B256::repeat_byte(7)),
        ..Log::default()
    })
}

const fn signatures() -> [B256; 6] {
    [
        Deposited::SIGNATURE_HASH,
        Forced::SIGNATURE_HASH,
        OperatorStake::SIGNATURE_HASH,
        OperatorKeys::SIGNATURE_HASH,
        InvestorWeight::SIGNATURE_HASH,
        Governance::SIGNATURE_HASH,
    ]
}

pub fn seeds() -> Vec<Vec<u8>> {
    let deposit = Deposited {
        index: 3,
        from: Address::repeat_byte(2),
        account: Address::repeat_byte(1),
        amount: 5,
    };
    let forced = Forced {
        index: 4,
        account: Address::repeat_byte(1),
        message: Bytes::from_static(b"anything"),
    };
    let governance = |kind, data: Vec<u8>| {
        let decided = Governance {
            index: 5,
            kind,
            data: data.into(),
        };
        decided.encode_log_data()
    };
    use alloy::sol_types::SolValue as _;
    let logs = [
        deposit.encode_log_data(),
        forced.encode_log_data(),
        governance(1, (vec![("min_fee".to_owned(), 5u128)],).abi_encode_params()),
        governance(2, (7u64,).abi_encode_params()),
        governance(5, (7u64, 9u128).abi_encode_params()),
        governance(6, (B256::ZERO, true).abi_encode_params()),
    ];
    let mut seeds = vec![
        shaped(0, r#"{"jsonrpc":"2.0","id":1,"result":"0x1"}"#),
        shaped(
            0,
            r#"[{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"no"}}]"#,
        ),
        shaped(
            3,
            alloy_primitives::hex!(
                "08c379a0000000000000000000000000000000000000000000000000000000000000002000000000000000000000000000000000000000000000000000000000000000026e6f000000000000000000000000000000000000000000000000000000000000"
            ),
        ),
    ];
    for data in logs {
        let first = data.topics().first().copied();
        let event = signatures()
            .iter()
            .position(|known| Some(*known) == first)
            .unwrap_or(0);
        let words: Vec<u8> = data.topics().iter().skip(1).flat_map(|word| word.0).collect();
        let indexed = data.topics().len() - 1;
        let head = [
            2,
            u8::try_from(event).unwrap_or(0),
            u8::try_from(indexed).unwrap_or(0),
        ];
        seeds.push([&head[..], &words, &data.data].concat());
        let log = Log {
            inner: alloy::primitives::Log {
                address: CONTRACT,
                data,
            },
            block_number: Some(7),
            block_hash: Some(B256::repeat_byte(7)),
            ..Log::default()
        };
        seeds.push(shaped(1, serde_json::to_vec(&[log]).unwrap_or_default()));
    }
    seeds
}

/// Takes numbers off the front of the bytes; a high bit stands for the largest ones.
struct Numbers<'a>(&'a [u8]);

impl Numbers<'_> {
    fn next(&mut self) -> u64 {
        let Some((byte, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        if *byte < 0xf8 {
            u64::from(*byte % 16)
        } else {
            u64::MAX - u64::from(*byte & 7)
        }
    }

    fn block(&mut self) -> BlockRef {
        let number = self.next();
        // Two versions of each block.
        let version = u8::try_from(self.next() % 2).unwrap_or(0);
        BlockRef {
            number,
            hash: B256::repeat_byte(version + 1),
        }
    }

    fn report(&mut self) -> Report {
        let head = self.block();
        let (covered, first, at) = (self.next(), self.next(), self.next());
        let entry = |number| {
            Observation::Deposit(Deposit {
                index: first.wrapping_add(number),
                account: Address::ZERO,
                amount: Default::default(),
                block_number: at,
                block_hash: B256::ZERO,
            })
        };
        let entries = (0..self.next() % 3).map(entry).collect();
        let mut hashes: BTreeMap<u64, B256> = [self.block(), self.block(), head]
            .map(|block| (block.number, block.hash))
            .into();
        hashes.insert(covered, B256::repeat_byte(1));
        let count = self.next();
        Report {
            head,
            covered,
            entries,
            hashes,
            count: (!count.is_multiple_of(3)).then_some(count),
        }
    }
}

/// Rounds of two or three endpoints that say anything: entries that become final are a gapless sequence, and a block is
/// agreed on only when a quorum told its hash.
pub fn tracker(bytes: &[u8]) {
    let mut numbers = Numbers(bytes);
    let rules = Rules {
        endpoints: 3,
        quorum: 2,
        deployed_at: numbers.next() % 4,
        heads_only_grow: numbers.next() % 2 == 0,
    };
    let mut tracker = Tracker::new(rules, None);
    let mut now_ms = 0;
    while !numbers.0.is_empty() {
        let before = tracker.cursor();
        let mut answers = BTreeMap::new();
        for position in tracker.due(now_ms) {
            let answer = match numbers.next() % 4 {
                0 => Answer::Silent("no".to_owned()),
                _ => Answer::Report(numbers.report()),
            };
            answers.insert(position, answer);
        }
        let told = answers.clone();
        let round = tracker.take(answers, now_ms);
        for (place, entry) in (before.next_index..).zip(&round.entries) {
            assert_eq!(entry.index(), place, "no entry is skipped");
        }
        if let Some(mark) = round.mark {
            let agrees = |answer: &&Answer| match answer {
                Answer::Report(report) => report.hashes.get(&mark.block.number) == Some(&mark.block.hash),
                _ => false,
            };
            assert!(
                told.values().filter(agrees).count() >= rules.quorum,
                "a quorum said so"
            );
        }
        let _ = (tracker.status(), tracker.is_halted());
        now_ms += 1 + numbers.next() % 16 * 1_000;
    }
}

pub fn tracker_seeds() -> Vec<Vec<u8>> {
    let ramp: Vec<u8> = (0..=255).collect();
    let same = [1, 5, 0, 5, 0, 5, 1, 5, 0, 5, 0, 0].repeat(20);
    vec![ramp, same, vec![0xf9; 200]]
}
