//! Keys: no two records share one, and their first eight bytes tell them apart.

use proptest::prelude::*;
use rampart_ledger::{Key, Kind, QueueKind};
use rampart_protocol::{Address, B256, CaseId, ProviderId, PurchaseId, ServiceId, Timestamp};
use std::collections::BTreeSet;

fn prefix(key: &Key) -> [u8; 8] {
    key.as_bytes()[..8].try_into().unwrap()
}

#[test]
fn the_layout_is_frozen() {
    let address = Address::repeat_byte(0xaa);
    for (key, hex) in [
        (
            Key::globals(),
            "0x0100000000000000000000000000000000000000000000000000000000000001",
        ),
        (
            Key::params(),
            "0x0200000000000000000000000000000000000000000000000000000000000002",
        ),
        (
            Key::account(&address),
            "0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa000000000000000000000003",
        ),
        (
            Key::account_at(258),
            "0x0400000000000102020100000000000000000000000000000000000000000004",
        ),
        (
            Key::provider(ProviderId(1)),
            "0x0500000000000001010000000000000000000000000000000000000000000005",
        ),
        (
            Key::service(ServiceId(1)),
            "0x0600000000000001010000000000000000000000000000000000000000000006",
        ),
        (
            Key::purchase(&PurchaseId(B256::repeat_byte(0xbb))),
            "0xbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb07",
        ),
        (
            Key::escrow_page(ProviderId(1), Timestamp(0)),
            "0x9e3779b97f4a7c15010000000000000000000000000000000000000000000008",
        ),
        (
            Key::pair(&Address::ZERO, ProviderId(1)),
            "0x157c4a7fb979379e000000000000000000000000010000000000000000000009",
        ),
        (
            Key::withdrawal(7),
            "0x0a0000000000000707000000000000000000000000000000000000000000000a",
        ),
        (
            Key::profile(ProviderId(1)),
            "0x0b0000000000000101000000000000000000000000000000000000000000000b",
        ),
        (
            Key::terms(ServiceId(1), 2),
            "0x306ef372fe94f82b01000000000000000200000000000000000000000000000c",
        ),
        (
            Key::review(&PurchaseId(B256::repeat_byte(0xbb))),
            "0xb6bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb0d",
        ),
        (
            Key::ballot(&CaseId(B256::repeat_byte(0xbb))),
            "0xb5bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb0e",
        ),
        (
            Key::operator_set(),
            "0x0f0000000000000000000000000000000000000000000000000000000000000f",
        ),
        (
            Key::operator(&address),
            "0xbaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa000000000000000000000010",
        ),
        (
            Key::investor(&address, &Address::ZERO),
            "0xcad5222e5b6c07d19837ce00091aff8cc074dbbe80bc87229d7599c57ed49911",
        ),
        (
            Key::queue_item(QueueKind::Round, 3),
            "0x8c3779b97f4a7c16030000000000000001000000000000000000000000000012",
        ),
        (
            Key::availability(4, 1),
            "0x8d3779b97f4a7c11040000000000000001000000000000000000000000000013",
        ),
        (
            Key::epoch(9),
            "0x1400000000000009090000000000000000000000000000000000000000000014",
        ),
        (
            Key::committee(2),
            "0x1500000000000002020000000000000000000000000000000000000000000015",
        ),
    ] {
        assert_eq!(key.to_string(), hex);
        assert_eq!(format!("{key:?}"), hex);
    }
}

#[test]
fn the_last_byte_is_the_kind() {
    let address = Address::repeat_byte(0xff);
    for (key, kind) in [
        (Key::globals(), Kind::Globals),
        (Key::params(), Kind::Params),
        (Key::account(&address), Kind::Account),
        (Key::account_at(u64::MAX), Kind::AccountAt),
        (Key::provider(ProviderId(u64::MAX)), Kind::Provider),
        (Key::service(ServiceId(u64::MAX)), Kind::Service),
        (
            Key::purchase(&PurchaseId(B256::repeat_byte(0xff))),
            Kind::Purchase,
        ),
        (
            Key::escrow_page(ProviderId(u64::MAX), Timestamp(u64::MAX)),
            Kind::EscrowPage,
        ),
        (Key::pair(&address, ProviderId(u64::MAX)), Kind::Pair),
        (Key::withdrawal(u64::MAX), Kind::Withdrawal),
        (Key::profile(ProviderId(u64::MAX)), Kind::Profile),
        (Key::terms(ServiceId(u64::MAX), u32::MAX), Kind::Terms),
        (Key::review(&PurchaseId(B256::repeat_byte(0xff))), Kind::Review),
        (Key::ballot(&CaseId(B256::repeat_byte(0xff))), Kind::Ballot),
        (Key::operator_set(), Kind::OperatorSet),
        (Key::operator(&address), Kind::Operator),
        (Key::investor(&address, &address), Kind::Investor),
        (
            Key::queue_item(QueueKind::Compensation, u64::MAX),
            Kind::QueueItem,
        ),
        (Key::availability(u64::MAX, u32::MAX), Kind::AvailabilityPage),
        (Key::epoch(u64::MAX), Kind::EpochReport),
        (Key::committee(u64::MAX), Kind::Committee),
        (Key::purchasers(&address), Kind::Purchasers),
    ] {
        assert_eq!(key.as_bytes()[31], kind as u8);
    }
}

