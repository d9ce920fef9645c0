//! A transaction that the node is to sign with a key that it holds (`eth_sendTransaction`): there is no signature to bind
//! what is judged to what is sent, so every member must be one of the specification's.

use crate::form::Form;
use crate::rules::Called;
use crate::submission::{Reading, Subject, SubmissionError};
use crate::transaction::{TransactionError, describe_authorizations};
use alloy::eips::eip2930::AccessList;
use alloy::eips::eip7702::SignedAuthorization;
use alloy::primitives::{Address, B256, Bytes, U64, U256};
use serde::Deserialize;
use serde_json::{Value, json};

/// Members of the execution API's `GenericTransaction`. Fees, nonce and blobs are read for their form alone.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Stated {
    from: Address,
    to: Option<Address>,
    value: Option<U256>,
    data: Option<Bytes>,
    input: Option<Bytes>,
    gas: Option<U64>,
    chain_id: Option<U64>,
    #[serde(rename = "type")]
    kind: Option<U64>,
    access_list: Option<AccessList>,
    authorization_list: Option<Vec<SignedAuthorization>>,
    blob_versioned_hashes: Option<Vec<B256>>,
    max_fee_per_gas: Option<U256>,
    max_priority_fee_per_gas: Option<U256>,
    #[serde(rename = "gasPrice")]
    _gas_price: Option<U256>,
    #[serde(rename = "nonce")]
    _nonce: Option<U64>,
    #[serde(rename = "maxFeePerBlobGas")]
    _max_fee_per_blob_gas: Option<U256>,
    blobs: Option<Vec<Bytes>>,
    #[serde(rename = "commitments")]
    _commitments: Option<Vec<Bytes>>,
    #[serde(rename = "proofs")]
    _proofs: Option<Vec<Bytes>>,
}

impl Stated {
    /// The type that the node will make of it.
    fn kind(&self) -> u8 {
        let stated = self.kind.map(|kind| u8::try_from(kind).unwrap_or(u8::MAX));
        stated.unwrap_or(match self {
            _ if self.authorization_list.is_some() => 4,
            _ if self.blob_versioned_hashes.is_some() || self.blobs.is_some() => 3,
            _ if self.max_fee_per_gas.is_some() || self.max_priority_fee_per_gas.is_some() => 2,
            _ if self.access_list.is_some() => 1,
            // A node makes a dynamic fee transaction of what says nothing, where the chain has them.
            _ => 2,
        })
    }
}

/// Reads the first parameter of `eth_sendTransaction`.
pub fn read(value: &Value, reading: Reading) -> Result<Subject, SubmissionError> {
    let wrong = |reason: String| SubmissionError::Params(format!("the transaction object: {reason}"));
    // A derived reader would take an array for the members in order.
    if !value.is_object() {
        return Err(wrong("it is no object".to_owned()));
    }
    let stated = Stated::deserialize(value).map_err(|error| wrong(error.to_string()))?;
    let theirs = stated.chain_id.map(|id| id.to::<u64>());
    if let Some(theirs) = theirs
        && theirs != reading.chain_id
    {
        let ours = reading.chain_id;
        return Err(TransactionError::WrongChain { ours, theirs }.into());
    }
    let input = match (&stated.data, &stated.input) {
        (Some(data), Some(input)) if data != input => {
            return Err(SubmissionError::Params("data and input differ".to_owned()));
        }
        (data, input) => input.clone().or_else(|| data.clone()).unwrap_or_default(),
    };
    let kind = stated.kind();
    let value = stated.value.unwrap_or_default();
    let mut transaction = json!({
        "type": format!("{kind:#x}"),
        "from": stated.from,
        "to": stated.to,
        "value": format!("{value:#x}"),
        "data": input,
    });
    if let Some(gas) = stated.gas {
        transaction["gas"] = Value::from(format!("{gas:#x}"));
    }
    if let Some(authorizations) = &stated.authorization_list {
        transaction["authorizationList"] = describe_authorizations(authorizations);
    }
    Ok(Subject {
        form: Form::NodeSigned,
        hash: B256::ZERO,
        kind: Some(kind),
        called: Some(Called {
            sender: stated.from,
            recipient: stated.to,
            value,
            input,
        }),
        request: json!({"chainId": format!("{:#x}", reading.chain_id), "transaction": transaction}),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const READING: Reading = Reading {
        chain_id: 31337,
        allow_unprotected: false,
        unknown_types: false,
        bundle: 4,
    };

    fn object(more: Value) -> Value {
        let mut object =
            json!({"from": Address::repeat_byte(1), "to": Address::repeat_byte(2), "value": "0x5"});
        object
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        object
    }

    #[test]
    fn states_what_the_node_will_sign() {
        let subject = read(&object(json!({"input": "0x1234", "gas": "0x5208"})), READING).unwrap();
        let called = subject.called.unwrap();
        assert_eq!(
            (called.sender, called.recipient),
            (Address::repeat_byte(1), Some(Address::repeat_byte(2)))
        );
        assert_eq!(
            (called.value, called.input.as_ref()),
            (U256::from(5), &[0x12, 0x34][..])
        );
        assert_eq!(subject.request["transaction"]["data"], "0x1234");
        assert_eq!(subject.request["transaction"]["gas"], "0x5208");
        assert_eq!(subject.kind, Some(2));
        let creation = read(&json!({"from": Address::ZERO, "data": "0x00"}), READING).unwrap();
        assert_eq!(creation.called.unwrap().recipient, None);
    }

    #[test]
    fn shows_whom_an_account_would_delegate_to() {
        let authorization = json!({"chainId": "0x0", "address": Address::repeat_byte(7), "nonce": "0x1",
            "yParity": "0x0", "r": "0x1", "s": "0x2"});
        let subject = read(&object(json!({"authorizationList": [authorization]})), READING).unwrap();
        assert_eq!(subject.kind, Some(4));
        let listed = &subject.request["transaction"]["authorizationList"][0];
        assert_eq!(listed["address"], json!(Address::repeat_byte(7)));
        assert_eq!(listed["chainId"], "0x0");
    }

    #[test]
    fn refuses_what_a_node_could_read_differently() {
        for (more, reason) in [
            (json!({"Value": "0x6"}), "MALFORMED_PARAMS"),
            (json!({"data": "0x01", "input": "0x02"}), "MALFORMED_PARAMS"),
            (json!({"to": "everyone"}), "MALFORMED_PARAMS"),
            (json!({"from": null}), "MALFORMED_PARAMS"),
            (json!({"chainId": "0x1"}), "WRONG_CHAIN_ID"),
        ] {
            assert_eq!(
                read(&object(more.clone()), READING).unwrap_err().reason(),
                reason,
                "{more}"
            );
        }
        assert!(read(&json!("0x"), READING).is_err());
        assert!(read(&json!([1, 2, 3]), READING).is_err());
    }
}
