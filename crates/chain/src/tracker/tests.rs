#![allow(clippy::unwrap_used)]
use super::*;
use rampart_protocol::observation::Deposit;
use rampart_protocol::{Address, Amount};

/// A chain as a test wants it: hashes by a salt, and entries by block.
#[derive(Clone)]
pub(super) struct Chain {
    pub(super) salt: u8,
    /// The block of each entry, in order.
    pub(super) entries: Vec<u64>,
}

impl Chain {
    pub(super) fn hash(&self, number: u64) -> B256 {
        B256::from(alloy::primitives::U256::from(number * 256 + u64::from(self.salt)))
    }

    pub(super) fn block(&self, number: u64) -> BlockRef {
        BlockRef {
            number,
            hash: self.hash(number),
        }
    }

    pub(super) fn entry(&self, index: usize) -> Observation {
        let block_number = self.entries[index];
        Observation::Deposit(Deposit {
            index: index as u64,
            account: Address::repeat_byte(self.salt),
            amount: Amount(5),
            block_number,
            block_hash: self.hash(block_number),
        })
    }

    /// What an honest endpoint says whose final block is `head`, and that was asked for everything wanted.
    pub(super) fn report(&self, tracker: &Tracker, head: u64) -> Report {
        let cursor = tracker.cursor();
        let covered = cursor
            .next_range(head)
            .map_or(head.min(cursor.next_block.saturating_sub(1)), |(_, to)| to);
        let within = |index: &usize| {
            let block = self.entries[*index];
            block >= cursor.next_block && block <= covered
        };
        let entries: Vec<_> = (0..self.entries.len())
            .filter(within)
            .map(|index| self.entry(index))
            .collect();
        let counted = self.entries.iter().filter(|block| **block <= covered).count() as u64;
        Report {
            head: self.block(head),
            covered,
            count: (covered == head && covered >= cursor.next_block).then_some(counted),
            entries,
            hashes: [(head, self.hash(head))].into(),
        }
    }
}

const CHAIN: Chain = Chain {
    salt: 0,
    entries: Vec::new(),
};

fn chain(entries: &[u64]) -> Chain {
    Chain {
        entries: entries.to_vec(),
        ..CHAIN
    }
}

fn tracker(endpoints: usize, quorum: usize) -> Tracker {
    let rules = Rules {
        endpoints,
        quorum,
        deployed_at: 10,
        heads_only_grow: true,
    };
    Tracker::new(rules, None)
}

/// Each endpoint's own chain and final block; what the tracker wants to know more it is told by that chain.
fn round(tracker: &mut Tracker, says: &[(usize, &Chain, u64)], now_ms: u64) -> Round {
    let mut reports: BTreeMap<usize, Report> = says
        .iter()
        .map(|(position, chain, head)| (*position, chain.report(tracker, *head)))
        .collect();
    complete(tracker, &mut reports, says);
    let answers = reports
        .into_iter()
        .map(|(position, report)| (position, Answer::Report(report)));
    tracker.take(answers.collect(), now_ms)
}

fn complete(tracker: &Tracker, reports: &mut BTreeMap<usize, Report>, says: &[(usize, &Chain, u64)]) {
    for (position, wanted) in tracker.wanted(reports) {
        let (_, chain, _) = says.iter().find(|(known, _, _)| *known == position).unwrap();
        let hashes = &mut reports.get_mut(&position).unwrap().hashes;
        hashes.extend(wanted.into_iter().map(|number| (number, chain.hash(number))));
    }
}

fn indices(round: &Round) -> Vec<u64> {
    round.entries.iter().map(Observation::index).collect()
}

fn faults(round: &Round) -> Vec<(usize, Fault)> {
    let fault = |news: &News| match news {
        News::Distrusted { position, fault, .. } => Some((*position, fault.clone())),
        _ => None,
    };
    round.news.iter().filter_map(fault).collect()
}

#[test]
fn one_endpoint_alone_is_followed_to_its_final_block() {
    let chain = chain(&[12, 12, 20]);
    let mut tracker = tracker(1, 1);
    assert_eq!(
        indices(&round(&mut tracker, &[(0, &chain, 9)], 0)),
        [] as [u64; 0]
    );
    let first = round(&mut tracker, &[(0, &chain, 15)], 0);
    assert_eq!(indices(&first), [0, 1]);
    let mark = first.mark.unwrap();
    assert_eq!(
        (mark.cursor.next_block, mark.cursor.next_index, mark.block),
        (16, 2, chain.block(15))
    );
    assert_eq!(indices(&round(&mut tracker, &[(0, &chain, 30)], 0)), [2]);
    // Started again from the mark, it reads only the rest.
    let mut again = Tracker::new(tracker.rules, Some(mark));
    assert_eq!(indices(&round(&mut again, &[(0, &chain, 30)], 0)), [2]);
}

