//! Rules that meet: reviews, expulsions, claims and changed parameters on one purchase or provider.

use crate::court::*;
use crate::world::*;
use rampart_ledger::{ReviewState, Status};
use rampart_protocol::observation::{Expel, Suspend};
use rampart_protocol::{Amount, Timestamp, verdict};

#[test]
fn a_purchase_that_was_refunded_after_an_expulsion_is_not_refunded_again_when_its_review_stands() {
    let mut world = World::court();
    let id = world.reviewed();
    world.govern(Expel { provider: PROVIDER });
    world.ok(ALICE, world.refund(ALICE, id));
    let balance = world.balance(ALICE);
    let pool = world.globals().pool.0;
    world.pass(3 * DAY + 1);
    assert_eq!(world.review(id).state, ReviewState::Stood);
    assert_eq!(world.balance(ALICE), balance);
    assert_eq!(world.globals().pool.0 - pool, REVIEW_FEE.0);
}

#[test]
fn nor_when_its_review_is_upheld_but_deposits_and_slash_move_all_the_same() {
    let mut world = World::court();
    let (id, case) = world.challenged();
    world.govern(Expel { provider: PROVIDER });
    world.ok(ALICE, world.refund(ALICE, id));
    let (balance, stake) = (world.balance(ALICE).0, world.provider().stake.0);
    world.vote(case, &[(OLGA, true), (PETE, true)]);
    assert_eq!(world.balance(ALICE).0 - balance, tokens(20 + 10).0);
    assert_eq!(stake - world.provider().stake.0, tokens(5).0);
    assert_eq!(world.provider().status, Status::Expelled);
}

#[test]
fn a_refund_finds_what_the_provider_has_claimed_in_its_stake_and_what_it_unbonds() {
    let mut params = calm();
    (params.wait_min.0, params.wait_max.0) = (0, 0);
    let mut world = World::court_with(&params);
    let id = world.buy(ALICE);
    world.advance(HOUR);
    world.ok(OWNER, world.claim(OWNER));
    let mut retire = world.service_update(OWNER);
    retire.active = false;
    world.ok(OWNER, retire);
    world.ok(OWNER, world.unbond(OWNER, tokens(49_960)));
    world.ok(ALICE, world.complaint(ALICE, id));
    world.pass(3 * DAY + 1);
    assert_eq!(world.purchase(id).refunded, tokens(100));
    let provider = world.provider();
    assert_eq!(
        (provider.stake, provider.unbonding_total()),
        (Amount::ZERO, tokens(49_900))
    );
}

#[test]
fn the_windows_of_a_round_that_runs_do_not_change_with_the_parameters() {
    let mut world = World::court();
    let (_, case) = world.challenged();
    let before = world.ballot(case).unwrap();
    world.tune(&[
        ("commit_window", 60),
        ("reveal_window", 60),
        ("verdict_quorum", 1_000_000),
    ]);
    assert_eq!(world.ballot(case).unwrap(), before);
    world.advance(DAY);
    world.ok(OLGA, world.seal(OLGA, case, 1, true));
    // The quorum is asked when the round is counted: three quarters suffice no more.
    world.vote(case, &[(PETE, true)]);
    let second = world.ballot(case).unwrap();
    assert_eq!(second.round, 2);
    assert_eq!(second.commit_until, Timestamp(second.opened_at.0 + 60));
}

#[test]
fn a_deadline_that_a_shorter_window_makes_earlier_waits_for_those_before_it() {
    let mut world = World::court();
    let long = world.reviewed();
    world.tune(&[("challenge_window", u128::from(HOUR))]);
    let short = world.reviewed();
    world.pass(HOUR + 1);
    assert_eq!(world.review(short).state, ReviewState::Open, "it waits");
    world.pass(3 * DAY);
    for id in [long, short] {
        assert_eq!(world.review(id).state, ReviewState::Stood);
    }
}

#[test]
fn a_suspended_provider_can_still_prove_use_defend_itself_and_add_stake() {
    let mut world = World::court();
    let id = world.reviewed();
    world.govern(Suspend { provider: PROVIDER });
    world.ok(OWNER, world.report(id, 10));
    world.ok(OWNER, world.objection(id));
    world.ok(OWNER, world.stake(OWNER, tokens(1)));
    world.ok(OWNER, world.unbond(OWNER, tokens(1)));
    world.vote(verdict::review(id), &[(OLGA, false), (PETE, false)]);
    assert_eq!(
        world.provider().status,
        Status::Suspended,
        "governance's suspension stays"
    );
}

#[test]
fn use_that_is_proven_while_a_review_is_open_lessens_the_refund() {
    let mut world = World::court();
    let (id, case) = world.challenged();
    world.advance(HOUR);
    world.ok(OWNER, world.report(id, 400));
    world.vote(case, &[(OLGA, true), (PETE, true)]);
    assert_eq!(world.purchase(id).refunded, tokens(60));
}

#[test]
fn an_owner_that_reviews_its_own_purchase_loses_only_fees() {
    let mut world = World::court();
    let id = world.buy(OWNER);
    world.ok(OWNER, world.complaint(OWNER, id));
    world.ok(OWNER, world.objection(id));
    let total = |world: &World| {
        let provider = world.provider();
        let account = world.account(OWNER);
        rampart_ledger::exit_amount(&account, Some(&provider)).0
    };
    let before = total(&world);
    world.vote(verdict::review(id), &[(OLGA, false), (PETE, false)]);
    // The half that the operators got, 10 tokens, is gone.
    assert_eq!(before - total(&world), tokens(10).0);
}

#[test]
fn an_operator_may_sell_buy_and_judge_with_one_account() {
    let mut world = World::court();
    world.restake(OWNER, 100, rampart_protocol::Ppm(0));
    let (id, case) = world.challenged();
    // Nothing in the ledger keeps an operator from judging its own case: its stake is all that counts.
    world.vote(case, &[(OWNER, false), (OLGA, true)]);
    assert_eq!(world.review(id).state, ReviewState::Overturned);
}

#[test]
fn an_exit_takes_deposits_bonds_and_what_is_unbonding_too() {
    let mut world = World::court();
    world.challenged();
    world.ok(OWNER, world.unbond(OWNER, tokens(7)));
    let exits = [ALICE, BOB, RIVAL, OLGA, PETE, QUINN].map(|who| {
        let account = world.account(who);
        rampart_ledger::exit_amount(&account, None).0
    });
    let owner = rampart_ledger::exit_amount(&world.account(OWNER), Some(&world.provider())).0;
    assert_eq!(exits[0], tokens(99_900).0);
    assert_eq!(owner, tokens(100_095).0);
    let globals = world.globals();
    assert_eq!(
        exits.iter().sum::<u128>() + owner + globals.pool.0,
        globals.deposited.0
    );
}
