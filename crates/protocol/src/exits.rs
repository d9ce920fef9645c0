//! What every account could take by one checkpoint, as a file that anyone can keep: with it alone, and a frozen
//! settlement, everybody leaves without the operators (X2).
//!
//! Operators store it for their own checkpoints and serve it; a command line proves an exit from it. Who signed the
//! checkpoint, and whether the settlement accepted it, is for the reader to check: `rampart-client` does. Layout, integers
//! big-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | [`MAGIC`], whose last byte is the version |
//! | 4 | length of the head |
//! | so many | the head: RLP of the deployment and the checkpoint |
//! | 8 | number of accounts |
//! | 36 each | an account and its amount of base units, in the order of account indices: the leaves under `exitRoot` |
//! | 32 | keccak-256 over all that comes before |
//! | the rest | RLP list of signatures over the checkpoint, 65 bytes each; may be empty |

use crate::checkpoint::{Checkpoint, Roots};
use crate::eip712::{Domain, EcdsaSignature};
use crate::error::{DecodeError, decode_exact};
use crate::merkle::{self, Tree};
use crate::units::Amount;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, Bytes, keccak256};
use alloy_rlp::{RlpDecodable, RlpEncodable};

/// The first bytes of an archive.
pub const MAGIC: [u8; 8] = *b"RMPEXIT1";
/// Bytes of an account's entry.
const ENTRY: usize = 36;
/// Most signatures: the settlement's bitmap has no more places.
const MAX_SIGNATURES: usize = 256;

#[derive(Clone, Copy, RlpEncodable, RlpDecodable)]
struct Head {
    domain: Domain,
    checkpoint: Checkpoint,
}

/// Why bytes are no archive of exits, or not the one that they claim to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExitArchiveError {
    /// They begin with other bytes.
    #[error("this is no archive of exits, or one of another version")]
    Magic,
    /// There are less bytes than announced.
    #[error("the archive of exits is cut off")]
    Truncated,
    /// The bytes are not those that were written.
    #[error("the archive of exits is damaged: its checksum does not match")]
    Checksum,
    /// The head or the signatures do not decode.
    #[error("the archive of exits cannot be decoded")]
    Decode(#[from] DecodeError),
    /// The entries are not those of the checkpoint.
    #[error("the exits have the root {actual}, the checkpoint certifies {certified}")]
    Root {
        /// Over the entries.
        actual: B256,
        /// In the checkpoint.
        certified: B256,
    },
}

/// An archive of exits. Cloning is cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExitArchive {
    /// The deployment.
    pub domain: Domain,
    /// The checkpoint that gives the exits.
    pub checkpoint: Checkpoint,
    /// Signatures over it, in no particular order.
    pub signatures: Vec<EcdsaSignature>,
    /// All but the signatures.
    body: Bytes,
    entries: Bytes,
}

impl ExitArchive {
    /// The archive of a checkpoint's exits, in the order of account indices, without signatures.
    #[must_use]
    pub fn new(domain: Domain, checkpoint: Checkpoint, exits: &[(Address, Amount)]) -> Self {
        let head = alloy_rlp::encode(Head { domain, checkpoint });
        let mut body = Vec::with_capacity(MAGIC.len() + 4 + head.len() + 8 + ENTRY * exits.len() + 32);
        body.extend_from_slice(&MAGIC);
        body.extend_from_slice(&u32::try_from(head.len()).unwrap_or(u32::MAX).to_be_bytes());
        body.extend_from_slice(&head);
        body.extend_from_slice(&(exits.len() as u64).to_be_bytes());
        let start = body.len();
        for (account, amount) in exits {
            body.extend_from_slice(account.as_slice());
            body.extend_from_slice(&amount.0.to_be_bytes());
        }
        let end = body.len();
        body.extend_from_slice(keccak256(&body).as_slice());
        let body = Bytes::from(body);
        Self {
            domain,
            checkpoint,
            signatures: Vec::new(),
            entries: body.slice(start..end),
            body,
        }
    }

    /// The same with these signatures over its checkpoint.
    #[must_use]
    pub fn signed(self, signatures: Vec<EcdsaSignature>) -> Self {
        Self { signatures, ..self }
    }

