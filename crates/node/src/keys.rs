//! An operator's two keys, from its files: the Ed25519 key that votes in consensus, and the secp256k1 key that signs
//! checkpoints and pays for them on the L2.
//!
//! Both may be Web3 keystores under one password; the consensus key may also be 64 hexadecimal digits in a file that only
//! its owner can read. Where the password comes from when no file holds it is the caller's: a person at a terminal.

use crate::config::{ConfigError, NodeConfig, read_secret};
use alloy::signers::local::PrivateKeySigner;
use commonware_codec::DecodeExt as _;
use commonware_cryptography::ed25519::PrivateKey;
use rampart_protocol::B256;
use std::fmt;
use std::path::{Path, PathBuf};

/// Why the keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file cannot be read, is exposed, or holds no key.
    #[error(transparent)]
    File(#[from] ConfigError),
    /// A keystore cannot be unlocked.
    #[error("the keystore {path} cannot be unlocked")]
    Keystore {
        /// The keystore.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<alloy::signers::local::LocalSignerError>,
    },
    /// The password was asked for and not given.
    #[error("no password: set checkpoint_password_file, or start at a terminal")]
    Password(#[source] std::io::Error),
}

/// An operator's keys. `Debug` tells neither.
#[derive(Clone)]
pub struct Keys {
    pub(crate) consensus: PrivateKey,
    pub(crate) checkpoint: PrivateKeySigner,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("checkpoint", &self.checkpoint.address())
            .finish_non_exhaustive()
    }
}

impl Keys {
    /// Reads and unlocks the keys that a configuration names; `ask` gives the password when no file does.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn unlock(
        config: &NodeConfig,
        ask: impl FnOnce() -> std::io::Result<String>,
    ) -> Result<Self, KeyError> {
        let password = match &config.checkpoint_password_file {
            Some(path) => read_secret(path)?,
            None => ask().map_err(KeyError::Password)?,
        };
        let seed = consensus_seed(&config.consensus_key_file, || Ok(password.clone()))?;
        Ok(Self {
            consensus: PrivateKey::decode(seed.to_vec())
                .map_err(|_| not_a_key(&config.consensus_key_file))?,
            checkpoint: decrypt(&config.checkpoint_keystore, &password)?,
        })
    }

    /// Reads and unlocks the keys without anybody to ask.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn from_files(config: &NodeConfig) -> Result<Self, KeyError> {
        Self::unlock(config, || Err(std::io::ErrorKind::Unsupported.into()))
    }

    /// The Ed25519 public key that votes.
    #[must_use]
    pub fn consensus_key(&self) -> B256 {
        use commonware_cryptography::Signer as _;
        crate::block::key_bytes(&self.consensus.public_key())
    }

    /// The address of the key that signs checkpoints.
    #[must_use]
    pub const fn checkpoint_key(&self) -> rampart_protocol::Address {
        self.checkpoint.address()
    }
}

/// The seed of a consensus key (RFC 8032), from a Web3 keystore or from 64 hexadecimal digits. `password` is asked for when
/// the file is a keystore.
///
/// # Errors
/// When the file cannot be read, is exposed, holds neither, or the password is wrong.
pub fn consensus_seed(
    path: &Path,
    password: impl FnOnce() -> std::io::Result<String>,
) -> Result<B256, KeyError> {
    let text = read_secret(path)?;
    if text.starts_with('{') {
        let password = password().map_err(KeyError::Password)?;
        return Ok(decrypt(path, &password)?.to_bytes());
    }
    text.parse().map_err(|_| not_a_key(path).into())
}

fn not_a_key(path: &Path) -> ConfigError {
    ConfigError::Invalid {
        path: path.to_owned(),
        reason: "expected a Web3 keystore or 64 hexadecimal digits".to_owned(),
    }
}

pub(crate) fn decrypt(path: &Path, password: &str) -> Result<PrivateKeySigner, KeyError> {
    PrivateKeySigner::decrypt_keystore(path, password).map_err(|source| KeyError::Keystore {
        path: path.to_owned(),
        source: Box::new(source),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;
    use tempfile::TempDir;

    fn secret(folder: &TempDir, text: &str) -> PathBuf {
        let path = folder.path().join("consensus.key");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    #[test]
    fn a_consensus_key_is_read_from_digits_without_a_password() {
        let folder = TempDir::new().unwrap();
        let path = secret(&folder, &"0b".repeat(32));
        let seed = consensus_seed(&path, || Err(std::io::ErrorKind::Unsupported.into())).unwrap();
        assert_eq!(seed, B256::repeat_byte(11));
    }

    #[test]
    fn a_consensus_key_is_read_from_a_keystore_by_its_password_only() {
        let folder = TempDir::new().unwrap();
        let mut random = alloy::signers::k256::elliptic_curve::rand_core::OsRng;
        PrivateKeySigner::encrypt_keystore(folder.path(), &mut random, [11; 32], "pass", Some("store"))
            .unwrap();
        let store = std::fs::read_to_string(folder.path().join("store")).unwrap();
        assert!(!store.contains(&"0b".repeat(32)));
        let path = secret(&folder, &store);
        assert_eq!(
            consensus_seed(&path, || Ok("pass".to_owned())).unwrap(),
            B256::repeat_byte(11)
        );
        let error = consensus_seed(&path, || Ok("word".to_owned())).unwrap_err();
        assert!(matches!(error, KeyError::Keystore { .. }), "{error}");
        let error = consensus_seed(&path, || Err(std::io::ErrorKind::Unsupported.into())).unwrap_err();
        assert!(matches!(error, KeyError::Password(_)), "{error}");
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_quoted() {
        let folder = TempDir::new().unwrap();
        for text in ["", "0b0b", "{}", "hush hush", &"zz".repeat(32)] {
            let error = consensus_seed(&secret(&folder, text), || Ok("pass".to_owned())).unwrap_err();
            let said = format!("{error} {error:?}");
            assert!(!said.contains("hush") && !said.contains("zzz"), "{said}");
        }
    }
}
