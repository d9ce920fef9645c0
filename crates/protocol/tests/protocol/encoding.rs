//! Canonical means that a value has one encoding: whatever decodes, encodes to the bytes that it came from. So no bit can be
//! flipped, no byte cut or added, without another value or a refusal, and nothing panics.

use crate::samples;
use alloy_rlp::{Decodable, Encodable};
use proptest::prelude::*;
use rampart_protocol::observation::GovernanceAction;
use rampart_protocol::{
    Amount, Body, Category, Checkpoint, Confirmation, Domain, FinalizedBlock, Header, Message, Observation,
    PurchaseRecord, Sequence, SignedCheckpoint, SignedTransaction,
};
use std::sync::LazyLock;

/// Decodes and encodes again.
type Decoder = fn(&[u8]) -> Option<Vec<u8>>;

fn rlp<T: Encodable + Decodable>(bytes: &[u8]) -> Option<Vec<u8>> {
    alloy_rlp::decode_exact::<T>(bytes).ok().map(alloy_rlp::encode)
}
fn message(bytes: &[u8]) -> Option<Vec<u8>> {
    Message::from_bytes(bytes).ok().map(|m| m.to_bytes())
}
fn transaction(bytes: &[u8]) -> Option<Vec<u8>> {
    SignedTransaction::from_bytes(bytes).ok().map(|t| t.to_bytes())
}
fn observation(bytes: &[u8]) -> Option<Vec<u8>> {
    Observation::from_bytes(bytes).ok().map(|o| o.to_bytes())
}
fn action(bytes: &[u8]) -> Option<Vec<u8>> {
    GovernanceAction::from_bytes(bytes).ok().map(|a| a.to_bytes())
}
fn finalized_block(bytes: &[u8]) -> Option<Vec<u8>> {
    FinalizedBlock::from_bytes(bytes).ok().map(|b| b.to_bytes())
}
fn confirmation(bytes: &[u8]) -> Option<Vec<u8>> {
    Confirmation::from_bytes(bytes).ok().map(|c| c.to_bytes())
}
fn body(bytes: &[u8]) -> Option<Vec<u8>> {
    Body::from_bytes(bytes).ok().map(alloy_rlp::encode)
}
fn signed_checkpoint(bytes: &[u8]) -> Option<Vec<u8>> {
    SignedCheckpoint::from_bytes(bytes).ok().map(alloy_rlp::encode)
}

struct Sample {
    name: String,
    bytes: Vec<u8>,
    decode: Decoder,
}

/// One encoding of every type, and how it is decoded.
static CORPUS: LazyLock<Vec<Sample>> = LazyLock::new(|| {
    corpus()
        .into_iter()
        .map(|(name, bytes, decode)| Sample { name, bytes, decode })
        .collect()
});

fn corpus() -> Vec<(String, Vec<u8>, Decoder)> {
    let mut corpus: Vec<(String, Vec<u8>, Decoder)> = Vec::new();
    for sample in samples::messages() {
        let name = sample.name();
        corpus.push((name.into(), sample.to_bytes(), message));
        corpus.push((
            format!("{name} in RLP"),
            alloy_rlp::encode(&sample),
            rlp::<Message>,
        ));
        corpus.push((
            format!("signed {name}"),
            samples::signed(sample).to_bytes(),
            transaction,
        ));
    }
    for sample in samples::observations() {
        corpus.push((
            format!("{sample:?} in RLP"),
            alloy_rlp::encode(&sample),
            rlp::<Observation>,
        ));
        corpus.push((format!("{sample:?}"), sample.to_bytes(), observation));
    }
    for sample in samples::actions() {
        corpus.push((format!("{sample:?}"), sample.to_bytes(), action));
    }
    let (checkpoint, signed) = (samples::checkpoint(), samples::signed_checkpoint());
    let domain = samples::domain();
    let rest: [(&str, Vec<u8>, Decoder); 12] = [
        ("Header", alloy_rlp::encode(samples::header()), rlp::<Header>),
        ("Body", alloy_rlp::encode(samples::body()), body),
        ("empty Body", alloy_rlp::encode(Body::default()), body),
        ("Checkpoint", alloy_rlp::encode(checkpoint), rlp::<Checkpoint>),
        ("SignedCheckpoint", alloy_rlp::encode(signed), signed_checkpoint),
        (
            "PurchaseRecord",
            alloy_rlp::encode(samples::record(1)),
            rlp::<PurchaseRecord>,
        ),
        (
            "Confirmation",
            samples::confirmation(2, 5, 1).to_bytes(),
            confirmation,
        ),
        (
            "FinalizedBlock",
            samples::finalized_block().to_bytes(),
            finalized_block,
        ),
        ("Domain", alloy_rlp::encode(domain), rlp::<Domain>),
        ("Amount", alloy_rlp::encode(Amount::TOKEN), rlp::<Amount>),
        (
            "Category",
            alloy_rlp::encode(Category::UserProtection),
            rlp::<Category>,
        ),
        ("Sequence", alloy_rlp::encode(Sequence(128)), rlp::<Sequence>),
    ];
    corpus.extend(rest.map(|(name, bytes, decoder)| (name.into(), bytes, decoder)));
    corpus
}

