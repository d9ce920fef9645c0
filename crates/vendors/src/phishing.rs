//! Is this domain a phishing site? Judged from the list of the npm package `eth-phishing-detect`.
//!
//! The list has domains that are good (`whitelist`), domains that are bad (`blacklist`), names that phishing sites
//! imitate (`fuzzylist`) and a `tolerance`. The algorithm, with the list's semantics in our own code:
//!
//! 1. The domain is brought to its ASCII form: lower case, IDNA (UTS #46) to punycode, no port, no trailing dot.
//! 2. If it or a parent domain is good, it is good. Goodness goes first, so that a good site cannot be imitated to death.
//! 3. If it or a parent domain is bad, it is listed.
//! 4. Otherwise its last label and a leading `www.` are dropped, and the rest is compared with every imitated name
//!    (its last label dropped too) by Levenshtein distance over bytes. A distance of at most `tolerance` is similar.
//! 5. An internationalised label that reads like an imitated name once look-alike letters are folded is similar too.

use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Longest domain that is read, bytes (RFC 1035 permits 253).
pub const MAX_DOMAIN: usize = 253;

/// Why a phishing list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PhishingListError {
    /// The file cannot be read.
    #[error(
        "cannot read the phishing list {path}; it is installed by `npm ci --ignore-scripts` in crates/vendors/lists"
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The file is not a list in this form.
    #[error("the phishing list {path} is malformed")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
}

#[derive(Deserialize)]
struct ListFile {
    #[serde(default)]
    version: serde_json::Value,
    #[serde(default)]
    tolerance: usize,
    #[serde(default)]
    fuzzylist: Vec<String>,
    #[serde(default, alias = "allowlist")]
    whitelist: Vec<String>,
    #[serde(alias = "blocklist")]
    blacklist: Vec<String>,
}

/// What the list says of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DomainVerdict {
    /// On the list of good domains, by this entry.
    Good(String),
    /// On the list of bad domains, by this entry.
    Listed(String),
    /// Resembles this imitated domain.
    Similar {
        /// The imitated domain.
        target: String,
        /// Levenshtein distance; 0 when only look-alike letters differ.
        distance: usize,
    },
    /// Nothing is known.
    Unknown,
}

/// A text that is no domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a domain name")]
pub struct NotADomain;

/// The list, indexed.
#[derive(Clone, Debug)]
pub struct PhishingList {
    version: String,
    tolerance: usize,
    good: BTreeSet<String>,
    bad: BTreeSet<String>,
    imitated: Vec<Imitated>,
}

#[derive(Clone, Debug)]
struct Imitated {
    domain: String,
    form: String,
}

impl PhishingList {
    /// Reads `config.json` of `eth-phishing-detect`.
    ///
    /// # Errors
    /// When it cannot be read or is malformed.
    pub fn read(path: &Path) -> Result<Self, PhishingListError> {
        let text = std::fs::read(path).map_err(|source| PhishingListError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text).map_err(|source| PhishingListError::Malformed {
            path: path.to_owned(),
            source,
        })
    }

    /// Parses the text of `config.json`.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn parse(text: &[u8]) -> Result<Self, serde_json::Error> {
        let file: ListFile = serde_json::from_slice(text)?;
        let imitated = file.fuzzylist.into_iter().map(|domain| Imitated {
            form: fuzzy_form(&domain).to_owned(),
            domain,
        });
        Ok(Self {
            version: file.version.to_string(),
            tolerance: file.tolerance,
            imitated: imitated.collect(),
            good: file.whitelist.into_iter().collect(),
            bad: file.blacklist.into_iter().collect(),
        })
    }

    /// The list's own version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// How many bad domains are listed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bad.len()
    }

    /// Whether no bad domain is listed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bad.is_empty()
    }

    /// Judges a domain in its ASCII form, see [`normalise`].
    #[must_use]
    pub fn check(&self, domain: &str) -> DomainVerdict {
        if let Some(entry) = listed(&self.good, domain) {
            return DomainVerdict::Good(entry);
        }
        if let Some(entry) = listed(&self.bad, domain) {
            return DomainVerdict::Listed(entry);
        }
        let form = fuzzy_form(domain);
        let folded = folded(form);
        for imitated in &self.imitated {
            let distance = if folded.as_deref() == Some(&*imitated.form) {
                Some(0)
            } else {
                levenshtein_within(form.as_bytes(), imitated.form.as_bytes(), self.tolerance)
            };
            if let Some(distance) = distance {
                return DomainVerdict::Similar {
                    target: imitated.domain.clone(),
                    distance,
                };
            }
        }
        DomainVerdict::Unknown
    }
}

