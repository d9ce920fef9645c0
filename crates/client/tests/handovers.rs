//! X1 across operator sets: from one trusted set, certified handovers lead to every later one, and nothing else does. The
//! certificates are the engine's own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use commonware_codec::Encode;
use commonware_consensus::simplex::scheme::ed25519::Scheme;
use commonware_consensus::simplex::types::{Finalization, Finalize, Proposal};
use commonware_consensus::types::{Epoch, Round, View};
use commonware_cryptography::Signer as _;
use commonware_cryptography::ed25519::PrivateKey;
use commonware_cryptography::keccak256::Digest;
use commonware_parallel::Sequential;
use commonware_utils::non_empty;
use rampart_client::verify::participants;
use rampart_client::{FollowedOperators, HandoverError, OperatorChain, VerifyError, follow};
use rampart_protocol::api::OperatorSets;
use rampart_protocol::{
    Address, B256, Bytes, Confirmation, Domain, Handover, Header, Operator, OperatorSet, PurchaseRecord,
    TrustedOperators, merkle,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// The keys that serve in an epoch: two epochs have the same, then one key changes for each epoch.
fn keys(epoch: u64) -> Vec<PrivateKey> {
    let changed = epoch.saturating_sub(1);
    (changed..changed + 4).map(PrivateKey::from_seed).collect()
}

fn set(epoch: u64) -> OperatorSet {
    let operators = keys(epoch).into_iter().map(|key| {
        let public_key = B256::from_slice(&key.public_key().encode());
        Operator {
            public_key,
            checkpoint_key: Address::from_word(public_key),
            weight: 1,
        }
    });
    OperatorSet {
        domain: Domain {
            chain_id: 59144,
            settlement: Address::repeat_byte(0xa1),
        },
        operators: operators.collect(),
    }
}

fn header(epoch: u64) -> Header {
    Header {
        epoch,
        view: 3,
        parent_view: 2,
        height: epoch * 100 + 1,
        next_operators: set(epoch + 1).commitment(),
        ..Header::default()
    }
}

/// Three operators of an epoch certify a header.
fn certified_by(epoch: u64, header: &Header) -> Bytes {
    let (set, mut keys) = (set(epoch), keys(epoch));
    keys.sort_by_key(PrivateKey::public_key);
    let committee = participants(&set).unwrap();
    let scheme = |key| Scheme::signer(&set.consensus_namespace(), committee.clone(), key).unwrap();
    let schemes: Vec<Scheme> = keys.into_iter().map(scheme).collect();
    let round = Round::new(Epoch::new(header.epoch), View::new(header.view));
    let proposal = Proposal::new(round, View::new(header.parent_view), Digest(header.digest().0));
    let votes: Vec<_> = schemes[..3]
        .iter()
        .map(|scheme| Finalize::sign(scheme, proposal.clone()).unwrap())
        .collect();
    let certificate = Finalization::from_finalizes(&schemes[0], non_empty![@&votes], &Sequential).unwrap();
    certificate.encode().to_vec().into()
}

fn handover(epoch: u64) -> Handover {
    let header = header(epoch);
    Handover {
        finalization: certified_by(epoch, &header),
        header,
        descendants: Vec::new(),
        next: set(epoch + 1),
    }
}

fn confirmation(epoch: u64) -> Confirmation {
    let record = PurchaseRecord {
        id: Default::default(),
        consumer: Address::ZERO,
        provider: Default::default(),
        service: Default::default(),
        version: 1,
        fee: Default::default(),
        requests: epoch,
        access_key: Default::default(),
        purchased_at: Default::default(),
        expires_at: Default::default(),
    };
    let header = Header {
        confirmations_root: merkle::root(&[record.leaf()]),
        ..header(epoch)
    };
    Confirmation {
        record,
        proof: Vec::new(),
        finalization: certified_by(epoch, &header),
        header,
        descendants: Vec::new(),
    }
}

fn chain() -> OperatorChain {
    OperatorChain::new(&TrustedOperators::new(0, set(0))).unwrap()
}

#[test]
fn handovers_lead_from_a_trusted_set_to_every_later_one() {
    let mut chain = chain();
    for epoch in 0..6 {
        let unknown = chain.verify(&confirmation(epoch + 1));
        assert!(
            matches!(unknown, Err(VerifyError::UnknownEpoch { epoch: of, first: 0, last }) if (of, last) == (epoch + 1, epoch)),
            "{unknown:?}"
        );
        chain.learn(&handover(epoch)).unwrap();
    }
    assert_eq!(chain.epochs(), 0..=6);
    for epoch in 0..=6 {
        chain.verify(&confirmation(epoch)).unwrap();
        assert_eq!(chain.set(epoch), Some(&set(epoch)));
    }
    assert_eq!(chain.newest(), &set(6));
    // Operators of another epoch certify nothing of this one.
    let forged = Confirmation {
        finalization: certified_by(6, &confirmation(2).header),
        ..confirmation(2)
    };
    assert!(chain.verify(&forged).is_err());
}

#[test]
fn whoever_starts_later_does_not_know_what_was_before() {
    let chain = OperatorChain::new(&TrustedOperators::new(4, set(4))).unwrap();
    chain.verify(&confirmation(4)).unwrap();
    let before = chain.verify(&confirmation(3));
    assert!(matches!(
        before,
        Err(VerifyError::UnknownEpoch {
            epoch: 3,
            first: 4,
            last: 4
        })
    ));
}

#[test]
fn a_handover_proves_nothing_unless_every_part_of_it_holds() {
    let sound = handover(0);
    type Change = fn(&mut Handover);
    let changes: [(&str, Change); 9] = [
        ("order", |h| *h = handover(1)),
        ("deployment", |h| h.next.domain.chain_id = 1),
        ("another set", |h| h.next = set(3)),
        ("a weight", |h| h.next.operators[0].weight = 2),
        ("the next operators certify themselves", |h| {
            h.next = set(5);
            h.header.next_operators = set(5).commitment();
            h.finalization = certified_by(5, &h.header);
        }),
        ("a header that nobody certified", |h| {
            h.next = set(3);
            h.header.next_operators = set(3).commitment();
        }),
        ("bytes", |h| h.finalization = Bytes::from_static(b"certificate")),
        ("no child", |h| h.descendants = vec![header(0)]),
        ("a child of the next epoch", |h| {
            let child = Header {
                parent: h.header.digest(),
                height: h.header.height + 1,
                ..header(1)
            };
            h.finalization = certified_by(1, &child);
            h.descendants = vec![child];
        }),
    ];
    for (what, change) in changes {
        let (mut chain, mut forged) = (chain(), sound.clone());
        change(&mut forged);
        let refused = chain.learn(&forged);
        assert!(refused.is_err(), "{what}");
        assert_eq!(chain.epochs(), 0..=0, "{what}");
        chain.learn(&sound).unwrap();
    }
    let late = chain().learn(&handover(2));
    assert!(matches!(late, Err(HandoverError::Order { given: 2, known: 0 })));
}

#[test]
fn a_block_that_was_overtaken_hands_over_by_its_descendant() {
    let header = header(0);
    let child = Header {
        parent: header.digest(),
        height: header.height + 1,
        view: 5,
        parent_view: 3,
        ..header.clone()
    };
    let handover = Handover {
        finalization: certified_by(0, &child),
        header,
        descendants: vec![child],
        next: set(1),
    };
    let mut chain = chain();
    chain.learn(&handover).unwrap();
    assert_eq!(chain.epochs(), 0..=1);
}

#[test]
fn what_was_learned_is_saved_and_starts_another_chain() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("operators.json");
    let mut first = chain();
    (0..4).for_each(|epoch| first.learn(&handover(epoch)).unwrap());
    follow::save(&path, &first.trusted()).unwrap();
    let trusted = follow::load(&path).unwrap();
    assert_eq!((trusted.epoch, trusted.since), (4, None));
    let firsts: Vec<u64> = trusted.runs().map(|(since, _)| since).collect();
    // Epochs 0 and 1 have the same operators.
    assert_eq!(firsts, [0, 2, 3, 4]);
    let mut again = OperatorChain::new(&trusted).unwrap();
    (0..=4).for_each(|epoch| again.verify(&confirmation(epoch)).unwrap());
    again.learn(&handover(4)).unwrap();
    // The plain form is one of an epoch 0.
    std::fs::write(&path, serde_json::to_vec(&set(0)).unwrap()).unwrap();
    assert_eq!(follow::load(&path).unwrap(), TrustedOperators::new(0, set(0)));
    // Epochs that do not ascend are nobody's.
    let mut wrong = trusted;
    wrong.earlier.reverse();
    assert!(matches!(OperatorChain::new(&wrong), Err(VerifyError::Epochs)));
}

