//! The meter as a whole, over real files. A crash is a copy of the directory taken while the store is open.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::window::Replay;
use rampart_protocol::{
    AccessKey, Address, Amount, B256, ProviderId, PurchaseId, PurchaseRecord, Sequence, ServiceId, Timestamp,
};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

pub(super) const NOW: Timestamp = Timestamp(1_000);
pub(super) const OPTIONS: MeterOptions = MeterOptions {
    compact_bytes: 1 << 20,
    retain_seconds: 100,
};

pub(super) fn id(n: u8) -> PurchaseId {
    PurchaseId(B256::repeat_byte(n))
}

pub(super) fn record(n: u8, expires_at: u64) -> PurchaseRecord {
    PurchaseRecord {
        id: id(n),
        consumer: Address::repeat_byte(n),
        provider: ProviderId(1),
        service: ServiceId(1),
        version: 1,
        fee: Amount::TOKEN,
        requests: 1_000_000,
        access_key: AccessKey(B256::repeat_byte(3)),
        purchased_at: Timestamp(0),
        expires_at: Timestamp(expires_at),
    }
}

pub(super) fn voucher(sequence: u64) -> Voucher {
    Voucher {
        sequence: Sequence(sequence),
        base: format!("base of {sequence}").into_bytes().into(),
        signature: vec![7; 64].into(),
    }
}

pub(super) fn open(dir: &Path) -> Arc<MeterStore> {
    MeterStore::open(dir, OPTIONS).unwrap().0
}

/// What a crash at this moment would leave.
pub(super) fn crash(dir: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in fs::read_dir(dir).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    copy
}

pub(super) async fn serve(store: &Arc<MeterStore>, purchase: u8, sequence: u64) -> Result<(), UseError> {
    let mut reservation = store.reserve(id(purchase), voucher(sequence), NOW).await?;
    reservation.forwarded();
    reservation.settle();
    Ok(())
}

pub(super) fn reported(store: &MeterStore, purchase: u8) -> Option<u64> {
    store
        .usage(id(purchase))
        .unwrap()
        .voucher
        .map(|voucher| voucher.sequence.0)
}

#[tokio::test]
async fn use_survives_a_crash_and_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    assert!(store.add(record(1, 5_000), NOW).await.unwrap());
    assert!(!store.add(record(1, 5_000), NOW).await.unwrap(), "known already");
    for n in [1, 3, 2] {
        serve(&store, 1, n).await.unwrap();
    }
    let copy = crash(dir.path());
    let usage = store.usage(id(1)).unwrap();
    drop(store);
    for dir in [copy.path(), dir.path()] {
        let store = open(dir);
        assert_eq!(store.usage(id(1)).unwrap(), usage);
        let again = serve(&store, 1, 2).await.unwrap_err();
        assert!(matches!(again, UseError::Replay(Replay::Seen)));
        serve(&store, 1, 4).await.unwrap();
        assert_eq!((usage.served, reported(&store, 1)), (3, Some(4)));
    }
}

#[tokio::test]
async fn a_number_is_used_once_among_all_who_try_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.add(record(1, 5_000), NOW).await.unwrap();
    let tries: Vec<_> = (0..400)
        .map(|i| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { serve(&store, 1, 1 + i % 100).await.is_ok() })
        })
        .collect();
    let mut served = 0;
    for attempt in tries {
        served += u32::from(attempt.await.unwrap());
    }
    assert_eq!(served, 100);
    assert_eq!(store.usage(id(1)).unwrap().served, 100);
}

#[tokio::test]
async fn a_released_number_does_not_count_and_its_voucher_is_never_reported() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.add(record(1, 5_000), NOW).await.unwrap();
    serve(&store, 1, 4).await.unwrap();
    let five = store.reserve(id(1), voucher(5), NOW).await.unwrap();
    let seven = store.reserve(id(1), voucher(7), NOW).await.unwrap();
    assert_eq!(reported(&store, 1), Some(4), "what is in flight is not reported");
    seven.release().await.unwrap();
    assert_eq!(
        reported(&open(crash(dir.path()).path()), 1),
        Some(5),
        "in flight at a crash counts"
    );
    five.release().await.unwrap();
    let after = open(crash(dir.path()).path());
    for store in [&store, &after] {
        let usage = store.usage(id(1)).unwrap();
        assert_eq!((usage.served, usage.in_flight), (1, 0));
        assert_eq!(usage.voucher, Some(voucher(4)));
        serve(store, 1, 7).await.unwrap();
        assert_eq!(reported(store, 1), Some(7));
    }
}

#[tokio::test]
async fn whoever_disappears_before_forwarding_releases_and_afterwards_counts() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.add(record(1, 5_000), NOW).await.unwrap();
    drop(store.reserve(id(1), voucher(1), NOW).await.unwrap());
    assert_eq!(store.usage(id(1)).unwrap().served, 0);
    let mut forwarded = store.reserve(id(1), voucher(1), NOW).await.unwrap();
    forwarded.forwarded();
    drop(forwarded);
    assert_eq!(
        (store.usage(id(1)).unwrap().served, reported(&store, 1)),
        (1, Some(1))
    );
}

