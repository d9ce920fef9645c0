//! Which of the administrator's rules applies to a transaction (N2). Pure: how its votes are counted is
//! [`crate::policy`]'s, who is asked and what is answered is the screening's.
//!
//! Rules are tried in the order of the file and the first that matches applies; `[policy]` is the rule for everything
//! else. What a rule leaves out is as `[policy]` says.

use crate::form::Form;
use crate::policy::{Mode, OnError, Policy, Warn};
use alloy::primitives::{Address, Bytes, Selector, U256};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The name under which `[policy]` is reported.
pub const DEFAULT: &str = "policy";

/// A rule as it is written, `[[rules]]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleConfig {
    /// Name in logs and errors; unique, and not `policy`.
    pub name: String,
    /// What it applies to; everything, when it is left out.
    #[serde(default)]
    pub when: When,
    /// Whether services are asked at all.
    #[serde(default)]
    pub action: Action,
    /// The names of the services to ask. None: all.
    pub services: Option<BTreeSet<String>>,
    /// As [`Policy::mode`].
    pub mode: Option<Mode>,
    /// As [`Policy::weights`].
    pub weights: Option<BTreeMap<String, u32>>,
    /// As [`Policy::timeout_ms`].
    pub timeout_ms: Option<u64>,
    /// As [`Policy::on_error`].
    pub on_error: Option<OnError>,
    /// As [`Policy::on_unpaid`].
    pub on_unpaid: Option<OnError>,
    /// As [`Policy::warn`].
    pub warn: Option<Warn>,
    /// As [`Policy::dry_run`].
    pub dry_run: Option<bool>,
    /// What a refusal is answered with. None: code -32099 and the reason.
    pub answer: Option<Refusal>,
}

/// A policy that clients may choose instead of `[policy]`, `[policies.NAME]`; what it leaves out is as there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NamedPolicy {
    /// The names of the services to ask. None: all.
    pub services: Option<BTreeSet<String>>,
    /// As [`Policy::mode`].
    pub mode: Option<Mode>,
    /// As [`Policy::weights`].
    pub weights: Option<BTreeMap<String, u32>>,
    /// As [`Policy::timeout_ms`].
    pub timeout_ms: Option<u64>,
    /// As [`Policy::on_error`].
    pub on_error: Option<OnError>,
    /// As [`Policy::on_unpaid`].
    pub on_unpaid: Option<OnError>,
    /// As [`Policy::warn`].
    pub warn: Option<Warn>,
    /// As [`Policy::dry_run`].
    pub dry_run: Option<bool>,
}

impl NamedPolicy {
    /// The rule that it is to everything else.
    fn rule(&self, name: &str) -> RuleConfig {
        let policy = self.clone();
        RuleConfig {
            name: format!("policies.{name}"),
            when: When::default(),
            action: Action::Ask,
            services: policy.services,
            mode: policy.mode,
            weights: policy.weights,
            timeout_ms: policy.timeout_ms,
            on_error: policy.on_error,
            on_unpaid: policy.on_unpaid,
            warn: policy.warn,
            dry_run: policy.dry_run,
            answer: None,
        }
    }
}

/// What a rule does with a transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Services are asked, and their votes decide.
    #[default]
    Ask,
    /// It is relayed and nobody is asked.
    Allow,
    /// It is refused and nobody is asked.
    Deny,
}

/// What a refused client is told. The error's `data` is the same as ever.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// The JSON-RPC error code.
    pub code: i32,
    /// The error's message.
    pub message: String,
}

/// What a rule applies to: everything that each given condition matches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct When {
    /// What is to be sent, see [`Form`]. None: transactions alone.
    pub forms: BTreeSet<Form>,
    /// JSON-RPC methods.
    pub methods: BTreeSet<String>,
    /// Chain ids.
    pub chains: BTreeSet<u64>,
    /// EIP-2718 types: 0 legacy, 1 access list, 2 dynamic fee, 3 blobs, 4 set code.
    pub types: BTreeSet<u8>,
    /// Senders, as the signature tells.
    pub from: BTreeSet<Address>,
    /// Recipients. A transaction that creates a contract has none.
    pub to: BTreeSet<Address>,
    /// Whether it creates a contract.
    pub create: Option<bool>,
    /// Least value in wei, a string (TOML's integers end at 9.2 ether). Tokens that calldata moves are no value.
    pub min_value: Option<U256>,
    /// Greatest value in wei.
    pub max_value: Option<U256>,
    /// First four bytes of the calldata of a call.
    pub selectors: BTreeSet<Selector>,
}

/// What conditions look at.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The JSON-RPC method.
    pub method: &'a str,
    /// The chain.
    pub chain_id: u64,
    /// What is to be sent.
    pub form: Form,
    /// The EIP-2718 type, where there is one.
    pub kind: Option<u8>,
    /// What it calls, where that can be told.
    pub called: Option<&'a Called>,
}

