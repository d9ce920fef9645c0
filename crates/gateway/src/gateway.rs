//! What happens to the calls of one request: relayed, screened and relayed, or answered here.
//!
//! A single call that needs no screening is relayed byte for byte and its answer is streamed back. So is a batch of
//! such calls. In any other batch the screened calls are handled one by one and the rest goes to the node as one
//! batch; the answers are put in the order of the calls. Screenings of a batch run at the same time, and what passed
//! is relayed in the order of the batch.

use crate::access::{AccessError, Caller, Clients, Counted, Credentials, Usage};
use crate::client::{self, HttpError};
use crate::config::{Config, Methods};
use crate::error::GatewayError;
use crate::form::{Carrier, Form, sends};
use crate::jsonrpc::{Body, Call, Element, RpcError, code};
use crate::rules::Rules;
use crate::screening::Screener;
use crate::submission::{Reading, Submission};
use crate::upstream::{self, Upstream, UpstreamError, canonical_id, split_batch};
use bytes::Bytes;
use futures::future::join_all;
use hyper::Response;
use hyper::body::Incoming;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

/// The firewall.
#[derive(Debug)]
pub struct Gateway {
    pub upstream: Upstream,
    pub screener: Screener,
    pub terms: RwLock<Arc<Terms>>,
    pub screenings: Semaphore,
    /// Most transactions of a bundle.
    pub bundle: usize,
    /// What clients used of their limits.
    pub usage: Usage,
    /// Most calls in a batch.
    pub batch: usize,
    /// Room for WebSockets.
    pub websockets: Arc<Semaphore>,
    /// True when the gateway stops, for WebSockets.
    pub stopping: watch::Sender<bool>,
}

/// What can change while the gateway runs. A request keeps the terms that it began under.
#[derive(Debug)]
pub struct Terms {
    pub rules: Rules,
    pub clients: Clients,
    pub methods: Methods,
    pub hosts: BTreeSet<String>,
    pub origins: BTreeSet<String>,
    pub allow_unprotected: bool,
}

impl Terms {
    pub fn new(config: &Config) -> Result<Self, GatewayError> {
        Ok(Self {
            rules: config.all_rules()?,
            clients: config.all_clients()?,
            methods: config.methods.clone(),
            hosts: config.hosts.clone(),
            origins: config.origins.clone(),
            allow_unprotected: config.allow_unprotected,
        })
    }

    /// Whether a call is relayed as it is.
    pub fn relays(&self, call: &Element<'_>) -> bool {
        call.as_ref().is_ok_and(|call| self.way(call) == Ok(Way::Relay))
    }

    /// Whether a call is relayed as it is or screened first, or why neither.
    fn way(&self, call: &Call<'_>) -> Result<Way, RpcError> {
        let method = call.method.as_ref();
        let refuse = |why: &str| {
            let message = format!("this gateway does not relay {method:.64}: {why}");
            Err(RpcError::new(code::METHOD, message).with_data(json!({"reason": "METHOD_NOT_RELAYED"})))
        };
        let Methods { only, deny, allow } = &self.methods;
        if deny.contains(method) || !(only.is_empty() || only.contains(method)) {
            return refuse("its administrator excludes the method");
        }
        match Carrier::of(method) {
            Some(carrier) if self.rules.take(carrier.form()) => Ok(Way::Screen(carrier)),
            Some(carrier) if !allow.contains(method) => refuse(&format!(
                "no rule of this gateway takes what it sends ({})",
                carrier.form()
            )),
            None if sends(method) && !allow.contains(method) => {
                refuse("it would send a transaction that cannot be screened")
            }
            _ => Ok(Way::Relay),
        }
    }
}

/// What all calls of a request share.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub terms: &'a Terms,
    pub caller: &'a Caller<'a>,
    /// The application's origin, as its browser told it.
    pub origin: Option<&'a str>,
    /// Since the epoch.
    pub now: Duration,
}

/// The answer to a request.
#[derive(Debug)]
pub enum Reply {
    /// The node's, as it arrives.
    Relayed(Response<Incoming>),
    /// JSON text.
    Text(String),
    /// Nothing: every call was a notification.
    Nothing,
}

impl Reply {
    /// The answer as text, where it cannot be streamed; none to notifications. `id` is that of a single call.
    pub async fn into_text(self, limit: usize, time: Duration, id: Option<&str>) -> Option<String> {
        let response = match self {
            Self::Nothing => return None,
            Self::Text(text) => return Some(text),
            Self::Relayed(response) => response,
        };
        let read = timeout(time, client::read(response, limit)).await;
        let body = read
            .unwrap_or(Err(HttpError::Timeout))
            .map_err(UpstreamError::Http);
        let body = body.and_then(upstream::ok);
        let text = body.and_then(|body| String::from_utf8(body.into()).map_err(|_| UpstreamError::Malformed));
        match text {
            Ok(text) => (!text.trim().is_empty()).then_some(text),
            Err(error) => id.map(|id| RpcError::from(error).response(Some(id))),
        }
    }
}

