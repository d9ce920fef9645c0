//! Which header fields cross the sidecar, in either direction.
//!
//! Hop-by-hop fields end here (RFC 9110, section 7.6.1), and so do the token and everything named `Rampart-*`: the
//! upstream may believe those that the sidecar adds. Names are compared with `_` read as `-`, since many servers do.

use crate::refusal::{Refusal, Refused};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use rampart_protocol::PurchaseRecord;

/// Added for the upstream: the purchase.
pub const PURCHASE: HeaderName = HeaderName::from_static("rampart-purchase");
/// Added for the upstream: the consumer's address.
pub const CONSUMER: HeaderName = HeaderName::from_static("rampart-consumer");
/// Added for the consumer: `n/N`, authorised so far of those bought.
pub const USED: HeaderName = HeaderName::from_static("rampart-used");
/// Added for the consumer: the code of a refusal.
pub const REFUSAL: HeaderName = HeaderName::from_static("rampart-refusal");
/// From the consumer: a confirmation.
pub const CONFIRMATION: HeaderName = HeaderName::from_static("rampart-confirmation");

const HOP_BY_HOP: [&str; 10] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

const TOKEN: [&str; 3] = ["signature", "signature-input", "accept-signature"];

/// Checks that a body is framed in a way that is undone here: by its length, or by chunks alone. The HTTP library looks at the last
/// coding only, and the vendor would get the others' output for the body.
///
/// # Errors
/// [`Refusal::BadRequest`].
pub fn check_coding(headers: &HeaderMap) -> Result<(), Refused> {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(Refusal::BadRequest.because("chunked is the only transfer coding")),
    }
}

/// Turns the consumer's request header into the one for the upstream, which learns the purchase, if one paid for it.
pub fn to_upstream(headers: &mut HeaderMap, host: &HeaderValue, record: Option<&PurchaseRecord>) {
    remove(headers, |name| {
        TOKEN.contains(&name) || matches!(name, "host" | "content-length" | "expect")
    });
    headers.insert(header::HOST, host.clone());
    if let Some(record) = record {
        headers.insert(PURCHASE, visible(&format!("{:#x}", record.id.0)));
        // In lower case: the mixed case of EIP-55 costs a hash for each request.
        headers.insert(CONSUMER, visible(&format!("{:#x}", record.consumer)));
    }
}

/// Turns the upstream's response header into the one for the consumer.
pub fn to_consumer(headers: &mut HeaderMap, authorised: u64, bought: u64) {
    remove(headers, |_| false);
    headers.insert(USED, visible(&format!("{authorised}/{bought}")));
}

fn remove(headers: &mut HeaderMap, also: impl Fn(&str) -> bool) {
    let named: Vec<String> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let is_ours =
        |dashed: &str| HOP_BY_HOP.contains(&dashed) || dashed.starts_with("rampart-") || also(dashed);
    let gone: Vec<HeaderName> = headers
        .keys()
        .filter(|name| {
            let name = name.as_str();
            let ours = if name.contains('_') {
                is_ours(&name.replace('_', "-"))
            } else {
                is_ours(name)
            };
            ours || named.iter().any(|hop| hop == name)
        })
        .cloned()
        .collect();
    for name in gone {
        headers.remove(name);
    }
}

/// A value made of digits, hex and slashes.
pub(crate) fn visible(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("callers pass visible ASCII only")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rampart_protocol::{AccessKey, Address, Amount, B256, ProviderId, PurchaseId, ServiceId, Timestamp};

    fn record() -> PurchaseRecord {
        PurchaseRecord {
            id: PurchaseId(B256::repeat_byte(1)),
            consumer: Address::repeat_byte(2),
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

    fn map(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        fields
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn the_upstream_gets_neither_token_nor_hop_by_hop_nor_forged_fields() {
        let mut headers = map(&[
            ("host", "public.example"),
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("transfer-encoding", "chunked"),
            ("content-length", "5"),
            ("expect", "100-continue"),
            ("signature", "a"),
            ("signature-input", "b"),
            ("rampart-purchase", "forged"),
            ("rampart_consumer", "forged"),
            ("rampart-confirmation", ":AA==:"),
            ("content-digest", "sha-256=:x:"),
            ("accept", "*/*"),
        ]);
        to_upstream(&mut headers, &HeaderValue::from_static("up:1"), Some(&record()));
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "accept",
                "content-digest",
                "host",
                "rampart-consumer",
                "rampart-purchase"
            ]
        );
        assert_eq!(headers["host"], "up:1");
        assert_eq!(headers["rampart-purchase"].len(), 66);
    }

    #[test]
    fn no_connection_field_can_take_away_what_the_sidecar_adds() {
        let mut headers = map(&[("connection", "rampart-purchase, host, rampart-consumer")]);
        to_upstream(&mut headers, &HeaderValue::from_static("up"), Some(&record()));
        assert!(
            headers.contains_key(PURCHASE) && headers.contains_key(CONSUMER) && headers.contains_key("host")
        );
        let mut headers = map(&[("connection", "rampart-used"), ("rampart-used", "0/10")]);
        to_consumer(&mut headers, 3, 10);
        assert_eq!(headers[USED], "3/10");
        assert_eq!(headers.len(), 1);
    }
}
