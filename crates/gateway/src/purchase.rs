//! One purchase in use: its terms, its key, its sequence numbers, and the signed requests made with them (C6).

use crate::blocks::{Block, Blocks};
use crate::client::HttpClient;
use crate::config::Signing;
use crate::sequence::{Counter, TakeError};
use crate::target::{Target, TargetError};
use base64ct::{Base64, Encoding};
use bytes::Bytes;
use ed25519_dalek::{Signer, SigningKey};
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use hyper::{Method, Request, Uri};
use rampart_protocol::http_signature::{
    Algorithm, Parameters, ProfileError, RequestParts, content_digest, signature_field,
};
use rampart_protocol::mac::MacKey;
use rampart_protocol::{Confirmation, PurchaseRecord, Sequence, request_block};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{PoisonError, RwLock};

/// How long a signature may be used, seconds. A sidecar accepts at most 300.
const LIFETIME_SECONDS: u64 = 60;

const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");
const SIGNATURE: HeaderName = HeaderName::from_static("signature");
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");
const CONFIRMATION: HeaderName = HeaderName::from_static("rampart-confirmation");

/// Why a purchase is of no more use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// All requests are used.
    Exhausted,
    /// The time is over.
    Expired,
}

/// Why a request cannot be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The parts are outside the profile.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The request cannot be built from its parts.
    #[error("the request cannot be built")]
    Request(#[from] hyper::http::Error),
    /// The sidecar's URL cannot be built.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A field value is no header value.
    #[error("a signature field is no header value")]
    Field(#[from] hyper::header::InvalidHeaderValue),
}

/// A purchase in use.
#[derive(Debug)]
pub struct Purchase {
    pub record: PurchaseRecord,
    key: SigningKey,
    target: Target,
    path: String,
    uri: Uri,
    counter: Counter,
    confirmation: RwLock<Option<HeaderValue>>,
    /// Whether the sidecar has shown that it knows the purchase.
    known: AtomicBool,
    /// 0 usable, 1 exhausted, 2 expired: what the sidecar said.
    spent: AtomicU8,
    /// Blocks of numbers for requests by `hmac-sha256`; none when each is signed by the access key.
    blocks: Option<Blocks>,
}

/// What a request is to the sidecar.
struct Asked<'a> {
    uri: Uri,
    path: &'a str,
    query: &'a str,
    body: Bytes,
}

impl Purchase {
    pub fn new(
        record: PurchaseRecord,
        key: SigningKey,
        target: Target,
        path: &str,
        counter: Counter,
        signing: Signing,
    ) -> Result<Self, TargetError> {
        Ok(Self {
            uri: target.uri(path)?,
            path: target.path(path),
            record,
            key,
            target,
            counter,
            confirmation: RwLock::new(None),
            known: AtomicBool::new(false),
            spent: AtomicU8::new(0),
            blocks: (signing == Signing::HmacSha256).then(Blocks::new),
        })
    }

    /// Why the purchase is of no use at `now` (unix seconds), if it is not.
    pub async fn spent(&self, now: u64) -> Option<Spent> {
        match self.spent.load(Ordering::Relaxed) {
            1 => Some(Spent::Exhausted),
            2 => Some(Spent::Expired),
            _ if now >= self.record.expires_at.0 => Some(Spent::Expired),
            _ if self.counter.remaining().await == 0 => Some(Spent::Exhausted),
            _ => None,
        }
    }

    /// Remembers what the sidecar said.
    pub fn set_spent(&self, spent: Spent) {
        let value = match spent {
            Spent::Exhausted => 1,
            Spent::Expired => 2,
        };
        self.spent.store(value, Ordering::Relaxed);
    }

    pub async fn take(&self) -> Result<Sequence, TakeError> {
        self.counter.take().await
    }

    pub async fn remaining(&self) -> u64 {
        self.counter.remaining().await
    }

    pub async fn skip_block(&self) {
        self.counter.skip_block().await;
    }

