//! The chapters of the worked example.

use super::cast::{ADA, BEN, CLEO, DAN, EVE, INES, IVAN, OLGA, OMAR, PIA, QUIN, Story, access, gain};
use super::page::{Page, about, amount, fraction, seconds, units};
use crate::history::{tokens, voucher};
use rampart_ledger::{EpochReport, Event, Fault, Key, Pair, Purchase, Reject, apply, required_stake, wait};
use rampart_protocol::message::{
    Claim, ClaimRewards, CommitVerdict, ReportAvailability, ReportUsage, RevealVerdict, Withdraw,
};
use rampart_protocol::verdict::{commitment, review as case_of};
use rampart_protocol::{Address, Amount, B256, ProviderId, PurchaseId, Sequence};
use std::sync::Arc;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// The whole document.
pub fn tell() -> String {
    let mut page = Page::default();
    page.text.push_str("# A worked example\n\n");
    introduce(&mut page);
    let mut story = Story::begin();
    let [bens, cleos] = purchases(&mut page, &mut story);
    reviews(&mut page, &mut story, bens, cleos);
    challenges(&mut page, &mut story, bens, cleos);
    first_epoch(&mut page, &mut story);
    outage(&mut page, &mut story, bens, cleos);
    verdicts(&mut page, &mut story);
    third_epoch(&mut page, &mut story);
    leaving(&mut page, &mut story);
    page.text.truncate(page.text.trim_end().len());
    page.text.push('\n');
    page.text
}

fn introduce(page: &mut Page) {
    page.say(
        "Five consumers, two providers, two operators and two investors use the ledger for twenty days. Nothing here is \
         made up: a test (`crates/ledger/tests/economy/worked_example`) plays the story on the real ledger, takes \
         the tables from its records, and checks each line in a box with a calculator of its own. If a rule \
         changes, the test fails until this file is written anew (`BLESS=1 cargo test -p rampart-ledger --test economy \
         worked_example`). The formulas and their reasons are in [economics.md](economics.md); all parameters have \
         their defaults.",
    );
    page.say(
        "How to read the boxes: `what = formula with the figures put in = what the ledger has`. Amounts are tokens, exact \
         to the last of 18 decimals; fractions are kept in millionths and evidence in millionths of a unit, both rounded \
         down, so the last of six decimals may be one less than a calculator's. Evidence halves every 30 days, counted in \
         steps of 1/65,536 of that (39.55 seconds): after `n` steps it is worth `2^(-n/65536)`.",
    );
}