/// Why a request's calls are not even looked at.
#[derive(Debug)]
pub enum Refused {
    Access(AccessError),
    Limited,
}

impl From<Refused> for RpcError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Access(error) => {
                Self::new(code::ACCESS, error.to_string()).with_data(json!({"reason": error.reason()}))
            }
            Refused::Limited => limited("calls a second"),
        }
    }
}

fn limited(what: &str) -> RpcError {
    let message = format!("this client has used up its {what}; try again later");
    RpcError::new(code::LIMIT, message).with_data(json!({"reason": "RATE_LIMIT"}))
}

/// What is to be done with a call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Relay,
    Screen(Carrier),
}

/// What came of a screened call: the call to relay in its place, or the error to answer.
type Screened = Result<String, RpcError>;

impl Gateway {
    /// What applies now.
    pub fn terms(&self) -> Arc<Terms> {
        Arc::clone(&self.terms.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Who sends these calls, unless it may not, or not so many.
    pub fn admit<'a>(
        &self,
        terms: &'a Terms,
        credentials: &Credentials,
        calls: usize,
        now: Duration,
    ) -> Result<Caller<'a>, Refused> {
        let caller = terms
            .clients
            .caller(&terms.rules, credentials)
            .map_err(Refused::Access)?;
        match caller.client {
            Some(client) if !self.usage.take(client, Counted::Calls, calls, self.batch, now) => {
                Err(Refused::Limited)
            }
            _ => Ok(caller),
        }
    }

    /// Handles a request's body.
    pub async fn handle(&self, text: &Bytes, body: Body<'_>, asked: Asked<'_>) -> Reply {
        match body {
            Body::Single(Ok(call)) => self.single(text, &call, asked).await,
            Body::Single(Err(error)) => Reply::Text(error.response(None)),
            Body::Batch(elements) => self.batch(text, &elements, asked).await,
        }
    }

    async fn single(&self, text: &Bytes, call: &Call<'_>, asked: Asked<'_>) -> Reply {
        let body = match asked.terms.way(call) {
            Ok(Way::Relay) => Ok(text.clone()),
            Ok(Way::Screen(carrier)) => self.screen(call, carrier, asked).await.map(Bytes::from),
            Err(error) => Err(error),
        };
        let relayed = match body {
            Ok(body) => self.upstream.relay(body).await.map_err(RpcError::from),
            Err(error) => Err(error),
        };
        match (relayed, call.id) {
            (Ok(response), _) => Reply::Relayed(response),
            (Err(error), Some(id)) => Reply::Text(error.response(Some(id))),
            (Err(_), None) => Reply::Nothing,
        }
    }

