//! Decisions of governance (G1, G2): each action, and that a bad one changes nothing and stops nothing.

use crate::court::*;
use crate::world::*;
use rampart_ledger::{Event, Params, Status};
use rampart_protocol::observation::{Expel, GovernanceAction, Judge, Pardon, Slash, Spend, Suspend};
use rampart_protocol::{Address, Amount, CaseId, ProviderId, Seconds};

const PROVIDER_NINE: ProviderId = ProviderId(9);

#[test]
fn parameters_change_at_once_and_together() {
    let mut world = World::court();
    // Neither half of this change is possible without the other.
    let events = world.tune(&[
        ("wait_max", u128::from(100 * DAY)),
        ("unbond_period", u128::from(200 * DAY)),
    ]);
    assert_eq!(events, [Event::ParametersSet { count: 2 }]);
    let expected = Params {
        wait_max: Seconds(100 * DAY),
        unbond_period: Seconds(200 * DAY),
        ..calm()
    };
    assert_eq!(world.params(), expected);
}

#[test]
fn a_bad_change_of_parameters_is_refused_as_a_whole() {
    let good = ("review_window", 5);
    for (what, bad) in [
        ("out of bounds", ("protocol_cut", 500_001)),
        ("below its bounds", ("fee_min", 0)),
        ("more than its type holds", ("repeat_cap", u128::MAX)),
        ("no parameter", ("protocol_cuts", 1)),
        ("the empty name", ("", 1)),
        ("a reversed range", ("wait_min", u128::from(31 * DAY))),
        ("more rewards than there are", ("reward_base", 600_001)),
        (
            "stake that leaves too soon",
            ("unbond_period", u128::from(30 * DAY)),
        ),
    ] {
        for changes in [[good, bad], [bad, good]] {
            let mut world = World::court();
            let before = world.params();
            let events = world.tune(&changes);
            assert!(
                matches!(events[..], [Event::GovernanceRefused { index: 0, .. }]),
                "{what}: {events:?}"
            );
            assert_eq!(world.params(), before, "{what}");
            assert_eq!(
                world.globals().restaking_count,
                1,
                "{what}: it is consumed all the same"
            );
        }
    }
}

#[test]
fn of_two_changes_of_one_parameter_the_later_counts() {
    let mut world = World::court();
    world.tune(&[("protocol_cut", 999_999), ("protocol_cut", 20_000)]);
    assert_eq!(world.params().protocol_cut.0, 20_000);
}

#[test]
fn every_parameter_can_be_set_by_its_name() {
    for spec in Params::SPECS {
        let mut params = Params::default();
        params.set(spec.name, spec.max).unwrap();
        let place = Params::SPECS
            .iter()
            .position(|other| other.name == spec.name)
            .unwrap();
        assert_eq!(params.values()[place], spec.max, "{}", spec.name);
    }
}

#[test]
fn a_new_half_life_moves_no_value_when_it_begins_and_decays_at_its_own_rate_then() {
    for half_life in [DAY, 10 * DAY, 300 * DAY] {
        let mut world = World::court();
        let id = world.buy(ALICE);
        world.ok(ALICE, world.complaint(ALICE, id));
        world.advance(HALF_LIFE);
        let values = |world: &World| {
            let (provider, score) = (world.provider(), world.score_steps());
            let pair: rampart_ledger::Pair = world.get(&rampart_ledger::Key::pair(&ALICE, PROVIDER));
            [
                provider.positive.value(score),
                provider.negative.value(score),
                pair.spent.value(score),
                provider.revenue.value(world.revenue_steps()),
            ]
        };
        let before = values(&world);
        assert_eq!(before, [3_125_000, 62_500_000, tokens(50).0, tokens(50).0]);
        world.tune(&[
            ("score_half_life", u128::from(half_life)),
            ("revenue_half_life", u128::from(half_life)),
        ]);
        assert_eq!(values(&world), before, "{half_life}");
        world.advance(half_life);
        assert_eq!(values(&world), before.map(|value| value / 2), "{half_life}");
        // And back again: what a pair spent is worth a quarter of a half, also for its next purchase.
        world.tune(&[("score_half_life", u128::from(HALF_LIFE))]);
        world.advance(HALF_LIFE);
        assert_eq!(values(&world)[2], tokens(25).0 / 2);
    }
}

#[test]
fn a_suspension_holds_until_governance_ends_it() {
    let mut world = World::court();
    let events = world.govern(Suspend { provider: PROVIDER });
    assert_eq!(events, [Event::ProviderSuspended { provider: PROVIDER }]);
    world.pass(400 * DAY);
    assert_eq!(world.provider().status, Status::Suspended);
    let events = world.govern(Pardon { provider: PROVIDER });
    assert_eq!(events, [Event::ProviderReinstated { provider: PROVIDER }]);
    world.buy(ALICE);
}

