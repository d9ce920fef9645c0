//! What each decoder refuses, by hand: lengths, types, and integers and lists that RLP could write another way.

use crate::samples;
use alloy_primitives::{Address, B256, Bytes, hex};
use rampart_protocol::confirmation::MAX_CONFIRMATION;
use rampart_protocol::message::{
    Component, MAX_COMMENT, MAX_COMPONENTS, MAX_DESCRIPTION, MAX_ENDPOINT, MAX_NAME, MAX_VOUCHER,
};
use rampart_protocol::observation::{
    Forced, Governance, GovernanceAction, MAX_CHANGES, MAX_FORCED, MAX_PARAMETER_NAME, ParameterChange,
    SetParameters,
};
use rampart_protocol::transaction::MAX_TRANSACTION;
use rampart_protocol::{Body, Confirmation, DecodeError, Message, Observation, ServiceId, SignedTransaction};

/// Lengths of every text, byte and list field that a message may have.
#[derive(Clone, Copy)]
struct Sizes {
    name: usize,
    endpoint: usize,
    description: usize,
    components: usize,
    voucher: usize,
    signature: usize,
    comment: usize,
}

const LARGEST: Sizes = Sizes {
    name: MAX_NAME,
    endpoint: MAX_ENDPOINT,
    description: MAX_DESCRIPTION,
    components: MAX_COMPONENTS,
    voucher: MAX_VOUCHER,
    signature: 64,
    comment: MAX_COMMENT,
};

/// The message with its fields of these lengths, every integer in a component as long as it can be.
fn sized(message: Message, sizes: Sizes) -> Message {
    let text = |len| "x".repeat(len);
    let component = Component {
        service: ServiceId(u64::MAX),
        version: u32::MAX,
        packages: u32::MAX,
        uses: u32::MAX,
    };
    match message {
        Message::RegisterProvider(mut m) => {
            (m.name, m.endpoint) = (text(sizes.name), text(sizes.endpoint));
            m.into()
        }
        Message::UpdateProvider(mut m) => {
            (m.name, m.endpoint) = (text(sizes.name), text(sizes.endpoint));
            m.into()
        }
        Message::RegisterService(mut m) => {
            (m.description, m.endpoint) = (text(sizes.description), text(sizes.endpoint));
            m.components = vec![component; sizes.components];
            m.into()
        }
        Message::UpdateService(mut m) => {
            (m.description, m.endpoint) = (text(sizes.description), text(sizes.endpoint));
            m.components = vec![component; sizes.components];
            m.into()
        }
        Message::ReportUsage(mut m) => {
            m.voucher = Bytes::from(vec![b'x'; sizes.voucher]);
            m.signature = Bytes::from(vec![b'x'; sizes.signature]);
            m.into()
        }
        Message::Review(mut m) => {
            m.comment = text(sizes.comment);
            m.into()
        }
        other => other,
    }
}

#[test]
fn every_message_at_its_limits_is_read_and_fits_a_transaction() {
    for message in samples::messages() {
        let transaction = samples::signed(sized(message, LARGEST));
        let bytes = transaction.to_bytes();
        assert!(
            bytes.len() <= MAX_TRANSACTION,
            "{}: {}",
            transaction.message.name(),
            bytes.len()
        );
        assert_eq!(SignedTransaction::from_bytes(&bytes), Ok(transaction));
    }
}