    pub async fn release(&self) {
        self.counter.release().await;
    }

    pub fn is_known(&self) -> bool {
        self.known.load(Ordering::Relaxed)
    }

    pub fn set_known(&self, known: bool) {
        self.known.store(known, Ordering::Relaxed);
    }

    pub fn has_confirmation(&self) -> bool {
        self.confirmation
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some()
    }

    /// Takes the purchase's confirmation, to be sent until the sidecar knows the purchase.
    pub fn set_confirmation(&self, confirmation: &Confirmation) {
        let field = format!(":{}:", Base64::encode_string(&confirmation.to_bytes()));
        if let Ok(value) = HeaderValue::from_str(&field) {
            *self.confirmation.write().unwrap_or_else(PoisonError::into_inner) = Some(value);
        }
    }

    /// The block with a number for a request by `hmac-sha256`, opened if need be; nothing when the request is to be signed by
    /// the access key.
    pub async fn block(&self, client: &HttpClient, sequence: Sequence, now: u64) -> Option<Block> {
        let blocks = self.blocks.as_ref()?;
        blocks.with(self, client, sequence, now).await
    }

    /// The sidecar does not know the block.
    pub async fn forget_block(&self, block: &Block) {
        if let Some(blocks) = &self.blocks {
            blocks.forget(block).await;
        }
    }

    /// The last number that is this gateway's to use.
    pub async fn reserved(&self) -> Sequence {
        self.counter.reserved().await
    }

    /// A `POST` of `body`, signed by the access key or by `key`, with the confirmation while the sidecar does not know the
    /// purchase.
    pub fn request(
        &self,
        sequence: Sequence,
        body: Bytes,
        now: u64,
        key: Option<&MacKey>,
    ) -> Result<Request<Full<Bytes>>, SignError> {
        let asked = Asked {
            uri: self.uri.clone(),
            path: &self.path,
            query: self.target.query(),
            body,
        };
        self.sign(asked, sequence, now, key)
    }

    /// A request for a block of numbers up to `to`.
    pub fn block_request(
        &self,
        to: Sequence,
        body: Bytes,
        now: u64,
    ) -> Result<Request<Full<Bytes>>, SignError> {
        let asked = Asked {
            uri: self.target.own_uri(request_block::PATH)?,
            path: request_block::PATH,
            query: "",
            body,
        };
        self.sign(asked, to, now, None)
    }

    fn sign(
        &self,
        asked: Asked<'_>,
        sequence: Sequence,
        now: u64,
        key: Option<&MacKey>,
    ) -> Result<Request<Full<Bytes>>, SignError> {
        let digest = content_digest(&asked.body);
        let parameters = Parameters {
            created: now,
            expires: now.saturating_add(LIFETIME_SECONDS),
            purchase: self.record.id,
            sequence,
            has_body: true,
            algorithm: match key {
                Some(_) => Algorithm::HmacSha256,
                None => Algorithm::Ed25519,
            },
        };
        let base = parameters.signature_base(&RequestParts {
            method: "POST",
            authority: &self.target.authority,
            path: asked.path,
            query: asked.query,
            content_digest: Some(&digest),
        })?;
        let signature = match key {
            Some(key) => signature_field(&key.sign(base.as_bytes())),
            None => signature_field(&self.key.sign(base.as_bytes()).to_bytes()),
        };
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(asked.uri)
            .header(HOST, &self.target.authority)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(asked.body))?;
        let headers = request.headers_mut();
        headers.insert(CONTENT_DIGEST, HeaderValue::from_str(&digest)?);
        headers.insert(SIGNATURE_INPUT, HeaderValue::from_str(&parameters.to_field())?);
        headers.insert(SIGNATURE, HeaderValue::from_str(&signature)?);
        if !self.is_known() {
            let confirmation = self.confirmation.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(value) = &*confirmation {
                headers.insert(CONFIRMATION, value.clone());
            }
        }
        Ok(request)
    }
}
