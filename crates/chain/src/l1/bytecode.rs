//! Bytecode of EigenLayer's core, for development and tests only: it is not ours and not shipped. `cargo xtask core`
//! fetches and checks it. On a public network the core is there already.

use alloy::primitives::Bytes;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Creation code of the core's contracts, by name.
#[derive(Clone, Deserialize)]
pub struct CoreBytecode {
    version: String,
    bytecode: BTreeMap<String, Bytes>,
}

/// Why there is no bytecode.
#[derive(Debug, thiserror::Error)]
pub enum BytecodeError {
    /// The file cannot be read.
    #[error("{path} cannot be read; `cargo xtask core` makes it: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not what `cargo xtask core` writes.
    #[error("{path} is not what `cargo xtask core` writes; remove it and run that: {source}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A contract is not in it.
    #[error("the file of EigenLayer's core has no {0}; remove it and run `cargo xtask core`")]
    Absent(&'static str),
}

impl CoreBytecode {
    /// Reads the file that `cargo xtask core` writes.
    ///
    /// # Errors
    /// When it cannot be read or is something else.
    pub fn load(path: &Path) -> Result<Self, BytecodeError> {
        let text = std::fs::read_to_string(path).map_err(|source| BytecodeError::Read {
            path: path.to_owned(),
            source,
        })?;
        serde_json::from_str(&text).map_err(|source| BytecodeError::Malformed {
            path: path.to_owned(),
            source,
        })
    }

    /// What the contracts are told to be, as EigenLayer writes it, such as `v1.3.0`: signatures bind it.
    pub(super) fn version(&self) -> String {
        format!("v{}", self.version)
    }

    pub(super) fn of(&self, name: &'static str) -> Result<Bytes, BytecodeError> {
        self.bytecode
            .get(name)
            .cloned()
            .ok_or(BytecodeError::Absent(name))
    }
}

impl std::fmt::Debug for CoreBytecode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CoreBytecode")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}
