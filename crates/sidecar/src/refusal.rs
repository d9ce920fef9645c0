//! Every reason for which the sidecar does not serve a request, in order of precedence: when several apply, the first
//! one is the answer. Each has its own status and code, in the body and in the header `Rampart-Refusal`.

use std::borrow::Cow;

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident $status:literal $code:literal $message:literal,)+) => {
        /// Why a request is not served.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Refusal { $($(#[$doc])* $name,)+ }

        impl Refusal {
            /// All, in order of precedence.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The HTTP status.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)+ }
            }

            /// The stable code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// A sentence for a person.
            #[must_use]
            pub const fn message(self) -> &'static str {
                match self { $(Self::$name => $message,)+ }
            }
        }
    };
}

refusals! {
    /// The target, method or headers are outside what the sidecar takes at all.
    BadRequest 400 "bad_request" "the request is malformed",
    /// The `Host` is not the authority that this sidecar answers for (RFC 9110, section 7.4).
    WrongAuthority 421 "wrong_authority" "this sidecar does not answer for that host",
    /// No service is offered at this path.
    UnknownPath 404 "unknown_path" "no service is offered at this path",
    /// There is no token; the body is the offer (x402).
    PaymentRequired 402 "payment_required" "buy a package of this service and sign the request with its access key",
    /// The signature fields are not in the profile's one form.
    BadSignatureInput 401 "bad_signature_input" "the signature fields are not in the rampart-v1 profile",
    /// The signature was made too early or too late, or would live too long.
    StaleSignature 401 "stale_signature" "the signature's created and expires do not cover this moment",
    /// The body is larger than this sidecar takes.
    TooLarge 413 "too_large" "the body is too large",
    /// The target is so long that the signature could not be reported as a voucher.
    TargetTooLong 414 "target_too_long" "path and query are too long",
    /// The confirmation cannot be read, or is for another purchase than the request.
    BadConfirmation 400 "bad_confirmation" "the confirmation cannot be read",
    /// The purchase was made from another provider.
    WrongProvider 403 "wrong_provider" "the purchase is for another provider",
    /// The confirmation is not certified by the operators.
    UnprovenConfirmation 403 "unproven_confirmation" "the confirmation is not certified by the operators",
    /// The purchase is not known here; send its confirmation.
    UnknownPurchase 404 "unknown_purchase" "the purchase is not known here; send its confirmation",
    /// The right to consume has ended.
    Expired 410 "expired" "the purchase has expired",
    /// The purchase is for another service of this provider.
    WrongService 403 "wrong_service" "the purchase is for another service",
    /// The package has fewer requests than the sequence number says.
    Exhausted 429 "exhausted" "all requests of the package are used",
    /// The sequence number was used.
    Replayed 409 "replayed" "this sequence number was used",
    /// No open block has the number of a request by `hmac-sha256`.
    UnknownBlock 409 "unknown_block" "no open block has this sequence number; open one, or sign the request by ed25519",
    /// The signature does not verify.
    BadSignature 401 "bad_signature" "the signature does not verify under the purchase's access key, or the MAC under the block's",
    /// More requests a second than this sidecar serves for one purchase.
    RateLimited 429 "rate_limited" "too many requests a second for one purchase",
    /// The body did not arrive in time.
    SlowBody 408 "slow_body" "the body did not arrive in time",
    /// The body is not the one that was signed.
    DigestMismatch 400 "digest_mismatch" "the body does not match its Content-Digest",
    /// The body of a request for a block is not one.
    BadBlock 400 "bad_block" "the body does not ask for a block of sequence numbers",
    /// The use cannot be recorded, so nothing is served.
    MeterUnavailable 503 "meter_unavailable" "usage cannot be recorded at the moment",
    /// The vendor's API did not answer, or not in HTTP; the request does not count.
    Upstream 502 "upstream" "the provider's API failed before it answered; the request does not count",
    /// The vendor's API took too long; the request does not count.
    UpstreamTimeout 504 "upstream_timeout" "the provider's API did not answer in time; the request does not count",
}

impl Refusal {
    /// This refusal, with the message that a person gets instead of the usual one.
    #[must_use]
    pub fn because(self, message: impl Into<Cow<'static, str>>) -> Refused {
        Refused {
            refusal: self,
            message: message.into(),
        }
    }
}

/// A refusal and its message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", refusal.code())]
pub struct Refused {
    /// Which.
    pub refusal: Refusal,
    /// For a person.
    pub message: Cow<'static, str>,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        refusal.because(refusal.message())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_refusal_has_its_own_code_and_an_error_status() {
        let codes: BTreeSet<_> = Refusal::ALL.iter().map(|refusal| refusal.code()).collect();
        assert_eq!(codes.len(), Refusal::ALL.len());
        assert!(
            Refusal::ALL
                .iter()
                .all(|refusal| (400..600).contains(&refusal.status()))
        );
    }

    #[test]
    fn the_readme_lists_every_refusal_in_order() {
        let readme = include_str!("../README.md");
        let rows: Vec<&str> = readme.lines().filter(|line| line.contains(" | `")).collect();
        let expected = Refusal::ALL
            .iter()
            .map(|refusal| format!("| {} | `{}` |", refusal.status(), refusal.code()));
        for (row, expected) in rows.iter().zip(expected) {
            assert!(row.starts_with(&expected), "{row} instead of {expected}");
        }
        assert_eq!(rows.len(), Refusal::ALL.len());
    }

    #[test]
    fn precedence_is_the_order_of_the_list() {
        assert!(Refusal::ALL.is_sorted());
        assert!(Refusal::Expired < Refusal::Exhausted && Refusal::Exhausted < Refusal::Replayed);
        assert!(
            Refusal::Replayed < Refusal::BadSignature,
            "the window is checked before the curve"
        );
    }
}