fn purchases(page: &mut Page, story: &mut Story) -> [PurchaseId; 2] {
    page.heading("Hour 0: purchases");
    for who in [ADA, BEN, CLEO, DAN, EVE] {
        story.deposit(who, tokens(1_000));
    }
    for who in [PIA, QUIN] {
        story.deposit(who, tokens(20_000));
    }
    story.restake(INES, OLGA, 750);
    story.restake(IVAN, OLGA, 250);
    story.restake(IVAN, OMAR, 400);
    story.register(PIA, "Phishing Watch", 20, 100);
    story.register(QUIN, "Swap Simulator", 200, 1_000);
    page.say(
        "Ada, Ben, Cleo, Dan and Eve deposit 1,000 tokens each. Pia and Quin deposit 20,000 each and register as \
         providers 1 and 2 with a stake of 5,000. Pia sells 100 requests for 20 tokens, Quin 1,000 requests for 200. \
         Ben and Ada buy of Pia, and Ada once more; Cleo, Dan and Eve buy of Quin.",
    );
    let pool = story.world.globals().pool;
    let bens = story.buy(BEN, 1);
    let cut = gain(story.world.globals().pool, pool);
    let escrow = story.provider(1).escrow.total;
    let evidence = |story: &Story, id: PurchaseId| {
        let purchase: Arc<Purchase> = story.world.get(Key::purchase(&id)).unwrap();
        units(purchase.evidence.0)
    };
    let adas = story.buy(ADA, 1);
    let again = story.buy(ADA, 1);
    page.say(
        "Of each fee, `protocol_cut` (0.05) goes to the pool of the epoch and the rest into the provider's escrow. The cut \
         makes evidence for the provider, one unit a token, weighted by what the consumer has spent there already: the \
         next token counts `1 + 0.5 * min(spent / 100, 4)` times. Over a purchase from `a` to `b` tokens spent, below 400, \
         that is `(b - a) + 0.5 * (b^2 - a^2) / (2 * 100)`. For Ben's 20 tokens, and for Ada's two times 20:",
    );
    page.follow(&[
        ("cut", "20 * 0.05", amount(cut)),
        ("escrow", "20 - 1", amount(escrow)),
        (
            "evidence, Ben",
            "(20 + 0.5 * (20^2 - 0^2) / 200) * 0.05",
            evidence(story, bens),
        ),
        (
            "evidence, Ada",
            "(20 + 0.5 * (20^2 - 0^2) / 200) * 0.05",
            evidence(story, adas),
        ),
        (
            "evidence, Ada again",
            "(20 + 0.5 * (40^2 - 20^2) / 200) * 0.05",
            evidence(story, again),
        ),
    ]);
    let cleos = story.buy(CLEO, 2);
    story.buy(DAN, 2);
    story.buy(EVE, 2);
    let spent: Arc<Pair> = story.world.get(Key::pair(&CLEO, ProviderId(2))).unwrap();
    let at = story
        .world
        .globals()
        .score_steps(&story.world.params(), story.world.env.timestamp);
    assert_eq!(spent.spent.value(at), tokens(200).0);
    page.say(
        "One purchase of 40 tokens would have made the same evidence as Ada's two: (40 + 0.5 * 40^2 / 200) * 0.05 = 2.2. \
         Each of Quin's three sales, of which 10 tokens go to the pool:",
    );
    page.follow(&[
        (
            "evidence",
            "(200 + 0.5 * 200^2 / 200) * 0.05",
            evidence(story, cleos),
        ),
        ("pool", "3 * 1 + 3 * 10", amount(story.world.globals().pool)),
    ]);
    page.say(
        "The score is `(r + 0.5 * 100) / (r + d + 100)`, with evidence `r` for the provider and `d` against it. Fees wait \
         `30 days - 28 days * score`, and the stake required is `1,000 + kappa * revenue` with `kappa = 1 - 0.8 * score`:",
    );
    standing_of_both(
        page,
        story,
        ["(1.05 + 1.05 + 1.15)", "(15 + 15 + 15)"],
        ["0", "0"],
        ["60", "600"],
    );
    page.providers(story);
    page.funds(story);
    [bens, cleos]
}

/// Score, wait and stake of both providers, by their evidence and revenue as formulas.
fn standing_of_both(page: &mut Page, story: &Story, good: [&str; 2], bad: [&str; 2], revenue: [&str; 2]) {
    let (params, globals, now) = (
        story.world.params(),
        story.world.globals(),
        story.world.env.timestamp,
    );
    for (place, id) in [(0, 1), (1, 2)] {
        let (r, d) = (good[place], bad[place]);
        let score = story.score(id);
        let s = fraction(score).text;
        let required = required_stake(&params, &globals, &story.provider(id), now).unwrap();
        let stated = [
            format!("({r} + 0.5 * 100) / ({r} + {d} + 100)"),
            format!("2592000 - (2592000 - 172800) * {s}"),
            format!("1000 + (1 - 0.8 * {s}) * {}", revenue[place]),
        ];
        page.follow(&[
            (&format!("score {id}"), &stated[0], fraction(score)),
            (&format!("wait {id}"), &stated[1], seconds(wait(&params, score))),
            (&format!("stake {id}"), &stated[2], about(required)),
        ]);
    }
}

