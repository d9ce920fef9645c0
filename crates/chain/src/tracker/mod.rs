//! Decides what is final on a chain from what several endpoints say, of which some may lie, lag or be away. Pure: no clock, no
//! network; the shell around it is `watch`.
//!
//! In each round every endpoint that is not set aside gives a [`Report`]: which block it calls final, the entries of the
//! contract up to some block, and the hashes of blocks that others named. From the round follows, in this order:
//!
//! 1. *What was agreed is compared*: an endpoint that has another block at the height of the last agreed one is distrusted. If
//!    as many as the quorum do, and agree, what was final is not: observation stops ([`News::Reorganised`]) until as many return
//!    to what was agreed, since what the ledger has taken cannot be taken back.
//! 2. *An endpoint that contradicts itself is distrusted*: its final block went back or changed, its entries skip an index, lie
//!    outside the range, or are not as many as the contract has counted.
//! 3. *A block counts as final when a quorum agrees on its hash and on every entry up to it.* The highest such block is taken;
//!    whoever says otherwise about it is distrusted. If two quorums contradict each other, which needs one of at most half,
//!    nothing is taken.
//!
//! So with fewer liars than the quorum nothing becomes final that no honest endpoint said, and as many honest ones as the
//! quorum suffice for progress, whatever the others do. A distrusted endpoint is asked again after a while that doubles; one
//! that is merely silent or behind does not count.

mod report;
mod standing;

pub use report::{Answer, BlockRef, Fault, Mark, News, Report, Round};
pub use standing::{EndpointStatus, Standing};

use crate::events::EventCursor;
use rampart_protocol::{B256, Observation};
use standing::Endpoint;
use std::collections::{BTreeMap, BTreeSet};

/// Rounds in which a quorum says that entries are missing before all are read again.
const SHORT_ROUNDS: u32 = 5;

/// What is fixed for a tracker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Endpoints.
    pub endpoints: usize,
    /// How many must agree; at least 1.
    pub quorum: usize,
    /// The block of the contract's deployment.
    pub deployed_at: u64,
    /// Whether a final block that goes back is a fault. It is not where finality is a number of confirmations.
    pub heads_only_grow: bool,
}

/// What is final, as agreed by a quorum.
#[derive(Clone, Debug)]
pub struct Tracker {
    rules: Rules,
    cursor: EventCursor,
    agreed: Option<BlockRef>,
    halted: bool,
    short_rounds: u32,
    endpoints: Vec<Endpoint>,
}

impl Tracker {
    /// Starts from what was agreed earlier, or from the contract's deployment.
    #[must_use]
    pub fn new(rules: Rules, resume: Option<Mark>) -> Self {
        let start = EventCursor::new(rules.deployed_at);
        Self {
            rules,
            cursor: resume.map_or(start, |mark| mark.cursor),
            agreed: resume.map(|mark| mark.block),
            halted: false,
            short_rounds: 0,
            endpoints: vec![Endpoint::default(); rules.endpoints],
        }
    }

    /// How far the contract's sequence is agreed on.
    #[must_use]
    pub const fn cursor(&self) -> EventCursor {
        self.cursor
    }

    /// How many endpoints must agree.
    #[must_use]
    pub const fn quorum(&self) -> usize {
        self.rules.quorum
    }

    /// The last block agreed on.
    #[must_use]
    pub const fn agreed(&self) -> Option<BlockRef> {
        self.agreed
    }

    /// Whether a quorum says that what was final is not.
    #[must_use]
    pub const fn is_halted(&self) -> bool {
        self.halted
    }

    /// Where each endpoint stands.
    #[must_use]
    pub fn status(&self) -> Vec<EndpointStatus> {
        self.endpoints.iter().map(Endpoint::status).collect()
    }

    /// The endpoints to ask now; time in milliseconds from any start.
    #[must_use]
    pub fn due(&self, now_ms: u64) -> Vec<usize> {
        let due = |(_, endpoint): &(usize, &Endpoint)| endpoint.is_due(now_ms);
        self.endpoints
            .iter()
            .enumerate()
            .filter(due)
            .map(|(position, _)| position)
            .collect()
    }

