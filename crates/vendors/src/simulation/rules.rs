//! What a simulated transaction deserves. Integer arithmetic only; every rule is stated where it is computed.

use super::effects::{Effects, MAX_EFFECTS};
use super::node::{Facts, GrantFacts, Outcome, TokenFacts};
use crate::calldata::{Extent, Grant};
use crate::config::SimulationPolicy;
use crate::request::Candidate;
use crate::verdict::{Action, Finding, Severity};
use alloy::primitives::U256;
use serde_json::{Value, json};

/// Every finding about the transaction.
pub fn judge(
    policy: &SimulationPolicy,
    candidate: &Candidate,
    outcome: &Outcome,
    effects: &Effects,
    facts: &Facts,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(failure(policy, outcome));
    for (grant, about) in effects.grants.iter().zip(&facts.grants) {
        let token = facts.tokens.get(&grant.token).copied().unwrap_or_default();
        findings.extend(judge_grant(policy, grant, about, &token));
    }
    findings.extend(native_drain(policy, candidate, facts));
    for (token, outflow) in &effects.outflows {
        let balance = facts.tokens.get(token).and_then(|facts| facts.balance);
        if let Some(balance) = balance.filter(|balance| takes_everything(policy, *outflow, *balance)) {
            findings.push(Finding::new(
                policy.drains_token,
                Severity::High,
                "DRAINS_TOKEN",
                format!("it moves {outflow} of the sender's {balance} units of the token {token}"),
                json!({"token": token, "amount": dec(*outflow), "balance": dec(balance)}),
            ));
        }
    }
    findings.extend(delegations(policy, candidate));
    if effects.truncated {
        findings.push(Finding::new(
            Action::Block,
            Severity::High,
            "TOO_MANY_EFFECTS",
            "it has more effects than were looked into".to_owned(),
            json!({"limit": MAX_EFFECTS}),
        ));
    }
    findings
}

fn failure(policy: &SimulationPolicy, outcome: &Outcome) -> Option<Finding> {
    let (code, message, text) = match outcome {
        Outcome::Success { .. } => return None,
        Outcome::Reverted { reason } => ("REVERTS", format!("it would revert: {reason}"), reason),
        Outcome::Impossible { message } => (
            "CANNOT_EXECUTE",
            format!("it cannot be executed: {message}"),
            message,
        ),
    };
    Some(Finding::new(
        policy.reverts,
        Severity::Medium,
        code,
        message,
        json!({"reason": text}),
    ))
}

/// An approval is unlimited when its amount is
/// - at least half of what its type can say: 2^255, and 2^159 in Permit2; or
/// - more than the sender owns and at least the token's whole supply.
///
/// An allowance that the spender has already is no new grant: tokens tell the rest of an allowance on every transfer.
fn is_unlimited(amount: U256, half: U256, token: &TokenFacts) -> bool {
    let exceeds_balance = token.balance.is_none_or(|balance| amount > balance);
    let covers_supply = token
        .supply
        .is_some_and(|supply| !supply.is_zero() && amount >= supply);
    amount >= half || (exceeds_balance && covers_supply)
}

