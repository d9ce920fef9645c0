//! The "rampart-v1" profile of HTTP Message Signatures (RFC 9421): how a purchase's access key signs an API request.
//!
//! One fixed list of components and parameters, in one order; anything else is refused, so that two implementations
//! never differ on what was signed. The content digest is RFC 9530's, sha-256 only. This module builds and reads
//! bytes; whether a request may be served is the sidecar's decision.
//!
//! Two algorithms. `ed25519`: each request is its own proof of use. `hmac-sha256`: the access key has signed a block of
//! sequence numbers in advance ([`crate::request_block`]), and a request of the block carries a [`crate::mac`]
//! that only its two sides can check, and that proves nothing to anybody else.

use crate::ed25519::{self, Signed};
use crate::units::{AccessKey, PurchaseId, Sequence};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloy_primitives::B256;
use base64ct::{Base64, Encoding};
use core::fmt::Write;
use sha2::{Digest, Sha256};

/// The signature's label in `Signature-Input` and `Signature`.
pub const LABEL: &str = "rampart";
/// The profile's tag.
pub const TAG: &str = "rampart-v1";
/// Longest `Signature-Input` value that is read, bytes.
pub const MAX_INPUT: usize = 512;

const COMPONENTS: &str = r#"("@method" "@authority" "@path" "@query")"#;
const COMPONENTS_WITH_BODY: &str = r#"("@method" "@authority" "@path" "@query" "content-digest")"#;

/// How a request is signed; names are those of the IANA registry of HTTP Signature Algorithms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// By the purchase's access key: 64 bytes (RFC 9421, section 3.3.6).
    #[default]
    Ed25519,
    /// Under a key agreed for a block of sequence numbers: 32 bytes (RFC 9421, section 3.3.3).
    HmacSha256,
}

impl Algorithm {
    /// The registered name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::HmacSha256 => "hmac-sha256",
        }
    }
}

/// The signature parameters, in the profile's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Unix seconds of the signature's making.
    pub created: u64,
    /// Unix seconds after which it must not be accepted.
    pub expires: u64,
    /// `keyid`: the purchase.
    pub purchase: PurchaseId,
    /// `nonce`: the cumulative voucher.
    pub sequence: Sequence,
    /// Whether `content-digest` is covered: exactly when the request has a body.
    pub has_body: bool,
    /// `alg`.
    pub algorithm: Algorithm,
}

/// The parts of a request that the signature covers.
#[derive(Clone, Copy, Debug)]
pub struct RequestParts<'a> {
    /// `@method`, such as `POST`.
    pub method: &'a str,
    /// `@authority`: host in lower case, port only when not the scheme's default.
    pub authority: &'a str,
    /// `@path`: the absolute path, `/` when empty.
    pub path: &'a str,
    /// `@query` without its question mark; empty when there is none.
    pub query: &'a str,
    /// The `Content-Digest` field's value, when there is a body.
    pub content_digest: Option<&'a str>,
}

impl RequestParts<'_> {
    fn is_single_line(&self) -> bool {
        let digest = self.content_digest.unwrap_or_default();
        [self.method, self.authority, self.path, self.query, digest]
            .iter()
            .all(|value| value.bytes().all(|byte| matches!(byte, b' '..=b'~')))
    }
}

/// Why a signature field was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// `Signature-Input` is not in the profile's one form.
    #[error("Signature-Input is not in the rampart-v1 profile: {0}")]
    Input(&'static str),
    /// A covered component could not stand on one line of the signature base.
    #[error("a covered component has a character that is not printable ASCII")]
    Component,
    /// `Signature` is not `rampart=:base64:` of the 64 bytes of an Ed25519 signature or the 32 of a MAC.
    #[error("Signature must be rampart=:base64 of 64 bytes for ed25519, of 32 for hmac-sha256:")]
    Signature,
    /// `Content-Digest` is not `sha-256=:base64 of 32 bytes:`.
    #[error("Content-Digest must be sha-256=:base64 of 32 bytes:")]
    ContentDigest,
    /// The signature does not verify, or the key or the signature's point is of small order.
    #[error("the Ed25519 signature does not verify under the purchase's access key")]
    Invalid,
}

