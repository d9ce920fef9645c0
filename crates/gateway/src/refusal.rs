//! What a client and the log are told of a decision: who voted how, and why something was refused.

use crate::asking::{Failure, opinion};
use crate::form::Form;
use crate::jsonrpc::{RpcError, code};
use crate::policy::{Opinion, Policy};
use crate::rules::Action;
use crate::screening::{Answer, Judged};
use crate::service::Service;
use crate::verdict::{Advice, Verdict};
use serde_json::{Value, json};

/// The stable reason of what was refused only because something else of the same bundle was.
pub const WITH_THE_REST: &str = "REFUSED_WITH_THE_REST";

/// What a refused client is told; `part` is the place in a bundle, and its length.
pub fn refusal(judged: &Judged<'_>, part: Option<(usize, usize)>) -> RpcError {
    let Judged {
        id,
        rule,
        subject,
        answers,
        ..
    } = judged;
    let Some(rule) = rule else {
        let message = format!("no rule of this gateway takes this {}", subject.form);
        let data = json!({"decision": "blocked", "decisionId": id, "reason": "NO_RULE", "vendors": []});
        return told(RpcError::new(code::REFUSED, message), data, judged, part);
    };
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
        "vendors": answers.iter().map(|answer| describe(&rule.policy, answer)).collect::<Vec<_>>(),
    });
    let error = match &rule.answer {
        Some(answer) => RpcError::new(answer.code.into(), &*answer.message),
        None => RpcError::new(code::REFUSED, message),
    };
    told(error, data, judged, part)
}

/// The error with what identifies the subject.
fn told(error: RpcError, mut data: Value, judged: &Judged<'_>, part: Option<(usize, usize)>) -> RpcError {
    let hash = match judged.subject.form {
        Form::Transaction | Form::Bundle | Form::UnknownType => "transactionHash",
        Form::UserOperation | Form::NodeSigned => "paramsHash",
    };
    data[hash] = json!(judged.subject.hash);
    if let Some((index, of)) = part {
        data["part"] = json!({"index": index, "of": of});
    }
    error.with_data(data)
}

/// A service's vote.
pub fn describe(policy: &Policy, Answer { service, answer }: &Answer) -> Value {
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
    if answer.as_ref().is_ok_and(|verdict| verdict.cached) {
        described["cached"] = json!(true);
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

pub fn log_answer(id: &str, service: &Service, answer: &Result<Verdict, Failure>) {
    let name = &service.config.name;
    match answer {
        Ok(verdict) => {
            let reasons: Vec<_> = verdict
                .reasons
                .iter()
                .map(|reason| reason.code.as_str())
                .collect();
            tracing::info!(decision = id, service = name, verdict = ?verdict.verdict, cached = verdict.cached, ?reasons, "verdict");
        }
        Err(failure) => {
            let unpaid = failure.opinion() == Opinion::Unpaid;
            tracing::warn!(decision = id, service = name, reason = failure.reason(), unpaid, %failure, "no verdict");
        }
    }
}
