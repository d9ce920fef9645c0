//! Signatures of delegated keys: whom they speak for, what they may sign, and one answer alone or in a batch.

use crate::samples::{domain, messages, phrase, purchase, signed};
use alloy_primitives::B256;
use curve25519_dalek::constants::{ED25519_BASEPOINT_TABLE, EIGHT_TORSION};
use curve25519_dalek::{EdwardsPoint, Scalar};
use ed25519_dalek::{Signer as _, SigningKey};
use rampart_protocol::purchaser::{Claimed, LANE_BITS, first_nonce, lane, verify, verify_batch};
use rampart_protocol::{
    AccessKey, DecodeError, Message, Nonce, Signature, SignedTransaction, TransactionError,
};
use sha2::{Digest as _, Sha512};

pub fn purchaser(name: &str) -> SigningKey {
    SigningKey::from_bytes(&phrase(name).0)
}

fn public(key: &SigningKey) -> AccessKey {
    AccessKey(B256::new(key.verifying_key().to_bytes()))
}

pub fn delegated(key: &SigningKey, message: Message) -> SignedTransaction {
    let signature = key.sign(message.signing_hash(&domain()).as_slice()).to_bytes();
    SignedTransaction {
        message,
        signature: Signature::delegated(public(key), &signature),
    }
}

fn purchase_of(n: u64) -> SignedTransaction {
    let mut message = purchase();
    message.nonce = Nonce((1 << LANE_BITS) + n);
    delegated(&purchaser(&format!("purchaser {}", n % 3)), message.into())
}

fn claimed(transaction: &SignedTransaction) -> Claimed {
    transaction
        .claimed(&transaction.message.signing_hash(&domain()))
        .unwrap()
        .unwrap()
}

/// Any numbers will do in a test; nobody forges here.
const WEIGHTS: [u128; 16] = {
    let mut weights = [0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835_u128; 16];
    let mut i = 1;
    while i < weights.len() {
        weights[i] = weights[i - 1].wrapping_mul(weights[0]);
        i += 1;
    }
    weights
};

#[test]
fn a_delegated_purchase_speaks_for_the_consumer_that_it_names() {
    let transaction = purchase_of(0);
    assert_eq!(transaction.signer(&domain()), Ok(purchase().consumer));
    assert_eq!(
        transaction.signature.purchaser(),
        Some(public(&purchaser("purchaser 0")))
    );
    assert_eq!(signed(purchase().into()).signature.purchaser(), None);
    assert_eq!(signed(purchase().into()).claimed(&B256::ZERO), Ok(None));
}

#[test]
fn a_delegated_key_signs_nothing_but_purchases() {
    for message in messages() {
        let (name, is_purchase) = (message.name(), matches!(message, Message::Purchase(_)));
        let answer = delegated(&purchaser("purchaser"), message).signer(&domain());
        let refused = Err(TransactionError::NotDelegable(name));
        assert!(
            is_purchase == answer.is_ok() && (is_purchase || answer == refused),
            "{name}"
        );
    }
}

#[test]
fn both_kinds_of_signatures_survive_their_encodings_and_no_other_length_does() {
    for transaction in [purchase_of(1), signed(purchase().into())] {
        let bytes = transaction.to_bytes();
        assert_eq!(SignedTransaction::from_bytes(&bytes).as_ref(), Ok(&transaction));
        let json = serde_json::to_string(&transaction).unwrap();
        assert_eq!(
            serde_json::from_str::<SignedTransaction>(&json).unwrap(),
            transaction
        );
    }
    for length in (0..200).filter(|length| ![65, 96].contains(length)) {
        let bytes = alloy_rlp::encode(&vec![0x80u8; length][..]);
        assert!(alloy_rlp::decode_exact::<Signature>(&bytes).is_err(), "{length}");
        assert_eq!(Signature::from_slice(&vec![0; length]), None);
    }
    let trailing = [purchase_of(1).to_bytes(), vec![0]].concat();
    assert_eq!(
        SignedTransaction::from_bytes(&trailing),
        Err(DecodeError::Trailing(1))
    );
}

#[test]
fn no_bit_of_key_signature_or_message_may_differ() {
    let transaction = purchase_of(0);
    for bit in 0..96 * 8 {
        let mut flipped = transaction.clone();
        flipped.signature[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(
            flipped.signer(&domain()),
            Err(TransactionError::BadDelegatedSignature),
            "bit {bit}"
        );
    }
    let mut elsewhere = domain();
    elsewhere.chain_id += 1;
    assert!(transaction.signer(&elsewhere).is_err());
}

#[test]
fn a_batch_holds_exactly_when_each_of_it_does() {
    let sound: Vec<Claimed> = (0..16).map(|n| claimed(&purchase_of(n))).collect();
    for count in 0..=16 {
        assert!(verify_batch(&sound[..count], &WEIGHTS));
    }
    assert!(!verify_batch(&sound, &WEIGHTS[..15]), "too few weights");
    for (place, byte) in [(0, 0), (7, 40), (15, 70), (3, 95)] {
        let mut spoiled = sound.clone();
        spoiled[place].signature[byte] ^= 1;
        assert!(!verify(&spoiled[place]) && !verify_batch(&spoiled, &WEIGHTS));
    }
    let mut swapped = sound.clone();
    (swapped[1].digest, swapped[2].digest) = (sound[2].digest, sound[1].digest);
    assert!(!verify_batch(&swapped, &WEIGHTS));
}

/// A signer may add a point of small order to its `R`. With the cofactor all verifiers agree on what that is worth,
/// whatever the weights; without it a batch would accept it for one set of weights in eight.
#[test]
fn signatures_with_a_part_of_small_order_have_one_answer_too() {
    let key = purchaser("purchaser 0");
    let (secret, sound) = (key.to_scalar(), purchase_of(0));
    for torsion in &EIGHT_TORSION[1..] {
        let mut twisted = claimed(&sound);
        let r = Scalar::from(77u64);
        let point: EdwardsPoint = ED25519_BASEPOINT_TABLE * &r + torsion;
        let point = point.compress().0;
        let hash = Sha512::new()
            .chain_update(point)
            .chain_update(public(&key).0)
            .chain_update(twisted.digest);
        let s = r + Scalar::from_bytes_mod_order_wide(&hash.finalize().into()) * secret;
        twisted.signature[32..64].copy_from_slice(&point);
        twisted.signature[64..].copy_from_slice(&s.to_bytes());
        assert!(verify(&twisted));
        for weights in WEIGHTS.windows(2) {
            assert!(verify_batch(&[twisted.clone(), claimed(&sound)], weights));
        }
    }
    // A part of small order only, in key or R, is refused whatever the equation says.
    for point in EIGHT_TORSION {
        for place in [0..32, 32..64] {
            let mut weak = claimed(&sound);
            weak.signature[place].copy_from_slice(&point.compress().0);
            weak.signature[64..].fill(0);
            assert!(!verify(&weak) && !verify_batch(&[weak], &WEIGHTS));
        }
    }
}

#[test]
fn lanes_do_not_overlap_and_end_with_the_numbers_that_a_nonce_holds() {
    assert_eq!((first_nonce(0), lane(Nonce(0))), (Some(Nonce(0)), 0));
    assert_eq!(lane(Nonce((1 << LANE_BITS) - 1)), 0);
    for number in [1, 2, 255, (1 << 24) - 1] {
        let first = first_nonce(number).unwrap();
        assert_eq!(lane(first), number);
        assert_eq!(lane(Nonce(first.0 - 1)), number - 1);
    }
    assert_eq!(first_nonce(1 << 24), None);
}
