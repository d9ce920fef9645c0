//! What is derived by hashing: a sealed verdict binds all that it is about, and no case or purchase is another.

use crate::samples::phrase;
use alloy_primitives::{Address, B256, b256, keccak256};
use rampart_protocol::verdict::{commitment, component, expulsion, review};
use rampart_protocol::{CaseId, ProviderId, PurchaseId};
use std::collections::BTreeSet;

#[test]
fn a_commitment_binds_case_round_operator_verdict_and_salt() {
    let (case, other) = (CaseId(phrase("case")), CaseId(phrase("another case")));
    let (operator, rival) = (Address::repeat_byte(1), Address::repeat_byte(2));
    let (salt, guess) = (phrase("salt"), phrase("another salt"));
    let all = [
        commitment(case, 1, operator, true, salt),
        commitment(other, 1, operator, true, salt),
        commitment(case, 2, operator, true, salt),
        commitment(case, 1, rival, true, salt),
        commitment(case, 1, operator, false, salt),
        commitment(case, 1, operator, true, guess),
    ];
    assert_eq!(BTreeSet::from(all).len(), all.len());
}

#[test]
fn the_derived_ids_are_frozen() {
    let (purchase, case) = (PurchaseId(phrase("purchase")), CaseId(phrase("case")));
    assert_eq!(
        commitment(case, 1, Address::repeat_byte(1), true, phrase("salt")),
        b256!("a6de3bd559fd5a179aae13b91d3c8dc103e2000dcd34d03d135e366858305662")
    );
    assert_eq!(
        expulsion(ProviderId(7), 2).0,
        b256!("cb803967027297c72f9ef1e62fc297135604a72c36f6aa752419961650a2aac6")
    );
    assert_eq!(
        component(purchase, 1).0,
        b256!("5e6bca27134bd59428d3549bb864d87cfd5a4522226a5f453a81ddb34ca45631")
    );
    assert_eq!(review(purchase).0, purchase.0);
}

/// The layout by hand: tag, then each part at its full width.
#[test]
fn a_commitment_is_what_another_implementation_would_seal() {
    let (case, salt) = (phrase("case"), phrase("salt"));
    let bytes = [
        b"rampart-verdict-v1".as_slice(),
        case.as_slice(),
        &[0, 0, 0, 1],
        &[7; 20],
        &[0],
        salt.as_slice(),
    ]
    .concat();
    assert_eq!(
        commitment(CaseId(case), 1, Address::repeat_byte(7), false, salt),
        keccak256(bytes)
    );
}

#[test]
fn cases_and_components_never_meet() {
    let purchases: Vec<PurchaseId> = (0..8)
        .map(|i| PurchaseId(phrase(&format!("purchase {i}"))))
        .collect();
    let mut ids: Vec<B256> = purchases.iter().map(|purchase| review(*purchase).0).collect();
    for purchase in &purchases {
        ids.extend((0..8).map(|position| component(*purchase, position).0));
    }
    for provider in 0..8 {
        ids.extend((0..8).map(|count| expulsion(ProviderId(provider), count).0));
    }
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
}
