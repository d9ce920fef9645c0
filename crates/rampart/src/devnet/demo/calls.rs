//! Requests as a consumer signs them, and JSON-RPC through the gateway.

use super::Stage;
use crate::clock;
use crate::devnet::layout::url;
use anyhow::Context;
use ed25519_dalek::Signer;
use rampart_gateway::wallet::StoredPurchase;
use rampart_protocol::http_signature::{
    Algorithm, Parameters, RequestParts, content_digest, signature_field,
};
use rampart_protocol::{PurchaseId, Sequence};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// A request to a sidecar, signed, that a demonstration can still spoil.
#[derive(Clone, Debug)]
pub struct SignedCall {
    /// Where.
    pub address: SocketAddr,
    /// Path behind the authority.
    pub path: String,
    /// What is sent; the digest that was signed is [`Self::digest`].
    pub body: Vec<u8>,
    /// `Content-Digest`.
    pub digest: String,
    /// `Signature-Input`.
    pub input: String,
    /// `Signature`.
    pub signature: String,
}

/// What a sidecar answers.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The code of a refusal, or empty.
    pub code: String,
    /// The body.
    pub body: Value,
}

/// Signs a POST as the holder of a purchase does.
pub fn sign(
    purchase: &StoredPurchase,
    sequence: u64,
    address: SocketAddr,
    path: &str,
    body: &Value,
) -> anyhow::Result<SignedCall> {
    sign_as(purchase, purchase.record.id, sequence, address, path, body)
}

/// Signs with a purchase's key in the name of a purchase.
pub fn sign_as(
    purchase: &StoredPurchase,
    id: PurchaseId,
    sequence: u64,
    address: SocketAddr,
    path: &str,
    body: &Value,
) -> anyhow::Result<SignedCall> {
    let body = serde_json::to_vec(body)?;
    let digest = content_digest(&body);
    let created = clock::now()?.as_secs();
    let parameters = Parameters {
        created,
        expires: created + 60,
        purchase: id,
        sequence: Sequence(sequence),
        has_body: true,
        algorithm: Algorithm::Ed25519,
    };
    let authority = address.to_string();
    let parts = RequestParts {
        method: "POST",
        authority: &authority,
        path,
        query: "",
        content_digest: Some(&digest),
    };
    let base = parameters.signature_base(&parts)?;
    let signature = purchase.access_key.sign(base.as_bytes());
    Ok(SignedCall {
        address,
        path: path.to_owned(),
        body,
        digest,
        input: parameters.to_field(),
        signature: signature_field(&signature.to_bytes()),
    })
}

impl SignedCall {
    /// Sends it.
    pub async fn send(&self, http: &reqwest::Client) -> anyhow::Result<Answer> {
        let response = http
            .post(format!("{}{}", url(self.address), self.path))
            .header("content-type", "application/json")
            .header("content-digest", &self.digest)
            .header("signature-input", &self.input)
            .header("signature", &self.signature)
            .body(self.body.clone())
            .send()
            .await?;
        answer(response).await
    }
}

/// Reads a sidecar's answer.
pub async fn answer(response: reqwest::Response) -> anyhow::Result<Answer> {
    let status = response.status().as_u16();
    let body: Value = response
        .json()
        .await
        .context("the sidecar did not answer in JSON")?;
    let code = body
        .pointer("/error/code")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    Ok(Answer { status, code, body })
}

impl Stage<'_> {
    /// A JSON-RPC call through the gateway.
    pub(super) async fn gateway(&self, method: &str, params: Value) -> anyhow::Result<Value> {
        self.rpc(
            self.layout.gateway(),
            &json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }),
        )
        .await
    }

    /// A JSON-RPC call to the L1 node itself.
    pub(super) async fn node(&self, method: &str, params: Value) -> anyhow::Result<Value> {
        self.rpc(
            self.layout.l1(),
            &json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }),
        )
        .await
    }

    /// Sends JSON and reads JSON.
    pub(super) async fn rpc(&self, address: SocketAddr, body: &Value) -> anyhow::Result<Value> {
        let response = self.http.post(url(address)).json(body).send().await?;
        response
            .json()
            .await
            .with_context(|| format!("{address} did not answer in JSON"))
    }
}
