#![allow(clippy::unwrap_used)]
use super::*;

const GWEI: u128 = 1_000_000_000;
const RULES: Rules = Rules {
    stuck_after_ms: 30_000,
    max_fee: 100 * GWEI,
};
const MARKET: Fees = Fees {
    max: 4 * GWEI,
    tip: GWEI,
};

fn call(subject: u8) -> Call {
    Call {
        subject: B256::repeat_byte(subject),
        to: Address::repeat_byte(9),
        data: Bytes::from_static(&[1, 2]),
    }
}

fn flight(subject: u8, nonce: u64, fees: Fees) -> Flight {
    Flight {
        call: call(subject),
        nonce,
        gas: 100_000,
        fees,
        hashes: vec![B256::repeat_byte(1)],
        raw: Bytes::new(),
    }
}

fn view(nonce: u64, known: bool) -> View {
    View {
        nonce,
        known,
        market: MARKET,
    }
}

fn wish(subject: u8) -> Wish {
    Wish::Do(call(subject))
}

#[test]
fn something_new_takes_the_first_nonce_that_the_chain_has_not_seen() {
    let sends = Step::Send {
        nonce: 7,
        fees: MARKET,
    };
    assert_eq!(step(None, 0, &wish(1), &view(7, false), &RULES), sends);
    for none in [Wish::Nothing, Wish::Keep] {
        assert_eq!(step(None, 0, &none, &view(7, false), &RULES), Step::Idle);
    }
    let dear = View {
        market: Fees {
            max: 400 * GWEI,
            tip: 300 * GWEI,
        },
        ..view(7, false)
    };
    let fees = Fees {
        max: 100 * GWEI,
        tip: 100 * GWEI,
    };
    assert_eq!(
        step(None, 0, &wish(1), &dear, &RULES),
        Step::Send { nonce: 7, fees }
    );
}

#[test]
fn what_waits_is_left_alone_until_it_is_stuck_and_outbid_then() {
    let sent = flight(1, 7, MARKET);
    for wanted in [wish(1), Wish::Keep] {
        let at = |age, known| step(Some(&sent), age, &wanted, &view(7, known), &RULES);
        assert_eq!(at(29_999, true), Step::Wait);
        assert_eq!(at(29_999, false), Step::Repeat, "a pool dropped it");
        let Step::Replace { fees } = at(30_000, true) else {
            panic!("it was not outbid")
        };
        assert!(fees.max * 8 >= MARKET.max * 9 && fees.tip * 8 >= MARKET.tip * 9);
        assert!(matches!(at(30_000, false), Step::Replace { .. }));
    }
}

#[test]
fn no_more_is_offered_than_allowed() {
    let dear = flight(
        1,
        7,
        Fees {
            max: 95 * GWEI,
            tip: GWEI,
        },
    );
    assert_eq!(
        step(Some(&dear), 60_000, &wish(1), &view(7, true), &RULES),
        Step::AtLimit
    );
    assert_eq!(
        step(Some(&dear), 60_000, &wish(1), &view(7, false), &RULES),
        Step::Repeat
    );
}

#[test]
fn a_newer_wish_takes_the_place_of_what_is_stuck_or_dropped() {
    let sent = flight(1, 7, MARKET);
    let at = |age, known| step(Some(&sent), age, &wish(2), &view(7, known), &RULES);
    assert_eq!(at(29_999, true), Step::Wait);
    assert!(matches!(at(0, false), Step::Replace { .. }));
    assert!(matches!(at(30_000, true), Step::Replace { .. }));
}

#[test]
fn what_nobody_wants_any_more_is_left_to_its_fate() {
    let sent = flight(1, 7, MARKET);
    assert_eq!(
        step(Some(&sent), 60_000, &Wish::Nothing, &view(7, true), &RULES),
        Step::Wait
    );
    assert_eq!(
        step(Some(&sent), 60_000, &Wish::Nothing, &view(7, false), &RULES),
        Step::Forget
    );
}

#[test]
fn a_used_nonce_ends_it_and_one_that_a_reorganisation_left_ahead_is_given_up() {
    let sent = flight(1, 7, MARKET);
    for wanted in [wish(1), wish(2), Wish::Keep, Wish::Nothing] {
        assert_eq!(
            step(Some(&sent), 0, &wanted, &view(8, false), &RULES),
            Step::Mined
        );
        assert_eq!(
            step(Some(&sent), 0, &wanted, &view(6, true), &RULES),
            Step::Forget
        );
    }
}

#[test]
fn whatever_happens_to_it_a_wish_that_stays_is_fulfilled_or_at_its_limit() {
    // A chain that mines what offers at least 20 gwei, pools that forget every third look, and a reorganisation.
    let (mut sent, mut age, mut nonce, mut looks) = (None::<Flight>, 0, 7, 0u64);
    let mut mined = 0;
    while mined < 3 {
        looks += 1;
        assert!(looks < 200, "it never arrived");
        let known = sent.is_some() && !looks.is_multiple_of(3);
        match step(sent.as_ref(), age, &wish(1), &view(nonce, known), &RULES) {
            Step::Send { nonce, fees } => (sent, age) = (Some(flight(1, nonce, fees)), 0),
            Step::Replace { fees } => (sent, age) = (sent.map(|sent| Flight { fees, ..sent }), 0),
            Step::Mined => {
                (sent, mined) = (None, mined + 1);
                // Taken back, once.
                nonce -= u64::from(mined == 2);
            }
            Step::Forget => sent = None,
            Step::Wait | Step::Repeat => age += 10_000,
            other => panic!("{other:?}"),
        }
        if let Some(flight) = sent.as_ref().filter(|flight| flight.fees.max >= 20 * GWEI) {
            nonce = flight.nonce + 1;
        }
    }
}
