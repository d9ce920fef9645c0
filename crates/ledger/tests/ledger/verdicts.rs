//! Cases (V8): commit and reveal to the second, quorum, rounds, escalation, and where deposits, refunds and slashes go.

use crate::court::*;
use crate::world::*;
use rampart_ledger::{Event, Params, Reject, ReviewState, Subject};
use rampart_protocol::message::RevealVerdict;
use rampart_protocol::observation::Judge;
use rampart_protocol::{Address, Amount, B256, CaseId, Ppm, PurchaseId, verdict};

/// A part of an amount in proportion to a stake, rounded down.
fn part(amount: u128, stake: u128, total: u128) -> u128 {
    amount * stake / total
}

fn state(world: &World, id: PurchaseId) -> ReviewState {
    world.review(id).state
}

#[test]
fn commitments_are_taken_until_the_last_second_of_their_window() {
    for (at, good) in [(0, true), (DAY, true), (DAY + 1, false)] {
        let mut world = World::court();
        let (_, case) = world.challenged();
        world.advance(at);
        let sent = world.send(OLGA, world.seal(OLGA, case, 1, true));
        assert_eq!(sent.is_ok(), good, "at {at}");
    }
}

#[test]
fn reveals_begin_the_second_after_and_end_with_theirs() {
    for (at, good) in [
        (DAY, false),
        (DAY + 1, true),
        (2 * DAY, true),
        (2 * DAY + 1, false),
    ] {
        let mut world = World::court();
        let (_, case) = world.challenged();
        world.ok(OLGA, world.seal(OLGA, case, 1, true));
        world.advance(at);
        let sent = world.send(OLGA, world.unseal(OLGA, case, 1, true));
        assert_eq!(sent.is_ok(), good, "at {at}");
    }
}

#[test]
fn a_round_is_counted_by_the_first_block_after_its_last_second() {
    let mut world = World::court();
    let (id, case) = world.challenged();
    for who in [OLGA, PETE] {
        world.ok(who, world.seal(who, case, 1, true));
    }
    world.advance(DAY + 1);
    for who in [OLGA, PETE] {
        world.ok(who, world.unseal(who, case, 1, true));
    }
    world.at(START + 2 * DAY).begin();
    assert_eq!(state(&world, id), ReviewState::Challenged);
    let events = world.pass(1);
    let decided = Event::CaseDecided {
        case,
        subject: Subject::Review,
        provider: PROVIDER,
        upheld: true,
    };
    assert_eq!(events[0], decided);
    assert_eq!(state(&world, id), ReviewState::Upheld);
    assert_eq!(world.ballot(case), None);
}

#[test]
fn a_commitment_that_was_copied_cannot_be_revealed() {
    let mut world = World::court();
    let (_, case) = world.challenged();
    let original = world.seal(OLGA, case, 1, true);
    let mut copy = original.clone();
    copy.nonce = world.nonce(PETE);
    world.ok(OLGA, original);
    world.ok(PETE, copy);
    world.advance(DAY + 1);
    for upheld in [true, false] {
        let stolen = RevealVerdict {
            nonce: world.nonce(PETE),
            ..world.unseal(OLGA, case, 1, upheld)
        };
        assert_eq!(world.send(PETE, stolen), Err(Reject::WrongReveal {}));
    }
    world.ok(OLGA, world.unseal(OLGA, case, 1, true));
}

#[test]
fn a_commitment_binds_operator_case_round_verdict_and_salt() {
    let (case, other) = (CaseId(B256::repeat_byte(1)), CaseId(B256::repeat_byte(2)));
    let salt = B256::repeat_byte(9);
    let base = verdict::commitment(case, 1, OLGA, true, salt);
    for (what, changed) in [
        ("case", verdict::commitment(other, 1, OLGA, true, salt)),
        ("round", verdict::commitment(case, 2, OLGA, true, salt)),
        ("operator", verdict::commitment(case, 1, PETE, true, salt)),
        ("verdict", verdict::commitment(case, 1, OLGA, false, salt)),
        ("salt", verdict::commitment(case, 1, OLGA, true, B256::ZERO)),
    ] {
        assert_ne!(changed, base, "{what}");
    }
}

#[test]
fn what_was_sealed_for_one_round_or_case_cannot_be_opened_in_another() {
    let mut world = World::court();
    let (_, first) = world.challenged();
    let (_, second) = world.challenged();
    let mut sealed = world.seal(OLGA, first, 1, true);
    sealed.case = second;
    world.ok(OLGA, sealed);
    let mut early = world.seal(PETE, second, 2, true);
    early.round = 1;
    world.ok(PETE, early);
    world.advance(DAY + 1);
    for who in [OLGA, PETE] {
        let reveal = world.unseal(who, second, 1, true);
        assert_eq!(world.send(who, reveal), Err(Reject::WrongReveal {}));
    }
}

