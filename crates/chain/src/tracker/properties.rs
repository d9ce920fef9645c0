//! Whatever fewer liars than the quorum say, only the truth becomes final; and as many honest endpoints as the quorum get
//! to the end, whatever the others do.
#![allow(clippy::unwrap_used)]
use super::tests::Chain;
use super::*;
use proptest::prelude::*;

const DEPLOYED: u64 = 10;
const LAST: u64 = 60;

/// What somebody says who is not honest, from the truth that it knows.
#[derive(Clone, Copy, Debug)]
enum Lie {
    Silent,
    OtherChain(u8),
    Ahead(u64, u8),
    Back(u64),
    Omits,
    Changes,
    Repeats,
    HidesHashes,
    LiesAboutAgreed(u8),
    Short(u64),
    Truth,
}

fn lies() -> impl Strategy<Value = Lie> {
    prop_oneof![
        Just(Lie::Silent),
        (1u8..4).prop_map(Lie::OtherChain),
        (1u64..2_000, 0u8..4).prop_map(|(by, salt)| Lie::Ahead(by, salt)),
        (1u64..30).prop_map(Lie::Back),
        Just(Lie::Omits),
        Just(Lie::Changes),
        Just(Lie::Repeats),
        Just(Lie::HidesHashes),
        (1u8..4).prop_map(Lie::LiesAboutAgreed),
        (0u64..20).prop_map(Lie::Short),
        Just(Lie::Truth),
    ]
}

/// A liar's report; liars with one salt tell one story.
fn lie(truth: &Chain, tracker: &Tracker, head: u64, lie: Lie) -> Option<(Report, Chain)> {
    let with = |salt| Chain {
        salt,
        ..truth.clone()
    };
    let mut told = truth.clone();
    let mut report = truth.report(tracker, head);
    match lie {
        Lie::Silent => return None,
        Lie::OtherChain(salt) => {
            told = with(salt);
            report = told.report(tracker, head);
        }
        Lie::Ahead(by, salt) => {
            told = with(salt);
            report = told.report(tracker, head + by);
        }
        Lie::Back(by) => report = truth.report(tracker, head.saturating_sub(by)),
        Lie::Omits => {
            report.entries.pop();
            report.count = None;
        }
        Lie::Changes => {
            if let Some(Observation::Deposit(deposit)) = report.entries.last_mut() {
                deposit.amount.0 += 1;
            }
        }
        Lie::Repeats => report.entries.extend(report.entries.last().cloned()),
        Lie::HidesHashes => report.hashes.clear(),
        Lie::LiesAboutAgreed(salt) => {
            if let Some(agreed) = tracker.agreed() {
                report
                    .hashes
                    .insert(agreed.number, with(salt).hash(agreed.number));
            }
        }
        Lie::Short(by) => {
            report.covered = report.covered.saturating_sub(by);
            let covered = report.covered;
            report.entries.retain(|entry| entry.block_number() <= covered);
            report.count = None;
        }
        Lie::Truth => {}
    }
    Some((report, told))
}

struct World {
    truth: Chain,
    honest: usize,
    tracker: Tracker,
    taken: Vec<Observation>,
    now_ms: u64,
}

impl World {
    fn new(entries: Vec<u64>, honest: usize, liars: usize, quorum: usize) -> Self {
        let rules = Rules {
            endpoints: honest + liars,
            quorum,
            deployed_at: DEPLOYED,
            heads_only_grow: true,
        };
        Self {
            truth: Chain { salt: 0, entries },
            honest,
            tracker: Tracker::new(rules, None),
            taken: Vec::new(),
            now_ms: 0,
        }
    }

    /// The honest come first; each has its own final block.
    fn round(&mut self, heads: &[u64], lies: &[Lie], head: u64) {
        self.now_ms += 1_000;
        let due = self.tracker.due(self.now_ms);
        let mut told: BTreeMap<usize, (Report, Chain)> = BTreeMap::new();
        let mut answers = BTreeMap::new();
        for position in due {
            let said = match position.checked_sub(self.honest) {
                None => Some((
                    self.truth.report(&self.tracker, heads[position]),
                    self.truth.clone(),
                )),
                Some(liar) => lie(&self.truth, &self.tracker, head, lies[liar]),
            };
            match said {
                Some(said) => drop(told.insert(position, said)),
                None => drop(answers.insert(position, Answer::Silent("away".into()))),
            }
        }
        let reports = told
            .iter()
            .map(|(position, (report, _))| (*position, report.clone()))
            .collect();
        for (position, wanted) in self.tracker.wanted(&reports) {
            let hides = position >= self.honest && matches!(lies[position - self.honest], Lie::HidesHashes);
            let (report, chain) = told.get_mut(&position).unwrap();
            let wanted = wanted.into_iter().filter(|_| !hides);
            report
                .hashes
                .extend(wanted.map(|number| (number, chain.hash(number))));
        }
        answers.extend(
            told.into_iter()
                .map(|(position, (report, _))| (position, Answer::Report(report))),
        );
        let round = self.tracker.take(answers, self.now_ms);
        for entry in round.entries {
            match self.taken.get(usize::try_from(entry.index()).unwrap()) {
                Some(known) => assert_eq!(known, &entry),
                None => self.taken.push(entry),
            }
        }
        for (index, entry) in self.taken.iter().enumerate() {
            assert_eq!(entry, &self.truth.entry(index), "what is final is the truth");
        }
        assert!(!self.tracker.is_halted());
        let agreed = self.tracker.agreed();
        assert!(agreed.is_none_or(|agreed| agreed.hash == self.truth.hash(agreed.number)));
        for status in &self.tracker.status()[..self.honest] {
            assert_eq!(
                status.faults, 0,
                "an honest endpoint is never distrusted: {:?}",
                status.reason
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn fewer_liars_than_the_quorum_never_make_anything_final_and_enough_honest_ones_do(
        mut entries in proptest::collection::vec(DEPLOYED..=LAST, 0..12),
        quorum in 1usize..4,
        more_honest in 0usize..3,
        steps in proptest::collection::vec(
            (proptest::collection::vec(0u64..8, 6), proptest::collection::vec(lies(), 3), 0u64..6), 1..25
        ),
    ) {
        entries.sort_unstable();
        let (honest, liars) = (quorum + more_honest, quorum - 1);
        let mut world = World::new(entries, honest, liars, quorum);
        let mut heads = vec![5u64; honest];
        for (advances, lies, _) in &steps {
            for (head, advance) in heads.iter_mut().zip(advances) {
                *head = (*head + advance).min(LAST);
            }
            let head = heads.iter().copied().max().unwrap();
            world.round(&heads, &lies[..liars], head);
            // The quorum-th highest honest final block is reached in the same round: nobody can hold it up.
            let mut sorted = heads.clone();
            sorted.sort_unstable_by(|a, b| b.cmp(a));
            let reachable = sorted[quorum - 1];
            if reachable >= DEPLOYED {
                prop_assert!(world.tracker.cursor().next_block > reachable);
            }
        }
        world.round(&vec![LAST; honest], &[Lie::Silent; 3][..liars], LAST);
        prop_assert_eq!(world.taken.len(), world.truth.entries.len());
    }
}
