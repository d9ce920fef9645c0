//! What a sending call asks to be sent: the subjects to put before the vendors, and the parameters to relay. Pure.
//!
//! The node must read exactly what was screened. Parameters are therefore written anew from what was read, and the objects
//! that are read here may have no member that a looser reader could take for one of theirs: Go's takes `Txs` for `txs`.
//! Which rule applies, and who is asked, is decided elsewhere.

use crate::form::{Carrier, Form};
use crate::jsonrpc::{RpcError, code};
use crate::rules::{Called, Facts};
use crate::transaction::{Signed, Transaction, TransactionError};
use crate::{node_signed, user_operation};
use alloy::primitives::{B256, keccak256};
use bytes::Bytes;
use serde_json::{Map, Value, json};

/// How deep bundles may lie within bundles.
const MAX_DEPTH: usize = 4;

/// Why a call is not even screened.
#[derive(Debug, thiserror::Error)]
pub enum SubmissionError {
    /// The parameters are not of the method's form.
    #[error("invalid params: {0}")]
    Params(String),
    /// More is to be sent at once than the limit.
    #[error("{0} are sent together, at most {1} are taken")]
    TooMany(usize, usize),
    /// A signed transaction cannot be screened.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
    /// A signed transaction of a bundle cannot be screened; its place in the bundle.
    #[error("transaction {0} of the bundle: {1}")]
    InBundle(usize, #[source] TransactionError),
}

impl SubmissionError {
    /// The stable reason in the error's data.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Params(_) => "MALFORMED_PARAMS",
            Self::TooMany(..) => "TOO_MANY_TRANSACTIONS",
            Self::Transaction(error) | Self::InBundle(_, error) => error.reason(),
        }
    }
}

impl From<SubmissionError> for RpcError {
    fn from(error: SubmissionError) -> Self {
        let data = json!({"decision": "blocked", "reason": error.reason()});
        Self::new(code::PARAMS, error.to_string()).with_data(data)
    }
}

/// What reading depends on.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// The node's chain.
    pub chain_id: u64,
    /// Whether legacy transactions without a chain id are taken.
    pub allow_unprotected: bool,
    /// Whether typed transactions that cannot be decoded are taken.
    pub unknown_types: bool,
    /// Most transactions of a bundle, and calls of a user operation.
    pub bundle: usize,
}

/// One thing that is put before the vendors.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// What it is.
    pub form: Form,
    /// The transaction's hash; of anything else, keccak256 of the parameters that are relayed.
    pub hash: B256,
    /// EIP-2718 type, where there is one.
    pub kind: Option<u8>,
    /// What it calls, as far as it can be told.
    pub called: Option<Called>,
    /// The body of a screening request, but for the origin.
    pub request: Value,
}

/// What a call asks to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Submission {
    /// In the order in which they take effect; refused together if one is.
    pub subjects: Vec<Subject>,
    /// The parameters to relay.
    pub params: Value,
}

impl Subject {
    /// What rules look at.
    pub fn facts<'a>(&'a self, method: &'a str, chain_id: u64) -> Facts<'a> {
        Facts {
            method,
            chain_id,
            form: self.form,
            kind: self.kind,
            called: self.called.as_ref(),
        }
    }

    /// The body of a screening request.
    pub fn body(&self, origin: Option<&str>) -> Bytes {
        match origin {
            None => self.request.to_string().into(),
            Some(origin) => {
                let mut request = self.request.clone();
                request["origin"] = Value::from(origin);
                request.to_string().into()
            }
        }
    }
}

impl Submission {
    /// Reads a call's parameters.
    ///
    /// # Errors
    /// When they are not of the method's form, or carry what cannot be screened.
    pub fn read(carrier: Carrier, params: Option<&str>, reading: Reading) -> Result<Self, SubmissionError> {
        let wrong = || SubmissionError::Params(expected(carrier).to_owned());
        let mut params: Vec<Value> = serde_json::from_str(params.ok_or_else(wrong)?).map_err(|_| wrong())?;
        let first = params.first_mut().ok_or_else(wrong)?;
        let subjects = match carrier {
            Carrier::Raw => vec![raw(first, Form::Transaction, reading)?],
            Carrier::PrivateObject => {
                let object = strict(first, &["tx"]).ok_or_else(wrong)?;
                let tx = object.get_mut("tx").ok_or_else(wrong)?;
                vec![raw(tx, Form::Transaction, reading)?]
            }
            Carrier::Bundle => bundle(first, reading)?,
            Carrier::SharedBundle => {
                let mut subjects = Vec::new();
                shared_bundle(first, reading, 0, &mut subjects)?;
                subjects
            }
            Carrier::UserOperation => user_operation::read(&params, reading)?,
            Carrier::NodeSigned => vec![node_signed::read(first, reading)?],
        };
        if subjects.is_empty() {
            return Err(SubmissionError::Params("there is nothing to send".to_owned()));
        }
        if subjects.len() > reading.bundle {
            return Err(SubmissionError::TooMany(subjects.len(), reading.bundle));
        }
        let params = Value::from(params);
        let mut submission = Self { subjects, params };
        if matches!(carrier, Carrier::UserOperation | Carrier::NodeSigned) {
            let hash = keccak256(submission.params.to_string());
            submission
                .subjects
                .iter_mut()
                .for_each(|subject| subject.hash = hash);
        }
        Ok(submission)
    }
}

