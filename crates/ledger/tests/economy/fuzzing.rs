//! What the fuzz targets do with bytes (`crates/fuzz`), and the tests with some thousand inputs of their own.

use crate::history::world::DOMAIN;
use crate::history::{Chance, History};
use rampart_ledger::{Params, Record};
use rampart_protocol::{Message, Observation, SignedTransaction};
use std::sync::LazyLock;

/// Inputs of one history at most, so that an input of the fuzzer takes milliseconds.
const MOST: u64 = 400;

/// What the first byte of an input of [`decode`] says that the others are.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// A transaction.
    Transaction = 0,
    /// A message.
    Message = 1,
    /// An observation.
    Observation = 2,
    /// A record of the state.
    Record = 3,
}

/// Bytes decode to something that encodes to the same bytes, or not at all; and whoever signed, if anybody, is found
/// without a panic.
pub fn decode(bytes: &[u8]) {
    let Some((shape, bytes)) = bytes.split_first() else {
        return;
    };
    match shape % 4 {
        0 => {
            if let Ok(transaction) = SignedTransaction::from_bytes(bytes) {
                assert_eq!(transaction.to_bytes(), bytes);
                let _ = (transaction.signer(&DOMAIN), transaction.hash());
            }
        }
        1 => {
            if let Ok(message) = Message::from_bytes(bytes) {
                assert_eq!(message.to_bytes(), bytes);
                let _ = (message.signing_hash(&DOMAIN), message.nonce());
            }
        }
        2 => {
            if let Ok(observation) = Observation::from_bytes(bytes) {
                assert_eq!(observation.to_bytes(), bytes);
                let _ = (observation.source(), observation.index());
            }
        }
        _ => {
            if let Ok(record) = Record::from_bytes(bytes) {
                assert_eq!(record.to_bytes(), bytes);
                let _ = record.key();
            }
        }
    }
}

/// Bytes as choices: a history from genesis on, every property after every input, the whole state and the replay at the
/// end.
pub fn apply_history(bytes: &[u8]) {
    // All histories begin alike, so that the bytes decide on what comes after.
    static FOUNDED: LazyLock<History<'static>> =
        LazyLock::new(|| History::new(Chance::seeded(1), &Params::default(), u64::MAX));
    let mut history = FOUNDED.clone().with(Chance::of(bytes));
    history.run(MOST);
    history.finish();
}
