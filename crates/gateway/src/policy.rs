//! How verdicts become a decision. Pure: no time, no network.
//!
//! Every service casts one vote. `allow` is a vote for the transaction and `block` one against it; a warning, a
//! failure and an unpaid package count as the administrator says. The transaction is relayed when the votes for it
//! reach what `mode` asks: all services, at least k of them, or votes of some weight.

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The administrator's rule.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// How many votes a transaction needs.
    pub mode: Mode,
    /// What the services' votes weigh, by name, where `mode` is a weight; 1 where a name is missing.
    pub weights: BTreeMap<String, u32>,
    /// Longest time that the services together may take; one that has not answered by then has failed.
    pub timeout_ms: u64,
    /// What a failure counts as: no answer, a refusal by the sidecar, an answer that is no verdict.
    pub on_error: OnError,
    /// What a package counts as that is missing, used up or expired. Apart from `on_error`, because whoever can send
    /// transactions can use a package up, and would so switch a service off under `fail-open`.
    pub on_unpaid: OnError,
    /// What a warning counts as.
    pub warn: Warn,
    /// Services are asked and the decision is logged, but everything is relayed.
    pub dry_run: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            mode: Mode::All,
            weights: BTreeMap::new(),
            timeout_ms: 3_000,
            on_error: OnError::FailClosed,
            on_unpaid: OnError::FailClosed,
            warn: Warn::Allow,
            dry_run: false,
        }
    }
}

/// How many votes a transaction needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Every service's.
    All,
    /// At least this many.
    AtLeast(u32),
    /// Votes of at least this weight together, see [`Policy::weights`].
    Weight(u64),
}

/// What a failure counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnError {
    /// A vote for the transaction.
    FailOpen,
    /// A vote against it.
    FailClosed,
}

/// What a warning counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Warn {
    /// A vote for the transaction.
    Allow,
    /// A vote against it.
    Block,
}

/// What a service said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opinion {
    /// Nothing speaks against it.
    Allow,
    /// A person should look at it.
    Warn,
    /// It should not be sent.
    Block,
    /// It could not be asked, or gave no verdict.
    Failed,
    /// It could not be asked for want of a usable purchase.
    Unpaid,
}

impl Policy {
    /// The key that makes no sense with these services asked, and why.
    #[must_use]
    pub fn contradiction(&self, services: &BTreeSet<String>) -> Option<(&'static str, &'static str)> {
        let possible = self.votes(services.iter().map(String::as_str));
        match self.mode {
            _ if services.is_empty() => Some(("services", "there must be at least one service to ask")),
            Mode::AtLeast(0) => Some(("mode", "at_least must be at least 1")),
            Mode::AtLeast(k) if u64::from(k) > possible => {
                Some(("mode", "at_least exceeds the number of services"))
            }
            Mode::Weight(0) => Some(("mode", "weight must be at least 1")),
            Mode::Weight(least) if least > possible => {
                Some(("mode", "weight exceeds what all services weigh together"))
            }
            _ if self.timeout_ms == 0 => Some(("timeout_ms", "it must be at least 1")),
            _ => None,
        }
    }