    /// Reads an archive. The entries are as they were written; whether they are the checkpoint's is told by
    /// [`ProvableExits::new`].
    ///
    /// # Errors
    /// See [`ExitArchiveError`].
    pub fn from_bytes(bytes: Bytes) -> Result<Self, ExitArchiveError> {
        let mut rest = &bytes[..];
        if take(&mut rest, MAGIC.len()).is_none_or(|magic| magic != MAGIC) {
            return Err(ExitArchiveError::Magic);
        }
        let cut = ExitArchiveError::Truncated;
        let head = take_array(&mut rest).map(u32::from_be_bytes).ok_or(cut.clone())?;
        let head = take(&mut rest, head as usize).ok_or(cut.clone())?;
        let count = take_array(&mut rest).map(u64::from_be_bytes).ok_or(cut.clone())?;
        let start = bytes.len() - rest.len();
        let length = usize::try_from(count)
            .ok()
            .and_then(|count| count.checked_mul(ENTRY));
        take(&mut rest, length.ok_or(cut.clone())?).ok_or(cut.clone())?;
        let end = bytes.len() - rest.len();
        let checksum: [u8; 32] = take_array(&mut rest).ok_or(cut)?;
        if keccak256(&bytes[..end]).0 != checksum {
            return Err(ExitArchiveError::Checksum);
        }
        let Head { domain, checkpoint } = decode_exact(head)?;
        let signatures: Vec<EcdsaSignature> = decode_exact(rest)?;
        if signatures.len() > MAX_SIGNATURES {
            return Err(ExitArchiveError::Decode(DecodeError::TooMany {
                what: "signatures",
                actual: signatures.len(),
                limit: MAX_SIGNATURES,
            }));
        }
        Ok(Self {
            domain,
            checkpoint,
            signatures,
            entries: bytes.slice(start..end),
            body: bytes.slice(..end + checksum.len()),
        })
    }

    /// The encoding in two parts, the second of which has the signatures.
    #[must_use]
    pub fn to_parts(&self) -> (Bytes, Bytes) {
        (self.body.clone(), alloy_rlp::encode(&self.signatures).into())
    }

    /// The encoding.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let (body, signatures) = self.to_parts();
        [&body[..], &signatures[..]].concat()
    }

    /// Number of accounts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len() / ENTRY
    }

    /// Whether there are no accounts.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Each account with what it could take, in the order of account indices.
    pub fn exits(&self) -> impl ExactSizeIterator<Item = (Address, Amount)> + '_ {
        self.entries.chunks_exact(ENTRY).map(entry)
    }

    fn exit(&self, position: usize) -> Option<(Address, Amount)> {
        let start = position.checked_mul(ENTRY)?;
        self.entries.get(start..start.checked_add(ENTRY)?).map(entry)
    }
}

/// An account's exit under a checkpoint: what `Settlement.exit` takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenExit {
    /// Who is paid.
    pub account: Address,
    /// How much.
    pub amount: Amount,
    /// Siblings from its leaf up to the checkpoint's exit root.
    pub proof: Vec<B256>,
}

impl ProvenExit {
    /// Whether a checkpoint with these roots gives this exit.
    #[must_use]
    pub fn is_under(&self, roots: &Roots) -> bool {
        let leaf = merkle::exit_leaf(self.account, self.amount);
        !roots.exit_root.is_zero() && merkle::verify(roots.exit_root, leaf, &self.proof)
    }
}

/// An archive with all levels of its tree, so that a proof is a look at log n hashes. 104 bytes an account.
#[derive(Clone, Debug)]
pub struct ProvableExits {
    archive: ExitArchive,
    tree: Tree,
    /// Positions in the order of accounts.
    by_account: Vec<u32>,
}

impl ProvableExits {
    /// Hashes all entries, 10^6 in about a second, and compares the root with the checkpoint's.
    ///
    /// # Errors
    /// [`ExitArchiveError::Root`] when the entries are not those of the checkpoint.
    pub fn new(archive: ExitArchive) -> Result<Self, ExitArchiveError> {
        let leaves = archive
            .exits()
            .map(|(account, amount)| merkle::exit_leaf(account, amount));
        let tree = Tree::new(leaves.collect());
        let (actual, certified) = (tree.root(), archive.checkpoint.exit_root);
        if actual != certified {
            return Err(ExitArchiveError::Root { actual, certified });
        }
        let positions = u32::try_from(archive.len()).map_err(|_| DecodeError::TooMany {
            what: "accounts",
            actual: archive.len(),
            limit: u32::MAX as usize,
        })?;
        let mut by_account: Vec<u32> = (0..positions).collect();
        by_account.sort_unstable_by_key(|position| archive.exit(*position as usize));
        Ok(Self {
            archive,
            tree,
            by_account,
        })
    }

    /// What the tree is over.
    #[must_use]
    pub const fn archive(&self) -> &ExitArchive {
        &self.archive
    }

    /// What an account could take, with its proof; `None` when the checkpoint knows no such account.
    #[must_use]
    pub fn of(&self, account: Address) -> Option<ProvenExit> {
        let found = self.by_account.binary_search_by_key(&Some(account), |position| {
            self.archive.exit(*position as usize).map(|(account, _)| account)
        });
        let position = *self.by_account.get(found.ok()?)? as usize;
        let (account, amount) = self.archive.exit(position)?;
        Some(ProvenExit {
            account,
            amount,
            proof: self.tree.proof(position)?,
        })
    }
}

