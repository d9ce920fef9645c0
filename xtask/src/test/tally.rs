//! Counts the tests that cargo and forge report, from the lines that they print.

/// Tests counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Tests that passed.
    pub(super) passed: u64,
    /// Tests that failed.
    pub(super) failed: u64,
    /// Tests that were left out.
    pub(super) ignored: u64,
}

impl Tally {
    /// Counts a summary line; any other line is passed over.
    pub(super) fn read(&mut self, line: &str) {
        let line = without_colours(line);
        let counts = if let Some((_, counts)) = line.split_once("test result: ") {
            counts
        } else if line.starts_with("Ran ") && line.contains("test suites in") {
            // Forge prints such a line for each suite ("Suite result:") too, which would count twice.
            line.rsplit_once("): ").map_or("", |(_, counts)| counts)
        } else {
            return;
        };
        self.passed += count(counts, "passed");
        self.failed += count(counts, "failed");
        self.ignored += count(counts, "ignored") + count(counts, "skipped");
    }
}

/// The number before a word, as in `12 passed; 0 failed` or `12 tests passed, 0 failed`.
fn count(text: &str, word: &str) -> u64 {
    text.split([';', ',', '(', '.'])
        .filter(|part| part.trim().ends_with(word))
        .find_map(|part| part.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

/// A line without the escape sequences that colour it.
fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(text: &str) -> (u64, u64, u64) {
        let mut tally = Tally::default();
        text.lines().for_each(|line| tally.read(line));
        (tally.passed, tally.failed, tally.ignored)
    }

    #[test]
    fn cargo_programs_are_summed() {
        let text = "\
running 2 tests
test a ... ok
test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.01s
test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s";
        assert_eq!(tally(text), (15, 2, 1));
    }

    #[test]
    fn forge_is_counted_once() {
        let text = "\
Suite result: ok. 7 passed; 0 failed; 0 skipped; finished in 1.2s (900ms CPU time)
Ran 6 test suites in 3.57s (10.11s CPU time): 59 tests passed, 0 failed, 1 skipped (60 total tests)";
        assert_eq!(tally(text), (59, 0, 1));
    }

    #[test]
    fn colours_do_not_hide_a_number() {
        let text = "Ran 2 test suites in 3.57s (10s CPU time): \u{1b}[32m59\u{1b}[0m tests passed, \u{1b}[31m1\u{1b}[0m failed, \u{1b}[33m0\u{1b}[0m skipped (60 total tests)";
        assert_eq!(tally(text), (59, 1, 0));
    }

    #[test]
    fn other_lines_count_nothing() {
        assert_eq!(
            tally("3 passed, 1 failed\nRan 7 tests for test/A.t.sol:A"),
            (0, 0, 0)
        );
    }
}