/// What a message by its position among the samples is refused for when one of its fields is one too long.
fn over_limits() -> Vec<(Message, DecodeError)> {
    let messages = samples::messages();
    let over = |position: usize, change: fn(&mut Sizes), what, limit| {
        let mut sizes = LARGEST;
        change(&mut sizes);
        let actual = limit + 1;
        let expected = match what {
            "components" => DecodeError::TooMany { what, actual, limit },
            _ => DecodeError::TooLong { what, actual, limit },
        };
        (sized(messages[position].clone(), sizes), expected)
    };
    vec![
        over(0, |s| s.name += 1, "name", MAX_NAME),
        over(0, |s| s.endpoint += 1, "endpoint", MAX_ENDPOINT),
        over(
            1,
            |s| (s.name, s.endpoint) = (s.name + 1, s.endpoint + 1),
            "name",
            MAX_NAME,
        ),
        over(1, |s| s.endpoint += 1, "endpoint", MAX_ENDPOINT),
        over(3, |s| s.description += 1, "description", MAX_DESCRIPTION),
        over(3, |s| s.endpoint += 1, "endpoint", MAX_ENDPOINT),
        over(3, |s| s.components += 1, "components", MAX_COMPONENTS),
        over(4, |s| s.description += 1, "description", MAX_DESCRIPTION),
        over(4, |s| s.endpoint += 1, "endpoint", MAX_ENDPOINT),
        over(4, |s| s.components += 1, "components", MAX_COMPONENTS),
        over(6, |s| s.voucher += 1, "voucher", MAX_VOUCHER),
        over(6, |s| s.signature += 1, "signature", 64),
        over(14, |s| s.comment += 1, "comment", MAX_COMMENT),
    ]
}

#[test]
fn one_over_a_limit_is_refused_and_named() {
    for (message, expected) in over_limits() {
        assert_eq!(message.check_limits(), Err(expected.clone()));
        assert_eq!(Message::from_bytes(&message.to_bytes()), Err(expected));
        // Inside a transaction or a body there is no other way around the limit.
        let transaction = samples::signed(message);
        assert!(matches!(
            SignedTransaction::from_bytes(&transaction.to_bytes()),
            Err(DecodeError::Rlp(_))
        ));
        let body = Body {
            observations: Vec::new(),
            transactions: vec![transaction],
        };
        assert!(matches!(
            Body::from_bytes(&alloy_rlp::encode(&body)),
            Err(DecodeError::Rlp(_))
        ));
    }
}

#[test]
fn one_over_a_limit_of_an_observation_is_refused_and_named() {
    let forced = |length| {
        Observation::from(Forced {
            index: 0,
            account: Address::ZERO,
            message: Bytes::from(vec![0xc0; length]),
            block_number: 1,
            block_hash: B256::ZERO,
        })
    };
    let read = |o: &Observation| Observation::from_bytes(&o.to_bytes());
    assert_eq!(read(&forced(MAX_FORCED)), Ok(forced(MAX_FORCED)));
    assert_eq!(
        read(&forced(MAX_FORCED + 1)),
        Err(DecodeError::TooLong {
            what: "forced message",
            actual: MAX_FORCED + 1,
            limit: MAX_FORCED
        })
    );

    let changes = |count, length| {
        let change = ParameterChange {
            name: "x".repeat(length),
            value: u128::MAX,
        };
        GovernanceAction::from(SetParameters {
            changes: vec![change; count],
        })
    };
    let largest = changes(MAX_CHANGES, MAX_PARAMETER_NAME);
    assert_eq!(GovernanceAction::from_bytes(&largest.to_bytes()), Ok(largest));
    for (action, expected) in [
        (
            changes(MAX_CHANGES + 1, 1),
            DecodeError::TooMany {
                what: "parameter changes",
                actual: MAX_CHANGES + 1,
                limit: MAX_CHANGES,
            },
        ),
        (
            changes(1, MAX_PARAMETER_NAME + 1),
            DecodeError::TooLong {
                what: "parameter name",
                actual: MAX_PARAMETER_NAME + 1,
                limit: MAX_PARAMETER_NAME,
            },
        ),
    ] {
        assert_eq!(GovernanceAction::from_bytes(&action.to_bytes()), Err(expected));
        let observation = Observation::from(Governance {
            index: 0,
            action,
            block_number: 1,
            block_hash: B256::ZERO,
        });
        assert!(matches!(read(&observation), Err(DecodeError::Rlp(_))));
    }
}

