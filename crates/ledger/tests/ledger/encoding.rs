//! The bytes of records: strict, and frozen, so that a change of the state's format is a visible decision.

use crate::court::*;
use crate::world::*;
use proptest::prelude::*;
use rampart_ledger::{Kind, MemoryState, Params, QueueKind, Record, ReviewState, Status, Subject};
use rampart_protocol::{Amount, DecodeError, keccak256};
use std::collections::BTreeMap;

/// A market with at least one record of every kind.
fn complete() -> World {
    let mut world = World::court();
    world.invest(OLGA, IRIS, 7);
    let id = world.buy(ALICE);
    world.ok(OWNER, world.report(id, 3));
    world.ok(BOB, world.withdrawal(BOB, tokens(5)));
    world.ok(OWNER, world.unbond(OWNER, tokens(3)));
    world.pass(30 * DAY);
    world.ok(OLGA, world.availability(OLGA, &[1]));
    let (_, case) = world.challenged();
    world.ok(PETE, world.seal(PETE, case, 1, true));
    world.ok(ALICE, world.delegation(ALICE, &[8; 32], tokens(500)));
    world
}

/// One hash over every key and record, in order.
fn digest(state: &MemoryState) -> String {
    let mut bytes = Vec::new();
    for (key, record) in state.records() {
        bytes.extend_from_slice(key.as_bytes());
        bytes.extend(record.to_bytes());
    }
    keccak256(bytes).to_string()
}

#[test]
fn every_kind_of_record_decodes_to_itself() {
    let mut kinds = BTreeMap::new();
    for (key, record) in complete().state.records() {
        let bytes = record.to_bytes();
        assert_eq!(bytes[0], record.kind() as u8);
        assert_eq!(key.as_bytes()[31], record.kind() as u8);
        assert_eq!(Record::from_bytes(&bytes).as_ref(), Ok(record));
        *kinds.entry(record.kind()).or_insert(0) += 1;
    }
    let all = [
        Kind::Globals,
        Kind::Params,
        Kind::Account,
        Kind::AccountAt,
        Kind::Provider,
        Kind::Service,
        Kind::Purchase,
        Kind::EscrowPage,
        Kind::Pair,
        Kind::Withdrawal,
        Kind::Profile,
        Kind::Terms,
        Kind::Review,
        Kind::Ballot,
        Kind::OperatorSet,
        Kind::Operator,
        Kind::Investor,
        Kind::QueueItem,
        Kind::AvailabilityPage,
        Kind::EpochReport,
        Kind::Committee,
        Kind::Purchasers,
    ];
    assert_eq!(kinds.keys().copied().collect::<Vec<_>>(), all);
}

#[test]
fn every_status_decodes_to_itself_and_no_other_byte_is_one() {
    let mut world = World::market();
    for status in [Status::Active, Status::Suspended, Status::Expelled] {
        world.edit_provider(|provider| provider.status = status);
        let record = Record::from(world.provider());
        assert_eq!(Record::from_bytes(&record.to_bytes()), Ok(record));
    }
    assert!(alloy_rlp::decode_exact::<Status>([3]).is_err());
}

#[test]
fn every_small_enum_decodes_to_itself_and_no_other_byte_is_one() {
    fn check<T: alloy_rlp::Decodable + alloy_rlp::Encodable>(count: u8) {
        for byte in 0..=20u8 {
            let bytes = alloy_rlp::encode(byte);
            let decoded = alloy_rlp::decode_exact::<T>(&bytes);
            assert_eq!(decoded.is_ok(), byte < count, "{byte}");
            if let Ok(value) = decoded {
                assert_eq!(alloy_rlp::encode(value), bytes);
            }
        }
    }
    check::<Status>(3);
    check::<ReviewState>(7);
    check::<Subject>(2);
    check::<QueueKind>(4);
}

#[test]
fn truncated_prolonged_and_foreign_bytes_are_refused() {
    assert_eq!(Record::from_bytes(&[]), Err(DecodeError::Empty));
    for (_, record) in complete().state.records() {
        let bytes = record.to_bytes();
        for length in 1..bytes.len() {
            assert!(
                Record::from_bytes(&bytes[..length]).is_err(),
                "{:?} cut to {length}",
                record.kind()
            );
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert_eq!(Record::from_bytes(&longer), Err(DecodeError::Trailing(1)));
        for byte in [0, 23, 255] {
            let mut foreign = bytes.clone();
            foreign[0] = byte;
            assert_eq!(Record::from_bytes(&foreign), Err(DecodeError::UnknownType(byte)));
        }
    }
}

#[test]
fn records_stay_far_below_what_storage_holds() {
    let mut world = World::empty();
    world.deposit(OWNER, Amount(u128::MAX / 2));
    let mut registration = world.registration(OWNER);
    registration.name = "n".repeat(64);
    registration.endpoint = format!("https://{}", "e".repeat(248));
    registration.stake = Amount(u128::MAX / 4);
    world.ok(OWNER, registration);
    let mut terms = world.service_terms(OWNER);
    terms.description = "d".repeat(1_024);
    terms.fee = tokens(1_000_000_000);
    world.ok(OWNER, terms);
    world.deposit(ALICE, Amount(u128::MAX / 4));
    for hour in 0..24 {
        world.at(START + hour * HOUR);
        world.buy(ALICE);
    }
    for _ in 0..7 {
        world.ok(ALICE, world.withdrawal(ALICE, Amount(1)));
    }
    let largest = world
        .state
        .records()
        .map(|(_, record)| record.to_bytes().len())
        .max()
        .unwrap();
    assert!(largest < 2_048, "{largest}");
}

#[test]
fn the_state_of_a_fixed_history_is_frozen() {
    let mut world = complete();
    world.ok(OWNER, world.service_update(OWNER));
    world.advance(7 * DAY + 12_345);
    world.buy(BOB);
    world.buy(BOB);
    world.advance(9 * DAY);
    world.ok(OWNER, world.claim(OWNER));
    world.ok(OWNER, world.withdrawal(OWNER, tokens(11)));
    assert_eq!(
        digest(&world.state),
        "0x37640dc6062338a5c7960fba601ba126d0b41a09400f170069ffdec827c58cd7"
    );
}

proptest! {
    #[test]
    fn any_bytes_decode_to_a_record_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(record) = Record::from_bytes(&bytes) {
            prop_assert_eq!(Record::from_bytes(&record.to_bytes()), Ok(record));
        }
    }

    #[test]
    fn a_damaged_record_never_decodes_to_the_same_one(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        for (_, record) in complete_once().records() {
            let mut bytes = record.to_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let decoded = Record::from_bytes(&bytes);
            prop_assert_ne!(decoded.as_ref(), Ok(record));
        }
    }

    #[test]
    fn parameters_of_any_value_survive_their_encoding(cut in any::<u32>(), fee in any::<u128>(), wait in any::<u64>()) {
        let mut params = Params::default();
        (params.protocol_cut.0, params.fee_min.0, params.wait_min.0) = (cut, fee, wait);
        let record = Record::from(params);
        prop_assert_eq!(Record::from_bytes(&record.to_bytes()), Ok(record));
    }
}

fn complete_once() -> &'static MemoryState {
    use std::sync::OnceLock;
    static STATE: OnceLock<MemoryState> = OnceLock::new();
    STATE.get_or_init(|| complete().state)
}