fn entry(bytes: &[u8]) -> (Address, Amount) {
    let (account, amount) = bytes.split_at(20);
    let amount = amount.try_into().map(u128::from_be_bytes);
    (Address::from_slice(account), Amount(amount.unwrap_or_default()))
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

fn take_array<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    take(rest, N)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn account(n: u8) -> Address {
        // Not in the order of positions.
        Address::repeat_byte(n.wrapping_mul(77))
    }

    fn archive(accounts: u8) -> ExitArchive {
        let exits: Vec<_> = (0..accounts)
            .map(|n| (account(n), Amount(u128::from(n))))
            .collect();
        let leaves: Vec<B256> = exits
            .iter()
            .map(|(who, much)| merkle::exit_leaf(*who, *much))
            .collect();
        let checkpoint = Checkpoint {
            epoch: 1,
            height: 20,
            state_root: B256::repeat_byte(1),
            withdrawals_root: B256::repeat_byte(2),
            exit_root: merkle::root(&leaves),
            inbox_count: 3,
            next_operator_set: B256::repeat_byte(4),
        };
        let domain = Domain {
            chain_id: 5,
            settlement: Address::repeat_byte(5),
        };
        ExitArchive::new(domain, checkpoint, &exits).signed([1, 2].map(EcdsaSignature::repeat_byte).to_vec())
    }

    #[test]
    fn an_archive_is_read_as_it_was_written_and_proves_every_account() {
        for accounts in [0, 1, 2, 5, 33] {
            let archive = archive(accounts);
            let read = ExitArchive::from_bytes(archive.to_bytes().into()).unwrap();
            assert_eq!((&read, read.len()), (&archive, usize::from(accounts)));
            let exits = ProvableExits::new(read).unwrap();
            let roots = archive.checkpoint.roots();
            for (who, amount) in archive.exits() {
                let exit = exits.of(who).unwrap();
                assert_eq!((exit.account, exit.amount), (who, amount));
                assert!(exit.is_under(&roots), "{who} of {accounts}");
                let more = ProvenExit {
                    amount: Amount(amount.0 + 1),
                    ..exit
                };
                assert!(!more.is_under(&roots));
            }
            assert_eq!(exits.of(Address::repeat_byte(0xee)), None);
        }
    }

    #[test]
    fn every_damaged_byte_before_the_signatures_is_noticed() {
        let archive = archive(3);
        let sound = archive.to_bytes();
        for position in 0..archive.body.len() {
            let mut damaged = sound.clone();
            damaged[position] ^= 1;
            let read = ExitArchive::from_bytes(damaged.into());
            assert!(read.is_err(), "byte {position}: {read:?}");
        }
    }

    #[test]
    fn an_archive_that_is_cut_off_anywhere_is_refused() {
        let sound = archive(3).to_bytes();
        for length in 0..sound.len() {
            assert!(ExitArchive::from_bytes(sound[..length].to_vec().into()).is_err());
        }
        let longer = [&sound[..], &[0]].concat();
        assert!(matches!(
            ExitArchive::from_bytes(longer.into()),
            Err(ExitArchiveError::Decode(DecodeError::Trailing(1)))
        ));
    }

    #[test]
    fn a_count_that_no_memory_holds_is_refused() {
        let archive = archive(0);
        let mut bytes = archive.to_bytes();
        let count = archive.body.len() - 32 - 8;
        bytes[count..count + 8].fill(0xff);
        assert_eq!(
            ExitArchive::from_bytes(bytes.into()),
            Err(ExitArchiveError::Truncated)
        );
    }

    #[test]
    fn entries_that_are_not_the_checkpoints_prove_nothing() {
        let sound = archive(3);
        let mut exits: Vec<_> = sound.exits().collect();
        exits[1].1.0 += 1;
        let forged = ExitArchive::new(sound.domain, sound.checkpoint, &exits);
        assert!(ExitArchive::from_bytes(forged.to_bytes().into()).is_ok());
        assert!(matches!(
            ProvableExits::new(forged),
            Err(ExitArchiveError::Root { .. })
        ));
    }

    #[test]
    fn other_files_are_told_apart_from_damaged_ones() {
        for bytes in [&b""[..], b"RMPEXIT", b"RMPEXIT2 and so on", b"{\"account\":1}"] {
            assert_eq!(
                ExitArchive::from_bytes(Bytes::copy_from_slice(bytes)),
                Err(ExitArchiveError::Magic)
            );
        }
    }
}
