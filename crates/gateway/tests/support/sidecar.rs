//! A sidecar as a plain server: it learns purchases from confirmations, verifies every signature by the profile,
//! serves each sequence number once, and answers as it is told.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse, Response};
use base64ct::{Base64, Encoding};
use rampart_protocol::http_signature::{
    Algorithm, Parameters, RequestParts, content_digest, parse_signature, verify,
};
use rampart_protocol::mac::{AgreementSecret, MacKey, Side};
use rampart_protocol::request_block::{self, BlockOpened, OpenBlock};
use rampart_protocol::{Confirmation, PurchaseId, PurchaseRecord};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What comes after a request is found to be in order.
#[derive(Clone)]
pub enum Behaviour {
    /// A vendor's verdict.
    Verdict(Value),
    /// A vendor's verdict, after some time.
    After(Duration, Value),
    /// A vendor at this base URL.
    Forward(String),
    /// A vendor's own error.
    Status(u16),
    /// A refusal of the sidecar.
    Refuse(u16, &'static str),
    /// No answer in any sensible time.
    Hang,
}

pub fn allow() -> Behaviour {
    Behaviour::Verdict(json!({"verdict": "allow", "score": 0, "reasons": [], "vendor": "v", "version": "1"}))
}

pub fn says(verdict: &str) -> Behaviour {
    let reason = json!({"code": "BAD", "message": "it is bad", "severity": "high", "evidence": {"x": 1}});
    Behaviour::Verdict(
        json!({"verdict": verdict, "score": 90, "reasons": [reason], "vendor": "acme", "version": "1"}),
    )
}

#[derive(Default)]
struct Seen {
    purchases: BTreeMap<PurchaseId, PurchaseRecord>,
    used: BTreeMap<PurchaseId, BTreeSet<u64>>,
    /// Body of every request that was in order.
    served: Vec<Value>,
    confirmations: usize,
    /// Blocks of numbers: the purchase, the first, the last, the key.
    blocks: Vec<(PurchaseId, u64, u64, MacKey)>,
    blocks_opened: usize,
    opens_no_blocks: bool,
    delay: Duration,
    /// From the last request's arrival to its answer.
    took: Duration,
    once: VecDeque<Behaviour>,
}

#[derive(Clone)]
pub struct Sidecar {
    pub url: String,
    behaviour: Arc<Mutex<Behaviour>>,
    seen: Arc<Mutex<Seen>>,
}

impl Sidecar {
    pub async fn start(behaviour: Behaviour) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sidecar = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            behaviour: Arc::new(Mutex::new(behaviour)),
            seen: Arc::default(),
        };
        let router = Router::new().fallback(serve).with_state(sidecar.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        sidecar
    }

    pub fn set(&self, behaviour: Behaviour) {
        *self.behaviour.lock().unwrap() = behaviour;
    }

    /// What the next request gets, whatever it is.
    pub fn once(&self, behaviour: Behaviour) {
        self.seen.lock().unwrap().once.push_back(behaviour);
    }

    /// Forgets every purchase, as after a loss of state.
    pub fn forget(&self) {
        self.seen.lock().unwrap().purchases.clear();
    }

    /// Marks sequence numbers as used.
    pub fn mark_used(&self, purchase: PurchaseId, numbers: impl IntoIterator<Item = u64>) {
        self.seen
            .lock()
            .unwrap()
            .used
            .entry(purchase)
            .or_default()
            .extend(numbers);
    }

    pub fn served(&self) -> Vec<Value> {
        self.seen.lock().unwrap().served.clone()
    }

    /// Forgets the blocks, as an orderly restart does.
    pub fn restart(&self) {
        self.seen.lock().unwrap().blocks.clear();
    }

    /// From now on blocks are unknown here.
    pub fn open_no_blocks(&self) {
        self.seen.lock().unwrap().opens_no_blocks = true;
    }

    /// How long the answer to a request for a block takes, once the block is open.
    pub fn delay_blocks(&self, delay: Duration) {
        self.seen.lock().unwrap().delay = delay;
    }

    /// Every purchase that it knows.
    pub fn purchases(&self) -> Vec<PurchaseId> {
        self.seen.lock().unwrap().purchases.keys().copied().collect()
    }

    pub fn blocks_opened(&self) -> usize {
        self.seen.lock().unwrap().blocks_opened
    }

    pub fn confirmations(&self) -> usize {
        self.seen.lock().unwrap().confirmations
    }

    /// How long the last answer took, from the request's arrival.
    pub fn last_took(&self) -> Duration {
        self.seen.lock().unwrap().took
    }

    /// The sequence numbers used of all purchases together, in order.
    pub fn used(&self) -> Vec<u64> {
        self.seen
            .lock()
            .unwrap()
            .used
            .values()
            .flatten()
            .copied()
            .collect()
    }
}

