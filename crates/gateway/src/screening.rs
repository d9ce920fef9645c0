//! One decision: all services asked at once, their answers counted by the policy, the outcome logged and told.

use crate::asking::{Failure, ask, opinion};
use crate::client::HttpClient;
use crate::decisions::{Decision, DecisionLog, Outcome, Part};
use crate::gateway::Asked;
use crate::jsonrpc::RpcError;
use crate::refusal::{WITH_THE_REST, describe, log_answer, refusal};
use crate::rules::{Action, Facts, Rule};
use crate::service::Service;
use crate::submission::{Subject, Submission};
use crate::verdict::Verdict;
use alloy::primitives::keccak256;
use bytes::Bytes;
use futures::StreamExt;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// A service's answer.
#[derive(Debug)]
pub struct Answer {
    pub service: Arc<Service>,
    pub answer: Result<Verdict, Failure>,
}

/// What the votes on one subject came to.
#[derive(Debug)]
pub struct Judged<'a> {
    /// Of the decision.
    pub id: String,
    pub subject: &'a Subject,
    /// None applies.
    pub rule: Option<&'a Rule>,
    pub passed: bool,
    pub answers: Vec<Answer>,
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

impl Judged<'_> {
    /// Whether it keeps everything that is sent with it from the node.
    fn blocks(&self) -> bool {
        !self.passed && !self.rule.is_some_and(|rule| rule.policy.dry_run)
    }
}

impl Screener {
    /// Decides on what a call sends; an error is the refusal to tell the client. What is sent together is refused
    /// together.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn screen(
        &self,
        method: &str,
        submission: &Submission,
        chain_id: u64,
        asked: Asked<'_>,
    ) -> Result<(), RpcError> {
        let subjects = submission.subjects.iter();
        let judging = subjects.map(|subject| self.judge(subject.facts(method, chain_id), subject, asked));
        let judged = join_all(judging).await;
        let of = judged.len();
        let blocking = judged.iter().position(Judged::blocks);
        let mut refused = Ok(());
        for (index, judged) in judged.into_iter().enumerate() {
            let part = (of > 1).then_some((index, of));
            let refusal = (!judged.passed).then(|| refusal(&judged, part));
            self.keep(method, &judged, part, blocking.is_some(), refusal.as_ref(), asked);
            if blocking == Some(index) {
                refused = refusal.map_or(Ok(()), Err);
            }
        }
        refused
    }

    async fn judge<'a>(&self, facts: Facts<'_>, subject: &'a Subject, asked: Asked<'a>) -> Judged<'a> {
        let rule = asked.terms.rules.applying(&facts, &asked.caller.policy);
        let id = self.decision_id(subject);
        let (passed, answers) = match rule.map(|rule| (rule, rule.action)) {
            None | Some((_, Action::Deny)) => (false, Vec::new()),
            Some((_, Action::Allow)) => (true, Vec::new()),
            Some((rule, Action::Ask)) => {
                let answers = self
                    .ask_all(rule, &subject.body(asked.origin), asked.now.as_secs())
                    .await;
                (suffices(rule, &answers), answers)
            }
        };
        for Answer { service, answer } in &answers {
            log_answer(&id, service, answer);
        }
        Judged {
            id,
            subject,
            rule,
            passed,
            answers,
        }
    }

    /// Logs and keeps a decision.
    fn keep(
        &self,
        method: &str,
        judged: &Judged<'_>,
        part: Option<(usize, usize)>,
        blocked: bool,
        refusal: Option<&RpcError>,
        asked: Asked<'_>,
    ) {
        let Judged {
            id,
            subject,
            rule,
            passed,
            answers,
        } = judged;
        let outcome = match (blocked, passed) {
            (true, _) => Outcome::Blocked,
            (false, true) => Outcome::Relayed,
            (false, false) => Outcome::WouldBlock,
        };
        let called = subject.called.as_ref();
        let (from, to) = (
            called.map(|called| called.sender),
            called.and_then(|called| called.recipient),
        );
        let name = rule.map_or("none", |rule| rule.name.as_str());
        tracing::info!(
            decision = id,
            ?outcome,
            rule = name,
            form = %subject.form,
            hash = %subject.hash,
            ?from,
            ?to,
            "decision"
        );
        let rest = || blocked.then(|| WITH_THE_REST.to_owned());
        self.log.keep(Decision {
            id: id.clone(),
            at: asked.now.as_secs(),
            outcome,
            rule: name.to_owned(),
            reason: refusal.and_then(RpcError::reason).or_else(rest),
            method: method.to_owned(),
            client: asked.caller.client.map(|client| client.name.clone()),
            form: subject.form,
            part: part.map(|(index, of)| Part { index, of }),
            hash: subject.hash,
            from,
            to,
            value: called.map(|called| called.value),
            origin: asked.origin.map(str::to_owned),
            vendors: answers
                .iter()
                .filter_map(|answer| Some(describe(&rule.as_ref()?.policy, answer)))
                .collect(),
        });
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
                Answer {
                    service: Arc::clone(service),
                    answer: ask(service, &self.client, body.clone(), now, deadline).await,
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
    fn decision_id(&self, subject: &Subject) -> String {
        let count = self.decisions.fetch_add(1, Ordering::Relaxed);
        let mut input = subject.hash.to_vec();
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
