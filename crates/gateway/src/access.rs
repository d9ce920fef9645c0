//! Who calls, and what it may choose (N3): which policy, or which services, within what the administrator allows, and how much.
//! Pure: time is an argument.
//!
//! Without `[[clients]]` anyone who reaches the port is served under `[policy]`. With them, a call needs a key unless one
//! of them has none. A choice takes the place of `[policy]` alone: `[[rules]]` go before it as ever.

use crate::rules::{Rule, Rules};
use alloy::primitives::B256;
use hyper::header::{AUTHORIZATION, HeaderMap};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A client, `[[clients]]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientConfig {
    /// Name in logs and decisions; unique.
    pub name: String,
    /// SHA-256 of its API key. None: whoever shows no key.
    #[serde(default)]
    pub key_sha256: Option<B256>,
    /// `[policies]` that it may choose; the first applies when it chooses none. None: `[policy]`.
    #[serde(default)]
    pub policies: Vec<String>,
    /// Services that it may choose from, instead of those of its policy.
    #[serde(default)]
    pub services: BTreeSet<String>,
    /// Calls a second, those of a batch each counted. None: without limit.
    #[serde(default)]
    pub calls_per_second: Option<u32>,
    /// Transactions, and other things screened, a minute. None: without limit.
    #[serde(default)]
    pub screenings_per_minute: Option<u32>,
}

/// What a request says of its sender and its wishes.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    key: Option<String>,
    policy: Option<String>,
    services: BTreeSet<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("policy", &self.policy)
            .field("services", &self.services)
            .finish_non_exhaustive()
    }
}

/// Why a request is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// There is nothing at the path.
    #[error("there is nothing at this path; JSON-RPC is at /")]
    Path,
    /// The same is said twice, and differently.
    #[error("path and fields of the request disagree on {0}")]
    Ambiguous(&'static str),
    /// No key, or one of nobody.
    #[error("this gateway takes calls with a known API key only")]
    Key,
    /// The policy is not one that this client may choose.
    #[error("this client may not choose that policy")]
    Policy,
    /// A service is not one that this client may choose, or too few are chosen for the policy's mode.
    #[error("this client may not choose those services")]
    Services,
}

impl AccessError {
    /// The stable reason in the error's data.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Path => "NOT_FOUND",
            Self::Ambiguous(_) => "AMBIGUOUS_CHOICE",
            Self::Key => "API_KEY",
            Self::Policy => "POLICY_NOT_ALLOWED",
            Self::Services => "SERVICES_NOT_ALLOWED",
        }
    }
}

impl Credentials {
    /// Reads a request's path, `/`, `/key/KEY`, `/policy/NAME` or `/key/KEY/policy/NAME`, and its fields `Authorization:
    /// Bearer KEY` or `X-Api-Key`, `Rampart-Policy`, `Rampart-Services` (names with commas between).
    pub fn read(path: &str, headers: &HeaderMap) -> Result<Self, AccessError> {
        let mut credentials = Self::default();
        let mut segments = path.strip_prefix('/').ok_or(AccessError::Path)?.split('/');
        let mut first = segments.next();
        if first == Some("key") {
            credentials.key = Some(named(segments.next())?);
            first = segments.next();
        }
        match first {
            Some("policy") => credentials.policy = Some(named(segments.next())?),
            None | Some("") => {}
            Some(_) => return Err(AccessError::Path),
        }
        if segments.any(|rest| !rest.is_empty()) {
            return Err(AccessError::Path);
        }
        let field = |name: &str| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::trim)
        };
        let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bearer = bearer.and_then(|value| value.split_once(' '));
        let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        for key in [bearer.map(|(_, key)| key.trim()), field("x-api-key")] {
            agree(&mut credentials.key, key, "the API key")?;
        }
        agree(&mut credentials.policy, field("rampart-policy"), "the policy")?;
        let services = field("rampart-services")
            .unwrap_or_default()
            .split(',')
            .map(str::trim);
        credentials.services = services
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect();
        Ok(credentials)
    }
}

fn named(segment: Option<&str>) -> Result<String, AccessError> {
    let segment = segment.filter(|segment| !segment.is_empty());
    segment.map(str::to_owned).ok_or(AccessError::Path)
}

fn agree(known: &mut Option<String>, said: Option<&str>, what: &'static str) -> Result<(), AccessError> {
    match (&known, said) {
        (Some(known), Some(said)) if known != said => return Err(AccessError::Ambiguous(what)),
        (None, Some(said)) => *known = Some(said.to_owned()),
        _ => {}
    }
    Ok(())
}