#[test]
fn what_only_one_of_three_says_is_not_final_and_who_lags_does_not_hold_up_the_others() {
    let chain = chain(&[12, 20]);
    let mut tracker = tracker(3, 2);
    assert_eq!(round(&mut tracker, &[(0, &chain, 30)], 0).mark, None);
    let both = round(&mut tracker, &[(0, &chain, 30), (1, &chain, 15)], 0);
    assert_eq!(indices(&both), [0], "as far as the second has come");
    let all = round(
        &mut tracker,
        &[(0, &chain, 31), (1, &chain, 15), (2, &chain, 25)],
        0,
    );
    assert_eq!(indices(&all), [1]);
    assert_eq!(tracker.agreed(), Some(chain.block(25)));
    assert!(all.news.is_empty(), "{:?}", all.news);
}

#[test]
fn an_endpoint_that_contradicts_a_quorum_is_set_aside_and_asked_again_later() {
    let chain = chain(&[12, 20]);
    let liar = Chain {
        salt: 1,
        ..chain.clone()
    };
    let mut tracker = tracker(3, 2);
    let said = round(
        &mut tracker,
        &[(0, &liar, 30), (1, &chain, 30), (2, &chain, 30)],
        0,
    );
    assert_eq!(indices(&said), [0, 1]);
    assert_eq!(faults(&said), [(0, Fault::Contradicts { block: 30 })]);
    assert_eq!(tracker.due(4_999), [1, 2]);
    assert_eq!(tracker.due(5_000), [0, 1, 2]);
    // Back with the same story, it is found out by what was agreed.
    let said = round(
        &mut tracker,
        &[(0, &liar, 31), (1, &chain, 31), (2, &chain, 31)],
        5_000,
    );
    assert_eq!(faults(&said), [(0, Fault::Contradicts { block: 30 })]);
    assert_eq!(tracker.due(14_999), [1, 2]);
    assert_eq!(tracker.status()[0].faults, 2);
    assert_eq!(tracker.status()[0].standing, Standing::Distrusted);
}

#[test]
fn a_liar_far_ahead_does_not_keep_the_honest_from_agreeing() {
    let chain = chain(&[12, 20]);
    let liar = Chain {
        salt: 1,
        ..chain.clone()
    };
    let mut tracker = tracker(3, 2);
    for head in 30..40 {
        // One honest endpoint is always ahead of the other.
        let said = [(0, &liar, 9_000), (1, &chain, head), (2, &chain, head - 5)];
        round(&mut tracker, &said, head * 1_000_000);
        assert_eq!(tracker.agreed(), Some(chain.block(head - 5)));
    }
}

#[test]
fn what_an_endpoint_says_of_itself_must_hold_together() {
    let chain = chain(&[12, 20]);
    type Spoil = fn(&mut Report);
    let spoiled: [(Spoil, Fault); 5] = [
        (
            |r| drop(r.entries.remove(0)),
            Fault::Skips {
                expected: 0,
                given: 1,
            },
        ),
        (
            |r| r.entries.push(ONE_ENTRY.entry(0)),
            Fault::Skips {
                expected: 2,
                given: 0,
            },
        ),
        (
            |r| drop(r.entries.pop()),
            Fault::Miscounted { counted: 2, given: 1 },
        ),
        (|r| r.covered = 19, Fault::OutOfRange { index: 1, block: 20 }),
        (|r| r.count = Some(3), Fault::Miscounted { counted: 3, given: 2 }),
    ];
    for (spoil, fault) in spoiled {
        let mut tracker = tracker(2, 1);
        let mut report = chain.report(&tracker, 30);
        spoil(&mut report);
        let round = tracker.take([(0, Answer::Report(report))].into(), 0);
        assert_eq!((faults(&round), round.mark), (vec![(0, fault)], None));
    }
}

static ONE_ENTRY: std::sync::LazyLock<Chain> = std::sync::LazyLock::new(|| chain(&[12]));

