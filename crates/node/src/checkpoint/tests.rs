#![allow(clippy::unwrap_used)]
use super::*;
use crate::application::{Executed, Finalized};
use crate::block::Block;
use commonware_cryptography::Signer as _;
use commonware_cryptography::ed25519::PrivateKey;
use rampart_ledger::{Account, Record};
use rampart_protocol::operators::Operator;
use rampart_protocol::{Address, Amount, B256, Body, Nonce, OperatorSet, ProviderId};
use tempfile::TempDir;

const INTERVAL: u64 = 10;

struct Place {
    index: Index,
    checkpoints: Checkpoints,
    due: mpsc::Receiver<SignedCheckpoint>,
    _folder: TempDir,
}

fn key(n: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(n)).unwrap()
}

/// Operator 1 of four.
fn place() -> Place {
    place_every(INTERVAL)
}

fn place_every(interval: u64) -> Place {
    place_in(TempDir::new().unwrap(), interval, 1_000_000)
}

fn operators(members: std::ops::RangeInclusive<u8>) -> OperatorSet {
    let operator = |n: u8| Operator {
        public_key: consensus_key(n),
        checkpoint_key: key(n).address(),
        weight: 1,
    };
    OperatorSet {
        domain: Domain {
            chain_id: 5,
            settlement: Address::repeat_byte(5),
        },
        operators: members.map(operator).collect(),
    }
}

fn consensus_key(n: u8) -> B256 {
    B256::from_slice(PrivateKey::from_seed(n.into()).public_key().as_ref())
}

/// Operator 1 of four, whose files are in a folder.
fn place_in(folder: TempDir, interval: u64, epoch_blocks: u64) -> Place {
    let operators = operators(1..=4);
    let committees = Committees::new(PrivateKey::from_seed(1), 0, &operators).unwrap();
    let schedule = Schedule {
        interval,
        epoch_blocks,
    };
    let index = Index::open(&folder.path().join("index.redb"), B256::ZERO).unwrap();
    let exits = ExitStore::open(&folder.path().join("exits"), operators.domain).unwrap();
    let hatch = Hatch::default();
    let domain = operators.domain;
    let evidence = EvidenceStore::open(&folder.path().join("evidence"), &domain).unwrap();
    let (checkpoints, due) = Checkpoints::new(
        committees,
        domain,
        schedule,
        Some(key(1)),
        index.clone(),
        exits,
        evidence,
        hatch,
    )
    .unwrap();
    Place {
        index,
        checkpoints,
        due,
        _folder: folder,
    }
}

fn header(height: u64) -> Header {
    Header {
        height,
        epoch: 0,
        state_root: B256::from(alloy_primitives::U256::from(height)),
        withdrawals_root: B256::repeat_byte(6),
        inbox_count: 3,
        leader: B256::from_slice(PrivateKey::from_seed(1).public_key().as_ref()),
        state_end: 1,
        ..Header::default()
    }
}

impl Place {
    /// Takes in a block in which an account's balance becomes its height, as the recorder does.
    fn block(&self, height: u64) -> Result<(), CheckpointError> {
        let account = Account {
            address: Address::repeat_byte(0xaa),
            index: 0,
            balance: Amount(u128::from(height)),
            deposits: Amount::ZERO,
            nonce: Nonce(0),
            provider: ProviderId(0),
        };
        let mut executed = Executed::default();
        executed.writes.insert(account.key(), Some(Record::from(account)));
        let block = Block::new(header(height), Body::default()).unwrap();
        let finalized = Finalized {
            digest: header(height).digest(),
            block: Arc::new(block),
            executed: Arc::new(executed),
        };
        self.index.apply(&finalized).unwrap();
        self.checkpoints.block(&header(height))
    }

    fn blocks(&self, heights: std::ops::RangeInclusive<u64>) {
        heights.for_each(|height| self.block(height).unwrap());
    }

    /// Another operator signs the own checkpoint of a height.
    fn cosign(&self, n: u8, height: u64) {
        let checkpoint = self.checkpoints.state().own[&height].checkpoint;
        self.sign(n, checkpoint);
    }

    /// Another operator's signature comes in.
    fn sign(&self, n: u8, checkpoint: Checkpoint) {
        let digest = checkpoint.signing_hash(&self.checkpoints.domain);
        self.checkpoints.take(SignedCheckpoint {
            checkpoint,
            signature: key(n).sign_hash_sync(&digest).unwrap().as_bytes().into(),
        });
    }

    fn ready(&self) -> Option<(u64, usize, bool)> {
        let (checkpoint, signatures, quorum) = self.checkpoints.ready()?;
        Some((checkpoint.height, signatures.len(), quorum))
    }
}