/// A call with its sender: what a transaction does first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called {
    /// Who signed, or the smart account.
    pub sender: Address,
    /// None creates a contract.
    pub recipient: Option<Address>,
    /// Wei.
    pub value: U256,
    /// Calldata, or a new contract's code.
    pub input: Bytes,
}

/// Why rules make no sense; the key that is wrong comes first.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// A name is empty, taken, or `policy`.
    #[error("rules: the name {0:?} is empty, used twice, or reserved")]
    Name(String),
    /// No service has this name.
    #[error("{key}: there is no service {service:?}")]
    Service {
        /// Where.
        key: String,
        /// The name.
        service: String,
    },
    /// A key's value makes no sense.
    #[error("{key}: {reason}")]
    Value {
        /// Where.
        key: String,
        /// Why not.
        reason: &'static str,
    },
}

/// A rule with nothing left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// What it applies to.
    pub when: When,
    /// Whether services are asked.
    pub action: Action,
    /// The services to ask.
    pub services: BTreeSet<String>,
    /// How their votes count.
    pub policy: Policy,
    /// What a refusal is answered with, if not as ever.
    pub answer: Option<Refusal>,
}

/// All rules in their order, and what applies otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    ordered: Vec<Rule>,
    default: Rule,
    named: BTreeMap<String, Rule>,
}

impl When {
    /// Whether every given condition matches. What cannot be told of a subject matches no condition on it.
    #[must_use]
    pub fn matches(&self, facts: &Facts<'_>) -> bool {
        let called = facts.called;
        let creates = called.map(|called| called.recipient.is_none());
        let selector = || {
            let called = called.filter(|called| called.recipient.is_some())?;
            Some(Selector::from_slice(called.input.get(..4)?))
        };
        self.takes(facts.form)
            && (self.methods.is_empty() || self.methods.contains(facts.method))
            && any_or(&self.chains, Some(facts.chain_id))
            && any_or(&self.types, facts.kind)
            && any_or(&self.from, called.map(|called| called.sender))
            && any_or(&self.to, called.and_then(|called| called.recipient))
            && any_or(&self.selectors, selector())
            && self.create.is_none_or(|create| Some(create) == creates)
            && self
                .min_value
                .is_none_or(|least| called.is_some_and(|called| called.value >= least))
            && self
                .max_value
                .is_none_or(|most| called.is_some_and(|called| called.value <= most))
    }

    fn takes(&self, form: Form) -> bool {
        if self.forms.is_empty() {
            form == Form::Transaction
        } else {
            self.forms.contains(&form)
        }
    }

    /// Why nothing could ever match.
    fn contradiction(&self) -> Option<(&'static str, &'static str)> {
        if let (Some(least), Some(most)) = (self.min_value, self.max_value)
            && least > most
        {
            return Some(("min_value", "it exceeds max_value"));
        }
        let of_calls = !self.to.is_empty() || !self.selectors.is_empty();
        (self.create == Some(true) && of_calls).then_some((
            "create",
            "what creates a contract has no recipient and no selector",
        ))
    }
}

fn any_or<T: Ord>(accepted: &BTreeSet<T>, value: Option<T>) -> bool {
    accepted.is_empty() || value.is_some_and(|value| accepted.contains(&value))
}

impl Rules {
    /// Completes the rules by the policy and checks them against the names of the configured services.
    ///
    /// # Errors
    /// Naming the key that makes no sense.
    pub fn new(
        policy: &Policy,
        policies: &BTreeMap<String, NamedPolicy>,
        rules: &[RuleConfig],
        services: &BTreeSet<String>,
    ) -> Result<Self, RuleError> {
        let default = Rule {
            name: DEFAULT.to_owned(),
            when: When::default(),
            action: Action::Ask,
            services: services.clone(),
            policy: policy.clone(),
            answer: None,
        };
        default.check(services, DEFAULT)?;
        let mut names = BTreeSet::from([DEFAULT]);
        let mut ordered = Vec::with_capacity(rules.len());
        for config in rules {
            if config.name.is_empty() || !names.insert(&config.name) {
                return Err(RuleError::Name(config.name.clone()));
            }
            let rule = config.complete(policy, services)?;
            rule.check(services, &format!("rules.{}", rule.name))?;
            ordered.push(rule);
        }
        let named = policies.iter().map(|(name, named)| {
            let rule = named.rule(name).complete(policy, services)?;
            rule.check(services, &rule.name)?;
            Ok((name.clone(), rule))
        });
        Ok(Self {
            ordered,
            default,
            named: named.collect::<Result<_, RuleError>>()?,
        })
    }

    /// `[policy]`, or one of `[policies]` by its name.
    #[must_use]
    pub fn policy(&self, name: Option<&str>) -> Option<&Rule> {
        name.map_or(Some(&self.default), |name| self.named.get(name))
    }