    /// The blocks whose hashes each endpoint should be asked for, given what all said.
    #[must_use]
    pub fn wanted(&self, reports: &BTreeMap<usize, Report>) -> BTreeMap<usize, BTreeSet<u64>> {
        let mut blocks: BTreeSet<u64> = reports
            .values()
            .map(|report| report.covered)
            .filter(|covered| *covered >= self.cursor.next_block)
            .collect();
        blocks.extend(self.agreed.map(|agreed| agreed.number));
        let of = |report: &Report| {
            let below = blocks.range(..=report.head.number).copied();
            below
                .filter(|number| !report.hashes.contains_key(number))
                .collect()
        };
        reports
            .iter()
            .map(|(position, report)| (*position, of(report)))
            .collect()
    }

    /// Takes in a round.
    pub fn take(&mut self, answers: BTreeMap<usize, Answer>, now_ms: u64) -> Round {
        let mut round = Round::default();
        let mut reports = BTreeMap::new();
        for (position, answer) in answers {
            match answer {
                Answer::Silent(reason) => self.silent(position, reason, now_ms, &mut round),
                Answer::Wrong(fault) => self.distrust(position, fault, now_ms, &mut round),
                Answer::Report(report) => {
                    reports.insert(position, report);
                }
            }
        }
        self.compare_agreed(&mut reports, now_ms, &mut round);
        let short = self.refuse_contradictions(&mut reports, now_ms, &mut round);
        for (position, report) in &reports {
            if let Some(endpoint) = self.endpoints.get_mut(*position)
                && endpoint.reported(report.head)
            {
                round.news.push(News::Back(*position));
            }
        }
        if !self.halted {
            self.agree(&reports, now_ms, &mut round);
        }
        self.count_short(short, &mut round);
        round
    }

    /// Distrusts who contradicts itself; returns how many say that entries are missing.
    fn refuse_contradictions(
        &mut self,
        reports: &mut BTreeMap<usize, Report>,
        now_ms: u64,
        round: &mut Round,
    ) -> usize {
        let mut faults = Vec::new();
        reports.retain(|position, report| {
            let fault = self.contradiction(*position, report);
            faults.extend(fault.iter().map(|fault| (*position, fault.clone())));
            fault.is_none()
        });
        let missing = |(_, fault): &&(usize, Fault)| fault.says_that_entries_are_missing();
        let short = faults.iter().filter(missing).count();
        for (position, fault) in faults {
            self.distrust(position, fault, now_ms, round);
        }
        short
    }

    /// What an endpoint's report contradicts in itself or in what it said before.
    fn contradiction(&self, position: usize, report: &Report) -> Option<Fault> {
        let before = self.endpoints.get(position)?.head();
        if let Some(before) = before {
            if report.head.number == before.number
                && report.head.hash != before.hash
                && self.rules.heads_only_grow
            {
                return Some(Fault::Changed { block: before.number });
            }
            if report.head.number < before.number && self.rules.heads_only_grow {
                return Some(Fault::WentBack {
                    from: before.number,
                    to: report.head.number,
                });
            }
        }
        report.inconsistency(&self.cursor)
    }

    /// Compares the last agreed block with what endpoints have in its place.
    fn compare_agreed(&mut self, reports: &mut BTreeMap<usize, Report>, now_ms: u64, round: &mut Round) {
        let Some(agreed) = self.agreed else { return };
        let (mut same, mut others): (usize, BTreeMap<B256, Vec<usize>>) = (0, BTreeMap::new());
        for (position, report) in reports.iter() {
            match report.hashes.get(&agreed.number) {
                Some(hash) if *hash == agreed.hash => same += 1,
                Some(hash) => others.entry(*hash).or_default().push(*position),
                None => {}
            }
        }
        let reorganised = others
            .iter()
            .find(|(_, positions)| positions.len() >= self.rules.quorum);
        match reorganised {
            // With a quorum of at most half both may be there; then nothing is certain.
            Some((hash, _)) => {
                if !self.halted {
                    round.news.push(News::Reorganised { agreed, now: *hash });
                }
                self.halted = true;
                reports.clear();
            }
            None => {
                for position in others.into_values().flatten() {
                    reports.remove(&position);
                    let fault = Fault::Contradicts { block: agreed.number };
                    self.distrust(position, fault, now_ms, round);
                }
                if self.halted && same >= self.rules.quorum {
                    self.halted = false;
                    round.news.push(News::Restored);
                }
            }
        }
        // Whoever has come past that block and does not say what it has there says nothing about later ones either.
        reports.retain(|_, report| {
            report.head.number < agreed.number || report.hashes.contains_key(&agreed.number)
        });
    }

