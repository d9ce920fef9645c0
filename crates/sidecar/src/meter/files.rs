//! The meter's directory: `lock`, `snapshot-G` and `log-G` of the newest generation G.
//!
//! A new generation is made in an order that leaves a whole generation behind wherever a crash falls: the empty log
//! first, then the snapshot under a temporary name, then its rename, then the removal of the old pair.

use super::frame::{self, Stream};
use super::journal::write_snapshot;
use super::record::Record;
use super::{MeterError, Opening};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const TEMPORARY: &str = "snapshot.tmp";

/// The open files.
#[derive(Debug)]
pub struct Files {
    dir: PathBuf,
    generation: u64,
    log: File,
    frames: u64,
    buffer: Vec<u8>,
}

/// Locks the directory, replays its records into `apply`, and opens the log behind its last sound frame.
///
/// # Errors
/// See [`MeterError`].
pub fn open(dir: &Path, apply: &mut Opening<'_>) -> Result<(Files, File), MeterError> {
    fs::create_dir_all(dir).map_err(|source| io_error("create", dir, source))?;
    let lock = lock(dir)?;
    let (snapshots, logs) = list(dir)?;
    let generation = snapshots.iter().max().copied().unwrap_or(0);
    if generation > 0 {
        read_snapshot(dir, generation, apply)?;
    }
    let newer = logs.iter().filter(|log| **log > generation);
    for stray in newer {
        let path = log_path(dir, *stray);
        let length = fs::metadata(&path)
            .map_err(|source| io_error("read", &path, source))?
            .len();
        if length > 0 {
            return Err(MeterError::MissingSnapshot(*stray));
        }
    }
    let (log, frames) = open_log(dir, generation, apply)?;
    remove_others(dir, generation)?;
    sync_dir(dir)?;
    let files = Files {
        dir: dir.to_owned(),
        generation,
        log,
        frames,
        buffer: Vec::new(),
    };
    Ok((files, lock))
}

impl Files {
    /// Appends one frame and makes it durable.
    ///
    /// # Errors
    /// When the disk refuses; the file's state is then unknown.
    pub fn append(&mut self, payload: &[u8]) -> Result<(), MeterError> {
        self.buffer.clear();
        frame::write(
            log_stream(self.generation),
            self.frames,
            payload,
            &mut self.buffer,
        );
        self.log
            .write_all(&self.buffer)
            .and_then(|()| self.log.sync_data())
            .map_err(|source| io_error("write", &log_path(&self.dir, self.generation), source))?;
        self.frames += 1;
        Ok(())
    }

    /// Starts the next generation with this snapshot.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn rotate(&mut self, entries: &[Record]) -> Result<(), MeterError> {
        let next = self.generation + 1;
        let log_name = log_path(&self.dir, next);
        let log = create(&log_name)?;
        let temporary = self.dir.join(TEMPORARY);
        let mut snapshot = create(&temporary)?;
        write_snapshot(&mut snapshot, snapshot_stream(next), entries)
            .map_err(|source| io_error("write", &temporary, source))?;
        sync_dir(&self.dir)?;
        let target = snapshot_path(&self.dir, next);
        fs::rename(&temporary, &target).map_err(|source| io_error("rename", &target, source))?;
        sync_dir(&self.dir)?;
        (self.generation, self.log, self.frames) = (next, log, 0);
        remove_others(&self.dir, next)
    }
}

fn lock(dir: &Path) -> Result<File, MeterError> {
    let path = dir.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|source| io_error("open", &path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(MeterError::InUse(dir.to_owned())),
        Err(TryLockError::Error(source)) => Err(io_error("lock", &path, source)),
    }
}

fn list(dir: &Path) -> Result<(Vec<u64>, Vec<u64>), MeterError> {
    let (mut snapshots, mut logs) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(dir).map_err(|source| io_error("list", dir, source))? {
        let name = entry.map_err(|source| io_error("list", dir, source))?.file_name();
        let Some(name) = name.to_str() else { continue };
        let generation = |prefix| {
            name.strip_prefix(prefix)
                .and_then(|digits: &str| digits.parse().ok())
        };
        if let Some(generation) = generation("snapshot-") {
            snapshots.push(generation);
        } else if let Some(generation) = generation("log-") {
            logs.push(generation);
        }
    }
    Ok((snapshots, logs))
}

