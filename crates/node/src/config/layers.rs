//! Settings that come before those of a configuration's file: of the environment, and of flags before these.
//!
//! Decides how a setting is named and how its text becomes a value; which settings there are is the configuration's own
//! matter. A value is never quoted in an error: it may be an endpoint's URL with its key.

use super::ConfigError;
use std::path::Path;
use toml::{Table, Value};

/// Variables of the environment with this prefix are settings: `RAMPART_NODE__L2_RPC`, and two underscores for each level
/// below, `RAMPART_NODE__DUTIES__PROBES`.
pub const ENV_PREFIX: &str = "RAMPART_NODE__";

/// One setting that comes before the file's.
#[derive(Clone, PartialEq, Eq)]
pub struct Override {
    path: Vec<String>,
    text: String,
}

/// Tells the name and not the value.
impl std::fmt::Debug for Override {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Override").field(&self.path.join(".")).finish()
    }
}

/// What is no setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected name=value, such as api_listen=127.0.0.1:8100")]
pub struct NotASetting;

impl std::str::FromStr for Override {
    type Err = NotASetting;

    /// Reads `name=value`, levels of the name parted by dots.
    fn from_str(text: &str) -> Result<Self, NotASetting> {
        let (name, value) = text.split_once('=').ok_or(NotASetting)?;
        Self::new(name.split('.'), value).ok_or(NotASetting)
    }
}

impl Override {
    fn new<'a>(path: impl Iterator<Item = &'a str>, text: &str) -> Option<Self> {
        let path: Vec<String> = path.map(|part| part.trim().to_ascii_lowercase()).collect();
        let named = path.iter().all(|part| !part.is_empty());
        named.then(|| Self {
            path,
            text: text.trim().to_owned(),
        })
    }

    /// The settings among the variables of an environment, in the order of their names.
    pub fn of_environment(variables: impl IntoIterator<Item = (String, String)>) -> Vec<Self> {
        let mut settings: Vec<Self> = variables
            .into_iter()
            .filter_map(|(name, value)| Self::new(name.strip_prefix(ENV_PREFIX)?.split("__"), &value))
            .collect();
        settings.sort_by(|a, b| a.path.cmp(&b.path));
        settings
    }

    /// What TOML makes of the text; what it makes nothing of is a string, so that an address needs no quotes.
    fn value(&self) -> Value {
        match toml::from_str::<Table>(&format!("value = {}", self.text)) {
            Ok(mut table) if table.len() == 1 => table
                .remove("value")
                .unwrap_or_else(|| Value::String(self.text.clone())),
            _ => Value::String(self.text.clone()),
        }
    }

    fn apply(&self, table: &mut Table) -> Result<(), String> {
        let name = self.path.join(".");
        let Some((last, levels)) = self.path.split_last() else {
            return Ok(());
        };
        let mut table = table;
        for level in levels {
            let place = table
                .entry(level.clone())
                .or_insert_with(|| Value::Table(Table::new()));
            table = place
                .as_table_mut()
                .ok_or_else(|| format!("{name}: {level} has no settings below it"))?;
        }
        table.insert(last.clone(), self.value());
        Ok(())
    }
}

/// Reads a file's text with settings before it, the later before the earlier.
pub(super) fn parse<T: serde::de::DeserializeOwned>(
    path: &Path,
    text: &str,
    overrides: &[Override],
) -> Result<T, ConfigError> {
    let mut table: Table =
        toml::from_str(text).map_err(|error| ConfigError::invalid(path, misread(text, &error)))?;
    for setting in overrides {
        setting
            .apply(&mut table)
            .map_err(|reason| ConfigError::invalid(path, reason))?;
    }
    T::deserialize(table).map_err(|error| ConfigError::invalid(path, refused(&error)))
}

/// What is no TOML and in which line, without the line.
fn misread(text: &str, error: &toml::de::Error) -> String {
    let start = error.span().map_or(0, |span| span.start).min(text.len());
    let before = text.as_bytes().iter().take(start);
    let line = before.filter(|byte| **byte == b'\n').count() + 1;
    format!("line {line}: {}", error.message())
}

/// Which setting is wrong and why, without its value: an error of a wrong type quotes a text.
fn refused(error: &toml::de::Error) -> String {
    let message = error.message();
    let message = match (message.find('"'), message.rfind('"')) {
        (Some(first), Some(last)) if first < last => {
            format!("{}…{}", &message[..first], &message[last + 1..])
        }
        _ => message.to_owned(),
    };
    // Told in the last line of the whole text: in `name`.
    let shown = error.to_string();
    let place = shown.lines().rev().find(|line| line.starts_with("in `"));
    place.map_or_else(|| message.clone(), |place| format!("{message} {place}"))
}

#[cfg(test)]
#[path = "layers_tests.rs"]
mod tests;
