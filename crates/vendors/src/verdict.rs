//! The verdict schema that both vendors answer in.
//!
//! A verdict is the worst of its findings. The score is for people and dashboards: 0 nothing found, 100 certain harm;
//! programs decide on `verdict` and on reasons' codes, which are stable.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the vendor advises, in rising order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Nothing speaks against it.
    #[default]
    Allow,
    /// A person should look at it.
    Warn,
    /// It should not be sent.
    Block,
}

/// How bad a finding is, in rising order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Unusual.
    Low,
    /// Risky.
    Medium,
    /// Likely harmful.
    High,
    /// Known to be harmful.
    Critical,
}

impl Severity {
    const fn score(self) -> u8 {
        match self {
            Self::Info => 5,
            Self::Low => 25,
            Self::Medium => 50,
            Self::High => 80,
            Self::Critical => 100,
        }
    }
}

/// One thing found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Stable code, such as `LISTED_ADDRESS`.
    pub code: String,
    /// For a person.
    pub message: String,
    /// How bad it is.
    pub severity: Severity,
    /// What it rests on; its members depend on the code.
    pub evidence: Value,
}

/// A reason with the advice that it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The advice.
    pub action: Action,
    /// The reason.
    pub reason: Reason,
}

impl Finding {
    /// A finding of `code`.
    #[must_use]
    pub fn new(action: Action, severity: Severity, code: &str, message: String, evidence: Value) -> Self {
        Self {
            action,
            reason: Reason {
                code: code.to_owned(),
                message,
                severity,
                evidence,
            },
        }
    }
}

/// The answer to one screening request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The worst advice of the reasons.
    pub verdict: Action,
    /// 0 to 100.
    pub score: u8,
    /// What was found, the worst first.
    pub reasons: Vec<Reason>,
    /// The vendor's name.
    pub vendor: String,
    /// The vendor's software version.
    pub version: String,
}

impl Verdict {
    /// Sums findings up.
    #[must_use]
    pub fn of(vendor: &str, mut findings: Vec<Finding>) -> Self {
        findings.sort_by(|a, b| {
            let key = |f: &Finding| (f.action, f.reason.severity);
            key(b).cmp(&key(a))
        });
        Self {
            verdict: findings.iter().map(|f| f.action).max().unwrap_or_default(),
            score: findings
                .iter()
                .map(|f| f.reason.severity.score())
                .max()
                .unwrap_or(0),
            reasons: findings.into_iter().map(|f| f.reason).collect(),
            vendor: vendor.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn finding(action: Action, severity: Severity, code: &str) -> Finding {
        Finding::new(action, severity, code, String::new(), Value::Null)
    }

    #[test]
    fn no_finding_means_allow() {
        let verdict = Verdict::of("v", Vec::new());
        assert_eq!((verdict.verdict, verdict.score), (Action::Allow, 0));
    }

    #[test]
    fn the_worst_finding_decides_and_comes_first() {
        let verdict = Verdict::of(
            "v",
            vec![
                finding(Action::Warn, Severity::Critical, "A"),
                finding(Action::Block, Severity::Medium, "B"),
                finding(Action::Allow, Severity::Info, "C"),
            ],
        );
        assert_eq!((verdict.verdict, verdict.score), (Action::Block, 100));
        let codes: Vec<_> = verdict.reasons.iter().map(|r| r.code.as_str()).collect();
        assert_eq!(codes, ["B", "A", "C"]);
        assert_eq!(serde_json::to_value(&verdict).unwrap()["verdict"], "block");
    }
}