#[test]
fn every_sample_decodes_to_itself() {
    for Sample { name, bytes, decode } in CORPUS.iter() {
        assert_eq!(decode(bytes).as_ref(), Some(bytes), "{name}");
    }
}

#[test]
fn no_truncation_decodes() {
    for Sample { name, bytes, decode } in CORPUS.iter() {
        for end in 0..bytes.len() {
            assert_eq!(decode(&bytes[..end]), None, "{name} cut to {end} bytes");
        }
    }
}

#[test]
fn no_byte_may_follow() {
    for Sample { name, bytes, decode } in CORPUS.iter() {
        for byte in 0..=255 {
            let longer = [bytes.as_slice(), &[byte]].concat();
            assert_eq!(decode(&longer), None, "{name} followed by {byte:#x}");
        }
    }
}

#[test]
fn a_flipped_bit_is_refused_or_is_another_value_in_its_own_encoding() {
    for Sample { name, bytes, decode } in CORPUS.iter() {
        let mut bytes = bytes.clone();
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Some(encoded) = decode(&bytes) {
                assert_eq!(encoded, bytes, "{name}: bit {bit}");
            }
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn any_other_byte_anywhere_is_refused_or_is_another_value_in_its_own_encoding() {
    // The body holds all the others: its thousands of bytes would take most of the time and show nothing more.
    for Sample { name, bytes, decode } in CORPUS.iter().filter(|sample| sample.name != "Body") {
        let mut bytes = bytes.clone();
        for at in 0..bytes.len() {
            let original = bytes[at];
            for byte in 0..=255 {
                bytes[at] = byte;
                if let Some(encoded) = decode(&bytes) {
                    assert_eq!(encoded, bytes, "{name}: byte {at} as {byte:#x}");
                }
            }
            bytes[at] = original;
        }
    }
}

#[test]
fn a_message_under_another_type_byte_is_never_the_same_transaction() {
    for sample in samples::messages() {
        let mut bytes = sample.to_bytes();
        let own = bytes[0];
        for byte in (0..=255).filter(|byte| *byte != own) {
            bytes[0] = byte;
            if let Ok(other) = Message::from_bytes(&bytes) {
                assert_ne!(other.name(), sample.name());
                assert_ne!(
                    other.signing_hash(&samples::domain()),
                    sample.signing_hash(&samples::domain())
                );
            }
        }
    }
}

#[test]
fn an_observation_under_another_type_byte_is_another_observation() {
    for sample in samples::observations() {
        let mut bytes = sample.to_bytes();
        let own = bytes[0];
        for byte in (0..=255).filter(|byte| *byte != own) {
            bytes[0] = byte;
            assert_ne!(Observation::from_bytes(&bytes).ok(), Some(sample.clone()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn noise_never_panics_and_has_no_second_encoding(noise in proptest::collection::vec(any::<u8>(), 0..200)) {
        for Sample { name, decode, .. } in CORPUS.iter() {
            if let Some(encoded) = decode(&noise) {
                prop_assert_eq!(&encoded, &noise, "{}", name);
            }
        }
    }

    #[test]
    fn cut_and_spliced_encodings_have_no_second_encoding(
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
        patch in proptest::collection::vec(any::<u8>(), 0..8),
        pick in any::<prop::sample::Index>(),
    ) {
        let Sample { name, bytes, decode } = &CORPUS[pick.index(CORPUS.len())];
        let (from, to) = (from.index(bytes.len() + 1), to.index(bytes.len() + 1));
        let spliced = [&bytes[..from.min(to)], &patch, &bytes[from.max(to)..]].concat();
        if let Some(encoded) = decode(&spliced) {
            prop_assert_eq!(&encoded, &spliced, "{}", name);
        }
    }
}
