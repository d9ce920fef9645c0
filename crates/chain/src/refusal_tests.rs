#![allow(clippy::unwrap_used, clippy::panic)]
use super::*;
use crate::ChainError;
use alloy::json_abi::JsonAbi;
use alloy::primitives::{Address, B256, hex};
use alloy::sol_types::SolInterface;
use alloy::transports::{RpcError, TransportErrorKind};
use std::collections::{BTreeMap, BTreeSet};

const SETTLEMENT: &str = include_str!("../../../contracts/artifacts/Settlement.json");
const TOKEN: &str = include_str!("../../../contracts/artifacts/UtilityToken.json");
const LAYER_1: [&str; 8] = [
    include_str!("../../../contracts/artifacts/CoreV13Adapter.json"),
    include_str!("../../../contracts/artifacts/CoreV19Adapter.json"),
    include_str!("../../../contracts/artifacts/GovernanceToken.json"),
    include_str!("../../../contracts/artifacts/Outbox.json"),
    include_str!("../../../contracts/artifacts/RampartGovernor.json"),
    include_str!("../../../contracts/artifacts/RestakingVault.json"),
    include_str!("../../../contracts/artifacts/ServiceManager.json"),
    include_str!("../../../contracts/artifacts/TimelockController.json"),
];

/// The errors of a contract's committed artifact: name, selector, number of words that its arguments take.
fn errors(artifact: &str) -> Vec<(String, [u8; 4], usize)> {
    let artifact: serde_json::Value = serde_json::from_str(artifact).unwrap();
    let abi: JsonAbi = serde_json::from_value(artifact["abi"].clone()).unwrap();
    abi.errors()
        .map(|error| (error.name.clone(), error.selector().0, error.inputs.len()))
        .collect()
}

/// Revert data of an error: its arguments are small numbers, which every static type of ours can hold.
fn revert_data(name: &str, selector: [u8; 4], words: usize) -> Vec<u8> {
    let mut data = selector.to_vec();
    if matches!(name, "StringTooLong" | "InvalidParameterName") {
        data.extend(B256::with_last_byte(32));
        data.extend(B256::ZERO);
        return data;
    }
    for word in 1..=words {
        data.extend(B256::with_last_byte(u8::try_from(word).unwrap()));
    }
    data
}

fn sentences<E: SolInterface + Into<Refusal>>(artifact: &str) -> Vec<(String, String)> {
    errors(artifact)
        .into_iter()
        .map(|(name, selector, words)| {
            let refusal: Refusal = E::abi_decode(&revert_data(&name, selector, words))
                .unwrap()
                .into();
            (name, refusal.to_string())
        })
        .collect()
}

#[test]
fn every_error_of_our_contracts_has_a_sentence_of_its_own() {
    for (all, known) in [
        (sentences::<Settlement>(SETTLEMENT), Settlement::COUNT),
        (sentences::<Token>(TOKEN), Token::COUNT),
    ] {
        assert_eq!(all.len(), known);
        for (name, sentence) in &all {
            is_sentence(name, sentence);
        }
        let different: BTreeSet<&String> = all
            .iter()
            .filter(|(name, _)| !name.starts_with("ECDSA") && !name.contains("String"))
            .map(|(_, sentence)| sentence)
            .collect();
        let expected = all
            .iter()
            .filter(|(name, _)| !name.starts_with("ECDSA") && !name.contains("String"));
        assert_eq!(different.len(), expected.count());
    }
}

fn is_sentence(name: &str, sentence: &str) {
    assert!(
        sentence.len() > 15 && !sentence.contains(name),
        "{name}: {sentence}"
    );
    assert!(
        !sentence.ends_with('.') && !sentence.contains('{'),
        "{name}: {sentence}"
    );
}

#[test]
fn every_error_of_the_layer_1_has_a_sentence_of_its_own() {
    let mut sentences = BTreeMap::new();
    for artifact in LAYER_1 {
        for (name, selector, words) in errors(artifact) {
            let refusal = Refusal::decode(&revert_data(&name, selector, words));
            let sentence = refusal
                .unwrap_or_else(|| panic!("{name} is not known"))
                .to_string();
            is_sentence(&name, &sentence);
            sentences.insert(name, sentence);
        }
    }
    let own = |name: &&String| !name.starts_with("ECDSA") && !name.contains("String");
    let different: BTreeSet<&String> = sentences
        .iter()
        .filter(|(name, _)| own(name))
        .map(|(_, sentence)| sentence)
        .collect();
    assert_eq!(different.len(), sentences.keys().filter(own).count());
    let known = RestakingErrors::COUNT + VotingErrors::COUNT;
    let ours = |selector: &[u8; 4]| Settlement::valid_selector(*selector) || Token::valid_selector(*selector);
    let named: BTreeSet<[u8; 4]> = LAYER_1
        .iter()
        .flat_map(|artifact| errors(artifact))
        .map(|(_, selector, _)| selector)
        .filter(|selector| !ours(selector))
        .collect();
    assert_eq!(
        named.len(),
        known,
        "what no contract refuses with needs no sentence"
    );
}

