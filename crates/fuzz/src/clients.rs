//! What clients send: queries and bodies to an operator, signed requests to a sidecar, JSON-RPC to a gateway. And the
//! sidecar's own files, which a crash may have cut.

use crate::stage::{self, DOMAIN};
use crate::{shape, shaped};
use ed25519_dalek::{Signer as _, SigningKey};
use hyper::Request;
use hyper::header::{HeaderName, HeaderValue};
use hyper::http::request::Parts;
use rampart_gateway::jsonrpc;
use rampart_node::checkpoint::Proof;
use rampart_protocol::http_signature::{self, Algorithm, Parameters, RequestParts};
use rampart_protocol::{AccessKey, B256, PurchaseId, Sequence, SignedCheckpoint, SignedTransaction};
use rampart_sidecar::meter::{frame, record::Record};
use rampart_sidecar::{claim, fuzzing, routes};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::str::from_utf8;

const AUTHORITY: &str = "api.example";

/// A query string of the operator's API.
pub fn query(bytes: &[u8]) {
    if let Ok(text) = from_utf8(bytes) {
        rampart_node::fuzzing::query(text);
    }
}

pub fn query_seeds() -> Vec<Vec<u8>> {
    let consumer = format!("{}", stage::record().consumer);
    [
        "provider=1&category=general&min_score=5&max_price=7&text=a%20b&active=true&sort=price&after=7-3&limit=5".to_owned(),
        "sort=score&after=1000000-9".to_owned(),
        "after=12&sort=id".to_owned(),
        format!("consumer={consumer}&service=3&after=5-1&limit=200"),
        format!("from=5&kinds=block,purchase,review,service,provider&provider=3&consumer={consumer}"),
        "12-4294967295".to_owned(),
    ]
    .map(String::into_bytes)
    .to_vec()
}

/// A body of the operator's API, and the network's file.
pub fn body(bytes: &[u8]) {
    match shape(bytes, 3) {
        Some((0, bytes)) => transaction(bytes),
        Some((1, bytes)) => evidence(bytes),
        Some((_, bytes)) => {
            let network = from_utf8(bytes)
                .ok()
                .and_then(rampart_node::fuzzing::network_file);
            assert!(network.is_none_or(|network| network.operator_set.validate().is_ok()));
        }
        None => {}
    }
}

fn transaction(bytes: &[u8]) {
    let Ok(transaction) = serde_json::from_slice::<SignedTransaction>(bytes) else {
        return;
    };
    let again = SignedTransaction::from_bytes(&transaction.to_bytes());
    match transaction.message.check_limits() {
        Ok(()) => assert_eq!(again.as_ref(), Ok(&transaction), "what is taken can be passed on"),
        Err(_) => assert!(again.is_err(), "no peer takes what the API refuses"),
    }
    let _ = (transaction.signer(&DOMAIN), transaction.hash());
}

fn evidence(bytes: &[u8]) {
    let Ok(signed) = serde_json::from_slice::<[SignedCheckpoint; 2]>(bytes) else {
        return;
    };
    let [first, second] = signed;
    if let Some(proof) = Proof::new(signed, &DOMAIN) {
        assert_eq!(first.signer(&DOMAIN), Some(proof.operator));
        assert_eq!(second.signer(&DOMAIN), Some(proof.operator));
        assert_eq!(first.checkpoint.height, second.checkpoint.height);
        assert_ne!(first.checkpoint, second.checkpoint);
        let honest = [stage::checkpoint(9, 1), stage::checkpoint(9, 2)];
        assert!(
            signed.iter().all(|signed| honest.contains(signed)),
            "it signed no others"
        );
    }
}

