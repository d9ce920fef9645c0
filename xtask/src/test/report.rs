//! What `cargo xtask test` says at its end.

use super::tally::Tally;
use std::fmt::{self, Write};
use std::time::Duration;

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// What it checks holds.
    Passed,
    /// What it checks does not hold, or could not be checked.
    Failed,
    /// It was left out, and why.
    Skipped(&'static str),
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => formatter.pad("passed"),
            Self::Failed => formatter.pad("FAILED"),
            Self::Skipped(_) => formatter.pad("skipped"),
        }
    }
}

/// The steps so far.
#[derive(Default)]
pub(super) struct Report {
    lines: String,
    ran: usize,
    total: Tally,
}

impl Report {
    /// Takes in a step.
    ///
    /// A step that counts no tests is one check. So is one whose tests all passed and which failed nevertheless: what they
    /// were to be built from does not compile, say.
    pub(super) fn add(&mut self, name: &str, outcome: Outcome, took: Duration, tests: Tally) {
        let counted = tests.passed + tests.failed + tests.ignored > 0;
        let remark = match outcome {
            Outcome::Skipped(why) => format!("  {why}"),
            _ if counted => format!(
                "  {} passed, {} failed, {} ignored",
                tests.passed, tests.failed, tests.ignored
            ),
            _ => String::new(),
        };
        self.ran += 1;
        self.total.passed += tests.passed + u64::from(outcome == Outcome::Passed && !counted);
        self.total.failed += tests.failed + u64::from(outcome == Outcome::Failed && tests.failed == 0);
        self.total.ignored += tests.ignored + u64::from(matches!(outcome, Outcome::Skipped(_)));
        let line = format!("{name:<14} {outcome:<8} {:>8}{remark}", duration(took));
        self.lines.push_str(line.trim_end());
        self.lines.push('\n');
    }

    /// The table, and as its last line the sums: tests, and one for each step that has none.
    pub(super) fn text(&self, steps: usize, took: Duration) -> String {
        let mut text = self.lines.clone();
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{:<14} {:<8} {:>8}  {} of {steps} steps ran, {} tests or steps left out",
            "total",
            "",
            duration(took),
            self.ran,
            self.total.ignored
        );
        let _ = writeln!(text, "{} passed, {} failed", self.total.passed, self.total.failed);
        text
    }
}

/// Minutes and seconds.
pub(super) fn duration(took: Duration) -> String {
    let seconds = took.as_secs();
    format!("{}m {:02}s", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tests(passed: u64, failed: u64, ignored: u64) -> Tally {
        Tally {
            passed,
            failed,
            ignored,
        }
    }

    #[test]
    fn the_last_line_has_the_sums() {
        let mut report = Report::default();
        report.add(
            "format",
            Outcome::Passed,
            Duration::from_secs(2),
            Tally::default(),
        );
        report.add(
            "deny",
            Outcome::Skipped("not here"),
            Duration::ZERO,
            Tally::default(),
        );
        report.add("rust", Outcome::Passed, Duration::from_secs(61), tests(10, 0, 1));
        assert_eq!(
            report.text(3, Duration::from_secs(63)),
            "\
format         passed     0m 02s
deny           skipped    0m 00s  not here
rust           passed     1m 01s  10 passed, 0 failed, 1 ignored
total                     1m 03s  3 of 3 steps ran, 2 tests or steps left out
11 passed, 0 failed
"
        );
    }

    #[test]
    fn failed_tests_are_counted_once() {
        let mut report = Report::default();
        report.add("rust", Outcome::Failed, Duration::ZERO, tests(10, 2, 0));
        assert!(
            report
                .text(1, Duration::ZERO)
                .ends_with("\n10 passed, 2 failed\n")
        );
    }

    #[test]
    fn a_step_that_failed_without_a_failed_test_counts_as_one() {
        for counted in [Tally::default(), tests(10, 0, 0)] {
            let mut report = Report::default();
            report.add("rust", Outcome::Failed, Duration::ZERO, counted);
            let text = report.text(1, Duration::ZERO);
            assert!(
                text.ends_with(&format!("\n{} passed, 1 failed\n", counted.passed)),
                "{text}"
            );
        }
    }
}