#[test]
fn a_final_block_that_goes_back_or_changes_is_a_fault_unless_finality_is_a_number_of_blocks() {
    let chain = chain(&[]);
    let other = Chain {
        salt: 1,
        ..chain.clone()
    };
    let mut strict = tracker(3, 3);
    round(&mut strict, &[(0, &chain, 30), (1, &chain, 30)], 0);
    let said = round(&mut strict, &[(0, &chain, 29), (1, &other, 30)], 0);
    let expected = [
        (0, Fault::WentBack { from: 30, to: 29 }),
        (1, Fault::Changed { block: 30 }),
    ];
    assert_eq!(faults(&said), expected);

    let mut lenient = tracker(3, 3);
    lenient.rules.heads_only_grow = false;
    round(&mut lenient, &[(0, &chain, 30), (1, &chain, 30)], 0);
    let said = round(&mut lenient, &[(0, &chain, 29), (1, &other, 30)], 0);
    assert_eq!(faults(&said), []);
}

#[test]
fn what_was_final_and_is_not_stops_everything_until_a_quorum_is_back() {
    let chain = chain(&[12, 40]);
    let other = Chain {
        salt: 1,
        ..chain.clone()
    };
    let mut tracker = tracker(3, 2);
    round(
        &mut tracker,
        &[(0, &chain, 30), (1, &chain, 30), (2, &chain, 30)],
        0,
    );
    let said = round(
        &mut tracker,
        &[(0, &other, 50), (1, &other, 50), (2, &chain, 50)],
        0,
    );
    assert_eq!((indices(&said), said.mark), (vec![], None));
    let expected = News::Reorganised {
        agreed: chain.block(30),
        now: other.hash(30),
    };
    assert_eq!(said.news, [expected]);
    assert!(tracker.is_halted());
    let said = round(&mut tracker, &[(0, &other, 60), (1, &other, 60)], 0);
    assert_eq!(said, Round::default(), "said once");
    // It stays so over a restart from a mark.
    let mark = Mark {
        cursor: tracker.cursor(),
        block: chain.block(30),
    };
    let mut again = Tracker::new(tracker.rules, Some(mark));
    round(&mut again, &[(0, &other, 60), (1, &other, 60)], 0);
    assert!(again.is_halted());
    let said = round(
        &mut tracker,
        &[(0, &chain, 60), (1, &chain, 60), (2, &other, 60)],
        0,
    );
    assert!(!tracker.is_halted() && said.news.contains(&News::Restored));
    assert_eq!(indices(&said), [1]);
}

#[test]
fn two_quorums_that_contradict_each_other_decide_nothing() {
    let chain = chain(&[12]);
    let other = Chain {
        salt: 1,
        ..chain.clone()
    };
    let mut tracker = tracker(2, 1);
    let said = round(&mut tracker, &[(0, &chain, 30), (1, &other, 30)], 0);
    assert_eq!((said.mark, said.news), (None, vec![News::Split { block: 30 }]));
}

#[test]
fn entries_that_were_skipped_earlier_are_found_by_reading_all_again() {
    let truth = chain(&[12, 20, 40]);
    // Two of three hid the second entry, in a range whose count could not be asked.
    let mut tracker = tracker(3, 2);
    let mut lie = chain(&[12]).report(&tracker, 30);
    lie.count = None;
    tracker.take(
        [(0, Answer::Report(lie.clone())), (1, Answer::Report(lie))].into(),
        0,
    );
    assert_eq!(tracker.cursor().next_index, 1);
    let mut now = 0;
    let mut again = false;
    for _ in 0..SHORT_ROUNDS {
        now += 10_000_000;
        let said = round(
            &mut tracker,
            &[(0, &truth, 50), (1, &truth, 50), (2, &truth, 50)],
            now,
        );
        assert_eq!(said.mark, None);
        again |= said.news.contains(&News::ReadAgain);
    }
    assert!(again);
    let said = round(
        &mut tracker,
        &[(0, &truth, 50), (1, &truth, 50)],
        now + 10_000_000,
    );
    assert_eq!(indices(&said), [0, 1, 2]);
}

#[test]
fn who_is_silent_or_of_another_chain_does_not_count() {
    let chain = chain(&[12]);
    let mut tracker = tracker(3, 2);
    let wrong = Fault::OtherChain {
        expected: 1,
        actual: 2,
    };
    let report = chain.report(&tracker, 30);
    let answers = [
        (0, Answer::Report(report)),
        (1, Answer::Silent("away".to_owned())),
        (2, Answer::Wrong(wrong.clone())),
    ];
    let said = tracker.take(answers.into(), 0);
    assert_eq!((said.mark, faults(&said)), (None, vec![(2, wrong)]));
    assert_eq!(tracker.status()[1].reason.as_deref(), Some("away"));
    assert_eq!(tracker.due(499), [0]);
    assert_eq!(tracker.due(500), [0, 1]);
}