fn read_snapshot(dir: &Path, generation: u64, apply: &mut Opening<'_>) -> Result<(), MeterError> {
    let path = snapshot_path(dir, generation);
    let bytes = fs::read(&path).map_err(|source| io_error("read", &path, source))?;
    let (payloads, sound) =
        frame::read(snapshot_stream(generation), &bytes).map_err(|source| damaged(&path, source.offset))?;
    let (mut count, mut ended) = (0, None);
    for payload in payloads {
        for_each_record(&path, payload, |record| {
            if ended.is_some() {
                return Err("a record follows the end");
            }
            if let Record::End(end) = record {
                ended = Some(end.entries);
                return Ok(());
            }
            count += 1;
            apply(record)
        })?;
    }
    if sound == bytes.len() && ended == Some(count) {
        Ok(())
    } else {
        Err(damaged(&path, sound))
    }
}

/// Replays the log and cuts off a torn end, for the next frame to be written there.
fn open_log(dir: &Path, generation: u64, apply: &mut Opening<'_>) -> Result<(File, u64), MeterError> {
    let path = log_path(dir, generation);
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .map_err(|source| io_error("open", &path, source))?;
    let bytes = fs::read(&path).map_err(|source| io_error("read", &path, source))?;
    let (payloads, sound) =
        frame::read(log_stream(generation), &bytes).map_err(|source| damaged(&path, source.offset))?;
    for payload in &payloads {
        for_each_record(&path, payload, &mut *apply)?;
    }
    if sound < bytes.len() {
        tracing::warn!(file = %path.display(), dropped = bytes.len() - sound, "dropped the torn end of the meter's log");
        log.set_len(sound as u64)
            .and_then(|()| log.sync_all())
            .map_err(|source| io_error("truncate", &path, source))?;
    }
    Ok((log, payloads.len() as u64))
}

fn for_each_record(
    path: &Path,
    mut payload: &[u8],
    mut apply: impl FnMut(Record) -> Result<(), &'static str>,
) -> Result<(), MeterError> {
    while !payload.is_empty() {
        let record = Record::read(&mut payload).map_err(|source| MeterError::Record {
            path: path.to_owned(),
            source,
        })?;
        apply(record).map_err(|reason| MeterError::Inconsistent {
            path: path.to_owned(),
            reason,
        })?;
    }
    Ok(())
}

fn remove_others(dir: &Path, generation: u64) -> Result<(), MeterError> {
    let (snapshots, logs) = list(dir)?;
    let others = |found: Vec<u64>| found.into_iter().filter(move |other| *other != generation);
    let stale = others(snapshots)
        .map(|other| snapshot_path(dir, other))
        .chain(others(logs).map(|other| log_path(dir, other)))
        .chain([dir.join(TEMPORARY)]);
    for path in stale {
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(io_error("remove", &path, source));
            }
            _ => {}
        }
    }
    Ok(())
}

fn create(path: &Path) -> Result<File, MeterError> {
    OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .open(path)
        .map_err(|source| io_error("create", path, source))
}

fn sync_dir(dir: &Path) -> Result<(), MeterError> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(|source| io_error("sync", dir, source))
}

const fn log_stream(generation: u64) -> Stream {
    Stream {
        kind: b'L',
        generation,
    }
}

const fn snapshot_stream(generation: u64) -> Stream {
    Stream {
        kind: b'S',
        generation,
    }
}

fn log_path(dir: &Path, generation: u64) -> PathBuf {
    dir.join(format!("log-{generation}"))
}

fn snapshot_path(dir: &Path, generation: u64) -> PathBuf {
    dir.join(format!("snapshot-{generation}"))
}

fn io_error(action: &'static str, path: &Path, source: io::Error) -> MeterError {
    MeterError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

fn damaged(path: &Path, offset: usize) -> MeterError {
    MeterError::Damaged {
        path: path.to_owned(),
        offset,
    }
}