/// The domain of a domain name or an origin (`https://example.org:8080`), in ASCII form.
///
/// # Errors
/// When there is none, as in an IP address or an opaque origin.
pub fn normalise(text: &str) -> Result<String, NotADomain> {
    if text.len() > 4 * MAX_DOMAIN {
        return Err(NotADomain);
    }
    let host = if text.contains("://") {
        url::Url::parse(text)
            .ok()
            .and_then(|url| url.host().map(|host| host.to_owned()))
            .ok_or(NotADomain)?
    } else {
        url::Host::parse(text.trim()).map_err(|_| NotADomain)?
    };
    match host {
        url::Host::Domain(domain) => {
            let domain = domain.trim_end_matches('.').to_ascii_lowercase();
            let fits = !domain.is_empty() && domain.len() <= MAX_DOMAIN;
            if fits { Ok(domain) } else { Err(NotADomain) }
        }
        url::Host::Ipv4(_) | url::Host::Ipv6(_) => Err(NotADomain),
    }
}

/// The entry of `list` that is the domain or a parent of it.
fn listed(list: &BTreeSet<String>, domain: &str) -> Option<String> {
    let mut rest = domain;
    loop {
        if list.contains(rest) {
            return Some(rest.to_owned());
        }
        (_, rest) = rest.split_once('.')?;
    }
}

/// The domain without its last label and without a leading `www.`.
fn fuzzy_form(domain: &str) -> &str {
    let form = domain.rsplit_once('.').map_or(domain, |(form, _)| form);
    form.strip_prefix("www.").unwrap_or(form)
}

/// The form with its internationalised labels folded to the ASCII letters that they look like; none without such.
fn folded(form: &str) -> Option<String> {
    if !form.contains("xn--") {
        return None;
    }
    let unicode = url::quirks::domain_to_unicode(form);
    Some(unicode.chars().map(look_alike).collect())
}

/// The ASCII letter that a letter is taken for. Cyrillic, Greek and accented Latin letters seen in phishing domains.
const fn look_alike(letter: char) -> char {
    match letter {
        'а' | 'ạ' | 'á' | 'à' | 'ä' | 'â' | 'å' | 'ã' | 'ą' | 'α' => 'a',
        'с' | 'ç' | 'ć' | 'č' | 'ċ' => 'c',
        'ԁ' | 'đ' | 'ḍ' => 'd',
        'е' | 'ẹ' | 'é' | 'è' | 'ë' | 'ê' | 'ė' | 'ę' | 'ε' => 'e',
        'һ' | 'ḥ' => 'h',
        'і' | 'ị' | 'í' | 'ì' | 'ï' | 'î' | 'ı' | 'ι' => 'i',
        'ј' => 'j',
        'κ' | 'к' | 'ķ' | 'ḳ' => 'k',
        'ӏ' | 'ł' | 'ḷ' | 'ļ' => 'l',
        'м' | 'ṃ' => 'm',
        'п' | 'ṇ' | 'ñ' | 'ń' | 'ň' | 'η' => 'n',
        'о' | 'ọ' | 'ó' | 'ò' | 'ö' | 'ô' | 'õ' | 'ø' | 'ο' => 'o',
        'р' | 'ρ' => 'p',
        'г' | 'ŕ' | 'ř' => 'r',
        'ѕ' | 'ṣ' | 'ś' | 'š' | 'ş' => 's',
        'т' | 'ṭ' | 'ť' | 'ţ' | 'τ' => 't',
        'υ' | 'ụ' | 'ú' | 'ù' | 'ü' | 'û' => 'u',
        'ν' | 'ѵ' => 'v',
        'ԝ' | 'ω' | 'ẉ' | 'ŵ' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'ý' | 'ÿ' | 'γ' => 'y',
        'ẓ' | 'ž' | 'ż' | 'ź' => 'z',
        other => other,
    }
}

