//! Access keys and request signatures: one key, one encoding; one message, one signature; no key under which anything holds.

use crate::samples::phrase;
use alloy_primitives::{B256, hex};
use curve25519_dalek::constants::{ED25519_BASEPOINT_TABLE, EIGHT_TORSION};
use curve25519_dalek::{EdwardsPoint, Scalar};
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use rampart_protocol::AccessKey;
use rampart_protocol::ed25519::is_acceptable_key;
use rampart_protocol::http_signature::{ProfileError, verify};
use sha2::{Digest, Sha512};

/// The eight points of small order in canonical form, order 1, 2, 4, 4, 8, 8, 8, 8.
const SMALL_ORDER: [[u8; 32]; 8] = [
    hex!("0100000000000000000000000000000000000000000000000000000000000000"),
    hex!("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    hex!("0000000000000000000000000000000000000000000000000000000000000000"),
    hex!("0000000000000000000000000000000000000000000000000000000000000080"),
    hex!("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    hex!("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"),
    hex!("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    hex!("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
];

/// Other encodings of points of small order: y written as y + p, and x = 0 with its sign set.
const SMALL_ORDER_NOT_CANONICAL: [[u8; 32]; 6] = [
    hex!("0100000000000000000000000000000000000000000000000000000000000080"),
    hex!("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
    hex!("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    hex!("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
    hex!("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    hex!("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
];

fn key() -> SigningKey {
    SigningKey::from_bytes(&phrase("access key").0)
}

fn access(key: &SigningKey) -> AccessKey {
    AccessKey(B256::new(key.verifying_key().to_bytes()))
}

/// RFC 8032, section 7.1, tests 1 to 3.
#[test]
fn verifies_the_rfcs_own_signatures() {
    for (key, message, signature) in [
        (
            hex!("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"),
            &hex!("")[..],
            hex!(
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
            ),
        ),
        (
            hex!("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"),
            &hex!("72"),
            hex!(
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
            ),
        ),
        (
            hex!("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"),
            &hex!("af82"),
            hex!(
                "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
            ),
        ),
    ] {
        let key = AccessKey(B256::new(key));
        assert!(is_acceptable_key(&key));
        assert_eq!(verify(&key, message, &signature), Ok(()));
        assert_eq!(
            verify(&key, &[message, b"x"].concat(), &signature),
            Err(ProfileError::Invalid)
        );
    }
}

#[test]
fn the_eight_points_of_small_order_are_the_listed_ones() {
    let mut listed = SMALL_ORDER;
    let mut torsion = EIGHT_TORSION.map(|point| point.compress().0);
    listed.sort_unstable();
    torsion.sort_unstable();
    assert_eq!(listed, torsion);
}

#[test]
fn refuses_keys_of_small_order_in_any_encoding() {
    for bytes in SMALL_ORDER.iter().chain(&SMALL_ORDER_NOT_CANONICAL) {
        assert!(
            !is_acceptable_key(&AccessKey(B256::new(*bytes))),
            "{}",
            hex::encode(bytes)
        );
    }
}

#[test]
fn refuses_every_key_whose_y_is_not_reduced() {
    let (mut points, mut strong) = (0, 0);
    for low in 0xed..=0xff {
        for top in [0x7f, 0xff] {
            let mut bytes = [0xff; 32];
            (bytes[0], bytes[31]) = (low, top);
            assert!(
                !is_acceptable_key(&AccessKey(B256::new(bytes))),
                "{}",
                hex::encode(bytes)
            );
            if let Ok(point) = VerifyingKey::from_bytes(&bytes) {
                points += 1;
                strong += u32::from(!point.is_weak());
            }
        }
    }
    assert!(
        points > strong && strong > 0,
        "some are points that the library takes: {points}, {strong}"
    );
}

#[test]
fn refuses_bytes_that_are_no_point_and_accepts_ordinary_keys() {
    // y = 2 is on no point of the curve.
    let mut bytes = [0; 32];
    bytes[0] = 2;
    assert!(VerifyingKey::from_bytes(&bytes).is_err());
    assert!(!is_acceptable_key(&AccessKey(B256::new(bytes))));
    for i in 0..64 {
        let key = SigningKey::from_bytes(&phrase(&format!("key {i}")).0);
        assert!(is_acceptable_key(&access(&key)));
    }
}

#[test]
fn no_bit_of_key_message_or_signature_may_differ() {
    let (key, message) = (key(), b"rampart".to_vec());
    let signature = key.sign(&message).to_bytes();
    assert_eq!(verify(&access(&key), &message, &signature), Ok(()));
    for bit in 0..64 * 8 {
        let mut flipped = signature;
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(
            verify(&access(&key), &message, &flipped).is_err(),
            "bit {bit} of the signature"
        );
    }
    for bit in 0..32 * 8 {
        let mut flipped = access(&key);
        flipped.0[bit / 8] ^= 1 << (bit % 8);
        assert!(
            verify(&flipped, &message, &signature).is_err(),
            "bit {bit} of the key"
        );
    }
    for bit in 0..message.len() * 8 {
        let mut flipped = message.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(
            verify(&access(&key), &flipped, &signature).is_err(),
            "bit {bit} of the message"
        );
    }
}

/// Adds the group's order to s, which changes nothing modulo the order (Wycheproof: "signature malleability").
#[test]
fn refuses_s_plus_any_multiple_of_the_order() {
    const ORDER: [u8; 32] = hex!("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let key = key();
    let mut signature = key.sign(b"rampart").to_bytes();
    let mut multiples = 0;
    loop {
        let mut carry = 0u16;
        for (byte, order) in signature[32..].iter_mut().zip(ORDER) {
            carry += u16::from(*byte) + u16::from(order);
            *byte = carry.to_le_bytes()[0];
            carry >>= 8;
        }
        if carry > 0 {
            break;
        }
        multiples += 1;
        assert!(
            verify(&access(&key), b"rampart", &signature).is_err(),
            "s + {multiples} L"
        );
    }
    assert!(multiples >= 14, "up to 2^256: {multiples}");
    let mut at_order = key.sign(b"rampart").to_bytes();
    at_order[32..].copy_from_slice(&ORDER);
    assert!(verify(&access(&key), b"rampart", &at_order).is_err(), "s = L");
}

fn challenge(point: &[u8; 32], key: &[u8; 32], message: &[u8]) -> Scalar {
    let hash = Sha512::new()
        .chain_update(point)
        .chain_update(key)
        .chain_update(message)
        .finalize();
    Scalar::from_bytes_mod_order_wide(&hash.into())
}

fn signature_of(point: EdwardsPoint, s: Scalar) -> [u8; 64] {
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&point.compress().0);
    signature[32..].copy_from_slice(&s.to_bytes());
    signature
}

/// Under the identity as key, R = sB holds for every message: what a seller could use to bill anything.
#[test]
fn refuses_the_signature_that_holds_for_every_message_under_a_weak_key() {
    let weak = SMALL_ORDER[0];
    let s = Scalar::from(7u64);
    let signature = signature_of(ED25519_BASEPOINT_TABLE * &s, s);
    let lax = VerifyingKey::from_bytes(&weak).unwrap();
    for message in [&b"one"[..], b"two"] {
        let accepted = ed25519_dalek::Verifier::verify(&lax, message, &signature.into());
        assert!(accepted.is_ok(), "that is why it is refused");
        assert!(verify(&AccessKey(B256::new(weak)), message, &signature).is_err());
    }
}

/// R of small order needs the secret key, but lets its holder sign so that verifiers disagree.
#[test]
fn refuses_a_point_r_of_small_order() {
    let key = key();
    let public = key.verifying_key().to_bytes();
    let point = EIGHT_TORSION[0];
    let k = challenge(&point.compress().0, &public, b"rampart");
    let signature = signature_of(point, k * key.to_scalar());
    let accepted = ed25519_dalek::Verifier::verify(&key.verifying_key(), b"rampart", &signature.into());
    assert!(accepted.is_ok(), "the equation holds");
    assert!(verify(&access(&key), b"rampart", &signature).is_err());
}

/// A holder of a key with a y of y + p could sign so that only some verifiers agree; `verify` refuses what could not be bought.
#[test]
fn verify_refuses_what_is_acceptable_refuses() {
    let signature = key().sign(b"rampart").to_bytes();
    for bytes in SMALL_ORDER.iter().chain(&SMALL_ORDER_NOT_CANONICAL) {
        assert!(verify(&AccessKey(B256::new(*bytes)), b"rampart", &signature).is_err());
        let zero_s = signature_of(EIGHT_TORSION[0], Scalar::ZERO);
        assert!(verify(&AccessKey(B256::new(*bytes)), b"rampart", &zero_s).is_err());
    }
}
