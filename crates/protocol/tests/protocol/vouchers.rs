//! A voucher proves what its signer said: this purchase, this many requests.

use crate::samples::phrase;
use alloy_primitives::B256;
use ed25519_dalek::{Signer, SigningKey};
use rampart_protocol::http_signature::{Algorithm, Parameters, ProfileError, RequestParts};
use rampart_protocol::usage::{VoucherError, verify_voucher};
use rampart_protocol::{AccessKey, PurchaseId, Sequence};

fn key(name: &str) -> (SigningKey, AccessKey) {
    let key = SigningKey::from_bytes(&phrase(name).0);
    let access = AccessKey(B256::new(key.verifying_key().to_bytes()));
    (key, access)
}

fn base(purchase: PurchaseId, sequence: u64) -> String {
    let parameters = Parameters {
        created: 1_792_108_800,
        expires: 1_792_108_860,
        purchase,
        sequence: Sequence(sequence),
        has_body: false,
        algorithm: Algorithm::Ed25519,
    };
    let request = RequestParts {
        method: "GET",
        authority: "screen.example",
        path: "/",
        query: "",
        content_digest: None,
    };
    parameters.signature_base(&request).unwrap()
}

#[test]
fn proves_the_number_that_was_signed_and_no_other() {
    let (key, access) = key("access key");
    let purchase = PurchaseId(phrase("purchase"));
    let voucher = base(purchase, 41);
    let signature = key.sign(voucher.as_bytes()).to_bytes();
    let check = |used| verify_voucher(&access, purchase, Sequence(used), voucher.as_bytes(), &signature);
    assert_eq!(check(41), Ok(()));
    for used in [0, 40, 42, u64::MAX] {
        assert_eq!(check(used), Err(VoucherError::OtherSequence(Sequence(41))));
    }
}

#[test]
fn says_what_does_not_hold() {
    let (key, access) = key("access key");
    let (other_key, other_access) = self::key("another access key");
    let (purchase, other) = (
        PurchaseId(phrase("purchase")),
        PurchaseId(phrase("another purchase")),
    );
    let voucher = base(purchase, 41);
    let bytes = voucher.as_bytes();
    let signature = key.sign(bytes).to_bytes();
    let by_other = other_key.sign(bytes).to_bytes();
    let larger = base(purchase, 42);
    let invalid = Err(VoucherError::Profile(ProfileError::Invalid));
    let used = Sequence(41);

    assert_eq!(verify_voucher(&access, purchase, used, bytes, &signature), Ok(()));
    for (why, outcome, expected) in [
        (
            "another key",
            verify_voucher(&other_access, purchase, used, bytes, &signature),
            invalid,
        ),
        (
            "signed by another",
            verify_voucher(&access, purchase, used, bytes, &by_other),
            invalid,
        ),
        (
            "for another purchase",
            verify_voucher(&access, other, used, bytes, &signature),
            Err(VoucherError::OtherPurchase(purchase)),
        ),
        (
            "a number put up after signing",
            verify_voucher(&access, purchase, Sequence(42), larger.as_bytes(), &signature),
            invalid,
        ),
        (
            "bytes that are no text",
            verify_voucher(&access, purchase, used, &[&[0xff], bytes].concat(), &signature),
            Err(VoucherError::NotText),
        ),
        (
            "a signature too short",
            verify_voucher(&access, purchase, used, bytes, &signature[..63]),
            Err(VoucherError::SignatureLength),
        ),
        (
            "a signature too long",
            verify_voucher(&access, purchase, used, bytes, &[&signature[..], &[0]].concat()),
            Err(VoucherError::SignatureLength),
        ),
        (
            "no signature",
            verify_voucher(&access, purchase, used, bytes, &[]),
            Err(VoucherError::SignatureLength),
        ),
        (
            "no parameters",
            verify_voucher(&access, purchase, used, b"", &signature),
            Err(VoucherError::Profile(ProfileError::Input(
                "no @signature-params line",
            ))),
        ),
        (
            "a key that is no point",
            verify_voucher(
                &AccessKey(B256::with_last_byte(2)),
                purchase,
                used,
                bytes,
                &signature,
            ),
            invalid,
        ),
    ] {
        assert_eq!(outcome, expected, "{why}");
    }
}

/// The signer's words are the evidence: parameters in an earlier line do not count, even over its own signature.
#[test]
fn only_the_last_line_of_the_base_speaks() {
    let (key, access) = key("access key");
    let purchase = PurchaseId(phrase("purchase"));
    let voucher = format!("{}\n{}", base(purchase, 1000), base(purchase, 1));
    let signature = key.sign(voucher.as_bytes()).to_bytes();
    let check = |used| verify_voucher(&access, purchase, Sequence(used), voucher.as_bytes(), &signature);
    assert_eq!(check(1), Ok(()));
    assert_eq!(check(1000), Err(VoucherError::OtherSequence(Sequence(1))));
}

#[test]
fn a_flipped_bit_of_the_voucher_proves_nothing() {
    let (key, access) = key("access key");
    let purchase = PurchaseId(phrase("purchase"));
    let mut voucher = base(purchase, 41).into_bytes();
    let signature = key.sign(&voucher).to_bytes();
    for bit in 0..voucher.len() * 8 {
        voucher[bit / 8] ^= 1 << (bit % 8);
        assert!(
            verify_voucher(&access, purchase, Sequence(41), &voucher, &signature).is_err(),
            "bit {bit}"
        );
        voucher[bit / 8] ^= 1 << (bit % 8);
    }
}

/// A MAC could have been made by either side, so whoever signs a base that names it has authorised nothing.
#[test]
fn a_request_by_hmac_is_no_voucher() {
    let (key, access) = key("access key");
    let purchase = PurchaseId(phrase("purchase"));
    let voucher = base(purchase, 41).replace("ed25519", "hmac-sha256");
    let signature = key.sign(voucher.as_bytes()).to_bytes();
    let outcome = verify_voucher(&access, purchase, Sequence(41), voucher.as_bytes(), &signature);
    assert!(matches!(
        outcome,
        Err(VoucherError::Profile(ProfileError::Input(_)))
    ));
}
