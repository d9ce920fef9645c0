//! Precedence, as in `precedence`: reviews, challenges, votes, availability reports and rewards.

use crate::court::*;
use crate::precedence::{LATECOMER, Repair, arrive, uncover};
use crate::precedence_stake::{NOTHING, edit_purchase, only_purchase};
use crate::world::*;
use rampart_ledger::{AvailabilityPage, AvailabilityReport, Ballot, Key, Review, ReviewState, Vote};
use rampart_protocol::message::{
    self, Challenge, ClaimRewards, CommitVerdict, ReportAvailability, RevealVerdict,
};
use rampart_protocol::{Amount, B256, CaseId, Nonce, Ppm, verdict};

fn edit_review(world: &mut World, change: impl FnOnce(&mut Review)) {
    let mut review = world.review(only_purchase(world).record.id);
    change(&mut review);
    world.plant(review);
}

/// The case of the only purchase's review.
fn case(world: &World) -> CaseId {
    verdict::review(only_purchase(world).record.id)
}

fn edit_ballot(world: &mut World, change: impl FnOnce(&mut Ballot)) {
    let mut ballot = world.ballot(case(world)).unwrap();
    change(&mut ballot);
    world.plant(ballot);
}

/// A vote of the latecomer, which may have been revealed.
fn vote(commitment: B256, revealed: bool) -> Vote {
    Vote {
        operator: LATECOMER,
        stake: 10,
        commitment,
        revealed,
        upheld: revealed,
    }
}

#[test]
fn of_a_review() {
    let mut world = World::court();
    let id = world.buy(ALICE);
    world.ok(ALICE, world.withdrawal(ALICE, tokens(99_890)));
    edit_purchase(&mut world, |purchase| {
        (purchase.reviewed, purchase.closed) = (true, true);
    });
    world.advance(40 * DAY);
    let message = message::Review {
        purchase: NOTHING,
        fee: tokens(1),
        comment: " ".repeat(513),
        ..world.complaint(ALICE, id)
    };
    let repair = Repair {
        world,
        signer: LATECOMER,
        message: message::Review {
            nonce: Nonce(0),
            ..message
        },
    };
    uncover(
        repair,
        &[
            (1, |r| r.message.comment.truncate(5)),
            (2, arrive),
            (3, |r| r.message.nonce = Nonce(2)),
            (4, |r| r.message.nonce = Nonce(1)),
            (20, |r| r.message.comment.push('x')),
            (44, |r| r.message.purchase = only_purchase(&r.world).record.id),
            (49, |r| {
                (r.signer, r.message.nonce) = (ALICE, r.world.nonce(ALICE))
            }),
            (53, |r| {
                edit_purchase(&mut r.world, |purchase| purchase.reviewed = false)
            }),
            (67, |r| r.message.fee = REVIEW_FEE),
            (70, |r| {
                edit_purchase(&mut r.world, |purchase| purchase.closed = false)
            }),
            (72, |r| {
                r.world.at(START);
            }),
            (100, |r| r.world.deposit(ALICE, tokens(100))),
        ],
    );
}

#[test]
fn of_a_challenge() {
    let mut world = World::court();
    world.buy(ALICE);
    world.ok(OWNER, world.withdrawal(OWNER, tokens(50_000)));
    let message = Challenge {
        purchase: NOTHING,
        bond: tokens(1),
        evidence: B256::ZERO,
        nonce: Nonce(0),
    };
    let repair = Repair {
        world,
        signer: LATECOMER,
        message,
    };
    uncover(
        repair,
        &[
            (2, arrive),
            (3, |r| r.message.nonce = Nonce(2)),
            (4, |r| r.message.nonce = Nonce(1)),
            (44, |r| r.message.purchase = only_purchase(&r.world).record.id),
            (46, |r| {
                (r.signer, r.message.nonce) = (OWNER, r.world.nonce(OWNER))
            }),
            (52, |r| {
                let id = only_purchase(&r.world).record.id;
                r.world.ok(ALICE, r.world.complaint(ALICE, id));
                edit_review(&mut r.world, |review| review.state = ReviewState::Challenged);
                r.world.advance(4 * DAY);
            }),
            (67, |r| r.message.bond = REVIEW_FEE),
            (72, |r| {
                r.world.at(START);
            }),
            (74, |r| {
                edit_review(&mut r.world, |review| review.state = ReviewState::Open)
            }),
            (100, |r| r.world.deposit(OWNER, tokens(100))),
        ],
    );
}

