//! Whether a claim holds against the purchase that it names: expiry, service, number, window, signature, in this order.
//!
//! Pure. The window is looked at before the curve, since a replay must cost little; the meter marks the number as used
//! afterwards, and is the one that decides among requests that arrive together.

use crate::claim::Claim;
use crate::refusal::{Refusal, Refused};
use crate::window::Replay;
use rampart_protocol::{PurchaseRecord, ServiceId, Timestamp, http_signature};

/// Checks a claim against its purchase. `window` is what the meter says about the claim's sequence number.
///
/// # Errors
/// The first refusal that applies.
pub fn check(
    claim: &Claim,
    record: &PurchaseRecord,
    window: Result<(), Replay>,
    service: ServiceId,
    now: Timestamp,
) -> Result<(), Refused> {
    if now >= record.expires_at {
        return Err(Refusal::Expired.into());
    }
    if record.service != service {
        return Err(Refusal::WrongService.into());
    }
    if claim.parameters.sequence.0 > record.requests {
        return Err(Refusal::Exhausted.into());
    }
    window.map_err(replayed)?;
    http_signature::verify(&record.access_key, claim.base.as_bytes(), &claim.signature)
        .map_err(|_| Refusal::BadSignature.into())
}

/// The refusal of a sequence number that the window does not take.
#[must_use]
pub fn replayed(replay: Replay) -> Refused {
    Refusal::Replayed.because(replay.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use ed25519_dalek::{Signer, SigningKey};
    use rampart_protocol::http_signature::{Parameters, RequestParts};
    use rampart_protocol::{AccessKey, Address, Amount, B256, ProviderId, PurchaseId, Sequence};

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[9; 32])
    }

    fn record() -> PurchaseRecord {
        PurchaseRecord {
            id: PurchaseId(B256::repeat_byte(1)),
            consumer: Address::ZERO,
            provider: ProviderId(1),
            service: ServiceId(2),
            version: 1,
            fee: Amount::TOKEN,
            requests: 10,
            access_key: AccessKey(B256::from(key().verifying_key().to_bytes())),
            purchased_at: Timestamp(0),
            expires_at: Timestamp(100),
        }
    }

    fn claim(sequence: u64) -> Claim {
        let parameters = Parameters {
            created: 1,
            expires: 2,
            purchase: record().id,
            sequence: Sequence(sequence),
            has_body: false,
        };
        let request = RequestParts {
            method: "GET",
            authority: "a.example",
            path: "/",
            query: "",
            content_digest: None,
        };
        let base = parameters.signature_base(&request).unwrap();
        let signature = key().sign(base.as_bytes()).to_bytes();
        Claim {
            parameters,
            base,
            signature,
            body_sha256: None,
        }
    }

    #[test]
    fn the_first_of_several_reasons_is_the_answer() {
        let (good, ours, seen) = (claim(10), ServiceId(2), Err(Replay::Seen));
        let mut forged = claim(10);
        forged.signature[0] ^= 1;
        let before = Timestamp(99);
        let after = Timestamp(100);
        let cases = [
            (&good, Ok(()), ours, before, None),
            (&forged, Ok(()), ours, before, Some(Refusal::BadSignature)),
            (&forged, seen, ours, before, Some(Refusal::Replayed)),
            (&forged, Err(Replay::Below), ours, before, Some(Refusal::Replayed)),
            (&claim(11), seen, ours, before, Some(Refusal::Exhausted)),
            (
                &claim(11),
                seen,
                ServiceId(3),
                before,
                Some(Refusal::WrongService),
            ),
            (&claim(11), seen, ServiceId(3), after, Some(Refusal::Expired)),
        ];
        for (claim, window, service, now, expected) in cases {
            let answer = check(claim, &record(), window, service, now)
                .err()
                .map(|refused| refused.refusal);
            assert_eq!(answer, expected);
        }
    }
}
