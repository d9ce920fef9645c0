#![allow(clippy::unwrap_used)]
use super::*;
use rampart_protocol::{Address, Amount, B256, Checkpoint, merkle};
use tempfile::TempDir;

fn domain() -> Domain {
    Domain {
        chain_id: 5,
        settlement: Address::repeat_byte(5),
    }
}

fn signature(n: u8) -> EcdsaSignature {
    EcdsaSignature::repeat_byte(n)
}

/// Three accounts, each of which could take the height.
fn archive(height: u64) -> ExitArchive {
    let exits = [1, 2, 3].map(|n| (Address::repeat_byte(n), Amount(u128::from(height))));
    let leaves = exits.map(|(account, amount)| merkle::exit_leaf(account, amount));
    let checkpoint = Checkpoint {
        epoch: 0,
        height,
        state_root: B256::repeat_byte(1),
        withdrawals_root: B256::ZERO,
        exit_root: merkle::root(&leaves),
        inbox_count: 0,
        next_operator_set: B256::repeat_byte(2),
    };
    ExitArchive::new(domain(), checkpoint, &exits).signed(vec![signature(1)])
}

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("exits")
    }

    fn open(&self) -> ExitStore {
        ExitStore::open(&self.folder(), domain()).unwrap()
    }

    fn file(&self, height: u64) -> PathBuf {
        self.folder().join(file_name(height))
    }
}

fn certified(store: &ExitStore) -> Option<(u64, Vec<EcdsaSignature>)> {
    let certified = store.certified().unwrap()?;
    let height = certified.exits.archive().checkpoint.height;
    let exit = certified.exits.of(Address::repeat_byte(2)).unwrap();
    assert_eq!(exit.amount, Amount(u128::from(height)));
    assert!(exit.is_under(&certified.exits.archive().checkpoint.roots()));
    Some((height, certified.signatures))
}

#[test]
fn nothing_is_told_before_a_checkpoint_is_accepted() {
    let place = Place::new();
    let store = place.open();
    assert_eq!(certified(&store), None);
    store.keep(&archive(10), |_| false).unwrap();
    assert_eq!(certified(&store), None);
    store.accept(0, u64::MAX, Vec::new()).unwrap();
    assert_eq!(certified(&store), None);
    store.accept(10, u64::MAX, Vec::new()).unwrap();
    assert_eq!(
        certified(&store),
        Some((10, vec![signature(1)])),
        "with the own signature at least"
    );
}

#[test]
fn the_last_accepted_ones_survive_a_restart_with_their_signatures() {
    let place = Place::new();
    let store = place.open();
    for height in [10, 20, 30] {
        store.keep(&archive(height), |_| false).unwrap();
    }
    store
        .accept(20, u64::MAX, vec![signature(2), signature(1)])
        .unwrap();
    drop(store);
    // What an interrupted write leaves.
    fs::write(place.folder().join("00000000000000000040.exits.part"), b"RMP").unwrap();
    let store = place.open();
    let signed = Some((20, vec![signature(1), signature(2)]));
    assert_eq!(certified(&store), signed);
    // An operator that has just started knows of none.
    store.accept(20, u64::MAX, Vec::new()).unwrap();
    assert_eq!(certified(&store), signed);
    let all = vec![signature(1), signature(2), signature(3)];
    store.accept(20, u64::MAX, all.clone()).unwrap();
    assert_eq!(certified(&store), Some((20, all)));
    store.accept(30, u64::MAX, Vec::new()).unwrap();
    assert_eq!(certified(&store), Some((30, vec![signature(1)])));
}

#[test]
fn what_is_older_than_the_one_before_the_accepted_one_is_forgotten() {
    let place = Place::new();
    let store = place.open();
    for height in [10, 20, 30, 40, 50] {
        store.keep(&archive(height), |_| false).unwrap();
    }
    store.accept(20, u64::MAX, Vec::new()).unwrap();
    assert_eq!(store.heights().unwrap(), [20, 30, 40, 50]);
    store.accept(40, u64::MAX, Vec::new()).unwrap();
    assert_eq!(store.heights().unwrap(), [20, 30, 40, 50]);
    // A reorganised chain, or an endpoint that lags.
    store.accept(20, u64::MAX, Vec::new()).unwrap();
    assert_eq!(certified(&store), Some((20, vec![signature(1)])));
    store.accept(40, u64::MAX, Vec::new()).unwrap();
    store.accept(50, u64::MAX, Vec::new()).unwrap();
    assert_eq!(store.heights().unwrap(), [40, 50]);
    store.keep(&archive(30), |_| false).unwrap();
    assert_eq!(
        store.heights().unwrap(),
        [40, 50],
        "of an operator that catches up"
    );
    assert_eq!(place.open().heights().unwrap(), [40, 50]);
}

