//! Judges: who decides what this operator's vote on a case is (V8, O6).
//!
//! Decides nothing about votes themselves: rounds, quorums and effects are the ledger's, sealing and sending
//! [`super::vote`]'s and `judging`'s. What a judge goes by is a [`CaseFile`]: the facts, gathered by the caller. The
//! rules are told, with reasons, in docs/judging.md.
//!
//! An operator asks its judges in turn; the first that has an opinion decides. [`ByHand`] has one when the operator's people
//! left a decision, [`EvidenceJudge`] whenever there are facts to weigh.

mod by_hand;
mod expulsion;
mod review;

pub use by_hand::{ByHand, Decision, Decisions};
pub use expulsion::ExpulsionCase;
pub use review::{ReviewCase, SHARE_USED_UP};

use rampart_protocol::CaseId;
use std::io;
use std::path::PathBuf;

/// What a judge goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseFile {
    /// The case.
    pub case: CaseId,
    /// The facts.
    pub facts: Facts,
}

/// The facts, by what the case decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Facts {
    /// Whether a challenged review is upheld.
    Review(ReviewCase),
    /// Whether a suspended provider is expelled.
    Expulsion(ExpulsionCase),
    /// Too little is known here: only people can decide.
    Unknown,
}

/// A judge's verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opinion {
    /// Whether the complaint against the provider holds.
    pub upheld: bool,
    /// What tipped it, for people.
    pub reasons: Vec<String>,
}

/// A judge could not look.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    /// A decision by hand cannot be read.
    #[error("cannot use {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// It is there, and not in its form.
    #[error("{path} holds no decision")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// It is of another case, or of an unknown version.
    #[error("{0} is of another case, or of an unknown version")]
    Inconsistent(PathBuf),
}

/// Decides cases.
pub trait Judge: Send + Sync {
    /// Its verdict; nothing when it leaves the case to the next judge.
    ///
    /// # Errors
    /// When it cannot look. The case then waits: to go on to the next judge could overrule a person.
    fn opinion(&self, file: &CaseFile) -> Result<Option<Opinion>, JudgeError>;
}

/// Weighs evidence by fixed rules. Deterministic: who sees the same facts comes to the same verdict.
#[derive(Clone, Copy, Debug, Default)]
pub struct EvidenceJudge;

impl Judge for EvidenceJudge {
    fn opinion(&self, file: &CaseFile) -> Result<Option<Opinion>, JudgeError> {
        Ok(match &file.facts {
            Facts::Review(case) => Some(case.weigh()),
            Facts::Expulsion(case) => Some(case.weigh()),
            Facts::Unknown => None,
        })
    }
}

/// The opinion of the first judge that has one.
///
/// # Errors
/// When a judge before that cannot look.
pub fn first_opinion(judges: &[Box<dyn Judge>], file: &CaseFile) -> Result<Option<Opinion>, JudgeError> {
    for judge in judges {
        if let Some(opinion) = judge.opinion(file)? {
            return Ok(Some(opinion));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
