//! A claim: what a request's head says about the right to be served, read strictly and not yet believed.
//!
//! Pure: the head and the clock are arguments. Whether the claim holds is decided in [`crate::admission`].

use crate::refusal::{Refusal, Refused};
use crate::routes;
use hyper::header::{HOST, HeaderMap, HeaderName};
use hyper::http::request::Parts;
use hyper::{Method, Version};
use rampart_protocol::http_signature::{self, Algorithm, Parameters, RequestParts};
use rampart_protocol::message::MAX_VOUCHER;
use rampart_protocol::{Bytes, Seconds, Timestamp};

/// RFC 9421's field of signature parameters.
pub static SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");
/// RFC 9421's field of signatures.
pub static SIGNATURE: HeaderName = HeaderName::from_static("signature");
/// RFC 9530's field.
pub static CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");

/// What a token may say about time.
#[derive(Clone, Copy, Debug)]
pub struct TokenPolicy {
    /// By how much a consumer's clock may differ.
    pub skew: Seconds,
    /// Longest time from `created` to `expires`.
    pub lifetime: Seconds,
}

/// A request's target, in the one form that is served.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Absolute path.
    pub path: &'a str,
    /// Query without its question mark; empty for none.
    pub query: &'a str,
}

/// What a request brings to prove its claim, by the algorithm that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// `ed25519`: a signature by the purchase's access key.
    Signature([u8; 64]),
    /// `hmac-sha256`: a MAC under the key of an open block.
    Mac([u8; 32]),
}

/// What a request claims.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The signature's parameters.
    pub parameters: Parameters,
    /// What was signed.
    pub base: Bytes,
    /// What is said to prove it.
    pub proof: Proof,
    /// SHA-256 of the body, when there is one.
    pub body_sha256: Option<[u8; 32]>,
}

/// Checks method, version and target.
///
/// # Errors
/// [`Refusal::BadRequest`].
pub fn target(head: &Parts) -> Result<Target<'_>, Refused> {
    let bad = |message: &'static str| Err(Refusal::BadRequest.because(message));
    if head.version != Version::HTTP_11 {
        return bad("only HTTP/1.1 is served");
    }
    if head.method == Method::CONNECT || head.method == Method::TRACE {
        return bad("CONNECT and TRACE are not served");
    }
    if head.uri.authority().is_some() || !head.uri.path().starts_with('/') {
        return bad("the target must be a path, not an absolute URI");
    }
    let (path, query) = (head.uri.path(), head.uri.query().unwrap_or_default());
    if !routes::is_plain(path) {
        return bad("the path has dot segments, empty segments or encoded slashes");
    }
    if !query.bytes().all(|byte| byte.is_ascii_graphic()) {
        return bad("the query is not ASCII");
    }
    Ok(Target { path, query })
}

/// Checks that the request came to `authority`.
///
/// # Errors
/// [`Refusal::BadRequest`] without exactly one `Host`, else [`Refusal::WrongAuthority`].
pub fn check_authority(headers: &HeaderMap, authority: &str) -> Result<(), Refused> {
    let Some(host) = single(headers, &HOST, Refusal::BadRequest)? else {
        return Err(Refusal::BadRequest.because("there is no Host"));
    };
    let host = host.to_ascii_lowercase();
    // A default port may be spelled out; the signature is over the normal form all the same (RFC 9421, 2.2.3).
    let normal = host.strip_suffix(":443").or_else(|| host.strip_suffix(":80"));
    if host == authority || normal == Some(authority) {
        Ok(())
    } else {
        Err(Refusal::WrongAuthority.into())
    }
}

/// Whether the request carries a token at all.
#[must_use]
pub fn has_token(headers: &HeaderMap) -> bool {
    headers.contains_key(&SIGNATURE_INPUT)
}

