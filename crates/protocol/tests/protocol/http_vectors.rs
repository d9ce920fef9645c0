//! `vectors/http-signatures.json`: what an independent implementation of RFC 9421 signs in our profile is what we sign, byte
//! for byte; what it signs outside is refused; and the RFCs' own examples hold.

use crate::vectors::read;
use alloy_primitives::B256;
use base64ct::{Base64, Encoding};
use ed25519_dalek::{Signer, SigningKey};
use rampart_protocol::ed25519::is_acceptable_key;
use rampart_protocol::http_signature::{
    Algorithm, Parameters, RequestParts, content_digest, parameters_of_base, parse_content_digest,
    parse_signature, signature_field, verify,
};
use rampart_protocol::usage::verify_voucher;
use rampart_protocol::{AccessKey, PurchaseId, Sequence};
use serde::Deserialize;
use sha2::{Digest, Sha256};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vectors {
    rfc9421: Example,
    content_digests: Vec<ContentDigest>,
    key: Key,
    requests: Vec<Request>,
    refused: Vec<Refused>,
}
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Key {
    seed: B256,
    public_key: AccessKey,
}
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Example {
    #[serde(flatten)]
    key: Key,
    base: String,
    signature_input: String,
    signature: String,
}
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContentDigest {
    source: String,
    body: String,
    content_digest: String,
}
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    name: String,
    method: String,
    authority: String,
    path: String,
    query: String,
    body: Option<String>,
    content_digest: Option<String>,
    created: u64,
    expires: u64,
    purchase: PurchaseId,
    sequence: String,
    base: String,
    signature_input: String,
    signature: String,
}
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Refused {
    name: String,
    signature_input: String,
}

impl Request {
    fn parameters(&self) -> Parameters {
        Parameters {
            created: self.created,
            expires: self.expires,
            purchase: self.purchase,
            sequence: Sequence(self.sequence.parse().unwrap()),
            has_body: self.body.is_some(),
            algorithm: Algorithm::Ed25519,
        }
    }

    fn parts(&self) -> RequestParts<'_> {
        RequestParts {
            method: &self.method,
            authority: &self.authority,
            path: &self.path,
            query: &self.query,
            content_digest: self.content_digest.as_deref(),
        }
    }
}

fn vectors() -> Vectors {
    read("http-signatures.json")
}

#[test]
fn accepts_byte_for_byte_what_another_implementation_signs() {
    let Vectors { key, requests, .. } = vectors();
    assert!(is_acceptable_key(&key.public_key));
    for request in requests {
        let name = &request.name;
        let read = Parameters::from_field(&request.signature_input).unwrap();
        assert_eq!(read, request.parameters(), "{name}");
        let base = read.signature_base(&request.parts()).unwrap();
        assert_eq!(base, request.base, "{name}");
        let signature = parse_signature(&request.signature).unwrap();
        assert_eq!(
            verify(&key.public_key, base.as_bytes(), &signature),
            Ok(()),
            "{name}"
        );
        if let (Some(body), Some(field)) = (&request.body, &request.content_digest) {
            let expected: [u8; 32] = Sha256::digest(body).into();
            assert_eq!(parse_content_digest(field), Ok(expected), "{name}");
            assert_eq!(&content_digest(body.as_bytes()), field, "{name}");
        }
    }
}

#[test]
fn signs_byte_for_byte_what_another_implementation_accepts() {
    let Vectors { key, requests, .. } = vectors();
    let signer = SigningKey::from_bytes(&key.seed.0);
    assert_eq!(signer.verifying_key().to_bytes(), key.public_key.0.0);
    for request in requests {
        let parameters = request.parameters();
        let base = parameters.signature_base(&request.parts()).unwrap();
        let signature = signer.sign(base.as_bytes()).to_bytes();
        assert_eq!(parameters.to_field(), request.signature_input, "{}", request.name);
        assert_eq!(signature_field(&signature), request.signature, "{}", request.name);
    }
}

#[test]
fn every_request_is_a_voucher() {
    let Vectors { key, requests, .. } = vectors();
    for request in requests {
        let Parameters {
            purchase, sequence, ..
        } = request.parameters();
        let signature: [u8; 64] = parse_signature(&request.signature).unwrap();
        let base = request.base.as_bytes();
        assert_eq!(
            verify_voucher(&key.public_key, purchase, sequence, base, &signature),
            Ok(())
        );
        assert!(
            verify_voucher(
                &key.public_key,
                purchase,
                Sequence(sequence.0 ^ 1),
                base,
                &signature
            )
            .is_err()
        );
    }
}

#[test]
fn refuses_sound_signatures_that_are_not_in_the_profile() {
    let refused = vectors().refused;
    assert!(refused.len() >= 17);
    for vector in refused {
        let read = Parameters::from_field(&vector.signature_input);
        assert!(read.is_err(), "{}: {read:?}", vector.name);
    }
}

/// Appendix B.2.6. Its components are not the profile's, so only the signature is checked, over the RFC's own base.
#[test]
fn verifies_the_ed25519_example_of_rfc_9421() {
    let Example {
        key,
        base,
        signature_input,
        signature,
    } = vectors().rfc9421;
    let lines = [
        "\"date\": Tue, 20 Apr 2021 02:07:55 GMT",
        "\"@method\": POST",
        "\"@path\": /foo",
        "\"@authority\": example.com",
        "\"content-type\": application/json",
        "\"content-length\": 18",
        "\"@signature-params\": (\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \
         \"content-length\");created=1618884473;keyid=\"test-key-ed25519\"",
    ];
    assert_eq!(base, lines.join("\n"));
    let field =
        "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:";
    assert_eq!(signature, field);
    let encoded = field.trim_start_matches("sig-b26=:").trim_end_matches(':');
    let signature: [u8; 64] = Base64::decode_vec(encoded).unwrap().try_into().unwrap();
    assert!(is_acceptable_key(&key.public_key));
    assert_eq!(verify(&key.public_key, base.as_bytes(), &signature), Ok(()));
    assert_eq!(
        SigningKey::from_bytes(&key.seed.0)
            .sign(base.as_bytes())
            .to_bytes(),
        signature
    );
    assert!(Parameters::from_field(&signature_input).is_err());
    assert!(parameters_of_base(&base).is_err());
}

#[test]
fn content_digests_are_those_of_the_rfcs() {
    let examples = vectors().content_digests;
    assert_eq!(examples.len(), 3);
    for example in examples {
        assert_eq!(
            content_digest(example.body.as_bytes()),
            example.content_digest,
            "{}",
            example.source
        );
        assert!(parse_content_digest(&example.content_digest).is_ok());
    }
}
