//! Purchases (C4, C5): terms, division of the fee, expiry, repeat multiplier, collateral.

use crate::world::*;
use rampart_ledger::{
    Decaying, Event, Evidence, Fault, Key, Pair, Params, Purchase, Reject, Status, purchase_evidence,
};
use rampart_protocol::{AccessKey, Amount, B256, Ppm, PurchaseRecord, Seconds, Sequence, Timestamp, message};

#[test]
fn a_purchase_records_the_terms_and_divides_the_fee() {
    let mut world = World::market();
    world.advance(17);
    let order = world.order(ALICE);
    let events = world.ok(ALICE, order.clone());

    let record = PurchaseRecord {
        id: order.id(&DOMAIN),
        consumer: ALICE,
        provider: PROVIDER,
        service: SERVICE,
        version: 1,
        fee: tokens(100),
        requests: 1_000,
        access_key: public(&access()),
        purchased_at: Timestamp(START + 17),
        expires_at: order.expires_at,
    };
    assert_eq!(events, [Event::Purchased(record)]);
    let expected = Purchase {
        record,
        height: world.env.height,
        evidence: Evidence(6_250_000),
        used: Sequence(0),
        reported_at: Timestamp(0),
        rotations: Vec::new(),
        reviewed: false,
        closed: false,
        refunded: Amount::ZERO,
    };
    assert_eq!(world.purchase(record.id), expected);
    assert_eq!(world.balance(ALICE), tokens(99_900));
    let globals = world.globals();
    assert_eq!(
        (globals.pool, globals.escrow, globals.purchases),
        (tokens(5), tokens(95), 1)
    );
    assert_eq!(
        (world.provider().escrow.total, world.provider().purchases),
        (tokens(95), 1)
    );
}

#[test]
fn rounding_gives_the_remainder_to_the_pool() {
    for (fee, cut_ppm, cut, share) in [
        (100, 50_000, 5, 95),
        (99, 50_000, 5, 94),
        (1, 50_000, 1, 0),
        (19, 50_000, 1, 18),
        (20, 50_000, 1, 19),
        (21, 50_000, 2, 19),
        (1_000_003, 333_333, 333_334, 666_669),
        (7, 0, 0, 7),
        (7, 500_000, 4, 3),
    ] {
        let params = Params {
            protocol_cut: Ppm(cut_ppm),
            fee_min: Amount(1),
            ..plain()
        };
        let mut world = World::market_with(&params);
        world.buy_for(ALICE, Amount(fee));
        assert_eq!(world.globals().pool, Amount(cut), "{fee} at {cut_ppm}");
        assert_eq!(world.provider().escrow.total, Amount(share), "{fee} at {cut_ppm}");
        assert_eq!(cut + share, fee);
    }
}

#[test]
fn the_expiry_lies_within_the_services_range_counted_from_the_block() {
    let mut world = World::market();
    let (earliest, latest) = (START + HOUR, START + 90 * DAY);
    for at in [earliest, earliest + 1, latest - 1, latest] {
        let mut order = world.order(ALICE);
        order.expires_at = Timestamp(at);
        world.ok(ALICE, order);
    }
    for (at, expected) in [
        (
            0,
            Reject::ExpiryTooSoon {
                expires_at: Timestamp(0),
                earliest: Timestamp(earliest),
            },
        ),
        (
            earliest - 1,
            Reject::ExpiryTooSoon {
                expires_at: Timestamp(earliest - 1),
                earliest: Timestamp(earliest),
            },
        ),
        (
            latest + 1,
            Reject::ExpiryTooLate {
                expires_at: Timestamp(latest + 1),
                latest: Timestamp(latest),
            },
        ),
        (
            u64::MAX,
            Reject::ExpiryTooLate {
                expires_at: Timestamp(u64::MAX),
                latest: Timestamp(latest),
            },
        ),
    ] {
        let mut order = world.order(ALICE);
        order.expires_at = Timestamp(at);
        assert_eq!(world.send(ALICE, order), Err(expected), "{at}");
    }
}

#[test]
fn only_the_terms_that_were_signed_are_executed() {
    let mut world = World::market();
    world.ok(OWNER, world.service_update(OWNER));
    for (version, fee, expected) in [
        (
            1,
            100,
            Reject::VersionMismatch {
                signed: 1,
                current: 2,
            },
        ),
        (
            1,
            60,
            Reject::VersionMismatch {
                signed: 1,
                current: 2,
            },
        ),
        (
            3,
            60,
            Reject::VersionMismatch {
                signed: 3,
                current: 2,
            },
        ),
        (
            2,
            59,
            Reject::FeeMismatch {
                signed: tokens(59),
                asked: tokens(60),
            },
        ),
        (
            2,
            100,
            Reject::FeeMismatch {
                signed: tokens(100),
                asked: tokens(60),
            },
        ),
    ] {
        let order = message::Purchase {
            version,
            fee: tokens(fee),
            ..world.order(ALICE)
        };
        assert_eq!(world.send(ALICE, order), Err(expected), "{version} {fee}");
    }
    world.buy(ALICE);
}

