//! A purchase wallet: a directory of bought packages and the keys that use them.
//!
//! ```text
//! purchases/0x<purchase id>.json          {version, record, confirmation, accessKeyFile, sidecar}
//! purchases/keys/0x<access key>.seed      the key's seed, 32 bytes in hex; mode 0600
//! ```
//! `record` is the purchase's record as JSON, `confirmation` its canonical RLP in 0x-hex or null when it is not final
//! yet, `accessKeyFile` a path relative to the directory, `sidecar` the provider's base URL at the time of purchase.
//! The key comes first: its public part is in the signed `Purchase`, which the purchase's id is a hash of. `rampart
//! consumer buy` writes such a directory; the gateway only reads it.

use crate::durable;
use ed25519_dalek::SigningKey;
use rampart_protocol::{AccessKey, B256, Bytes, Confirmation, DecodeError, PurchaseId, PurchaseRecord};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const VERSION: u32 = 1;
/// Largest purchase file that is read, bytes: a confirmation in hex and some.
const MAX_FILE: u64 = 128 << 10;

/// Why a wallet cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WalletError {
    /// A file or directory cannot be read or written.
    #[error("cannot use {path}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// A purchase file is not in its form.
    #[error("{path} is not a purchase file")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// The confirmation in a purchase file cannot be decoded.
    #[error("the confirmation in {path} is malformed")]
    Confirmation {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: DecodeError,
    },
    /// The parts of a purchase file contradict each other.
    #[error("{path} contradicts itself: {reason}")]
    Inconsistent {
        /// The file.
        path: PathBuf,
        /// How.
        reason: &'static str,
    },
    /// A key file can be read by others than its owner.
    #[error("{0} must be readable by its owner alone (mode 0600)")]
    KeyMode(PathBuf),
    /// A key file is not 32 bytes in hex.
    #[error("{0} is not an access key's seed: 32 bytes in hex")]
    Key(PathBuf),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PurchaseFile {
    version: u32,
    record: PurchaseRecord,
    confirmation: Option<Bytes>,
    access_key_file: PathBuf,
    sidecar: String,
}

/// A purchase that can be used. Its key is in no output of `Debug`.
#[derive(Clone, Debug)]
pub struct StoredPurchase {
    /// What was bought.
    pub record: PurchaseRecord,
    /// Its proof, once it is final.
    pub confirmation: Option<Confirmation>,
    /// The key that signs its requests.
    pub access_key: SigningKey,
    /// Base URL of the provider's sidecar.
    pub sidecar: String,
}

/// A directory of purchases.
#[derive(Clone, Debug)]
pub struct Wallet {
    directory: PathBuf,
}

