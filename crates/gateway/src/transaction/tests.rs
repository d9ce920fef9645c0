#![allow(clippy::unwrap_used)]
use super::*;
use alloy::consensus::{
    SignableTransaction, TxEip1559, TxEip2930, TxEip4844, TxEip7702, TxLegacy, TypedTransaction,
};
use alloy::eips::eip7702::Authorization;
use alloy::primitives::{Signature, TxKind};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;

const CHAIN: u64 = 31337;

fn signer() -> PrivateKeySigner {
    PrivateKeySigner::from_slice(&[9; 32]).unwrap()
}

fn encode(tx: TypedTransaction) -> Vec<u8> {
    let hash = match &tx {
        TypedTransaction::Legacy(tx) => tx.signature_hash(),
        TypedTransaction::Eip2930(tx) => tx.signature_hash(),
        TypedTransaction::Eip1559(tx) => tx.signature_hash(),
        TypedTransaction::Eip4844(tx) => tx.signature_hash(),
        TypedTransaction::Eip7702(tx) => tx.signature_hash(),
    };
    let signature = signer().sign_hash_sync(&hash).unwrap();
    TxEnvelope::from(tx.into_signed(signature)).encoded_2718()
}

fn dynamic(chain_id: u64) -> TxEip1559 {
    TxEip1559 {
        chain_id,
        gas_limit: 21_000,
        to: TxKind::Call(Address::repeat_byte(2)),
        value: U256::from(5),
        ..Default::default()
    }
}

fn read(raw: &[u8]) -> Result<Transaction, TransactionError> {
    Transaction::read(&hex::encode_prefixed(raw), CHAIN, false)
}

#[test]
fn reads_every_type_of_transaction_and_its_sender() {
    let to = Address::repeat_byte(2);
    let authorization = Authorization {
        chain_id: U256::from(CHAIN),
        address: to,
        nonce: 0,
    };
    let signed = authorization
        .clone()
        .into_signed(signer().sign_hash_sync(&authorization.signature_hash()).unwrap());
    let types: [TypedTransaction; 5] = [
        TxLegacy {
            chain_id: Some(CHAIN),
            to: to.into(),
            ..Default::default()
        }
        .into(),
        TxEip2930 {
            chain_id: CHAIN,
            to: to.into(),
            ..Default::default()
        }
        .into(),
        dynamic(CHAIN).into(),
        TypedTransaction::Eip4844(
            TxEip4844 {
                chain_id: CHAIN,
                to,
                blob_versioned_hashes: vec![B256::ZERO],
                ..Default::default()
            }
            .into(),
        ),
        TxEip7702 {
            chain_id: CHAIN,
            to,
            authorization_list: vec![signed],
            ..Default::default()
        }
        .into(),
    ];
    for tx in types {
        let raw = encode(tx);
        let read = read(&raw).unwrap();
        assert_eq!(read.sender, signer().address());
        assert_eq!(read.raw_hex(), hex::encode_prefixed(&raw));
        assert_eq!(read.recipient(), Some(to));
        assert_eq!(read.hash(), alloy::primitives::keccak256(&raw));
    }
}

#[test]
fn refuses_another_chain_and_no_chain() {
    let error = read(&encode(dynamic(1).into())).unwrap_err();
    assert!(matches!(
        error,
        TransactionError::WrongChain {
            ours: CHAIN,
            theirs: 1
        }
    ));
    let legacy = encode(TxLegacy::default().into());
    assert!(matches!(read(&legacy), Err(TransactionError::Unprotected)));
    assert!(Transaction::read(&hex::encode_prefixed(&legacy), CHAIN, true).is_ok());
}

#[test]
fn refuses_a_signature_that_recovers_nobody_or_has_a_high_s() {
    let tx = dynamic(CHAIN);
    let good = signer().sign_hash_sync(&tx.signature_hash()).unwrap();
    let order = U256::from_be_slice(&hex!(
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
    ));
    for bad in [
        Signature::new(good.r(), order - good.s(), !good.v()),
        Signature::new(U256::ZERO, good.s(), good.v()),
        Signature::new(order, good.s(), good.v()),
    ] {
        let raw = TxEnvelope::from(tx.clone().into_signed(bad)).encoded_2718();
        assert!(matches!(read(&raw), Err(TransactionError::Signature)));
    }
}

#[test]
fn refuses_what_is_no_canonical_transaction() {
    let mut trailing = encode(dynamic(CHAIN).into());
    trailing.push(0);
    assert!(matches!(read(&trailing), Err(TransactionError::NotCanonical)));
    for raw in [&[][..], &[2], &[0x80], &[0xff, 0xc0], &[0xc0]] {
        assert!(
            matches!(read(raw), Err(TransactionError::Malformed(_))),
            "{raw:?}"
        );
    }
    assert!(matches!(
        read(&[0x7f, 0xc0]),
        Err(TransactionError::UnknownType(0x7f))
    ));
    for text in ["", "0x0", "02f8", "0xzz", "0X02"] {
        assert!(Transaction::read(text, CHAIN, false).is_err(), "{text}");
    }
}

#[test]
fn a_screening_request_states_what_was_signed() {
    let raw = encode(dynamic(CHAIN).into());
    let request = read(&raw)
        .unwrap()
        .screening_request(Some("https://dapp.example"));
    assert_eq!(request["chainId"], "0x7a69");
    assert_eq!(request["origin"], "https://dapp.example");
    assert_eq!(request["transaction"]["value"], "0x5");
    assert_eq!(request["transaction"]["gas"], "0x5208");
    assert_eq!(request["transaction"]["raw"], hex::encode_prefixed(&raw));
}

proptest::proptest! {
    #[test]
    fn a_changed_transaction_is_refused_or_signed_by_somebody_else(at: proptest::sample::Index, bit in 0..8_u8) {
        let mut raw = encode(dynamic(CHAIN).into());
        let original = read(&raw).unwrap();
        let at = at.index(raw.len());
        raw[at] ^= 1 << bit;
        if let Ok(changed) = read(&raw) {
            proptest::prop_assert_ne!(changed.sender, original.sender);
            proptest::prop_assert_ne!(changed.hash(), original.hash());
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text: String, bytes: Vec<u8>) {
        let _ = Transaction::read(&text, CHAIN, true);
        let _ = read(&bytes);
    }
}