async fn serve(
    State(sidecar): State<Sidecar>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let arrived = Instant::now();
    match check(&sidecar, &method, &uri, &headers, &body) {
        Err((status, code)) => return refuse(status, code),
        Ok(Some(opened)) => {
            let delay = sidecar.seen.lock().unwrap().delay;
            tokio::time::sleep(delay).await;
            return respond(201, None, json!(opened));
        }
        Ok(None) => {}
    }
    let once = sidecar.seen.lock().unwrap().once.pop_front();
    let behaviour = once.unwrap_or_else(|| sidecar.behaviour.lock().unwrap().clone());
    match behaviour {
        Behaviour::Verdict(verdict) => axum::Json(verdict).into_response(),
        Behaviour::After(delay, verdict) => {
            tokio::time::sleep(delay).await;
            sidecar.seen.lock().unwrap().took = arrived.elapsed();
            axum::Json(verdict).into_response()
        }
        Behaviour::Status(status) => respond(status, None, json!({"error": {"code": "x", "message": "y"}})),
        Behaviour::Refuse(status, code) => refuse(status, code),
        Behaviour::Hang => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            respond(500, None, Value::Null)
        }
        Behaviour::Forward(vendor) => {
            let request = reqwest::Client::new()
                .post(format!("{vendor}{}", uri.path()))
                .body(body);
            let response = request.send().await.unwrap();
            respond(response.status().as_u16(), None, response.json().await.unwrap())
        }
    }
}

fn check(
    sidecar: &Sidecar,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Option<BlockOpened>, (u16, &'static str)> {
    let field = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let mut seen = sidecar.seen.lock().unwrap();
    let confirmation = field("rampart-confirmation");
    if let Some(encoded) = confirmation
        .strip_prefix(':')
        .and_then(|text| text.strip_suffix(':'))
    {
        let confirmation = Confirmation::from_bytes(&Base64::decode_vec(encoded).unwrap()).unwrap();
        assert!(confirmation.is_included());
        seen.confirmations += 1;
        seen.purchases.insert(confirmation.record.id, confirmation.record);
    }
    let parameters =
        Parameters::from_field(field("signature-input")).map_err(|_| (401, "bad_signature_input"))?;
    let record = *seen
        .purchases
        .get(&parameters.purchase)
        .ok_or((404, "unknown_purchase"))?;
    if parameters.sequence.0 > record.requests {
        return Err((429, "exhausted"));
    }
    let digest = field("content-digest");
    let request = RequestParts {
        method: method.as_str(),
        authority: field("host"),
        path: uri.path(),
        query: uri.query().unwrap_or_default(),
        content_digest: Some(digest),
    };
    assert_eq!(digest, content_digest(body));
    let base = parameters
        .signature_base(&request)
        .map_err(|_| (401, "bad_signature_input"))?;
    let (id, sequence) = (record.id, parameters.sequence.0);
    match parameters.algorithm {
        Algorithm::Ed25519 => {
            let signature = parse_signature(field("signature")).map_err(|_| (401, "bad_signature"))?;
            verify(&record.access_key, base.as_bytes(), &signature).map_err(|_| (401, "bad_signature"))?;
            if seen
                .blocks
                .iter()
                .any(|(of, from, to, _)| *of == id && (*from..=*to).contains(&sequence))
            {
                return Err((409, "replayed"));
            }
        }
        Algorithm::HmacSha256 => {
            let mac = parse_signature(field("signature")).map_err(|_| (401, "bad_signature"))?;
            let (_, _, _, key) = seen
                .blocks
                .iter()
                .find(|(of, from, to, _)| *of == id && (*from..=*to).contains(&sequence))
                .ok_or((409, "unknown_block"))?;
            if !key.verify(base.as_bytes(), &mac) {
                return Err((401, "bad_signature"));
            }
        }
    }
    if uri.path() == request_block::PATH {
        if seen.opens_no_blocks {
            return Err((404, "unknown_path"));
        }
        let asked: OpenBlock = serde_json::from_slice(body).map_err(|_| (400, "bad_block"))?;
        let used = seen.used.entry(id).or_default();
        if used.range(asked.from.0..=sequence).next().is_some() {
            return Err((409, "replayed"));
        }
        let secret = AgreementSecret::new([3; 32]);
        let key = secret
            .agree(Side::Sidecar, &asked.key, id)
            .ok_or((400, "bad_block"))?;
        seen.blocks.push((id, asked.from.0, sequence, key));
        seen.blocks_opened += 1;
        return Ok(Some(BlockOpened {
            from: asked.from,
            to: parameters.sequence,
            key: secret.public(),
        }));
    }
    if !seen.used.entry(id).or_default().insert(sequence) {
        return Err((409, "replayed"));
    }
    seen.served.push(serde_json::from_slice(body).unwrap());
    Ok(None)
}

fn refuse(status: u16, code: &'static str) -> Response {
    respond(
        status,
        Some(code),
        json!({"error": {"code": code, "message": "as the test says"}}),
    )
}

fn respond(status: u16, refusal: Option<&'static str>, body: Value) -> Response {
    let mut response = Response::builder()
        .status(status)
        .header("content-type", "application/json");
    if let Some(code) = refusal {
        response = response.header("rampart-refusal", code);
    }
    response.body(Body::from(body.to_string())).unwrap()
}