fn reviews(page: &mut Page, story: &mut Story, bens: PurchaseId, cleos: PurchaseId) {
    page.heading("Hour 12: two negative reviews");
    story.at(12 * HOUR);
    let (voucher, signature) = voucher(&access(), cleos, 250);
    let report = ReportUsage {
        purchase: cleos,
        used: Sequence(250),
        voucher,
        signature,
        nonce: story.world.nonce(QUIN),
    };
    story.send(QUIN, report);
    story.review(BEN, bens);
    story.review(CLEO, cleos);
    page.say(
        "Quin shows the voucher by which Cleo has authorised 250 of her 1,000 requests. Ben and Cleo both publish a \
         negative review. It costs a fifth of the fee, at least one token, and counts at once, 20 times the evidence of \
         the purchase. Half a day is `floor(43200 * 65536 / 2592000)` = 1,092 steps of decay for what was there before.",
    );
    page.follow(&[
        ("Ben's review", "max(1, 20 * 0.2)", amount(held(story, BEN))),
        ("Cleo's review", "max(1, 200 * 0.2)", amount(held(story, CLEO))),
        ("against 1", "20 * 1.05", units(negative(story, 1))),
        ("against 2", "20 * 15", units(negative(story, 2))),
    ]);
    standing_of_both(
        page,
        story,
        ["3.25 * 2^(-1092/65536)", "45 * 2^(-1092/65536)"],
        ["21", "300"],
        ["60 * 2^(-1092/65536)", "600 * 2^(-1092/65536)"],
    );
    page.providers(story);
}

fn held(story: &Story, who: Address) -> Amount {
    story.world.account(who).unwrap().deposits
}

fn negative(story: &Story, id: u64) -> u128 {
    let at = story
        .world
        .globals()
        .score_steps(&story.world.params(), story.world.env.timestamp);
    story.provider(id).negative.value(at)
}

fn challenges(page: &mut Page, story: &mut Story, bens: PurchaseId, cleos: PurchaseId) {
    page.heading("Hour 13: both are challenged");
    story.at(13 * HOUR);
    story.challenge(PIA, bens);
    story.challenge(QUIN, cleos);
    page.say(
        "Pia and Quin challenge, each with a bond that matches the review's fee. Until the verdict the reviews do not \
         count: their evidence is taken out exactly. The operators have until hour 37 to commit, and from then until \
         hour 61 to reveal. An hour later it is 1,183 steps since the purchases.",
    );
    standing_of_both(
        page,
        story,
        ["3.25 * 2^(-1183/65536)", "45 * 2^(-1183/65536)"],
        ["0", "0"],
        ["60 * 2^(-1183/65536)", "600 * 2^(-1183/65536)"],
    );
}

fn report(story: &Story, number: u64) -> Arc<EpochReport> {
    story.world.get(Key::epoch(number)).unwrap()
}

fn first_epoch(page: &mut Page, story: &mut Story) {
    page.heading("Hour 24: the first epoch's rewards");
    story.at(DAY);
    let paid = report(story, 0).paid;
    page.say(
        "An epoch lasts a day. Of its pool, operators and investors earn `0.6 + 0.25 * P / (P + 50) + 0.15 * E / (E + 10)`, \
         with P = 2 providers that sold something and E = 0 cases decided; each term is rounded down to a millionth \
         (0.25 * 2 / 52 = 0.009615). The rest is the treasury's. Nothing was to be reported yet, so both operators took \
         part, and share by stake: Olga 600, Omar 400.",
    );
    page.follow(&[
        ("paid", "33 * (0.6 + 0.009615 + 0)", amount(paid)),
        (
            "treasury",
            "33 - 20.117295",
            amount(story.world.globals().treasury),
        ),
        (
            "Olga's commission",
            "20.117295 * 600 / 1000 * 0.1",
            amount(story.owed(OLGA)),
        ),
        (
            "Omar's commission",
            "20.117295 * 400 / 1000 * 0.2",
            amount(story.owed(OMAR)),
        ),
        (
            "Ines at Olga",
            "(12.070377 - 1.2070377) * 750 / 1000",
            amount(story.accrued(OLGA, INES)),
        ),
        (
            "Ivan at Olga",
            "(12.070377 - 1.2070377) * 250 / 1000",
            amount(story.accrued(OLGA, IVAN)),
        ),
        (
            "Ivan at Omar",
            "(8.046918 - 1.6093836) * 400 / 400",
            amount(story.accrued(OMAR, IVAN)),
        ),
    ]);
    page.operators(story, [OLGA, OMAR]);
}