#[test]
fn a_checkpoint_certifies_the_state_of_its_height_and_nothing_between_is_signed() {
    let mut place = place();
    assert_eq!(place.checkpoints.newest(), None);
    place.blocks(1..=9);
    assert_eq!(place.checkpoints.newest(), None);
    place.blocks(10..=15);
    let exits = crate::index::ExitLeaves {
        exits: vec![(Address::repeat_byte(0xaa), Amount(10))],
    };
    let expected = Checkpoint {
        epoch: 0,
        height: 10,
        state_root: header(10).state_root,
        withdrawals_root: B256::repeat_byte(6),
        exit_root: exits.root(),
        inbox_count: 3,
        next_operator_set: operators(1..=4).hash(),
    };
    let (checkpoint, signatures, quorum) = place.checkpoints.newest().unwrap();
    assert_eq!((checkpoint, signatures.len(), quorum), (expected, 1, false));
    let signer = signatures[0].signer(&place.checkpoints.domain);
    assert_eq!(signer, Some(key(1).address()));
    assert_eq!(place.due.try_recv().unwrap(), signatures[0]);
    assert!(place.due.try_recv().is_err());
}

#[test]
fn a_block_that_comes_again_is_never_signed_with_the_exits_of_a_later_one() {
    let mut place = place();
    place.blocks(1..=10);
    let signed = place.due.try_recv().unwrap();
    // The last block again, as after a crash: the very same checkpoint.
    place.block(10).unwrap();
    assert_eq!(place.due.try_recv().unwrap(), signed);
    place.blocks(11..=15);
    // An older one again: the index has gone past it, and its exits are others now.
    place.block(10).unwrap();
    assert!(place.due.try_recv().is_err());
    assert_eq!(place.checkpoints.newest().unwrap().0, signed.checkpoint);
    assert_eq!(place.checkpoints.state().collection.evidence().count(), 0);
}

#[test]
fn an_operator_that_skipped_blocks_certifies_nothing() {
    let place = place();
    place.blocks(1..=5);
    assert!(matches!(place.block(10), Err(CheckpointError::Incomplete)));
    assert!(matches!(place.block(20), Err(CheckpointError::Incomplete)));
    assert_eq!(place.checkpoints.newest(), None);
}

#[test]
fn the_newest_checkpoint_with_a_quorum_is_submitted_even_if_a_newer_one_lacks_it() {
    let place = place();
    assert_eq!(place.ready(), None);
    place.blocks(1..=20);
    assert_eq!(place.ready(), Some((20, 1, false)));
    place.cosign(2, 10);
    place.cosign(3, 10);
    place.cosign(4, 20);
    assert_eq!(place.ready(), Some((10, 3, true)));
    place.cosign(2, 20);
    assert_eq!(place.ready(), Some((20, 3, true)));
}

#[test]
fn what_is_on_chain_is_not_submitted_again_unless_a_reorganisation_undoes_it() {
    let place = place();
    place.blocks(1..=30);
    place.cosign(2, 20);
    place.cosign(3, 20);
    place.checkpoints.accept(20);
    assert_eq!(place.ready(), Some((30, 1, false)));
    place.checkpoints.settled(10);
    place.checkpoints.accept(10);
    let accepted = Accepted {
        height: 10,
        settled: 10,
    };
    assert_eq!(place.checkpoints.accepted(), accepted);
    assert_eq!(place.ready(), Some((20, 3, true)), "it is submitted again");
    place.checkpoints.accept(30);
    assert_eq!(place.ready(), None);
    place.checkpoints.settled(30);
    assert!(place.checkpoints.state().own.is_empty());
    assert_eq!(
        place.checkpoints.newest().unwrap().0.height,
        30,
        "clients still see it"
    );
}

#[test]
fn own_checkpoints_that_nobody_takes_are_bounded() {
    let place = place_every(1);
    let newest = QUEUE as u64 + 5;
    place.blocks(1..=newest);
    assert_eq!(place.checkpoints.state().own.len(), QUEUE);
    assert_eq!(place.ready(), Some((newest, 1, false)));
}

#[test]
fn what_is_signed_can_be_proved_with_the_signatures_of_all_once_it_is_on_chain() {
    let place = place();
    place.blocks(1..=20);
    place.cosign(3, 10);
    let signatures = place.checkpoints.accept(10);
    assert_eq!(signatures.len(), 2);
    place.checkpoints.exits.accept(10, 10, signatures).unwrap();
    let certified = place.checkpoints.exits.certified().unwrap().unwrap();
    assert_eq!(certified.exits.archive().checkpoint.height, 10);
    assert_eq!(
        certified.exits.of(Address::repeat_byte(0xaa)).unwrap().amount,
        Amount(10)
    );
    place.sign(2, certified.exits.archive().checkpoint);
    assert_eq!(
        place.checkpoints.accept(10).len(),
        3,
        "one that came after the acceptance counts too"
    );
    assert!(
        place.checkpoints.accept(30).is_empty(),
        "what it did not sign itself"
    );
}

