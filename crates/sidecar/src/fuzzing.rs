//! The private decoders of what consumers send, for the fuzz targets (`crates/fuzz`). No part of the API.

use hyper::header::{HeaderMap, HeaderValue};
use rampart_protocol::PurchaseRecord;

/// The bytes of a `Rampart-Confirmation` field.
#[must_use]
pub fn confirmation_field(field: &str) -> Option<Vec<u8>> {
    crate::confirmations::from_field(field).ok()
}

/// A request's header, turned into the one for the upstream.
pub fn to_upstream(headers: &mut HeaderMap, record: &PurchaseRecord) {
    crate::headers::to_upstream(headers, &HeaderValue::from_static("upstream"), Some(record));
}
