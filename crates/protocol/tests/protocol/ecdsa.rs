//! One signature, one encoding: what `recover` refuses, and whom it names.

use crate::samples::{Account, domain, phrase, purchase, secp256k1_order, signed};
use alloy_primitives::{Address, B256, FixedBytes, U256, address, b256};
use rampart_protocol::eip712::recover;
use rampart_protocol::message::Withdraw;
use rampart_protocol::{Amount, Message, Nonce, TransactionError};

fn with(signature: &FixedBytes<65>, r: Option<U256>, s: Option<U256>, v: Option<u8>) -> FixedBytes<65> {
    let mut bytes = *signature;
    if let Some(r) = r {
        bytes[..32].copy_from_slice(&r.to_be_bytes::<32>());
    }
    if let Some(s) = s {
        bytes[32..64].copy_from_slice(&s.to_be_bytes::<32>());
    }
    if let Some(v) = v {
        bytes[64] = v;
    }
    bytes
}

fn s_of(signature: &FixedBytes<65>) -> U256 {
    U256::from_be_slice(&signature[32..64])
}

#[test]
fn recovers_whoever_signed() {
    for i in 0..64 {
        let (account, digest) = (
            Account::new(&format!("signer {i}")),
            phrase(&format!("digest {i}")),
        );
        assert_eq!(recover(&account.sign(&digest), &digest), Some(account.address()));
    }
}

#[test]
fn refuses_every_v_but_27_and_28() {
    let digest = phrase("digest");
    let signature = Account::new("account").sign(&digest);
    for v in (0..=255).filter(|v| !matches!(v, 27 | 28)) {
        assert_eq!(
            recover(&with(&signature, None, None, Some(v)), &digest),
            None,
            "v = {v}"
        );
    }
}

#[test]
fn refuses_the_other_half_of_s_that_ecrecover_would_take() {
    let (account, digest) = (Account::new("account"), phrase("digest"));
    let signature = account.sign(&digest);
    let mirrored = with(
        &signature,
        None,
        Some(secp256k1_order() - s_of(&signature)),
        Some(27 + 28 - signature[64]),
    );
    let lax = alloy_primitives::Signature::from_raw_array(&mirrored.0).unwrap();
    assert_eq!(
        lax.recover_address_from_prehash(&digest).unwrap(),
        account.address()
    );
    assert_eq!(recover(&mirrored, &digest), None);
}

#[test]
fn the_largest_s_is_half_the_order() {
    let digest = phrase("digest");
    let signature = Account::new("account").sign(&digest);
    let half = secp256k1_order() >> 1;
    assert!(recover(&with(&signature, None, Some(half), None), &digest).is_some());
    assert_eq!(
        recover(&with(&signature, None, Some(half + U256::ONE), None), &digest),
        None
    );
}

#[test]
fn refuses_r_and_s_outside_their_range() {
    let digest = phrase("digest");
    let signature = Account::new("account").sign(&digest);
    let order = secp256k1_order();
    for value in [U256::ZERO, order, order + U256::ONE, U256::MAX] {
        for v in [27, 28] {
            assert_eq!(
                recover(&with(&signature, Some(value), None, Some(v)), &digest),
                None,
                "r = {value}"
            );
            assert_eq!(
                recover(&with(&signature, None, Some(value), Some(v)), &digest),
                None,
                "s = {value}"
            );
            assert_eq!(
                recover(&with(&signature, Some(value), Some(value), Some(v)), &digest),
                None
            );
        }
    }
    // x = 5 is on no point of the curve.
    assert_eq!(
        recover(&with(&signature, Some(U256::from(5)), None, None), &digest),
        None
    );
}

#[test]
fn a_flipped_bit_of_signature_or_digest_names_someone_else_or_nobody() {
    let (account, digest) = (Account::new("account"), phrase("digest"));
    let signature = account.sign(&digest);
    for bit in 0..65 * 8 {
        let mut flipped = signature;
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_ne!(recover(&flipped, &digest), Some(account.address()), "bit {bit}");
    }
    for bit in 0..32 * 8 {
        let mut flipped = digest;
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_ne!(
            recover(&signature, &flipped),
            Some(account.address()),
            "bit {bit} of the digest"
        );
    }
}

/// The example of Ethereum's own tests of the ecrecover precompile. Its s is high: accepted there, refused here; mirrored,
/// it names the same account.
#[test]
fn agrees_with_ecrecover_on_its_example() {
    let digest = b256!("18c547e4f7b0f325ad1e56f57e26c745b09a3e503d86e00e5255ff7f715d3d1c");
    let r = b256!("73b1693892219d736caba55bdb67216e485557ea6b6af75f37096c9aa6a5a75f");
    let s = b256!("eeb940b1d03b21e36b0e47e79769f095fe2ab855bd91e3a38756b7d75a9c4549");
    let word = |word: B256| Some(U256::from_be_bytes(word.0));
    let high = with(&FixedBytes::ZERO, word(r), word(s), Some(28));
    assert_eq!(recover(&high, &digest), None);
    let low = with(&high, None, Some(secp256k1_order() - s_of(&high)), Some(27));
    assert_eq!(
        recover(&low, &digest),
        Some(address!("a94f5374fce5edbc8e2a8697c15331677e6ebf0b"))
    );
}

#[test]
fn a_transaction_speaks_for_its_signer_and_a_purchase_for_its_consumer() {
    let account = Account::new("account").address();
    let ours = signed(purchase().into());
    assert_eq!(ours.signer(&domain()), Ok(account));

    let mut others = purchase();
    others.consumer = Address::repeat_byte(0xc0);
    let named = others.consumer;
    assert_eq!(
        signed(others.into()).signer(&domain()),
        Err(TransactionError::WrongSigner {
            named,
            signer: account
        })
    );

    // A message that names no account speaks for whoever signed it.
    let withdraw = Withdraw {
        recipient: named,
        amount: Amount(1),
        nonce: Nonce(0),
    };
    let mut transaction = signed(Message::from(withdraw));
    assert_eq!(transaction.signer(&domain()), Ok(account));
    transaction.signature[64] += 2;
    assert_eq!(transaction.signer(&domain()), Err(TransactionError::BadSignature));
}

#[test]
fn transactions_that_differ_in_any_way_have_different_hashes() {
    let transaction = signed(purchase().into());
    let mut bytes = transaction.to_bytes();
    assert_eq!(transaction.hash(), alloy_primitives::keccak256(&bytes));
    // The signature is part of the hash: the last byte is v.
    *bytes.last_mut().unwrap() ^= 7;
    let other = rampart_protocol::SignedTransaction::from_bytes(&bytes).unwrap();
    assert_eq!(other.message, transaction.message);
    assert_ne!(other.hash(), transaction.hash());
}
