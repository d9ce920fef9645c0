//! Evidence of equivocation (X3), kept on the disk until EigenLayer has punished it: one file for an operator and height, with
//! the two checkpoints that it signed, in the form that `rampart operator accuse` takes. A file is written whole or not at
//! all, and believed only when it proves what its name says.
//!
//! Who brings it to the L1, and when, is decided in `accuse`.

use super::Equivocation;
use rampart_protocol::{Address, Domain, SignedCheckpoint};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Proofs that are kept. It takes a key of the operator set to make one, and each can be punished.
pub const MAX_EVIDENCE: usize = 1024;
const PROOF: &str = ".json";
const PUNISHED: &str = ".punished";

/// Whose, and of which height.
pub type Case = (Address, u64);

/// Why evidence cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// A file cannot be read or written.
    #[error("{path} cannot be read or written")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is too much already.
    #[error("{MAX_EVIDENCE} proofs of equivocation are kept; this one is not")]
    Full,
}

/// A proof, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The checkpoint key that signed both.
    pub operator: Address,
    /// What it signed.
    pub signed: [SignedCheckpoint; 2],
    /// Whether the operator was punished for it, finally.
    pub punished: bool,
}

impl Proof {
    /// Whose it is, and of which height.
    #[must_use]
    pub const fn case(&self) -> Case {
        (self.operator, self.signed[0].checkpoint.height)
    }

    /// What two signed checkpoints prove, if they prove anything.
    #[must_use]
    pub fn new(signed: [SignedCheckpoint; 2], domain: &Domain) -> Option<Self> {
        let [first, second] = &signed;
        let (operator, other) = (first.signer(domain)?, second.signer(domain)?);
        let conflict =
            first.checkpoint.height == second.checkpoint.height && first.checkpoint != second.checkpoint;
        (operator == other && conflict).then_some(Self {
            operator,
            signed,
            punished: false,
        })
    }
}

/// The folder of evidence. Clones share it.
#[derive(Clone, Debug)]
pub struct EvidenceStore {
    folder: PathBuf,
    kept: Arc<Mutex<BTreeMap<Case, Proof>>>,
}

