//! A vendor's verdict, as far as the gateway relies on it. What a vendor sends is a stranger's text: it is bounded
//! before it reaches a log or a client.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Largest verdict that is read, bytes.
pub const MAX_VERDICT: usize = 64 << 10;
const MAX_REASONS: usize = 16;
const MAX_TEXT: usize = 300;

/// What the vendor advises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Advice {
    /// Nothing speaks against it.
    Allow,
    /// A person should look at it.
    Warn,
    /// It should not be sent.
    Block,
}

/// The answer to a screening request.
#[derive(Clone, Debug, Deserialize)]
pub struct Verdict {
    /// The advice.
    pub verdict: Advice,
    /// 0 to 100.
    #[serde(default)]
    pub score: u8,
    /// What was found.
    #[serde(default)]
    pub reasons: Vec<Reason>,
    /// The vendor's name.
    #[serde(default)]
    pub vendor: String,
    /// The vendor's software version.
    #[serde(default)]
    pub version: String,
    /// Whether it was given to an earlier question of the same bytes; never the vendor's to say.
    #[serde(skip)]
    pub cached: bool,
}

/// One thing found.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Reason {
    /// Stable code.
    #[serde(default)]
    pub code: String,
    /// For a person.
    #[serde(default)]
    pub message: String,
    /// How bad it is, in the vendor's words.
    #[serde(default)]
    pub severity: String,
    /// What it rests on.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub evidence: Value,
}

impl Verdict {
    /// Reads a verdict and bounds its texts.
    ///
    /// # Errors
    /// When it is not in the schema.
    pub fn parse(body: &[u8]) -> Result<Self, serde_json::Error> {
        let mut verdict: Self = serde_json::from_slice(body)?;
        verdict.reasons.truncate(MAX_REASONS);
        let reasons = verdict
            .reasons
            .iter_mut()
            .flat_map(|reason| [&mut reason.code, &mut reason.message, &mut reason.severity]);
        for text in reasons.chain([&mut verdict.vendor, &mut verdict.version]) {
            *text = bounded(text);
        }
        Ok(verdict)
    }
}

/// A stranger's text without control characters and of at most 300 characters.
pub fn bounded(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reads_a_verdict_and_bounds_its_texts() {
        let message = "x\n\u{1b}[31m".to_owned() + &"y".repeat(1000);
        let reasons = vec![serde_json::json!({"code": "A", "message": message}); 40];
        let body = serde_json::json!({"verdict": "warn", "reasons": reasons, "vendor": "v", "extra": 1});
        let verdict = Verdict::parse(body.to_string().as_bytes()).unwrap();
        assert_eq!(verdict.verdict, Advice::Warn);
        assert_eq!(verdict.reasons.len(), MAX_REASONS);
        assert_eq!(verdict.reasons[0].message.chars().count(), MAX_TEXT);
        assert!(!verdict.reasons[0].message.contains(char::is_control));
    }

    #[test]
    fn refuses_what_is_no_verdict() {
        for body in [
            "",
            "{}",
            "[]",
            r#"{"verdict":"maybe"}"#,
            r#"{"verdict":"allow","score":1000}"#,
        ] {
            assert!(Verdict::parse(body.as_bytes()).is_err(), "{body}");
        }
    }
}
