//! Lists of malicious addresses, each entry with where it comes from.
//!
//! A list is JSON in the form of `lists/addresses.json`: `{name, version, description, entries: [{address, label,
//! category, source, url, added}]}`. An administrator's own lists have the same form. Addresses must carry a right
//! EIP-55 checksum, so that a mistyped address is an error at the start and not a hole in the list.

use alloy::primitives::Address;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The reference list that ships with the vendor.
pub const REFERENCE: &str = include_str!("../lists/addresses.json");

/// Why an address list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AddressListError {
    /// The file cannot be read.
    #[error("cannot read the address list {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The file is not a list in this form.
    #[error("the address list {name} is malformed")]
    Malformed {
        /// The file, or `reference`.
        name: String,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// An address lacks a right EIP-55 checksum.
    #[error("the address list {name} has {address}, which is not an address with a right EIP-55 checksum")]
    Checksum {
        /// The list.
        name: String,
        /// The text.
        address: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListFile {
    name: String,
    version: String,
    #[serde(rename = "description", default)]
    _description: String,
    entries: Vec<EntryFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryFile {
    address: String,
    label: String,
    category: String,
    source: String,
    #[serde(default)]
    url: Option<String>,
    added: String,
}

/// What is known of a listed address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Who or what it is.
    pub label: String,
    /// Kind, such as `sanctioned` or `theft`.
    pub category: String,
    /// Who says so.
    pub source: String,
    /// Where it can be looked up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Date of the listing, `YYYY-MM-DD`.
    pub added: String,
    /// Name and version of the list.
    pub list: String,
}

/// Every listed address. Where lists overlap, the first one loaded speaks.
#[derive(Clone, Debug, Default)]
pub struct AddressBook {
    entries: BTreeMap<Address, Entry>,
}

impl AddressBook {
    /// Adds the reference list.
    ///
    /// # Errors
    /// Never with an unchanged source tree; a test reads the list.
    pub fn add_reference(&mut self) -> Result<(), AddressListError> {
        self.add(REFERENCE, "reference")
    }

    /// Adds the list in a file.
    ///
    /// # Errors
    /// When it cannot be read, is malformed, or has an address with a wrong checksum.
    pub fn add_file(&mut self, path: &Path) -> Result<(), AddressListError> {
        let text = std::fs::read_to_string(path).map_err(|source| AddressListError::Read {
            path: path.to_owned(),
            source,
        })?;
        self.add(&text, &path.display().to_string())
    }

    fn add(&mut self, text: &str, name: &str) -> Result<(), AddressListError> {
        let file: ListFile = serde_json::from_str(text).map_err(|source| AddressListError::Malformed {
            name: name.to_owned(),
            source,
        })?;
        let list = format!("{} {}", file.name, file.version);
        for entry in file.entries {
            let address =
                Address::parse_checksummed(&entry.address, None).map_err(|_| AddressListError::Checksum {
                    name: name.to_owned(),
                    address: entry.address.clone(),
                })?;
            self.entries.entry(address).or_insert(Entry {
                label: entry.label,
                category: entry.category,
                source: entry.source,
                url: entry.url,
                added: entry.added,
                list: list.clone(),
            });
        }
        Ok(())
    }

    /// What is known of an address, if it is listed.
    #[must_use]
    pub fn get(&self, address: &Address) -> Option<&Entry> {
        self.entries.get(address)
    }

    /// How many addresses are listed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is listed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use alloy::primitives::address;

    #[test]
    fn the_reference_list_is_checksummed_and_says_where_each_entry_comes_from() {
        let mut book = AddressBook::default();
        book.add_reference().unwrap();
        assert!(book.len() >= 60);
        for (address, entry) in &book.entries {
            for text in [&entry.label, &entry.category, &entry.source] {
                assert!(!text.is_empty(), "{address}");
            }
            assert!(
                entry.url.as_ref().is_some_and(|url| url.starts_with("https://")),
                "{address}"
            );
            assert_eq!(entry.added.len(), 10, "{address}");
        }
        let ronin = address!("0x098B716B8Aaf21512996dC57EB0615e2383E2f96");
        assert_eq!(book.get(&ronin).unwrap().category, "sanctioned");
    }

    #[test]
    fn refuses_an_address_with_a_wrong_checksum() {
        let text = REFERENCE.replace("0x098B", "0x098b");
        let error = AddressBook::default().add(&text, "mine").unwrap_err();
        assert!(matches!(error, AddressListError::Checksum { .. }), "{error}");
    }

    #[test]
    fn an_own_list_adds_to_the_reference_and_the_first_speaks() {
        let mut book = AddressBook::default();
        book.add_reference().unwrap();
        let before = book.len();
        let own = r#"{"name":"own","version":"1","entries":[
            {"address":"0x5FbDB2315678afecb367f032d93F642f64180aa3","label":"x","category":"scam","source":"me","added":"2026-01-01"},
            {"address":"0x098B716B8Aaf21512996dC57EB0615e2383E2f96","label":"x","category":"scam","source":"me","added":"2026-01-01"}]}"#;
        book.add(own, "own").unwrap();
        assert_eq!(book.len(), before + 1);
        let ronin = address!("0x098B716B8Aaf21512996dC57EB0615e2383E2f96");
        assert_eq!(book.get(&ronin).unwrap().category, "sanctioned");
    }

    #[test]
    fn refuses_text_that_is_no_list() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"name":"a","version":"1","entries":[{"address":"0x"}]}"#,
        ] {
            assert!(AddressBook::default().add(text, "x").is_err(), "{text}");
        }
    }
}