#[test]
fn nothing_is_signed_once_the_settlement_is_frozen() {
    let mut place = place();
    place.checkpoints.hatch.learn(crate::hatch::Seen {
        frozen: true,
        oldest: None,
    });
    place.blocks(1..=10);
    assert_eq!(place.checkpoints.newest(), None);
    assert!(place.due.try_recv().is_err());
}

#[test]
fn a_checkpoint_whose_exits_cannot_be_kept_is_not_signed() {
    let mut place = place();
    place.blocks(1..=9);
    std::fs::remove_dir_all(place._folder.path().join("exits")).unwrap();
    assert!(matches!(place.block(10), Err(CheckpointError::Exits(_))));
    assert_eq!(place.checkpoints.newest(), None);
    assert!(place.due.try_recv().is_err());
}

#[test]
fn operators_take_turns_by_the_order_of_their_seats() {
    let place = place();
    let mut befores: Vec<u64> = [10, 20, 30, 40]
        .map(|height| {
            place.blocks(height - 9..=height);
            place.checkpoints.before(&place.checkpoints.newest().unwrap().0)
        })
        .to_vec();
    befores.sort_unstable();
    assert_eq!(befores, [0, 1, 2, 3]);
}

#[test]
fn the_end_of_an_epoch_names_the_next_operators_and_goes_to_the_chain_before_anything_of_theirs() {
    let place = place_in(TempDir::new().unwrap(), 10, 20);
    let committees = place.checkpoints.committees.clone();
    // Epoch 1 has the operators of genesis, epoch 2 one other.
    committees.learn(2, operators(2..=5)).unwrap();
    place.blocks(1..=30);
    let named = |height: u64| {
        place.checkpoints.state().own[&height]
            .checkpoint
            .next_operator_set
    };
    let genesis = operators(1..=4).hash();
    assert_eq!([10, 19, 20, 30].map(named), [genesis; 4]);
    place.blocks(31..=39);
    assert_eq!(named(39), operators(2..=5).hash());
    for n in 2..=3 {
        for height in [10, 19, 20, 30, 39] {
            place.cosign(n, height);
        }
    }
    assert_eq!(
        place.ready(),
        Some((19, 3, true)),
        "none after the first epoch's end"
    );
    place.checkpoints.accept(19);
    assert_eq!(place.ready(), Some((39, 3, true)));
    // In the third epoch this operator has no seat: it signs nothing more, and still submits its last.
    place.blocks(40..=50);
    assert_eq!(place.checkpoints.newest().unwrap().0.height, 39);
    assert_eq!(place.ready(), Some((39, 3, true)));
    place.checkpoints.accept(39);
    assert_eq!(place.ready(), None);
}

#[test]
fn the_signature_of_an_epoch_s_end_outlives_a_restart() {
    let before = place_in(TempDir::new().unwrap(), 10, 20);
    before.blocks(1..=25);
    let signed = before.checkpoints.state().own[&19];
    let Place {
        index,
        checkpoints,
        due,
        _folder: folder,
    } = before;
    drop((index, checkpoints, due));
    let after = place_in(folder, 10, 20);
    assert_eq!(after.checkpoints.unsettled(), [signed]);
}

#[test]
fn who_signs_twice_is_proved_and_the_others_are_told_once() {
    let mut place = place();
    place.blocks(1..=10);
    place.due.try_recv().unwrap();
    let own = place.checkpoints.newest().unwrap().0;
    let other = Checkpoint {
        state_root: B256::repeat_byte(0xee),
        ..own
    };
    for checkpoint in [own, other, own, other] {
        place.sign(2, checkpoint);
    }
    let evidence = place.checkpoints.evidence();
    assert_eq!(evidence.len(), 1);
    assert_eq!(evidence[0].case(), (key(2).address(), 10));
    let told = [(); 2].map(|()| place.due.try_recv().unwrap());
    assert_eq!(told, evidence[0].signed);
    assert!(place.due.try_recv().is_err());
    assert!(place.checkpoints.accused(evidence[0].signed));
    let [first, _] = evidence[0].signed;
    assert!(!place.checkpoints.accused([first, first]), "that proves nothing");
}
