//! X2: what a node says about exits is believed only as far as the operators' signatures or the settlement's roots go.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use k256::ecdsa::SigningKey;
use rampart_client::{ExitError, verify_archive, verify_proof, verify_roots, verify_signatures};
use rampart_protocol::api::ExitView;
use rampart_protocol::eip712::EcdsaSignature;
use rampart_protocol::{
    Address, Amount, B256, Checkpoint, Domain, ExitArchive, Operator, OperatorSet, ProvableExits, Roots,
    merkle,
};

fn key(n: u8) -> SigningKey {
    SigningKey::from_slice(&[n; 32]).unwrap()
}

fn address(n: u8) -> Address {
    Address::from_public_key(key(n).verifying_key())
}

fn sign(n: u8, digest: B256) -> EcdsaSignature {
    let (signature, recovery) = key(n).sign_prehash_recoverable(digest.as_slice()).unwrap();
    let mut bytes = [27 + recovery.to_byte(); 65];
    bytes[..64].copy_from_slice(&signature.to_bytes());
    EcdsaSignature::new(bytes)
}

/// Weights 40, 30, 20, 10.
fn operators() -> OperatorSet {
    let operator = |(n, weight): (u8, u64)| Operator {
        public_key: B256::repeat_byte(n),
        checkpoint_key: address(n),
        weight,
    };
    OperatorSet {
        domain: Domain {
            chain_id: 59_144,
            settlement: Address::repeat_byte(0xa1),
        },
        operators: [(1, 40), (2, 30), (3, 20), (4, 10)].map(operator).to_vec(),
    }
}

fn archive() -> ExitArchive {
    let exits: Vec<_> = (0..5)
        .map(|n| (Address::repeat_byte(n + 1), Amount(u128::from(n) * 7)))
        .collect();
    let leaves: Vec<B256> = exits
        .iter()
        .map(|(who, much)| merkle::exit_leaf(*who, *much))
        .collect();
    let checkpoint = Checkpoint {
        epoch: 0,
        height: 40,
        state_root: B256::repeat_byte(1),
        withdrawals_root: B256::ZERO,
        exit_root: merkle::root(&leaves),
        inbox_count: 9,
        next_operator_set: operators().hash(),
    };
    ExitArchive::new(operators().domain, checkpoint, &exits)
}

fn signatures(by: &[u8]) -> Vec<EcdsaSignature> {
    let digest = archive().checkpoint.signing_hash(&operators().domain);
    by.iter().map(|n| sign(*n, digest)).collect()
}

fn view(account: u8) -> ExitView {
    let exits = ProvableExits::new(archive()).unwrap();
    let exit = exits.of(Address::repeat_byte(account)).unwrap();
    ExitView {
        account: exit.account,
        amount: exit.amount,
        proof: exit.proof,
        checkpoint: archive().checkpoint,
        signatures: signatures(&[1, 2]),
    }
}

#[test]
fn more_than_two_thirds_of_the_weight_must_have_signed_each_counted_once() {
    let check = |by: &[u8]| verify_signatures(&archive().checkpoint, &signatures(by), &operators());
    for enough in [&[1, 2][..], &[2, 1, 4], &[1, 3, 4], &[4, 3, 2, 1]] {
        check(enough).unwrap();
    }
    for (short, weight) in [
        (&[][..], 0),
        (&[1, 3][..], 60),
        (&[1, 1, 1, 1][..], 40),
        (&[2, 3, 4, 4, 3][..], 60),
        // Nobody's key.
        (&[1, 9, 8][..], 40),
    ] {
        match check(short).unwrap_err() {
            ExitError::Quorum {
                height,
                signed,
                total,
            } => {
                assert_eq!((height, signed, total), (40, weight, 100), "{short:?}");
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn signatures_over_something_else_or_for_another_deployment_count_for_nothing() {
    let (sound, set) = (archive().checkpoint, operators());
    let all = signatures(&[1, 2, 3, 4]);
    let mut other = sound;
    other.exit_root = B256::repeat_byte(8);
    assert!(verify_signatures(&other, &all, &set).is_err());
    let mut elsewhere = set.clone();
    elsewhere.domain.chain_id += 1;
    assert!(verify_signatures(&sound, &all, &elsewhere).is_err());
    let mut broken = all;
    for signature in &mut broken {
        signature.0[64] ^= 1;
    }
    assert!(verify_signatures(&sound, &broken, &set).is_err());
    let nobody = OperatorSet {
        operators: Vec::new(),
        ..set
    };
    assert!(matches!(
        verify_signatures(&sound, &signatures(&[1]), &nobody),
        Err(ExitError::Operators(_))
    ));
}

#[test]
fn a_proof_holds_for_its_account_its_amount_and_its_checkpoint_alone() {
    let sound = view(3);
    assert_eq!(verify_proof(&sound).unwrap().amount, Amount(14));
    type Change = fn(&mut ExitView);
    let changes: [Change; 6] = [
        |exit| exit.amount.0 += 1,
        |exit| exit.account = Address::repeat_byte(4),
        |exit| exit.proof[0].0[5] ^= 1,
        |exit| exit.proof.truncate(1),
        |exit| exit.checkpoint.exit_root.0[0] ^= 1,
        |exit| exit.checkpoint.exit_root = B256::ZERO,
    ];
    for (n, change) in changes.into_iter().enumerate() {
        let mut exit = sound.clone();
        change(&mut exit);
        assert!(
            matches!(verify_proof(&exit), Err(ExitError::Proof(_))),
            "change {n}"
        );
    }
}

#[test]
fn only_the_roots_that_the_settlement_holds_are_those_of_the_last_checkpoint() {
    let checkpoint = archive().checkpoint;
    verify_roots(&checkpoint, &checkpoint.roots()).unwrap();
    let newer = Roots {
        state_root: B256::repeat_byte(2),
        ..checkpoint.roots()
    };
    let error = verify_roots(&checkpoint, &newer).unwrap_err();
    assert!(matches!(error, ExitError::NotLast { height: 40 }), "{error}");
}

#[test]
fn an_archive_of_another_deployment_or_with_other_entries_is_refused() {
    assert!(verify_archive(archive(), &operators()).is_ok());
    let mut elsewhere = operators();
    elsewhere.domain.settlement = Address::ZERO;
    assert!(matches!(
        verify_archive(archive(), &elsewhere),
        Err(ExitError::OtherDeployment(..))
    ));
    let mut exits: Vec<_> = archive().exits().collect();
    exits.pop();
    let forged = ExitArchive::new(archive().domain, archive().checkpoint, &exits);
    assert!(matches!(
        verify_archive(forged, &operators()),
        Err(ExitError::Archive(_))
    ));
}
