//! A test plan drawn from a seed: links, faults and who does what it should not, each at its time. One seed is one plan and
//! one history.

use crate::cluster::{
    byzantine::Conduct as Byzantine,
    stage::{STEPS, Stall, Step},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use std::fmt;
use std::time::Duration;

/// Operators of a plan: the smallest network that bears one that does what it likes.
pub const OPERATORS: usize = 4;

/// Something that happens to the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// These operators are killed, between any two of their steps.
    Kill(Vec<usize>),
    /// They are started again, on the disks that they had.
    Start(Vec<usize>),
    /// These cannot be reached by the others, nor reach them.
    Cut(Vec<usize>),
    /// Every link is whole again.
    Heal,
    /// No disk takes anything any more.
    BreakDisks,
    /// Disks work again, and everybody is started again.
    MendDisks,
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn {
    pub seed: u64,
    /// Time on a link, and its variation, milliseconds.
    pub latency: (u64, u64),
    /// Percent of messages that are lost.
    pub loss: u8,
    /// In the order of time, milliseconds.
    pub faults: Vec<(u64, Fault)>,
    /// The operator that does what it should not, and what.
    pub byzantine: Option<(usize, Byzantine)>,
    /// The operator that starts late, on an empty disk, and fetches the state of others.
    pub late: Option<usize>,
    /// The operator whose disk takes this long for each block, milliseconds.
    pub slow: Option<(usize, u64)>,
    /// Who is killed in which step.
    pub stalls: Vec<Stall>,
    /// Blocks of an epoch.
    pub epoch_blocks: u64,
}

/// What a plan is about: each has its turn, whatever else is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Theme {
    Crashes,
    Outage,
    Partition,
    Disks,
    Byzantine,
    Joining,
    Slow,
    Mixed,
}

const THEMES: [Theme; 8] = [
    Theme::Crashes,
    Theme::Outage,
    Theme::Partition,
    Theme::Disks,
    Theme::Byzantine,
    Theme::Joining,
    Theme::Slow,
    Theme::Mixed,
];

const BYZANTINE: [Byzantine; 5] = [
    Byzantine::Equivocates,
    Byzantine::Withholds,
    Byzantine::Garbage,
    Byzantine::WrongRoot,
    Byzantine::Forges,
];

/// The steps that an operator comes to at all times.
const NOT_CHECKING: [Step; 5] = [
    Step::Engine,
    Step::Waiting,
    Step::Building,
    Step::BeforeWriting,
    Step::AfterWriting,
];

/// Draws with a seed.
struct Draw(StdRng);

impl Draw {
    fn between(&mut self, from: u64, to: u64) -> u64 {
        self.0.random_range(from..=to)
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.between(1, n) == 1
    }

    fn operator(&mut self, but: &[usize]) -> usize {
        let free: Vec<usize> = (0..OPERATORS).filter(|index| !but.contains(index)).collect();
        *free.choose(&mut self.0).expect("fewer than all are excluded")
    }
}

impl Drawn {
    pub fn new(seed: u64) -> Self {
        let mut draw = Draw(StdRng::seed_from_u64(seed));
        let theme = THEMES[usize::try_from(seed % THEMES.len() as u64).unwrap_or_default()];
        let mixed = theme == Theme::Mixed;
        let latency = draw.between(5, 120);
        let mut plan = Self {
            seed,
            latency: (latency, draw.between(0, latency / 2)),
            loss: 0,
            faults: Vec::new(),
            byzantine: None,
            late: None,
            slow: None,
            stalls: Vec::new(),
            epoch_blocks: draw.between(8, 30),
        };
        if draw.one_in(3) {
            plan.loss = u8::try_from(draw.between(1, 15)).unwrap_or_default();
        }
        if theme == Theme::Byzantine || (mixed && draw.one_in(2)) {
            // In turn, so that a row of seeds has them all.
            let turn = usize::try_from(seed / THEMES.len() as u64).unwrap_or_default();
            plan.byzantine = Some((draw.operator(&[]), BYZANTINE[turn % BYZANTINE.len()]));
        }
        if theme == Theme::Joining || (mixed && plan.byzantine.is_none() && draw.one_in(2)) {
            plan.late = Some(draw.operator(&[]));
        }
        if theme == Theme::Slow || (mixed && draw.one_in(3)) {
            plan.slow = Some((draw.operator(&plan.odd()), draw.between(50, 1_500)));
        }
        plan.faults = match theme {
            Theme::Crashes => plan.crashes(&mut draw),
            Theme::Outage => outage(&mut draw),
            Theme::Partition => plan.partition(&mut draw),
            Theme::Disks => disks(&mut draw),
            Theme::Byzantine | Theme::Joining | Theme::Slow if draw.one_in(2) => plan.crashes(&mut draw),
            Theme::Mixed if draw.one_in(2) => plan.partition(&mut draw),
            Theme::Mixed => plan.crashes(&mut draw),
            _ => Vec::new(),
        };
        plan
    }