impl Wallet {
    /// The wallet in a directory, which need not exist yet.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    /// Stores a new access key from 32 bytes of a CSPRNG, before it is bound to a purchase.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create_key(&self, seed: [u8; 32]) -> Result<AccessKey, WalletError> {
        let seed = Zeroizing::new(seed);
        let public = public_key(&SigningKey::from_bytes(&seed));
        let path = self.directory.join(key_file(&public));
        let parent = path.parent().unwrap_or(&self.directory);
        fs::create_dir_all(parent).map_err(io_error(parent))?;
        write_seed(&path, &seed)?;
        Ok(public)
    }

    /// Makes an Ed25519 key from 32 bytes of a CSPRNG and keeps it as the access keys are.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create_key_file(path: &Path, seed: [u8; 32]) -> Result<SigningKey, WalletError> {
        let seed = Zeroizing::new(seed);
        write_seed(path, &seed)?;
        Ok(SigningKey::from_bytes(&seed))
    }

    /// Stores a purchase whose key was created before, replacing what was stored of it, and returns its file.
    ///
    /// # Errors
    /// When its key is not here or the file cannot be written.
    pub fn save(
        &self,
        record: &PurchaseRecord,
        confirmation: Option<&Confirmation>,
        sidecar: &str,
    ) -> Result<PathBuf, WalletError> {
        let access_key_file = key_file(&record.access_key);
        read_key(&self.directory.join(&access_key_file))?;
        let path = self.path(record.id);
        let file = PurchaseFile {
            version: VERSION,
            record: *record,
            confirmation: confirmation.map(|confirmation| confirmation.to_bytes().into()),
            access_key_file,
            sidecar: sidecar.to_owned(),
        };
        let text = serde_json::to_string_pretty(&file).map_err(|source| WalletError::Malformed {
            path: path.clone(),
            source,
        })?;
        durable::replace(&path, text.as_bytes(), false).map_err(io_error(&path))?;
        Ok(path)
    }

    /// The ids of all purchases, in ascending order. A directory that does not exist has none.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn list(&self) -> Result<Vec<PurchaseId>, WalletError> {
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(io_error(&self.directory)(source)),
        };
        let mut ids = Vec::new();
        for entry in entries {
            let name = entry.map_err(io_error(&self.directory))?.file_name();
            let id = name.to_str().and_then(|name| name.strip_suffix(".json"));
            ids.extend(id.and_then(|id| id.parse::<B256>().ok()).map(PurchaseId));
        }
        ids.sort_unstable();
        Ok(ids)
    }

    /// Reads a purchase and its key.
    ///
    /// # Errors
    /// When a file cannot be read, is malformed, or does not fit the others.
    pub fn load(&self, id: PurchaseId) -> Result<StoredPurchase, WalletError> {
        let path = self.path(id);
        let size = fs::metadata(&path).map_err(io_error(&path))?.len();
        if size > MAX_FILE {
            return Err(io_error(&path)(io::Error::other("the file is too large")));
        }
        let text = fs::read(&path).map_err(io_error(&path))?;
        let file: PurchaseFile = serde_json::from_slice(&text).map_err(|source| WalletError::Malformed {
            path: path.clone(),
            source,
        })?;
        let confirmation = file
            .confirmation
            .map(|bytes| Confirmation::from_bytes(&bytes))
            .transpose()
            .map_err(|source| WalletError::Confirmation {
                path: path.clone(),
                source,
            })?;
        let access_key = read_key(&self.directory.join(&file.access_key_file))?;
        let problem = if file.version != VERSION {
            Some("its version is unknown")
        } else if file.record.id != id {
            Some("the file's name is not the purchase's id")
        } else if confirmation
            .as_ref()
            .is_some_and(|proof| proof.record != file.record)
        {
            Some("the confirmation is of another record")
        } else if public_key(&access_key) != file.record.access_key {
            Some("the key file is not the record's access key")
        } else {
            None
        };
        match problem {
            Some(reason) => Err(WalletError::Inconsistent { path, reason }),
            None => Ok(StoredPurchase {
                record: file.record,
                confirmation,
                access_key,
                sidecar: file.sidecar,
            }),
        }
    }

    fn path(&self, id: PurchaseId) -> PathBuf {
        self.directory.join(format!("{:#x}.json", id.0))
    }
}

fn key_file(key: &AccessKey) -> PathBuf {
    Path::new("keys").join(format!("{:#x}.seed", key.0))
}

/// The public part, as a purchase names it.
#[must_use]
pub fn public_key(key: &SigningKey) -> AccessKey {
    AccessKey(B256::new(key.verifying_key().to_bytes()))
}

fn write_seed(path: &Path, seed: &Zeroizing<[u8; 32]>) -> Result<(), WalletError> {
    let text = Zeroizing::new(format!(
        "{}\n",
        Zeroizing::new(alloy::hex::encode(seed.as_slice())).as_str()
    ));
    durable::replace(path, text.as_bytes(), true).map_err(io_error(path))
}

/// Reads an access key: a file with 32 bytes in hex that its owner alone may read.
///
/// # Errors
/// When it cannot be read, may be read by others, or holds something else. The content is in no error.
pub fn read_key(path: &Path) -> Result<SigningKey, WalletError> {
    let metadata = fs::metadata(path).map_err(io_error(path))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if metadata.permissions().mode() & 0o077 != 0 {
            return Err(WalletError::KeyMode(path.to_owned()));
        }
    }
    if metadata.len() > 128 {
        return Err(WalletError::Key(path.to_owned()));
    }
    let bytes = Zeroizing::new(fs::read(path).map_err(io_error(path))?);
    let mut seed = Zeroizing::new([0_u8; 32]);
    alloy::hex::decode_to_slice(bytes.trim_ascii(), seed.as_mut_slice())
        .map_err(|_| WalletError::Key(path.to_owned()))?;
    Ok(SigningKey::from_bytes(&seed))
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> WalletError + '_ {
    |source| WalletError::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests;
