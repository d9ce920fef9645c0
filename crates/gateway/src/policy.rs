//! How verdicts become a decision. Pure: no time, no network.
//!
//! Every service casts one vote. `allow` is a vote for the transaction and `block` one against it; a warning, a
//! failure and an unpaid package count as the administrator says. The transaction is relayed when the votes for it
//! reach what `mode` asks: all services, or at least k of them.

use serde::Deserialize;

/// The administrator's rule.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// How many votes a transaction needs.
    pub mode: Mode,
    /// Longest time that the services together may take; one that has not answered by then has failed.
    pub timeout_ms: u64,
    /// What a failure counts as: no answer, a refusal by the sidecar, an answer that is no verdict.
    pub on_error: OnError,
    /// What a package counts as that is missing, used up or expired. Apart from `on_error`, because whoever can send
    /// transactions can use a package up, and would so switch a service off under `fail-open`.
    pub on_unpaid: OnError,
    /// What a warning counts as.
    pub warn: Warn,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            mode: Mode::All,
            timeout_ms: 3_000,
            on_error: OnError::FailClosed,
            on_unpaid: OnError::FailClosed,
            warn: Warn::Allow,
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
    AtLeast(usize),
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
    /// Checks the rule against the number of services.
    ///
    /// # Errors
    /// Says what makes no sense.
    pub fn check(&self, services: usize) -> Result<(), &'static str> {
        if services == 0 {
            return Err("a gateway needs at least one service");
        }
        match self.mode {
            Mode::AtLeast(0) => Err("at_least must be at least 1"),
            Mode::AtLeast(k) if k > services => Err("at_least exceeds the number of services"),
            _ if self.timeout_ms == 0 => Err("timeout_ms must be at least 1"),
            _ => Ok(()),
        }
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

    /// Whether the opinions so far, of `services` in all, suffice to relay the transaction whatever the rest say.
    ///
    /// A refusal is never early: it should name everyone who is against.
    #[must_use]
    pub fn suffices(&self, opinions: impl IntoIterator<Item = Opinion>, services: usize) -> bool {
        let votes = opinions
            .into_iter()
            .filter(|opinion| self.is_for(*opinion))
            .count();
        votes
            >= match self.mode {
                Mode::All => services,
                Mode::AtLeast(k) => k,
            }
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
        }
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
            assert_eq!(all.suffices(opinions, 3), by_all, "all {opinions:?}");
            assert_eq!(one.suffices(opinions, 3), by_one, "one {opinions:?}");
            assert_eq!(two.suffices(opinions, 3), by_two, "two {opinions:?}");
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
            open.suffices([Failed], 1) && !open.suffices([Unpaid], 1) && !open.suffices([Opinion::Warn], 1)
        );
        let unpaid = policy(Mode::All, FailClosed, FailOpen, Warn::Allow);
        assert!(!unpaid.suffices([Failed], 1) && unpaid.suffices([Unpaid], 1));
        assert!(!open.suffices([Block], 1) && !unpaid.suffices([Block], 1));
    }
}