#[tokio::test]
async fn a_torn_end_is_cut_off_and_the_log_goes_on_behind_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.add(record(1, 5_000), NOW).await.unwrap();
    serve(&store, 1, 1).await.unwrap();
    let sound = fs::metadata(dir.path().join("log-0")).unwrap().len();
    serve(&store, 1, 2).await.unwrap();
    drop(store);
    let whole = fs::read(dir.path().join("log-0")).unwrap();
    for length in usize::try_from(sound).unwrap()..whole.len() {
        fs::write(dir.path().join("log-0"), &whole[..length]).unwrap();
        let store = open(dir.path());
        assert_eq!(store.usage(id(1)).unwrap().served, 1, "torn at {length}");
        serve(&store, 1, 3).await.unwrap();
        drop(store);
        assert_eq!(reported(&open(dir.path()), 1), Some(3), "torn at {length}");
    }
}

#[tokio::test]
async fn damage_in_the_middle_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.add(record(1, 5_000), NOW).await.unwrap();
    serve(&store, 1, 1).await.unwrap();
    drop(store);
    let path = dir.path().join("log-0");
    let mut bytes = fs::read(&path).unwrap();
    bytes[40] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert!(matches!(
        MeterStore::open(dir.path(), OPTIONS),
        Err(MeterError::Damaged { offset: 0, .. })
    ));
}

#[tokio::test]
async fn compaction_bounds_the_disk_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let options = MeterOptions {
        compact_bytes: 20_000,
        ..OPTIONS
    };
    let store = MeterStore::open(dir.path(), options).unwrap().0;
    store.add(record(1, 5_000), NOW).await.unwrap();
    store.add(record(2, NOW.0 - 100), NOW).await.unwrap();
    let in_flight = store.reserve(id(1), voucher(9_000), NOW).await.unwrap();
    for n in 9_001..10_500 {
        serve(&store, 1, n).await.unwrap();
    }
    assert!(store.totals().log_bytes <= 21_000);
    // Acknowledged behind any compaction that was still being written.
    store.add(record(3, 5_000), NOW).await.unwrap();
    let copy = crash(dir.path());
    let names: Vec<_> = fs::read_dir(copy.path())
        .unwrap()
        .map(|file| file.unwrap().file_name())
        .collect();
    assert!(names.len() <= 4, "old generations are removed: {names:?}");
    let size: u64 = fs::read_dir(copy.path())
        .unwrap()
        .map(|file| file.unwrap().metadata().unwrap().len())
        .sum();
    assert!(size < 100_000, "{size} bytes");
    assert!(store.purchase(id(2)).is_none(), "long expired");
    in_flight.release().await.unwrap();
    drop(store);
    let (crashed, restarted) = (open(copy.path()), open(dir.path()));
    assert_eq!(crashed.usage(id(1)).unwrap().served, 1_500);
    assert_eq!(restarted.usage(id(1)).unwrap().served, 1_499);
    assert_eq!(
        (reported(&crashed, 1), reported(&restarted, 1)),
        (Some(10_499), Some(10_499))
    );
    assert!(serve(&crashed, 1, 9_000).await.is_err() && serve(&restarted, 1, 9_000).await.is_ok());
    assert!(serve(&restarted, 1, 10_499).await.is_err());
}

#[tokio::test]
async fn a_crash_at_any_point_of_a_compaction_leaves_a_whole_generation() {
    let dir = tempfile::tempdir().unwrap();
    let options = MeterOptions {
        compact_bytes: 1,
        ..OPTIONS
    };
    let store = open(dir.path());
    store.add(record(1, 5_000), NOW).await.unwrap();
    serve(&store, 1, 1).await.unwrap();
    drop(store);
    let before = crash(dir.path());
    drop(
        MeterStore::open(dir.path(), options)
            .map(|(store, _)| store)
            .map(|store| {
                // One more record is enough to compact.
                futures::executor::block_on(serve(&store, 1, 2)).unwrap();
            }),
    );
    let after = dir.path();
    assert!(after.join("snapshot-1").exists());
    let stages: [&[&str]; 3] = [&["log-1"], &["log-1", "snapshot.tmp"], &["log-1", "snapshot-1"]];
    for stage in stages {
        let mixed = crash(before.path());
        for name in stage {
            match *name {
                "snapshot.tmp" => fs::write(mixed.path().join(name), b"half").unwrap(),
                "log-1" => fs::write(mixed.path().join(name), b"").unwrap(),
                _ => drop(fs::copy(after.join(name), mixed.path().join(name)).unwrap()),
            }
        }
        let store = open(mixed.path());
        assert!(store.usage(id(1)).unwrap().served >= 1, "{stage:?}");
        assert!(serve(&store, 1, 1).await.is_err(), "{stage:?}");
    }
    fs::remove_file(after.join("snapshot-1")).unwrap();
    fs::write(after.join("log-1"), b"records").unwrap();
    assert!(matches!(
        MeterStore::open(after, OPTIONS),
        Err(MeterError::MissingSnapshot(1))
    ));
}

#[tokio::test]
async fn two_sidecars_cannot_share_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    assert!(matches!(
        MeterStore::open(dir.path(), OPTIONS),
        Err(MeterError::InUse(_))
    ));
    drop(store);
    drop(open(dir.path()));
}

#[tokio::test]
async fn a_failing_disk_ends_the_meter_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let options = MeterOptions {
        compact_bytes: 1,
        ..OPTIONS
    };
    let (store, failure) = MeterStore::open(dir.path(), options).unwrap();
    // The next generation cannot be made where its log's name is taken by a directory.
    fs::create_dir(dir.path().join("log-1")).unwrap();
    store.add(record(1, 5_000), NOW).await.unwrap();
    assert!(matches!(failure.await.unwrap(), MeterError::Io { .. }));
    assert!(matches!(
        serve(&store, 1, 1).await,
        Err(UseError::Meter(MeterError::Stopped))
    ));
}
