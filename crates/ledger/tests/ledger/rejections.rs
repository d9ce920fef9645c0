//! The table of rejections: each code is reached, and each answer is exact.

use crate::cases::{Case, ENVELOPE, FUNDS, RIGHTS, TERMS, USAGE, VALUES};
use crate::cases_judging::{CHALLENGES, REFUNDS, REVIEWS, VOTES};
use crate::cases_rewards::{AVAILABILITY, RESTAKING, REWARDS};
use crate::cases_service::{BUNDLES, ROTATIONS};
use crate::cases_stake::{STAKE, STATUS, TRANSFERS};
use crate::overflows::{MORE_OVERFLOWS, OVERFLOWS};
use crate::purchasers::DELEGATIONS;
use crate::world::*;
use rampart_ledger::{Fault, Reject};
use rampart_protocol::usage::VoucherError;
use rampart_protocol::{Amount, Nonce, Timestamp};
use std::collections::BTreeSet;

fn cases() -> impl Iterator<Item = Case> {
    [
        ENVELOPE,
        VALUES,
        RIGHTS,
        TERMS,
        USAGE,
        FUNDS,
        TRANSFERS,
        DELEGATIONS,
        STAKE,
        STATUS,
        BUNDLES,
        ROTATIONS,
        REVIEWS,
        CHALLENGES,
        VOTES,
        REFUNDS,
        RESTAKING,
        AVAILABILITY,
        REWARDS,
        OVERFLOWS,
        MORE_OVERFLOWS,
    ]
    .into_iter()
    .flatten()
    .copied()
}

#[test]
fn every_case_gets_its_exact_answer_and_changes_nothing() {
    for case in cases() {
        let mut world = World::court();
        let (input, expected) = case(&mut world);
        let before = world.state.clone();
        let answer = world.apply(input).err();
        assert_eq!(answer, Some(Fault::Reject(expected)));
        assert_eq!(world.state, before);
    }
}

#[test]
fn the_table_reaches_every_code() {
    let reached: BTreeSet<(u16, &str)> = cases()
        .map(|case| case(&mut World::court()).1)
        .map(|reject| (reject.code(), reject.name()))
        .collect();
    let all: BTreeSet<(u16, &str)> = Reject::ALL.iter().copied().collect();
    assert_eq!(reached, all);
}

#[test]
fn codes_are_frozen() {
    let expected = [
        (1, "FieldTooLong"),
        (2, "UnknownAccount"),
        (3, "StaleNonce"),
        (4, "FutureNonce"),
        (5, "NotDelegable"),
        (6, "UnknownPurchaser"),
        (7, "DelegationExpired"),
        (10, "InboxOutOfOrder"),
        (11, "RestakingOutOfOrder"),
        (20, "BadText"),
        (21, "BadEndpoint"),
        (22, "ZeroAmount"),
        (23, "BadRecipient"),
        (24, "NoRequests"),
        (25, "FeeTooLow"),
        (26, "BadDurations"),
        (27, "BadAccessKey"),
        (28, "BadFraction"),
        (29, "BadComponent"),
        (30, "TooManyComponents"),
        (31, "DelegationOver"),
        (40, "WrongConsumer"),
        (41, "AlreadyProvider"),
        (42, "UnknownProvider"),
        (43, "UnknownService"),
        (44, "UnknownPurchase"),
        (45, "WrongProvider"),
        (46, "NotOwner"),
        (47, "PurchaseExists"),
        (48, "TooManyServices"),
        (49, "NotConsumer"),
        (50, "NotOperator"),
        (51, "NoRewards"),
        (52, "UnknownReview"),
        (53, "AlreadyReviewed"),
        (54, "UnknownBallot"),
        (55, "AlreadyCommitted"),
        (56, "NotCommitted"),
        (57, "AlreadyRevealed"),
        (58, "AlreadyReported"),
        (59, "UnknownPage"),
        (60, "ProviderSuspended"),
        (61, "ProviderExpelled"),
        (62, "ServiceRetired"),
        (63, "VersionMismatch"),
        (64, "FeeMismatch"),
        (65, "ExpiryTooSoon"),
        (66, "ExpiryTooLate"),
        (67, "DepositMismatch"),
        (68, "ComponentUnavailable"),
        (69, "PurchaseExpired"),
        (70, "PurchaseClosed"),
        (71, "TooManyRotations"),
        (72, "TooLate"),
        (73, "TooEarly"),
        (74, "NotChallengeable"),
        (75, "JoinedTooLate"),
        (76, "WrongReveal"),
        (77, "WrongEpoch"),
        (78, "NotSuspended"),
        (79, "NoRefund"),
        (80, "UsageNotIncreased"),
        (81, "UsageExceedsPackage"),
        (82, "BadVoucher"),
        (83, "NothingInEscrow"),
        (84, "StillWaiting"),
        (85, "StillUnbonding"),
        (86, "NothingUnbonding"),
        (87, "TooManyUnbondings"),
        (88, "NothingOwed"),
        (89, "ScoreTooLow"),
        (90, "Held"),
        (91, "TooManyPurchasers"),
        (100, "InsufficientBalance"),
        (101, "StakeTooLow"),
        (102, "Undercollateralised"),
        (103, "StakeRequired"),
        (104, "InsufficientStake"),
        (105, "SpendingLimit"),
        (110, "Overflow"),
    ];
    assert_eq!(Reject::ALL, expected);
}

#[test]
fn sentences_tell_what_a_person_needs() {
    for (reject, sentence) in [
        (
            Reject::InsufficientBalance {
                have: Amount(tokens(3).0 / 2),
                need: tokens(20),
            },
            "the balance is 1.5 tokens, 20 tokens are needed",
        ),
        (
            Reject::Undercollateralised {
                have: tokens(1_000),
                need: tokens(1_060),
            },
            "the provider's stake is 1000 tokens, with this purchase it needs 1060 tokens",
        ),
        (
            Reject::StaleNonce {
                got: Nonce(3),
                expected: Nonce(5),
            },
            "nonce 3 was used already, the account's next is 5",
        ),
        (
            Reject::FutureNonce {
                got: Nonce(7),
                expected: Nonce(5),
            },
            "nonce 7 is ahead of the account's next, 5",
        ),
        (
            Reject::FeeMismatch {
                signed: tokens(1),
                asked: tokens(2),
            },
            "a fee of 1 tokens was signed, the service asks 2 tokens",
        ),
        (
            Reject::StillWaiting {
                escrow: tokens(95),
                retrievable_at: Timestamp(1_700_000_000),
            },
            "95 tokens are in escrow, the oldest fee is retrievable at 1700000000",
        ),
        (
            Reject::BadVoucher {
                reason: VoucherError::SignatureLength,
            },
            "the voucher does not prove the use: the voucher's signature is not 64 bytes",
        ),
        (
            Reject::FieldTooLong {
                what: "name",
                actual: 65,
                limit: 64,
            },
            "name has 65 bytes, at most 64 are permitted",
        ),
    ] {
        assert_eq!(reject.to_string(), sentence);
        assert_eq!(
            Fault::from(reject.clone()).to_string(),
            format!("rejection {}: {sentence}", reject.code())
        );
    }
    for case in cases() {
        let sentence = case(&mut World::court()).1.to_string();
        assert!(sentence.len() > 12 && !sentence.contains('{'), "{sentence}");
    }
}
