//! Whether a claim may be looked at more closely: expiry, service, number, window, in this order; the proof comes after
//! them ([`crate::verifier`]).
//!
//! Pure. The window is looked at before the curve, since a replay must cost little; the meter marks the number as used
//! afterwards, and is the one that decides among requests that arrive together.

use crate::claim::Claim;
use crate::meter::UseError;
use crate::refusal::{Refusal, Refused};
use crate::window::Replay;
use rampart_protocol::{PurchaseRecord, ServiceId, Timestamp};

/// Checks a claim against its purchase. `window` is what the meter says about the claim's sequence number, `service` the one
/// that is asked for, unless the request is about the purchase itself.
///
/// # Errors
/// The first refusal that applies.
pub fn check(
    claim: &Claim,
    record: &PurchaseRecord,
    window: Result<(), Replay>,
    service: Option<ServiceId>,
    now: Timestamp,
) -> Result<(), Refused> {
    if now >= record.expires_at {
        return Err(Refusal::Expired.into());
    }
    if service.is_some_and(|service| record.service != service) {
        return Err(Refusal::WrongService.into());
    }
    if claim.parameters.sequence.0 > record.requests {
        return Err(Refusal::Exhausted.into());
    }
    window.map_err(replayed)
}

/// The refusal of a use that the meter does not take.
#[must_use]
pub fn unusable(error: UseError) -> Refused {
    match error {
        UseError::Replay(replay) => replayed(replay),
        UseError::Unknown => Refusal::UnknownPurchase.into(),
        UseError::NoBlock => Refusal::UnknownBlock.into(),
        UseError::Meter(error) => {
            tracing::error!(%error, "a use could not be recorded");
            Refusal::MeterUnavailable.into()
        }
    }
}

/// The refusal of a sequence number that the window does not take.
fn replayed(replay: Replay) -> Refused {
    Refusal::Replayed.because(replay.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::claim::Proof;
    use rampart_protocol::http_signature::{Algorithm, Parameters};
    use rampart_protocol::{AccessKey, Address, Amount, B256, Bytes, ProviderId, PurchaseId, Sequence};

    fn record() -> PurchaseRecord {
        PurchaseRecord {
            id: PurchaseId(B256::repeat_byte(1)),
            consumer: Address::ZERO,
            provider: ProviderId(1),
            service: ServiceId(2),
            version: 1,
            fee: Amount::TOKEN,
            requests: 10,
            access_key: AccessKey(B256::ZERO),
            purchased_at: Timestamp(0),
            expires_at: Timestamp(100),
        }
    }

    fn claim(sequence: u64) -> Claim {
        Claim {
            parameters: Parameters {
                created: 1,
                expires: 2,
                purchase: record().id,
                sequence: Sequence(sequence),
                has_body: false,
                algorithm: Algorithm::Ed25519,
            },
            base: Bytes::new(),
            proof: Proof::Signature([0; 64]),
            body_sha256: None,
        }
    }

    #[test]
    fn the_first_of_several_reasons_is_the_answer() {
        let (ours, other) = (Some(ServiceId(2)), Some(ServiceId(3)));
        let (seen, below) = (Err(Replay::Seen), Err(Replay::Below));
        let (before, after) = (Timestamp(99), Timestamp(100));
        let cases = [
            (10, Ok(()), ours, before, None),
            (10, Ok(()), None, before, None),
            (10, seen, ours, before, Some(Refusal::Replayed)),
            (10, below, ours, before, Some(Refusal::Replayed)),
            (11, seen, ours, before, Some(Refusal::Exhausted)),
            (11, seen, other, before, Some(Refusal::WrongService)),
            (11, seen, other, after, Some(Refusal::Expired)),
        ];
        for (sequence, window, service, now, expected) in cases {
            let answer = check(&claim(sequence), &record(), window, service, now)
                .err()
                .map(|refused| refused.refusal);
            assert_eq!(answer, expected);
        }
    }
}