fn outage(page: &mut Page, story: &mut Story, bens: PurchaseId, cleos: PurchaseId) {
    page.heading("Hour 26: an outage, and sealed verdicts");
    story.at(26 * HOUR);
    let mut down = B256::ZERO;
    down[0] = 1;
    for who in [OLGA, OMAR] {
        availability(story, who, 0, down);
    }
    for (who, purchase, upheld) in votes(bens, cleos) {
        let commitment = commitment(case_of(purchase), 1, who, upheld, salt(who));
        let sealed = CommitVerdict {
            case: case_of(purchase),
            round: 1,
            commitment,
            nonce: story.world.nonce(who),
        };
        story.send(who, sealed);
    }
    page.say(
        "Both operators report that Pia's service answered less than 95 % of their probes in the first epoch: they are more \
         than half of the stake, so it was down, which counts 20 units against her. It is the first such epoch in a row; \
         only the third would slash. Both also commit to their verdicts on the two reviews, and reveal them at hour 40. \
         26 hours are 2,366 steps.",
    );
    standing_of_both(
        page,
        story,
        ["3.25 * 2^(-2366/65536)", "45 * 2^(-2366/65536)"],
        ["20", "0"],
        ["60 * 2^(-2366/65536)", "600 * 2^(-2366/65536)"],
    );
    story.at(40 * HOUR);
    for (who, purchase, upheld) in votes(bens, cleos) {
        let reveal = RevealVerdict {
            case: case_of(purchase),
            round: 1,
            upheld,
            salt: salt(who),
            nonce: story.world.nonce(who),
        };
        story.send(who, reveal);
    }
}

fn votes(bens: PurchaseId, cleos: PurchaseId) -> [(Address, PurchaseId, bool); 4] {
    [
        (OLGA, bens, false),
        (OMAR, bens, false),
        (OLGA, cleos, true),
        (OMAR, cleos, true),
    ]
}

fn salt(who: Address) -> B256 {
    B256::left_padding_from(who.as_slice())
}

fn availability(story: &mut Story, who: Address, epoch: u64, down: B256) {
    let message = ReportAvailability {
        epoch,
        page: 0,
        down,
        nonce: story.world.nonce(who),
    };
    story.send(who, message);
}

