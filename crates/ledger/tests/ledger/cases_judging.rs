//! Rejections of reviews, challenges, votes and refunds.

use crate::cases::Case;
use crate::court::*;
use crate::world::*;
use rampart_ledger::Reject;
use rampart_protocol::message::{self, Challenge, ClaimRefund};
use rampart_protocol::observation::Expel;
use rampart_protocol::{Amount, B256, CaseId, Ppm, PurchaseId, Timestamp};

const NOWHERE: PurchaseId = PurchaseId(B256::repeat_byte(3));

pub const REVIEWS: &[Case] = &[
    |world| {
        let id = world.buy(ALICE);
        let review = message::Review {
            comment: "x".repeat(513),
            ..world.complaint(ALICE, id)
        };
        let expected = Reject::FieldTooLong {
            what: "comment",
            actual: 513,
            limit: 512,
        };
        (World::transaction(ALICE, review), expected)
    },
    |world| {
        let id = world.buy(ALICE);
        let review = message::Review {
            comment: " \n".into(),
            ..world.complaint(ALICE, id)
        };
        (
            World::transaction(ALICE, review),
            Reject::BadText { what: "the comment" },
        )
    },
    |world| {
        let id = world.buy(ALICE);
        let review = message::Review {
            purchase: NOWHERE,
            ..world.complaint(ALICE, id)
        };
        (
            World::transaction(ALICE, review),
            Reject::UnknownPurchase { purchase: NOWHERE },
        )
    },
    |world| {
        let id = world.buy(ALICE);
        let expected = Reject::NotConsumer {
            purchase: id,
            consumer: ALICE,
            signer: BOB,
        };
        (World::transaction(BOB, world.complaint(BOB, id)), expected)
    },
    |world| {
        let id = world.reviewed();
        let again = World::transaction(ALICE, world.complaint(ALICE, id));
        (again, Reject::AlreadyReviewed { purchase: id })
    },
    |world| {
        let id = world.buy(ALICE);
        let review = message::Review {
            fee: tokens(19),
            ..world.complaint(ALICE, id)
        };
        let expected = Reject::DepositMismatch {
            what: "the review's fee",
            signed: tokens(19),
            asked: tokens(20),
        };
        (World::transaction(ALICE, review), expected)
    },
    |world| {
        let id = world.buy(ALICE);
        world.govern(Expel { provider: PROVIDER });
        world.ok(ALICE, world.refund(ALICE, id));
        let review = World::transaction(ALICE, world.complaint(ALICE, id));
        (review, Reject::PurchaseClosed { purchase: id })
    },
    |world| {
        let id = world.buy(ALICE);
        world.advance(37 * DAY + 1);
        let expected = Reject::TooLate {
            what: "a review",
            until: Timestamp(START + 37 * DAY),
        };
        (World::transaction(ALICE, world.complaint(ALICE, id)), expected)
    },
    |world| {
        let id = world.buy(ALICE);
        world.ok(ALICE, world.withdrawal(ALICE, tokens(99_890)));
        let expected = Reject::InsufficientBalance {
            have: tokens(10),
            need: tokens(20),
        };
        (World::transaction(ALICE, world.complaint(ALICE, id)), expected)
    },
];

pub const CHALLENGES: &[Case] = &[
    |world| {
        let id = world.reviewed();
        let objection = Challenge {
            nonce: world.nonce(ALICE),
            ..world.objection(id)
        };
        let expected = Reject::NotOwner {
            provider: PROVIDER,
            owner: OWNER,
            signer: ALICE,
        };
        (World::transaction(ALICE, objection), expected)
    },
    |world| {
        let (reviewed, id) = (world.reviewed(), world.buy(ALICE));
        let objection = Challenge {
            purchase: id,
            ..world.objection(reviewed)
        };
        (
            World::transaction(OWNER, objection),
            Reject::UnknownReview { purchase: id },
        )
    },
    |world| {
        let id = world.reviewed();
        let objection = Challenge {
            bond: Amount(tokens(20).0 + 1),
            ..world.objection(id)
        };
        let expected = Reject::DepositMismatch {
            what: "the bond",
            signed: Amount(tokens(20).0 + 1),
            asked: tokens(20),
        };
        (World::transaction(OWNER, objection), expected)
    },
    |world| {
        let id = world.reviewed();
        world.advance(3 * DAY + 1);
        let expected = Reject::TooLate {
            what: "a challenge",
            until: Timestamp(START + 3 * DAY),
        };
        (World::transaction(OWNER, world.objection(id)), expected)
    },
    |world| {
        let (id, _) = world.challenged();
        (
            World::transaction(OWNER, world.objection(id)),
            Reject::NotChallengeable { purchase: id },
        )
    },
];