/// The Levenshtein distance of two texts if it is at most `limit`.
///
/// One row of the Wagner-Fischer table; it stops at the first row whose least value exceeds the limit, so an
/// unrelated domain costs a few rows.
fn levenshtein_within(a: &[u8], b: &[u8], limit: usize) -> Option<usize> {
    if limit == 0 || a.len().abs_diff(b.len()) > limit {
        return None;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, byte_a) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        let mut least = row[0];
        for (j, byte_b) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(byte_a != byte_b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
            least = least.min(row[j + 1]);
        }
        if least > limit {
            return None;
        }
    }
    row.last().copied().filter(|distance| *distance <= limit)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn list() -> PhishingList {
        PhishingList::parse(
            br#"{"version":2,"tolerance":2,"fuzzylist":["metamask.io","myetherwallet.com"],
            "whitelist":["metamask.io","metavas.com"],"blacklist":["metamask-login.example","evil.org"]}"#,
        )
        .unwrap()
    }

    #[test]
    fn judges_domains_by_entry_parent_and_similarity() {
        let list = list();
        let similar = |target: &str, distance| DomainVerdict::Similar {
            target: target.into(),
            distance,
        };
        for (domain, expected) in [
            ("metamask.io", DomainVerdict::Good("metamask.io".into())),
            ("portfolio.metamask.io", DomainVerdict::Good("metamask.io".into())),
            ("metavas.com", DomainVerdict::Good("metavas.com".into())),
            ("evil.org", DomainVerdict::Listed("evil.org".into())),
            ("a.b.evil.org", DomainVerdict::Listed("evil.org".into())),
            ("notevil.org", DomainVerdict::Unknown),
            ("org", DomainVerdict::Unknown),
            ("rnetamask.com", similar("metamask.io", 2)),
            ("www.metamask.tk", similar("metamask.io", 0)),
            ("myetherwalet.com", similar("myetherwallet.com", 1)),
            ("example.com", DomainVerdict::Unknown),
        ] {
            assert_eq!(list.check(domain), expected, "{domain}");
        }
    }

    #[test]
    fn sees_through_look_alike_letters() {
        // Five Cyrillic letters: further from the name than the tolerance, in punycode and in letters.
        let domain = normalise("mетаmаѕк.io").unwrap();
        assert!(domain.starts_with("xn--"), "{domain}");
        let verdict = list().check(&domain);
        assert_eq!(
            verdict,
            DomainVerdict::Similar {
                target: "metamask.io".into(),
                distance: 0
            }
        );
    }

    #[test]
    fn normalises_origins_and_names() {
        for (text, domain) in [
            ("https://Example.ORG:8443/path", "example.org"),
            ("EXAMPLE.org.", "example.org"),
            ("bücher.example", "xn--bcher-kva.example"),
        ] {
            assert_eq!(normalise(text).as_deref(), Ok(domain), "{text}");
        }
        let long = "a".repeat(5000);
        for text in [
            "",
            "null",
            "http://127.0.0.1",
            "127.0.0.1",
            "[::1]",
            "a b.com",
            "https://",
            &long,
        ] {
            let result = normalise(text);
            assert!(result == Err(NotADomain) || text == "null", "{text}: {result:?}");
        }
    }

    #[test]
    fn the_distance_agrees_with_the_full_table() {
        fn full(a: &[u8], b: &[u8]) -> usize {
            match (a.split_last(), b.split_last()) {
                (None, _) => b.len(),
                (_, None) => a.len(),
                (Some((x, a1)), Some((y, b1))) => (full(a1, b1) + usize::from(x != y))
                    .min(full(a1, b) + 1)
                    .min(full(a, b1) + 1),
            }
        }
        let words = [
            "", "a", "ab", "ba", "abc", "acb", "opensea", "opensae", "openseas", "pensea",
        ];
        for a in words {
            for b in words {
                for limit in 1..4 {
                    let (a, b) = (a.as_bytes(), b.as_bytes());
                    let expected = Some(full(a, b)).filter(|d| *d <= limit);
                    assert_eq!(levenshtein_within(a, b, limit), expected);
                }
            }
        }
    }

    #[test]
    fn refuses_text_that_is_no_list() {
        assert!(PhishingList::parse(b"[]").is_err());
        assert!(PhishingList::parse(b"{\"blacklist\":1}").is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_domain_or_refused(text: String) {
            if let Ok(domain) = normalise(&text) {
                proptest::prop_assert!(domain.len() <= MAX_DOMAIN);
                let _ = list().check(&domain);
            }
        }
    }
}
