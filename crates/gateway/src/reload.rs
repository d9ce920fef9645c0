//! Changing a running gateway's rules, and telling which rule would apply. What cannot change without a restart is
//! refused by its key, and then nothing changes.

use crate::config::Config;
use crate::error::GatewayError;
use crate::form::{Carrier, Form};
use crate::gateway::{Gateway, Terms};
use crate::rules::Rule;
use crate::transaction::{Transaction, TransactionError};
use std::path::Path;
use std::sync::{Arc, PoisonError};

/// Changes a running gateway's rules, methods, hosts and `allow_unprotected`.
#[derive(Debug)]
pub struct Reloader {
    gateway: Arc<Gateway>,
    /// As the gateway was started.
    started: Config,
}

impl Reloader {
    pub(crate) const fn new(gateway: Arc<Gateway>, started: Config) -> Self {
        Self { gateway, started }
    }

    /// Reads a configuration file and applies it, or keeps what is in force; the log says which.
    pub fn reload(&self, path: &Path) {
        match Config::read(path).and_then(|config| self.apply(&config)) {
            Ok(()) => tracing::info!("the configuration was read again and is in force"),
            Err(error) => tracing::error!(
                error = &error as &dyn std::error::Error,
                "the changed configuration is not used; what was in force stays"
            ),
        }
    }

    /// Applies a configuration to the requests that arrive from now on. Open ones end under what they began with.
    ///
    /// # Errors
    /// When it makes no sense, or changes what takes a restart; then nothing changes.
    pub fn apply(&self, config: &Config) -> Result<(), GatewayError> {
        config.check()?;
        if let Some(key) = needs_restart(&self.started, config) {
            return Err(GatewayError::Restart(key));
        }
        let terms = Arc::new(Terms::new(config)?);
        *self.gateway.terms.write().unwrap_or_else(PoisonError::into_inner) = terms;
        Ok(())
    }
}

/// The first key that differs and cannot change while the gateway runs.
fn needs_restart(old: &Config, new: &Config) -> Option<&'static str> {
    [
        ("listen", old.listen == new.listen),
        ("upstream", old.upstream == new.upstream),
        ("health", old.health == new.health),
        ("state", old.state == new.state),
        ("wallet", old.wallet == new.wallet),
        ("chain_id", old.chain_id == new.chain_id),
        ("nodes", old.nodes == new.nodes),
        ("operators", old.operators == new.operators),
        ("decisions", old.decisions == new.decisions),
        ("limits", old.limits == new.limits),
        ("services", old.services == new.services),
    ]
    .into_iter()
    .find_map(|(key, same)| (!same).then_some(key))
}

impl Config {
    /// The rule that would apply to a raw transaction in 0x-hex, sent by `method`. Where no chain is configured it is
    /// taken to be for the right one.
    ///
    /// # Errors
    /// When the transaction would not be screened at all, or the rules make no sense.
    pub fn rule_for(&self, method: &str, raw: &str) -> Result<Rule, GatewayError> {
        let read = |chain_id| {
            let read = Transaction::read(raw, chain_id, self.allow_unprotected);
            read.map(|transaction| (chain_id, transaction))
        };
        let transaction = match (read(self.chain_id.unwrap_or_default()), self.chain_id) {
            (Err(TransactionError::WrongChain { theirs, .. }), None) => read(theirs),
            (read, _) => read,
        };
        let (chain_id, transaction) = transaction.map_err(GatewayError::Transaction)?;
        let form = Carrier::of(method).map_or(Form::Transaction, Carrier::form);
        let subject = transaction.subject(form);
        let rules = self.all_rules()?;
        let rule = rules.applying_by_default(&subject.facts(method, chain_id));
        rule.cloned().ok_or(GatewayError::NoRule(form))
    }
}
