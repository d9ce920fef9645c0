//! Verdicts that an operator has sealed and not opened yet, one file each.
//!
//! A commitment is opened hours after it was made, by the verdict and a salt that nobody else knows. So both are on disk,
//! durably, before the commitment is sent: whatever happens to the process then, a later one can reveal.
//!
//! ```text
//! STATE/<chain id>-<settlement>/<case>-<round>-<operator>.json     mode 0600, in folders of mode 0700
//! ```
//! The node seals what its judges find, the command line what a person commits to; both know the other's files.
//!
//! Decides that a verdict once sealed is not replaced: its commitment may have been sent, and would not open with another
//! salt. Sending is the caller's.

use rampart_protocol::verdict::commitment;
use rampart_protocol::{Address, B256, CaseId, Domain};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

const VERSION: u32 = 1;

/// Why a sealed verdict cannot be kept or found.
#[derive(Debug, thiserror::Error)]
pub enum SealedError {
    /// A file or folder cannot be read or written.
    #[error("cannot use {path}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// A file is not in its form.
    #[error("{path} holds no sealed verdict")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// A file contradicts its own name.
    #[error("{0} is of another case, round or operator, or of an unknown version")]
    Inconsistent(PathBuf),
    /// Others can read a file, and so the verdict before it is revealed.
    #[error("{0} must be readable by its owner alone (mode 0600)")]
    Exposed(PathBuf),
    /// The other verdict is sealed already.
    #[error(
        "{path} holds the opposite verdict of this round, whose commitment may have been sent; a commitment cannot be changed"
    )]
    Opposite {
        /// The file.
        path: PathBuf,
    },
    /// Nothing was sealed here.
    #[error(
        "there is no {path}: this operator committed in no such round, or keeps its verdicts in another folder (--state)"
    )]
    Missing {
        /// The file.
        path: PathBuf,
    },
}

/// What a vote is about, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Vote {
    /// The case.
    pub case: CaseId,
    /// Its round, counted from 1.
    pub round: u32,
    /// Whose verdict it is.
    pub operator: Address,
}

/// A verdict and the salt that opens it. The salt is in no output of `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sealed {
    version: u32,
    #[serde(flatten)]
    vote: Vote,
    /// Whether the complaint against the provider is upheld.
    pub upheld: bool,
    /// What keeps the commitment from being guessed.
    pub salt: B256,
    /// Why, for people; empty for a verdict that a person committed to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed")
            .field("vote", &self.vote)
            .finish_non_exhaustive()
    }
}

impl Sealed {
    /// Which vote it is.
    #[must_use]
    pub const fn vote(&self) -> &Vote {
        &self.vote
    }

    /// What the operator commits to.
    #[must_use]
    pub fn commitment(&self) -> B256 {
        let Vote {
            case,
            round,
            operator,
        } = self.vote;
        commitment(case, round, operator, self.upheld, self.salt)
    }
}

/// A folder of sealed verdicts of one deployment.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The folder of a deployment within the state directory; neither need exist.
    pub fn new(state: &Path, domain: &Domain) -> Self {
        let name = format!("{}-{:#x}", domain.chain_id, domain.settlement);
        Self {
            path: state.join(name),
        }
    }

    /// The file of a vote.
    pub fn file(&self, vote: &Vote) -> PathBuf {
        let Vote {
            case,
            round,
            operator,
        } = vote;
        self.path
            .join(format!("{:#x}-{round}-{operator:#x}.json", case.0))
    }

    /// Seals a verdict with a salt of 32 random bytes, durably; or returns the one that is there, if it is the same
    /// verdict, so that a commitment that was not sent can be sent after all.
    ///
    /// # Errors
    /// When the opposite verdict is sealed, or the file cannot be written or read.
    pub fn seal(
        &self,
        vote: Vote,
        upheld: bool,
        salt: B256,
        reasons: &[String],
    ) -> Result<Sealed, SealedError> {
        let path = self.file(&vote);
        match self.open(&vote) {
            Ok(sealed) if sealed.upheld == upheld => return Ok(sealed),
            Ok(_) => return Err(SealedError::Opposite { path }),
            Err(SealedError::Missing { .. }) => {}
            Err(error) => return Err(error),
        }
        let sealed = Sealed {
            version: VERSION,
            vote,
            upheld,
            salt,
            reasons: reasons.to_vec(),
        };
        let text = serde_json::to_string_pretty(&sealed).map_err(|source| SealedError::Malformed {
            path: path.clone(),
            source,
        })?;
        write(&self.path, &path, text.as_bytes()).map_err(|source| SealedError::Io { path, source })?;
        Ok(sealed)
    }

    /// The verdicts on a case that are sealed here, in the order of rounds.
    ///
    /// # Errors
    /// When the folder cannot be read, or one of them.
    pub fn of_case(&self, case: CaseId) -> Result<Vec<Sealed>, SealedError> {
        let io = |source| SealedError::Io {
            path: self.path.clone(),
            source,
        };
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(io(error)),
        };
        let (prefix, mut found) = (format!("{:#x}-", case.0), Vec::new());
        for entry in entries {
            let path = entry.map_err(io)?.path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            if name.starts_with(&prefix) && name.ends_with(".json") {
                found.push(read(&path)?);
            }
        }
        found.sort_by_key(|sealed| (sealed.vote.round, sealed.vote.operator));
        Ok(found)
    }

    /// Reads a sealed verdict.
    ///
    /// # Errors
    /// When there is none, others can read it, or it is not in its form.
    pub fn open(&self, vote: &Vote) -> Result<Sealed, SealedError> {
        let path = self.file(vote);
        let sealed = read(&path)?;
        if sealed.version != VERSION || sealed.vote != *vote {
            return Err(SealedError::Inconsistent(path));
        }
        Ok(sealed)
    }
}

/// Reads a file that only its owner can.
fn read(path: &Path) -> Result<Sealed, SealedError> {
    let path = path.to_owned();
    let io = |source| SealedError::Io {
        path: path.clone(),
        source,
    };
    let mode = match fs::metadata(&path) {
        Ok(metadata) => metadata.permissions().mode(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(SealedError::Missing { path });
        }
        Err(error) => return Err(io(error)),
    };
    if mode & 0o077 != 0 {
        return Err(SealedError::Exposed(path));
    }
    let text = fs::read(&path).map_err(io)?;
    serde_json::from_slice(&text).map_err(|source| SealedError::Malformed { path, source })
}

/// Creates a file that only its owner reads, whole or not at all: written under another name, synced, and linked to its
/// own, which fails when that exists.
fn write(folder: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    let draft = draft(folder, path, content)?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    linked?;
    // The name must survive too.
    File::open(folder)?.sync_all()
}

/// The same, in place of a file that exists.
pub(super) fn replace(folder: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    fs::rename(draft(folder, path, content)?, path)?;
    File::open(folder)?.sync_all()
}

/// Writes and syncs a file beside the one that it is to become.
fn draft(folder: &Path, path: &Path, content: &[u8]) -> io::Result<PathBuf> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}", std::process::id()));
    let draft = PathBuf::from(draft);
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(content)?;
    file.sync_all()?;
    Ok(draft)
}

#[cfg(test)]
#[path = "sealed_tests.rs"]
mod tests;