/// Reads the signature fields.
///
/// # Errors
/// [`Refusal::BadSignatureInput`] when they are not in the profile, [`Refusal::TargetTooLong`] when the voucher would be too
/// long for a usage report.
pub fn read(head: &Parts, target: Target<'_>, authority: &str, has_body: bool) -> Result<Claim, Refused> {
    let profile = |error: http_signature::ProfileError| Refusal::BadSignatureInput.because(error.to_string());
    let field = |name| single(&head.headers, name, Refusal::BadSignatureInput);
    let missing = |message: &'static str| Refusal::BadSignatureInput.because(message);
    let input = field(&SIGNATURE_INPUT)?.ok_or_else(|| missing("there is no Signature-Input"))?;
    let signature = field(&SIGNATURE)?.ok_or_else(|| missing("there is no Signature"))?;
    let content_digest = field(&CONTENT_DIGEST)?;
    let parameters = Parameters::from_field(input).map_err(profile)?;
    let proof = match parameters.algorithm {
        Algorithm::Ed25519 => http_signature::parse_signature(signature).map(Proof::Signature),
        Algorithm::HmacSha256 => http_signature::parse_signature(signature).map(Proof::Mac),
    };
    let proof = proof.map_err(profile)?;
    if parameters.has_body != has_body {
        return Err(missing(
            "content-digest must be covered exactly when there is a body",
        ));
    }
    let body_sha256 = content_digest
        .map(http_signature::parse_content_digest)
        .transpose()
        .map_err(profile)?;
    let base = parameters
        .signature_base(&RequestParts {
            method: head.method.as_str(),
            authority,
            path: target.path,
            query: target.query,
            content_digest,
        })
        .map_err(profile)?;
    if base.len() > MAX_VOUCHER {
        return Err(Refusal::TargetTooLong.into());
    }
    Ok(Claim {
        parameters,
        base: base.into_bytes().into(),
        proof,
        body_sha256,
    })
}

/// Checks `created` and `expires` against the clock.
///
/// # Errors
/// [`Refusal::StaleSignature`].
pub fn check_time(parameters: &Parameters, now: Timestamp, policy: TokenPolicy) -> Result<(), Refused> {
    let stale = |message: &'static str| Err(Refusal::StaleSignature.because(message));
    let Parameters { created, expires, .. } = *parameters;
    match expires.checked_sub(created) {
        None | Some(0) => return stale("expires must be later than created"),
        Some(lifetime) if lifetime > policy.lifetime.0 => return stale("the signature lives too long"),
        Some(_) => {}
    }
    if created > now.0.saturating_add(policy.skew.0) {
        return stale("created is in the future");
    }
    if expires.saturating_add(policy.skew.0) < now.0 {
        return stale("the signature has expired");
    }
    Ok(())
}

