//! Escrow, the waiting period and claims (V7): when fees unlock, and what a claim costs.

use crate::world::*;
use rampart_ledger::{
    BUCKETS_PER_PAGE, EscrowPage, Event, Key, MAX_PAGES_PER_CLAIM, Params, Record, Reject, Standing, standing,
};
use rampart_protocol::{Amount, Ppm, Seconds, Timestamp};

/// Parameters under which the score does not move the wait, so that times are round.
fn fixed_wait(wait: u64, bucket: u64) -> Params {
    Params {
        wait_min: Seconds(wait),
        wait_max: Seconds(wait),
        escrow_bucket: Seconds(bucket),
        unbond_period: Seconds(365 * DAY),
        ..plain()
    }
}

fn pages(world: &World) -> Vec<EscrowPage> {
    let pages = world.state.records().filter_map(|(_, record)| match record {
        Record::EscrowPage(page) => Some(EscrowPage::clone(page)),
        _ => None,
    });
    let mut pages: Vec<_> = pages.collect();
    pages.sort_by_key(|page| page.start);
    pages
}

fn standing_now(world: &World) -> Standing {
    standing(
        &world.state,
        &world.params(),
        &world.globals(),
        &world.provider(),
        world.env.timestamp,
    )
    .unwrap()
}

/// What a claim moves at `seconds`, or when it says to come back.
fn claim_at(world: &mut World, seconds: u64) -> Result<Amount, Reject> {
    world.at(seconds);
    let expected = standing_now(world);
    let claimed = world.send(OWNER, world.claim(OWNER)).map(|events| {
        let [
            Event::Claimed {
                provider: PROVIDER,
                owner: OWNER,
                amount,
            },
        ] = events[..]
        else {
            panic!("{events:?}")
        };
        amount
    });
    match &claimed {
        Ok(amount) => assert_eq!(*amount, expected.claimable),
        Err(Reject::StillWaiting { retrievable_at, .. }) => {
            assert_eq!(
                (expected.claimable, expected.next_claim_at),
                (Amount::ZERO, Some(*retrievable_at))
            );
        }
        Err(_) => assert_eq!((expected.claimable, expected.next_claim_at), (Amount::ZERO, None)),
    }
    claimed
}

#[test]
fn a_fee_unlocks_when_the_last_second_of_its_bucket_has_waited() {
    for (bucket, bought_at, unlocks_at) in [
        (1, START, START + 10 * DAY),
        (1, START + 777, START + 777 + 10 * DAY),
        (60, START, START + 59 + 10 * DAY),
        (60, START + 59, START + 59 + 10 * DAY),
        (60, START + 60, START + 119 + 10 * DAY),
        (HOUR, START + 1, START + HOUR - 1 + 10 * DAY),
        (HOUR, START + 25 * HOUR, START + 26 * HOUR - 1 + 10 * DAY),
        (DAY, START + 5, START + DAY - 1 + 10 * DAY),
    ] {
        let mut world = World::market_with(&fixed_wait(10 * DAY, bucket));
        world.at(bought_at);
        world.buy(ALICE);
        let retrievable_at = Timestamp(unlocks_at);
        let waiting = Reject::StillWaiting {
            escrow: tokens(95),
            retrievable_at,
        };
        assert_eq!(
            claim_at(&mut world, bought_at),
            Err(waiting.clone()),
            "{bucket} {bought_at}"
        );
        assert_eq!(
            claim_at(&mut world, unlocks_at - 1),
            Err(waiting),
            "{bucket} {bought_at}"
        );
        assert_eq!(
            claim_at(&mut world, unlocks_at),
            Ok(tokens(95)),
            "{bucket} {bought_at}"
        );
        assert_eq!(claim_at(&mut world, unlocks_at), Err(Reject::NothingInEscrow {}));
        assert_eq!(pages(&world), []);
    }
}

#[test]
fn no_wait_at_all_pays_at_once_with_buckets_of_a_second() {
    let mut world = World::market_with(&fixed_wait(0, 1));
    world.buy(ALICE);
    assert_eq!(claim_at(&mut world, START), Ok(tokens(95)));
}

