//! Project Wycheproof's Ed25519 vectors: known answers, and the forgeries and odd encodings that other verifiers fell for.
//!
//! The rule of `ed25519` is stricter than RFC 8032 in places (no small-order point, no unreduced y). A valid vector that it
//! refuses would have to be named here with the rule that refuses it; there is none.

use alloy_primitives::B256;
use rampart_protocol::AccessKey;
use rampart_protocol::ed25519::{Signed, is_acceptable_key, verify_batch};
use rampart_protocol::http_signature::verify;
use std::collections::BTreeMap;
use wycheproof::TestResult;
use wycheproof::eddsa::{Test, TestName, TestSet};

/// Each vector with its key.
fn vectors() -> Vec<(AccessKey, Test)> {
    let set = TestSet::load(TestName::Ed25519).unwrap();
    assert_eq!(
        set.number_of_tests,
        set.test_groups
            .iter()
            .map(|group| group.tests.len())
            .sum::<usize>()
    );
    let of_group = |group: wycheproof::eddsa::TestGroup| {
        let key = AccessKey(B256::from_slice(&group.key.pk));
        group.tests.into_iter().map(move |test| (key, test))
    };
    set.test_groups.into_iter().flat_map(of_group).collect()
}

/// What the request path makes of a vector: a signature that has not 64 bytes is refused where it is read.
fn is_accepted(key: &AccessKey, test: &Test) -> bool {
    let signature = <&[u8; 64]>::try_from(&test.sig[..]);
    signature.is_ok_and(|signature| verify(key, &test.msg, signature).is_ok())
}

#[test]
fn every_vector_is_answered_as_wycheproof_says() {
    let mut answers = BTreeMap::new();
    for (key, test) in vectors() {
        let expected = match test.result {
            TestResult::Valid => true,
            TestResult::Invalid => false,
            TestResult::Acceptable => panic!("{}: decide on it, and say why", test.tc_id),
        };
        assert_eq!(
            is_accepted(&key, &test),
            expected,
            "{}: {} {:?}",
            test.tc_id,
            test.comment,
            test.flags
        );
        *answers.entry(expected).or_insert(0) += 1;
    }
    // Release 0.7.0 of the crate: a later one may have more, and none may go missing unseen.
    assert!(answers[&true] >= 88 && answers[&false] >= 63, "{answers:?}");
}

#[test]
fn every_key_of_the_vectors_may_be_bound_to_a_purchase() {
    for (key, test) in vectors() {
        assert!(is_acceptable_key(&key), "{}", test.tc_id);
    }
}

/// A batch says the same as one by one, of each vector beside good ones and of all good ones together.
#[test]
fn a_batch_answers_every_vector_as_one_by_one() {
    let vectors: Vec<(AccessKey, Test, [u8; 64])> = vectors()
        .into_iter()
        .filter_map(|(key, test)| {
            let signature = test.sig[..].try_into().ok()?;
            Some((key, test, signature))
        })
        .collect();
    let (good, bad): (Vec<_>, Vec<_>) = vectors
        .iter()
        .partition(|(key, test, signature)| verify(key, &test.msg, signature).is_ok());
    let all: Vec<Signed<'_>> = good.iter().map(|vector| claim(vector)).collect();
    // Any will do here: no forger foresees them.
    let weights: Vec<u128> = (1..=all.len() as u128 + 1)
        .map(|i| (i << 100) | (0x9e37_79b9 * i))
        .collect();
    assert!(verify_batch(&all, &weights));
    for forged in bad {
        let mut batch = all[..8].to_vec();
        batch.insert(3, claim(forged));
        assert!(
            !verify_batch(&batch, &weights),
            "{}: {}",
            forged.1.tc_id,
            forged.1.comment
        );
    }
}

fn claim((key, test, signature): &(AccessKey, Test, [u8; 64])) -> Signed<'_> {
    Signed {
        key,
        message: &test.msg,
        signature,
    }
}