fn verdicts(page: &mut Page, story: &mut Story) {
    page.heading("Hour 62: one review is overturned, one upheld");
    story.at(48 * HOUR);
    story.at(50 * HOUR);
    availability(story, OLGA, 1, B256::ZERO);
    let before: Vec<Amount> = [PIA, QUIN, BEN, CLEO].map(|who| story.balance(who)).to_vec();
    let owed = [OLGA, OMAR].map(|who| story.owed(who));
    let investors = [(OLGA, INES), (OLGA, IVAN), (OMAR, IVAN)];
    let rewards = story.world.globals().rewards;
    let accrued = investors.map(|(operator, investor)| story.accrued(operator, investor));
    let (pool, stake, escrow) = (
        story.world.globals().pool,
        story.provider(2).stake,
        story.provider(2).escrow.total,
    );
    let events = story.at(62 * HOUR);
    let decided = events
        .iter()
        .filter(|event| matches!(event, Event::CaseDecided { .. }))
        .count();
    assert_eq!(decided, 2);
    let bounty = events.iter().find_map(|event| match event {
        Event::Slashed { bounty, .. } => Some(*bounty),
        _ => None,
    });
    let bounty = bounty.unwrap();
    let now = |story: &Story, place: usize, who: Address| gain(story.balance(who), before[place]);
    page.say(
        "At hour 48 the second epoch ends with an empty pool. At hour 50 Olga reports that all was well in it; Omar \
         reports nothing. At hour 62 the reveals are over: all of the stake has revealed, and agrees. Ben's review is \
         overturned. Pia gets her bond back and half of his fee; the other half goes to the operators that revealed with \
         the majority, by stake. The review's evidence stays out, as if it had never been written. Ben gets nothing.",
    );
    page.follow(&[
        ("Pia", "4 + 4 / 2", amount(now(story, 0, PIA))),
        ("Ben", "0", amount(now(story, 2, BEN))),
    ]);
    page.say(
        "Cleo's review is upheld. She gets her fee back, half of Quin's bond, and what she had not used of the purchase, \
         750 of 1,000 requests, out of his escrow. The other half of the bond goes to the operators. A twentieth of the \
         fee, at least one token, is slashed from his stake: a tenth of that to the operators, the rest to the pool. The \
         evidence counts again, from the day of the review.",
    );
    page.follow(&[
        (
            "Cleo's refund",
            "200 * (1000 - 250) / 1000",
            amount(gain(escrow, story.provider(2).escrow.total)),
        ),
        ("Cleo", "40 + 40 / 2 + 150", amount(now(story, 3, CLEO))),
        ("Quin", "0", amount(now(story, 1, QUIN))),
        (
            "slash",
            "max(1, 200 * 0.05)",
            amount(gain(stake, story.provider(2).stake)),
        ),
        ("bounty", "10 * 0.1", amount(bounty)),
        (
            "to the pool",
            "10 - 1",
            amount(gain(story.world.globals().pool, pool)),
        ),
        (
            "against 2",
            "300 * 2^(-(5643-1092)/65536)",
            units(negative(story, 2)),
        ),
    ]);
    let earned = [OLGA, OMAR].map(|who| story.owed(who));
    let grown = investors.map(|(operator, investor)| story.accrued(operator, investor));
    page.say(
        "Together the operators have earned 2 + 20 + 1 = 23 tokens, Olga 0.6 of it and Omar 0.4. They keep their \
         commission, and the rest is their investors':",
    );
    page.follow(&[
        (
            "together",
            "2 + 20 + 1",
            amount(gain(story.world.globals().rewards, rewards)),
        ),
        ("Olga", "23 * 0.6 * 0.1", amount(gain(earned[0], owed[0]))),
        ("Omar", "23 * 0.4 * 0.2", amount(gain(earned[1], owed[1]))),
        (
            "Ines at Olga",
            "23 * 0.6 * 0.9 * 750 / 1000",
            amount(gain(grown[0], accrued[0])),
        ),
        (
            "Ivan at Olga",
            "23 * 0.6 * 0.9 * 250 / 1000",
            amount(gain(grown[1], accrued[1])),
        ),
        (
            "Ivan at Omar",
            "23 * 0.4 * 0.8",
            amount(gain(grown[2], accrued[2])),
        ),
    ]);
    page.say(
        "62 hours are 5,643 steps since the purchases, 3,277 since the outage and 4,551 since the reviews.",
    );
    standing_of_both(
        page,
        story,
        ["3.25 * 2^(-5643/65536)", "45 * 2^(-5643/65536)"],
        ["20 * 2^(-3277/65536)", "300 * 2^(-4551/65536)"],
        ["60 * 2^(-5643/65536)", "600 * 2^(-5643/65536)"],
    );
    page.providers(story);
}