    /// What the votes of these services weigh together; services are counted unless `mode` is a weight.
    fn votes<'a>(&self, services: impl Iterator<Item = &'a str>) -> u64 {
        let weight = |service| match self.mode {
            Mode::Weight(_) => self.weights.get(service).copied().unwrap_or(1),
            Mode::All | Mode::AtLeast(_) => 1,
        };
        services.fold(0, |sum, service| sum.saturating_add(u64::from(weight(service))))
    }

    /// Whether an opinion is a vote for the transaction.
    #[must_use]
    pub fn is_for(&self, opinion: Opinion) -> bool {
        match opinion {
            Opinion::Allow => true,
            Opinion::Warn => self.warn == Warn::Allow,
            Opinion::Block => false,
            Opinion::Failed => self.on_error == OnError::FailOpen,
            Opinion::Unpaid => self.on_unpaid == OnError::FailOpen,
        }
    }

    /// Whether the opinions so far, each with its service's name and of `services` in all, suffice to relay the
    /// transaction whatever the rest say.
    ///
    /// A refusal is never early: it should name everyone who is against.
    #[must_use]
    pub fn suffices<'a>(
        &self,
        opinions: impl IntoIterator<Item = (&'a str, Opinion)>,
        services: usize,
    ) -> bool {
        let in_favour = opinions
            .into_iter()
            .filter(|(_, opinion)| self.is_for(*opinion))
            .map(|(service, _)| service);
        let votes = self.votes(in_favour);
        match self.mode {
            Mode::All => usize::try_from(votes).is_ok_and(|votes| votes >= services),
            Mode::AtLeast(k) => votes >= u64::from(k),
            Mode::Weight(least) => votes >= least,
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mode {
            Mode::All => write!(f, "all must agree")?,
            Mode::AtLeast(k) => write!(f, "{k} must agree")?,
            Mode::Weight(least) => write!(f, "votes of weight {least} {:?}", self.weights)?,
        }
        let counts = |opinion| if self.is_for(opinion) { "for" } else { "against" };
        write!(
            f,
            " within {} ms; no answer counts {}, unpaid {}, a warning {}",
            self.timeout_ms,
            counts(Opinion::Failed),
            counts(Opinion::Unpaid),
            counts(Opinion::Warn),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Opinion::{Allow, Block, Failed, Unpaid};

    fn policy(mode: Mode, on_error: OnError, on_unpaid: OnError, warn: Warn) -> Policy {
        Policy {
            mode,
            timeout_ms: 1,
            on_error,
            on_unpaid,
            warn,
            ..Default::default()
        }
    }

    /// Opinions of the services "a", "b", "c".
    fn said(opinions: &[Opinion]) -> Vec<(&'static str, Opinion)> {
        ["a", "b", "c"]
            .into_iter()
            .zip(opinions.iter().copied())
            .collect()
    }

    #[test]
    fn votes_weigh_what_their_services_do() {
        let weighing = |least| Policy {
            weights: BTreeMap::from([("a".to_owned(), 3), ("c".to_owned(), 0)]),
            ..policy(
                Mode::Weight(least),
                OnError::FailClosed,
                OnError::FailClosed,
                Warn::Allow,
            )
        };
        for (opinions, least, relayed) in [
            ([Allow, Block, Block], 3, true),
            ([Block, Allow, Allow], 3, false),
            ([Block, Allow, Allow], 1, true),
            ([Block, Block, Allow], 1, false),
            ([Allow, Allow, Block], 4, true),
            ([Allow, Failed, Allow], 4, false),
        ] {
            assert_eq!(
                weighing(least).suffices(said(&opinions), 3),
                relayed,
                "{opinions:?}"
            );
        }
        let services = ["a", "b", "c"].map(str::to_owned).into();
        assert_eq!(weighing(4).contradiction(&services), None);
        assert_eq!(
            weighing(5).contradiction(&services).map(|(key, _)| key),
            Some("mode")
        );
        assert_eq!(
            weighing(0).contradiction(&services).map(|(key, _)| key),
            Some("mode")
        );
    }

    #[test]
    fn counts_votes_as_the_mode_asks() {
        use OnError::FailClosed;
        let all = policy(Mode::All, FailClosed, FailClosed, Warn::Allow);
        let one = policy(Mode::AtLeast(1), FailClosed, FailClosed, Warn::Allow);
        let two = policy(Mode::AtLeast(2), FailClosed, FailClosed, Warn::Allow);
        for (opinions, by_all, by_one, by_two) in [
            ([Allow, Allow, Allow], true, true, true),
            ([Allow, Allow, Block], false, true, true),
            ([Allow, Block, Block], false, true, false),
            ([Block, Block, Block], false, false, false),
            ([Allow, Opinion::Warn, Allow], true, true, true),
            ([Allow, Failed, Unpaid], false, true, false),
        ] {
            assert_eq!(all.suffices(said(&opinions), 3), by_all, "all {opinions:?}");
            assert_eq!(one.suffices(said(&opinions), 3), by_one, "one {opinions:?}");
            assert_eq!(two.suffices(said(&opinions), 3), by_two, "two {opinions:?}");
        }
    }

    #[test]
    fn no_opinion_at_all_is_never_enough() {
        let open = policy(
            Mode::AtLeast(1),
            OnError::FailOpen,
            OnError::FailOpen,
            Warn::Allow,
        );
        assert!(!open.suffices([], 1));
    }

    #[test]
    fn failures_unpaid_packages_and_warnings_count_as_configured() {
        use OnError::{FailClosed, FailOpen};
        let open = policy(Mode::All, FailOpen, FailClosed, Warn::Block);
        assert!(
            open.suffices(said(&[Failed]), 1)
                && !open.suffices(said(&[Unpaid]), 1)
                && !open.suffices(said(&[Opinion::Warn]), 1)
        );
        let unpaid = policy(Mode::All, FailClosed, FailOpen, Warn::Allow);
        assert!(!unpaid.suffices(said(&[Failed]), 1) && unpaid.suffices(said(&[Unpaid]), 1));
        assert!(!open.suffices(said(&[Block]), 1) && !unpaid.suffices(said(&[Block]), 1));
    }
}
