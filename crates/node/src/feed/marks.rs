//! How far a source was read, kept over restarts: never ahead of what the ledger has consumed, since what is behind it is
//! not read again.
//!
//! [`Marks`] decides, [`MarkFile`] keeps one mark in one file that is written whole or not at all. A file that is missing,
//! damaged or of another deployment counts as none: then everything is read again, which is slow and never wrong.

use super::health::name;
use rampart_chain::tracker::BlockRef;
use rampart_chain::{EventCursor, Mark, Target};
use rampart_protocol::{B256, keccak256};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Marks that wait for the ledger. Beyond it the newest ones are passed over: a restart then reads a little more.
const WAITING: usize = 4_096;

/// The marks that the ledger has not come up to yet.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    waiting: VecDeque<Mark>,
}

impl Marks {
    /// A point up to which everything was agreed on.
    pub fn add(&mut self, mark: Mark) {
        let room = self.waiting.len() < WAITING;
        match self.waiting.back_mut() {
            // Nothing in between: the later one is as good.
            Some(last) if last.cursor.next_index == mark.cursor.next_index => *last = mark,
            _ if room => self.waiting.push_back(mark),
            _ => {}
        }
    }

    /// The last mark whose entries the ledger has all consumed, if it is another than the last time.
    pub fn reached(&mut self, consumed: u64) -> Option<Mark> {
        let mut reached = None;
        while self
            .waiting
            .front()
            .is_some_and(|mark| mark.cursor.next_index <= consumed)
        {
            reached = self.waiting.pop_front();
        }
        reached
    }

    /// Forgets all: everything is read again.
    pub fn clear(&mut self) {
        self.waiting.clear();
    }
}

/// What the file holds.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Kept {
    /// What the mark is of: chain, contract and its deployment.
    of: B256,
    next_block: u64,
    next_index: u64,
    block: BlockRef,
    /// Keccak-256 over the above.
    checksum: B256,
}

impl Kept {
    fn new(of: B256, mark: Mark) -> Self {
        let checksum = keccak256(
            [
                of.as_slice(),
                &mark.cursor.next_block.to_be_bytes(),
                &mark.cursor.next_index.to_be_bytes(),
                &mark.block.number.to_be_bytes(),
                mark.block.hash.as_slice(),
            ]
            .concat(),
        );
        Self {
            of,
            next_block: mark.cursor.next_block,
            next_index: mark.cursor.next_index,
            block: mark.block,
            checksum,
        }
    }

    const fn mark(&self) -> Mark {
        Mark {
            cursor: EventCursor {
                next_block: self.next_block,
                next_index: self.next_index,
            },
            block: self.block,
        }
    }
}

/// The file of one source's mark.
#[derive(Clone, Debug)]
pub struct MarkFile {
    folder: PathBuf,
    path: PathBuf,
    of: B256,
}

impl MarkFile {
    /// The file of a target's mark in a folder, which is made if it is not there.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(folder: &Path, target: &Target) -> Result<Self, io::Error> {
        fs::create_dir_all(folder)?;
        let of = [
            target.contract.as_slice(),
            &target.chain_id.to_be_bytes(),
            &target.deployed_at.to_be_bytes(),
        ];
        Ok(Self {
            folder: folder.to_owned(),
            path: folder.join(format!("{}.json", name(target.sequence.source()))),
            of: keccak256(of.concat()),
        })
    }

    /// The mark, if the file has one of this target.
    #[must_use]
    pub fn load(&self) -> Option<Mark> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(path = %self.path.display(), %error, "how far the chain was read is lost; all is read again");
                return None;
            }
        };
        let kept: Option<Kept> = serde_json::from_str(&text).ok();
        let whole = kept.filter(|kept| *kept == Kept::new(self.of, kept.mark()));
        if whole.is_none() {
            tracing::warn!(
                path = %self.path.display(),
                "how far the chain was read is damaged or of another contract; all is read again"
            );
        }
        whole.map(|kept| kept.mark())
    }

    /// Keeps a mark, durably.
    ///
    /// # Errors
    /// When the file cannot be written; the one before is then still there.
    pub fn store(&self, mark: Mark) -> Result<(), io::Error> {
        let text = serde_json::to_string(&Kept::new(self.of, mark)).map_err(io::Error::other)?;
        let part = self.path.with_extension("part");
        let mut file = File::create(&part)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&part, &self.path)?;
        File::open(&self.folder)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rampart_chain::{Finality, Sequence};
    use rampart_protocol::Address;

    fn mark(block: u64, next_index: u64) -> Mark {
        Mark {
            cursor: EventCursor {
                next_block: block + 1,
                next_index,
            },
            block: BlockRef {
                number: block,
                hash: B256::repeat_byte(7),
            },
        }
    }

    fn target() -> Target {
        Target {
            sequence: Sequence::Inbox,
            contract: Address::repeat_byte(3),
            chain_id: 5,
            deployed_at: 9,
            finality: Finality::Finalized,
        }
    }

    #[test]
    fn a_mark_is_reached_when_the_ledger_has_consumed_all_before_it() {
        let mut marks = Marks::default();
        marks.add(mark(10, 0));
        marks.add(mark(20, 2));
        marks.add(mark(30, 2));
        marks.add(mark(40, 5));
        assert_eq!(marks.reached(1), Some(mark(10, 0)));
        assert_eq!(marks.reached(1), None);
        assert_eq!(marks.reached(4), Some(mark(30, 2)));
        assert_eq!(marks.reached(9), Some(mark(40, 5)));
        marks.add(mark(50, 5));
        assert_eq!(marks.reached(9), Some(mark(50, 5)));
    }

    #[test]
    fn marks_that_wait_for_a_ledger_that_stands_still_are_bounded() {
        let mut marks = Marks::default();
        (0..2 * WAITING as u64).for_each(|n| marks.add(mark(n, n)));
        assert_eq!(marks.waiting.len(), WAITING);
        assert_eq!(
            marks.reached(u64::MAX).unwrap().cursor.next_index,
            WAITING as u64 - 1
        );
    }

    #[test]
    fn a_mark_survives_and_nothing_else_is_taken_for_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = MarkFile::open(folder.path(), &target()).unwrap();
        assert_eq!(file.load(), None);
        file.store(mark(10, 3)).unwrap();
        file.store(mark(20, 4)).unwrap();
        assert_eq!(file.load(), Some(mark(20, 4)));

        let path = folder.path().join("inbox.json");
        let text = fs::read_to_string(&path).unwrap();
        for changed in [
            text.replace("\"nextIndex\":4", "\"nextIndex\":5"),
            text.replace("\"nextBlock\":21", "\"nextBlock\":31"),
            text[..text.len() - 1].to_owned(),
            String::new(),
        ] {
            assert_ne!(changed, text);
            fs::write(&path, changed).unwrap();
            assert_eq!(file.load(), None);
        }
        file.store(mark(20, 4)).unwrap();
        for other in [
            Target {
                chain_id: 6,
                ..target()
            },
            Target {
                contract: Address::repeat_byte(4),
                ..target()
            },
            Target {
                deployed_at: 8,
                ..target()
            },
        ] {
            assert_eq!(MarkFile::open(folder.path(), &other).unwrap().load(), None);
        }
        assert_eq!(file.load(), Some(mark(20, 4)));
    }
}