#[test]
fn every_error_of_eigenlayer_that_is_known_has_a_sentence_of_its_own() {
    let sentences: BTreeSet<String> = EigenLayerErrors::SELECTORS
        .iter()
        .map(|selector| Refusal::decode(selector).unwrap().to_string())
        .collect();
    assert_eq!(sentences.len(), EigenLayerErrors::COUNT);
    for sentence in sentences {
        assert!(sentence.starts_with("EigenLayer: "), "{sentence}");
        is_sentence("()", &sentence);
    }
}

#[test]
fn states_of_proposals_are_told_by_name() {
    let early = VotingErrors::GovernorUnexpectedProposalState(Voting::GovernorUnexpectedProposalState {
        proposalId: U256::from(7),
        current: 1,
        expectedStates: B256::with_last_byte(0b11_0000),
    });
    assert_eq!(
        Refusal::from(early).to_string(),
        "proposal 7 is active; it must be succeeded or queued for this"
    );
    let strange = VotingErrors::GovernorUnexpectedProposalState(Voting::GovernorUnexpectedProposalState {
        proposalId: U256::from(7),
        current: 200,
        expectedStates: B256::ZERO,
    });
    assert_eq!(
        Refusal::from(strange).to_string(),
        "proposal 7 is in an unknown state; it must be in another state for this"
    );
}

#[test]
fn sentences_carry_the_contracts_figures() {
    use crate::bindings::SettlementContract as S;
    use crate::bindings::UtilityTokenContract as T;
    let someone = Address::repeat_byte(0x11);
    let one_and_a_half = U256::from(1_500_000_000_000_000_000u64);
    let cases: [(Refusal, &str); 5] = [
        (
            Settlement::AlreadyWithdrawn(S::AlreadyWithdrawn { index: 7 }).into(),
            "withdrawal 7 was paid already",
        ),
        (
            Settlement::QuorumNotReached(S::QuorumNotReached {
                signedWeight: U256::from(200),
                totalWeight: U256::from(400),
            })
            .into(),
            "the signers hold 200 of 400 weight, more than two thirds are needed",
        ),
        (
            Settlement::HeightNotIncreasing(S::HeightNotIncreasing {
                latest: 20,
                given: 10,
            })
            .into(),
            "the checkpoint is of height 10, one of height 20 was accepted already",
        ),
        (
            Settlement::InboxCountAhead(S::InboxCountAhead {
                received: 1,
                given: 2,
            })
            .into(),
            "the checkpoint consumes 2 entries of the inbox, it received only 1",
        ),
        (
            Token::ERC20InsufficientBalance(T::ERC20InsufficientBalance {
                sender: someone,
                balance: one_and_a_half,
                needed: one_and_a_half * U256::from(2),
            })
            .into(),
            "0x1111111111111111111111111111111111111111 holds 1.5 tokens on this chain, 3 are needed",
        ),
    ];
    for (refusal, sentence) in cases {
        assert_eq!(refusal.to_string(), sentence);
    }
}

/// What an RPC node answers to a call that reverts with `data`.
fn reverted(data: &[u8]) -> alloy::contract::Error {
    let payload = serde_json::json!({
        "code": 3,
        "message": "execution reverted",
        "data": hex::encode_prefixed(data),
    });
    let payload = serde_json::from_value(payload).unwrap();
    alloy::contract::Error::TransportError(RpcError::<TransportErrorKind>::ErrorResp(payload))
}

#[test]
fn a_revert_with_a_custom_error_is_decoded_from_the_answer_of_the_rpc() {
    let (name, selector, words) = errors(SETTLEMENT)
        .into_iter()
        .find(|(name, ..)| name == "AlreadyWithdrawn")
        .unwrap();
    let error = ChainError::from(reverted(&revert_data(&name, selector, words)));
    assert!(matches!(
        error.refusal(),
        Some(Refusal::Settlement(Settlement::AlreadyWithdrawn(e))) if e.index == 1
    ));
    assert_eq!(
        error.to_string(),
        "the contract refused: withdrawal 1 was paid already"
    );
}

#[test]
fn a_revert_that_is_none_of_ours_is_no_refusal() {
    for data in [&[][..], &[1, 2, 3, 4], &[0x08, 0xc3, 0x79, 0xa0]] {
        let error = ChainError::from(reverted(data));
        assert!(matches!(error, ChainError::Contract(_)), "{error:?}");
        assert!(error.refusal().is_none());
        assert!(error.to_string().contains("execution reverted"), "{error}");
    }
}