/// A request's sender, and what applies to what it sends where no rule does.
#[derive(Clone, Debug)]
pub struct Caller<'a> {
    /// None where there are no `[[clients]]`.
    pub client: Option<&'a ClientConfig>,
    /// What applies to a transaction that no rule matches.
    pub policy: Cow<'a, Rule>,
}

/// All clients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clients {
    by_key: BTreeMap<Option<B256>, ClientConfig>,
}

impl Clients {
    /// Checks clients against the rules and the services' names; the error names what makes no sense.
    pub fn new(clients: &[ClientConfig], rules: &Rules, services: &BTreeSet<String>) -> Result<Self, String> {
        let mut by_key = BTreeMap::new();
        let mut names = BTreeSet::new();
        for client in clients {
            let fail = |reason: &str| Err(format!("client {:?}: {reason}", client.name));
            if client.name.is_empty() || !names.insert(&client.name) {
                return fail("the name is empty or used twice");
            }
            if client
                .policies
                .iter()
                .any(|name| rules.policy(Some(name)).is_none())
            {
                return fail("it names a policy that is not there");
            }
            if !client.services.is_subset(services) {
                return fail("it names a service that is not there");
            }
            if client.calls_per_second == Some(0) || client.screenings_per_minute == Some(0) {
                return fail("a limit of nothing is no limit; leave the client out");
            }
            if by_key.insert(client.key_sha256, client.clone()).is_some() {
                return fail("another client has the same key, or none either");
            }
        }
        Ok(Self { by_key })
    }

    /// Who calls and what applies to it.
    pub fn caller<'a>(&'a self, rules: &'a Rules, asked: &Credentials) -> Result<Caller<'a>, AccessError> {
        let client = if self.by_key.is_empty() {
            None
        } else {
            let digest = asked
                .key
                .as_ref()
                .map(|key| B256::from_slice(&Sha256::digest(key)));
            Some(self.by_key.get(&digest).ok_or(AccessError::Key)?)
        };
        let allowed = client.map_or(&[][..], |client| &client.policies);
        let name = match &asked.policy {
            Some(name) if allowed.contains(name) => Some(name),
            Some(_) => return Err(AccessError::Policy),
            None => allowed.first(),
        };
        let policy = rules
            .policy(name.map(String::as_str))
            .ok_or(AccessError::Policy)?;
        if asked.services.is_empty() {
            let policy = Cow::Borrowed(policy);
            return Ok(Caller { client, policy });
        }
        let choosable = client.is_some_and(|client| asked.services.is_subset(&client.services));
        if !choosable || policy.policy.contradiction(&asked.services).is_some() {
            return Err(AccessError::Services);
        }
        let mut policy = policy.clone();
        policy.services.clone_from(&asked.services);
        let policy = Cow::Owned(policy);
        Ok(Caller { client, policy })
    }
}

/// What is counted of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counted {
    /// JSON-RPC calls.
    Calls,
    /// Things screened.
    Screenings,
}

/// A token bucket: it fills steadily up to its size.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    filled: Duration,
}

/// What each client used of its limits, by its name, so that a reload forgets nothing.
#[derive(Debug, Default)]
pub struct Usage(Mutex<BTreeMap<(String, Counted), Bucket>>);

impl Usage {
    /// Takes `amount` at `now` (since the epoch), or nothing if that is more than is left. `burst` is what may be
    /// taken at once of calls beyond a second's worth, so that a full batch is never too much.
    pub fn take(
        &self,
        client: &ClientConfig,
        counted: Counted,
        amount: usize,
        burst: usize,
        now: Duration,
    ) -> bool {
        let (rate, size) = match counted {
            Counted::Calls => match client.calls_per_second {
                Some(limit) => (f64::from(limit), f64::from(limit).max(float(burst))),
                None => return true,
            },
            Counted::Screenings => match client.screenings_per_minute {
                Some(limit) => (f64::from(limit) / 60.0, f64::from(limit)),
                None => return true,
            },
        };
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let full = Bucket {
            tokens: size,
            filled: now,
        };
        let bucket = buckets.entry((client.name.clone(), counted)).or_insert(full);
        let elapsed = now.saturating_sub(bucket.filled).as_secs_f64();
        bucket.tokens = (bucket.tokens + elapsed * rate).min(size);
        bucket.filled = now;
        let enough = bucket.tokens >= float(amount);
        if enough {
            bucket.tokens -= float(amount);
        }
        enough
    }
}

/// A count as a number of tokens.
fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests;
