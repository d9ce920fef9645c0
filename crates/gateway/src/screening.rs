//! One decision: all services asked at once, their answers counted by the policy, the outcome logged and told.

use crate::asking::{Failure, ask, opinion};
use crate::client::HttpClient;
use crate::decisions::{Decision, DecisionLog, Outcome};
use crate::gateway::Asked;
use crate::jsonrpc::{RpcError, code};
use crate::policy::{Opinion, Policy};
use crate::rules::{Action, Rule};
use crate::service::Service;
use crate::transaction::Transaction;
use crate::verdict::{Advice, Verdict};
use alloy::primitives::keccak256;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// A service's answer.
#[derive(Debug)]
struct Answer {
    service: Arc<Service>,
    answer: Result<Verdict, Failure>,
}

/// Asks the services and decides.
#[derive(Debug)]
pub struct Screener {
    pub services: Vec<Arc<Service>>,
    pub client: HttpClient,
    /// Makes decision ids differ between runs: unix nanoseconds of the start.
    pub started: u128,
    pub decisions: AtomicU64,
    /// Where decisions are kept.
    pub log: DecisionLog,
}

impl Screener {
    /// Decides on a transaction by its rule; an error is the refusal to tell the client.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn screen(
        &self,
        method: &str,
        transaction: &Transaction,
        asked: Asked<'_>,
    ) -> Result<(), RpcError> {
        let facts = transaction.facts(method);
        let rule = asked.terms.rules.applying(&facts);
        let id = self.decision_id(transaction);
        let (passed, answers) = match rule.action {
            Action::Allow => (true, Vec::new()),
            Action::Deny => (false, Vec::new()),
            Action::Ask => {
                let body: Bytes = transaction.screening_request(asked.origin).to_string().into();
                let answers = self.ask_all(rule, &body, asked.now).await;
                (suffices(rule, &answers), answers)
            }
        };
        for Answer { service, answer } in &answers {
            log_answer(&id, service, answer);
        }
        let outcome = match (passed, rule.policy.dry_run) {
            (true, _) => Outcome::Relayed,
            (false, true) => Outcome::WouldBlock,
            (false, false) => Outcome::Blocked,
        };
        let refusal = (!passed).then(|| refusal(&id, rule, transaction, &answers));
        tracing::info!(
            decision = id,
            ?outcome,
            rule = rule.name,
            hash = %transaction.hash(),
            from = %transaction.sender,
            to = ?transaction.recipient(),
            "decision"
        );
        self.log.keep(Decision {
            id,
            at: asked.now,
            outcome,
            rule: rule.name.clone(),
            reason: refusal.as_ref().and_then(RpcError::reason),
            method: method.to_owned(),
            hash: transaction.hash(),
            from: facts.sender,
            to: facts.recipient,
            value: facts.value,
            origin: asked.origin.map(str::to_owned),
            vendors: answers
                .iter()
                .map(|answer| describe(&rule.policy, answer))
                .collect(),
        });
        match refusal {
            Some(refusal) if outcome == Outcome::Blocked => Err(refusal),
            _ => Ok(()),
        }
    }

    /// Every answer until the votes suffice or the time is over. Services that had no say are left out of the first
    /// case and failures in the second.
    async fn ask_all(&self, rule: &Rule, body: &Bytes, now: u64) -> Vec<Answer> {
        let deadline = Instant::now() + Duration::from_millis(rule.policy.timeout_ms);
        let mut asked: FuturesUnordered<_> = self
            .services
            .iter()
            .filter(|service| rule.services.contains(&service.config.name))
            .map(|service| async move {
                let answer = tokio::time::timeout_at(deadline, ask(service, &self.client, body.clone(), now));
                Answer {
                    service: Arc::clone(service),
                    answer: answer.await.unwrap_or(Err(Failure::Timeout)),
                }
            })
            .collect();
        let mut answers = Vec::with_capacity(rule.services.len());
        while let Some(answer) = asked.next().await {
            answers.push(answer);
            if suffices(rule, &answers) {
                break;
            }
        }
        answers
    }

    /// Sixteen hex digits, unlike any other decision's of this gateway.
    fn decision_id(&self, transaction: &Transaction) -> String {
        let count = self.decisions.fetch_add(1, Ordering::Relaxed);
        let mut input = transaction.hash().to_vec();
        input.extend(self.started.to_be_bytes());
        input.extend(count.to_be_bytes());
        alloy::hex::encode(&keccak256(input)[..8])
    }
}