#[test]
fn a_quorum_is_the_stake_that_the_parameter_names_to_the_unit() {
    const TWO_THIRDS: u32 = 666_667;
    for (stakes, quorum, decided) in [
        ([666_667, 333_333], TWO_THIRDS, true),
        ([666_666, 333_334], TWO_THIRDS, false),
        // Exactly two thirds are less than the default, which is the next millionth above.
        ([2, 1], TWO_THIRDS, false),
        ([2, 1], 666_666, true),
        ([u128::MAX / 3 * 2 + 1, u128::MAX / 3], 666_666, true),
        ([3, 1], 750_000, true),
        ([3, 1], 750_001, false),
        ([1_000_000, 1], 1_000_000, false),
    ] {
        let params = Params {
            verdict_quorum: Ppm(quorum),
            ..calm()
        };
        let [most, rest] = stakes;
        let mut world = World::court_of(&params, &[(OLGA, most), (PETE, rest)]);
        let (id, case) = world.challenged();
        world.vote(case, &[(OLGA, false)]);
        assert_eq!(
            state(&world, id) == ReviewState::Overturned,
            decided,
            "{stakes:?} of {quorum}"
        );
    }
}

#[test]
fn the_verdict_is_the_majority_of_the_stake_that_was_revealed() {
    for (votes, expected) in [
        ([(OLGA, true), (PETE, true), (QUINN, false)], ReviewState::Upheld),
        ([(OLGA, false), (PETE, true), (QUINN, true)], ReviewState::Upheld),
        (
            [(OLGA, true), (PETE, false), (QUINN, false)],
            ReviewState::Overturned,
        ),
        (
            [(OLGA, false), (PETE, false), (QUINN, false)],
            ReviewState::Overturned,
        ),
    ] {
        let mut world = World::court();
        let (id, case) = world.challenged();
        world.vote(case, &votes);
        assert_eq!(state(&world, id), expected, "{votes:?}");
    }
}

#[test]
fn what_was_committed_and_not_revealed_is_no_part_of_the_quorum() {
    let mut world = World::court();
    let (id, case) = world.challenged();
    world.ok(PETE, world.seal(PETE, case, 1, true));
    world.vote(case, &[(OLGA, true)]);
    assert_eq!(
        (state(&world, id), world.review(id).round),
        (ReviewState::Challenged, 2)
    );
}

#[test]
fn stake_that_came_after_the_round_began_has_no_weight_and_stake_that_left_before_the_vote_neither() {
    let mut world = World::court();
    let (id, case) = world.challenged();
    world.restake(OLGA, 4_000, Ppm(0));
    world.restake(PETE, 10, Ppm(0));
    world.vote(case, &[(OLGA, true), (PETE, true)]);
    // 40 and 10 of 100.
    assert_eq!(world.review(id).round, 2);
    assert_eq!(world.ballot(case).unwrap().total_stake, 4_035);
}

#[test]
fn a_tie_goes_to_a_second_round_and_then_to_governance() {
    let mut world = World::court_of(&calm(), &[(OLGA, 50), (PETE, 50)]);
    let (id, case) = world.challenged();
    let tie = [(OLGA, true), (PETE, false)];
    let events = world.vote(case, &tie);
    assert!(
        matches!(events[..], [Event::BallotOpened { round: 2, .. }]),
        "{events:?}"
    );
    assert_eq!(
        (state(&world, id), world.review(id).round),
        (ReviewState::Challenged, 2)
    );
    let events = world.vote(case, &tie);
    let provider = PROVIDER;
    assert_eq!(events, [Event::CaseEscalated { case, provider }]);
    assert_eq!(state(&world, id), ReviewState::Escalated);
    let late = world.seal(OLGA, case, 2, true);
    assert_eq!(
        world.send(OLGA, late),
        Err(Reject::UnknownBallot { case, round: 2 })
    );
}

#[test]
fn a_second_round_can_decide() {
    let mut world = World::court();
    let (id, case) = world.challenged();
    world.vote(case, &[(OLGA, true)]);
    world.vote(case, &[(OLGA, true), (QUINN, false), (PETE, true)]);
    assert_eq!(state(&world, id), ReviewState::Upheld);
}

/// A case that operators failed to decide twice.
fn escalated() -> (World, PurchaseId, CaseId) {
    let mut world = World::court();
    let (id, case) = world.challenged();
    world.vote(case, &[]);
    world.vote(case, &[]);
    (world, id, case)
}