pub fn body_seeds() -> Vec<Vec<u8>> {
    let json = |value: Value| value.to_string();
    let evidence = [stage::checkpoint(9, 1), stage::checkpoint(9, 2)];
    let operators = &stage::operators().operators;
    let addresses: BTreeMap<_, _> = operators
        .iter()
        .map(|operator| (operator.public_key, "127.0.0.1:7000"))
        .collect();
    let network = json!({
        "operatorSet": stage::operators(), "addresses": addresses, "genesisTimestampMs": 1,
        "settlementDeployedAt": 0, "checkpointInterval": 10, "epochBlocks": 3600,
    });
    assert!(
        rampart_node::fuzzing::network_file(&json(network.clone())).is_some(),
        "a seed is one"
    );
    vec![
        shaped(0, json(json!(stage::transaction()))),
        shaped(1, json(json!(evidence))),
        shaped(2, json(network)),
    ]
}

fn access_key() -> SigningKey {
    SigningKey::from_bytes(&[5; 32])
}

/// A request to a sidecar: a line of method and target, lines of fields, an empty line, and whether there is a body.
pub fn request(bytes: &[u8]) {
    let Some((head, has_body)) = parts(bytes) else {
        return;
    };
    if let Some(value) = head
        .headers
        .get("rampart-confirmation")
        .and_then(|value| value.to_str().ok())
    {
        let _ = fuzzing::confirmation_field(value);
    }
    let mut headers = head.headers.clone();
    fuzzing::to_upstream(&mut headers, &stage::record());
    let ours = headers
        .keys()
        .filter(|name| name.as_str().replace('_', "-").starts_with("rampart-"));
    assert_eq!(ours.count(), 2, "the upstream gets no forged fields");
    let Ok(target) = claim::target(&head) else {
        return;
    };
    assert!(routes::is_plain(target.path));
    let _ = claim::check_authority(&head.headers, AUTHORITY);
    let Ok(claim) = claim::read(&head, target, AUTHORITY, has_body) else {
        return;
    };
    // What a voucher proves later is what was asked now.
    let base = from_utf8(&claim.base).expect("a signature base is ASCII");
    assert_eq!(
        http_signature::parameters_of_base(base).ok(),
        Some(claim.parameters)
    );
    assert_eq!(
        base.matches('\n').count(),
        if has_body { 5 } else { 4 },
        "one line a component"
    );
    let key = AccessKey(B256::new(access_key().verifying_key().to_bytes()));
    if let claim::Proof::Signature(signature) = claim.proof
        && http_signature::verify(&key, &claim.base, &signature).is_ok()
    {
        assert_eq!(base, signed_base(), "the key signed nothing else");
    }
}

fn parts(bytes: &[u8]) -> Option<(Parts, bool)> {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let mut first = from_utf8(lines.next()?).ok()?.splitn(2, ' ');
    let mut head = Request::builder()
        .method(first.next()?)
        .uri(first.next()?)
        .body(())
        .ok()?
        .into_parts()
        .0;
    for line in lines.by_ref().take_while(|line| !line.is_empty()) {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
        head.headers.append(name, value);
    }
    Some((head, lines.next().is_some()))
}

fn parameters(has_body: bool) -> Parameters {
    Parameters {
        created: 100,
        expires: 200,
        purchase: PurchaseId(B256::repeat_byte(1)),
        sequence: Sequence(7),
        has_body,
        algorithm: Algorithm::Ed25519,
    }
}

fn signed_base() -> String {
    let request = RequestParts {
        method: "GET",
        authority: AUTHORITY,
        path: "/v1/a",
        query: "x=1",
        content_digest: None,
    };
    parameters(false)
        .signature_base(&request)
        .expect("it is in the profile")
}

pub fn request_seeds() -> Vec<Vec<u8>> {
    let signature = http_signature::signature_field(&access_key().sign(signed_base().as_bytes()).to_bytes());
    let fields = |has_body| {
        format!(
            "host: {AUTHORITY}\nsignature-input: {}\nsignature: {signature}\nconnection: close, x-hop\nx-hop: 1\n\
             rampart_purchase: forged\nrampart-confirmation: :AAAA:\n",
            parameters(has_body).to_field()
        )
    };
    let digest = http_signature::content_digest(b"{}");
    vec![
        format!("GET /v1/a?x=1\n{}", fields(false)).into_bytes(),
        format!("POST /v1/a?x=1\n{}content-digest: {digest}\n\n{{}}", fields(true)).into_bytes(),
        format!(
            "GET /v1/a?x=1\n{}",
            fields(false).replace("ed25519", "hmac-sha256")
        )
        .into_bytes(),
        b"GET /a/../b%2f;x\nhost: a\n".to_vec(),
    ]
}