fn third_epoch(page: &mut Page, story: &mut Story) {
    page.heading("Hour 72: the third epoch's rewards");
    let (treasury, owed) = (story.world.globals().treasury, story.owed(OLGA));
    let (omar, ines) = (story.owed(OMAR), story.accrued(OLGA, INES));
    story.at(72 * HOUR);
    page.say(
        "Nobody sold anything (P = 0), and two cases were decided, either way (E = 2): 0.15 * 2 / 12 = 0.025. Omar did not \
         report, so he took no part; all of it is Olga's.",
    );
    page.follow(&[
        ("paid", "9 * (0.6 + 0 + 0.025)", amount(report(story, 2).paid)),
        (
            "treasury",
            "9 - 5.625",
            amount(gain(story.world.globals().treasury, treasury)),
        ),
        (
            "Olga's commission",
            "5.625 * 0.1",
            amount(gain(story.owed(OLGA), owed)),
        ),
        (
            "Ines at Olga",
            "5.625 * 0.9 * 750 / 1000",
            amount(gain(story.accrued(OLGA, INES), ines)),
        ),
        ("Omar", "0", amount(gain(story.owed(OMAR), omar))),
    ]);
}

fn leaving(page: &mut Page, story: &mut Story) {
    page.heading("Day 20: fees and rewards are claimed");
    story.at(20 * DAY);
    page.say(
        "20 days are 43,690 steps since the purchases, 41,324 since the outage and 42,598 since the reviews.",
    );
    standing_of_both(
        page,
        story,
        ["3.25 * 2^(-43690/65536)", "45 * 2^(-43690/65536)"],
        ["20 * 2^(-41324/65536)", "300 * 2^(-42598/65536)"],
        ["60 * 2^(-43690/65536)", "600 * 2^(-43690/65536)"],
    );
    let claim = |story: &Story, who, id| Claim {
        provider: ProviderId(id),
        nonce: story.world.nonce(who),
    };
    let input = crate::history::world::transaction(QUIN, claim(story, QUIN, 2).into());
    let refused = apply(&story.world.state, &story.world.env, &input);
    let Err(Fault::Reject(reject @ Reject::StillWaiting { .. })) = refused else {
        panic!("Quin's claim is refused: {refused:?}");
    };
    let before = story.balance(PIA);
    story.send(PIA, claim(story, PIA, 1));
    page.say(
        "Fees wait in buckets of an hour, which unlock with their last second. Pia's wait is over since day 17, Quin's not \
         before day 23: his claim is refused.",
    );
    page.follow(&[("Pia's claim", "3 * 19", amount(gain(story.balance(PIA), before)))]);
    page.text.push_str(&format!(
        "```\nQuin's claim: rejection {}: {reject}\n```\n\n",
        reject.code()
    ));
    let rewards = [
        (OLGA, OLGA),
        (OMAR, OMAR),
        (INES, OLGA),
        (IVAN, OLGA),
        (IVAN, OMAR),
    ];
    for (who, operator) in rewards {
        let message = ClaimRewards {
            operator,
            nonce: story.world.nonce(who),
        };
        story.send(who, message);
    }
    page.say("All rewards are claimed:");
    page.follow(&[
        ("Olga", "1.2070377 + 1.38 + 0.5625", amount(story.balance(OLGA))),
        ("Omar", "1.6093836 + 1.84", amount(story.balance(OMAR))),
        (
            "Ines",
            "8.147504475 + 9.315 + 3.796875",
            amount(story.balance(INES)),
        ),
        (
            "Ivan",
            "2.715834825 + 3.105 + 1.265625 + 6.4375344 + 7.36",
            amount(story.balance(IVAN)),
        ),
    ]);
    let message = Withdraw {
        recipient: PIA,
        amount: tokens(57),
        nonce: story.world.nonce(PIA),
    };
    story.send(PIA, message);
    page.say(
        "Pia withdraws her 57 tokens to the L2, which costs 0.01 for the record, into the pool. At the end everybody could \
         leave with:",
    );
    page.funds(story);
    page.say(
        "What investors are owed is rounded down to a base unit, so a few of them may stay with the rewards that are not \
         claimed. Quin still has 420 of his 570 tokens in escrow: 3 * 190 less Cleo's 150.",
    );
    page.providers(story);
}