#[test]
fn governance_decides_what_operators_could_not_and_their_half_is_the_pools() {
    for upheld in [true, false] {
        let (mut world, id, case) = escalated();
        let pool = world.globals().pool;
        world.govern(Judge { case, upheld });
        let (alice, owner, extra) = if upheld {
            // The fee back, half of the bond and the refund; the other half and a slash of five for the pool.
            assert_eq!(state(&world, id), ReviewState::Upheld);
            (99_880 + 20 + 10 + 100, 49_980, 10 + 5)
        } else {
            assert_eq!(state(&world, id), ReviewState::Overturned);
            (99_880, 49_980 + 20 + 10, 10)
        };
        assert_eq!(
            (world.balance(ALICE), world.balance(OWNER)),
            (tokens(alice), tokens(owner))
        );
        assert_eq!(world.globals().pool.0 - pool.0, tokens(extra).0, "{upheld}");
    }
}

#[test]
fn a_case_that_nobody_decides_is_dropped_and_both_deposits_return() {
    let (mut world, id, case) = escalated();
    world.pass(30 * DAY);
    assert_eq!(state(&world, id), ReviewState::Escalated);
    let events = world.pass(1);
    let provider = PROVIDER;
    assert!(
        events.contains(&Event::CaseDropped { case, provider }),
        "{events:?}"
    );
    assert_eq!(state(&world, id), ReviewState::Dropped);
    assert_eq!(
        (world.balance(ALICE), world.balance(OWNER)),
        (tokens(99_900), tokens(50_000))
    );
    assert_eq!(world.provider().negative.value(world.score_steps()), 0);
    let refused = world.govern(Judge { case, upheld: true });
    assert!(
        matches!(refused[..], [Event::GovernanceRefused { .. }]),
        "{refused:?}"
    );
}

#[test]
fn an_upheld_review_pays_the_consumer_slashes_the_provider_and_rewards_the_majority() {
    let mut world = World::court();
    let (id, case) = world.challenged();
    let pool = world.globals().pool.0;
    let events = world.vote(case, &[(OLGA, true), (PETE, true), (QUINN, false)]);
    assert_eq!(world.balance(ALICE), tokens(99_880 + 20 + 10 + 100));
    assert_eq!(world.balance(OWNER), tokens(49_980));
    // Of the refund of 100 the stake paid 5, and the slash takes 5 more.
    assert_eq!(world.provider().stake, tokens(49_990));
    let slashed = Event::Slashed {
        provider: PROVIDER,
        amount: tokens(5),
        bounty: Amount(tokens(1).0 / 2),
    };
    assert!(events.contains(&slashed), "{events:?}");
    // Half of the bond and the bounty, by stake among those who said so, each part rounded down.
    let [half, bounty] = [tokens(10).0, tokens(1).0 / 2];
    let olga = [part(half, 40, 75), part(bounty, 40, 75)];
    let pete = [part(half, 35, 75), part(bounty, 35, 75)];
    for (who, parts) in [(OLGA, olga), (PETE, pete)] {
        let commission: u128 = parts.iter().map(|part| part / 10).sum();
        assert_eq!(world.operator(who).owed, Amount(commission), "{who}");
    }
    assert_eq!(world.operator(QUINN).owed, Amount::ZERO);
    let paid: u128 = olga.iter().chain(&pete).sum();
    let remainder = half + bounty - paid;
    assert_eq!(world.globals().pool.0 - pool, tokens(5).0 - bounty + remainder);
    assert_eq!(state(&world, id), ReviewState::Upheld);
    assert_eq!(
        world.provider().negative,
        world.review(id).weight,
        "it counts from its publication"
    );
}

#[test]
fn an_overturned_review_pays_the_provider_and_touches_no_stake() {
    let mut world = World::court();
    let (id, case) = world.challenged();
    world.vote(case, &[(OLGA, false), (PETE, false)]);
    assert_eq!(world.balance(ALICE), tokens(99_880));
    assert_eq!(world.balance(OWNER), tokens(49_980 + 20 + 10));
    let provider = world.provider();
    assert_eq!(
        (provider.stake, provider.escrow.total),
        (tokens(50_000), tokens(95))
    );
    assert!(!world.purchase(id).closed, "the consumer keeps what it bought");
}

/// A court in which one unit can be charged, so that halves and parts leave remainders.
fn penny_court() -> World {
    let mut params = calm();
    (params.fee_min, params.review_fee_min) = (Amount(1), Amount::ZERO);
    (params.slash_review_min, params.slash_review) = (Amount::ZERO, Ppm(0));
    World::court_with(&params)
}

