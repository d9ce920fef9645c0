//! Decisions of the operator's people (V8), one file a case, which the node reads before it seals its vote.
//!
//! A file and not a port: it needs no secret of its own, since who may write to the operator's state directory could do
//! anything anyway; it can be left while the node is down; and it outlasts a restart. It counts in every round of its case
//! that is not sealed yet.
//!
//! ```text
//! STATE/<chain id>-<settlement>/decisions/<case>.json     mode 0600, in folders of mode 0700
//! ```

use super::{CaseFile, Judge, JudgeError, Opinion};
use crate::monitor::sealed::replace;
use rampart_protocol::{CaseId, Domain};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};

const VERSION: u32 = 1;

/// A decision by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    version: u32,
    /// The case.
    pub case: CaseId,
    /// Whether the complaint against the provider is upheld.
    pub upheld: bool,
    /// Why, as the person says.
    #[serde(default)]
    pub note: String,
}

/// The folder of decisions of one deployment.
#[derive(Clone, Debug)]
pub struct Decisions {
    folder: PathBuf,
}

impl Decisions {
    /// The folder of a deployment within the directory of verdicts; neither need exist.
    #[must_use]
    pub fn new(state: &Path, domain: &Domain) -> Self {
        let deployment = format!("{}-{:#x}", domain.chain_id, domain.settlement);
        Self {
            folder: state.join(deployment).join("decisions"),
        }
    }

    /// The file of a case.
    #[must_use]
    pub fn file(&self, case: CaseId) -> PathBuf {
        self.folder.join(format!("{:#x}.json", case.0))
    }

    /// Leaves a decision, durably, in place of an earlier one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn decide(&self, case: CaseId, upheld: bool, note: String) -> Result<PathBuf, JudgeError> {
        let path = self.file(case);
        let decision = Decision {
            version: VERSION,
            case,
            upheld,
            note,
        };
        let text = serde_json::to_string_pretty(&decision).map_err(|source| JudgeError::Malformed {
            path: path.clone(),
            source,
        })?;
        replace(&self.folder, &path, text.as_bytes()).map_err(|source| JudgeError::Io {
            path: path.clone(),
            source,
        })?;
        Ok(path)
    }

    /// The decision on a case, if one was left.
    ///
    /// # Errors
    /// When it cannot be read, or is not in its form.
    pub fn read(&self, case: CaseId) -> Result<Option<Decision>, JudgeError> {
        let path = self.file(case);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(JudgeError::Io { path, source }),
        };
        let decision: Decision = serde_json::from_slice(&text).map_err(|source| JudgeError::Malformed {
            path: path.clone(),
            source,
        })?;
        if decision.version != VERSION || decision.case != case {
            return Err(JudgeError::Inconsistent(path));
        }
        Ok(Some(decision))
    }
}

/// The judge that goes by them.
#[derive(Clone, Debug)]
pub struct ByHand {
    /// Where they are left.
    pub decisions: Decisions,
}

impl Judge for ByHand {
    fn opinion(&self, file: &CaseFile) -> Result<Option<Opinion>, JudgeError> {
        let decision = self.decisions.read(file.case)?;
        Ok(decision.map(|decision| {
            let mut reasons = vec!["decided by hand".to_owned()];
            if !decision.note.is_empty() {
                reasons.push(decision.note);
            }
            Opinion {
                upheld: decision.upheld,
                reasons,
            }
        }))
    }
}