fn judge_grant(
    policy: &SimulationPolicy,
    grant: &Grant,
    about: &GrantFacts,
    token: &TokenFacts,
) -> Option<Finding> {
    let trusted = policy.trusted_spenders.contains(&grant.spender);
    let to = if about.to_account {
        "an account without code"
    } else {
        "the contract"
    };
    let (amount, unlimited) = match grant.extent {
        Extent::All => (None, true),
        Extent::Amount(amount) => (Some(amount), is_unlimited(amount, U256::ONE << 255, token)),
        Extent::Permit2(amount) => (Some(amount), is_unlimited(amount, U256::ONE << 159, token)),
    };
    let nothing = amount.is_some_and(|amount| amount.is_zero());
    let nothing_new = amount
        .zip(about.allowance)
        .is_some_and(|(amount, before)| amount <= before);
    if nothing || nothing_new {
        return None;
    }
    let evidence: Value = json!({
        "token": grant.token, "spender": grant.spender, "amount": amount.map(dec),
        "spenderIsAccount": about.to_account, "trusted": trusted,
    });
    let account = if about.to_account {
        policy.approval_to_account
    } else {
        Action::Allow
    };
    let finding = |action, code, what: &str| {
        let message = format!("it gives {to} {} {what} {}", grant.spender, grant.token);
        Finding::new(action, Severity::High, code, message, evidence.clone())
    };
    match (grant.extent, unlimited) {
        (_, true) if trusted => Some(Finding::new(
            policy.trusted_approval,
            Severity::Low,
            "TRUSTED_APPROVAL",
            format!(
                "it gives the trusted {} an unlimited allowance of {}",
                grant.spender, grant.token
            ),
            evidence,
        )),
        (Extent::All, true) => Some(finding(
            policy.approval_for_all.max(account),
            "APPROVAL_FOR_ALL",
            "control over every token of the collection",
        )),
        (_, true) => Some(finding(
            policy.unlimited_approval.max(account),
            "UNLIMITED_APPROVAL",
            "an unlimited allowance of the token",
        )),
        (_, false) if about.to_account => Some(finding(
            account,
            "APPROVAL_TO_ACCOUNT",
            "an allowance of the token",
        )),
        (_, false) => None,
    }
}

fn native_drain(policy: &SimulationPolicy, candidate: &Candidate, facts: &Facts) -> Option<Finding> {
    let cost = candidate.value.saturating_add(facts.gas_cost);
    if candidate.value.is_zero() || !takes_everything(policy, cost, facts.balance) {
        return None;
    }
    Some(Finding::new(
        policy.drains_native,
        Severity::High,
        "DRAINS_NATIVE",
        format!(
            "value and gas take up to {cost} of the sender's {} wei",
            facts.balance
        ),
        json!({"value": dec(candidate.value), "gasCost": dec(facts.gas_cost), "balance": dec(facts.balance)}),
    ))
}

/// Whether an amount is at least the policy's share of a balance: amount * 100 >= balance * percent.
fn takes_everything(policy: &SimulationPolicy, amount: U256, balance: U256) -> bool {
    let hundred = U256::from(100);
    let percent = U256::from(policy.everything_percent.clamp(1, 100));
    !balance.is_zero() && amount.saturating_mul(hundred) >= balance.saturating_mul(percent)
}

fn delegations<'a>(
    policy: &'a SimulationPolicy,
    candidate: &'a Candidate,
) -> impl Iterator<Item = Finding> + 'a {
    // The zero address takes a delegation back (EIP-7702).
    let handed = candidate
        .authorizations
        .iter()
        .filter(|auth| !auth.address.is_zero());
    handed.map(|authorization| {
        Finding::new(
            policy.delegation,
            Severity::High,
            "DELEGATES_ACCOUNT",
            format!("it hands an account to the code of {}", authorization.address),
            json!({"delegate": authorization.address}),
        )
    })
}