#[test]
fn the_losers_deposit_is_halved_to_the_unit() {
    // Fee of the purchase, deposit, the winner's half, and what the operators with 40 and 35 of 75 get of the rest.
    for (fee, deposit, winner, olga, pete) in [
        (1, 1, 0, 0, 0),
        (6, 2, 1, 0, 0),
        (11, 3, 1, 1, 0),
        (101, 21, 10, 5, 5),
        (500, 100, 50, 26, 23),
        (75_000, 15_000, 7_500, 4_000, 3_500),
    ] {
        for upheld in [true, false] {
            let mut world = penny_court();
            let id = world.buy_for(ALICE, Amount(fee));
            world.ok(ALICE, world.complaint(ALICE, id));
            world.ok(OWNER, world.objection(id));
            assert_eq!(world.review(id).fee, Amount(deposit), "{fee}");
            let who = if upheld { ALICE } else { OWNER };
            let before = (
                world.balance(who).0,
                world.globals().pool.0,
                world.globals().treasury.0,
            );
            world.vote(verdict::review(id), &[(OLGA, upheld), (PETE, upheld)]);
            let refund = world.purchase(id).refunded.0;
            assert_eq!(
                world.balance(who).0 - before.0,
                deposit + winner + refund,
                "{fee} {upheld}"
            );
            let remainder = deposit - winner - olga - pete;
            assert_eq!(world.globals().pool.0 - before.1, remainder, "{fee} {upheld}");
            // Without investors all but the commission, a tenth rounded down, is the treasury's.
            let commission = |part: u128| part / 10;
            let owed = commission(olga) + commission(pete);
            assert_eq!(world.globals().rewards.0, owed, "{fee} {upheld}");
            assert_eq!(world.globals().treasury.0 - before.2, olga + pete - owed);
        }
    }
}

#[test]
fn an_upheld_review_slashes_a_share_of_the_fee_and_no_less_than_the_least() {
    for (fee, slashed) in [
        (tokens(100), tokens(5)),
        (tokens(20), tokens(1)),
        (tokens(10), tokens(1)),
        (Amount(tokens(20).0 + 1), Amount(tokens(1).0 + 1)),
    ] {
        let mut world = World::court();
        let id = world.buy_for(ALICE, fee);
        world.ok(OWNER, world.report(id, 1_000));
        world.ok(ALICE, world.complaint(ALICE, id));
        world.ok(OWNER, world.objection(id));
        world.vote(verdict::review(id), &[(OLGA, true), (PETE, true)]);
        assert_eq!(world.provider().stake.0, tokens(50_000).0 - slashed.0, "{fee}");
    }
}

#[test]
fn operators_that_revealed_nothing_miss_the_rewards_of_the_epoch() {
    let mut world = World::court();
    let (_, case) = world.challenged();
    world.ok(QUINN, world.seal(QUINN, case, 1, true));
    world.vote(case, &[(OLGA, true), (PETE, true)]);
    let missed: Vec<u64> = [OLGA, PETE, QUINN].map(|who| world.operator(who).missed).into();
    assert_eq!(missed, [0, 0, 1]);
    let before: Vec<u128> = [OLGA, PETE, QUINN].map(|who| world.operator(who).owed.0).into();
    world.at(START + 30 * DAY).begin();
    let after: Vec<u128> = [OLGA, PETE, QUINN].map(|who| world.operator(who).owed.0).into();
    assert!(after[0] > before[0] && after[1] > before[1]);
    assert_eq!(after[2], before[2]);
    assert_eq!(world.epoch(0).operators, 2);
    // The next epoch is a new one.
    world.ok(QUINN, world.availability(QUINN, &[]));
    world.buy(ALICE);
    world.pass(30 * DAY);
    assert!(world.operator(QUINN).owed.0 > after[2]);
}

#[test]
fn who_joined_after_the_round_began_owes_no_vote() {
    let mut world = World::court();
    let (_, case) = world.challenged();
    world.restake(STRANGER, 10, Ppm(0));
    world.vote(case, &[(OLGA, true), (PETE, true), (QUINN, true)]);
    assert_eq!(world.operator(STRANGER).missed, 0);
}

#[test]
fn who_committed_may_reveal_after_its_stake_has_left() {
    let mut world = World::court();
    let (id, case) = world.challenged();
    let votes: [Address; 2] = [OLGA, PETE];
    for who in votes {
        world.ok(who, world.seal(who, case, 1, true));
    }
    world.restake(PETE, 0, Ppm(0));
    world.advance(DAY + 1);
    for who in votes {
        world.ok(who, world.unseal(who, case, 1, true));
    }
    world.pass(DAY);
    assert_eq!(state(&world, id), ReviewState::Upheld);
}

#[test]
fn without_operators_every_case_ends_with_governance() {
    let mut world = World::court_of(&calm(), &[]);
    let (id, _) = world.challenged();
    world.pass(2 * DAY + 1);
    world.pass(2 * DAY + 1);
    assert_eq!(state(&world, id), ReviewState::Escalated);
}
