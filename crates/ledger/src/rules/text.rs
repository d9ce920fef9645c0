//! Texts that people are shown, and endpoints.

use crate::reject::Reject;

/// A text that people are shown: not empty, no control characters but line ends where `lines` are permitted, and no
/// characters that change the direction of writing (Unicode UAX #9), with which a name can pass for another.
pub(super) fn check_text(what: &'static str, text: &str, lines: bool) -> Result<(), Reject> {
    let turns = |c| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let shown = |c: char| (!c.is_control() || (lines && c == '\n')) && !turns(c);
    if text.trim().is_empty() || !text.chars().all(shown) {
        Err(Reject::BadText { what })
    } else {
        Ok(())
    }
}

/// An HTTP URL in printable ASCII (RFC 3986 permits no more). That it answers is nothing that a ledger can know.
pub(super) fn check_endpoint(endpoint: &str) -> Result<(), Reject> {
    let rest = endpoint
        .strip_prefix("https://")
        .or_else(|| endpoint.strip_prefix("http://"));
    match rest {
        Some(rest) if !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(()),
        _ => Err(Reject::BadEndpoint {}),
    }
}
