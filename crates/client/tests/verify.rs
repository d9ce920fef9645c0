//! X1: a confirmation proves a purchase to whoever knows the operators, and nothing else does. The certificates here are the
//! engine's own, made from the votes of four operators with ed25519 keys.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use commonware_codec::Encode;
use commonware_consensus::simplex::scheme::ed25519::Scheme;
use commonware_consensus::simplex::types::{Finalization, Finalize, Notarization, Notarize, Proposal};
use commonware_consensus::types::{Epoch, Round, View};
use commonware_cryptography::Signer as _;
use commonware_cryptography::certificate::Signers;
use commonware_cryptography::ed25519::PrivateKey;
use commonware_cryptography::ed25519::certificate::Certificate;
use commonware_cryptography::keccak256::Digest;
use commonware_parallel::Sequential;
use commonware_utils::non_empty;
use rampart_client::verify::{Verifier, VerifyError, participants, verify_confirmation};
use rampart_protocol::operators::OperatorSetError;
use rampart_protocol::{
    AccessKey, Address, Amount, B256, Confirmation, Domain, Header, Operator, OperatorSet, ProviderId,
    PurchaseId, PurchaseRecord, ServiceId, Timestamp, keccak256, merkle,
};

type Certified = Finalization<Scheme, Digest>;

struct Operators {
    keys: Vec<PrivateKey>,
    set: OperatorSet,
}

impl Operators {
    fn new(seed: u64, count: u8) -> Self {
        let keys: Vec<PrivateKey> = (0..u64::from(count))
            .map(|i| PrivateKey::from_seed(seed + i))
            .collect();
        let operators = keys.iter().zip(1..=count).map(|(key, i)| Operator {
            public_key: B256::from_slice(&key.public_key().encode()),
            checkpoint_key: Address::repeat_byte(i),
            weight: 1,
        });
        let set = OperatorSet {
            domain: Domain {
                chain_id: 59144,
                settlement: Address::repeat_byte(0xa1),
            },
            operators: operators.collect(),
        };
        Self { keys, set }
    }

    /// The operators' signing schemes, in the engine's order of keys.
    fn schemes(&self) -> Vec<Scheme> {
        let committee = participants(&self.set).unwrap();
        let namespace = self.set.consensus_namespace();
        let mut keys = self.keys.clone();
        keys.sort_by_key(PrivateKey::public_key);
        keys.into_iter()
            .map(|key| Scheme::signer(&namespace, committee.clone(), key).unwrap())
            .collect()
    }

    /// The certificate that the engine makes of these operators' votes for a header.
    fn finalize(&self, header: &Header, signers: &[usize]) -> Certified {
        let schemes = self.schemes();
        let votes: Vec<_> = signers
            .iter()
            .map(|i| Finalize::sign(&schemes[*i], proposal(header)).unwrap())
            .collect();
        Finalization::from_finalizes(&schemes[0], non_empty![@&votes], &Sequential).unwrap()
    }

    /// A certificate put together by hand, as the engine would not: any votes, in any order, under any bitmap.
    fn forge(&self, header: &Header, bitmap: &[u32], signatures: &[usize]) -> Vec<u8> {
        let schemes = self.schemes();
        let signatures = signatures.iter().map(|i| {
            let vote = Finalize::sign(&schemes[*i], proposal(header)).unwrap();
            vote.attestation.signature
        });
        let total = u32::try_from(self.keys.len()).unwrap();
        let certificate = Certificate {
            signers: Signers::new(
                total,
                bitmap.iter().map(|i| commonware_utils::Participant::new(*i)),
            )
            .unwrap(),
            signatures: signatures.collect(),
        };
        let forged: Certified = Finalization {
            proposal: proposal(header),
            certificate,
        };
        forged.encode().to_vec()
    }

    /// The confirmation of purchase 2 in a block of five, certified `depth` blocks later by these operators.
    fn confirm(&self, depth: usize, signers: &[usize]) -> Confirmation {
        let mut confirmation = uncertified(2, 5, depth);
        let certified = self.finalize(confirmation.certified().unwrap(), signers);
        confirmation.finalization = certified.encode().to_vec().into();
        confirmation
    }