impl Parameters {
    /// The value of `@signature-params`, and of `Signature-Input` behind its label.
    #[must_use]
    pub fn to_value(&self) -> String {
        let components = if self.has_body {
            COMPONENTS_WITH_BODY
        } else {
            COMPONENTS
        };
        alloc::format!(
            "{components};created={};expires={};keyid=\"{:#x}\";nonce=\"{}\";alg=\"{}\";tag=\"{TAG}\"",
            self.created,
            self.expires,
            self.purchase.0,
            self.sequence,
            self.algorithm.name(),
        )
    }

    /// The `Signature-Input` field.
    #[must_use]
    pub fn to_field(&self) -> String {
        alloc::format!("{LABEL}={}", self.to_value())
    }

    /// Reads a `Signature-Input` field.
    ///
    /// # Errors
    /// When it is not byte for byte what [`Self::to_field`] would write.
    pub fn from_field(field: &str) -> Result<Self, ProfileError> {
        if field.len() > MAX_INPUT {
            return Err(ProfileError::Input("longer than 512 bytes"));
        }
        let value = field
            .strip_prefix("rampart=")
            .ok_or(ProfileError::Input("the label must be rampart"))?;
        Self::from_value(value)
    }

    /// Reads an `@signature-params` value.
    ///
    /// # Errors
    /// When it is not byte for byte what [`Self::to_value`] would write.
    pub fn from_value(value: &str) -> Result<Self, ProfileError> {
        let (has_body, rest) = if let Some(rest) = value.strip_prefix(COMPONENTS_WITH_BODY) {
            (true, rest)
        } else if let Some(rest) = value.strip_prefix(COMPONENTS) {
            (false, rest)
        } else {
            return Err(ProfileError::Input("covered components or their order"));
        };
        let (created, rest) = integer(rest, ";created=").ok_or(ProfileError::Input("created"))?;
        let (expires, rest) = integer(rest, ";expires=").ok_or(ProfileError::Input("expires"))?;
        let (keyid, rest) = quoted(rest, ";keyid=\"").ok_or(ProfileError::Input("keyid"))?;
        let (nonce, rest) = quoted(rest, ";nonce=\"").ok_or(ProfileError::Input("nonce"))?;
        let algorithm = match rest {
            ";alg=\"ed25519\";tag=\"rampart-v1\"" => Algorithm::Ed25519,
            ";alg=\"hmac-sha256\";tag=\"rampart-v1\"" => Algorithm::HmacSha256,
            _ => return Err(ProfileError::Input("alg or tag")),
        };
        let sequence = decimal(nonce)
            .filter(|n| *n > 0)
            .ok_or(ProfileError::Input("nonce"))?;
        let purchase = purchase_id(keyid).ok_or(ProfileError::Input("keyid"))?;
        Ok(Self {
            created,
            expires,
            purchase,
            sequence: Sequence(sequence),
            has_body,
            algorithm,
        })
    }

    /// The signature base (RFC 9421, section 2.5) of these parameters over a request.
    ///
    /// # Errors
    /// When the parameters cover a content digest and the request has none, or the reverse, and when a component holds
    /// anything but printable ASCII: with a line break in it, one request could be read as another.
    pub fn signature_base(&self, request: &RequestParts<'_>) -> Result<String, ProfileError> {
        if self.has_body != request.content_digest.is_some() {
            return Err(ProfileError::Input(
                "content-digest must be covered exactly when there is a body",
            ));
        }
        if !request.is_single_line() {
            return Err(ProfileError::Component);
        }
        let mut base = String::with_capacity(512);
        let lines = [
            ("@method", request.method),
            ("@authority", request.authority),
            ("@path", request.path),
        ];
        for (name, value) in lines {
            push_line(&mut base, name, "", value);
        }
        push_line(&mut base, "@query", "?", request.query);
        if let Some(digest) = request.content_digest {
            push_line(&mut base, "content-digest", "", digest);
        }
        base.push_str("\"@signature-params\": ");
        base.push_str(&self.to_value());
        Ok(base)
    }
}