/// JSON numbers cannot hold these; a decimal string can.
fn dec(value: U256) -> String {
    value.to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::request::ScreenRequest;
    use alloy::primitives::Address;
    use std::collections::BTreeMap;

    const SENDER: Address = Address::repeat_byte(1);
    const SPENDER: Address = Address::repeat_byte(2);
    const TOKEN: Address = Address::repeat_byte(3);

    fn candidate(value: u64) -> Candidate {
        let text = format!(
            r#"{{"chainId":"0x1","transaction":{{"from":"{SENDER}","to":"{TOKEN}","value":"{value:#x}"}}}}"#
        );
        let request: ScreenRequest = serde_json::from_str(&text).unwrap();
        request.candidate().unwrap()
    }

    fn success() -> Outcome {
        Outcome::Success { logs: Vec::new() }
    }

    fn with_grant(policy: &SimulationPolicy, extent: Extent, about: GrantFacts) -> Vec<(Action, String)> {
        let effects = Effects {
            grants: vec![Grant {
                token: TOKEN,
                spender: SPENDER,
                extent,
            }],
            ..Default::default()
        };
        let token = TokenFacts {
            balance: Some(U256::from(50)),
            supply: Some(U256::from(1000)),
        };
        let facts = Facts {
            tokens: BTreeMap::from([(TOKEN, token)]),
            grants: vec![about],
            ..Default::default()
        };
        let findings = judge(policy, &candidate(0), &success(), &effects, &facts);
        findings.into_iter().map(|f| (f.action, f.reason.code)).collect()
    }

    #[test]
    fn blocks_unlimited_approvals_by_type_and_by_supply() {
        let policy = SimulationPolicy::default();
        let contract = GrantFacts::default();
        let blocked = vec![(Action::Block, "UNLIMITED_APPROVAL".to_owned())];
        for extent in [
            Extent::Amount(U256::MAX),
            Extent::Amount(U256::ONE << 255),
            Extent::Amount(U256::from(1000)),
            Extent::Permit2(U256::ONE << 159),
        ] {
            assert_eq!(with_grant(&policy, extent, contract), blocked, "{extent:?}");
        }
        for extent in [
            Extent::Amount(U256::from(999)),
            Extent::Permit2(U256::from(60)),
            Extent::Amount(U256::ZERO),
        ] {
            assert!(with_grant(&policy, extent, contract).is_empty(), "{extent:?}");
        }
    }

    #[test]
    fn an_allowance_that_exists_already_is_no_grant() {
        let policy = SimulationPolicy::default();
        let about = GrantFacts {
            allowance: Some(U256::MAX),
            to_account: false,
        };
        assert!(with_grant(&policy, Extent::Amount(U256::MAX - U256::ONE), about).is_empty());
    }

    #[test]
    fn warns_of_any_approval_to_an_account_and_of_trusted_ones() {
        let mut policy = SimulationPolicy::default();
        let account = GrantFacts {
            allowance: None,
            to_account: true,
        };
        assert_eq!(
            with_grant(&policy, Extent::Amount(U256::ONE), account),
            [(Action::Warn, "APPROVAL_TO_ACCOUNT".to_owned())]
        );
        policy.trusted_spenders = vec![SPENDER];
        assert_eq!(
            with_grant(&policy, Extent::All, GrantFacts::default()),
            [(Action::Warn, "TRUSTED_APPROVAL".to_owned())]
        );
    }

    #[test]
    fn blocks_control_over_a_whole_collection() {
        let policy = SimulationPolicy::default();
        assert_eq!(
            with_grant(&policy, Extent::All, GrantFacts::default()),
            [(Action::Block, "APPROVAL_FOR_ALL".to_owned())]
        );
    }

    #[test]
    fn everything_is_ninety_five_percent_of_a_balance() {
        let policy = SimulationPolicy::default();
        let codes = |value, gas, balance| {
            let facts = Facts {
                balance: U256::from(balance),
                gas_cost: U256::from(gas),
                ..Default::default()
            };
            let findings = judge(
                &policy,
                &candidate(value),
                &success(),
                &Effects::default(),
                &facts,
            );
            findings.into_iter().map(|f| f.reason.code).collect::<Vec<_>>()
        };
        assert_eq!(codes(94, 1, 100), ["DRAINS_NATIVE"]);
        assert!(codes(94, 0, 100).is_empty());
        // A call that moves no value is no transfer, however dear its gas.
        assert!(codes(0, 100, 100).is_empty());
    }

    #[test]
    fn flags_reverts_with_their_reason() {
        let policy = SimulationPolicy::default();
        let outcome = Outcome::Reverted {
            reason: "ERC20: nope".into(),
        };
        let findings = judge(
            &policy,
            &candidate(0),
            &outcome,
            &Effects::default(),
            &Facts::default(),
        );
        assert_eq!(findings[0].action, Action::Block);
        assert!(findings[0].reason.message.contains("ERC20: nope"));
    }
}