    /// Takes the highest block that a quorum agrees on, and distrusts who contradicts.
    fn agree(&mut self, reports: &BTreeMap<usize, Report>, now_ms: u64, round: &mut Round) {
        let next = self.cursor.next_block;
        let blocks: BTreeSet<u64> = reports
            .values()
            .map(|r| r.covered)
            .filter(|block| *block >= next)
            .collect();
        for block in blocks.into_iter().rev() {
            let groups = groups(reports, block);
            let mut full = groups.iter().filter(|group| group.len() >= self.rules.quorum);
            let Some(winner) = full.next() else { continue };
            if full.next().is_some() {
                round.news.push(News::Split { block });
                return;
            }
            let Some(report) = winner.first().and_then(|position| reports.get(position)) else {
                return;
            };
            let hash = report.hashes.get(&block).copied().unwrap_or_default();
            let entries = report.up_to(block);
            self.advance(BlockRef { number: block, hash }, entries, round);
            let losers = groups
                .iter()
                .flatten()
                .filter(|position| !winner.contains(position));
            for position in losers {
                self.distrust(*position, Fault::Contradicts { block }, now_ms, round);
            }
            return;
        }
    }

    fn advance(&mut self, block: BlockRef, entries: &[Observation], round: &mut Round) {
        self.cursor = EventCursor {
            next_block: block.number.saturating_add(1),
            next_index: entries
                .last()
                .map_or(self.cursor.next_index, |last| last.index().saturating_add(1)),
        };
        // After all is read again, what was agreed higher up stays the measure.
        if self.agreed.is_none_or(|agreed| agreed.number < block.number) {
            self.agreed = Some(block);
        }
        round.entries = entries.to_vec();
        round.mark = Some(Mark {
            cursor: self.cursor,
            block,
        });
        self.short_rounds = 0;
    }

    /// Reads all again when a quorum goes on saying that entries are missing: what was skipped may lie anywhere behind.
    fn count_short(&mut self, short: usize, round: &mut Round) {
        if short < self.rules.quorum {
            return;
        }
        self.short_rounds += 1;
        if self.short_rounds >= SHORT_ROUNDS {
            self.short_rounds = 0;
            self.cursor = EventCursor::new(self.rules.deployed_at);
            round.news.push(News::ReadAgain);
        }
    }

    fn silent(&mut self, position: usize, reason: String, now_ms: u64, round: &mut Round) {
        if let Some(endpoint) = self.endpoints.get_mut(position)
            && endpoint.silent(&reason, now_ms)
        {
            round.news.push(News::Silent { position, reason });
        }
    }

    fn distrust(&mut self, position: usize, fault: Fault, now_ms: u64, round: &mut Round) {
        if let Some(endpoint) = self.endpoints.get_mut(position) {
            let for_ms = endpoint.distrust(&fault, now_ms);
            round.news.push(News::Distrusted {
                position,
                fault,
                for_ms,
            });
        }
    }
}

/// The endpoints that have come up to a block, grouped by what they say of it and of all entries up to it.
fn groups(reports: &BTreeMap<usize, Report>, block: u64) -> Vec<Vec<usize>> {
    let mut groups: Vec<(B256, &[Observation], Vec<usize>)> = Vec::new();
    for (position, report) in reports.iter().filter(|(_, report)| report.covered >= block) {
        let Some(hash) = report.hashes.get(&block) else {
            continue;
        };
        let entries = report.up_to(block);
        match groups
            .iter_mut()
            .find(|(known, seen, _)| known == hash && *seen == entries)
        {
            Some((_, _, members)) => members.push(*position),
            None => groups.push((*hash, entries, vec![*position])),
        }
    }
    groups.into_iter().map(|(_, _, members)| members).collect()
}

#[cfg(test)]
#[path = "properties.rs"]
mod properties;
#[cfg(test)]
#[path = "tests.rs"]
mod tests;