/// A file of the meter: frames, and records within.
pub fn meter(bytes: &[u8]) {
    let stream = frame::Stream {
        kind: b'L',
        generation: 1,
    };
    if let Ok((payloads, sound)) = frame::read(stream, bytes) {
        let mut again = Vec::new();
        for (index, payload) in payloads.iter().enumerate() {
            frame::write(stream, index as u64, payload, &mut again);
        }
        assert_eq!(again, &bytes[..sound], "nothing is dropped that was sound");
    }
    let mut rest = bytes;
    while !rest.is_empty() {
        let before = rest;
        let Ok(record) = Record::read(&mut rest) else {
            return;
        };
        let mut again = Vec::new();
        record.write(&mut again);
        assert_eq!(again, &before[..before.len() - rest.len()], "one encoding");
    }
}

pub fn meter_seeds() -> Vec<Vec<u8>> {
    let stream = frame::Stream {
        kind: b'L',
        generation: 1,
    };
    let mut record = Vec::new();
    Record::Purchase(stage::record()).write(&mut record);
    let mut file = Vec::new();
    frame::write(stream, 0, &record, &mut file);
    frame::write(stream, 1, b"", &mut file);
    let torn = file[..file.len() - 3].to_vec();
    vec![record, file, torn]
}

/// JSON-RPC to the gateway, a transaction within it, and a vendor's verdict.
pub fn rpc(bytes: &[u8]) {
    match shape(bytes, 3) {
        Some((0, bytes)) => calls(bytes),
        Some((1, bytes)) => {
            let text = format!("0x{}", alloy_primitives::hex::encode(bytes));
            if let Some((relayed, asked)) = rampart_gateway::fuzzing::transaction(&text, 1) {
                assert_eq!(relayed, text, "what is screened is what is relayed");
                assert!(asked["transaction"]["from"].is_string());
            }
            if let Ok(text) = from_utf8(bytes) {
                let _ = rampart_gateway::fuzzing::transaction(text, 1);
            }
        }
        Some((_, bytes)) => {
            let shown = rampart_gateway::fuzzing::verdict(bytes);
            assert!(shown.is_none_or(|characters| characters <= 16 * 3 * 300 + 2 * 300));
        }
        None => {}
    }
}

fn calls(bytes: &[u8]) {
    const MOST: usize = 10;
    let elements = match jsonrpc::read(bytes, MOST) {
        Ok(jsonrpc::Body::Single(element)) => vec![element],
        Ok(jsonrpc::Body::Batch(elements)) => elements,
        Err(_) => return,
    };
    assert!((1..=MOST).contains(&elements.len()));
    for call in elements.into_iter().flatten() {
        // A loose reader sees the same method in the text that is relayed.
        let read: Value = serde_json::from_str(call.text).expect("a call is JSON");
        assert_eq!(read["method"], *call.method);
        let answer = jsonrpc::RpcError::new(1, "x").response(call.id);
        assert!(
            serde_json::from_str::<Value>(&answer).is_ok(),
            "an id goes into an answer as it is"
        );
    }
}

pub fn rpc_seeds() -> Vec<Vec<u8>> {
    // EIP-155's own example, and one of EIP-1559's form.
    let legacy = "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83";
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"eth_sendRawTransaction","params":["0x00"]}"#;
    let verdict = r#"{"verdict":"block","score":90,"reasons":[{"code":"A","message":"b","severity":"high","evidence":{"a":1}}],"vendor":"v","version":"1"}"#;
    vec![
        shaped(0, call),
        shaped(0, format!("[{call},{call}]")),
        shaped(1, alloy_primitives::hex::decode(legacy).unwrap_or_default()),
        shaped(1, [2, 0xc0]),
        shaped(2, verdict),
    ]
}