#[test]
fn access_keys_under_which_signatures_prove_nothing_are_refused() {
    let mut world = World::market();
    let mut identity = [0u8; 32];
    identity[0] = 1;
    let order_eight = [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ];
    // y = p + 1 is the identity, written in the second way that RFC 8032 forbids.
    let mut not_canonical = [0xff; 32];
    (not_canonical[0], not_canonical[31]) = (0xee, 0x7f);
    let mut no_point = [0u8; 32];
    no_point[0] = 2;
    for key in [[0; 32], identity, order_eight, not_canonical, no_point] {
        let order = message::Purchase {
            access_key: AccessKey(B256::from(key)),
            ..world.order(ALICE)
        };
        assert_eq!(
            world.send(ALICE, order),
            Err(Reject::BadAccessKey {}),
            "{key:02x?}"
        );
    }
}

#[test]
fn what_a_consumer_spent_before_makes_its_next_tokens_weigh_more_up_to_the_cap() {
    // A fee of 100 tokens pays 5 to the network, and is one step of the bonus: the k-th purchase covers the spending
    // from k - 1 to k steps, so its tokens weigh 1 + (k - 1/2) / 2 on average until the cap of four steps, then 3.
    let mut world = World::market();
    for expected in [
        6_250_000, 8_750_000, 11_250_000, 13_750_000, 15_000_000, 15_000_000,
    ] {
        let id = world.buy(ALICE);
        assert_eq!(world.purchase(id).evidence, Evidence(expected));
    }
    let first_of_bob = world.buy(BOB);
    assert_eq!(world.purchase(first_of_bob).evidence, Evidence(6_250_000));
}

#[test]
fn one_purchase_earns_what_its_parts_would_earn_together() {
    let params = Params::default();
    let whole = purchase_evidence(&params, 0, tokens(500)).unwrap();
    let parts = (0..5).map(|k| {
        purchase_evidence(&params, tokens(100 * k).0, tokens(100))
            .unwrap()
            .0
    });
    assert_eq!(whole, Evidence(parts.sum()));
    assert_eq!(whole, Evidence(55_000_000));
}

#[test]
fn what_was_spent_counts_less_with_time() {
    for (half_lives, spent) in [(0, tokens(100).0), (1, tokens(50).0), (2, tokens(25).0), (200, 0)] {
        let mut world = World::market();
        world.buy(ALICE);
        world.advance(half_lives * HALF_LIFE);
        let id = world.buy(ALICE);
        let expected = purchase_evidence(&world.params(), spent, tokens(100)).unwrap();
        assert_eq!(world.purchase(id).evidence, expected, "{half_lives}");
    }
}

#[test]
fn a_pair_remembers_the_sum_that_was_spent() {
    let mut world = World::market();
    for (purchases, spent) in [(1, tokens(100)), (2, tokens(200)), (3, tokens(300))] {
        world.buy(ALICE);
        let pair: Pair = world.get(&Key::pair(&ALICE, PROVIDER));
        assert_eq!(pair.spent.value(world.score_steps()), spent.0, "{purchases}");
    }
    world.advance(HALF_LIFE);
    let pair: Pair = world.get(&Key::pair(&ALICE, PROVIDER));
    assert_eq!(pair.spent.value(world.score_steps()), tokens(150).0);
}

#[test]
fn a_fee_too_small_for_evidence_gives_none() {
    let params = Params {
        fee_min: Amount(1),
        repeat_bonus: Ppm(0),
        ..plain()
    };
    let mut world = World::market_with(&params);
    for (fee, evidence) in [
        (1, 0),
        (19_999_999_999_980, 0),
        (20_000_000_000_000, 1),
        (39_999_999_999_980, 1),
    ] {
        world.plant(Pair {
            consumer: ALICE,
            provider: PROVIDER,
            spent: Decaying::NOTHING,
        });
        let id = world.buy_for(ALICE, Amount(fee));
        assert_eq!(world.purchase(id).evidence, Evidence(evidence), "{fee}");
    }
}