fn expected(carrier: Carrier) -> &'static str {
    match carrier {
        Carrier::Raw => "the first parameter is the raw transaction in hex",
        Carrier::PrivateObject => "the first parameter is an object with the raw transaction as tx",
        Carrier::Bundle => "the first parameter is an object with raw transactions as txs",
        Carrier::SharedBundle => "the first parameter is an object with body, a list of {tx} and {bundle}",
        Carrier::UserOperation => "the parameters are a user operation and its entry point",
        Carrier::NodeSigned => "the first parameter is a transaction object",
    }
}

/// An object without members that differ from `known` ones by case alone, or that are not plain ASCII (Go folds some
/// other letters too).
fn strict<'a>(value: &'a mut Value, known: &[&str]) -> Option<&'a mut Map<String, Value>> {
    let object = value.as_object_mut()?;
    let plain = object.keys().all(|key| {
        let same = |known: &&str| known.eq_ignore_ascii_case(key) && *known != key;
        key.is_ascii() && !known.iter().any(same)
    });
    plain.then_some(object)
}

/// Reads a signed transaction in hex and puts the canonical text of exactly its bytes in its place.
fn raw(value: &mut Value, form: Form, reading: Reading) -> Result<Subject, SubmissionError> {
    let text = value
        .as_str()
        .ok_or_else(|| SubmissionError::Params(expected(Carrier::Raw).to_owned()))?;
    let signed = Transaction::read_any(text, reading.chain_id, reading.allow_unprotected)?;
    let subject = match &signed {
        Signed::Known(transaction) => transaction.subject(form),
        Signed::Unknown { kind, .. } if !reading.unknown_types => {
            return Err(TransactionError::UnknownType(*kind).into());
        }
        Signed::Unknown { kind, raw } => Subject {
            form: Form::UnknownType,
            hash: keccak256(raw),
            kind: Some(*kind),
            called: None,
            request: json!({
                "chainId": format!("{:#x}", reading.chain_id),
                "transaction": {"type": format!("{kind:#x}"), "raw": signed.raw_hex()},
            }),
        },
    };
    *value = Value::from(signed.raw_hex());
    Ok(subject)
}

/// As [`raw`], with the place in the bundle in the error.
fn raw_in_bundle(value: &mut Value, place: usize, reading: Reading) -> Result<Subject, SubmissionError> {
    raw(value, Form::Bundle, reading).map_err(|error| match error {
        SubmissionError::Transaction(error) => SubmissionError::InBundle(place, error),
        other => other,
    })
}

fn bundle(value: &mut Value, reading: Reading) -> Result<Vec<Subject>, SubmissionError> {
    let wrong = || SubmissionError::Params(expected(Carrier::Bundle).to_owned());
    let object = strict(value, &["txs"]).ok_or_else(wrong)?;
    let txs = object
        .get_mut("txs")
        .and_then(Value::as_array_mut)
        .ok_or_else(wrong)?;
    if txs.len() > reading.bundle {
        return Err(SubmissionError::TooMany(txs.len(), reading.bundle));
    }
    let subjects = txs
        .iter_mut()
        .enumerate()
        .map(|(place, tx)| raw_in_bundle(tx, place, reading));
    let mut subjects = subjects.collect::<Result<Vec<_>, _>>()?;
    tell_neighbours(&mut subjects);
    Ok(subjects)
}

/// Adds the transactions of a shared bundle to `subjects`. A transaction that is only named by its hash is not the
/// client's and cannot be screened, so a bundle with one is refused.
fn shared_bundle(
    value: &mut Value,
    reading: Reading,
    depth: usize,
    subjects: &mut Vec<Subject>,
) -> Result<(), SubmissionError> {
    let wrong = || SubmissionError::Params(expected(Carrier::SharedBundle).to_owned());
    if depth == MAX_DEPTH {
        return Err(SubmissionError::Params(
            "the bundles are nested too deeply".to_owned(),
        ));
    }
    let object = strict(value, &["body"]).ok_or_else(wrong)?;
    let body = object
        .get_mut("body")
        .and_then(Value::as_array_mut)
        .ok_or_else(wrong)?;
    for element in body {
        if subjects.len() >= reading.bundle {
            return Err(SubmissionError::TooMany(subjects.len() + 1, reading.bundle));
        }
        let element = strict(element, &["tx", "bundle", "hash"]).ok_or_else(wrong)?;
        if element.contains_key("hash") {
            let reason = "a bundle with a transaction that is only named by its hash cannot be screened";
            return Err(SubmissionError::Params(reason.to_owned()));
        }
        if element.contains_key("tx") == element.contains_key("bundle") {
            return Err(wrong());
        }
        if let Some(tx) = element.get_mut("tx") {
            subjects.push(raw_in_bundle(tx, subjects.len(), reading)?);
        } else if let Some(inner) = element.get_mut("bundle") {
            shared_bundle(inner, reading, depth + 1, subjects)?;
        }
    }
    if depth == 0 {
        tell_neighbours(subjects);
    }
    Ok(())
}

/// States in every request what goes before it in the bundle, for vendors that simulate one after the other.
fn tell_neighbours(subjects: &mut [Subject]) {
    let mut before = Vec::new();
    for subject in subjects {
        subject.request["before"] = Value::from(before.clone());
        before.push(subject.request["transaction"]["raw"].clone());
    }
}

#[cfg(test)]
mod tests;
