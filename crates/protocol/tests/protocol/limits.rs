//! What each decoder refuses, by hand: lengths, types, and integers and lists that RLP could write another way.

use crate::samples;
use alloy_primitives::{Bytes, hex};
use rampart_protocol::confirmation::MAX_CONFIRMATION;
use rampart_protocol::message::{MAX_DESCRIPTION, MAX_ENDPOINT, MAX_NAME, MAX_VOUCHER};
use rampart_protocol::transaction::MAX_TRANSACTION;
use rampart_protocol::{Body, Confirmation, DecodeError, Message, Observation, SignedTransaction};

/// The message with every text and byte field set to these lengths.
fn sized(
    message: Message,
    name: usize,
    endpoint: usize,
    description: usize,
    voucher: usize,
    signature: usize,
) -> Message {
    let text = |len| "x".repeat(len);
    match message {
        Message::RegisterProvider(mut m) => {
            (m.name, m.endpoint) = (text(name), text(endpoint));
            m.into()
        }
        Message::UpdateProvider(mut m) => {
            (m.name, m.endpoint) = (text(name), text(endpoint));
            m.into()
        }
        Message::RegisterService(mut m) => {
            m.description = text(description);
            m.into()
        }
        Message::UpdateService(mut m) => {
            m.description = text(description);
            m.into()
        }
        Message::ReportUsage(mut m) => {
            m.voucher = Bytes::from(vec![b'x'; voucher]);
            m.signature = Bytes::from(vec![b'x'; signature]);
            m.into()
        }
        other => other,
    }
}

fn largest(message: Message) -> Message {
    sized(message, MAX_NAME, MAX_ENDPOINT, MAX_DESCRIPTION, MAX_VOUCHER, 64)
}

#[test]
fn every_message_at_its_limits_is_read_and_fits_a_transaction() {
    for message in samples::messages() {
        let transaction = samples::signed(largest(message));
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

#[test]
fn a_byte_over_a_limit_is_refused_and_named() {
    let messages = samples::messages();
    let (provider, update, service, change, usage) = (
        &messages[0],
        &messages[1],
        &messages[3],
        &messages[4],
        &messages[6],
    );
    let over = |message: &Message, [n, e, d, v, s]: [usize; 5]| {
        sized(
            message.clone(),
            MAX_NAME + n,
            MAX_ENDPOINT + e,
            MAX_DESCRIPTION + d,
            MAX_VOUCHER + v,
            64 + s,
        )
    };
    for (message, what, limit) in [
        (over(provider, [1, 0, 0, 0, 0]), "name", MAX_NAME),
        (over(provider, [0, 1, 0, 0, 0]), "endpoint", MAX_ENDPOINT),
        (over(update, [1, 1, 0, 0, 0]), "name", MAX_NAME),
        (over(update, [0, 1, 0, 0, 0]), "endpoint", MAX_ENDPOINT),
        (over(service, [0, 0, 1, 0, 0]), "description", MAX_DESCRIPTION),
        (over(change, [0, 0, 1, 0, 0]), "description", MAX_DESCRIPTION),
        (over(usage, [0, 0, 0, 1, 0]), "voucher", MAX_VOUCHER),
        (over(usage, [0, 0, 0, 0, 1]), "signature", 64),
    ] {
        let expected = DecodeError::TooLong {
            what,
            actual: limit + 1,
            limit,
        };
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
    for byte in (0..=255).filter(|byte| !(1..=9).contains(byte)) {
        assert_eq!(
            Message::from_bytes(&[byte, 0xc0]),
            Err(DecodeError::UnknownType(byte))
        );
    }
    for byte in (0..=255).filter(|byte| *byte != 1) {
        assert_eq!(
            Observation::from_bytes(&[byte, 0xc0]),
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
            "a flag of 2",
            patched(change, &hex!("820100 01 03"), &hex!("820100 02 03")),
        ),
        (
            "a flag of 0 as a byte",
            patched(change, &hex!("820100 01 03"), &hex!("820100 00 03")),
        ),
        (
            "a flag of 1 behind a length",
            patched(change, &hex!("820100 01 03"), &hex!("820100 8101 03")),
        ),
    ] {
        let decoded = Message::from_bytes(&bytes);
        assert!(matches!(decoded, Err(DecodeError::Rlp(_))), "{why}: {decoded:?}");
    }
}
