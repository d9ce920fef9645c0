//! The files that decisions are written to: when one is full or old the next begins, and the oldest go.

use super::{Decision, Retention};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

const DAY: u64 = 86_400;
/// Files that the retention is made of.
const PARTS: u64 = 8;
/// Seconds between two looks at what is too old.
const PRUNE_EVERY: u64 = 3_600;

/// Writes decisions.
#[derive(Debug)]
pub struct Writer {
    directory: PathBuf,
    retention: Retention,
    open: Option<Segment>,
    /// Unix seconds of the last look at what is too old.
    pruned: u64,
}

#[derive(Debug)]
struct Segment {
    file: File,
    bytes: u64,
    /// Unix seconds of the first decision.
    since: u64,
}

impl Writer {
    pub const fn new(directory: PathBuf, retention: Retention) -> Self {
        Self {
            directory,
            retention,
            open: None,
            pruned: 0,
        }
    }

    /// Appends and syncs decisions. After an error the next ones begin a new file, so that a torn line ends its file.
    pub fn write(&mut self, decisions: &[Decision]) -> io::Result<()> {
        let written = self.write_in_parts(decisions);
        if written.is_err() {
            self.open = None;
        }
        written
    }

    /// No more at a time than a file takes.
    fn write_in_parts(&mut self, decisions: &[Decision]) -> io::Result<()> {
        let mut text = Vec::new();
        for decision in decisions {
            let start = text.len();
            serde_json::to_writer(&mut text, decision)?;
            text.push(b'\n');
            if start > 0 && length(&text) > self.retention.bytes / PARTS {
                let rest = text.split_off(start);
                self.append(&text, decision.at)?;
                text = rest;
            }
        }
        match decisions.last() {
            Some(last) => self.append(&text, last.at),
            None => Ok(()),
        }
    }

    fn append(&mut self, text: &[u8], now: u64) -> io::Result<()> {
        let bytes = length(text);
        let most = self.retention.bytes / PARTS;
        let longest = self.retention.days.saturating_mul(DAY / PARTS);
        self.open = self.open.take().filter(|segment| {
            segment.bytes.saturating_add(bytes) <= most && now.saturating_sub(segment.since) < longest
        });
        if self.open.is_none() || now.saturating_sub(self.pruned) >= PRUNE_EVERY {
            self.prune(now, bytes.max(most))?;
        }
        if self.open.is_none() {
            self.open = Some(self.next(now)?);
        }
        let Some(segment) = &mut self.open else {
            return Ok(());
        };
        segment.file.write_all(text)?;
        segment.file.sync_data()?;
        segment.bytes = segment.bytes.saturating_add(bytes);
        Ok(())
    }

    fn next(&self, now: u64) -> io::Result<Segment> {
        let last = segments(&self.directory)?.last().map_or(0, |(number, _)| *number);
        let path = self
            .directory
            .join(format!("{:010}.jsonl", last.saturating_add(1)));
        let mut options = OpenOptions::new();
        options.append(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        let file = options.open(path)?;
        File::open(&self.directory)?.sync_all()?;
        Ok(Segment {
            file,
            bytes: 0,
            since: now,
        })
    }

    /// Removes files that are too old, and the oldest until there is room for `needed` bytes. The open one stays.
    fn prune(&mut self, now: u64, needed: u64) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::DirBuilderExt;
            builder.mode(0o700);
        }
        builder.create(&self.directory)?;
        let mut closed = Vec::new();
        for (_, path) in segments(&self.directory)? {
            let metadata = fs::metadata(&path)?;
            let modified = metadata
                .modified()?
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            closed.push((path, metadata.len(), modified.as_secs()));
        }
        if self.open.is_some() {
            closed.pop();
        }
        let mut total: u64 = closed.iter().map(|(_, bytes, _)| bytes).sum();
        let oldest = now.saturating_sub(self.retention.days.saturating_mul(DAY));
        for (path, bytes, modified) in closed {
            if modified < oldest || total.saturating_add(needed) > self.retention.bytes {
                fs::remove_file(path)?;
                total = total.saturating_sub(bytes);
            }
        }
        self.pruned = now;
        Ok(())
    }
}

fn length(text: &[u8]) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}

/// The files by their numbers, the oldest first. Other files in the directory are not ours.
pub fn segments(directory: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let number = path
            .file_name()
            .and_then(|name| name.to_str()?.strip_suffix(".jsonl")?.parse().ok());
        found.extend(number.map(|number| (number, path)));
    }
    found.sort_unstable();
    Ok(found)
}