#[test]
fn long_inputs_are_refused_unread() {
    let noise = vec![0xff; MAX_CONFIRMATION + 1];
    let too_long = |what, limit| DecodeError::TooLong {
        what,
        actual: limit + 1,
        limit,
    };
    assert_eq!(
        SignedTransaction::from_bytes(&noise[..=MAX_TRANSACTION]),
        Err(too_long("transaction", MAX_TRANSACTION))
    );
    assert_eq!(
        Confirmation::from_bytes(&noise),
        Err(too_long("confirmation", MAX_CONFIRMATION))
    );
}

#[test]
fn the_largest_useful_confirmation_is_read() {
    let mut confirmation = samples::confirmation(0, 1, 0);
    confirmation.proof = vec![samples::phrase("sibling"); 64];
    // 256 signatures, their bitmap and the proposal.
    confirmation.finalization = Bytes::from(vec![7; 256 * 64 + 32 + 128]);
    confirmation.descendants = vec![samples::header(); 8];
    let bytes = confirmation.to_bytes();
    assert!(bytes.len() <= MAX_CONFIRMATION, "{}", bytes.len());
    assert_eq!(Confirmation::from_bytes(&bytes), Ok(confirmation));
}

#[test]
fn unknown_type_bytes_and_empty_inputs_are_named() {
    assert_eq!(Message::from_bytes(&[]), Err(DecodeError::Empty));
    assert_eq!(Observation::from_bytes(&[]), Err(DecodeError::Empty));
    for byte in (0..=255).filter(|byte| !(1..=24).contains(byte)) {
        assert_eq!(
            Message::from_bytes(&[byte, 0xc0]),
            Err(DecodeError::UnknownType(byte))
        );
    }
    assert_eq!(GovernanceAction::from_bytes(&[]), Err(DecodeError::Empty));
    for byte in (0..=255).filter(|byte| !(1..=6).contains(byte)) {
        assert_eq!(
            Observation::from_bytes(&[byte, 0xc0]),
            Err(DecodeError::UnknownType(byte))
        );
    }
    for byte in (0..=255).filter(|byte| !(1..=7).contains(byte)) {
        assert_eq!(
            GovernanceAction::from_bytes(&[byte, 0xc0]),
            Err(DecodeError::UnknownType(byte))
        );
    }
    let claim = hex!("08c20102");
    assert!(Message::from_bytes(&claim).is_ok());
    let longer = [&claim[..], &[0, 0]].concat();
    assert_eq!(Message::from_bytes(&longer), Err(DecodeError::Trailing(2)));
}

/// Claim (type 8) of provider 1 with nonce 2 is `08 c2 01 02`; none of these is, nor any other message.
#[test]
fn other_ways_to_write_integers_and_lists_are_refused() {
    for (why, bytes) in [
        ("a leading zero", &hex!("08c482000102")[..]),
        ("a single byte behind a length", &hex!("08c3810102")),
        ("zero as a byte", &hex!("08c20002")),
        ("zero behind a length", &hex!("08c3810002")),
        ("nine bytes for 64 bits", &hex!("08cb8901020304050607080902")),
        ("the long form of a short list", &hex!("08f8020102")),
        ("a length with a leading zero", &hex!("08f900020102")),
        ("a list shorter than its fields", &hex!("08c10102")),
        ("a list longer than its fields", &hex!("08c30102")),
        ("a field too many", &hex!("08c3010203")),
        ("a field too few", &hex!("08c101")),
        ("no field", &hex!("08c0")),
        ("a string for the list", &hex!("08820102")),
        ("a list for an integer", &hex!("08c3c10102")),
        ("no list", &hex!("08")),
        (
            "a length past the end of memory",
            &hex!("08ffffffffffffffffff0102"),
        ),
        (
            "a string length past the end of memory",
            &hex!("08c2bfffffffffffffffff"),
        ),
    ] {
        let decoded = Message::from_bytes(bytes);
        assert!(matches!(decoded, Err(DecodeError::Rlp(_))), "{why}: {decoded:?}");
    }
}