fn suffices(rule: &Rule, answers: &[Answer]) -> bool {
    let opinions = answers
        .iter()
        .map(|Answer { service, answer }| (service.config.name.as_str(), opinion(answer)));
    rule.policy.suffices(opinions, rule.services.len())
}

fn refusal(id: &str, rule: &Rule, transaction: &Transaction, answers: &[Answer]) -> RpcError {
    let against: Vec<_> = answers
        .iter()
        .filter(|answer| !rule.policy.is_for(opinion(&answer.answer)))
        .collect();
    // A verdict says more than a failure, so it gives the reason where there is one.
    let first = against
        .iter()
        .find(|answer| answer.answer.is_ok())
        .or_else(|| against.first());
    let (message, reason) = match first {
        Some(Answer {
            service,
            answer: Ok(verdict),
        }) => (refused_by(service, verdict), "VENDOR_VERDICT"),
        Some(Answer {
            service,
            answer: Err(failure),
        }) => (
            format!(
                "transaction refused: {} gave no verdict: {failure}",
                service.config.name
            ),
            failure.reason(),
        ),
        None if rule.action == Action::Deny => (
            format!("transaction refused by the rule {:?}", rule.name),
            "RULE_DENIES",
        ),
        None => ("transaction refused: too few votes".to_owned(), "TOO_FEW_VOTES"),
    };
    let data = json!({
        "decision": "blocked",
        "decisionId": id,
        "reason": reason,
        "rule": rule.name,
        "transactionHash": transaction.hash(),
        "vendors": answers.iter().map(|answer| describe(&rule.policy, answer)).collect::<Vec<_>>(),
    });
    let error = match &rule.answer {
        Some(answer) => RpcError::new(answer.code.into(), &*answer.message),
        None => RpcError::new(code::REFUSED, message),
    };
    error.with_data(data)
}

fn describe(policy: &Policy, Answer { service, answer }: &Answer) -> Value {
    let mut described = json!({
        "name": service.config.name,
        "service": service.config.service,
        "provider": service.config.provider.or_else(|| Some(service.purchases().first()?.record.provider)),
        "vote": if policy.is_for(opinion(answer)) { "for" } else { "against" },
    });
    let more = match answer {
        Ok(verdict) => json!({
            "vendor": verdict.vendor, "version": verdict.version, "verdict": verdict.verdict,
            "score": verdict.score, "reasons": verdict.reasons,
        }),
        Err(failure) => {
            json!({"error": {"code": failure.reason(), "message": failure.to_string()}})
        }
    };
    if let (Value::Object(described), Value::Object(more)) = (&mut described, more) {
        described.extend(more);
    }
    described
}

fn refused_by(service: &Service, verdict: &Verdict) -> String {
    let vendor = if verdict.vendor.is_empty() {
        &service.config.name
    } else {
        &verdict.vendor
    };
    let said = match verdict.verdict {
        Advice::Warn => "it warns of the transaction",
        Advice::Allow | Advice::Block => "it advises against the transaction",
    };
    let reason = verdict.reasons.first().map(|reason| reason.message.as_str());
    format!(
        "transaction refused by {vendor}: {}",
        reason.filter(|reason| !reason.is_empty()).unwrap_or(said)
    )
}

fn log_answer(id: &str, service: &Service, answer: &Result<Verdict, Failure>) {
    let name = &service.config.name;
    match answer {
        Ok(verdict) => {
            let reasons: Vec<_> = verdict
                .reasons
                .iter()
                .map(|reason| reason.code.as_str())
                .collect();
            tracing::info!(decision = id, service = name, verdict = ?verdict.verdict, ?reasons, "verdict");
        }
        Err(failure) => {
            let unpaid = failure.opinion() == Opinion::Unpaid;
            tracing::warn!(decision = id, service = name, reason = failure.reason(), unpaid, %failure, "no verdict");
        }
    }
}