    /// Those to whom nothing else should happen.
    fn odd(&self) -> Vec<usize> {
        let byzantine = self.byzantine.map(|(index, _)| index);
        byzantine.into_iter().chain(self.late).collect()
    }

    /// Operators that keep to the rules.
    pub fn honest(&self) -> usize {
        OPERATORS - usize::from(self.byzantine.is_some())
    }

    /// One operator after another is killed and comes back, one of them at a time.
    fn crashes(&mut self, draw: &mut Draw) -> Vec<(u64, Fault)> {
        let (mut faults, mut at) = (Vec::new(), draw.between(300, 2_000));
        for _ in 0..draw.between(1, 4) {
            let operator = draw.operator(&self.odd());
            // Observations are there to be checked in the first blocks only.
            let steps = if at < 1_200 { &STEPS[..] } else { &NOT_CHECKING[..] };
            let step = *steps.choose(&mut draw.0).expect("there are steps");
            self.stalls.push(Stall {
                operator,
                step,
                from: Duration::from_millis(at.saturating_sub(draw.between(400, 1_000))),
                killed: Duration::from_millis(at),
            });
            faults.push((at, Fault::Kill(vec![operator])));
            at += draw.between(0, 5_000);
            faults.push((at, Fault::Start(vec![operator])));
            at += draw.between(1, 1_500);
        }
        faults
    }

    fn partition(&self, draw: &mut Draw) -> Vec<(u64, Fault)> {
        let (mut faults, mut at) = (Vec::new(), draw.between(300, 2_000));
        for _ in 0..draw.between(1, 3) {
            let one = draw.operator(&[]);
            let mut group = vec![one];
            if draw.one_in(2) {
                group.push(draw.operator(&[one]));
            }
            faults.push((at, Fault::Cut(group)));
            at += draw.between(500, 15_000);
            faults.push((at, Fault::Heal));
            at += draw.between(1, 3_000);
        }
        faults
    }
}

/// All are killed at once, and come back one after another.
fn outage(draw: &mut Draw) -> Vec<(u64, Fault)> {
    let mut at = draw.between(300, 3_000);
    let mut faults = vec![(at, Fault::Kill((0..OPERATORS).collect()))];
    for operator in 0..OPERATORS {
        at += draw.between(0, 3_000);
        faults.push((at, Fault::Start(vec![operator])));
    }
    faults
}

/// Disks stop taking writes, which ends engines, by their design; all start again when disks work.
fn disks(draw: &mut Draw) -> Vec<(u64, Fault)> {
    let at = draw.between(300, 3_000);
    vec![
        (at, Fault::BreakDisks),
        (at + draw.between(1, 2_000), Fault::MendDisks),
    ]
}

impl fmt::Display for Drawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (latency, jitter) = self.latency;
        writeln!(
            f,
            "seed {}: {OPERATORS} operators, links of {latency} ± {jitter} ms losing {} %, epochs of {} blocks",
            self.seed, self.loss, self.epoch_blocks
        )?;
        if let Some((operator, conduct)) = self.byzantine {
            writeln!(f, "  operator {operator}: {conduct:?}")?;
        }
        if let Some(operator) = self.late {
            writeln!(f, "  operator {operator} starts late, on an empty disk")?;
        }
        if let Some((operator, ms)) = self.slow {
            writeln!(
                f,
                "  operator {operator} takes up to {ms} ms to write a block down"
            )?;
        }
        for stall in &self.stalls {
            let Stall {
                operator, step, from, ..
            } = stall;
            writeln!(
                f,
                "  {from:>8.3?}  operator {operator} stands still when it comes to {step:?}"
            )?;
        }
        for (at, fault) in &self.faults {
            let at = Duration::from_millis(*at);
            writeln!(f, "  {at:>8.3?}  {fault:?}")?;
        }
        Ok(())
    }
}