    /// The first rule that matches. For a transaction there is always one, `policy` at last; what is sent in another form has none
    /// unless the administrator wrote it.
    #[must_use]
    pub fn applying<'a>(&'a self, facts: &Facts<'_>, policy: &'a Rule) -> Option<&'a Rule> {
        let matching = self.ordered.iter().find(|rule| rule.when.matches(facts));
        matching.or_else(|| (facts.form == Form::Transaction).then_some(policy))
    }

    /// [`Self::applying`] to who chooses nothing.
    #[must_use]
    pub fn applying_by_default(&self, facts: &Facts<'_>) -> Option<&Rule> {
        self.applying(facts, &self.default)
    }

    /// Whether any rule could apply to this form.
    #[must_use]
    pub fn take(&self, form: Form) -> bool {
        form == Form::Transaction || self.ordered.iter().any(|rule| rule.when.takes(form))
    }
}

impl RuleConfig {
    fn complete(&self, policy: &Policy, services: &BTreeSet<String>) -> Result<Rule, RuleError> {
        let votes = [
            ("services", self.services.is_some()),
            ("mode", self.mode.is_some()),
            ("weights", self.weights.is_some()),
            ("timeout_ms", self.timeout_ms.is_some()),
            ("on_error", self.on_error.is_some()),
            ("on_unpaid", self.on_unpaid.is_some()),
            ("warn", self.warn.is_some()),
        ];
        if let Some((key, _)) = votes
            .iter()
            .find(|(_, given)| *given && self.action != Action::Ask)
        {
            return Err(RuleError::Value {
                key: format!("rules.{}.{key}", self.name),
                reason: "it means nothing to a rule that asks nobody",
            });
        }
        let policy = Policy {
            mode: self.mode.unwrap_or(policy.mode),
            weights: self.weights.clone().unwrap_or_else(|| policy.weights.clone()),
            timeout_ms: self.timeout_ms.unwrap_or(policy.timeout_ms),
            on_error: self.on_error.unwrap_or(policy.on_error),
            on_unpaid: self.on_unpaid.unwrap_or(policy.on_unpaid),
            warn: self.warn.unwrap_or(policy.warn),
            dry_run: self.dry_run.unwrap_or(policy.dry_run),
        };
        Ok(Rule {
            name: self.name.clone(),
            when: self.when.clone(),
            action: self.action,
            services: self.services.clone().unwrap_or_else(|| services.clone()),
            policy,
            answer: self.answer.clone(),
        })
    }
}

impl Rule {
    /// Checks a completed rule; `key` is where it stands in the file.
    fn check(&self, configured: &BTreeSet<String>, key: &str) -> Result<(), RuleError> {
        let named = [
            ("services", self.services.difference(configured).next()),
            (
                "weights",
                self.policy
                    .weights
                    .keys()
                    .find(|name| !configured.contains(*name)),
            ),
        ];
        for (member, unknown) in named {
            if let Some(service) = unknown {
                return Err(RuleError::Service {
                    key: format!("{key}.{member}"),
                    service: service.clone(),
                });
            }
        }
        let votes = if self.action == Action::Ask {
            self.policy.contradiction(&self.services)
        } else {
            None
        };
        match votes.or_else(|| self.when.contradiction()) {
            Some((member, reason)) => Err(RuleError::Value {
                key: format!("{key}.{member}"),
                reason,
            }),
            None => Ok(()),
        }
    }
}

/// One line a rule, in their order, the default last.
impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, rule) in self.ordered.iter().enumerate() {
            writeln!(f, "{}. {rule}", index + 1)?;
        }
        write!(f, "otherwise {}", self.default)?;
        for rule in self.named.values() {
            write!(f, "\nby choice {rule}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.when)?;
        match self.action {
            Action::Allow => write!(f, " allow without asking")?,
            Action::Deny => write!(f, " deny without asking")?,
            Action::Ask => {
                let services: Vec<_> = self.services.iter().map(String::as_str).collect();
                write!(f, " ask {}; {}", services.join(", "), self.policy)?;
            }
        }
        if let Some(Refusal { code, message }) = &self.answer {
            write!(f, "; a refusal is {code} {message:?}")?;
        }
        if self.policy.dry_run {
            write!(f, "; dry run: what would be refused is relayed")?;
        }
        Ok(())
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        list(f, "form", &self.forms)?;
        list(f, "method", &self.methods)?;
        list(f, "chain", &self.chains)?;
        list(f, "type", &self.types)?;
        list(f, "from", &self.from)?;
        list(f, "to", &self.to)?;
        list(f, "selector", &self.selectors)?;
        match self.create {
            Some(true) => write!(f, " creating a contract;")?,
            Some(false) => write!(f, " creating no contract;")?,
            None => {}
        }
        if let Some(least) = self.min_value {
            write!(f, " value >= {least} wei;")?;
        }
        if let Some(most) = self.max_value {
            write!(f, " value <= {most} wei;")?;
        }
        Ok(())
    }
}

fn list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, name: &str, values: &BTreeSet<T>) -> fmt::Result {
    if values.is_empty() {
        return Ok(());
    }
    let values: Vec<_> = values.iter().map(T::to_string).collect();
    write!(f, " {name} {};", values.join(" or "))
}

#[cfg(test)]
mod tests;