impl EvidenceStore {
    /// Opens or creates the folder of a deployment's evidence. What proves nothing there is passed over.
    ///
    /// # Errors
    /// When the folder cannot be created or read.
    pub fn open(folder: &Path, domain: &Domain) -> Result<Self, EvidenceError> {
        fs::create_dir_all(folder).map_err(failed(folder))?;
        let mut kept = BTreeMap::new();
        for entry in fs::read_dir(folder).map_err(failed(folder))? {
            let path = entry.map_err(failed(folder))?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let text = fs::read_to_string(&path).map_err(failed(&path))?;
            let proof = serde_json::from_str(&text)
                .ok()
                .and_then(|signed| Proof::new(signed, domain));
            match proof {
                Some(mut proof) if kept.len() < MAX_EVIDENCE => {
                    proof.punished = folder.join(name(proof.case(), PUNISHED)).exists();
                    kept.insert(proof.case(), proof);
                }
                Some(_) => {}
                None => {
                    tracing::warn!(path = %path.display(), "a file of evidence proves nothing of this network")
                }
            }
        }
        Ok(Self {
            folder: folder.to_owned(),
            kept: Arc::new(Mutex::new(kept)),
        })
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<Case, Proof>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what was found, durably; returns whether it was new.
    ///
    /// # Errors
    /// When it cannot be written, or there is too much; it is then not kept.
    pub fn keep(&self, found: &Equivocation) -> Result<bool, EvidenceError> {
        let mut kept = self.kept();
        let case = (found.operator, found.first.checkpoint.height);
        if kept.contains_key(&case) {
            return Ok(false);
        }
        if kept.len() >= MAX_EVIDENCE {
            return Err(EvidenceError::Full);
        }
        let signed = [found.first, found.second];
        let path = self.folder.join(name(case, PROOF));
        let text = serde_json::to_vec_pretty(&signed).map_err(io::Error::other);
        text.and_then(|text| self.write(&path, &text))
            .map_err(failed(&path))?;
        let proof = Proof {
            operator: found.operator,
            signed,
            punished: false,
        };
        kept.insert(case, proof);
        Ok(true)
    }

    /// Notes that a case is closed for good.
    ///
    /// # Errors
    /// When that cannot be written; after a restart it is then looked up again.
    pub fn punished(&self, case: Case) -> Result<(), EvidenceError> {
        if let Some(proof) = self.kept().get_mut(&case) {
            proof.punished = true;
        }
        let path = self.folder.join(name(case, PUNISHED));
        self.write(&path, &[]).map_err(failed(&path))
    }

    /// All, by operator and height.
    #[must_use]
    pub fn all(&self) -> Vec<Proof> {
        self.kept().values().cloned().collect()
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), io::Error> {
        let part = path.with_extension("part");
        let mut file = File::create(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&part, path)?;
        File::open(&self.folder)?.sync_all()
    }
}

fn name((operator, height): Case, suffix: &str) -> String {
    format!("{operator:#x}-{height:020}{suffix}")
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> EvidenceError + use<> {
    let path = path.to_owned();
    |source| EvidenceError::File { path, source }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use alloy::signers::SignerSync as _;
    use alloy::signers::local::PrivateKeySigner;
    use rampart_protocol::{B256, Checkpoint};

    const DOMAIN: Domain = Domain {
        chain_id: 5,
        settlement: Address::repeat_byte(5),
    };

    fn signed(key: u8, height: u64, root: u8) -> SignedCheckpoint {
        let key = PrivateKeySigner::from_bytes(&B256::repeat_byte(key)).unwrap();
        let checkpoint = Checkpoint {
            epoch: 0,
            height,
            state_root: B256::repeat_byte(root),
            withdrawals_root: B256::ZERO,
            exit_root: B256::ZERO,
            inbox_count: 0,
            next_operator_set: B256::ZERO,
        };
        let signature = key.sign_hash_sync(&checkpoint.signing_hash(&DOMAIN)).unwrap();
        SignedCheckpoint {
            checkpoint,
            signature: signature.as_bytes().into(),
        }
    }

    fn found(key: u8, height: u64) -> Equivocation {
        let (first, second) = (signed(key, height, 1), signed(key, height, 2));
        Equivocation {
            operator: first.signer(&DOMAIN).unwrap(),
            first,
            second,
        }
    }

    #[test]
    fn evidence_survives_a_restart_and_so_does_that_it_was_punished() {
        let folder = tempfile::tempdir().unwrap();
        let store = EvidenceStore::open(folder.path(), &DOMAIN).unwrap();
        assert!(store.keep(&found(1, 10)).unwrap());
        assert!(!store.keep(&found(1, 10)).unwrap(), "it is known");
        assert!(store.keep(&found(1, 20)).unwrap() && store.keep(&found(2, 10)).unwrap());
        let case = (found(1, 20).operator, 20);
        store.punished(case).unwrap();
        let again = EvidenceStore::open(folder.path(), &DOMAIN).unwrap();
        assert_eq!(again.all(), store.all());
        let punished: Vec<Case> = again
            .all()
            .iter()
            .filter(|p| p.punished)
            .map(Proof::case)
            .collect();
        assert_eq!(punished, [case]);
    }

    #[test]
    fn what_proves_nothing_is_no_evidence() {
        let one = signed(1, 10, 1);
        assert!(Proof::new([one, signed(1, 10, 2)], &DOMAIN).is_some());
        for other in [one, signed(2, 10, 2), signed(1, 20, 2)] {
            assert_eq!(Proof::new([one, other], &DOMAIN), None);
        }
        let elsewhere = Domain {
            chain_id: 6,
            ..DOMAIN
        };
        let folder = tempfile::tempdir().unwrap();
        let store = EvidenceStore::open(folder.path(), &DOMAIN).unwrap();
        store.keep(&found(1, 10)).unwrap();
        fs::write(folder.path().join("nonsense.json"), "[]").unwrap();
        fs::write(folder.path().join("half.part"), "[").unwrap();
        assert_eq!(
            EvidenceStore::open(folder.path(), &DOMAIN).unwrap().all().len(),
            1
        );
        // Under another domain the two signatures are of two strangers.
        assert_eq!(EvidenceStore::open(folder.path(), &elsewhere).unwrap().all(), []);
    }
}
