//! The transaction that is on its way, on the disk: written before it is sent, so that a restart knows what to outbid.

use super::plan::Flight;
use alloy::primitives::{Address, B256, keccak256};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// What the file holds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    account: Address,
    chain: u64,
    flight: Option<Flight>,
    /// Keccak-256 over the flight's JSON.
    checksum: B256,
}

/// The file of one account on one chain.
#[derive(Clone, Debug)]
pub(super) struct FlightFile {
    path: PathBuf,
    account: Address,
    chain: u64,
}

impl FlightFile {
    pub(super) fn new(path: &Path, account: Address, chain: u64) -> Self {
        Self {
            path: path.to_owned(),
            account,
            chain,
        }
    }

    /// What is on its way. A file that is damaged or another account's counts as none: the nonce is then filled anew.
    pub(super) fn load(&self) -> Option<Flight> {
        let text = match fs::read_to_string(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            read => read.ok(),
        };
        let kept: Option<Kept> = text.and_then(|text| serde_json::from_str(&text).ok());
        let kept = kept.filter(|kept| {
            kept.account == self.account
                && kept.chain == self.chain
                && checksum(kept.flight.as_ref()).is_ok_and(|checksum| checksum == kept.checksum)
        });
        if kept.is_none() {
            tracing::warn!(path = %self.path.display(),
                "the transaction on its way is forgotten: its file is damaged or of another account or chain");
        }
        kept.and_then(|kept| kept.flight)
    }

    /// Keeps what is on its way now, durably.
    pub(super) fn store(&self, flight: Option<&Flight>) -> Result<(), io::Error> {
        let kept = Kept {
            account: self.account,
            chain: self.chain,
            flight: flight.cloned(),
            checksum: checksum(flight)?,
        };
        let part = self.path.with_extension("part");
        let mut file = File::create(&part)?;
        file.write_all(serde_json::to_string(&kept)?.as_bytes())?;
        file.sync_all()?;
        fs::rename(&part, &self.path)?;
        let folder = self.path.parent().unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    }
}

fn checksum(flight: Option<&Flight>) -> Result<B256, io::Error> {
    Ok(keccak256(serde_json::to_vec(&flight)?))
}