/// A node that has handovers up to an epoch, two on a page.
async fn node(until: u64) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = vec![0; 4096];
            let length = stream.read(&mut head).await.unwrap();
            let head = String::from_utf8_lossy(&head[..length]).into_owned();
            let from: u64 = head
                .split("from=")
                .nth(1)
                .and_then(|rest| rest.split(' ').next())
                .unwrap()
                .parse()
                .unwrap();
            let page: Vec<Handover> = (from..until).take(2).map(handover).collect();
            let next = (from + 2 < until).then_some(from + 2);
            let body = serde_json::to_string(&OperatorSets {
                handovers: page,
                next,
            })
            .unwrap();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    url
}

#[tokio::test]
async fn a_verifier_follows_the_operators_through_any_node_and_remembers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("progress.json");
    let trusted = TrustedOperators::new(0, set(0));
    let nodes = vec!["http://127.0.0.1:1".to_owned(), node(5).await];
    let followed = FollowedOperators::new(&trusted, nodes, Some(path.clone())).unwrap();
    followed.verify(&confirmation(0)).await.unwrap();
    assert!(!path.exists(), "nothing was asked");
    followed.verify(&confirmation(5)).await.unwrap();
    followed.verify(&confirmation(3)).await.unwrap();
    // The node knows no more; asking again at once is not worth it.
    let unknown = followed.verify(&confirmation(6)).await;
    assert!(matches!(unknown, Err(VerifyError::UnknownEpoch { epoch: 6, .. })));

    // Another process starts from what was saved, without a node.
    let again = FollowedOperators::new(&trusted, Vec::new(), Some(path.clone())).unwrap();
    again.verify(&confirmation(4)).await.unwrap();
    // What was saved from another set counts for nothing.
    let other = TrustedOperators::new(0, set(9));
    let fresh = FollowedOperators::new(&other, Vec::new(), Some(path)).unwrap();
    assert_eq!(fresh.known().epochs(), 0..=0);
}
