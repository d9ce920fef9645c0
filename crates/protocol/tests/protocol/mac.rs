//! The key that two sides agree on for `hmac-sha256` requests.

use alloy_primitives::{B256, hex};
use rampart_protocol::PurchaseId;
use rampart_protocol::mac::{AgreementSecret, MacKey, Side};

const CONSUMER: [u8; 32] = hex!("77076d0a7318a57d3c16c17251b26645df4c2f92ebc0992ac177fba51db92c2a");
const SIDECAR: [u8; 32] = hex!("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
const PURCHASE: PurchaseId = PurchaseId(B256::repeat_byte(0x11));

fn agreed(purchase: PurchaseId) -> (MacKey, MacKey) {
    let (consumer, sidecar) = (AgreementSecret::new(CONSUMER), AgreementSecret::new(SIDECAR));
    let at_consumer = consumer.agree(Side::Consumer, &sidecar.public(), purchase);
    let at_sidecar = sidecar.agree(Side::Sidecar, &consumer.public(), purchase);
    (at_consumer.unwrap(), at_sidecar.unwrap())
}

/// Computed with PyCA's cryptography 48: X25519, HKDF-SHA256 without salt, HMAC-SHA256.
#[test]
fn both_sides_make_the_mac_that_an_independent_implementation_makes() {
    let expected = hex!("a7296750745322c09f0386d6774219a8d6615e8e6e28603a7b0969d9614d7e56");
    let (consumer, sidecar) = agreed(PURCHASE);
    assert_eq!(consumer.sign(b"rampart"), expected);
    assert_eq!(sidecar.sign(b"rampart"), expected);
    assert!(sidecar.verify(b"rampart", &expected));
}

#[test]
fn no_bit_of_mac_or_message_may_differ() {
    let (consumer, sidecar) = agreed(PURCHASE);
    let mac = consumer.sign(b"rampart");
    for bit in 0..256 {
        let mut flipped = mac;
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(!sidecar.verify(b"rampart", &flipped), "bit {bit}");
    }
    assert!(!sidecar.verify(b"Rampart", &mac));
}

#[test]
fn another_purchase_or_another_side_has_another_key() {
    let mac = agreed(PURCHASE).0.sign(b"rampart");
    let (consumer, sidecar) = agreed(PurchaseId(B256::repeat_byte(0x12)));
    assert!(!consumer.verify(b"rampart", &mac) && !sidecar.verify(b"rampart", &mac));
    let (consumer, sidecar) = (AgreementSecret::new(CONSUMER), AgreementSecret::new(SIDECAR));
    let reflected = consumer.agree(Side::Sidecar, &sidecar.public(), PURCHASE);
    assert!(!reflected.unwrap().verify(b"rampart", &mac));
}

/// RFC 7748, section 6.1: a point of small order makes the shared secret zero, whatever the own key.
#[test]
fn a_key_of_small_order_agrees_on_nothing() {
    let secret = AgreementSecret::new(SIDECAR);
    for bytes in [
        hex!("0000000000000000000000000000000000000000000000000000000000000000"),
        hex!("0100000000000000000000000000000000000000000000000000000000000000"),
        hex!("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        hex!("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
        hex!("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ] {
        let agreed = secret.agree(Side::Sidecar, &B256::new(bytes), PURCHASE);
        assert!(agreed.is_none(), "{}", hex::encode(bytes));
    }
}

#[test]
fn no_key_is_in_debug_output() {
    let secret = AgreementSecret::new(SIDECAR);
    let text = format!("{secret:?} {:?}", agreed(PURCHASE).0);
    assert_eq!(text, "AgreementSecret MacKey");
}
