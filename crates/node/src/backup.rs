//! A copy of what an operator cannot make again, and the way back from it (docs/operate.md).
//!
//! Kept are exits, sealed verdicts, what the duties counted, evidence, and transactions that were sent. Not kept is the engine:
//! the chain is had from the other operators, and a record of votes is worth something only when it is the newest. An
//! operator that votes after an older one, or after none, may contradict what it voted and forgot. (EIP-3076 lets validators of
//! Ethereum go on by a lowest slot; simplex numbers views anew in each epoch and takes no such floor.) So the consensus
//! key of a state that was lost is retired: [`restore`] notes it, and no operator starts on that state with it again.
//! Signatures of checkpoints need no such care: they are of what the chain says, the same each time.

use rampart_protocol::{B256, keccak256};
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// What is kept of a state directory: files, and folders of files.
const KEPT: [&str; 7] = [
    "exits",
    "verdicts",
    "evidence",
    "duties.redb",
    "outgoing-l1.json",
    "outgoing-l2.json",
    RETIRED,
];
/// Consensus keys that never vote again, one a line.
const RETIRED: &str = "retired-keys";
/// Hashes of all files of a copy.
const MANIFEST: &str = "manifest.json";

/// Why a state is not copied, or not put back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// An operator runs on it, and writes.
    #[error("an operator uses the state directory {0}: stop it first")]
    Busy(PathBuf),
    /// Something is where the files would go.
    #[error("{0} is not empty; nothing is overwritten")]
    NotEmpty(PathBuf),
    /// A file of the copy is not as it was written.
    #[error("{0} is damaged or missing: the copy is not used")]
    Damaged(PathBuf),
    /// A file cannot be read or written.
    #[error("{path} cannot be read or written")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> BackupError + use<> {
    let path = path.to_owned();
    |source| BackupError::File { path, source }
}

/// Makes a state directory this process's own; `None` while it is another's. The storage engine has a lock as well, but waits
/// for it without a word.
///
/// # Errors
/// When the directory or its lock cannot be made.
pub fn lock(state_dir: &Path) -> io::Result<Option<File>> {
    fs::create_dir_all(state_dir)?;
    let file = File::create(state_dir.join("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(source),
    }
}

/// Copies what must be kept of a stopped operator's state into a new folder; returns how many files.
///
/// # Errors
/// While the operator runs; when there is no state directory, or the folder is not empty; when a file cannot be read or
/// written.
pub fn backup(state_dir: &Path, to: &Path) -> Result<usize, BackupError> {
    // Taking the lock would make the directory: a copy of a mistyped one would hold nothing, and look fine.
    fs::read_dir(state_dir).map_err(failed(state_dir))?;
    let _lock = lock(state_dir)
        .map_err(failed(state_dir))?
        .ok_or_else(|| BackupError::Busy(state_dir.to_owned()))?;
    make_folder(to)?;
    let mut hashes = BTreeMap::new();
    for name in files(state_dir)? {
        let path = state_dir.join(&name);
        let bytes = fs::read(&path).map_err(failed(&path))?;
        write(&to.join(&name), &bytes)?;
        hashes.insert(name, keccak256(&bytes));
    }
    let manifest = to.join(MANIFEST);
    let text = serde_json::to_vec_pretty(&hashes).map_err(io::Error::other);
    // Last: a copy without it is not whole.
    write(&manifest, &text.map_err(failed(&manifest))?)?;
    Ok(hashes.len())
}

/// Puts a copy back as a new state directory, on which an operator starts with any consensus key but `lost`.
///
/// # Errors
/// When the state directory is not empty; when the copy is damaged; when a file cannot be read or written.
pub fn restore(from: &Path, state_dir: &Path, lost: B256) -> Result<usize, BackupError> {
    let manifest = from.join(MANIFEST);
    let text = fs::read(&manifest).map_err(failed(&manifest))?;
    let mut hashes: BTreeMap<String, B256> =
        serde_json::from_slice(&text).map_err(|_| BackupError::Damaged(manifest))?;
    // Twice, a file at a time: all is looked at before anything is written, and never in memory together.
    for (name, hash) in &hashes {
        verified(from, name, hash)?;
    }
    make_folder(state_dir)?;
    let mut retired = match hashes.remove(RETIRED) {
        Some(hash) => verified(from, RETIRED, &hash)?,
        None => Vec::new(),
    };
    retired.extend_from_slice(format!("{lost}\n").as_bytes());
    // First, so that a restore that stops half-way leaves no state on which the key votes.
    write(&state_dir.join(RETIRED), &retired)?;
    for (name, hash) in &hashes {
        write(&state_dir.join(name), &verified(from, name, hash)?)?;
    }
    Ok(hashes.len())
}

/// A file of a copy, as it was written.
fn verified(from: &Path, name: &str, hash: &B256) -> Result<Vec<u8>, BackupError> {
    let path = from.join(name);
    // Nothing but names that a copy has: none leads out of the folder.
    if !is_kept(name) {
        return Err(BackupError::Damaged(path));
    }
    match fs::read(&path) {
        Ok(bytes) if keccak256(&bytes) == *hash => Ok(bytes),
        _ => Err(BackupError::Damaged(path)),
    }
}

/// Whether a consensus key must not vote on this state.
///
/// # Errors
/// When the list of them cannot be read.
pub fn is_retired(state_dir: &Path, key: B256) -> io::Result<bool> {
    let known = match fs::read_to_string(state_dir.join(RETIRED)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        known => known?,
    };
    for line in known.lines() {
        let retired: B256 = line.trim().parse().map_err(io::Error::other)?;
        if retired == key {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_kept(name: &str) -> bool {
    match name.split_once('/') {
        Some((folder, file)) => {
            KEPT.contains(&folder) && !file.contains('/') && !matches!(file, "" | "." | "..")
        }
        None => KEPT.contains(&name),
    }
}

/// The names of what is kept, as far as it is there.
fn files(state_dir: &Path) -> Result<Vec<String>, BackupError> {
    let mut names = Vec::new();
    for kept in KEPT {
        let path = state_dir.join(kept);
        if path.is_file() {
            names.push(kept.to_owned());
        } else if path.is_dir() {
            for entry in fs::read_dir(&path).map_err(failed(&path))? {
                let entry = entry.map_err(failed(&path))?;
                if let (true, Some(file)) = (entry.path().is_file(), entry.file_name().to_str()) {
                    names.push(format!("{kept}/{file}"));
                }
            }
        }
    }
    Ok(names)
}

fn make_folder(path: &Path) -> Result<(), BackupError> {
    if fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(BackupError::NotEmpty(path.to_owned()));
    }
    let mut builder = DirBuilder::new();
    builder
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(failed(path))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), BackupError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut builder = DirBuilder::new();
    let made = builder.recursive(true).mode(0o700).create(folder);
    let written = made.and_then(|()| {
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        File::open(folder)?.sync_all()
    });
    written.map_err(failed(path))
}

#[cfg(test)]
#[path = "backup_tests.rs"]
mod tests;