/// The one value of a field, if it is there.
pub(crate) fn single<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    refusal: Refusal,
) -> Result<Option<&'a str>, Refused> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(refusal.because(format!("{name} is there more than once")));
    }
    value
        .to_str()
        .map(Some)
        .map_err(|_| refusal.because(format!("{name} is not ASCII")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use hyper::Request;
    use rampart_protocol::{B256, PurchaseId, Sequence};

    const POLICY: TokenPolicy = TokenPolicy {
        skew: Seconds(30),
        lifetime: Seconds(300),
    };

    fn head(build: impl FnOnce(hyper::http::request::Builder) -> hyper::http::request::Builder) -> Parts {
        build(Request::builder()).body(()).unwrap().into_parts().0
    }

    fn parameters(created: u64, expires: u64) -> Parameters {
        Parameters {
            created,
            expires,
            purchase: PurchaseId(B256::ZERO),
            sequence: Sequence(1),
            has_body: false,
            algorithm: Algorithm::Ed25519,
        }
    }

    fn signed(b: hyper::http::request::Builder) -> hyper::http::request::Builder {
        b.uri("/v1?x=1")
            .header("signature-input", parameters(100, 200).to_field())
            .header("signature", http_signature::signature_field(&[7; 64]))
    }

    fn claim(head: &Parts, has_body: bool) -> Result<Claim, Refusal> {
        read(head, target(head).unwrap(), "a.example", has_body).map_err(|refused| refused.refusal)
    }

    #[test]
    fn the_base_is_the_one_that_rfc_9421_spells_out() {
        let base = claim(&head(signed), false).unwrap().base;
        let expected = "\"@method\": GET\n\"@authority\": a.example\n\"@path\": /v1\n\"@query\": ?x=1\n\"@signature-params\": \
            (\"@method\" \"@authority\" \"@path\" \"@query\");created=100;expires=200;\
            keyid=\"0x0000000000000000000000000000000000000000000000000000000000000000\";nonce=\"1\";alg=\"ed25519\";tag=\"rampart-v1\"";
        assert_eq!(&base[..], expected.as_bytes());
    }

    #[test]
    fn the_algorithm_says_how_long_the_proof_is() {
        let by = |algorithm, field: String| {
            let parameters = Parameters {
                algorithm,
                ..parameters(100, 200)
            };
            claim(
                &head(|b| {
                    b.header("signature-input", parameters.to_field())
                        .header("signature", field)
                }),
                false,
            )
            .map(|claim| claim.proof)
        };
        let (long, short) = (
            http_signature::signature_field(&[7; 64]),
            http_signature::signature_field(&[7; 32]),
        );
        assert_eq!(
            by(Algorithm::Ed25519, long.clone()),
            Ok(Proof::Signature([7; 64]))
        );
        assert_eq!(by(Algorithm::HmacSha256, short.clone()), Ok(Proof::Mac([7; 32])));
        assert_eq!(by(Algorithm::Ed25519, short), Err(Refusal::BadSignatureInput));
        assert_eq!(by(Algorithm::HmacSha256, long), Err(Refusal::BadSignatureInput));
    }

    #[test]
    fn each_signature_field_stands_exactly_once() {
        for name in ["signature-input", "signature"] {
            let twice = head(|b| signed(b).header(name, "rampart=x"));
            assert_eq!(
                claim(&twice, false).unwrap_err(),
                Refusal::BadSignatureInput,
                "{name}"
            );
        }
        let unsigned = head(|b| b.header("signature-input", parameters(1, 2).to_field()));
        assert_eq!(claim(&unsigned, false).unwrap_err(), Refusal::BadSignatureInput);
        let digest = http_signature::content_digest(b"");
        let uncovered = head(|b| signed(b).header("content-digest", &digest));
        assert_eq!(claim(&uncovered, false).unwrap_err(), Refusal::BadSignatureInput);
        assert_eq!(
            claim(&head(signed), true).unwrap_err(),
            Refusal::BadSignatureInput,
            "body not covered"
        );
    }

    #[test]
    fn a_target_too_long_to_report_is_refused() {
        let long = head(|b| signed(b).uri(format!("/{}", "a".repeat(2000))));
        assert_eq!(claim(&long, false).unwrap_err(), Refusal::TargetTooLong);
    }

    #[test]
    fn only_a_plain_path_is_a_target() {
        for uri in ["http://a.example/", "/a/../b", "/a//b"] {
            assert_eq!(
                target(&head(|b| b.uri(uri))).unwrap_err().refusal,
                Refusal::BadRequest,
                "{uri}"
            );
        }
        assert!(target(&head(|b| b.uri("*").method("OPTIONS"))).is_err());
        assert!(target(&head(|b| b.uri("/").method("TRACE"))).is_err());
        assert!(target(&head(|b| b.uri("/").version(Version::HTTP_10))).is_err());
    }

    #[test]
    fn the_host_must_be_ours_in_any_spelling_of_the_default_port() {
        let check = |hosts: &[&str]| {
            let head = head(|b| hosts.iter().fold(b, |b, host| b.header("host", *host)));
            check_authority(&head.headers, "a.example").map_err(|refused| refused.refusal)
        };
        for host in ["a.example", "A.Example", "a.example:443", "a.example:80"] {
            assert_eq!(check(&[host]), Ok(()), "{host}");
        }
        for host in ["b.example", "a.example:8080", "a.example:443:80", "a.example."] {
            assert_eq!(check(&[host]), Err(Refusal::WrongAuthority), "{host}");
        }
        assert_eq!(check(&[]), Err(Refusal::BadRequest));
        assert_eq!(check(&["a.example", "a.example"]), Err(Refusal::BadRequest));
    }

    #[test]
    fn the_signature_is_for_this_moment() {
        let at =
            |created, expires| check_time(&parameters(created, expires), Timestamp(1000), POLICY).is_ok();
        assert!(at(1000, 1300) && at(1030, 1100) && at(900, 970));
        assert!(!at(1031, 1100), "made in the future");
        assert!(!at(900, 969), "expired");
        assert!(!at(1000, 1301), "lives too long");
        assert!(!at(1000, 1000) && !at(1000, 999), "ends before it begins");
        assert!(!at(u64::MAX, 0) && !at(0, u64::MAX));
    }
}