#[test]
fn of_a_commitment() {
    let mut world = World::court();
    world.challenged();
    edit_ballot(&mut world, |ballot| {
        ballot.votes.push(vote(B256::repeat_byte(1), false));
    });
    world.advance(DAY + 1);
    let message = CommitVerdict {
        case: CaseId(B256::repeat_byte(9)),
        round: 2,
        commitment: B256::repeat_byte(1),
        nonce: Nonce(0),
    };
    let repair = Repair {
        world,
        signer: LATECOMER,
        message,
    };
    uncover(
        repair,
        &[
            (2, arrive),
            (3, |r| r.message.nonce = Nonce(2)),
            (4, |r| r.message.nonce = Nonce(1)),
            (50, |r| {
                r.world.restake(LATECOMER, 10, Ppm(0));
            }),
            (54, |r| (r.message.case, r.message.round) = (case(&r.world), 1)),
            (55, |r| {
                edit_ballot(&mut r.world, |ballot| ballot.votes.truncate(3))
            }),
            (72, |r| {
                r.world.at(START);
            }),
            (75, |r| {
                edit_ballot(&mut r.world, |ballot| ballot.votes.push(vote(B256::ZERO, false)));
            }),
        ],
    );
}

#[test]
fn of_a_reveal() {
    let mut world = World::court();
    world.challenged();
    world.advance(3 * DAY);
    let message = RevealVerdict {
        case: CaseId(B256::repeat_byte(9)),
        round: 2,
        upheld: false,
        salt: World::salt(LATECOMER),
        nonce: Nonce(0),
    };
    let repair = Repair {
        world,
        signer: LATECOMER,
        message,
    };
    uncover(
        repair,
        &[
            (2, arrive),
            (3, |r| r.message.nonce = Nonce(2)),
            (4, |r| r.message.nonce = Nonce(1)),
            (54, |r| (r.message.case, r.message.round) = (case(&r.world), 1)),
            (56, |r| {
                let sealed = r.world.seal(LATECOMER, case(&r.world), 1, true).commitment;
                edit_ballot(&mut r.world, |ballot| ballot.votes.push(vote(sealed, true)));
            }),
            (57, |r| {
                edit_ballot(&mut r.world, |ballot| ballot.votes[3].revealed = false);
            }),
            (72, |r| {
                r.world.at(START);
            }),
            (73, |r| {
                r.world.at(START + DAY + 1);
            }),
            (76, |r| r.message.upheld = true),
        ],
    );
}

#[test]
fn of_an_availability_report() {
    let mut world = World::court();
    world.pass(30 * DAY);
    let message = ReportAvailability {
        epoch: 7,
        page: 3,
        down: B256::ZERO,
        nonce: Nonce(0),
    };
    let report = AvailabilityReport {
        operator: LATECOMER,
        stake: 10,
        down: B256::ZERO,
    };
    world.plant(AvailabilityPage {
        epoch: 7,
        page: 3,
        total_stake: 100,
        reports: vec![report],
    });
    let repair = Repair {
        world,
        signer: LATECOMER,
        message,
    };
    uncover(
        repair,
        &[
            (2, arrive),
            (3, |r| r.message.nonce = Nonce(2)),
            (4, |r| r.message.nonce = Nonce(1)),
            (50, |r| {
                r.world.restake(LATECOMER, 10, Ppm(0));
            }),
            (58, |r| r.world.unplant(Key::availability(7, 3))),
            (59, |r| r.message.page = 0),
            (77, |r| r.message.epoch = 0),
        ],
    );
}

#[test]
fn of_a_claim_of_rewards() {
    let message = ClaimRewards {
        operator: LATECOMER,
        nonce: Nonce(0),
    };
    let repair = Repair {
        world: World::court(),
        signer: LATECOMER,
        message,
    };
    uncover(
        repair,
        &[
            (2, arrive),
            (3, |r| r.message.nonce = Nonce(2)),
            (4, |r| r.message.nonce = Nonce(1)),
            (51, |r| {
                r.world.restake(LATECOMER, 10, Ppm(0));
            }),
            (88, |r| {
                let mut operator = r.world.operator(LATECOMER);
                operator.owed = Amount(5);
                r.world.plant(operator);
                r.world.edit_globals(|globals| {
                    globals.rewards.0 += 5;
                    globals.deposited.0 += 5;
                });
            }),
        ],
    );
}