#[test]
fn a_sale_needs_stake_for_the_revenue_with_it() {
    // A fee of 2,000 tokens pays 100 units of evidence: score 0.75, kappa 0.4, so 1,000 + 0.4 * 2,000 are needed.
    let need = tokens(1_800);
    let params = Params {
        repeat_bonus: Ppm(0),
        ..plain()
    };
    for (stake, good) in [(need.0 - 1, false), (need.0, true), (need.0 + 1, true)] {
        let mut world = World::market_with(&params);
        world.edit_provider(|provider| provider.stake = Amount(stake));
        world.edit_globals(|globals| {
            globals.stakes = Amount(stake);
            globals.treasury = Amount(tokens(50_000).0 - stake);
        });
        let mut service = world.service(SERVICE);
        service.fee = tokens(2_000);
        world.plant(service);
        let expected = if good {
            Ok(())
        } else {
            Err(Reject::Undercollateralised {
                have: Amount(stake),
                need,
            })
        };
        assert_eq!(
            world.send(ALICE, world.order(ALICE)).map(drop),
            expected,
            "{stake}"
        );
    }
}

#[test]
fn the_fixed_deposit_alone_backs_no_sale_and_more_stake_cures_it() {
    let mut world = World::empty();
    world.deposit(OWNER, tokens(5_000));
    world.deposit(ALICE, tokens(5_000));
    let mut registration = world.registration(OWNER);
    registration.stake = tokens(1_000);
    world.ok(OWNER, registration);
    world.ok(OWNER, world.service_terms(OWNER));
    let refused = world.send(ALICE, world.order(ALICE));
    let Err(Reject::Undercollateralised { have, need }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(have, tokens(1_000));
    world.ok(OWNER, world.stake(OWNER, Amount(need.0 - have.0)));
    world.buy(ALICE);
}

#[test]
fn collateral_frees_up_as_revenue_decays() {
    let mut world = World::market();
    world.edit_provider(|provider| provider.stake = tokens(3_000));
    world.edit_globals(|globals| {
        globals.stakes = tokens(3_000);
        globals.treasury = tokens(47_000);
    });
    let mut sold = 0;
    while world.send(ALICE, world.order(ALICE)).is_ok() {
        sold += 1;
    }
    assert!((20..100).contains(&sold), "{sold}");
    world.advance(HALF_LIFE);
    let mut again = 0;
    while world.send(ALICE, world.order(ALICE)).is_ok() {
        again += 1;
    }
    assert!(again > 0 && again < sold, "{again} after {sold}");
}

#[test]
fn a_provider_that_may_not_sell_keeps_its_fees_coming() {
    let mut world = World::market();
    world.buy(ALICE);
    for (status, expected) in [
        (
            Status::Suspended,
            Reject::ProviderSuspended { provider: PROVIDER },
        ),
        (Status::Expelled, Reject::ProviderExpelled { provider: PROVIDER }),
    ] {
        world.edit_provider(|provider| provider.status = status);
        assert_eq!(world.send(ALICE, world.order(ALICE)), Err(expected));
    }
    world.advance(31 * DAY);
    world.ok(OWNER, world.claim(OWNER));
    assert_eq!(world.balance(OWNER), tokens(50_095));
}

#[test]
fn an_owner_may_buy_from_itself_and_pays_the_network_for_it() {
    let mut world = World::market();
    world.buy(OWNER);
    assert_eq!(world.balance(OWNER), tokens(49_900));
    world.advance(31 * DAY);
    world.ok(OWNER, world.claim(OWNER));
    assert_eq!(world.balance(OWNER), tokens(49_995));
    assert_eq!(world.globals().pool, tokens(5));
}

#[test]
fn a_consumer_spends_its_last_unit_but_no_more() {
    let mut world = World::market();
    world.ok(ALICE, world.withdrawal(ALICE, tokens(99_900)));
    world.buy(ALICE);
    assert_eq!(world.balance(ALICE), Amount::ZERO);
    let short = Reject::InsufficientBalance {
        have: Amount::ZERO,
        need: tokens(100),
    };
    assert_eq!(world.send(ALICE, world.order(ALICE)), Err(short));
}

#[test]
fn one_signed_purchase_is_executed_once() {
    let mut world = World::market();
    let order = world.order(ALICE);
    world.ok(ALICE, order.clone());
    let again = world.apply(World::transaction(ALICE, order));
    assert!(matches!(again, Err(Fault::Reject(Reject::StaleNonce { .. }))));
    assert_eq!(world.globals().purchases, 1);
}

#[test]
fn the_shortest_service_can_be_bought_on_a_development_network() {
    let params = Params {
        duration_min: Seconds(1),
        wait_min: Seconds(0),
        wait_max: Seconds(0),
        escrow_bucket: Seconds(1),
        ..plain()
    };
    let mut world = World::market_with(&params);
    let mut terms = world.service_update(OWNER);
    terms.min_duration = Seconds(1);
    world.ok(OWNER, terms);
    let order = message::Purchase {
        expires_at: Timestamp(START + 1),
        ..world.order(ALICE)
    };
    world.ok(ALICE, order);
    world.ok(OWNER, world.claim(OWNER));
    assert_eq!(world.balance(OWNER), tokens(50_057));
}