pub const VOTES: &[Case] = &[
    |world| {
        let (_, case) = world.challenged();
        let vote = world.seal(ALICE, case, 1, true);
        (
            World::transaction(ALICE, vote),
            Reject::NotOperator { signer: ALICE },
        )
    },
    |world| {
        let case = CaseId(B256::repeat_byte(9));
        let vote = world.seal(OLGA, case, 1, true);
        (
            World::transaction(OLGA, vote),
            Reject::UnknownBallot { case, round: 1 },
        )
    },
    |world| {
        let (_, case) = world.challenged();
        let vote = world.seal(OLGA, case, 2, true);
        (
            World::transaction(OLGA, vote),
            Reject::UnknownBallot { case, round: 2 },
        )
    },
    |world| {
        let (_, case) = world.challenged();
        world.ok(OLGA, world.seal(OLGA, case, 1, true));
        let again = world.seal(OLGA, case, 1, false);
        (
            World::transaction(OLGA, again),
            Reject::AlreadyCommitted { signer: OLGA },
        )
    },
    |world| {
        let (_, case) = world.challenged();
        world.advance(DAY + 1);
        let expected = Reject::TooLate {
            what: "a commitment",
            until: Timestamp(START + DAY),
        };
        (
            World::transaction(OLGA, world.seal(OLGA, case, 1, true)),
            expected,
        )
    },
    |world| {
        let (_, case) = world.challenged();
        world.restake(STRANGER, 10, Ppm(0));
        let vote = world.seal(STRANGER, case, 1, true);
        (
            World::transaction(STRANGER, vote),
            Reject::JoinedTooLate { signer: STRANGER },
        )
    },
    |world| {
        let (_, case) = world.challenged();
        world.advance(DAY + 1);
        let vote = world.unseal(OLGA, case, 1, true);
        (
            World::transaction(OLGA, vote),
            Reject::NotCommitted { signer: OLGA },
        )
    },
    |world| {
        let (_, case) = world.challenged();
        world.ok(OLGA, world.seal(OLGA, case, 1, true));
        world.advance(DAY + 1);
        world.ok(OLGA, world.unseal(OLGA, case, 1, true));
        let again = world.unseal(OLGA, case, 1, true);
        (
            World::transaction(OLGA, again),
            Reject::AlreadyRevealed { signer: OLGA },
        )
    },
    |world| {
        let (_, case) = world.challenged();
        world.ok(OLGA, world.seal(OLGA, case, 1, true));
        world.advance(2 * DAY + 1);
        let expected = Reject::TooLate {
            what: "a reveal",
            until: Timestamp(START + 2 * DAY),
        };
        (
            World::transaction(OLGA, world.unseal(OLGA, case, 1, true)),
            expected,
        )
    },
    |world| {
        let (_, case) = world.challenged();
        world.ok(OLGA, world.seal(OLGA, case, 1, true));
        world.advance(DAY);
        let expected = Reject::TooEarly {
            what: "a reveal",
            after: Timestamp(START + DAY),
        };
        (
            World::transaction(OLGA, world.unseal(OLGA, case, 1, true)),
            expected,
        )
    },
    |world| {
        let (_, case) = world.challenged();
        world.ok(OLGA, world.seal(OLGA, case, 1, true));
        world.advance(DAY + 1);
        let other = world.unseal(OLGA, case, 1, false);
        (World::transaction(OLGA, other), Reject::WrongReveal {})
    },
];

pub const REFUNDS: &[Case] = &[
    |world| {
        let id = world.buy(ALICE);
        let claim = ClaimRefund {
            purchase: NOWHERE,
            ..world.refund(ALICE, id)
        };
        (
            World::transaction(ALICE, claim),
            Reject::UnknownPurchase { purchase: NOWHERE },
        )
    },
    |world| {
        let id = world.buy(ALICE);
        let expected = Reject::NotConsumer {
            purchase: id,
            consumer: ALICE,
            signer: BOB,
        };
        (World::transaction(BOB, world.refund(BOB, id)), expected)
    },
    |world| {
        let id = world.buy(ALICE);
        world.govern(Expel { provider: PROVIDER });
        world.ok(ALICE, world.refund(ALICE, id));
        let again = World::transaction(ALICE, world.refund(ALICE, id));
        (again, Reject::PurchaseClosed { purchase: id })
    },
    |world| {
        let purchase = world.buy(ALICE);
        let reason = "its provider was not expelled";
        (
            World::transaction(ALICE, world.refund(ALICE, purchase)),
            Reject::NoRefund { purchase, reason },
        )
    },
    |world| {
        let purchase = world.buy(ALICE);
        world.advance(30 * DAY);
        world.govern(Expel { provider: PROVIDER });
        let reason = "it had expired when its provider was expelled";
        (
            World::transaction(ALICE, world.refund(ALICE, purchase)),
            Reject::NoRefund { purchase, reason },
        )
    },
    |world| {
        let purchase = world.buy(ALICE);
        world.govern(Expel { provider: PROVIDER });
        world.advance(30 * DAY + 1);
        let reason = "the time for compensations is over";
        (
            World::transaction(ALICE, world.refund(ALICE, purchase)),
            Reject::NoRefund { purchase, reason },
        )
    },
    |world| {
        let purchase = world.buy(ALICE);
        world.ok(OWNER, world.report(purchase, 1_000));
        world.govern(Expel { provider: PROVIDER });
        let reason = "nothing of it is unused";
        (
            World::transaction(ALICE, world.refund(ALICE, purchase)),
            Reject::NoRefund { purchase, reason },
        )
    },
    |world| {
        // Without slash there is only the escrow, of which the cut is missing: the second refund takes the last of it.
        world.tune(&[("slash_expel", 0), ("protocol_cut", 500_000)]);
        let ids = [world.buy(ALICE), world.buy(ALICE)];
        world.govern(Expel { provider: PROVIDER });
        world.ok(ALICE, world.refund(ALICE, ids[0]));
        let (purchase, reason) = (ids[1], "what its provider left is used up");
        (
            World::transaction(ALICE, world.refund(ALICE, purchase)),
            Reject::NoRefund { purchase, reason },
        )
    },
];
