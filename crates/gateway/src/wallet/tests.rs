#![allow(clippy::unwrap_used)]
use super::*;
use rampart_protocol::{Address, Amount, ProviderId, ServiceId, Timestamp};

fn record(access_key: AccessKey) -> PurchaseRecord {
    PurchaseRecord {
        id: PurchaseId(B256::repeat_byte(7)),
        consumer: Address::repeat_byte(1),
        provider: ProviderId(1),
        service: ServiceId(2),
        version: 1,
        fee: Amount::TOKEN,
        requests: 100,
        access_key,
        purchased_at: Timestamp(10),
        expires_at: Timestamp(1_000),
    }
}

fn wallet() -> (tempfile::TempDir, Wallet, PurchaseRecord) {
    let directory = tempfile::tempdir().unwrap();
    let wallet = Wallet::new(directory.path());
    let key = wallet.create_key([3; 32]).unwrap();
    (directory, wallet, record(key))
}

#[test]
fn what_is_saved_can_be_loaded() {
    let (_directory, wallet, record) = wallet();
    assert_eq!(wallet.list().unwrap(), []);
    wallet.save(&record, None, "http://127.0.0.1:1").unwrap();
    assert_eq!(wallet.list().unwrap(), [record.id]);
    let stored = wallet.load(record.id).unwrap();
    assert_eq!(stored.record, record);
    assert_eq!(stored.access_key.to_bytes(), [3; 32]);
    assert!(stored.confirmation.is_none());
}

#[test]
fn a_wallet_that_does_not_exist_is_empty() {
    assert_eq!(Wallet::new("does/not/exist").list().unwrap(), []);
}

#[test]
fn no_output_shows_a_key() {
    let (directory, wallet, record) = wallet();
    wallet.save(&record, None, "http://127.0.0.1:1").unwrap();
    let shown = format!("{:?}", wallet.load(record.id).unwrap());
    let stored = fs::read_to_string(directory.path().join(format!("{:#x}.json", record.id.0))).unwrap();
    for text in [shown, stored] {
        assert!(!text.contains("030303"), "{text}");
    }
}

#[cfg(unix)]
#[test]
fn refuses_a_key_that_others_can_read() {
    use std::os::unix::fs::PermissionsExt;
    let (directory, wallet, record) = wallet();
    wallet.save(&record, None, "http://127.0.0.1:1").unwrap();
    let path = directory.path().join(key_file(&record.access_key));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(wallet.load(record.id), Err(WalletError::KeyMode(_))));
}

#[test]
fn refuses_a_key_of_another_purchase() {
    let (directory, wallet, record) = wallet();
    wallet.save(&record, None, "http://127.0.0.1:1").unwrap();
    let path = directory.path().join(key_file(&record.access_key));
    durable::replace(&path, "04".repeat(32).as_bytes(), true).unwrap();
    assert!(matches!(
        wallet.load(record.id),
        Err(WalletError::Inconsistent { .. })
    ));
    durable::replace(&path, b"no key", true).unwrap();
    let error = wallet.load(record.id).unwrap_err();
    assert!(matches!(error, WalletError::Key(_)) && !error.to_string().contains("no key"));
}

#[test]
fn refuses_a_purchase_file_that_was_tampered_with() {
    let (directory, wallet, record) = wallet();
    let path = wallet.save(&record, None, "http://127.0.0.1:1").unwrap();
    let text = fs::read_to_string(&path).unwrap();
    for (from, to) in [
        ("\"version\": 1,\n  \"record\"", "\"version\": 2,\n  \"record\""),
        ("0x0707", "0x0807"),
        ("{", "["),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text);
        fs::write(&path, changed).unwrap();
        assert!(wallet.load(record.id).is_err(), "{to}");
    }
    drop(directory);
}

#[test]
fn saving_needs_the_key_first() {
    let (_directory, wallet, mut record) = wallet();
    record.access_key = AccessKey(B256::repeat_byte(5));
    assert!(matches!(
        wallet.save(&record, None, "x"),
        Err(WalletError::Io { .. })
    ));
}