#[test]
fn the_wait_shortens_with_the_score_at_the_time_of_the_claim() {
    let params = Params {
        repeat_bonus: Ppm(0),
        ..plain()
    };
    let mut world = World::market_with(&params);
    world.buy(ALICE);
    // Evidence of 5 units: score 55/105, wait 30 d - 28 d * 0.523809 = 1,324,801 s and a fraction, rounded up.
    let early = standing_now(&world);
    assert_eq!(early.score.0, 523_809);
    assert_eq!(early.wait, Seconds(30 * DAY - 28 * DAY * 523_809 / 1_000_000));
    assert_eq!(
        early.next_claim_at,
        Some(Timestamp(START + HOUR - 1 + early.wait.0))
    );

    // A large sale raises the score, and with it what was sold before unlocks earlier.
    world.buy_for(BOB, tokens(20_000));
    let later = standing_now(&world);
    assert_eq!(later.score.0, 954_751);
    assert!(later.wait < early.wait);
    // The first claim is refused, and says when at the score of that moment; the score decays towards the prior.
    let refused = claim_at(&mut world, START + 3 * DAY);
    let Err(Reject::StillWaiting { retrievable_at, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert!(retrievable_at > Timestamp(START + 3 * DAY));
    assert_eq!(
        claim_at(&mut world, START + 5 * DAY),
        Ok(Amount(tokens(19_095).0))
    );
}

#[test]
fn a_claim_takes_what_has_waited_and_leaves_the_rest_where_it_is() {
    let mut world = World::market_with(&fixed_wait(2 * DAY, HOUR));
    for hours in [0, 1, 5, 23, 24, 30, 100] {
        world.at(START + hours * HOUR);
        world.buy(ALICE);
    }
    assert_eq!(pages(&world).len(), 3);
    let unlock = |hours: u64| START + (hours + 1) * HOUR - 1 + 2 * DAY;
    assert_eq!(claim_at(&mut world, unlock(5)), Ok(tokens(3 * 95)));
    let left = Reject::StillWaiting {
        escrow: tokens(4 * 95),
        retrievable_at: Timestamp(unlock(23)),
    };
    assert_eq!(claim_at(&mut world, unlock(23) - 1), Err(left));
    assert_eq!(claim_at(&mut world, unlock(24)), Ok(tokens(2 * 95)));
    assert_eq!(
        pages(&world).iter().map(|page| page.start.0).collect::<Vec<_>>(),
        [START + DAY, START + 4 * DAY]
    );
    // While the oldest waits, a new sale goes to the newest page.
    world.at(unlock(30) - 1);
    world.buy(BOB);
    assert_eq!(claim_at(&mut world, unlock(30)), Ok(tokens(95)));
    assert_eq!(claim_at(&mut world, unlock(100)), Ok(tokens(2 * 95)));
    assert_eq!(world.provider().claimed, tokens(8 * 95));
    assert_eq!(world.globals().escrow, Amount::ZERO);
}

#[test]
fn many_sales_of_one_bucket_cost_a_claim_no_more_than_one() {
    let mut loads = Vec::new();
    for sales in [1, 50] {
        let mut world = World::market_with(&fixed_wait(DAY, HOUR));
        world.scans = false;
        for _ in 0..sales {
            world.buy(ALICE);
        }
        world.advance(3 * DAY);
        let claim = World::transaction(OWNER, world.claim(OWNER));
        let (result, missing) = Lazy::new(&world.state, &[]).apply(&world.env, &claim);
        result.unwrap();
        loads.push(missing.len());
    }
    // Globals, parameters, the owner's account, the provider, one page.
    assert_eq!(loads, [5, 5]);
}

#[test]
fn a_claim_reads_at_most_its_limit_of_pages_and_the_next_goes_on() {
    let width = BUCKETS_PER_PAGE;
    let mut world = World::market_with(&fixed_wait(0, 1));
    world.scans = false;
    let sales = MAX_PAGES_PER_CLAIM as u64 + 6;
    for page in 0..sales {
        world.at(START + page * width);
        world.buy(ALICE);
    }
    assert_eq!(pages(&world).len() as u64, sales);
    let at = START + sales * width;
    world.at(at);
    let next = standing_now(&world);
    assert_eq!(
        next.next_claim_at,
        Some(Timestamp(at)),
        "more can be claimed at once"
    );
    assert_eq!(
        claim_at(&mut world, at),
        Ok(tokens(95 * MAX_PAGES_PER_CLAIM as u128))
    );
    assert_eq!(pages(&world).len(), 6);
    world.scans = true;
    assert_eq!(claim_at(&mut world, at), Ok(tokens(95 * 6)));
    assert_eq!(claim_at(&mut world, at), Err(Reject::NothingInEscrow {}));
}

#[test]
fn pages_exist_only_while_they_hold_something() {
    let mut world = World::market_with(&fixed_wait(0, HOUR));
    for day in [0, 40, 41] {
        world.at(START + day * DAY);
        world.buy(ALICE);
    }
    assert_eq!(pages(&world).len(), 3);
    assert_eq!(claim_at(&mut world, START + 41 * DAY), Ok(tokens(2 * 95)));
    assert_eq!(pages(&world).len(), 1);
    world.at(START + 400 * DAY);
    world.buy(ALICE);
    assert_eq!(pages(&world).len(), 2);
    assert_eq!(claim_at(&mut world, START + 401 * DAY), Ok(tokens(2 * 95)));
    assert_eq!(pages(&world), []);
    // The list starts anew, also within the page that was just emptied.
    world.buy(ALICE);
    assert_eq!(pages(&world).len(), 1);
    assert_eq!(pages(&world)[0].start, Timestamp(START + 401 * DAY));
}

#[test]
fn a_page_is_made_anew_when_its_own_span_is_not_over() {
    let mut world = World::market_with(&fixed_wait(0, HOUR));
    world.buy(ALICE);
    assert_eq!(claim_at(&mut world, START + HOUR - 1), Ok(tokens(95)));
    world.buy(ALICE);
    let page: EscrowPage = world.get(&Key::escrow_page(PROVIDER, Timestamp(START)));
    assert_eq!(page.buckets[0], tokens(95));
    assert_eq!(claim_at(&mut world, START + HOUR), Ok(tokens(95)));
}

#[test]
fn a_change_of_the_buckets_width_keeps_what_is_in_escrow() {
    for (before, after) in [(HOUR, 1), (HOUR, 7), (1, HOUR), (60, 3_599), (DAY, HOUR)] {
        let mut world = World::market_with(&fixed_wait(100 * DAY, before));
        let mut sold = 0;
        for step in 0..12 {
            world.at(START + step * 5 * HOUR + 11);
            if step == 5 {
                world.edit_params(|params| params.escrow_bucket = Seconds(after));
            }
            world.buy(ALICE);
            sold += 1;
        }
        for pair in pages(&world).windows(2) {
            let end = pair[0].start.0 + pair[0].width.0 * BUCKETS_PER_PAGE;
            assert!(end <= pair[1].start.0, "pages overlap from {before} to {after}");
        }
        let mut claimed = 0;
        for step in 0..60 {
            if let Ok(amount) = claim_at(&mut world, START + 100 * DAY + step * 3 * HOUR) {
                claimed += amount.0;
            }
        }
        assert_eq!(Amount(claimed), tokens(95 * sold), "{before} to {after}");
    }
}

#[test]
fn providers_have_escrows_of_their_own() {
    let mut world = World::market_with(&fixed_wait(0, 1));
    world.ok(RIVAL, world.registration(RIVAL));
    let rival = world.account(RIVAL).owned_provider().unwrap();
    let mut terms = world.service_terms(RIVAL);
    terms.provider = rival;
    world.ok(RIVAL, terms);
    world.buy(ALICE);
    let mut order = world.order(ALICE);
    (order.provider, order.service) = (rival, rampart_protocol::ServiceId(2));
    world.ok(ALICE, order);
    assert_eq!(pages(&world).len(), 2);
    world.ok(OWNER, world.claim(OWNER));
    assert_eq!(world.provider().escrow.total, Amount::ZERO);
    assert_eq!(world.provider_of(rival).escrow.total, tokens(95));
}

#[test]
fn a_claim_does_not_depend_on_how_often_one_tried() {
    let once = |attempts: &[u64]| {
        let mut world = World::market();
        for day in 0..6 {
            world.at(START + day * DAY);
            world.buy(ALICE);
        }
        for at in attempts {
            let _ = claim_at(&mut world, START + at * DAY);
        }
        let last = claim_at(&mut world, START + 60 * DAY).unwrap_or_default();
        (world.balance(OWNER), last > Amount::ZERO)
    };
    let (expected, _) = once(&[]);
    for attempts in [&[7][..], &[10, 11, 12], &[14, 15, 16, 17, 30], &[59]] {
        assert_eq!(once(attempts).0, expected, "{attempts:?}");
    }
}

#[test]
fn the_hint_of_a_claim_names_what_can_be_known_beforehand() {
    let world = World::market();
    let keys = rampart_ledger::reads(&World::transaction(OWNER, world.claim(OWNER)));
    assert_eq!(
        keys,
        [
            Key::globals(),
            Key::params(),
            Key::account(&OWNER),
            Key::provider(PROVIDER)
        ]
    );
}