    fn verifier(&self) -> Verifier {
        Verifier::new(&self.set).unwrap()
    }
}

fn proposal(header: &Header) -> Proposal<Digest> {
    let round = Round::new(Epoch::new(header.epoch), View::new(header.view));
    Proposal::new(round, View::new(header.parent_view), Digest(header.digest().0))
}

fn word(text: &str) -> B256 {
    keccak256(text)
}

fn record(number: u64) -> PurchaseRecord {
    PurchaseRecord {
        id: PurchaseId(word(&format!("purchase {number}"))),
        consumer: Address::from_word(word(&format!("consumer {number}"))),
        provider: ProviderId(1),
        service: ServiceId(300 + number),
        version: 1,
        fee: Amount(Amount::TOKEN.0 * 12),
        requests: 10_000,
        access_key: AccessKey(word(&format!("key {number}"))),
        purchased_at: Timestamp(1_792_108_800),
        expires_at: Timestamp(1_800_000_000),
    }
}

/// A confirmation of record `index` of a block of `count`, with `depth` descendants and no certificate yet.
fn uncertified(index: usize, count: u64, depth: usize) -> Confirmation {
    let records: Vec<PurchaseRecord> = (0..count).map(record).collect();
    let leaves: Vec<B256> = records.iter().map(PurchaseRecord::leaf).collect();
    let header = Header {
        epoch: 3,
        view: 300,
        leader: word("leader"),
        parent_view: 299,
        parent: word("parent"),
        height: 70_000,
        timestamp_ms: 1_792_108_800_123,
        transactions_root: word("transactions"),
        confirmations_root: merkle::root(&leaves),
        state_root: word("state"),
        state_start: 17,
        state_end: 4096,
        withdrawals_root: word("withdrawals"),
        inbox_count: 129,
        next_operators: word("operators"),
    };
    let mut descendants: Vec<Header> = Vec::new();
    for _ in 0..depth {
        let parent = descendants.last().unwrap_or(&header);
        descendants.push(Header {
            view: parent.view + 1,
            parent_view: parent.view,
            parent: parent.digest(),
            height: parent.height + 1,
            timestamp_ms: parent.timestamp_ms + 400,
            confirmations_root: B256::ZERO,
            ..parent.clone()
        });
    }
    Confirmation {
        record: records[index],
        proof: merkle::proof(&leaves, index).unwrap(),
        header,
        descendants,
        finalization: Default::default(),
    }
}

/// As a stranger receives it: bytes first.
fn verify_bytes(verifier: &Verifier, bytes: &[u8]) -> Result<(), VerifyError> {
    verifier.verify(&Confirmation::from_bytes(bytes)?)
}

#[test]
fn every_quorum_of_operators_proves_every_purchase_of_a_block() {
    let operators = Operators::new(1, 4);
    let verifier = operators.verifier();
    for signers in [
        &[0, 1, 2][..],
        &[0, 1, 3],
        &[0, 2, 3],
        &[1, 2, 3],
        &[3, 1, 0],
        &[0, 1, 2, 3],
    ] {
        for index in 0..5 {
            let mut confirmation = uncertified(index, 5, 0);
            let certificate = operators.finalize(&confirmation.header, signers);
            confirmation.finalization = certificate.encode().to_vec().into();
            verifier.verify(&confirmation).unwrap();
            verify_bytes(&verifier, &confirmation.to_bytes()).unwrap();
        }
    }
    let alone = Operators::new(9, 1);
    verify_confirmation(&alone.confirm(0, &[0]), &alone.set).unwrap();
}