#[test]
fn governance_takes_a_suspension_by_score_over() {
    let mut world = World::court();
    world.disgraced();
    world.govern(Suspend { provider: PROVIDER });
    let case = rampart_protocol::verdict::expulsion(PROVIDER, 1);
    world.vote(case, &[(OLGA, false), (PETE, false)]);
    assert_eq!(
        world.provider().status,
        Status::Suspended,
        "the operators' case is over"
    );
    assert_eq!(world.ballot(case), None);
}

#[test]
fn governance_expels_without_a_bounty() {
    let mut world = World::court();
    let events = world.govern(Expel { provider: PROVIDER });
    let slashed = Event::Slashed {
        provider: PROVIDER,
        amount: tokens(25_000),
        bounty: Amount::ZERO,
    };
    assert_eq!(events[0], slashed);
    assert_eq!(world.provider().compensation, tokens(25_000));
    assert_eq!(world.globals().rewards, Amount::ZERO);
}

#[test]
fn an_expelled_provider_can_be_pardoned() {
    let mut world = World::court();
    world.govern(Expel { provider: PROVIDER });
    world.govern(Pardon { provider: PROVIDER });
    assert_eq!(world.provider().status, Status::Active);
    world.buy(ALICE);
    // What was slashed goes to the pool at its time.
    world.pass(30 * DAY + 1);
    assert_eq!(world.globals().compensation, Amount::ZERO);
}

#[test]
fn a_slash_takes_what_there_is_into_the_pool() {
    for (asked, taken) in [
        (Amount::ZERO, Amount::ZERO),
        (Amount(1), Amount(1)),
        (tokens(50_000), tokens(50_000)),
        (Amount(u128::MAX), tokens(50_000)),
    ] {
        let mut world = World::court();
        world.ok(OWNER, world.unbond(OWNER, tokens(100)));
        world.govern(Slash {
            provider: PROVIDER,
            amount: asked,
        });
        assert_eq!(world.globals().pool, taken, "{asked}");
        let provider = world.provider();
        assert_eq!(
            provider.stake.0 + provider.unbonding_total().0,
            tokens(50_000).0 - taken.0
        );
    }
}

#[test]
fn the_treasury_pays_what_it_has_to_anyone() {
    for recipient in [ALICE, STRANGER] {
        let mut world = World::court_of(&plain(), &[]);
        world.buy(BOB);
        world.pass(DAY);
        assert_eq!(world.globals().treasury, tokens(5));
        let before = world.find(&rampart_ledger::Key::account(&recipient));
        let before = before.map_or(0, |account: rampart_ledger::Account| account.balance.0);
        let amount = tokens(5);
        let events = world.govern(Spend { recipient, amount });
        assert_eq!(events, [Event::TreasurySpent { recipient, amount }]);
        assert_eq!(world.balance(recipient).0 - before, amount.0);
        assert_eq!(world.globals().treasury, Amount::ZERO);
    }
}

#[test]
fn an_impossible_decision_is_consumed_without_effect() {
    let (provider, unknown) = (PROVIDER, PROVIDER_NINE);
    let (recipient, case) = (Address::repeat_byte(1), CaseId::default());
    let overspent = Spend {
        recipient,
        amount: Amount(1),
    };
    let judged = Judge { case, upheld: true };
    let slashed = Slash {
        provider: unknown,
        amount: Amount(1),
    };
    let actions: [(&str, GovernanceAction); 8] = [
        ("suspends nobody", Suspend { provider: unknown }.into()),
        ("expels nobody", Expel { provider: unknown }.into()),
        ("pardons nobody", Pardon { provider: unknown }.into()),
        ("pardons who sells", Pardon { provider }.into()),
        ("slashes nobody", slashed.into()),
        ("judges no case", judged.into()),
        ("spends what is not there", overspent.into()),
        (
            "spends too much",
            Spend {
                recipient,
                amount: Amount(u128::MAX),
            }
            .into(),
        ),
    ];
    for (what, action) in actions {
        let mut world = World::court();
        let before = world.globals();
        let events = world.govern(action);
        assert!(
            matches!(events[..], [Event::GovernanceRefused { .. }]),
            "{what}: {events:?}"
        );
        let mut after = world.globals();
        assert_eq!(after.restaking_count, 1, "{what}");
        after.restaking_count = 0;
        assert_eq!(after, before, "{what}");
    }
}

#[test]
fn who_was_expelled_can_be_neither_expelled_again_nor_suspended() {
    let mut world = World::court();
    world.govern(Expel { provider: PROVIDER });
    let before = world.provider();
    for action in [
        GovernanceAction::from(Expel { provider: PROVIDER }),
        Suspend { provider: PROVIDER }.into(),
    ] {
        let events = world.govern(action);
        assert!(
            matches!(events[..], [Event::GovernanceRefused { .. }]),
            "{events:?}"
        );
    }
    assert_eq!(world.provider(), before);
}

#[test]
fn governance_judges_only_what_operators_gave_up() {
    let mut world = World::court();
    let (id, case) = world.challenged();
    let events = world.govern(Judge { case, upheld: true });
    assert!(
        matches!(events[..], [Event::GovernanceRefused { .. }]),
        "{events:?}"
    );
    assert_eq!(world.review(id).state, rampart_ledger::ReviewState::Challenged);
}
