//! The exits of this operator's own checkpoints, on disk: what everybody needs to leave when operators are gone (X2).
//!
//! One file a checkpoint, the [`ExitArchive`] that clients are served, rather than tables of a database: it is written
//! once, whole, and thrown away whole, and whoever has the folder has what every account needs, without this program. A
//! file is durable before the checkpoint's signature is given away, so what a quorum certified, a quorum can prove.
//!
//! Kept are the files of checkpoints that may still be accepted, at most [`PENDING`] of them; that of the last one
//! accepted on chain; and those before it back to the last one whose acceptance is final, since the chain may be reorganised, at
//! most [`PENDING`] as well. Each takes 36 bytes an account.

use alloy_rlp::{Decodable as _, RlpDecodable, RlpEncodable};
use rampart_protocol::eip712::EcdsaSignature;
use rampart_protocol::{Checkpoint, Domain, ExitArchive, ExitArchiveError, ProvableExits, keccak256};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Checkpoints that are kept while none of them is accepted: as many as signatures are collected of.
pub const PENDING: usize = 64;
/// Which checkpoint is the last accepted one.
const MARK: &str = "accepted";
const SUFFIX: &str = ".exits";

/// Why exits cannot be kept or told.
#[derive(Debug, thiserror::Error)]
pub enum ExitError {
    /// A file cannot be read or written.
    #[error("{path} cannot be read or written")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// This operator did not sign the checkpoint accepted: it did not run then, or had skipped blocks.
    #[error("this operator did not keep the exits of the checkpoint of height {0}")]
    Unknown(u64),
    /// What is on the disk is not what was written.
    #[error("the exits of the checkpoint of height {height} are damaged")]
    Damaged {
        /// The checkpoint's height.
        height: u64,
        /// What does not hold.
        #[source]
        source: ExitArchiveError,
    },
    /// What is on the disk is another height's, or another network's.
    #[error("the file of the exits of height {0} holds another checkpoint's")]
    Other(u64),
    /// This operator signed another checkpoint of this height before: to sign this one would be equivocation (X3).
    #[error("another checkpoint of height {0} was signed before; this one must not be")]
    Conflict(u64),
}

/// The exits under the last checkpoint accepted on chain.
#[derive(Clone, Debug)]
pub struct Certified {
    /// Every account's.
    pub exits: Arc<ProvableExits>,
    /// Signatures over the checkpoint: as many as this operator saw, its own at least.
    pub signatures: Vec<EcdsaSignature>,
}

/// The folder of exits. Clones share it.
#[derive(Clone, Debug)]
pub struct ExitStore {
    folder: PathBuf,
    domain: Domain,
    mark: Arc<Mutex<Option<Mark>>>,
    /// The tree over the exits of a height: built when somebody asks, then kept. Apart from the mark, so that whoever
    /// writes does not wait for it.
    loaded: Arc<Mutex<Option<Loaded>>>,
}

type Loaded = (u64, Arc<ProvableExits>);

/// The last checkpoint accepted, as the chain told.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
struct Mark {
    height: u64,
    /// The one before.
    previous: u64,
    signatures: Vec<EcdsaSignature>,
}

impl ExitStore {
    /// Opens or creates the folder of a deployment's exits. A mark that cannot be read counts as none: the chain tells it
    /// again.
    ///
    /// # Errors
    /// When the folder cannot be created or listed.
    pub fn open(folder: &Path, domain: Domain) -> Result<Self, ExitError> {
        let store = Self {
            folder: folder.to_owned(),
            domain,
            mark: Arc::default(),
            loaded: Arc::default(),
        };
        fs::create_dir_all(folder).map_err(failed(folder))?;
        store.heights()?;
        *lock(&store.mark) = store.read_mark();
        Ok(store)
    }

    /// Writes the exits of an own checkpoint, durably, unless they would be forgotten at once. Sign nothing that this
    /// refuses. Of the heights that are `needed` whatever else waits, more than [`PENDING`] may be kept.
    ///
    /// # Errors
    /// When they cannot be written, or another checkpoint of that height was kept; what was kept is as before.
    pub fn keep(&self, archive: &ExitArchive, needed: impl Fn(u64) -> bool) -> Result<(), ExitError> {
        let mark = lock(&self.mark);
        let height = archive.checkpoint.height;
        // An operator that catches up signs what is long past.
        if mark.as_ref().is_some_and(|mark| height < mark.previous) {
            return Ok(());
        }
        match self.read(height) {
            Ok(kept) if kept.checkpoint == archive.checkpoint => return Ok(()),
            Ok(_) => return Err(ExitError::Conflict(height)),
            // What is damaged or was never written is written anew.
            Err(ExitError::Unknown(_) | ExitError::Damaged { .. } | ExitError::Other(_)) => {}
            Err(error) => return Err(error),
        }
        self.write(&file_name(height), &archive.to_bytes())?;
        let accepted = mark.as_ref().map_or(0, |mark| mark.height);
        let pending = self
            .heights()?
            .into_iter()
            .filter(|h| *h > accepted && !needed(*h));
        let pending: Vec<u64> = pending.collect();
        let surplus = pending.len().saturating_sub(PENDING);
        for height in pending.into_iter().take(surplus) {
            self.remove(height)?;
        }
        Ok(())
    }

