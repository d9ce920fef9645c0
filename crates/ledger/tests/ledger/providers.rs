//! Registration of providers and their stake (V2, V4).

use crate::world::*;
use rampart_ledger::{EscrowQueue, Event, Reject, Status, exit_amount};
use rampart_protocol::{Amount, Nonce, ProviderId, Timestamp};

#[test]
fn a_registration_moves_the_stake_out_of_the_balance_and_numbers_providers_from_one() {
    let mut world = World::empty();
    for (number, who) in (1..).zip([OWNER, RIVAL]) {
        world.deposit(who, tokens(60_000));
        let events = world.ok(who, world.registration(who));
        let provider = ProviderId(number);
        assert_eq!(
            events,
            [Event::ProviderRegistered {
                provider,
                owner: who,
                stake: tokens(50_000)
            }]
        );
        assert_eq!(world.account(who).owned_provider(), Some(provider));
        assert_eq!(world.balance(who), tokens(10_000));
    }
    let provider = world.provider();
    assert_eq!(
        (provider.owner, provider.stake, provider.status),
        (OWNER, tokens(50_000), Status::Active)
    );
    assert_eq!(
        (world.profile().name.as_str(), world.profile().endpoint.as_str()),
        ("Phishing Watch", "https://phishing.example/")
    );
    assert_eq!(provider.registered_at, Timestamp(START));
    assert_eq!(
        (provider.escrow, provider.claimed),
        (EscrowQueue::default(), Amount::ZERO)
    );
    assert_eq!((provider.services, provider.purchases), (0, 0));
    assert_eq!(world.globals().stakes, tokens(100_000));
}

#[test]
fn the_fixed_deposit_is_enough_to_register_and_one_unit_less_is_not() {
    let mut world = World::empty();
    world.deposit(OWNER, tokens(2_000));
    let mut registration = world.registration(OWNER);
    registration.stake = Amount(tokens(1_000).0 - 1);
    let expected = Reject::StakeTooLow {
        have: registration.stake,
        need: tokens(1_000),
    };
    assert_eq!(world.send(OWNER, registration.clone()), Err(expected));
    registration.stake = tokens(1_000);
    world.ok(OWNER, registration);
}

#[test]
fn texts_that_cannot_be_shown_or_deceive_are_refused() {
    let mut world = World::empty();
    world.deposit(OWNER, tokens(100_000));
    for name in [
        "",
        "   ",
        "a\nb",
        "a\0",
        "tab\t",
        "\u{7f}",
        "gpj.\u{202e}exe",
        "\u{2066}x",
        "\u{200f}",
    ] {
        let mut registration = world.registration(OWNER);
        registration.name = name.into();
        let expected = Reject::BadText { what: "the name" };
        assert_eq!(world.send(OWNER, registration), Err(expected), "{name:?}");
    }
    for endpoint in [
        "",
        "https://",
        "http://",
        "ftp://example.org",
        "phishing.example",
        "HTTPS://example.org",
        "https://a b",
        "https://a\n",
        "https://ä.example",
        " https://example.org",
    ] {
        let mut registration = world.registration(OWNER);
        registration.endpoint = endpoint.into();
        assert_eq!(
            world.send(OWNER, registration),
            Err(Reject::BadEndpoint {}),
            "{endpoint:?}"
        );
    }
    let mut registration = world.registration(OWNER);
    registration.name = "Wächter 守護者 \u{1f6e1}".into();
    registration.endpoint = "https://xn--wchter-bua.example:8443/rampart?v=1".into();
    world.ok(OWNER, registration);
}

#[test]
fn an_update_changes_the_public_data_and_nothing_else() {
    let mut world = World::market();
    world.buy(ALICE);
    let before = world.provider();
    let events = world.ok(OWNER, world.provider_update(OWNER));
    assert_eq!(events, [Event::ProviderUpdated { provider: PROVIDER }]);
    let after = world.profile();
    assert_eq!(
        (after.name.as_str(), after.endpoint.as_str()),
        ("Phishing Guard", "http://127.0.0.1:9000")
    );
    assert_eq!(world.provider(), before);
}

#[test]
fn added_stake_comes_out_of_the_owners_balance() {
    let mut world = World::market();
    let events = world.ok(OWNER, world.stake(OWNER, tokens(7)));
    assert_eq!(
        events,
        [Event::StakeAdded {
            provider: PROVIDER,
            amount: tokens(7),
            stake: tokens(50_007)
        }]
    );
    assert_eq!(world.provider().stake, tokens(50_007));
    assert_eq!(world.balance(OWNER), tokens(49_993));
    assert_eq!(world.globals().stakes, tokens(50_007));

    world.ok(OWNER, world.stake(OWNER, tokens(49_993)));
    assert_eq!(world.balance(OWNER), Amount::ZERO);
    let short = Reject::InsufficientBalance {
        have: Amount::ZERO,
        need: Amount(1),
    };
    assert_eq!(world.send(OWNER, world.stake(OWNER, Amount(1))), Err(short));
}

#[test]
fn only_the_owner_acts_for_a_provider() {
    let mut world = World::market();
    world.advance(60 * DAY);
    let purchase = world.buy(ALICE);
    let expected = Reject::NotOwner {
        provider: PROVIDER,
        owner: OWNER,
        signer: RIVAL,
    };
    let mut report = world.report(purchase, 1);
    report.nonce = Nonce(0);
    for message in [
        world.provider_update(RIVAL).into(),
        world.stake(RIVAL, tokens(1)).into(),
        world.service_terms(RIVAL).into(),
        world.service_update(RIVAL).into(),
        world.claim(RIVAL).into(),
        rampart_protocol::Message::from(report),
    ] {
        assert_eq!(
            world.send(RIVAL, message.clone()),
            Err(expected.clone()),
            "{}",
            message.name()
        );
    }
}

#[test]
fn an_exit_takes_balance_stake_and_escrow() {
    let mut world = World::market();
    world.buy(ALICE);
    let owner = world.account(OWNER);
    assert_eq!(
        exit_amount(&owner, Some(&world.provider())),
        tokens(50_000 + 50_000 + 95)
    );
    assert_eq!(exit_amount(&world.account(ALICE), None), tokens(99_900));
    let exits = [ALICE, BOB, RIVAL]
        .map(|who| exit_amount(&world.account(who), None).0)
        .iter()
        .sum::<u128>()
        + exit_amount(&owner, Some(&world.provider())).0;
    let globals = world.globals();
    assert_eq!(exits + globals.pool.0, globals.deposited.0);
}
