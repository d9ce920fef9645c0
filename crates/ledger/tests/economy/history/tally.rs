//! What a history did: how much of each kind of message, with what answer.

use rampart_ledger::{Changeset, Event, Fault, Input};
use std::collections::BTreeMap;
use std::fmt;

/// Counts by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Transactions tried.
    pub transactions: u64,
    /// Inputs tried: transactions, observations and the beginnings of blocks.
    pub inputs: u64,
    /// Tried and applied, by message.
    pub messages: BTreeMap<&'static str, (u64, u64)>,
    /// Rejections by code.
    pub rejections: BTreeMap<(u16, &'static str), u64>,
    /// Refusals of forced messages, by code; zero is not even a message.
    pub forced: BTreeMap<u16, u64>,
    /// Events by name.
    pub events: BTreeMap<String, u64>,
}

impl Tally {
    /// Counts an input and its answer.
    pub fn note(&mut self, input: &Input, result: &Result<Changeset, Fault>) {
        self.inputs += 1;
        if let Input::Transaction(prepared) = input {
            self.transactions += 1;
            let (tried, applied) = self.messages.entry(prepared.message().name()).or_default();
            *tried += 1;
            *applied += u64::from(result.is_ok());
        }
        match result {
            Err(Fault::Reject(reject)) => {
                *self.rejections.entry((reject.code(), reject.name())).or_default() += 1;
            }
            Err(_) => {}
            Ok(changes) => changes.events.iter().for_each(|event| self.event(event)),
        }
    }

    fn event(&mut self, event: &Event) {
        if let Event::ForcedRefused { code, .. } = event {
            *self.forced.entry(*code).or_default() += 1;
        }
        let text = format!("{event:?}");
        let name = text
            .split(|c: char| !c.is_alphanumeric())
            .next()
            .unwrap_or_default();
        match self.events.get_mut(name) {
            Some(count) => *count += 1,
            None => drop(self.events.insert(name.to_owned(), 1)),
        }
    }

    /// Adds another tally to this one.
    pub fn add(&mut self, other: &Self) {
        self.transactions += other.transactions;
        self.inputs += other.inputs;
        for (name, (tried, applied)) in &other.messages {
            let sum = self.messages.entry(name).or_default();
            *sum = (sum.0 + tried, sum.1 + applied);
        }
        for (code, count) in &other.rejections {
            *self.rejections.entry(*code).or_default() += count;
        }
        for (code, count) in &other.forced {
            *self.forced.entry(*code).or_default() += count;
        }
        for (name, count) in &other.events {
            *self.events.entry(name.clone()).or_default() += count;
        }
    }

    /// Transactions applied.
    pub fn applied(&self) -> u64 {
        self.messages.values().map(|(_, applied)| applied).sum()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (all, applied) = (self.transactions, self.applied());
        writeln!(
            f,
            "{all} transactions, {applied} applied ({} %); {} inputs",
            applied * 100 / all.max(1),
            self.inputs
        )?;
        writeln!(f, "\n{:<22}{:>10}{:>10}", "message", "tried", "applied")?;
        for (name, (tried, applied)) in &self.messages {
            writeln!(f, "{name:<22}{tried:>10}{applied:>10}")?;
        }
        writeln!(f, "\n{:<6}{:<26}{:>8}", "code", "rejection", "times")?;
        for ((code, name), times) in &self.rejections {
            writeln!(f, "{code:<6}{name:<26}{times:>8}")?;
        }
        writeln!(f, "\n{:<26}{:>8}", "event", "times")?;
        for (name, times) in &self.events {
            writeln!(f, "{name:<26}{times:>8}")?;
        }
        writeln!(f, "\nforced messages refused, by code: {:?}", self.forced)
    }
}
