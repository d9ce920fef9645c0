//! EIP-712 by hand, from nothing but the JSON that a wallet is given: what it would sign is what the ledger verifies.

use crate::samples::{checkpoint, domain, messages};
use crate::strategies::message;
use alloy_primitives::{Address, B256, U256, hex, keccak256};
use proptest::prelude::*;
use serde_json::Value;

/// `name` and `type` of the fields of a struct.
fn fields<'t>(types: &'t Value, name: &str) -> Vec<(&'t str, &'t str)> {
    let list = types[name].as_array().unwrap();
    list.iter()
        .map(|field| (field["name"].as_str().unwrap(), field["type"].as_str().unwrap()))
        .collect()
}

fn own_type(types: &Value, name: &str) -> String {
    let fields = fields(types, name);
    let list: Vec<String> = fields
        .iter()
        .map(|(name, kind)| format!("{kind} {name}"))
        .collect();
    format!("{name}({})", list.join(","))
}

/// The struct, then those that it refers to, in the order of their names. Here none refers further.
fn encode_type(types: &Value, name: &str) -> String {
    let mut others: Vec<&str> = fields(types, name)
        .into_iter()
        .filter_map(|(_, kind)| kind.strip_suffix("[]"))
        .collect();
    others.sort_unstable();
    let others: Vec<String> = others.into_iter().map(|other| own_type(types, other)).collect();
    own_type(types, name) + &others.concat()
}

fn encode_value(types: &Value, kind: &str, value: &Value) -> B256 {
    if let Some(element) = kind.strip_suffix("[]") {
        let elements = value.as_array().unwrap().iter();
        let words: Vec<u8> = elements
            .flat_map(|one| encode_value(types, element, one).0)
            .collect();
        return keccak256(words);
    }
    if types.get(kind).is_some() {
        return hash_struct(types, kind, value);
    }
    match kind {
        "string" => keccak256(value.as_str().unwrap()),
        "bytes" => keccak256(hex::decode(value.as_str().unwrap()).unwrap()),
        "bytes32" => value.as_str().unwrap().parse().unwrap(),
        "address" => value.as_str().unwrap().parse::<Address>().unwrap().into_word(),
        "bool" => B256::with_last_byte(u8::from(value.as_bool().unwrap())),
        _ => {
            let bits: usize = kind.strip_prefix("uint").unwrap().parse().unwrap();
            let decimal = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let number = U256::from_str_radix(&decimal, 10).unwrap();
            assert!(number.bit_len() <= bits, "{number} is no {kind}");
            B256::new(number.to_be_bytes())
        }
    }
}

fn hash_struct(types: &Value, name: &str, value: &Value) -> B256 {
    let mut bytes = keccak256(encode_type(types, name)).to_vec();
    for (field, kind) in fields(types, name) {
        bytes.extend_from_slice(encode_value(types, kind, &value[field]).as_slice());
    }
    keccak256(bytes)
}

fn digest(typed: &Value) -> B256 {
    let types = &typed["types"];
    let domain = hash_struct(types, "EIP712Domain", &typed["domain"]);
    let message = hash_struct(types, typed["primaryType"].as_str().unwrap(), &typed["message"]);
    keccak256([&[0x19, 0x01][..], domain.as_slice(), message.as_slice()].concat())
}

#[test]
fn what_a_wallet_is_shown_hashes_to_what_is_verified() {
    for message in messages() {
        let typed = message.typed_data(&domain());
        assert_eq!(
            digest(&typed),
            message.signing_hash(&domain()),
            "{}",
            message.name()
        );
    }
    let typed = checkpoint().typed_data(&domain());
    assert_eq!(digest(&typed), checkpoint().signing_hash(&domain()));
}

#[test]
fn a_package_names_its_components_type_once() {
    let typed = messages()[3].typed_data(&domain());
    assert_eq!(
        encode_type(&typed["types"], "RegisterService"),
        "RegisterService(uint64 provider,uint8 category,string description,string endpoint,bytes32 openapi,\
         uint64 requests,uint128 fee,uint64 minDuration,uint64 maxDuration,Component[] components,\
         bytes32 upstreamKey,uint64 nonce)Component(uint64 service,uint32 version,uint32 packages,uint32 uses)"
    );
    assert_eq!(typed["message"]["components"].as_array().unwrap().len(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn so_does_any_message(message in message()) {
        let text = message.typed_data(&domain()).to_string();
        let typed: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(digest(&typed), message.signing_hash(&domain()));
    }
}