    /// The checkpoints that are not known to be on chain, of some heights, with the own signature each.
    ///
    /// # Errors
    /// When the folder cannot be read. A damaged file is passed over: its checkpoint is not certified by this operator.
    pub fn pending(
        &self,
        wanted: impl Fn(u64) -> bool,
    ) -> Result<Vec<(Checkpoint, Vec<EcdsaSignature>)>, ExitError> {
        let accepted = lock(&self.mark).as_ref().map_or(0, |mark| mark.height);
        let mut pending = Vec::new();
        for height in self
            .heights()?
            .into_iter()
            .filter(|h| *h > accepted && wanted(*h))
        {
            match self.read(height) {
                Ok(archive) => pending.push((archive.checkpoint, archive.signatures)),
                Err(error @ ExitError::File { .. }) => return Err(error),
                Err(error) => tracing::error!(height, %error, "a checkpoint signed before is lost"),
            }
        }
        Ok(pending)
    }

    /// Learns which checkpoint is the last one on chain, 0 for none, and forgets what is older than the one before it and than
    /// the one whose acceptance is `settled`, which no reorganisation takes back. Of those in between [`PENDING`] are kept.
    /// With the signatures that are known; less than were known of it before change nothing.
    ///
    /// # Errors
    /// When the folder cannot be written; the answer to [`Self::certified`] is as before then.
    pub fn accept(
        &self,
        height: u64,
        settled: u64,
        mut signatures: Vec<EcdsaSignature>,
    ) -> Result<(), ExitError> {
        let mut known = lock(&self.mark);
        let previous = match known.as_ref() {
            _ if height == 0 => return Ok(()),
            Some(last) if last.height == height => {
                if signatures.len() <= last.signatures.len() {
                    return Ok(());
                }
                last.previous
            }
            Some(last) => last.height.min(height),
            None => height,
        };
        signatures.sort_unstable();
        let mark = Mark {
            height,
            previous,
            signatures,
        };
        let bytes = alloy_rlp::encode(&mark);
        self.write(MARK, &[keccak256(&bytes).as_slice(), &bytes].concat())?;
        *known = Some(mark);
        let (kept, lost): (Vec<u64>, Vec<u64>) = self
            .heights()?
            .into_iter()
            .filter(|old| *old < previous)
            .partition(|old| *old >= settled);
        let surplus = kept.len().saturating_sub(PENDING);
        for old in lost.into_iter().chain(kept.into_iter().take(surplus)) {
            self.remove(old)?;
        }
        Ok(())
    }

    /// The exits under the last checkpoint accepted on chain; `None` when none is known to be. Blocking: reads and hashes
    /// all of them when that checkpoint is another than the last time.
    ///
    /// # Errors
    /// When they are not here, or not as they were written.
    pub fn certified(&self) -> Result<Option<Certified>, ExitError> {
        let mark = lock(&self.mark).clone();
        let Some(Mark {
            height, signatures, ..
        }) = mark
        else {
            return Ok(None);
        };
        let mut known = lock(&self.loaded);
        let exits = match &*known {
            Some((loaded, exits)) if *loaded == height => exits.clone(),
            _ => {
                // Two trees at a time would take twice the memory.
                *known = None;
                let exits = Arc::new(self.load(height)?);
                *known = Some((height, exits.clone()));
                exits
            }
        };
        let own = &exits.archive().signatures;
        let signatures = if signatures.is_empty() {
            own.clone()
        } else {
            signatures
        };
        Ok(Some(Certified { exits, signatures }))
    }

    fn load(&self, height: u64) -> Result<ProvableExits, ExitError> {
        ProvableExits::new(self.read(height)?).map_err(|source| ExitError::Damaged { height, source })
    }

    /// A file as it was written, by its checksum.
    fn read(&self, height: u64) -> Result<ExitArchive, ExitError> {
        let path = self.folder.join(file_name(height));
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(ExitError::Unknown(height)),
            read => read.map_err(failed(&path))?,
        };
        let archive =
            ExitArchive::from_bytes(bytes.into()).map_err(|source| ExitError::Damaged { height, source })?;
        if archive.domain != self.domain || archive.checkpoint.height != height {
            return Err(ExitError::Other(height));
        }
        Ok(archive)
    }

    fn read_mark(&self) -> Option<Mark> {
        let bytes = fs::read(self.folder.join(MARK)).ok()?;
        let (checksum, mut mark) = bytes.split_at_checked(32)?;
        if keccak256(mark) != *checksum {
            tracing::warn!("the mark of the last checkpoint accepted is damaged; the chain is asked again");
            return None;
        }
        Mark::decode(&mut mark).ok()
    }

    /// The heights of all files, ascending. What an interrupted write left behind is none, and is overwritten.
    fn heights(&self) -> Result<Vec<u64>, ExitError> {
        let mut heights = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(failed(&self.folder))? {
            let name = entry.map_err(failed(&self.folder))?.file_name();
            let Some(name) = name.to_str() else { continue };
            let height = name.strip_suffix(SUFFIX).and_then(|height| height.parse().ok());
            heights.extend(height.filter(|height| file_name(*height) == name));
        }
        heights.sort_unstable();
        Ok(heights)
    }

    /// Writes a file so that it is there whole or not at all, whenever the machine stops.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), ExitError> {
        let (path, part) = (self.folder.join(name), self.folder.join(format!("{name}.part")));
        let write = || {
            let mut file = File::create(&part)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&part, &path)?;
            File::open(&self.folder)?.sync_all()
        };
        write().map_err(failed(&path))
    }

    fn remove(&self, height: u64) -> Result<(), ExitError> {
        let path = self.folder.join(file_name(height));
        fs::remove_file(&path).map_err(failed(&path))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn file_name(height: u64) -> String {
    format!("{height:020}{SUFFIX}")
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> ExitError + use<> {
    let path = path.to_owned();
    |source| ExitError::File { path, source }
}

#[cfg(test)]
#[path = "exits_tests.rs"]
mod tests;
