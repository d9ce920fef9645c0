//! The private decoders of what clients and vendors send, for the fuzz targets (`crates/fuzz`). No part of the API.

use crate::transaction::Transaction;
use crate::verdict::Verdict;
use serde_json::Value;

/// What a transaction's parameter decodes to: the bytes that are relayed, and what the vendors are asked.
#[must_use]
pub fn transaction(text: &str, chain_id: u64) -> Option<(String, Value)> {
    let transaction = Transaction::read(text, chain_id, true).ok()?;
    let request = transaction.screening_request(Some("https://dapp.example"));
    let _ = (transaction.hash(), transaction.recipient());
    Some((transaction.raw_hex(), request))
}

/// How many characters of a vendor's verdict reach logs and clients, evidence not counted.
#[must_use]
pub fn verdict(body: &[u8]) -> Option<usize> {
    let verdict = Verdict::parse(body).ok()?;
    let reasons = verdict.reasons.iter().map(|reason| {
        reason.code.chars().count() + reason.message.chars().count() + reason.severity.chars().count()
    });
    Some(reasons.sum::<usize>() + verdict.vendor.chars().count() + verdict.version.chars().count())
}
