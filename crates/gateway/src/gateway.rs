//! What happens to the calls of one request: relayed, screened and relayed, or answered here.
//!
//! A single call that needs no screening is relayed byte for byte and its answer is streamed back. So is a batch of
//! such calls. In any other batch the screened calls are handled one by one and the rest goes to the node as one
//! batch; the answers are put in the order of the calls. Screenings of a batch run at the same time, and what passed
//! is relayed in the order of the batch.

use crate::config::{Config, Methods};
use crate::error::GatewayError;
use crate::jsonrpc::{Body, Call, Element, RpcError, code};
use crate::rules::Rules;
use crate::screening::Screener;
use crate::transaction::{Transaction, TransactionError};
use crate::upstream::{Upstream, canonical_id, split_batch};
use bytes::Bytes;
use futures::future::join_all;
use hyper::Response;
use hyper::body::Incoming;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::Semaphore;

/// Methods whose first parameter is a signed transaction.
const SCREENED: [&str; 4] = [
    "eth_sendRawTransaction",
    "eth_sendRawTransactionSync",
    "eth_sendRawTransactionConditional",
    "eth_sendPrivateRawTransaction",
];

/// The firewall.
#[derive(Debug)]
pub struct Gateway {
    pub upstream: Upstream,
    pub screener: Screener,
    pub terms: RwLock<Arc<Terms>>,
    pub screenings: Semaphore,
}

/// What can change while the gateway runs. A request keeps the terms that it began under.
#[derive(Debug)]
pub struct Terms {
    pub rules: Rules,
    pub methods: Methods,
    pub hosts: BTreeSet<String>,
    pub allow_unprotected: bool,
}

impl Terms {
    pub fn new(config: &Config) -> Result<Self, GatewayError> {
        Ok(Self {
            rules: config.all_rules()?,
            methods: config.methods.clone(),
            hosts: config.hosts.clone(),
            allow_unprotected: config.allow_unprotected,
        })
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
        if SCREENED.contains(&method) {
            return Ok(Way::Screen);
        }
        if sends(method) && !allow.contains(method) {
            return refuse("it would send a transaction that cannot be screened");
        }
        Ok(Way::Relay)
    }
}

/// What all calls of a request share.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub terms: &'a Terms,
    /// The application's origin, as its browser told it.
    pub origin: Option<&'a str>,
    /// Unix seconds.
    pub now: u64,
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

/// What is to be done with a call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Relay,
    Screen,
}

/// What came of a screened call: the call to relay in its place, or the error to answer.
type Screened = Result<String, RpcError>;

impl Gateway {
    /// What applies now.
    pub fn terms(&self) -> Arc<Terms> {
        Arc::clone(&self.terms.read().unwrap_or_else(PoisonError::into_inner))
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
            Ok(Way::Screen) => self.screen(call, asked).await.map(Bytes::from),
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
                (Ok(call), Ok(Way::Screen)) => Some(self.screen(call, asked).await),
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
    async fn screen(&self, call: &Call<'_>, asked: Asked<'_>) -> Screened {
        let Ok(_permit) = self.screenings.try_acquire() else {
            return Err(RpcError::new(
                code::OVERLOADED,
                "too many transactions at once; try again",
            ));
        };
        let chain_id = self.upstream.chain_id().await.map_err(RpcError::from)?;
        let (first, rest) = parameters(call)?;
        let transaction =
            Transaction::read(&first, chain_id, asked.terms.allow_unprotected).map_err(malformed)?;
        self.screener.screen(&call.method, &transaction, asked).await?;
        let mut params = vec![Value::from(transaction.raw_hex())];
        params.extend(rest);
        let id = call.id.map(|id| format!(r#""id":{id},"#)).unwrap_or_default();
        let method = Value::from(call.method.as_ref());
        let params = Value::from(params);
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

/// Whether a method's name says that it sends something: `eth_sendTransaction`, `mev_sendBundle`, `personal_send…`.
fn sends(method: &str) -> bool {
    let name = method.split_once('_').map_or(method, |(_, name)| name);
    name.to_ascii_lowercase().starts_with("send")
}

/// The first parameter, a string, and the others.
fn parameters(call: &Call<'_>) -> Result<(String, Vec<Value>), RpcError> {
    let wrong = || {
        let message = "invalid params: the first parameter is the raw transaction in hex";
        RpcError::new(code::PARAMS, message).with_data(json!({"reason": "MALFORMED_PARAMS"}))
    };
    let text = call.params.ok_or_else(wrong)?.get();
    let mut params: VecDeque<Value> = serde_json::from_str(text).map_err(|_| wrong())?;
    match params.pop_front() {
        Some(Value::String(first)) => Ok((first, params.into())),
        _ => Err(wrong()),
    }
}

fn malformed(error: TransactionError) -> RpcError {
    let data = json!({"decision": "blocked", "reason": error.reason()});
    RpcError::new(code::PARAMS, error.to_string()).with_data(data)
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
    fn knows_a_method_that_sends_by_its_name() {
        for method in [
            "eth_sendTransaction",
            "mev_sendBundle",
            "personal_sendTransaction",
            "eth_SendUserOperation",
        ] {
            assert!(sends(method), "{method}");
        }
        for method in ["eth_call", "eth_getBalance", "web3_sha3", "", "_", "net_version"] {
            assert!(!sends(method), "{method}");
        }
    }

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
