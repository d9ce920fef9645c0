//! Which RPC endpoints of a chain are asked, how many must agree, and what counts as final there.
//!
//! URLs carry keys: they are in no `Debug` output and no error. What names an endpoint to people is its position and host.

use crate::error::ChainError;
use alloy::transports::http::reqwest;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Most endpoints of one chain: each is asked everything.
pub const MAX_ENDPOINTS: usize = 16;

/// The endpoints of one chain, and the quorum among them.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoints {
    urls: Vec<String>,
    quorum: usize,
}

impl Endpoints {
    /// These endpoints; without a quorum, more than half of them must agree.
    ///
    /// # Errors
    /// When there is none, or too many, one is not an HTTP URL or is named twice, or the quorum cannot be reached.
    pub fn new(urls: Vec<String>, quorum: Option<usize>) -> Result<Self, ChainError> {
        if urls.is_empty() || urls.len() > MAX_ENDPOINTS {
            return Err(ChainError::Endpoints(format!(
                "there are {}, at least 1 and at most {MAX_ENDPOINTS} can be used",
                urls.len()
            )));
        }
        for (position, url) in urls.iter().enumerate() {
            parse(url)?;
            if urls[..position].contains(url) {
                return Err(ChainError::Endpoints(format!(
                    "the {} is named before",
                    label(position, url)
                )));
            }
        }
        let quorum = quorum.unwrap_or(urls.len() / 2 + 1);
        if quorum == 0 || quorum > urls.len() {
            return Err(ChainError::Endpoints(format!(
                "a quorum of {quorum} among {} cannot be",
                urls.len()
            )));
        }
        Ok(Self { urls, quorum })
    }

    /// How many must agree.
    #[must_use]
    pub const fn quorum(&self) -> usize {
        self.quorum
    }

    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.urls.len()
    }

    /// Their URLs, with their keys: not for any log.
    pub fn urls(&self) -> impl Iterator<Item = &str> {
        self.urls.iter().map(String::as_str)
    }

    /// What an endpoint is called in logs and in the status: position from 1, and host.
    #[must_use]
    pub fn label(&self, position: usize) -> String {
        label(position, self.urls.get(position).map_or("", String::as_str))
    }
}

impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels: Vec<String> = (0..self.urls.len())
            .map(|position| self.label(position))
            .collect();
        f.debug_struct("Endpoints")
            .field("labels", &labels)
            .field("quorum", &self.quorum)
            .finish()
    }
}

fn label(position: usize, url: &str) -> String {
    let host = parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
    format!("endpoint {} ({})", position + 1, host.unwrap_or_default())
}

/// An HTTP URL; the error does not quote it.
pub(crate) fn parse(rpc: &str) -> Result<reqwest::Url, ChainError> {
    let url: reqwest::Url = rpc.parse().map_err(|error| ChainError::Url(format!("{error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(ChainError::Url(format!("the scheme is {}:", url.scheme())));
    }
    Ok(url)
}

/// Which blocks of a chain count as final.
///
/// Written `"finalized"`, `"safe"`, or a number of blocks. What is observed can never be taken back in the ledger, so this is
/// how much a chain is trusted:
///
/// - `finalized`: Ethereum's checkpoint finality, a third of all stake is lost by who reverts it; on a rollup, what its
///   L1 has finalised. The default, and the only right answer where the chain has it.
/// - `safe`: justified but not finalised; on a rollup, posted to the L1. It is reverted when the L1 is.
/// - a number of confirmations: a bet that no reorganisation is deeper, against whoever makes the blocks; on a rollup with one
///   sequencer, its word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "FinalityText", into = "FinalityText")]
pub enum Finality {
    /// The `finalized` tag.
    #[default]
    Finalized,
    /// The `safe` tag.
    Safe,
    /// So many blocks on top.
    Confirmations(u64),
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum FinalityText {
    Blocks(u64),
    Tag(String),
}

impl TryFrom<FinalityText> for Finality {
    type Error = String;

    fn try_from(text: FinalityText) -> Result<Self, String> {
        match text {
            FinalityText::Blocks(0) => {
                Err("finality of 0 confirmations would take what may be gone at once".into())
            }
            FinalityText::Blocks(blocks) => Ok(Self::Confirmations(blocks)),
            FinalityText::Tag(tag) if tag == "finalized" => Ok(Self::Finalized),
            FinalityText::Tag(tag) if tag == "safe" => Ok(Self::Safe),
            FinalityText::Tag(tag) => Err(format!(
                "finality is \"finalized\", \"safe\" or a number of confirmations, not {tag:?}"
            )),
        }
    }
}

impl From<Finality> for FinalityText {
    fn from(finality: Finality) -> Self {
        match finality {
            Finality::Finalized => Self::Tag("finalized".into()),
            Finality::Safe => Self::Tag("safe".into()),
            Finality::Confirmations(blocks) => Self::Blocks(blocks),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn urls(count: usize) -> Vec<String> {
        (0..count)
            .map(|n| format!("https://rpc{n}.example/v2/SECRETKEY"))
            .collect()
    }

    #[test]
    fn more_than_half_must_agree_unless_it_is_said_otherwise() {
        for (count, quorum) in [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3)] {
            assert_eq!(Endpoints::new(urls(count), None).unwrap().quorum(), quorum);
        }
        assert_eq!(Endpoints::new(urls(3), Some(1)).unwrap().quorum(), 1);
    }

    #[test]
    fn what_cannot_be_is_refused_and_no_url_is_ever_shown() {
        let twice = [urls(1), urls(1)].concat();
        for (urls, quorum) in [
            (urls(0), None),
            (urls(17), None),
            (twice, None),
            (urls(2), Some(0)),
            (urls(2), Some(3)),
            (vec!["wss://rpc.example/SECRETKEY".to_owned()], None),
        ] {
            let error = Endpoints::new(urls, quorum).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("SECRET"), "{error}");
        }
        let endpoints = Endpoints::new(urls(2), None).unwrap();
        assert_eq!(endpoints.label(1), "endpoint 2 (rpc1.example)");
        assert!(!format!("{endpoints:?}").contains("SECRET"));
    }

    #[test]
    fn finality_is_a_tag_or_a_number() {
        for (text, finality) in [
            ("\"finalized\"", Finality::Finalized),
            ("\"safe\"", Finality::Safe),
            ("12", Finality::Confirmations(12)),
        ] {
            assert_eq!(serde_json::from_str::<Finality>(text).unwrap(), finality);
            assert_eq!(serde_json::to_string(&finality).unwrap(), text);
        }
        for wrong in ["0", "\"latest\"", "-1", "null"] {
            assert!(serde_json::from_str::<Finality>(wrong).is_err(), "{wrong}");
        }
    }
}