fn push_line(base: &mut String, name: &str, prefix: &str, value: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(base, "\"{name}\": {prefix}{value}");
}

/// The parameters inside a signature base: how a ledger reads a voucher that only quotes the base.
///
/// # Errors
/// When the last line is not `@signature-params` in the profile's form.
pub fn parameters_of_base(base: &str) -> Result<Parameters, ProfileError> {
    let line = base.rsplit('\n').next().unwrap_or_default();
    let value = line
        .strip_prefix("\"@signature-params\": ")
        .ok_or(ProfileError::Input("no @signature-params line"))?;
    Parameters::from_value(value)
}

fn decimal(text: &str) -> Option<u64> {
    let canonical = !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'));
    if canonical { text.parse().ok() } else { None }
}

fn integer<'a>(text: &'a str, key: &str) -> Option<(u64, &'a str)> {
    let rest = text.strip_prefix(key)?;
    let end = rest.find(';')?;
    Some((decimal(&rest[..end])?, &rest[end..]))
}

fn quoted<'a>(text: &'a str, key: &str) -> Option<(&'a str, &'a str)> {
    text.strip_prefix(key)?.split_once('"')
}

fn purchase_id(text: &str) -> Option<PurchaseId> {
    let digits = text.strip_prefix("0x")?;
    let lower = digits.len() == 64 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if lower {
        digits.parse::<B256>().ok().map(PurchaseId)
    } else {
        None
    }
}

/// The `Content-Digest` field of a body (RFC 9530).
#[must_use]
pub fn content_digest(body: &[u8]) -> String {
    content_digest_of(&Sha256::digest(body).into())
}

/// The `Content-Digest` field of a body with this sha-256.
#[must_use]
pub fn content_digest_of(sha256: &[u8; 32]) -> String {
    alloc::format!("sha-256=:{}:", Base64::encode_string(sha256))
}

/// Reads a `Content-Digest` field into the sha-256 that it states.
///
/// # Errors
/// When it is not exactly one sha-256 in canonical base64.
pub fn parse_content_digest(field: &str) -> Result<[u8; 32], ProfileError> {
    byte_sequence(field, "sha-256=").ok_or(ProfileError::ContentDigest)
}

/// The `Signature` field of an Ed25519 signature or a MAC.
#[must_use]
pub fn signature_field<const N: usize>(signature: &[u8; N]) -> String {
    let mut field = LABEL.to_string();
    field.push_str("=:");
    field.push_str(&Base64::encode_string(signature));
    field.push(':');
    field
}

/// Reads a `Signature` field of `N` bytes: 64 of an Ed25519 signature, 32 of a MAC.
///
/// # Errors
/// When it is not exactly one signature of so many bytes in canonical base64.
pub fn parse_signature<const N: usize>(field: &str) -> Result<[u8; N], ProfileError> {
    byte_sequence(field, "rampart=").ok_or(ProfileError::Signature)
}

/// A structured-field byte sequence `:base64:` (RFC 8941) of exactly `N` bytes behind `key`.
fn byte_sequence<const N: usize>(field: &str, key: &str) -> Option<[u8; N]> {
    let encoded = field.strip_prefix(key)?.strip_prefix(':')?.strip_suffix(':')?;
    if encoded.len() > 4 * N.div_ceil(3) {
        return None;
    }
    let bytes: Vec<u8> = Base64::decode_vec(encoded).ok()?;
    bytes.try_into().ok()
}

/// Verifies an Ed25519 signature over a signature base by the rule of [`crate::ed25519`].
///
/// # Errors
/// [`ProfileError::Invalid`] when it does not hold.
pub fn verify(key: &AccessKey, base: &[u8], signature: &[u8; 64]) -> Result<(), ProfileError> {
    let signed = Signed {
        key,
        message: base,
        signature,
    };
    ed25519::verify(&signed)
        .then_some(())
        .ok_or(ProfileError::Invalid)
}
