//! The private decoders of what clients and vendors send, for the fuzz targets (`crates/fuzz`). No part of the API.

use crate::form::Carrier;
use crate::submission::{Reading, Submission};
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

/// What a sending method's parameters decode to: what the vendors are asked, and the parameters that are relayed.
#[must_use]
pub fn submission(method: &str, params: &str) -> Option<(Vec<Value>, Value)> {
    let reading = Reading {
        chain_id: 1,
        allow_unprotected: true,
        unknown_types: true,
        bundle: 16,
    };
    let submission = Submission::read(Carrier::of(method)?, Some(params), reading).ok()?;
    let requests = submission.subjects.into_iter().map(|subject| subject.request);
    Some((requests.collect(), submission.params))
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