#[test]
fn the_first_eight_bytes_tell_a_large_state_apart() {
    let mut seen = BTreeSet::new();
    let mut records = 0;
    let mut insert = |key: Key| {
        records += 1;
        seen.insert(prefix(&key));
    };
    insert(Key::globals());
    insert(Key::params());
    insert(Key::operator_set());
    for n in 0..2_000u64 {
        insert(Key::account_at(n));
        insert(Key::provider(ProviderId(n)));
        insert(Key::service(ServiceId(n)));
        insert(Key::withdrawal(n));
        let hash = rampart_protocol::keccak256(n.to_be_bytes());
        let address = Address::from_slice(&hash[12..]);
        insert(Key::account(&address));
        insert(Key::purchase(&PurchaseId(hash)));
        insert(Key::review(&PurchaseId(hash)));
        insert(Key::ballot(&CaseId(hash)));
        insert(Key::operator(&address));
        insert(Key::purchasers(&address));
        insert(Key::investor(&address, &Address::ZERO));
        insert(Key::profile(ProviderId(n)));
        insert(Key::epoch(n));
        for part in 0..4 {
            insert(Key::terms(ServiceId(n), part));
            insert(Key::availability(n, part));
        }
        for queue in QueueKind::ALL {
            insert(Key::queue_item(queue, n));
        }
        for provider in 1..=4 {
            insert(Key::pair(&address, ProviderId(provider)));
            insert(Key::escrow_page(
                ProviderId(provider),
                Timestamp(1_760_000_000 + n * 86_400),
            ));
        }
    }
    assert_eq!(seen.len(), records, "prefixes collide");
}

/// Identifiers of any kind, with small and with extreme numbers.
fn identifier() -> impl Strategy<Value = (u8, u64, u64, [u8; 32])> {
    let number = prop_oneof![0u64..4, (u64::MAX - 4)..=u64::MAX, any::<u64>()];
    let bytes = prop_oneof![Just([0; 32]), Just([0xff; 32]), any::<[u8; 32]>()];
    (0u8..15, number.clone(), number, bytes)
}

/// The key of an identifier, and the identifier without the parts that its kind does not use.
fn key_of((kind, a, b, bytes): (u8, u64, u64, [u8; 32])) -> (Key, (u8, u64, u64, Vec<u8>)) {
    let address = Address::from_slice(&bytes[..20]);
    let small = u32::try_from(b % (1 << 32)).unwrap();
    match kind {
        0 => (Key::account(&address), (kind, 0, 0, bytes[..20].to_vec())),
        1 => (Key::account_at(a), (kind, a, 0, Vec::new())),
        2 => (Key::provider(ProviderId(a)), (kind, a, 0, Vec::new())),
        3 => (Key::service(ServiceId(a)), (kind, a, 0, Vec::new())),
        4 => (
            Key::purchase(&PurchaseId(B256::from(bytes))),
            (kind, 0, 0, bytes[..31].to_vec()),
        ),
        5 => (
            Key::escrow_page(ProviderId(a), Timestamp(b)),
            (kind, a, b, Vec::new()),
        ),
        6 => (
            Key::pair(&address, ProviderId(a)),
            (kind, a, 0, bytes[..20].to_vec()),
        ),
        7 => (Key::withdrawal(a), (kind, a, 0, Vec::new())),
        8 => (Key::profile(ProviderId(a)), (kind, a, 0, Vec::new())),
        9 => (
            Key::terms(ServiceId(a), small),
            (kind, a, u64::from(small), Vec::new()),
        ),
        10 => (
            Key::review(&PurchaseId(B256::from(bytes))),
            (kind, 0, 0, bytes[..31].to_vec()),
        ),
        11 => (
            Key::ballot(&CaseId(B256::from(bytes))),
            (kind, 0, 0, bytes[..31].to_vec()),
        ),
        12 => (Key::operator(&address), (kind, 0, 0, bytes[..20].to_vec())),
        13 => (Key::queue_item(QueueKind::Round, a), (kind, a, 0, Vec::new())),
        _ => (
            Key::availability(a, small),
            (kind, a, u64::from(small), Vec::new()),
        ),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]

    #[test]
    fn different_records_have_different_keys(one in identifier(), other in identifier()) {
        let ((one_key, one), (other_key, other)) = (key_of(one), key_of(other));
        prop_assert_eq!(one_key == other_key, one == other);
    }
}

/// The storage index reads the first eight bytes big-endian, multiplies by an odd constant, and takes the low bits.
#[test]
fn what_is_counted_has_places_of_its_own_in_the_storage_index() {
    type Numbered = fn(u64) -> Key;
    let all: [(&str, Numbered); 9] = [
        ("accounts by index", Key::account_at),
        ("providers", |n| Key::provider(ProviderId(n))),
        ("services", |n| Key::service(ServiceId(n))),
        ("withdrawals", Key::withdrawal),
        ("epochs", Key::epoch),
        ("terms", |n| Key::terms(ServiceId(n), 1)),
        ("pages of escrow", |n| {
            Key::escrow_page(ProviderId(7), Timestamp(86_400 * n))
        }),
        ("deadlines", |n| Key::queue_item(QueueKind::Round, n)),
        ("bitmaps", |n| Key::availability(n, 0)),
    ];
    for (what, key) in all {
        let place = |n| u64::from_be_bytes(prefix(&key(n))).wrapping_mul(0x9e37_79b9_7f4a_7c15) & 0xffff;
        let places: BTreeSet<u64> = (1..=4_096).map(place).collect();
        assert!(places.len() >= 512, "{what}: {} places", places.len());
    }
}
