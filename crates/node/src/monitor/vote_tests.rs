#![allow(clippy::unwrap_used)]
use super::super::sealed::{Folder, Vote as Place};
use super::*;
use proptest::prelude::*;
use rampart_ledger::{Subject, Vote};
use rampart_protocol::{CaseId, Domain, ProviderId};

const ME: Address = Address::repeat_byte(2);
const SEED: B256 = B256::repeat_byte(9);
const CASE: CaseId = CaseId(B256::repeat_byte(1));
const OPENED: u64 = 1_000;
const COMMIT: u64 = 1_100;
const REVEAL: u64 = 1_200;

fn ballot(commitment: B256, revealed: bool) -> Ballot {
    let vote = |operator, commitment, revealed| Vote {
        operator,
        stake: 10,
        commitment,
        revealed,
        upheld: false,
    };
    Ballot {
        case: CASE,
        round: 1,
        subject: Subject::Review,
        provider: ProviderId(1),
        opened_at: Timestamp(OPENED),
        commit_until: Timestamp(COMMIT),
        reveal_until: Timestamp(REVEAL),
        total_stake: 20,
        escalated: false,
        votes: vec![
            vote(Address::repeat_byte(1), B256::ZERO, false),
            vote(ME, commitment, revealed),
        ],
    }
}

fn sealed(salt: u8) -> Sealed {
    let state = tempfile::tempdir().unwrap();
    let domain = Domain {
        chain_id: 1,
        settlement: Address::ZERO,
    };
    let place = Place {
        case: CASE,
        round: 1,
        operator: ME,
    };
    Folder::new(state.path(), &domain)
        .seal(place, true, B256::repeat_byte(salt), &[])
        .unwrap()
}

fn at(ballot: &Ballot, sealed: Option<&Sealed>, by_hand: bool, now: u64) -> Step {
    step(ballot, ME, sealed, by_hand, &SEED, Timestamp(now))
}

#[test]
fn a_judge_waits_for_people_and_is_in_time() {
    let ballot = ballot(B256::ZERO, false);
    let moment = decides_at(&SEED, &ballot).0;
    assert!((OPENED + 40..=OPENED + 70).contains(&moment), "{moment}");
    assert_eq!(at(&ballot, None, false, moment - 1), Step::Wait);
    assert_eq!(at(&ballot, None, false, moment), Step::Decide);
    assert_eq!(at(&ballot, None, false, COMMIT), Step::Decide);
    assert_eq!(at(&ballot, None, true, OPENED), Step::Decide);
    assert_eq!(at(&ballot, None, false, COMMIT + 1), Step::Missed);
}

#[test]
fn what_is_sealed_is_sent_until_the_ledger_shows_it() {
    let sealed = sealed(5);
    let none = ballot(B256::ZERO, false);
    assert_eq!(at(&none, Some(&sealed), false, OPENED), Step::Commit);
    assert_eq!(at(&none, Some(&sealed), true, COMMIT), Step::Commit);
    let committed = ballot(sealed.commitment(), false);
    assert_eq!(at(&committed, Some(&sealed), false, COMMIT), Step::Wait);
    assert_eq!(at(&committed, Some(&sealed), false, COMMIT + 1), Step::Reveal);
    assert_eq!(at(&committed, Some(&sealed), false, REVEAL), Step::Reveal);
    assert_eq!(at(&committed, Some(&sealed), false, REVEAL + 1), Step::Wait);
    let revealed = ballot(sealed.commitment(), true);
    assert_eq!(at(&revealed, Some(&sealed), false, REVEAL), Step::Wait);
}

#[test]
fn a_commitment_made_elsewhere_is_not_fought() {
    let elsewhere = ballot(sealed(6).commitment(), false);
    for now in [OPENED, COMMIT, COMMIT + 1, REVEAL] {
        assert_eq!(at(&elsewhere, None, true, now), Step::Foreign);
        assert_eq!(at(&elsewhere, Some(&sealed(5)), false, now), Step::Foreign);
    }
}

#[test]
fn who_owes_no_vote_and_what_governance_decides_is_left_alone() {
    let ballot = ballot(B256::ZERO, false);
    let stranger = step(
        &ballot,
        Address::repeat_byte(8),
        None,
        true,
        &SEED,
        Timestamp(OPENED),
    );
    assert_eq!(stranger, Step::Wait);
    let escalated = Ballot {
        escalated: true,
        ..ballot
    };
    assert_eq!(at(&escalated, None, true, OPENED), Step::Wait);
}

proptest! {
    #[test]
    fn the_moment_is_within_the_time_for_commitments(window in 1u64..10_000_000, seed in any::<u8>()) {
        let ballot = Ballot { commit_until: Timestamp(OPENED + window), ..ballot(B256::ZERO, false) };
        let moment = decides_at(&B256::repeat_byte(seed), &ballot).0;
        prop_assert!(moment >= OPENED + window * 40 / 100 && moment <= OPENED + window * 70 / 100 + 1);
    }
}