/// The encoding of a sample with the one occurrence of `from` replaced, and its list's length adjusted.
fn patched(message: &Message, from: &[u8], to: &[u8]) -> Vec<u8> {
    let bytes = message.to_bytes();
    let mut rest = &bytes[1..];
    let header = alloy_rlp::Header::decode(&mut rest).unwrap();
    assert!(header.list);
    let places: Vec<usize> = (0..rest.len())
        .filter(|at| rest[*at..].starts_with(from))
        .collect();
    assert_eq!(places.len(), 1, "{} is there once", hex::encode(from));
    let payload = [&rest[..places[0]], to, &rest[places[0] + from.len()..]].concat();
    let mut out = vec![bytes[0]];
    alloy_rlp::Header {
        list: true,
        payload_length: payload.len(),
    }
    .encode(&mut out);
    out.extend_from_slice(&payload);
    out
}

#[test]
fn fields_of_the_wrong_kind_are_refused() {
    let messages = samples::messages();
    let (register, update, service, change, purchase) = (
        &messages[0],
        &messages[1],
        &messages[3],
        &messages[4],
        &messages[5],
    );
    let Message::Purchase(terms) = purchase else {
        unreachable!("the sixth is a purchase")
    };
    let consumer = [&[0x94], terms.consumer.as_slice()].concat();
    let key = [&[0xa0], terms.access_key.0.as_slice()].concat();
    let unchanged = patched(purchase, &key, &key);
    assert_eq!(
        Message::from_bytes(&unchanged).as_ref(),
        Ok(purchase),
        "the patching itself is sound"
    );

    let short = |word: &[u8]| [&[word[0] - 1], &word[1..word.len() - 1]].concat();
    let long = |word: &[u8]| [&[word[0] + 1], &word[1..], &[0]].concat();
    for (why, bytes) in [
        (
            "an address of 19 bytes",
            patched(purchase, &consumer, &short(&consumer)),
        ),
        (
            "an address of 21 bytes",
            patched(purchase, &consumer, &long(&consumer)),
        ),
        ("a key of 31 bytes", patched(purchase, &key, &short(&key))),
        ("a key of 33 bytes", patched(purchase, &key, &long(&key))),
        (
            "a version above 32 bits",
            patched(purchase, &hex!("030788"), &hex!("0385010000000788")),
        ),
        (
            "an amount above 128 bits",
            patched(
                register,
                &hex!("893635c9adc5dea00000"),
                &[&[0x91, 1][..], &[0; 16]].concat(),
            ),
        ),
        (
            "a name that is not UTF-8",
            patched(update, "☂".as_bytes(), &hex!("e298ff")),
        ),
        (
            "an unknown category",
            patched(service, &hex!("0102b8"), &hex!("0105b8")),
        ),
        (
            "a category as a list",
            patched(service, &hex!("0102b8"), &hex!("01c102b8")),
        ),
        (
            "components as a string",
            patched(change, &hex!("820100 c0"), &hex!("820100 80")),
        ),
        (
            "a component that is no list",
            patched(change, &hex!("820100 c0"), &hex!("820100 c101")),
        ),
        (
            "a component without a field",
            patched(change, &hex!("820100 c0"), &hex!("820100 c4c3010203")),
        ),
        (
            "a component with a field too many",
            patched(change, &hex!("820100 c0"), &hex!("820100 c6c50102030405")),
        ),
        (
            "a component whose version exceeds 32 bits",
            patched(
                change,
                &hex!("820100 c0"),
                &hex!("820100 cac90185010000000003 04"),
            ),
        ),
        (
            "a flag of 2",
            patched(change, &hex!("0000 01 03"), &hex!("0000 02 03")),
        ),
        (
            "a flag of 0 as a byte",
            patched(change, &hex!("0000 01 03"), &hex!("0000 00 03")),
        ),
        (
            "a flag of 1 behind a length",
            patched(change, &hex!("0000 01 03"), &hex!("0000 8101 03")),
        ),
    ] {
        let decoded = Message::from_bytes(&bytes);
        assert!(matches!(decoded, Err(DecodeError::Rlp(_))), "{why}: {decoded:?}");
    }
}