/// All bits of all bytes: record, path, header, descendant and certificate.
#[test]
fn no_bit_of_a_confirmation_may_differ() {
    let operators = Operators::new(1, 4);
    let verifier = operators.verifier();
    for depth in [0, 1] {
        let mut bytes = operators.confirm(depth, &[0, 2, 3]).to_bytes();
        verify_bytes(&verifier, &bytes).unwrap();
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            let outcome = verify_bytes(&verifier, &bytes);
            assert!(
                outcome.is_err(),
                "bit {bit} of {}, {depth} descendants",
                bytes.len() * 8
            );
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn nothing_may_be_cut_off_or_added() {
    let operators = Operators::new(1, 4);
    let verifier = operators.verifier();
    let confirmation = operators.confirm(0, &[0, 1, 2]);
    let bytes = confirmation.to_bytes();
    for end in 0..bytes.len() {
        assert!(matches!(
            verify_bytes(&verifier, &bytes[..end]),
            Err(VerifyError::Decode(_))
        ));
    }
    assert!(verify_bytes(&verifier, &[&bytes[..], &[0]].concat()).is_err());
    for change in [&[0u8][..], &[0; 64]] {
        let longer = [&confirmation.finalization, change].concat();
        let changed = Confirmation {
            finalization: longer.into(),
            ..confirmation.clone()
        };
        assert!(matches!(
            verifier.verify(&changed),
            Err(VerifyError::Certificate(_))
        ));
    }
    for end in 0..confirmation.finalization.len() {
        let changed = Confirmation {
            finalization: confirmation.finalization.slice(..end),
            ..confirmation.clone()
        };
        assert!(matches!(
            verifier.verify(&changed),
            Err(VerifyError::Certificate(_))
        ));
    }
}

#[test]
fn another_purchase_of_the_block_needs_its_own_path() {
    let operators = Operators::new(1, 4);
    let mut confirmation = operators.confirm(0, &[0, 1, 2]);
    confirmation.record = record(3);
    assert!(matches!(
        operators.verifier().verify(&confirmation),
        Err(VerifyError::NotIncluded)
    ));
}

#[test]
fn the_order_of_operators_does_not_matter_but_each_of_them_does() {
    let operators = Operators::new(1, 4);
    let confirmation = operators.confirm(0, &[0, 1, 2, 3]);
    let mut turned = operators.set.clone();
    turned.operators.rotate_left(1);
    verify_confirmation(&confirmation, &turned).unwrap();

    let refused = |set: &OperatorSet| {
        let outcome = verify_confirmation(&confirmation, set);
        assert!(
            matches!(outcome, Err(VerifyError::Quorum | VerifyError::Certificate(_))),
            "{outcome:?}"
        );
    };
    refused(&Operators::new(100, 4).set);
    for replaced in 0..4 {
        let mut changed = operators.set.clone();
        changed.operators[replaced] = Operators::new(100, 4).set.operators[replaced];
        refused(&changed);
        let mut fewer = operators.set.clone();
        fewer.operators.remove(replaced);
        refused(&fewer);
    }
    refused(&Operators::new(1, 5).set);
    refused(&Operators::new(1, 7).set);
}

#[test]
fn votes_for_another_deployment_prove_nothing_here() {
    let operators = Operators::new(1, 4);
    let confirmation = operators.confirm(0, &[0, 1, 2]);
    let mut other_chain = operators.set.clone();
    other_chain.domain.chain_id += 1;
    let mut other_contract = operators.set.clone();
    other_contract.domain.settlement.0[0] ^= 1;
    for set in [other_chain, other_contract] {
        assert!(matches!(
            verify_confirmation(&confirmation, &set),
            Err(VerifyError::Quorum)
        ));
    }
}

#[test]
fn fewer_votes_than_a_quorum_prove_nothing_however_they_are_put_together() {
    let operators = Operators::new(1, 4);
    let verifier = operators.verifier();
    let sound = uncertified(2, 5, 0);
    let check = |certificate: Vec<u8>| {
        verifier.verify(&Confirmation {
            finalization: certificate.into(),
            ..sound.clone()
        })
    };
    check(operators.forge(&sound.header, &[0, 1, 2], &[0, 1, 2])).unwrap();
    for (why, bitmap, signatures) in [
        ("one vote", &[0][..], &[0][..]),
        ("two votes", &[0, 3], &[0, 3]),
        ("two votes, one twice", &[0, 1, 2], &[0, 1, 1]),
        ("one vote three times", &[1, 2, 3], &[1, 1, 1]),
        ("three votes under other names", &[1, 2, 3], &[0, 1, 2]),
        ("three votes in another order", &[0, 1, 2], &[1, 0, 2]),
    ] {
        let outcome = check(operators.forge(&sound.header, bitmap, signatures));
        assert!(matches!(outcome, Err(VerifyError::Quorum)), "{why}: {outcome:?}");
    }
    for (why, bitmap, signatures) in [
        ("three names for two votes", &[0, 1, 2][..], &[0, 1][..]),
        ("two names for three votes", &[0, 1], &[0, 1, 2]),
        ("no votes", &[], &[]),
    ] {
        let outcome = check(operators.forge(&sound.header, bitmap, signatures));
        assert!(
            matches!(outcome, Err(VerifyError::Certificate(_))),
            "{why}: {outcome:?}"
        );
    }
}

/// A notarized block can still be abandoned: its votes must not pass for votes to finalize.
#[test]
fn a_notarization_is_no_finalization() {
    let operators = Operators::new(1, 4);
    let mut confirmation = uncertified(2, 5, 0);
    let schemes = operators.schemes();
    let votes: Vec<_> = schemes
        .iter()
        .map(|scheme| Notarize::sign(scheme, proposal(&confirmation.header)).unwrap())
        .collect();
    let notarization: Notarization<Scheme, Digest> =
        Notarization::from_notarizes(&schemes[0], non_empty![@&votes], &Sequential).unwrap();
    confirmation.finalization = notarization.encode().to_vec().into();
    let outcome = operators.verifier().verify(&confirmation);
    assert!(matches!(outcome, Err(VerifyError::Quorum)), "{outcome:?}");
}

#[test]
fn a_certificate_for_another_block_or_round_proves_nothing() {
    let operators = Operators::new(1, 4);
    let verifier = operators.verifier();
    let sound = uncertified(2, 5, 0);
    let other_state = Header {
        state_root: word("another state"),
        ..sound.header.clone()
    };
    let certificate = operators.finalize(&other_state, &[0, 1, 2]).encode().to_vec();
    let outcome = verifier.verify(&Confirmation {
        finalization: certificate.into(),
        ..sound.clone()
    });
    let Err(VerifyError::OtherBlock { certified, header }) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!((certified, header), (other_state.digest(), sound.header.digest()));

    // The digest is right, the round is not the header's: votes that the engine would never ask for.
    for (epoch, view) in [(3, 301), (4, 300)] {
        let schemes = operators.schemes();
        let round = Round::new(Epoch::new(epoch), View::new(view));
        let proposal = Proposal::new(round, View::new(299), Digest(sound.header.digest().0));
        let votes: Vec<_> = schemes
            .iter()
            .map(|scheme| Finalize::sign(scheme, proposal.clone()).unwrap())
            .collect();
        let certificate =
            Finalization::from_finalizes(&schemes[0], non_empty![@&votes], &Sequential).unwrap();
        let outcome = verifier.verify(&Confirmation {
            finalization: certificate.encode().to_vec().into(),
            ..sound.clone()
        });
        assert!(
            matches!(outcome, Err(VerifyError::OtherBlock { .. })),
            "{outcome:?}"
        );
    }
}

#[test]
fn a_certified_descendant_makes_its_ancestor_final() {
    let operators = Operators::new(1, 4);
    for depth in 0..6 {
        verify_confirmation(&operators.confirm(depth, &[1, 2, 3]), &operators.set).unwrap();
    }
}

#[test]
fn a_chain_with_a_broken_link_proves_nothing() {
    let operators = Operators::new(1, 4);
    let verifier = operators.verifier();
    let sound = operators.confirm(3, &[0, 1, 2]);
    let change = |change: fn(&mut Confirmation)| {
        let mut changed = sound.clone();
        change(&mut changed);
        verifier.verify(&changed)
    };
    change(|_| ()).unwrap();
    for (why, outcome) in [
        (
            "the first missing",
            change(|c| c.descendants = c.descendants.split_off(1)),
        ),
        ("swapped", change(|c| c.descendants.swap(0, 1))),
        (
            "the middle changed",
            change(|c| c.descendants[1].inbox_count += 1),
        ),
        (
            "a stranger in between",
            change(|c| c.descendants[1].parent = word("stranger")),
        ),
        ("a height skipped", change(|c| c.descendants[2].height += 1)),
        (
            "the block changed",
            change(|c| c.header.state_root = word("another state")),
        ),
        (
            "one repeated",
            change(|c| c.descendants.push(c.descendants[2].clone())),
        ),
    ] {
        assert!(
            matches!(outcome, Err(VerifyError::NotLinked)),
            "{why}: {outcome:?}"
        );
    }
    // Linked, but the certificate is for the last of them.
    for (why, outcome) in [
        ("the last missing", change(|c| c.descendants.truncate(2))),
        ("all missing", change(|c| c.descendants.clear())),
        (
            "the last changed",
            change(|c| c.descendants[2].state_root = word("another state")),
        ),
    ] {
        assert!(
            matches!(outcome, Err(VerifyError::OtherBlock { .. })),
            "{why}: {outcome:?}"
        );
    }
    // A block of the certified chain's own making does not vouch for a purchase in a sibling of its parent.
    let mut sibling = sound.clone();
    sibling.header.timestamp_ms += 1;
    assert!(matches!(verifier.verify(&sibling), Err(VerifyError::NotLinked)));
}

#[test]
fn a_header_alone_is_verified_the_same_way() {
    let operators = Operators::new(1, 4);
    let verifier = operators.verifier();
    let header = uncertified(0, 1, 0).header;
    let certificate = operators.finalize(&header, &[0, 1, 2]).encode().to_vec();
    verifier.verify_header(&header, &certificate).unwrap();
    assert!(matches!(
        verifier.verify_header(&header, &[]),
        Err(VerifyError::Certificate(_))
    ));
    let noise = vec![0xff; 4096];
    assert!(matches!(
        verifier.verify_header(&header, &noise),
        Err(VerifyError::Certificate(_))
    ));
}

#[test]
fn an_unusable_operator_set_is_named() {
    let sound = Operators::new(1, 4).set;
    let change = |change: fn(&mut OperatorSet)| {
        let mut changed = sound.clone();
        change(&mut changed);
        Verifier::new(&changed).map(|_| ())
    };
    change(|_| ()).unwrap();
    use OperatorSetError::{DuplicateCheckpointKey, DuplicateConsensusKey, Empty, TooMany, Zero};
    let fault = |outcome: Result<(), VerifyError>| match outcome {
        Err(VerifyError::Operators(fault)) => fault,
        other => panic!("{other:?}"),
    };
    let key = sound.operators[0].public_key;
    assert_eq!(fault(change(|set| set.operators.clear())), Empty);
    assert_eq!(
        fault(change(
            |set| set.operators[3].public_key = set.operators[0].public_key
        )),
        DuplicateConsensusKey(key)
    );
    assert_eq!(
        fault(change(
            |set| set.operators[3].checkpoint_key = set.operators[0].checkpoint_key
        )),
        DuplicateCheckpointKey(sound.operators[0].checkpoint_key)
    );
    assert_eq!(fault(change(|set| set.operators[0].weight = 0)), Zero(key));
    assert_eq!(
        fault(change(|set| set.operators[0].checkpoint_key = Address::ZERO)),
        Zero(key)
    );
    assert_eq!(
        fault(change(|set| set.operators.resize(257, set.operators[0]))),
        TooMany(257)
    );
    // y = 2 is on no point of the curve.
    let mut no_point = [0; 32];
    no_point[0] = 2;
    let no_point = B256::new(no_point);
    let mut changed = sound.clone();
    changed.operators[2].public_key = no_point;
    assert!(matches!(Verifier::new(&changed), Err(VerifyError::Key(key)) if key == no_point));
}