    async fn batch(&self, text: &Bytes, elements: &[Element<'_>], asked: Asked<'_>) -> Reply {
        let ways: Vec<Result<Way, RpcError>> = elements
            .iter()
            .map(|element| {
                element
                    .as_ref()
                    .map_err(RpcError::clone)
                    .and_then(|call| asked.terms.way(call))
            })
            .collect();
        if ways.iter().all(|way| *way == Ok(Way::Relay)) {
            return match self.upstream.relay(text.clone()).await {
                Ok(response) => Reply::Relayed(response),
                Err(error) => answer_all(elements, &RpcError::from(error)),
            };
        }
        let plain: Vec<&Call<'_>> = elements
            .iter()
            .zip(&ways)
            .filter_map(|(element, way)| element.as_ref().ok().filter(|_| *way == Ok(Way::Relay)))
            .collect();
        let screenings = join_all(elements.iter().zip(&ways).map(|(element, way)| async move {
            match (element, way) {
                (Ok(call), Ok(Way::Screen(carrier))) => Some(self.screen(call, *carrier, asked).await),
                _ => None,
            }
        }));
        let (mut answers, screened) = tokio::join!(self.relay_batch(&plain), screenings);
        let mut replies = Vec::with_capacity(elements.len());
        for ((element, way), screened) in elements.iter().zip(ways).zip(screened) {
            let id = element.as_ref().map_or(Some("null"), |call| call.id);
            let reply = match (way, screened) {
                (Err(error), _) => Some(error.response(id)),
                (Ok(_), Some(Ok(call))) => self.relay_screened(call, id).await,
                (Ok(_), Some(Err(error))) => Some(error.response(id)),
                (Ok(_), None) => id.map(|id| answers.take(id)),
            };
            // A notification gets no response, whatever came of it.
            replies.extend(reply.filter(|_| id.is_some()));
        }
        if replies.is_empty() {
            Reply::Nothing
        } else {
            Reply::Text(format!("[{}]", replies.join(",")))
        }
    }

    /// Screens a call and returns the call to relay: rebuilt, so that the node reads exactly what was screened.
    async fn screen(&self, call: &Call<'_>, carrier: Carrier, asked: Asked<'_>) -> Screened {
        let chain_id = self.upstream.chain_id().await.map_err(RpcError::from)?;
        let reading = Reading {
            chain_id,
            allow_unprotected: asked.terms.allow_unprotected,
            unknown_types: asked.terms.rules.take(Form::UnknownType),
            bundle: self.bundle,
        };
        let submission = Submission::read(carrier, call.params.map(RawValue::get), reading)?;
        let subjects = u32::try_from(submission.subjects.len()).unwrap_or(u32::MAX);
        if let Some(client) = asked.caller.client
            && !self.usage.take(
                client,
                Counted::Screenings,
                submission.subjects.len(),
                0,
                asked.now,
            )
        {
            return Err(limited("screenings a minute"));
        }
        let Ok(_permits) = self.screenings.try_acquire_many(subjects) else {
            return Err(RpcError::new(
                code::OVERLOADED,
                "too many transactions at once; try again",
            ));
        };
        self.screener
            .screen(&call.method, &submission, chain_id, asked)
            .await?;
        let id = call.id.map(|id| format!(r#""id":{id},"#)).unwrap_or_default();
        let method = Value::from(call.method.as_ref());
        let params = submission.params;
        Ok(format!(
            r#"{{"jsonrpc":"2.0",{id}"method":{method},"params":{params}}}"#
        ))
    }

    /// Relays what passed and returns the node's response, checked to be one response object.
    async fn relay_screened(&self, call: String, id: Option<&str>) -> Option<String> {
        let answered = self.upstream.call(call.into()).await.map_err(RpcError::from);
        let id = id?;
        let text = answered.map(|body| String::from_utf8(body.into()).unwrap_or_default());
        Some(match text {
            Ok(text) if serde_json::from_str::<BTreeMap<String, Value>>(&text).is_ok() => text,
            Ok(_) => RpcError::new(code::UPSTREAM, "the node's answer is malformed").response(Some(id)),
            Err(error) => error.response(Some(id)),
        })
    }

    async fn relay_batch(&self, calls: &[&Call<'_>]) -> Answers {
        if calls.is_empty() {
            return Answers::default();
        }
        let texts: Vec<_> = calls.iter().map(|call| call.text).collect();
        let body = Bytes::from(format!("[{}]", texts.join(",")));
        let mut answers = Answers::default();
        match self.upstream.call(body).await {
            // A batch of notifications alone is answered with nothing.
            Ok(body) if body.is_empty() => {}
            Ok(body) => match split_batch(&body) {
                Ok(responses) => responses
                    .into_iter()
                    .for_each(|(id, text)| answers.put(id, text.get())),
                Err(error) => answers.failure = Some(error.into()),
            },
            Err(error) => answers.failure = Some(error.into()),
        }
        answers
    }
}

/// The node's answers to the relayed part of a batch, by id; equal ids in their order.
#[derive(Debug, Default)]
struct Answers {
    by_id: BTreeMap<String, VecDeque<String>>,
    failure: Option<RpcError>,
}

impl Answers {
    fn put(&mut self, id: String, text: &str) {
        self.by_id.entry(id).or_default().push_back(text.to_owned());
    }

    fn take(&mut self, id: &str) -> String {
        let answer = self
            .by_id
            .get_mut(&canonical_id(id))
            .and_then(VecDeque::pop_front);
        answer.unwrap_or_else(|| {
            let missing = || RpcError::new(code::UPSTREAM, "the node did not answer this call");
            self.failure.clone().unwrap_or_else(missing).response(Some(id))
        })
    }
}

/// The same error for every call of a batch.
fn answer_all(elements: &[Element<'_>], error: &RpcError) -> Reply {
    let ids = elements
        .iter()
        .filter_map(|element| element.as_ref().ok().and_then(|call| call.id));
    let replies: Vec<_> = ids.map(|id| error.response(Some(id))).collect();
    if replies.is_empty() {
        Reply::Nothing
    } else {
        Reply::Text(format!("[{}]", replies.join(",")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_with_equal_ids_keep_their_order() {
        let mut answers = Answers::default();
        answers.put("1".into(), "a");
        answers.put("1".into(), "b");
        assert_eq!(
            (answers.take("1").as_str(), answers.take(" 1").as_str()),
            ("a", "b")
        );
        assert!(answers.take("1").contains("-32098"));
    }
}