#[test]
fn checkpoints_that_nobody_accepts_are_bounded_and_the_accepted_one_is_not_among_them() {
    let place = Place::new();
    let store = place.open();
    store.keep(&archive(1), |_| false).unwrap();
    store.accept(1, u64::MAX, Vec::new()).unwrap();
    let newest = PENDING as u64 + 11;
    for height in 2..=newest {
        store.keep(&archive(height), |_| false).unwrap();
    }
    let heights = store.heights().unwrap();
    assert_eq!((heights.len(), heights[0], heights[1]), (PENDING + 1, 1, 12));
    assert_eq!(certified(&store), Some((1, vec![signature(1)])));
}

#[test]
fn an_absent_or_damaged_file_is_told_and_never_proves_anything() {
    let place = Place::new();
    let store = place.open();
    store.accept(10, u64::MAX, Vec::new()).unwrap();
    assert!(matches!(store.certified(), Err(ExitError::Unknown(10))));
    store.keep(&archive(10), |_| false).unwrap();
    let sound = fs::read(place.file(10)).unwrap();
    for position in 0..sound.len() {
        let mut damaged = sound.clone();
        damaged[position] ^= 0x80;
        fs::write(place.file(10), &damaged).unwrap();
        match place.open().certified() {
            Err(ExitError::Damaged { height: 10, .. }) => {}
            // The signatures at the end prove themselves.
            Ok(Some(read)) => {
                assert!(position >= sound.len() - 68, "byte {position}");
                assert_eq!(read.exits.archive().len(), 3);
            }
            other => panic!("byte {position}: {other:?}"),
        }
    }
    fs::write(place.file(10), &sound[..sound.len() / 2]).unwrap();
    assert!(matches!(
        place.open().certified(),
        Err(ExitError::Damaged {
            source: ExitArchiveError::Truncated,
            ..
        })
    ));
    fs::write(place.file(10), archive(20).to_bytes()).unwrap();
    assert!(matches!(place.open().certified(), Err(ExitError::Other(10))));
    fs::write(place.file(10), sound).unwrap();
    assert_eq!(certified(&place.open()), Some((10, vec![signature(1)])));
}

#[test]
fn another_checkpoint_of_a_height_is_refused_and_the_same_one_is_not() {
    let place = Place::new();
    let store = place.open();
    store.keep(&archive(10), |_| false).unwrap();
    // As after a crash before the signature was given away.
    place.open().keep(&archive(10), |_| false).unwrap();
    let mut other = archive(10).checkpoint;
    other.next_operator_set = B256::repeat_byte(9);
    let exits: Vec<_> = archive(10).exits().collect();
    let other = ExitArchive::new(domain(), other, &exits);
    assert!(matches!(
        place.open().keep(&other, |_| false),
        Err(ExitError::Conflict(10))
    ));
    store.accept(10, u64::MAX, Vec::new()).unwrap();
    assert_eq!(
        store.certified().unwrap().unwrap().exits.archive().checkpoint,
        archive(10).checkpoint
    );
    // What is damaged says nothing about what was signed, and is of no use to anybody.
    fs::write(place.file(10), b"RMPEXIT1").unwrap();
    store.keep(&archive(10), |_| false).unwrap();
    assert_eq!(certified(&place.open()), Some((10, vec![signature(1)])));
}

#[test]
fn a_damaged_mark_counts_as_none_until_the_chain_tells_it_again() {
    let place = Place::new();
    let store = place.open();
    store.keep(&archive(10), |_| false).unwrap();
    store.accept(10, u64::MAX, Vec::new()).unwrap();
    let path = place.folder().join(MARK);
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    let store = place.open();
    assert_eq!(certified(&store), None);
    store.accept(10, u64::MAX, Vec::new()).unwrap();
    assert_eq!(certified(&store), Some((10, vec![signature(1)])));
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_that_names_it() {
    let place = Place::new();
    let store = place.open();
    fs::remove_dir_all(place.folder()).unwrap();
    let error = store.keep(&archive(10), |_| false).unwrap_err();
    assert!(matches!(error, ExitError::File { .. }), "{error:?}");
    assert!(error.to_string().contains("exits"), "{error}");
}
