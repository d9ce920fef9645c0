//! A challenged review does not count: as if it had never been written, whatever happened in between.

use crate::history::Chance;
use crate::history::properties::moments;
use crate::history::tokens;
use crate::worked_example::cast::{ADA, BEN, CLEO, DAN, EVE, OLGA, OMAR, PIA, Story};
use rampart_ledger::Status;
use rampart_protocol::message::ReportAvailability;
use rampart_protocol::{Address, B256, ProviderId, Timestamp};

const BUYERS: [Address; 4] = [BEN, CLEO, DAN, EVE];

/// Pia sells, and everybody has bought once; Ada's purchase comes last.
fn market() -> (Story, Vec<rampart_protocol::PurchaseId>) {
    let mut story = Story::begin();
    for who in [ADA, BEN, CLEO, DAN, EVE, PIA] {
        story.deposit(who, tokens(40_000));
    }
    story.register(PIA, "Phishing Watch", 20, 100);
    let bought = [BEN, CLEO, DAN, EVE, ADA].map(|who| story.buy(who, 1));
    (story, bought.to_vec())
}

/// What the evidence against Pia is worth, now and later.
fn against(story: &Story) -> Vec<u128> {
    let (params, globals) = (story.world.params(), story.world.globals());
    let provider = story.world.provider(ProviderId(1)).unwrap();
    let at = |now: Timestamp| globals.score_steps(&params, now);
    moments(story.world.env.timestamp)
        .map(|now| provider.negative.value(at(now)))
        .collect()
}

#[test]
fn the_evidence_of_a_challenged_review_is_taken_out_exactly_whatever_came_between() {
    for seed in 0..24 {
        let mut chance = Chance::seeded(seed);
        let (mut with, bought) = market();
        let (mut without, _) = market();
        let mut now = chance.below(3_600);
        with.at(now);
        without.at(now);
        with.review(ADA, bought[4]);
        let mut reviewed = 0;
        for _ in 0..8 {
            now += chance.below(6 * 3_600);
            let doing = chance.below(5);
            let half_life = 86_400 + u128::from(chance.below(60 * 86_400));
            for story in [&mut with, &mut without] {
                story.at(now);
                match doing {
                    0 if reviewed < BUYERS.len() => story.review(BUYERS[reviewed], bought[reviewed]),
                    1 => story.govern("score_half_life", half_life),
                    2 => drop(story.buy(BUYERS[reviewed % BUYERS.len()], 1)),
                    3 => outage(story),
                    _ => {}
                }
            }
            reviewed += usize::from(doing == 0 && reviewed < BUYERS.len());
        }
        assert!(against(&with)[0] > against(&without)[0], "seed {seed}");
        with.challenge(PIA, bought[4]);
        assert_eq!(against(&with), against(&without), "seed {seed}");
        let of = |story: &Story| (story.score(1), story.provider(1).status);
        assert_eq!(of(&with), of(&without), "seed {seed}");
    }
}

/// Pia's service was down in the last epoch, if that can be reported and was not yet.
fn outage(story: &mut Story) {
    let epoch = story.world.globals().epoch;
    let (Some(reported), 1..) = (epoch.number.checked_sub(1), epoch.pages) else {
        return;
    };
    let known = story
        .world
        .state
        .record(&rampart_ledger::Key::availability(reported, 0));
    if known.is_some() || story.provider(1).status != Status::Active {
        return;
    }
    let mut down = B256::ZERO;
    down[0] = 1;
    for operator in [OLGA, OMAR] {
        let message = ReportAvailability {
            epoch: reported,
            page: 0,
            down,
            nonce: story.world.nonce(operator),
        };
        story.send(operator, message);
    }
}

#[test]
fn a_review_that_has_decayed_to_nothing_can_still_be_challenged() {
    let (mut story, bought) = market();
    story.govern("score_half_life", 60);
    story.review(BEN, bought[0]);
    // Three hundred half-lives later nothing of it is left.
    story.at(5 * 3_600);
    story.review(CLEO, bought[1]);
    story.challenge(PIA, bought[1]);
    assert_eq!(against(&story)[0], 0);
    story.challenge(PIA, bought[0]);
    assert_eq!(against(&story)[0], 0);
}
