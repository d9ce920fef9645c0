//! What a check found, as a line and as JSON.

use serde::Serialize;
use std::fmt;

/// How it came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// As it should be.
    Ok,
    /// It runs, and will be a problem.
    Warning,
    /// It does not run so.
    Failed,
}

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was checked.
    pub check: String,
    /// How it came out.
    pub outcome: Outcome,
    /// What was found, and what to do about it.
    pub says: String,
}

impl Finding {
    pub fn ok(check: &str, says: impl fmt::Display) -> Self {
        Self::new(check, Outcome::Ok, says)
    }

    pub fn warning(check: &str, says: impl fmt::Display) -> Self {
        Self::new(check, Outcome::Warning, says)
    }

    pub fn failed(check: &str, says: impl fmt::Display) -> Self {
        Self::new(check, Outcome::Failed, says)
    }

    fn new(check: &str, outcome: Outcome, says: impl fmt::Display) -> Self {
        Self {
            check: check.to_owned(),
            outcome,
            says: says.to_string(),
        }
    }

    pub fn is_failure(&self) -> bool {
        self.outcome == Outcome::Failed
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = match self.outcome {
            Outcome::Ok => "ok  ",
            Outcome::Warning => "WARN",
            Outcome::Failed => "FAIL",
        };
        write!(f, "{outcome}  {:<14} {}", self.check, self.says)
    }
}
